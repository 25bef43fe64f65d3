#!/bin/bash
# Trainings that numpy computes again from the papers' formulas: losses of all steps, weights, running statistics, evals.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)
[ -n "$python" ] || { echo "SKIP reference: numpy is not installed (python3-numpy)"; exit 77; }
reference=$PROJECT_DIR/tests/reference
"$python" "$reference/training.py" data . || exit 1
nnc --real=f64 -O1 --cpu=baseline "$reference/training.nn" -o training || fail "nnc training.nn"
for train in logistic net slow; do
    program ./training train $train --seed 5 --out out --json >>log.json || fail "train $train"
done
"$python" "$reference/training.py" check . || fail "numpy has other numbers"
done_testing
