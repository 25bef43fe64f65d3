#!/bin/bash
# Small stand-ins for MNIST's four files: 28 x 28 grey images of ten classes in IDX, below DIR. Class k is a stroke
# turned by 18 k degrees, its place, length and thickness vary, under noise, so that a network can learn it. Same
# numbers, same bytes.
#   scripts/make_mnist.sh DIR 64 32        64 images to train on, 32 to test with
set -eu
dir=${1:?folder} train=${2:?number of training images} test=${3:-$2}
mkdir -p "$dir"

# FIRST COUNT images|labels: octal escapes, one file a call.
idx() {
    LC_ALL=C awk -v first="$1" -v n="$2" -v what="$3" '
        function byte(v) { printf "\\0%03o", v }
        function word(v) { byte(int(v / 16777216)); byte(int(v / 65536) % 256); byte(int(v / 256) % 256); byte(v % 256) }
        function draw() { state = (state * 16807) % 2147483647; return state / 2147483647 }   # Lehmer, 31 bits: exact in a double
        function abs(v) { return v < 0 ? -v : v }
        function image(k,    c, s, cx, cy, len, wide, x, y, along, across, v) {
            c = cos(k * 0.3141592653589793); s = sin(k * 0.3141592653589793)
            cx = 11 + 5 * draw(); cy = 11 + 5 * draw(); len = 7 + 4 * draw(); wide = 1 + draw()
            for (y = 0; y < 28; y++) for (x = 0; x < 28; x++) {
                along = abs((x - cx) * c + (y - cy) * s) - len
                across = abs((y - cy) * c - (x - cx) * s) - wide
                v = 1 - (along > across ? along : across)
                byte(int(230 * (v < 0 ? 0 : v > 1 ? 1 : v) + 25 * draw()))
            }
        }
        BEGIN {
            word(what == "images" ? 2051 : 2049); word(n)
            if (what == "images") { word(28); word(28) }
            print ""
            for (i = first; i < first + n; i++) {
                state = 1 + 7919 * i; for (w = 0; w < 3; w++) draw()
                if (what == "images") image(i % 10); else byte(i % 10)
                print ""
            }
        }' | while IFS= read -r record; do printf '%b' "$record"; done
}
idx 0 "$train" images >"$dir/train-images-idx3-ubyte"
idx 0 "$train" labels >"$dir/train-labels-idx1-ubyte"
idx "$train" "$test" images >"$dir/t10k-images-idx3-ubyte"
idx "$train" "$test" labels >"$dir/t10k-labels-idx1-ubyte"
