// The memory of real models: every plan is verified, takes little more than the largest set alive in its
// order, and that order is about as good as the best of many random ones. `test_memory -v` prints the
// numbers.
#include "codegen/fuse.h"
#include "codegen/memplan.h"
#include "codegen/order.h"
#include "tests/compile_model.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORDERS = 1000, PLAN_PERCENT = 105, ORDER_PERCENT = 115 };

static bool talkative;

static const char *const models[] = {
    "tests/examples/lenet.nn", "tests/examples/resnet20.nn",  "tests/examples/vae.nn",
    "tests/examples/dcgan.nn", "tests/examples/dbn.nn",       "samples/digits/digits.nn",
    "samples/iris/iris.nn",    "tests/programs/attention.nn", "tests/programs/gan.nn",
    "tests/programs/pool.nn",
};
enum { N_MODELS = sizeof models / sizeof *models };

// Numerical Recipes' linear congruential generator.
static uint32_t next(uint32_t *state) { return *state = *state * 1664525u + 1013904223u; }

static void random_order(const Order *o, uint32_t *state, uint32_t *sequence, Arena *a) {
  uint32_t n = order_length(o), n_ready = 0;
  uint32_t *missing = ARENA_ARRAY(a, n, uint32_t), *ready = ARENA_ARRAY(a, n, uint32_t);
  for (uint32_t j = 0; j < n; j++) {
    for (uint32_t i = 0; i < j; i++) missing[j] += order_edge(o, i, j);
    if (missing[j] == 0) ready[n_ready++] = j;
  }
  for (uint32_t done = 0; done < n; done++) {
    uint32_t k = next(state) % n_ready, step = ready[k];
    ready[k] = ready[--n_ready];
    sequence[done] = step;
    for (uint32_t j = step + 1; j < n; j++)
      if (order_edge(o, step, j) && --missing[j] == 0) ready[n_ready++] = j;
  }
}

static void check_function(const Program *p, const Function *fn, Arena *a) {
  uint64_t *stores = ARENA_ARRAY(a, p->n_stores, uint64_t), base = memplan_stores(p, ARENA_ALIGN, stores);
  FnPlan *f = fuse_function(p, fn, ARENA_ALIGN, a);
  Sched *s = schedule_function(f, a);
  uint64_t end = memplan_scratch(f, s, stores, base), bytes = end - base, alive = memplan_alive(f, s);
  const char *wrong = memverify(f, s, base, end, a);
  ck_assert_msg(wrong == NULL, "%s: %s", fn->name, wrong);
  ck_assert_msg(alive <= bytes && bytes * 100 <= alive * PLAN_PERCENT,
                "%s: %" PRIu64 " bytes, %" PRIu64 " alive", fn->name, bytes, alive);
  Order *o = order_new(f, a);
  uint32_t *sequence = ARENA_ARRAY(a, order_length(o), uint32_t), state = 1;
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < ORDERS; i++) {
    Arena *scratch = arena_new();
    random_order(o, &state, sequence, scratch);
    uint64_t peak = order_peak(o, sequence);
    if (peak < best) best = peak;
    arena_free(scratch);
  }
  if (talkative)
    printf("  %-24s %4zu steps, scratch %9" PRIu64 " bytes, alive %9" PRIu64 ", best random order %9" PRIu64
           "\n",
           fn->name, f->steps.len, bytes, alive, best);
  ck_assert_msg(bytes * 100 <= best * ORDER_PERCENT, "%s: %" PRIu64 " bytes; a random order takes %" PRIu64,
                fn->name, bytes, best);
}

START_TEST(plans_are_small_and_so_are_orders) {
  Arena *a = arena_new();
  Program *p = compile_model(models[_i], "", a);
  if (talkative) printf("%s\n", models[_i]);
  for (uint32_t i = 0; i < p->n_fns; i++) check_function(p, &p->fns[i], a);
  arena_free(a);
}
END_TEST

// The example has no training of its own.
START_TEST(a_training_of_resnet20_takes_little_memory) {
  Arena *a = arena_new();
  Program *p = compile_model(
      "tests/examples/resnet20.nn",
      "data cifar10 { image: u8[3, 32, 32] from cifar(\"a.bin\");  label: u8 from cifar(\"a.bin\"); }\n"
      "train fit {\n"
      "    epochs = 1;  batch = 32;\n"
      "    let opt = SGD(lr = 0.1, momentum = 0.9, decay = 1e-4);\n"
      "    each d in cifar10() {\n"
      "        minimize cross_entropy(net(cast(d.image, real) / 255.0), cast(d.label, i32)) over net using "
      "opt;\n"
      "    }\n"
      "}\n",
      a);
  if (talkative) printf("resnet20 with a training\n");
  for (uint32_t i = 0; i < p->n_fns; i++) check_function(p, &p->fns[i], a);
  arena_free(a);
}
END_TEST

// More blocks than are placed in several sequences.
START_TEST(a_long_training_is_placed_in_the_order_of_time) {
  Arena *a = arena_new();
  Program *p = compile_model("tests/examples/dbn.nn",
                             "param long_w: [5, 5] = normal(std = 0.1);  param long_v: [5] = zeros();\n"
                             "fn long(x: [5]) -> [5] {\n"
                             "    var y = x;\n"
                             "    for i in 0..3000 { y = tanh(y @ long_w + (if i % 3 == 0 then "
                             "concat([y[1..], y[..1]], axis = 0) else long_v)); }\n"
                             "    return y;\n"
                             "}\n"
                             "export fn long_slope(x: [5]) -> [5, 5] = grad(sum(long(x)), long_w);\n",
                             a);
  const Function *fn = NULL;
  for (uint32_t i = 0; i < p->n_fns; i++)
    if (!strcmp(p->fns[i].name, "long_slope")) fn = &p->fns[i];
  ck_assert_ptr_nonnull(fn);
  uint64_t *stores = ARENA_ARRAY(a, p->n_stores, uint64_t), base = memplan_stores(p, ARENA_ALIGN, stores);
  FnPlan *f = fuse_function(p, fn, ARENA_ALIGN, a);
  Sched *s = schedule_function(f, a);
  uint64_t end = memplan_scratch(f, s, stores, base), alive = memplan_alive(f, s);
  ck_assert_msg(f->buffers.len > 6000, "%s: %zu buffers", fn->name, f->buffers.len);
  const char *wrong = memverify(f, s, base, end, a);
  ck_assert_msg(wrong == NULL, "%s: %s", fn->name, wrong);
  ck_assert_msg((end - base) * 100 <= alive * PLAN_PERCENT, "%" PRIu64 " bytes, %" PRIu64 " alive",
                end - base, alive);
  arena_free(a);
}
END_TEST

int main(int argc, char **argv) {
  talkative = argc > 1 && strcmp(argv[1], "-v") == 0;
  Suite *s = suite_create("memory");
  TCase *t = tcase_create("models");
  tcase_set_timeout(t, 600);
  tcase_add_loop_test(t, plans_are_small_and_so_are_orders, 0, N_MODELS);
  tcase_add_test(t, a_training_of_resnet20_takes_little_memory);
  tcase_add_test(t, a_long_training_is_placed_in_the_order_of_time);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
