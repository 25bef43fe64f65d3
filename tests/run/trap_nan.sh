#!/bin/bash
# -ftrap-nan: the program stops at the first loss, report, result or store with a NaN and names the operation that made
# it, in C and in the interpreter alike; infinities and NaNs that a `select` leaves out don't stop it; without the option
# there is no code. Without it a report and a store that are not finite are warned of.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1

# stops NAME PLACE WHAT NOTE [OPTIONS]: the model on standard input
stops() {
    local name=$1 want
    cat >"$name.nn"
    want="error: $name.nn:$2: NaN comes first from $3
  = note: $4"
    shift 4
    nnc -ftrap-nan --cpu=baseline "$@" "$name.nn" -o "$name" || { fail "$name: nnc"; return; }
    "./$name" train --json >out 2>said
    [ $? = 4 ] || fail "$name: not exit code 4"
    diff <(echo "$want") <(head -n 2 said) || fail "$name: the program"
    "$NNC" -ftrap-nan "$@" --interpret "$name.nn" -- train --json >out2 2>said2
    [ $? = 4 ] || fail "$name: not exit code 4, interpreted"
    diff said said2 && diff out out2 || fail "$name: the interpreter says something else"
    nnc -S "$@" "$name.nn" -o plain.c && ! grep -q nn_nan plain.c || fail "$name: code without -ftrap-nan"
}

stops quotient 6:17 '`div`' 'it is in the loss' <<'NN'
# sums of zeros
param w: [2] = zeros();
train t {
    each i in 0..3 {
        let y = w * 2.0;  # zeros
        let z = sum(y * 3.0) / sum(y);
        minimize z + sum(w) over w using SGD(lr = 0.1);
    }
}
NN
# A layer of a layer, of which each is used twice; the first use is good.
stops twice 3:12 '`log` in net.l' 'it is in the loss' --real=f64 <<'NN'
layer Log()(x: [B, k]) -> [B, k] {
    param w: [k] = ones();
    return log(x * w);
}
layer Net()(x: [B, k]) -> [B, k] {
    let l = Log();
    return l(l(x));
}
model net = Net();
model other = Net();
data d { x: [2] from rows([[3.0, 4.0], [0.5, 3.0]]); }
train fit {
    batch = 2;
    each e in d() { minimize mean(other(e.x + 100.0)) + mean(net(e.x)) over net, other using SGD(lr = 0.1); }
}
NN
stops body 6:74 '`sqrt`' 'it is in the store `h`' <<'NN'
state h: [2] = zeros();
train fit {
    each i in 0..6 {
        let x = stack([6.0 - step, 9.0]);
        # the third root of x - 2 is NaN from step 5 on
        let (y, last) = scan(t in 0..3; c = x) { next c = c - 1.0; yield sqrt(c); };
        update h = h + y[2];
        report n = step;
    }
}
NN
grep -q 'epoch 1, step 6' said || fail "body: the step"
# The gradient of what a select leaves out: 0 times infinity.
stops gradient 4:40 '`div`' 'it is in the store `w`' <<'NN'
param w: [2] = zeros();
train t {
    each i in 0..3 {
        let safe = sum(select(w > 0.0, sqrt(w), 1.0) + w * (w - 1.0));
        minimize safe over w using SGD(lr = 0.1);
    }
}
NN
# SGD with a step that is too large: weights, then products overflow, and infinities of both signs meet.
stops explodes 6:40 '`dot` in head' 'it is in the loss' --real=f64 <<'NN'
model net = Dense(3);
model head = Dense(1);
data d { x: [2] from rows([[3.0, 4.0], [0.5, -3.0]]); }
train fit {
    batch = 2;  epochs = 100;
    each e in d() { minimize mean(tanh(e.x |> net |> head)) over net, head using SGD(lr = 1e160); }
}
NN
# A matrix without a Cholesky factor; what reads the rows is not blamed.
stops factor 4:17 '`cholesky`' 'it is in the value `logdet`' <<'NN'
train fit {
    each i in 0..3 {
        let a = stack([stack([1.0, step]), stack([step, 1.0 + step * 0.0])]);
        let l = cholesky(a);
        report logdet = sum(log(l[0, 0] + l[1, 1]));
    }
}
NN
diff - <(tail -n +3 said) <<'TXT' || fail "factor: what helps"
  = note: the matrix is not positive definite, or by rounding no longer is
  = note: more on its diagonal, `A + 1e-3 * eye(n)`, or f64 (--real=f64) may help
  = note: in train `fit`, epoch 1, step 2
TXT
stops reported 5:37 '`sqrt`' 'it is in the value `r`' <<'NN'
param w: [2] = ones();
train fit {
    each i in 0..3 {
        minimize sum(w ** 2) over w using SGD(lr = 0.1);
        when i > 0 { report r = sum(sqrt(w - 1.0)); }
    }
}
NN

# Of what all steps have in common, computed before the loop.
stops invariant 5:22 '`log`' 'it is in the loss' <<'NN'
param w: [64] = ones();
state s: [64, 64] = ones();
train fit {
    each i in 0..3 {
        let common = log(-sum(s ** 2));
        minimize sum(w ** 2) * common over w using SGD(lr = 0.1);
    }
}
NN
grep -q 'epoch 1, step 1' said || fail "invariant: the step"

# What does not stop it: masks of -inf, guarded logarithms and quotients, in a `when` that is off, missing data.
cat >fine.nn <<'NN'
param w: [4] = ones();
state lowest: f32 = 0.0;
state seen: [32, 32] = ones();
data d { x: [4] from csv("gaps.csv"); }
train fit {
    batch = 2;
    each e in d() {
        let there = e.x == e.x;
        let p = softmax(select(iota(4) < 2, w, stop_grad(log(w * 0.0))), axis = -1);
        let x = select(there, log(select(there, e.x, 1.0)), 0.0);
        let odd = select(e.x > 2.0, sqrt(e.x - 2.0), log(e.x - 5.0)) * 0.0;
        let common = log(-sum(seen @ seen));  # before the loop
        minimize sum(x * p) + sum(select(odd == odd, 1.0, w) * 0.0) + select(step < 0.0, common, 0.0) over w using SGD(lr = 0.1);
        when step > 100.0 { update lowest = log(-1.0 - step); report never = sqrt(-1.0 - step); }
        report far = max(log(w * 0.0));
    }
}
NN
printf '1,2,3,4\n5,nan,7,8\n' >gaps.csv
for how in "nnc -ftrap-nan --cpu=baseline fine.nn -o fine && ./fine train --json" '"$NNC" -ftrap-nan --interpret fine.nn -- train --json'; do
    eval "$how" >out 2>said || { fail "fine: $how"; cat said; }
    diff - said <<'TXT' || fail "fine: what is said"
warning: `far` is not finite
  = note: in train `fit`, epoch 1, step 1
TXT
    nnc --cpu=baseline fine.nn -o plain && ./plain train --json 2>/dev/null | cmp - out || fail "fine: another run"
done

# Without the option: a loss is not finite because of a number in the data.
cat >gap.nn <<'NN'
param w: [4] = ones();
data d { x: [4] from csv("gaps.csv"); }
train fit { batch = 2;  each e in d() { minimize sum(e.x * w) over w using SGD(lr = 0.1); } }
NN
expect 4 '`x` of example 1 of data `d` is NaN, from gaps.csv' "$NNC" --interpret gap.nn -- train --no-shuffle
printf '1,2,inf,4\n5,6,7,8\n' >gaps.csv
expect 4 '`x` of example 0 of data `d` is infinite, from gaps.csv' "$NNC" --interpret gap.nn -- train

# An accuracy shows no NaN: an eval warns of its data, once, and `predict` of its file; not of what a computed field cleans.
printf '1,2,0\n5,nan,1\n' >marked.csv
cat >shown.nn <<'NN'
param w: [2, 2] = ones();
data d {
    x: [2] from csv("marked.csv", columns = [0, 1]);
    y: i32 from csv("marked.csv", columns = 2);
    clean: [2] = select(x == x, x, 0.0);
}
train t {
    epochs = 2;
    each e in d() { minimize cross_entropy(e.clean @ w, e.y) over w using SGD(lr = 0.1); }
    eval e in d() { report acc = accuracy(e.x @ w, e.y); }
    eval e in d() { report clean = accuracy(e.clean @ w, e.y); }
    save w to "w.safetensors";
}
export fn which(x: [2, 2]) -> i32[2] = argmax(x @ w, axis = 1);
NN
"$NNC" --interpret shown.nn -- train --json >out 2>said || fail "shown: $(cat said)"
sed '/help/d' said | diff - <(cat <<'TXT'
warning: `x` of example 1 of data `d` is NaN, from marked.csv
  = note: in eval `d`, whose reports count it as it is
TXT
) || fail "shown: what is said"
printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }" >in.npy
printf '\000\000\200\077\000\000\000\100\000\000\200\077\000\000\300\177' >>in.npy
expect 0 'warning: in.npy: holds NaN, first at \[1, 1\]' "$NNC" --interpret shown.nn -- predict --weights w.safetensors which in.npy

# Without the option: a warning for each report, of an eval apart from the step's, and for what is left in a store.
cat >warned.nn <<'NN'
param w: [2] = ones();
state h: [2] = zeros();
data d { x: f32 from rows([1.0, 2.0]); }
train t {
    batch = 1;  epochs = 2;
    each e in d() {
        minimize sum(w ** 2) over w using SGD(lr = 0.1);
        update h = sqrt(h - 1.0);
        report root = sum(sqrt(-e.x)), most = max(log(h * 0.0));
        when step > 100.0 { report late = sum(sqrt(-e.x)); }
    }
    eval e in d() { report root = sum(sqrt(1.0 - e.x)); }
}
NN
nnc --cpu=baseline warned.nn -o warned || fail "warned"
for how in ./warned '"$NNC" --interpret warned.nn --'; do
    eval "$how train --quiet" >out 2>said || fail "warned: exit code $?"
    diff - said <<'TXT' || fail "warned: $how"
warning: `root` is not finite
  = note: in train `t`, epoch 1, step 1
warning: `most` is not finite
  = note: in train `t`, epoch 1, step 1
warning: `root` is not finite
  = note: in eval `d` of train `t`, epoch 1, step 2
warning: `h` holds NaN
  = note: at the end of train `t`
  = note: compiled with `nnc -ftrap-nan` it stops at the operation that makes the first NaN
TXT
done

# A library tells the place of a NaN in a loss.
cat >lib.nn <<'NN'
param w: [2] = ones();
train fit { each i in 0..9 { minimize sum(sqrt(w - step)) over w using SGD(lr = 0.001); } }
NN
cat >main.c <<'C'
#include "lib.h"
#include <stdio.h>
static unsigned char memory[LIB_ARENA_BYTES + LIB_ARENA_ALIGN];
int main(void) {
  lib m;
  lib_status s = LIB_OK;
  if (lib_init(&m, memory + (LIB_ARENA_ALIGN - (size_t)memory % LIB_ARENA_ALIGN) % LIB_ARENA_ALIGN, LIB_ARENA_BYTES, 1)) return 1;
  for (int32_t i = 0; i < 9 && !s; i++) s = lib_fit_step(&m, &i);
  printf("%s %u\n", lib_status_text(s), (unsigned)m.place);
  return 0;
}
C
nnc -ftrap-nan --library --train lib.nn -o lib && gcc -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wdouble-promotion -Werror main.c lib.c -lm -o main || fail "the library"
place=$(./main | sed 's/the loss is not finite //')
grep -q "^ *\**  *$place *lib.nn:2:43" lib.h || { fail "the library's place: $place"; grep 'lib.nn:' lib.h; }
expect 2 '-ftrap-nan does not go with --backend=cuda' nnc -ftrap-nan --backend=cuda lib.nn
done_testing
