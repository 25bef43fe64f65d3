#!/bin/bash
# The zoo: short programs that learn. zoo/zoo.txt has a line for each: the measure (a report's name; its last value in
# an eval, or in the means of an epoch, counts), the bound, and the option that takes the mechanism out. The program
# reaches the bound with seeds 1, 2, 3; without its mechanism it does with none. `# data: FOLDER` in a program's first
# lines is for --data, from the project's root.
#   NNC_ZOO="gan rbf"   these only
#   NNC_ZOO_STEPS=5     the first steps in f64 by the interpreter too: it logs the same numbers
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
zoo=$PROJECT_DIR/tests/run/zoo
command -v gcc >/dev/null || { echo "SKIP zoo: gcc is not installed"; exit 77; }

compile() { "$NNC" -O1 "$1" -o "$2" "${@:3}" >compile.log 2>&1 || { fail "$name: nnc ${*:3}"; cat compile.log; return 1; }; }

# The measure's last value of one run, or `diverged`.
measured() { # PROGRAM MEASURE SEED
    local code value
    "$1" train --data "$data" --out out --seed "$3" --json >run.log 2>run.err
    code=$?
    value=$(grep -E '"event":"(epoch|eval)"' run.log | grep -oE "\"$2\":[^,}]*" | tail -n 1 | cut -d: -f2)
    if [ $code = 4 ] || [ "$value" = null ]; then
        echo diverged
    elif [ $code != 0 ] || [ -z "$value" ]; then
        { echo "exit code $code, $2: $value"; cat run.err; } >failed
    else
        echo "$value"
    fi
}

reaches() { [ "$1" != diverged ] && awk "BEGIN { exit !($1 $2 $3) }"; }

same_as_interpreted() {
    compile "$model" f64 --real=f64 || return
    ./f64 train --data "$data" --out out --seed 1 --steps "$NNC_ZOO_STEPS" --json >f64.log || fail "$name: f64"
    "$NNC" --interpret --real=f64 "$model" -- train --data "$data" --out out --seed 1 --steps "$NNC_ZOO_STEPS" --json >interpreted.log ||
        fail "$name: --interpret"
    paste -d'\n' f64.log interpreted.log | awk -F '[,:}]' '
        NR % 2 { n = split($0, f, FS); next }
        { bad = bad || n != NF
          for (i = 1; i <= NF; i++) if (f[i] != $i && !((f[i] - $i) ^ 2 <= 1e-16 * (1 + $i ^ 2))) { bad = 1; print f[i - 1] ": " f[i] ", interpreted " $i } }
        END { exit bad || !NR }' || fail "$name: the interpreter logs other numbers"
}

# CPU seconds of what this shell has run so far.
cpu() { times >times; awk -F '[ms ]+' 'NR == 2 { print 60 * $1 + $2 + 60 * $3 + $4 }' times; }
short() { local v; for v in "$@"; do [[ $v =~ ^[-0-9] ]] && printf '%.3g ' "$v" || printf '%s ' "$v"; done; }

one() { # NAME MEASURE COMPARISON BOUND OPTIONS…
    local name=$1 measure=$2 comparison=$3 bound=$4 model=$zoo/$1.nn data seed value with=() without=()
    shift 4
    data=$PROJECT_DIR/$(sed -n 's/^# data: *//p' "$model")
    failures=0
    compile "$model" with && compile "$model" without "$@" || return 1
    cpu >middle
    for seed in 1 2 3; do
        value=$(measured ./with "$measure" $seed)
        reaches "${value:-diverged}" "$comparison" "$bound" || fail "$name: seed $seed: not $measure $comparison $bound"
        with+=("${value:-?}")
        value=$(measured ./without "$measure" $seed)
        ! reaches "${value:-diverged}" "$comparison" "$bound" || fail "$name $*: seed $seed: $measure $comparison $bound as well"
        without+=("${value:-?}")
        [ ! -e failed ] || { fail "$name: seed $seed"; cat failed; break; }
    done
    cpu >end
    printf '%-18s %-10s %-9s %-24s %-24s %-24s %5.1f s + %4.1f s\n' "$name" "$measure" "$comparison $bound" "$(short "${with[@]}")" \
        "$*" "$(short "${without[@]}")" "$(cat middle)" "$(awk 'NR == FNR { m = $1; next } { print $1 - m }' middle end)"
    [ "${NNC_ZOO_STEPS:-0}" = 0 ] || same_as_interpreted
    return $failures
}

# Every program has a line in the table, and is laid out; half of them have 40 lines at most, comments not counted.
mapfile -t cases < <(grep -v '^#' "$zoo/zoo.txt" | sort)
for model in "$zoo"/*.nn; do
    grep -qE "^$(basename "$model" .nn) " "$zoo/zoo.txt" || fail "zoo.txt has no line for $(basename "$model")"
    "$NNC" fmt <"$model" | grep -cvE '^ *(#|$)'
done | sort -n >lines
nnc fmt --check "$zoo"/*.nn || fail "programs to be laid out by nnc fmt"
median=$(sed -n "$((($(wc -l <lines) + 1) / 2))p" lines)
echo "${#cases[@]} programs, lines: median $median, $(tail -n 1 lines) at most"
[ "$median" -le 40 ] || fail "the median of the programs' lines is $median, more than 40"

printf '%-18s %-10s %-9s %-24s %-24s %-24s %s\n' program measure bound 'seeds 1, 2, 3' without 'seeds 1, 2, 3' 'compiled + run, CPU'
number=0 running=0
for line in "${cases[@]}"; do
    read -ra words <<<"$line"
    [[ -z "${NNC_ZOO:-}" || " $NNC_ZOO " == *" ${words[0]} "* ]] || continue
    number=$((number + 1))
    mkdir -p $number
    (cd $number && one "${words[@]}") >$number.log 2>&1 || touch $number.failed &
    [ $((++running)) -lt 2 ] || { wait -n; running=$((running - 1)); }
done
wait
[ $number -gt 0 ] || fail "no program of that name"
for ((i = 1; i <= number; i++)); do
    cat $i.log
    [ ! -e $i.failed ] || failures=$((failures + 1))
done
done_testing
