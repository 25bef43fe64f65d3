// The graph: an array of immutable nodes; ids are positions and inputs precede users, so id order is
// topological. Graph == the body of one function. Elaboration never shares nodes (a derivative is by a
// node's identity); only the pass `cse` does. Passes build new graphs.
//
// Elementwise operations broadcast implicitly by numpy's rule (trailing axes, a static 1 stretches), so
// BROADCAST stands only where the language asks for it or a rule needs the exact shape.
#ifndef NNC_IR_GRAPH_H
#define NNC_IR_GRAPH_H

#include "ir/base/arena.h"
#include "ir/base/diag.h"
#include "ir/base/vec.h"
#include "ir/dtype.h"
#include "ir/op.h"
#include "ir/shape_set.h"

typedef uint32_t NodeId;
#define NO_NODE UINT32_MAX

typedef struct Graph Graph;

typedef enum InputRole {
  IN_ARG,     // argument `index` of the function (data field, export or prepare argument)
  IN_STEP,    // completed steps of the enclosing train or phase, real scalar
  IN_EPOCH,   // completed epochs, real scalar
  IN_OPTION,  // run-time option `index` of the program (--set), real scalar
  IN_BATCH,   // N itself as a real scalar (the size of the current batch)
  IN_ITERATION // of the innermost SCAN whose body this is, i32 scalar
} InputRole;

// OPTIMIZE: inputs are [hyper-parameters in optim.def order without FLAGs, then one gradient per store, then with
// `guarded` a scalar mask]. Writes stores[i] (version versions[i] -> +1), its slots and its count; where the mask is
// false the new versions are the old ones. A hyper-parameter that is a CONST keeps its f64
// value whatever its type (1 - 0.999 loses five digits in f32), any other is of its type.
typedef struct OptimizeAttr {
  Optimizer kind;
  uint32_t n_hyper;      // inputs before the gradients
  uint32_t flags;        // bit i: the i-th FLAG hyper-parameter of the optimizer is true
  bool uses_momentum;    // the last slot exists, where the optimizer has a MOMENTUM
  bool guarded;          // by the mask that is the last input (`when`)
  uint32_t n;            // parameters
  const uint32_t *stores;    // parameter store ids, in path order
  const uint32_t *versions;  // version read, version + 1 written
  const uint32_t *counts;    // store id of the i32 update count of each (optimizer, parameter)
  const uint32_t *slots;     // n * slots-per-parameter store ids, parameter-major (UINT32_MAX: none)
} OptimizeAttr;

enum { MAX_SPATIAL = 3 };

// CONV(x: [B, groups * c, s...], W: [groups * o, c, k...]) -> [B, groups * o, out...], a correlation: with z the
// x that has (lhs_dilation - 1) zeros between its elements, and zeros outside,
//   y[b, g o + p, i] = sum over q, j of z[b, g c + q, i stride + j rhs_dilation - lo] W[g o + p, q, j]
// along each spatial axis. Margins may be negative. Rounded down, and even where it depends on N:
//   out = ((s - 1) lhs_dilation + lo + hi - (k - 1) rhs_dilation) / stride + 1
typedef struct ConvAttr {
  int64_t stride[MAX_SPATIAL], lo[MAX_SPATIAL], hi[MAX_SPATIAL];
  int64_t lhs_dilation[MAX_SPATIAL], rhs_dilation[MAX_SPATIAL], groups;
} ConvAttr;

// Windows of `window` elements, `stride` apart, over an input with margins of nothing: per axis,
//   windows = (size + lo + hi - window) / stride + 1   rounded down; even where it depends on N
// lo and hi lie in 0 .. window - 1, so every window holds an element. Element k of window i is
// x[i stride + k - lo].
//   BOX(x): sums of the windows. DEBOX(g): its transpose, of the shape of x.
//   ARGWINDOW(x): which element, row-major in the window, is its first maximum (NaN before all), i32.
//   SAMPLE(x, i): of every window the element i names. DESAMPLE(g, i): its transpose, of the shape of x.
typedef struct WindowAttr {
  int64_t window[MAX_RANK], stride[MAX_RANK], lo[MAX_RANK], hi[MAX_RANK];
} WindowAttr;

// SCAN(carries.., sequences.., captured..) runs its body once for each i in 0 .. length - 1, from the last to the
// first with `reverse`. The body is a closed graph: its arguments are, in this order, the carries, element i along
// axis 0 of each sequence, and what is captured; its roots the next carries, then the yields. It has no effects.
// PROJ(scan, k) are the yields, stacked along axis 0 where i stands, then the carries after the last iteration.
// A loop that does a part of the work of another one draws with the numbers that its iterations had there: iteration
// i has first + step * i of `whole` (its length), within the loop around it on top of that one's number.
typedef struct ScanPart {
  Dim whole;
  int64_t first, step;
  bool within;
} ScanPart;

typedef struct ScanAttr {
  const Graph *body;
  Dim length;
  uint32_t n_carries, n_sequences, n_yields;
  bool reverse;
  bool saved;  // the last n_carries yields are the carries that each iteration began with (autodiff)
  uint32_t recompute;    // derivatives save the carries of every so many iterations; 0: of all. Of a loop over blocks
                         // (with a part): nothing but its carries is to be saved
  const ScanPart *part;  // NULL: a loop of its own
} ScanAttr;

// CUSTOM_VJP(y, x1..xn): see below.
typedef struct VjpAttr {
  const Graph *rule;
  const char *function;  // whose rule it is, and where that is declared: for people only
  Span span;
} VjpAttr;

typedef union Attr {
  uint8_t perm[MAX_RANK];                    // TRANSPOSE: output axis i is input axis perm[i]
  struct { const Dim *start; const int64_t *stride; } slice;  // SLICE; size is the node's shape
  struct { const Dim *lo, *hi; const int64_t *interior; Scalar value; } pad;  // PAD; lo, hi may be negative
  uint32_t axis;                             // CONCAT IOTA ARGMAX ARGMIN CUMSUM ARGSORT
  bool upper;                                // TRIANGULAR_SOLVE
  // GATHER(x, i), SCATTER_ADD(x, i, u): the leading `batch` axes are shared by x and i (equal sizes), axis >=
  // batch. GATHER's shape, which is also u's, is x[:axis] + i.shape[batch:] + x[axis + 1:].
  struct { uint32_t axis, batch; } gather;
  uint32_t axes;                             // SUM RMAX RMIN REVERSE: bit i = axis i (reduced axes vanish)
  struct { uint8_t nb, nc, lb[MAX_RANK], rb[MAX_RANK], lc[MAX_RANK], rc[MAX_RANK]; } dot;
  const ConvAttr *conv;
  const WindowAttr *window;  // BOX DEBOX ARGWINDOW SAMPLE DESAMPLE
  struct { const Scalar *data; int64_t count; } konst;  // CONST: count 1 = splat, else row-major elements
  struct { uint32_t id, version; } store;    // READ; WRITE: the version it makes is version + 1
  uint32_t site;                             // RAND RANDN
  struct { InputRole role; uint32_t index; const char *name; } input;
  uint32_t proj;                             // PROJ: which result
  const OptimizeAttr *optimize;
  VjpAttr vjp;
  const ScanAttr *scan;
  const char *text;                          // ASSERT: what it says, "" for nothing
} Attr;
// DOT: batch axes lb[i] ~ rb[i], contracted axes lc[i] ~ rc[i]; result axes: batch, lhs free, rhs free.
// PAD: size + (size - 1) * interior + lo + hi, also where size is 0; element i stands at lo + i (interior + 1).
// SCATTER_ADD(x, i, u): x plus every slice of u added at its index.
// CUMSUM keeps the shape, and the type as SUM does. ARGSORT(x): along its axis the indices, i32, that put x in
//   ascending order; NaN last, equals in their order.
// CHOLESKY(A): of the matrices of the last two axes the lower factor, L L^T = A, zeros above its diagonal. Reads
//   the lower triangle of A only. The lower triangle is all NaN where A is not positive definite.
// TRIANGULAR_SOLVE(L, B: [.., n, m]): X with L X = B; reads the lower (upper) triangle of L only. Equal leading
//   axes.
// WRITE's value is what it wrote. Every WRITE, OPTIMIZE and ASSERT is a root (ROOT_EFFECT).
// ASSERT(m): a fault unless all of the mask is true; nobody reads it.
// READ: no input for version 0, else the WRITE or OPTIMIZE node that made the version.
// CUSTOM_VJP(y, x1..xn): the value is y's; the cotangent dy does not enter y but gives xi the i-th root
//   of the rule graph, whose INPUT args are x1..xn, y, dy in this order (a root NO_NODE: no gradient).
// GRAD(e, x1..xn): e scalar; PROJ(grad, i) is de/dxi, of xi's shape. GRAD, SCAN and OPTIMIZE have a shape of
//   rank 0 that nobody reads.

typedef struct Node {
  Op op;
  DType dtype;
  const Shape *shape;
  uint32_t n_in;
  uint32_t trap;     // -ftrap-nan: its number, from 1, where NaNs are traced to it (passes/trap.h); else 0
  const NodeId *in;
  Attr attr;
  const char *path;  // instance path ("net.dense_0"), "" outside
  Span span;         // place in the source
} Node;

enum { NODES_A_CHUNK = 16 };  // the rule of a custom gradient is small

struct Graph {
  Arena *arena;        // of what attributes point to: as long-lived as all graphs that pass them on
  Arena *own;          // of nodes and their inputs
  ShapeSet *shapes;    // of nodes: there are millions of nodes, and few shapes; as long-lived as `arena`
  Node **chunk;        // of NODES_A_CHUNK nodes, which stay where they are while the graph grows
  uint32_t len, n_chunks, cap_chunks;
  const char *symbol;  // name of the dynamic size, NULL: none
  int64_t bound;       // its largest value (1 <= N <= bound)
  NodeId *roots;       // results and effects, in program order; what they are is the Function's to say
  uint32_t n_roots;
};

Graph *graph_new(Arena *a, const char *symbol, int64_t bound);
// The same in g's arena, of the shapes that g has.
Graph *graph_beside(const Graph *g, const char *symbol, int64_t bound);
// Empty, of g's symbol and bound; its own arena is a child of a, so that graph_drop can free it before.
Graph *graph_like(const Graph *g, Arena *a);
// A graph made by graph_like that nobody needs any more.
void graph_drop(Graph *g);
// A graph made by graph_like, the body of one of g's loops and of no other: it is dropped with g.
void graph_adopt(Graph *g, Graph *body);
// Appends; copies `in` and the shape. The caller has set op, dtype, attr, span, path.
NodeId graph_add(Graph *g, Node n);
// The same for a node of another graph: its shape, like what its attribute points to, is both graphs'.
NodeId graph_add_copy(Graph *g, const Node *n, const NodeId *in);
void graph_set_roots(Graph *g, const NodeId *roots, uint32_t n);
static inline const Node *graph_node(const Graph *g, NodeId id) {
  return &g->chunk[id / NODES_A_CHUNK][id % NODES_A_CHUNK];
}
// For whoever made the graph and is not done with it.
static inline Node *graph_change(Graph *g, NodeId id) {
  return &g->chunk[id / NODES_A_CHUNK][id % NODES_A_CHUNK];
}

// For each node from `first` to `e`, whether a cotangent of `e` can arrive at it (through differentiable operations
// only). A node after `e` is never reached.
typedef struct Arrivals {
  NodeId first, e;
  const bool *at;
} Arrivals;
Arrivals graph_arrivals(const Graph *g, NodeId e, NodeId first, Arena *a);
static inline bool graph_arrives(const Arrivals *r, NodeId x) {
  return x >= r->first && x <= r->e && r->at[x - r->first];
}
// The same seen from some nodes on: for each node after the first of them, whether a cotangent of it can arrive at one
// of them. The marks grow with the graph, so that thousands of gradients by one parameter look at each node once.
typedef struct Reach {
  const NodeId *x;
  uint32_t n;
  NodeId first;
  VEC(bool) at;
} Reach;
// r: {0}, or of an earlier question, by any x, about the same graph and with the same arena.
bool graph_reaches(Reach *r, const Graph *g, NodeId e, const NodeId *x, uint32_t n, Arena *a);
// For an x, not before r->first, that no cotangent of e arrives at: a node without gradient that stands on a path
// from x to e, NO_NODE if none does.
NodeId graph_cut(const Graph *g, const Arrivals *r, NodeId x);
// The argument of the function whose elements `v` holds, possibly cast and moved but not computed with;
// UINT32_MAX when there is none.
uint32_t graph_argument_of(const Graph *g, NodeId v);

// The body's argument that stands for operand k of a SCAN: its type and shape.
Shape scan_argument(const ScanAttr *s, uint32_t k, const Shape *operand);
// The type and shape of result k, which PROJ gives.
void scan_result(const ScanAttr *s, uint32_t k, DType *t, Shape *shape);
// The number that draws of iteration i have, in a loop whose iteration has the number `outer`.
int64_t scan_draw(const ScanAttr *s, int64_t outer, int64_t i, int64_t bound);

// Whether a call draws random numbers, in loops too.
bool graph_draws(const Graph *g);

// What a call does with a store.
typedef struct StoreUse {
  bool read;    // the value it has before the call matters
  bool written;
} StoreUse;
// Adds to `uses`, by store id, what the nodes of the graph do; dead ones, too.
void graph_store_uses(const Graph *g, StoreUse *uses);

#endif
