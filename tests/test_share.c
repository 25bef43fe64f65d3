// Which steps of a train block's loops become one, and that what a shared step has in common is what it has
// in all of its loops.
#include "ir/verify.h"
#include "passes/invariant.h"
#include "passes/share.h"
#include "tests/library_program.h"

#include <check.h>

static const char model[] = "param w: [16, 64] = normal(std = 0.1);\n"
                            "state m: [16, 64] = normal(std = 0.1);\n"
                            "fn square(x: [n, c]) -> [n, n] = x @ transpose(x);\n"
                            "data rows(name: str) { x: [64] from csv(name); }\n"
                            "train t {\n"
                            "    seed = 1;  batch = 2;\n"
                            "    let o = SGD(lr = 0.1);\n"
                            "    for i in 0..3 { phase p { %s } }\n"
                            "}\n";
#define MINIMIZE(LOSS) "minimize " LOSS " over w using o;"

// For each loop the number of its step, in order, and in brackets that of its FN_INVARIANT.
static const struct {
  const char *what, *phase, *steps;
} cases[] = {
    {"the same", "each d in rows(\"a.csv\") { " MINIMIZE("sum(w * d.x[0])") " }", "0 0 0"},
    {"another batch size",
     "if i == 2 { batch = 5; } each d in rows(\"a.csv\") { " MINIMIZE("sum(w * mean(d.x, axis = 0))") " }",
     "0 0 1"},
    {"of other files", "each d in rows(\"{i}.csv\") { " MINIMIZE("sum(w * d.x[0])") " }", "0 0 0"},
    {"two loops of a phase",
     "each k in 0..2 { " MINIMIZE("sum(w ** 2)") " } each k in 0..2 { " MINIMIZE("sum(w ** 2)") " }",
     "0 1 0 1 0 1"},
    {"an optimizer for each", "each k in 0..2 { minimize sum(w ** 2) over w using SGD(lr = 0.1); }", "0 1 2"},
    {"another constant for each", "each k in 0..2 { " MINIMIZE("sum((w - 1.0 * i) ** 2)") " }", "0 1 2"},
    {"a draw for each", "each k in 0..2 { " MINIMIZE("sum((w - randn([16, 64])) ** 2)") " }", "0 1 2"},
    {"another state's update",
     "each k in 0..2 { " MINIMIZE("sum(w ** 2)") " if i == 1 { update m = 2.0 * m; } }", "0 1 0"},
    {"another report", "each k in 0..2 { " MINIMIZE("sum(w ** 2)") " if i == 1 { report l = sum(w); } }",
     "0 1 0"},
    {"what its steps have in common", "each k in 0..2 { " MINIMIZE("sum((square(m) @ w) ** 2)") " }",
     "0(1) 0(1) 0(1)"},
    {"a loop that writes what others read",
     "each k in 0..2 { " MINIMIZE(
         "sum((square(m) @ w) ** 2)") " } then { if i == 1 { update m = 2.0 * m; } }",
     "0 0 0"},
};

static void print_steps(const Program *p, StrBuf *out) {
  uint32_t *number = ARENA_ARRAY(p->arena, p->n_fns, uint32_t), n = 0;
  for (uint32_t i = 0; i < p->n_fns; i++)
    if (p->fns[i].kind == FN_STEP || p->fns[i].kind == FN_INVARIANT) number[i] = n++;
  for (uint32_t i = 0; i < p->trains[0].n_items; i++) {
    const PlanItem *item = &p->trains[0].items[i];
    if (item->kind != PLAN_LOOP) continue;
    sb_printf(out, "%s%u", out->len ? " " : "", number[item->u.loop.step]);
    if (item->u.loop.invariant >= 0) sb_printf(out, "(%u)", number[item->u.loop.invariant]);
  }
}

START_TEST(equal_steps_are_one) {
  Arena *a = arena_new();
  StrBuf said = {0}, got = {0};
  Program *p = library_program("share.nn", arena_printf(a, model, cases[_i].phase), a, &said);
  ck_assert_msg(p != NULL, "%s: %s", cases[_i].what, sb_text(&said));
  program_share(p, a);
  program_hoist(p, &invariant_limits, a);
  for (uint32_t i = 0; i < p->n_fns; i++)
    ck_assert_msg(function_verify(p, &p->fns[i], VERIFY_NO_AD, &said), "%s", sb_text(&said));
  ck_assert_int_eq(p->fns[p->init].kind, FN_INIT);
  print_steps(p, &got);
  ck_assert_msg(!strcmp(sb_text(&got), cases[_i].steps), "%s: the steps are %s, not %s", cases[_i].what,
                sb_text(&got), cases[_i].steps);
  strbuf_free(&said);
  strbuf_free(&got);
  arena_free(a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("share");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, equal_steps_are_one, 0, (int)(sizeof cases / sizeof *cases));
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
