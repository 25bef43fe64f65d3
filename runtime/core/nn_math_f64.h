/* Elementary functions in f64. MIT-0.

   Each is a fixed sequence of IEEE operations (no libm, no tables but 2/pi), the same bits from any compiler
   at any level; builds with and without fused multiply-add differ in the last bits. All handle NaN,
   infinities, zeros with their sign, subnormals. The polynomials are minimax fits made by
   tests/reference/make_polynomials.py.

   Shared shapes: x = n ln 2 + r, |r| <= ln 2 / 2, with ln 2 in two parts so that n * high is exact (Cody and
   Waite 1980); rounding to an integer by adding 1.5 * 2^52; log by s = f / (2 + f), log(1 + f) = 2 atanh(s)
   (fdlibm); sums whose error matters are carried as high + low (Dekker 1971). */
#ifndef NN_MATH_F64_H
#define NN_MATH_F64_H

#include "nn_scalar.h"

#define NN_LN2_HI 0x1.62e42fefa3800p-1 /* 42 bits */
#define NN_LN2_LO 0x1.ef35793c76730p-45
#define NN_LOG2E 0x1.71547652b82fep+0
#define NN_TO_INT 0x1.8p52 /* x + this: x to an integer, in the low bits */

typedef struct nn_pair {
  double hi, lo;
} nn_pair;

/* hi + lo = a + b exactly. */
NN_INLINE nn_pair nn_two_sum(double a, double b) {
  nn_pair s;
  double t;
  s.hi = a + b;
  t = s.hi - a;
  s.lo = (a - (s.hi - t)) + (b - t);
  return s;
}

/* The same when |a| >= |b| or a = 0. */
NN_INLINE nn_pair nn_fast_sum(double a, double b) {
  nn_pair s;
  s.hi = a + b;
  s.lo = (a - s.hi) + b;
  return s;
}

/* hi + lo = a * b exactly (no overflow: |a|, |b| < 2^500). */
NN_INLINE nn_pair nn_two_mul(double a, double b) {
  nn_pair p;
  p.hi = a * b;
#if NN_FUSED
  p.lo = fma(a, b, -p.hi);
#else
  {
    double ta = a * 134217729.0, tb = b * 134217729.0; /* 2^27 + 1: halves of 26 bits */
    double ah = ta - (ta - a), bh = tb - (tb - b), al = a - ah, bl = b - bh;
    p.lo = ((ah * bh - p.hi) + ah * bl + al * bh) + al * bl;
  }
#endif
  return p;
}

/* p * 2^n for n = the integer of `shifted` (NN_TO_INT was added), -2200 < n < 2200, in two steps: one
   rounding, also where the result is subnormal. */
NN_INLINE double nn_scale(double p, double shifted) {
  uint64_t e = nn_bits_f64(shifted) - nn_bits_f64(NN_TO_INT) + 4096u, half = e >> 1;
  return p * nn_from_bits_f64((half - 1025u) << 52) * nn_from_bits_f64((e - half - 1025u) << 52);
}

/* exp(r) = 1 + r + r^2 q(r), |r| <= ln 2 / 2 */
NN_INLINE double nn_exp_q(double r) {
  double q = 0x1.af6161e793a74p-26;
  q = nn_fma(q, r, 0x1.28b109ab20f1cp-22);
  q = nn_fma(q, r, 0x1.71ddf745dc185p-19);
  q = nn_fma(q, r, 0x1.a01995a5f9fa7p-16);
  q = nn_fma(q, r, 0x1.a01a01afff133p-13);
  q = nn_fma(q, r, 0x1.6c16c1860e5b7p-10);
  q = nn_fma(q, r, 0x1.111111110f7f1p-7);
  q = nn_fma(q, r, 0x1.555555554fdecp-5);
  q = nn_fma(q, r, 0x1.5555555555558p-3);
  return nn_fma(q, r, 0x1.000000000000cp-1);
}

/* exp(hi + lo), lo a correction of less than an ulp. */
NN_INLINE double nn_exp_pair(double hi, double lo) {
  double x = hi > 710.0 ? 710.0 : hi < -746.0 ? -746.0 : hi;
  double shifted = x * NN_LOG2E + NN_TO_INT, n = shifted - NN_TO_INT;
  double r0 = x - n * NN_LN2_HI, w = n * NN_LN2_LO - (x == hi ? lo : 0.0), r = r0 - w;
  double y = nn_fma(r * r, nn_exp_q(r), (r0 - r) - w);
  return nn_scale(1.0 + (r + y), shifted);
}

NN_INLINE double nn_exp(double x) { return nn_exp_pair(x, 0.0); }

/* (exp(x) - 1) / 2 as high + low, -40 <= x <= 710 or NaN. */
NN_INLINE nn_pair nn_half_expm1(double x) {
  double shifted = x * NN_LOG2E + NN_TO_INT, n = shifted - NN_TO_INT;
  double r0 = x - n * NN_LN2_HI, w = n * NN_LN2_LO, r = r0 - w;
  double half = nn_from_bits_f64((nn_bits_f64(shifted) - nn_bits_f64(NN_TO_INT) + 1022u) << 52); /* 2^(n-1) */
  nn_pair p = nn_fast_sum(r, nn_fma(r * r, nn_exp_q(r), (r0 - r) - w));
  nn_pair sum = nn_two_sum(half - 0.5, half * p.hi);
  sum.lo = nn_fma(half, p.lo, sum.lo);
  return sum;
}

NN_INLINE double nn_expm1(double x) {
  nn_pair e = nn_half_expm1(x > 710.0 ? 710.0 : x < -40.0 ? -40.0 : x);
  double y = 2.0 * (e.hi + e.lo);
  return fabs(x) < 0x1p-53 ? x : y;
}

/* tanh |x| = h / (1 + h), h = (exp 2|x| - 1) / 2; then one step for the low parts, with 1 / (1 + h) = 1 - q.
 */
NN_INLINE double nn_tanh(double x) {
  double a = fabs(x), q;
  nn_pair h = nn_half_expm1(a > 20.0 ? 40.0 : a + a), d = nn_two_sum(1.0, h.hi);
  q = h.hi / d.hi;
  return copysign(nn_fma(h.lo - q * (d.lo + h.lo), 1.0 - q, q), x);
}

/* With z = exp(-|x|): 1 / (1 + z), or z / (1 + z) for x < 0, which keeps the far negative tail; then one step
   for what 1 + z lost. */
NN_INLINE double nn_sigmoid(double x) {
  double z = nn_exp(-fabs(x)), d = 1.0 + z, lost = z - (d - 1.0);
  double q = (x < 0.0 ? z : 1.0) / d;
  return nn_fma(-(q * lost), x < 0.0 ? 1.0 - q : q, q);
}

/* x = 2^k m, m in [sqrt 1/2, sqrt 2); garbage for x <= 0 and not finite. */
typedef struct nn_split {
  double k, m;
} nn_split;
NN_INLINE nn_split nn_split_f64(double x) {
  nn_split s;
  int small = x < 2.2250738585072014e-308;
  uint64_t u =
      nn_bits_f64(small ? x * 0x1p54 : x) + (UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e667f3bcd));
  s.k = (double)(int32_t)(u >> 52) - (small ? 1077.0 : 1023.0);
  s.m = nn_from_bits_f64((u & UINT64_C(0xfffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd));
  return s;
}

/* k ln 2 + log(1 + f) + c, 1 + f in [sqrt 1/2, sqrt 2), c a correction. */
NN_INLINE double nn_log_sum(double k, double f, double c) {
  double s = f / (2.0 + f), z = s * s, h = 0.5 * f * f, r = 0x1.2f093cccd5733p-3;
  r = nn_fma(r, z, 0x1.39a152224f068p-3);
  r = nn_fma(r, z, 0x1.7466434ecfce5p-3);
  r = nn_fma(r, z, 0x1.c71c51f19f623p-3);
  r = nn_fma(r, z, 0x1.24924942125a9p-2);
  r = nn_fma(r, z, 0x1.999999997faf3p-2);
  r = nn_fma(r, z, 0x1.5555555555593p-1);
  return k * NN_LN2_HI - ((h - (nn_fma(s, nn_fma(r, z, h), nn_fma(k, NN_LN2_LO, c)))) - f);
}

/* log at what is not a positive finite number. */
NN_INLINE double nn_log_edges(double x, double y) {
  y = x < (double)INFINITY ? y : x;
  return x > 0.0 ? y : x == 0.0 ? -(double)INFINITY : (double)NAN;
}

NN_INLINE double nn_log(double x) {
  nn_split s = nn_split_f64(x);
  return nn_log_edges(x, nn_log_sum(s.k, s.m - 1.0, 0.0));
}

/* log u, u = 1 + x rounded, and what the rounding lost, over u; where u needs no scaling, x itself. */
NN_INLINE double nn_log1p(double x) {
  double u = 1.0 + x, y;
  nn_split s = nn_split_f64(u);
  double lost = (x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x)) / u;
  y = nn_log_sum(s.k, s.k == 0.0 ? x : s.m - 1.0, s.k == 0.0 ? 0.0 : lost);
  y = nn_log_edges(u, y);
  return x == 0.0 ? x : y;
}

/* Up to 0.9 x + x P(x^2), above 1 - exp(-x^2) Q((x - 2) / (x + 2)); from 6 on it is 1. */
NN_INLINE double nn_erf(double x) {
  double a = fabs(x), b = a > 6.0 ? 6.0 : a, z = x * x, t = (b - 2.0) / (b + 2.0);
  double p = -0x1.2c8015a054d07p-30, q = 0x1.b2041cdcbc909p-20;
  p = nn_fma(p, z, 0x1.042872fa1f8e6p-26);
  p = nn_fma(p, z, -0x1.62123b73996b3p-23);
  p = nn_fma(p, z, 0x1.ba56ed68fcfdbp-20);
  p = nn_fma(p, z, -0x1.f4dce817f4272p-17);
  p = nn_fma(p, z, 0x1.f9a3c3ca74011p-14);
  p = nn_fma(p, z, -0x1.c02db9bd749c7p-11);
  p = nn_fma(p, z, 0x1.565bcd2f99ea0p-8);
  p = nn_fma(p, z, -0x1.b82ce3136773fp-6);
  p = nn_fma(p, z, 0x1.ce2f21a045bb8p-4);
  p = nn_fma(p, z, -0x1.812746b037a27p-2);
  p = nn_fma(p, z, 0x1.06eba8214db69p-3);
  q = nn_fma(q, t, 0x1.dc5203733f141p-23);
  q = nn_fma(q, t, -0x1.d7a395dc0fd6ep-17);
  q = nn_fma(q, t, -0x1.cc48c987fd706p-16);
  q = nn_fma(q, t, 0x1.cea1ef7b00092p-16);
  q = nn_fma(q, t, 0x1.6da95a51059dap-13);
  q = nn_fma(q, t, 0x1.6d58ff49ac78cp-15);
  q = nn_fma(q, t, -0x1.016b63753c997p-10);
  q = nn_fma(q, t, -0x1.bc25a33be67bdp-11);
  q = nn_fma(q, t, 0x1.ca95ed5f1eda7p-8);
  q = nn_fma(q, t, 0x1.e947159832989p-9);
  q = nn_fma(q, t, -0x1.437f0b68c2229p-4);
  q = nn_fma(q, t, 0x1.eeea7dc8a7816p-3);
  q = nn_fma(q, t, -0x1.b57034efd3f71p-2);
  q = nn_fma(q, t, 0x1.058671b52c776p-2);
  p = nn_fma(x, p, x);
  q = copysign(1.0 - nn_exp(-(b * b)) * q, x);
  return a < 0.9 ? p : q;
}

/* ---- sin, cos */
typedef struct nn_angle {
  double hi, lo;     /* |x| = quadrant * pi / 2 + hi + lo, |hi| <= pi / 4 */
  uint32_t quadrant; /* mod 4 */
} nn_angle;

/* Any finite x >= 2^20 (Payne and Hanek 1983): of x = m 2^e and 2/pi only the 192 bits matter that are not
   whole turns and not below 2^-139. */
NN_INLINE nn_angle nn_reduce_large(double x) {
  static const uint32_t two_over_pi[42] = {
      0,           0, /* leading zeros for small e */
      0xA2F9836Eu, 0x4E441529u, 0xFC2757D1u, 0xF534DDC0u, 0xDB629599u, 0x3C439041u, 0xFE5163ABu, 0xDEBBC561u,
      0xB7246E3Au, 0x424DD2E0u, 0x06492EEAu, 0x09D1921Cu, 0xFE1DEB1Cu, 0xB129A73Eu, 0xE88235F5u, 0x2EBB4484u,
      0xE99C7026u, 0xB45F7E41u, 0x3991D639u, 0x835339F4u, 0x9C845F8Bu, 0xBDF9283Bu, 0x1FF897FFu, 0xDE05980Fu,
      0xEF2F118Bu, 0x5A0A6D1Fu, 0x6D367ECFu, 0x27CB09B7u, 0x4F463F66u, 0x9E5FEA2Du, 0x7527BAC7u, 0xEBE5F17Bu,
      0x3D0739F7u, 0x8A5292EAu, 0x6BFB5FB1u, 0x1F8D5D08u, 0x56033046u, 0xFC7B6BABu, 0xF0CFBC20u, 0x9AF4361Du};
  uint64_t bits = nn_bits_f64(x), m = (bits & UINT64_C(0xfffffffffffff)) | UINT64_C(0x10000000000000);
  uint32_t skip = (uint32_t)(bits >> 52) - 1075u - 2u + 64u; /* bits before the window */
  uint32_t word = skip / 32u, shift = skip % 32u, p[6] = {0}, negative;
  nn_angle r;
  nn_pair turn, angle;
  int i, j;
  /* p = m * window mod 2^192: p[5] is the most significant word of x * 2/pi / 4 mod 1 */
  for (i = 0; i < 6; i++) {
    uint64_t both =
        (uint64_t)two_over_pi[word + 5u - (uint32_t)i] << 32 | two_over_pi[word + 6u - (uint32_t)i];
    uint64_t digit = (both << shift) >> 32, carry = 0;
    for (j = 0; j < 2 && i + j < 6; j++) {
      uint64_t t = digit * (uint32_t)(m >> (32 * j)) + p[i + j] + carry;
      p[i + j] = (uint32_t)t;
      carry = t >> 32;
    }
    for (j = i + 2; j < 6; j++) {
      uint64_t t = (uint64_t)p[j] + carry;
      p[j] = (uint32_t)t;
      carry = t >> 32;
    }
  }
  r.quadrant = p[5] >> 30;
  for (i = 5; i > 0; i--) p[i] = p[i] << 2 | p[i - 1] >> 30;
  p[0] <<= 2;
  negative = p[5] >> 31; /* nearer to the next quadrant */
  r.quadrant = (r.quadrant + negative) & 3u;
  for (i = 0; i < 6; i++) p[i] ^= 0u - negative; /* one unit of 2^-192 does not matter */
  turn = nn_fast_sum((double)p[5] * 0x1p-32, (double)p[4] * 0x1p-64);
  turn = nn_fast_sum(
      turn.hi, turn.lo + ((double)p[3] * 0x1p-96 + ((double)p[2] * 0x1p-128 + (double)p[1] * 0x1p-160)));
  angle = nn_two_mul(turn.hi, 0x1.921fb54442d18p+0);
  angle =
      nn_fast_sum(angle.hi, angle.lo + (turn.hi * 0x1.1a62633145c07p-54 + turn.lo * 0x1.921fb54442d18p+0));
  r.hi = negative ? -angle.hi : angle.hi;
  r.lo = negative ? -angle.lo : angle.lo;
  return r;
}

/* x >= 0, finite. Below 2^20 pi/2 in four parts, three of 33 bits, whose products with n are exact. */
NN_INLINE nn_angle nn_reduce(double x) {
  double shifted = x * 0x1.45f306dc9c883p-1 + NN_TO_INT, n = shifted - NN_TO_INT;
  nn_pair a, b;
  nn_angle r;
  if (x >= 0x1p20) return nn_reduce_large(x);
  a = nn_two_sum(x - n * 0x1.921fb54400000p+0, -(n * 0x1.0b4611a600000p-34));
  b = nn_two_sum(a.hi, -(n * 0x1.3198a2e000000p-69));
  a = nn_fast_sum(b.hi, (b.lo + a.lo) - n * 0x1.b839a252049c1p-104);
  r.hi = a.hi;
  r.lo = a.lo;
  r.quadrant = (uint32_t)nn_bits_f64(shifted) & 3u;
  return r;
}

/* sin and cos of hi + lo in [-pi/4, pi/4] */
NN_INLINE double nn_sin_near(double hi, double lo) {
  double z = hi * hi, s = 0x1.5d938da7440a3p-33;
  s = nn_fma(s, z, -0x1.ae5e685b9cdacp-26);
  s = nn_fma(s, z, 0x1.71de357ad659fp-19);
  s = nn_fma(s, z, -0x1.a01a019c15dfcp-13);
  s = nn_fma(s, z, 0x1.111111110f8a5p-7);
  s = nn_fma(s, z, -0x1.5555555555549p-3);
  return hi + nn_fma(hi * z, s, nn_fma(-0.5 * z, lo, lo));
}
NN_INLINE double nn_cos_near(double hi, double lo) {
  double z = hi * hi, h = 0.5 * z, w = 1.0 - h, c = -0x1.8fb1180a8228bp-37;
  c = nn_fma(c, z, 0x1.1ee9f129ca4dfp-29);
  c = nn_fma(c, z, -0x1.27e4f81286ad8p-22);
  c = nn_fma(c, z, 0x1.a01a019cbf33bp-16);
  c = nn_fma(c, z, -0x1.6c16c16c1521ep-10);
  c = nn_fma(c, z, 0x1.555555555554cp-5);
  return w + (((1.0 - w) - h) + nn_fma(z * z, c, -(hi * lo)));
}

NN_INLINE double nn_sin(double x) {
  double y;
  nn_angle r;
  if (!(fabs(x) < (double)INFINITY)) return x - x;
  r = nn_reduce(fabs(x));
  y = r.quadrant & 1u ? nn_cos_near(r.hi, r.lo) : nn_sin_near(r.hi, r.lo);
  y = r.quadrant & 2u ? -y : y;
  return x < 0.0 ? -y : x == 0.0 ? x : y;
}

NN_INLINE double nn_cos(double x) {
  double y;
  nn_angle r;
  if (!(fabs(x) < (double)INFINITY)) return x - x;
  r = nn_reduce(fabs(x));
  y = r.quadrant & 1u ? nn_sin_near(r.hi, r.lo) : nn_cos_near(r.hi, r.lo);
  return (r.quadrant + 1u) & 2u ? -y : y;
}

/* ---- pow */

/* log x as high + low, to 2^-64 of itself, 0 < x finite: 2s + s^3 (2/3 + s^2 P(s^2)) with s and the leading
   terms in pairs. */
NN_INLINE nn_pair nn_log_pair(double x) {
  nn_split e = nn_split_f64(x);
  double f = e.m - 1.0, p = 0x1.0e42d2cfcd71bp-3, t;
  nn_pair d = nn_fast_sum(2.0, f), s, z, u, v, g, sum;
  s.hi = f / d.hi;
  z = nn_two_mul(s.hi, d.hi);
  s.lo = (((f - z.hi) - z.lo) - s.hi * d.lo) / d.hi;
  z = nn_two_mul(s.hi, s.hi);
  z.lo += 2.0 * s.hi * s.lo;
  p = nn_fma(p, z.hi, 0x1.0f7fe61cdfc25p-3);
  p = nn_fma(p, z.hi, 0x1.3b1eec2961c3ap-3);
  p = nn_fma(p, z.hi, 0x1.745ce9e2e4a01p-3);
  p = nn_fma(p, z.hi, 0x1.c71c722d67157p-3);
  p = nn_fma(p, z.hi, 0x1.2492492457d5dp-2);
  p = nn_fma(p, z.hi, 0x1.9999999999b30p-2);
  u = nn_fast_sum(0x1.5555555555555p-1, z.hi * p);
  u.lo += 0x1.5555555555555p-55;
  v = nn_two_mul(s.hi, z.hi);
  v.lo += s.hi * z.lo + s.lo * z.hi;
  g = nn_two_mul(v.hi, u.hi);
  g.lo += v.hi * u.lo + v.lo * u.hi;
  sum = nn_fast_sum(2.0 * s.hi, g.hi);
  t = sum.lo + (g.lo + 2.0 * s.lo);
  sum = nn_fast_sum(e.k * NN_LN2_HI, sum.hi);
  return nn_fast_sum(sum.hi, sum.lo + nn_fma(e.k, NN_LN2_LO, t));
}

/* C99's special cases (F.9.4.4) around r = |x|^y: 1 if x = 1 or y = 0, whatever the other; else NaN from NaN;
   NaN for finite x < 0 unless y is an integer; the sign of x if y is odd. */
NN_INLINE double nn_pow_edges(double x, double y, double r) {
  int whole = floor(y) == y, odd = whole && floor(0.5 * y) != 0.5 * y;
  double a = fabs(x);
  r = a == 0.0 || a == (double)INFINITY ? ((a == 0.0) == (y < 0.0) ? (double)INFINITY : 0.0) : r;
  r = odd ? copysign(r, x) : r;
  r = x < 0.0 && !whole && a != (double)INFINITY ? (double)NAN : r;
  r = x != x || y != y ? x + y : r;
  return x == 1.0 || y == 0.0 ? 1.0 : r;
}

NN_INLINE double nn_pow(double x, double y) {
  /* beyond 2^64 every power of x but 1 is 0 or infinite */
  double b = y > 0x1p64 ? 0x1p64 : y < -0x1p64 ? -0x1p64 : y;
  nn_pair l = nn_log_pair(fabs(x)), p = nn_two_mul(b, l.hi);
  p.lo = nn_fma(b, l.lo, p.lo);
  return nn_pow_edges(x, y, nn_exp_pair(p.hi, p.lo));
}

#endif
