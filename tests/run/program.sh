#!/bin/bash
# The program nnc makes: every command and option, and every kind of bad input with its own message and exit code.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
digits=$PROJECT_DIR/samples/digits
iris=$PROJECT_DIR/samples/iris
flags=(-O1 --cpu=baseline)
for name in digits iris; do nnc "${flags[@]}" "$PROJECT_DIR/samples/$name/$name.nn" -o $name || fail "nnc $name"; done
cp -r "$digits/data" data
printf 'data p { x: [2] from npy("x.npy"); }\nmodel net = Dense(1);\ntrain t { batch = 2; epochs = 2; let o = SGD(lr = 0.1); each d in p() { minimize mean(net(d.x) ** 2) over net using o; report low = 1; } then { report seen = 10 * step; } }\n' >npy.nn
nnc "${flags[@]}" npy.nn -o npy || fail "nnc npy"

npy() {  # DESCR SHAPE BYTES…: a .npy file
    local dict="{'descr': '$1', 'fortran_order': False, 'shape': $2, }"
    printf '\223NUMPY\1\0v\0%s%*s\n' "$dict" $((118 - ${#dict} - 1)) ""
    printf '%b' "$3"
}

# ---- what works
expect 0 '"event":"done"' program ./digits train fit --data data --out out --epochs 2 --seed 3 --save w.safetensors --json
[ -s w.safetensors ] && [ -s out/digits.safetensors ] || fail "weights are saved"
expect 0 '"event":"eval".*"acc":0\.9' program ./digits eval fit --data=data --weights=w.safetensors --json
expect 0 'acc' program ./digits train --data data --out out --steps 5 --weights w.safetensors --no-shuffle --log run.csv
expect 0 'loss' cat run.csv
expect 0 '' program ./digits train --data data --out out --steps 5 --log run.jsonl --quiet
expect 0 '"event":"step"' cat run.jsonl
expect 0 '' program ./iris train --data "$iris" --out out --set lr=0.01 --steps 3
expect 0 'net.dense_0.W' program ./digits info
expect 0 '^\{' program ./digits info --json
expect 0 'usage' program ./digits --help
npy '|u1' '(1, 8, 8)' "$(printf '\\5%.0s' $(seq 64))" >image.npy
expect 0 '0\.' program ./digits predict classify --weights w.safetensors image.npy
expect 0 '' program ./digits predict classify --weights w.safetensors image.npy -o p.npy
[ "$(wc -c <p.npy)" = $((128 + 40)) ] || fail "predict -o writes ten floats"
npy '<f4' '(2, 2)' '\0\0\0\0\0\0\200\77\0\0\200\77\0\0\0\0' >x.npy
expect 0 '"event":"epoch".*"low":1,"seen":10' program ./npy train --json

# `predict` and `eval` want what they read, and no more: of two models and their optimizers one file of `save`.
cat >two.nn <<'EOF'
layer Part()(x: [B, 3]) -> [B, 2] = x |> Dense(2) |> BatchNorm();
model a = Part();
model b = Dense(1);
param scale: [3] = ones();
data p { x: [3] from rows([[1, 2, 3], [3, 4, 6]]); }
train both {
    batch = 2;  epochs = 2;
    let o = Adam(lr = 0.1);
    each d in p() { minimize mean(b(a(d.x)) ** 2) over a, b, scale using o; }
    save a to "a.safetensors";
    save b to "b.safetensors";
    eval d in p() { report size = mean(a(d.x) ** 2); }
}
train rest { eval d in p() { report sum = mean(d.x); } }
export fn half(x: [1, 3]) -> [1, 2] = a(x);
export fn whole(x: [1, 3]) -> [1, 1] = b(a(x * scale));
export fn twice(x: [1, 3]) -> [1, 3] = 2.0 * x;
EOF
nnc "${flags[@]}" two.nn -o two || fail "nnc two"
interpreted_two() { nnc --interpret two.nn -- "$@"; }
compiled_two() { program ./two "$@"; }
npy '<f4' '(1, 3)' '\0\0\200\77\0\0\0\100\0\0\100\100' >row.npy
expect 0 '' compiled_two train both --out . --save all.safetensors
sed 's/:opt/:oqt/; s/"scale"/"slate"/' all.safetensors >extra.safetensors
for two in compiled_two interpreted_two; do
    expect 0 'f32\[1, 2\]' $two predict half --weights a.safetensors row.npy
    expect 0 'f32\[1, 1\]' $two predict whole --weights all.safetensors row.npy
    expect 0 '"size":' $two eval both --weights a.safetensors --json
    expect 0 '2 4 6' $two predict twice row.npy
    expect 0 '"sum":' $two eval rest --json
    expect 1 '3 differences' $two predict whole --weights a.safetensors row.npy
    expect 1 '`scale` is missing' $two predict whole --weights a.safetensors row.npy
    expect 1 '`a\.batch[._A-Za-z0-9]*` is missing' $two predict half --weights b.safetensors row.npy
    expect 0 'left as they were: `a\.' $two predict half --weights b.safetensors row.npy --partial
    expect 1 '`a.dense_0.W` is missing' $two eval both --weights b.safetensors
    expect 1 '1 difference$' $two predict half --weights extra.safetensors row.npy
    expect 1 '`slate` is in the file, but not in the model' $two predict half --weights extra.safetensors row.npy
    expect 1 '`scale` is missing' $two train both --weights a.safetensors
    expect 2 'needs --weights' $two predict half row.npy
    expect 2 'needs --weights' $two eval both
done
$NNC --interpret two.nn -- predict half --weights a.safetensors row.npy >interpreted.txt
./two predict half --weights a.safetensors row.npy | cmp - interpreted.txt || fail "predict of a part"

# ---- usage: 2
expect 2 'did you mean `--weights`' program ./digits train --wieghts x
expect 2 '' program ./digits
expect 2 '' program ./digits fly
expect 2 '' program ./digits train --epochs 0 --data data
expect 2 '' program ./digits train --steps 0 --data data
expect 2 '' program ./digits train --steps many --data data
expect 2 '' program ./digits train --seed
expect 2 '' program ./digits train nosuch --data data
expect 2 '' program ./iris train --data "$iris" --set nosuch=1
expect 2 '' program ./digits predict nosuch --weights w.safetensors image.npy
expect 2 'weights' program ./digits predict classify image.npy
expect 2 'weights' program ./digits eval --data data
for option in --threads=2 --profile; do
    expect 2 'not built into this version yet' program ./digits train $option --data data
done
for option in --device=0 --no-graph --time; do # of programs made with --backend=cuda
    expect 2 "unknown option .$option" program ./digits train $option --data data
done

expect 2 'must be at least 0' program ./digits train --seed -1 --data data
expect 2 'must be at most 18446744073709551615' program ./digits train --epochs 99999999999999999999 --data data

# What is read is not overwritten, by whatever name: data by --log, --save and `save`, weights by -o.
cp x.npy kept.npy
ln -sf x.npy alias.st
sed 's/^train.*/param w: [1, 2] = zeros();  train t { each d in p() { report low = 1; }  save w to "x.npy"; }/' npy.nn >onto.nn
nnc "${flags[@]}" onto.nn -o onto || fail "nnc onto"
printf '1,2\n' >rows.csv
echo 'data p { x: [2] from csv("rows.csv"); } train t { each d in p() { report low = mean(d.x); } }' >rows.nn
nnc "${flags[@]}" rows.nn -o rows || fail "nnc rows"
expect 2 'save: `x.npy` would overwrite a data file' program ./onto train
expect 0 '' program ./onto train --out out
expect 2 '--save: `alias.st` would overwrite a data file' program ./npy train --save alias.st
expect 2 '--save: `w.npy` would be a safetensors file' program ./npy train --save w.npy
expect 2 '--log: `./rows.csv` would overwrite a data file' program ./rows train --log ./rows.csv
expect 2 '-o `all.safetensors` would overwrite the weights' program ./two predict whole --weights all.safetensors row.npy -o all.safetensors
cmp -s x.npy kept.npy || fail "a data file was overwritten"
[ "$(cat rows.csv)" = 1,2 ] || fail "a data file was overwritten"

# ---- files that are not there, or can't be: 3
expect 3 'train-images-idx3-ubyte' program ./digits train --data nowhere
expect 3 'no.safetensors' program ./digits eval --data data --weights no.safetensors
expect 3 '' program ./digits train --data data --epochs 1 --save no/such/dir/w.safetensors
expect 3 '' program ./digits train --data data --epochs 1 --out "$PROJECT_DIR/README.md"

expect 3 'not a regular file' program ./digits eval --data data --weights <(cat w.safetensors)

# ---- files whose content is wrong: 1, with the file's name
broken() { rm -rf bad; cp -r "$digits/data" bad; }
broken; head -c 1000 "$digits/data/train-images-idx3-ubyte" >bad/train-images-idx3-ubyte
expect 1 'train-images-idx3-ubyte' program ./digits train --data bad --out out
broken; printf 'hello' >bad/train-images-idx3-ubyte
expect 1 'train-images-idx3-ubyte' program ./digits train --data bad --out out
broken; : >bad/train-labels-idx1-ubyte
expect 1 'train-labels-idx1-ubyte' program ./digits train --data bad --out out
# A label outside 0..9, an index that is never read.
broken; printf '\13' | dd of=bad/train-labels-idx1-ubyte bs=1 seek=20 conv=notrunc 2>/dev/null
expect 1 '`y` of example 12 of data `digits` is 11, computed' program ./digits train --data bad --out out
# So in a step that reports nothing; and there too a loss that is not finite ends the training.
cat >silent.nn <<'EOF'
param w: [2, 3] = ones();
data p { x: [2] from rows([[1, 2], [3, 4]]);  y: i32 from rows([0, 3]); }
train labels { batch = 2;  let o = SGD(lr = 0.1);  each d in p() { minimize cross_entropy(d.x @ w, d.y) over w using o; } }
train logs { batch = 2;  let o = SGD(lr = 0.1);  each d in p() { minimize sum(log(w - 5.0)) over w using o;  report size = sum(w); } }
train fine { batch = 2;  let o = SGD(lr = 0.1);  each d in p() { minimize sum(w * w) over w using o;  report low = log(w[0, 0] - 5.0); } }
EOF
nnc "${flags[@]}" silent.nn -o silent || fail "nnc silent"
expect 1 '`y` of example 1 of data `p` is 3' program ./silent train labels
expect 4 'the loss is not finite' program ./silent train logs
expect 0 '"low":null' program ./silent train fine --json
# Fewer labels than images.
broken; head -c 108 "$digits/data/test-labels-idx1-ubyte" | { head -c 4; printf '\0\0\0\144'; tail -c +5; } >bad/train-labels-idx1-ubyte
expect 1 '' program ./digits train --data bad --out out
# A file that says it holds more than it does.
broken; printf '\177\377\377\377' | dd of=bad/train-images-idx3-ubyte bs=1 seek=4 conv=notrunc 2>/dev/null
expect 1 'train-images-idx3-ubyte' program ./digits train --data bad --out out
mkdir csv
sed '5s/,[^,]*/,x/' "$iris/iris.csv" >csv/iris.csv
expect 1 'iris.csv:5' program ./iris train --data csv --out out
sed '7s/,[^,]*$//' "$iris/iris.csv" >csv/iris.csv
expect 1 'iris.csv:7' program ./iris train --data csv --out out
head -n 1 "$iris/iris.csv" >csv/iris.csv
expect 1 'iris.csv' program ./iris train --data csv --out out
npy '<f4' '(2, 3)' '\0\0\0\0\0\0\200\77\0\0\200\77\0\0\0\0\0\0\0\0\0\0\0\0' >x.npy
expect 1 'x.npy' program ./npy train
npy '<f4' '(9, 2)' '\0\0\0\0' >x.npy
expect 1 'x.npy' program ./npy train
head -c 200 w.safetensors >cut.safetensors
expect 1 'cut.safetensors' program ./digits eval --data data --weights cut.safetensors
program ./iris train --data "$iris" --steps 1 --quiet --out out --save i.safetensors
expect 1 'net.dense_0.W' program ./digits eval --data data --weights i.safetensors
expect 1 'net.dense_0.W' program ./digits eval --data data --weights i.safetensors --partial
npy '|u1' '(1, 8, 9)' "$(printf '\\5%.0s' $(seq 72))" >image.npy
expect 1 'image.npy' program ./digits predict classify --weights w.safetensors image.npy

left=$(find . -name '*.tmp*' | head -n 3)
[ -z "$left" ] || fail "temporary files were left: $left"
done_testing
