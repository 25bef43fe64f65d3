#!/usr/bin/env bash
# Models with five independent mistakes of different kinds each: every one is found, once, where it is, and
# nothing else is said. The first line of each model lists them; a comment at the end of a line names the code that
# is expected there.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
for model in "$PROJECT_DIR"/tests/five/*.nn; do
  name=$(basename "$model")
  expect 1 'error: 5 errors' nnc check "$model"
  want=$(awk 'match($0, /# (E[0-9]+ ?)+$/) { n = split(substr($0, RSTART + 2), c, " "); for (i = 1; i <= n; i++) print FNR, c[i] }' "$model" | sort)
  got=$(nnc check "$model" 2>&1 | awk '/^error\[/ { code = substr($0, 7, 5) } /^ +-->/ && code { n = split($0, p, ":"); print p[n - 1], code; code = "" }' | sort)
  [ "$want" = "$got" ] || fail "$name: other errors than the comments say:"$'\n'"$(diff <(echo "$want") <(echo "$got"))"
done
done_testing
