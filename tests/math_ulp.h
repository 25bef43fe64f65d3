// How far the elementary functions of runtime/core are from the truth, in units in the last place of the
// correctly rounded result. Used by test_math.c and, per compiler and level, by run/math_builds.sh.
#ifndef NNC_TESTS_MATH_ULP_H
#define NNC_TESTS_MATH_ULP_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_math.h"

typedef struct Worst {
  double ulp;    // 1e30: a NaN, an infinity or the sign of a zero is wrong
  double x, y;   // where
  uint64_t hash; // FNV-1a over the bits of all results: the same for every build
} Worst;

static void worst_note(Worst *w, double ulp, double x, double y) {
  if (ulp > w->ulp) w->ulp = ulp, w->x = x, w->y = y;
}

static void worst_hash(Worst *w, uint64_t bits) { w->hash = (w->hash ^ bits) * UINT64_C(0x100000001b3); }

// Distance of `got` from `want`, which is the truth to f64 precision.
static double ulp_f32(float got, double want) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : 1e30;
  if (isinf(want) || fabs(want) >= 0x1p128) return isinf(got) && (got > 0) == (want > 0) ? 0 : 1e30;
  if (got == 0 && !signbit(got) != !signbit(want)) return 1e30;
  int64_t e = (int64_t)((nn_bits_f64(want) >> 52) & 0x7ff) - 1023;
  double ulp = nn_from_bits_f64((uint64_t)((e < -126 ? -126 : e) - 23 + 1023) << 52);
  double g = isinf(got) ? copysign(0x1p128, (double)got) : (double)got;
  return fabs(g - want) / ulp;
}

typedef struct Function32 {
  const char *name;
  float (*f)(float);
  double (*truth)(double);
} Function32;

static double truth_sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }

static const Function32 functions_f32[] = {
    {"exp", nn_expf, exp},       {"log", nn_logf, log},    {"log1p", nn_log1pf, log1p},
    {"expm1", nn_expm1f, expm1}, {"tanh", nn_tanhf, tanh}, {"sigmoid", nn_sigmoidf, truth_sigmoid},
    {"erf", nn_erff, erf},       {"sin", nn_sinf, sin},    {"cos", nn_cosf, cos},
};
enum { N_FUNCTIONS_F32 = sizeof functions_f32 / sizeof *functions_f32 };

// Every stride-th float of all 2^32, and all floats within 64 of the places where something changes.
static void sweep_point(const Function32 *fn, uint32_t bits, Worst *w) {
  float x = nn_from_bits_f32(bits), y = fn->f(x);
  worst_note(w, ulp_f32(y, fn->truth((double)x)), (double)x, 0);
  if (!isnan(y)) worst_hash(w, nn_bits_f32(y));
}

static Worst sweep_f32(const Function32 *fn, uint32_t stride) {
  static const float places[] = {0,
                                 1.17549435e-38f,
                                 5.9604645e-8f,
                                 0.34657359f,
                                 0.70710678f,
                                 0.9f,
                                 1,
                                 1.4142135f,
                                 1.5707964f,
                                 3.1415927f,
                                 4,
                                 9,
                                 10,
                                 17,
                                 18,
                                 20,
                                 87.336545f,
                                 88.72284f,
                                 89,
                                 102,
                                 103.97208f,
                                 104,
                                 8388608,
                                 1048576,
                                 16777216,
                                 INFINITY};
  Worst w = {0, 0, 0, UINT64_C(0xcbf29ce484222325)};
  for (uint64_t u = 0; u <= UINT32_MAX; u += stride) sweep_point(fn, (uint32_t)u, &w);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    for (uint32_t d = 0; d < 129; d++) {
      sweep_point(fn, nn_bits_f32(places[i]) + d - 64, &w);
      sweep_point(fn, (nn_bits_f32(places[i]) + d - 64) ^ 0x80000000u, &w);
    }
  return w;
}

// ---- f64: against tests/reference/math_f64.txt
typedef struct Function64 {
  const char *name;
  double (*f)(double); // of one argument
  double (*f2)(double, double);
} Function64;

static const Function64 functions_f64[] = {
    {"exp", nn_exp, NULL},     {"log", nn_log, NULL},   {"log1p", nn_log1p, NULL},
    {"expm1", nn_expm1, NULL}, {"tanh", nn_tanh, NULL}, {"sigmoid", nn_sigmoid, NULL},
    {"erf", nn_erf, NULL},     {"sin", nn_sin, NULL},   {"cos", nn_cos, NULL},
    {"pow", NULL, nn_pow},
};
enum { N_FUNCTIONS_F64 = sizeof functions_f64 / sizeof *functions_f64 };

// The truth is want + rest units in the last place of want.
static double ulp_f64(double got, double want, double rest) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : 1e30;
  if (isinf(want)) return got == want ? 0 : 1e30;
  if (got == 0 && !signbit(got) != !signbit(want)) return 1e30;
  int64_t e = (int64_t)((nn_bits_f64(want) >> 52) & 0x7ff);
  if (isinf(got)) return 1e30; // the table has no point so near the largest number
  return fabs(scalbn(got - want, (int)(1075 - (e ? e : 1))) - rest);
}

// One Worst per function; `count` gets the number of lines. False: the file can't be read.
static int table_f64(const char *path, Worst worst[N_FUNCTIONS_F64], size_t *count) {
  char line[256], name[16];
  FILE *file = fopen(path, "r");
  *count = 0;
  for (int i = 0; i < N_FUNCTIONS_F64; i++) worst[i] = (Worst){0, 0, 0, UINT64_C(0xcbf29ce484222325)};
  if (!file) return 0;
  while (fgets(line, sizeof line, file)) {
    char *at = line;
    for (size_t i = 0; i < sizeof name && (name[i] = *at) != '\0'; i++, at++)
      if (*at == ' ') {
        name[i] = '\0';
        break;
      }
    double x = strtod(at, &at), y = strtod(at, &at), want = strtod(at, &at), rest = strtod(at, &at);
    for (int i = 0; i < N_FUNCTIONS_F64; i++) {
      const Function64 *fn = &functions_f64[i];
      if (strcmp(fn->name, name) != 0) continue;
      double got = fn->f ? fn->f(x) : fn->f2(x, y);
      worst_note(&worst[i], ulp_f64(got, want, rest), x, y);
      if (!isnan(got)) worst_hash(&worst[i], nn_bits_f64(got));
      ++*count;
    }
  }
  fclose(file);
  return 1;
}

// powf has two arguments: the pairs of the table, rounded to f32, against C's pow.
static Worst table_powf(const char *path) {
  char line[256];
  FILE *file = fopen(path, "r");
  Worst w = {file ? 0 : 1e30, 0, 0, UINT64_C(0xcbf29ce484222325)};
  while (file && fgets(line, sizeof line, file)) {
    if (strncmp(line, "pow ", 4) != 0) continue;
    char *at = line + 4;
    double x = strtod(at, &at), y = strtod(at, &at);
    for (int i = 0; i < 2; i++) {
      float a = (float)x, b = (float)(i ? y / 8 : y), got = nn_powf(a, b); // y / 8: f32's range of results
      worst_note(&w, ulp_f32(got, pow((double)a, (double)b)), (double)a, (double)b);
      if (!isnan(got)) worst_hash(&w, nn_bits_f32(got));
    }
  }
  if (file) fclose(file);
  return w;
}

#endif
