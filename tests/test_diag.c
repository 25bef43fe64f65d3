// Diagnostics as users see them: places, carets, counts, JSON.
#include "ir/base/diag.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

typedef struct Bed {
  Arena *arena;
  SourceMap *sources;
  Diags *diags;
  StrBuf out;
  uint32_t source;
} Bed;

static Bed bed(const char *text) {
  Bed b = {.arena = arena_new()};
  b.sources = source_map_new(b.arena);
  b.source = source_add(b.sources, "m.nn", text, strlen(text), false);
  b.diags = diags_new(b.arena, b.sources);
  return b;
}

// The span of the first `what` in the source.
static Span at(const Bed *b, const char *what) {
  const char *text = source_get(b->sources, b->source)->text;
  uint32_t from = (uint32_t)(strstr(text, what) - text);
  return (Span){b->source, from, from + (uint32_t)strlen(what)};
}

static void expect_text(Bed *b, const char *want) {
  diags_print_text(b->diags, &b->out, false);
  ck_assert_str_eq(sb_text(&b->out), want);
  strbuf_free(&b->out);
  arena_free(b->arena);
}

START_TEST(an_error_shows_its_line_carets_label_and_remarks) {
  Bed b = bed("let x = 1;\nlet y = x + z;\n");
  Diag *g = diag_error(b.diags, DIAG_E0201, at(&b, "z"), "unknown name `%s`", "z");
  diag_label(g, "not found");
  diag_also(g, at(&b, "x"), "`x` is near");
  diag_note(g, "one\ntwo");
  diag_help(g, "write `x`");
  expect_text(&b, "error[E0201]: unknown name `z`\n"
                  "  --> m.nn:2:13\n"
                  "   |\n"
                  " 2 | let y = x + z;\n"
                  "   |             ^ not found\n"
                  "  ::: m.nn:1:5\n"
                  "   |\n"
                  " 1 | let x = 1;\n"
                  "   |     - `x` is near\n"
                  "   = note: one\n"
                  "           two\n"
                  "   = help: write `x`\n"
                  "\n"
                  "error: 1 error\n");
}
END_TEST

START_TEST(carets_stand_under_their_text_after_tabs_and_utf8) {
  Bed b = bed("\tlet s = \"h\xC3\xA9 \xE6\xBC\xA2\"; zz;\r\n");
  diag_error(b.diags, DIAG_E0201, at(&b, "zz"), "no");
  expect_text(&b, "error[E0201]: no\n"
                  "  --> m.nn:1:18\n"
                  "   |\n"
                  " 1 |     let s = \"h\xC3\xA9 \xE6\xBC\xA2\"; zz;\n"
                  "   |                      ^^\n"
                  "\n"
                  "error: 1 error\n");
}
END_TEST

START_TEST(a_span_of_several_lines_shows_the_first) {
  Bed b = bed("a {\n  b\n}\n");
  diag_error(b.diags, DIAG_E0102, at(&b, "{\n  b\n}"), "no");
  expect_text(&b, "error[E0102]: no\n  --> m.nn:1:3\n   |\n 1 | a {\n   |   ^\n\nerror: 1 error\n");
}
END_TEST

START_TEST(the_end_of_a_file_has_a_place) {
  Bed b = bed("a\n");
  diag_error(b.diags, DIAG_E0102, (Span){b.source, 2, 2}, "no");
  expect_text(&b, "error[E0102]: no\n  --> m.nn:2:1\n   |\n 2 |\n   | ^\n\nerror: 1 error\n");
}
END_TEST

START_TEST(terminal_controls_and_invalid_bytes_never_reach_the_output) {
  Bed b = bed("\"\033[2J\xFF\" bad");
  diag_error(b.diags, DIAG_E0102, at(&b, "bad"), "odd \033 and \xFF");
  expect_text(&b, "error[E0102]: odd \\x1b and \\xff\n"
                  "  --> m.nn:1:9\n"
                  "   |\n"
                  " 1 | \"\xEF\xBF\xBD[2J\xEF\xBF\xBD\" bad\n"
                  "   |         ^^^\n"
                  "\n"
                  "error: 1 error\n");
}
END_TEST

START_TEST(of_a_very_long_line_the_part_around_the_carets_is_shown) {
  char text[4001];
  memset(text, 'x', 4000);
  memcpy(text + 2000, " bad ", 5);
  text[4000] = '\0';
  Bed b = bed(text);
  diag_error(b.diags, DIAG_E0102, at(&b, "bad"), "no");
  diags_print_text(b.diags, &b.out, false);
  ck_assert_int_lt((int)b.out.len, 500);
  const char *line = strstr(sb_text(&b.out), " 1 | ..."), *under = line ? strchr(line, '\n') + 1 : NULL;
  ck_assert_ptr_nonnull(line);
  ck_assert_int_eq(strstr(line, "bad") - line, strstr(under, "^^^") - under);
  strbuf_free(&b.out);
  arena_free(b.arena);
}
END_TEST

START_TEST(a_second_error_at_the_same_place_is_dropped) {
  Bed b = bed("a b");
  ck_assert_ptr_nonnull(diag_error(b.diags, DIAG_E0102, at(&b, "a"), "first"));
  Diag *g = diag_error(b.diags, DIAG_E0102, at(&b, "a b"), "second");
  ck_assert_ptr_null(g);
  ck_assert_ptr_null(diag_help(diag_note(diag_label(g, "x"), "x"), "x"));
  ck_assert_ptr_nonnull(diag_error(b.diags, DIAG_E0102, at(&b, "b"), "third"));
  ck_assert_uint_eq(diags_errors(b.diags), 2);
  arena_free(b.arena);
}
END_TEST

START_TEST(errors_without_a_place_are_told_apart_by_their_text) {
  Bed b = bed("");
  diag_error(b.diags, DIAG_E0804, (Span){0}, "one");
  diag_error(b.diags, DIAG_E0804, (Span){0}, "one");
  diag_error(b.diags, DIAG_E0804, (Span){0}, "two");
  expect_text(&b, "error[E0804]: one\n\nerror[E0804]: two\n\nerror: 2 errors\n");
}
END_TEST

START_TEST(the_twentieth_error_is_the_last) {
  Bed b = bed("                         ");
  for (uint32_t i = 0; i < 25; i++) {
    ck_assert_int_eq(diags_full(b.diags), i >= 20);
    diag_error(b.diags, DIAG_E0102, (Span){b.source, i, i + 1}, "e%u", (unsigned)i);
  }
  ck_assert_uint_eq(diags_errors(b.diags), 20);
  diags_print_text(b.diags, &b.out, false);
  ck_assert_ptr_nonnull(strstr(sb_text(&b.out), "\nerror: stopped after 20 errors\n"));
  strbuf_free(&b.out);
  arena_free(b.arena);
}
END_TEST

START_TEST(a_warning_with_a_flag_appears_only_when_enabled) {
  Bed b = bed("a b");
  ck_assert_ptr_null(diag_warning(b.diags, DIAG_E0804, "shadow", at(&b, "a"), "hides"));
  diags_enable(b.diags, "shadow");
  ck_assert_ptr_nonnull(diag_warning(b.diags, DIAG_E0804, "shadow", at(&b, "a"), "hides"));
  ck_assert_ptr_null(diag_warning(b.diags, DIAG_E0804, "anonymous", at(&b, "b"), "shifts"));
  ck_assert_ptr_nonnull(diag_warning(b.diags, DIAG_E0804, NULL, at(&b, "b"), "always"));
  ck_assert_uint_eq(diags_warnings(b.diags), 2);
  ck_assert_uint_eq(diags_errors(b.diags), 0);
  arena_free(b.arena);
}
END_TEST

START_TEST(werror_makes_errors_of_warnings) {
  Bed b = bed("a");
  diag_warning(b.diags, DIAG_E0804, NULL, at(&b, "a"), "hides");
  diags_warnings_are_errors(b.diags);
  ck_assert_uint_eq(diags_warnings(b.diags), 0);
  ck_assert_uint_eq(diags_errors(b.diags), 1);
  expect_text(&b, "error[E0804]: hides\n  --> m.nn:1:1\n   |\n 1 | a\n   | ^\n\nerror: 1 error\n");
}
END_TEST

START_TEST(errors_and_warnings_are_counted_together) {
  Bed b = bed("a b");
  diag_warning(b.diags, DIAG_E0804, NULL, at(&b, "a"), "w");
  diag_error(b.diags, DIAG_E0102, at(&b, "b"), "e");
  diags_print_text(b.diags, &b.out, false);
  ck_assert_ptr_nonnull(strstr(sb_text(&b.out), "\nerror: 1 error, 1 warning\n"));
  strbuf_free(&b.out);
  arena_free(b.arena);
}
END_TEST

START_TEST(colour_changes_nothing_but_escapes) {
  Bed b = bed("let x = 1;\n");
  Diag *g = diag_error(b.diags, DIAG_E0102, at(&b, "x"), "no");
  diag_note(diag_label(g, "here"), "why");
  StrBuf tinted = {0}, stripped = {0};
  diags_print_text(b.diags, &tinted, true);
  for (const char *p = sb_text(&tinted); *p; p++) {
    if (*p == '\033')
      p = strchr(p, 'm');
    else
      sb_putc(&stripped, *p);
  }
  ck_assert_int_gt((int)tinted.len, (int)stripped.len);
  diags_print_text(b.diags, &b.out, false);
  ck_assert_str_eq(sb_text(&stripped), sb_text(&b.out));
  strbuf_free(&tinted);
  strbuf_free(&stripped);
  strbuf_free(&b.out);
  arena_free(b.arena);
}
END_TEST

START_TEST(json_is_one_object_a_line_with_escapes) {
  Bed b = bed("let x = 1;\n");
  Diag *g = diag_error(b.diags, DIAG_E0201, at(&b, "x"), "say \"%s\"\n", "x\xFF");
  diag_help(diag_also(g, at(&b, "let"), "also"), "do");
  diag_error(b.diags, DIAG_E0804, (Span){0}, "nowhere");
  diags_print_json(b.diags, &b.out);
  ck_assert_str_eq(
      sb_text(&b.out),
      "{\"code\":\"E0201\",\"severity\":\"error\",\"message\":\"say \\\"x\xEF\xBF\xBD\\\"\\u000a\","
      "\"file\":\"m.nn\",\"line\":1,\"column\":5,\"end_line\":1,\"end_column\":6,\"label\":null,"
      "\"notes\":[],\"helps\":[\"do\"],\"also\":[{\"file\":\"m.nn\",\"line\":1,\"column\":1,"
      "\"end_line\":1,\"end_column\":4,\"label\":\"also\"}]}\n"
      "{\"code\":\"E0804\",\"severity\":\"error\",\"message\":\"nowhere\",\"file\":null,\"line\":null,"
      "\"column\":null,\"end_line\":null,\"end_column\":null,\"label\":null,\"notes\":[],\"helps\":[],"
      "\"also\":[]}\n");
  strbuf_free(&b.out);
  arena_free(b.arena);
}
END_TEST

START_TEST(a_place_as_text_counts_characters) {
  Bed b = bed("# \xC3\xA9\xC3\xA9 q\nq");
  ck_assert_str_eq(span_text(b.sources, at(&b, "q"), b.arena), "m.nn:1:6");
  ck_assert_str_eq(span_text(b.sources, (Span){b.source, 9, 10}, b.arena), "m.nn:2:1");
  ck_assert_str_eq(span_text(b.sources, (Span){0}, b.arena), "");
  arena_free(b.arena);
}
END_TEST

START_TEST(every_code_has_a_title_and_an_explanation) {
  for (int c = 0; c < DIAG_COUNT; c++) {
    ck_assert_int_gt((int)strlen(diag_code_title((DiagCode)c)), 3);
    ck_assert_int_gt((int)strlen(diag_explain(diag_code_text((DiagCode)c))), 20);
  }
  ck_assert_ptr_null(diag_explain("E9999"));
}
END_TEST

int main(void) {
  Suite *s = suite_create("diag");
  TCase *t = tcase_create("diag");
  tcase_add_test(t, an_error_shows_its_line_carets_label_and_remarks);
  tcase_add_test(t, carets_stand_under_their_text_after_tabs_and_utf8);
  tcase_add_test(t, a_span_of_several_lines_shows_the_first);
  tcase_add_test(t, the_end_of_a_file_has_a_place);
  tcase_add_test(t, terminal_controls_and_invalid_bytes_never_reach_the_output);
  tcase_add_test(t, of_a_very_long_line_the_part_around_the_carets_is_shown);
  tcase_add_test(t, a_second_error_at_the_same_place_is_dropped);
  tcase_add_test(t, errors_without_a_place_are_told_apart_by_their_text);
  tcase_add_test(t, the_twentieth_error_is_the_last);
  tcase_add_test(t, a_warning_with_a_flag_appears_only_when_enabled);
  tcase_add_test(t, werror_makes_errors_of_warnings);
  tcase_add_test(t, errors_and_warnings_are_counted_together);
  tcase_add_test(t, colour_changes_nothing_but_escapes);
  tcase_add_test(t, json_is_one_object_a_line_with_escapes);
  tcase_add_test(t, a_place_as_text_counts_characters);
  tcase_add_test(t, every_code_has_a_title_and_an_explanation);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
