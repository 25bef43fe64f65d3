#!/bin/bash
# What nnc itself takes for each sample, in milliseconds of the processor, the least of five runs: with validation and
# without, and nnc with the C compiler for LeNet in seconds. The goals are 250, 50 and 4; says which are missed.
#   tests/bench/compile.sh
cd "$(dirname "$0")/../.." || exit 1
nnc=$PWD/build/release/nnc work=$(mktemp -d) missed=0
trap 'rm -rf "$work"' EXIT
best() {  # COMMAND…: milliseconds
    local TIMEFORMAT='%U %S'
    for _ in 1 2 3 4 5; do
        { time "$@" 2>&3; } 3>&2 2>&1
    done | awk '{ ms = 1000 * ($1 + $2); if (NR == 1 || ms < least) least = ms } END { printf "%d\n", least }'
}
at_most() { [ "$2" -le "$3" ] || { echo "  missed: $1 takes $2 ms, the goal is $3"; missed=1; }; }
for model in samples/*/*.nn; do
    with=$(best "$nnc" -S "$model" -o "$work/t.c") without=$(best "$nnc" -S --no-validate "$model" -o "$work/t.c")
    echo "$(basename "$model"): $with ms, $without ms without validation"
    at_most "validated" "$with" 250
    at_most "without validation" "$without" 50
done
lenet=$(best "$nnc" -O2 samples/lenet/lenet.nn -o "$work/lenet")
echo "nnc and cc -O2 for LeNet: $lenet ms"
at_most "LeNet" "$lenet" 4000
exit $missed
