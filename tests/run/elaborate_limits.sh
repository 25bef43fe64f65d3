#!/usr/bin/env bash
# What the static stage may be asked to do has limits of its own: each is one error, within two seconds of processor
# time and 512 MiB (times that of a sanitizer are not looked at).
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
tail='export fn e(x: [3]) -> [3] = x;'

limited() { # CODE: model.nn ends with this error
  expect 1 "^error\[$1\]" nnc check model.nn
  expect 1 '^error: 1 error' nnc check model.nn
  [ "${NNC_SANITIZE:-OFF}" = OFF ] || return 0
  (ulimit -t 2 -v 524288 && nnc check model.nn >/dev/null 2>&1)
  [ $? = 1 ] || fail "$1 within two seconds and 512 MiB: $(head -c 200 model.nn)"
}
chain() { # LAST FORMAT: 60 definitions, each of which mentions the next twice
  local i
  for i in {0..59}; do printf "$2\n" "$i" $((i + 1)) $((i + 1)); done
  printf "$1\n"
}

# Every call is elaborated: 2^60 of functions, of layers, of static functions.
{ chain 'fn f_60(x: [3]) -> [3] = x;' 'fn f_%d(x: [3]) -> [3] = f_%d(x) + f_%d(x);'; echo 'export fn e(x: [3]) -> [3] = f_0(x);'; } >model.nn
limited E0807
{ chain 'fn f_60(n: int) -> int = n;' 'fn f_%d(n: int) -> int = f_%d(n) + f_%d(n);'; echo 'let a = f_0(1);'; echo "$tail"; } >model.nn
limited E0807
{ chain 'layer L60()(x: [3]) -> [3] = x;' 'layer L%d()(x: [3]) -> [3] { let a = L%d(); let b = L%d(); return b(a(x)); }'
  echo 'model m = L0();'; echo 'export fn e(x: [3]) -> [3] = m(x);'; } >model.nn
limited E0807
for ((i = 0; i < 200; i++)); do echo "fn f_$i(x: [3]) -> [3] = f_$((i + 1))(x);"; done >model.nn
echo 'fn f_200(x: [3]) -> [3] = x; export fn e(x: [3]) -> [3] = f_0(x);' >>model.nn
limited E0806
echo "fn g(n: int) -> int { var f = fn(x) => x; for i in 0..5000 { let h = f; f = fn(x) => h(x) + 1; } return f(n); } let a = g(1); $tail" >model.nn
limited E0806
echo "let f = fn(g) => g(g); let a = f(f); $tail" >model.nn
limited E0305
# Lists and strings that grow.
echo "fn f(n: int) -> int { var l = [1]; for i in 0..60 { l = l + l; } return len(l); } let a = f(1); $tail" >model.nn
limited E0805
echo "fn f(n: int) -> str { var l = \"ab\"; for i in 0..60 { l = l + l; } return l; } let a = f(1); $tail" >model.nn
limited E0805
echo "fn f(n: int) -> int { var l = [1]; for i in 0..100000 { l = l + [i]; } return len(l); } let a = f(1); $tail" >model.nn
limited E0805
# Loops and operations.
echo "let a = [[[j for j in 0..1000] for k in 0..1000] for i in 0..1000]; $tail" >model.nn
limited E0803
echo "export fn e(x: [3]) -> [3] { var y = x; for i in 0..150000 { y = y * 1.5 + 0.5; } return y; }" >model.nn
limited E0807
echo "layer L()(x: [B, 3]) -> [B, 3] { var y = x; for i in 0..100000 { y = Dense(3)(y); } return y; } model m = L();
dim N <= 8; export fn e(x: [N, 3]) -> [N, 3] = m(x);" >model.nn
limited E0807
# At the limit and one beyond it.
at_limit() { # CODE: model.nn is right and within two seconds; more.nn is one more and ends with this error
  expect 0 '' nnc check model.nn
  mv more.nn model.nn
  limited "$1"
}
echo "let a = [i for i in 0..200000]; $tail" >model.nn
echo "let a = [i for i in 0..200001]; $tail" >more.nn
at_limit E0803
doubled='{ var l = FIRST; for i in 0..20 { l = l + l; } return len(l'
echo "fn f(n: int) -> int ${doubled/FIRST/[1]}); } let a = f(1); $tail" >model.nn
echo "fn f(n: int) -> int ${doubled/FIRST/[1]} + [1]); } let a = f(1); $tail" >more.nn
at_limit E0805
echo "fn f(n: int) -> int ${doubled/FIRST/\"a\"}); } let a = f(1); $tail" >model.nn
echo "fn f(n: int) -> int ${doubled/FIRST/\"a\"} + \"a\"); } let a = f(1); $tail" >more.nn
at_limit E0805
echo "fn f(n: int) -> int = n; let a = [f(i) + f(i) for i in 0..100000]; $tail" >model.nn
echo "fn f(n: int) -> int = n; let a = [f(i) + f(i) for i in 0..100000]; let b = f(1); $tail" >more.nn
at_limit E0807
echo "export fn e(x: [3]) -> [3] = x + sum(zeros([1048576, 1048576]));" >model.nn
echo "export fn e(x: [3]) -> [3] = x + sum(zeros([1048576, 1048577]));" >more.nn
at_limit E0804
echo "dim N <= 2147483647; export fn e(x: [N]) -> [N] = x;" >model.nn
echo "dim N <= 2147483648; export fn e(x: [N]) -> [N] = x;" >more.nn
at_limit E0211
# As many operations as there may be; those of a training, thousands of loops, and of gradients, which cost more than
# themselves.
right_in() { # SECONDS: model.nn is right and checked within so much time of the processor
  expect 0 '' nnc check model.nn
  [ "${NNC_SANITIZE:-OFF}" = OFF ] || return 0
  (ulimit -t "$1" -v 524288 && nnc check model.nn >/dev/null 2>&1) || fail "within $1 seconds and 512 MiB: $(head -c 200 model.nn)"
}
echo "export fn e(x: [3]) -> [3] { var y = x; for i in 0..199999 { y = exp(y); } return y; }" >model.nn
echo "export fn e(x: [3]) -> [3] { var y = x; for i in 0..200000 { y = exp(y); } return y; }" >more.nn
at_limit E0807
echo "data d() { x: [3] from rows([[1.0, 2.0, 3.0]]); } param w: [3] = ones();
train t { each a in d() { var y = a.x; for i in 0..99996 { y = y * w + w; } minimize mean(y) over w using SGD(lr = 0.1); } }" >model.nn
right_in 2
echo "export fn e(x: [4, 3]) -> [3] { var y = x[0]; for i in 0..5000 { let (r, q) = scan(t in x; h = y) { let k = h * t; yield k; next h = k + 1.0; }; y = q; } return y; }" >model.nn
right_in 2
echo "export fn e(x: [3]) -> [3] { var y = x; for i in 0..20000 { y = y + grad(sum(y * y), y); } return y; }" >model.nn
right_in 2
# Thousands of gradients by one parameter, each of few operations of all those since it was read.
echo "param w: [3] = ones(); export fn e(x: [3]) -> [3] { var y = x; for i in 0..20000 { y = y + grad(sum(y * y * w), w); } return y; }" >model.nn
right_in 2
# As many operations with those of their gradients as there may be, of several kinds; loops, layers.
trained() { # STATEMENT TIMES: a step that does it so often
  echo "data d() { x: [3] from rows([[1.0, 2.0, 3.0]]); } param w: [3] = ones();
train t { each a in d() { var y = a.x * w; var z = y; for i in 0..$2 { $1 } minimize mean(y + z) over w using SGD(lr = 0.1); } }" >model.nn
  right_in 2
}
trained 'y = pow(y, w);' 34500
trained 'y = cumsum(y, 1);' 199900
# The derivative of each factor is by the sum of all before it.
trained 'y = y * w;' 149000
trained '(y, z) = (y * w + z, z * w + y);' 49900
echo "fn f(x: [3]) -> [3] { var y = x; for i in 0..33000 { y = sin(y) * x; } return y; } export fn e(x: [3]) -> [3] = x * sum(grad(sum(grad(sum(f(x)), x)), x));" >model.nn
right_in 2
echo "export fn e(x: [4, 3]) -> [3] { var y = x[0]; for i in 0..24900 { let (r, q) = scan(t in x; h = y) { let k = h * t; yield k; next h = k + 1.0; }; y = q; } return y; }" >model.nn
right_in 2
# Parameters that differ in nothing but where they are drawn.
echo "data d() { x: [3] from rows([[1.0, 2.0, 3.0]]); } layer L()(x: [B, 3]) -> [B, 3] { var y = x; for i in 0..14250 { y = Dense(3)(y); } return y; } model m = L();
train t { each a in d() { minimize mean(m(a.x)) over m using SGD(lr = 0.1); } }" >model.nn
right_in 2
# What is summed over an axis that its factors don't have: a value that is doubled sixty times, and long sums and
# products.
summed() { # STATEMENT TIMES SCALAR: the derivative of a sum that is made step by step
  echo "export fn e(x: [5, 3], b: [3], c: [3]) -> [3] { let z = x * x; var y = x + b; var s = y * z * c; for i in 0..$2 { $1 } return grad(sum($3), b); }" >model.nn
  right_in 2
}
summed 'y = y + y;' 60 'y * x * c'
summed 's = s + y * (z * c);' 30000 s
summed 'y = y * c;' 90000 'y * x'
# Gradients of gradients, and gradients of operations that have long ones.
gradients() { # DEPTH: of a function of 4000 operations
  local g='sum(f(x))' i
  for ((i = 0; i < $1; i++)); do g="sum(grad($g, x))"; done
  echo "fn f(x: [3]) -> [3] { var y = x; for i in 0..2000 { y = sin(y) * x; } return y; } export fn e(x: [3]) -> [3] = x * $g;" >model.nn
}
gradients 4
right_in 2
gradients 6
limited E0807
gradients 30
limited E0807
echo "data d() { x: [3] from rows([[1.0, 2.0, 3.0]]); } param w: [3] = ones();
train t { each a in d() { var y = a.x; for i in 0..190000 { y = pow(y, w); } minimize mean(y) over w using SGD(lr = 0.1); } }" >model.nn
limited E0807
# Many declarations of a kind, all of them used: fields that are read and fields that are computed of one another,
# reports, parameters of a function, steps of loops that differ in their optimizers only.
many() { # TIMES FORMAT: the format for every number below, its %d being numbers
  local i
  for ((i = 0; i < $1; i++)); do printf "${2//%d/$i}\n"; done
}
{ echo 'data d() {'; many 10000 'x%d: real from rows([1.0, 2.0]);'; echo '} train t { each a in d() {'; many 10000 'report r%d = mean(a.x%d);'; echo '} }'; } >model.nn
right_in 1
{ echo 'data d() { x: real from rows([1.0, 2.0]);'; many 10000 'x%d: real = x + %d.0;'; echo '} train t { each a in d() {'; many 10000 'report r%d = mean(a.x%d);'; echo '} }'; } >model.nn
right_in 1
{ echo 'data d() { x: [3] from rows([[1.0, 2.0, 3.0]]); } train t { each a in d() { let l = mean(a.x);'; many 40000 'report l%d = l;'; echo '} }'; } >model.nn
right_in 2
# Each has a warning.
{ echo 'layer N()(x: [B, 4]) -> [B, 2] = x |> Dense(2); export fn e(x: [3]) -> [3] = x;'; many 40000 'model n%d = N();'; } >model.nn
right_in 2
{ echo 'export fn e('; many 60000 'a%d: [3],'; echo 'x: [3]) -> [3] = x;'; } >model.nn
right_in 2
echo 'data d() { x: [3] from rows([[1.0, 2.0, 3.0]]); } param w: [3] = ones();
train t { for i in 0..390 { each a in d() { let k = a.x[0]; var y = w; for j in 0..160 { y = y * k + 1.0; } minimize sum(y) over w using SGD(lr = 0.1); } } }' >model.nn
right_in 1
{ echo 'param w: [3] = ones(); data d() { x: [3] from rows([[1.0, 2.0, 3.0]]); } train t { each a in d() {'; many 8000 'minimize mean(a.x * w) over w using SGD(lr = 0.1);'; echo '} }'; } >model.nn
right_in 2
# Loops of a training: each is a step of its own.
loops() { echo "data d() { x: [3] from rows([[1.0, 2.0, 3.0]]); } model net = Dense(1); train t { for i in 0..$1 { each e in d() { report l = mean(net(e.x)); } } }"; }
loops 200000 >model.nn
limited E0807
# One mistake, said once, however often it is elaborated; twenty thousand unknown names.
echo "export fn e(x: [3]) -> [3] { var y = x; for i in 0..190000 { y = x + [1.0, 2.0]; } return y; }" >model.nn
limited E0203
for ((i = 0; i < 20000; i++)); do echo "let a$i = unknown$i;"; done >model.nn
expect 1 '^error: .*20 errors' nnc check model.nn
[ "${NNC_SANITIZE:-OFF}" = ON ] || (ulimit -t 2; nnc check model.nn >/dev/null 2>&1; [ $? = 1 ]) || fail "20000 unknown names take too long"
done_testing
