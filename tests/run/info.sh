#!/bin/bash
# nnc info: shapes, parameters and work derived by hand; what it says agrees with the report of what is emitted; and
# programs of unusual forms.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
python=/usr/bin/python3
command -v $python >/dev/null || { echo "SKIP info: python3 reads its JSON"; exit 77; }
examples=$PROJECT_DIR/tests/examples

says() { # FILE EXPRESSION over r, fn("name"), layer("path")
    $python - "$1" "$2" <<'PY' || fail "$1: not true: $2"
import json, math, sys
r = json.load(open(sys.argv[1]))
def fn(name): return next(f for f in r["functions"] if f["name"] == name)
def layer(path): return next(l for l in r["layers"] if l["path"] == path)
sys.exit(0 if eval(sys.argv[2]) else 1)
PY
}

# ---- every program: what is written is what is emitted, where nothing is derived; parameters add up
for model in "$PROJECT_DIR"/samples/*/*.nn "$PROJECT_DIR"/tests/programs/*.nn "$examples"/*.nn; do
    nnc check "$model" >/dev/null 2>&1 || continue # examples ahead of this version
    "$NNC" info --json "$model" >info.json || fail "nnc info --json $model"
    "$NNC" info "$model" >info.txt || fail "nnc info $model"
    "$NNC" report --json --n=1 "$model" >report.json || fail "nnc report --json $model"
    $python - "$model" <<'PY' || fail "nnc info $model"
import json, math, re, sys
source = open(sys.argv[1]).read()
EXACT = ["lenet", "resnet20", "dcgan", "vae", "digits", "iris", "conv", "attention"]
info, report = json.load(open("info.json")), json.load(open("report.json"))
text = open("info.txt").read().replace(",", "")
params = sum(math.prod(s["shape"]) for s in info["stores"] if s["kind"] == "param")
assert f": {params} parameters in {info['real']}" in text
reported = {g["name"]: g for g in report["functions"]}
written = {f["name"] for f in info["functions"]}
# A report is of the functions that there are: not of a step that equals another, but of what a loop does before it.
assert all(name in written or g["kind"] == "invariant" for name, g in reported.items())
assert all(f["name"] in reported or f["kind"] in ("step", "eval", "update") for f in info["functions"])
for f in info["functions"]:
    g = reported.get(f["name"])
    if not g: continue
    # What is applied twice to the same is computed once; a step, and what holds a `grad`, has derivatives besides.
    body = re.search(r"\bfn " + f["name"] + r"\b.*?(?=^\S|\Z)", source, re.S | re.M)
    derives = f["kind"] == "step" or "grad(" in (body.group() if body else source)
    assert f["macs"] >= g["macs"] or derives, f["name"]
    assert f["macs"] == g["macs"] or f["kind"] != "export" or derives or info["model"] not in EXACT, f["name"]
    assert f"{f['name']}(" in text
shown = [l for l in info["layers"] if "." not in l["path"]]
assert len({l["path"] for l in info["layers"]}) == len(info["layers"]), "a layer is shown twice"
of_models = sum(math.prod(s["shape"]) for s in info["stores"] if s["kind"] == "param" and "." in s["name"])
assert sum(l["parameters"] for l in shown) == of_models
PY
done

# ---- LeNet
nnc info --json "$examples/lenet.nn" >lenet.json
says lenet.json "[l['path'] for l in r['layers']] == ['net', 'net.conv2d_0', 'net.max_pool2d_0', 'net.conv2d_1', 'net.max_pool2d_1', 'net.dense_0', 'net.dense_1']"
says lenet.json "[l['type'] for l in r['layers']] == ['LeNet', 'Conv2d', 'MaxPool2d', 'Conv2d', 'MaxPool2d', 'Dense', 'Dense']"
says lenet.json "[l['output'][3:] for l in r['layers']] == ['[N, 10]', '[N, 20, 24, 24]', '[N, 20, 12, 12]', '[N, 50, 8, 8]', '[N, 50, 4, 4]', '[N, 500]', '[N, 10]']"
says lenet.json "[l['parameters'] for l in r['layers']] == [431080, 520, 0, 25050, 0, 400500, 5010]"
says lenet.json "[l['macs'] for l in r['layers']] == [2293000, 24*24*20*25, 0, 8*8*50*20*25, 0, 800*500, 500*10]"
says lenet.json "layer('net.conv2d_0')['flops'] == 2*24*24*20*25 + 24*24*20"  # the bias
says lenet.json "fn('fit_step')['macs'] == 2293000 and fn('fit_step')['n'] == 1 and fn('fit_step')['bound'] == 64"
says lenet.json "fn('classify')['inputs'] == [{'name': 'x', 'dtype': 'f32', 'shape': ['N', 1, 28, 28]}]"
says lenet.json "fn('classify')['outputs'][0]['shape'] == ['N', 10]"
says lenet.json "[d['name'] for d in r['data']] == ['mnist', 'mnist_2'] and r['data'][1]['files'][0] == 't10k-images-idx3-ubyte'"
says lenet.json "r['trains'] == ['fit'] and r['options'] == []"
nnc info --json --n=64 "$examples/lenet.nn" >sixtyfour.json
says sixtyfour.json "layer('net.conv2d_0')['macs'] == 64*24*24*20*25"
expect 0 '^    conv2d_0 +Conv2d +f32\[N, 20, 24, 24\] +520 +288,000 +587,520  W \[20, 1, 5, 5\], b \[20\]$' nnc info "$examples/lenet.nn"
expect 0 'eval mnist_2 in batches of 64: fit_eval_mnist, after every epoch' nnc info "$examples/lenet.nn"
expect 0 'save 8 stores to lenet.safetensors' nnc info "$examples/lenet.nn"
expect 0 'as step fit_step computes them; work for batch = 64' nnc info --function=fit_step --n 999 "$examples/lenet.nn"

# ---- ResNet-20: 272,474 trainable parameters
nnc info --json "$examples/resnet20.nn" >resnet20.json
says resnet20.json "layer('net')['parameters'] == 272474 and layer('net')['macs'] == 40813184"
says resnet20.json "layer('net.residual_3')['output'] == 'f32[1, 32, 16, 16]' and layer('net.residual_3')['type'] == 'Residual'"
says resnet20.json "layer('net.residual_8.conv_bn_1.conv2d_0')['macs'] == 8*8*64*64*9"
expect 0 'residual_0\.\.2 \(3 alike\) +Residual ' nnc info "$examples/resnet20.nn"
nnc info --depth=1 "$examples/resnet20.nn" | grep -q '^ *residual' && fail "--depth=1 shows what is deeper"

# ---- margins, dilation and groups: elements of the result times depth
cat >convs.nn <<'NN'
layer Up()(x: [B, 8, 5, 5]) -> [B, 6, 10, 10] { return Deconv2d(6, kernel = 4, stride = 2, pad = 1, bias = false)(x); }
layer Down()(x: [B, 8, 5, 5]) -> [B, 12, 3, 3] { return Conv2d(12, kernel = 3, stride = 2, pad = 1, groups = 4, bias = false)(x); }
model up = Up();
model down = Down();
export fn f(x: [2, 8, 5, 5]) -> [2, 6, 10, 10] = up(x);
export fn g(x: [2, 8, 5, 5]) -> [2, 12, 3, 3] = down(x);
NN
nnc info --json convs.nn >convs.json
says convs.json "fn('f')['macs'] == 2*6*10*10 * 8*4*4 and fn('g')['macs'] == 2*12*3*3 * 2*3*3"
nnc report --json convs.nn >convs_report.json
says convs_report.json "fn('f')['macs'] == 2*6*10*10 * 8*4*4 and fn('g')['macs'] == 2*12*3*3 * 2*3*3"

# ---- an export that only decodes does not hide the encoder; two models; one layer applied twice
nnc info --json "$examples/vae.nn" >vae.json
says vae.json "layer('vae')['function'] == 'fit_step' and layer('vae.e1')['macs'] == 784*400 and layer('vae')['parameters'] == 652824"
says vae.json "layer('vae')['output'] == 'f32[batch, 784]'"
nnc info --json "$examples/dcgan.nn" >dcgan.json
says dcgan.json "layer('D')['function'] == 'gan_step' and layer('G')['function'] == 'generate'"
cat >twice.nn <<'NN'
layer Pair()(x: [B, 4]) -> [B, 4] { let d = Dense(4, bias = false); return d(d(x)); }
model net = Pair();
param scale: [3] = 1.0;
export fn f(x: [2, 4], y: [3]) -> [2, 4] = net(x) * sum(scale * y);
NN
nnc info --json twice.nn >twice.json
says twice.json "layer('net.d')['macs'] == 2 * 2 * 4 * 4 and layer('net.d')['parameters'] == 16"
expect 0 ': 19 parameters' nnc info twice.nn
expect 0 '\(no layer\) +3 ' nnc info --function=f twice.nn
# A model that only an update applies.
cat >update.nn <<'NN'
model net = Dense(2);
state s: [2] = 0.0;
data p { x: [2] from rows([[1, 2]]); }
train fit { update s = net(s);  eval d in p() { report m = sum(s + d.x); } }
NN
nnc info --json update.nn >update.json
says update.json "layer('net')['parameters'] == 6 and layer('net')['macs'] == 4 and fn(layer('net')['function'])['kind'] == 'update'"
# Functions only; nothing at all; an option at run time; text from files.
printf 'export fn f(x: [3]) -> [3] = x * 2;\n' >plain.nn
expect 0 '^plain: 0 parameters in f32, 0 bytes$' nnc info plain.nn
expect 0 'f\(x: f32\[3\]\) -> result: f32\[3\]$' nnc info plain.nn
nnc info plain.nn | grep -q '^layers' && fail "a table of no layers"
printf '' >nothing.nn
expect 0 '^nothing: 0 parameters' nnc info nothing.nn
expect 0 '"layers":\[\]' nnc info --json nothing.nn
expect 0 '' nnc info --json -o to.json plain.nn
cmp <(nnc info --json plain.nn) to.json || fail "-o writes something else"

expect 0 '^  and 15 of evaluations. state, 60 bytes$' nnc info "$PROJECT_DIR/tests/programs/phases.nn"
expect 0 'phase member\[1\]: 12 epochs of iris in batches of 16: fit_step_2; stops 2 epochs after the best loss' nnc info "$PROJECT_DIR/tests/programs/phases.nn"

# ---- wrong calls
expect 2 'no function `g`; .*f, init' nnc info --function=g plain.nn
expect 2 'no model given' nnc info
printf 'let x = ;\n' >bad.nn
expect 1 'error\[E' nnc info bad.nn
done_testing
