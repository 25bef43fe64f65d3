#!/bin/bash
# runtime/core as device code: nvcc compiles every function that kernels may call for both architectures without a warning.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
source=$PROJECT_DIR/tests/cuda/core_device.cu

# ---- none is missing: a template's NN_OF(nn_x) is nn_x_ there
functions=$(sed -nE 's/^NN_INLINE [^(]*(NN_OF\()?\b(nn_[a-z0-9_]+)(\)?)\(.*/\2\3/p' "$PROJECT_DIR"/runtime/core/* | sed 's/)/_/')
[ "$(wc -l <<<"$functions")" -gt 100 ] || fail "too few functions found in runtime/core"
for f in $functions; do
    grep -qE "\b$f$([[ $f == *_ ]] || echo '\b')" "$source" || fail "$f of runtime/core is not in tests/cuda/core_device.cu"
done

nvcc=$(command -v nvcc || command -v /usr/local/cuda/bin/nvcc)
[ -n "$nvcc" ] || { [ $failures = 0 ] || exit 1; echo "SKIP the core with nvcc: it is not installed"; exit 77; }
for arch in sm_80 sm_90; do
    "$nvcc" -std=c++17 -fmad=false -ftz=true -arch=$arch -Werror all-warnings -Xcompiler -Wall,-Wextra -Xptxas -v \
        -I"$PROJECT_DIR/runtime/core" -c "$source" -o "$work/core.o" >"$work/log" 2>&1 || { cat "$work/log"; fail "nvcc -arch=$arch"; }
    if grep -E '[1-9][0-9]* bytes spill' "$work/log"; then fail "spills for $arch"; fi
done
done_testing
