#!/bin/bash
# `print`: what stands on standard error, of a program in C and of the interpreter; a library says that it's left out.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
cat >small.nn <<'NN'
state count: i32 = 0;
train fit {
    each i in 0..2 {
        print("step", step, "of", 2, 0.5, true, [1, 2]);
        let x = (cast(iota(3), real) + cast(i, real)) / 3.0;
        print(x, "and", count, i, x > 0.5, reshape(x, [3, 1]));
        update count = count + 1;
        when count == 2 {
            let rows = zeros([8, 1]) + cast(iota(40), real);
            print("second", rows);
            when count > 2 { print("never"); }
        }
        print(iota(100)[..2], iota(101), zeros([0]));
        print();
    } then { print("end of epoch", epoch); }
}
dim N <= 3;
export fn f(x: [N, 2]) -> real {
    print("f of", N, "rows", x);
    return sum(x);
}
NN
cat >want <<'TEXT'
step 0 of 2 0.5 true 1 2
x = f64[3] [0 0.33333333333333331 0.66666666666666663] and 0 i = 0 mask[3] [false false true] f64[3, 1]
[[0]
 [0.33333333333333331]
 [0.66666666666666663]]
i32[2] [0 1] i32[101] [0 1 2 ... 98 99 100] f64[0] []

step 1 of 2 0.5 true 1 2
x = f64[3] [0.33333333333333331 0.66666666666666663 1] and 1 i = 1 mask[3] [false true true] f64[3, 1]
[[0.33333333333333331]
 [0.66666666666666663]
 [1]]
second f64[8, 40]
[[0 1 2 ... 37 38 39]
 [0 1 2 ... 37 38 39]
 [0 1 2 ... 37 38 39]
 ...
 [0 1 2 ... 37 38 39]
 [0 1 2 ... 37 38 39]
 [0 1 2 ... 37 38 39]]
i32[2] [0 1] i32[101] [0 1 2 ... 98 99 100] f64[0] []

end of epoch 0
TEXT
nnc --real=f64 --interpret small.nn -- train --quiet 2>interpreted || fail "the interpreter"
diff want interpreted || fail "the interpreter prints something else"
nnc --real=f64 --cpu=baseline small.nn -o small && program ./small train --quiet 2>emitted || fail "the program"
diff want emitted || fail "the program prints something else"
nnc --cpu=baseline small.nn -o small || fail "nnc small.nn"
expect 0 '^x = f32\[3\] \[0 0.333333343 0.666666687\] and 0 i = 0 ' ./small train --quiet
# standard output has the events alone
[ -z "$(./small train --json 2>/dev/null | grep -v '^{"event"')" ] || fail "a line of print on standard output"
# a result is not what is printed
expect 0 '^ *f\(x: f32\[N, 2\]\) -> \(result: f32\)' ./small info
[ "$(./small info --json | grep -c 'f of')" = 0 ] || fail "info --json tells what is printed"
printf "\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }%10s\n\x00\x00\x80\x3f\x00\x00\x00\x40" '' >x.npy
program ./small train --quiet --save w.safetensors 2>/dev/null
./small predict f x.npy --weights w.safetensors >out 2>lines || fail "predict"
diff <(printf 'f of 1 rows f32[1, 2]\n[[1 2]]\n') lines || fail "predict prints something else"
diff <(printf 'result: f32\n  3\n') out || fail "predict has other results"

cat >warning <<'TEXT'
warning[W0603]: `print` is left out of a library
  --> small.nn:4:9
   |
 4 |         print("step", step, "of", 2, 0.5, true, [1, 2]);
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ a library neither reads nor writes

TEXT
expect 0 'W0603' nnc --library small.nn -o lib
"$NNC" --library small.nn -o lib 2>said || fail "nnc --library"
diff warning <(head -n 6 said) || fail "the warning"
grep -qE 'print|stdio' lib.c && fail "a library that prints"
done_testing
