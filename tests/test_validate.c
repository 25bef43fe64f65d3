// libclang on texts: what is wrong is found and placed, what nnc emits for the samples has no warnings.
#include "codegen/codegen.h"
#include "codegen/validate.h"
#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "passes/passes.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const strict[] = {
    "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Wstrict-prototypes",
    NULL};

static Arena *arena;
static void setup(void) { arena = arena_new(); }
static void teardown(void) { arena_free(arena); }

static Verdict verdict(const char *text, const char *const *flags) {
  return validate_c(text, strlen(text), &embedded_runtime, flags, arena);
}

START_TEST(a_right_text_is_accepted_in_silence) {
  Verdict v = verdict("#include <math.h>\nint f(int x) { return x; }\n", NULL);
  ck_assert_ptr_null(v.unchecked);
  ck_assert_uint_eq(v.errors, 0);
  ck_assert_str_eq(v.said, "");
}
END_TEST

START_TEST(the_first_error_is_placed) {
  const char *text = "int a;\nint f(void) { return b; }\nint g(void) { return c; }\n";
  Verdict v = verdict(text, NULL);
  ck_assert_ptr_null(v.unchecked);
  ck_assert_uint_eq(v.errors, 2);
  ck_assert_str_eq(v.first, "model.c:2:22: error: use of undeclared identifier 'b'");
  ck_assert_ptr_eq(text + v.offset, strchr(text, 'b'));
  ck_assert_ptr_nonnull(strstr(v.said, "model.c:3:22"));
}
END_TEST

START_TEST(a_function_must_be_declared) {
  Verdict v = verdict("int f(void) { return g(1); }\n", NULL);
  ck_assert_ptr_null(v.unchecked);
  ck_assert_uint_eq(v.errors, 1);
  ck_assert_ptr_nonnull(strstr(v.first, "model.c:1:22: error: implicit declaration of function 'g'"));
}
END_TEST

START_TEST(the_runtime_is_read_from_memory) {
  Verdict v = verdict("#include \"nn_core.h\"\n#include \"nn_model.h\"\nnn_ctx c;\n", NULL);
  ck_assert_msg(v.errors == 0, "%s", v.said);
  v = verdict("#include \"nn_nothing.h\"\n", NULL);
  ck_assert_uint_eq(v.errors, 1);
}
END_TEST

START_TEST(an_error_inside_a_header_has_no_place_in_the_text) {
  EmbeddedFile file = {"core/bad.h", "int x = y;\n", 11};
  Verdict v = validate_c("#include \"bad.h\"\n", 17, &(EmbeddedFiles){&file, 1}, NULL, arena);
  ck_assert_uint_eq(v.errors, 1);
  ck_assert_uint_eq(v.offset, VALIDATE_NO_OFFSET);
  ck_assert_ptr_nonnull(strstr(v.first, "core/bad.h:1:9: error"));
}
END_TEST

START_TEST(warnings_count_where_they_are_asked_for) {
  const char *text = "double f(float x);\ndouble f(float x) { return x; }\n";
  ck_assert_uint_eq(verdict(text, NULL).warnings, 0);
  Verdict v = verdict(text, strict);
  ck_assert_uint_eq(v.warnings, 1);
  ck_assert_uint_eq(v.errors, 0);
  ck_assert_ptr_nonnull(strstr(v.first, "model.c:2:28: warning"));
}
END_TEST

START_TEST(every_truncation_of_a_text_gets_a_verdict) {
  const char *text = "static int f(void) { /* x */ return 'a' + \"b\"[0]; }\n#if 1\nint x;\n#endif\n";
  for (size_t n = 0; n < strlen(text); n += 3)
    ck_assert_ptr_null(validate_c(text, n, &embedded_runtime, NULL, arena).unchecked);
}
END_TEST

// ---- what nnc emits

static char *read_text(const char *path, size_t *len) {
  FILE *f = fopen(path, "rb");
  ck_assert_ptr_nonnull(f);
  char *text = arena_alloc(arena, 1 << 16);
  *len = fread(text, 1, (1 << 16) - 1, f);
  text[*len] = 0;
  fclose(f);
  return text;
}

static const File *parsed(const char *name, const char *text, size_t len, bool is_std, SourceMap *sources,
                          Intern *names, Diags *diags) {
  return parse_source(source_add(sources, name, text, len, is_std), sources, names, diags, arena);
}

// Kernels of one signature have one text: it is what making each of them gives.
static void the_same_with_every_text(void (*codegen)(const Program *, const CodegenOptions *, StrBuf *),
                                     const Program *p) {
  StrBuf shared = {0}, each = {0};
  codegen(p, &(CodegenOptions){.program = true}, &shared);
  codegen(p, &(CodegenOptions){.program = true, .every_text = true}, &each);
  ck_assert_str_eq(sb_text(&shared), sb_text(&each));
  strbuf_free(&shared);
  strbuf_free(&each);
}

static void emit(const char *path, TextMap *map, SourceMap *sources, StrBuf *out) {
  Intern *names = intern_new(arena);
  Diags *diags = diags_new(arena, sources);
  const File **std_files = ARENA_ARRAY(arena, embedded_std.n, const File *);
  for (uint32_t i = 0; i < embedded_std.n; i++) {
    const EmbeddedFile *f = &embedded_std.files[i];
    std_files[i] = parsed(f->name, f->text, f->len, true, sources, names, diags);
  }
  size_t len;
  const char *text = read_text(path, &len);
  const File *user = parsed(path, text, len, false, sources, names, diags);
  Program *p = elaborate(user, std_files, embedded_std.n, sources, names, &(ElaborateOptions){.real = DT_F32},
                         diags, arena);
  ck_assert_ptr_nonnull(p);
  passes_run(p, &(PassOptions){0}, arena);
  codegen_c(p, &(CodegenOptions){.nnc_version = "test", .program = true, .map = map}, out);
  the_same_with_every_text(codegen_c, p);
  the_same_with_every_text(codegen_cuda, p);
}

static Verdict verdict_cuda(const char *text) {
  return validate_cuda(text, strlen(text), &embedded_runtime, NULL, arena);
}

START_TEST(the_words_of_cuda_have_their_types) {
  static const char kernel[] = "#include \"nn_cuda_program.h\"\n"
                               "struct k0_args { NN_PTR(float) y; };\n"
                               "static __global__ void k0(nn_ctx *c, const k0_args a) {\n"
                               "  __shared__ float s[32];\n"
                               "  s[threadIdx.x] = a.y[blockIdx.x * blockDim.x + threadIdx.x];\n"
                               "  __syncthreads();\n"
                               "  if (c->n) a.y[0] = s[31];\n"
                               "}\n";
  const struct {
    const char *launch, *says; // NULL: nothing is wrong
  } cases[] = {
      {"NN_LAUNCH(k0, n, 32, nn_cuda_stream(d), nn_cuda_ctx(d), a);", NULL},
      {"NN_LAUNCH(k0, n, 32, nn_cuda_stream(d), nn_cuda_ctx(d));", "no matching function"},
      {"NN_LAUNCH(k0, n, 32, nn_cuda_stream(d), d, a);", "no matching function"},
      {"NN_LAUNCH(k0, n, 32, d, nn_cuda_ctx(d), a);", "no matching function"},
      {"NN_LAUNCH(k1, n, 32, nn_cuda_stream(d), nn_cuda_ctx(d), a);", "undeclared identifier 'k1'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[2000];
    snprintf(text, sizeof text,
             "%sint f(nn_cuda *d, size_t n, void *const *args) {\n"
             "  const k0_args a = {NN_MEM(float, args[0], 32 * n)};\n  %s\n"
             "  return nn_cuda_launched(d, \"k0\", \"a.nn:1:1\");\n}\n",
             kernel, cases[i].launch);
    Verdict v = verdict_cuda(text);
    ck_assert_ptr_null(v.unchecked);
    ck_assert_msg((v.errors == 0) == !cases[i].says, "%s: %s", cases[i].launch, v.said);
    ck_assert_msg(!cases[i].says || strstr(v.said, cases[i].says), "%s: %s", cases[i].launch, v.said);
    ck_assert_msg(!v.first || strncmp(v.first, "model.cu:11:", 12) == 0, "%s", v.first);
  }
}
END_TEST

START_TEST(a_cuda_program_written_by_hand_is_accepted) {
  static char text[1 << 16];
  FILE *f = fopen(PROJECT_DIR "/tests/cuda/line.cu", "r");
  ck_assert_ptr_nonnull(f);
  text[fread(text, 1, sizeof text - 1, f)] = 0;
  fclose(f);
  Verdict v = verdict_cuda(text);
  ck_assert_msg(!v.unchecked && v.errors == 0, "%s", v.said);
}
END_TEST

START_TEST(the_samples_have_no_warning) {
  glob_t files;
  ck_assert_int_eq(glob(PROJECT_DIR "/samples/*/*.nn", 0, NULL, &files), 0);
  for (size_t i = 0; i < files.gl_pathc; i++) {
    StrBuf out = {0};
    emit(files.gl_pathv[i], NULL, source_map_new(arena), &out);
    Verdict v = validate_c(sb_text(&out), out.len, &embedded_runtime, strict, arena);
    ck_assert_msg(v.errors + v.warnings == 0, "%s: %s", files.gl_pathv[i], v.said);
    strbuf_free(&out);
  }
  globfree(&files);
}
END_TEST

START_TEST(every_line_that_names_a_place_is_mapped_to_it) {
  SourceMap *sources = source_map_new(arena);
  TextMap map = {.arena = arena};
  StrBuf out = {0};
  emit(PROJECT_DIR "/samples/xor/xor.nn", &map, sources, &out);
  unsigned found = 0;
  for (const char *p = sb_text(&out); (p = strstr(p, "\n  /* ")); p++) {
    const char *end = strstr(p, " */");
    const char *at = span_text_here(sources, text_map_at(&map, (size_t)(p + 3 - sb_text(&out))), arena);
    ck_assert_ptr_nonnull(end);
    ck_assert_msg(strlen(at) > 0 && memcmp(end - strlen(at), at, strlen(at)) == 0, "%.*s is mapped to %s",
                  (int)(end - p), p, at);
    found++;
  }
  ck_assert_uint_gt(found, 5);
  ck_assert_uint_eq(text_map_at(&map, 0).source, 0);       // the head
  ck_assert_uint_eq(text_map_at(&map, out.len).source, 0); // main
  strbuf_free(&out);
}
END_TEST

int main(void) {
  Arena *a = arena_new();
  bool without = strncmp(validate_version(a), "none", 4) == 0;
  if (without) printf("SKIP validate: %s\n", validate_version(a));
  arena_free(a);
  if (without) return 77;
  Suite *s = suite_create("validate");
  TCase *t = tcase_create("validate");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_set_timeout(t, 300);
  tcase_add_test(t, a_right_text_is_accepted_in_silence);
  tcase_add_test(t, the_first_error_is_placed);
  tcase_add_test(t, a_function_must_be_declared);
  tcase_add_test(t, the_runtime_is_read_from_memory);
  tcase_add_test(t, an_error_inside_a_header_has_no_place_in_the_text);
  tcase_add_test(t, warnings_count_where_they_are_asked_for);
  tcase_add_test(t, every_truncation_of_a_text_gets_a_verdict);
  tcase_add_test(t, the_words_of_cuda_have_their_types);
  tcase_add_test(t, a_cuda_program_written_by_hand_is_accepted);
  tcase_add_test(t, the_samples_have_no_warning);
  tcase_add_test(t, every_line_that_names_a_place_is_mapped_to_it);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
