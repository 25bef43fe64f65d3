#!/usr/bin/env bash
# The steps of digits and LeNet need no more kernels than tests/golden/*_kernels.txt give a reason for, a batch norm
# has four passes; after differentiation digits' graph holds no broadcast, no dead node, no multiplication by one, no addition of zero.
set -eu
model=$PROJECT_DIR/samples/digits/digits.nn
same_kernels() {  # SAMPLE MOST
  want=$(grep -v '^#' "$PROJECT_DIR/tests/golden/$1_kernels.txt" | sed 's/:.*//')
  have=$("$NNC" --dump-ir=after:fuse "$PROJECT_DIR/samples/$1/$1.nn" | sed -n '/^function fit_step/,/^$/p' |
    sed -n 's/^kernel [0-9]* \([a-z]*\).*/\1/p; s/^optimize [0-9]*$/optimize/p')
  diff <(echo "$want") <(echo "$have") || { echo "the kernels of the $1 step have changed"; exit 1; }
  [ "$(wc -l <<<"$have")" -le "$2" ]
}
same_kernels digits 14
same_kernels lenet 24

# A batch norm is read twice forward (sums, then the result, in the kernel that wants it) and twice backward.
norm=$("$NNC" --dump-ir=after:fuse "$PROJECT_DIR/samples/resnet20/resnet20.nn" | sed -n '/^function fit_step/,/^$/p' |
  sed -n 's/^kernel [0-9]* \([a-z]*\) *# net.residual_8.conv_bn_0.batch_norm_0$/\1/p' | tr '\n' ' ')
[ "$norm" = "reduce reduce map " ] || { echo "the kernels of a batch norm are: $norm"; exit 1; }

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

# Emitted text has no parentheses around what has some already, or around one number, and no compiler misses any.
doubled='\(\([^()]*\)\)|[-+*/%<] \([0-9]+\)'
for name in conv dynamic slices gpt; do
  for target in c cuda; do
    "$NNC" -S --backend=$target "$PROJECT_DIR/tests/programs/$name.nn" -o text.$target 2>/dev/null
    if sed 's|/\*.*\*/||; \|^/\*|,\|\*/|d' text.$target | grep -nE "$doubled"; then
      echo "doubled parentheses in the $target text of $name"
      exit 1
    fi
  done
done
rm -f text.c text.cuda

# A kernel's comment reads as the C beside it computes, indices too.
cat >comments.nn <<'NN'
export fn back(x: i32[4]) -> i32[4] = x * reverse(iota(4), axis = 0);
export fn turned(x: [12]) -> [2, 6] = reshape(transpose(reshape(x, [4, 3])), [2, 6]);
NN
"$NNC" -S comments.nn -o - | sed -n 's|^/\* \(y0.*\) \*/|\1|p' | diff - <(cat <<'TXT'
y0[i] = x0[i] * (3 - i)   i < 4
y0[i, j] = x0[3*((6*i + j) % 4) + (6*i + j) / 4]   i < 2, j < 6
TXT
)
rm -f comments.nn

# A division by a constant can't fault, and isn't looked after; one by data is.
echo 'export fn f(x: i32[4], y: i32[4]) -> i32[4] = x // 3 + x % 2;' >divisor.nn
! "$NNC" -S divisor.nn -o - | grep -q 'nn_place places' || { echo "a division by a constant is checked"; exit 1; }
echo 'export fn f(x: i32[4], y: i32[4]) -> i32[4] = x // y;' >divisor.nn
"$NNC" -S divisor.nn -o - | grep -q 'nn_place places' || { echo "a division by data isn't checked"; exit 1; }
rm -f divisor.nn
