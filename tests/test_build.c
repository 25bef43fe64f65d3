// Sizes, shape rules, the builder and reachability, each on the smallest graph that shows it.
#include "ir/build.h"
#include "ir/shape_rules.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static Arena *arena;
static Graph *g;
static Builder b;

static void setup(void) {
  arena = arena_new();
  g = graph_new(arena, "B", 32);
  b = (Builder){.g = g, .real = DT_F32, .path = ""};
}
static void teardown(void) { arena_free(arena); }

#define B_                                                                                                   \
  (Dim) { 1, 0 }
#define S(...) shape_of((Dim[]){__VA_ARGS__}, sizeof((Dim[]){__VA_ARGS__}) / sizeof(Dim))
#define D(n) dim_of(n)

static Shape shape_of(const Dim *d, size_t rank) {
  Shape s = {.rank = (uint32_t)rank};
  memcpy(s.d, d, rank * sizeof *d);
  return s;
}

static NodeId input(Shape s) { return b_input(&b, IN_ARG, 0, "x", DT_F32, s); }

static void expect_shape(NodeId id, Shape s) {
  StrBuf got = {0}, want = {0};
  shape_print(&got, graph_node(g, id)->shape, "B");
  shape_print(&want, &s, "B");
  ck_assert_str_eq(sb_text(&got), sb_text(&want));
  strbuf_free(&got);
  strbuf_free(&want);
}

START_TEST(a_size_prints_as_it_is_written) {
  StrBuf t = {0};
  Shape s = S(D(3), B_, (Dim){2, 1}, (Dim){1, -1}, (Dim){-1, 4});
  shape_print(&t, &s, "B");
  ck_assert_str_eq(sb_text(&t), "[3, B, 2*B + 1, B - 1, -B + 4]");
  strbuf_free(&t);
}
END_TEST

START_TEST(a_size_multiplies_and_divides_only_while_it_stays_linear) {
  Dim r;
  ck_assert(dim_mul((Dim){2, 1}, D(3), &r) && dim_eq(r, (Dim){6, 3}));
  ck_assert(!dim_mul(B_, B_, &r));
  ck_assert(dim_div((Dim){6, 3}, D(3), &r) && dim_eq(r, (Dim){2, 1}));
  ck_assert(!dim_div((Dim){6, 3}, D(2), &r));
  ck_assert(dim_div((Dim){6, 3}, (Dim){2, 1}, &r) && dim_is(r, 3));
  ck_assert(!dim_div(D(6), D(0), &r));
  ck_assert(!dim_add(D(INT64_MAX), D(1), &r));
}
END_TEST

START_TEST(broadcasting_stretches_a_static_one_and_never_a_dynamic_size) {
  Shape r, x = S(B_, D(1)), y = S(D(3)), z = S(D(4), D(3));
  unsigned axis = 9;
  ck_assert(shape_broadcast(&x, &y, &r, &axis) && r.rank == 2 && dim_eq(r.d[0], B_) && dim_is(r.d[1], 3));
  ck_assert(!shape_broadcast(&x, &z, &r, &axis));
  ck_assert_uint_eq(axis, 1);
}
END_TEST

START_TEST(a_reshape_may_move_a_dynamic_axis_but_not_change_the_count) {
  NodeId x = input(S(B_, D(4), D(3)));
  expect_shape(b_reshape(&b, x, S(B_, D(12))), S(B_, D(12)));
  expect_shape(b_reshape(&b, x, S((Dim){12, 0})), S((Dim){12, 0}));
  Node n = {.op = OP_RESHAPE, .n_in = 1, .in = &x};
  Shape to = S(B_, D(13));
  ck_assert_str_eq(shape_rule(g, &n, &to), "the number of elements differs");
  NodeId square = input(S(B_, D(2), B_));
  expect_shape(b_reshape(&b, square, S((Dim){2, 0}, B_)), S((Dim){2, 0}, B_));
}
END_TEST

START_TEST(a_slice_is_inside_for_every_size_or_refused) {
  NodeId x = input(S(B_));
  NodeId s = b_slice(&b, x, (Dim[]){D(0)}, (Dim[]){{1, -1}}, (int64_t[]){1}); // x[..B - 1]
  expect_shape(s, S((Dim){1, -1}));
  b_slice(&b, x, (Dim[]){{1, -1}}, (Dim[]){D(1)}, (int64_t[]){1}); // x[B - 1]
  Node n = {.op = OP_SLICE, .n_in = 1, .in = &x};
  n.attr.slice.start = (Dim[]){D(1)};
  n.attr.slice.stride = (int64_t[]){1};
  Shape to = S(D(1));
  ck_assert_str_eq(shape_rule(g, &n, &to), "the slice leaves its axis"); // x[1] when B = 1
}
END_TEST

START_TEST(a_pad_may_cut_and_dilate) {
  NodeId x = input(S(B_, D(5)));
  NodeId p = b_pad(&b, x, (Dim[]){D(1), D(-1)}, (Dim[]){D(0), D(2)}, (int64_t[]){0, 2}, (Scalar){.f = 0});
  expect_shape(p, S((Dim){1, 1}, D(14)));
}
END_TEST

START_TEST(gather_puts_the_index_axes_in_place_of_the_axis_and_shares_leading_ones) {
  NodeId x = input(S(B_, D(7), D(3))), i = b_iota(&b, DT_I32, S(B_, D(2)), 1);
  NodeId picked = b_gather(&b, x, i, 1, 1);
  expect_shape(picked, S(B_, D(2), D(3)));
  expect_shape(b_gather(&b, x, i, 1, 0), S(B_, B_, D(2), D(3)));
  expect_shape(b_scatter_add(&b, x, i, picked, 1, 1), S(B_, D(7), D(3)));
}
END_TEST

START_TEST(a_sum_of_small_integers_is_i32_and_reduced_axes_vanish) {
  NodeId x = b_iota(&b, DT_U8, S(B_, D(4), D(3)), 1);
  NodeId s = b_reduce(&b, OP_SUM, x, 1u << 0 | 1u << 2);
  expect_shape(s, S(D(4)));
  ck_assert_int_eq(graph_node(g, s)->dtype, DT_I32);
}
END_TEST

START_TEST(an_operation_without_a_meaning_for_the_type_is_refused) {
  NodeId i = b_iota(&b, DT_I32, S(D(4)), 0);
  Node n = {.op = OP_EXP, .n_in = 1, .in = &i};
  ck_assert_str_eq(shape_rule(g, &n, &(Shape){0}), "not defined for this type");
}
END_TEST

START_TEST(too_many_elements_are_refused) {
  Node n = {.op = OP_INPUT, .dtype = DT_F32};
  Shape to = S(D(INT64_C(1) << 30), D(INT64_C(1) << 30));
  ck_assert_str_eq(shape_rule(g, &n, &to), "the size does not fit");
}
END_TEST

static NodeId product(Shape x, Shape y) { return b_matmul(&b, input(x), input(y)); }

START_TEST(matmul_has_the_shapes_of_numpy) {
  expect_shape(product(S(D(5)), S(D(5))), (Shape){0});
  expect_shape(product(S(B_, D(4), D(5)), S(D(5))), S(B_, D(4)));
  expect_shape(product(S(D(5)), S(B_, D(5), D(2))), S(B_, D(2)));
  expect_shape(product(S(D(4), D(5)), S(B_, D(5), D(2))), S(B_, D(4), D(2)));
  expect_shape(product(S(B_, D(1), D(4), D(5)), S(D(3), D(5), D(2))), S(B_, D(3), D(4), D(2)));
  expect_shape(product(S(D(3), D(4), D(5)), S(B_, D(1), D(5), D(2))), S(B_, D(3), D(4), D(2)));
}
END_TEST

START_TEST(the_common_matmul_is_one_dot_without_batch_axes) {
  NodeId x = input(S(B_, D(4), D(5))), w = input(S(D(5), D(2)));
  NodeId d = b_matmul(&b, x, w);
  ck_assert_uint_eq(d, w + 1);
  ck_assert_int_eq(graph_node(g, d)->op, OP_DOT);
  ck_assert_uint_eq(graph_node(g, d)->attr.dot.nb, 0);
}
END_TEST

START_TEST(a_misfit_of_matmul_says_which) {
  Shape out, x = S(B_, D(4)), y = S(D(5), D(2)), z = S(D(3), D(4), D(1)), w = S(D(2), D(7), D(4)), e = {0};
  const char *why;
  ck_assert(!matmul_fits(&x, &y, &out, &why));
  ck_assert_str_eq(why, "the inner sizes differ");
  ck_assert(!matmul_fits(&w, &z, &out, &why));
  ck_assert_str_eq(why, "the leading axes do not fit");
  ck_assert(!matmul_fits(&x, &e, &out, &why));
  ck_assert_str_eq(why, "a scalar has no matrix product");
}
END_TEST

static bool reaches(NodeId e, NodeId at, NodeId *cut) {
  const Arrivals all = graph_arrivals(g, e, 0, g->arena), from = graph_arrivals(g, e, at, g->arena);
  bool arrives = graph_arrives(&all, at);
  *cut = arrives ? NO_NODE : graph_cut(g, &all, at);
  ck_assert(graph_arrives(&from, at) == arrives);
  Reach grown = {0}; // by one node after the other
  for (NodeId id = 0; id < e; id++) graph_reaches(&grown, g, id, &at, 1, g->arena);
  ck_assert(graph_reaches(&grown, g, e, &at, 1, g->arena) == arrives);
  ck_assert(graph_reaches(&(Reach){0}, g, e, (NodeId[]){at, e}, 2, g->arena));
  return arrives;
}

START_TEST(a_cotangent_reaches_through_arithmetic_and_not_through_stop_grad) {
  NodeId x = input(S(D(3)));
  NodeId y = b_ew1(&b, OP_EXP, x), s = b_stop_grad(&b, y);
  NodeId e = b_reduce(&b, OP_SUM, y, 1), f = b_reduce(&b, OP_SUM, s, 1), cut;
  ck_assert(reaches(e, x, &cut));
  ck_assert_uint_eq(cut, NO_NODE);
  ck_assert(!reaches(f, x, &cut));
  ck_assert_uint_eq(cut, s);
  NodeId other = input(S(D(3)));
  ck_assert(!reaches(e, other, &cut));
  ck_assert_uint_eq(cut, NO_NODE);
}
END_TEST

START_TEST(where_an_index_cuts_the_way_the_cast_is_named) {
  NodeId x = input(S(D(3))), i = b_cast(&b, x, DT_I32);
  NodeId e = b_reduce(&b, OP_SUM, b_gather(&b, input(S(D(9))), i, 0, 0), 1), cut;
  ck_assert(!reaches(e, x, &cut));
  ck_assert_uint_eq(cut, i);
}
END_TEST

START_TEST(a_gradient_depends_on_what_its_expression_depends_on) {
  NodeId x = input((Shape){0}), w = input((Shape){0});
  NodeId e = b_ew2(&b, OP_MUL, b_ew1(&b, OP_EXP, x), w);
  NodeId p = b_proj(&b, b_grad(&b, e, &x, 1), 0, DT_F32, (Shape){0}), cut;
  ck_assert(reaches(p, w, &cut));
}
END_TEST

int main(void) {
  Suite *s = suite_create("build");
  TCase *t = tcase_create("build");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_size_prints_as_it_is_written);
  tcase_add_test(t, a_size_multiplies_and_divides_only_while_it_stays_linear);
  tcase_add_test(t, broadcasting_stretches_a_static_one_and_never_a_dynamic_size);
  tcase_add_test(t, a_reshape_may_move_a_dynamic_axis_but_not_change_the_count);
  tcase_add_test(t, a_slice_is_inside_for_every_size_or_refused);
  tcase_add_test(t, a_pad_may_cut_and_dilate);
  tcase_add_test(t, gather_puts_the_index_axes_in_place_of_the_axis_and_shares_leading_ones);
  tcase_add_test(t, a_sum_of_small_integers_is_i32_and_reduced_axes_vanish);
  tcase_add_test(t, an_operation_without_a_meaning_for_the_type_is_refused);
  tcase_add_test(t, too_many_elements_are_refused);
  tcase_add_test(t, matmul_has_the_shapes_of_numpy);
  tcase_add_test(t, the_common_matmul_is_one_dot_without_batch_axes);
  tcase_add_test(t, a_misfit_of_matmul_says_which);
  tcase_add_test(t, a_cotangent_reaches_through_arithmetic_and_not_through_stop_grad);
  tcase_add_test(t, where_an_index_cuts_the_way_the_cast_is_named);
  tcase_add_test(t, a_gradient_depends_on_what_its_expression_depends_on);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
