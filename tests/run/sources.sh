#!/bin/bash
# Random data blocks and their files are read as numpy wrote them: tests/reference/sources.py.
#   NNC_SEED   the first seed (1)      NNC_COUNT  how many (16)
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)
[ -n "$python" ] || { echo "SKIP sources: numpy is not installed (python3-numpy)"; exit 77; }
"$python" -B "$PROJECT_DIR/tests/reference/sources.py" "${NNC_SEED:-1}" "${NNC_COUNT:-16}" "$NNC" --real=f64 -O0 --cpu=baseline --no-validate || fail "sources"
done_testing
