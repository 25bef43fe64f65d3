#!/bin/bash
# `assert` on tensors: no code without -fchecks; with it a fault with its place and text, in a program, in the
# interpreter and in a library, which keeps the status; what stands before the first write leaves the stores alone.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
cat >m.nn <<'NN'
state total: [3] = zeros();
fn positive(x: [*s]) -> [*s] {
    assert x > 0.0, "positive \"x\"";
    return sqrt(x);
}
train fit {
    each i in 0..5 {
        assert i < 3;
        update total = total + 1.0;
        report sum = sum(total);
    }
}
export fn before(x: [3], on: mask) -> [3] {
    let y = positive(x);
    when on { assert x < 100.0, "small"; }
    update total = total + y;
    return total;
}
NN
nnc -S m.nn -o plain.c && nnc -S -fchecks m.nn -o checked.c || fail "nnc -S"
grep -q 'nn_assert\|NN_FAULT_ASSERT' plain.c && fail "code without -fchecks"
grep -q nn_assert checked.c || fail "no code with -fchecks"

nnc --cpu=baseline m.nn -o plain && expect 0 '"sum":15' ./plain train --json
said='error: m.nn:8:16: an assertion does not hold
  = note: in train `fit`, epoch 1, step 4'
nnc -fchecks --cpu=baseline m.nn -o checked || fail "nnc -fchecks"
expect 1 '"step":3,"sum":9\}' program ./checked train --json
diff <(echo "$said") <(./checked train --json 2>&1 >/dev/null) || fail "the program says something else"
diff <(echo "$said") <("$NNC" -fchecks --interpret m.nn -- train --json 2>&1 >/dev/null) || fail "the interpreter says something else"

cat >main.c <<'C'
#include "lib.h"
#include <stdio.h>
static unsigned char memory[LIB_ARENA_BYTES + LIB_ARENA_ALIGN];
static int call(lib *m, float x, unsigned char on) {
  const float in[3] = {x, 4, 4};
  float out[3];
  int s = lib_before(m, in, &on, out);
  printf("%s %g %g\n", lib_status_text((lib_status)s), s ? 0 : (double)out[0], s ? 0 : (double)out[1]);
  return s;
}
int main(void) {
  lib m;
  unsigned char *arena = memory + (LIB_ARENA_ALIGN - (size_t)memory % LIB_ARENA_ALIGN) % LIB_ARENA_ALIGN;
  float *total;
  if (lib_init(&m, arena, LIB_ARENA_BYTES, 1)) return 1;
  call(&m, 9, 1);
  call(&m, 400, 0); /* not small, but nobody asks */
  total = (float *)(void *)arena;
  if (call(&m, 400, 1) != LIB_ASSERTION) return 2;
  printf("total %g\n", (double)total[0]);
  if (call(&m, 1, 0) != LIB_ASSERTION) return 3; /* kept */
  if (lib_init(&m, arena, LIB_ARENA_BYTES, 1)) return 1;
  return call(&m, -1, 0) != LIB_ASSERTION;
}
C
nnc -fchecks --library m.nn -o lib && gcc -std=c99 -Wall -Wextra -Werror main.c lib.c -lm -o main || fail "the library"
./main >out || fail "the library's statuses: $?"
diff - out <<'TEXT' || fail "the library says something else"
no error 3 2
no error 23 4
an assertion does not hold 0 0
total 23
an assertion does not hold 0 0
an assertion does not hold 0 0
TEXT
done_testing
