#!/bin/bash
# nnc graph: the picture of a function, as DOT, and as SVG where -o says so.
. "$PROJECT_DIR/tests/lib.sh"
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
expect 0 'label="1\\nf32\[\]"' nnc graph --function=fit_step two.nn  # a number that is a result
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
             /^ *[nr][0-9]+ \[label/ { seen[$1] = 1 }
             / -> / { sub(/;/, "", $3); if (!seen[$1] || !seen[$3]) bad = 1 }
             END { exit open != 0 || bad }' f.dot || fail "the text of $function of $model"
        ! command -v dot >/dev/null || dot -Tsvg f.dot -o f.svg || fail "dot and $function of $model"
    done <functions
done
done_testing
