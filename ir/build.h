// Building nodes: checks operands, computes shape and type by ops.def's SHAPE column, appends.
// The elaborator has checked its user's program before and gives diagnostics itself (with the *_fits
// queries); here a misfit is a broken invariant, an assertion.
#ifndef NNC_IR_BUILD_H
#define NNC_IR_BUILD_H

#include "ir/graph.h"

typedef struct Builder {
  Graph *g;
  DType real;        // the program's real
  Span span;         // given to every node made
  const char *path;  // likewise
} Builder;

// Elementwise, comparison, logic: op of arity 1 to 3. SELECT's first input is a mask.
NodeId b_ew(Builder *b, Op op, const NodeId *in, uint32_t n);  // all but CAST
NodeId b_ew1(Builder *b, Op op, NodeId x);
NodeId b_ew2(Builder *b, Op op, NodeId x, NodeId y);
NodeId b_ew3(Builder *b, Op op, NodeId x, NodeId y, NodeId z);
NodeId b_cast(Builder *b, NodeId x, DType to);  // the identity gives x itself

NodeId b_scalar(Builder *b, DType t, double v);  // rank-0 constant; v is exact for int types
NodeId b_splat(Builder *b, DType t, Shape s, Scalar v);
NodeId b_tensor(Builder *b, DType t, Shape s, const Scalar *data, int64_t count);

NodeId b_reshape(Builder *b, NodeId x, Shape s);    // same shape: x itself
NodeId b_transpose(Builder *b, NodeId x, const uint8_t *perm);
NodeId b_broadcast(Builder *b, NodeId x, Shape s);  // same shape: x itself
NodeId b_slice(Builder *b, NodeId x, const Dim *start, const Dim *size, const int64_t *stride);
NodeId b_pad(Builder *b, NodeId x, const Dim *lo, const Dim *hi, const int64_t *interior, Scalar v);
NodeId b_concat(Builder *b, const NodeId *in, uint32_t n, uint32_t axis);
NodeId b_reverse(Builder *b, NodeId x, uint32_t axes);
// Leading `batch` axes are shared by x and i; u has the shape of the gather (graph.h).
NodeId b_gather(Builder *b, NodeId x, NodeId i, uint32_t axis, uint32_t batch);
NodeId b_scatter_add(Builder *b, NodeId x, NodeId i, NodeId u, uint32_t axis, uint32_t batch);
NodeId b_iota(Builder *b, DType t, Shape s, uint32_t axis);
NodeId b_arg(Builder *b, Op op, NodeId x, uint32_t axis);      // ARGMAX ARGMIN
NodeId b_reduce(Builder *b, Op op, NodeId x, uint32_t axes);   // SUM RMAX RMIN
NodeId b_along(Builder *b, Op op, NodeId x, uint32_t axis);    // CUMSUM ARGSORT
NodeId b_cholesky(Builder *b, NodeId x);
NodeId b_triangular_solve(Builder *b, NodeId l, NodeId x, bool upper);
// attr.dot as in graph.h.
NodeId b_dot(Builder *b, NodeId x, NodeId y, const Attr *attr);
// x: [B, c, s...], w: [out, c / groups, k...], 1 to MAX_SPATIAL spatial axes.
NodeId b_conv(Builder *b, NodeId x, NodeId w, const ConvAttr *attr);
// attr as in graph.h; the transposes are given the shape of the input they undo.
// BOX ARGWINDOW SAMPLE:
NodeId b_window(Builder *b, Op op, const NodeId *in, uint32_t n, const WindowAttr *attr);
// DEBOX DESAMPLE:
NodeId b_unwindow(Builder *b, Op op, const NodeId *in, uint32_t n, const WindowAttr *attr, Shape s);
// numpy's matmul over b_dot (vectors allowed, leading axes broadcast).
NodeId b_matmul(Builder *b, NodeId x, NodeId y);

NodeId b_input(Builder *b, InputRole role, uint32_t index, const char *name, DType t, Shape s);
NodeId b_rand(Builder *b, Op op, DType t, Shape s, uint32_t site);
NodeId b_read(Builder *b, uint32_t store, uint32_t version, DType t, Shape s, NodeId made_by);
NodeId b_write(Builder *b, uint32_t store, uint32_t version, NodeId value);
NodeId b_optimize(Builder *b, const OptimizeAttr *attr, const NodeId *in, uint32_t n);
NodeId b_assert(Builder *b, NodeId mask, const char *text);
NodeId b_stop_grad(Builder *b, NodeId x);
NodeId b_custom_vjp(Builder *b, const NodeId *in, uint32_t n, const VjpAttr *vjp);
NodeId b_grad(Builder *b, NodeId e, const NodeId *x, uint32_t n);
NodeId b_proj(Builder *b, NodeId grad, uint32_t i, DType t, Shape s);
NodeId b_scan(Builder *b, const ScanAttr *attr, const NodeId *in, uint32_t n);
NodeId b_scan_result(Builder *b, NodeId scan, uint32_t k);  // the PROJ

// Copies a node into b->g with new inputs (already in b->g, of the types and shapes of the old ones): what every pass does with what it keeps. Span,
// path and attribute are the node's; the shape and what the attribute points to are shared, so their arena must live on.
NodeId b_copy(Builder *b, const Node *n, const NodeId *in);

// matmul's shape rule for diagnostics: false with *why (a static text) when x @ y does not fit.
bool matmul_fits(const Shape *x, const Shape *y, Shape *out, const char **why);

#endif
