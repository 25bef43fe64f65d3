#!/bin/bash
# runtime/cuda without a device: a model written by hand (tests/cuda/line.cu) with the harness and the stand-in for the
# CUDA library. A program on a device does and says what the same program on the processor does; every mistake of a
# machine has its text; whichever call fails, the program ends in order.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cuda=$PROJECT_DIR/tests/cuda runtime=$PROJECT_DIR/runtime
command -v "${CXX:-g++}" >/dev/null || {
    echo "SKIP cuda_device: no C++ compiler (apt-get install g++)"
    exit 77
}
cd "$work" || exit 1
folders=(-I"$cuda" -I"$runtime/core" -I"$runtime/host" -I"$runtime/cuda")

# ---- programs: NAME on the device, NAME_cpu; safe: with sanitizers
c() { ${CC:-cc} -std=c99 -Wall -Wextra -Werror -O1 "${folders[@]}" "$@" || exit 1; }
cxx() { ${CXX:-g++} -std=c++17 -Wall -Wextra -Werror -O1 -ffp-contract=off "${folders[@]}" "$@" || exit 1; }
build() { # FOLDER FLAGS…: objects of the runtime and the stand-in
    local folder=$1 source
    shift
    mkdir -p "$folder/host" "$folder/cuda"
    for source in "$runtime"/host/*.c; do c "$@" -c "$source" -o "$folder/host/$(basename "$source").o"; done
    for source in "$runtime"/cuda/*.c; do c "$@" -Wpedantic -Wshadow -Wconversion -c "$source" -o "$folder/cuda/$(basename "$source").o"; done
    c "$@" -c "$cuda/runtime_standin.c" -o "$folder/cuda/standin.o"
}
device() { # NAME FOLDER FLAGS…
    local name=$1 folder=$2
    shift 2
    cxx "$@" -include harness.h -x c++ "$cuda/line.cu" -x none "$folder"/cuda/*.o "$folder"/host/*.o keep.o -Wl,--wrap=rename -lm -o "$name"
}
processor() { # NAME FLAGS…
    local name=$1
    shift
    cxx "$@" -DLINE_CPU -x c++ "$cuda/line.cu" -x none plain/host/*.o -lm -o "$name"
}
sanitize=(-g -fsanitize=address,undefined -fno-sanitize-recover=all)
c -c "$PROJECT_DIR/tests/run/checkpoint_keep.c" -o keep.o
build plain
build safe "${sanitize[@]}"
device line plain
device line_safe safe "${sanitize[@]}"
device draws plain -DLINE_DRAWS
device built_for_90 plain "-D__CUDA_ARCH_LIST__=900,1000"
processor line_cpu
processor draws_cpu -DLINE_DRAWS
echo 'leak:nn_harness_fiber_new' >leaks # the harness keeps its stacks
export LSAN_OPTIONS=suppressions=$PWD/leaks:print_suppressions=0

# ---- data
mkdir good bad
printf '%s\n' 0,0,0 0,1,1 1,0,2 1,1,0 2,0,1 2,1,2 0,2,0 1,2,1 2,2,2 -1,1,0 >good/points.csv
printf '%s\n' 0,0,0 0,1,1 1,0,2 1,1,7 2,0,1 2,1,2 0,2,0 1,2,-3 2,2,9 -1,1,0 >bad/points.csv
npy() { # FILE DESCR SHAPE BYTES
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': $3, }" >"$1"
    printf "$4" >>"$1"
}
npy x.npy '<f4' '(3, 2)' '\0\0\200\077\0\0\0\100\0\0\100\100\0\0\200\100\0\0\240\100\0\0\300\100'
npy kind.npy '<i4' '(3,)' '\0\0\0\0\1\0\0\0\2\0\0\0'
npy bad_kind.npy '<i4' '(3,)' '\0\0\0\0\5\0\0\0\376\377\377\377'

# ---- the same as on the processor: exit code, output, errors, files
same() { # NAME ARGS… (DEVICE holds options of the device only)
    local name=$1 code
    shift
    rm -rf cpu gpu
    mkdir cpu gpu
    "./${name%_safe}_cpu" "$@" --out cpu --save cpu/all >cpu/out 2>cpu/err
    code=$?
    # shellcheck disable=SC2086
    program "./$name" "$@" $DEVICE --out gpu --save gpu/all >gpu/out 2>gpu/err
    [ $? = $code ] || fail "not exit code $code: $name $* $DEVICE: $(cat gpu/err)"
    diff -r cpu gpu >differences || { fail "$name $* $DEVICE"; head -n 20 differences; }
}
DEVICE=
for name in line_safe draws; do
    for DEVICE in '' --no-graph; do
        for schedule in late early 1 2; do
            export NN_STANDIN_SCHEDULE=$schedule
            same $name train --json --data good
        done
        same $name train --json --data good --no-shuffle --set lr=0.4 # gets worse: the best weights come back
        same $name train --json --data good --set lr=1e30             # diverges in the second step
        same $name train --json --data good --set lr=3e8              # and in the third
        for data in bad bad\ --no-shuffle; do
            # shellcheck disable=SC2086
            same $name train --json --data $data # the first index of the batch, and its example
        done
        for steps in 1 3 5; do same $name train --json --data good --steps $steps; done
    done
done
unset NN_STANDIN_SCHEDULE
DEVICE=
grep -q . cpu/net.safetensors || fail "the model saves nothing"
cp cpu/all weights
same line_safe train --json --data good --weights weights --epochs 1
answers() { # ARGS…: of commands that save nothing
    local code
    ./line_cpu "$@" >cpu.out 2>&1
    code=$?
    ./line_safe "$@" >gpu.out 2>&1
    [ $? = $code ] || fail "not exit code $code: $*"
    cmp cpu.out gpu.out || fail "$*"
}
answers eval --json --data good --weights weights
answers eval --json --data bad --weights weights
answers predict apply x.npy kind.npy --weights weights
answers predict apply x.npy bad_kind.npy --weights weights
expect 1 'index 5 is outside 0..2' ./line predict apply x.npy bad_kind.npy --weights weights
expect 1 'example 7 of data `points` is -3' ./line train --data bad --quiet

# A function is captured once for each size: init, prepare, two sizes of step and eval, the eval's init and finish.
count() { grep -c "^[0-9]* $1 " log; }
NN_STANDIN_LOG=log ./line train --data good --quiet || fail "a log"
[ "$(count cudaStreamBeginCapture)" = 8 ] || fail "captured $(count cudaStreamBeginCapture) times, not 8"
[ "$(count cudaMalloc)$(count cudaMallocHost)" = 11 ] || fail "memory is allocated more than once"
# A step begins before the results of the one before are waited for.
awk '$2 == "cudaGraphLaunch" { n++ } $2 == "cudaEventSynchronize" { n--; } n > most { most = n } END { exit most != 2 }' log ||
    fail "no step is ahead of its results"
NN_STANDIN_LOG=log ./line train --data good --quiet --no-graph || fail "a log"
[ "$(count cudaStreamBeginCapture)" = 0 ] || fail "--no-graph captures"

# ---- what nnc emits: the whole training of a sample, and its weights
for sample in xor iris digits; do
    folder=$PROJECT_DIR/samples/$sample
    expect 0 '' nnc --cpu=baseline "$folder/$sample.nn" -o ${sample}_cpu
    expect 0 '' nnc --backend=cuda -S "$folder/$sample.nn"
    ${CXX:-g++} -std=c++17 -O1 -ffp-contract=off "${folders[@]}" -include harness.h -x c++ $sample.cu -x none plain/cuda/*.o plain/host/*.o keep.o -Wl,--wrap=rename -lm -o $sample ||
        fail "the emitted text of $sample"
    [ ! -d "$folder/data" ] || folder=$folder/data
    same $sample train --json --data "$folder" --epochs 3
done

# ---- checkpoints: each of a run on the device is that of the run on the processor, and either goes on from it
after() { awk -v n="$1" 'c >= n; /"event":"step"/ { c++ }' "$2"; } # the steps that a log tells after the n-th
resume() { # NAME DATA EVERY ARGS…
    local name=$1 data=$2 every=$3 n program
    shift 3
    rm -rf full keep cpu
    mkdir keep
    "./${name}_cpu" train --json --data "$data" "$@" --checkpoint-every "$every" --out cpu --save cpu/all >cpu.log
    KEEP=keep "./$name" train --json --data "$data" "$@" --checkpoint-every "$every" --out full --save full/all >full.log || fail "$name --checkpoint-every"
    diff -r cpu full && cmp cpu.log full.log || fail "$name: another run, or other checkpoints"
    for ((n = 1; n == 1 || n <= $(grep -c '"event":"step"' full.log) / every; n++)); do
        for program in "$name" "${name}_cpu"; do
            rm -rf part && cp -r full part && rm part/*.ckpt* && cp "keep/$n" "part/${name%_safe}.ckpt" || fail "$name: no checkpoint $n"
            "./$program" train --resume --json --data "$data" --out part --save part/all >part.log || fail "$program --resume from $n"
            after $((n * every)) full.log | cmp - part.log && cmp full/all part/all || fail "$program: from checkpoint $n the run is another"
        done
    done
    echo "$name: resumed from each of $((n - 1)) checkpoints"
}
resume digits "$PROJECT_DIR/samples/digits/data" 20 --epochs 3
cp line_cpu line_safe_cpu
resume line_safe good 1 --epochs 4
resume line_safe good 3 --epochs 4 --no-shuffle

# ---- times: the same training, and a line for each function
expect 0 '^fit_step: 18 calls, 1000.0 us on the device, [0-9.]+ us from one to the next$' program ./line_safe train --data good --quiet --epochs 3 --time
expect 0 '^fit_eval: 8 calls, 1000.0 us on the device, [0-9.]+ us from' ./line_safe train --data good --quiet --epochs 1 --time --no-graph
expect 2 'unknown option `--time`' ./line_cpu train --time

# ---- texts
with() { env "$@"; }
expect 2 'there is no device 3; the devices are:.  0: Stand-in 0, compute capability 8.0.  = help' bash -c './line train --device 3 2>&1 | tr "\n" .; exit ${PIPESTATUS[0]}'
expect 2 '`x` is not the number of a device' program ./line train --device=x
expect 0 '' with NN_STANDIN_DEVICES=2 ./line train --data good --quiet --device 1
expect 3 'there is no NVIDIA driver here.*`nnc` without --backend=cuda' with NN_STANDIN_DEVICES=no-driver ./line train --data good
expect 3 'there is no CUDA device' with NN_STANDIN_DEVICES=none ./line train --data good
expect 3 'CUDA_VISIBLE_DEVICES is `7`' with CUDA_VISIBLE_DEVICES=7 NN_STANDIN_DEVICES=none ./line train --data good
expect 3 'line.nn:1:1: k3_fill: no kernel image.*cudaErrorNoKernelImageForDevice' with NN_STANDIN_ARCH=61 ./line train --data good
expect 3 'nnc --backend=cuda --cuda-arch=sm_61` makes it' with NN_STANDIN_ARCH=61 ./line train --data good
expect 3 'compute capability 8.6\) is too old for this program, which was compiled for 9.0 and newer.*sm_86' with NN_STANDIN_ARCH=86 ./built_for_90 train --data good
expect 0 '' with NN_STANDIN_ARCH=90 ./built_for_90 train --data good --quiet
expect 3 'device 0 \(Stand-in 0\) has too little memory \(cudaMalloc\): the model needs 8.5 KiB, 4.9 KiB of its 4.9 KiB are free' with NN_STANDIN_MEMORY=5000 ./line train --data good
expect 3 '12 bytes  net.shift f32\[3\]' with NN_STANDIN_MEMORY=5000 ./line train --data good
expect 3 'bytes  scratch of the functions' with NN_STANDIN_MEMORY=5000 ./line train --data good
expect 0 '0: Stand-in 0, compute capability 8.0, [0-9]+ of [0-9]+ bytes free' program ./line info --device 0 --no-graph
expect 0 'the model needs 8704 bytes of it' ./line info
expect 0 '"device":\{"number":0,"name":"Stand-in 0","compute_capability":"8.0","free_bytes":[0-9]+' ./line info --json
expect 0 'none: there is no NVIDIA driver' with NN_STANDIN_DEVICES=no-driver ./line info
expect 0 '"device":null,"no_device":"there is no CUDA device' with NN_STANDIN_DEVICES=none ./line info --json
expect 0 'none: --device: there is no device 5' ./line info --device 5
expect 0 'none: cudaMemGetInfo: ' with NN_STANDIN_FAIL=cudaMemGetInfo ./line info
expect 0 '--device N' ./line --help
expect 2 'unknown option `--device`' ./line_cpu train --device 0
expect 2 'unknown option `--no-graph`' ./line_cpu info --no-graph

# ---- a call fails
# Exit code 3, the call's name (a kernel's for a launch), files whole or as they were, nothing left behind.
cp weights old
run_failing() { # PROGRAM FAIL OPTION: 0 when it was met
    rm -rf out
    mkdir out
    cp old out/net.safetensors
    NN_STANDIN_FAIL=$2 NN_STANDIN_LOG=log "./$1" train $3 --data good --epochs 1 --out out --save out/all >said 2>&1
    local code=$? call file
    call=$(grep -B1 '^  cuda' log | awk 'NR == 1 { print $2 == "cudaLaunchKernel" ? $3 ": " : $2 }')
    [ "$call" ] || return 1
    [ $code = 3 ] || fail "exit code $code, not 3, where $call fails ($2 $3)"
    grep -qF -- "$call" said || { fail "$call is not in what is said ($2 $3)"; cat said; }
    grep -qE 'stand-in:|harness:|Sanitizer|Segmentation' said && { fail "$call ($2 $3)"; cat said; }
    cmp -s out/net.safetensors old || cmp -s out/net.safetensors whole/net.safetensors || fail "a file is broken where $call fails ($2 $3)"
    [ ! -e out/all ] || cmp -s out/all whole/all || fail "the last file is broken where $call fails ($2 $3)"
    for file in out/*; do
        case $file in out/net.safetensors | out/all) ;; *) fail "$file is left behind where $call fails ($2 $3)" ;; esac
    done
}
mkdir whole
./line_cpu train --data good --epochs 1 --out whole --save whole/all --quiet || fail "the processor"
for option in '' --no-graph; do
    for ((n = 1; failures == 0; n++)); do run_failing line $n $option || break; done
    [ $n -gt 150 ] || fail "only $n calls"
    echo "each of $((n - 1)) calls has failed once $option"
done
# Under the sanitizers, each kind of call. A launch that fails inside of a capture, too.
NN_STANDIN_LOG=log ./line train --data good --epochs 1 --quiet
for call in $(awk '{ print $2 }' log | sort -u) cudaMemGetInfo; do
    [ "$call" = cudaMemGetInfo ] || run_failing line_safe "$call" || fail "$call was not met"
done
# A signal, once the training is under way.
interrupted() {
    ./line_safe train --data good --epochs 10000000 --json >events 2>said &
    local code i
    for ((i = 0; i < 600; i++)); do [ ! -s events ] || break; sleep 0.1; done
    kill -INT $!
    wait $!
    code=$?
    cat said
    return $code
}
expect 130 '^interrupted (after epoch|in eval)' interrupted
for call in cudaEventElapsedTime cudaEventElapsedTime:7 cudaEventRecord:9 cudaEventCreateWithFlags:5 cudaEventCreateWithFlags:8; do
    run_failing line_safe $call --time || fail "$call was not met with --time"
done
# A device that is lost: every later call fails, too.
expect 3 'cudaEventSynchronize: unspecified launch failure \(cudaErrorLaunchFailure\)' with NN_STANDIN_FAIL=cudaEventSynchronize:9 ./line_safe train --data good
expect 3 'in function `fit_step`' with NN_STANDIN_FAIL=cudaGraphLaunch:14 ./line_safe train --data good --no-shuffle
expect 3 'in train `fit`, epoch 1, step 3' with NN_STANDIN_FAIL=cudaGraphLaunch:14 ./line_safe train --data good --no-shuffle

# ---- nvcc
nvcc=${NVCC:-$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)}
if [ "$nvcc" ]; then
    for arch in 80 90; do
        out=$($nvcc -std=c++17 -O2 -fmad=false -ftz=true -Werror all-warnings -Xcompiler -Wall -gencode "arch=compute_$arch,code=sm_$arch" \
            -I"$runtime/core" -I"$runtime/host" -I"$runtime/cuda" "$cuda/line.cu" "$runtime"/cuda/*.c plain/host/*.o -lm -o "line_$arch" 2>&1) || fail "nvcc, sm_$arch"
        [ -z "$out" ] || { fail "nvcc warns, sm_$arch"; echo "$out" | head -n 20; }
    done
    [ ! -e line_80 ] || expect 0 '^device:' ./line_80 info
else
    echo "no nvcc here: runtime/cuda and line.cu are compiled with g++ only"
fi
done_testing
