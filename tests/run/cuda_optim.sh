#!/bin/bash
# The optimizers of runtime/cuda: the CPU's bits under the harness, in every order of threads, with and without fused
# multiply-add; nvcc compiles them without a warning and without spills.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
source=$PROJECT_DIR/tests/cuda/optim.cu
includes=(-I"$PROJECT_DIR/runtime/core" -I"$PROJECT_DIR/runtime/host" -I"$PROJECT_DIR/runtime/cuda")

missing=0
if command -v g++ >/dev/null; then
    targets=("")
    if grep -qw fma /proc/cpuinfo && [ "$(uname -m)" = x86_64 ]; then targets+=(-mfma); fi
    for target in "${targets[@]}"; do
        g++ -std=c++17 -O1 -Wall -Wextra -Werror -ffp-contract=off $target "${includes[@]}" -I"$PROJECT_DIR/tests/cuda" \
            -include "$PROJECT_DIR/tests/cuda/harness.h" -x c++ "$source" -o "$work/optim" || { fail "g++ $target"; continue; }
        orders="forward reverse shuffled"
        [ -z "$target" ] || orders=shuffled
        for order in $orders; do
            NN_HARNESS_ORDER=$order expect 0 ' 0 failures$' "$work/optim"
        done
    done
else
    echo "SKIP the optimizers under the harness: g++ is not installed"
    missing=1
fi

nvcc=$(command -v nvcc || command -v /usr/local/cuda/bin/nvcc)
if [ -n "$nvcc" ]; then
    for arch in sm_80 sm_90; do
        "$nvcc" -std=c++17 -fmad=false -ftz=true -arch=$arch -Werror all-warnings -Xcompiler -Wall,-Wextra -Xptxas -v \
            "${includes[@]}" -c "$source" -o "$work/optim.o" >"$work/log" 2>&1 || { cat "$work/log"; fail "nvcc -arch=$arch"; }
        [ "$(grep -c '^ *0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads' "$work/log")" = 12 ] ||
            { grep -B 1 'bytes stack frame' "$work/log"; fail "kernels for $arch with a stack or spills, or not 12 of them"; }
    done
else
    echo "SKIP the optimizers with nvcc: it is not installed"
    missing=1
fi
[ $failures != 0 ] || [ $missing = 0 ] || exit 77
done_testing
