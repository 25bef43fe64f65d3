// What autodiff expands is the derivative: the interpreter's central differences of the forward graph against
// the expanded gradient, first and second order, for everything the walk and the structural rules do. (The
// elementwise rows one by one: test_ops.)
#include "graph_eval.h"
#include "graph_text.h"
#include "ir/verify.h"
#include "passes/passes.h"

#include <check.h>

typedef struct Case {
  const char *name, *forward; // defines the scalar e
  const char *targets;        // its inputs to differentiate by, in the order of their first use
} Case;

#define W "(= w w:f32[3,2]) "
static const Case cases[] = {
    {"chain", "(= e (sum (tanh (mul x:f32[N,3] (exp x))) [0,1]))", "x"},
    {"stretched", "(= e (sum (mul (sin (add x:f32[N,3] y:f32[3])) z:f32[N,1]) [0,1]))", "x y z"},
    {"stretched inside", "(= e (sum (exp (mul x:f32[2,1,3] y:f32[4,1])) [0,1,2]))", "x y"},
    {"leading ones", "(= e (sum (exp (add x:f32[3] y:f32[1,1,3])) [0,1,2]))", "x y"},
    {"constant cotangent", "(= e (sum (sub (add x:f32[N,2] y:f32[2]) z:f32) [0,1]))", "x y z"},
    {"partial sums", "(= s (sum (exp x:f32[2,N,3]) [1])) (= e (sum (log (sum s [0])) [0]))", "x"},
    {"sum of a sum kept",
     "(= s (reshape (sum x:f32[N,3] [1]) [N,1])) (= e (sum (mul (sub x s) (sub x s)) [0,1]))", "x"},
    {"mean", "(= m (div (sum x:f32[N,3] [0]) (batch))) (= e (sum (mul (sub x m) (sub x m)) [0,1]))", "x"},
    {"rmax", "(= e (sum (mul (rmax (sin x:f32[2,5]) [1]) w:f32[2]) [0]))", "x w"},
    {"rmin over two", "(= e (exp (rmin x:f32[2,N] [0,1])))", "x"},
    {"max", "(= e (sum (mul (max x:f32[5] y:f32[5]) x) [0]))", "x y"},
    {"select", "(= e (sum (select (gt x:f32[5] y:f32) (mul x y) (sin x)) [0]))", "x y"},
    {"reshape", "(= e (sum (exp (mul (reshape x:f32[2,6] [3,4]) y:f32[4])) [0,1]))", "x y"},
    {"reshape of a sum", "(= e (sum (mul (reshape x:f32[6] [2,3]) y:f32[2,1]) [0,1]))", "x y"},
    {"transpose", "(= e (sum (mul (transpose (exp x:f32[2,3,4]) [2,0,1]) w:f32[2,1]) [0,1,2]))", "x w"},
    {"broadcast", "(= e (sum (exp (mul (broadcast x:f32[3,1] [2,3,N]) y:f32[2,1,1])) [0,1,2]))", "x y"},
    {"slice", "(= e (sum (exp (slice x:f32[N,7] [0,1] [N,3] [1,2])) [0,1]))", "x"},
    {"slice of a dynamic axis", "(= e (sum (exp (slice x:f32[2N+1] [1] [N] [2])) [0]))", "x"},
    {"overlapping slices", "(= e (sum (mul (slice x:f32[5] [0] [4] [1]) (slice x [1] [4] [1])) [0]))", "x"},
    {"pad", "(= e (sum (exp (pad x:f32[3,2] [1,0] [2,0] [1,0] 0.5)) [0,1]))", "x"},
    {"pad that cuts", "(= e (sum (exp (pad x:f32[5,3] [-1,2] [1,-1] [0,1] 0.5)) [0,1]))", "x"},
    {"pad that cuts and dilates", "(= e (sum (exp (pad x:f32[5] [-2] [-1] [2] 0)) [0]))", "x"},
    {"concat", "(= e (sum (mul (concat (exp x:f32[2,3]) y:f32[2,N] 1) z:f32[2,1]) [0,1]))", "x y z"},
    {"concat twice the same", "(= e (sum (exp (concat x:f32[3] x 0)) [0]))", "x"},
    {"reverse", "(= e (sum (mul (reverse x:f32[2,3] [0,1]) (exp y:f32[3])) [0,1]))", "x y"},
    {"gather", "(= e (sum (exp (gather x:f32[3,2] (const i32[4] 0 2 2 1) 0 0)) [0,1]))", "x"},
    {"gather with batch", "(= e (sum (exp (gather x:f32[2,4,3] (const i32[2,2] 0 2 1 1) 2 1)) [0,1,2]))",
     "x"},
    {"scatter_add", "(= e (sum (exp (scatter_add x:f32[3,2] (const i32[4] 0 2 2 1) u:f32[4,2] 0 0)) [0,1]))",
     "x u"},
    {"product", W "(= e (sum (exp (matmul x:f32[N,3] w)) [0,1]))", "x w"},
    {"product of sums", W "(= e (sum (matmul x:f32[N,3] w) [0,1]))", "x w"},
    {"product with a vector", W "(= e (sum (exp (matmul (matmul v:f32[4] x:f32[4,3]) w)) [0]))", "w v x"},
    {"outer product", "(= e (sum (exp (dot x:f32[3] y:f32[2] [] [] [] [])) [0,1]))", "x y"},
    {"batched product", "(= e (sum (exp (matmul x:f32[2,N,3] y:f32[2,3,2])) [0,1,2]))", "x y"},
    {"batch in odd places", "(= e (sum (exp (dot x:f32[3,2,4] y:f32[5,4,2] [1] [2] [2] [1])) [0,1,2]))",
     "x y"},
    {"two contracted axes crossed",
     "(= e (sum (exp (dot x:f32[2,5,3] y:f32[3,2,4] [] [] [0,2] [1,0])) [0,1]))", "x y"},
    {"convolution", "(= e (sum (exp (conv x:f32[N,2,5] w:f32[3,2,2] [2] [1] [0] [1] [1] 1)) [0,1,2]))",
     "x w"},
    {"convolution of dynamic length",
     "(= e (sum (exp (conv x:f32[2,2,2N+1] w:f32[2,1,3] [2] [1] [1] [1] [1] 2)) [0,1,2]))", "x w"},
    {"convolution of dynamic channels",
     "(= e (sum (exp (conv x:f32[2,N,4,3] w:f32[2,N,2,2] [1,1] [1,0] [0,1] [1,2] [2,1] 1)) [0,1,2,3]))",
     "x w"},
    {"window sums of a dynamic size", "(= e (sum (exp (box x:f32[2,2N+1] [1,3] [1,2] [0,1] [0,1])) [0,1]))",
     "x"},
    {"maxima of windows",
     "(= x (sin u:f32[N,5])) (= i (argwindow x [1,2] [1,1] [0,1] [0,0]))"
     "(= e (sum (exp (sample x i [1,2] [1,1] [0,1] [0,0])) [0,1]))",
     "u"},
    {"intermediate target", "(= h (tanh x:f32[3])) (= e (sum (mul h (exp x)) [0]))", "x"},
    {"stop_grad times zero slope", "(= e (sum (mul (stop_grad c:f32[3]) (exp x:f32[3])) [0]))", "x"},
    {"custom rule",
     "(rule sq (x:f32[3] y:f32[3] dy:f32[3]) (mul dy (add x x)))"
     "(= e (sum (mul z:f32[3] (custom_vjp sq (mul x:f32[3] x) x)) [0]))",
     "z x"},
    {"custom rule of two",
     "(rule f (x:f32[3] k:f32 y:f32[3] dy:f32[3]) (mul dy k) (sum (mul dy x) [0]))"
     "(= p (custom_vjp f (mul x:f32[3] k:f32) x k)) (= e (sum (mul p p) [0]))",
     "x k"},
    {"a loop: the last carry",
     "(rule step (h:f32[3] x:f32[3] w:f32[3,3]) (tanh (add (matmul h w) x)))"
     "(= s (scan step 4 1 1 forward h0:f32[3] x:f32[4,3] w:f32[3,3])) (= e (sum (exp (result s 0)) [0]))",
     "h0 x w"},
    {"a loop: what it yields, back to front",
     "(rule step (h:f32 x:f32[2] w:f32) (mul h (sin (sum (mul x x) [0]))) (mul (add x h) w))"
     "(= s (scan step N 1 1 back h0:f32 x:f32[N,2] w:f32)) (= e (sum (exp (result s 0)) [0,1]))",
     "h0 x w"},
    {"a loop: several carries, one an integer",
     "(rule step (n:i32 a:f32[2] b:f32[2] k:f32) (add n (const i32 2)) (add (mul a k) b)"
     " (mul (sin a) (cast n f32)) (mul a b))"
     "(= s (scan step 3 3 0 forward (const i32 1) a0:f32[2] b0:f32[2] k:f32))"
     "(= e (add (sum (mul (result s 0) (result s 0)) [0,1]) (sum (mul (result s 2) (result s 3)) [0])))",
     "a0 b0 k"},
    {"a loop without carries",
     "(rule f (x:f32[3] y:f32 k:f32[3]) (mul (exp (mul x k)) y))"
     "(= s (scan f N 0 2 forward x:f32[N,3] y:f32[N] k:f32[3])) (= e (sum (result s 0) [0,1]))",
     "x y k"},
    {"a loop's captured intermediate",
     "(rule step (h:f32[2] c:f32[2]) (tanh (mul h c)))"
     "(= c (exp x:f32[2])) (= s (scan step 5 1 0 forward c c)) (= e (sum (mul (result s 0) c) [0]))",
     "x"},
    {"a loop in a loop",
     "(rule inner (a:f32[2] x:f32[2] k:f32) (sin (add (mul a k) x)))"
     "(rule outer (h:f32[2] x:f32[3,2] k:f32) (result (scan inner 3 1 1 forward h x k) 0))"
     "(= s (scan outer 2 1 1 back h0:f32[2] x:f32[2,3,2] k:f32)) (= e (sum (exp (result s 0)) [0]))",
     "h0 x k"},
    {"a gradient inside a loop",
     "(rule step (h:f32[2] k:f32[2]) (sub h (mul k (grad (sum (exp (mul h k)) [0]) h))))"
     "(= s (scan step 3 1 0 forward h0:f32[2] k:f32[2])) (= e (sum (mul (result s 0) k) [0]))",
     "h0 k"},
    {"a custom rule inside a loop",
     "(rule sq (x:f32[2] y:f32[2] dy:f32[2]) (mul dy (add x x)))"
     "(rule step (h:f32[2] k:f32[2]) (mul k (custom_vjp sq (mul h h) h)))"
     "(= s (scan step 3 1 0 forward h0:f32[2] k:f32[2])) (= e (sum (result s 0) [0]))",
     "h0 k"},
    {"the iteration's number",
     "(rule step (h:f32[2] k:f32) (add (mul h k) (sin (cast (iteration) f32))))"
     "(= s (scan step 4 1 0 back h0:f32[2] k:f32)) (= e (sum (exp (result s 0)) [0]))",
     "h0 k"},
    {"a gradient inside", "(= d (grad (sum (exp (mul x:f32[3] y:f32[3])) [0]) x)) (= e (sum (mul d d) [0]))",
     "x y"},
    {"a gradient by a gradient's input",
     "(= h (sin x:f32[3])) (= d (grad (sum (mul h (mul h h)) [0]) h))"
     "(= e (sum (mul d h) [0]))",
     "x"},
    {"softmax cross entropy",
     "(= h (matmul x:f32[N,4] v:f32[4,3])) (= m (sub h (stop_grad (reshape (rmax h [1]) [N,1]))))"
     "(= lp (sub (log (sum (exp m) [1])) (gather m (cast (iota i32[N] 0) i32) 1 1))) (= e (div (sum lp [0]) "
     "(batch)))",
     "x v"},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static Arena *arena;
static void setup(void) { arena = arena_new(); }
static void teardown(void) { arena_free(arena); }

static Graph *expanded(const char *text) {
  Graph *g = pass_autodiff(graph_of_real(text, DT_F64, arena), arena);
  StrBuf why = {0};
  ck_assert_msg(graph_verify(g, VERIFY_NO_AD, &why), "%s\n%s", text, sb_text(&why));
  strbuf_free(&why);
  return g;
}

static double value(const Graph *g, const EvalInputs *in) {
  Arena *a = arena_new();
  double v = values_of(g, in, false, a)[0]->f;
  arena_free(a);
  return v;
}

// Which argument a name is.
static uint32_t argument(const Graph *g, const char *name) {
  for (NodeId id = 0; id < g->len; id++)
    if (graph_node(g, id)->op == OP_INPUT && !strcmp(graph_node(g, id)->attr.input.name, name))
      return graph_node(g, id)->attr.input.index;
  ck_abort_msg("no input %s", name);
  return 0;
}

// The derivative of the scalar e_name by each target against its differences.
static void check(const char *what, const char *forward, const char *e_name, const char *targets) {
  Graph *written = graph_of_real(forward, DT_F64, arena); // has every input, used or not
  Graph *e = expanded(arena_printf(arena, "%s %s", forward, e_name));
  Graph *gradient = expanded(arena_printf(arena, "%s (grads %s %s)", forward, e_name, targets));
  EvalInputs in = draw_inputs(written, false, 7, arena);
  Scalar **d = values_of(gradient, &in, false, arena);
  const double eps = 1e-5;
  Sexpr names = sexpr_parse(targets, arena);
  for (uint32_t k = 0; k < names.n; k++) {
    uint32_t arg = argument(written, names.in[k].atom);
    for (int64_t i = 0; i < in.count[arg]; i++) {
      double x = in.value[arg][i].f;
      in.value[arg][i].f = x + eps;
      double up = value(e, &in);
      in.value[arg][i].f = x - eps;
      double down = value(e, &in);
      in.value[arg][i].f = x;
      double numeric = (up - down) / (2 * eps);
      ck_assert_msg(fabs(d[k][i].f - numeric) <= 1e-5 * (1 + fabs(numeric)),
                    "%s: %s[%d]: %.9g, differences give %.9g", what, names.in[k].atom, (int)i, d[k][i].f,
                    numeric);
    }
  }
}

static const char *text_with(const Case *c, const char *rest) {
  return arena_printf(arena, "%s %s", c->forward, rest);
}

START_TEST(the_first_derivative_is_that_of_central_differences) {
  check(cases[_i].name, cases[_i].forward, "e", cases[_i].targets);
}
END_TEST

// e2 = sum of squares of the gradients by the first target
START_TEST(the_second_derivative_is_that_of_central_differences) {
  const Case *c = &cases[_i];
  const Node *d;
  char first[16];
  snprintf(first, sizeof first, "%.*s", (int)strcspn(c->targets, " "), c->targets);
  const char *gradient = text_with(c, arena_printf(arena, "(= d (grad e %s))", first));
  Graph *probe = expanded(arena_printf(arena, "%s d", gradient));
  d = graph_node(probe, probe->roots[0]);
  StrBuf axes = {0};
  for (uint32_t i = 0; i < d->shape->rank; i++) sb_printf(&axes, "%u ", i);
  const char *forward =
      arena_printf(arena, "%s (= e2 (sum (mul d (add d 1)) [%s]))", gradient, sb_text(&axes));
  strbuf_free(&axes);
  check(c->name, forward, "e2", c->targets);
}
END_TEST

// The passes after autodiff change no gradient.
START_TEST(the_gradient_survives_the_other_passes) {
  const Case *c = &cases[_i];
  Graph *g = expanded(text_with(c, arena_printf(arena, "(grads e %s)", c->targets))), *h = g;
  uint32_t n, root;
  int64_t at;
  const PassInfo *passes = pass_table(&n);
  for (uint32_t i = 0; i < n; i++) h = passes[i].run(h, arena);
  EvalInputs in = draw_inputs(g, false, 7, arena);
  ck_assert_msg(!values_differ(g, h, &in, &root, &at, arena), "%s: root %u element %d", c->name, root,
                (int)at);
}
END_TEST

int main(void) {
  Suite *s = suite_create("gradients");
  TCase *t = tcase_create("gradients");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, the_first_derivative_is_that_of_central_differences, 0, N_CASES);
  tcase_add_loop_test(t, the_second_derivative_is_that_of_central_differences, 0, N_CASES);
  tcase_add_loop_test(t, the_gradient_survives_the_other_passes, 0, N_CASES);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
