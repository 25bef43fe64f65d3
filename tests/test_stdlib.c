// Every name of the library is documented, has a line of use that compiles, and stands in a case of
// reference/library. What the language promises of it: test_signatures.c.
#include "frontend/library.h"

#include "tests/library_program.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static const char folder[] = PROJECT_DIR "/tests/reference/library";

static Arena *arena;
static SourceMap *sources;
static const LibraryName *library;
static uint32_t n_library;

static void setup(void) {
  arena = arena_new();
  sources = source_map_new(arena);
  Diags *diags = diags_new(arena, sources);
  const File **std = library_files(sources, intern_new(arena), diags, arena);
  library = library_names(std, embedded_std.n, sources, arena, &n_library);
}

static void teardown(void) { arena_free(arena); }

static bool word_char(char c) { return isalnum((unsigned char)c) || c == '_'; }

// As a word of the text.
static bool has_word(const char *text, const char *word) {
  size_t n = strlen(word);
  for (const char *p = text; (p = strstr(p, word)) != NULL; p += n)
    if ((p == text || !word_char(p[-1])) && !word_char(p[n])) return true;
  return false;
}

static void append_file(const char *path, StrBuf *out) {
  FILE *f = fopen(path, "rb");
  ck_assert_msg(f != NULL, "no %s", path);
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) sb_putn(out, part, n);
  fclose(f);
}

START_TEST(every_name_has_a_text_a_signature_and_a_use) {
  int bad = 0;
  for (uint32_t i = 0; i < n_library; i++) {
    const LibraryName *n = &library[i];
    const char *wrong = !n->doc                            ? "no text"
                        : !n->use                          ? "no use"
                        : !n->signature                    ? "no signature"
                        : !has_word(n->signature, n->name) ? "another name in its signature"
                        : !has_word(n->use, n->name)       ? "another name in its use"
                                                           : NULL;
    if (wrong) fprintf(stderr, "%s: %s\n", n->name, wrong), bad++;
  }
  ck_assert_msg(bad == 0,
                "%d names without documentation: write ## comments (std/*.nn) or a row of builtin_docs.def",
                bad);
}
END_TEST

// What is written of a function in C is not far from its table row.
START_TEST(signatures_of_builtins_have_the_parameters_of_their_rows) {
  for (uint32_t i = 0; i < n_library; i++) {
    const LibraryName *n = &library[i];
    for (const char *p = n->signature ? n->parameters : NULL; p && *p; p += strspn(p, " ")) {
      p += *p == '?' || *p == '=';
      size_t len = strcspn(p, " ");
      ck_assert_msg(has_word(n->signature, arena_strndup(arena, p, len)), "%s: `%.*s` is not in %s", n->name,
                    (int)len, p, n->signature);
      p += len;
    }
  }
}
END_TEST

// docs/STDLIB.md says where uses stand.
static const char *use_program(const char *use) {
  if (strncmp(use, "assert ", 7) == 0)
    return arena_printf(arena, "test \"use\" {\n    let x = randn([4, 6]);\n    %s\n}\n", use);
  if (strncmp(use, "let opt = ", 10) == 0)
    return arena_printf(arena,
                        "model net = Dense(2);\n"
                        "data points { x: [6] from rows([[1, 2, 3, 4, 5, 6]]); }\n"
                        "train fit {\n    %s\n"
                        "    each d in points() { minimize mean(net(d.x) ** 2) over net using opt; }\n}\n",
                        use);
  return arena_printf(
      arena,
      "layer Use()(x: [4, 6], target: [4, 6], logits: [4, 5], label: i32[4], ids: i32[4, 7], seq: [4, 7, "
      "6],\n"
      "            sound: [4, 3, 16], image: [4, 3, 8, 8], volume: [4, 2, 4, 4, 4], u: [6], v: [6], m: [6, "
      "6],\n"
      "            on: mask[4, 6], index: i32[3], t: real) -> [4, 6] {\n    %s\n    return x;\n}\n"
      "model used = Use();\n"
      "export fn f(x: [4, 6], target: [4, 6], logits: [4, 5], label: i32[4], ids: i32[4, 7], seq: [4, 7, "
      "6],\n"
      "            sound: [4, 3, 16], image: [4, 3, 8, 8], volume: [4, 2, 4, 4, 4], u: [6], v: [6], m: [6, "
      "6],\n"
      "            on: mask[4, 6], index: i32[3], t: real) =\n"
      "    used(x, target, logits, label, ids, seq, sound, image, volume, u, v, m, on, index, t);\n",
      use);
}

START_TEST(every_use_compiles) {
  int bad = 0;
  for (uint32_t i = 0; i < n_library; i++) {
    if (!library[i].use) continue;
    Arena *a = arena_new();
    StrBuf said = {0};
    Program *p = library_program("use.nn", use_program(library[i].use), a, &said);
    if (!p || said.len) fprintf(stderr, "%s: %s\n", library[i].name, sb_text(&said)), bad++;
    strbuf_free(&said);
    arena_free(a);
  }
  ck_assert_msg(bad == 0, "%d uses do not compile", bad);
}
END_TEST

START_TEST(every_name_stands_in_a_case_of_the_reference) {
  StrBuf programs = {0}, blocks = {0};
  DIR *d = opendir(folder);
  ck_assert(d != NULL);
  for (const struct dirent *e; (e = readdir(d)) != NULL;)
    if (strlen(e->d_name) > 3 && strcmp(e->d_name + strlen(e->d_name) - 3, ".nn") == 0)
      append_file(arena_printf(arena, "%s/%s", folder, e->d_name), &programs);
  closedir(d);
  append_file(PROJECT_DIR "/tests/blocks/right.nn", &blocks); // what only tests can ask
  int bad = 0;
  for (uint32_t i = 0; i < n_library; i++)
    if (!has_word(strcmp(library[i].section, "tests") == 0 ? sb_text(&blocks) : sb_text(&programs),
                  library[i].name))
      fprintf(stderr, "%s: no case\n", library[i].name), bad++;
  strbuf_free(&programs);
  strbuf_free(&blocks);
  ck_assert_msg(bad == 0, "%d names without a case: tests/reference/library/README.md tells how to add one",
                bad);
}
END_TEST

int main(void) {
  Suite *s = suite_create("stdlib");
  TCase *t = tcase_create("stdlib");
  tcase_set_timeout(t, 120);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, every_name_has_a_text_a_signature_and_a_use);
  tcase_add_test(t, signatures_of_builtins_have_the_parameters_of_their_rows);
  tcase_add_test(t, every_use_compiles);
  tcase_add_test(t, every_name_stands_in_a_case_of_the_reference);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
