#!/bin/bash
# tests/gpu/run.sh without a GPU: its programs run in the harness over the stand-in, compute-sanitizer is a script. All
# of it but what the times mean: what it compares, what it prints, and that it fails where it must.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
[ "$NNC_SANITIZE" != ON ] || { echo "SKIP cuda_gpu: a sanitized nnc emits what any other does"; exit 77; }
command -v g++ >/dev/null || { echo "SKIP cuda_gpu: no C++ compiler (apt-get install g++)"; exit 77; }
cd "$work" || exit 1
runtime=$PROJECT_DIR/runtime
export NNC NNC_GPU_OUT=$work/out NNC_GPU_STEPS="3 4" NNC_GPU_COMPILE=$work/compile COMPUTE_SANITIZER=$work/sanitizer PYTHON=$work/python
export CUDA_GPU_TEST=$work FOLDERS="-I $PROJECT_DIR/tests/cuda -I $runtime/core -I $runtime/host -I $runtime/cuda"
mkdir objects
for source in "$runtime"/host/*.c "$runtime"/cuda/*.c "$PROJECT_DIR/tests/cuda/runtime_standin.c"; do
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -O1 $FOLDERS -c "$source" -o "objects/$(basename "$source").o" || exit 1
done

cat >compile <<'END'
#!/bin/bash
# compile FILE.nn|FILE.cu PROGRAM. The optimizers are tests/run/cuda_optim.sh's; EDIT makes another model.
[[ $1 == *.nn ]] || { printf '#!/bin/bash\necho "7 checks, 0 failures"\n' >"$2" && chmod +x "$2"; exit; }
made=$CUDA_GPU_TEST/made$(md5sum <<<"${EDIT:-}" | cut -c1-8)
if [ ! -e "$made" ]; then
    sed "${EDIT:-}" "$1" >"$made.nn"
    "$NNC" -S --backend=cuda "$made.nn" -o "$made.cu" &&
        g++ -std=c++17 -O1 -march=native -ffp-contract=off -w $FOLDERS -include harness.h -x c++ "$made.cu" -x none \
            "$CUDA_GPU_TEST"/objects/*.o -lm -o "$made" || exit 1
fi
cp "$made" "$2"
END
cat >sanitizer <<'END'
#!/bin/bash
# compute-sanitizer --tool TOOL --error-exitcode CODE PROGRAM…
[ "$1 $3" = "--tool --error-exitcode" ] || exit 2
echo "$2 $(basename "$5")" >>"$CUDA_GPU_TEST/seen"
[ "$2" != "${BROKEN:-}" ] || exit "$4"
shift 4
"$@"
END
cat >python <<'END'
#!/bin/bash
# There is no torch; differ.py and a time in eager.py's place.
case $1 in
-c) [ -n "${TORCH:-}" ] && echo "$TORCH" ;;
*/eager.py) echo 2500.0 ;;
*) exec python3 "$@" ;;
esac
END
mkdir broken && printf '#!/bin/bash\necho "No devices were found"\nexit 6\n' >broken/nvidia-smi
chmod +x compile sanitizer python broken/nvidia-smi
with() { env "$@"; }
gpu=$PROJECT_DIR/tests/gpu/run.sh

# ---- right
expect 0 '0 failures$' "$gpu" digits
expect 0 '; a stand-in; driver none; nvcc none; nnc .*; PyTorch is not there$' cat out/table.md
bits='3: same bits'
if ! grep -qw fma /proc/cpuinfo && [ "$(uname -m)" = x86_64 ]; then bits='3: (same bits|up to .*)'; fi
expect 0 "^\| MLP \(digits\) \| 32 \| $bits \| yes \| 14 \| 1000\.0 \| [0-9.]+ \| [0-9.]+ \| - \| - \| clean \| clean \| clean \|\$" cat out/table.md
expect 0 '^Optimizers .*: 7 checks, 0 failures, memcheck clean, racecheck clean, synccheck clean$' cat out/table.md
printf '%s\n' {memcheck,racecheck,synccheck}\ digits_cuda {memcheck,racecheck,synccheck}\ optim | diff - seen || fail "not every program under every tool"
expect 0 '\| 2500\.0 \| [0-9.]+ \| clean' with TORCH=2.9 "$gpu" digits

# What the report counts is what is launched.
launched() { NN_STANDIN_LOG=log out/digits_cuda train --data out/digits_data --out . --steps "$1" --no-graph --quiet && grep -c '^[0-9]* cudaLaunchKernel ' log; }
[ $(($(launched 3) - $(launched 2))) = 14 ] || fail "a step is not 14 launches"

# ---- data for times: the same records again, in a file that says so
n=$(od -An -tu1 -j4 -N4 "$PROJECT_DIR/samples/digits/data/train-images-idx3-ubyte" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }')
[ "$(stat -c %s out/digits_many/train-images-idx3-ubyte)" = $((16 + n * 64)) ] || fail "the data of few steps are repeated"
expect 0 'same bits' with NNC_GPU_STEPS="1 61" "$gpu" digits # 61 steps of 32: four times 640 images
[ "$(stat -c %s out/digits_many/train-images-idx3-ubyte)" = $((16 + 4 * n * 64)) ] || fail "images are not repeated four times"
[ "$(stat -c %s out/digits_many/train-labels-idx1-ubyte)" = $((8 + 4 * n)) ] || fail "labels are not repeated four times"

# ---- wrong
expect 1 'FAIL: digits: CUDA and C differ after 3 steps: 3: up to [0-9.e-]+ in net\.' with EDIT='s/3e-3/4e-3/' "$gpu" digits
expect 0 'note: digits: not the same bits: 3: up to [0-9.]+e-0[6-9] in ' with EDIT='s/3e-3/3.00002e-3/' "$gpu" digits
expect 1 'FAIL: compute-sanitizer --tool racecheck ./digits_cuda' with BROKEN=racecheck "$gpu" digits
expect 1 "FAIL: a program can't be made" with EDIT='s/Dense/Dence/' "$gpu" digits
expect 1 'FAIL: digits_cuda .*--steps 3' with NN_STANDIN_FAIL=cudaGraphLaunch:20 "$gpu" digits
expect 2 'no model xor; there are: ' "$gpu" xor
expect 77 '^SKIP tests/gpu: there is no GPU: No devices were found' with -u NNC_GPU_COMPILE NVCC=true PATH="$work/broken:$PATH" "$gpu"

# ---- PyTorch's half, where it is
if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    for model in digits vae resnet20; do
        TORCH_DEVICE=cpu expect 0 '^[0-9.]+$' /usr/bin/python3 "$PROJECT_DIR/tests/gpu/eager.py" $model 1
    done
else
    echo "note: no torch here: tests/gpu/eager.py is not run"
fi
done_testing
