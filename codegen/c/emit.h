// Kernels to C text. The text of a kernel names nothing of its function: arrays are parameters x0 y0, and
// numbers that may differ between kernels of one form (constants, random sites, places of faults) are slots,
// so that kernels of one form have one text and become one function (intern.c).
//
// Text grows in blocks, one per loop body. A value is defined in the outermost block where its variables are
// bound; while an inner block is open, an outer one can still be appended to, because the inner text joins it
// only when it is closed.
#ifndef NNC_CODEGEN_C_EMIT_H
#define NNC_CODEGEN_C_EMIT_H

#include "codegen/plan.h"
#include "ir/base/strbuf.h"

typedef enum SlotKind {
  SLOT_CONST,
  SLOT_SITE,
  SLOT_PLACE,
  SLOT_ITERATION, // of the loop around the kernel; always an argument
  SLOT_DRAW       // the number of the iteration for draws, over all loops around the kernel; likewise
} SlotKind;

typedef struct Slot {
  SlotKind kind;
  ExprId from;        // the expression whose number it is
  DType dtype;        // CONST
  Scalar value;       // CONST
  uint32_t number;    // SITE: the site; PLACE: the node,
  const FnPlan *plan; // and whose it is; NULL: of the plan that calls the kernel
} Slot;

typedef struct Param {
  uint32_t buffer;
  bool written;
  const char *name;
} Param;

// Slot number k stands in the text as SLOT_BEGIN k SLOT_END until it is known whether it differs.
#define SLOT_BEGIN '\x01'
#define SLOT_END '\x02'

typedef struct Block {
  struct Block *parent;
  uint32_t *count; // blocks of the kernel so far
  uint32_t id;     // its own number: names belong to a block by number
  StrBuf text;
  uint64_t bound; // variables bound here or outside
  uint32_t indent;
  bool columns; // here `column` runs over 16 neighbours at a time; reductions become arrays over them
  VarId column;
} Block;

typedef struct Named { // an expression that has a name in a block
  uint32_t block;
  const char *name;
  struct Named *next;
} Named;

// A piece of C: primary ones need no parentheses as operands.
typedef struct Text {
  const char *s;
  bool primary;
} Text;

// While the panel of a contraction is loaded: parts of indices that depend on the column (`own`) and not on
// the step (`other`), and are dear, are made once a tile and kept in arrays. Where the index of a panel
// gathers it is computed in 32 bits if all of the array's can be: a vector holds twice as many.
typedef struct Hoist {
  bool on, narrow;
  uint64_t own, other;     // bits of the two variables
  VEC(const char *) parts; // part k is named at<k>[col]
} Hoist;

// How a kernel is run, as C over n.
typedef struct Launch {
  const char *tiles; // pieces of work: tiles on a CPU, blocks on a GPU
  int threads;       // of a block
} Launch;

typedef struct Emit Emit;

// What differs between C and what is nearly C (CUDA) in a kernel's text. The text is a function body.
typedef struct Target {
  void (*loops)(Emit *e, StrBuf *body, Launch *launch); // a kernel of plain loops
  void (*dot)(Emit *e, StrBuf *body, Launch *launch);   // a contraction
  void (*reduce)(Emit *e, ExprId x, Block *b);          // defines a reduction in b
  bool columns; // reductions may run over 16 neighbouring columns at a time
} Target;

extern const Target target_c;

struct Emit {
  Arena *a;
  const Target *target;
  const FnPlan *f;
  const Kernel *k;
  Pool *p;
  int64_t bound;
  VEC(Param) params;
  VEC(Slot) slots;
  Named **names;    // by expression
  uint32_t n_names; // its length
  uint32_t *uses;   // by expression: how many expressions and stores of the kernel use it
  const char *var[MAX_VARS];
  uint32_t n_blocks, n_temps, n_loop_names, n_sum_names;
  const char *acc[MAX_GROUP]; // what X_ACC stands for, by tap
  Hoist hoist;
  bool spread; // all threads of a block work on one iteration of the parallel loops
};

// ---- text.c: small pieces
const char *text_real(Arena *a, DType t, double v); // a literal, in parentheses when negative
const char *text_int(Arena *a, DType t, int64_t v);
const char *text_poly(Arena *a, const Poly *p); // over n
const char *text_ctype(DType t);                // of a value in a kernel: f16 is float, a mask int
Text text_op(Arena *a, Op op, DType operand, DType result, const Text *in, const char *place);
Text text_cast(Arena *a, DType from, DType to, Text x);
const char *text_operand(Arena *a, Text x);        // in parentheses unless primary
const char *text_primary(Arena *a, const char *s); // the same of an index
const char *text_factor(Arena *a, const char *s);  // in parentheses unless it may stand left of * / %
const char *text_bare(Arena *a, const char *s);    // without parentheses around all of it
const char *text_plus(Arena *a, const char *array, const char *offset); // an address
const char *text_load(Arena *a, DType t, const char *element);          // storage to value
const char *text_store(Arena *a, DType t, Text value);                  // value to storage

// ---- expr.c: values
Text emit_value(Emit *e, ExprId x, Block *b);
const char *emit_index(Emit *e, IndexId i, Block *b); // primary, or in parentheses
IndexId emit_address(Emit *e, uint32_t buffer, const IndexId *at, uint32_t rank); // of an element
const char *emit_element(Emit *e, uint32_t buffer, const IndexId *at, uint32_t rank, Block *b);
void emit_line(Block *b, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
const char *emit_temp(Emit *e);
const char *emit_name_var(Emit *e, VarId v, bool reduced);
const char *emit_extent(Emit *e, VarId v);
const char *emit_last(Emit *e, VarId v); // its largest value, as an argument of a call
static inline uint64_t var_bit(VarId v) { return (uint64_t)1 << v; }
void emit_name(Emit *e, ExprId x, const Block *b, const char *name);
const char *emit_slot(Emit *e, SlotKind kind, ExprId from);
Slot slot_of(const Pool *p, SlotKind kind, ExprId from);
uint32_t emit_param(Emit *e, uint32_t buffer);
Block block_top(Emit *e);
Block block_in(Block *parent, uint64_t bound);
// Puts the text of `b` after a line that declares `name`, where the text mentions it.
void block_declare(Block *b, const char *name, const char *value);
void block_close(Block *b, const char *open, const char *close); // appends to the parent, indented

// ---- tiles.c: which piece of work this is, from its number
typedef struct Digits { // coordinates are the digits of a number, lowest first
  const char *number;   // NULL: of t
  const char *taken;    // the product of the sizes taken so far
  uint32_t left;        // digits that are still to take
} Digits;

bool text_is_one(const char *s);
const char *text_times(Arena *a, const char *x, const char *y);
const char *tiles_of(Emit *e, VarId v, int size); // how many tiles of `size` v is cut into
// The next digit, of `size` values.
const char *next_digit(Emit *e, Digits *d, const char *size);
// The parallel axes that a contraction's tile has one place on: all but rows and columns. Gives their number.
uint32_t outer_axes(const Emit *e, VarId *out);
// They as variables of b, the last one first.
void place_outer(Emit *e, Digits *d, const VarId *outer, uint32_t n, Block *b);

// ---- reduce.c: sums, maxima, positions of maxima
void emit_reduce(Emit *e, ExprId x, Block *b); // defines it in b, or in a block of columns around b
// Defines the position of the first largest or smallest element, or a reduction over no axis; false for
// others.
bool emit_plain_reduce(Emit *e, ExprId x, Block *b);
const char *reduce_start(Emit *e, const Expr *x); // what combining begins with
DType reduce_lane_type(const Expr *x);            // of its accumulators
const char *reduce_combine(Emit *e, const Expr *x, const char *acc, Text v);
const char *reduce_finish(Emit *e, const Expr *x, const char *acc); // accumulator to value
// A body that holds a reduction of its own over the same elements.
bool emit_has_inner_reduction(Emit *e, const Expr *x);
// The loops over all reduced variables but the last, opened around what the returned block gets.
typedef struct Nest {
  Block blocks[MAX_RANK];
  uint32_t n;
} Nest;
Block *reduce_open_outer(Emit *e, const Expr *x, Block *b, Nest *nest);
void reduce_close_outer(Emit *e, const Expr *x, Nest *nest);
// "for (ptrdiff_t r = FROM; r < EXTENT; r++) {" over the variable's name
const char *reduce_loop(Emit *e, VarId v, const char *from);
bool emit_prefers_columns(Emit *e, VarId v, uint64_t bound);
Block *emit_columns_of(const Emit *e, ExprId x, Block *b); // the block of columns that x belongs to, or NULL

// ---- rows.c: a store of whole rows, one call each
void emit_rows(Emit *e, const Put *s, Block *b);

// ---- loops.c, dot.c: whole kernels
void emit_loops(Emit *e, StrBuf *body, Launch *launch);
void emit_dot(Emit *e, StrBuf *body, Launch *launch);
// The stores of one iteration of the parallel loops, each group in loops of its own.
void emit_groups(Emit *e, Block *b);
bool emit_is_one(Emit *e, VarId v);      // its extent
int64_t emit_at_bound(Emit *e, VarId v); // its extent where n is largest, at least 1
// Whether y runs in the loops of x, the store before it.
bool emit_same_loops(const Put *x, const Put *y);
void emit_stores(Emit *e, const Put *s, uint32_t n, Block *b); // one group, in a block where all is bound

#endif
