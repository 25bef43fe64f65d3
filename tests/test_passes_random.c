// Random graphs, full of what rules look for (neutral constants, double negations, stretches, transposes of
// transposes), through all passes: the interpreter must see no difference, NaN and infinities included. And
// smooth ones, whose gradients are compared with central differences along a random direction.
#include "graph_eval.h"
#include "graph_text.h"
#include "ir/verify.h"
#include "passes/passes.h"

#include <check.h>

enum { GRAPHS = 300, NODES = 40, MAX_POOL = 128 };

static Arena *arena;
static void setup(void) { arena = arena_new(); }
static void teardown(void) { arena_free(arena); }

typedef struct Maker {
  Builder b;
  uint64_t state;
  NodeId pool[MAX_POOL];
  uint32_t n;
  bool smooth;
} Maker;

static uint32_t below(Maker *m, uint32_t n) { return draw(&m->state) % n; }
static const Node *node(const Maker *m, NodeId id) { return graph_node(m->b.g, id); }

static NodeId pick(Maker *m, bool mask) {
  for (;;) {
    NodeId id = m->pool[m->n - 1 - below(m, m->n < 12 || below(m, 4) == 0 ? m->n : 12)];
    if ((node(m, id)->dtype == DT_MASK) == mask) return id;
  }
}

static NodeId number(Maker *m) {
  static const double v[] = {0, 1, -1, 2, -0.5, 3};
  return b_scalar(&m->b, m->b.real, v[below(m, 6)]);
}

static bool fits(const Maker *m, const NodeId *in, uint32_t n) {
  Shape s = {0};
  for (uint32_t i = 0; i < n; i++)
    if (!shape_broadcast(&s, node(m, in[i])->shape, &s, NULL)) return false;
  return s.rank <= 4 && shape_elements(&s, EVAL_N) <= 400;
}

static NodeId smooth_elementwise(Maker *m) {
  static const Op one[] = {OP_NEG, OP_TANH, OP_SIN, OP_SIGMOID};
  static const Op two[] = {OP_ADD, OP_SUB, OP_MUL, OP_MUL};
  NodeId in[3] = {pick(m, false), below(m, 4) ? pick(m, false) : number(m), pick(m, false)};
  NodeId s[3] = {pick(m, true), in[0], in[1]};
  switch (below(m, 5)) {
  case 0: return b_ew1(&m->b, one[below(m, 4)], in[0]);
  case 1: return fits(m, s, 3) ? b_ew(&m->b, OP_SELECT, s, 3) : NO_NODE;
  case 2: return fits(m, in, 3) ? b_ew(&m->b, OP_FMA, in, 3) : NO_NODE;
  default: return fits(m, in, 2) ? b_ew2(&m->b, two[below(m, 4)], in[0], in[1]) : NO_NODE;
  }
}

// Sums don't preserve the sign of a zero, so nothing is divided by one that has a sign.
static NodeId binary(Maker *m, Op op, NodeId x, NodeId y) {
  if (op == OP_DIV && node(m, y)->op != OP_CONST) y = b_ew1(&m->b, OP_ABS, y);
  return b_ew2(&m->b, op, x, y);
}

static NodeId elementwise(Maker *m) {
  if (m->smooth) return smooth_elementwise(m);
  static const Op one[] = {OP_NEG, OP_NEG, OP_ABS, OP_FLOOR, OP_ROUND, OP_EXP, OP_SIGN, OP_TANH};
  static const Op two[] = {OP_ADD, OP_ADD, OP_SUB, OP_SUB, OP_MUL, OP_MUL, OP_DIV, OP_MAX, OP_MIN};
  static const Op compare[] = {OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE};
  NodeId in[3] = {pick(m, false), below(m, 2) ? number(m) : pick(m, false), pick(m, false)};
  if (below(m, 2) && !below(m, 2)) in[1] = in[0];
  switch (below(m, 8)) {
  case 0:
  case 1: return b_ew1(&m->b, one[below(m, 8)], in[0]);
  case 2:
    if (fits(m, in, 3)) return b_ew(&m->b, OP_FMA, in, 3);
    return NO_NODE;
  case 3:
    if (fits(m, in, 2)) return b_ew2(&m->b, compare[below(m, 6)], in[0], in[1]);
    return NO_NODE;
  case 4: {
    NodeId s[3] = {pick(m, true), in[0], in[1]};
    return fits(m, s, 3) ? b_ew(&m->b, OP_SELECT, s, 3) : NO_NODE;
  }
  case 5: {
    NodeId s[2] = {pick(m, true), below(m, 2) ? b_scalar(&m->b, DT_MASK, below(m, 2)) : pick(m, true)};
    if (below(m, 3) == 0) return b_ew1(&m->b, OP_NOT, s[0]);
    return fits(m, s, 2) ? b_ew2(&m->b, below(m, 2) ? OP_AND : OP_OR, s[0], s[1]) : NO_NODE;
  }
  default:
    if (below(m, 2)) { // numbers on the left, too
      NodeId t = in[0];
      in[0] = in[1];
      in[1] = t;
    }
    return fits(m, in, 2) ? binary(m, two[below(m, 9)], in[0], in[1]) : NO_NODE;
  }
}

static void shuffle(Maker *m, uint8_t *perm, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) perm[i] = (uint8_t)i;
  for (uint32_t i = n; i-- > 1;) {
    uint32_t k = below(m, i + 1);
    uint8_t t = perm[i];
    perm[i] = perm[k];
    perm[k] = t;
  }
}

static NodeId stretch(Maker *m, NodeId x) {
  Shape s = *node(m, x)->shape;
  for (uint32_t i = 0; i < s.rank; i++)
    if (dim_is(s.d[i], 1) && below(m, 2)) s.d[i] = below(m, 2) ? (Dim){1, 0} : dim_of(2);
  if (s.rank < 3 && below(m, 2)) {
    for (uint32_t i = s.rank++; i-- > 0;) s.d[i + 1] = s.d[i];
    s.d[0] = dim_of(below(m, 2) + 1);
  }
  return shape_elements(&s, EVAL_N) <= 400 ? b_broadcast(&m->b, x, s) : NO_NODE;
}

static NodeId insert_one(Maker *m, NodeId x) {
  Shape s = *node(m, x)->shape;
  if (s.rank >= 4) return NO_NODE;
  uint32_t at = below(m, s.rank + 1);
  for (uint32_t i = s.rank++; i-- > at;) s.d[i + 1] = s.d[i];
  s.d[at] = dim_of(1);
  return b_reshape(&m->b, x, s);
}

static NodeId cut_or_pad(Maker *m, NodeId x, bool cut) {
  Shape s = *node(m, x)->shape;
  Dim lo[MAX_RANK] = {0}, hi[MAX_RANK] = {0}, start[MAX_RANK] = {0};
  int64_t stride[MAX_RANK], interior[MAX_RANK] = {0};
  for (uint32_t i = 0; i < s.rank; i++) {
    stride[i] = 1;
    lo[i] = dim_of(below(m, 2));
    hi[i] = dim_of(below(m, 2));
    interior[i] = dim_static(s.d[i]) ? below(m, 2) : 0;
    if (!cut || !dim_static(s.d[i]) || s.d[i].b < 2 || below(m, 2)) continue;
    start[i] = dim_of(below(m, 2));
    stride[i] = 1 + below(m, 2);
    s.d[i] = dim_of((s.d[i].b - start[i].b + stride[i] - 1) / stride[i]);
  }
  if (!cut && shape_elements(&s, EVAL_N) > 100) return NO_NODE;
  return cut ? b_slice(&m->b, x, start, s.d, stride)
             : b_pad(&m->b, x, lo, hi, interior, (Scalar){.f = below(m, 2)});
}

static NodeId product(Maker *m) {
  NodeId x = pick(m, false), y = pick(m, false);
  const char *why;
  Shape out;
  if (node(m, x)->shape->rank == 2 && below(m, 2)) y = b_transpose(&m->b, x, (uint8_t[]){1, 0});
  if (!matmul_fits(node(m, x)->shape, node(m, y)->shape, &out, &why)) return NO_NODE;
  return out.rank <= 4 && shape_elements(&out, EVAL_N) <= 400 ? b_matmul(&m->b, x, y) : NO_NODE;
}

static NodeId structural(Maker *m) {
  NodeId x = pick(m, false);
  uint32_t rank = node(m, x)->shape->rank, axes = below(m, 1u << rank);
  uint8_t perm[MAX_RANK];
  switch (below(m, 9)) {
  case 0:
  case 1: shuffle(m, perm, rank); return b_transpose(&m->b, x, perm);
  case 2: return stretch(m, x);
  case 3: return insert_one(m, x);
  case 4: return cut_or_pad(m, x, true);
  case 5: return cut_or_pad(m, x, false);
  case 6: return b_reverse(&m->b, x, axes);
  case 7:
    return b_reduce(&m->b, m->smooth || below(m, 3) ? OP_SUM : below(m, 2) ? OP_RMAX : OP_RMIN, x, axes);
  default: return product(m);
  }
}

enum { N_REAL = 4 }; // inputs to differentiate by: the first ones

static Maker random_nodes(uint64_t seed, DType real, bool smooth) {
  Maker m = {.b = {.g = graph_new(arena, "N", 8), .real = real, .path = ""},
             .state = seed * 77 + 1,
             .smooth = smooth};
  static const char *inputs[] = {"x:f32[N,3]", "y:f32[3]", "z:f32", "v:f32[2,1,3]", "m:mask[3]", "k:mask"};
  TextGraph t = {.b = m.b};
  for (uint32_t i = 0; i < 6; i++) m.pool[m.n++] = text_atom(&t, inputs[i]);
  while (m.n < NODES) {
    NodeId id = below(&m, 3) ? elementwise(&m) : structural(&m);
    if (id != NO_NODE) m.pool[m.n++] = id;
  }
  return m;
}

// A scalar, and its gradients by the real inputs at the end of the pool.
static NodeId add_gradients(Maker *m) {
  NodeId e = pick(m, false), x[N_REAL];
  if (m->smooth) e = b_ew1(&m->b, OP_SIN, e);
  e = b_reduce(&m->b, OP_SUM, e, (1u << node(m, e)->shape->rank) - 1);
  for (uint32_t i = 0; i < N_REAL; i++) x[i] = m->pool[i];
  NodeId d = b_grad(&m->b, e, x, N_REAL);
  for (uint32_t i = 0; i < N_REAL; i++)
    m->pool[m->n++] = b_proj(&m->b, d, i, m->b.real, *node(m, x[i])->shape);
  return e;
}

static Graph *random_graph(uint64_t seed, bool gradient) {
  Maker m = random_nodes(seed, DT_F32, false);
  if (gradient) add_gradients(&m);
  graph_set_roots(m.b.g, m.pool + m.n - 10, 10);
  return m.b.g;
}

static void check_passes(const Graph *g, uint64_t seed) {
  uint32_t n, root;
  int64_t at;
  const PassInfo *passes = pass_table(&n);
  const Graph *before = pass_autodiff(g, arena);
  EvalInputs in = draw_inputs(g, seed % 2, seed, arena);
  for (uint32_t i = 1; i < n; i++) {
    Graph *after = passes[i].run(before, arena);
    StrBuf why = {0};
    ck_assert_msg(graph_verify(after, VERIFY_NO_AD, &why), "seed %d, %s: %s", (int)seed, passes[i].name,
                  sb_text(&why));
    strbuf_free(&why);
    ck_assert_msg(!values_differ(before, after, &in, &root, &at, arena),
                  "seed %d, %s, root %u, element %d\n%s\n%s", (int)seed, passes[i].name, root, (int)at,
                  show(before), show(after));
    before = after;
  }
}

START_TEST(no_pass_changes_a_value) { check_passes(random_graph((uint64_t)_i, false), (uint64_t)_i); }
END_TEST

START_TEST(no_pass_changes_a_gradient) { check_passes(random_graph((uint64_t)_i, true), (uint64_t)_i); }
END_TEST

// e at the inputs moved by eps along `direction`.
static double value_along(const Graph *g, const EvalInputs *in, const EvalInputs *direction, double eps) {
  EvalInputs at = *in;
  for (int k = 0; k < N_REAL; k++) {
    at.value[k] = arena_copy(arena, in->value[k], (size_t)in->count[k] * sizeof(Scalar));
    for (int64_t i = 0; i < in->count[k]; i++) at.value[k][i].f += eps * direction->value[k][i].f;
  }
  return values_of(g, &at, false, arena)[0]->f;
}

START_TEST(a_gradient_is_the_slope_along_any_direction) {
  uint64_t seed = (uint64_t)_i;
  Maker m = random_nodes(seed, DT_F64, true);
  NodeId roots[1 + N_REAL] = {add_gradients(&m)};
  memcpy(roots + 1, m.pool + m.n - N_REAL, N_REAL * sizeof *roots);
  graph_set_roots(m.b.g, roots, 1 + N_REAL);
  Graph *g = pass_autodiff(m.b.g, arena);
  EvalInputs in = draw_inputs(m.b.g, false, seed, arena),
             direction = draw_inputs(m.b.g, false, seed + 5000, arena);
  Scalar **d = values_of(g, &in, false, arena);
  double slope = 0, scale = 1;
  for (int k = 0; k < N_REAL; k++)
    for (int64_t i = 0; i < in.count[k]; i++) {
      slope += d[1 + k][i].f * direction.value[k][i].f;
      scale += fabs(d[1 + k][i].f);
    }
  double numeric = (value_along(g, &in, &direction, 1e-6) - value_along(g, &in, &direction, -1e-6)) / 2e-6;
  ck_assert_msg(fabs(slope - numeric) <= 1e-5 * scale, "seed %d: %.12g, differences give %.12g", _i, slope,
                numeric);
}
END_TEST

int main(void) {
  Suite *s = suite_create("random graphs");
  TCase *t = tcase_create("random graphs");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, no_pass_changes_a_value, 0, GRAPHS);
  tcase_add_loop_test(t, no_pass_changes_a_gradient, 0, GRAPHS);
  tcase_add_loop_test(t, a_gradient_is_the_slope_along_any_direction, 0, GRAPHS);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
