#!/bin/bash
# Runs the commands that stand in the project's documents and puts their output below them.
#   docs/refresh.sh [--check] [FILE…]     default: every document; --check only says which are out of date
#
# In a document
#   <!-- $ nnc check life.nn -->
#   ```
#   the output
#   ```
# and a document that is as a whole what a command prints begins with
#   <!-- $$ nnc --print=stdlib -->
# The command runs in the document's folder, with nnc's build (NNC, else build/release/nnc) first on the PATH and a
# scratch folder in $TMP. What stands beside a shown command is therefore what that command printed.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
NNC=${NNC:-$root/build/release/nnc}
PATH=$(dirname "$NNC"):$PATH
TMP=$(mktemp -d)
export PATH TMP
trap 'rm -rf "$TMP"' EXIT
check=0
[ "${1:-}" = --check ] && { check=1; shift; }
cd "$root" || exit 1
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(grep -lE '^<!-- \$\$? ' -- *.md */*.md */*/*.md)

run() { (cd "$(dirname "$1")" && eval "$2") </dev/null 2>&1 | sed 's/[[:space:]]*$//'; }  # FILE COMMAND

refresh() {  # FILE > the new text
    local line fence
    IFS= read -r line <"$1"
    [[ $line =~ ^'<!-- $$ '(.*)' -->'$ ]] && { run "$1" "${BASH_REMATCH[1]}"; return; }
    while IFS= read -r line; do
        printf '%s\n' "$line"
        [[ $line =~ ^'<!-- $ '(.*)' -->'$ ]] || continue
        IFS= read -r fence
        printf '%s\n' "$fence"
        run "$1" "${BASH_REMATCH[1]}"
        while IFS= read -r line && [ "$line" != '```' ]; do :; done
        printf '```\n'
    done <"$1"
}

status=0
for file in "${files[@]}"; do
    refresh "$file" >"$TMP/new.md"
    cmp -s "$TMP/new.md" "$file" && continue
    if [ $check = 1 ]; then
        echo "$file is out of date; docs/refresh.sh brings it up to date:"
        diff "$file" "$TMP/new.md" | head -n 20
        status=1
    else
        cat "$TMP/new.md" >"$file"
        echo "refreshed $file"
    fi
done
exit $status
