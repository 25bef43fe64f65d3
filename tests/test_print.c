// The printed text of a graph that holds one of everything with an attribute.
#include "ir/build.h"
#include "ir/print.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#define DIM(n) dim_of(n)

START_TEST(a_node_is_a_line_of_operands_attributes_and_place) {
  Arena *a = arena_new();
  Graph *g = graph_new(a, "B", 32);
  SourceMap *sources = source_map_new(a);
  uint32_t file = source_add(sources, "m.nn", "let a = 1;\nlet b = 2;\n", 22, false);
  Builder b = {.g = g, .real = DT_F32, .path = ""};
  NodeId x = b_input(&b, IN_ARG, 0, "x", DT_F32, (Shape){2, {{1, 0}, {0, 4}}});
  NodeId w = b_read(&b, 0, 0, DT_F32, (Shape){2, {{0, 4}, {0, 3}}}, NO_NODE);
  b.path = "net.dense_0";
  b.span = (Span){file, 15, 16};
  NodeId d = b_matmul(&b, x, w);
  b.path = "";
  NodeId s = b_reduce(&b, OP_SUM, d, 3);
  b.span = (Span){0};
  b_scalar(&b, DT_F32, 0.1);
  b_tensor(&b, DT_I32, (Shape){1, {{0, 3}}}, (Scalar[]){{.i = 1}, {.i = -2}, {.i = 3}}, 3);
  b_splat(&b, DT_MASK, (Shape){1, {{0, 3}}}, (Scalar){.i = 1});
  b_transpose(&b, d, (uint8_t[]){1, 0});
  b_slice(&b, d, (Dim[]){DIM(0), DIM(0)}, (Dim[]){{1, -1}, DIM(2)}, (int64_t[]){1, 2});
  b_pad(&b, d, (Dim[]){DIM(1), DIM(0)}, (Dim[]){DIM(0), DIM(-1)}, (int64_t[]){0, 1},
        (Scalar){.f = -INFINITY});
  b_rand(&b, OP_RAND, DT_F32, (Shape){0}, 0xabc);
  NodeId im = b_splat(&b, DT_F32, (Shape){3, {{0, 1}, {0, 2}, {0, 5}}}, (Scalar){.f = 1});
  b_conv(&b, im, im,
         &(ConvAttr){.stride = {2}, .lhs_dilation = {1}, .rhs_dilation = {1}, .hi = {3}, .groups = 1});
  NodeId write = b_write(&b, 0, 0, w);
  graph_set_roots(g, (NodeId[]){s, write}, 2);
  StrBuf out = {0};
  graph_print(g, sources, &out);
  ck_assert_str_eq(sb_text(&out),
                   "B <= 32\n"
                   "%0 = input f32[B, 4] arg 0 \"x\"\n"
                   "%1 = read f32[4, 3] store_0@0\n"
                   "%2 = dot f32[B, 3] %0, %1 inner=[1] with=[0]   # net.dense_0  m.nn:2:5\n"
                   "%3 = sum f32[] %2 axes=[0, 1]   # m.nn:2:5\n"
                   "%4 = const f32[] 0.1\n"
                   "%5 = const i32[3] [1, -2, 3]\n"
                   "%6 = const mask[3] all true\n"
                   "%7 = transpose f32[3, B] %2 perm=[1, 0]\n"
                   "%8 = slice f32[B - 1, 2] %2 start=[0, 0] stride=[1, 2]\n"
                   "%9 = pad f32[B + 1, 4] %2 lo=[1, 0] hi=[0, -1] interior=[0, 1] value=-inf\n"
                   "%10 = rand f32[] site=0x00000abc\n"
                   "%11 = const f32[1, 2, 5] all 1\n"
                   "%12 = conv f32[1, 1, 2] %11, %11 stride=[2] hi=[3]\n"
                   "%13 = write f32[4, 3] %1 store_0@1\n"
                   "roots %3, %13\n");
  strbuf_free(&out);
  arena_free(a);
}
END_TEST

START_TEST(a_function_names_its_stores_inputs_and_roots) {
  Arena *a = arena_new();
  Graph *g = graph_new(a, NULL, 0);
  Builder b = {.g = g, .real = DT_F32, .path = ""};
  NodeId w = b_read(&b, 0, 0, DT_F32, (Shape){0}, NO_NODE);
  NodeId write = b_write(&b, 0, 0, b_ew2(&b, OP_ADD, w, b_input(&b, IN_ARG, 0, "x", DT_F32, (Shape){0})));
  graph_set_roots(g, (NodeId[]){w, write}, 2);
  Store store = {.name = "net.w", .kind = STORE_PARAM, .dtype = DT_F32, .lr_mult = 2, .decay_mult = 1};
  FnInput input = {.name = "x", .dtype = DT_F32};
  RootInfo roots[] = {{ROOT_REPORT, "old"}, {ROOT_EFFECT, NULL}};
  Function f = {.name = "go", .kind = FN_EXPORT, .g = g, .roots = roots, .inputs = &input, .n_inputs = 1};
  Program p = {.name = "m", .real = DT_F32, .stores = &store, .n_stores = 1, .fns = &f, .n_fns = 1};
  StrBuf out = {0};
  program_print(&p, &out);
  ck_assert_str_eq(sb_text(&out), "program m real=f32\n"
                                  "param net.w: f32[] lr=2\n"
                                  "\n"
                                  "export go(x: f32[]) {\n"
                                  "  %0 = read f32[] net.w@0\n"
                                  "  %1 = input f32[] arg 0 \"x\"\n"
                                  "  %2 = add f32[] %0, %1\n"
                                  "  %3 = write f32[] %2 net.w@1\n"
                                  "  report %0 \"old\"\n"
                                  "  effect %3\n"
                                  "}\n");
  strbuf_free(&out);
  arena_free(a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("print");
  TCase *t = tcase_create("print");
  tcase_add_test(t, a_node_is_a_line_of_operands_attributes_and_place);
  tcase_add_test(t, a_function_names_its_stores_inputs_and_roots);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
