#!/bin/bash
# Planted errors: ten of each kind (tests/cuda/plant.awk), at places drawn by NNC_SEED, in the kernels and functions that
# tests/cuda/planted/*.nn become and in the optimizers', and, for statuses, in runtime/cuda. Each one is caught, or shown
# to change nothing; a table says by what. NNC_PLANTED=0 plants them at all places, which takes minutes.
. "$PROJECT_DIR/tests/lib.sh"
. "$PROJECT_DIR/tests/cuda/build.sh"
[ "$NNC_SANITIZE" != ON ] || { echo "SKIP cuda_planted: a sanitized nnc emits what any other does"; exit 77; }
cd "$work" || exit 1
here=$PROJECT_DIR/tests/cuda
harness_flags+=(-fsanitize=thread,bounds -fno-sanitize-recover=all) # races, bounds of shared memory
cuda_harness_ready
models=(image words)
each=${NNC_PLANTED:-10} seed=${NNC_SEED:-5}

# ---- the texts, all errors in each, and the C texts beside them
mkdir -p plain planted
for model in "${models[@]}"; do
    nnc -S "$here/planted/$model.nn" -o "$model.c" && nnc -S --backend=cuda "$here/planted/$model.nn" -o "$model.cu" || exit 1
    { grep -v '^int main(int argc' "$model.c"; echo 'const nn_model *test_model(void); const nn_model *test_model(void) { return &model; }'; } >"so_$model.c"
    gcc -O1 -march=native -w -shared -fPIC -I "$runtime/core" -I "$runtime/host" "so_$model.c" -o "$model.c.so" -lm || exit 1
    # With the optimizers' kernels in it: they are planted in, too.
    awk -v optimizers="$runtime/cuda/nn_cuda_optim.h" '/#include "nn_cuda_optim.h"/ { while ((getline line <optimizers) > 0) print line; next } 1' \
        "$model.cu" >"plain/$model.cu"
done
awk -f "$here/plant.awk" -v seed="$seed" -v each="$each" -v out=planted plain/*.cu "$runtime"/cuda/nn_device*.c || exit 1
build_model() { # MODEL
    { echo '#include "planted.h"'; grep -v '^int main(int argc' "planted/$1.cu"; echo '#include "direct.h"'; } >"so_$1.cu"
    g++ "${harness_flags[@]}" -c -include harness.h -x c++ "so_$1.cu" -o "$1.o" && g++ -shared "$1.o" -o "$1.so" -lubsan || touch failed
}
build_program() { # the first model with the runtime and the stand-in, for statuses
    local flags=(-O1 -w -I "$harness" -I "$runtime/core" -I "$runtime/host" -I "$runtime/cuda") source
    g++ -std=c++17 "${flags[@]}" -ffp-contract=off -include harness.h -include planted.h -c -x c++ "planted/${models[0]}.cu" -o program.o || touch failed
    for source in "$runtime"/host/*.c; do gcc -std=c99 "${flags[@]}" -c "$source" -o "host_$(basename "$source").o" || touch failed; done
    for source in planted/*.c; do gcc -std=c99 "${flags[@]}" -include planted.h -c "$source" -o "$source.o" || touch failed; done
    gcc -std=c11 "${flags[@]}" -c "$here/runtime_standin.c" -o standin.o && g++ program.o planted/*.o host_*.o standin.o -lm -o program || touch failed
}
for model in "${models[@]}"; do build_model "$model" & done
wait
build_program
[ ! -e failed ] || { echo "FAIL: the planted texts can't be built"; exit 1; }

# ---- numbers: races in one order, numbers and bounds in five
# caught MODEL NUMBER [ORDER [RACES]]: by what the text is caught in that order; "" where it computes the C text's bits
caught() {
    local said code
    said=$(NN_PLANTED=$2 NN_HARNESS_ORDER=${3:-forward} NN_HARNESS_RACES=${4:-on} timeout 120 "$BUILD_DIR/tests/cuda_compare" \
        "./$1.c.so" "./$1.so" train --data . --out "out_$2" --quiet 2>&1)
    code=$?
    case $code:$said in
    0:*) ;;
    99:*a\ race\ in\ shared*) echo race in shared memory ;;
    99:*a\ race\ in\ global*) echo race in global memory ;;
    99:*is\ outside\ of*) echo bounds of global memory ;;
    99:*out\ of\ bounds*) echo bounds of shared memory ;;
    99:*has\ ended,\ and\ others* | 99:*this\ thread\ waits*) echo divergent barrier ;;
    1:*nan\ in\ CUDA*) echo what nobody wrote ;;
    1:*differ*) echo wrong numbers ;;
    124:*) echo no end ;;
    *) echo "exit code $code: ${said##*$'\n'}" ;;
    esac
}
trace() { # MODEL NUMBER: every access that is made
    NN_PLANTED=$2 NN_HARNESS_TRACE=on "$BUILD_DIR/tests/cuda_compare" "./$1.c.so" "./$1.so" train --data . --out "out_$2" --quiet 2>&1 | grep '^harness: trace'
}
kernel_error() { # NUMBER KIND MODEL: a line "number, by what"
    local number=$1 model=$3 all by order
    all=$(caught "$model" "$number")
    [ -z "$all" ] || all+=" in any order"
    by=
    for order in forward reverse shuffled:1 shuffled:2 shuffled:3; do
        by=$(caught "$model" "$number" $order off)
        [ -z "$by" ] || [[ ";$all" = *"; $by: "* ]] || all+="${all:+; }$by: "
        [ -z "$by" ] || all+="$order "
    done
    if [ -z "$all" ]; then
        # It computes the same. Why?
        if [ "$2" = barrier ]; then
            all="changes nothing: no thread touches what another one writes"
        elif [ "$(trace "$model" "$number")" = "$(cat "$model.trace")" ]; then
            all="changes nothing: the same accesses"
        elif grep -qF "NN_PLANTED($number.5)" "planted/$model.cu" && [ -z "$(caught "$model" "$number.5")$(caught "$model" "$number.5" reverse)" ]; then
            all="changes nothing: what is loaded from beyond the edge, were it a NaN, is not used"
        else
            all=SURVIVES
        fi
    fi
    echo "$number	$all"
}
for model in "${models[@]}"; do
    [ -z "$(caught "$model" 0)" ] || { fail "$model without an error: $(caught "$model" 0)"; done_testing; }
    trace "$model" 0 >"$model.trace"
    [ -s "$model.trace" ] || fail "no trace of $model"
done
