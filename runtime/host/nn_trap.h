/* `nnc -ftrap-nan`: where a NaN came from, once it is in a loss, a report, a result or a store. (MIT-0)

   A NaN that an operation made carries the operation's place (nn_nan_mark_f32 in nn_scalar.h) wherever it
   goes. One that is left out by a `select`, or by a `when`, reaches nothing and does no harm. */
#ifndef NN_TRAP_H
#define NN_TRAP_H

#include "nn_session.h"

/* After a call of `function` with these arguments: 0, or exit 4 with what made the NaN that it left. */
int nn_trap_nan(nn_session *s, int function, size_t n, void *const *args);

#endif
