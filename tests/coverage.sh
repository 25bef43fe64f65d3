#!/bin/bash
# Is everything that has a row in a table exercised by a test? ./check calls it after the tests with
#   coverage.sh FILE
# FILE (NNC_COVERAGE_FILE) is what the tests left behind, a line each:
#   op NAME      evaluated and compared with its reference         rule NAME    fired
#   code NAME    a diagnostic that was printed                     nnc …, program …   a command line that was run
# The lists come from the tables themselves, so a new row without a test fails here.
set -u
cd "$(dirname "$0")/.." || exit 1
seen=${1:?coverage file}
[ -s "$seen" ] || { echo "coverage: no test left a trace in $seen"; exit 1; }
missing=0

rows() { sed -nE "s/$2.*/\\$3/p" "$1"; }  # FILE PATTERN GROUP

require() {  # KIND NAME…
    local kind=$1 name
    shift
    [ $# -gt 0 ] || { echo "coverage: no rows found for $kind"; missing=1; }
    for name in "$@"; do
        grep -qxF -- "$kind $name" "$seen" || { echo "coverage: no test exercises $kind $name"; missing=1; }
    done
    echo "coverage: $kind: $# rows"
}

require_option() {  # COMMAND OPTION…: as a word, as OPT=value, or, for one letter, joined to its value
    local command=$1 option found
    shift
    [ $# -gt 0 ] || { echo "coverage: no options found for $command"; missing=1; }
    for option in "$@"; do
        found=$(awk -v c="$command" -v o="$option" '
            $1 == c { for (i = 2; i <= NF; i++)
                if ($i == o || index($i, o "=") == 1 || (length(o) == 2 && o ~ /^-[DI]/ && index($i, o) == 1)) { print "yes"; exit } }' "$seen")
        [ -n "$found" ] || { echo "coverage: no test passes $option to $command"; missing=1; }
    done
    echo "coverage: options of $command: $# rows"
}

mapfile -t ops < <(rows ir/ops.def '^OP\((\w+), *(\w+),' 2)
mapfile -t rules < <(rows passes/rules.def '^RULE(_F)?\((\w+),' 2)
mapfile -t codes < <(rows ir/base/diag_codes.def '^DIAG\((\w+),' 1)
mapfile -t options < <(rows driver/options.def '^OPTION\(\w+, "([^"]+)",' 1)
require op "${ops[@]}"
require rule "${rules[@]}"
require code "${codes[@]}"
require_option nnc "${options[@]}"
mapfile -t options < <(rows runtime/host/nn_main.c "^ *\{\"(-[^\"]*)\"," 1)
require_option program "${options[@]}"
exit $missing
