// Inside of autodiff: the derivative table, cotangents, and what structural rules are given.
//
// A cotangent of a node may be *compressed*: any shape that broadcasts to the node's (numpy's rule), the
// cotangent being its stretched value. So the derivative of `sum` costs a reshape at most, and constants stay
// scalars. Rules that need the whole shape, or some axes of it, ask for it (cot_exact, cot_expand).
// NO_NODE is the zero cotangent: no rule is ever called with it, and a rule may return it.
#ifndef NNC_PASSES_AUTODIFF_H
#define NNC_PASSES_AUTODIFF_H

#include "ir/base/map.h"
#include "ir/build.h"
#include "passes/reverse.h"

// What the gradients of a function, and of the bodies of its loops, may take. A gradient of a gradient of a gradient
// is many times as long as what it is of.
typedef struct DerivedLimit {
  uint32_t nodes; // that may still be made
  bool over;      // then gradients are zero, and the graph is of no use
  Span at;        // of the gradient that was too much
} DerivedLimit;

typedef struct Walk {
  Builder b;             // the graph being made, the span and path of the forward node at hand
  NodeId vjp_of, vjp_dy; // the CUSTOM_VJP whose rule was copied in last, for which cotangent,
  const NodeId *vjp_x;   // and what it gave for each of its inputs 1..
  Reverse reverse;       // the last one, between two of them
  Map sums, whole;       // by what is summed over which axes: the sum; that no factor comes out of it (cotangent.c)
  NodeId batch;          // the size of the batch as a number, NO_NODE: not wanted yet
  DerivedLimit *limit;
} Walk;

// The contribution of node y's cotangent dy to y's input i. Its shape broadcasts to the input's.
typedef NodeId DerivRule(Walk *w, NodeId y, NodeId dy, uint32_t i);

// An expression of the DERIV column.
typedef enum ExprKind { X_A, X_B, X_C, X_Y, X_DY, X_NUMBER, X_OP } ExprKind;
typedef struct Expr {
  ExprKind kind;
  Op op;
  double number;
  const struct Expr *in[3];
} Expr;

typedef enum DerivKind { DERIV_NONE, DERIV_ZERO, DERIV_EXPR, DERIV_RULE, DERIV_LOOP } DerivKind;
typedef struct Derivative {
  DerivKind kind;
  const Expr *in[3]; // per input; NULL: no gradient
  DerivRule *rule;
} Derivative;

extern const Derivative derivative_table[OP_COUNT];

// ---- cotangents (cotangent.c)
static inline const Node *walk_node(const Walk *w, NodeId id) { return graph_node(w->b.g, id); }
// Builds op of x, y, z unless the result is known: no x * 1, x + 0, x / 1, and numbers are folded.
NodeId cot_op(Walk *w, Op op, const NodeId *in, uint32_t n);
NodeId cot_number(Walk *w, DType t, double v);
// t, stretched to `from`, summed over the axes along which `to` was stretched to `from`.
NodeId cot_unbroadcast(Walk *w, NodeId t, Shape from, Shape to);
// c with rank s.rank, its axes in the mask `axes` at their full size.
NodeId cot_expand(Walk *w, NodeId c, Shape s, uint32_t axes);
NodeId cot_exact(Walk *w, NodeId c, Shape s);
// Reshapes to s, up to leading ones: c itself where only such ones are missing.
NodeId cot_reshape(Walk *w, NodeId c, Shape s);

// ---- structural rules (derivatives.c; d_conv in deriv_conv.c, those of rows in deriv_rows.c, d_custom_vjp
// in autodiff.c)
DerivRule d_cast, d_reshape, d_transpose, d_broadcast, d_slice, d_pad, d_concat, d_reverse;
DerivRule d_box, d_debox, d_sample, d_desample;
DerivRule d_cumsum, d_cholesky, d_triangular_solve;
DerivRule d_gather, d_scatter_add, d_sum, d_rmax, d_dot, d_conv, d_custom_vjp;

// ---- composites (composite_rules.c)
// g, its softmaxes and norms with the derivatives that these have as a whole: CUSTOM_VJPs.
Graph *with_composite_rules(const Graph *g, Arena *a);

// ---- loops (deriv_scan.c)
// Appends a SCAN with the yields that its derivative reads.
NodeId saved_scan(Walk *w, const ScanAttr *s, const NodeId *in, uint32_t n);
// The number that result k has in a scan made by saved_scan from s.
uint32_t saved_result(const ScanAttr *s, uint32_t k);
// The cotangents of a saved scan's operands, NO_NODE for zero, from those of its results, of which there are
// some. so_far[i]: what has arrived at what is captured; it is part of the result.
NodeId *scan_cotangents(Walk *w, NodeId scan, const NodeId *of_results, const bool *wanted,
                        const NodeId *so_far);
// Whether saving carries of every s->recompute-th iteration only makes two loops of s (recompute.c), and the
// results of these.
bool scan_splits(const ScanAttr *s);
NodeId *split_scan(Walk *w, const ScanAttr *s, const NodeId *in, uint32_t n);

#endif
