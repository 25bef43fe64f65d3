#!/bin/bash
# nnc graph: the picture of a function, as DOT, and as SVG where -o says so.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
cat >two.nn <<'NN'
layer Block(n: int)(x: [B, D]) -> [B, n] { return x |> Dense(n) |> relu; }
layer Net()(x: [B, 3]) -> [B, 2] { return x |> Block(4) |> Block(2); }
model net = Net();
data points { x: [3] from rows([[1, 2, 3]]); y: [2] from rows([[0, 1]]); }
train fit {
    epochs = 1;  batch = 1;
    let opt = Adam(lr = 0.1);
    each d in points() { minimize mse(net(d.x), d.y) over net using opt; report step_ = 1.0; }
}
export fn f(x: [1, 3]) -> [1, 2] = net(x) * 2;
NN
expect 0 '' nnc graph two.nn -o two.dot
diff "$PROJECT_DIR/tests/golden/two.dot" two.dot || fail "the picture of f"
expect 0 '^digraph "f"' nnc graph two.nn
expect 0 'label="Adam"' nnc graph --function=fit_step two.nn
expect 0 'label="write net.block_1.dense_0.W' nnc graph --function init two.nn
expect 0 'label="1\\nf32"' nnc graph --function=fit_step two.nn  # a number that is a result
expect 2 'no function `fit_stp`; did you mean `fit_step`' nnc graph --function=fit_stp two.nn
expect 2 'no function `xyz`; there are: fit_step, f, init' nnc graph --function=xyz two.nn
expect 2 'goes with one of the commands: graph' nnc --function=f two.nn
expect 2 'overwrite the input' nnc graph two.nn -o two.nn
printf 'let x = ;\n' >bad.nn
expect 1 'error\[E' nnc graph bad.nn -o bad.dot
[ ! -e bad.dot ] || fail "a picture of a model with errors"

# A model without exports shows its step, one without steps its initial values.
grep -v '^export' two.nn >step.nn
expect 0 '^digraph "fit_step"' nnc graph step.nn

# ---- what a picture leaves out, and what it closes
examples=$PROJECT_DIR/tests/examples
nnc graph --function=fit_step "$examples/lenet.nn" -o step.dot || fail "the step of LeNet"
loss=$(sed -n 's/^ *n\([0-9]*\) \[label="derivative by 8 values".*/\1/p' step.dot)
[ "$(grep -c -- "-> n$loss\b" step.dot)" = 1 ] || fail "only the loss leads to the derivative"
[ "$(grep -c -- "^  n$loss -> " step.dot)" = 1 ] || fail "one edge leads from the derivative to the optimizer"
[ "$(grep -c '^  r[0-9]* \[label="' step.dot)" = 2 ] || fail "two results: loss and acc"
grep -q 'batch\\nf32' step.dot && fail "the size of the batch is a number"
[ -z "$(sort step.dot | uniq -d | grep -e '->')" ] || fail "an edge is drawn twice"
# ResNet-20: 21 convolutions, as many normalisations and one product are a box each, in clusters for all else.
nnc graph "$examples/resnet20.nn" -o resnet20.dot || fail "ResNet-20"
for layer in Conv2d:21 BatchNorm:21 Dense:1; do
    [ "$(grep -c "^ *l[0-9]* \[label=.*: ${layer%:*}\\\\n" resnet20.dot)" = "${layer#*:}" ] || fail "not $layer in ResNet-20"
done
[ "$(grep -c 'subgraph cluster' resnet20.dot)" = 31 ] || fail "clusters: the net, 9 blocks, 21 convolutions with normalisation"
[ "$(grep -c '^ *[nl][0-9]* \[' resnet20.dot)" -le 120 ] || fail "ResNet-20 is too large to look at"
nnc graph --depth=2 "$examples/resnet20.nn" | grep -q 'residual_8: Residual\\nf32\[1, 64, 8, 8\]' || fail "blocks as boxes"
nnc graph --depth=9 "$examples/resnet20.nn" | grep -q 'l[0-9]* \[label' && fail "--depth=9 opens every layer"
[ "$(nnc graph --depth=1 "$examples/resnet20.nn" | grep -c 'subgraph\|: ResNet')" = 1 ] || fail "--depth=1 is one box"
# Two values leave the encoder: an edge tells the shape that its box doesn't.
cat >pair.nn <<'NN'
layer Pair()(x: [B, 3]) -> ([B, 2], [B, 4]) { return (Dense(2)(x), Dense(4)(x)); }
model net = Pair();
export fn f(x: [1, 3]) -> [] { let (a, b) = net(x); return sum(a) + sum(b); }
NN
expect 0 'l[0-9]+ -> n[0-9]+ \[label="f32\[1, 2\]"\]' nnc graph --depth=1 pair.nn
expect 0 'l[0-9]+ -> n[0-9]+;' nnc graph --depth=1 pair.nn
{
    echo 'layer Net()(x: [B, 8]) -> [B, 8] { var h = x; for i in 0..1000 { h = relu(Dense(8)(h)); } return h; }'
    echo 'model net = Net();'
    echo 'export fn f(x: [1, 8]) -> [1, 8] = net(x);'
} >deep.nn
[ "$(nnc graph deep.nn | wc -l)" -le 150 ] || fail "a thousand layers are closed"

# ---- SVG: what dot makes of the text
mkdir bin
cat >bin/dot <<'SH'
#!/bin/bash
[ "$1 $2" = "-Tsvg -o" ] && { echo "<svg>"; cat; } >"$3"
SH
chmod +x bin/dot
expect 0 '' env PATH="$work/bin:$PATH" "$NNC" graph two.nn -o two.svg
{ echo "<svg>"; cat two.dot; } | cmp - two.svg || fail "dot does not get the text"
printf '#!/bin/bash\necho no fonts; exit 1\n' >bin/dot
rm two.svg
expect 3 '`dot` fails: no fonts' env PATH="$work/bin:$PATH" "$NNC" graph two.nn -o two.svg
mkdir empty
expect 3 "can't run \`dot\`.*install graphviz" env PATH="$work/empty" "$NNC" graph two.nn -o two.svg
[ -z "$(ls two.svg* 2>/dev/null)" ] || fail "half a picture was left: $(ls two.svg*)"

# ---- every function of the samples: braces that close, edges between nodes that exist
for model in "$PROJECT_DIR"/samples/*/*.nn; do
    "$NNC" graph --function='?' "$model" 2>&1 | sed -n 's/.*there are: //p' | tr -d ' ' | tr , '\n' >functions
    [ -s functions ] || fail "no functions in $model"
    while read -r function; do
        "$NNC" graph --function="$function" "$model" -o f.dot || fail "$function of $model"
        awk '/\{$/ { open++ } /^ *\}$/ { open-- }
             /^ *[nlr][0-9]+ \[label/ { seen[$1] = 1 }
             /^ *[nl][0-9]+ -> / { sub(/;/, "", $3); if (!seen[$1] || !seen[$3]) bad = 1 }
             END { exit open != 0 || bad }' f.dot || fail "the text of $function of $model"
        ! command -v dot >/dev/null || dot -Tsvg f.dot -o f.svg || fail "dot and $function of $model"
    done <functions
done
done_testing
