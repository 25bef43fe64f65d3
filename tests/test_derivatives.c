// First and second derivatives of every row of ops.def that has one, by construction: the row's operation on
// random inputs of its DOMAIN (structural rows: on the shapes and attributes of reference/ops.txt), weighted
// and summed to a scalar, differentiated by the pass, compared with central differences of the interpreter in
// f64 (eps 1e-5, tolerance 1e-5 (1 + |numeric|)). At the edges: test_edges.
#include "coverage.h"
#include "ir/eval.h"
#include "ir/verify.h"
#include "ops_table.h"
#include "passes/passes.h"

#include <check.h>
#include <inttypes.h>
#include <math.h>

static Arena *arena;
static OpTable table;

static void setup(void) {
  arena = arena_new();
  table = read_ops_table(arena);
}
static void teardown(void) { arena_free(arena); }

// ---- where inputs are drawn

typedef enum Domain { REAL, POSITIVE, UNIT, NONZERO, ABOVE_M1, APART, BASE, DOMINANT, ANY, NO_VALUE } Domain;

static const Domain domains[OP_COUNT] = {
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN) DOMAIN,
#include "ir/ops.def"
#undef OP
};

typedef struct Dice {
  uint64_t state;
} Dice;

static double uniform(Dice *d, double low, double high) {
  d->state = d->state * 6364136223846793005u + 1442695040888963407u;
  return low + (high - low) * (double)(d->state >> 11) * 0x1p-53;
}

static double away_from_zero(Dice *d) {
  double v = uniform(d, 0.3, 2);
  return uniform(d, 0, 1) < 0.5 ? -v : v;
}

static double draw(Dice *d, Domain domain, uint32_t operand) {
  switch (domain) {
  case POSITIVE: return uniform(d, 0.3, 2);
  case UNIT: return uniform(d, -0.9, 0.9);
  case NONZERO: return away_from_zero(d);
  case ABOVE_M1: return uniform(d, -0.6, 2);
  case APART: return away_from_zero(d);
  case BASE: return operand == 0 ? uniform(d, 0.3, 2) : uniform(d, -2, 2);
  default: return uniform(d, -2, 2);
  }
}

static bool near_multiple(double v, double of) { return fabs(v / of - round(v / of)) * of < 0.03; }

// No ties within or between the inputs, no halves or whole numbers, no whole quotients: every kink of the
// APART rows is more than eps away.
static bool apart(const OpTensor *x, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    for (int64_t k = 0; k < x[i].n; k++) {
      if (near_multiple(x[i].v[k].f, 0.5)) return false;
      for (uint32_t j = 0; j <= i; j++)
        for (int64_t l = 0; l < (j == i ? k : x[j].n); l++) {
          double a = x[j].v[l].f, b = x[i].v[k].f;
          if (fabs(a - b) < 1e-3 || (j != i && fabs(a / b - round(a / b)) < 0.01)) return false;
        }
    }
  return true;
}

static bool varies(const OpTensor *x) { return dtype_is_real(x->t); }

// Adds to the diagonals of the matrices more than the rest of a row can sum to.
static void outweigh(OpTensor *x) {
  int64_t n = x->s.d[x->s.rank - 1].b;
  for (int64_t k = 0; k < x->n; k++)
    if (k / n % n == k % n) x->v[k].f += 2.0 * (double)n + 1;
}

static void draw_inputs(Dice *d, const OpCase *c, OpTensor *x) {
  do {
    for (uint32_t i = 0; i < c->n_in; i++) {
      x[i] = c->in[i];
      x[i].v = arena_copy(arena, c->in[i].v, (size_t)c->in[i].n * sizeof(Scalar));
      for (int64_t k = 0; k < x[i].n && varies(&x[i]); k++) x[i].v[k].f = draw(d, domains[c->op], i);
      if (domains[c->op] == DOMINANT && i == 0) outweigh(&x[i]);
    }
  } while (domains[c->op] == APART && op_is_scalar(c->op) &&
           !apart(x + (c->op == OP_SELECT), c->n_in - (c->op == OP_SELECT)));
}

// ---- the graphs

// sum(x * w) with constant weights drawn from d.
static NodeId weighted(Builder *b, Dice *d, NodeId x) {
  const Node *n = graph_node(b->g, x);
  OpTensor w = {.t = n->dtype, .s = *n->shape, .n = shape_elements(n->shape, 1)};
  uint32_t axes = (1u << n->shape->rank) - 1;
  w.v = ARENA_ARRAY(arena, (size_t)w.n, Scalar);
  for (int64_t i = 0; i < w.n; i++) w.v[i].f = uniform(d, 0.5, 1.5);
  return b_reduce(b, OP_SUM, b_ew2(b, OP_MUL, x, case_constant(b, &w)), axes);
}

// order 0: e = sum(op(x) w). order 1: e's gradients, one root for each real input; if `summed` their
// weighted sum h. order 2: the gradients of h. The dice start again, so e and h are the same for each order.
static Graph *graph_for(const OpCase *c, const OpTensor *x, int order, bool summed) {
  Dice d = {99};
  Graph *g = graph_new(arena, NULL, 0);
  Builder b = {.g = g, .real = DT_F64, .path = ""};
  NodeId in[3], wanted[3], roots[3], e;
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->n_in; i++) {
    in[i] = b_input(&b, IN_ARG, i, "x", x[i].t, x[i].s);
    if (varies(&x[i])) wanted[n++] = in[i];
  }
  e = weighted(&b, &d, case_node(&b, c, in));
  for (int k = 0; k < order; k++) {
    NodeId grad = b_grad(&b, e, wanted, n);
    for (uint32_t i = 0; i < n; i++)
      roots[i] = b_proj(&b, grad, i, graph_node(g, wanted[i])->dtype, *graph_node(g, wanted[i])->shape);
    if (k + 1 == order && !summed) break;
    e = weighted(&b, &d, roots[0]);
    for (uint32_t i = 1; i < n; i++)
      e = b_ew2(&b, OP_ADD, e, b_cast(&b, weighted(&b, &d, roots[i]), graph_node(g, e)->dtype));
  }
  if (order && !summed)
    graph_set_roots(g, roots, n);
  else
    graph_set_roots(g, &e, 1);
  StrBuf why = {0};
  ck_assert_msg(graph_verify(g, VERIFY_ANY, &why), "%s: %s", op_name(c->op), sb_text(&why));
  Graph *expanded = pass_autodiff(g, arena);
  ck_assert_msg(graph_verify(expanded, VERIFY_NO_AD, &why), "%s: %s", op_name(c->op), sb_text(&why));
  return expanded;
}

static void evaluate(const Graph *g, const OpTensor *x, Scalar **roots) {
  const Scalar *inputs[3] = {x[0].v, x[1].v, x[2].v};
  ck_assert(eval_graph(g, &(EvalEnv){.n = 1}, inputs, roots, arena));
}

static double central_difference(const Graph *e, OpTensor *x, Scalar *at) {
  const double eps = 1e-5, old = at->f;
  Scalar *above, *below;
  at->f = old + eps;
  evaluate(e, x, &above);
  at->f = old - eps;
  evaluate(e, x, &below);
  at->f = old;
  return (above->f - below->f) / (2 * eps);
}

// The roots of `gradient` against differences of the scalar `e`.
static void compare(const OpCase *c, const Graph *e, const Graph *gradient, OpTensor *x, const char *order) {
  Scalar *g[3];
  evaluate(gradient, x, g);
  for (uint32_t i = 0, k = 0; i < c->n_in; i++) {
    if (!varies(&x[i])) continue;
    for (int64_t j = 0; j < x[i].n; j++) {
      double numeric = central_difference(e, x, &x[i].v[j]);
      ck_assert_msg(fabs(g[k][j].f - numeric) <= 1e-5 * (1 + fabs(numeric)),
                    "%s (ops.txt:%d): %s derivative by input %" PRIu32 ", element %" PRId64
                    ": %.10g, numerically %.10g",
                    op_name(c->op), c->line, order, i, j, g[k][j].f, numeric);
    }
    k++;
  }
}

static void check_case(const OpCase *c) {
  Dice d = {(uint64_t)c->line + 7};
  OpTensor x[3] = {{0}};
  draw_inputs(&d, c, x);
  compare(c, graph_for(c, x, 0, true), graph_for(c, x, 1, false), x, "first");
  compare(c, graph_for(c, x, 1, true), graph_for(c, x, 2, false), x, "second");
}

// ---- which cases

static OpTensor zeros(DType t, Shape s) {
  int64_t n = shape_elements(&s, 1);
  return (OpTensor){.t = t, .s = s, .v = ARENA_ARRAY(arena, (size_t)n, Scalar), .n = n};
}

// An elementwise row on shapes that stretch: [2, 3], [3], [2, 1].
static void check_scalar_row(Op op) {
  const Shape shapes[] = {{2, {{0, 2}, {0, 3}}}, {1, {{0, 3}}}, {2, {{0, 2}, {0, 1}}}};
  OpCase c = {.op = op, .n_in = (uint32_t)op_arity(op), .out = {.t = DT_F64}};
  for (uint32_t i = 0; i < c.n_in; i++)
    c.in[i] = zeros(op == OP_SELECT && i == 0 ? DT_MASK : DT_F64, shapes[i]);
  if (op == OP_SELECT) c.in[0].v[1].i = c.in[0].v[3].i = 1;
  if (op == OP_CAST) c.out.t = DT_F32; // cast to its own type makes no node
  for (c.line = 0; c.line < 3; c.line++) check_case(&c);
}

static bool has_derivative(Op op) {
  return op_differentiable(op) && op_kind(op) != KIND_AD && op != OP_SCAN;
} // test_gradients

START_TEST(derivatives_agree_with_central_differences) {
  Op op = (Op)_i;
  if (!has_derivative(op)) return;
  if (op_is_scalar(op)) {
    check_scalar_row(op);
    return;
  }
  bool any = false;
  for (size_t i = 0; i < table.cases.len; i++) {
    const OpCase *c = &table.cases.data[i];
    if (c->op != op || c->out.t != DT_F64) continue;
    check_case(c);
    any = true;
  }
  ck_assert_msg(any, "%s has a derivative and no case of type f64 in reference/ops.txt", op_name(op));
}
END_TEST

// d/dx (x^3) = 3 x^2 by GRAD and PROJ, the two rows that have no value of their own.
START_TEST(grad_and_proj_give_the_derivative_of_a_cube) {
  Graph *g = graph_new(arena, NULL, 0);
  Builder b = {.g = g, .real = DT_F64, .path = ""};
  NodeId x = b_input(&b, IN_ARG, 0, "x", DT_F64, (Shape){0});
  NodeId y = b_ew2(&b, OP_MUL, x, b_ew2(&b, OP_MUL, x, x));
  NodeId root = b_proj(&b, b_grad(&b, y, &x, 1), 0, DT_F64, (Shape){0});
  graph_set_roots(g, &root, 1);
  Scalar at = {.f = 3}, *value;
  OpTensor in[3] = {{.v = &at}};
  evaluate(pass_autodiff(g, arena), in, &value);
  ck_assert_double_eq(value->f, 27);
  covered("op", op_name(OP_GRAD));
  covered("op", op_name(OP_PROJ));
}
END_TEST

int main(void) {
  Suite *s = suite_create("derivatives");
  TCase *t = tcase_create("derivatives");
  tcase_add_unchecked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, derivatives_agree_with_central_differences, 0, OP_COUNT);
  tcase_add_test(t, grad_and_proj_give_the_derivative_of_a_cube);
  tcase_set_timeout(t, 120);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
