#!/bin/bash
# The CUDA text of every sample and of every tests/programs/*.nn, in the harness, computes the bits of the C text (both
# with FMA where the machine has it): samples for two steps with what comes before and after them, in three orders of
# threads; programs for three steps, in two. NNC_SAMPLES and NNC_PROGRAMS choose some.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
. "$PROJECT_DIR/tests/sample.sh"
. "$PROJECT_DIR/tests/cuda/build.sh"
[ "$NNC_SANITIZE" != ON ] || { echo "SKIP cuda_models: a sanitized nnc emits what any other does"; exit 77; }
cuda_harness_ready
cd "$work" || exit 1

sample() {  # NAME
    local args
    sample_model "$1" model.nn && cuda_pair model.nn || return
    read -ra args <<<"$(sample_line "$1" compare "--steps 2")"
    [ "${args[0]}" = --steps ] && [ "${args[1]}" -le 2 ] || args=(--steps 2)
    for order in forward reverse shuffled; do
        cuda_compare $order train --data "$(sample_data "$1")" --out out --epochs 1 "${args[@]}" --quiet
    done
}
for_each_sample sample

program() {  # MODEL
    local data args
    data=$(sed -n 's/^# data: *//p' "$1")
    read -ra args <<<"$(sed -n 's/^# args: *//p' "$1")"
    cuda_pair "$1" -O0 || return
    for order in reverse shuffled; do
        cuda_compare $order train --data "$PROJECT_DIR/${data:-tests/programs/data}" --out out --steps 3 "${args[@]}" --quiet
    done
}
running=0
mkdir -p programs
for model in ${NNC_PROGRAMS:-$PROJECT_DIR/tests/programs/*.nn}; do
    name=$(basename "$model" .nn)
    mkdir -p "programs/$name"
    (failures=0; cd "programs/$name" && program "$model" && exit $((failures > 0))) >"programs/$name.log" 2>&1 || touch "programs/$name.failed" &
    [ $((++running)) -lt 2 ] || { wait -n; running=$((running - 1)); }
done
wait
for log in programs/*.log; do
    echo "== $(basename "$log" .log)"
    cat "$log"
    [ ! -e "${log%.log}.failed" ] || failures=$((failures + 1))
done
done_testing
