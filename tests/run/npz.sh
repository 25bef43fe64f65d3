#!/bin/bash
# The source `npz` in a whole program: which array, stored and deflated, a wrong name, a shape that does not fit.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
cp "$PROJECT_DIR"/tests/programs/data/{stored,deflated}.npz .

cat >m.nn <<'END'
option file = "stored.npz";
data numbers { x: [2] from npz(file, "x");  k: i16 from npz(file, "k");  shuffle = false; }
train sums { each d in numbers() { report x = sum(d.x), k = sum(cast(d.k, real)); } }
END
expect 0 '' nnc m.nn -o m
expect 0 '"x":14.75,"k":4' program ./m train --json
expect 0 '"x":14.75,"k":4' nnc --interpret m.nn -- train --json
expect 0 'k from npz stored.npz, array `k`' nnc info m.nn
sed 's/stored/deflated/' m.nn >d.nn
if "$NNC" -### m.nn -o m 2>&1 | grep -q NN_ZLIB; then
    expect 0 '' nnc d.nn -o d
    expect 0 '"x":14.75,"k":4' program ./d train --json
    expect 0 '' nnc -S --standalone d.nn -o d.c
    ${CC:-cc} d.c -o without -lm || fail "standalone does not link with -lm alone"
    expect 1 'deflated.npz: array `x`: this program was built without zlib: save the arrays uncompressed' ./without train
    head -c 300 deflated.npz >short && mv short deflated.npz
    expect 1 'deflated.npz: is no whole zip file: its directory is missing' program ./d train
else
    expect 0 '' nnc d.nn -o d
    expect 1 'built without zlib: save the arrays uncompressed' program ./d train
    echo "SKIP deflated: nnc was built without zlib"
fi
sed 's/"k")/"kk")/' m.nn >missing.nn
expect 0 '' nnc missing.nn -o missing
expect 1 'stored.npz: has no array `kk`; it has `x`, `k`' program ./missing train
sed 's/x: \[2\]/x: [3]/' m.nn >shape.nn
expect 0 '' nnc shape.nn -o shape
expect 1 'stored.npz: array `x`: has shape \[3, 2\]; .* an example of field `x` is f32\[3\]' program ./shape train
sed 's/k: i16/k: i8/' m.nn >type.nn
expect 0 '' nnc type.nn -o type
expect 1 'stored.npz: array `k`: holds i16, which field `k` of type i8' program ./type train
done_testing
