// Bracketed text, as the patterns of rules.def and the graphs of tests are written: `(op a b)`, `[1 2]`,
// atoms. An atom may hold a bracketed part: `x:f32[2,3]`. Commas and white space separate.
#ifndef NNC_PASSES_SEXPR_H
#define NNC_PASSES_SEXPR_H

#include "ir/base/arena.h"

#include <stdint.h>

typedef struct Sexpr {
  char open; // '(' or '[': a list; 0: an atom
  const char *atom;
  const struct Sexpr *in; // items of a list
  uint32_t n;
} Sexpr;

// The forms of `text` as one list. Text that does not balance is a broken invariant (it comes from tables).
Sexpr sexpr_parse(const char *text, Arena *a);

#endif
