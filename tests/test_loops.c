// Loops: what the interpreter makes of them is what the same steps written out give, bit for bit; passes drop
// what nobody reads. (Derivatives: test_gradients.)
#include "coverage.h"
#include "graph_eval.h"
#include "graph_text.h"
#include "ir/philox.h"
#include "ir/verify.h"
#include "passes/passes.h"

#include <check.h>

typedef struct Case {
  const char *name, *loop, *unrolled; // forms with the same roots, of the same inputs
} Case;

#define STEP "(rule step (h:f32[2] x:f32[2] w:f32) (tanh (add (mul h w) x)) (mul h x))"
#define X(i) "(reshape (slice x:f32[3,2] [" #i ",0] [1,2] [1,1]) [2])"
#define TANH(h, i) "(tanh (add (mul " h " w:f32) " X(i) "))"
static const Case cases[] = {
    {"the last carry", STEP "(= s (scan step 3 1 1 forward h:f32[2] x:f32[3,2] w:f32)) (result s 1)",
     "(= a h:f32[2]) (= x x:f32[3,2]) (= w w:f32) " TANH(TANH(TANH("a", 0), 1), 2)},
    {"back to front", STEP "(= s (scan step 3 1 1 back h:f32[2] x:f32[3,2] w:f32)) (result s 1)",
     "(= a h:f32[2]) (= x x:f32[3,2]) (= w w:f32) " TANH(TANH(TANH("a", 2), 1), 0)},
    {"yields stand where their element does",
     STEP "(= s (scan step 3 1 1 back h:f32[2] x:f32[3,2] w:f32)) (slice (result s 0) [2,0] [1,2] [1,1])",
     "(= h h:f32[2]) (= x x:f32[3,2]) (= w w:f32) (mul (reshape h [1,2]) (slice x [2,0] [1,2] [1,1]))"},
    {"no iteration",
     STEP "(= s (scan step 0 1 1 forward h:f32[2] x:f32[0,2] w:f32)) (result s 1) (result s 0)",
     "(= h h:f32[2]) (= x x:f32[0,2]) (= w w:f32) h x"},
    {"its number",
     "(rule step (a:i32) (add a (mul (iteration) (iteration))) (iteration))"
     "(= s (scan step 4 1 0 back (const i32 1))) (result s 1) (result s 0)",
     "(const i32 15) (const i32[4] 0 1 2 3)"},
    {"a loop in a loop",
     "(rule inner (a:i32 k:i32) (add (mul a (const i32 3)) (add k (iteration))))"
     "(rule outer (a:i32) (result (scan inner 2 1 0 forward a (iteration)) 0))"
     "(result (scan outer 2 1 0 forward (const i32 1)) 0)",
     "(const i32 95)"}, // ((((1 3 + 0) 3 + 1) 3 + 1) 3 + 2)
};

static Arena *arena;
static void setup(void) { arena = arena_new(); }
static void teardown(void) { arena_free(arena); }

static Graph *verified(const char *text) {
  Graph *g = graph_of_real(text, DT_F64, arena);
  StrBuf why = {0};
  ck_assert_msg(graph_verify(g, VERIFY_ANY, &why), "%s\n%s", text, sb_text(&why));
  strbuf_free(&why);
  return g;
}

static void same_roots(const char *name, const Graph *x, const Graph *y) {
  EvalInputs in = draw_inputs(y, false, 3, arena);
  Scalar **a = values_of(x, &in, false, arena), **b = values_of(y, &in, false, arena);
  ck_assert_uint_eq(x->n_roots, y->n_roots);
  for (uint32_t r = 0; r < x->n_roots; r++) {
    const Node *m = graph_node(x, x->roots[r]), *n = graph_node(y, y->roots[r]);
    ck_assert_msg(m->dtype == n->dtype && shape_eq(m->shape, n->shape), "%s: root %u", name, r);
    size_t bytes = (size_t)shape_elements(n->shape, EVAL_N) * sizeof(Scalar);
    ck_assert_msg(memcmp(a[r], b[r], bytes) == 0, "%s: root %u", name, r);
  }
}

START_TEST(a_loop_is_its_steps_written_out) {
  const Case *c = &cases[_i];
  Graph *loop = verified(c->loop);
  same_roots(c->name, loop, verified(c->unrolled));
  covered("op", op_name(OP_SCAN));
  Program p = {.name = "m", .real = DT_F64, .arena = arena, .n_fns = 1};
  RootInfo roots[4] = {{0}};
  Function f = {.name = "f", .kind = FN_INIT, .g = loop, .roots = roots};
  p.fns = &f;
  passes_run(&p, &(PassOptions){0}, arena);
  StrBuf why = {0};
  ck_assert_msg(graph_verify(f.g, VERIFY_NO_AD, &why), "%s: %s", c->name, sb_text(&why));
  strbuf_free(&why);
  same_roots(c->name, f.g, verified(c->unrolled));
}
END_TEST

// (outer iteration * inner bound + inner iteration) is the counter of a draw.
START_TEST(every_iteration_draws_anew) {
  Graph *g = verified("(rule inner () (rand f64[2] 7)) (rule outer () (result (scan inner 3 0 0 back) 0))"
                      "(result (scan outer 2 0 0 forward) 0)");
  Scalar **v = values_of(g, &(EvalInputs){0}, false, arena);
  for (uint32_t i = 0; i < 6; i++) {
    PhiloxBlock b = philox4x32_10((uint32_t[]){0, i, 0, 7}, (uint32_t[]){1, 0});
    for (uint32_t k = 0; k < 2; k++) ck_assert_double_eq(v[0][2 * i + k].f, (b.w[k] >> 8) * 0x1p-24);
  }
}
END_TEST

static const Node *only_loop(const Graph *g) {
  const Node *loop = NULL;
  for (NodeId id = 0; id < g->len; id++)
    if (graph_node(g, id)->op == OP_SCAN) {
      ck_assert_ptr_null(loop);
      loop = graph_node(g, id);
    }
  ck_assert_ptr_nonnull(loop);
  return loop;
}

START_TEST(what_nobody_reads_is_dropped) {
  // Of three carries c alone is asked for, and needs b; a is for itself, x and k are for a, the first yield
  // for nobody.
  Graph *g = verified(
      "(rule step (a:f64 b:f64 c:f64 x:f64 y:f64 k:f64) (mul (add a x) k) (add b y) (mul c b) (exp a) y)"
      "(= s (scan step 4 3 2 forward a:f64 b:f64 c:f64 x:f64[4] y:f64[4] k:f64)) (result s 4) (result s 1)");
  const Node *n = only_loop(pass_loops(g, arena));
  ck_assert_uint_eq(n->attr.scan->n_carries, 2);
  ck_assert_uint_eq(n->attr.scan->n_sequences, 1);
  ck_assert_uint_eq(n->attr.scan->n_yields, 1);
  ck_assert_uint_eq(n->n_in, 3);
  same_roots("trimmed", pass_loops(g, arena), g);
}
END_TEST

START_TEST(a_loop_nobody_reads_is_gone) {
  Graph *g =
      verified("(rule step (a:f64) (exp a)) (= s (scan step 4 1 0 forward a:f64)) (= r (result s 0)) a");
  g = pass_loops(g, arena);
  for (NodeId id = 0; id < g->len; id++) ck_assert(graph_node(g, id)->op != OP_SCAN);
}
END_TEST

static uint32_t count_loops(const Graph *g) {
  uint32_t n = 0;
  for (NodeId id = 0; id < g->len; id++) n += graph_node(g, id)->op == OP_SCAN;
  return n;
}

START_TEST(only_equal_loops_are_one) {
#define TWICE(first, second, loop)                                                                           \
  "(rule p (h:f64) " first ") (rule q (h:f64) " second ") (= x x:f64)"                                       \
  "(= a (scan p 3 1 0 forward x)) (= b " loop ") (result a 0) (result b 0)"
  static const struct {
    const char *text;
    uint32_t loops;
  } rows[] = {
      {TWICE("(exp h)", "(exp h)", "(scan q 3 1 0 forward x)"), 1},
      {TWICE("(exp h)", "(tanh h)", "(scan q 3 1 0 forward x)"), 2},
      {TWICE("(mul h (const f64 2))", "(mul h (const f64 3))", "(scan q 3 1 0 forward x)"), 2},
      {TWICE("(mul h h)", "(mul h h) h", "(scan q 3 1 0 forward x)"), 2},
      {TWICE("(exp h)", "(exp h)", "(scan q 4 1 0 forward x)"), 2},
      {TWICE("(exp h)", "(exp h)", "(scan q 3 1 0 back x)"), 2},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    Graph *g = verified(rows[i].text), *one = pass_cse(g, arena);
    ck_assert_msg(count_loops(one) == rows[i].loops, "%s", rows[i].text);
    if (i < 3) same_roots(rows[i].text, one, g);
  }
}
END_TEST

static uint32_t count_op(const Graph *g, Op op) {
  uint32_t n = 0;
  for (NodeId id = 0; id < g->len; id++) n += graph_node(g, id)->op == op;
  return n;
}

START_TEST(what_is_the_same_in_every_iteration_goes_before_the_loop) {
  // exp(k) and its product with c go, also under a view; what is made of the carry, the element, the number
  // of the iteration or a draw stays.
  Graph *g = verified(
      "(rule step (h:f64[2] x:f64[2] k:f64[2] c:f64)"
      " (add (mul h (reverse (mul (exp k) c) [0])) (mul (sin x) (tanh (cast (iteration) f64)))) (sqrt (rand "
      "f64 3)))"
      "(= s (scan step 4 1 1 forward h:f64[2] x:f64[4,2] k:f64[2] c:f64)) (result s 1) (result s 0)");
  Graph *out = pass_hoist(g, arena);
  const Graph *body = only_loop(pass_loops(out, arena))->attr.scan->body;
  ck_assert_uint_eq(count_op(out, OP_EXP), 1);
  ck_assert_uint_eq(count_op(out, OP_MUL), 1);
  ck_assert_uint_eq(count_op(body, OP_EXP), 0);
  ck_assert_uint_eq(count_op(body, OP_REVERSE), 1);
  ck_assert_uint_eq(count_op(body, OP_SIN) + count_op(body, OP_TANH) + count_op(body, OP_SQRT), 3);
  ck_assert_uint_eq(only_loop(pass_loops(out, arena))->n_in, 3);
  same_roots("hoisted", out, g);
}
END_TEST

START_TEST(derivatives_compute_what_is_the_same_once) {
  Graph *g = verified(
      "(rule step (h:f64[2] k:f64[2]) (mul h (sin (exp k))))"
      "(= s (scan step 4 1 0 forward h:f64[2] k:f64[2])) (= e (sum (result s 0) [0])) (grads e h k)");
  Graph *back = pass_loops(pass_hoist(pass_autodiff(g, arena), arena), arena);
  for (NodeId id = 0; id < back->len; id++) {
    if (graph_node(back, id)->op != OP_SCAN) continue;
    const Graph *body = graph_node(back, id)->attr.scan->body;
    ck_assert_uint_eq(count_op(body, OP_EXP) + count_op(body, OP_SIN) + count_op(body, OP_COS), 0);
  }
  same_roots("derivative", back, pass_autodiff(g, arena));
}
END_TEST

START_TEST(a_broken_loop_is_noticed) {
  static const char *const texts[] = {
      "(rule f (a:f64[2]) (sum a [0])) (result (scan f 2 1 0 forward a:f64[2]) 0)",
      "(rule f (a:f64) a) (result (scan f 2 1 0 forward a:f64[2]) 0)",
      "(rule f (a:f64 x:f64) (add a x)) (result (scan f 2 1 1 forward a:f64 x:f64[3]) 0)",
      "(rule f (a:f64) (add a (read 0 0 f64))) (result (scan f 2 1 0 forward a:f64) 0)",
      "(iteration)",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    StrBuf why = {0};
    ck_assert_msg(!graph_verify(graph_of_real(texts[i], DT_F64, arena), VERIFY_ANY, &why), "%s", texts[i]);
    strbuf_free(&why);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("loops");
  TCase *t = tcase_create("all");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, a_loop_is_its_steps_written_out, 0, sizeof cases / sizeof *cases);
  tcase_add_test(t, every_iteration_draws_anew);
  tcase_add_test(t, what_nobody_reads_is_dropped);
  tcase_add_test(t, a_loop_nobody_reads_is_gone);
  tcase_add_test(t, only_equal_loops_are_one);
  tcase_add_test(t, what_is_the_same_in_every_iteration_goes_before_the_loop);
  tcase_add_test(t, derivatives_compute_what_is_the_same_once);
  tcase_add_test(t, a_broken_loop_is_noticed);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
