#!/bin/bash
# Every tests/programs/*.nn, with -fchecks: `nnc check` has nothing to say; the emitted C does what the interpreter does, in f64 over
# the first 50 steps of every loop and in f32 step by step; the interpreter run by nnc itself logs the same numbers,
# and every report named `zero…` is zero; gcc and clang find nothing in the text; and it runs under AddressSanitizer
# and UBSan. A program's first lines may hold
#   # data: FOLDER    for --data, from the project's root (default: tests/programs/data)
#   # args: …         more arguments of `train`
#   # f32: TOLERANCE  where sums that cancel lose digits (default: that of tests/tolerance.h)
#   # predict: …      arguments of `predict`, files below tests/programs/data
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
programs=${NNC_PROGRAMS:-$PROJECT_DIR/tests/programs/*.nn}
runtime=$PROJECT_DIR/runtime
include=(-I "$runtime/core" -I "$runtime/host")
strict=(-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Wstrict-prototypes -Werror)
command -v gcc >/dev/null || { echo "SKIP programs: gcc is not installed"; exit 77; }
clang=clang
command -v clang >/dev/null || { echo "SKIP programs with clang: it is not installed"; clang=; }
mkdir -p logs host
(cd host && gcc -O0 -g -fsanitize=address,undefined -fno-sanitize-recover=all "${include[@]}" -c "$runtime"/host/nn_*.c) || exit 1

# Numbers of two logs, as text: equal to TOLERANCE of the larger one, or both that small.
same_numbers() {
    awk -v tolerance="$3" -F '[][,:} ]' '
        function abs(x) { return x < 0 ? -x : x }
        NR == FNR { line[NR] = $0; lines = NR; next }
        { n = split(line[FNR], f, FS)
          if (n != NF) { print "lines " FNR " differ in form"; exit bad = 1 }
          for (i = 1; i <= NF; i++) if ($i != f[i]) {
              scale = abs($i) > abs(f[i]) ? abs($i) : abs(f[i])
              if ($i !~ /^-?[0-9.e+-]+$/ || abs($i - f[i]) > tolerance * (scale > 1 ? scale : 1)) { print "line " FNR ": " $(i - 1) " " f[i] ", " $i; exit bad = 1 } } }
        END { if (!bad && FNR != lines) { print lines " lines, " FNR " lines"; bad = 1 } exit bad }' "$1" "$2"
}

shared_object() {  # C SO COMPILER FLAGS…
    local c=$1 so=$2
    shift 2
    { sed 's/^int main(int argc.*//' "$c"; echo 'const nn_model *test_model(void); const nn_model *test_model(void) { return &model; }'; } >"$so.c"
    "$@" "${strict[@]}" -shared -fPIC "${include[@]}" "$so.c" -o "$so" -lm
}

one() {  # MODEL
    local model=$1 name data args tolerance real steps cc level sanitize=() code
    name=$(basename "$model" .nn)
    data=$(sed -n 's/^# data: *//p' "$model")
    data=$PROJECT_DIR/${data:-tests/programs/data}
    read -ra args <<<"$(sed -n 's/^# args: *//p' "$model")"
    tolerance=$(sed -n 's/^# f32: *//p' "$model")
    failures=0
    mkdir -p "$name" && cd "$name" || exit 1
    # A sanitized nnc has its runtime in the process, so the object has it too.
    [ "$NNC_SANITIZE" != ON ] || sanitize=(-fsanitize=address,undefined)
    [ -z "$("$NNC" check -fchecks "$model" 2>&1)" ] || { fail "$name: nnc check"; "$NNC" check -fchecks "$model"; }
    for real in f64 f32; do
        [ $real = f64 ] && { steps=50 cc=${clang:-gcc} level=-O0; } || { steps=10 cc=gcc level=-O1; }
        "$NNC" -S -fchecks --real=$real "$model" -o $real.c || { fail "$name: nnc -S --real=$real"; return 1; }
        shared_object $real.c ./$real.so $cc $level "${sanitize[@]}" || fail "$name: $real does not compile without a warning"
        NNC_TOLERANCE_F32=$tolerance "$BUILD_DIR/tests/equivalence" "$model" $real ./$real.so train --data "$data" --out out --steps $steps "${args[@]}" --json >$real.log 2>&1
        code=$?
        grep -v '"event"' $real.log
        [ $code = 0 ] || fail "$name: $real, C and interpreter differ"
        grep '"event"' $real.log >$real.json
    done
    "$NNC" --interpret --real=f64 "$model" -- train --data "$data" --out out_i --steps 50 "${args[@]}" --json >interpreted.json || fail "$name: --interpret"
    same_numbers f64.json interpreted.json 1e-10 || fail "$name: logs differ"
    grep -oE '"zero_?[a-z0-9_]*":[^,}]*' interpreted.json | awk -F: '$2 == "null" || $2 > 1e-9 || $2 < -1e-9 { print; bad = 1 } END { exit bad }' ||
        fail "$name: not zero"
    # At -O0, where every access stands as it is written and the compiler takes a fifth of the time.
    gcc -O0 -g -w -fsanitize=address,undefined -fno-sanitize-recover=all "${include[@]}" f32.c ../host/*.o -o sanitized -lm || fail "$name: does not link"
    ./sanitized train --data "$data" --out out --steps 4 "${args[@]}" --quiet --save w.safetensors || fail "$name: under sanitizers, train"
    while read -ra args; do
        (cd "$PROJECT_DIR/tests/programs/data" && "$OLDPWD/sanitized" predict "${args[@]}" --weights "$OLDPWD/w.safetensors") >f32.txt ||
            fail "$name: under sanitizers, predict ${args[*]}"
        (cd "$PROJECT_DIR/tests/programs/data" && "$NNC" --interpret "$model" -- predict "${args[@]}" --weights "$OLDPWD/w.safetensors") >f32_interpreted.txt
        same_numbers f32.txt f32_interpreted.txt 1e-5 || fail "$name: predict ${args[*]} differs"
    done < <(sed -n 's/^# predict: *//p' "$model")
    return $failures
}

running=0
for model in $programs; do
    (one "$model") >"logs/$(basename "$model" .nn)" 2>&1 || touch "logs/$(basename "$model" .nn).failed" &
    [ $((++running)) -lt 2 ] || { wait -n; running=$((running - 1)); }
done
wait
for log in logs/*; do
    [[ $log == *.failed ]] && continue
    echo "== $(basename "$log")"
    cat "$log"
    [ ! -e "$log.failed" ] || failures=$((failures + 1))
done
done_testing
