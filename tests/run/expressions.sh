#!/bin/bash
# Random expressions are, compiled and interpreted, what numpy finds by language.md: tests/reference/expressions.py.
#   NNC_SEED   the first seed (1)      NNC_COUNT  how many programs (16)
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)
[ -n "$python" ] || { echo "SKIP expressions: numpy is not installed (python3-numpy)"; exit 77; }
"$python" -B "$PROJECT_DIR/tests/reference/expressions.py" "${NNC_SEED:-1}" "${NNC_COUNT:-16}" "$NNC" --real=f64 -O0 --cpu=baseline --no-validate || fail "expressions"
done_testing
