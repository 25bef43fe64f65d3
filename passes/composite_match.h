// Inside of composites.c: patterns of composites.def against a graph. A place says for each axis of a value
// which axis of the whole it is: so a sum that is subtracted along another axis than it was taken over is no
// match.
#ifndef NNC_PASSES_COMPOSITE_MATCH_H
#define NNC_PASSES_COMPOSITE_MATCH_H

#include "passes/composites.h"

enum { NOWHERE = 255, REDUCED = 254, MAX_NAMES = 4 };

typedef struct Place {
  uint8_t of[MAX_RANK]; // an axis of the whole; NOWHERE: of size 1; REDUCED: one that a reduction removes
} Place;

typedef struct Found {
  bool is, part; // part: of a composite made of it
  CompositeKind kind;
  uint32_t kept; // its axes that its reductions leave
  NodeId of;     // what ?z or ?x stands for, and where that lies in its axes
  Place of_at;
} Found;

typedef struct Pattern Pattern;
Pattern *pattern_parse(const char *text, Arena *a);

// False where the pattern has an operation that the graph has not.
bool pattern_possible(const Pattern *p, const bool has[OP_COUNT]);
// The composite that node id is by the pattern (kind is the caller's to say); *part: the one it is made of,
// or NO_NODE.
bool pattern_match(const Graph *g, const Found *found, const Pattern *p, bool last_axes, NodeId id,
                   Found *out, NodeId *part);

// What the rows of composites.def find in g as it is, by node (composites.c).
void composites_match(const Graph *g, Found *found, Arena *a);

// Goes through what only moves values.
NodeId moved_value(const Graph *g, NodeId id, Place *at);
// Where input i of an elementwise node lies.
Place operand_place(const Graph *g, const Node *n, const Place *at, uint32_t i);

#endif
