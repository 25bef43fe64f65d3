#!/bin/bash
# Random programs that Python, from language.md alone, computes a second time: train blocks (plans.py), expressions and data files
# (tests/reference/*.py say what of them). Each is compiled, run and compared; plans are resumed from a checkpoint, too.
#   NNC_SEED   the first seed (1)      NNC_COUNT  how many of each      NNC_PARTS  some of: plans expressions sources
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)
part() { # NAME COUNT PYTHON
    [[ " ${NNC_PARTS:-plans expressions sources} " == *" $1 "* ]] || return 0
    [ -n "$3" ] || { echo "SKIP $1: numpy is not installed (python3-numpy)"; return; }
    "$3" -B "$PROJECT_DIR/tests/reference/$1.py" "${NNC_SEED:-1}" "${NNC_COUNT:-$2}" "$NNC" --real=f64 -O0 --cpu=baseline --no-validate || fail "$1"
}
command -v python3 >/dev/null || { echo "SKIP plans, expressions, sources: python3 is not installed"; exit 77; }
part plans 24 python3
part expressions 16 "$python"
part sources 16 "$python"
done_testing
