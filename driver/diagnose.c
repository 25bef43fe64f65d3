// In colour on a terminal that has it, unless NO_COLOR is set (no-color.org).
#define _POSIX_C_SOURCE 200809L
#include "driver/diagnose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool colored(const Options *o) {
  const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
  if (o->color != WHEN_AUTO) return o->color == WHEN_ALWAYS;
  return isatty(2) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

void diagnose(const Diags *d, const Options *o) {
  StrBuf out = {0};
  if (o->json)
    diags_print_json(d, &out);
  else
    diags_print_text(d, &out, colored(o));
  fputs(sb_text(&out), stderr);
  strbuf_free(&out);
}
