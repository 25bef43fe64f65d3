// Derivatives of CUMSUM, CHOLESKY and TRIANGULAR_SOLVE. The last two in reverse mode after Giles, "Collected
// matrix derivative results for forward and reverse mode algorithmic differentiation" (2008), and Murray,
// "Differentiation of the Cholesky decomposition" (2016, arXiv:1602.07527). What an operation does not read
// has derivative zero.
#include "passes/autodiff.h"

static NodeId transposed(Walk *w, NodeId x) {
  uint32_t rank = walk_node(w, x)->shape->rank;
  uint8_t perm[MAX_RANK];
  for (uint8_t i = 0; i < rank; i++) perm[i] = i;
  perm[rank - 1] = (uint8_t)(rank - 2);
  perm[rank - 2] = (uint8_t)(rank - 1);
  return b_transpose(&w->b, x, perm);
}

// x y of equal leading axes.
static NodeId product(Walk *w, NodeId x, NodeId y) { return b_matmul(&w->b, x, y); }

// The elements of x for which column <op> row; the others 0.
static NodeId triangle(Walk *w, NodeId x, Op op) {
  Builder *b = &w->b;
  Node n = *walk_node(w, x);
  Dim size = n.shape->d[n.shape->rank - 1];
  NodeId row = b_iota(b, DT_I32, (Shape){2, {size, dim_of(1)}}, 0);
  NodeId column = b_iota(b, DT_I32, (Shape){1, {size}}, 0);
  return b_ew3(b, OP_SELECT, b_ew2(b, op, column, row), x, b_scalar(b, n.dtype, 0));
}

// The lower triangle of x with half its diagonal: Murray's Phi.
static NodeId phi(Walk *w, NodeId x) {
  Builder *b = &w->b;
  NodeId half = b_scalar(b, walk_node(w, x)->dtype, 0.5);
  return b_ew2(b, OP_MUL, b_ew2(b, OP_ADD, triangle(w, x, OP_LE), triangle(w, x, OP_LT)), half);
}

NodeId d_cumsum(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  (void)i;
  Node n = *walk_node(w, y);
  dy = cot_exact(w, dy, *n.shape);
  NodeId back = b_along(&w->b, OP_CUMSUM, b_reverse(&w->b, dy, 1u << n.attr.axis), n.attr.axis);
  return b_reverse(&w->b, back, 1u << n.attr.axis);
}

// With P = phi(L^T dL): dA = phi(L^-T (P + P^T) L^-1), Murray's equations 8 and 9.
NodeId d_cholesky(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  (void)i;
  Builder *b = &w->b;
  dy = triangle(w, cot_exact(w, dy, *walk_node(w, y)->shape), OP_LE);
  NodeId lt = transposed(w, y), p = phi(w, product(w, lt, dy));
  NodeId inner = b_triangular_solve(b, lt, b_ew2(b, OP_ADD, p, transposed(w, p)), true);
  return phi(w, transposed(w, b_triangular_solve(b, lt, transposed(w, inner), true)));
}

// X = L^-1 B: dB = L^-T dX; dL = -dB X^T, as much of it as was read.
NodeId d_triangular_solve(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  Builder *b = &w->b;
  Node n = *walk_node(w, y);
  dy = cot_exact(w, dy, *n.shape);
  NodeId db = b_triangular_solve(b, transposed(w, n.in[0]), dy, !n.attr.upper);
  if (i == 1) return db;
  NodeId all = b_ew1(b, OP_NEG, product(w, db, transposed(w, y)));
  return triangle(w, all, n.attr.upper ? OP_GE : OP_LE);
}
