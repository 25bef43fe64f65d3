// Shared by order.c and greedy.c: steps, what depends on what, and the memory they touch.
#ifndef NNC_CODEGEN_ORDER_IMPL_H
#define NNC_CODEGEN_ORDER_IMPL_H

#include "codegen/order.h"

typedef VEC(uint32_t) Numbers;

typedef struct Item { // a step
  Numbers buffers;    // scratch buffers it touches, each once
  Numbers after;      // steps that must come later
  Numbers before;
} Item;

typedef struct Pair { // `step` may compute `out` over `in`, which must die there
  uint32_t step, out, in;
} Pair;

struct Order {
  const FnPlan *f;
  Arena *a;
  uint32_t n, n_buffers;
  Item *items;
  VEC(Pair) pairs;
  uint64_t *bytes;        // of a buffer that is scratch, else 0
  uint32_t *first, *last; // of each buffer: positions, valid after order_peak
  uint32_t *position;     // of each step in the sequence last weighed or moved in
  bool *takes, *gives;    // of each buffer: it has taken over another's memory, its own was taken
  int64_t *live;          // bytes, by position, valid after order_peak
  uint64_t total;         // sum of live bytes over all positions, set by order_peak
};

// greedy.c: always the step that raises the peak least, then the one that leaves least behind, then the
// program's order. Backward: the same on the reversed graph, from the end.
void order_greedy(Order *o, bool forward, uint32_t *sequence);

#endif
