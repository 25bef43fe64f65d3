#!/bin/bash
# Random train blocks: phases, loops, streams, evals, patience, accumulation, options of the command line. The log and the
# stores are what tests/reference/plans.py finds from language.md alone, and a run resumed from a checkpoint ends with its bytes.
#   NNC_SEED   the first seed (1)      NNC_COUNT  how many (24)
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
command -v python3 >/dev/null || { echo "SKIP plans: python3 is not installed"; exit 77; }
python3 -B "$PROJECT_DIR/tests/reference/plans.py" "${NNC_SEED:-1}" "${NNC_COUNT:-24}" "$NNC" --real=f64 -O0 --cpu=baseline --no-validate || fail "plans"
done_testing
