// Shared by lower.c (values) and lower_kernel.c (stores and kernels).
#ifndef NNC_CODEGEN_LOWER_IMPL_H
#define NNC_CODEGEN_LOWER_IMPL_H

#include "codegen/lower.h"

typedef struct Memo {
  const Graph *g;
  NodeId node;
  IndexId at[MAX_RANK];
  ExprId value;
} Memo;

struct Lower {
  const FnPlan *f;
  const Graph *g;
  Arena *a;
  const bool *has_buffer; // NULL: nothing has, nor have a body's arguments memory: all is computed from the
                          // function's
  Kernel *k;
  Pool *p;
  VEC(Put) stores;
  uint32_t n_axes;             // leading axes of every node that the parallel loops cover, and
  IndexId lead[MAX_RANK];      // where an iteration stands on them
  IndexId column[MAX_RANK];    // CONV: where a column stands in the result, for the operands
  const WindowAttr *window;    // CONV with windows in its epilogue: `lead` is of a window
  uint32_t group;              // first store of the current loop group
  IndexId iteration[MAX_RANK]; // without buffers: where the kernel stands, by depth of the loop
  NodeId defining;             // the node whose own value is being made
  bool impossible;
  VEC(Memo) memo;
};

// The value of v at an index; the inside of the module.
ExprId lower_value(Lower *l, NodeId v, const IndexId *at);
// The value of v as made, to be known by it where it is NaN (Node.trap).
ExprId lower_mark(Lower *l, NodeId v, ExprId value);
// A new variable of this extent; too many make the kernel impossible.
VarId lower_new_var(Lower *l, Poly extent);
// The same, and its index.
IndexId lower_fresh(Lower *l, Dim extent, VarId *v);
// A row-major number as the indices of a shape.
void lower_delinear(Lower *l, IndexId at, const Shape *s, IndexId *out);
// x and y, where a constant needs no operation.
ExprId lower_both(Lower *l, ExprId x, ExprId y);
// The value lies inside an axis of this size, whatever the call's data are: it counts iterations.
bool lower_certain(Lower *l, ExprId value, Dim size);
// The element `at` of `indices` as an index into an axis of this size, checked unless that is certain; v's
// place is the fault's.
IndexId lower_checked(Lower *l, NodeId v, NodeId indices, const IndexId *at, Dim size);

// lower_window.c
enum { MAX_TAPS = 64 }; // a window of more elements is summed by a loop
ExprId lower_box(Lower *l, NodeId v, const IndexId *at);
ExprId lower_debox(Lower *l, NodeId v, const IndexId *at);
ExprId lower_argwindow(Lower *l, NodeId v, const IndexId *at);
ExprId lower_sample(Lower *l, NodeId v, const IndexId *at);
ExprId lower_desample(Lower *l, NodeId v, const IndexId *at);

#endif
