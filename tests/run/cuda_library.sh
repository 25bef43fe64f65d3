#!/bin/bash
# CUDA libraries in the harness, on the stand-in for the CUDA library: samples and programs compute the bits of their
# C libraries (both with FMA where the machine has it), in arrays of the host and of the device, on several streams at
# once (cuda_library.awk); wrong calls write nothing; whichever call of CUDA fails, a status says so; nvcc takes the
# text by itself. NNC_MODELS chooses models.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
. "$PROJECT_DIR/tests/cuda/build.sh"
[ "$NNC_SANITIZE" != ON ] || { echo "SKIP cuda_library: a sanitized nnc emits what any other does"; exit 77; }
cuda_harness_ready
cd "$work" || exit 1
run=$PROJECT_DIR/tests/run cuda=$PROJECT_DIR/tests/cuda
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Werror"
gcc -c -O1 -I"$cuda" "$cuda/runtime_standin.c" -o standin.o || exit 1

# ---- objects of a library in C and of one on the device: c.o, g.o
libraries() { # MODEL OPTION…
    nnc --library --prefix=c "$@" -o c && nnc --library --backend=cuda --prefix=g "$@" -o g || { fail "nnc --library $*"; return 1; }
    gcc -std=c99 -O1 -march=native -w -c c.c -o c.o || { fail "the C library of $*"; return 1; }
    g++ "${harness_flags[@]}" -include harness.h -x c++ -c g.cu -o g.o || { fail "the CUDA library of $*"; return 1; }
    [ -z "$(nm -g --defined-only g.o | awk '$2 ~ /[TDBR]/ && $3 !~ /^g_/')" ] || fail "$1: g.cu shows other names than g_…"
    for f in c g; do
        [ ! -e ${f}_weights.c ] || { gcc -std=c99 $strict -c ${f}_weights.c -o w.o && ld -r $f.o w.o -o whole.o && mv whole.o $f.o; } || { fail "the weights of $*"; return 1; }
    done
}
# The program of cuda_library.awk, which sees the header as C99; another compiler sees it as C++17, and its example as both.
caller() {
    {
        if [ -e g.safetensors ]; then
            echo "#define WEIGHTS"
            od -An -v -tu1 g.safetensors | sed 's/ *\([0-9]\+\)/\1,/g; 1i static const unsigned char weights[] = {' && echo '};'
        fi
        awk -v P=g -v T=g -v BODY="$run/cuda_library.inc" -f "$run/library_header.awk" -f "$run/cuda_library.awk" g.h
    } >main.c
    # shellcheck disable=SC2086
    gcc -std=c99 -g $strict -Wstrict-prototypes -I"$cuda" -c main.c -o main.o && g++ main.o g.o c.o standin.o -lm -o main || { fail "the caller of $1"; return 1; }
    awk '/^\/\* Example/ { on = 1; next } /^\*\// { on = 0 } on' g.h >example.c
    # shellcheck disable=SC2086
    gcc -std=c99 $strict -I"$cuda" -c example.c -o example.o && g++ example.o g.o standin.o -lm -o example && ./example >/dev/null || fail "the example of $1"
    # shellcheck disable=SC2086
    g++ -x c++ -std=c++17 $strict -I"$cuda" -c example.c -o example.o || fail "the header of $1 in C++"
}
agree() { # WHAT COMMAND…
    local what=$1
    shift
    "$@" >log 2>&1 || { fail "$what"; sort log | uniq -c | head -n 12; }
    ! grep -q '^note' log || sort -u log
}
model() { # PATH OPTION…
    local name
    name=$(basename "$1" .nn)
    rm -rf lib && mkdir lib && cd lib || exit 1
    cp ../standin.o .
    if libraries "$@" && caller "$name"; then
        agree "$name: the CUDA library differs, or takes what is wrong" env NN_STANDIN_SCHEDULE=late ./main wrong
        agree "$name: the CUDA library differs, threads in shuffled order" env NN_HARNESS_ORDER=shuffled NN_STANDIN_SCHEDULE=even ./main
        [ "${1##*/}" != digits.nn ] || for s in early odd 1 2; do agree "$name: schedule $s" env NN_STANDIN_SCHEDULE=$s ./main; done
    fi
    cd ..
}
S=$PROJECT_DIR/samples T=$PROJECT_DIR/tests/programs
if [ -n "${NNC_MODELS:-}" ]; then
    for m in $NNC_MODELS; do model "$m" ${NNC_OPTIONS:-}; done
    done_testing
fi
model "$S/xor/xor.nn" --train
model "$S/digits/digits.nn" --train --weights-as=file
for name in dynamic rows when; do model "$T/$name.nn" --train; done

# ---- each call of CUDA fails once: a status and the call's name, nothing crashes, and init begins anew
nnc --cpu=baseline "$run/library_odd.nn" -o odd && ./odd train --out out --quiet --seed 2 --save trained.st || fail "library_odd.nn"
model "$run/library_odd.nn" --train=fit --weights="$work/trained.st"
cd lib || exit 1
for ((n = 1; failures == 0; n++)); do
    NN_STANDIN_LOG=calls NN_STANDIN_FAIL=$n ./main fail >log 2>&1
    code=$?
    call=$(grep -B1 '^  cuda' calls | awk 'NR == 1 { sub(/<.*/, "", $3); print $2 == "cudaLaunchKernel" ? $3 : $2 }')
    [ "$call" ] || break
    [ $code = 0 ] && { ! grep -qvx own log || grep -qE "^[a-z_0-9]+: a call of CUDA failed: .*: ($call: |nothing is kept)" log; } || { fail "$call fails: exit code $code"; cat log; }
    ! grep -qvx own log || ours+=" $call"
done
[ "$(wc -w <<<"$ours")" -gt 100 ] || fail "only $(wc -w <<<"$ours") calls"
echo "each of $((n - 1)) calls has failed once, $(wc -w <<<"$ours") of them the library's: $(tr ' ' '\n' <<<"$ours" | sed 's/^k[0-9].*/kernels/' | sort -u | tr '\n' ' ')"
cd ..

# ---- faults, errors, statuses; what the caller of a C library does
nnc --library --backend=cuda --train=fit --weights=trained.st --prefix=q "$run/library_odd.nn" -o odd || fail "the library of library_odd.nn"
gcc -std=c99 $strict -c odd_weights.c && g++ "${harness_flags[@]}" -include harness.h -x c++ -c odd.cu -o odd.o || fail "odd.cu"
for f in library_odd cuda_library_odd; do
    gcc -std=c99 -g -DDEVICE -Wall -Wextra -I. -I"$cuda" -c "$run/$f.c" -o $f.o && g++ $f.o odd.o odd_weights.o standin.o -lm -o $f || fail "$f.c"
    for s in late early 1; do agree "$f, $s" env NN_STANDIN_SCHEDULE=$s ./$f; done
done
expect 0 'there is no CUDA device: cudaMemsetAsync: no CUDA-capable device' env NN_STANDIN_FAIL=cudaMemsetAsync NN_STANDIN_ERROR=cudaErrorNoDevice ./cuda_library_odd no_device
expect 0 'compiled for other devices: nn_cuda_control_kernel: no kernel image' env NN_STANDIN_ARCH=75 ./cuda_library_odd other_device
expect 0 'a call of CUDA failed: cudaMemcpyAsync: out of memory' env NN_STANDIN_FAIL=cudaMemcpyAsync NN_STANDIN_ERROR=2 ./cuda_library_odd cuda_failed

# ---- nvcc: the text by itself
nvcc=${NVCC:-$(command -v nvcc || command -v /usr/local/cuda/bin/nvcc)}
if [ -n "$nvcc" ]; then
    mkdir alone && cd alone || exit 1
    nnc --library --backend=cuda --train --seed=1 --cuda-arch=sm_80,sm_90 "$S/digits/digits.nn" -o digits || fail "nnc --library --cuda-arch"
    out=$($nvcc -std=c++17 -O2 -fmad=false -ftz=true -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 \
        -Werror all-warnings -Xcompiler -Wall,-Wextra -c digits.cu -o digits.o 2>&1) || fail "nvcc -c digits.cu"
    [ -z "$out" ] || { fail "nvcc warns about digits.cu"; head -n 20 <<<"$out"; }
    [ -z "$(nm -g --defined-only digits.o | awk '$2 ~ /[TDBR]/ && $3 !~ /^digits_/')" ] || fail "digits.o shows other names than digits_…"
    cd ..
else
    echo "no nvcc here: the text is compiled with g++ only"
fi
done_testing
