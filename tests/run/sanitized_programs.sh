#!/bin/bash
# Every sample as a standalone file under AddressSanitizer and UBSan, gcc and clang, -O0 and -O3: 50 steps, the
# evals and a prediction run without a word, and the weights are those of a plain build, to the bit.
. "$PROJECT_DIR/tests/lib.sh"
cd "$work" || exit 1
compilers=()
for cc in gcc clang; do
    if ! command -v $cc >/dev/null; then
        echo "SKIP sanitized programs with $cc: it is not installed"
    elif ! echo 'int main(void) { return 0; }' | $cc -xc -fsanitize=address,undefined - -o probe 2>/dev/null || ! ./probe; then
        echo "SKIP sanitized programs with $cc: it has no sanitizer runtime"
    else
        compilers+=($cc)
    fi
done
[ ${#compilers[@]} -gt 0 ] || exit 77

for sample in "$PROJECT_DIR"/samples/*/; do
    sample=${sample%/}
    name=$(basename "$sample")
    data=$sample
    [ -d "$sample/data" ] && data=$sample/data
    nnc -S --standalone "$sample/$name.nn" -o "$name.c" || { fail "nnc -S $name"; continue; }
    "${compilers[0]}" -O2 "$name.c" -o "$name" -lm && "./$name" train --data "$data" --out out --steps 50 --quiet --save plain ||
        { fail "$name, plain"; continue; }
    for cc in "${compilers[@]}"; do
        for level in -O0 -O3; do
            $cc $level -g -fsanitize=address,undefined -fno-sanitize-recover=all "$name.c" -o san -lm ||
                { fail "$cc $level $name.c"; continue; }
            program ./san train --data "$data" --out out --steps 50 --quiet --save sanitized || fail "$name: $cc $level, train"
            cmp plain sanitized || fail "$name: $cc $level saves other weights"
            program ./san eval --data "$data" --weights sanitized --quiet || fail "$name: $cc $level, eval"
            program ./san info >/dev/null || fail "$name: $cc $level, info"
        done
    done
    rm -f plain sanitized
done
done_testing
