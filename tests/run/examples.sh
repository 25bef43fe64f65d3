#!/bin/bash
# The examples of the design, as they stand in tests/examples/: all become C and CUDA text. Those that train do so for 20
# steps as C with stand-in data, and the loss ends below where it began; in f64 the C does what the interpreter does for
# 20 steps. (gpt2 and std_excerpt do not train; fragments reports no loss.) The stand-ins hold a few examples, so that a
# batch is small, and style has small pictures and a VGG that is not trained; where the network is too large for the
# interpreter even so, a narrow one, made by a sed script, is compared.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
command -v gcc >/dev/null || { echo "SKIP examples: gcc is not installed"; exit 77; }
runtime=$PROJECT_DIR/runtime
include=(-I "$runtime/core" -I "$runtime/host")
"$PROJECT_DIR/scripts/make_mnist.sh" data 4
"$PROJECT_DIR/scripts/make_cifar.sh" 4 >data/train.bin && cp data/train.bin data/test_batch.bin
"$PROJECT_DIR/scripts/make_faces.sh" 4 >data/celeba64.f32
head -c 400 "$PROJECT_DIR/samples/char_lstm/docs.txt" >data/shakespeare.txt
cp "$PROJECT_DIR/samples/iris/iris.csv" data
mkdir host && (cd host && gcc -O1 "${include[@]}" -c "$runtime"/host/nn_*.c) || exit 1

# The example says how ResNet-20 computes; the sample, which begins with the same text, also how it is trained.
model() {
    local sample=$PROJECT_DIR/samples/$1/$1.nn example=$PROJECT_DIR/tests/examples/$1.nn
    [ $1 = resnet20 ] || { cat "$example"; return; }
    cmp -s "$example" <(head -c "$(wc -c <"$example")" "$sample") || fail "the sample $1 does not begin with the example's text" >&2
    cat "$sample"
}

trains() {  # NAME REPORT [PHASE]
    nnc -S $1.nn -o $1.c || fail "nnc -S $1"
    gcc -O2 "${include[@]}" $1.c host/*.o -o $1 -lm || fail "$1.c"
    program ./$1 train --data data --out out --epochs 20 --steps 20 --json >$1.json || fail "$1 train"
    sed -n "s/.*\"event\":\"step\".*\"phase\":${3:-null}.*\"$2\":\([0-9.e+-]*\).*/\1/p" $1.json |
        awk -v name=$1 -v what=$2 'NR == 1 { first = $1 } { last = $1 } END { print name ": " what " from " first " to " last " in " NR " steps"; exit !(NR == 20 && last < first) }' ||
        fail "$1: $2"
}

# NAME f64|f64-steps SED: as it stands for SED empty; tests/equivalence.c says what the two are.
agrees() {
    local log
    sed "$3" $1.nn >$1_small.nn
    nnc -S --real=f64 $1_small.nn -o $1_small.c || fail "nnc -S --real=f64 $1"
    { grep -v '^int main(int argc' $1_small.c; echo 'const nn_model *test_model(void); const nn_model *test_model(void) { return &model; }'; } >$1_so.c
    gcc -O1 -w -shared -fPIC "${include[@]}" $1_so.c -o ./$1.so -lm || fail "$1_so.c"
    log=$("$BUILD_DIR/tests/equivalence" $1_small.nn $2 ./$1.so train --data data --out out --epochs 20 --steps 20 --quiet 2>&1) ||
        { fail "$1: interpreter and C differ"; tail -n 20 <<<"$log"; return; }
    echo "$1, $2: ${log##*$'\n'}"
}

# The data of style and fragments: drawn by a model.
drawn() {
    cat >drawn.nn <<'END'
export fn content() -> [1, 3, 32, 32] = 0.5 + 0.25 * randn([1, 3, 32, 32]);
export fn style() -> [1, 3, 32, 32] = 4.0 * rand([1, 3, 32, 32]);
export fn mackey() -> [4, 200, 1] = randn([4, 200, 1]);
export fn target() -> [4, 200, 1] = randn([4, 200, 1]);
export fn colours() -> [40, 3] = rand([40, 3]);
END
    nnc -S drawn.nn -o drawn.c && gcc -O1 "${include[@]}" drawn.c host/*.o -o drawn -lm || fail drawn.nn
    for what in content style mackey target; do ./drawn predict $what -o data/$what.npy || fail "drawn $what"; done
    ./drawn predict colours | sed '1d; s/^ *//; s/ /,/g' >data/colours.csv
}

# The weights that style loads, of the VGG that $1 makes of its text: what it begins with.
vgg() {  # SED
    sed "$1; /load vgg/d; s/0\.\.500/0..1/; s/save canvas to .*/save vgg to \"vgg16.safetensors\";/" style.nn >vgg.nn
    nnc -S vgg.nn -o vgg.c && gcc -O1 "${include[@]}" vgg.c host/*.o -o vgg -lm &&
        program ./vgg train --data data --out data --quiet || fail "the weights of style"
}

n=0
for example in "$PROJECT_DIR"/tests/examples/*.nn; do
    nnc -S "$example" -o text.c || fail "nnc -S $example"
    nnc -S --backend=cuda "$example" -o text.cu || fail "nnc -S --backend=cuda $example"
    n=$((n + 1))
done
[ $n -ge 11 ] || fail "only $n examples"

for name in lenet resnet20 vae dcgan char_lstm dbn ensemble style fragments; do model $name >$name.nn; done
sed -i 's/256, 256/32, 32/' style.nn
drawn
for name in lenet vae; do cmp "$PROJECT_DIR/tests/examples/$name.nn" "$PROJECT_DIR/samples/$name/$name.nn" || fail "the sample $name is not the example"; done
# Under sanitizers only what runs nnc's own code is worth the time.
[ "$NNC_SANITIZE" = ON ] || { trains lenet loss; trains resnet20 loss; trains vae rec; trains dcgan ld; trains char_lstm bpc; trains dbn recon '"greedy\[0\]"'; vgg ''; trains style loss; }
agrees lenet f64 ''
agrees resnet20 f64-steps 's/ConvBN(16)/ConvBN(4)/; s/Residual(16/Residual(4/'
agrees vae f64 ''
agrees dcgan f64 's/f: int = 64/f: int = 4/'
agrees char_lstm f64 's/512/8/g'
agrees dbn f64 's/784, 500/784, 30/; s/500, 250/30, 20/; s/250, 64/20, 10/'
narrow='s/(x, 64)/(x, 4)/; s/128)/6)/; s/(r2), 256)/(r2), 8)/'
vgg "$narrow"
agrees style f64 "$narrow"
# The ridge is made higher: with 1e-6 of it the readout multiplies roundings by 10^6.
agrees fragments f64 's/500/20/g; s/1e-6/1e-2/'
agrees ensemble f64 's/f32\[3\]/[3]/'
done_testing
