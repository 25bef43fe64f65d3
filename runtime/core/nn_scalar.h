/* Scalars of emitted programs: bits, multiply-add, select, rounding, integer operations, casts, and the
   storage types f16 and bf16. MIT-0.

   C99, also valid C++17; libc and libm only, and of libm only its exact functions (sqrt fabs floor fmod
   copysign fma). */
#ifndef NN_SCALAR_H
#define NN_SCALAR_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn_core.h"

/* sqrt never sets errno, which nothing here reads: only so do compilers put it into vectors. */
#if defined(__GNUC__) && !defined(__cplusplus)
extern float sqrtf(float) __attribute__((const));
extern double sqrt(double) __attribute__((const));
#endif

#define NN_MAX_F32 3.402823466e+38f
#define NN_MAX_F64 1.7976931348623157e+308

/* ---- bits */
NN_INLINE uint32_t nn_bits_f32(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}
NN_INLINE float nn_from_bits_f32(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}
NN_INLINE uint64_t nn_bits_f64(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}
NN_INLINE double nn_from_bits_f64(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

/* ---- where a NaN came from (nnc -ftrap-nan): in its lowest bits, of which arithmetic and casts keep those
   that f32 has. A NaN that carries no place gets this one. */
#define NN_NAN_PLACE 0x3fffffu
NN_INLINE float nn_nan_mark_f32(float x, uint32_t place) {
  const uint32_t u = nn_bits_f32(x);
  return x == x || (u & NN_NAN_PLACE) ? x : nn_from_bits_f32(u | ((place + 1) & NN_NAN_PLACE));
}
NN_INLINE double nn_nan_mark_f64(double x, uint32_t place) {
  const uint64_t u = nn_bits_f64(x);
  const uint64_t mark = (uint64_t)((place + 1) & NN_NAN_PLACE) << 29;
  return x == x || (u >> 29 & NN_NAN_PLACE) ? x : nn_from_bits_f64(u | mark);
}
/* The same of n rows of m elements, which are ys and yc apart. */
NN_INLINE void nn_nan_rows_f32(float *y, ptrdiff_t ys, ptrdiff_t yc, ptrdiff_t n, ptrdiff_t m, uint32_t place) {
  ptrdiff_t i, k;
  for (i = 0; i < n; i++)
    for (k = 0; k < m; k++) y[i * ys + k * yc] = nn_nan_mark_f32(y[i * ys + k * yc], place);
}
NN_INLINE void nn_nan_rows_f64(double *y, ptrdiff_t ys, ptrdiff_t yc, ptrdiff_t n, ptrdiff_t m, uint32_t place) {
  ptrdiff_t i, k;
  for (i = 0; i < n; i++)
    for (k = 0; k < m; k++) y[i * ys + k * yc] = nn_nan_mark_f64(y[i * ys + k * yc], place);
}
/* The place; UINT32_MAX: it is no such NaN. */
NN_INLINE uint32_t nn_nan_place(double x) {
  return x == x ? UINT32_MAX : (uint32_t)(nn_bits_f64(x) >> 29 & NN_NAN_PLACE) - 1;
}

/* ---- multiply-add: fused where the target has the instruction */
#if defined(__FMA__) || defined(__aarch64__) || defined(__CUDA_ARCH__)
#define NN_FUSED 1
#else
#define NN_FUSED 0
#endif
#if NN_FUSED
NN_INLINE float nn_fmaf(float a, float b, float c) { return fmaf(a, b, c); }
#else
NN_INLINE float nn_fmaf(float a, float b, float c) { return a * b + c; }
#endif
#if NN_FUSED
NN_INLINE double nn_fma(double a, double b, double c) { return fma(a, b, c); }
#else
NN_INLINE double nn_fma(double a, double b, double c) { return a * b + c; }
#endif

/* ---- select, sign, extrema, rounding */
NN_INLINE float nn_self(int c, float a, float b) { return c ? a : b; }
NN_INLINE double nn_sel(int c, double a, double b) { return c ? a : b; }

/* 1, -1, 0 at either zero, NaN at NaN */
NN_INLINE float nn_signf(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x == 0.0f ? 0.0f : x; }
NN_INLINE double nn_sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x == 0.0 ? 0.0 : x; }

/* NaN if either is; max(-0, 0) is the first */
NN_INLINE float nn_maxf(float a, float b) { return a != a ? a : a >= b ? a : b; }
NN_INLINE double nn_max(double a, double b) { return a != a ? a : a >= b ? a : b; }
NN_INLINE float nn_minf(float a, float b) { return a != a ? a : a <= b ? a : b; }
NN_INLINE double nn_min(double a, double b) { return a != a ? a : a <= b ? a : b; }

/* Half to even: adding and subtracting 1.5 * 2^(bits - 1) rounds at the unit. */
NN_INLINE float nn_roundf(float x) {
  float a = fabsf(x);
  float r = (a + 8388608.0f) - 8388608.0f;
  return copysignf(a < 8388608.0f ? r : a, x);
}
NN_INLINE double nn_round(double x) {
  double a = fabs(x);
  double r = (a + 4503599627370496.0) - 4503599627370496.0;
  return copysign(a < 4503599627370496.0 ? r : a, x);
}

/* a % b: exact, the sign of the divisor (Python's). a // b: the floor of the exact quotient, rounded
   once more only where it needs more digits than the type has; b = 0: a / b. */
NN_INLINE float nn_modf(float a, float b) {
  float r = fmodf(a, b);
  return r == 0.0f ? copysignf(r, b) : (r < 0.0f) != (b < 0.0f) ? r + b : r;
}
NN_INLINE double nn_mod(double a, double b) {
  double r = fmod(a, b);
  return r == 0.0 ? copysign(r, b) : (r < 0.0) != (b < 0.0) ? r + b : r;
}
NN_INLINE float nn_floordivf(float a, float b) {
  float r = fmodf(a, b), q;
  if (b == 0.0f || fabsf(a) > NN_MAX_F32) return a / b;
  q = (a - r) / b - (r != 0.0f && (r < 0.0f) != (b < 0.0f) ? 1.0f : 0.0f);
  q = nn_roundf(q);
  return q == 0.0f ? copysignf(q, a / b) : q;
}
NN_INLINE double nn_floordiv(double a, double b) {
  double r = fmod(a, b), q;
  if (b == 0.0 || fabs(a) > NN_MAX_F64) return a / b;
  q = (a - r) / b - (r != 0.0 && (r < 0.0) != (b < 0.0) ? 1.0 : 0.0);
  q = nn_round(q);
  return q == 0.0 ? copysign(q, a / b) : q;
}

/* ---- integers: every type is computed in int64_t and wrapped to its width by nn_wrap_*. Two's
   complement without undefined behaviour. Division by zero gives 0: the caller has recorded the fault. */
NN_INLINE int64_t nn_wrap_i64(uint64_t u) {
  int64_t v;
  memcpy(&v, &u, sizeof v);
  return v;
}
NN_INLINE int32_t nn_wrap_i32(int64_t v) {
  uint32_t u = (uint32_t)(uint64_t)v;
  int32_t r;
  memcpy(&r, &u, sizeof r);
  return r;
}
NN_INLINE int16_t nn_wrap_i16(int64_t v) {
  uint16_t u = (uint16_t)(uint64_t)v;
  int16_t r;
  memcpy(&r, &u, sizeof r);
  return r;
}
NN_INLINE int8_t nn_wrap_i8(int64_t v) {
  uint8_t u = (uint8_t)(uint64_t)v;
  int8_t r;
  memcpy(&r, &u, sizeof r);
  return r;
}
NN_INLINE uint8_t nn_wrap_u8(int64_t v) { return (uint8_t)(uint64_t)v; }

NN_INLINE int64_t nn_iadd(int64_t a, int64_t b) { return nn_wrap_i64((uint64_t)a + (uint64_t)b); }
NN_INLINE int64_t nn_isub(int64_t a, int64_t b) { return nn_wrap_i64((uint64_t)a - (uint64_t)b); }
NN_INLINE int64_t nn_imul(int64_t a, int64_t b) { return nn_wrap_i64((uint64_t)a * (uint64_t)b); }
NN_INLINE int64_t nn_ineg(int64_t a) { return nn_isub(0, a); }
NN_INLINE int64_t nn_iabs(int64_t a) { return a < 0 ? nn_ineg(a) : a; }
NN_INLINE int64_t nn_isign(int64_t a) { return (a > 0) - (a < 0); }
NN_INLINE int64_t nn_imax(int64_t a, int64_t b) { return a > b ? a : b; }
NN_INLINE int64_t nn_imin(int64_t a, int64_t b) { return a < b ? a : b; }
NN_INLINE int64_t nn_isel(int c, int64_t a, int64_t b) { return c ? a : b; }
NN_INLINE int64_t nn_ifloordiv(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return nn_ineg(a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
NN_INLINE int64_t nn_imod(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  return a % b + (a % b != 0 && (a < 0) != (b < 0) ? b : 0);
}

/* ---- casts, real to integer: truncate, saturate, NaN gives 0 */
NN_INLINE int32_t nn_f64_to_i32(double x) {
  return x >= 2147483647.0 ? INT32_MAX : x <= -2147483648.0 ? INT32_MIN : x == x ? (int32_t)x : 0;
}
NN_INLINE int64_t nn_f64_to_i64(double x) {
  return x >= 9223372036854775808.0    ? INT64_MAX
         : x <= -9223372036854775808.0 ? INT64_MIN
         : x == x                      ? (int64_t)x
                                       : 0;
}
NN_INLINE int16_t nn_f64_to_i16(double x) {
  return x >= 32767.0 ? INT16_MAX : x <= -32768.0 ? INT16_MIN : x == x ? (int16_t)x : (int16_t)0;
}
NN_INLINE int8_t nn_f64_to_i8(double x) {
  return x >= 127.0 ? INT8_MAX : x <= -128.0 ? INT8_MIN : x == x ? (int8_t)x : (int8_t)0;
}
NN_INLINE uint8_t nn_f64_to_u8(double x) {
  return x >= 255.0 ? UINT8_MAX : x >= 0.0 ? (uint8_t)x : (uint8_t)0;
}
NN_INLINE int32_t nn_f32_to_i32(float x) {
  return x >= 2147483648.0f ? INT32_MAX : x <= -2147483648.0f ? INT32_MIN : x == x ? (int32_t)x : 0;
}
NN_INLINE int64_t nn_f32_to_i64(float x) { return nn_f64_to_i64((double)x); }
NN_INLINE int16_t nn_f32_to_i16(float x) {
  return x >= 32767.0f ? INT16_MAX : x <= -32768.0f ? INT16_MIN : x == x ? (int16_t)x : (int16_t)0;
}
NN_INLINE int8_t nn_f32_to_i8(float x) {
  return x >= 127.0f ? INT8_MAX : x <= -128.0f ? INT8_MIN : x == x ? (int8_t)x : (int8_t)0;
}
NN_INLINE uint8_t nn_f32_to_u8(float x) {
  return x >= 255.0f ? UINT8_MAX : x >= 0.0f ? (uint8_t)x : (uint8_t)0;
}

/* ---- f16 and bf16: storage types, held as uint16_t, arithmetic in f32. To nearest, ties to even, subnormals
   kept, a NaN stays a (quiet) NaN. From f64 in one rounding, not through f32. */
NN_INLINE float nn_bf16_to_f32(uint16_t h) { return nn_from_bits_f32((uint32_t)h << 16); }
NN_INLINE uint16_t nn_f32_to_bf16(float x) {
  uint32_t u = nn_bits_f32(x);
  if (x != x) return (uint16_t)((u >> 16) | 0x40u);
  return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

NN_INLINE float nn_f16_to_f32(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, body = h & 0x7fffu;
  if (body >= 0x7c00u) return nn_from_bits_f32(sign | 0x7f800000u | (body & 0x3ffu) << 13);
  if (body < 0x400u) { /* subnormal: an integer times 2^-24 */
    float v = (float)body * 5.9604644775390625e-8f;
    return sign ? -v : v;
  }
  return nn_from_bits_f32(sign | ((body << 13) + 0x38000000u));
}

/* To nearest even: the integer u / 2^n. n in 1..63. */
NN_INLINE uint64_t nn_shift_even(uint64_t u, unsigned n) {
  uint64_t q = u >> n, rest = u & ((UINT64_C(1) << n) - 1u), half = UINT64_C(1) << (n - 1u);
  return q + (rest > half || (rest == half && (q & 1u)));
}

NN_INLINE uint16_t nn_f64_to_f16(double x) {
  uint64_t u = nn_bits_f64(x);
  uint32_t sign = (uint32_t)(u >> 48) & 0x8000u, e = (uint32_t)(u >> 52) & 0x7ffu;
  uint64_t m = u & UINT64_C(0xfffffffffffff), body;
  if (e == 0x7ffu) return (uint16_t)(sign | 0x7c00u | (m ? 0x200u | (uint32_t)(m >> 42) : 0u));
  if (e >= 1023u + 16u) return (uint16_t)(sign | 0x7c00u);
  if (e < 1023u - 25u) return (uint16_t)sign;
  m |= UINT64_C(1) << 52;
  if (e >= 1023u - 14u) /* a carry runs into the exponent, and from the largest one to infinity */
    body = nn_shift_even(m, 42u) + ((uint64_t)(e - (1023u - 14u)) << 10);
  else
    body = nn_shift_even(m, 42u + (1023u - 14u) - e);
  return (uint16_t)(sign | (uint32_t)body);
}
NN_INLINE uint16_t nn_f32_to_f16(float x) { return nn_f64_to_f16((double)x); }
NN_INLINE double nn_f16_to_f64(uint16_t h) { return (double)nn_f16_to_f32(h); }
NN_INLINE double nn_bf16_to_f64(uint16_t h) { return (double)nn_bf16_to_f32(h); }

/* Rounds to odd at f32 first: the sticky bit then makes the second rounding the only one. */
NN_INLINE uint16_t nn_f64_to_bf16(double x) {
  float f = (float)x;
  uint32_t u = nn_bits_f32(f);
  if (x != x || (double)f == x || fabsf(f) > NN_MAX_F32) return nn_f32_to_bf16(f);
  if (fabs((double)f) > fabs(x)) u--;
  return nn_f32_to_bf16(nn_from_bits_f32(u | 1u));
}

#endif
