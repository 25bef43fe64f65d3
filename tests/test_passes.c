// simplify, fold, cse, dce and the pipeline. (Single rules: test_rules.c.)
#include "graph_text.h"
#include "passes/passes.h"

#include <check.h>

static Arena *arena;
static void setup(void) { arena = arena_new(); }
static void teardown(void) { arena_free(arena); }

typedef Graph *Pass(const Graph *g, Arena *a);

static void gives(Pass *pass, const char *text, const char *expected) {
  ck_assert_str_eq(show(pass(graph_of(text, arena), arena)), show(graph_of(expected, arena)));
}

static void stays(Pass *pass, const char *text) { gives(pass, text, text); }

static uint32_t nodes(Pass *pass, const char *text) { return pass(graph_of(text, arena), arena)->len; }

// ---- simplify

START_TEST(rules_work_together) {
  gives(pass_simplify, "(neg (mul (add x:f32[3] 0) -1))", "x:f32[3]");
  gives(pass_simplify, "(transpose (reshape (transpose x:f32[2,3] [1,0]) [3,2]) [1,0])", "x:f32[2,3]");
  gives(pass_simplify, "(add z:f32[2,3] (exp (broadcast (neg (neg x:f32[3])) [2,3])))",
        "(add z:f32[2,3] (exp x:f32[3]))");
}
END_TEST

START_TEST(a_replacement_keeps_the_shape) {
  gives(pass_simplify, "(add 0:f32[2,3] x:f32[3])", "(broadcast x:f32[3] [2,3])");
}
END_TEST

START_TEST(nothing_that_could_hide_a_nan_or_move_a_rounding_is_touched) {
  stays(pass_simplify, "(mul x:f32[3] 0)");
  stays(pass_simplify, "(sub x:f32[3] x)");
  stays(pass_simplify, "(div x:f32[3] x)");
  stays(pass_simplify, "(div (sum x:f32[N] [0]) (batch))");
  stays(pass_simplify, "(div (sum x:f32[10] [0]) 10)");
  stays(pass_simplify, "(sum (sum x:f32[2,3] [0]) [0])");
  stays(pass_simplify, "(add (add x:f32[3] 1) 2)");
  stays(pass_simplify, "(mul (div x:f32[3] y:f32) y)");
  stays(pass_simplify, "(log (exp x:f32[3]))");
  stays(pass_simplify, "(sum (broadcast x:f32[3] [2,3]) [0])");
}
END_TEST

// ---- fold

START_TEST(constants_fold_in_their_own_type) {
  gives(pass_fold, "(add 1 2)", "3");
  gives(pass_fold, "(div 1 3)", "0.333333343");
  gives(pass_fold, "(add 0.1 0.2)", "0.300000012"); // f32: 0.1 and 0.2 are rounded first
  gives(pass_fold, "(add 0.1:f64 0.2:f64)", "0.30000000000000004:f64");
  gives(pass_fold, "(mul 100:u8 3:u8)", "44:u8");
  gives(pass_fold, "(add 2147483647:i32 1:i32)", "-2147483648:i32");
  gives(pass_fold, "(select (lt 1 2) 3 4)", "3");
  gives(pass_fold, "(cast (cast 3:i32 f32) i32)", "3:i32");
}
END_TEST

START_TEST(small_tensors_fold_by_element_and_splats_stay_splats) {
  gives(pass_fold, "(mul (const f32[2,1] 2 3) (const f32[2] 5 7))", "(const f32[2,2] 10 14 15 21)");
  gives(pass_fold, "(broadcast (mul 2 3) [N,4])", "6:f32[N,4]");
  gives(pass_fold, "(neg (const f32[2] 1 2))", "(const f32[2] -1 -2)");
}
END_TEST

START_TEST(what_only_the_run_time_knows_is_not_folded) {
  stays(pass_fold, "(exp 1)");
  stays(pass_fold, "(fma 1 2 3)");
  stays(pass_fold, "(mul 1e-30 1e-10)"); // subnormal: flushed or kept by a flag
  stays(pass_fold, "(add 1:f16 2:f16)");
  stays(pass_fold, "(floordiv 1:i32 0:i32)");
  stays(pass_fold, "(sum 1:f32[3] [0])");
}
END_TEST

START_TEST(folding_follows_nan_and_infinity) {
  gives(pass_fold, "(div 1 0)", "inf");
  gives(pass_fold, "(max nan 1)", "nan");
  gives(pass_fold, "(lt nan 1)", "false");
}
END_TEST

// ---- cse

START_TEST(equal_nodes_become_one) {
  ck_assert_uint_eq(nodes(pass_cse, "(add (exp x:f32[3]) (exp x))"), 3);
  ck_assert_uint_eq(nodes(pass_cse, "(sub (add x:f32[3] y:f32[3]) (add y x))"), 4);
  ck_assert_uint_eq(nodes(pass_cse, "(mul 2 (mul 2 (mul 2 x:f32)))"), 5);
  ck_assert_uint_eq(nodes(pass_cse, "(add (rand f32[3] 7) (rand f32[3] 7))"), 2);
}
END_TEST

START_TEST(different_nodes_stay_two) {
  ck_assert_uint_eq(nodes(pass_cse, "(add (rand f32[3] 7) (rand f32[3] 8))"), 3);
  ck_assert_uint_eq(nodes(pass_cse, "(add (rand f32[3] 7) (rand f32 7))"), 3);
  ck_assert_uint_eq(nodes(pass_cse, "(sub (sub x:f32[3] y:f32[3]) (sub y x))"), 5);
  ck_assert_uint_eq(nodes(pass_cse, "(add (max x:f32[3] y:f32[3]) (max y x))"), 5);
  ck_assert_uint_eq(nodes(pass_cse, "(add (sum x:f32[3,3] [0]) (sum x [1]))"), 4);
  ck_assert_uint_eq(nodes(pass_cse, "(div 0 (neg -0))"), 4);
  ck_assert_uint_eq(nodes(pass_cse, "(add (slice x:f32[4] [0] [2] [1]) (slice x [1] [2] [1]))"), 4);
}
END_TEST

START_TEST(two_versions_of_a_store_are_two_values) {
  const char *text = "(= w (read 0 0 f32)) (= u (write 0 0 (add w 1))) u (add w (read 0 1 f32 u))";
  ck_assert_uint_eq(nodes(pass_cse, text), 6);
}
END_TEST

START_TEST(the_first_of_equal_nodes_gives_place_and_path) {
  Graph *g = graph_of("(= x x:f32) (add (exp x) (exp x))", arena);
  for (NodeId id = 0; id < g->len; id++) graph_change(g, id)->path = id == 1 ? "first" : "second";
  g = pass_cse(g, arena);
  ck_assert_str_eq(graph_node(g, 1)->path, "first");
}
END_TEST

// ---- dce

START_TEST(what_nobody_needs_goes_and_effects_stay) {
  ck_assert_uint_eq(nodes(pass_dce, "(= e (exp x:f32)) (= s (sin x)) s"), 2);
  ck_assert_uint_eq(nodes(pass_dce, "(= u (write 0 0 x:f32)) x"), 2);
}
END_TEST

// ---- pipeline

START_TEST(the_order_of_the_table_has_its_reasons) { pass_table_check(); }
END_TEST

static void log_pass(void *user, const char *pass, bool after, const Program *p, const Function *f) {
  (void)p;
  sb_printf(user, "%s %s %s;", f->name, after ? "after" : "before", pass);
}

START_TEST(passes_run_on_every_function_in_order_and_can_be_turned_off) {
  RootInfo root = {ROOT_RESULT, "y"};
  FnInput input = {.name = "x", .dtype = DT_F32};
  Function fns[2];
  for (int i = 0; i < 2; i++) {
    fns[i] =
        (Function){.name = i ? "g" : "f", .kind = FN_EXPORT, .roots = &root, .inputs = &input, .n_inputs = 1};
    fns[i].g = graph_of("(add (mul x:f32 1) (mul x 1))", arena);
  }
  Program p = {.name = "m", .real = DT_F32, .arena = arena, .fns = fns, .n_fns = 2};
  StrBuf seen = {0};
  const char *off[] = {"fold", "cse", "late_simplify", "dce"};
  PassOptions o = {.disabled = off, .n_disabled = 4, .verify = true, .observe = log_pass, .user = &seen};
  passes_run(&p, &o, arena);
  ck_assert_str_eq(sb_text(&seen),
                   "f before autodiff;f after autodiff;f before save;f after save;f before hoist;f after "
                   "hoist;f before loops;f after loops;f before simplify;f after simplify;"
                   "g before autodiff;g after autodiff;g before save;g after save;g before hoist;g after "
                   "hoist;g before loops;g after loops;g before simplify;g after simplify;");
  ck_assert_str_eq(show(fns[1].g), "(add x:f32[] x:f32[])");
  strbuf_free(&seen);
}
END_TEST

int main(void) {
  const TTest *tests[] = {
      rules_work_together,
      a_replacement_keeps_the_shape,
      nothing_that_could_hide_a_nan_or_move_a_rounding_is_touched,
      constants_fold_in_their_own_type,
      small_tensors_fold_by_element_and_splats_stay_splats,
      what_only_the_run_time_knows_is_not_folded,
      folding_follows_nan_and_infinity,
      equal_nodes_become_one,
      different_nodes_stay_two,
      two_versions_of_a_store_are_two_values,
      the_first_of_equal_nodes_gives_place_and_path,
      what_nobody_needs_goes_and_effects_stay,
      the_order_of_the_table_has_its_reasons,
      passes_run_on_every_function_in_order_and_can_be_turned_off,
  };
  Suite *s = suite_create("passes");
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
