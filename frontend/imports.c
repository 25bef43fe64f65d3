// Depth first through the import statements. A file that is still open when it is named again is a cycle.
#include "frontend/imports.h"

#include "frontend/parse.h"
#include "ir/base/vec.h"

#include <string.h>

typedef struct Reader {
  const Loader *loader;
  SourceMap *sources;
  Intern *names;
  Diags *diags;
  Arena *a;
  VEC(Module) modules;
  VEC(uint32_t) open; // the modules whose imports are being read, outer first
  size_t bytes;
  bool full; // a limit was said
} Reader;

const char *file_stem(const char *path, Arena *a) {
  const char *base = strrchr(path, '/');
  char *n = arena_strdup(a, base ? base + 1 : path);
  char *dot = strrchr(n, '.');
  if (dot && dot != n) *dot = 0;
  for (char *p = n; *p; p++)
    if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9'))) *p = '_';
  if (*n >= '0' && *n <= '9') n = arena_printf(a, "m%s", n);
  return *n ? n : "model";
}

static const char *name_of(const Reader *r, uint32_t module) {
  return source_get(r->sources, r->modules.data[module].file->source)->name;
}

static uint32_t cycle(Reader *r, const Stmt *s, size_t from) {
  StrBuf b = {0};
  for (size_t i = from; i < r->open.len; i++) sb_printf(&b, "%s -> ", name_of(r, r->open.data[i]));
  Diag *g = diag_error(r->diags, DIAG_E0120, s->span, "imports form a cycle");
  diag_label(g, "%s", from + 1 == r->open.len ? "the file imports itself" : "this closes it");
  diag_note(g, "%s%s", sb_text(&b), name_of(r, r->open.data[from]));
  strbuf_free(&b);
  return NO_MODULE;
}

static uint32_t not_found(Reader *r, const Stmt *s, const Found *f) {
  const Expr *path = s->u.import.path;
  Diag *g =
      diag_error(r->diags, DIAG_E0119, path->span, "the file \"%s\" can't be imported", path->u.str.text);
  diag_label(g, "%s", f->problem);
  for (uint32_t i = 0; i < f->n_looked; i++) diag_note(g, "looked for %s", f->looked[i]);
  return NO_MODULE;
}

static uint32_t limit(Reader *r, const Stmt *s, const char *what) {
  r->full = true;
  diag_error(r->diags, DIAG_E0811, s->span, "%s", what);
  return NO_MODULE;
}

static uint32_t known(const Reader *r, const char *identity) {
  for (uint32_t i = 0; i < r->modules.len; i++)
    if (strcmp(r->modules.data[i].identity, identity) == 0) return i;
  return NO_MODULE;
}

static void read_imports(Reader *r, uint32_t module);

static uint32_t read_module(Reader *r, const Stmt *s, const Found *f) {
  Module m = {.identity = f->identity, .prefix = intern(r->names, file_stem(f->name, r->a))};
  uint32_t source = source_add(r->sources, f->name, f->text, f->len, false);
  if (r->open.len >= MAX_IMPORT_DEPTH)
    return limit(r, s, arena_printf(r->a, "imports are nested more than %d deep", MAX_IMPORT_DEPTH));
  if (r->modules.len >= MAX_IMPORTS)
    return limit(r, s, arena_printf(r->a, "more than %d files are imported", MAX_IMPORTS));
  if ((r->bytes += f->len) > MAX_IMPORTED_BYTES)
    return limit(r, s,
                 arena_printf(r->a, "imported files have more than %d bytes together", MAX_IMPORTED_BYTES));
  m.file = parse_source(source, r->sources, r->names, r->diags, r->a);
  vec_push(r->a, &r->modules, m);
  uint32_t module = (uint32_t)r->modules.len - 1;
  read_imports(r, module);
  return module;
}

static uint32_t import(Reader *r, const Stmt *s, uint32_t from) {
  const Expr *path = s->u.import.path;
  Found f = {.problem = "a file's name has no zero bytes"};
  if (strlen(path->u.str.text) == path->u.str.len)
    f = r->loader->find(r->loader->user, path->u.str.text, name_of(r, from));
  if (f.problem) return not_found(r, s, &f);
  uint32_t module = known(r, f.identity);
  for (size_t i = 0; i < r->open.len; i++)
    if (r->open.data[i] == module) return cycle(r, s, i);
  return module != NO_MODULE ? module : read_module(r, s, &f);
}

static void read_imports(Reader *r, uint32_t module) {
  const StmtList *l = &r->modules.data[module].file->decls;
  uint32_t n = 0;
  for (uint32_t i = 0; i < l->len; i++) n += l->data[i]->kind == ST_IMPORT;
  uint32_t *target = ARENA_ARRAY(r->a, n, uint32_t);
  vec_push(r->a, &r->open, module);
  n = 0;
  for (uint32_t i = 0; i < l->len; i++)
    if (l->data[i]->kind == ST_IMPORT)
      target[n++] = r->full || diags_full(r->diags) ? NO_MODULE : import(r, l->data[i], module);
  r->open.len--;
  r->modules.data[module].target = target;
}

Modules import_files(const File *user, const Loader *loader, SourceMap *sources, Intern *names, Diags *diags,
                     Arena *a) {
  Reader r = {.loader = loader, .sources = sources, .names = names, .diags = diags, .a = a};
  Module first = {.file = user, .identity = loader->identity};
  vec_push(a, &r.modules, first);
  read_imports(&r, 0);
  return (Modules){r.modules.data, (uint32_t)r.modules.len};
}
