#!/bin/bash
# ./quickstart, run in a copy of the project, ends well and says what it should.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
[ "$NNC_SANITIZE" = ON ] && { echo "SKIP quickstart: it builds the release preset, in whose tests it runs"; exit 77; }
mkdir "$work/nnc"
(cd "$PROJECT_DIR" && tar cf - --exclude=./build --exclude=./.git .) | tar xf - -C "$work/nnc"
cd "$work/nnc" || exit 1
out=$(./quickstart --yes </dev/null 2>&1) || { fail "exit code $?"; printf '%s\n' "$out" | tail -n 30; }
accuracy=$(sed -n 's/^test accuracy \([0-9.]*\) after.*/\1/p' <<<"$out")
awk "BEGIN { exit !(\"$accuracy\" + 0 >= 0.96) }" || fail "test accuracy \`$accuracy\`"
grep -qE 'the network says [0-9]' <<<"$out" || fail "no answer"
grep -q 'with the same bits' <<<"$out" || fail "the standalone program was not compared"
expect 2 'unknown option' ./quickstart --what
expect 2 'unknown option' ./check --what
done_testing
