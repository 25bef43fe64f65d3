// Each invariant broken once: a good graph passes, and after one field is changed the verifier names it.
#include "ir/build.h"
#include "ir/verify.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static Arena *arena;
static Graph *g;
static Builder b;

static void setup(void) {
  arena = arena_new();
  g = graph_new(arena, "B", 8);
  b = (Builder){.g = g, .real = DT_F32, .path = ""};
}
static void teardown(void) { arena_free(arena); }

static NodeId matrix(int64_t n) { return b_input(&b, IN_ARG, 0, "x", DT_F32, (Shape){2, {{1, 0}, {0, n}}}); }

static void expect(unsigned flags, const char *text) {
  StrBuf why = {0};
  bool ok = graph_verify(g, flags, &why);
  ck_assert_str_eq(sb_text(&why), text);
  ck_assert_int_eq(ok, *text == '\0');
  strbuf_free(&why);
}

// Those of this node alone.
static Dim *sizes_to_change(NodeId id) {
  Shape *own = arena_copy(arena, graph_node(g, id)->shape, sizeof *own);
  graph_change(g, id)->shape = own;
  return own->d;
}

START_TEST(a_built_graph_passes) {
  NodeId x = matrix(4), y = b_ew1(&b, OP_TANH, x);
  NodeId e = b_reduce(&b, OP_SUM, y, 3), i = b_iota(&b, DT_I32, (Shape){1, {{1, 0}}}, 0);
  NodeId p = b_proj(&b, b_grad(&b, e, &x, 1), 0, DT_F32, *graph_node(g, x)->shape);
  b_reshape(&b, p, (Shape){1, {{4, 0}}});
  b_transpose(&b, p, (uint8_t[]){1, 0});
  b_gather(&b, p, i, 1, 1);
  b_concat(&b, (NodeId[]){x, y}, 2, 0);
  b_pad(&b, x, (Dim[]){{0, 1}, {0, 0}}, (Dim[]){{0, -1}, {0, 2}}, (int64_t[]){0, 1}, (Scalar){.f = 0});
  b_slice(&b, x, (Dim[]){{1, -1}, {0, 1}}, (Dim[]){{0, 1}, {0, 2}}, (int64_t[]){1, 2});
  b_arg(&b, OP_ARGMAX, x, 1);
  b_ew2(&b, OP_ADD, x, b_broadcast(&b, b_scalar(&b, DT_F32, 1), *graph_node(g, x)->shape));
  NodeId w = b_read(&b, 0, 0, DT_F32, (Shape){2, {{0, 4}, {0, 4}}}, NO_NODE);
  b_matmul(&b, x, w);
  NodeId write = b_write(&b, 0, 0, w);
  NodeId r = b_read(&b, 0, 1, DT_F32, (Shape){2, {{0, 4}, {0, 4}}}, write);
  graph_set_roots(g, (NodeId[]){r, write}, 2);
  expect(VERIFY_ANY, "");
  graph_set_roots(g, (NodeId[]){r}, 1);
  expect(VERIFY_ANY, "%18 write: an effect is a root\n");
}
END_TEST

START_TEST(derivatives_may_not_stand_after_autodiff) {
  NodeId e = b_input(&b, IN_STEP, 0, NULL, DT_F32, (Shape){0});
  b_grad(&b, e, &e, 1);
  expect(VERIFY_ANY, "");
  expect(VERIFY_NO_AD, "%1 grad: stands after autodiff\n");
}
END_TEST

START_TEST(a_wrong_shape_or_type_is_found) {
  NodeId x = matrix(4), y = b_ew1(&b, OP_TANH, x);
  sizes_to_change(y)[1].b = 5;
  expect(VERIFY_ANY, "%1 tanh: the shape is not the operand's\n");
  sizes_to_change(y)[1].b = 4;
  graph_change(g, y)->dtype = DT_F64;
  expect(VERIFY_ANY, "%1 tanh: the type is not the operand's\n");
  graph_change(g, y)->dtype = DT_F32;
  ((NodeId *)graph_node(g, y)->in)[0] = y;
  expect(VERIFY_ANY, "%1 tanh: an operand does not precede it\n");
}
END_TEST

START_TEST(a_broadcast_must_be_of_its_operands) {
  NodeId x = matrix(4), y = matrix(1), s = b_ew2(&b, OP_ADD, x, y);
  expect(VERIFY_ANY, "");
  sizes_to_change(s)[0] = dim_of(1);
  expect(VERIFY_ANY, "%2 add: the shape is not the broadcast of the operands'\n");
}
END_TEST

START_TEST(attributes_stay_in_range) {
  NodeId x = matrix(4), t = b_transpose(&b, x, (uint8_t[]){1, 0});
  graph_change(g, t)->attr.perm[0] = 0;
  expect(VERIFY_ANY, "%1 transpose: an axis has the wrong size\n");
  graph_change(g, t)->attr.perm[0] = 1;
  NodeId s = b_slice(&b, x, (Dim[]){{0, 0}, {0, 1}}, (Dim[]){{1, 0}, {0, 3}}, (int64_t[]){1, 1});
  expect(VERIFY_ANY, "");
  ((Dim *)graph_node(g, s)->attr.slice.start)[1].b = 2;
  expect(VERIFY_ANY, "%2 slice: it leaves the axis\n");
}
END_TEST

START_TEST(a_convolution_has_as_many_windows_as_fit) {
  NodeId x = b_input(&b, IN_ARG, 0, "x", DT_F32, (Shape){3, {{1, 0}, {0, 4}, {0, 9}}});
  NodeId w = b_input(&b, IN_ARG, 1, "w", DT_F32, (Shape){3, {{0, 6}, {0, 2}, {0, 3}}});
  ConvAttr c = {.stride = {2}, .lhs_dilation = {1}, .rhs_dilation = {2}, .lo = {1}, .groups = 2};
  NodeId y = b_conv(&b, x, w, &c); // (9 + 1 - 5) / 2 + 1
  expect(VERIFY_ANY, "");
  sizes_to_change(y)[2].b = 4;
  expect(VERIFY_ANY, "%2 conv: the last window leaves the input\n");
  sizes_to_change(y)[2].b = 2;
  expect(VERIFY_ANY, "%2 conv: there is room for another window\n");
  sizes_to_change(y)[2].b = 3;
  ((ConvAttr *)graph_node(g, y)->attr.conv)->groups = 3;
  expect(VERIFY_ANY, "%2 conv: the channels differ\n");
}
END_TEST

START_TEST(windows_are_as_many_as_fit_and_their_indices_one_each) {
  NodeId x = b_input(&b, IN_ARG, 0, "x", DT_F32, (Shape){2, {{1, 0}, {0, 7}}});
  WindowAttr w = {.window = {1, 3}, .stride = {1, 2}, .lo = {0, 1}};
  NodeId i = b_window(&b, OP_ARGWINDOW, &x, 1, &w), y = b_window(&b, OP_SAMPLE, (NodeId[]){x, i}, 2, &w);
  expect(VERIFY_ANY, "");
  sizes_to_change(y)[1].b = 2;
  expect(VERIFY_ANY, "%2 sample: there is room for another window\n");
  sizes_to_change(y)[1].b = 3;
  graph_change(g, i)->dtype = DT_F32;
  expect(VERIFY_ANY, "%1 argwindow: the type is wrong\n");
}
END_TEST

START_TEST(an_element_count_that_only_fits_one_size_is_found) {
  NodeId x = matrix(4), r = b_reshape(&b, x, (Shape){1, {{4, 0}}});
  sizes_to_change(r)[0] = (Dim){3, 1}; // right for B = 1
  expect(VERIFY_ANY, "%1 reshape: the number of elements differs\n");
}
END_TEST

START_TEST(a_version_is_made_once_and_after_the_one_before) {
  NodeId x = b_input(&b, IN_STEP, 0, NULL, DT_F32, (Shape){0});
  NodeId w = b_write(&b, 0, 1, x);
  graph_set_roots(g, &w, 1);
  expect(VERIFY_ANY, "%1 write: the version it replaces is never made\n");
  graph_change(g, w)->attr.store.version = 0;
  expect(VERIFY_ANY, "");
  NodeId again = b_write(&b, 0, 0, x);
  graph_set_roots(g, (NodeId[]){w, again}, 2);
  expect(VERIFY_ANY, "%1 write: a version is made twice\n%2 write: a version is made twice\n");
}
END_TEST

START_TEST(a_read_of_a_later_version_hangs_on_its_maker) {
  NodeId x = b_input(&b, IN_STEP, 0, NULL, DT_F32, (Shape){0});
  NodeId w = b_write(&b, 0, 0, x);
  NodeId r = b_read(&b, 0, 1, DT_F32, (Shape){0}, w);
  graph_set_roots(g, &w, 1);
  expect(VERIFY_ANY, "");
  graph_change(g, r)->attr.store.id = 1;
  expect(VERIFY_ANY, "%2 read: the operand does not make this version\n");
}
END_TEST

START_TEST(a_function_is_checked_against_its_stores_and_inputs) {
  NodeId x = matrix(4);
  NodeId w = b_read(&b, 0, 0, DT_F32, (Shape){0}, NO_NODE);
  graph_set_roots(g, (NodeId[]){x, w}, 2);
  Store store = {.name = "w", .dtype = DT_F64};
  FnInput input = {.name = "x", .dtype = DT_F32, .shape = *graph_node(g, x)->shape};
  RootInfo roots[] = {{ROOT_RESULT, "x"}, {ROOT_REPORT, "w"}};
  Function f = {.name = "f", .g = g, .roots = roots, .inputs = &input, .n_inputs = 1};
  Program p = {.stores = &store, .n_stores = 1, .fns = &f, .n_fns = 1};
  StrBuf why = {0};
  ck_assert(!program_verify(&p, VERIFY_ANY, &why));
  ck_assert_str_eq(sb_text(&why), "f: %1 read: type or shape is not the store's\n");
  strbuf_free(&why);
  store.dtype = DT_F32;
  ck_assert(program_verify(&p, VERIFY_ANY, &why));
  f.n_inputs = 0;
  ck_assert(!program_verify(&p, VERIFY_ANY, &why));
  ck_assert_str_eq(sb_text(&why), "f: %0 input: no such argument\n");
  strbuf_free(&why);
}
END_TEST

int main(void) {
  Suite *s = suite_create("verify");
  TCase *t = tcase_create("verify");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_built_graph_passes);
  tcase_add_test(t, derivatives_may_not_stand_after_autodiff);
  tcase_add_test(t, a_wrong_shape_or_type_is_found);
  tcase_add_test(t, a_broadcast_must_be_of_its_operands);
  tcase_add_test(t, attributes_stay_in_range);
  tcase_add_test(t, windows_are_as_many_as_fit_and_their_indices_one_each);
  tcase_add_test(t, a_convolution_has_as_many_windows_as_fit);
  tcase_add_test(t, an_element_count_that_only_fits_one_size_is_found);
  tcase_add_test(t, a_version_is_made_once_and_after_the_one_before);
  tcase_add_test(t, a_read_of_a_later_version_hangs_on_its_maker);
  tcase_add_test(t, a_function_is_checked_against_its_stores_and_inputs);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
