// Every rule of rules.def by the test it carries: alone it turns `before` into `after` and leaves `not`
// alone. The names of rules that fired go to tests/coverage.h.
#include "coverage.h"
#include "graph_eval.h"
#include "graph_text.h"
#include "ir/verify.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

#include <check.h>

static Arena *arena;
static void setup(void) { arena = arena_new(); }
static void teardown(void) { arena_free(arena); }

static Graph *alone(const char *text, int rule, uint32_t *fired) {
  bool enabled[RULE_COUNT] = {false};
  uint32_t counts[RULE_COUNT] = {0};
  enabled[rule] = true;
  Graph *g = rewrite(graph_of(text, arena), enabled, counts, arena);
  *fired = counts[rule];
  return g;
}

START_TEST(the_rule_alone_turns_before_into_after) {
  const RuleInfo *r = &rule_table()[_i];
  uint32_t fired;
  Graph *g = alone(r->before, _i, &fired);
  StrBuf why = {0};
  ck_assert_msg(fired > 0, "%s did not fire", r->name);
  ck_assert_msg(!strcmp(show(g), show(graph_of(r->after, arena))), "%s:\n%s\nexpected\n%s", r->name, show(g),
                show(graph_of(r->after, arena)));
  ck_assert_msg(graph_verify(g, VERIFY_NO_AD, &why), "%s: %s", r->name, sb_text(&why));
  strbuf_free(&why);
  covered("rule", r->name);
}
END_TEST

START_TEST(the_rule_does_not_fire_where_it_must_not) {
  const RuleInfo *r = &rule_table()[_i];
  uint32_t fired;
  Graph *g = alone(r->unless, _i, &fired);
  ck_assert_msg(fired == 0, "%s fired on %s", r->name, r->unless);
  ck_assert_str_eq(show(g), show(graph_of(r->unless, arena)));
}
END_TEST

START_TEST(the_rule_changes_no_value_not_even_a_nan_or_an_infinity) {
  const RuleInfo *r = &rule_table()[_i];
  uint32_t fired, root;
  int64_t at;
  Graph *before = graph_of(r->before, arena), *after = alone(r->before, _i, &fired);
  for (uint64_t seed = 0; seed < 50; seed++) {
    EvalInputs in = draw_inputs(before, seed > 0, seed, arena);
    ck_assert_msg(!values_differ(before, after, &in, &root, &at, arena), "%s: element %lld, seed %d", r->name,
                  (long long)at, (int)seed);
  }
}
END_TEST

START_TEST(no_rule_keeps_another_busy_for_ever) {
  for (int i = 0; i < RULE_COUNT; i++) {
    uint32_t again[RULE_COUNT] = {0};
    Graph *g = pass_simplify(graph_of(rule_table()[i].before, arena), arena);
    rewrite(g, NULL, again, arena);
    for (int k = 0; k < RULE_COUNT; k++) ck_assert_uint_eq(again[k], 0);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("rules");
  TCase *t = tcase_create("rules");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, the_rule_alone_turns_before_into_after, 0, RULE_COUNT);
  tcase_add_loop_test(t, the_rule_does_not_fire_where_it_must_not, 0, RULE_COUNT);
  tcase_add_loop_test(t, the_rule_changes_no_value_not_even_a_nan_or_an_infinity, 0, RULE_COUNT);
  tcase_add_test(t, no_rule_keeps_another_busy_for_ever);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
