#!/bin/bash
# Lists the places in frontend/ that make an error or a warning and that no program of tests/errors reaches.
#   tests/errors/uncovered.sh [BUILD]      by hand; builds nnc with gcov's counters in BUILD (a minute)
# A place the list names wants a program, or is dead. Some can't have one: they need a file larger than a repository
# holds (tests/run/*_limits.sh have those), or are reached by `nnc test` and -D alone.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/gcov}
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS="-O0 -g --coverage" >/dev/null
cmake --build "$build" -j2 --target nnc >/dev/null
find "$build" -name '*.gcda' -delete
cd "$root/tests/errors"
for model in *.nn; do
    "$build/nnc" check -Wshadow -Wanonymous "$model" >/dev/null 2>&1 || true
done
mkdir -p "$build/gcov"
cd "$build/gcov"
find "$build" -path '*frontend*' -name '*.gcda' -exec gcov -p {} + >/dev/null 2>&1
# A line of gcov: count, line number, text. A call that continues on further lines counts at its first.
for file in *frontend#*.c.gcov; do
    name=${file##*#}
    grep -E '^ *#####: *[0-9]+:.*\b(err|err_at|diag_error|diag_warning|warn|error_at|syntax_error|lex_error|fail)\(' "$file" |
        sed -E "s|^ *#####: *([0-9]+): *|frontend/${name%.gcov}:\1: |" || true
done
