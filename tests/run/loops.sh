#!/bin/bash
# `scan`, in the interpreter and as C, against the same steps unrolled by a static `for`: losses of a training agree,
# in f64.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1

# A cell that is applied at every step, a sum over what it gives, draws, a gradient inside the loop.
model() {  # LOOP
    cat <<NN
layer Cell(n: int)(x: [B, m], h: [B, n]) -> [B, n] {
    param W: [m, n] = normal(std = 0.4);
    param U: [n, n] = normal(std = 0.4);
    return tanh(x @ W + h @ U);
}
fn energy(h: [B, n], x: [B, n]) -> [] = sum(h ** 4) + sum(h * x);
layer Net(n: int)(x: [B, t, m]) -> [B, 1] {
    let cell = Cell(n);
    let scale = exp(mean(x, axis = [1, 2], keepdim = true)[.., 0]);
$1
    return Dense(1)(last + mean(all, axis = 1));
}
model net = Net(3);
data d {
    x: [5, 2] from rows([[[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8], [0.9, 1.0]],
                         [[0.2, 0.2], [0.1, 0.4], [0.5, 0.3], [0.7, 0.1], [0.2, 1.0]],
                         [[0.3, 0.9], [0.2, 0.4], [0.1, 0.3], [0.8, 0.1], [0.2, 0.7]]]);
    y: [1] from rows([[1.0], [0.0], [0.5]]);
}
train fit {
    epochs = 5; batch = 2; seed = 3;
    let opt = Adam(lr = 0.05);
    each b in d() {
        let loss = mean((net(b.x) - b.y) ** 2);
        minimize loss over net using opt;
        report loss, slope = sum(grad(sum(net(b.x) ** 2), b.x) ** 2);
    }
}
NN
}
losses() {  # MODEL [COMMAND...]
    if [ $# = 1 ]; then set -- "$1" "$NNC" --real=f64 --interpret "$1" --; fi
    "${@:2}" train --json --out out >log 2>err || { cat err; fail "$1"; }
    grep -oE '"event":"step".*' log | grep -oE '"(loss|slope)":[-+.0-9e]+'
}
same() {  # NAME: loop.nn and unrolled.nn
    "$NNC" --real=f64 loop.nn -o loop || fail "$1: does not compile"
    losses loop.nn >a
    losses loop.nn ./loop >c
    losses unrolled.nn >b
    [ "$(wc -l <a)" = 20 ] || fail "$1: $(wc -l <a) values"
    close "$1" a b
    close "$1, as C" c b
}
close() {  # NAME VALUES VALUES
    [ "$(wc -l <"$2")" = "$(wc -l <"$3")" ] || fail "$1: $(wc -l <"$2") values"
    paste -d: "$2" "$3" | awk -F: -v name="$1" '{ d = $2 - $4; s = $2 < 0 ? -$2 : $2; if (d < 0) d = -d
        if ($1 != $3 || d > 1e-12 * (s > 1 ? s : 1)) { print name ": line " NR ": " $0; bad = 1 } } END { exit bad }' || fail "$1"
}

model '    let (all, last) = scan(xt in x, axis = 1; h = zeros([B, n])) {
        let g = cell(xt, h) * scale;
        yield g * 2.0;
        next h = g - 0.1 * grad(energy(g, h), g);
    };' >loop.nn
model '    var h = zeros([B, n]);
    var ys = [zeros([B, 1, n])];
    for i in 0..t {
        let g = cell(x[.., i], h) * scale;
        ys = ys + [reshape(g * 2.0, [B, 1, n])];
        h = g - 0.1 * grad(energy(g, h), g);
    }
    let all = concat(ys, axis = 1)[.., 1..];
    let last = h;' >unrolled.nn
same "a cell over time"

model '    let (all, number, last) = scan(xt in x, axis = 1, reverse = true; k = 0, h = zeros([B, n])) {
        let inner = scan(i in 2..4; g = h) { next g = sin(0.5 * g + cell(xt, g) * cast(i, real) * 0.1); };
        yield inner;
        next h = inner * scale * 0.5, k = k + 1;
    };' >loop.nn
model '    var h = zeros([B, n]);
    var ys = [zeros([B, 1, n])];
    for k in 0..t {
        var g = h;
        for i in 2..4 { g = sin(0.5 * g + cell(x[.., t - 1 - k], g) * (i * 1.0) * 0.1); }
        ys = [reshape(g, [B, 1, n])] + ys;
        h = g * scale * 0.5;
    }
    let all = concat(ys, axis = 1)[.., ..t];
    let last = h;' >unrolled.nn
same "a loop in a loop, back to front"

model '    let base = mean(x, axis = 1) @ ones([m, n]);
    let curve = sin(base) * scale;
    let (all, last) = scan(i in 0..3, axis = 1; h = zeros([B, n])) {
        let pull = grad(sum(curve * curve * cast(i + 1, real)) + sum(stop_grad(h) * base), base);
        yield pull;
        next h = cell(x[.., 0], h) + 0.1 * pull;
    };' >loop.nn
model '    let base = mean(x, axis = 1) @ ones([m, n]);
    let curve = sin(base) * scale;
    var h = zeros([B, n]);
    var ys = [zeros([B, 1, n])];
    for i in 0..3 {
        let pull = grad(sum(curve * curve * ((i + 1) * 1.0)) + sum(stop_grad(h) * base), base);
        ys = ys + [reshape(pull, [B, 1, n])];
        h = cell(x[.., 0], h) + 0.1 * pull;
    }
    let all = concat(ys, axis = 1)[.., 1..];
    let last = h;' >unrolled.nn
same "a gradient by something from outside, through what is computed of it there"

# Carries that are computed again are the same.
cell() {
    model "    let (all, last) = scan(xt in x, axis = 1$1; h = zeros([B, n])) {
        let g = cell(xt, h) * scale + 0.1 * randn([B, n]);
        yield g * 2.0;
        next h = g;
    };"
}
cell '' >unrolled.nn
for k in 2 3 5; do
    cell ", recompute = $k" >loop.nn
    same "recompute = $k"
    cmp -s a b || fail "recompute = $k: other bits"
done

# What does not depend on the iteration is computed before the loop; a draw is made anew in each.
model '    let (all, last) = scan(xt in x, axis = 1; h = zeros([B, n])) {
        yield h;
        next h = cell(xt, h) * exp(scale);
    };' >loop.nn
"$NNC" --dump-ir=before:autodiff loop.nn >ir 2>err
awk '/ = scan /{ on = 1 } on && / = exp /{ bad = 1 } /^  }/{ on = 0 } / = exp /{ n++ } END { exit bad || n == 0 }' ir || fail "an exp of every iteration"
cat >draws.nn <<'NN'
train t {
    each k in 0..1 {
        let r = scan(i in 0..3) { yield rand([4]); };
        report apart = min(abs(r[0] - r[1])) * min(abs(r[1] - r[2])) * min(abs(r[0] - r[2]));
    }
}
NN
"$NNC" --interpret draws.nn -- train --json --out out >log || fail draws
grep -oE '"apart":[-+.0-9e]+' log | head -n 1 | awk -F: '$2 > 0 { ok = 1 } END { exit !ok }' || fail "two iterations draw the same"

# A fault in an iteration stops the call, as C and in the interpreter; C knows the argument whose element it was.
cat >faults.nn <<'NN'
param w: [2, 3] = ones();
state seen: i32 = 0;
data p {
    x: [2] from rows([[1, 2], [3, 4]]);
    y: i32[2] from rows([[0, 1], [2, 3]]);
}
train labels {
    batch = 2;
    let o = SGD(lr = 0.1);
    each d in p() {
        let scores = scan(yt in d.y, axis = 1) { yield pick(d.x @ w, yt); };
        update seen = seen + 1;
        minimize sum(scores) over w using o;
    }
}
train divided {
    batch = 2;
    each d in p() {
        let (n, k) = scan(i in 0..3; k = d.y[0, 0] * 0 + 6) {
            yield k;
            next k = k // (2 - i);
        };
        report n = sum(n);
    }
}
NN
"$NNC" faults.nn -o faults || fail "faults.nn"
for run in ./faults "$NNC --interpret faults.nn --"; do
    # shellcheck disable=SC2086
    expect 1 'index 3 is outside 0..2' $run train labels --quiet
    # shellcheck disable=SC2086
    expect 1 'an integer is divided by zero' $run train divided --quiet
done
expect 1 'faults.nn:11:56.*gather' ./faults train labels --quiet
expect 1 '`y` of example 1 of data `p` is 3' ./faults train labels --quiet
expect 1 'faults.nn:21:22' ./faults train divided --quiet

# An index that comes with the call is checked before parameters change, wherever in a loop it is used: computed there,
# by the iteration's number, in a loop in a loop, in the derivative. An index that was carried is not.
early() {  # LOOP 1, or 0: not checked early
    cat >early.nn <<NN
param w: [4, 3] = ones();
data p { ids: i32[2, 3] from rows([[[0, 1, 2], [2, 3, 1]], [[1, 2, 0], [0, 0, 1]], [[0, 1, 2], [3, 3, 2]]]); }
train steps {
    batch = 3;
    let o = SGD(lr = 0.1);
    each d in p() {
        minimize sum(w * w) over w using o;
        let h0 = zeros([batch, 3]);
        let xt0 = d.ids[.., 1, 0] * 0;
        let h = $1;
        minimize mean(h) over w using o;
        report mean = mean(h);
    }
}
NN
    cat >early_main.c <<'C'
#include "early.h"
#include <string.h>
static union { double align; unsigned char bytes[Q_ARENA_BYTES + Q_ARENA_ALIGN]; } memory;
int main(void) {
  unsigned char *arena = memory.bytes;
  q m;
  q_steps_step_report r;
  int32_t ids[18] = {0, 1, 2, 2, 3, 1, 1, 2, 0, 0, 0, 1, 0, 1, 2, 3, 3, 9};
  const float ones[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  size_t at = 0;
  while ((size_t)(arena - (unsigned char *)0) % Q_ARENA_ALIGN) arena++;
  if (q_init(&m, arena, Q_ARENA_BYTES, 1) != Q_OK) return 2;
  while (at < Q_ARENA_BYTES && memcmp(arena + at, ones, sizeof ones)) at += 4;
  if (at >= Q_ARENA_BYTES) return 3;
  if (q_steps_step(&m, 3, ids, &r) != Q_BAD_INDEX || m.value != 9 || m.bound != 4) return 4;
  return memcmp(arena + at, ones, sizeof ones) ? 5 : 0;
}
C
    "$NNC" --library --prefix=q --train=steps early.nn -o early && gcc -std=c99 early_main.c early.c -lm -o early_main ||
        fail "early.nn: $1"
    expect $((5 - 5 * $2)) '' ./early_main
    "$NNC" --backend=cuda -S early.nn -o early.cu || fail "early.nn: $1"
    local order
    order=$(awk '/^static __global__/ { match($0, /k[0-9]+_[a-z]+/); name = substr($0, RSTART, RLENGTH) }
        /\(void\)nn_index/ { checks[name] = 1 } /^static int fn_steps/ { on = 1 } /^}/ { on = 0 }
        on && /NN_LAUNCH/ { match($0, /k[0-9]+_[a-z]+/); if (substr($0, RSTART, RLENGTH) in checks && !first) first = FNR }
        on && /nn_cuda_sgd_step/ && !step { step = FNR } END { print (first && first < step) }' early.cu)
    [ "$order" = "$2" ] || fail "as CUDA: $1"
}
early 'scan(xt in d.ids[.., 1], axis = 1; h = h0) { next h = sin(h + gather(w, xt, axis = 0)); }' 1
early 'scan(xt in d.ids[.., 1], axis = 1, recompute = 1; h = h0) { next h = sin(h + gather(w, 3 - (3 - xt), axis = 0)); }' 1
early 'scan(i in 0..3; h = h0) { next h = sin(h + gather(w, d.ids[.., 1, i], axis = 0)); }' 1
early 'scan(s in d.ids, axis = 1; h = h0) {
            let g = scan(xt in s, axis = 1, reverse = true; g = h) { next g = sin(g + gather(w, xt + 0, axis = 0)); };
            next h = g;
        }' 1
early 'scan(xt in d.ids[.., 1], axis = 1, reverse = true; k = xt0, h = h0) {
            next h = sin(h + gather(w, k, axis = 0)), k = xt;
        }[1]' 0

# A carry is written in place where nothing else of the old one is read; else it is copied, and nothing more is: no
# sequence, no weights.
copies() {  # NUMBER BODY
    cat >copies.nn <<NN
dim N <= 8;
param W: [3, 3] = ones();
export fn f(x: [N, 5, 3]) -> [N, 3] {
    let (ys, h) = scan(xt in x, axis = 1; h = zeros([N, 3])) { $2 };
    return h + mean(ys, axis = 1);
}
NN
    "$NNC" -S copies.nn -o copies.c || fail "copies.nn"
    local n
    n=$(awk '/^static int loop0_f/{ on = 1 } on && /memcpy/{ n++ } /^}/{ on = 0 } END { print n + 0 }' copies.c)
    [ "$n" = "$1" ] || fail "$n copies, not $1: $2"
    ! grep -q memcpy <(sed -n '/^static int fn_f/,/^}/p' copies.c) || fail "a copy outside of the loop: $2"
}
copies 0 'yield h; next h = 0.5 * h + sin(xt);'
copies 1 'let g = h * xt; yield g + h; next h = g;'
copies 1 'yield xt; next h = tanh(xt + h @ W);'
# `recompute` keeps 20 + 20 sets of carries of 2 KiB instead of 400.
cat >memory.nn <<'NN'
option k = 1;
layer Net()(x: [B, T, m]) -> [B, m] {
    param w: [m] = ones();
    return scan(xt in x, axis = 1, recompute = k; h = zeros([B, m])) { next h = sin(h * w + xt); };
}
model net = Net();
export fn f(x: [8, 400, 64]) {
    var s = sum(zeros([1]));
    for g in grad(sum(net(x)), net) { s = s + sum(g); }
    return s;
}
NN
arena() { "$NNC" report -D k="$1" memory.nn | sed -n 's/.*an arena of \([0-9,]*\) bytes.*/\1/p' | tr -d ,; }
all=$(arena 1) some=$(arena 20)
[ "$((all - some))" -gt $((350 * 2048)) ] || fail "recompute = 20: an arena of $some bytes, $all without"
done_testing
