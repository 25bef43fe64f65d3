#!/bin/bash
# LeNet as samples/lenet/ has it on MNIST's files, or a part of them, in DATA: test accuracy after ten epochs for the
# seeds 1, 2, 3 and the time of a run; fails when the median is below FLOOR. Minutes; run by hand.
#   tests/bench/lenet_accuracy.sh DATA [FLOOR]        FLOOR: 0.965
set -eu
data=${1:?folder with train-images-idx3-ubyte and its three companions} floor=${2:-0.965}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
"${NNC:-$root/build/release/nnc}" "$root/samples/lenet/lenet.nn" -o "$work/lenet"
for seed in 1 2 3; do
    start=$(date +%s)
    "$work/lenet" train --data "$data" --out "$work" --seed $seed --json >"$work/log"
    accuracy=$(sed -n 's/.*"event":"eval".*"acc":\([0-9.e+-]*\).*/\1/p' "$work/log" | tail -n 1)
    echo "seed $seed: test accuracy $accuracy, $(($(date +%s) - start)) s" >&2
    echo "$accuracy"
done | sort -g | awk -v floor="$floor" 'NR == 2 { m = $1 } END { print "median " m; exit !(NR == 3 && m >= floor) }'
