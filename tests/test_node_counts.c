// How many operations the gradients of standard layers take after the passes (tests/gradients/layers.nn, one
// export each, the gradient of sum(layer(x) * dy)), against the fewest that compute the same by hand from the
// formulas as they are written. What neither computes nor moves anything is not counted: inputs, constants,
// stores, counting, reshapes, which result of a loop. A loop counts as one and its body once.
//
// What a pass may not do for fewer (passes/README.md) is to change a rounding: a b + a c stays, and a / c1 /
// c2, and (x + x) for 2 x comes from the two places where x stands in x * x.
#include "tests/compile_model.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

typedef struct Layer {
  const char *name; // of the export, without _by
  uint32_t fewest, made;
} Layer;

static const Layer layers[] = {
    // dx = dy W^T, dW = x^T dy, db = sum dy
    {"dense", 3, 3},
    // db: sum. dx: dy correlated with W, its channels exchanged (transpose) and its taps reversed: 3. dW: x
    // correlated with dy, batch and channels exchanged in both and in the result, which is how CONV has
    // them: 4
    {"conv2d", 8, 8},
    // n elements a channel. Forward: m = (sum x)/n, d = x - m, v = (sum d d)/n, s
    // = sqrt(v + eps), k = gamma/s: 9. db = sum dy: 1. dgamma = (sum dy d)/s: 3. dx = dy k - d (dgamma
    // k/s/n) - db k/n, whose factors by channel are mul, div, mul and mul, mul, and 4 operations over all
    // elements: 9.
    // Made: 9 more. The derivative of sqrt and of the square as 1/(2 s) and x + x (2); gamma/s
    // differentiated as a quotient, which forms (sum dy d) k / s beside dgamma (1) and two signs (2); and
    // sum d, which is 0 but for rounding: its way through the mean (4).
    {"batch_norm", 22, 31},
    // Forward: m, d, v, s as above, h = d/s: 9. dbeta = sum dy: 1. dgamma = sum dy h: 2. g = dy gamma: 1.
    // dx = (g - mean g - h mean(g h))/s: 9.
    {"layer_norm", 22, 22},
    // m = max x, e = exp(x - m), s = sum e: 4. dx = e (1/n/s) - (1/n where the label is): div, mul, eq,
    // select, add
    {"cross_entropy", 9, 9},
    // which element is the largest; dy goes there
    {"max_pool", 2, 2},
    // Forward: q k^T, scale, max, sub, exp, sum, div: 7. dv = p^T dy, dp = dy v^T: 2. ds = p (dp - sum(dp
    // p)): 4. scale: 1. dq, dk: 2.
    {"attention", 16, 16},
    // dy is added into zeros
    {"embedding", 1, 1},
    // draw, compare, cast (x 0 is NaN where x is, so the mask must multiply): 3. dy 2 m: 2
    {"dropout", 5, 5},
    // A residual of two dense layers with gelu. Forward to h: dot, add, z/sqrt2, erf, 1 +, z/2, mul: 7.
    // db2, dW2, dh: 3. gelu' = (1 + erf)/2 + (z/2) (c exp(-(z/sqrt2)^2)), by dh: mul, neg, exp, mul, mul,
    // mul, add, mul: 8. db1, dW1, dx and the sum with dy: 4.
    // Made: 2 more. dh enters both terms instead of their sum (1); 1/sqrt2 and 2/sqrt(pi) stay two factors
    // (1).
    {"block", 22, 24},
    // h = tanh(h u + x w), the last h. Forward: 4 and the loop. Backward in the loop: dz = dh (1 - h h), dh
    // = dz u^T: 4 and the loop. dx, dw, du from all dz at once: 3.
    // Made: 4 more. Products are kept, what is made of them element by element is made again (2); dw, du are
    // added
    // up (2).
    {"rnn", 13, 17},
};
enum { N_LAYERS = sizeof layers / sizeof *layers };

static Arena *arena;
static Program *program;

static void setup(void) {
  arena = arena_new();
  program = compile_model("tests/gradients/layers.nn", "", arena);
}
static void teardown(void) { arena_free(arena); }

static bool counts(Op op) {
  return op_kind(op) != KIND_LEAF && op != OP_READ && op != OP_RESHAPE && op != OP_PROJ;
}

static uint32_t operations(const Graph *g) {
  uint32_t n = 0;
  for (NodeId id = 0; id < g->len; id++) {
    n += counts(graph_node(g, id)->op);
    if (graph_node(g, id)->op == OP_SCAN) n += operations(graph_node(g, id)->attr.scan->body);
  }
  return n;
}

static const Function *export_of(const char *layer) {
  const char *name = arena_printf(arena, "%s_by", layer);
  for (uint32_t i = 0; i < program->n_fns; i++)
    if (!strcmp(program->fns[i].name, name)) return &program->fns[i];
  ck_abort_msg("layers.nn has no export %s", name);
  return NULL;
}

START_TEST(a_gradient_takes_as_many_operations_as_the_table_says) {
  const Layer *l = &layers[_i];
  uint32_t made = operations(export_of(l->name)->g);
  ck_assert_msg(made == l->made, "%s: %u operations, not %u; the fewest are %u", l->name, made, l->made,
                l->fewest);
  ck_assert_msg(made >= l->fewest, "%s: fewer than the fewest: the derivation is wrong", l->name);
}
END_TEST

START_TEST(every_export_stands_in_the_table) {
  uint32_t exports = 0;
  for (uint32_t i = 0; i < program->n_fns; i++) exports += program->fns[i].kind == FN_EXPORT;
  ck_assert_uint_eq(exports, N_LAYERS);
}
END_TEST

int main(void) {
  Suite *s = suite_create("node counts");
  TCase *t = tcase_create("node counts");
  tcase_add_unchecked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, a_gradient_takes_as_many_operations_as_the_table_says, 0, N_LAYERS);
  tcase_add_test(t, every_export_stands_in_the_table);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
