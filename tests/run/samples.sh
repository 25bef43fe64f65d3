#!/bin/bash
# Every sample trains, compiled outside the project with libm alone: as one standalone C file with -O0 and beside the
# runtime's folder with -O2; what it saves is the same to the bit for gcc and clang, both levels and texts, and on a
# second run of the first. Its text draws no warning. And the samples learn what their READMEs say.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
. "$PROJECT_DIR/tests/sample.sh"
cd "$work" || exit 1
runtime=$PROJECT_DIR/runtime
include=(-I "$runtime/core" -I "$runtime/host")
strict=(-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Wstrict-prototypes -Werror)
compilers=(gcc)
command -v gcc >/dev/null || { echo "SKIP samples: gcc is not installed"; exit 77; }
if command -v clang >/dev/null; then compilers+=(clang); else echo "SKIP samples with clang: it is not installed"; fi
mkdir host && (cd host && gcc -O1 "${include[@]}" -c "$runtime"/host/nn_*.c) || exit 1

# NAME TRAIN METRIC: the metric's last value in the train block's evals, for each of the seeds 1, 2, 3.
results() {
    local seed
    for seed in 1 2 3; do
        program ./program train "$2" --data "$(sample_data "$1")" --out "out$seed" --seed $seed --json |
            sed -n "s/.*\"event\":\"eval\".*\"$3\":\([0-9.e+-]*\).*/\1/p" | tail -n 1
    done
}

# Lines `learns: median|each TRAIN METRIC >=|<= BOUND`: the three seeds' median, or each of them.
learns() {
    local name=$1 which train metric relation bound values value
    while read -r which train metric relation bound; do
        [ -e program ] || nnc "$PROJECT_DIR/samples/$name/$name.nn" -o program --cpu=baseline || fail "nnc $name"
        values=$(results "$name" "$train" "$metric" | sort -g)
        echo "$train: $metric" $values
        [ "$(wc -l <<<"$values")" = 3 ] || fail "$name, $train: no $metric for every seed"
        [ "$which" = each ] || values=$(sed -n 2p <<<"$values")
        for value in $values; do
            awk "BEGIN { exit !($value $relation $bound) }" || fail "$name, $train: $metric is $value, not $relation $bound"
        done
    done < <(sample_lines "$name" learns)
}

sample() {
    local name=$1 model=$PROJECT_DIR/samples/$1/$1.nn cc data train first='' runs='1 2' build again
    data=$(sample_data "$name")
    read -ra train <<<"$(sample_line "$name" train "--epochs 3")"
    nnc -S --standalone "$model" -o standalone.c || fail "nnc -S --standalone $name"
    nnc -S "$model" -o model.c || fail "nnc -S $name"
    for cc in "${compilers[@]}"; do
        $cc -O0 standalone.c -o standalone.$cc -lm || fail "$cc -O0 standalone.c"
        $cc "${strict[@]}" -O2 "${include[@]}" -c model.c -o model.o || fail "$cc warns about $name"
        $cc model.o ../host/*.o -o model.$cc -lm || fail "$cc model.o"
        for build in standalone.$cc model.$cc; do
            for again in $runs; do
                program ./$build train --data "$data" --out out --seed 7 --quiet "${train[@]}" --save $build.$again ||
                    fail "$name: $build train"
                first=${first:-$build.$again}
                cmp "$first" $build.$again || fail "$name: $build.$again is not $first"
            done
            runs=1
        done
    done
    learns "$name"
}

for_each_sample sample
done_testing
