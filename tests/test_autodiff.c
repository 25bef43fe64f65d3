// The reverse walk: which nodes it makes, by whose identity, and in which shape. (That each row's derivative
// is right is for the tests of the rows.) Graphs are written as graph_text.h reads them.
#include "graph_text.h"
#include "passes/passes.h"

#include <check.h>

static Arena *arena;
static void setup(void) { arena = arena_new(); }
static void teardown(void) { arena_free(arena); }

static Graph *expanded(const char *text) { return pass_autodiff(graph_of(text, arena), arena); }

static void gives(const char *text, const char *expected) {
  ck_assert_str_eq(show(expanded(text)), show(graph_of(expected, arena)));
}

static uint32_t count(const Graph *g, Op op) {
  uint32_t n = 0;
  for (NodeId id = 0; id < g->len; id++) n += graph_node(g, id)->op == op;
  return n;
}

START_TEST(a_derivative_is_by_identity_not_by_value) {
  gives("(= a (mul w:f32 w)) (= b (mul w w)) (grads (mul a b) a b)", "(mul w:f32 w) (mul w w)");
  Graph *g = expanded("(= a (mul w:f32 w)) (= b (mul w w)) (grads (mul a b) a)");
  ck_assert_uint_eq(g->len, 2); // w, b
}
END_TEST

START_TEST(a_target_that_is_not_reached_gives_zeros) {
  gives("(grads (sum x:f32[3] [0]) y:f32[2,N])", "0:f32[2,N]");
  gives("(grads (sum x:f32[3] [0]) k:i32[2])", "0:i32[2]");
  gives("(grads (sum (floor x:f32[3]) [0]) x)", "0:f32[3]");
  gives("(grads (sum (cast (gt x:f32[3] 0) f32) [0]) x)", "0:f32[3]");
}
END_TEST

START_TEST(the_target_may_be_the_result) { gives("(= y (mul x:f32 3)) (grads y y)", "1"); }
END_TEST

START_TEST(an_elementwise_chain_follows_the_table) {
  gives("(grads (exp (tanh x:f32)) x)", "(= t (tanh x:f32)) (= y (exp t)) (mul y (sub 1 (mul t t)))");
  gives("(grads (div x:f32 y:f32) x y)", "(div 1 y:f32) (neg (div (div x:f32 y) y))");
}
END_TEST

START_TEST(contributions_are_added_from_the_last_user_to_the_first) {
  gives("(grads (add (exp x:f32) (mul x 3)) x)", "(add 3 (exp x:f32))");
}
END_TEST

START_TEST(no_derivative_is_built_for_what_leads_to_no_target) {
  Graph *g = expanded("(grads (mul (exp x:f32) (sin y:f32)) x)");
  ck_assert_uint_eq(count(g, OP_COS), 0);
  ck_assert_str_eq(show(g), "(mul (sin y:f32[]) (exp x:f32[]))");
}
END_TEST

START_TEST(stretched_axes_are_summed_once) {
  gives("(grads (sum (mul x:f32[N,3] b:f32[3]) [0,1]) b)", "(sum x:f32[N,3] [0])");
  gives("(grads (sum (mul x:f32[N,3] b:f32[N,1]) [0,1]) b)", "(reshape (sum x:f32[N,3] [1]) [N,1])");
  gives("(grads (sum (mul x:f32[N,3] b:f32) [0,1]) b)", "(sum x:f32[N,3] [0,1])");
  gives("(grads (sum (mul x:f32[4,N,3] b:f32[4,1,3]) [0,1,2]) b)",
        "(reshape (sum x:f32[4,N,3] [1]) [4,1,3])");
}
END_TEST

START_TEST(a_constant_cotangent_is_counted_not_summed) {
  gives("(grads (sum (add x:f32[5,3] b:f32[3]) [0,1]) b)", "5:f32[3]");
  gives("(grads (sum (add x:f32[N,3] b:f32[3]) [0,1]) b)", "(broadcast (batch) [3])");
  gives("(grads (sum (broadcast b:f32[3] [2,3]) [0,1]) b)", "2:f32[3]");
}
END_TEST

START_TEST(the_cotangent_of_a_sum_is_not_materialised) {
  Graph *g = expanded("(= s (sum x:f32[N,3] [1])) (= q (mul s s)) (grads (sum q [0]) x)");
  ck_assert_uint_eq(count(g, OP_BROADCAST), 1); // of the result only
  g = expanded("(= s (sum (exp x:f32[N,3]) [1])) (grads (sum (log s) [0]) x)");
  ck_assert_uint_eq(count(g, OP_BROADCAST), 0);
}
END_TEST

START_TEST(a_tied_maximum_shares) {
  gives("(grads (sum (max x:f32[3] y:f32[3]) [0]) x)",
        "(select (gt x:f32[3] y:f32[3]) 1 (select (eq x y) 0.5 0))");
  gives("(grads (sum (rmax x:f32[2,3] [1]) [0]) x)",
        "(= eq (eq x:f32[2,3] (reshape (rmax x [1]) [2,1])))"
        "(select eq (div 1 (reshape (sum (cast eq f32) [1]) [2,1])) 0)");
}
END_TEST

START_TEST(structural_operations_are_undone) {
  gives("(= w w:f32[3,2]) (grads (sum (mul (transpose x:f32[2,3] [1,0]) w) [0,1]) x)",
        "(transpose w:f32[3,2] [1,0])");
  gives("(grads (sum (mul (reshape x:f32[2,3] [6]) w:f32[6]) [0]) x)", "(reshape w:f32[6] [2,3])");
  gives("(grads (sum (mul (slice x:f32[N,7] [0,1] [N,3] [1,2]) w:f32[N,3]) [0,1]) x)",
        "(pad w:f32[N,3] [0,1] [0,1] [0,1] 0)");
  gives("(grads (sum (slice x:f32[N,7] [0,1] [N,3] [1,2]) [0,1]) x)",
        "(broadcast (pad 1:f32[1,3] [0,1] [0,1] [0,1] 0) [N,7])");
  gives("(grads (sum (mul (pad x:f32[3] [1] [2] [1] 9) w:f32[8]) [0]) x)", "(slice w:f32[8] [1] [3] [2])");
  gives("(grads (sum (mul (pad x:f32[4] [-1] [2] [0] 9) w:f32[5]) [0]) x)", "(pad w:f32[5] [1] [-2] [0] 0)");
  gives("(grads (sum (mul (concat x:f32[2,3] y:f32[2,4] 1) w:f32[2,7]) [0,1]) y)",
        "(slice w:f32[2,7] [0,3] [2,4] [1,1])");
  gives("(grads (sum (mul (concat x:f32[2,3] y:f32[2,4] 1) w:f32[2,1]) [0,1]) y)",
        "(broadcast w:f32[2,1] [2,4])");
  gives("(grads (sum (mul (reverse x:f32[3] [0]) w:f32[3]) [0]) x)", "(reverse w:f32[3] [0])");
}
END_TEST

START_TEST(gather_and_scatter_add_are_each_others_derivative) {
  gives("(grads (sum (mul (gather x:f32[5,3] i:i32[2] 0 0) w:f32[2,3]) [0,1]) x)",
        "(scatter_add 0:f32[5,3] i:i32[2] w:f32[2,3] 0 0)");
  gives("(grads (sum (mul (scatter_add x:f32[5] i:i32[2] u:f32[2] 0 0) w:f32[5]) [0]) x u)",
        "w:f32[5] (gather w:f32[5] i:i32[2] 0 0)");
}
END_TEST

START_TEST(one_index_a_row_is_differentiated_by_comparison) {
  gives("(grads (sum (gather x:f32[N,3] i:i32[N] 1 1) [0]) x)",
        "(select (eq (iota i32[1,3] 1) (reshape i:i32[N] [N,1])) 1 0)");
}
END_TEST

START_TEST(a_matrix_product_needs_no_transpose) {
  gives("(grads (sum (mul (matmul x:f32[N,3] w:f32[3,2]) d:f32[N,2]) [0,1]) x w)",
        "(dot d:f32[N,2] w:f32[3,2] [] [] [1] [1]) (dot x:f32[N,3] d [] [] [0] [0])");
  // x @ w.T as one dot: the derivative by w comes out in w's order with the operands exchanged
  gives("(grads (sum (mul (dot x:f32[N,3] w:f32[2,3] [] [] [1] [1]) d:f32[N,2]) [0,1]) w)",
        "(dot d:f32[N,2] x:f32[N,3] [] [] [0] [0])");
  gives("(grads (sum (mul (matmul x:f32[4,N,3] w:f32[4,3,2]) d:f32[4,N,2]) [0,1,2]) x w)",
        "(dot d:f32[4,N,2] w:f32[4,3,2] [0] [0] [2] [2]) (dot x:f32[4,N,3] d [0] [0] [1] [1])");
  gives("(grads (sum (mul (matmul x:f32[3] w:f32[3,2]) d:f32[2]) [0]) x w)",
        "(dot d:f32[2] w:f32[3,2] [] [] [0] [1]) (dot x:f32[3] d [] [] [] [])");
}
END_TEST

START_TEST(two_contracted_axes_out_of_order_come_back_in_the_inputs_order) {
  // contracts x's axes (0, 2) with w's (1, 0): dx has axes free, then w's 0, 1 = x's 2, 0
  gives("(grads (sum (mul (dot x:f32[2,5,3] w:f32[3,2,4] [] [] [0,2] [1,0]) d:f32[5,4]) [0,1]) x)",
        "(transpose (dot d:f32[5,4] w:f32[3,2,4] [] [] [1] [2]) [2,0,1])");
}
END_TEST

START_TEST(second_order_walks_the_derivative) {
  gives("(= d (grad (exp x:f32) x)) (grads d x)", "(exp x:f32)");
  gives("(= d (grad (mul x:f32 (mul x x)) x)) (grads d x)", "(add (add (add (add (add x:f32 x) x) x) x) x)");
}
END_TEST

START_TEST(a_gradient_is_a_variable_of_its_own) {
  // g = d(a b)/da is the node b, but b is not g
  gives("(= g (grad (mul a:f32 b:f32) a)) (grads (mul g b) g b)", "b:f32 (add b:f32 b)");
}
END_TEST

START_TEST(stop_grad_cuts_and_vanishes) {
  gives("(grads (mul x:f32 (stop_grad (exp x))) x)", "(exp x:f32)");
  gives("(= s (stop_grad x:f32)) (grads (mul x s) x s)", "x:f32 x");
  gives("(stop_grad x:f32)", "x:f32");
}
END_TEST

#define RELU "(rule relu (x:f32[N,3] y:f32[N,3] dy:f32[N,3]) (select (gt x 0) dy 0))"

START_TEST(a_custom_rule_replaces_the_derived_one) {
  gives(RELU "(= r (custom_vjp relu (max x:f32[N,3] 0) x)) (grads (sum (mul r w:f32[N,3]) [0,1]) x)",
        "(select (gt x:f32[N,3] 0) w:f32[N,3] 0)");
  gives(RELU "(custom_vjp relu (max x:f32[N,3] 0) x)", "(max x:f32[N,3] 0)");
}
END_TEST

START_TEST(a_custom_rule_serves_every_gradient_of_its_node) {
  gives(RELU "(= r (custom_vjp relu (max x:f32[N,3] 0) x))"
             "(grads (sum (mul r w:f32[N,3]) [0,1]) x) (grads (sum (mul r v:f32[N,3]) [0,1]) x)",
        "(= m (gt x:f32[N,3] 0)) (select m w:f32[N,3] 0) (select m v:f32[N,3] 0)");
}
END_TEST

START_TEST(a_custom_rule_may_leave_an_input_without_gradient) {
  gives("(rule f (x:f32 k:f32 y:f32 dy:f32) (mul dy k) _)"
        "(grads (custom_vjp f (mul x:f32 k:f32) x k) x k)",
        "(mul 1 k:f32) 0");
}
END_TEST

START_TEST(the_derivative_of_a_custom_rule_is_the_rules_again) {
  // y' = y by the rule, whatever y is: so y'' = y' = y
  gives("(rule f (x:f32 y:f32 dy:f32) (mul dy y))"
        "(= y (custom_vjp f (sin x:f32) x)) (grads (grad y x) x)",
        "(mul 1 (sin x:f32))");
}
END_TEST

START_TEST(a_rule_may_hold_gradients_itself) {
  gives("(rule f (x:f32 y:f32 dy:f32) (mul dy (grad (mul x x) x)))"
        "(grads (custom_vjp f (sin x:f32) x) x)",
        "(mul 1 (add x:f32 x))");
}
END_TEST

START_TEST(effects_stay_and_reads_are_leaves) {
  gives("(= w (read 0 0 f32[3])) (= g (grad (sum (mul w w) [0]) w)) (= u (write 0 0 (sub w g))) u (read 0 1 "
        "f32[3] u)",
        "(= w (read 0 0 f32[3])) (= u (write 0 0 (sub w (add w w)))) u (read 0 1 f32[3] u)");
}
END_TEST

// The step of an MLP as the library writes it: two Dense, relu, mean cross entropy.
#define MLP                                                                                                  \
  "(rule relu (x:f32[N,5] y:f32[N,5] dy:f32[N,5]) (select (gt x 0) dy 0))"                                   \
  "(= h (add (matmul x:f32[N,4] w1:f32[4,5]) b1:f32[5])) (= r (custom_vjp relu (max h 0) h))"                \
  "(= z (add (matmul r w2:f32[5,3]) b2:f32[3]))"                                                             \
  "(= m (sub z (stop_grad (reshape (rmax z [1]) [N,1]))))"                                                   \
  "(= lp (sub (log (sum (exp m) [1])) (gather m label:i32[N] 1 1)))"                                         \
  "(= loss (div (sum lp [0]) (batch)))"

START_TEST(an_mlp_has_no_node_too_many) {
  Graph *g = expanded(MLP "(grads loss w1 b1 w2 b2)");
  ck_assert_uint_eq(count(g, OP_BROADCAST), 0);
  ck_assert_uint_eq(count(g, OP_SCATTER_ADD), 0);
  ck_assert_uint_eq(count(g, OP_DOT), 5); // two forward, one for each of w1 w2 r
  ck_assert_uint_eq(count(g, OP_TRANSPOSE), 0);
  ck_assert_uint_eq(count(g, OP_SUM), 3); // softmax, b1, b2 (nobody reads the loss)
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    for (uint32_t i = 0; i < n->n_in; i++) {
      const Node *x = graph_node(g, n->in[i]);
      bool number = x->op == OP_CONST && x->attr.konst.count == 1;
      ck_assert(!(n->op == OP_MUL && number && x->attr.konst.data[0].f == 1));
      ck_assert(!(n->op == OP_ADD && number && x->attr.konst.data[0].f == 0));
    }
  }
}
END_TEST

START_TEST(every_node_that_is_left_has_a_use) {
  Graph *g = expanded(MLP "loss (grads loss w1 b1 w2 b2)");
  bool *used = ARENA_ARRAY(arena, g->len, bool);
  for (uint32_t i = 0; i < g->n_roots; i++) used[g->roots[i]] = true;
  for (NodeId id = 0; id < g->len; id++)
    for (uint32_t i = 0; i < graph_node(g, id)->n_in; i++) used[graph_node(g, id)->in[i]] = true;
  for (NodeId id = 0; id < g->len; id++)
    ck_assert_msg(used[id], "node %u (%s)", id, op_name(graph_node(g, id)->op));
}
END_TEST

START_TEST(a_derivative_has_the_place_and_path_of_its_forward_node) {
  Graph *g = graph_of("(= y (exp x:f32)) (grads (mul y y) x)", arena);
  for (NodeId id = 0; id < g->len; id++) {
    graph_change(g, id)->span = (Span){1, id, id + 1};
    graph_change(g, id)->path = graph_node(g, id)->op == OP_EXP ? "net.e" : "net";
  }
  g = pass_autodiff(g, arena);
  const Node *last = graph_node(g, g->roots[0]); // dy * y of exp
  ck_assert_int_eq(last->op, OP_MUL);
  ck_assert_str_eq(last->path, "net.e");
  ck_assert_uint_eq(last->span.begin, 1);
}
END_TEST

int main(void) {
  const TTest *const tests[] = {
      a_derivative_is_by_identity_not_by_value,
      a_target_that_is_not_reached_gives_zeros,
      the_target_may_be_the_result,
      an_elementwise_chain_follows_the_table,
      contributions_are_added_from_the_last_user_to_the_first,
      no_derivative_is_built_for_what_leads_to_no_target,
      stretched_axes_are_summed_once,
      a_constant_cotangent_is_counted_not_summed,
      the_cotangent_of_a_sum_is_not_materialised,
      a_tied_maximum_shares,
      structural_operations_are_undone,
      gather_and_scatter_add_are_each_others_derivative,
      one_index_a_row_is_differentiated_by_comparison,
      a_matrix_product_needs_no_transpose,
      two_contracted_axes_out_of_order_come_back_in_the_inputs_order,
      second_order_walks_the_derivative,
      a_gradient_is_a_variable_of_its_own,
      stop_grad_cuts_and_vanishes,
      a_custom_rule_replaces_the_derived_one,
      a_custom_rule_serves_every_gradient_of_its_node,
      a_custom_rule_may_leave_an_input_without_gradient,
      the_derivative_of_a_custom_rule_is_the_rules_again,
      a_rule_may_hold_gradients_itself,
      effects_stay_and_reads_are_leaves,
      an_mlp_has_no_node_too_many,
      every_node_that_is_left_has_a_use,
      a_derivative_has_the_place_and_path_of_its_forward_node,
  };
  Suite *s = suite_create("autodiff");
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    TCase *t = tcase_create(tests[i]->name);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, tests[i]);
    suite_add_tcase(s, t);
  }
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
