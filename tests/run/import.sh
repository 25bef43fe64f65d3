#!/bin/bash
# `import`: where files are looked for, that each is read once, limits, what is written and what is never overwritten.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
mkdir -p lib/deep other chain

echo 'fn act(x: [*s]) -> [*s] = tanh(x); option gain = 2.0; dim N <= 4;' >lib/deep/act.nn
echo 'import "deep/act.nn" as act; layer Enc(n: int)(x: [B, k]) -> [B, n] = act.act(act.gain * Dense(n)(x)); model enc = Enc(3);' >lib/blocks.nn
echo 'import "blocks.nn" as b; import "deep/act.nn" as a; import "../other/m.nn" as o;
export fn f(x: [a.N, 2]) -> [a.N, 3] = o.id(a.act(b.enc(x)));' >lib/main.nn
echo 'import "blocks.nn" as b; fn id(x: [*s]) -> [*s] = x + 0.0 * b.act.act(x);' >other/m.nn

# The importing file's own folder comes first, then the folders of -I in their order.
expect 1 'looked for lib/../other/blocks.nn' nnc check lib/main.nn
expect 0 '' nnc check -I lib lib/main.nn
expect 1 'looked for nowhere/blocks.nn' nnc check -I nowhere -I other lib/main.nn
(cd lib && expect 0 '' nnc check -I. main.nn)
expect 0 'blocks.enc.dense_0.W' nnc --dump-ir=after:elaborate -Ilib lib/main.nn
mkdir -p first && echo 'let nothing = 0;' >first/blocks.nn
expect 1 'first/blocks.nn has no `act`' nnc check -I first -I lib lib/main.nn

# One file by several names is one: its model has one set of parameters.
ln -s ../lib/blocks.nn other/alias.nn
echo 'import "lib/blocks.nn" as a; import "other/alias.nn" as b; import "lib/../lib/blocks.nn" as c;
export fn f(x: [1, 2]) -> [1, 3] = a.enc(x) + b.enc(x) + c.enc(x);' >once.nn
[ "$(nnc --dump-ir=after:elaborate once.nn | grep -c '= write .*blocks.enc.dense_0.W')" = 1 ] || fail "a file with three names is read three times"

# -D sets options of imported files by the stem.
expect 0 '' nnc check -Dact.gain=3.0 once.nn
expect 1 'no top-level option `gain`' nnc check -Dgain=3.0 once.nn

# What the output depends on; what it must not replace.
expect 0 '' nnc -S -MD once.nn -o once.c
[ "$(cat once.c.d)" = "once.c: once.nn lib/blocks.nn lib/deep/act.nn" ] || fail "once.c.d: $(cat once.c.d)"
cp lib/blocks.nn kept.nn
expect 2 'would overwrite a file that the model imports' nnc -S once.nn -o lib/blocks.nn
expect 2 'would overwrite a file that the model imports' nnc -S once.nn -o other/alias.nn
expect 2 'would overwrite a file that the model imports' nnc once.nn -o lib/deep/act.nn
expect 2 'would overwrite a file that the model imports' nnc -S once.nn -o once.c -MD -MF lib/blocks.nn
expect 2 'would overwrite a file that the model imports' nnc graph once.nn -o lib/blocks.nn
cmp -s kept.nn lib/blocks.nn || fail "an imported file was overwritten"

# Two models of one path: the stems are the same.
cp lib/blocks.nn other/blocks.nn && mkdir -p other/deep && cp lib/deep/act.nn other/deep/
echo 'import "lib/blocks.nn" as a; import "other/blocks.nn" as b; export fn f(x: [1, 2]) -> [1, 3] = a.enc(x) + b.enc(x);' >twice.nn
expect 1 'E0404.*blocks.enc.dense_0.W.*twice|the path `blocks.enc.dense_0.W` is made twice' nnc check twice.nn

# Depth: 32 files may be open, the model's own among them.
for i in $(seq 1 40); do echo "import \"f$((i + 1)).nn\" as m; fn f(x: [*s]) -> [*s] = m.f(x);" >chain/f$i.nn; done
echo 'fn f(x: [*s]) -> [*s] = x;' >chain/f32.nn
expect 0 '' nnc check chain/f1.nn
echo 'import "f33.nn" as m; fn f(x: [*s]) -> [*s] = m.f(x);' >chain/f32.nn
echo 'fn f(x: [*s]) -> [*s] = x;' >chain/f33.nn
expect 1 'E0811.*nested more than 32 deep' nnc check chain/f1.nn
for i in $(seq 1 257); do echo 'let a = 1;' >chain/g$i.nn; done
for i in $(seq 1 255); do echo "import \"chain/g$i.nn\" as m$i;"; done >many.nn
expect 0 '' nnc check many.nn
echo 'import "chain/g256.nn" as m256;' >>many.nn
expect 1 'E0811.*more than 256 files' nnc check many.nn

# Files that are no text, are too long, or can't be read.
printf 'let a = 1;\0' >chain/zero.nn
echo 'import "chain/zero.nn" as z;' >bad.nn
expect 1 'not a text file: byte 10 is 0x00' nnc check bad.nn
echo 'import "chain" as z;' >bad.nn
expect 1 'is a folder' nnc check bad.nn
echo 'import "" as z;' >bad.nn
expect 1 'a file has a name' nnc check bad.nn
echo 'import "a\x00b" as z;' >bad.nn
expect 1 'no zero bytes' nnc check bad.nn
head -c 1048577 /dev/zero | tr '\0' ' ' >chain/long.nn
echo 'import "chain/long.nn" as z;' >bad.nn
expect 1 'E0802' nnc check bad.nn

# A failure of nnc's own keeps the imported files.
if nnc --version | grep -q '^validation: libclang'; then
    expect 70 'this is a bug of nnc' env NNC_BREAK_EMITTER=1 "$NNC" -S once.nn -o broken.c
    for f in model.nn blocks.nn act.nn; do [ -s nnc-bug-1/$f ] || fail "nnc-bug-1/$f is missing"; done
fi
done_testing
