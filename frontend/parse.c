// Scan, match brackets, parse.
#include "frontend/parse.h"

#include "frontend/ast_build.h"
#include "frontend/parser.h"

File *parse_source(uint32_t source, const SourceMap *sources, Intern *names, Diags *diags, Arena *a) {
  File *file = ARENA_NEW(a, File);
  file->source = source;
  const Source *text = source_get(sources, source);
  if (text->len > MAX_SOURCE_BYTES) {
    Diag *g = diag_error(diags, DIAG_E0802, (Span){source, 0, 0}, "this file is too large");
    diag_label(g, "%zu bytes, at most %d are read", text->len, MAX_SOURCE_BYTES);
    return file;
  }
  Parser p = {.arena = a, .diags = diags, .source = source, .file = file, .resumed = NO_TOKEN};
  p.scanned = scan_source(source, text, names, a);
  repair_brackets(p.scanned, source, text->text, a);
  sort_problems(p.scanned);
  nn_yyparse(&p); // its result only says whether the last recovery reached the end
  file->decls.span = (Span){source, 0, (uint32_t)text->len};
  return file;
}
