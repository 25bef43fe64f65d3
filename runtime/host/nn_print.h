/* What `print` of a model writes to standard error: a line for each statement, after the call that made it.
   (MIT-0)

   A line is made of values, each after a text, and ends with a text; scalars stand as they are, tensors after
   their type and shape, as in numpy: `loss 0.25`, `h = f32[2, 3]` and its rows. Numbers have 9 significant
   digits, 17 for f64; of more than 100 elements an axis shows the first and last three. */
#ifndef NN_PRINT_H
#define NN_PRINT_H

#include "nn_session.h"

/* The lines of a call that has ended; `out` are its outputs. */
int nn_print_lines(nn_session *s, const nn_function *f, size_t n, void *const *out);

#endif
