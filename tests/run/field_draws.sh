#!/bin/bash
# Draws of computed fields: key = seed, counter = (element / 4, example, epoch, site), the site being the hash of the
# data's name and the draw's number, in a loop also of the iteration's but the first. The numbers are Philox's for these
# counters, computed apart; the program, the interpreter and the library give them, in batches of every size. An
# export whose loop draws counts its calls.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
cat >m.nn <<'SRC'
option size = 2;
data p { x: [2] from rows([[1, 2], [3, 4]]);  n: [2] = scan(v in x) { yield rand([]); };  m: real = rand([]);  shuffle = false; }
data q { x: real from rows([1, 2]);  n: [2, 3] = scan(i in 0..2) { yield sum(scan(j in 0..2) { yield rand([3]); }, axis = 0); };  shuffle = false; }
train t {
    epochs = 2;
    batch = size;
    each (d, z) in (p(), q()) { report a = mean(d.n[.., 0]), b = mean(d.n[.., 1]), c = mean(d.m), e = mean(z.n[.., 1, 2]); }
}
export fn noise(x: real) -> [2] = scan(i in 0..2) { yield x + rand([]); };
SRC
# The means over the two examples of each epoch.
cat >want <<'END'
"a":0.14655241370201111,"b":0.28505483269691467,"c":0.27194800972938538,"e":1.5342865288257599}
"a":0.56353288888931274,"b":0.38288503885269165,"c":0.6346571147441864,"e":0.74657344818115234}
END
means() { grep '"event":"epoch"' "$1" | sed 's/.*"a"/"a"/'; }
for size in 1 2; do
    nnc --real=f64 -D size=$size m.nn -o m$size && program ./m$size train --json >c.log || fail "batches of $size as C"
    nnc --interpret --real=f64 -D size=$size m.nn -- train --json >i.log || fail "batches of $size in the interpreter"
    means c.log | diff want - || fail "C draws other numbers in batches of $size"
    means i.log | diff want - || fail "the interpreter draws other numbers in batches of $size"
done
cat >caller.c <<'C'
#include "k.h"
#include <stdio.h>
static unsigned char memory[K_ARENA_BYTES + K_ARENA_ALIGN];
static k m;
int main(void) {
  unsigned char *arena = memory + (K_ARENA_ALIGN - (uintptr_t)memory % K_ARENA_ALIGN) % K_ARENA_ALIGN;
  const double x = 0;
  double y[2][2];
  k_t_step_report r;
  int epoch, bad = k_init(&m, arena, K_ARENA_BYTES, 0) != K_OK;
  for (epoch = 0; epoch < 2; epoch++) {
    bad |= k_t_step(&m, 2, &r) != K_OK || k_t_epoch(&m) != K_OK;
    printf("\"a\":%.17g,\"b\":%.17g,\"c\":%.17g,\"e\":%.17g}\n", r.a, r.b, r.c, r.e);
  }
  for (epoch = 0; epoch < 2; epoch++) bad |= k_noise(&m, &x, y[epoch]) != K_OK;
  return bad || y[0][0] == y[1][0] || y[0][1] == y[1][1] || y[0][0] == y[0][1];
}
C
nnc --library --train --real=f64 --prefix=k m.nn -o k || fail "nnc --library"
gcc -std=c99 -Wall -Wextra -Werror -O1 caller.c k.c -lm -o caller && ./caller | diff want - || fail "the library draws other numbers"
done_testing
