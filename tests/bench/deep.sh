#!/bin/bash
# What nnc itself takes for a training of a 1,000-layer network, in milliseconds of the processor, the least of five runs:
# dense layers, and convolutions with batch norm, with validation and without. The goal is 2,000 for each; says which is missed.
#   tests/bench/deep.sh [LAYERS]
cd "$(dirname "$0")/../.." || exit 1
nnc=$PWD/build/release/nnc work=$(mktemp -d) layers=${1:-1000} missed=0
trap 'rm -rf "$work"' EXIT
best() {  # COMMAND…: milliseconds
    local TIMEFORMAT='%U %S'
    for _ in 1 2 3 4 5; do
        { time "$@" 2>&3; } 3>&2 2>&1
    done | awk '{ ms = 1000 * ($1 + $2); if (NR == 1 || ms < least) least = ms } END { printf "%d\n", least }'
}
deep() {  # NAME SHAPE AXES LAYER: trains a chain of $layers of them
    cat >"$work/$1.nn" <<MODEL
layer Deep()(x: [B, $3]) -> [B, $3] {
    var h = x;
    for i in 0..$layers { h = h |> $4 |> relu; }
    return h;
}
model net = Deep();
data d() { x: [$2] from extern;  y: [$2] from extern; }
train t { batch = 8;  each e in d() { minimize mse(net(e.x), e.y) over net using SGD(lr = 0.01); } }
MODEL
    local with without
    with=$(best "$nnc" -S "$work/$1.nn" -o "$work/t.c") without=$(best "$nnc" -S --no-validate "$work/$1.nn" -o "$work/t.c")
    echo "$layers layers, $1: $with ms, $without ms without validation, $(($(wc -c <"$work/t.c") / 1024)) KiB of C"
    [ "$with" -le 2000 ] || { echo "  missed: the goal is 2000"; missed=1; }
}
deep dense '16' 'n' 'Dense(n)'
deep convolution '4, 8, 8' 'c, h, w' 'Conv2d(c, 3, pad = 1) |> BatchNorm()'
exit $missed
