// One file after the other, each with an arena of its own.
#include "driver/fmt.h"

#include "driver/diagnose.h"
#include "driver/exit_codes.h"
#include "driver/output.h"
#include "driver/reproducer.h"
#include "driver/source.h"
#include "frontend/fmt.h"

#include <stdio.h>
#include <string.h>

static int lay_out(const Options *o, const char *name, Text text, StrBuf *out, Arena *a) {
  SourceMap *sources = source_map_new(a);
  Diags *diags = diags_new(a, sources);
  uint32_t source = source_add(sources, name, text.text, text.len, true); // of the library, perhaps
  bool done = fmt_source(source, sources, intern_new(a), diags, out, a);
  diagnose(diags, o);
  return done ? EXIT_DONE : EXIT_SOURCE;
}

static int fmt_file(const Options *o, const char *path, Reproducer *bug, Arena *a) {
  bool is_stdin = strcmp(path, "-") == 0;
  int status = is_stdin ? source_read_stdin(&bug->source, a) : source_read(path, &bug->source, a);
  if (status != EXIT_DONE) return status;
  reproducer_guard(bug);
  StrBuf out = {0};
  status = lay_out(o, is_stdin ? "<stdin>" : path, bug->source, &out, a);
  bool changes = out.len != bug->source.len || memcmp(sb_text(&out), bug->source.text, out.len) != 0;
  if (status == EXIT_DONE && o->fmt_check) {
    if (changes) printf("%s\n", is_stdin ? "<stdin>" : path);
    status = changes ? EXIT_FAILED : EXIT_DONE;
  } else if (status == EXIT_DONE && is_stdin) {
    status = output_text("-", NULL, sb_text(&out), out.len, a);
  } else if (status == EXIT_DONE && changes) {
    status = output_replace(path, sb_text(&out), out.len, a);
  }
  strbuf_free(&out);
  return status;
}

int fmt(const Options *o, Arena *a) {
  static const char *const standard_input[] = {"-"};
  const char *const *paths = o->n_inputs ? o->inputs : standard_input;
  uint32_t n = o->n_inputs ? o->n_inputs : 1;
  int status = EXIT_DONE;
  Reproducer *bug = ARENA_NEW(a, Reproducer);
  for (uint32_t i = 0; i < n; i++) {
    *bug = (Reproducer){.argc = o->argc, .argv = o->argv, .what = "a broken invariant"};
    Arena *own = arena_child(a);
    int of_file = fmt_file(o, paths[i], bug, own);
    if (of_file != EXIT_DONE && (status == EXIT_DONE || status == EXIT_FAILED)) status = of_file;
    bug->source = (Text){0};
    arena_free(own);
  }
  return status;
}
