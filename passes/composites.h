// Composites: operations that together are a softmax, a norm, an attention …, however they are spelled and
// whether by hand or by the library (composites.def). For people, and for a target with a kernel for the
// whole; every target there is emits their operations.
#ifndef NNC_PASSES_COMPOSITES_H
#define NNC_PASSES_COMPOSITES_H

#include "ir/graph.h"

typedef enum CompositeKind {
#define KIND(name, words) COMPOSITE_##name,
#define PATTERN(kind, axes, pattern)
#include "passes/composites.def"
#undef KIND
#undef PATTERN
  COMPOSITE_KINDS
} CompositeKind;

typedef struct Composite {
  CompositeKind kind;
  Span span; // of its last operation
  const char *path;
} Composite;

const char *composite_words(CompositeKind k);

// Of a graph before any pass, bodies of loops included, in the order of execution.
const Composite *composites_find(const Graph *g, Arena *a, uint32_t *n);

#endif
