#!/bin/bash
# `accumulate = k` over batches of b takes the steps of batches of k * b: the same weights to rounding, in the emitted C
# and in the interpreter, with smaller last groups and batches; states are updated by every batch; --steps counts groups;
# an emitted library gives the program's weights bit for bit.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
model=$PROJECT_DIR/tests/programs/accumulate.nn

# The tensors of a file of weights in f64, in the order of their paths, one number a line; the state apart.
header() { od -An -v -tu8 -N8 "$1" | tr -d ' '; }
numbers() { # FILE TENSOR-PATTERN
    local skip
    skip=$(($(header "$1") + 8))
    tail -c +9 "$1" | head -c $((skip - 8)) | grep -oE '"[^"]*":\{"dtype":"F64"[^}]*\}' | grep -E "$2" | sort |
        sed -E 's/.*"data_offsets":\[([0-9]+),([0-9]+)\].*/\1 \2/' |
        while read -r from to; do od -An -v -tf8 -w8 -j $((skip + from)) -N $((to - from)) "$1"; done
}
close() { # A B: numbers equal to 1e-12 of themselves
    paste "$1" "$2" | awk 'function abs(x) { return x < 0 ? -x : x }
        NF != 2 || abs($1 - $2) > 1e-12 * abs($1) { print; bad = 1 } END { exit bad || NR < 20 }'
}
seen() { tail -c +$(($(header "$1") + 9)) "$1" | od -An -v -td4 -w4 -j "$(tail -c +9 "$1" | head -c "$(header "$1")" |
    sed -E 's/.*"net\.seen":[^}]*"data_offsets":\[([0-9]+),.*/\1/')" -N4 | tr -d ' '; }

train() { # NAME BATCH ACCUMULATE
    nnc --real=f64 -D b="$2" -D k="$3" "$model" -o "$1" && program "./$1" train fit --save "$1.st" --json >"$1.log" || fail "$1 as C"
    nnc --interpret --real=f64 -D b="$2" -D k="$3" "$model" -- train fit --save "$1.i.st" --json >"$1.i.log" || fail "$1 in the interpreter"
    for f in "$1" "$1.i"; do numbers "$f.st" 'net|line' >"$f.txt"; done
    close "$1.txt" "$1.i.txt" || fail "$1: C and interpreter give other weights"
}
train small 4 3  # of 19 examples: 4 4 4, 4 3
train large 12 1 # 12, 7
train tiny 1 12
close small.txt large.txt || fail "3 batches of 4 are not a batch of 12"
close tiny.txt large.txt || fail "12 batches of 1 are not a batch of 12"
close small.txt <(awk '{ printf "%.17g\n", $1 * 1.00000000001 }' large.txt) >/dev/null && fail "the comparison sees nothing"
for l in small large tiny; do sed 's/"loss":[^,}]*/"loss":0/; s/"x":[^,}]*/"x":0/' $l.log >$l.events; done
cmp small.events large.events || fail "steps or events are others"
cmp tiny.events large.events || fail "steps or events are others, batches of 1"
for l in small tiny; do
    for l_i in $l $l.i; do
        paste -d'\n' $l_i.log large.log | sed -E 's/.*"loss":([^,}]*).*/\1/; t; s/.*/0/' | paste - - | awk 'function abs(x) { return x < 0 ? -x : x }
            abs($1 - $2) > 1e-10 * abs($1) { print; bad = 1 } END { exit bad }' || fail "$l_i: the losses are not those of the large batch"
    done
done
# 3 phases of 4 epochs with `net`
[ "$(seen small.st) $(seen large.st) $(seen tiny.st)" = "60 24 228" ] || fail "batches seen: $(seen small.st) $(seen large.st) $(seen tiny.st)"
[ "$(grep -c '"event":"step".*"momentum"' small.log)" = 8 ] || fail "steps are not groups"
[ "$(grep -c '"event":"step".*"counted"' small.log)" = 8 ] || fail "a counted loop of 7 in groups of 4 has 2 steps"
program ./small train fit --steps 3 --json >three.log || fail "--steps 3"
[ "$(grep -c '"event":"step".*"adam"' three.log)" = 3 ] || fail "--steps counts batches"
# Of the groups of an epoch one or none has batches whose mask is true.
program ./small train masked --json >masked.log || fail "train masked"
[ "$(grep -c '"event":"step"' masked.log)" = 8 ] || fail "a group is a step, also where none of its batches counts"
grep '"event":"step"' masked.log | grep -qv used && grep '"event":"step"' masked.log | grep -q used || fail "the masks of all groups are the same"
expect 0 'fit_step, after each 3 fit_apply' nnc info "$model"
expect 0 '"kind":"sum"' ./small info --json

# ---- a library: step, step, step, apply
cat >caller.c <<'C'
#include "fit.h"
#include <stdio.h>
static const float x[19][2] = {
    {1.0f, 2.0f}, {0.5f, -1.0f}, {3.0f, 0.2f}, {-1.0f, 1.0f}, {0.3f, 0.3f}, {2.0f, -2.0f}, {1.5f, 1.0f}, {0.1f, 0.9f},
    {-0.5f, 0.4f}, {1.1f, -1.3f}, {0.7f, 0.6f}, {2.2f, -0.1f}, {0.2f, 1.8f}, {-1.7f, 0.5f}, {0.9f, 0.8f}, {1.4f, -0.6f},
    {0.05f, 0.15f}, {1.25f, 0.35f}, {0.4f, -0.7f}};
static fit m;
static union { double align[8]; unsigned char bytes[FIT_ARENA_BYTES + 64]; } memory;
static unsigned char file[1 << 16];
int main(void) {
  unsigned char *arena = memory.bytes + (FIT_ARENA_ALIGN - (uintptr_t)memory.bytes % FIT_ARENA_ALIGN) % FIT_ARENA_ALIGN;
  fit_status s = fit_init(&m, arena, FIT_ARENA_BYTES, 3);
  int epoch, k;
#define LOOP(NAME)                                                                        \
  for (epoch = 0; epoch < 4; epoch++) {                                                   \
    fit_fit_##NAME##_step_report r;                                                       \
    for (k = 0; k < 5; k++) {                                                             \
      if (s == FIT_OK) s = fit_fit_##NAME##_step(&m, k < 4 ? 4 : 3, x[4 * k], &r);        \
      if (s == FIT_OK && k % 3 == 2) s = fit_fit_##NAME##_apply(&m);                      \
    }                                                                                     \
    if (s == FIT_OK) s = fit_fit_##NAME##_apply(&m);                                      \
    if (s == FIT_OK) s = fit_fit_##NAME##_apply(&m); /* nothing waits: nothing happens */ \
    if (s == FIT_OK) s = fit_fit_##NAME##_epoch(&m EXTRA);                                \
  }
#define EXTRA , &end
  { fit_fit_momentum_epoch_report end; LOOP(momentum) if (s == FIT_OK && end.steps != 8.0f) return 2; }
#undef EXTRA
#define EXTRA
  LOOP(adam)
  LOOP(clip)
  for (epoch = 0; epoch < 4; epoch++) {
    fit_fit_counted_step_report r;
    int32_t i;
    for (i = 0; i < 7; i++) {
      if (s == FIT_OK) s = fit_fit_counted_step(&m, &i, &r);
      if (s == FIT_OK && (i == 3 || i == 6)) s = fit_fit_counted_apply(&m);
    }
    if (s == FIT_OK) s = fit_fit_counted_epoch(&m);
  }
  if (s == FIT_OK) s = fit_save(&m, file, sizeof file);
  if (s != FIT_OK) return fprintf(stderr, "%s\n", fit_status_text(s)), 1;
  fwrite(file, 1, fit_save_bytes(), stdout);
  /* Weights that are loaded begin anew: what waited is forgotten. */
  {
    fit_fit_adam_step_report r;
    if (fit_fit_adam_step(&m, 4, x[0], &r) || fit_load(&m, file, fit_save_bytes()) || fit_fit_adam_apply(&m)) return 3;
    if (fit_save(&m, file, sizeof file)) return 4;
    fwrite(file, 1, fit_save_bytes(), stderr);
  }
  return 0;
}
C
command -v gcc >/dev/null || { echo "SKIP accumulate in a library: gcc is not installed"; exit 77; }
nnc --library --train=fit "$model" -o fit || fail "nnc --library"
grep -q 'to be called after 3 batches' fit.h || fail "the header says nothing of apply"
nnc --cpu=baseline "$model" -o program32 && program ./program32 train fit --no-shuffle --save program.st --quiet || fail "the program"
gcc -std=c99 -Wall -Wextra -Wconversion -Werror -O2 caller.c fit.c $([ ! -e fit_weights.c ] || echo fit_weights.c) -lm -o caller || fail "the caller"
./caller >library.st 2>again.st || fail "the library: $?"
cmp library.st program.st || fail "the library's weights are not the program's"
cmp library.st again.st || fail "an apply after load does something"
done_testing
