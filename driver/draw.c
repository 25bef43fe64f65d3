// DOT is text of ours; SVG is what the tool `dot` makes of it.
#include "driver/draw.h"

#include "driver/exit_codes.h"
#include "driver/functions.h"
#include "driver/output.h"
#include "driver/picture.h"
#include "driver/spawn.h"

#include <errno.h>
#include <string.h>

static int choose(const Program *p, const char *name, uint32_t *id) {
  if (name) return function_named(p, name, id);
  *id = p->init;
  for (uint32_t i = p->n_fns; i-- > 0;)
    if (p->fns[i].kind == FN_STEP) *id = i;
  for (uint32_t i = p->n_fns; i-- > 0;)
    if (p->fns[i].kind == FN_EXPORT) *id = i;
  return EXIT_DONE;
}

static int write_svg(const StrBuf *text, const Options *o, Arena *a) {
  Output out;
  int status = output_begin(&out, o->output, o->input, a);
  if (status != EXIT_DONE) return status;
  char *const argv[] = {arena_strdup(a, "dot"), arena_strdup(a, "-Tsvg"), arena_strdup(a, "-o"),
                        arena_strdup(a, out.temp), NULL};
  StrBuf said = {0};
  int code = spawn_run(argv, sb_text(text), text->len, &said);
  if (code == 0)
    status = output_commit(&out);
  else if (code < 0)
    status = complain(EXIT_SYSTEM, "can't run `dot`: %s; install graphviz, or write DOT: -o NAME.dot",
                      strerror(errno));
  else
    status = complain(EXIT_SYSTEM, "`dot` fails: %s", sb_text(&said));
  if (code != 0) output_drop(&out);
  strbuf_free(&said);
  return status;
}

int draw(const Program *p, const Options *o, Arena *a) {
  uint32_t id;
  int status = choose(p, o->function, &id);
  if (status != EXIT_DONE) return status;
  StrBuf text = {0};
  picture(p, id, (uint32_t)o->depth, &text);
  size_t n = o->output ? strlen(o->output) : 0;
  if (n > 4 && strcmp(o->output + n - 4, ".svg") == 0)
    status = write_svg(&text, o, a);
  else
    status = output_text(o->output ? o->output : "-", o->input, sb_text(&text), text.len, a);
  strbuf_free(&text);
  return status;
}
