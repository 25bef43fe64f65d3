// Random graphs of every kind of node through codegen, against the interpreter. Values stay near 1 and
// nothing jumps, so a difference is a mistake in fusion, indices or order, not rounding. Each program holds
// many graphs.
#include "tests/emitted.h"

#include "codegen/fuse.h"
#include "codegen/memplan.h"
#include "ir/shape_rules.h"

#include <check.h>

enum { PROGRAMS = 3, GRAPHS = 40, NODES = 26, LARGEST = 600, BOUND = 21 };

typedef struct Maker {
  Builder b;
  uint64_t state;
  NodeId pool[128];
  uint32_t n, n_inputs;
} Maker;

static uint32_t below(Maker *m, uint32_t n) {
  m->state = m->state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(m->state >> 33) % n;
}

static const Node *node(const Maker *m, NodeId v) { return graph_node(m->b.g, v); }
static Shape shape_of(const Maker *m, NodeId v) { return *node(m, v)->shape; }

static Dim some_dim(Maker *m) {
  static const Dim dims[] = {{0, 1}, {0, 2}, {0, 3}, {0, 5}, {0, 17}, {1, 0}, {1, 0}, {1, 1}};
  return dims[below(m, 8)];
}

static bool small(const Maker *m, const Shape *s) {
  (void)m;
  return s->rank <= 4 && shape_elements(s, 5) <= LARGEST;
}

static NodeId keep(Maker *m, NodeId v) {
  if (v != NO_NODE && m->n < 128) m->pool[m->n++] = v;
  return v;
}

static NodeId new_input(Maker *m, DType t) {
  Shape s = {.rank = below(m, 4)};
  do
    for (uint32_t i = 0; i < s.rank; i++) s.d[i] = some_dim(m);
  while (!small(m, &s));
  uint32_t k = m->n_inputs++;
  return b_input(&m->b, IN_ARG, k, arena_printf(m->b.g->arena, "x%u", k), t, s);
}

static NodeId pick(Maker *m) {
  return m->pool[below(m, 3) ? m->n - 1 - below(m, m->n < 6 ? m->n : 6) : below(m, m->n)];
}

static NodeId pick_rank(Maker *m, uint32_t least) {
  for (int tries = 0; tries < 20; tries++) {
    NodeId v = pick(m);
    if (shape_of(m, v).rank >= least) return v;
  }
  return NO_NODE;
}

static bool fit(const Maker *m, NodeId x, NodeId y) {
  Shape a = shape_of(m, x), b = shape_of(m, y), s;
  return shape_broadcast(&a, &b, &s, NULL) && small(m, &s);
}

static NodeId elementwise(Maker *m) {
  static const Op one[] = {OP_TANH, OP_SIN, OP_SIGMOID, OP_NEG, OP_COS};
  NodeId x = pick(m), y = below(m, 4) ? pick(m) : b_scalar(&m->b, DT_F64, 0.5);
  if (below(m, 3) == 0) return b_ew1(&m->b, one[below(m, 5)], x);
  if (!fit(m, x, y)) return NO_NODE;
  NodeId r = b_ew2(&m->b, below(m, 2) ? OP_MUL : OP_ADD, x, y);
  return below(m, 2) ? r : b_ew1(&m->b, OP_TANH, r);
}

static NodeId draws(Maker *m) {
  Shape s = shape_of(m, pick(m));
  NodeId r = b_rand(&m->b, OP_RAND, DT_F64, s, 100 + m->n);
  if (below(m, 2)) return r;
  NodeId mask = b_ew2(&m->b, OP_LT, r, b_scalar(&m->b, DT_F64, 0.5)), x = pick(m);
  return fit(m, mask, x) ? b_ew3(&m->b, OP_SELECT, mask, x, b_scalar(&m->b, DT_F64, 0)) : NO_NODE;
}

// A correlation by an input as its kernel; of a matrix or, sometimes, of more axes with one channel.
static NodeId correlated(Maker *m) {
  NodeId x = pick_rank(m, 2);
  if (x == NO_NODE) return NO_NODE;
  Shape s = shape_of(m, x);
  if (s.rank == 2 || (s.rank == 3 && below(m, 2))) {
    for (uint32_t i = s.rank++; i > 1; i--) s.d[i] = s.d[i - 1];
    s.d[1] = dim_of(1);
    x = b_reshape(&m->b, x, s);
  }
  Shape w = {.rank = s.rank}, out = s;
  ConvAttr c = {.groups = 1 + below(m, 3)};
  if (!dim_static(s.d[1]) || s.d[1].b % c.groups) return NO_NODE;
  w.d[0] = dim_of(c.groups * (1 + below(m, 3)));
  w.d[1] = dim_of(s.d[1].b / c.groups);
  out.d[1] = w.d[0];
  for (uint32_t i = 0; i + 2 < s.rank; i++) {
    w.d[i + 2] = dim_of(1 + below(m, 3));
    c.stride[i] = 1 + below(m, 2);
    c.lhs_dilation[i] = 1 + below(m, 2);
    c.rhs_dilation[i] = 1 + below(m, 2);
    c.lo[i] = (int64_t)below(m, 4) - 1;
    c.hi[i] = (int64_t)below(m, 4) - 1;
    if (conv_size(m->b.g, s.d[i + 2], w.d[i + 2], &c, i, &out.d[i + 2])) return NO_NODE;
  }
  if (!small(m, &out) || !small(m, &w)) return NO_NODE;
  uint32_t k = m->n_inputs++;
  NodeId kernel = b_input(&m->b, IN_ARG, k, arena_printf(m->b.g->arena, "x%u", k), DT_F64, w);
  return b_ew1(&m->b, OP_TANH, b_conv(&m->b, x, kernel, &c));
}

// Sums of windows, their maxima, or the transposes of both.
static NodeId windowed(Maker *m) {
  NodeId x = pick_rank(m, 1);
  if (x == NO_NODE || !dtype_is_real(node(m, x)->dtype)) return NO_NODE;
  Shape s = shape_of(m, x);
  WindowAttr w = {.lo = {0}};
  for (uint32_t i = 0; i < s.rank; i++) {
    Dim out;
    w.window[i] = 1 + below(m, 3);
    w.stride[i] = 1 + below(m, 3);
    w.lo[i] = below(m, (uint32_t)w.window[i]);
    w.hi[i] = below(m, (uint32_t)w.window[i]);
    if (window_count(m->b.g, s.d[i], &w, i, &out)) return NO_NODE;
  }
  uint32_t what = below(m, 4);
  NodeId sums = b_window(&m->b, OP_BOX, &x, 1, &w);
  if (what == 0) return b_ew1(&m->b, OP_TANH, sums);
  if (what == 1) return b_ew1(&m->b, OP_SIN, b_unwindow(&m->b, OP_DEBOX, &sums, 1, &w, s));
  NodeId in[2] = {x, b_window(&m->b, OP_ARGWINDOW, &x, 1, &w)};
  NodeId most = b_window(&m->b, OP_SAMPLE, in, 2, &w);
  if (what == 2) return most;
  in[0] = most;
  return b_ew1(&m->b, OP_SIN, b_unwindow(&m->b, OP_DESAMPLE, in, 2, &w, s));
}

static NodeId reshaped(Maker *m) {
  NodeId x = pick(m);
  Shape s = shape_of(m, x), r = {0};
  if (below(m, 3) == 0 && s.rank < 4) { // a 1 more
    uint32_t at = below(m, s.rank + 1);
    for (uint32_t i = 0; i <= s.rank; i++) r.d[i] = i < at ? s.d[i] : i == at ? dim_of(1) : s.d[i - 1];
    r.rank = s.rank + 1;
    return b_reshape(&m->b, x, r);
  }
  if (s.rank < 2) return NO_NODE;
  if (below(m, 2)) { // the sizes in another order: indices need divisions
    for (uint32_t i = 0; i < s.rank; i++) r.d[i] = s.d[s.rank - 1 - i];
    r.rank = s.rank;
    return b_reshape(&m->b, x, r);
  }
  uint32_t at = below(m, s.rank - 1);
  Dim product;
  if (!dim_mul(s.d[at], s.d[at + 1], &product)) return NO_NODE;
  for (uint32_t i = 0; i + 1 < s.rank; i++) r.d[i] = i < at ? s.d[i] : i == at ? product : s.d[i + 1];
  r.rank = s.rank - 1;
  return b_reshape(&m->b, x, r);
}

static NodeId viewed(Maker *m) {
  NodeId x = pick_rank(m, 1);
  if (x == NO_NODE) return NO_NODE;
  Shape s = shape_of(m, x);
  uint8_t perm[MAX_RANK];
  Dim start[MAX_RANK] = {0}, size[MAX_RANK], hi[MAX_RANK] = {0};
  int64_t stride[MAX_RANK], interior[MAX_RANK] = {0};
  uint32_t turn = below(m, s.rank), axis = below(m, s.rank);
  for (uint32_t i = 0; i < s.rank; i++)
    perm[i] = (uint8_t)((i + turn) % s.rank), size[i] = s.d[i], stride[i] = 1;
  bool fixed = dim_static(s.d[axis]) && s.d[axis].b > 1;
  switch (below(m, 4)) {
  case 0: return b_transpose(&m->b, x, perm);
  case 1: return b_reverse(&m->b, x, 1u << axis);
  case 2:
    if (!fixed) return NO_NODE;
    start[axis] = dim_of(below(m, 2));
    stride[axis] = 1 + below(m, 2);
    size[axis] = dim_of((s.d[axis].b - start[axis].b + stride[axis] - 1) / stride[axis]);
    return b_slice(&m->b, x, start, size, stride);
  default:
    start[axis] = dim_of(fixed ? (int64_t)below(m, 3) - 1 : below(m, 2));
    hi[axis] = dim_of(below(m, 2));
    interior[axis] = fixed ? below(m, 3) : 0;
    return b_pad(&m->b, x, start, hi, interior, (Scalar){.f = 0.25});
  }
}

static NodeId reduced(Maker *m) {
  NodeId x = pick_rank(m, 1);
  if (x == NO_NODE) return NO_NODE;
  uint32_t rank = shape_of(m, x).rank, axes = 1 + below(m, (1u << rank) - 1);
  static const Op ops[] = {OP_SUM, OP_SUM, OP_RMAX, OP_RMIN};
  NodeId r = b_reduce(&m->b, ops[below(m, 4)], x, axes);
  r = b_ew1(&m->b, OP_TANH, b_ew2(&m->b, OP_MUL, r, b_scalar(&m->b, DT_F64, 0.125)));
  if (below(m, 2)) return r;
  Shape keep_axes = shape_of(m, x); // back in place, as a norm or softmax has it
  for (uint32_t i = 0; i < rank; i++)
    if (axes >> i & 1) keep_axes.d[i] = dim_of(1);
  r = b_reshape(&m->b, r, keep_axes);
  return fit(m, x, r) ? b_ew2(&m->b, OP_SUB, x, r) : r;
}

static NodeId product(Maker *m) {
  NodeId x = pick_rank(m, 1), y = pick_rank(m, 1);
  if (x == NO_NODE || y == NO_NODE) return NO_NODE;
  Shape a = shape_of(m, x), b = shape_of(m, y);
  Attr at = {0};
  for (uint32_t i = 0; i < a.rank; i++)
    for (uint32_t j = 0; j < b.rank; j++) {
      bool used = false;
      for (uint32_t k = 0; k < at.dot.nc; k++) used |= at.dot.lc[k] == i || at.dot.rc[k] == j;
      for (uint32_t k = 0; k < at.dot.nb; k++) used |= at.dot.lb[k] == i || at.dot.rb[k] == j;
      if (used || !dim_eq(a.d[i], b.d[j]) || below(m, 3) == 0) continue;
      if (below(m, 3))
        at.dot.lc[at.dot.nc] = (uint8_t)i, at.dot.rc[at.dot.nc++] = (uint8_t)j;
      else
        at.dot.lb[at.dot.nb] = (uint8_t)i, at.dot.rb[at.dot.nb++] = (uint8_t)j;
    }
  Shape s = {.rank = a.rank + b.rank - at.dot.nb - 2u * at.dot.nc};
  if (s.rank > 4) return NO_NODE;
  NodeId r = b_dot(&m->b, x, y, &at);
  s = shape_of(m, r);
  if (!small(m, &s)) return NO_NODE;
  return b_ew1(&m->b, OP_TANH, b_ew2(&m->b, OP_MUL, r, b_scalar(&m->b, DT_F64, 0.25)));
}

static NodeId indexed(Maker *m) {
  NodeId x = pick_rank(m, 1);
  if (x == NO_NODE) return NO_NODE;
  Shape s = shape_of(m, x), is = {0};
  uint32_t axis = below(m, s.rank), batch = below(m, axis + 1);
  for (uint32_t i = 0; i < batch; i++) is.d[is.rank++] = s.d[i];
  if (below(m, 2)) is.d[is.rank++] = below(m, 2) ? dim_of(3) : (Dim){1, 0};
  if (dim_static(s.d[axis]) && s.d[axis].b < 4) return NO_NODE; // drawn indices are 0 .. 3
  if (!dim_static(s.d[axis])) return NO_NODE;
  NodeId i = b_input(&m->b, IN_ARG, m->n_inputs, arena_printf(m->b.g->arena, "i%u", m->n_inputs), DT_I32, is);
  m->n_inputs++;
  NodeId u = b_gather(&m->b, x, i, axis, batch);
  Shape us = shape_of(m, u);
  if (!small(m, &us)) return NO_NODE;
  if (below(m, 2)) return u;
  NodeId added = b_scatter_add(&m->b, below(m, 2) ? x : b_splat(&m->b, DT_F64, s, (Scalar){0}), i,
                               b_ew1(&m->b, OP_SIN, u), axis, batch);
  return b_ew1(&m->b, OP_TANH, added);
}

// The operations on whole rows: running sums, ranks, factors of x x^T + 1, systems.
static NodeId by_rows(Maker *m) {
  Builder *b = &m->b;
  NodeId x = pick_rank(m, 1);
  if (x == NO_NODE || !dtype_is_real(node(m, x)->dtype)) return NO_NODE;
  Shape s = shape_of(m, x), square = s;
  uint32_t axis = below(m, s.rank);
  if (below(m, 3) == 0) return b_ew1(b, OP_SIN, b_along(b, OP_CUMSUM, x, axis));
  if (s.rank < 2 || below(m, 3) == 0) {
    NodeId rank = b_along(b, OP_ARGSORT, b_ew1(b, OP_SIN, x), axis);
    return b_ew1(b, OP_SIN, b_cast(b, rank, DT_F64));
  }
  square.d[s.rank - 1] = s.d[s.rank - 2];
  if (!small(m, &square)) return NO_NODE;
  uint8_t perm[MAX_RANK];
  for (uint32_t i = 0; i < s.rank; i++) perm[i] = (uint8_t)i;
  perm[s.rank - 1] = (uint8_t)(s.rank - 2);
  perm[s.rank - 2] = (uint8_t)(s.rank - 1);
  Shape row = {2, {square.d[s.rank - 1], dim_of(1)}}, column = {1, {square.d[s.rank - 1]}};
  NodeId on = b_ew2(b, OP_EQ, b_iota(b, DT_I32, row, 0), b_iota(b, DT_I32, column, 0));
  NodeId y = b_ew2(b, OP_ADD, b_matmul(b, x, b_transpose(b, x, perm)), b_cast(b, on, DT_F64));
  NodeId l = b_cholesky(b, y);
  if (below(m, 2)) return b_ew1(b, OP_TANH, l);
  bool upper = below(m, 2);
  return b_ew1(b, OP_TANH, b_triangular_solve(b, upper ? b_transpose(b, l, perm) : l, x, upper));
}

static NodeId joined(Maker *m) {
  NodeId x = pick_rank(m, 1);
  if (x == NO_NODE) return NO_NODE;
  Shape s = shape_of(m, x);
  uint32_t axis = below(m, s.rank);
  NodeId in[3] = {x, b_ew1(&m->b, OP_SIN, x), x};
  Dim whole;
  if (!dim_mul(s.d[axis], dim_of(3), &whole)) return NO_NODE;
  return b_concat(&m->b, in, 2 + below(m, 2), axis);
}

static NodeId something(Maker *m) {
  static NodeId (*const makers[])(Maker *) = {elementwise, elementwise, elementwise, reshaped, viewed,
                                              reduced,     product,     indexed,     joined,   draws,
                                              correlated,  windowed,    by_rows};
  NodeId v = makers[below(m, 13)](m);
  if (v == NO_NODE) return NO_NODE;
  Shape s = shape_of(m, v);
  return small(m, &s) ? v : NO_NODE;
}

static Graph *random_graph(uint64_t seed, Arena *a) {
  Maker m = {.b = {.g = graph_new(a, "N", BOUND), .real = DT_F64, .path = ""}, .state = seed * 7919};
  for (int i = 0; i < 3; i++) keep(&m, new_input(&m, DT_F64));
  for (int tries = 0; m.n < NODES && tries < 400; tries++) keep(&m, something(&m));
  NodeId roots[4];
  for (uint32_t i = 0; i < 4; i++) roots[i] = m.pool[i == 0 ? m.n - 1 : below(&m, m.n)];
  graph_set_roots(m.b.g, roots, 4);
  return m.b.g;
}

static Program *random_program(uint64_t seed, Arena *a) {
  Function *fns = ARENA_ARRAY(a, GRAPHS, Function);
  for (uint32_t i = 0; i < GRAPHS; i++)
    fns[i] = function_of(random_graph(seed * GRAPHS + i, a), arena_printf(a, "f%u", i), FN_EXPORT, a);
  return program_of(fns, GRAPHS, NULL, 0, DT_F64, a);
}

START_TEST(random_graphs_are_what_the_interpreter_says) {
  Arena *a = arena_new();
  Program *p = random_program((uint64_t)_i + 1, a);
  Emitted e = compile_text(text_of(p, a), "cc", "-O1");
  int bad = 0;
  for (uint32_t i = 0; i < GRAPHS; i++) {
    const int64_t sizes[] = {1, 4, BOUND};
    for (int s = 0; s < 3; s++) {
      bool same = same_as_interpreter(p, &e, i, sizes[s], (uint64_t)s + 1);
      if (!same) fprintf(stderr, "program %d graph %u\n", _i + 1, i);
      bad += !same;
    }
  }
  ck_assert_int_eq(bad, 0);
  release(&e);
  arena_free(a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("codegen on random graphs");
  TCase *t = tcase_create("random");
  tcase_set_timeout(t, 300);
  tcase_add_loop_test(t, random_graphs_are_what_the_interpreter_says, 0, PROGRAMS);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
