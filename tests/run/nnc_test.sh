#!/bin/bash
# nnc test: what holds and what fails, in the interpreter and as compiled C; messages, exit codes; and that programs and
# libraries hold nothing of it.
#   tests/run/nnc_test.sh --update     writes what tests/blocks/*.nn give (NNC and PROJECT_DIR set); read it before committing
PROJECT_DIR=${PROJECT_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
NNC=${NNC:-$PROJECT_DIR/build/release/nnc}
. "$PROJECT_DIR/tests/lib.sh" || exit 1
blocks=$PROJECT_DIR/tests/blocks
cd "$blocks" || exit 1

for name in right:0 wrong:4; do
    model=${name%:*}
    nnc test "$model.nn" >"$work/$model.txt" 2>&1
    status=$?
    [ $status = "${name#*:}" ] || fail "nnc test $model.nn: exit code $status"
    [ "${1:-}" != --update ] || cp "$work/$model.txt" "$model.txt"
    diff -u "$model.txt" "$work/$model.txt" || fail "nnc test $model.nn says something else"
done
cd "$work" || exit 1
cp "$blocks"/*.nn .

# ---- exit codes
printf 'fn f(x: [4]) -> [4] = x;\n' >none.nn
expect 0 '^none.nn has no tests$' nnc test none.nn
printf 'test "a" { assert zork; }\n' >unknown.nn
expect 1 'error\[E0201\]' nnc test unknown.nn
expect 1 'error\[E0201\]' nnc check unknown.nn
expect 2 'tests run in f64' nnc test --real=f32 right.nn
expect 2 'no model given' nnc test
expect 3 "can't run the C compiler" env CC=no-such-compiler "$NNC" test right.nn
expect 4 'right.nn:[0-9]+:12: the option: width == 3' nnc test -D width=4 right.nn
expect 0 '' nnc check wrong.nn # what is wrong shows when it runs

# ---- several tests of one name, escapes, a folder; data lie beside the model
mkdir -p "a folder"
cat >"a folder/m.nn" <<'END'
param w: [2] = npy("w.npy");
test "one \"name\"" { assert w == [1.5, -2.0]; }
test "one \"name\"" { assert w != [1.5, 2.0], "a # and  two"; assert "#" == "#"; }
END
{ printf '\x93NUMPY\x01\x00\x76\x00'; printf "%-117s\n" "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }"
    printf '\x00\x00\x00\x00\x00\x00\xf8\x3f\x00\x00\x00\x00\x00\x00\x00\xc0'; } >"a folder/w.npy"
expect 4 '^1 ok, 1 failed$' nnc test "a folder/m.nn"
expect 4 'a folder/m.nn:3:30: a # and  two: w != \[1.5, 2.0\]$' nnc test "a folder/m.nn"
expect 4 '^    \[0\]: 1.5 and 1.5; 1 of 2 elements fail$' nnc test "a folder/m.nn"
rm "a folder/w.npy"
expect 3 'a folder/w.npy' nnc test "a folder/m.nn"

# ---- a C compiler that computes something else is found out; files in between are gone
cat >broken-cc <<'END'
#!/bin/bash
sed 's/12345\.5/12345.75/g' | gcc "$@"
END
chmod +x broken-cc
cat >two.nn <<'END'
test "both" { assert randn([3]) < 10.0; }
test "one" { let x = rand([3]); assert x * 12345.5 <= x * 12345.6; }
END
mkdir tmp
expect 0 '^2 ok, 0 failed$' env TMPDIR="$work/tmp" "$NNC" test two.nn
expect 4 '^  two.nn:2:40: x \* 12345.5 <= x \* 12345.6 \(only as compiled C\)$' \
    env TMPDIR="$work/tmp" CC="$work/broken-cc" "$NNC" test --no-validate two.nn
[ -z "$(ls tmp)" ] || fail "left in TMPDIR: $(ls tmp)"
expect 3 'No such file' env TMPDIR="$work/nowhere" "$NNC" test two.nn

# ---- programs, libraries and what is said about models are the same without the tests
cat >whole.nn <<'END'
model net = Dense(2);
model only_tested = Dense(3);
export fn f(x: [1, 4]) -> [1, 2] = net(x);
END
cp whole.nn plain.nn
echo 'test "a" { assert only_tested(ones([1, 4])) == 1.0; assert gradcheck(fn(u) => sum(net(u)), ones([1, 4])); }' >>whole.nn
for model in whole plain; do
    mkdir $model
    mv $model.nn $model/m.nn
    (cd $model && nnc -S m.nn -o m.c && nnc --library m.nn -o lib && nnc info m.nn >info.txt && rm m.nn) 2>$model/said
done
diff -r whole plain || fail "tests show in what nnc makes"
done_testing
