#!/bin/bash
# A small stand-in for a file of CIFAR-10's binary version: N records of a label and 3 x 32 x 32 pixels, on the output.
# Every class has stripes and a colour of its own, under noise, so that a network can learn it. Same N, same bytes.
#   scripts/make_cifar.sh 100 >data_batch_1.bin
set -eu
n=${1:?number of records}
LC_ALL=C awk -v n="$n" 'BEGIN {
    state = 1
    for (i = 0; i < n; i++) {
        label = i % 10
        printf "\\0%03o", label
        for (c = 0; c < 3; c++) for (y = 0; y < 32; y++) for (x = 0; x < 32; x++) {
            state = (state * 16807) % 2147483647          # Lehmer, 31 bits: exact in a double
            stripe = int(label % 2 ? x : y) * (1 + int(label / 2)) / 8
            v = 60 + 40 * ((label + c) % 3) + (int(stripe) % 2 ? 70 : 0) + state % 32
            printf "\\0%03o", v
        }
        print ""
    }
}' | while IFS= read -r record; do printf '%b' "$record"; done
