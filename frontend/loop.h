// A `scan` while it is elaborated: loop.c its head, `yield` and `next`, loop_stores.c what its body updates,
// loop_body.c the body as a graph of its own.
#ifndef NNC_FRONTEND_LOOP_H
#define NNC_FRONTEND_LOOP_H

#include "frontend/sema.h"

// A store that the body updates is carried.
typedef struct LoopStore {
  StoreRef *ref;
  NodeId before; // its value when the loop begins
  bool written;
} LoopStore;

struct Loop {
  Loop *up;
  const Ctx *fn;
  uint64_t place;       // known again when everything is elaborated once more
  const Frame *frame;   // of the expression: `yield` and `next` belong to its body
  const Instance *inst; // the layer it stands in
  const Expr *x;
  uint32_t when_depth; // how many `when` are around it
  uint32_t n_named;    // carries of the head; those after them are stores
  uint32_t n_carries, n_sequences;
  NodeId *carry, *init, *next; // stand-ins; what they begin with; what they become, NO_NODE: themselves
  NodeId *element, *sequence;
  VEC(NodeId) yields;
  VEC(LoopStore) stores;
  NodeId iteration; // NO_NODE: not over a range
  Dim length;
  int64_t from; // of the range
  bool has_length, several, bad;
};

enum { N_SCAN_OPTIONS = 3 };

typedef struct Head {
  int64_t axis;
  bool reverse;
  int64_t recompute; // 0: not given
} Head;

bool loop_carries(const Loop *l, const char *name);
extern const char *const scan_options[N_SCAN_OPTIONS];

// ---- loop_stores.c
void loop_find_stores(Elab *e, Loop *l);  // those that the body is known to update; reads them
void loop_enter_stores(Elab *e, Loop *l); // in the body they are their carries
void loop_leave_stores(Elab *e, Loop *l); // what they are at its end is what they become
void loop_write_stores(Elab *e, const Loop *l, const NodeId *last);

// ---- loop_body.c
// Axis `from` of x becomes axis `to`; the others keep their order.
NodeId loop_move_axis(Elab *e, NodeId x, uint32_t from, uint32_t to);
// The value of the loop whose body are the nodes from `mark` on.
Value loop_make(Elab *e, const Loop *l, uint32_t mark, const Head *h);

#endif
