#!/bin/bash
# Every sample: one standalone C file, compiled outside the project with libm alone, trains; what it saves is the
# same to the bit for gcc and clang, -O0 and -O2, and on a second run. Its text draws no warning.
# And the samples learn what their READMEs say.
. "$PROJECT_DIR/tests/lib.sh"
cd "$work" || exit 1
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Wstrict-prototypes -Werror"
compilers=(gcc)
command -v gcc >/dev/null || { echo "SKIP samples: gcc is not installed"; exit 77; }
if command -v clang >/dev/null; then compilers+=(clang); else echo "SKIP samples with clang: it is not installed"; fi

data_of() { if [ -d "$1/data" ]; then echo "$1/data"; else echo "$1"; fi; }

for sample in "$PROJECT_DIR"/samples/*/; do
    sample=${sample%/}
    name=$(basename "$sample")
    nnc -S --standalone "$sample/$name.nn" -o "$name.c" || { fail "nnc -S $name"; continue; }
    nnc -S "$sample/$name.nn" -o "${name}_model.c" || fail "nnc -S $name"
    first=
    for cc in "${compilers[@]}"; do
        # shellcheck disable=SC2086
        $cc -std=c99 $strict -O2 -I "$PROJECT_DIR/runtime/core" -I "$PROJECT_DIR/runtime/host" -c "${name}_model.c" \
            -o /dev/null || fail "$cc warns about $name"
        for level in -O0 -O2; do
            $cc $level "$name.c" -o "$name.$cc$level" -lm || { fail "$cc $level $name.c"; continue; }
            for again in 1 2; do
                weights=$name.$cc$level.$again
                program "./$name.$cc$level" train --data "$(data_of "$sample")" --out out --epochs 3 --seed 7 --quiet \
                    --save "$weights" || fail "$name.$cc$level train"
                first=${first:-$weights}
                cmp "$first" "$weights" || fail "$weights is not $first"
            done
        done
    done
done

# MODEL DATA ACCURACY: the median test accuracy over seeds 1, 2, 3.
median() {
    local seed
    for seed in 1 2 3; do
        program "./$1" train --data "$2" --out "out$seed" --seed $seed --json | sed -n 's/.*"event":"eval".*"acc":\([0-9.e+-]*\).*/\1/p' | tail -n 1
    done | sort -g | sed -n 2p
}
at_least() { awk "BEGIN { exit !($1 + 0 >= $2) }" || fail "$3: $1, not $2"; }

for name in digits iris xor; do nnc "$PROJECT_DIR/samples/$name/$name.nn" -o $name --cpu=baseline || fail "nnc $name"; done
accuracy=$(median digits "$PROJECT_DIR/samples/digits/data")
echo "digits: median test accuracy $accuracy"
at_least "$accuracy" 0.965 "digits"
accuracy=$(median iris "$PROJECT_DIR/samples/iris")
echo "iris: median test accuracy $accuracy"
at_least "$accuracy" 0.93 "iris"
for seed in 1 2 3; do
    at_least "$(program ./xor train mlp --seed $seed --json | sed -n 's/.*"event":"eval".*"acc":\([0-9.e+-]*\).*/\1/p' | tail -n 1)" 1 "xor, mlp, seed $seed"
    line=$(program ./xor train perceptron --seed $seed --json | sed -n 's/.*"event":"eval".*"acc":\([0-9.e+-]*\).*/\1/p' | tail -n 1)
    awk "BEGIN { exit !($line <= 0.75) }" || fail "xor: a perceptron has $line right"
done
done_testing
