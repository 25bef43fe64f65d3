/* Running sums and order of rows: one call a row, whose elements are `ys` and `xs` apart. MIT-0.

     nn_cumsum_T(y, ys, x, xs, n)    y[k] = x[0] + .. + x[k], in ascending order. Real sums run in double and
   are rounded to the type at each step; integers wrap, narrow ones are summed in i32. nn_argsort_T(y, ys, x,
   xs, n)   the indices that put x in ascending order, NaN last, equals in their order.

   Heap sort of the indices by (value, index): O(n log n), in place, without recursion; no two are equal, so
   the order is the stable one. Every order of the arithmetic is fixed, so bits depend on nothing else. */
#ifndef NN_ROWS_H
#define NN_ROWS_H

#include "nn_scalar.h"

#define NN_NUMBER(x) 0 /* no integer is NaN */

#define NN_ELEMENT uint8_t
#define NN_TOTAL int32_t
#define NN_RUNNING uint64_t
#define NN_AS_RUNNING(x) ((uint64_t)(int64_t)(x))
#define NN_AS_TOTAL(x) nn_wrap_i32(nn_wrap_i64(x))
#define NN_OF(name) name##_u8
#define NN_IS_NAN NN_NUMBER
#include "nn_rows_type.inc"
#undef NN_ELEMENT
#undef NN_OF

#define NN_ELEMENT int8_t
#define NN_OF(name) name##_i8
#include "nn_rows_type.inc"
#undef NN_ELEMENT
#undef NN_OF

#define NN_ELEMENT int16_t
#define NN_OF(name) name##_i16
#include "nn_rows_type.inc"
#undef NN_ELEMENT
#undef NN_OF

#define NN_ELEMENT int32_t
#define NN_OF(name) name##_i32
#include "nn_rows_type.inc"
#undef NN_ELEMENT
#undef NN_TOTAL
#undef NN_AS_TOTAL
#undef NN_OF

#define NN_ELEMENT int64_t
#define NN_TOTAL int64_t
#define NN_AS_TOTAL nn_wrap_i64
#define NN_OF(name) name##_i64
#include "nn_rows_type.inc"
#undef NN_ELEMENT
#undef NN_TOTAL
#undef NN_RUNNING
#undef NN_AS_RUNNING
#undef NN_AS_TOTAL
#undef NN_OF
#undef NN_IS_NAN

#define NN_RUNNING double
#define NN_AS_RUNNING(x) ((double)(x))
#define NN_IS_NAN(x) ((x) != (x))
#define NN_ELEMENT float
#define NN_TOTAL float
#define NN_AS_TOTAL(x) ((float)(x))
#define NN_OF(name) name##_f32
#include "nn_rows_type.inc"
#undef NN_ELEMENT
#undef NN_TOTAL
#undef NN_AS_TOTAL
#undef NN_OF

#define NN_ELEMENT double
#define NN_TOTAL double
#define NN_AS_TOTAL(x) (x)
#define NN_OF(name) name##_f64
#include "nn_rows_type.inc"
#undef NN_ELEMENT
#undef NN_TOTAL
#undef NN_RUNNING
#undef NN_AS_RUNNING
#undef NN_AS_TOTAL
#undef NN_OF
#undef NN_IS_NAN
#undef NN_NUMBER

#endif
