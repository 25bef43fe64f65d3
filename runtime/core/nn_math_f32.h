/* Elementary functions in f32: as in nn_math_f64.h, and of selects instead of branches, so that compilers put
   the loops around them into vectors. MIT-0. */
#ifndef NN_MATH_F32_H
#define NN_MATH_F32_H

#include "nn_math_f64.h"

#define NN_LN2_HIF 0x1.62e4p-1f /* 15 bits */
#define NN_LN2_LOF 0x1.7f7d1cp-20f
#define NN_LOG2EF 0x1.715476p+0f
#define NN_TO_INTF 0x1.8p23f

/* p * 2^n for n = the integer of `shifted`, -300 < n < 300, in two steps: one rounding. */
NN_INLINE float nn_scalef(float p, float shifted) {
  uint32_t e = nn_bits_f32(shifted) - nn_bits_f32(NN_TO_INTF) + 512u, half = e >> 1;
  return p * nn_from_bits_f32((half - 129u) << 23) * nn_from_bits_f32((e - half - 129u) << 23);
}

/* exp(r) = 1 + r + r^2 q(r), |r| <= ln 2 / 2 */
NN_INLINE float nn_exp_qf(float r) {
  float q = 0x1.6d6376p-10f;
  q = nn_fmaf(q, r, 0x1.123ab6p-7f);
  q = nn_fmaf(q, r, 0x1.5554d4p-5f);
  q = nn_fmaf(q, r, 0x1.55549p-3f);
  return nn_fmaf(q, r, 0.5f);
}

NN_INLINE float nn_expf(float x) {
  float c = x > 89.0f ? 89.0f : x < -104.0f ? -104.0f : x;
  float shifted = c * NN_LOG2EF + NN_TO_INTF, n = shifted - NN_TO_INTF;
  float r = nn_fmaf(n, -NN_LN2_LOF, c - n * NN_LN2_HIF);
  return nn_scalef(1.0f + nn_fmaf(r * r, nn_exp_qf(r), r), shifted);
}

/* hi + lo = a + b exactly. */
typedef struct nn_pairf {
  float hi, lo;
} nn_pairf;
NN_INLINE nn_pairf nn_two_sumf(float a, float b) {
  nn_pairf s;
  float t;
  s.hi = a + b;
  t = s.hi - a;
  s.lo = (a - (s.hi - t)) + (b - t);
  return s;
}

/* (exp(x) - 1) / 2 as high + low, -18 <= x <= 89 or NaN. */
NN_INLINE nn_pairf nn_half_expm1f(float x) {
  float shifted = x * NN_LOG2EF + NN_TO_INTF, n = shifted - NN_TO_INTF;
  float r0 = x - n * NN_LN2_HIF, w = n * NN_LN2_LOF, r = r0 - w;
  float half = nn_from_bits_f32((nn_bits_f32(shifted) - nn_bits_f32(NN_TO_INTF) + 126u) << 23); /* 2^(n-1) */
  float y = nn_fmaf(r * r, nn_exp_qf(r), (r0 - r) - w), hi = r + y, lo = (r - hi) + y;
  nn_pairf sum = nn_two_sumf(half - 0.5f, half * hi);
  sum.lo = nn_fmaf(half, lo, sum.lo);
  return sum;
}

NN_INLINE float nn_expm1f(float x) {
  nn_pairf e = nn_half_expm1f(x > 89.0f ? 89.0f : x < -18.0f ? -18.0f : x);
  float y = 2.0f * (e.hi + e.lo);
  return fabsf(x) < 0x1p-24f ? x : y;
}

NN_INLINE float nn_tanhf(float x) {
  float a = fabsf(x), q;
  nn_pairf h = nn_half_expm1f(a > 10.0f ? 20.0f : a + a), d = nn_two_sumf(1.0f, h.hi);
  q = h.hi / d.hi;
  return copysignf(nn_fmaf(h.lo - q * (d.lo + h.lo), 1.0f - q, q), x);
}

NN_INLINE float nn_sigmoidf(float x) {
  float z = nn_expf(-fabsf(x)), d = 1.0f + z, lost = z - (d - 1.0f);
  float q = (x < 0.0f ? z : 1.0f) / d;
  return nn_fmaf(-(q * lost), x < 0.0f ? 1.0f - q : q, q);
}

/* k ln 2 + log(1 + f) + c */
NN_INLINE float nn_log_sumf(float k, float f, float c) {
  float z = f * f, p = -0x1.41f482p-4f;
  p = nn_fmaf(p, f, 0x1.07d43ap-3f);
  p = nn_fmaf(p, f, -0x1.0ce024p-3f);
  p = nn_fmaf(p, f, 0x1.226d7ep-3f);
  p = nn_fmaf(p, f, -0x1.547888p-3f);
  p = nn_fmaf(p, f, 0x1.99a5a6p-3f);
  p = nn_fmaf(p, f, -0x1.00022p-2f);
  p = nn_fmaf(p, f, 0x1.55554ap-2f);
  p = nn_fmaf(z * f, p, nn_fmaf(k, NN_LN2_LOF, c));
  return nn_fmaf(k, NN_LN2_HIF, f + nn_fmaf(-0.5f, z, p));
}

typedef struct nn_splitf {
  float k, m;
} nn_splitf;
NN_INLINE nn_splitf nn_split_f32(float x) {
  nn_splitf s;
  int small = x < 1.17549435e-38f;
  uint32_t u = nn_bits_f32(small ? x * 0x1p23f : x) + (0x3f800000u - 0x3f3504f3u);
  s.k = (float)(int32_t)(u >> 23) - (small ? 150.0f : 127.0f);
  s.m = nn_from_bits_f32((u & 0x7fffffu) + 0x3f3504f3u);
  return s;
}

NN_INLINE float nn_log_edgesf(float x, float y) {
  y = x < INFINITY ? y : x;
  return x > 0.0f ? y : x == 0.0f ? -INFINITY : NAN;
}

NN_INLINE float nn_logf(float x) {
  nn_splitf s = nn_split_f32(x);
  return nn_log_edgesf(x, nn_log_sumf(s.k, s.m - 1.0f, 0.0f));
}

NN_INLINE float nn_log1pf(float x) {
  float u = 1.0f + x, y;
  nn_splitf s = nn_split_f32(u);
  float lost = (x < 1.0f ? x - (u - 1.0f) : 1.0f - (u - x)) / u;
  y = nn_log_sumf(s.k, s.k == 0.0f ? x : s.m - 1.0f, s.k == 0.0f ? 0.0f : lost);
  y = nn_log_edgesf(u, y);
  return x == 0.0f ? x : y;
}

/* Up to 0.9 x + x P(x^2), above 1 - exp(-Q(x)), Q = -log erfc; from 4 on it is 1. */
NN_INLINE float nn_erff(float x) {
  float a = fabsf(x), b = a > 4.0f ? 4.0f : a, z = x * x, p = 0x1.4bb22ep-14f, q = -0x1.9d856ep-13f;
  p = nn_fmaf(p, z, -0x1.a522ccp-11f);
  p = nn_fmaf(p, z, 0x1.54365cp-8f);
  p = nn_fmaf(p, z, -0x1.b7ffbcp-6f);
  p = nn_fmaf(p, z, 0x1.ce2d5cp-4f);
  p = nn_fmaf(p, z, -0x1.812740p-2f);
  p = nn_fmaf(p, z, 0x1.06eba8p-3f);
  q = nn_fmaf(q, b, 0x1.9080ecp-9f);
  q = nn_fmaf(q, b, -0x1.6cfc8cp-6f);
  q = nn_fmaf(q, b, 0x1.aa22d2p-4f);
  q = nn_fmaf(q, b, 0x1.462cbep-1f);
  q = nn_fmaf(q, b, 0x1.20b42ep+0f);
  q = nn_fmaf(q, b, 0x1.745cf6p-13f);
  p = nn_fmaf(x, p, x);
  q = copysignf(1.0f - nn_expf(-q), x);
  return a < 0.9f ? p : q;
}

/* sin and cos reduce in f64, where short polynomials are enough. */
NN_INLINE double nn_sin_nearf(double r) {
  double z = r * r, s = 0x1.6cd82ef2b3d3ap-19;
  s = nn_fma(s, z, -0x1.a00f9cf32e45fp-13);
  s = nn_fma(s, z, 0x1.1111089566dc7p-7);
  s = nn_fma(s, z, -0x1.5555554cb8bc5p-3);
  return nn_fma(r * z, s, r);
}
NN_INLINE double nn_cos_nearf(double r) {
  double z = r * r, c = -0x1.242abca674224p-22;
  c = nn_fma(c, z, 0x1.a0111fac9eca1p-16);
  c = nn_fma(c, z, -0x1.6c16b8980fb74p-10);
  c = nn_fma(c, z, 0x1.5555554f4d8ebp-5);
  return nn_fma(z * z, c, 1.0 - 0.5 * z);
}
NN_INLINE nn_angle nn_reducef(double x) {
  double shifted = x * 0x1.45f306dc9c883p-1 + NN_TO_INT, n = shifted - NN_TO_INT;
  nn_angle r;
  if (x >= 0x1p20) return nn_reduce_large(x);
  r.hi = (x - n * 0x1.921fb54400000p+0) - n * 0x1.0b4611a626331p-34;
  r.lo = 0.0;
  r.quadrant = (uint32_t)nn_bits_f64(shifted) & 3u;
  return r;
}

NN_INLINE float nn_sinf(float x) {
  double y;
  nn_angle r;
  if (!(fabsf(x) < INFINITY)) return x - x;
  r = nn_reducef((double)fabsf(x));
  y = r.quadrant & 1u ? nn_cos_nearf(r.hi) : nn_sin_nearf(r.hi);
  y = r.quadrant & 2u ? -y : y;
  return x == 0.0f ? x : (float)(x < 0.0f ? -y : y);
}

NN_INLINE float nn_cosf(float x) {
  double y;
  nn_angle r;
  if (!(fabsf(x) < INFINITY)) return x - x;
  r = nn_reducef((double)fabsf(x));
  y = r.quadrant & 1u ? nn_sin_nearf(r.hi) : nn_cos_nearf(r.hi);
  return (float)((r.quadrant + 1u) & 2u ? -y : y);
}

/* exp(y log |x|) in f64: an error of 1e-13 before the one rounding to f32. */
NN_INLINE float nn_powf(float x, float y) {
  double b = (double)(y > 0x1p64f ? 0x1p64f : y < -0x1p64f ? -0x1p64f : y);
  return (float)nn_pow_edges((double)x, (double)y, nn_exp(b * nn_log((double)fabsf(x))));
}

#endif
