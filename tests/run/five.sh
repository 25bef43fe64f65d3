#!/usr/bin/env bash
# Models with five independent mistakes of different kinds each: every one is found, once, and nothing else
# is said. The first line of each model lists them.
set -eu
failed=0
for model in "$PROJECT_DIR"/tests/five/*.nn; do
  out=$("$NNC" check "$model" 2>&1) && status=0 || status=$?
  errors=$(grep -c '^error\[' <<<"$out" || true)
  if [ "$errors" != 5 ] || [ "$status" != 1 ]; then
    echo "$(basename "$model"): $errors errors, exit $status"
    echo "$out"
    failed=1
  fi
done
exit $failed
