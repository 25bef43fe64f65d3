#!/bin/bash
# Parts of the C that nnc writes, for documents.
#   excerpt.sh NAME <model.c       the function NAME with the comment before it
#   excerpt.sh NAME N <model.c     the N-th kernel it calls (from 1 on; '$': the last), with its arguments
set -eu
name=$1 n=${2:-}
text=$(cat)
# A paragraph is what stands between empty lines; a function is one, and so are a kernel's comment and arguments.
part() { awk -v RS= -v pattern="$1" '$0 ~ pattern { print (n++ ? "\n" : "") $0 }' <<<"$text"; }
if [ -z "$n" ]; then
    part "static [^;{]* $name\\(nn_ctx \\*c, "
else
    kernel=$(part "static [^;{]* $name\\(nn_ctx \\*c, " | sed -n 's/.*nn_run(c, \([a-z0-9_]*\),.*/\1/p' | sed -n "${n}p")
    [ -n "$kernel" ] || { echo "$name calls no kernel $n"; exit 1; }
    part "(typedef struct ${kernel}_args|static void $kernel\\()"
fi
