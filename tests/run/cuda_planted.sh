#!/bin/bash
# Planted errors: ten of each kind (tests/cuda/plant.awk), at places drawn by NNC_SEED, in the kernels and functions that
# tests/cuda/planted/*.nn become and in the optimizers', and, for statuses, in runtime/cuda. Each one is caught, or shown
# to change nothing; a table says by what. A barrier that is left out must be a race: none is there that parts nothing.
# NNC_PLANTED=0 plants them at all places, which takes minutes.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
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
plain_flags=(-O1 -w -I "$here" -I "$runtime/core" -I "$runtime/host" -I "$runtime/cuda")
build_runtime() { # runtime and stand-in, for statuses
    local flags=("${plain_flags[@]}") source
    for source in "$runtime"/host/*.c; do gcc -std=c99 "${flags[@]}" -c "$source" -o "host_$(basename "$source").o" || touch failed; done
    for source in planted/*.c; do gcc -std=c99 -D_POSIX_C_SOURCE=200809L "${flags[@]}" -include planted.h -c "$source" -o "$source.o" || touch failed; done
    gcc -std=c11 "${flags[@]}" -c "$here/runtime_standin.c" -o standin.o || touch failed
}
build_program() { # MODEL
    g++ -std=c++17 "${plain_flags[@]}" -ffp-contract=off -include harness.h -include planted.h -c -x c++ "planted/$1.cu" -o "program_$1.o" || touch failed
}
running=0
behind() { # COMMAND…: two at a time
    "$@" &
    [ $((++running)) -lt 2 ] || { wait -n; running=$((running - 1)); }
}
for model in "${models[@]}"; do
    behind build_model "$model"
    behind build_program "$model"
done
behind build_runtime
wait
for model in "${models[@]}"; do g++ "program_$model.o" planted/*.o host_*.o standin.o -lm -o "program_$model" || touch failed; done
[ ! -e failed ] || { echo "FAIL: the planted texts can't be built"; exit 1; }

# ---- numbers: races in one order, numbers and bounds in five
# caught MODEL NUMBER [ORDER [RACES]]: by what the text is caught in that order; "" where it computes the C text's bits
caught() {
    local said code
    said=$(NN_PLANTED=$2 NN_HARNESS_ORDER=${3:-forward} NN_HARNESS_RACES=${4:-on} timeout 120 "$BUILD_DIR/tests/cuda_compare" \
        "./$1.c.so" "./$1.so" train --data . --out out --quiet 2>&1)
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
    NN_PLANTED=$2 NN_HARNESS_TRACE=on "$BUILD_DIR/tests/cuda_compare" "./$1.c.so" "./$1.so" train --data . --out out --quiet 2>&1 | grep '^harness: trace'
}
kernel_error() { # NUMBER KIND MODEL: a line "number, by what"
    local number=$1 model=$3 all by order
    all=$(caught "$model" "$number")
    [[ $all = race* ]] || all=
    by=$(for order in forward reverse shuffled:1 shuffled:2 shuffled:3; do
        echo "${order%:*}	$(caught "$model" "$number" $order off)"
    done | awk -F'\t' '
        $2 != "" { times[$2, $1]++; of[$2]++; if (of[$2] == 1) what[++n] = $2 }
        END {
            for (i = 1; i <= n; i++) {
                w = what[i]; all = ""
                if (times[w, "forward"]) all = " forward"
                if (times[w, "reverse"]) all = all " reverse"
                if (times[w, "shuffled"]) all = all " shuffled"
                if (times[w, "shuffled"] % 3) all = all " (" times[w, "shuffled"] " of 3)"
                printf "%s%s:%s", (i == 1 ? "" : "; "), w, (of[w] == 5 ? " every order" : all)
            }
        }')
    [ -z "$by" ] || all+="${all:+; }$by"
    if [ -z "$all" ]; then
        # It computes the same. Why?
        if [ "$(trace "$model" "$number")" = "$(cat "$model.trace")" ]; then
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
    trace "$model" 0 | cmp -s - "$model.trace" || fail "$model: two runs, two traces"
    [ -s "$model.trace" ] || fail "no trace of $model"
done

# ---- statuses: every call of that name, or launch of that kernel, fails once; the program must say so
commands=('train --data . --out . --quiet' 'train --data . --out . --quiet --no-graph' 'info' 'train --data . --device 7'
    'NN_STANDIN_MEMORY=5000 train --data .' 'NN_STANDIN_DEVICES=no-driver info' 'NN_STANDIN_DEVICES=2 info --json --device 1')
run_failing() { # MODEL NUMBER N COMMAND…: what the program says and its exit code, when its N-th call fails
    local model=$1 number=$2 n=$3 settings=()
    shift 3
    while [[ $1 = *=* ]]; do settings+=("$1"); shift; done
    env "${settings[@]}" NN_PLANTED="$number" NN_STANDIN_FAIL="$n" NN_STANDIN_LOG="${log:-/dev/null}" timeout 60 "$work/program_$model" "$@" 2>&1
    echo "exit code $?"
}
for model in "${models[@]}"; do
    mkdir -p "right_$model"
    for k in "${!commands[@]}"; do (cd "right_$model" && log=$work/$model.log.$k run_failing "$model" 0 1000000 ${commands[k]} >/dev/null); done
done
status_error() { # NUMBER MODEL CALL
    local number=$1 model=$2 call=$3 k n met=0 right said all=
    mkdir -p "status_$number" && cd "status_$number" || return
    for k in "${!commands[@]}"; do
        for n in $(awk -v call="$call" '$2 == call || $3 == call { print $1 }' "../$model.log.$k"); do
            met=$((met + 1))
            right=$(run_failing "$model" 0 "$n" ${commands[k]})
            [[ $right = *'exit code 3' || ${commands[k]} = *info* ]] || all="SURVIVES: without the error a failing $call is not told"
            said=$(run_failing "$model" "$number" "$n" ${commands[k]})
            [ "$said" != "$right" ] || continue
            [ -z "$all" ] || break 2
            case $said in
            *'exit code 0') all="failing $call: exit code 0" ;;
            *'stand-in:'* | *'harness:'*) all="failing $call: what is left behind" ;;
            *'exit code 3') all="failing $call: another message" ;;
            *) all="failing $call: ${said##*$'\n'}" ;;
            esac
            break 2
        done
    done
    [ $met -gt 0 ] || all="SURVIVES: no $call is made"
    echo "$number	${all:-changes nothing: each of $met failing calls ends the same}"
}

# ---- all of them, two at a time
one() { # NUMBER KIND FILE CALL
    local model=${3%.cu}
    [ "$3" = "$model" ] && model=words # a file of the runtime
    if [ "$2" = status ]; then (status_error "$1" "$model" "$4"); else kernel_error "$1" "$2" "$model"; fi >"by_$1"
}
while IFS=$'\t' read -r number kind file _ _ _ call; do behind one "$number" "$kind" "$file" "$call"; done <planted/places
wait
cat by_* | sort -n >by
join -t $'\t' <(sort planted/places) <(sort by) | sort -n | awk -F'\t' '
    BEGIN { print "| kind | in | line | error | caught by |\n|---|---|---|---|---|" }
    {
        gsub(/\|/, "\\|")
        by = $NF
        print "| " $2 " | " $4 " | `" $5 "` | " ($2 == "stride" ? "`[" $6 "]`" : $6) " | " by " |"
        total[$2]++
        if (by ~ /^SURVIVES/ || ($2 == "barrier" && by !~ /^race/)) survivors++
        else if (by ~ /^changes nothing/) same[$2]++
        else caught[$2]++
    }
    END {
        for (i = split("barrier edge stride status", kinds, " "); i > 0; i--)
            printf "%s: %d planted, %d caught, %d change nothing\n", kinds[i], total[kinds[i]], caught[kinds[i]], same[kinds[i]]
        exit survivors > 0
    }' || fail "an error was not caught"
[ "$(wc -l <by)" = "$(wc -l <planted/places)" ] || fail "an error was not tried"
awk '{ if ($2 < 10) exit 1 }' planted/counts || fail "there are fewer than ten places of a kind"
done_testing
