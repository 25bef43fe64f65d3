// What loops keep for their derivatives, counted by hand: the fewest tensors from which no product need be
// computed again. (That values stay what they are: test_library, test_gradients, test_recompute.)
#include "tests/library_program.h"

#include <check.h>

static const char definitions[] =
    "layer Joined()(x: [B, T, k]) -> [B, 4] {\n"
    "    param W: [k + 4, 4] = glorot_uniform();\n"
    "    return scan(xt in x, axis = 1; h = zeros([B, 4])) { next h = tanh(concat([xt, h], axis = 1) @ W); "
    "};\n"
    "}\n"
    "layer Cheap()(x: [B, T, k]) -> [B, k] {\n"
    "    param w: [k] = ones();\n"
    "    return scan(xt in x, axis = 1; h = zeros([B, k])) { next h = sin(h * w + xt); };\n"
    "}\n"
    "layer End()(x: [B, T, k]) -> [B, 4] {\n"
    "    let cell = RNN(4);\n"
    "    let (_, h) = cell.run(x, zeros([B, 4]));\n"
    "    return h;\n"
    "}\n";

// The batch is 2, an element of x 3 numbers.
static const struct {
  const char *name, *model;
  uint32_t yields;   // that the program asks for
  uint32_t kept;     // tensors of an iteration beside them
  int64_t elements;  // of these
  uint32_t products; // of an iteration backwards
} cases[] = {
    // What the iteration began with, h, for dU = h^T dz; tanh' is made of the output. Backwards dz U^T, too.
    {"Elman", "RNN(4)", 1, 1, 2 * 4, 2},
    // h; c; h U, of which all gates are made.
    {"LSTM", "LSTM(4)", 1, 3, 2 * (4 + 4 + 16), 2},
    // h; h U.
    {"GRU", "GRU(4)", 1, 2, 2 * (4 + 12), 2},
    // Only the last state is asked for: h; what tanh' is made of.
    {"Elman's end", "End()", 0, 2, 2 * (4 + 4), 2},
    // One product of the element and h together: h; the product.
    {"one product of both", "Joined()", 0, 2, 2 * (4 + 4), 2},
    // h alone: a sine is computed again.
    {"nothing dear", "Cheap()", 0, 1, 2 * 3, 0},
};

static uint32_t products(const Graph *g) {
  uint32_t n = 0;
  for (NodeId id = 0; id < g->len; id++) n += graph_node(g, id)->op == OP_DOT;
  return n;
}

static int64_t elements(const ScanAttr *s, uint32_t yield) {
  return shape_elements(graph_node(s->body, s->body->roots[s->n_carries + yield])->shape, 1);
}

START_TEST(a_loop_keeps_the_fewest_tensors) {
  Arena *a = arena_new();
  StrBuf said = {0};
  const char *text = arena_printf(a,
                                  "%smodel net = %s;\n"
                                  "export fn f(x: [2, 5, 3]) {\n"
                                  "    var s = sum(zeros([1]));\n"
                                  "    for g in grad(sum(net(x) ** 2), net) { s = s + sum(g); }\n"
                                  "    return s;\n"
                                  "}\n",
                                  definitions, cases[_i].model);
  const Program *p = library_program("saved.nn", text, a, &said);
  ck_assert_msg(p != NULL, "%s", sb_text(&said));
  uint32_t loops = 0;
  for (uint32_t i = 0; i < p->n_fns; i++) {
    const Graph *g = p->fns[i].g;
    for (NodeId id = 0; id < g->len; id++) {
      if (graph_node(g, id)->op != OP_SCAN) continue;
      const ScanAttr *s = graph_node(g, id)->attr.scan;
      loops++;
      if (s->reverse) {
        ck_assert_msg(products(s->body) == cases[_i].products, "%s: %u products backwards", cases[_i].name,
                      products(s->body));
        continue;
      }
      int64_t kept = 0;
      for (uint32_t k = cases[_i].yields; k < s->n_yields; k++) kept += elements(s, k);
      ck_assert_msg(s->n_yields == cases[_i].yields + cases[_i].kept, "%s: %u yields", cases[_i].name,
                    s->n_yields);
      ck_assert_msg(kept == cases[_i].elements, "%s: %lld elements", cases[_i].name, (long long)kept);
    }
  }
  ck_assert_uint_eq(loops, 2);
  strbuf_free(&said);
  arena_free(a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("saved");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, a_loop_keeps_the_fewest_tensors, 0, (int)(sizeof cases / sizeof *cases));
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
