/* The primitives of ir/prims.def. MIT-0.

   Largest errors measured, in units in the last place of the correctly rounded result, of builds without and
   with fused multiply-add. f32: all 2^32 arguments (powf: 120,000 pairs). f64: 60,000 random and edge arguments
   each (python3 tests/reference/make_math.py 60000), so the true maximum may lie a little above.

              exp    log    log1p  expm1  tanh   sigmoid  erf    sin    cos    pow
     f32      1.00   0.88   0.89   1.23   1.42   1.97     1.36   0.51   0.51   0.51
     f32 fma  1.03   0.87   0.88   1.10   1.33   1.97     1.12   0.51   0.51   0.51
     f64      0.83   0.79   0.76   1.01   1.32   1.75     0.90   0.76   0.75   0.89
     f64 fma  0.81   0.76   0.76   1.04   1.32   1.75     0.92   0.76   0.75   0.82 */
#ifndef NN_MATH_H
#define NN_MATH_H

#include "nn_scalar.h"
#include "nn_math_f64.h"
#include "nn_math_f32.h"

#endif
