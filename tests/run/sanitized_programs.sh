#!/bin/bash
# Every sample as a standalone file under AddressSanitizer and UBSan, gcc and clang: its steps (samples/README.md, 50 if it
# names none) and its evals, if it has any, run without a word, and the weights are those of a plain build, to the bit. At -O0 and -O3;
# a sample that names fewer steps is large, and its text is compiled at -O0 alone.
. "$PROJECT_DIR/tests/lib.sh"
. "$PROJECT_DIR/tests/sample.sh"
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

one() {  # NAME
    local name=$1 data steps levels=(-O0 -O3) cc level
    data=$(sample_data "$name")
    read -ra steps <<<"$(sample_line "$name" train "--steps 50")"
    [ -z "$(sample_lines "$name" train)" ] || levels=(-O0)
    nnc -S --standalone "$PROJECT_DIR/samples/$name/$name.nn" -o "$name.c" || { fail "nnc -S $name"; return; }
    "${compilers[0]}" -O1 "$name.c" -o "$name" -lm && "./$name" train --data "$data" --out out "${steps[@]}" --quiet --save plain ||
        { fail "$name, plain"; return; }
    for cc in "${compilers[@]}"; do
        for level in "${levels[@]}"; do
            $cc $level -g -fsanitize=address,undefined -fno-sanitize-recover=all "$name.c" -o san -lm ||
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
