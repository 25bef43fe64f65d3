// The primitives of prims.def for the interpreter: libm in double, integers in int64_t. Included only where
// ops.def's meanings are expanded (eval_ew.c).
#ifndef NNC_IR_EVAL_PRIMS_H
#define NNC_IR_EVAL_PRIMS_H

#include <math.h>
#include <stdint.h>

static inline double prim_sigmoid(double a) { return a >= 0 ? 1 / (1 + exp(-a)) : exp(a) / (1 + exp(a)); }
static inline double prim_sign(double a) { return isnan(a) ? a : (a > 0) - (a < 0); }
static inline double prim_max(double a, double b) { return isnan(a) || isnan(b) ? a + b : a < b ? b : a; }
static inline double prim_min(double a, double b) { return isnan(a) || isnan(b) ? a + b : a > b ? b : a; }

// Half to even, whatever the rounding mode.
static inline double prim_round(double a) {
  double below = floor(a), rest = a - below;
  double r = rest < 0.5 || (rest == 0.5 && fmod(below, 2) == 0) ? below : below + 1;
  return isinf(a) ? a : copysign(r, a);
}

// The remainder with the sign of the divisor, exact; then the quotient without it is whole.
static inline double prim_mod(double a, double b) {
  double r = fmod(a, b);
  if (r == 0) return copysign(0, b);
  return (r < 0) == (b < 0) ? r : r + b;
}
static inline double prim_floordiv(double a, double b) {
  if (isnan(a) || isnan(b) || isinf(a) || b == 0) return a / b;
  if (isinf(b)) return a == 0 || (a < 0) == (b < 0) ? floor(a / b) : -1;
  double r = fmod(a, b), q = prim_round((a - r) / b);
  if (r != 0 && (r < 0) != (b < 0)) return q - 1;
  return q == 0 ? copysign(0, a / b) : q;
}

static inline int64_t prim_iabs(int64_t a) { return a < 0 ? (int64_t)(0 - (uint64_t)a) : a; }
static inline int64_t prim_isign(int64_t a) { return (a > 0) - (a < 0); }
// Division by zero is a fault found before; the value then does not matter.
static inline int64_t prim_imod(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
static inline int64_t prim_ifloordiv(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return (int64_t)(0 - (uint64_t)a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

#define EXP(a) exp(a)
#define LOG(a) log(a)
#define LOG1P(a) log1p(a)
#define EXPM1(a) expm1(a)
#define SQRT(a) sqrt(a)
#define TANH(a) tanh(a)
#define SIGMOID(a) prim_sigmoid(a)
#define ERF(a) erf(a)
#define SIN(a) sin(a)
#define COS(a) cos(a)
#define POW(a, b) pow(a, b)
#define FABS(a) fabs(a)
#define FSIGN(a) prim_sign(a)
#define FLOOR(a) floor(a)
#define ROUND(a) prim_round(a)
#define FLOORDIV(a, b) prim_floordiv(a, b)
#define MOD(a, b) prim_mod(a, b)
#define FMAX(a, b) prim_max(a, b)
#define FMIN(a, b) prim_min(a, b)
#define FMA(a, b, c) fma(a, b, c)
#define SEL(a, b, c) ((a) ? (b) : (c))
#define IABS(a) prim_iabs((int64_t)(a))
#define ISIGN(a) prim_isign((int64_t)(a))
#define IMAX(a, b) ((int64_t)(a) < (int64_t)(b) ? (b) : (a))
#define IMIN(a, b) ((int64_t)(a) > (int64_t)(b) ? (b) : (a))
#define IFLOORDIV(a, b) prim_ifloordiv((int64_t)(a), (int64_t)(b))
#define IMOD(a, b) prim_imod((int64_t)(a), (int64_t)(b))

#endif
