#!/bin/bash
# A small stand-in for a file of N pictures of 3 x 64 x 64 numbers from -1 to 1, f32, little-endian, on the output: a
# bright oval with two eyes and a mouth before a dark ground, of varying colour and place. Same N, same bytes.
#   scripts/make_faces.sh 16 >celeba64.f32
set -eu
n=${1:?number of pictures}
LC_ALL=C awk -v n="$n" '
    function draw() { state = (state * 16807) % 2147483647; return state / 2147483647 }   # Lehmer, 31 bits: exact in a double
    function within(x, y, cx, cy, rx, ry) { x = (x - cx) / rx; y = (y - cy) / ry; return x * x + y * y < 1 }
    # v / 128, |v| < 128, as the bytes of an f32: sign, exponent and the 7 upper bits of the fraction hold it.
    function f32(v,    m, e) {
        if (v == 0) return "\\0000\\0000\\0000\\0000"
        m = v < 0 ? -v : v
        for (e = 127; m < 128; e--) m *= 2
        return sprintf("\\0000\\0000\\0%03o\\0%03o", (e % 2) * 128 + m - 128, (v < 0 ? 128 : 0) + int(e / 2))
    }
    BEGIN {
        for (v = -127; v < 128; v++) code[v] = f32(v)
        for (i = 0; i < n; i++) {
            state = 1 + 7919 * i; for (c = 0; c < 3; c++) { draw(); skin[c] = 20 + 90 * draw(); ground[c] = -110 + 60 * draw() }
            cx = 28 + 8 * draw(); cy = 28 + 8 * draw(); r = 16 + 6 * draw()
            for (c = 0; c < 3; c++) {
                for (y = 0; y < 64; y++) for (x = 0; x < 64; x++) {
                    v = within(x, y, cx, cy, r, 1.25 * r) ? skin[c] : ground[c]
                    if (within(x, y, cx - r / 2.5, cy - r / 4, 3, 2) || within(x, y, cx + r / 2.5, cy - r / 4, 3, 2) || within(x, y, cx, cy + r / 2, r / 2.5, 2)) v = -90
                    printf "%s", code[int(v + 12 * draw())]
                }
                print ""
            }
        }
    }' | while IFS= read -r part; do printf '%b' "$part"; done
