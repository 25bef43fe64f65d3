// A model's text through the front half of the compiler, in f64, as tests of the library want it.
#ifndef NNC_TESTS_LIBRARY_PROGRAM_H
#define NNC_TESTS_LIBRARY_PROGRAM_H

#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "ir/base/embedded.h"
#include "passes/passes.h"

#include <string.h>

static inline const File **library_files(SourceMap *sources, Intern *names, Diags *diags, Arena *a) {
  const File **files = ARENA_ARRAY(a, embedded_std.n, const File *);
  for (uint32_t i = 0; i < embedded_std.n; i++) {
    const EmbeddedFile *f = &embedded_std.files[i];
    files[i] = parse_source(source_add(sources, f->name, f->text, f->len, true), sources, names, diags, a);
  }
  return files;
}

// NULL when the text has errors; then, and when there are warnings, `said` holds what nnc has to say.
static inline Program *library_program(const char *name, const char *text, Arena *a, StrBuf *said) {
  SourceMap *sources = source_map_new(a);
  Intern *names = intern_new(a);
  Diags *diags = diags_new(a, sources);
  const File **std = library_files(sources, names, diags, a);
  const File *user =
      parse_source(source_add(sources, name, text, strlen(text), false), sources, names, diags, a);
  Program *p = elaborate(user, std, embedded_std.n, sources, names,
                         &(ElaborateOptions){.real = DT_F64, .tests = true}, diags, a);
  diags_print_text(diags, said, false);
  if (p) passes_run(p, &(PassOptions){.verify = true}, a);
  return p;
}

#endif
