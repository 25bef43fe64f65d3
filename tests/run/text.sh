#!/bin/bash
# The source `text` in a whole program: parts that follow one another, compressed files, files too short.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1

cat >m.nn <<'END'
data letters(part: str) {
    c: u8[3] from text("t.txt", window = 3, stride = 2, split = part, parts = [0.5, 0.5]);
    shuffle = false;
}
train a { batch = 1; each d in letters("train") { report at = cast(d.c[0, 0], real), end_ = cast(d.c[0, 2], real); } }
train b { batch = 1; each d in letters("test") { report at = cast(d.c[0, 0], real), end_ = cast(d.c[0, 2], real); } }
END
printf abcdefghij >t.txt # abc cde | efg ghi, and the j is dropped
expect 0 '' nnc m.nn -o m
firsts() { "$@" --json | sed -n 's/.*"event":"step".*"step":[0-9]*,"at":\([0-9]*\),"end_":\([0-9]*\).*/\1-\2/p' | tr '\n' ' '; }
[ "$(firsts ./m train a)" = '97-99 99-101 ' ] || fail "the first part: $(firsts ./m train a)"
[ "$(firsts ./m train b)" = '101-103 103-105 ' ] || fail "the second part: $(firsts ./m train b)"
[ "$(firsts "$NNC" --interpret m.nn -- train b)" = '101-103 103-105 ' ] || fail "the interpreter's second part"
mkdir elsewhere && mv t.txt elsewhere
expect 3 't.txt: can.t be opened' program ./m train a
[ "$(firsts ./m train b --data elsewhere)" = '101-103 103-105 ' ] || fail "with --data"
mv elsewhere/t.txt .
if "$NNC" -### m.nn -o m 2>&1 | grep -q NN_ZLIB && command -v gzip >/dev/null; then
    gzip t.txt
    [ "$(firsts ./m train b)" = '101-103 103-105 ' ] || fail "compressed"
    rm t.txt.gz
else
    echo "SKIP .gz: nnc was built without zlib, or gzip is not installed"
fi
printf ab >t.txt
expect 1 't.txt: has 2 bytes, too few for a window of 3' program ./m train a
printf abc >t.txt
expect 1 't.txt: part 1 of its split has none of the 1 example' program ./m train a
expect 0 '"at":97' program ./m train b --json
# ---- a split without parts
for parts in '' ', parts = [0.9, 0.1]'; do
    echo "data d() { c: u8[3] from text(\"t.txt\", window = 3, split = \"test\"$parts); }
        train t { eval d in d() { report n = mean(cast(d.c, real)); } }" >split.nn
    nnc -S split.nn -o "split$parts.c" || fail "split$parts"
done
cmp split.c "split, parts = [0.9, 0.1].c" || fail "the parts are not nine tenths and one"

done_testing
