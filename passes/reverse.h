// The reverse walk of a GRAD of e: of the nodes from its first target on, whether some target needs their cotangent, and
// what of it has arrived. Only nodes at which something has arrived are visited, the last ones first, and the marks
// are kept for the next gradient by the same targets: a program may have thousands of them, each of a few of the nodes.
#ifndef NNC_PASSES_REVERSE_H
#define NNC_PASSES_REVERSE_H

#include "ir/base/vec.h"
#include "ir/graph.h"

typedef struct Arrival {
  bool wanted;
  NodeId cot;   // the sum so far, NO_NODE: nothing has arrived
  NodeId link;  // of a loop: its last result at which something has arrived; of a result: the next one
} Arrival;

typedef struct Reverse {
  Arena *a; // NULL: no walk yet
  const NodeId *x;
  uint32_t n;
  NodeId first;        // target
  VEC(Arrival) at;     // by node from `first` on
  VEC(NodeId) waiting; // a heap, the largest in front; perhaps with some nodes twice
  VEC(NodeId) visited;
} Reverse;

// r: {0}, or kept from a walk in the same graph.
void reverse_begin(Reverse *r, const Graph *g, NodeId e, const NodeId *x, uint32_t n);
// Only the cotangents are forgotten.
void reverse_end(Reverse *r);
// The next node to visit, NO_NODE: none.
NodeId reverse_next(Reverse *r);
// Of a node that is wanted.
static inline Arrival *reverse_at(const Reverse *r, NodeId x) { return &r->at.data[x - r->first]; }
void reverse_wait(Reverse *r, NodeId x);

static inline bool reverse_wants(const Reverse *r, NodeId x) {
  return x >= r->first && x - r->first < r->at.len && reverse_at(r, x)->wanted;
}

// True when n passes cotangents on to its input i (autodiff.c).
bool passes_to(const Graph *g, const Node *n, uint32_t i);

#endif
