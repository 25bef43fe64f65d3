/* Arrays and element types: see nn_array.h. (MIT-0)
   One table of types; a conversion goes through double or int64, which hold every value of the types that
   may be converted into one another. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const nn_type_info nn_types[NN_N_TYPES] = {
    {"f32", 4, 'f', "f4", "F32"},   {"f64", 8, 'f', "f8", "F64"},   {"f16", 2, 'f', "f2", "F16"},
    {"bf16", 2, 'f', NULL, "BF16"}, {"i8", 1, 'i', "i1", "I8"},     {"i16", 2, 'i', "i2", "I16"},
    {"i32", 4, 'i', "i4", "I32"},   {"i64", 8, 'i', "i8", "I64"},   {"u8", 1, 'u', "u1", "U8"},
    {"mask", 1, 'm', NULL, NULL},   {"bool", 1, 'm', "b1", "BOOL"}, {"u16", 2, 'u', "u2", "U16"},
    {"u32", 4, 'u', "u4", "U32"},   {"u64", 8, 'u', "u8", "U64"},   {"another type", 0, '?', NULL, NULL},
};

void nn_array_free(nn_array *a) {
  free(a->owned);
  memset(a, 0, sizeof *a);
}

int nn_convertible(int to, int from) {
  const nn_type_info *t = &nn_types[to], *f = &nn_types[from];
  if (to == from) return to != NN_TYPE_OTHER;
  if (t->kind == 'm') return f->kind == 'm' || from == NN_U8;
  if (t->kind == 'f') return f->kind == 'f';
  if (t->kind == 'i') return (f->kind == 'i' || f->kind == 'u') && t->size > f->size;
  if (t->kind == 'u') return f->kind == 'u' && t->size > f->size;
  return 0;
}

/* ---- half precision: sign, exponent of `bits` bits, mantissa of `mant` bits (IEEE 754, 3.4; bfloat16) */

static double nn_half_get(uint32_t h, int mant, int bits) {
  uint32_t m = h & ((1u << mant) - 1), e = (h >> mant) & ((1u << bits) - 1);
  int bias = (1 << (bits - 1)) - 1;
  double x;
  if (e == (1u << bits) - 1)
    x = m ? (double)NAN : (double)INFINITY;
  else if (e == 0)
    x = ldexp(m, 1 - bias - mant);
  else
    x = ldexp(m + (1u << mant), (int)e - bias - mant);
  return h >> (mant + bits) ? -x : x;
}

static uint16_t nn_half_put(double x, int mant, int bits) {
  uint32_t sign = signbit(x) ? 1u << (mant + bits) : 0, top = ((1u << bits) - 1) << mant;
  int e, bias = (1 << (bits - 1)) - 1;
  double a = fabs(x), q;
  if (x != x) return (uint16_t)(sign | top | 1u << (mant - 1));
  if (isinf(x) || a == 0) return (uint16_t)(sign | (a == 0 ? 0 : top));
  frexp(a, &e);
  e -= 1;
  if (e < 1 - bias) e = 1 - bias;
  q = rint(
      ldexp(a, mant - e)); /* in units of the last place; 2^(mant+1) carries into the exponent by itself */
  if (e > bias || (e == bias && q >= ldexp(1, mant + 1))) return (uint16_t)(sign | top);
  return (uint16_t)(sign | (((uint32_t)(e + bias - 1) << mant) + (uint32_t)q));
}

/* ---- elements */

#define NN_ARRAY_LOAD(T, V, p, v)                                                                            \
  do {                                                                                                       \
    T nn_element;                                                                                            \
    memcpy(&nn_element, p, sizeof nn_element);                                                               \
    (v) = (V)nn_element;                                                                                     \
  } while (0)
#define NN_ARRAY_STORE(T, p, v)                                                                              \
  do {                                                                                                       \
    T nn_element = (T)(v);                                                                                   \
    memcpy(p, &nn_element, sizeof nn_element);                                                               \
  } while (0)

int64_t nn_get_int(int type, const void *p) {
  int64_t v = 0;
  switch (type) {
  case NN_I8: NN_ARRAY_LOAD(int8_t, int64_t, p, v); break;
  case NN_I16: NN_ARRAY_LOAD(int16_t, int64_t, p, v); break;
  case NN_I32: NN_ARRAY_LOAD(int32_t, int64_t, p, v); break;
  case NN_I64: NN_ARRAY_LOAD(int64_t, int64_t, p, v); break;
  case NN_MASK:
  case NN_TYPE_BOOL:
  case NN_U8: NN_ARRAY_LOAD(uint8_t, int64_t, p, v); break;
  case NN_TYPE_U16: NN_ARRAY_LOAD(uint16_t, int64_t, p, v); break;
  case NN_TYPE_U32: NN_ARRAY_LOAD(uint32_t, int64_t, p, v); break;
  default: break;
  }
  return v;
}

double nn_get_real(int type, const void *p) {
  double v = 0;
  uint16_t h = 0;
  switch (type) {
  case NN_F32: NN_ARRAY_LOAD(float, double, p, v); break;
  case NN_F64: NN_ARRAY_LOAD(double, double, p, v); break;
  case NN_F16: NN_ARRAY_LOAD(uint16_t, uint16_t, p, h); return nn_half_get(h, 10, 5);
  case NN_BF16: NN_ARRAY_LOAD(uint16_t, uint16_t, p, h); return nn_half_get(h, 7, 8);
  default: return (double)nn_get_int(type, p);
  }
  return v;
}

void nn_put_real(int type, void *p, double x) {
  switch (type) {
  case NN_F32: NN_ARRAY_STORE(float, p, x); break;
  case NN_F64: NN_ARRAY_STORE(double, p, x); break;
  case NN_F16: NN_ARRAY_STORE(uint16_t, p, nn_half_put(x, 10, 5)); break;
  case NN_BF16: NN_ARRAY_STORE(uint16_t, p, nn_half_put(x, 7, 8)); break;
  default: break;
  }
}

int nn_put_int(int type, void *p, int64_t x) {
  switch (type) {
  case NN_I8: NN_ARRAY_STORE(int8_t, p, x); return x >= INT8_MIN && x <= INT8_MAX;
  case NN_I16: NN_ARRAY_STORE(int16_t, p, x); return x >= INT16_MIN && x <= INT16_MAX;
  case NN_I32: NN_ARRAY_STORE(int32_t, p, x); return x >= INT32_MIN && x <= INT32_MAX;
  case NN_I64: NN_ARRAY_STORE(int64_t, p, x); return 1;
  case NN_U8: NN_ARRAY_STORE(uint8_t, p, x); return x >= 0 && x <= UINT8_MAX;
  case NN_TYPE_U16: NN_ARRAY_STORE(uint16_t, p, x); return x >= 0 && x <= UINT16_MAX;
  case NN_TYPE_U32: NN_ARRAY_STORE(uint32_t, p, x); return x >= 0 && x <= UINT32_MAX;
  case NN_MASK:
  case NN_TYPE_BOOL: NN_ARRAY_STORE(uint8_t, p, x != 0); return x == 0 || x == 1;
  default: return 0;
  }
}

size_t nn_convert(int to, void *dst, int from, const void *src, size_t n) {
  const nn_type_info *t = &nn_types[to], *f = &nn_types[from];
  unsigned char *d = (unsigned char *)dst;
  const unsigned char *s = (const unsigned char *)src;
  size_t i;
  if (to == from && t->kind != 'm') {
    if (n) memcpy(d, s, n * t->size);
    return n;
  }
  for (i = 0; i < n; i++, d += t->size, s += f->size) {
    if (t->kind == 'f') {
      double x = nn_get_real(from, s);
      nn_put_real(to, d, x);
      if (isfinite(x) && isinf(nn_get_real(to, d))) return i;
    } else {
      int64_t x = nn_get_int(from, s);
      nn_put_int(to, d, t->kind == 'm' ? x != 0 : x);
    }
  }
  return n;
}

/* Nearly always there is none, and the first loop, which compilers make fast, is all. */
size_t nn_find_nan(int type, const void *p, size_t n) {
  const float *x32 = (const float *)p;
  const double *x64 = (const double *)p;
  size_t i;
  int some = 0;
  if (nn_types[type].kind != 'f') return n;
  if (type == NN_F32)
    for (i = 0; i < n; i++) some |= x32[i] != x32[i];
  else if (type == NN_F64)
    for (i = 0; i < n; i++) some |= x64[i] != x64[i];
  else
    some = 1;
  for (i = 0; some && i < n; i++)
    if (isnan(nn_get_real(type, (const unsigned char *)p + i * nn_types[type].size))) return i;
  return n;
}

/* ---- shapes */

const char *nn_shape_text(nn_shape_buf *b, int rank, const int64_t *dims) {
  size_t at = 0;
  int i;
  b->s[at++] = '[';
  for (i = 0; i < rank && i < NN_MAX_RANK; i++)
    at += (size_t)snprintf(b->s + at, sizeof b->s - at, "%s%lld", i ? ", " : "", (long long)dims[i]);
  b->s[at++] = ']';
  b->s[at] = 0;
  return b->s;
}

int nn_same_shape(int rank_a, const int64_t *a, int rank_b, const int64_t *b) {
  int i;
  if (rank_a != rank_b) return 0;
  for (i = 0; i < rank_a; i++)
    if (a[i] != b[i]) return 0;
  return 1;
}

int nn_dims_count(int rank, const int64_t *dims, size_t *count) {
  int i;
  *count = 1;
  for (i = 0; i < rank; i++)
    if (dims[i] < 0 || !nn_size_mul(*count, (size_t)dims[i], count)) return 0;
  return 1;
}

void nn_transpose(int rank, const int64_t *dims, const int *perm, size_t size, unsigned char *to,
                  const unsigned char *from) {
  size_t stride[NN_MAX_RANK], at[NN_MAX_RANK], count, n, offset = 0;
  int i;
  for (i = rank, count = 1; i-- > 0; count *= (size_t)dims[i]) stride[i] = count;
  memset(at, 0, sizeof at);
  for (n = 0; n < count; n++) {
    memcpy(to + n * size, from + offset * size, size);
    for (i = rank - 1; i >= 0; i--) {
      offset += stride[perm[i]];
      if (++at[i] < (size_t)dims[perm[i]]) break;
      offset -= at[i] * stride[perm[i]];
      at[i] = 0;
    }
  }
}
