// The functions of the tests are all that the program holds, so its C is small. What its runs write is read
// here (nn_test.h says what it is).
#define _POSIX_C_SOURCE 200809L
#include "driver/test.h"

#include "driver/descriptor.h"
#include "driver/exit_codes.h"
#include "driver/interpret.h"
#include "driver/spawn.h"
#include "passes/subset.h"

#include "nn_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The tests and what they need.
static const Program *program_of_tests(const Program *p, Arena *a) {
  bool *functions = ARENA_ARRAY(a, p->n_fns, bool), *trains = ARENA_ARRAY(a, p->n_trains, bool);
  bool *known = ARENA_ARRAY(a, p->n_stores, bool);
  for (uint32_t i = 0; i < p->n_fns; i++) functions[i] = p->fns[i].kind == FN_TEST;
  Program *tests = program_subset(p, &(Selected){functions, trains, known, true}, a).program;
  tests->n_data = 0;
  return tests;
}

// ---- what a run wrote

typedef struct Reader {
  const unsigned char *at;
  size_t left;
  bool failed;
} Reader;

static const void *take(Reader *r, size_t n) {
  const unsigned char *at = r->at;
  if (n > r->left) return r->failed = true, NULL;
  r->at += n;
  r->left -= n;
  return at;
}

static size_t arg_bytes(const Function *f, uint32_t i) {
  int64_t n = f->g->symbol ? f->g->bound : 1;
  if (i < f->n_inputs) return elements(&f->inputs[i].shape, n) * dtype_bytes(f->inputs[i].dtype);
  const Node *root = graph_node(f->g, f->g->roots[i - f->n_inputs]);
  return elements(root->shape, n) * dtype_bytes(root->dtype);
}

static TestValues read_function(Reader *r, const Function *f, Arena *a) {
  int64_t length = 0;
  const void *head = take(r, sizeof length);
  if (head) memcpy(&length, head, sizeof length);
  if (length) {
    const char *message = take(r, (size_t)length);
    return (TestValues){message ? arena_strndup(a, message, (size_t)length) : "", NULL};
  }
  uint32_t n = f->n_inputs + f->g->n_roots;
  const unsigned char **args = ARENA_ARRAY(a, n, const unsigned char *);
  for (uint32_t i = 0; i < n; i++) {
    size_t bytes = arg_bytes(f, i);
    const void *from = take(r, bytes);
    if (from) args[i] = arena_copy(a, from, bytes);
  }
  return (TestValues){NULL, args};
}

// By function; the tests' entries are filled. False where the bytes are not those of the program.
static bool read_values(const Program *p, const char *bytes, size_t len, TestValues *out, Arena *a) {
  Reader r = {(const unsigned char *)bytes, len, false};
  for (uint32_t i = 0; i < p->n_fns; i++)
    if (p->fns[i].kind == FN_TEST) out[i] = read_function(&r, &p->fns[i], a);
  return !r.failed && r.left == 0;
}

// ---- the two runs

// Files the model names lie beside it.
static const char *data_dir(const Options *o, Arena *a) {
  const char *slash = strrchr(o->input, '/');
  return slash ? arena_strndup(a, o->input, (size_t)(slash - o->input) + 1) : "";
}

static int run_interpreted(const Program *p, const Options *o, TestValues *out, Arena *a) {
  FILE *f = tmpfile();
  if (!f) return complain(EXIT_SYSTEM, "no temporary file can be made: %s", strerror(errno));
  nn_err e = {0};
  int status = nn_test_run(interpret_model(p, "", o->keep_subnormals, a), data_dir(o, a), f, &e);
  if (status) complain(0, "%s", e.text.s ? e.text.s : "out of memory");
  nn_err_free(&e);
  StrBuf bytes = {0};
  char part[4096];
  rewind(f);
  for (size_t n; !status && (n = fread(part, 1, sizeof part, f)) > 0;) sb_putn(&bytes, part, n);
  fclose(f);
  if (!status && !read_values(p, sb_text(&bytes), bytes.len, out, a))
    status = complain(EXIT_SYSTEM, "the temporary file can't be read");
  strbuf_free(&bytes);
  return status;
}

static int run_program(const Program *p, const char *program, const Options *o, TestValues *out, Arena *a) {
  char *argv[] = {arena_strdup(a, program), arena_strdup(a, data_dir(o, a)), NULL};
  StrBuf bytes = {0};
  int code = spawn_run(argv, "", 0, &bytes), status = EXIT_DONE;
  if (code < 0)
    status = complain(EXIT_SYSTEM, "%s: can't be run: %s", program, strerror(errno));
  else if (code > 128)
    status = complain(EXIT_SYSTEM, "the compiled tests were ended by signal %d", code - 128);
  else if (code > 0)
    status = complain(code, "the compiled tests: %s", sb_text(&bytes));
  else if (!read_values(p, sb_text(&bytes), bytes.len, out, a))
    status = complain(EXIT_SYSTEM, "what the compiled tests wrote can't be read");
  strbuf_free(&bytes);
  return status;
}

static int run_compiled(const Program *p, const Options *o, TestCompile *compile, void *user, TestValues *out,
                        Arena *a) {
  const char *tmp = getenv("TMPDIR");
  char *folder = arena_printf(a, "%s/nnc-XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(folder)) return complain(EXIT_SYSTEM, "%s: %s", folder, strerror(errno));
  const char *program = arena_printf(a, "%s/tests", folder);
  int status = compile(user, p, program);
  if (status == EXIT_DONE && !o->dry_run) status = run_program(p, program, o, out, a);
  unlink(program);
  rmdir(folder);
  return status;
}

// ---- all of it

static int report(const Program *p, const TestValues *interpreted, const TestValues *compiled, Arena *a) {
  StrBuf out = {0};
  uint32_t ok = 0;
  for (uint32_t i = 0; i < p->n_tests; i++) {
    const Test *t = &p->tests[i];
    ok += test_report(p, t, &interpreted[t->fn], &compiled[t->fn], &out, a);
  }
  sb_printf(&out, "%u ok, %u failed\n", ok, p->n_tests - ok);
  fwrite(sb_text(&out), 1, out.len, stdout);
  strbuf_free(&out);
  return ok == p->n_tests ? EXIT_DONE : EXIT_FAILED;
}

int test_run(const Program *whole, const Options *o, TestCompile *compile, void *user, Arena *a) {
  if (whole->n_tests == 0) return printf("%s has no tests\n", o->input), EXIT_DONE;
  const Program *p = program_of_tests(whole, a);
  TestValues *interpreted = ARENA_ARRAY(a, p->n_fns, TestValues),
             *compiled = ARENA_ARRAY(a, p->n_fns, TestValues);
  int status = run_interpreted(p, o, interpreted, a);
  if (status == EXIT_DONE) status = run_compiled(p, o, compile, user, compiled, a);
  return status == EXIT_DONE && !o->dry_run ? report(p, interpreted, compiled, a) : status;
}
