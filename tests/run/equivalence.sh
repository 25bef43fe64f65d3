#!/bin/bash
# The emitted C of every sample does what the interpreter does: f64 over the first 50 steps, f32 step by step; with
# gcc and clang, -O0 and -O3, and under AddressSanitizer and UBSan.
set -u
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
failed=0 ran=0

# The sample's data folder.
data_of() { if [ -d "$1/data" ]; then echo "$1/data"; else echo "$1"; fi; }

shared_object() {  # C SO COMPILER FLAGS…
    local c=$1 so=$2 cc=$3 name
    shift 3
    name=$(sed -n 's/^\(static \)\{0,1\}const nn_model \([A-Za-z_0-9]*\).*/\2/p' "$c" | tail -n 1)
    { echo '#define main nn_program_main'; echo "#include \"$c\""
      echo "const nn_model *test_model(void);"
      echo "const nn_model *test_model(void) { return &$name; }"; } >"$work/wrap.c"
    "$cc" -w -shared -fPIC "$@" "$work/wrap.c" -o "$so" -lm
}

compare() {  # SAMPLE REAL SO LABEL
    ran=$((ran + 1))
    if out=$(cd "$work" && "${runner[@]}" "$BUILD_DIR/tests/equivalence" "$model" "$2" "$3" train \
        --data "$(data_of "$1")" --out "$work/out" --steps 50 --quiet 2>&1); then
        echo "ok   $(basename "$1") $2 $4: ${out##*$'\n'}"
    else
        echo "FAIL $(basename "$1") $2 $4"
        tail -n 20 <<<"$out"
        failed=1
    fi
}

compilers=()
for cc in gcc clang; do
    if command -v $cc >/dev/null; then compilers+=($cc); else echo "SKIP equivalence with $cc: it is not installed"; fi
done
[ ${#compilers[@]} -gt 0 ] || exit 77
mkdir -p "$work/out"
runner=(env)

for sample in "$PROJECT_DIR"/samples/*/; do
    sample=${sample%/}
    model=$sample/$(basename "$sample").nn
    for real in f64 f32; do
        c=$work/$(basename "$sample")_$real.c
        "$NNC" -S --standalone --real=$real "$model" -o "$c" || exit 1
        for cc in "${compilers[@]}"; do
            for level in -O0 -O3; do
                # A build of nnc with sanitizers has its runtime in the process, so the object may have it too.
                if [ "$NNC_SANITIZE" = ON ]; then
                    [ $cc = gcc ] || continue
                    shared_object "$c" "$work/m.so" $cc $level -fsanitize=address,undefined -fno-sanitize-recover=all || failed=1
                    compare "$sample" $real "$work/m.so" "$cc $level with sanitizers"
                else
                    shared_object "$c" "$work/m.so" $cc $level || failed=1
                    compare "$sample" $real "$work/m.so" "$cc $level"
                fi
            done
        done
    done
done
[ $ran -gt 0 ] || { echo "no sample was compared"; exit 1; }
exit $failed
