// Every row of ops.def against values from an independent source (reference/ops.txt), in the interpreter. A
// row without values fails.
#include "coverage.h"
#include "ir/eval.h"
#include "ir/verify.h"
#include "ops_table.h"

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

static void expect(const OpCase *c, const Scalar *got, const char *what) {
  for (int64_t i = 0; i < c->out.n; i++) {
    Scalar want = c->out.v[i];
    if (dtype_is_real(c->out.t))
      ck_assert_msg(within(got[i].f, want.f, c->ulps),
                    "ops.txt:%d: %s%s: element %" PRId64 " is %.17g (%a), not %.17g", c->line, op_name(c->op),
                    what, i, got[i].f, got[i].f, want.f);
    else
      ck_assert_msg(got[i].i == want.i, "ops.txt:%d: %s%s: element %" PRId64 " is %" PRId64 ", not %" PRId64,
                    c->line, op_name(c->op), what, i, got[i].i, want.i);
  }
}

// A graph around the operation of a case, and what it is evaluated in.
typedef struct Run {
  Graph *g;
  Builder b;
  Store table[4];
  Scalar *stores[4];
  EvalEnv env;
} Run;

static Run start(const OpCase *c) {
  Run r = {.g = graph_new(arena, NULL, 0)};
  r.b = (Builder){.g = r.g, .real = DT_F64, .path = ""};
  for (int i = 0; i < 3; i++)
    r.table[i] = (Store){.dtype = c->out.t, .shape = c->out.s, .lr_mult = 1, .decay_mult = 1};
  r.table[3] = (Store){.dtype = DT_I32};
  return r;
}

static Scalar *value(Run *r, const OpCase *c, NodeId id, bool effect) {
  StrBuf why = {0};
  Scalar *root;
  const Scalar *inputs[] = {c->in[0].v};
  Scalar **stores = eval_stores_new(r->table, 4, arena);
  if (effect) memcpy(stores[0], c->in[0].v, (size_t)c->in[0].n * sizeof(Scalar));
  r->env.stores = stores;
  r->env.table = r->table;
  r->env.n_stores = effect ? 4 : 0;
  graph_set_roots(r->g, &id, 1);
  ck_assert_msg(graph_verify(r->g, VERIFY_ANY, &why), "ops.txt:%d: %s", c->line, sb_text(&why));
  ck_assert_int_eq(graph_node(r->g, id)->dtype, c->out.t);
  if (graph_node(r->g, id)->op != OP_OPTIMIZE) ck_assert(shape_eq(graph_node(r->g, id)->shape, &c->out.s));
  ck_assert(eval_graph(r->g, &r->env, inputs, &root, arena));
  return effect && root ? root : effect ? stores[0] : root;
}

static void run_plain(const OpCase *c) {
  Run r = start(c);
  NodeId in[3];
  for (uint32_t i = 0; i < c->n_in; i++) in[i] = case_constant(&r.b, &c->in[i]);
  NodeId id = case_node(&r.b, c, in);
  ck_assert_msg(id != NO_NODE, "%s: the test does not know how to build it", op_name(c->op));
  expect(c, value(&r, c, id, false), "");
}

// ---- leaves, draws, stores

static void run_leaf(const OpCase *c) {
  Run r = start(c);
  NodeId id = NO_NODE;
  switch (c->op) {
  case OP_CONST:
    id = c->in[0].n == 1 ? b_splat(&r.b, c->out.t, c->out.s, c->in[0].v[0]) : case_constant(&r.b, &c->in[0]);
    break;
  case OP_INPUT: id = b_input(&r.b, IN_ARG, 0, "x", c->out.t, c->out.s); break;
  case OP_STOP_GRAD: id = b_stop_grad(&r.b, case_constant(&r.b, &c->in[0])); break;
  case OP_ASSERT: id = b_assert(&r.b, case_constant(&r.b, &c->in[0]), ""); break;
  case OP_CUSTOM_VJP: {
    NodeId y = case_constant(&r.b, &c->in[0]);
    id = b_custom_vjp(&r.b, &y, 1, &(VjpAttr){.rule = graph_new(arena, NULL, 0)});
    break;
  }
  default: ck_abort_msg("%s: the test does not know how to build it", op_name(c->op));
  }
  expect(c, value(&r, c, id, false), "");
}

static void run_draw(const OpCase *c) {
  Run r = start(c);
  r.env.seed = attribute_int(c, "seed");
  r.env.batch_count = (uint32_t)attribute_int(c, "step");
  Scalar *v =
      value(&r, c, b_rand(&r.b, c->op, c->out.t, c->out.s, (uint32_t)attribute_int(c, "site")), false);
  if (c->op == OP_RAND) {
    expect(c, v, "");
    return;
  }
  // The angle, up to 2 pi, is rounded before its sine is taken: 2^-51 of a radius below 6.
  for (int64_t i = 0; i < c->out.n; i++) ck_assert_double_eq_tol(v[i].f, c->out.v[i].f, 6 * 0x1p-51);
}

static void run_store(const OpCase *c) {
  Run r = start(c);
  if (c->op == OP_READ) {
    expect(c, value(&r, c, b_read(&r.b, 0, 0, c->out.t, c->out.s, NO_NODE), true), "");
    return;
  }
  NodeId w = b_write(&r.b, 0, 0, case_constant(&r.b, &c->in[0]));
  value(&r, c, w, true);
  expect(c, r.env.stores[0], " (the store)");
}

static void run_optimize(const OpCase *c) {
  Run r = start(c);
  const uint32_t zero = 0, count = 3, slots[] = {1, 2};
  OptimizeAttr o = {.n = 1, .stores = &zero, .versions = &zero, .counts = &count, .slots = slots};
  const char *kind = attribute(c, "kind");
  while (strncmp(kind, optimizer_info(o.kind)->name, strcspn(kind, " \n")) != 0) o.kind++;
  double hyper[16];
  NodeId in[16];
  o.n_hyper = attribute_list(c, "hyper", hyper);
  for (uint32_t i = 0; i < o.n_hyper; i++) in[i] = b_scalar(&r.b, DT_F64, hyper[i]);
  in[o.n_hyper] = case_constant(&r.b, &c->in[1]);
  OpCase near = *c;
  near.ulps = 2;
  expect(&near, value(&r, c, b_optimize(&r.b, &o, in, o.n_hyper + 1), true), "");
}

static void (*const runners[OP_COUNT])(const OpCase *) = {
    [OP_CONST] = run_leaf,      [OP_INPUT] = run_leaf,  [OP_STOP_GRAD] = run_leaf,
    [OP_CUSTOM_VJP] = run_leaf, [OP_RAND] = run_draw,   [OP_RANDN] = run_draw,
    [OP_READ] = run_store,      [OP_WRITE] = run_store, [OP_OPTIMIZE] = run_optimize,
    [OP_ASSERT] = run_leaf,
};

START_TEST(every_operation_has_the_values_of_the_table) {
  for (size_t i = 0; i < table.cases.len; i++) {
    const OpCase *c = &table.cases.data[i];
    if (c->op != (Op)_i) continue;
    (runners[c->op] ? runners[c->op] : run_plain)(c);
    covered("op", op_name(c->op));
  }
}
END_TEST

START_TEST(every_row_stands_in_the_table) {
  Op op = (Op)_i;
  bool real = false, integer = false, any = false;
  for (size_t i = 0; i < table.cases.len; i++) {
    const OpCase *c = &table.cases.data[i];
    if (c->op != op) continue;
    any = true;
    // CAST's and SELECT's classes are those of what they choose from or make, too.
    for (uint32_t k = 0; k < c->n_in; k++) *(dtype_is_real(c->in[k].t) ? &real : &integer) = true;
  }
  if (op == OP_GRAD || op == OP_PROJ) return; // gone before anything is evaluated: test_derivatives
  if (op == OP_SCAN) return;                  // its values are its body's: test_loops
  ck_assert_msg(any, "%s has no values in reference/ops.txt", op_name(op));
  if (!op_is_scalar(op)) return;
  if (op_meaning_real(op)) ck_assert_msg(real, "%s has no real values in reference/ops.txt", op_name(op));
  if (op_meaning_int(op))
    ck_assert_msg(integer, "%s has no integer values in reference/ops.txt", op_name(op));
}
END_TEST

// In rounded mode an f32 node gives the f32 nearest to the true value, but for the f64 rounding before.
START_TEST(rounding_to_f32_gives_the_nearest) {
  for (size_t i = 0; i < table.cases.len; i++) {
    OpCase c = table.cases.data[i];
    if (!op_is_scalar(c.op) || c.out.t != DT_F64 || c.n_in != 1 || c.in[0].t != DT_F64) continue;
    if ((double)(float)c.in[0].v->f != c.in[0].v->f) continue;
    c.in[0].t = c.out.t = DT_F32;
    Scalar want = {.f = (double)(float)c.out.v->f};
    c.out.v = &want;
    c.ulps = 0;
    Run r = start(&c);
    r.env.rounded = true;
    NodeId in[] = {case_constant(&r.b, &c.in[0])};
    expect(&c, value(&r, &c, case_node(&r.b, &c, in), false), " (f32)");
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("ops");
  TCase *t = tcase_create("ops");
  tcase_add_unchecked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, every_row_stands_in_the_table, 0, OP_COUNT);
  tcase_add_loop_test(t, every_operation_has_the_values_of_the_table, 0, OP_COUNT);
  tcase_add_test(t, rounding_to_f32_gives_the_nearest);
  tcase_set_timeout(t, 60);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
