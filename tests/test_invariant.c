// What is computed before a loop because all its steps have it in common, and what is not.
#include "ir/verify.h"
#include "passes/invariant.h"
#include "tests/library_program.h"

#include <check.h>

// `train`: settings, then the loops. M is m m', [16, 16]: 32,768 operations.
static const char model[] = "param w: [16, 64] = normal(std = 0.1);\n"
                            "param v: [16, 64] = normal(std = 0.1);\n"
                            "state m: [16, 64] = normal(std = 0.1);\n"
                            "state k: [16, 16] = zeros();\n"
                            "state u: [64, 64] = normal(std = 0.1);\n"
                            "fn square(x: [n, c]) -> [n, n] = x @ transpose(x);\n"
                            "data rows() { x: [64] from csv(\"x.csv\"); }\n"
                            "train t {\n"
                            "    seed = 1;  batch = 2;\n"
                            "    let o = SGD(lr = 0.1);\n"
                            "    %s\n"
                            "}\n";
#define EACH(BODY) "each i in 0..3 { " BODY " }"
#define MINIMIZE(LOSS) "minimize " LOSS " over w using o;"

// The shapes that are kept for each loop.
static const struct {
  const char *what, *train, *kept;
} cases[] = {
    {"a product of states", EACH(MINIMIZE("sum((square(m) @ w) ** 2)")), "[16, 16]"},
    {"a product of what is trained", EACH(MINIMIZE("sum(square(w) ** 2)")), ""},
    {"parameters of another loop",
     EACH(MINIMIZE("sum((square(v) @ w) ** 2)")) EACH("minimize sum((square(v) @ w) ** 2) over v using o;"),
     "[16, 16]; "},
    {"a sum", EACH(MINIMIZE("sum(w ** 2) * sum(m ** 2)")), "[]"},
    {"a sum of rows, broadcast", EACH(MINIMIZE("sum(w * (w + sum(m ** 2, axis = 0)))")), "[64]"},
    {"a quotient that costs less than reading it", EACH(MINIMIZE("sum(w * (m / sum(m ** 2)))")), "[]"},
    {"what is larger than what it is made of",
     EACH(MINIMIZE("sum(w * (reshape(sum(m ** 2, axis = 1), [16, 1]) * sum(u ** 2, axis = 0)))")),
     "[16]+[64]"},
    {"elementwise, little", EACH(MINIMIZE("sum(w * (2.0 * m + 1.0))")), ""},
    {"elementwise, much", EACH(MINIMIZE("sum(w * sin(exp(tanh(sin(exp(tanh(sin(exp(m)))))))))")), "[16, 64]"},
    {"few operations in all", EACH(MINIMIZE("sum(w ** 2) * sum(m[0] ** 2)")), ""},
    {"a value of a kept one",
     EACH("let y = square(m); " MINIMIZE("sum((y @ w) ** 2) + sum((relu(y) @ w) ** 2)")), "[16, 16]"},
    {"the iteration scales it", EACH(MINIMIZE("sum((cast(i, real) * square(m) @ w) ** 2)")), "[16, 16]"},
    {"of the step", EACH(MINIMIZE("sum((square(step * m) @ w) ** 2)")), ""},
    {"of the epoch", EACH(MINIMIZE("sum((square(epoch * m) @ w) ** 2)")), ""},
    {"of an option of --set", "option a = 0.5; " EACH(MINIMIZE("sum((square(a * m) @ w) ** 2)")), "[16, 16]"},
    {"of a draw", EACH(MINIMIZE("sum((square(m + randn([16, 64])) @ w) ** 2)")), ""},
    {"of an example",
     "each d in rows() { " MINIMIZE("sum((d.x @ transpose(w)) ** 2) + sum((d.x @ u) ** 2)") " }", ""},
    {"beside examples", "each d in rows() { " MINIMIZE("sum((d.x @ transpose(square(m) @ w)) ** 2)") " }",
     "[16, 16]"},
    {"of how many examples",
     "each d in rows() { " MINIMIZE("sum((square(batch * m) @ w) ** 2) * sum(d.x)") " }", ""},
    {"a state updated in the step", EACH(MINIMIZE("sum((square(m) @ w) ** 2)") " update m = 0.5 * m;"), ""},
    {"a state updated after the epoch",
     EACH(MINIMIZE("sum((square(m) @ w) ** 2)")) " then { update m = 0.5 * m; }", ""},
    {"a parameter that the step of a group updates", "accumulate = 2; " EACH(MINIMIZE("sum(square(w) ** 2)")),
     ""},
    {"beside a group", "accumulate = 2; " EACH(MINIMIZE("sum((square(m) @ w) ** 2)")), "[16, 16]"},
    {"a state updated to it", EACH(MINIMIZE("sum(w ** 2)") " update k = square(m);"), "[16, 16]"},
    {"a report", EACH(MINIMIZE("sum(w ** 2)") " report all = sum(m ** 2);"), "[]"},
    {"a loop",
     EACH("let h = scan(x in m; h = zeros([64])) { next h = tanh(h @ u + x); }; " MINIMIZE("sum(w * h[15])")),
     "[64]"},
    {"a loop that draws",
     EACH("let h = scan(x in m; h = zeros([64])) { next h = tanh(h @ u + x + randn([64])); }; " MINIMIZE(
         "sum(w * h[15])")),
     ""},
};

static Program *program_of(const char *train, Arena *a) {
  StrBuf said = {0};
  Program *p = library_program("invariant.nn", arena_printf(a, model, train), a, &said);
  ck_assert_msg(p != NULL, "%s", sb_text(&said));
  strbuf_free(&said);
  return p;
}

static void print_kept(const Program *p, int32_t fn, StrBuf *out) {
  if (fn < 0) return;
  const Graph *g = p->fns[fn].g;
  ck_assert_int_eq(p->fns[fn].kind, FN_INVARIANT);
  for (uint32_t i = 0; i < g->n_roots; i++) {
    const Node *n = graph_node(g, g->roots[i]);
    ck_assert_int_eq(n->op, OP_WRITE);
    ck_assert_int_eq(p->stores[n->attr.store.id].kind, STORE_INVARIANT);
    if (i) sb_puts(out, "+");
    shape_print(out, n->shape, NULL);
  }
}

static const char *kept(Program *p, const InvariantLimits *limits, Arena *a) {
  StrBuf out = {0}, why = {0};
  program_hoist(p, limits, a);
  for (uint32_t i = 0; i < p->n_fns; i++)
    ck_assert_msg(function_verify(p, &p->fns[i], VERIFY_NO_AD, &why), "%s", sb_text(&why));
  uint32_t loops = 0;
  for (uint32_t i = 0; i < p->trains[0].n_items; i++) {
    const PlanItem *item = &p->trains[0].items[i];
    if (item->kind != PLAN_LOOP) continue;
    if (loops++) sb_puts(&out, "; ");
    print_kept(p, item->u.loop.invariant, &out);
  }
  const char *text = arena_strdup(a, sb_text(&out));
  strbuf_free(&out);
  strbuf_free(&why);
  return text;
}

START_TEST(what_steps_have_in_common_is_kept) {
  Arena *a = arena_new();
  const char *got = kept(program_of(cases[_i].train, a), &invariant_limits, a);
  ck_assert_msg(!strcmp(got, cases[_i].kept), "%s: kept is %s, not %s", cases[_i].what, got, cases[_i].kept);
  arena_free(a);
}
END_TEST

// Of two values of 2,048 bytes.
START_TEST(no_more_is_kept_than_may_be) {
  static const char train[] =
      EACH("let a = sum((square(m) @ w) ** 2); " MINIMIZE("a + sum((square(v) @ w) ** 2)"));
  Arena *a = arena_new();
  ck_assert_str_eq(kept(program_of(train, a), &(InvariantLimits){1024, 8, 4096}, a), "[16, 16]+[16, 16]");
  ck_assert_str_eq(kept(program_of(train, a), &(InvariantLimits){1024, 8, 4095}, a), "[16, 16]");
  ck_assert_str_eq(kept(program_of(train, a), &(InvariantLimits){1024, 8, 2047}, a), "");
  arena_free(a);
}
END_TEST

START_TEST(names_are_free) {
  Arena *a = arena_new();
  Program *p = program_of(EACH(MINIMIZE("sum((square(m) @ w) ** 2)")), a);
  uint32_t step = p->trains[0].items[0].u.loop.step;
  p->fns[p->init].name = "t_step_invariant";
  ck_assert_str_eq(p->fns[step].name, "t_step");
  program_hoist(p, &invariant_limits, a);
  ck_assert_str_eq(p->fns[p->trains[0].items[0].u.loop.invariant].name, "t_step_invariant_invariant");
  ck_assert_str_eq(p->stores[p->n_stores - 1].name, "t_step_invariant_invariant:0");
  arena_free(a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("invariant");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, what_steps_have_in_common_is_kept, 0, (int)(sizeof cases / sizeof *cases));
  tcase_add_test(t, no_more_is_kept_than_may_be);
  tcase_add_test(t, names_are_free);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
