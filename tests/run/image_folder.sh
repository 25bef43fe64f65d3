#!/bin/bash
# The source `image_folder` in a whole program: classes and pictures in order, what is left out, what is refused.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1

cat >m.nn <<'END'
data pets {
    pixels: u8[3, 2, 2] from image_folder("pets", size = 2);
    kind:   u8          from image_folder("pets");
    shuffle = false;
}
train t { batch = 1;  each d in pets() { report kind = cast(d.kind[0], real), red = cast(d.pixels[0, 0, 0, 0], real), blue = cast(d.pixels[0, 2, 1, 1], real); } }
END
mkdir -p pets/b pets/B pets/a pets/.hidden
echo 'P2 2 2 255 1 1 1 2' >pets/a/10.pgm
echo 'P3 1 1 255 3 4 5' >pets/a/9.PPM
echo 'P2 1 1 255 9' >pets/b/x.pnm
echo 'P2 4 4 255 8 8 0 0 0 0 0 0 0 0 0 0 0 0 4 4' >pets/B/y.pgm
echo 'not a picture' | tee pets/B/README pets/a/.x.pgm pets/top.pgm >pets/.hidden/z.pgm
expect 0 '' nnc m.nn -o m
logged() { "$@" --json | sed -n 's/.*"event":"step".*"kind":\([0-9]*\),"red":\([0-9.]*\),"blue":\([0-9.]*\).*/\1:\2-\3/p' | tr '\n' ' '; }
want='0:4-2 1:1-2 1:3-5 2:9-9 ' # folders B a b, in the order of bytes; 10 before 9
[ "$(logged ./m train)" = "$want" ] || fail "as C: $(logged ./m train)"
[ "$(logged "$NNC" --interpret m.nn -- train)" = "$want" ] || fail "interpreted"
expect 0 'pixels from image_folder pets' nnc info m.nn
expect 0 '' nnc -S --standalone m.nn -o s.c
${CC:-cc} s.c -o s -lm || fail "standalone does not link with -lm alone"
[ "$(logged ./s train)" = "$want" ] || fail "standalone"
if "$NNC" -### m.nn -o m 2>&1 | grep -q NN_ZLIB && command -v gzip >/dev/null; then
    gzip pets/b/x.pnm
    [ "$(logged ./m train)" = "$want" ] || fail "with a compressed picture"
    gunzip pets/b/x.pnm.gz
else
    echo "SKIP .gz: nnc was built without zlib, or gzip is not installed"
fi
sed 's/, size = 2//' m.nn >n.nn
expect 0 '' nnc n.nn -o n
expect 1 'pets/B/y.pgm: is 4 wide and 4 high, the field 2 and 2' program ./n train
sed 's/u8\[3/u8[1/; s/0, 2, 1, 1/0, 0, 1, 1/' m.nn >gray.nn
expect 0 '' nnc gray.nn -o gray
expect 1 'pets/a/9.PPM: is in colour' program ./gray train
echo 'P5 9 9' >pets/b/z.pgm
expect 1 'pets/b/z.pgm: ends before its largest value' program ./m train
rm pets/b/z.pgm

# PNG and JPEG, each where nnc was built with its library; a program without says what to do, a damaged file its name.
cp "$PROJECT_DIR"/tests/programs/data/gray.{png,jpg} .
picture() {  # KIND LIBRARY VALUE DAMAGE
    cp gray.$1 pets/b/z.$1
    if "$NNC" -### m.nn -o m 2>&1 | grep -q -- "-l$2"; then
        expect 0 "\"kind\":2,\"red\":$3" program ./m train --json
        expect 0 "\"kind\":2,\"red\":$3" nnc --interpret m.nn -- train --json
        head -c $(($(wc -c <gray.$1) - 20)) gray.$1 >pets/b/z.$1
        expect 1 "pets/b/z.$1: is no whole (PNG|JPEG) file" program ./m train
    else
        expect 1 "pets/b/z.$1: this program was built without lib$2" program ./m train
        echo "SKIP $1: nnc was built without lib$2"
    fi
    cp gray.$1 pets/b/z.$1
    expect 1 "pets/b/z.$1: this program was built without lib$2" program ./s train
    rm pets/b/z.$1
}
picture png png 0
picture jpg jpeg 77
# A compiler that gets the runtime in the text.
expect 0 '' env CC="${CC:-cc} -w" "$NNC" m.nn -o t
cp gray.png pets/b/z.png
program ./m train --json | grep -v done >m.json
program ./t train --json | grep -v done >t.json
cmp m.json t.json || fail "the runtime in the text and as a library differ"
echo text >pets/b/z.png
expect 1 'pets/b/z.png: is no PNG file' program ./m train
rm pets/b/z.png
mkdir pets/zz
expect 0 'warning: pets/zz: this class has no pictures' program ./m train
rmdir pets/zz
rm -r pets/[abB]
expect 1 'pets: has no folders: each class' program ./m train
mkdir pets/a
expect 1 'pets: has no examples' program ./m train
rm -r pets
expect 3 'pets: this folder can.t be opened' program ./m train
done_testing
