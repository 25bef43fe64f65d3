// Stages that dumps may name: elaborate, every row of the pass table, fuse. Only "before" a pass of the table
// has a graph of its own to show.
#define _POSIX_C_SOURCE 200809L
#include "driver/inspect.h"

#include "driver/exit_codes.h"

#include "codegen/codegen.h"
#include "frontend/dump.h"
#include "frontend/library.h"
#include "frontend/parse.h"
#include "ir/base/embedded.h"
#include "ir/base/nearest.h"
#include "ir/op.h"
#include "ir/print.h"
#include "passes/passes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// ---- dumps

static int dump_exists(const Dump *d) {
  uint32_t n;
  const PassInfo *passes = pass_table(&n);
  Nearest near = nearest_to(d->pass);
  for (uint32_t i = 0; i < n; i++) {
    if (strcmp(passes[i].name, d->pass) == 0) return EXIT_DONE;
    nearest_try(&near, passes[i].name);
  }
  static const char *const ends[] = {"elaborate", "invariant", "fuse"};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    if (strcmp(ends[i], d->pass) == 0)
      return d->after ? EXIT_DONE
                      : complain(EXIT_USAGE, "--dump-ir=before:%s: only after:%s exists", ends[i], ends[i]);
    nearest_try(&near, ends[i]);
  }
  if (near.best)
    return complain(EXIT_USAGE, "--dump-ir: there is no pass `%s`; did you mean `%s`?", d->pass, near.best);
  return complain(EXIT_USAGE, "--dump-ir: there is no pass `%s`; `nnc --print=passes` lists them", d->pass);
}

int inspect_begin(Inspect *in, const Options *o, Arena *a) {
  (void)a;
  *in = (Inspect){.o = o, .last = now()};
  for (uint32_t i = 0; i < o->n_dumps; i++)
    if (dump_exists(&o->dumps[i]) != EXIT_DONE) return EXIT_USAGE;
  return EXIT_DONE;
}

static bool wanted(const Inspect *in, const char *pass, bool after) {
  for (uint32_t i = 0; i < in->o->n_dumps; i++)
    if (in->o->dumps[i].after == after && strcmp(in->o->dumps[i].pass, pass) == 0) return true;
  return false;
}

static void print_and_free(StrBuf *text) {
  fwrite(sb_text(text), 1, text->len, stdout);
  strbuf_free(text);
}

static void dump_function(const char *pass, bool after, const Program *p, const Function *f) {
  StrBuf out = {0};
  sb_printf(&out, "# %s %s\n", after ? "after" : "before", pass);
  function_print(p, f, &out);
  sb_putc(&out, '\n');
  print_and_free(&out);
}

void inspect_ast(const Inspect *in, const File *user) {
  if (!in->o->dump_ast) return;
  StrBuf out = {0};
  ast_dump(user, &out);
  print_and_free(&out);
}

void inspect_elaborated(const Inspect *in, const Program *p) {
  if (!wanted(in, "elaborate", true)) return;
  StrBuf out = {0};
  sb_puts(&out, "# after elaborate\n");
  program_print(p, &out);
  sb_putc(&out, '\n');
  print_and_free(&out);
}

void inspect_kernels(const Inspect *in, const Program *p) {
  if (!wanted(in, "fuse", true)) return;
  StrBuf out = {0};
  sb_puts(&out, "# after fuse\n");
  codegen_dump_kernels(p, NULL, &out);
  print_and_free(&out);
}

void inspect_pass(void *user, const char *pass, bool after, const Program *p, const Function *f) {
  Inspect *in = user;
  if (wanted(in, pass, after)) dump_function(pass, after, p, f);
  if (after)
    inspect_stage(in, pass);
  else
    in->last = now();
}

// ---- times

void inspect_stage(Inspect *in, const char *stage) {
  double t = now();
  uint32_t i = 0;
  while (i < in->n_stages && strcmp(in->stages[i].name, stage) != 0) i++;
  if (i < MAX_STAGES) {
    if (i == in->n_stages) in->n_stages++;
    in->stages[i].name = stage;
    in->stages[i].seconds += t - in->last;
  }
  in->last = t;
}

void inspect_end(const Inspect *in) {
  if (!in->o->time_passes) return;
  double total = 0;
  for (uint32_t i = 0; i < in->n_stages; i++) {
    total += in->stages[i].seconds;
    fprintf(stderr, "%-14s %9.3f ms\n", in->stages[i].name, 1e3 * in->stages[i].seconds);
  }
  fprintf(stderr, "%-14s %9.3f ms\n", "total", 1e3 * total);
}

// ---- what nnc has

static void print_passes(void) {
  uint32_t n;
  const PassInfo *passes = pass_table(&n);
  puts("elaborate");
  for (uint32_t i = 0; i < n; i++) {
    printf("%s", passes[i].name);
    if (passes[i].after) printf("  (after %s: %s)", passes[i].after, passes[i].reason);
    puts("");
  }
  puts("invariant  (of programs: what all steps of a loop have in common)");
  puts("fuse");
}

static void print_ops(void) {
  for (int op = 0; op < OP_COUNT; op++) {
    const char *meaning = op_meaning_real((Op)op);
    printf("%-12s", op_name((Op)op));
    if (op_arity((Op)op) >= 0)
      printf(" %d", op_arity((Op)op));
    else
      printf(" n");
    printf("  %s\n", meaning ? meaning : "");
  }
}

// docs/STDLIB.md
static void print_library(Arena *a) {
  SourceMap *sources = source_map_new(a);
  Intern *names = intern_new(a);
  Diags *diags = diags_new(a, sources);
  const File **files = ARENA_ARRAY(a, embedded_std.n, const File *);
  for (uint32_t i = 0; i < embedded_std.n; i++) {
    const EmbeddedFile *f = &embedded_std.files[i];
    files[i] = parse_source(source_add(sources, f->name, f->text, f->len, true), sources, names, diags, a);
  }
  uint32_t n;
  const LibraryName *library = library_names(files, embedded_std.n, sources, a, &n);
  StrBuf out = {0};
  library_document(library, n, &out);
  print_and_free(&out);
}

void inspect_print(const char *what, Arena *a) {
  if (strcmp(what, "stdlib") == 0) print_library(a);
  if (strcmp(what, "passes") == 0) print_passes();
  if (strcmp(what, "ops") == 0) print_ops();
  if (strcmp(what, "targets") == 0) puts("c\ncuda");
  if (strcmp(what, "runtime-dir") == 0) puts(NNC_RUNTIME_DIR);
}
