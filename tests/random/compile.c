// Text to Program, for the checks. (A file of its own: frontend and codegen each have an Expr.)
#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "ir/base/embedded.h"
#include "tests/random/check.h"

#include <stdio.h>
#include <string.h>

Program *front_end(const char *text, DType real, Report *r, Arena *a) {
  SourceMap *sources = source_map_new(a);
  Intern *names = intern_new(a);
  Diags *diags = diags_new(a, sources);
  const File **std = ARENA_ARRAY(a, embedded_std.n, const File *);
  for (uint32_t i = 0; i < embedded_std.n; i++) {
    const EmbeddedFile *f = &embedded_std.files[i];
    std[i] = parse_source(source_add(sources, f->name, f->text, f->len, true), sources, names, diags, a);
  }
  File *user =
      parse_source(source_add(sources, "random.nn", text, strlen(text), false), sources, names, diags, a);
  Program *p = elaborate(user, std, embedded_std.n, sources, names,
                         &(ElaborateOptions){.real = real, .checks = true}, diags, a);
  if (!p) {
    StrBuf b = {0};
    diags_print_text(diags, &b, false);
    r->outcome = REJECTED;
    snprintf(r->why, sizeof r->why, "%s", sb_text(&b));
    snprintf(r->kind, sizeof r->kind, "%.*s", (int)strcspn(r->why, "\n"), r->why);
    strbuf_free(&b);
  }
  return p;
}
