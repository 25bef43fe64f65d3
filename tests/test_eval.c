// What the interpreter does beyond single operations: stores and their versions, faults, draws, optimizers,
// rounding. (The values of every operation are test_ops' business.)
#include "ir/build.h"
#include "ir/eval.h"
#include "ir/philox.h"
#include "ir/verify.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static Arena *arena;
static Graph *g;
static Builder b;

static void setup(void) {
  arena = arena_new();
  g = graph_new(arena, "B", 8);
  b = (Builder){.g = g, .real = DT_F64, .path = ""};
}
static void teardown(void) { arena_free(arena); }

static void roots(const NodeId *ids, uint32_t n) {
  StrBuf why = {0};
  graph_set_roots(g, ids, n);
  ck_assert_msg(graph_verify(g, VERIFY_ANY, &why), "%s", sb_text(&why));
}

static NodeId scalar(double v) { return b_scalar(&b, DT_F64, v); }

static Scalar *run(NodeId id, EvalEnv *env) {
  Scalar *value;
  roots(&id, 1);
  ck_assert(eval_graph(g, env, NULL, &value, arena));
  return value;
}

START_TEST(a_read_sees_the_version_it_names_and_the_last_one_stays) {
  Store table[] = {{.name = "s", .dtype = DT_F64}};
  Scalar s = {.f = 1}, *stores[] = {&s}, *out[4];
  NodeId old = b_read(&b, 0, 0, DT_F64, (Shape){0}, NO_NODE);
  NodeId w1 = b_write(&b, 0, 0, b_ew2(&b, OP_ADD, old, scalar(1)));
  NodeId w2 = b_write(&b, 0, 1, scalar(7));
  NodeId middle = b_read(&b, 0, 1, DT_F64, (Shape){0}, w1);
  NodeId first = b_read(&b, 0, 0, DT_F64, (Shape){0}, NO_NODE);
  roots((NodeId[]){w1, w2, middle, first}, 4);
  EvalEnv env = {.stores = stores, .table = table, .n_stores = 1};
  ck_assert(eval_graph(g, &env, NULL, out, arena));
  ck_assert_double_eq(out[2]->f, 2);
  ck_assert_double_eq(out[3]->f, 1);
  ck_assert_double_eq(s.f, 7);
}
END_TEST

START_TEST(an_index_outside_is_a_fault_and_nothing_is_written) {
  Store table[] = {{.name = "s", .dtype = DT_F64}};
  Scalar s = {.f = 1}, *stores[] = {&s};
  NodeId write = b_write(&b, 0, 0, scalar(2));
  NodeId x = b_iota(&b, DT_F64, (Shape){1, {{0, 3}}}, 0);
  NodeId pick = b_gather(&b, x, b_scalar(&b, DT_I32, 3), 0, 0);
  roots((NodeId[]){write, pick}, 2);
  EvalEnv env = {.stores = stores, .table = table, .n_stores = 1};
  ck_assert(!eval_graph(g, &env, NULL, NULL, arena));
  ck_assert_int_eq(env.status, EVAL_FAULT_INDEX);
  ck_assert_uint_eq(env.fault_node, pick);
  ck_assert_int_eq(env.fault_value, 3);
  ck_assert_int_eq(env.fault_bound, 3);
  ck_assert_double_eq(s.f, 1);
}
END_TEST

START_TEST(an_integer_division_by_zero_is_a_fault) {
  NodeId q = b_ew2(&b, OP_MOD, b_scalar(&b, DT_I32, 3), b_scalar(&b, DT_I32, 0));
  roots(&q, 1);
  EvalEnv env = {0};
  ck_assert(!eval_graph(g, &env, NULL, NULL, arena));
  ck_assert_int_eq(env.status, EVAL_FAULT_DIVISION);
  ck_assert_uint_eq(env.fault_node, q);
}
END_TEST

START_TEST(a_dynamic_axis_has_the_running_size) {
  NodeId x = b_iota(&b, DT_F64, (Shape){2, {{1, 0}, {0, 2}}}, 0);
  NodeId n = b_input(&b, IN_BATCH, 0, NULL, DT_F64, (Shape){0});
  NodeId mean = b_ew2(&b, OP_DIV, b_reduce(&b, OP_SUM, x, 3), n);
  ck_assert_double_eq(run(mean, &(EvalEnv){.n = 5})->f, 4);
  ck_assert_double_eq(run(mean, &(EvalEnv){.n = 1})->f, 0);
}
END_TEST

START_TEST(step_epoch_and_options_are_inputs) {
  NodeId s = b_input(&b, IN_STEP, 0, NULL, DT_F64, (Shape){0});
  NodeId e = b_input(&b, IN_EPOCH, 0, NULL, DT_F64, (Shape){0});
  NodeId o = b_input(&b, IN_OPTION, 1, "width", DT_F64, (Shape){0});
  EvalEnv env = {.step = 3, .epoch = 20, .options = (double[]){0, 400}};
  ck_assert_double_eq(run(b_ew2(&b, OP_ADD, b_ew2(&b, OP_ADD, s, e), o), &env)->f, 423);
}
END_TEST

START_TEST(a_draw_is_keyed_by_seed_step_and_site_and_counts_elements_by_four) {
  NodeId r = b_rand(&b, OP_RAND, DT_F32, (Shape){1, {{0, 6}}}, 77);
  Scalar *v = run(r, &(EvalEnv){.seed = 0x0000000500000009, .batch_count = 3});
  PhiloxBlock p = philox4x32_10((uint32_t[]){1, 0, 3, 77}, (uint32_t[]){9, 5});
  ck_assert_double_eq(v[5].f, (p.w[1] >> 8) / 16777216.0);
  v = run(r, &(EvalEnv){.seed = 9, .batch_count = 3, .mode = EVAL_INIT});
  p = philox4x32_10((uint32_t[]){1, 0, 0xffffffff, 77}, (uint32_t[]){9, 0});
  ck_assert_double_eq(v[4].f, (p.w[0] >> 8) / 16777216.0);
  v = run(r, &(EvalEnv){.seed = 9, .batch_count = 3, .mode = EVAL_PREPARE, .example = 12, .epoch_count = 2});
  p = philox4x32_10((uint32_t[]){0, 12, 2, 77}, (uint32_t[]){9, 0});
  ck_assert_double_eq(v[3].f, (p.w[3] >> 8) / 16777216.0);
}
END_TEST

START_TEST(normals_come_in_pairs_from_the_words_of_a_block) {
  NodeId r = b_rand(&b, OP_RANDN, DT_F64, (Shape){1, {{0, 4}}}, 5);
  Scalar *v = run(r, &(EvalEnv){.seed = 1});
  PhiloxBlock p = philox4x32_10((uint32_t[]){0, 0, 0, 5}, (uint32_t[]){1, 0});
  double radius = sqrt(-2 * log(((p.w[2] >> 8) + 1) / 16777216.0));
  double angle = 2 * acos(-1) * ((p.w[3] >> 8) / 16777216.0);
  ck_assert_double_eq_tol(v[2].f, radius * cos(angle), 1e-15);
  ck_assert_double_eq_tol(v[3].f, radius * sin(angle), 1e-15);
}
END_TEST

START_TEST(the_moments_of_draws_are_those_of_their_distribution) {
  Shape s = {1, {{0, 40000}}};
  double sum = 0, square = 0;
  Scalar *v = run(b_rand(&b, OP_RANDN, DT_F64, s, 1), &(EvalEnv){.seed = 3});
  for (int i = 0; i < 40000; i++) {
    sum += v[i].f;
    square += v[i].f * v[i].f;
  }
  ck_assert_double_le(fabs(sum / 40000), 4 / 200.0);
  ck_assert_double_le(fabs(square / 40000 - 1), 4 * sqrt(2) / 200);
}
END_TEST

START_TEST(rounded_mode_rounds_every_result_to_its_type) {
  NodeId third = b_ew2(&b, OP_DIV, b_scalar(&b, DT_F32, 1), b_scalar(&b, DT_F32, 3));
  ck_assert_double_eq(run(third, &(EvalEnv){.rounded = true})->f, (double)(1.0f / 3.0f));
  ck_assert_double_eq(run(third, &(EvalEnv){.rounded = false})->f, 1.0 / 3.0);
}
END_TEST

START_TEST(half_precision_rounds_to_even_underflows_and_overflows) {
  ck_assert_double_eq(eval_round(DT_F16, 2049), 2048);
  ck_assert_double_eq(eval_round(DT_F16, 2051), 2052);
  ck_assert_double_eq(eval_round(DT_F16, 65519), 65504);
  ck_assert_double_eq(eval_round(DT_F16, 65520), INFINITY);
  ck_assert_double_eq(eval_round(DT_F16, 0x1.8p-24), 0x1p-23);
  ck_assert_double_eq(eval_round(DT_F16, 0x1p-25), 0);
  ck_assert_double_eq(eval_round(DT_BF16, 1 + 0x1p-8), 1);
  ck_assert_double_eq(eval_round(DT_BF16, 1 + 0x1.8p-7), 1 + 0x1p-6);
  ck_assert(isnan(eval_round(DT_BF16, NAN)));
  // Once, not by way of f32, where these would be ties.
  ck_assert_double_eq(eval_round(DT_F16, 0x1.0020000000001p0), 0x1.004p0);
  ck_assert_double_eq(eval_round(DT_BF16, 0x1.0100000000001p0), 0x1.02p0);
  ck_assert_double_eq(eval_round(DT_F16, -65519.999999999), -65504);
}
END_TEST

// ---- optimizers: one parameter of two elements, gradients as constants

typedef struct Run {
  Store table[4];
  Scalar w[2], slot0[2], slot1[2], count, *stores[4];
  bool passes; // of a guarded step
  EvalEnv env;
} Run;

static void start(Run *r, double lr_mult, double decay_mult) {
  Shape two = {1, {{0, 2}}};
  for (int i = 0; i < 3; i++) r->table[i] = (Store){.dtype = DT_F64, .shape = two};
  r->table[0].lr_mult = lr_mult;
  r->table[0].decay_mult = decay_mult;
  r->table[3] = (Store){.dtype = DT_I32};
  r->w[0].f = 1;
  r->w[1].f = -2;
  Scalar *stores[] = {r->w, r->slot0, r->slot1, &r->count};
  for (int i = 0; i < 4; i++) r->stores[i] = stores[i];
  r->env = (EvalEnv){.stores = r->stores, .table = r->table, .n_stores = 4};
}

static void step(Run *r, OptimizeAttr o, const double *hyper, uint32_t n_hyper, double g0, double g1) {
  g = graph_new(arena, NULL, 0);
  b.g = g;
  NodeId in[8];
  for (uint32_t i = 0; i < n_hyper; i++) in[i] = scalar(hyper[i]);
  in[n_hyper] = b_tensor(&b, DT_F64, (Shape){1, {{0, 2}}}, (Scalar[]){{.f = g0}, {.f = g1}}, 2);
  o.n = 1;
  o.n_hyper = n_hyper;
  o.stores = (uint32_t[]){0};
  o.versions = (uint32_t[]){0};
  o.counts = (uint32_t[]){3};
  o.slots = (uint32_t[]){1, 2};
  in[n_hyper + 1] = b_scalar(&b, DT_MASK, r->passes);
  NodeId node = b_optimize(&b, &o, in, n_hyper + 1 + o.guarded);
  roots(&node, 1);
  ck_assert(eval_graph(g, &r->env, NULL, NULL, arena));
}

#define NEAR(x, y) ck_assert_double_eq_tol((x), (y), 1e-14)

START_TEST(sgd_steps_against_the_gradient) {
  Run r = {0};
  start(&r, 1, 1);
  OptimizeAttr o = {.kind = OPTIM_SGD};
  step(&r, o, (double[]){0.1, 0, 0, 0}, 4, 2, -4);
  NEAR(r.w[0].f, 0.8);
  NEAR(r.w[1].f, -1.6);
  ck_assert_int_eq(r.count.i, 1);
}
END_TEST

START_TEST(sgd_with_momentum_nesterov_and_decay) {
  Run r = {0};
  start(&r, 1, 1);
  OptimizeAttr o = {.kind = OPTIM_SGD, .uses_momentum = true};
  const double hyper[] = {0.1, 0.5, 0.25, 0};
  step(&r, o, hyper, 4, 1, 0); // g = 1 + 0.25 = 1.25, v = 1.25, w = 1 - 0.125
  NEAR(r.w[0].f, 0.875);
  step(&r, o, hyper, 4, 1, 0); // g = 1.21875, v = 0.625 + 1.21875 = 1.84375
  NEAR(r.slot0[0].f, 1.84375);
  NEAR(r.w[0].f, 0.690625);
  o.flags = 1; // g = 1.17265625, v = 2.09453125, step g + 0.5 v = 2.219921875
  step(&r, o, hyper, 4, 1, 0);
  NEAR(r.w[0].f, 0.4686328125);
}
END_TEST

START_TEST(multipliers_scale_the_step_and_the_decay) {
  Run r = {0};
  start(&r, 2, 0);
  OptimizeAttr o = {.kind = OPTIM_SGD};
  step(&r, o, (double[]){0.1, 0, 5, 0}, 4, 1, 1);
  NEAR(r.w[0].f, 0.8);
  NEAR(r.w[1].f, -2.2);
}
END_TEST

START_TEST(clip_norm_scales_all_gradients_together_and_only_down) {
  Run r = {0};
  start(&r, 1, 1);
  OptimizeAttr o = {.kind = OPTIM_SGD};
  step(&r, o, (double[]){1, 0, 0, 1}, 4, 3, 4); // norm 5
  NEAR(r.w[0].f, 0.4);
  NEAR(r.w[1].f, -2.8);
  step(&r, o, (double[]){1, 0, 0, 1}, 4, 0.25, 0);
  NEAR(r.w[0].f, 0.15);
}
END_TEST

START_TEST(adam_corrects_its_bias_and_decays_apart) {
  Run r = {0};
  start(&r, 1, 1);
  OptimizeAttr o = {.kind = OPTIM_ADAM};
  const double hyper[] = {0.1, 0.9, 0.99, 0.5, 0.2, 0};
  // w = 1 - 0.1 0.2 1 = 0.98; m = 0.2, m/(1 - 0.9) = 2; v = 0.04, v/(1 - 0.99) = 4; 2 / (2 + 0.5) = 0.8
  step(&r, o, hyper, 6, 2, 0);
  NEAR(r.w[0].f, 0.9);
  NEAR(r.w[1].f, -1.96);
  // 0.9 - 0.018; m = 0.08, / 0.19; v = 0.0396 + 0.01 = 0.0496, / 0.0199
  step(&r, o, hyper, 6, -1, 0);
  NEAR(r.slot0[0].f, 0.08);
  NEAR(r.slot1[0].f, 0.0496);
  NEAR(r.w[0].f, 0.882 - 0.1 * (0.08 / 0.19) / (sqrt(0.0496 / 0.0199) + 0.5));
  ck_assert_int_eq(r.count.i, 2);
}
END_TEST

START_TEST(a_guarded_step_that_does_not_pass_changes_and_counts_nothing) {
  Run r = {0}, all;
  start(&r, 1, 1);
  OptimizeAttr o = {.kind = OPTIM_ADAM, .guarded = true};
  const double hyper[] = {0.1, 0.9, 0.99, 0.5, 0.2, 1};
  r.passes = true;
  step(&r, o, hyper, 6, 2, 0);
  ck_assert_int_eq(r.count.i, 1);
  all = r;
  r.passes = false;
  step(&r, o, hyper, 6, -1, 3);
  for (int k = 0; k < 2; k++) {
    ck_assert_double_eq(r.w[k].f, all.w[k].f);
    ck_assert_double_eq(r.slot0[k].f, all.slot0[k].f);
    ck_assert_double_eq(r.slot1[k].f, all.slot1[k].f);
  }
  ck_assert_int_eq(r.count.i, 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("eval");
  TCase *t = tcase_create("eval");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_read_sees_the_version_it_names_and_the_last_one_stays);
  tcase_add_test(t, an_index_outside_is_a_fault_and_nothing_is_written);
  tcase_add_test(t, an_integer_division_by_zero_is_a_fault);
  tcase_add_test(t, a_dynamic_axis_has_the_running_size);
  tcase_add_test(t, step_epoch_and_options_are_inputs);
  tcase_add_test(t, a_draw_is_keyed_by_seed_step_and_site_and_counts_elements_by_four);
  tcase_add_test(t, normals_come_in_pairs_from_the_words_of_a_block);
  tcase_add_test(t, the_moments_of_draws_are_those_of_their_distribution);
  tcase_add_test(t, rounded_mode_rounds_every_result_to_its_type);
  tcase_add_test(t, half_precision_rounds_to_even_underflows_and_overflows);
  tcase_add_test(t, sgd_steps_against_the_gradient);
  tcase_add_test(t, sgd_with_momentum_nesterov_and_decay);
  tcase_add_test(t, multipliers_scale_the_step_and_the_decay);
  tcase_add_test(t, clip_norm_scales_all_gradients_together_and_only_down);
  tcase_add_test(t, adam_corrects_its_bias_and_decays_apart);
  tcase_add_test(t, a_guarded_step_that_does_not_pass_changes_and_counts_nothing);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
