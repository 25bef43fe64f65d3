#include "tests/compile_model.h"

#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "ir/base/embedded.h"
#include "passes/passes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *len) {
  char name[1024];
  snprintf(name, sizeof name, "%s/%s", PROJECT_DIR, path);
  FILE *f = fopen(name, "rb");
  if (!f) fprintf(stderr, "%s is missing\n", name), exit(1);
  char *text = malloc(1 << 20);
  *len = fread(text, 1, 1 << 20, f);
  fclose(f);
  return text;
}

Program *compile_model(const char *path, const char *more, Arena *a) {
  SourceMap *sources = source_map_new(a);
  Intern *names = intern_new(a);
  Diags *diags = diags_new(a, sources);
  const File **std = ARENA_ARRAY(a, embedded_std.n, const File *);
  for (uint32_t i = 0; i < embedded_std.n; i++) {
    const EmbeddedFile *f = &embedded_std.files[i];
    std[i] = parse_source(source_add(sources, f->name, f->text, f->len, true), sources, names, diags, a);
  }
  size_t len;
  char *text = read_file(path, &len);
  const char *whole = arena_printf(a, "%.*s%s", (int)len, text, more);
  free(text);
  File *user = parse_source(source_add(sources, path, whole, strlen(whole), false), sources, names, diags, a);
  Program *p =
      elaborate(user, std, embedded_std.n, sources, names, &(ElaborateOptions){.real = DT_F32}, diags, a);
  if (!p) fprintf(stderr, "%s does not compile\n", path), exit(1);
  passes_run(p, &(PassOptions){0}, a);
  return p;
}
