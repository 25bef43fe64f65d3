#!/usr/bin/env bash
# The digits step needs no more kernels than tests/golden/digits_kernels.txt gives a reason for, and after
# differentiation its graph holds no broadcast, no dead node, no multiplication by one, no addition of zero.
set -eu
model=$PROJECT_DIR/samples/digits/digits.nn
want=$(grep -v '^#' "$PROJECT_DIR/tests/golden/digits_kernels.txt" | sed 's/:.*//')
have=$("$NNC" --dump-ir=after:fuse "$model" | sed -n '/^function fit_step/,/^$/p' |
  sed -n 's/^kernel [0-9]* \([a-z]*\).*/\1/p; s/^optimize [0-9]*$/optimize/p')
diff <(echo "$want") <(echo "$have") || { echo "the kernels of the digits step have changed"; exit 1; }
[ "$(wc -l <<<"$have")" -le 14 ]

"$NNC" --dump-ir=after:autodiff "$model" | sed -n '/^step fit_step/,/^}/p' > step.ir
awk '
  $2 == "=" {
    name[$1] = $3
    if ($3 == "const") value[$1] = $5
    if ($3 == "broadcast") bad("a materialised broadcast")
    for (i = 4; i <= NF && $i != "#"; i++) { x = $i; sub(/,$/, "", x); if (x ~ /^%/) { used[x] = 1; arg[++n] = x } }
    line[$1] = $0
    if ($3 == "mul") for (i = 1; i <= n; i++) if (value[arg[i]] == "1") bad("a multiplication by one")
    if ($3 == "add") for (i = 1; i <= n; i++) if (value[arg[i]] == "0") bad("an addition of zero")
    n = 0
  }
  $1 ~ /^(effect|report|result)$/ { used[$2] = 1 }
  function bad(what) { print what ": " $0; failed = 1 }
  END {
    for (x in name) if (!used[x]) { print "a dead node: " line[x]; failed = 1 }
    if (length(name) < 40) { print "the step was not found"; failed = 1 }
    exit failed
  }' step.ir
