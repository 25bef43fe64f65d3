#!/bin/bash
# One training step of LeNet (samples/lenet, batch 64, SGD with momentum), one thread: nnc's program against PyTorch eager,
# alternating in one call. Prints one table and writes it, with machine and versions, to build/bench/lenet.txt.
#   tests/bench/lenet.sh [ROUNDS]        default 9; wants python3 with torch; PYTHON names another python
# A step is timed as (time of 60 steps - time of 10 steps) / 50, so that start and reading of data drop out; the losses of
# the first steps, from the same weights, are compared before any time.
set -eu
cd "$(dirname "$0")/../.."
nnc=$PWD/build/release/nnc rounds=${1:-9} python=${PYTHON:-python3}
out=$PWD/build/bench
"$python" -c 'import torch, numpy' 2>/dev/null || { echo "SKIP bench: $python has no torch (Debian: python3-torch)"; exit 77; }
mkdir -p "$out" && cd "$out"
../../scripts/make_mnist.sh . 3840 64
"$nnc" ../../samples/lenet/lenet.nn -o lenet
"$python" ../../tests/bench/lenet.py "$rounds" "$("$nnc" --version | head -n 1)" "$(cc --version | head -n 1)" | tee lenet.txt
