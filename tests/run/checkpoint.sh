#!/bin/bash
# A run that goes on from a checkpoint ends as the run that never stopped: from every step of several models, after
# signals, and after kills at random moments (NNC_KILLS, default 5). What a file that can't be written looks like.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
runtime=$PROJECT_DIR/runtime
programs=$PROJECT_DIR/tests/programs
sanitize=()
[ "${NNC_SANITIZE:-OFF}" = ON ] && sanitize=(-g -fsanitize=address,undefined -fno-sanitize-recover=all)
command -v "${CC:=cc}" >/dev/null || { echo "SKIP checkpoint: no C compiler"; exit 77; }
mkdir host
(cd host && "$CC" -std=c99 -D_POSIX_C_SOURCE=200809L -O1 "${sanitize[@]}" -I "$runtime/core" -I "$runtime/host" -c "$runtime"/host/nn_*.c &&
    "$CC" -std=c99 -O1 "${sanitize[@]}" -c "$PROJECT_DIR/tests/run/checkpoint_keep.c") || exit 1

build() {  # NAME MODEL: ./NAME, which keeps all checkpoints
    nnc -S "$2" -o "$1.c" && "$CC" -std=c99 -O1 "${sanitize[@]}" -I "$runtime/core" -I "$runtime/host" "$1.c" host/*.o \
        -Wl,--wrap=rename -lm -o "$1" 2>err || { cat err; grep -q -- '--wrap' err && { echo "SKIP checkpoint: this linker knows no --wrap"; exit 77; }; exit 1; }
}

# The steps that a log tells after the n-th.
after() { awk -v n="$1" 'c >= n; /"event":"step"/ { c++ }' "$2"; }

every_step() {  # NAME MODEL ARGS…: from each checkpoint of a run that makes one at every step
    local name=$1 model=$2 n f steps
    shift 2
    [ -e "$name" ] || build "$name" "$model"
    rm -rf full keep && mkdir keep
    KEEP=keep program "./$name" train "$@" --json --checkpoint-every 1 --out full --save full.st >full.log || fail "$name: train"
    "./$name" train "$@" --json --out plain --save plain.st >plain.log || fail "$name: train without checkpoints"
    cmp full.log plain.log && cmp full.st plain.st || fail "$name: checkpoints change the run"
    steps=$(grep -c '"event":"step"' full.log)
    [ "$(ls keep | wc -l)" = "$steps" ] && [ "$steps" -gt 5 ] || fail "$name: $steps steps, $(ls keep | wc -l) checkpoints"
    for n in $(seq 1 "$steps"); do
        rm -rf part && cp -r full part && rm part/*.ckpt* && cp "keep/$n" "part/$name.ckpt"
        "./$name" train --resume --data "${data:-.}" --json --out part --save part.st >part.log || { fail "$name: resume from step $n"; return; }
        after "$n" full.log | cmp - part.log && cmp full.st part.st || { fail "$name: from step $n the run is another"; return; }
        for f in part/*; do
            case $f in *.ckpt*) ;; *) cmp "$f" "full/${f#part/}" || fail "$name: from step $n $f is another" ;; esac
        done
    done
    echo "$name $*: $steps checkpoints"
}

digits=$PROJECT_DIR/samples/digits
data=$digits/data every_step digits "$digits/digits.nn" --data "$digits/data" --steps 30 --epochs 1 --seed 7
data=$PROJECT_DIR/samples/iris every_step phases "$programs/phases.nn" --data "$PROJECT_DIR/samples/iris" --set lr=0.02 --epochs 4
data=$programs/data every_step streams "$programs/streams.nn" --data "$programs/data" --epochs 4
data=$programs/data every_step streams "$programs/streams.nn" --data "$programs/data" --steps 5 --no-shuffle
cat >many.nn <<'SRC'
# Momentum, batch normalisation, dropout, states; evals with states; blocks, phases, items between the loops.
data p(n: int) { x: [3] from rows([[i * 1.0, i * i * 0.1, 1.0 - i] for i in 0..n]); y: [1] = x[..1] - x[1..2]; shuffle = n > 4; }
layer Net()(x: [B, k]) -> [B, 1] { return x |> Dense(4) |> BatchNorm() |> relu |> Dropout(0.5) |> Dense(1); }
model net = Net();
model other = Dense(1);
train first {
    seed = 3; batch = 2; epochs = 3; patience = 1; watch = "far"; 
    let o = SGD(lr = 0.01, momentum = 0.9);
    each (a, b) in (p(7), p(3)) {
        minimize mean((net(a.x) - a.y) ** 2) + mean((net(b.x) + other(b.x) * randn([batch, 1])) ** 2) over net, other using o;
    }
    eval d in p(5) every 2 { state n: f32 = 0.0; let far = mean(abs(net(d.x) - d.y)); update n = n + far; report far; finish { report total = n; } }
    save net to "first.safetensors";
}
train second {
    batch = 3;
    let o = Adam(lr = 0.05);
    each i in 0..2 { report before = step; }
    for i in 0..2 {
        phase again { epochs = 2; phase inner { epochs = 1; each i in 0..2 { report s = step, e = epoch; } } each d in p(4) { minimize mean((net(d.x) - d.y) ** 2) over net using o; report e = epoch; } then { report s = step; } }
    }
    load net from "first.safetensors";
    eval d in p(5) { report at = mean(net(d.x)); }
    each i in 0..4 { minimize mean(other([[1.0, 2.0, 3.0]]) ** 2) over other using o; report i = cast(i, real), s = step, e = epoch; }
}
SRC
nnc check many.nn || fail "many.nn"
every_step many many.nn
every_step many many.nn --epochs 4
every_step accumulate "$programs/accumulate.nn"
every_step invariant "$programs/invariant.nn" # a checkpoint doesn't hold what all steps have in common

# ---- the interpreter: the same runtime, the same model
interpreted() { nnc --interpret many.nn -- train "$@"; }
interpreted --json --checkpoint-every 5 --out i --save i.st >i.log || fail "interpreted"
interpreted --json --resume --out i --save i2.st >i2.log || fail "interpreted, resumed"
cmp i.st i2.st && after "$(($(grep -c '"event":"step"' i.log) / 5 * 5))" i.log | cmp - i2.log || fail "interpreted: another run"
./many train --quiet --resume --out i || fail "the program is not the interpreted one's model"

# ---- another model, which differs in a number, in an option, in its data
mkdir changed
for change in 's/0.9/0.8/' 's/Dropout(0.5)/Dropout(0.25)/' 's/Dense(4)/Dense(5)/' 's/p(7)/p(8)/' 's/patience = 1/patience = 2/' 's/i \* i \* 0.1/i * i * 0.2/'; do
    sed "$change" many.nn >changed/many.nn
    cmp -s many.nn changed/many.nn && fail "$change changes nothing"
    expect 1 'is a checkpoint of another model: ' "$NNC" --interpret changed/many.nn -- train --quiet --resume --out i
done
# A comment, another place, a new name inside: the same one.
{ echo '# more'; sed 's/(a, b) in/(c, b) in/; s/a\.x/c.x/g; s/a\.y/c.y/g' many.nn; } >changed/many.nn
expect 0 '' "$NNC" --interpret changed/many.nn -- train --quiet --resume --out i

# ---- signals
long=(./digits train --data "$digits/data" --quiet --epochs 300)
record program "${long[@]}" --checkpoint-every 50 --resume
"${long[@]}" --save whole.st || fail "long"
for signal in INT:130 TERM:143; do
    rm -rf part part.st
    "${long[@]}" --out part --save part.st 2>err & pid=$!
    while [ ! -d part ]; do sleep 0.01; done
    sleep 0.1
    kill -"${signal%:*}" $pid
    wait $pid; code=$?
    [ $code = "${signal#*:}" ] || fail "exit code $code after SIG${signal%:*}"
    grep -q '^interrupted' err && grep -q 'train --resume.* goes on from here: part/digits.ckpt' err || { fail "what is said after SIG${signal%:*}"; cat err; }
    [ ! -e part.st ] || fail "saved when interrupted"
    expect 0 '' "${long[@]}" --resume --out part --save part.st
    cmp whole.st part.st || fail "another run after SIG${signal%:*}"
    rm -f part.st
done

# ---- killed at random moments
kills=0 rounds=0 seconds=$SECONDS
RANDOM=${NNC_KILL_SEED:-1}
rm -rf part
while [ $kills -lt "${NNC_KILLS:-5}" ]; do
    resume=--resume
    ls part/digits.ckpt* >/dev/null 2>&1 || resume=
    "${long[@]}" --checkpoint-every 50 $resume --out part --save part.st 2>err & pid=$!
    sleep 0.$(printf %03d $((RANDOM % 500)))
    kill -KILL $pid 2>/dev/null && killed=1 || killed=0
    { wait $pid; code=$?; } 2>/dev/null
    if [ $code = 137 ]; then kills=$((kills + 1)); continue; fi
    [ $code = 0 ] || { fail "exit code $code after $kills kills"; cat err; break; }
    cmp whole.st part.st || fail "after $kills kills the weights are others"
    rounds=$((rounds + 1))
    rm -rf part part.st
done
ls part/digits.ckpt* >/dev/null 2>&1 && resume=--resume || resume=
[ ! -s err ] || cat err
expect 0 '' "${long[@]}" $resume --out part --save part.st
cmp whole.st part.st || fail "after $kills kills the weights are others"
echo "$kills kills in $((rounds + 1)) runs, $((SECONDS - seconds)) s"

# ---- what a killed process left
rm -rf part && mkdir part
sleep 0 & gone=$!
wait $gone
left=(part/.digits.ckpt.tmp-$gone) stay=(part/.digits.ckpt.tmp-$$ part/.digits.ckpt.tmp-${gone}x part/.other.ckpt.tmp-$gone part/.digits.ckpt.tmp-)
touch "${left[@]}" "${stay[@]}"
expect 0 '' "${long[@]}" --epochs 1 --out part --checkpoint-every 10
ls "${stay[@]}" >/dev/null || fail "a checkpoint removes what is not its own"
[ ! -e "${left[0]}" ] || fail "a checkpoint leaves what a killed process began"
touch "${left[@]}"
expect 0 '' ./digits train --data "$digits/data" --quiet --resume --out part
[ ! -e "${left[0]}" ] && ls "${stay[@]}" >/dev/null || fail "--resume: $(ls -A part)"

# ---- a disk that is full: here, files that may not grow so large
rm -rf part
full() { (trap '' XFSZ; ulimit -f 1; "${long[@]}" --epochs 1 --out part --checkpoint-every 10); }
expect 3 'error: part/digits.ckpt: can.t be written: File too large' full
[ -z "$(ls -A part)" ] || fail "a checkpoint that could not be written left $(ls -A part)"

done_testing
