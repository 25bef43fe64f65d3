#!/bin/bash
# What all steps of a loop have in common is computed before it: the emitted C says so, and weights, events and files are
# to the bit those of a program whose steps compute everything (NNC_NO_HOIST), as C, in f64 and in the interpreter; a
# fault is told in the same words; a library's steps compute everything.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
model=$PROJECT_DIR/tests/programs/invariant.nn
style=$PROJECT_DIR/samples/style/style.nn

# How many contractions and convolutions a function of the C text computes.
products() { sed -n "/^static int fn_$1(/,/^}/p" "$2" | grep -cE '^    nn_run\(c, k[0-9]+_dot'; }
counts() {  # FUNCTION BEFORE-THE-LOOP IN-THE-STEP
    local whole=$((0 + $(products "$1" whole.c)))
    [ "$(products "$1_invariant" hoisted.c) $(products "$1" hoisted.c)" = "$2 $3" ] ||
        fail "$1: $(products "$1_invariant" hoisted.c) products before the loop, $(products "$1" hoisted.c) in the step, $whole in one that computes everything"
    [ $whole = $(($2 + $3)) ] || fail "$1: $whole products in a step that computes everything"
}
nnc -S --cpu=baseline "$model" -o hoisted.c && NNC_NO_HOIST=1 nnc -S --cpu=baseline "$model" -o whole.c || fail "nnc -S"
counts t_step_2 2 5  # convolution, Gram matrix; both of the canvas, and back; the two loops of `draw` have one step
! grep -q "fn_t_step_3(" hoisted.c || fail "t_step_3"
counts t_step_6 2 4
counts t_step_7 2 7
# The others train, or change between epochs, what their values are of.
for f in t_step t_step_4 t_step_5; do ! grep -q "^static int fn_${f}_invariant(" hoisted.c || fail "${f}_invariant"; done
! grep -q _invariant whole.c || fail "NNC_NO_HOIST hoists"
# The sample: the convolution and the Gram matrix of the texture, once instead of 400 times.
nnc -S --cpu=baseline "$style" -o hoisted.c && NNC_NO_HOIST=1 nnc -S --cpu=baseline "$style" -o whole.c || fail "nnc -S style"
counts texture_step 2 5
# The design's example: of the picture's six convolutions and of the style's, with three Gram matrices.
nnc -S --cpu=baseline "$PROJECT_DIR/tests/examples/style.nn" -o hoisted.c && NNC_NO_HOIST=1 nnc -S --cpu=baseline "$PROJECT_DIR/tests/examples/style.nn" -o whole.c || fail "nnc -S, the example"
counts stylize_step 15 21

same() {  # NAME [OPTIONS]: with and without, the same run
    local name=$1 how
    shift
    for how in hoisted whole; do
        mkdir -p $how
        if [ "$name" = interpreted ]; then
            ([ $how = hoisted ] || export NNC_NO_HOIST=1; nnc --interpret "$@" "$model" -- train --json --out $how --save $how.st >$how.log)
        else
            ([ $how = hoisted ] || export NNC_NO_HOIST=1; nnc -O0 --cpu=baseline "$@" "$model" -o $how.bin) &&
                program ./$how.bin train --json --out $how --save $how.st >$how.log
        fi || fail "$name: $how"
    done
    cmp hoisted.st whole.st && cmp hoisted.log whole.log && diff -r hoisted whole || fail "$name: another run"
    [ "$(grep -c '"event":"step"' hoisted.log)" = 42 ] || fail "$name: $(grep -c '"event":"step"' hoisted.log) steps"
}
same C
same interpreted
same f64 --real=f64
expect 0 't_step_2_invariant' ./hoisted.bin info
expect 0 '"invariant"' ./hoisted.bin info --json
expect 0 '^invariant t_step_2_invariant' nnc report "$model"

# ---- a fault of it is the step's, in the same words
cat >fault.nn <<'NN'
param w: [3, 4] = ones();
state far: i32[300] = 2;
state table: [4, 8] = ones();
train t {
    each i in 0..3 {
        minimize sum(w * sum(gather(w * 0.0 + 1.0, iota(3)), axis = 0)) over w using SGD(lr = 0.1);
    }
    update far = far + 2;
    each i in 0..3 {
        minimize sum(w ** 2) * sum(gather(table, far)) over w using SGD(lr = 0.1);
    }
}
NN
nnc --cpu=baseline fault.nn -o fault && NNC_NO_HOIST=1 nnc --cpu=baseline fault.nn -o fault.whole || fail "fault"
nnc report fault.nn | grep -q 't_step_2_invariant' || fail "fault: nothing is hoisted"
for p in fault fault.whole; do
    expect 1 'fault.nn:10:36: index 4 is outside 0..3' ./$p train
    ./$p train 2>$p.said
done
diff fault.said fault.whole.said || fail "the fault is told in other words"

# ---- libraries
nnc --library --train "$model" -o hoisted/lib && NNC_NO_HOIST=1 nnc --library --train "$model" -o whole/lib || fail "nnc --library"
for suffix in h c; do cmp hoisted/lib.$suffix whole/lib.$suffix || fail "a library's steps are hoisted from"; done
done_testing
