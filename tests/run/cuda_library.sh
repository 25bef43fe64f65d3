#!/bin/bash
# CUDA libraries in the harness, on the stand-in for the CUDA library: samples and programs compute the bits of their
# C libraries (both with FMA where the machine has it), in arrays of the host and of the device, on several streams at
# once (cuda_library.awk); wrong calls write nothing; whichever call of CUDA fails, a status says so; nvcc takes the
# text by itself. NNC_MODELS chooses models.
. "$PROJECT_DIR/tests/lib.sh"
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
        weights=
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
model "$S/digits/digits.nn" --seed=3
model "$S/digits/digits.nn" --train --weights-as=file
done_testing
