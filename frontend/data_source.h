// Sources of fields, `name: type from idx(…);`, and the split of their examples.
#ifndef NNC_FRONTEND_DATA_SOURCE_H
#define NNC_FRONTEND_DATA_SOURCE_H

#include "frontend/sema.h"

typedef struct Split {
  const char *name;
  Span name_at;
  const double *parts;
  uint32_t n, part;
  uint64_t seed;
  bool bad;
} Split;

// split, parts, seed: on a source or for the whole block. True when the name was one of them.
bool split_option(Elab *e, const char *name, Value v, Span at, Split *s);
// Adds the source to `u` and describes the field; `block` is the split of the whole block.
bool source_field(Elab *e, DataUse *u, const Stmt *f, const Split *block, DataFieldUse *out);

#endif
