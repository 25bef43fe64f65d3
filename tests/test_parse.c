// The parser as others see it: the tree of a text, and how many errors a text has, where.
#include "frontend/dump.h"
#include "frontend/parse.h"
#include "frontend/tokens.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Parsed {
  Arena *arena;
  SourceMap *sources;
  Diags *diags;
  File *file;
} Parsed;

static Parsed parse_n(const char *text, size_t n, bool library) {
  Parsed p = {.arena = arena_new()};
  p.sources = source_map_new(p.arena);
  p.diags = diags_new(p.arena, p.sources);
  uint32_t source = source_add(p.sources, "m.nn", text, n, library);
  p.file = parse_source(source, p.sources, intern_new(p.arena), p.diags, p.arena);
  return p;
}

static Parsed parse(const char *text) { return parse_n(text, strlen(text), false); }

static unsigned errors_n(const char *text, size_t n) {
  Parsed p = parse_n(text, n, false);
  unsigned errors = diags_errors(p.diags);
  StrBuf out = {0};
  ast_dump(p.file, &out); // whatever came out can be walked
  strbuf_free(&out);
  arena_free(p.arena);
  return errors;
}

// Of a literal, which may hold NUL.
#define ERRORS(text) errors_n((text), sizeof(text) - 1)

// The dump of the tree, which is `want`; no error is allowed.
static void expect_tree(const char *text, const char *want) {
  Parsed p = parse(text);
  StrBuf out = {0};
  diags_print_text(p.diags, &out, false);
  ast_dump(p.file, &out);
  ck_assert_str_eq(sb_text(&out), want);
  strbuf_free(&out);
  arena_free(p.arena);
}

// `let a = TEXT;` gives `let a WANT`.
static void expect_expr(const char *text, const char *want) {
  char source[512], tree[512];
  snprintf(source, sizeof source, "let a = %s;", text);
  snprintf(tree, sizeof tree, "let a %s\n", want);
  expect_tree(source, tree);
}

// The codes of the errors, in order: "E0107 E0102".
static void expect_codes(const char *text, const char *want) {
  Parsed p = parse(text);
  StrBuf out = {0}, codes = {0};
  diags_print_text(p.diags, &out, false);
  for (const char *at = sb_text(&out); (at = strstr(at, "error[")); at += 6) {
    if (codes.len) sb_putc(&codes, ' ');
    sb_putn(&codes, at + 6, 5);
  }
  ck_assert_msg(strcmp(sb_text(&codes), want) == 0, "%s\nwanted %s:\n%s", text, want, sb_text(&out));
  strbuf_free(&out);
  strbuf_free(&codes);
  arena_free(p.arena);
}

static char *read_file(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  ck_assert_ptr_nonnull(f);
  char *text = malloc(MAX_SOURCE_BYTES + 1);
  *n = fread(text, 1, MAX_SOURCE_BYTES, f);
  text[*n] = '\0';
  fclose(f);
  return text;
}

// Calls `f` with every .nn file of a folder of the project; gives how many there were.
static int each_file(const char *folder, void (*f)(const char *path, const char *text, size_t n)) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", PROJECT_DIR, folder);
  DIR *d = opendir(path);
  ck_assert_ptr_nonnull(d);
  int count = 0;
  for (struct dirent *e; (e = readdir(d));) {
    size_t len = strlen(e->d_name), n;
    if (len < 4 || strcmp(e->d_name + len - 3, ".nn") != 0) continue;
    snprintf(path, sizeof path, "%s/%s/%s", PROJECT_DIR, folder, e->d_name);
    char *text = read_file(path, &n);
    f(path, text, n);
    free(text);
    count++;
  }
  closedir(d);
  return count;
}

// ---- the language

static void parses(const char *path, const char *text, size_t n) {
  Parsed p = parse_n(text, n, strstr(path, "frontend/std") != NULL);
  StrBuf out = {0};
  diags_print_text(p.diags, &out, false);
  ck_assert_msg(out.len == 0, "%s:\n%s", path, sb_text(&out));
  ck_assert_uint_gt(p.file->decls.len, 0);
  strbuf_free(&out);
  arena_free(p.arena);
}

START_TEST(every_example_parses) { ck_assert_int_ge(each_file("tests/examples", parses), 11); }
END_TEST

START_TEST(the_standard_library_parses) { ck_assert_int_gt(each_file("frontend/std", parses), 0); }
END_TEST

START_TEST(operators_bind_as_in_the_table) {
  expect_expr("a or b and not c == d + e * -f ** g ** 2",
              "(or a (and b (not (== c (+ d (* e (neg (** f (** g 2)))))))))");
  expect_expr("a - b - c", "(- (- a b) c)");
  expect_expr("a @ b * c // d % e / f", "(/ (% (// (* (@ a b) c) d) e) f)");
  expect_expr("-a.b(c)[d]", "(neg (index (call (. a b) c) d))");
}
END_TEST

START_TEST(a_pipe_binds_loosest_and_keeps_parentheses) {
  expect_expr("a + b |> f |> g(1).h", "(|> (|> (+ a b) f) (. (call g 1) h))");
  expect_expr("x |> (f(1))", "(|>() x (call f 1))");
}
END_TEST

START_TEST(a_range_of_integers_is_not_two_floats) {
  expect_expr("x[0..4, .., 1.. by 2, ..-1, ..., 3]",
              "(index x (slice 0 4 _) (slice _ _ _) (slice 1 _ 2) (slice _ (neg 1) _) ... 3)");
  expect_expr("[i for i in 0..4]", "(each i 0..4 i)");
}
END_TEST

START_TEST(numbers_keep_their_value) {
  expect_expr("[0, 007, 9223372036854775807, 1.5, 1e-3, 2.5E+8, 0.1]",
              "(list 0 7 9223372036854775807 1.5 0.001 250000000.0 0.1)");
}
END_TEST

START_TEST(strings_resolve_escapes_and_may_hold_utf8) {
  expect_expr("\"a\\n\\t\\\\\\\"\\x41\\x00\xC3\xA9#\"", "\"a\\x0a\\x09\\\\\\\"A\\x00\\xc3\\xa9#\"");
}
END_TEST

START_TEST(words_that_open_blocks_are_names_elsewhere) {
  expect_tree("let data = model + test; fn from(to: int) = over;",
              "let data (+ model test)\nfn from (to: int) over\n");
}
END_TEST

START_TEST(after_a_dot_any_word_is_a_name) {
  expect_expr("a.layer.if . # comment\n for", "(. (. (. a layer) if) for)");
}
END_TEST

START_TEST(types_are_static_lists_tensors_and_tuples) {
  expect_tree(
      "fn f(a: int, b: [fn], c: f32[*s, n + 1, ...], d: [], e: mask, g: real[2] = 1.0) -> ([B], u8) = a;",
      "fn f (a: int, b: [fn], c: f32[*s (+ n 1) ...], d: real[], e: mask, g: real[2] = 1.0)"
      " -> (real[B] u8) a\n");
}
END_TEST

START_TEST(scan_einsum_rearrange_and_reduce_are_syntax) {
  expect_expr("scan((x, y) in (a, b), axis = 1; h = 0, c = 1) { yield h; next h = x, c = y; }",
              "(scan (x y) (tuple a b) axis=1; h=0 c=1 {yield h next h=x c=y})");
  expect_expr("scan(i in 0..k) { yield i; }", "(scan i 0..k; {yield i})");
  expect_expr("einsum(a[b, i], c.d[i] -> [b])", "(einsum (index a b i) (index (. c d) i) -> real[b])");
  expect_expr("rearrange(x[b, h * e] -> [b, h, e], h = 2)",
              "(rearrange (index x b (* h e)) -> real[b h e] h=2)");
  expect_expr("reduce(mean, x[b, c] -> [b])", "(reduce mean (index x b c) -> real[b])");
}
END_TEST

START_TEST(an_if_is_a_statement_or_an_expression) {
  expect_tree(
      "fn f(a: int) { if a { x = 1; } else if b { x = 2; } else { } return if a then 1 else fn(u, v) => u; }",
      "fn f (a: int)\n  if a\n    set x 1\n  else\n    if b\n      set x 2\n    else\n"
      "  return (if a 1 (fn (u v) u))\n");
}
END_TEST

START_TEST(train_and_data_have_their_own_items) {
  expect_tree(
      "data d(s: str) { x: u8[4] from idx(s + \"x\"); y: real = 1.0; shuffle = false; }\n"
      "train t { epochs = 2; option lr = 0.1; load n.a from \"f\" as \"b\" with partial = true;\n"
      "  phase p { each (a, b) in (d(), e()) { minimize l over n, m except n.a using o; report l, k = 2; }\n"
      "    then { update w = 1; } }\n"
      "  eval a in d(\"t\") every 2 { when c { print(\"x\", x); } finish { report s; } }\n"
      "  save n to \"g\"; }",
      "data d (s: str)\n  from x: u8[4] (call idx (+ s \"x\"))\n  field y: real 1.0\n  setting shuffle "
      "false\n"
      "train t\n  setting epochs 2\n  option lr 0.1\n  load (. n a) \"f\" \"b\" with partial=true\n"
      "  phase p\n    each (a b) (tuple (call d) (call e))\n"
      "      minimize l over n m except (. n a) using o\n      report l k=2\n    then\n      update w 1\n"
      "  eval a (call d \"t\") every 2\n    when c\n      print \"x\" x\n    finish\n      report s\n"
      "  save n \"g\"\n");
}
END_TEST

START_TEST(doc_comments_belong_to_what_follows) {
  expect_tree(
      "## Adds.\n##  twice\n# not this\nfn f(x: int) = x;\n## A layer.\nlayer L() {\n  ## its weight\n"
      "  param W: [2] = ones() with decay = 0.0;\n}",
      "doc \"Adds.\\x0a twice\"\nfn f (x: int) x\ndoc \"A layer.\"\nlayer L ()\n  doc \"its weight\"\n"
      "  param W: real[2] (call ones) with decay=0.0\n");
}
END_TEST

START_TEST(line_ends_and_a_byte_order_mark_mean_nothing) {
  expect_tree("\xEF\xBB\xBFlet a = 1;\r\n## d\r\nlet b\r\n= 2;\r", "let a 1\ndoc \"d\"\nlet b 2\n");
  expect_tree("", "");
  expect_tree("# only this", "");
}
END_TEST

START_TEST(spans_cover_exactly_the_text_of_a_node) {
  const char *text = "let a = (f(x) + y[1..]) * 2;  let b = 3;";
  Parsed p = parse(text);
  const Expr *product = p.file->decls.data[0]->u.let.value, *sum = product->u.bin.left;
  const Span spans[] = {product->span, sum->span, sum->u.bin.op_span, sum->u.bin.right->u.index.subs[0].span,
                        p.file->decls.data[1]->span};
  const char *const want[] = {"(f(x) + y[1..]) * 2", "f(x) + y[1..]", "+", "1..", "let b = 3;"};
  for (int i = 0; i < 5; i++) {
    ck_assert_uint_eq(spans[i].end - spans[i].begin, strlen(want[i]));
    ck_assert_int_eq(strncmp(text + spans[i].begin, want[i], strlen(want[i])), 0);
  }
  arena_free(p.arena);
}
END_TEST

// ---- errors

START_TEST(one_mistake_is_one_error) {
  static const struct {
    const char *text, *codes;
  } cases[] = {
      {"let a = 1", "E0107"},
      {"let a = 1 +;", "E0102"},
      {"let a = f(1, 2;\nlet b = 3;", "E0108"},
      {"let a = f((1, 2);\nlet b = 3;", "E0108"},
      {"let a = [1, 2);", "E0109"},
      {"let a = f([1, 2);", "E0108"},
      {"fn f(x: [n)) -> [n] { return x; }", "E0109"},
      {"let a = 1)\nlet b = 2;", "E0109"},
      {"fn f(x: int) {\n  if x {\n    y = 1;\n  return x;\n}\nlet b = 2;", "E0108"},
      {"fn f(x: int) {\n  return x;\n\ndim N <= 3;", "E0108"},
      {"fn f(x: int) {\n  for i in x {\n    y = 1;\n  }\n  }\n  return x;\n}", "E0109"},
      {"fn f(x: int) { y = 1; } }\nlet b = 2;", "E0109"},
      {"fn f(x: int) {\n if x { y = 1; } }\n  let z = 2;\n return z;\n}", "E0109"},
      {"fn f(x: int)\n  return x;\n}", "E0109"},
      {"layer L(\n  n: int,\n  m: int) {\n  fn f(x: [n]) {\n    return x;\n  fn g(x: [n]) { return x; }\n}",
       "E0108"},
      {"fn f(x: int) { let y = scan(t in x; h = 0) { yield h; next h = t; }\n return y; }", "E0107"},
      {"fn f(x: int) { let y = scan(t inn x; h = 0) { yield h; }; return y; }", "E0102"},
      {"fn f(x: int) { x }", "E0102"},
      {"fn f(x: int) { return x; };", "E0102"},
      {"let s = \"abc;\nlet t = 1;", "E0105"},
      {"let s = f(g(\"abc), 2);\nlet t = 1;", "E0105"},
      {"train t { each i in 0..3 { let a = \"x; } }\nlet b = 1;", "E0105"},
      {"let a = $ % $;", "E0101"},
      {"let a = 3 if x else 4;", "E0115"},
      {"let a = x > 2 ? 3 : 4;", "E0115"},
      {"\"\"\" Two\nlines. \"\"\"\nlet a = 1;", "E0115"},
      {"let a = einsum(\"ij,jk->ik\", b, c);", "E0115"},
      {"let a = float(b) + 1.0;", "E0115"},
      {"let a = f\"x is {x}\";", "E0115"},
      {"fn f(x: int) {\n    for i in x: y = i;\n    return x;\n}", "E0115"},
      {"let a = 10_000.0;\nlet b = 1;", "E0103"},
      {"let a = 1e-3f;\nlet b = 1;", "E0103"},
      {"trian t {\n  epochs = 3;\n}\nlet b = 1;", "E0102"},
      {"layer L() {\n  f(x: [n]) -> [n] { return x; }\n}\nlet b = 1;", "E0102"},
      {"import torch\nlet b = 1;", "E0102"},
      {"train t {\n  for i in 0..3 {\n    var l = 1;\n    if i { report l; }\n    minimize -l over n using "
       "o;\n  }\n}",
       "E0118"},
      {"let a = x |> f + 1;", "E0111"},
      {"layer A(x: [n]) { return x; }\nmodel m = A();", "E0112"},
      {"layer A(x: [n], k: int) -> [n] = x;", "E0112"},
      {"let a = if b { 1 } else { 2 }\nlet c = 3;", "E0113"},
      {"fn f(x: int) = if b { 1 } else { 2 };\nlet c = 3;", "E0113"},
      {"export fn f(x: [3]) = x |> fn(u) => u * 2.0 |> relu;", "E0111"},
      {"let when = 1; let b = when + 2; let c = f(when);", "E0110"},
      {"fn f(x: int) { var y = x; y += 1; return y; }", "E0115"},
      {"// one\n// two\nlet a = 1;", "E0115"},
      {"let a = 1 < 2 < 3 < 4;", "E0117"},
      {"train t { each i in 0..3 { report a,; }; }", "E0102 E0102"},
      {"let a = 99999999999999999999 + \"\\q\" + 1.;", "E0104 E0106 E0103"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) expect_codes(cases[i].text, cases[i].codes);
}
END_TEST

START_TEST(correct_programs_with_odd_layout_are_left_alone) {
  ck_assert_uint_eq(ERRORS("layer A()(x: [B]) {\n      if x {\nreturn x;\n}\nreturn x; }"), 0);
  expect_tree("let a\n=\nf\n(\n1\n)\n;let b=a\n//2\n|>f;", "let a (call f 1)\nlet b (|> (// a 2) f)\n");
}
END_TEST

START_TEST(what_is_dropped_keeps_its_name) {
  Parsed p = parse(
      "let a = ;\nfn f(x) = 1;\nlayer L(n int)(x: [n]) { return x; }\nmodel m = *;\nlet b: [1,, 2] = 3;");
  StrBuf out = {0};
  ast_dump(p.file, &out);
  ck_assert_str_eq(sb_text(&out),
                   "let a <error>\nlet f <error>\nlet L <error>\nmodel m <error>\nlet b <error>\n");
  strbuf_free(&out);
  arena_free(p.arena);
}
END_TEST

START_TEST(errors_come_in_the_order_of_the_text) {
  expect_codes("let a = \"\\q\";\nlet b = ;\nlet c = 1.;\nlet d = (1;\nlet e = 2 2;",
               "E0106 E0102 E0103 E0108 E0102");
}
END_TEST

START_TEST(binary_input_is_one_error) {
  ck_assert_uint_eq(ERRORS("let a = 1;\0\1\2\3 $ $ ; ;"), 1);
  ck_assert_uint_eq(errors_n("\x7F"
                             "ELF\2\1\1",
                             7),
                    1);
  ck_assert_uint_eq(ERRORS("let a = \xFF;\nlet b = ;"), 1);
}
END_TEST

START_TEST(after_twenty_errors_the_parser_stops) {
  char text[30 * 10 + 1] = "";
  for (int i = 0; i < 30; i++) strcat(text, "let a = ;\n");
  ck_assert_uint_eq(errors_n(text, strlen(text)), 20);
}
END_TEST

// ---- no input does harm

static const char small[] =
    "## d\nlayer L(n: int = 3)(x: [*b, k]) -> [*b, n] {\n  param W: [k, n] = init with decay = 0.0;\n"
    "  let (y, h) = scan(t in x, axis = 1; h = 0.5) { yield h; next h = h + t[0, ..]; };\n"
    "  if not n { return x @ W |> f(\"\\x41\"); } else { return y; }\n}\n"
    "data d { x: u8 from idx(\"a\"); y: i32 = cast(x, i32); }\n"
    "train t { epochs = 1; each b in d() { minimize l over m using o; report l; } save m to \"f\"; }\n";

START_TEST(every_truncation_is_survived) {
  ck_assert_uint_eq(errors_n(small, sizeof small - 1), 0);
  for (size_t n = 0; n < sizeof small - 1; n++) errors_n(small, n);
}
END_TEST

START_TEST(every_change_of_a_byte_is_survived) {
  char text[sizeof small];
  for (size_t i = 0; i < sizeof small - 1; i++) {
    memcpy(text, small, sizeof small);
    for (int c = 0; c < 256; c++) {
      text[i] = (char)c;
      errors_n(text, sizeof small - 1);
    }
  }
}
END_TEST

// Leaves out each token of a program in turn.
static unsigned long left_out, cascades;
static void leave_out_tokens(const char *path, const char *text, size_t n) {
  (void)path;
  Arena *a = arena_new();
  SourceMap *m = source_map_new(a);
  uint32_t id = source_add(m, "m.nn", text, n, false);
  const Scanned *s = scan_source(id, source_get(m, id), intern_new(a), a);
  char *less = arena_alloc(a, n + 1);
  for (size_t i = 0; i + 1 < s->tokens.len; i++) {
    const Token *t = &s->tokens.data[i];
    memcpy(less, text, n);
    memset(less + t->begin, ' ', t->end - t->begin);
    cascades += errors_n(less, n) > 1;
    left_out++;
  }
  arena_free(a);
}

START_TEST(a_forgotten_token_is_one_error_but_rarely) {
  each_file("tests/examples", leave_out_tokens);
  ck_assert_uint_gt(left_out, 5000);
  ck_assert_msg(cascades * 200 <= left_out, "%lu of %lu give more than one error", cascades, left_out);
}
END_TEST

int main(void) {
  Suite *s = suite_create("parse");
  TCase *t = tcase_create("parse");
  tcase_set_timeout(t, 300);
  tcase_add_test(t, every_example_parses);
  tcase_add_test(t, the_standard_library_parses);
  tcase_add_test(t, operators_bind_as_in_the_table);
  tcase_add_test(t, a_pipe_binds_loosest_and_keeps_parentheses);
  tcase_add_test(t, a_range_of_integers_is_not_two_floats);
  tcase_add_test(t, numbers_keep_their_value);
  tcase_add_test(t, strings_resolve_escapes_and_may_hold_utf8);
  tcase_add_test(t, words_that_open_blocks_are_names_elsewhere);
  tcase_add_test(t, after_a_dot_any_word_is_a_name);
  tcase_add_test(t, types_are_static_lists_tensors_and_tuples);
  tcase_add_test(t, scan_einsum_rearrange_and_reduce_are_syntax);
  tcase_add_test(t, an_if_is_a_statement_or_an_expression);
  tcase_add_test(t, train_and_data_have_their_own_items);
  tcase_add_test(t, doc_comments_belong_to_what_follows);
  tcase_add_test(t, line_ends_and_a_byte_order_mark_mean_nothing);
  tcase_add_test(t, spans_cover_exactly_the_text_of_a_node);
  tcase_add_test(t, one_mistake_is_one_error);
  tcase_add_test(t, correct_programs_with_odd_layout_are_left_alone);
  tcase_add_test(t, what_is_dropped_keeps_its_name);
  tcase_add_test(t, errors_come_in_the_order_of_the_text);
  tcase_add_test(t, binary_input_is_one_error);
  tcase_add_test(t, after_twenty_errors_the_parser_stops);
  tcase_add_test(t, every_truncation_is_survived);
  tcase_add_test(t, every_change_of_a_byte_is_survived);
  tcase_add_test(t, a_forgotten_token_is_one_error_but_rarely);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
