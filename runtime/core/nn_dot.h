/* The inner part of a contraction: up to 8 rows of its left side by a panel of 16 columns of its right side. MIT-0.

     nn_dot_rows_T(sum, x, row, step, panel, depth, rows, more)   sum[r] = sum_k x[r * row + k * step] panel[k]
     nn_dot_rows_at_T(sum, x, row, at, panel, depth, rows, more)  sum[r] = sum_k x[r * row + at[k]] panel[k]
     nn_dot_row_T(sum, x, panel, depth, more)                     sum[0] = sum_k x[k] panel[k]

   sum[r] and panel[k] have 16 columns each; r < 8, 0 <= k < depth. Rows from `rows` on (1 .. 8) repeat the last
   one, so nothing is read that isn't there. With `more` the sum over k is added to what stands in `sum`. k ascends,
   by nn_fma; integers wrap. One vector of the columns is computed at a time (NN_LANES), so that 8 rows of
   accumulators are registers; the pointer `line` keeps them there: without it gcc 12 leaves them in memory.
   For CPUs: on a device the whole of a contraction is a kernel's own text. */
#ifndef NN_DOT_H
#define NN_DOT_H

#include "nn_scalar.h"

/* a b + c of integers */
static inline int8_t nn_term_i8(int8_t a, int8_t b, int8_t c) { return nn_wrap_i8((int64_t)a * b + c); }
static inline int16_t nn_term_i16(int16_t a, int16_t b, int16_t c) { return nn_wrap_i16((int64_t)a * b + c); }
static inline int32_t nn_term_i32(int32_t a, int32_t b, int32_t c) { return nn_wrap_i32((int64_t)a * b + c); }
static inline uint8_t nn_term_u8(uint8_t a, uint8_t b, uint8_t c) { return nn_wrap_u8((int64_t)a * b + c); }
static inline int64_t nn_term_i64(int64_t a, int64_t b, int64_t c) {
  return nn_wrap_i64((uint64_t)a * (uint64_t)b + (uint64_t)c);
}

#define NN_ELEMENT float
#define NN_TERM nn_fmaf
#define NN_OF(name) name##_f32
#include "nn_dot_type.inc"
#undef NN_ELEMENT
#undef NN_TERM
#undef NN_OF

#define NN_ELEMENT double
#define NN_TERM nn_fma
#define NN_OF(name) name##_f64
#include "nn_dot_type.inc"
#undef NN_ELEMENT
#undef NN_TERM
#undef NN_OF

#define NN_ELEMENT uint8_t
#define NN_TERM nn_term_u8
#define NN_OF(name) name##_u8
#include "nn_dot_type.inc"
#undef NN_ELEMENT
#undef NN_TERM
#undef NN_OF

#define NN_ELEMENT int8_t
#define NN_TERM nn_term_i8
#define NN_OF(name) name##_i8
#include "nn_dot_type.inc"
#undef NN_ELEMENT
#undef NN_TERM
#undef NN_OF

#define NN_ELEMENT int16_t
#define NN_TERM nn_term_i16
#define NN_OF(name) name##_i16
#include "nn_dot_type.inc"
#undef NN_ELEMENT
#undef NN_TERM
#undef NN_OF

#define NN_ELEMENT int32_t
#define NN_TERM nn_term_i32
#define NN_OF(name) name##_i32
#include "nn_dot_type.inc"
#undef NN_ELEMENT
#undef NN_TERM
#undef NN_OF

#define NN_ELEMENT int64_t
#define NN_TERM nn_term_i64
#define NN_OF(name) name##_i64
#include "nn_dot_type.inc"
#undef NN_ELEMENT
#undef NN_TERM
#undef NN_OF

#endif
