#!/bin/bash
# Each limit of the parser at n and at n + 1: one error of its own, soon, in little memory.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
# Sanitizers need more of everything.
[ "${NNC_SANITIZE:-OFF}" = ON ] || ulimit -v 524288 -t 20

repeat() { yes "$1" | head -n "$2" | tr -d '\n'; }
limit() { # NAME CODE TEXT_AT_N TEXT_AT_N_PLUS_1
    printf '%s\n' "$3" >"$1.nn"
    printf '%s\n' "$4" >"$1_more.nn"
    expect 0 '' nnc check "$1.nn"
    expect 1 "^error\[$2\]" nnc check "$1_more.nn"
    [ "$(nnc check "$1_more.nn" 2>&1 | grep -c '^error\[')" = 1 ] || fail "$1: more than one error"
}
nest() { printf 'let a = %s1%s;' "$(repeat '(' "$1")" "$(repeat ')' "$1")"; }
sum() { printf 'let a = 1%s;' "$(repeat ' + 1' "$1")"; }
minus() { printf 'let a = %s1;' "$(repeat '-' "$1")"; }
limit brackets E0801 "$(nest 200)" "$(nest 201)"
limit operands E0801 "$(sum 999)" "$(sum 1000)"
limit unary E0801 "$(minus 999)" "$(minus 1000)"

# Nothing but brackets, operators or `else if`s, as long as a file may be.
for piece in '(' '[' '{' '-' 'not ' 'fn(x) => ' 'x |> ' 'f(' 'if a then ' ')' '}' '([)' ';' '(;' '"\q" ' 'é ' "'a' "; do
    { printf 'let a = '; repeat "$piece" $((1000000 / ${#piece} / 2)); } >long.nn
    expect 1 '^error: ' nnc check long.nn
done
{ printf 'fn f(a: int) -> int { if a == 0 { return 1; }'; repeat ' else if a == 1 { return 2; }' 20000; printf ' return 3; }'; } >long.nn
expect 1 '^error\[E0801\]' nnc check long.nn

{ printf 'let a = 1; #'; repeat x $((1048576 - 12)); } >size.nn
expect 0 '' nnc check size.nn
printf x >>size.nn
expect 1 '^error\[E0802\]' nnc check size.nn
done_testing
