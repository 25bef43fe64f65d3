// "The value of node v at index (e0 .. er)" as an expression: fusion by inlining on demand. Elementwise
// operations pass the index on, shape operations change it, reductions get variables of their own; where a
// node has a buffer the descent ends in a load.
#ifndef NNC_CODEGEN_LOWER_H
#define NNC_CODEGEN_LOWER_H

#include "codegen/plan.h"

typedef struct Lower Lower;

// The kernel of these nodes (each has a buffer; ids ascend), with the first n_lead axes of each as parallel
// axes. A DOT comes first and alone makes a dot kernel. `inlined[v]`: v has no buffer and is computed where
// it is wanted. NULL: not one kernel (an iteration would need what another one stores, or too many
// variables).
Kernel *lower_kernel(const FnPlan *f, const bool *has_buffer, const NodeId *nodes, uint32_t n,
                     uint32_t n_lead, Arena *a);

// The taps of windows that cover the result of a convolution, of this shape, without overlap or remainder, so
// that its kernel can compute them too; 0: they don't, or are too many.
uint32_t lower_window_taps(const Shape *conv, const WindowAttr *w);

// A kernel of plan f that only checks what node `indices` of plan `in`, the function or a loop's body, is in
// all iterations, as the index of v of plan `of`: one store without a buffer. All is computed from the
// function's arguments. NULL: too many variables. *certain: it is inside in every call.
Kernel *lower_index_check(const FnPlan *f, const FnPlan *of, NodeId v, const FnPlan *in, NodeId indices,
                          bool *certain, Arena *a);

// The value of v, which may have no buffer, to a buffer of its shape.
Kernel *lower_copy(const FnPlan *f, const bool *has_buffer, NodeId v, uint32_t to, Arena *a);

// The node that stands for v: reads of what a WRITE made, and identities, stand for its value.
NodeId lower_resolve(const Graph *g, NodeId v);
// True when a scatter adds at most one element to each place, so that it is an elementwise choice.
bool lower_scatter_is_select(const Graph *g, const Node *n);
// Only a kernel of its own computes it (contractions, whole rows, scattered sums): no expression does.
bool lower_is_template(const Graph *g, const Node *n);

#endif
