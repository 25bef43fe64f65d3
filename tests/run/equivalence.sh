#!/bin/bash
# The emitted C of every sample does what the interpreter does: f64 over the first steps (50, or what the sample's
# check.txt says), f32 step by step; with gcc and clang, -O0 and -O3, or under AddressSanitizer and UBSan.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
. "$PROJECT_DIR/tests/sample.sh"
include=(-I "$PROJECT_DIR/runtime/core" -I "$PROJECT_DIR/runtime/host")
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=all'
command -v gcc >/dev/null || { echo "SKIP equivalence: gcc is not installed"; exit 77; }
clang=clang
command -v clang >/dev/null || { echo "SKIP equivalence with clang: it is not installed"; clang=gcc; }

# NAME REAL COMPILERS…: the text by each of them, against one run of the interpreter
compare() {
    local name=$1 real=$2 args log cc objects=
    shift 2
    { grep -v '^int main(int argc' "$real.c"; echo 'const nn_model *test_model(void); const nn_model *test_model(void) { return &model; }'; } >wrapped.c
    for cc; do
        # shellcheck disable=SC2086
        $cc -w -shared -fPIC "${include[@]}" wrapped.c -o "./${cc//[ ,]/}.so" -lm || { fail "$name: $cc $real.c"; return; }
        objects+=,./${cc//[ ,]/}.so
    done
    read -ra args <<<"$(sample_line "$name" compare "--steps 50")"
    log=$("$BUILD_DIR/tests/equivalence" $real.nn $real "${objects#,}" train --data "$(sample_data "$name")" --out out "${args[@]}" --quiet 2>&1) ||
        { fail "$name: $real, $*"; tail -n 20 <<<"$log"; return; }
    echo "$real, $*: ${log##*$'\n'}"
}

sample() {
    local name=$1 real
    sample_model "$name" f64.nn
    sed "$(sample_line "$name" f32 "")" f64.nn >f32.nn
    for real in f64 f32; do nnc -S --real=$real $real.nn -o $real.c || fail "nnc -S --real=$real $name"; done
    # A build of nnc with sanitizers has its runtime in the process, so the object may have it too.
    if [ "$NNC_SANITIZE" = ON ]; then
        compare "$name" f64 "gcc -O0 $sanitizers"
        compare "$name" f32 "gcc -O3 $sanitizers"
    else
        compare "$name" f64 'gcc -O0' "$clang -O3"
        compare "$name" f32 "$clang -O0" 'gcc -O3'
    fi
}

for_each_sample sample
done_testing
