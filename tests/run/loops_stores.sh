#!/bin/bash
# `update` in the body of a `scan` against the same steps unrolled by a static `for`, in the interpreter and in f64: what is
# read before, inside and after, losses and what training leaves.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1

reports() {  # MODEL
    "$NNC" --real=f64 --interpret "$1" -- train --json --out out >log 2>err || { cat err; fail "$1"; }
    grep -E '"event":"(step|eval)"' log | grep -oE '"[a-z_]+":[-+.0-9e]+' | grep -vE '"(seconds|epoch|step|t)":'
}
same() {  # NAME LINES: loop.nn and unrolled.nn
    reports loop.nn >a
    reports unrolled.nn >b
    [ "$(wc -l <a)" = "$2" ] || { cat a; fail "$1: $(wc -l <a) values"; }
    paste -d: a b | awk -F: -v name="$1" '{ d = $2 - $4; s = $2 < 0 ? -$2 : $2; if (d < 0) d = -d
        if ($1 != $3 || d > 1e-12 * (s > 1 ? s : 1)) { print name ": line " NR ": " $0; bad = 1 } } END { exit bad }' || fail "$1"
}
twice() {  # NAME LINES: model.nn with LOOP(…) is both
    cat >model.txt
    sed -e '/^-/d' -e 's/^+//' model.txt >loop.nn
    sed -e '/^+/d' -e 's/^-//' model.txt >unrolled.nn
    same "$@"
}

# Lines with + are the loop, those with - the unrolled steps.
twice "before, inside and after" 24 <<'NN'
state n: [] = 1.0;
state seen: i32 = 0;
data d { x: [3] from rows([[1, 2, 3], [4, 5, 6], [7, 8, 10]]); }
fn add(x: real) -> real {
    update n = 0.5 * n + x;
    return n;
}
train fit {
    epochs = 2;  batch = 1;
    each r in d() {
        let a = n;
+       let (p, q, last) = scan(xt in r.x[0]; h = 0.0) {
+           let before = n;
+           let now = add(xt) + add(a);
+           update seen = seen + 1;
+           yield (before, now * cast(seen, real));
+           next h = h + n;
+       };
-       var h = 0.0;
-       var p = zeros([1]);
-       var q = zeros([1]);
-       for t in 0..3 {
-           let before = n;
-           let now = add(r.x[0, t]) + add(a);
-           update seen = seen + 1;
-           p = concat([p, broadcast(before, [1])], 0);
-           q = concat([q, broadcast(now * cast(seen, real), [1])], 0);
-           h = h + n;
-       }
-       let last = h;
        report u = sum(p * p), v = sum(q * q), w = last, n = n;
    }
}
NN

twice "a norm's moments, while its scale learns; not in the eval" 15 <<'NN'
layer Net()(x: [B, t, m]) -> [B, m] {
    let norm_ = BatchNorm(momentum = 0.7);
    let cell = Dense(m);
+   return scan(xt in x, axis = 1; h = zeros([B, m])) { next h = tanh(norm_(cell(h) + xt)); };
-   var h = zeros([B, m]);
-   for i in 0..t { h = tanh(norm_(cell(h) + x[.., i])); }
-   return h;
}
model net = Net();
data d {
    x: [3, 2] from rows([[[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], [[0.2, 0.7], [0.1, 0.4], [0.5, 0.3]], [[0.9, 0.2], [0.8, 0.1], [0.2, 0.5]],
                         [[0.4, 0.1], [0.2, 0.2], [0.7, 0.3]]]);
}
train fit {
    epochs = 3;  batch = 2;  seed = 3;
    let opt = Adam(lr = 0.05);
    each b in d() {
        let loss = mean((net(b.x) - 0.3) ** 2);
        minimize loss over net using opt;
        report loss = loss;
    }
    eval b in d() { report out = mean(net(b.x)), mean_ = sum(net.norm_.mean_), var_ = sum(net.norm_.var_ ** 2); }
}
NN

twice "a loop in a loop, and none at all" 12 <<'NN'
param w: [2] = 0.5;
state s: [2] = 1.0;
state k: i32 = 0;
train fit {
    epochs = 1;  seed = 3;
    each i in 0..3 {
+       let ys = scan(i in 0..2) {
+           let start = s;
+           let y = scan(j in 0..3; h = w) {
+               update s = 0.9 * s + w * h;
+               update k = k + 1;
+               next h = sin(h + s);
+           };
+           let none = scan(j in 0..0; h = w) {
+               update s = s + 100.0;
+               next h = h + 1.0;
+           };
+           update w = w + 0.1 * s;
+           yield sum(y * none) + sum(start * s);
+       };
+       let total = sum(ys);
-       var total = 0.0;
-       for i in 0..2 {
-           let start = s;
-           var y = w;
-           for j in 0..3 {
-               update s = 0.9 * s + w * y;
-               update k = k + 1;
-               y = sin(y + s);
-           }
-           let none = w;
-           update w = w + 0.1 * s;
-           total = total + sum(y * none) + sum(start * s);
-       }
        report total = total, k = cast(k, real), s = sum(s * s), w = sum(w);
    }
}
NN

twice "what is written carries no gradient, what was there does" 6 <<'NN'
param w: [] = 0.7;
param u: [] = 0.3;
train fit {
    epochs = 1;
    each i in 0..2 {
+       let y = scan(i in 0..3; h = 1.0) {
+           let a = w * u;
+           update w = w + u * h;
+           next h = h * a + w * w;
+       };
-       var y = cast(1.0, real);
-       for i in 0..3 {
-           let a = w * u;
-           update w = w + u * y;
-           y = y * a + w * w;
-       }
        report y = y, slope = grad(y, u), w = w;
    }
}
NN

# One function, updating only in training: the export does not write.
cat >export.nn <<'NN'
state n: [] = 0.0;
fn run(x: [t]) -> real = scan(xt in x; h = 0.0) {
    if training { update n = n + xt; }
    next h = h + n;
};
data d { x: [2] from rows([[1, 2]]); }
train fit {
    epochs = 1;
    each r in d() { report y = run(r.x[0]), n = n; }
}
export fn f(x: [2]) = run(x);
export fn g(x: [2]) = scan(xt in x; h = 0.0) {
    update n = n + xt;
    next h = h + n;
};
NN
"$NNC" --dump-ir=before:autodiff export.nn 2>err | awk '/^[a-z]/{ f = /^export f/; g = /^export g/ } / = write /{ nf += f; ng += g } END { exit nf != 0 || ng != 1 }' ||
    fail "the export writes what only training updates"
twice "a loop that only updates" 2 <<'NN'
state n: [] = 1.0;
data d { x: [3] from rows([[1, 2, 3], [4, 5, 6]]); }
train fit {
    epochs = 1;  batch = 1;
    each r in d() {
+       let _ = scan(xt in r.x[0]) { update n = 0.5 * n + xt; };
-       for t in 0..3 { update n = 0.5 * n + r.x[0, t]; }
        report n = n;
    }
}
NN
done_testing
