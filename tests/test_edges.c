// First and second derivatives at the edges: zeros of both signs, ties, kinks, infinities, NaN; what
// language.md, "Values at the edges", says, and for the rest the limit of the formula. One row a place; every
// operation on reals that has a derivative has a row at 0, at -0 and at NaN.
#include "ir/build.h"
#include "ir/eval.h"
#include "passes/passes.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#define I INFINITY
#define N NAN
#define C 1.1283791670955126 // 2 / sqrt(pi)

typedef struct Edge {
  Op op;
  double a, b;       // b: of operations of two operands
  double by_a, by_b; // first derivatives
  double aa, ab, bb; // second ones; ab and ba alike
} Edge;

static const Edge edges[] = {
    {OP_NEG, 0, 0, -1, 0, 0, 0, 0},
    {OP_NEG, -0.0, 0, -1, 0, 0, 0, 0},
    {OP_NEG, N, 0, -1, 0, 0, 0, 0},
    {OP_EXP, 0, 0, 1, 0, 1, 0, 0},
    {OP_EXP, -0.0, 0, 1, 0, 1, 0, 0},
    {OP_EXP, -I, 0, 0, 0, 0, 0, 0},
    {OP_EXP, I, 0, I, 0, I, 0, 0},
    {OP_EXP, N, 0, N, 0, N, 0, 0},
    {OP_LOG, 0, 0, I, 0, -I, 0, 0},
    {OP_LOG, -0.0, 0, -I, 0, -I, 0, 0}, // 1 / -0
    {OP_LOG, I, 0, 0, 0, 0, 0, 0},
    {OP_LOG, N, 0, N, 0, N, 0, 0},
    {OP_LOG1P, 0, 0, 1, 0, -1, 0, 0},
    {OP_LOG1P, -0.0, 0, 1, 0, -1, 0, 0},
    {OP_LOG1P, -1, 0, I, 0, -I, 0, 0},
    {OP_LOG1P, N, 0, N, 0, N, 0, 0},
    {OP_EXPM1, 0, 0, 1, 0, 1, 0, 0},
    {OP_EXPM1, -0.0, 0, 1, 0, 1, 0, 0},
    {OP_EXPM1, -I, 0, 0, 0, 0, 0, 0},
    {OP_EXPM1, N, 0, N, 0, N, 0, 0},
    {OP_SQRT, 0, 0, I, 0, -I, 0, 0},
    {OP_SQRT, -0.0, 0, -I, 0, I, 0, 0}, // 1 / (2 sqrt(-0)), and sqrt(-0) is -0
    {OP_SQRT, I, 0, 0, 0, 0, 0, 0},
    {OP_SQRT, N, 0, N, 0, N, 0, 0},
    {OP_TANH, 0, 0, 1, 0, 0, 0, 0},
    {OP_TANH, -0.0, 0, 1, 0, 0, 0, 0},
    {OP_TANH, I, 0, 0, 0, 0, 0, 0},
    {OP_TANH, -I, 0, 0, 0, 0, 0, 0},
    {OP_TANH, N, 0, N, 0, N, 0, 0},
    {OP_SIGMOID, 0, 0, 0.25, 0, 0, 0, 0},
    {OP_SIGMOID, -0.0, 0, 0.25, 0, 0, 0, 0},
    {OP_SIGMOID, I, 0, 0, 0, 0, 0, 0},
    {OP_SIGMOID, -I, 0, 0, 0, 0, 0, 0},
    {OP_SIGMOID, N, 0, N, 0, N, 0, 0},
    {OP_ERF, 0, 0, C, 0, 0, 0, 0},
    {OP_ERF, -0.0, 0, C, 0, 0, 0, 0},
    {OP_ERF, N, 0, N, 0, N, 0, 0},
    {OP_SIN, 0, 0, 1, 0, 0, 0, 0},
    {OP_SIN, -0.0, 0, 1, 0, 0, 0, 0},
    {OP_SIN, I, 0, N, 0, N, 0, 0},
    {OP_SIN, N, 0, N, 0, N, 0, 0},
    {OP_COS, 0, 0, 0, 0, -1, 0, 0},
    {OP_COS, -0.0, 0, 0, 0, -1, 0, 0},
    {OP_COS, I, 0, N, 0, N, 0, 0},
    {OP_COS, N, 0, N, 0, N, 0, 0},
    {OP_ABS, 0, 0, 0, 0, 0, 0, 0},
    {OP_ABS, -0.0, 0, 0, 0, 0, 0, 0},
    {OP_ABS, -I, 0, -1, 0, 0, 0, 0},
    {OP_ABS, N, 0, N, 0, 0, 0, 0},
    {OP_SIGN, 0, 0, 0, 0, 0, 0, 0},
    {OP_SIGN, -0.0, 0, 0, 0, 0, 0, 0},
    {OP_SIGN, N, 0, 0, 0, 0, 0, 0},
    {OP_FLOOR, 0, 0, 0, 0, 0, 0, 0},
    {OP_FLOOR, -0.0, 0, 0, 0, 0, 0, 0},
    {OP_FLOOR, 1, 0, 0, 0, 0, 0, 0},
    {OP_FLOOR, N, 0, 0, 0, 0, 0, 0},
    {OP_ROUND, 0, 0, 0, 0, 0, 0, 0},
    {OP_ROUND, -0.0, 0, 0, 0, 0, 0, 0},
    {OP_ROUND, 0.5, 0, 0, 0, 0, 0, 0},
    {OP_ROUND, N, 0, 0, 0, 0, 0, 0},
    {OP_CAST, 0, 0, 1, 0, 0, 0, 0},
    {OP_CAST, -0.0, 0, 1, 0, 0, 0, 0},
    {OP_CAST, N, 0, 1, 0, 0, 0, 0},
    {OP_ADD, 0, -0.0, 1, 1, 0, 0, 0},
    {OP_ADD, -0.0, I, 1, 1, 0, 0, 0},
    {OP_ADD, N, 1, 1, 1, 0, 0, 0},
    {OP_SUB, 0, 0, 1, -1, 0, 0, 0},
    {OP_SUB, -0.0, 0, 1, -1, 0, 0, 0},
    {OP_SUB, N, 1, 1, -1, 0, 0, 0},
    {OP_MUL, 0, I, I, 0, 0, 1, 0},
    {OP_MUL, -0.0, 3, 3, 0, 0, 1, 0},
    {OP_MUL, N, 3, 3, N, 0, 1, 0},
    {OP_DIV, 1, 0, I, -I, 0, -I, I},
    {OP_DIV, 0, 2, 0.5, 0, 0, -0.25, 0},
    {OP_DIV, -0.0, 2, 0.5, 0, 0, -0.25, 0},
    {OP_DIV, 0, 0, I, N, 0, -I, N},
    {OP_DIV, N, 2, 0.5, N, 0, -0.25, N},
    {OP_FLOORDIV, 7, 2, 0, 0, 0, 0, 0},
    {OP_FLOORDIV, 0, 2, 0, 0, 0, 0, 0},
    {OP_FLOORDIV, -0.0, 2, 0, 0, 0, 0, 0},
    {OP_FLOORDIV, N, 2, 0, 0, 0, 0, 0},
    {OP_MOD, 7, 2, 1, -3, 0, 0, 0},
    {OP_MOD, -7, 2, 1, 4, 0, 0, 0},
    {OP_MOD, 0, 2, 1, 0, 0, 0, 0},
    {OP_MOD, -0.0, 2, 1, 0, 0, 0, 0},
    {OP_MOD, N, 2, 1, N, 0, 0, 0},
    {OP_POW, 0, 2, 0, 0, 2, 0, 0}, // by b at a = 0: 0, and so whatever is by b
    {OP_POW, -0.0, 2, 0, 0, 2, 0, 0},
    {OP_POW, 0, 3.5, 0, 0, 0, 0, 0},
    {OP_POW, -2, 3, 12, N, -12, N, N}, // log(-2)
    {OP_POW, 1, 0, 0, 0, 0, 1, 0},
    {OP_POW, N, 2, N, N, 2, N, N}, // NaN ** 0 is 1
    {OP_MAX, 2, 2, 0.5, 0.5, 0, 0, 0},
    {OP_MAX, 0, -0.0, 0.5, 0.5, 0, 0, 0},
    {OP_MAX, -0.0, 0, 0.5, 0.5, 0, 0, 0},
    {OP_MAX, 2, 3, 0, 1, 0, 0, 0},
    {OP_MAX, I, I, 0.5, 0.5, 0, 0, 0},
    {OP_MAX, N, 2, 0, 0, 0, 0, 0}, // NaN is neither above nor equal
    {OP_MIN, 2, 2, 0.5, 0.5, 0, 0, 0},
    {OP_MIN, 0, -0.0, 0.5, 0.5, 0, 0, 0},
    {OP_MIN, -0.0, 0, 0.5, 0.5, 0, 0, 0},
    {OP_MIN, 2, 3, 1, 0, 0, 0, 0},
    {OP_MIN, N, 2, 0, 0, 0, 0, 0},
    {OP_FMA, 0, I, I, 0, 0, 1, 0}, // a b + 1
    {OP_FMA, -0.0, 3, 3, 0, 0, 1, 0},
    {OP_FMA, N, 3, 3, N, 0, 1, 0},
    {OP_SELECT, 0, 3, 1, 0, 0, 0, 0}, // of true, a, b
    {OP_SELECT, -0.0, I, 1, 0, 0, 0, 0},
    {OP_SELECT, N, 3, 1, 0, 0, 0, 0},
    {OP_RMAX, 2, 2, 0.5, 0.5, 0, 0, 0}, // of the three numbers a, b, -9
    {OP_RMAX, 0, -0.0, 0.5, 0.5, 0, 0, 0},
    {OP_RMAX, 2, 3, 0, 1, 0, 0, 0},
    {OP_RMAX, -9, -9, 1.0 / 3, 1.0 / 3, 0, 0, 0},
    {OP_RMIN, -9, 2, 0.5, 0, 0, 0, 0},
    {OP_RMIN, -10, -10, 0.5, 0.5, 0, 0, 0},
    {OP_SUM, 0, -0.0, 1, 1, 0, 0, 0},
    {OP_SUM, N, I, 1, 1, 0, 0, 0},
};
enum { N_EDGES = sizeof edges / sizeof *edges };

static Arena *arena;
static void setup(void) { arena = arena_new(); }
static void teardown(void) { arena_free(arena); }

static bool of_one(Op op) { return op_is_scalar(op) && op_arity(op) == 1; }

static NodeId operation(Builder *b, Op op, const NodeId *x) {
  if (op == OP_CAST) return b_cast(b, b_cast(b, x[0], DT_F32), DT_F64);
  if (op == OP_FMA) return b_ew3(b, op, x[0], x[1], b_scalar(b, DT_F64, 1));
  if (op == OP_SELECT)
    return b_ew3(b, op, b_ew2(b, OP_EQ, b_scalar(b, DT_F64, 1), b_scalar(b, DT_F64, 1)), x[0], x[1]);
  if (op_is_scalar(op)) return b_ew(b, op, x, (uint32_t)op_arity(op));
  Shape one = {1, {{0, 1}}};
  NodeId in[3] = {x[0], x[1], b_scalar(b, DT_F64, -9)};
  for (int i = 0; i < 3; i++) in[i] = b_reshape(b, in[i], one);
  return b_reduce(b, op, b_concat(b, in, 3, 0), 1);
}

static bool same(double x, double y) { return x == y || (isnan(x) && isnan(y)) || fabs(x - y) < 1e-15; }

// Of op(a, b): by a, by b; then the first by a, by b; the second by a, by b.
static void derivatives(const Edge *e, double out[6]) {
  Graph *g = graph_new(arena, NULL, 0);
  Builder b = {.g = g, .real = DT_F64, .path = ""};
  NodeId x[2], first[2], roots[6];
  for (uint32_t i = 0; i < 2; i++) x[i] = b_input(&b, IN_ARG, i, "x", DT_F64, (Shape){0});
  NodeId d = b_grad(&b, operation(&b, e->op, x), x, 2);
  for (uint32_t i = 0; i < 2; i++) roots[i] = first[i] = b_proj(&b, d, i, DT_F64, (Shape){0});
  for (uint32_t k = 0; k < 2; k++) {
    NodeId dd = b_grad(&b, first[k], x, 2);
    for (uint32_t i = 0; i < 2; i++) roots[2 + 2 * k + i] = b_proj(&b, dd, i, DT_F64, (Shape){0});
  }
  graph_set_roots(g, roots, 6);
  Scalar at[2] = {{.f = e->a}, {.f = e->b}}, *value[6];
  const Scalar *inputs[2] = {&at[0], &at[1]};
  ck_assert(eval_graph(pass_autodiff(g, arena), &(EvalEnv){.n = 1}, inputs, value, arena));
  for (int i = 0; i < 6; i++) out[i] = value[i]->f;
}

START_TEST(derivatives_at_the_edges_are_those_of_the_table) {
  const Edge *e = &edges[_i];
  static const char *const names[] = {"by a", "by b", "by a and a", "by a and b", "by b and a", "by b and b"};
  const double want[] = {e->by_a, e->by_b, e->aa, e->ab, e->ab, e->bb};
  double got[6];
  derivatives(e, got);
  for (int i = 0; i < 6; i++)
    ck_assert_msg(same(got[i], want[i]), "%s at (%g, %g), %s: %.17g, not %.17g", op_name(e->op), e->a, e->b,
                  names[i], got[i], want[i]);
}
END_TEST

START_TEST(every_operation_on_reals_has_its_edges) {
  Op op = (Op)_i;
  bool zero = false, minus = false, nan = false;
  if (!op_is_scalar(op) || !op_differentiable(op)) return;
  for (int i = 0; i < N_EDGES; i++) {
    if (edges[i].op != op) continue;
    zero |= edges[i].a == 0 && !signbit(edges[i].a);
    minus |= edges[i].a == 0 && signbit(edges[i].a);
    nan |= isnan(edges[i].a);
    if (of_one(op)) ck_assert(edges[i].by_b == 0 && edges[i].ab == 0 && edges[i].bb == 0);
  }
  ck_assert_msg(zero && minus && nan, "%s has no row at 0, at -0 or at NaN", op_name(op));
}
END_TEST

int main(void) {
  Suite *s = suite_create("edges");
  TCase *t = tcase_create("edges");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, derivatives_at_the_edges_are_those_of_the_table, 0, N_EDGES);
  tcase_add_loop_test(t, every_operation_on_reals_has_its_edges, 0, OP_COUNT);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
