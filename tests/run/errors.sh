#!/bin/bash
# Each tests/errors/NAME.nn gives exactly the text of NAME.txt, and NAME begins with a code that is in it.
#   tests/run/errors.sh --update     writes the texts (NNC and PROJECT_DIR set); read them before committing
PROJECT_DIR=${PROJECT_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
NNC=${NNC:-$PROJECT_DIR/build/release/nnc}
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$PROJECT_DIR/tests/errors" || exit 1
n=0
for model in *.nn; do
    name=${model%.nn}
    code=${name%%_*}
    out=$("$NNC" check -Wshadow -Wanonymous "$model" 2>&1)
    status=$?
    want=1
    [[ $code == W* ]] && want=0
    [ $status = $want ] || fail "$model: exit code $status, not $want"
    grep -qE "^(error|warning)\[$code\]" <<<"$out" || fail "$model does not give $code"
    if [ "${1:-}" = --update ]; then
        printf '%s\n' "$out" >"$name.txt"
    elif ! diff -u "$name.txt" <(printf '%s\n' "$out"); then
        fail "$model: the text differs"
    fi
    while read -r code; do record code "$code"; done < <(grep -oE '^(error|warning)\[[EW][0-9]+\]' <<<"$out" | grep -oE '[EW][0-9]+')
    n=$((n + 1))
done
[ $n -gt 0 ] || fail "no programs in tests/errors"
done_testing
