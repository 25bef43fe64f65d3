#!/bin/bash
# The sources `cifar` and `raw` in a whole program: a stand-in file, compressed, damaged.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1

cat >m.nn <<'END'
data images(file: str) {
    pixels: u8[3, 32, 32] from cifar(file);
    label:  i32           from cifar(file);
    x: [3072] = reshape(cast(pixels, real), [3072]) / 255.0;
    shuffle = false;
}
data numbers { v: f64[2] from raw("v.f64");  k: i16 from raw("k.i16");  shuffle = false; }
model net = Dense(10);
train fit {
    epochs = 20;  batch = 10;
    each d in images("c.bin") {
        let z = net(d.x);
        minimize cross_entropy(z, d.label) over net using RMSprop(lr = 1e-3);
        report acc = accuracy(z, d.label), first = cast(d.pixels[0, 0, 0, 0], real), label = mean(cast(d.label, real));
    }
}
train sums {
    each d in numbers() { minimize sum(net(zeros([1, 3072]))) over net using SGD(lr = 0.0);
                          report v = sum(cast(d.v, real)), k = sum(cast(d.k, real)); }
}
END
"$PROJECT_DIR/scripts/make_cifar.sh" 50 >c.bin
printf '\0\0\0\0\0\0\360\77\0\0\0\0\0\0\0\300\0\0\0\0\0\0\340\77\0\0\0\0\0\0\0\0' >v.f64 # 1, -2, 0.5, 0
printf '\377\377\0\1' >k.i16                                                                 # -1, 256
expect 0 '' nnc m.nn -o m
expect 0 '"k":255' program ./m train --json
expect 0 '"v":-0.5' program ./m train sums --json
expect 0 '"label":4.5' program ./m train fit --json --epochs 1
expect 0 '"event":"epoch".*"epoch":20.*"acc":1,' program ./m train fit --json
expect 0 '"acc":1,' nnc --interpret m.nn -- train fit --json

# Compressed, by its own name or where the plain file is missing; a program without zlib says what to do.
if "$NNC" -### m.nn -o m 2>&1 | grep -q NN_ZLIB && command -v gzip >/dev/null; then
    gzip -k c.bin && mv c.bin plain.bin
    expect 0 '"label":4.5' program ./m train fit --json --epochs 1
    sed 's/c\.bin/c.bin.gz/' m.nn >gz.nn
    expect 0 '' nnc gz.nn -o gz
    expect 0 '"label":4.5' program ./gz train fit --json --epochs 1
    expect 0 '' nnc -S --standalone gz.nn -o gz.c
    ${CC:-cc} gz.c -o without -lm || fail "standalone does not link with -lm alone"
    expect 1 'c.bin.gz: this program was built without zlib.*-DNN_ZLIB' ./without train fit
    ${CC:-cc} -DNN_ZLIB gz.c -o with -lm -lz || fail "standalone does not link with zlib"
    expect 0 '"label":4.5' ./with train fit --json --epochs 1
    head -c 1000 c.bin.gz >short && mv short c.bin.gz
    expect 1 'c.bin.gz: its compressed data ends too early' program ./gz train fit
    rm c.bin.gz && mv plain.bin c.bin
else
    echo "SKIP .gz: nnc was built without zlib, or gzip is not installed"
fi

head -c 3072 c.bin >short && mv short c.bin
expect 1 'c.bin: has 3072 bytes, which is no multiple of the 3073 of a CIFAR-10 record' program ./m train fit
: >c.bin
expect 1 'c.bin: has no examples' program ./m train fit
printf '\377' >>k.i16
expect 1 'k.i16: has 5 bytes, which is no multiple of the 2 of an example i16' program ./m train sums
printf '\0\0\0' >>k.i16
expect 1 'k.i16: gives 4 examples, but field `v` of the same data has 2' program ./m train sums
done_testing
