/* Triangular systems and Cholesky factors: one call a matrix, or a column of right sides. MIT-0.

     nn_lower_solve_T(x, xs, l, lr, lc, b, bs, n)   x with l x = b; x may be b
     nn_upper_solve_T(...)                          the same for an upper triangle
     nn_cholesky_T(l, lr, lc, a, ar, ac, n)         l with l l^T = a, zeros above the diagonal; l may be a

   Element (i, k) of a matrix l stands at l[i * lr + k * lc], element i of a vector x at x[i * xs]; strides
   are not negative (an upper triangle is a lower one read backwards, but gcc 12 at -O1 makes wrong code of
   that). Nothing but the named triangle of a matrix is read. The lower triangle of a factor is all NaN where
   the matrix is not positive definite. Its rows are solved one after the other, each a system of those
   before it (Golub and Van Loan, Matrix Computations, 4.2: the bordered form).

   Sums run in double, for f32 too, k ascending (descending for an upper triangle) by nn_fma; each element is
   rounded to the type once. The order is fixed, so bits depend on nothing else; f32 gives the same bits with
   and without fused multiply-add, because a product of two floats is exact. */
#ifndef NN_LINALG_H
#define NN_LINALG_H

#include "nn_scalar.h"

/* Equations whose sums run side by side: they wait for one another only in their own square. */
#define NN_SOLVE_BLOCK 8

#define NN_REAL float
#define NN_OF(name) name##_f32
#include "nn_linalg_real.inc"
#undef NN_REAL
#undef NN_OF

#define NN_REAL double
#define NN_OF(name) name##_f64
#include "nn_linalg_real.inc"
#undef NN_REAL
#undef NN_OF

#endif
