// The SHAPE column of ops.def as functions: type and shape of a node from its inputs and attributes. The
// builder's side; verify.c checks the same facts by its own, independently written, conditions.
#ifndef NNC_IR_SHAPE_RULES_H
#define NNC_IR_SHAPE_RULES_H

#include "ir/graph.h"

// Fills *to, the shape, and n->dtype. For RESHAPE, BROADCAST, SLICE and the leaves, READ, OPTIMIZE, GRAD and PROJ *to
// is the wanted shape (and CAST, ARGMAX, leaves carry the wanted type) already; it is checked. NULL, or a static text
// that says what does not fit.
const char *shape_rule(const Graph *g, Node *n, Shape *to);

// True when the scalar operation exists for operands of type t (SELECT: for its choices). A mask is compared,
// combined by logic, selected and cast, but not calculated with.
bool op_defined(Op op, DType t);

// The type sum keeps: i32 for u8, i8 and i16, else the operand's.
DType sum_dtype(DType t);

// RESHAPE of x to y: as many elements, for every N.
bool reshape_fits(const Shape *x, const Shape *y);

// The size of spatial axis `axis` (0 is the first behind the channels) of a CONV of sizes x and kernel k; NULL,
// or what does not fit.
const char *conv_size(const Graph *g, Dim x, Dim k, const ConvAttr *c, uint32_t axis, Dim *out);

// The number of windows along an axis of size x; NULL, or what does not fit.
const char *window_count(const Graph *g, Dim x, const WindowAttr *w, uint32_t axis, Dim *out);

// True when 0 <= d for every N in 1..bound and d is static in a graph without a symbol.
bool dim_valid(const Graph *g, Dim d);
// All sizes valid, and at most MAX_ELEMENTS elements at the bound.
bool shape_valid(const Graph *g, const Shape *s);

#endif
