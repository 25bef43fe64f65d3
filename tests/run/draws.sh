#!/bin/bash
# Initial values and draws that numpy computes again from the language's text: in C and in the interpreter.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)
[ -n "$python" ] || { echo "SKIP draws: numpy is not installed (python3-numpy)"; exit 77; }
reference=$PROJECT_DIR/tests/reference
nnc --real=f64 -O1 --cpu=baseline "$reference/draws.nn" -o draws || fail "nnc draws.nn"
program ./draws train --out c --json >c.json || fail "train"
nnc --interpret --real=f64 "$reference/draws.nn" -- train --out i --json >i.json || fail "train, interpreted"
for by in c i; do
    "$python" "$reference/draws.py" $by.json $by/draws.safetensors || fail "$by: numpy has other numbers"
done
done_testing
