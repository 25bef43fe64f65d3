#!/bin/bash
# Every sample's text under AddressSanitizer and UBSan, gcc and clang: its steps (samples/README.md, 50 if it
# names none) and its evals, if it has any, run without a word, and the weights are those of a plain build, to the bit. At -O0,
# and by clang at -O3 too (gcc takes minutes there); a sample that names fewer steps is large, and its text is compiled at
# -O0 alone. The host runtime is compiled once for each compiler.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
. "$PROJECT_DIR/tests/sample.sh"
cd "$work" || exit 1
runtime=$PROJECT_DIR/runtime
flags=(-g -fsanitize=address,undefined -fno-sanitize-recover=all -I "$runtime/core" -I "$runtime/host")
compilers=()
for cc in gcc clang; do
    if ! command -v $cc >/dev/null; then
        echo "SKIP sanitized programs with $cc: it is not installed"
    elif ! echo 'int main(void) { return 0; }' | $cc -xc -fsanitize=address,undefined - -o probe 2>/dev/null || ! ./probe; then
        echo "SKIP sanitized programs with $cc: it has no sanitizer runtime"
    else
        compilers+=($cc)
        mkdir host_$cc && (cd host_$cc && $cc -O0 "${flags[@]}" -c "$runtime"/host/nn_*.c) || exit 1
    fi
done
[ ${#compilers[@]} -gt 0 ] || exit 77

one() {  # NAME
    local name=$1 data steps levels cc level
    data=$(sample_data "$name")
    read -ra steps <<<"$(sample_line "$name" train "--steps 50")"
    sample_model "$name" "$name.nn"
    nnc -S "$name.nn" -o "$name.c" || { fail "nnc -S $name"; return; }
    nnc -O1 --cpu=baseline "$name.nn" -o "$name" && "./$name" train --data "$data" --out out "${steps[@]}" --quiet --save plain ||
        { fail "$name, plain"; return; }
    for cc in "${compilers[@]}"; do
        levels=(-O0)
        [ $cc != clang ] || [ -n "$(sample_lines "$name" train)" ] || levels+=(-O3)
        for level in "${levels[@]}"; do
            $cc $level "${flags[@]}" "$name.c" ../host_$cc/*.o -o san -lm ||
                { fail "$cc $level $name.c"; continue; }
            program ./san train --data "$data" --out out "${steps[@]}" --quiet --save sanitized || fail "$name: $cc $level, train"
            cmp plain sanitized || fail "$name: $cc $level saves other weights"
            if grep -qE '^ *eval ' "$PROJECT_DIR/samples/$name/$name.nn"; then
                program ./san eval --data "$data" --weights sanitized --quiet || fail "$name: $cc $level, eval"
            fi
            program ./san info >/dev/null || fail "$name: $cc $level, info"
        done
    done
    true
}
for_each_sample one
done_testing
