#!/bin/bash
# `step` and `epoch` count since the train or phase began, through the phases in it: in the program, in the interpreter
# and in the library, whose draws are the program's too.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
model=$PROJECT_DIR/tests/programs/counts.nn

# Phase, step and epoch of each step; of an eval and the end as told.
cat >want <<'END'
 0 0
 1 0
a 0 0
a 1 0
a 2 1
a 3 1
b[0] 0 0
b[0] 1 1
b[1] 0 0
b[1] 1 1
a 8 6
a 9 7
 12 9
 13 9
eval 14 9
c 0 0
done 15 11
 0 0
 1 0
done 2 1
END
counts() {
    sed -nE 's/.*"event":"step".*"phase":(null|"([^"]*)").*"s":([0-9]+),"e":([0-9]+).*/\2 \3 \4/p
        s/.*"event":"eval".*"s":([0-9]+),"e":([0-9]+).*/eval \1 \2/p
        s/.*"event":"done".*"epoch":([0-9]+),"step":([0-9]+).*/done \2 \1/p' "$1"
}
nnc "$model" -o counts && program ./counts train --json >c.log || fail "counts as C"
nnc --interpret "$model" -- train --json >i.log || fail "counts in the interpreter"
cmp c.log i.log || fail "C and interpreter tell other things"
counts c.log >c.txt
diff want c.txt || fail "steps and epochs"
[ "$(grep -c '"at":21' c.log)" = 3 ] || fail "an update after a phase"

# ---- the library: its steps in the program's order
cat >caller.c <<'C'
#include "k.h"
#include <stdio.h>
static unsigned char memory[K_ARENA_BYTES + K_ARENA_ALIGN];
static k m;
static int bad;
#define STEPS(name, ...) do { k_##name##_report r; bad |= k_##name(&m, __VA_ARGS__, &r) != K_OK; \
    printf("%.9g %.9g", (double)r.s, (double)r.e);
#define NOISE printf(" %.9g", (double)r.n);
#define END printf("\n"); } while (0)
int main(void) {
  unsigned char *arena = memory + (K_ARENA_ALIGN - (uintptr_t)memory % K_ARENA_ALIGN) % K_ARENA_ALIGN;
  const int32_t zero = 0, one = 1;
  k_fit_epoch_report done;
  int i;
  bad |= k_init(&m, arena, K_ARENA_BYTES, 0) != K_OK;
  STEPS(fit_step, 2) NOISE END;
  STEPS(fit_step, 1) NOISE END;
  bad |= k_fit_epoch(&m, &done) != K_OK || done.done != 2;
  for (i = 0; i < 2; i++) {
    STEPS(fit_a_step, 2) NOISE END;
    STEPS(fit_a_step, 1) NOISE END;
    bad |= k_fit_a_epoch(&m) != K_OK;
  }
  for (i = 0; i < 2; i++) { STEPS(fit_b_0_step, &zero) END; bad |= k_fit_b_0_epoch(&m) != K_OK; }
  for (i = 0; i < 2; i++) { STEPS(fit_b_1_step, &zero) END; bad |= k_fit_b_1_epoch(&m) != K_OK; }
  for (i = 0; i < 2; i++) { STEPS(fit_a_step_2, &zero) END; bad |= k_fit_a_epoch_2(&m) != K_OK; }
  bad |= k_fit_update(&m) != K_OK;
  STEPS(fit_step_2, 2) NOISE printf(" %g", (double)r.at); END;
  STEPS(fit_step_2, 1) NOISE printf(" %g", (double)r.at); END;
  bad |= k_fit_epoch_2(&m) != K_OK;
  STEPS(fit_c_step, &zero) END;
  bad |= k_fit_c_epoch(&m) != K_OK;
  STEPS(more_step, &zero) END;
  STEPS(more_step, &one) END;
  return bad;
}
C
nnc --library --train --prefix=k "$model" -o k || fail "nnc --library"
gcc -std=c99 -Wall -Wextra -Werror -O1 caller.c k.c -lm -o caller && ./caller >library.txt || fail "the library's steps"
sed -nE 's/.*"event":"step".*"s":([0-9]+),"e":([0-9]+)(,"w":[^,]*)?(,"n":([^,}]*))?(,"at":([^,}]*))?.*/\1 \2 \5 \7/p' c.log |
    sed 's/ *$//' | diff - library.txt || fail "the library counts or draws otherwise"
done_testing
