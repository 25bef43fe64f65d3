// The optimizers of runtime/core against numbers of tests/reference/make_optim.py, and against the papers'
// equations written naively below with every hyper-parameter on and off.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_optim.h"

// ---- literal numbers: one weight, 1 at first, gradients 0.5, -0.25, 0.125
static const double gradient[3] = {0.5, -0.25, 0.125};

// The optimizers with hyper-parameters behind a pointer.
typedef struct Method {
  void (*f64)(nn_ctx *, const nn_span_f64 *, const void *);
  void (*f32)(nn_ctx *, const nn_span_f32 *, const void *);
} Method;
enum { SPANS = 3 };

#define METHOD(name)                                                                                         \
  static void name##_f64(nn_ctx *c, const nn_span_f64 *p, const void *h) {                                   \
    nn_##name##_step_f64(c, p, SPANS, (const nn_##name *)h);                                                 \
  }                                                                                                          \
  static void name##_f32(nn_ctx *c, const nn_span_f32 *p, const void *h) {                                   \
    nn_##name##_step_f32(c, p, SPANS, (const nn_##name *)h);                                                 \
  }                                                                                                          \
  static const Method name = {name##_f64, name##_f32};
METHOD(sgd)
METHOD(adam)
METHOD(adagrad)
METHOD(adadelta)
METHOD(rmsprop)

// `velocity`: the slot that may be missing, or -1.
static void check_numbers(Method method, const void *h, int velocity, const double want[3]) {
  double w = 1, a = 0, b = 0, g;
  int32_t count[SPANS] = {0};
  nn_ctx c = {0};
  nn_span_f64 p[SPANS] = {{&w, &g, {velocity == 0 ? NULL : &a, velocity == 1 ? NULL : &b}, count, 1, 1, 1}};
  for (int i = 1; i < SPANS; i++) p[i] = (nn_span_f64){NULL, NULL, {NULL, NULL}, &count[i], 0, 1, 1};
  for (int i = 0; i < 3; i++) {
    g = gradient[i];
    method.f64(&c, p, h);
    ck_assert_double_eq_tol(w, want[i], 1e-15);
    ck_assert_int_eq(count[0], i + 1);
  }
}

static void check_sgd(nn_sgd h, const double want[3]) {
  check_numbers(sgd, &h, h.momentum > 0 ? -1 : 0, want);
}
static void check_adam(nn_adam h, const double want[3]) { check_numbers(adam, &h, -1, want); }

START_TEST(sgd_gives_the_numbers_of_the_reference) {
  check_sgd((nn_sgd){0.1, 0, 0, 0, 0}, (double[]){0.95, 0.975, 0.9625});
  check_sgd((nn_sgd){0.1, 0.9, 0, 0, 0}, (double[]){0.95, 0.93, 0.8995});
  check_sgd((nn_sgd){0.1, 0.9, 0.01, 0, 0}, (double[]){0.949, 0.927151, 0.894059749});
  check_sgd((nn_sgd){0.1, 0.9, 0.01, 0, 1}, (double[]){0.9031, 0.90757411, 0.86443920819099999});
}
END_TEST

START_TEST(adam_gives_the_numbers_of_the_reference) {
  check_adam((nn_adam){0.01, 0.9, 0.999, 1e-8, 0, 0},
             (double[]){0.9900000002, 0.98733662987078462, 0.9839323384916654});
  check_adam((nn_adam){0.01, 0.8, 0.99, 0.1, 0.1, 0},
             (double[]){0.99066666666666667, 0.98799143772654729, 0.98466578364308292});
}
END_TEST

START_TEST(adagrad_adadelta_and_rmsprop_give_the_numbers_of_the_reference) {
  check_numbers(adagrad, &(nn_adagrad){0.1, 1e-10, 0, 0}, -1,
                (double[]){0.90000000001999999, 0.94472135956199579, 0.92289957054220608});
  check_numbers(adagrad, &(nn_adagrad){0.1, 0.1, 0.01, 0}, -1,
                (double[]){0.91639344262295082, 0.95266364336794771, 0.93287528200746167});
  check_numbers(adadelta, &(nn_adadelta){1, 0.9, 1e-6, 0, 0}, -1,
                (double[]){0.99683778558348752, 0.99892287261127886, 0.99776982433289639});
  check_numbers(adadelta, &(nn_adadelta){0.5, 0.8, 0.1, 0.01, 0}, -1,
                (double[]){0.79318129410453408, 0.9064197133015548, 0.84139506372773811});
  check_numbers(rmsprop, &(nn_rmsprop){0.01, 0.99, 1e-8, 0, 0, 0}, 1,
                (double[]){0.90000001999999604, 0.94490133744217507, 0.92289092176020683});
  check_numbers(rmsprop, &(nn_rmsprop){0.01, 0.9, 0.1, 0.8, 0.01, 0}, -1,
                (double[]){0.98048042352218642, 0.97373405003648215, 0.96330114823116861});
}
END_TEST

// ---- the equations, naively: three parameters in one array, the second empty
enum { N = 12 };
static const size_t sizes[3] = {5, 0, 7};
static const float lr_mult[3] = {1, 1, 0.25f}, decay_mult[3] = {1, 1, 0.5f};
static double nth_gradient(int step, int i) { return sin(1.0 + 3.0 * step + 0.7 * i); }
static double initial(int i) { return cos(1.0 + i); }

typedef struct Naive {
  double w[N], a[N], b[N];
} Naive;

static void clipped(double g[N], int step, double clip_norm) {
  double sum = 0, scale = 1;
  for (int i = 0; i < N; i++) g[i] = nth_gradient(step, i), sum += g[i] * g[i];
  if (clip_norm > 0 && sqrt(sum) > clip_norm) scale = clip_norm / sqrt(sum);
  for (int i = 0; i < N; i++) g[i] *= scale;
}

// The gradients with decay in them, scaled.
static void decayed(double g[N], const Naive *s, int step, double clip_norm, double decay) {
  clipped(g, step, clip_norm);
  for (int i = 0; i < N; i++) g[i] += decay * (double)decay_mult[i < 5 ? 0 : 2] * s->w[i];
}

static double lr_of(double lr, int i) { return lr * (double)lr_mult[i < 5 ? 0 : 2]; }

static void naive_sgd(Naive *s, int step, const void *hyper) {
  const nn_sgd h = *(const nn_sgd *)hyper;
  double g[N];
  decayed(g, s, step, h.clip_norm, h.decay);
  for (int i = 0; i < N; i++) {
    s->a[i] = h.momentum * s->a[i] + g[i];
    double move = h.nesterov ? g[i] + h.momentum * s->a[i] : s->a[i];
    s->w[i] -= lr_of(h.lr, i) * move;
  }
}

static void naive_adam(Naive *s, int step, const void *hyper) {
  const nn_adam h = *(const nn_adam *)hyper;
  double g[N];
  clipped(g, step, h.clip_norm);
  for (int i = 0; i < N; i++) {
    int p = i < 5 ? 0 : 2;
    double lr = h.lr * (double)lr_mult[p];
    s->a[i] = h.beta1 * s->a[i] + (1 - h.beta1) * g[i];
    s->b[i] = h.beta2 * s->b[i] + (1 - h.beta2) * g[i] * g[i];
    double m = s->a[i] / (1 - pow(h.beta1, step + 1)), v = s->b[i] / (1 - pow(h.beta2, step + 1));
    s->w[i] -= lr * h.decay * (double)decay_mult[p] * s->w[i];
    s->w[i] -= lr * m / (sqrt(v) + h.eps);
  }
}

static void naive_adagrad(Naive *s, int step, const void *hyper) {
  const nn_adagrad h = *(const nn_adagrad *)hyper;
  double g[N];
  decayed(g, s, step, h.clip_norm, h.decay);
  for (int i = 0; i < N; i++) {
    s->a[i] += g[i] * g[i];
    s->w[i] -= lr_of(h.lr, i) * g[i] / (sqrt(s->a[i]) + h.eps);
  }
}

static void naive_adadelta(Naive *s, int step, const void *hyper) {
  const nn_adadelta h = *(const nn_adadelta *)hyper;
  double g[N];
  decayed(g, s, step, h.clip_norm, h.decay);
  for (int i = 0; i < N; i++) {
    s->a[i] = h.rho * s->a[i] + (1 - h.rho) * g[i] * g[i];
    double d = sqrt(s->b[i] + h.eps) / sqrt(s->a[i] + h.eps) * g[i];
    s->b[i] = h.rho * s->b[i] + (1 - h.rho) * d * d;
    s->w[i] -= lr_of(h.lr, i) * d;
  }
}

static void naive_rmsprop(Naive *s, int step, const void *hyper) {
  const nn_rmsprop h = *(const nn_rmsprop *)hyper;
  double g[N];
  decayed(g, s, step, h.clip_norm, h.decay);
  for (int i = 0; i < N; i++) {
    s->a[i] = h.rho * s->a[i] + (1 - h.rho) * g[i] * g[i];
    s->b[i] = h.momentum * s->b[i] + g[i] / (sqrt(s->a[i]) + h.eps);
    s->w[i] -= lr_of(h.lr, i) * s->b[i];
  }
}

// Five steps in f32 and f64 beside the naive ones. `velocity`: the slot that is missing, or -1.
static void compare(Method method, void naive_step(Naive *, int, const void *), const void *h, int velocity) {
  double w[N], g[N], slot[2][N] = {0};
  float wf[N], gf[N], slotf[2][N] = {0};
  int32_t count[3] = {0}, countf[3] = {0};
  Naive naive = {0};
  nn_span_f64 p[3];
  nn_span_f32 pf[3];
  nn_ctx c = {0};
  for (int i = 0; i < N; i++) w[i] = initial(i), naive.w[i] = w[i], wf[i] = (float)w[i];
  for (size_t s = 0, at = 0; s < 3; at += sizes[s++]) {
    p[s] = (nn_span_f64){w + at,
                         g + at,
                         {slot[0] + at, slot[1] + at},
                         &count[s],
                         sizes[s],
                         (double)lr_mult[s],
                         (double)decay_mult[s]};
    pf[s] = (nn_span_f32){wf + at,    gf + at,      {slotf[0] + at, slotf[1] + at}, &countf[s], sizes[s],
                          lr_mult[s], decay_mult[s]};
    if (velocity >= 0) p[s].slot[velocity] = NULL, pf[s].slot[velocity] = NULL;
  }
  for (int step = 0; step < 5; step++) {
    for (int i = 0; i < N; i++) g[i] = nth_gradient(step, i), gf[i] = (float)g[i];
    naive_step(&naive, step, h);
    method.f64(&c, p, h);
    method.f32(&c, pf, h);
    for (int i = 0; i < N; i++) {
      ck_assert_double_eq_tol(w[i], naive.w[i], 1e-14);
      ck_assert_double_eq_tol((double)wf[i], naive.w[i], 1e-6);
      ck_assert_double_eq(g[i], nth_gradient(step, i)); // only read
    }
    ck_assert(count[0] == step + 1 && count[2] == step + 1 && countf[0] == step + 1);
  }
}

static const double clips[] = {0, 0.5, 100};

START_TEST(sgd_follows_its_equations_with_every_hyper_parameter_on_and_off) {
  for (int k = 0; k < 24; k++)
    compare(sgd, naive_sgd, &(nn_sgd){0.05, k & 1 ? 0.9 : 0, k & 2 ? 0.1 : 0, clips[k / 8], (k & 4) / 4},
            k & 1 ? -1 : 0);
}
END_TEST

START_TEST(adam_follows_its_equations_with_every_hyper_parameter_on_and_off) {
  for (int k = 0; k < 48; k++)
    compare(adam, naive_adam,
            &(nn_adam){0.01, k & 1 ? 0.9 : 0, k & 2 ? 0.999 : 0.5, k & 4 ? 1e-8 : 0.1, k & 8 ? 0.1 : 0,
                       clips[k / 16]},
            -1);
}
END_TEST

START_TEST(adagrad_follows_its_equations_with_every_hyper_parameter_on_and_off) {
  for (int k = 0; k < 12; k++)
    compare(adagrad, naive_adagrad, &(nn_adagrad){0.05, k & 1 ? 1e-3 : 0.1, k & 2 ? 0.1 : 0, clips[k / 4]},
            -1);
}
END_TEST

START_TEST(adadelta_follows_its_equations_with_every_hyper_parameter_on_and_off) {
  for (int k = 0; k < 24; k++)
    compare(adadelta, naive_adadelta,
            &(nn_adadelta){1, k & 1 ? 0.9 : 0.5, k & 2 ? 1e-3 : 0.1, k & 4 ? 0.1 : 0, clips[k / 8]}, -1);
}
END_TEST

START_TEST(rmsprop_follows_its_equations_with_every_hyper_parameter_on_and_off) {
  for (int k = 0; k < 48; k++)
    compare(rmsprop, naive_rmsprop,
            &(nn_rmsprop){0.01, k & 1 ? 0.99 : 0.5, k & 2 ? 1e-3 : 0.1, k & 4 ? 0.9 : 0, k & 8 ? 0.1 : 0,
                          clips[k / 16]},
            k & 4 ? -1 : 1);
}
END_TEST

// ---- grouping and tiles
static float many[4][3 * NN_OPTIM_TILE];

static void run_spans(const size_t *cuts, size_t n_cuts, float *w, nn_ctx *c) {
  static float m[3 * NN_OPTIM_TILE], v[3 * NN_OPTIM_TILE];
  int32_t count[8] = {0};
  nn_span_f32 p[8];
  nn_adam h = {0.01, 0.9, 0.999, 1e-8, 0.1, 0.5};
  memset(m, 0, sizeof m);
  memset(v, 0, sizeof v);
  for (size_t i = 0; i < 3 * NN_OPTIM_TILE; i++) w[i] = (float)initial((int)i);
  for (size_t s = 0, at = 0; s < n_cuts; at += cuts[s++])
    p[s] = (nn_span_f32){w + at, many[0] + at, {m + at, v + at}, &count[s], cuts[s], 1, 1};
  for (int step = 0; step < 3; step++) {
    for (size_t i = 0; i < 3 * NN_OPTIM_TILE; i++) many[0][i] = (float)nth_gradient(step, (int)i);
    nn_adam_step_f32(c, p, n_cuts, &h);
  }
}

static void backwards(nn_ctx *c, nn_kernel k, const void *args, size_t tiles) {
  while (tiles-- > 0) k(c, args, tiles, tiles + 1);
}

static void halves(nn_ctx *c, nn_kernel k, const void *args, size_t tiles) {
  k(c, args, tiles / 2, tiles);
  k(c, args, 0, tiles / 2);
}

START_TEST(grouping_into_spans_and_tiles_changes_no_bit) {
  nn_ctx c = {0};
  size_t whole[] = {3 * NN_OPTIM_TILE};
  size_t cut[] = {7, 0, NN_OPTIM_TILE + 1, 0, NN_OPTIM_TILE - 9, NN_OPTIM_TILE, 1, 0};
  run_spans(whole, 1, many[1], &c);
  run_spans(cut, 8, many[2], &c);
  ck_assert(memcmp(many[1], many[2], sizeof many[1]) == 0);
  c.par = backwards;
  run_spans(cut, 8, many[3], &c);
  ck_assert(memcmp(many[1], many[3], sizeof many[1]) == 0);
  c.par = halves;
  run_spans(cut, 8, many[3], &c);
  ck_assert(memcmp(many[1], many[3], sizeof many[1]) == 0);
}
END_TEST

START_TEST(no_spans_and_empty_spans_are_fine) {
  nn_ctx c = {0};
  int32_t count = 0;
  nn_span_f32 empty = {NULL, NULL, {NULL, NULL}, &count, 0, 1, 1};
  nn_sgd_step_f32(&c, &empty, 0, &(nn_sgd){0.1, 0, 0, 1, 0});
  ck_assert_int_eq(count, 0);
  nn_sgd_step_f32(&c, &empty, 1, &(nn_sgd){0.1, 0, 0, 1, 0});
  nn_adam_step_f32(&c, &empty, 1, &(nn_adam){0.1, 0.9, 0.999, 1e-8, 0, 1});
  ck_assert_int_eq(count, 2);
}
END_TEST

START_TEST(clipping_leaves_a_small_gradient_and_passes_a_nan_on) {
  nn_ctx c = {0};
  float w[2] = {1, 1}, g[2] = {0.3f, 0.4f};
  nn_span_f32 p = {w, g, {NULL, NULL}, NULL, 2, 1, 1};
  nn_sgd_step_f32(&c, &p, 1, &(nn_sgd){1, 0, 0, 0.6, 0});
  ck_assert(w[0] == 1 - 0.3f && w[1] == 1 - 0.4f);
  g[0] = NAN;
  nn_sgd_step_f32(&c, &p, 1, &(nn_sgd){1, 0, 0, 0.5, 0});
  ck_assert(isnan(w[0]) && isnan(w[1]));
}
END_TEST

int main(void) {
  Suite *s = suite_create("optim");
  TCase *t = tcase_create("all");
  tcase_add_test(t, sgd_gives_the_numbers_of_the_reference);
  tcase_add_test(t, adam_gives_the_numbers_of_the_reference);
  tcase_add_test(t, sgd_follows_its_equations_with_every_hyper_parameter_on_and_off);
  tcase_add_test(t, adam_follows_its_equations_with_every_hyper_parameter_on_and_off);
  tcase_add_test(t, adagrad_adadelta_and_rmsprop_give_the_numbers_of_the_reference);
  tcase_add_test(t, adagrad_follows_its_equations_with_every_hyper_parameter_on_and_off);
  tcase_add_test(t, adadelta_follows_its_equations_with_every_hyper_parameter_on_and_off);
  tcase_add_test(t, rmsprop_follows_its_equations_with_every_hyper_parameter_on_and_off);
  tcase_add_test(t, grouping_into_spans_and_tiles_changes_no_bit);
  tcase_add_test(t, no_spans_and_empty_spans_are_fine);
  tcase_add_test(t, clipping_leaves_a_small_gradient_and_passes_a_nan_on);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
