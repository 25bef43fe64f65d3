# For the scripts that run CUDA text on the CPU: sourced after tests/lib.sh.
#   cuda_harness_ready            the harness as a precompiled header in $work/harness; exits 77 where there is no g++
#   cuda_pair MODEL [-O0]         c.so and cuda.so of a model in the current folder, and cuda.cu: for tests/cuda/compare.c;
#                                 -O0: of one that computes little, compiled in half the time where there is clang++
#   cuda_compare ORDER COMMAND…   the last line of the comparison in that order of threads
harness=$work/harness
runtime=$PROJECT_DIR/runtime
harness_flags=(-std=c++17 -O1 -march=native -ffp-contract=off -w -fPIC -I "$harness" -I "$runtime/core" -I "$runtime/host" -I "$runtime/cuda")
cuda_harness_ready() {
    command -v g++ >/dev/null || { echo "SKIP the CUDA text in the harness: g++ is not installed"; exit 77; }
    mkdir -p "$harness" && cp "$PROJECT_DIR"/tests/cuda/*.h "$harness" &&
        mkdir "$harness/plain" && cp "$harness"/*.h "$harness/plain" &&
        g++ "${harness_flags[@]}" -x c++-header "$harness/harness.h" -o "$harness/harness.h.gch" || exit 1
}
cuda_harness_so() {  # TEXT.cu SO LEVEL
    local cxx=(g++)
    { grep -v '^int main(int argc' "$1"; echo '#include "direct.h"'; } >"$2.cu"
    [ "$3" != -O0 ] || ! command -v clang++ >/dev/null || cxx=(clang++ -I "$harness/plain")
    "${cxx[@]}" "${harness_flags[@]}" "$3" -shared -include harness.h -x c++ "$2.cu" -o "$2"
}
cuda_pair() {  # MODEL LEVEL
    local level=${2:--O1}
    nnc -S -fchecks "$1" -o c.c && nnc -S -fchecks --backend=cuda "$1" -o cuda.cu || { fail "nnc $1"; return 1; }
    { grep -v '^int main(int argc' c.c; echo 'const nn_model *test_model(void); const nn_model *test_model(void) { return &model; }'; } >c_so.c
    gcc "$level" -march=native -w -shared -fPIC -I "$runtime/core" -I "$runtime/host" c_so.c -o ./c.so -lm || { fail "$1: its C"; return 1; }
    cuda_harness_so cuda.cu ./cuda.so "$level" || { fail "$1: its CUDA text"; return 1; }
}
cuda_compare() {  # ORDER COMMAND…
    local log order=$1
    shift
    log=$(NN_HARNESS_ORDER=$order timeout 300 "$BUILD_DIR/tests/cuda_compare" ./c.so ./cuda.so "$@" 2>&1) ||
        { fail "the CUDA text differs, threads in $order order"; tail -n 12 <<<"$log"; return 1; }
    echo "$order: ${log##*$'\n'}"
}
