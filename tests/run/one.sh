#!/usr/bin/env bash
# One slip in a model of fifty lines is one error, however often what it broke is used.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
model=$(<"$PROJECT_DIR/tests/one/model.nn")
expect 0 '' nnc check "$PROJECT_DIR/tests/one/model.nn"
while IFS=$'\t' read -r right _ wrong; do
  [ "${right:0:1}" = '#' ] && continue
  right=${right//'\n'/$'\n'} wrong=${wrong//'\n'/$'\n'}
  [ "${model/"$right"/}" != "$model" ] || fail "the model has no \`$right\`"
  printf '%s\n' "${model/"$right"/"$wrong"}" >slip.nn
  expect 1 '^error: 1 error(,|$)' nnc check slip.nn || echo "the slip: $wrong"
done <"$PROJECT_DIR/tests/one/slips.txt"
done_testing
