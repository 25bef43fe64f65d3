// Kernels, free of any target: loops over index variables and, inside, stores of scalar expressions.
//
//   lead      the parallel axes: every store of the kernel runs under these loops, and an iteration reads of
//             what the kernel itself stores only what the same iteration stored before. They are tiled.
//   Put         buffer[index] = value, under the lead loops and its own inner loops. Stores run in order;
//             neighbours with the same inner variables share their loops.
//   values    a DAG of expressions over the variables: loads with access maps, constants, operations by their
//             meaning in ops.def, draws, and reductions over variables of their own. An expression stands at
//             the outermost loop where its variables are bound, so what depends on a row only is computed
//             once a row.
//   dot       a contraction of two operands, computed in tiles; the stores are its epilogue and see its
//             element as X_ACC. Where a window of a convolution's result is wanted (pooling) its columns come
//             in groups of `taps`, one window each: the stores run once for each group and see its elements
//             as X_ACC 0 .. taps - 1.
//   rows      what needs a whole row at once (running sums, sorting, factoring) is one call of a function of
//             runtime/core a row: a store of X_ROWS, whose inner variables are the row.
//
// Formula of the numbers (architecture.md): a sum, maximum or minimum has 16 lanes, element e of the
// innermost reduced axis goes to lane e % 16 in ascending order, then lanes are combined 8, 4, 2 and 1 apart.
// A contraction adds k ascending, by fused multiply-add, in blocks of 256 whose sums are added in order.
#ifndef NNC_CODEGEN_KERNEL_H
#define NNC_CODEGEN_KERNEL_H

#include "codegen/index.h"
#include "ir/base/vec.h"
#include "ir/graph.h"

typedef uint32_t ExprId;
#define NO_EXPR UINT32_MAX

typedef enum ExprKind {
  X_CONST,  // value
  X_LOAD,   // buffer[at[0..rank)]
  X_OP,     // op (elementwise, comparison, logic, cast) of in[]
  X_INDEX,  // an index expression as a number (at[0])
  X_INSIDE, // mask: 0 <= at[0] < bound
  X_CHECK,  // in[0] as an index: a fault at `place`, and 0, unless 0 <= in[0] < bound. Integer.
  X_MARK,   // in[0], a real; a NaN that carries no place gets `place` (-ftrap-nan)
  X_RAND,   // draw (op) at site, element at[0]
  X_CTX,    // an input of the function that lies in the context: role, number
  X_REDUCE, // op (SUM RMAX RMIN ARGMAX ARGMIN) of in[0] over vars[]
  X_ROWS,   // op (of kind ROWS) of whole rows: in[] are loads whose addresses are linear in vars[], or do not
            // depend on them. Only the value of a store, which is one call of the runtime and no loop
  X_ACC     // the element of the kernel's contraction
} ExprKind;

typedef struct Expr {
  ExprKind kind;
  DType dtype;
  uint8_t op;   // Op
  uint8_t rank; // LOAD: axes of the buffer
  uint8_t n_in;
  uint8_t n_vars;  // REDUCE, ROWS, outermost first
  uint32_t number; // LOAD: buffer; RAND: site; CTX: option index; CHECK, MARK, X_OP that may fault: place;
                   // ROWS: place that its NaNs get, as by MARK, or NO_NODE; ACC: tap
  InputRole role;  // CTX
  Scalar value;    // CONST; ROWS: .i is 1 where TRIANGULAR_SOLVE has an upper triangle
  ExprId in[3];
  IndexId at[MAX_RANK];
  VarId vars[MAX_RANK];
  Poly bound;    // INSIDE CHECK
  uint64_t free; // loop variables it depends on
} Expr;

typedef struct Put {
  uint32_t buffer; // NO_BUFFER (plan.h): the value is only computed, for its check
  NodeId node;     // what it computes
  uint32_t n_inner;
  VarId inner[MAX_RANK];
  uint32_t rank;
  IndexId at[MAX_RANK]; // place in the buffer
  ExprId value;
  bool add; // buffer[at] += value (scatter): never shares its loops
} Put;

typedef struct Pool {
  Arena *a;
  const struct FnPlan *places; // whose nodes the places of faults are; NULL: of the plan that has the kernel
  IndexPool *index;
  VEC(Expr) exprs;
  uint32_t *table; // hash table of ids + 1
  uint32_t table_size;
} Pool;

enum { DOT_BLOCK = 256, REDUCE_LANES = 16, MAX_GROUP = 16 };

typedef struct Dot { // the operands' elements as expressions over outer variables, m, n and k
  ExprId lhs, rhs;
  VarId m, n, k; // m, n: among the lead variables, or extra ones of extent 1
  VarId group;   // the lead variable in n's place where taps > 1: n = group * taps + tap; else n
  uint32_t taps; // a power of two up to MAX_GROUP
  DType dtype;
} Dot;

typedef struct Kernel {
  Pool *pool;
  uint32_t n_lead;
  VarId lead[MAX_RANK];
  Put *stores;
  uint32_t n_stores;
  const uint32_t *loads; // the buffers it reads, each once
  uint32_t n_loads;
  bool is_dot;
  Dot dot;
  NodeId node; // the node that opened it: its place and path stand in comments
} Kernel;

Pool *pool_new(Arena *a, int64_t bound);
static inline const Expr *pool_expr(const Pool *p, ExprId e) { return &p->exprs.data[e]; }
// Equal expressions get equal ids. `free` is computed here.
ExprId pool_add(Pool *p, const Expr *e);

ExprId x_const(Pool *p, DType t, Scalar v);
ExprId x_load(Pool *p, DType t, uint32_t buffer, const IndexId *at, uint32_t rank);
// An integer compared with itself is a constant.
ExprId x_op(Pool *p, Op op, DType t, const ExprId *in, uint32_t n, uint32_t place);
ExprId x_index(Pool *p, DType t, IndexId at); // a number where it is constant
ExprId x_inside(Pool *p, IndexId at, Poly bound);
ExprId x_check(Pool *p, ExprId value, Poly bound, uint32_t place);
ExprId x_mark(Pool *p, ExprId value, uint32_t place);
ExprId x_rand(Pool *p, Op op, DType t, uint32_t site, IndexId element);
ExprId x_ctx(Pool *p, DType t, InputRole role, uint32_t number);
ExprId x_reduce(Pool *p, Op op, DType t, ExprId body, const VarId *vars, uint32_t n);
ExprId x_rows(Pool *p, Op op, DType t, const ExprId *in, uint32_t n_in, const VarId *vars, uint32_t n,
              bool upper, uint32_t place);
ExprId x_acc(Pool *p, DType t, uint32_t tap, uint64_t free);
// cond ? yes : no, where a constant mask or equal branches need no select.
ExprId x_select(Pool *p, ExprId cond, ExprId yes, ExprId no);

// A store that is one call a row.
static inline bool put_is_rows(const Pool *p, const Put *s) { return pool_expr(p, s->value)->kind == X_ROWS; }

// How many entries of e->at count.
uint32_t expr_indices(const Expr *e);
// Marks (true) what is reachable from `e`; `seen` has one entry per expression of the pool. Integers read
// from data inside indices count as operands.
void pool_mark(const Pool *p, ExprId e, bool *seen);
void pool_mark_index(const Pool *p, IndexId i, bool *seen);
// The expressions that a store (its value and its place), or the whole kernel, uses.
bool *store_marks(const Kernel *k, const Put *s, Arena *a);
bool *kernel_marks(const Kernel *k, Arena *a);
// Sets `loads`: after the last store is added, and again when one was dropped.
void kernel_find_loads(Kernel *k, Arena *a);
// With nothing but what it is made of: making it takes several times as much.
Kernel *kernel_copy(const Kernel *k, Arena *a);
// An index check or an integer division: the kernel may set the fault.
bool kernel_can_fault(const Kernel *k);
bool op_can_fault(Op op, DType t);
// The same of one expression: a division by a constant that isn't 0 can't.
bool expr_can_fault(const Pool *p, const Expr *x);

#endif
