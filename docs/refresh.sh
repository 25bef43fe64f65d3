#!/bin/bash
# Runs the commands that stand in the project's documents and puts their output below them.
#   docs/refresh.sh [--check] [FILE…]     default: every document; --check only says which are out of date
#
# In a document
#   <!-- $ nnc check life.nn -->
#   ```
#   the output
#   ```
# or, for output that is a file of its own beside the document,
#   <!-- resnet20.svg $ nnc graph resnet20.nn | dot -Tsvg -->
# Two pictures are the same when they show the same boxes, edges and words: where dot puts them is its version's and the
# fonts' affair. Without dot pictures are left as they are, and that is said.
#
# The command runs in the document's folder, with nnc's build (NNC, else build/release/nnc) first on the PATH and a
# scratch folder in $TMP. What stands beside a shown command is therefore what that command printed.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
NNC=$(realpath "${NNC:-$root/build/release/nnc}")
PATH=$(dirname "$NNC"):$PATH
TMP=$(mktemp -d)
export PATH TMP
trap 'rm -rf "$TMP"' EXIT
check=0
[ "${1:-}" = --check ] && { check=1; shift; }
cd "$root" || exit 1
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(grep -lE '^<!-- ([^ ]+ )?\$ ' -- *.md */*.md */*/*.md)

refresh() {  # FILE > the new text
    local line fence
    while IFS= read -r line; do
        printf '%s\n' "$line"
        [[ $line =~ ^'<!-- $ '(.*)' -->'$ ]] || continue
        IFS= read -r fence
        printf '%s\n' "$fence"
        (cd "$(dirname "$1")" && eval "${BASH_REMATCH[1]}") </dev/null 2>&1 | sed 's/[[:space:]]*$//'
        while IFS= read -r line && [ "$line" != '```' ]; do :; done
        printf '```\n'
    done <"$1"
}

out_of_date() {  # FILE: it differs from $TMP/new
    echo "$1 is out of date; docs/refresh.sh brings it up to date:"
    diff "$1" "$TMP/new" | head -n 20
    status=1
}

words() { grep -oE '<title>.*</title>|<text[^>]*>[^<]*' "$1" | sed 's/<text[^>]*>//' | LC_ALL=C sort; }

same() {  # OLD NEW
    case $1 in
    *.svg) [ -s "$1" ] && [ -s "$2" ] && [ "$(words "$1")" = "$(words "$2")" ] ;;
    *) cmp -s "$1" "$2" ;;
    esac
}

refresh_files() {  # DOCUMENT: the files that its commands make
    local line file
    while IFS= read -r line; do
        [[ $line =~ ^'<!-- '([^ $]+)' $ '(.*)' -->'$ ]] || continue
        file=$(dirname "$1")/${BASH_REMATCH[1]}
        if [[ $file == *.svg ]] && ! command -v dot >/dev/null; then
            echo "SKIP $file: dot (graphviz) is not installed"
            continue
        fi
        (cd "$(dirname "$1")" && eval "${BASH_REMATCH[2]}") </dev/null >"$TMP/new" 2>&1
        same "$file" "$TMP/new" && continue
        if [ $check = 1 ]; then
            out_of_date "$file"
        else
            cat "$TMP/new" >"$file"
            echo "refreshed $file"
        fi
    done <"$1"
}

status=0
for file in "${files[@]}"; do
    refresh_files "$file"
    refresh "$file" >"$TMP/new"
    same "$file" "$TMP/new" && continue
    if [ $check = 1 ]; then
        out_of_date "$file"
    else
        cat "$TMP/new" >"$file"
        echo "refreshed $file"
    fi
done
exit $status
