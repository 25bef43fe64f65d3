// Loops with `recompute = k`: their values and first derivatives are those without, bit for bit; what they
// keep for the derivative is the carries of every k-th iteration, and those of one block.
#include "graph_eval.h"
#include "graph_text.h"
#include "ir/verify.h"
#include "passes/passes.h"

#include <check.h>

static Arena *arena;
static void setup(void) { arena = arena_new(); }
static void teardown(void) { arena_free(arena); }

// LENGTH in the text is the loop's length.
static const struct {
  const char *name, *text;
} cases[] = {
    {"carries, yields, what is captured",
     "(rule step (h:f32[3] x:f32[3] w:f32[3,3]) (tanh (add (matmul h w) x)) (mul h x))"
     "(= s (scan step LENGTH 1 1 forward h0:f32[3] x:f32[LENGTH,3] w:f32[3,3]))"
     "(= e (add (sum (exp (result s 1)) [0]) (sum (mul (result s 0) (result s 0)) [0,1])))"
     "e (result s 0) (result s 1) (grads e h0 x w)"},
    {"captured twice in the body, and used before and after",
     "(rule step (h:f32[3] w:f32[3] v:f32[3]) (sin (add (mul h w) (mul w v))))"
     "(= w w:f32[3]) (= c (exp w)) (= s (scan step LENGTH 1 0 forward (mul h0:f32[3] w) w c))"
     "(= e (sum (mul (mul (result s 0) w) c) [0])) e (grads e h0 w)"},
    {"back to front, with the iteration's number and draws",
     "(rule step (h:f32[2] x:f32[2] k:f32) (add (mul h (rand f32[2] 7)) (mul k (sin (cast (iteration) f32))))"
     " (mul h (mul x (randn f32[2] 9))))"
     "(= s (scan step LENGTH 1 1 back h0:f32[2] x:f32[LENGTH,2] k:f32))"
     "(= e (add (sum (exp (result s 1)) [0]) (sum (result s 0) [0,1]))) e (result s 0) (grads e h0 x k)"},
    {"an integer carry, several yields",
     "(rule step (n:i32 a:f32[2] k:f32) (add n (const i32 2)) (mul (sin a) (mul k (cast n f32))) n (exp a))"
     "(= s (scan step LENGTH 2 0 forward (const i32 1) a0:f32[2] k:f32))"
     "(= e (add (sum (result s 3) [0]) (sum (result s 1) [0,1]))) e (result s 0) (result s 2) (grads e a0 "
     "k)"},
    {"a loop in it, that draws",
     "(rule inner (a:f32[2] k:f32) (sin (add (mul a k) (rand f32[2] 3))))"
     "(rule step (h:f32[2] x:f32[2] k:f32) (add x (result (scan inner 3 1 0 forward h k) 0)))"
     "(= s (scan step LENGTH 1 1 forward h0:f32[2] x:f32[LENGTH,2] k:f32))"
     "(= e (sum (exp (result s 0)) [0])) e (grads e h0 x k)"},
    {"in another loop",
     "(rule step (h:f32[2] k:f32[2]) (sin (add (mul h k) (mul (rand f32[2] 3) (cast (iteration) f32)))))"
     "(rule outer (h:f32[2] k:f32[2]) (result (scan step LENGTH 1 0 forward h k) 0))"
     "(= s (scan outer 2 1 0 back h0:f32[2] k:f32[2])) (= e (sum (exp (result s 0)) [0])) e (grads e h0 k)"},
};

static const char *const lengths[] = {"1", "6", "7", "8", "6N+1"}; // the last has 19 iterations
static const uint32_t ks[] = {1, 2, 3, 4, 5, 8, 100};
enum { N_CASES = sizeof cases / sizeof *cases, N_LENGTHS = sizeof lengths / sizeof *lengths };

static Graph *verified(Graph *g, const char *text) {
  StrBuf why = {0};
  ck_assert_msg(graph_verify(g, VERIFY_ANY, &why), "%s\n%s", text, sb_text(&why));
  strbuf_free(&why);
  return g;
}

static const char *with_length(const char *text, const char *length) {
  StrBuf s = {0};
  for (const char *p = text; *p;)
    if (strncmp(p, "LENGTH", 6) == 0)
      sb_puts(&s, length), p += 6;
    else
      sb_putn(&s, p++, 1);
  const char *out = arena_strdup(arena, sb_text(&s));
  strbuf_free(&s);
  return out;
}

// Every loop of the graph, and of bodies, gets the setting.
static void set_recompute(Graph *g, uint32_t k) {
  for (NodeId id = 0; id < g->len; id++) {
    if (graph_node(g, id)->op != OP_SCAN) continue;
    ScanAttr *s = arena_copy(arena, graph_node(g, id)->attr.scan, sizeof *s);
    s->recompute = k;
    graph_change(g, id)->attr.scan = s;
    set_recompute((Graph *)s->body, k);
  }
}

static Graph *differentiated(const char *text, DType real, uint32_t k) {
  Graph *g = graph_of_real(text, real, arena);
  if (k) set_recompute(g, k);
  RootInfo *roots = ARENA_ARRAY(arena, g->n_roots, RootInfo);
  Function f = {.name = "f", .kind = FN_INIT, .g = verified(g, text), .roots = roots};
  Program p = {.name = "m", .real = real, .arena = arena, .n_fns = 1, .fns = &f};
  passes_run(&p, &(PassOptions){0}, arena);
  return verified(f.g, text);
}

START_TEST(values_and_gradients_are_those_without) {
  const char *text = with_length(cases[_i / N_LENGTHS].text, lengths[_i % N_LENGTHS]);
  Graph *all = differentiated(text, DT_F32, 0);
  EvalInputs in = draw_inputs(graph_of_real(text, DT_F32, arena), false, 5, arena);
  for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
    bool dynamic = strchr(lengths[_i % N_LENGTHS], 'N') != NULL;
    if (dynamic && 6 % ks[i] != 0) continue; // no program has these: E0225
    uint32_t root;
    int64_t at;
    Graph *some = differentiated(text, DT_F32, ks[i]);
    ck_assert_msg(!values_differ(all, some, &in, &root, &at, arena),
                  "%s, length %s, k %u: root %u, element %lld", cases[_i / N_LENGTHS].name,
                  lengths[_i % N_LENGTHS], ks[i], root, (long long)at);
  }
}
END_TEST

START_TEST(second_derivatives_too) {
  const char *text = "(rule step (h:f64[3] x:f64[3] w:f64[3,3]) (tanh (add (matmul h w) x)) (mul h x))"
                     "(= x x:f64[7,3]) (= w w:f64[3,3]) (= s (scan step 7 1 1 forward h0:f64[3] x w))"
                     "(= e (add (sum (exp (result s 1)) [0]) (sum (mul (result s 0) (result s 0)) [0,1])))"
                     "(= d (grad e w)) (= f (sum (mul d (mul d d)) [0,1])) f (grads f h0 x w)";
  Graph *all = differentiated(text, DT_F64, 0);
  EvalInputs in = draw_inputs(all, false, 5, arena);
  Scalar **a = values_of(all, &in, false, arena);
  for (uint32_t k = 2; k < 6; k++) {
    Graph *some = differentiated(text, DT_F64, k);
    Scalar **b = values_of(some, &in, false, arena);
    for (uint32_t r = 0; r < all->n_roots; r++) {
      int64_t n = shape_elements(graph_node(all, all->roots[r])->shape, 1);
      for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabs(a[r][i].f - b[r][i].f) <= 1e-12 * (1 + fabs(a[r][i].f)), "k %u: root %u", k, r);
    }
  }
}
END_TEST

// Elements of all that loops yield, one body at a time being alive.
static int64_t yielded(const Graph *g) {
  int64_t sum = 0, most = 0;
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->op != OP_SCAN) continue;
    int64_t inside = yielded(n->attr.scan->body);
    if (inside > most) most = inside;
    for (uint32_t k = 0; k < n->attr.scan->n_yields; k++) {
      DType t;
      Shape s;
      scan_result(n->attr.scan, k, &t, &s);
      sum += shape_elements(&s, EVAL_N);
    }
  }
  return sum + most;
}

START_TEST(what_is_kept_is_every_kth_and_a_block) {
  const char *text =
      "(rule step (h:f64[5] k:f64) (sin (mul h k)))"
      "(= s (scan step LENGTH 1 0 forward h:f64[5] k:f64)) (= e (sum (result s 0) [0])) (grads e h k)";
  static const struct {
    const char *length;
    uint32_t k;
    int64_t carries;
  } rows[] = {
      {"100", 0, 100},          {"100", 1, 100}, {"100", 10, 10 + 10}, {"100", 25, 4 + 25},
      {"103", 10, 10 + 10 + 3}, {"19", 10, 19},  {"100", 200, 100},    {"20N+4", 10, 6 + 10 + 4},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t n = yielded(differentiated(with_length(text, rows[i].length), DT_F64, rows[i].k));
    ck_assert_msg(n == 5 * rows[i].carries, "length %s, k %u: %lld elements", rows[i].length, rows[i].k,
                  (long long)n);
  }
}
END_TEST

START_TEST(without_a_gradient_the_loop_stays_one) {
  Graph *g =
      differentiated("(rule step (h:f64) (sin h)) (result (scan step 9 1 0 forward h:f64) 0)", DT_F64, 3);
  uint32_t n = 0;
  for (NodeId id = 0; id < g->len; id++) n += graph_node(g, id)->op == OP_SCAN;
  ck_assert_uint_eq(n, 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("recompute");
  TCase *t = tcase_create("all");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, values_and_gradients_are_those_without, 0, (int)N_CASES * (int)N_LENGTHS);
  tcase_add_test(t, second_derivatives_too);
  tcase_add_test(t, what_is_kept_is_every_kth_and_a_block);
  tcase_add_test(t, without_a_gradient_the_loop_stays_one);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
