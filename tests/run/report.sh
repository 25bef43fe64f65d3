#!/bin/bash
# nnc report: numbers that were derived by hand, sums that hold, and programs of unusual forms.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
python=/usr/bin/python3
command -v $python >/dev/null || { echo "SKIP report: python3 reads its JSON"; exit 77; }
examples=$PROJECT_DIR/tests/examples

# says FILE EXPRESSION: python's value of the expression over r, the report; fn("name") and layer("fn", "path") pick
says() {
    $python - "$1" "$2" <<'PY' || fail "$1: not true: $2"
import json, sys
r = json.load(open(sys.argv[1]))
def fn(name): return next(f for f in r["functions"] if f["name"] == name)
def layer(f, path): return next(l for l in fn(f)["layers"] if l["path"] == path)
sys.exit(0 if eval(sys.argv[2]) else 1)
PY
}

# What holds for every program: an arena that holds its largest set, layers whose sums are the function's numbers.
cat >sums.py <<'PY'
import json, sys
r = json.load(sys.stdin)
keys = ["parameters", "kernels", "macs", "flops", "bytes_read", "bytes_written"]
for f in r["functions"]:
    name = sys.argv[1] + ", " + f["name"]
    assert f["scratch_bytes"] >= f["bound_bytes"] >= 0, name
    assert f["arena_bytes"] == r["store_bytes"] + f["scratch_bytes"] <= r["arena_bytes"], name
    for of, rows in (("layers", [l for l in f["layers"] if l["depth"] == 1]), ("steps", f["steps"])):
        for key in keys if of == "layers" else keys[2:]:
            assert sum(x[key] for x in rows) == f[key], (name, of, key)
    assert sum(l["peak_bytes"] for l in f["layers"] if l["depth"] == 1) == f["bound_bytes"], name
    assert max([s["alive_bytes"] for s in f["steps"]], default=0) == f["bound_bytes"], name
    kinds = [s["kind"] for s in f["steps"]] # a loop's body has kernels of its own, or none
    assert f["kernels"] >= kinds.count("kernel") and ("loop" in kinds or f["kernels"] == kinds.count("kernel")), name
    assert f["flops"] >= 2 * f["macs"], name
    for l in f["layers"]:
        inner = [x for x in f["layers"] if x["path"].startswith(l["path"] + ".")]
        assert all(x["macs"] <= l["macs"] and x["parameters"] <= l["parameters"] for x in inner), name
PY
for model in "$PROJECT_DIR"/samples/*/*.nn "$PROJECT_DIR"/tests/programs/*.nn "$examples"/*.nn; do
    nnc check "$model" >/dev/null 2>&1 || continue # examples ahead of this version
    "$NNC" report --json --cost "$model" >all.json || fail "nnc report --json $model"
    $python sums.py "$(basename "$model")" <all.json || fail "sums of $model"
    "$NNC" report "$model" >text.txt || fail "nnc report $model"
    # The text has the same numbers as the JSON.
    $python - <<'PY' || fail "text and JSON of $model differ"
import json, re, sys
r = json.load(open("all.json"))
text = open("text.txt").read().replace(",", "")
assert f"an arena of {r['arena_bytes']} bytes of which {r['store_bytes']} are stores" in text
for f in r["functions"]:
    numbers = [f[k] for k in ("parameters", "kernels", "macs", "flops")]
    numbers += [f["bytes_read"] + f["bytes_written"], f["scratch_bytes"], f["bound_bytes"]]
    assert re.search("^" + re.escape(f["name"]) + r"\b.* " + " +".join(map(str, numbers)) + r"\b", text, re.M), (f["name"], numbers)
PY
done

# ---- LeNet (20 and 50 channels of 5x5, 800-500-10), batch 64
nnc report --json "$examples/lenet.nn" >lenet.json
c1=$((24 * 24 * 20 * 25)) c2=$((8 * 8 * 50 * 20 * 25)) d1=$((800 * 500)) d2=$((500 * 10))
forward=$((c1 + c2 + d1 + d2))
says lenet.json "fn('classify')['macs'] == 64 * $forward"
says lenet.json "layer('classify', 'net.conv2d_0')['macs'] == 64 * $c1"
says lenet.json "layer('classify', 'net.conv2d_1')['macs'] == 64 * $c2"
says lenet.json "layer('classify', 'net.dense_0')['macs'] == 64 * $d1"
# The step: each gradient of weights costs what forward costs; so do those of inputs, but conv2d_0 needs none, and
# conv2d_1's goes over all 12 x 12 places of its input with 25 * 50 taps each.
says lenet.json "layer('fit_step', 'net.conv2d_0')['macs'] == 64 * 2 * $c1"
says lenet.json "layer('fit_step', 'net.conv2d_1')['macs'] == 64 * (2 * $c2 + 12 * 12 * 20 * 50 * 25)"
says lenet.json "layer('fit_step', 'net.dense_0')['macs'] == 64 * 3 * $d1"
says lenet.json "layer('fit_step', 'net.dense_1')['macs'] == 64 * 3 * $d2"
for f in fit_step fit_eval_mnist classify init; do
    says lenet.json "fn('$f')['parameters'] == 20 * 25 + 20 + 50 * 20 * 25 + 50 + 800 * 500 + 500 + 500 * 10 + 10"
done
says lenet.json "fn('prepare_mnist')['parameters'] == 0"
# Nothing below the images it reads and the logits it writes can be right for the bytes of classify.
says lenet.json "fn('classify')['bytes_read'] >= 4 * (431080 + 64 * 784)"
says lenet.json "layer('classify', 'net.conv2d_0')['bytes_read'] >= 4 * (64 * 784 + 500)" # the bias is read with the pooling behind it
# One image.
nnc report --json --n=1 "$examples/lenet.nn" >one.json
says one.json "fn('classify')['macs'] == $forward and fn('classify')['n'] == 1 and fn('classify')['bound'] == 64"
$python - <<'PY' || fail "memory depends on --n"
import json
x, y = (json.load(open(f))["functions"] for f in ("one.json", "lenet.json"))
assert all(a["scratch_bytes"] == b["scratch_bytes"] for a, b in zip(x, y))
PY
nnc report --json --n=1000 "$examples/lenet.nn" | cmp - lenet.json || fail "--n above the bound is the bound"
nnc report --json --real=f64 "$examples/lenet.nn" >double.json
says double.json "fn('classify')['macs'] == 64 * $forward and fn('classify')['bytes_read'] > 2 * 4 * 431080"

# ---- digits, 64-H-10: a dense step costs three products a layer, but the first needs no gradient of its input
nnc report --json --n=1 "$PROJECT_DIR/samples/digits/digits.nn" >digits.json
says digits.json "all(f['macs'] in (0, 64*H + H*10, 2*64*H + 3*H*10) for H in [(fn('init')['parameters'] - 10) // 75] for f in r['functions'])"
says digits.json "(fn('init')['parameters'] - 10) % 75 == 0"

# An update reads parameter, two slots and gradient, and writes all but the gradient, whatever the calls it is split into.
nnc report --json --cost "$PROJECT_DIR/samples/digits/digits.nn" >cost.json
says cost.json "[sum(s[k] for s in fn('fit_step')['steps'] if s['what'] == 'Adam') for k in ('bytes_read', 'bytes_written')] == [4 * 4 * 9610, 3 * 4 * 9610]"

# ---- on a device: a launch for each kernel, for each 56 parameters of an update, and one before it that counts or clips
nnc report --json --cost --backend=cuda "$PROJECT_DIR/samples/digits/digits.nn" >device.json
says device.json "fn('fit_step')['launches'] == sum({'kernel': 1, 'optimizer': 2, 'copy': 0}[s['kind']] for s in fn('fit_step')['steps'])"
says device.json "fn('fit_step')['copies'] == sum(s['kind'] == 'copy' for s in fn('fit_step')['steps']) == 1"
says device.json "fn('classify')['launches'] == fn('classify')['kernels'] == 4 and fn('classify')['copies'] == 0"
nnc report --json "$PROJECT_DIR/samples/digits/digits.nn" >cpu.json
says cpu.json "'launches' not in fn('fit_step') and 'copies' not in fn('fit_step')"
expect 0 '^fit_step +batch = 32 +9,610 +14 +1 +647,168 ' nnc report --backend=cuda "$PROJECT_DIR/samples/digits/digits.nn"
many() { # COUNT: so many parameters; with clipping they are updated in one call
    echo 'layer Net()(x: [B, 2]) -> [B, 2] { var h = x; for i in 0..'"$1"' { h = h + Bias()(h); } return h; }'
    echo 'layer Bias()(x: [B, n]) -> [B, n] { param b: [n] = zeros(); return expand(b, 0) * x; }'
    echo 'model net = Net();'
    echo 'data d { x: [2] from csv("d.csv"); }'
    echo "train fit { epochs = 1; batch = 2; let opt = SGD(lr = 0.1, clip_norm = 1.0); each e in d() { minimize sum(net(e.x)) over net using opt; } }"
}
for row in '56 2' '57 4'; do
    many "${row% *}" >many.nn
    nnc report --json --backend=cuda many.nn >many.json || fail "${row% *} parameters"
    says many.json "fn('fit_step')['launches'] - fn('fit_step')['kernels'] == ${row#* }"
done
grep -q "NN_CUDA_SPANS = 56," "$PROJECT_DIR/runtime/cuda/nn_cuda_optim.h" && grep -q "DEVICE_SPANS = 56 " "$PROJECT_DIR/codegen/cost.c" ||
    fail "the report and the optimizers on a device disagree about the parameters of a launch"

# ---- ResNet-20 on 32 x 32: https://arxiv.org/abs/1512.03385, table 6, with projections where the shape changes
nnc report --json "$examples/resnet20.nn" >resnet20.json
stage() { echo $((($1 * 9 * $2 + 5 * $2 * 9 * $2 + $3 * $1 * $2) * $4 * $4)); } # from, to, projection, side
macs=$((32 * 32 * 3 * 9 * 16 + $(stage 16 16 0 32) + $(stage 16 32 1 16) + $(stage 32 64 1 8) + 640))
says resnet20.json "fn('classify')['macs'] == $macs == 40813184"
says resnet20.json "layer('classify', 'net.residual_3.conv_bn_2.conv2d_0')['macs'] == 16 * 16 * 32 * 16"
says resnet20.json "fn('classify')['parameters'] == 3*9*16 + 6*16*9*16 + (16*9*32 + 5*32*9*32 + 16*32) + (32*9*64 + 5*64*9*64 + 32*64) + 2*(16*7 + 32*7 + 64*7) + 64*10 + 10"

# ---- elementwise work and bytes, exactly
cat >small.nn <<'NN'
export fn add(x: [6, 7], y: [6, 7]) -> [6, 7] = x + y;
export fn total(x: [6, 7]) -> [] = sum(x * x);
export fn part(x: [100]) -> [10] = x[5..15] * 2;
export fn same(x: [5]) -> [5] = x;
dim N <= 8;
export fn rows(x: [N, 3]) -> [N, 3] = exp(x) + 1;
export fn outer(x: [4], y: [5]) -> [4, 5] = reshape(x, [4, 1]) @ reshape(y, [1, 5]);
NN
nnc report --json --cost small.nn >small.json
says small.json "(fn('add')['flops'], fn('add')['bytes_read'], fn('add')['bytes_written']) == (42, 2 * 168, 168)"
says small.json "(fn('total')['flops'], fn('total')['bytes_read'], fn('total')['bytes_written']) == (84, 168, 4)"
says small.json "(fn('part')['flops'], fn('part')['bytes_read'], fn('part')['bytes_written']) == (10, 40, 40)"
says small.json "(fn('same')['flops'], fn('same')['bytes_read'], fn('same')['bytes_written']) == (0, 20, 20)"
says small.json "(fn('rows')['flops'], fn('rows')['bytes_read']) == (2 * 24, 96)"
says small.json "all(f['parameters'] == f['macs'] == 0 for f in r['functions'] if f['name'] != 'outer')"
says small.json "[l['path'] for l in fn('add')['layers']] == ['']"
says small.json "fn('add')['steps'][0]['what'] == 'map' and fn('add')['steps'][0]['place'].startswith('small.nn:1:')"
nnc report --json --n 3 small.nn >three.json
says three.json "(fn('rows')['flops'], fn('rows')['bytes_read'], fn('add')['flops']) == (18, 36, 42)"

# ---- numbers that do not fit stay at the largest there is
{
    printf 'export fn f(x: [1048576, 1048576]) -> [1048576, 1048576] = x'
    for _ in 1 2 3 4 5 6 7 8; do printf ' @ x'; done
    echo ';'
} >huge.nn
nnc report --json huge.nn >huge.json
says huge.json "fn('f')['flops'] == 2**63 - 1 == fn('f')['macs']"

# ---- forms: what is equal is one row; depths; one function; kernels
{
    echo 'layer Net()(x: [B, 8]) -> [B, 8] { var h = x; for i in 0..1000 { h = relu(Dense(8)(h)); } return h; }'
    echo 'model net = Net();'
    echo 'export fn f(x: [1, 8]) -> [1, 8] = net(x);'
} >deep.nn
nnc report deep.nn >deep.txt || fail "a thousand layers"
[ "$(wc -l <deep.txt)" -le 80 ] || fail "a thousand equal layers take $(wc -l <deep.txt) lines"
expect 0 'dense_[0-9]+\.\.[0-9]+ \([0-9]+ alike\)' cat deep.txt
nnc report --json deep.nn >deep.json
says deep.json "len(fn('f')['layers']) >= 1001 and fn('f')['macs'] == 64000 and layer('f', 'net.dense_999')['macs'] == 64"
expect 0 '' nnc report --depth=1 --function=classify "$examples/resnet20.nn" -o one.txt
grep -q '^ *residual' one.txt && fail "--depth=1 shows what is deeper"
expect 0 '^  net +272,474' cat one.txt
grep -q '^init' one.txt && fail "--function shows another function"
expect 0 '  0  dot +net.conv2d_0' nnc report --cost --function classify "$examples/lenet.nn"
expect 0 'residual_1\.\.2 \(2 alike\) +9,344 ' nnc report "$examples/resnet20.nn"

# ---- wrong calls
expect 2 'no function `classfy`; did you mean `classify`' nnc report --function=classfy "$examples/lenet.nn"
expect 2 'takes a whole number from 1 on, not `0`' nnc report --depth=0 deep.nn
expect 2 'takes a whole number from 1 on, not `x`' nnc report --n=x deep.nn
expect 2 'takes a whole number from 1 on, not `99999999999999999999`' nnc report --n=99999999999999999999 deep.nn
expect 2 '--cost goes with one of the commands: report' nnc info --cost deep.nn
expect 2 '--json goes with' nnc check --json deep.nn
expect 2 'no model given' nnc report
expect 2 'overwrite the input' nnc report deep.nn -o deep.nn
printf 'let x = ;\n' >bad.nn
expect 1 'error\[E' nnc report --json bad.nn
done_testing
