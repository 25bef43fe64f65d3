// A random model as text. The generator knows type, shape and rough size of every value it names, so that
// what it writes is well typed and stays in ranges where functions are tame; the front end checks all of it,
// because each `let` says its shape.
#ifndef NNC_TESTS_RANDOM_MODEL_H
#define NNC_TESTS_RANDOM_MODEL_H

#include "ir/base/arena.h"
#include "ir/base/strbuf.h"
#include "ir/dtype.h"
#include "ir/shape.h"

enum {
  MAX_VALUES = 64, // of one body: `reach` has a bit for each
  LARGEST = 300,   // of a value, where the dynamic size is at its bound
  DIM_BOUND = 7,   // of every `dim`
  MAX_NETS = 12,
  MAX_DEFS = 6,
  MAX_EXTRA = 12,
  MAX_RESULTS = 16
};

// The program's float type is DT_F64 here, whatever --real says, and `real` in the text.
#define REAL DT_F64

typedef struct Value {
  const char *name;
  DType t;
  Shape s;
  double size;    // of a real: about the largest magnitude it takes
  uint64_t reach; // of a float: the values that it depends on differentiably, a real itself among them
  bool given;     // an argument, a parameter or a state: not computed, so its ties and zeros are exact
  bool target;    // grad may be taken by it
  bool used;      // by another statement; what is not is a result, so that little is dead
} Value;

typedef struct LayerRow LayerRow;

// An instance with stores, and what it may be applied to again.
typedef struct Net {
  const char *name;
  const LayerRow *row;
  Shape in;
  int64_t k; // what the row's shape rule was told
} Net;

// A function or layer of the model, of arguments that share the size B.
typedef struct Def {
  const char *name;
  bool layer;
  uint32_t n;
  DType in_t[3];
  Shape in[3], out; // the result is real
  uint64_t through; // bit i: gradients pass to argument i
} Def;

typedef struct Model {
  Arena *arena;
  uint64_t state;
  uint32_t turn;      // of wheel
  const char *prefix; // of all names at top level: many models go into one file
  const char *symbol; // of the dynamic size in this body: a dim, `batch`, B
  bool narrow;        // f32, f16 and bf16 beside `real`: their roundings differ between back ends
  bool layer;         // this body may make instances itself
  bool train;         // an `each`: what is written is seen in the next call
  bool effects;       // this body may write states
  bool pure;          // a data field: no stores
  bool called;        // a function's body, which loops may call: what it applies is made outside
  uint32_t loops;     // bodies of `scan` around the statement
  StrBuf top;         // finished definitions
  StrBuf *body;       // the statements of the body being written
  StrBuf *ground;     // the body around all loops, where a layer makes what its loops apply
  Value v[MAX_VALUES];
  uint32_t n, n_names;
  Net nets[MAX_NETS];
  uint32_t n_nets;
  Def defs[MAX_DEFS];
  uint32_t n_defs;
  Value extra[MAX_EXTRA]; // results that no statement may use: gradients, whose size is unknown
  uint32_t n_extra;
} Model;

// ---- model.c

// top.c: the model of a seed: exports, functions, layers, a train block. The caller frees the text.
void model_text(uint64_t seed, bool narrow, StrBuf *out);

uint32_t below(Model *m, uint32_t n);
uint32_t wheel(Model *m, uint32_t n); // likewise, but each of n comes in its turn: for the rows of a table
bool chance(Model *m, uint32_t percent);
double decimal(Model *m, double lo, double hi); // with few digits
const char *text(Model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *t_dim(Model *m, Dim d);
const char *t_shape(Model *m, const Shape *s); // "[2, N]"
const char *t_list(Model *m, const int64_t *v, uint32_t n);
const char *t_type(Model *m, DType t, const Shape *s); // "i32[2, N]", "real"
const char *fresh(Model *m, const char *stem);         // a local name
const char *global(Model *m, const char *stem);        // a name at top level
bool fits(const Shape *s);                             // in rank and elements
Dim some_dim(Model *m);
// "name: type" and the value behind it.
Value *declare(Model *m, const char *name, DType t, Shape s, double size);
// let NAME: TYPE = EXPR; a real whose size may be large is made small first. NULL: the body is full.
Value *let(Model *m, DType t, Shape s, double size, uint64_t reach, const char *expr);
void statement(Model *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

typedef enum Kind {
  ANY_REAL,
  ANY_NARROW, // floats of another type than `real`
  ANY_INT,
  ANY_I32,
  ANY_MASK,
  ANY_VALUE
} Kind;
// A value of the kind with lo to hi axes, the newer the likelier; NULL: there is none.
const Value *pick(Model *m, Kind kind, uint32_t lo, uint32_t hi);
// The common shape of n operands.
bool together(const Value *const *v, uint32_t n, Shape *s);
// A form with % for the operand, $ for the second, @ for the third, ~ for the sign of a rest.
const char *filled(Model *m, const char *form, const char *x, const char *y, const char *z);
// Numbers of a type and shape, from axis `axis` on, as nested lists.
const char *literal(Model *m, DType t, const Shape *s, uint32_t axis);
// Its name, or a little expression of it of the same type and shape.
const char *use(Model *m, const Value *v);
// Likewise of a real, no larger than `limit`.
const char *use_small(Model *m, const Value *v, double limit);
// Likewise, moved away from where functions jump: no computed zero or integer is at a kink.
const char *use_off_kinks(Model *m, const Value *v);
// Likewise, with a slope along each axis, so that what is equal, or computed in two ways, does not tie.
const char *use_apart(Model *m, const Value *v);
const Value *parameter(Model *m, Shape s); // a new one

// The values that no statement has used, and the gradients, up to `most`; their number.
uint32_t sinks(const Model *m, uint32_t given, const Value **v, uint32_t most);
Shape scalar_shape(void);
Shape without_axis(Shape s, uint32_t axis);
Shape with_axis(Shape s, uint32_t axis, Dim d);
bool same_shape(const Shape *x, const Shape *y);
bool static_axis(const Value *v, uint32_t axis, int64_t least);

// ---- productions.c
// One statement more, by one of the productions; false: it found nothing to work on.
bool produce(Model *m);

typedef bool Production(Model *m);

// elementwise.c
Production p_unary, p_binary, p_ternary, p_compare, p_logic, p_bait;
// numbers.c
Production p_integer, p_int_binary, p_int_products, p_cast, p_narrow, p_constant;
// structure.c
Production p_reshape, p_transpose, p_broadcast, p_slice, p_index, p_pad, p_join, p_split, p_turn, p_spread,
    p_ones, p_gather, p_scatter, p_pick_rows, p_order, p_iota, p_rearrange;
// contract.c
Production p_matmul, p_einsum, p_conv, p_windows, p_pooled, p_linear, p_products, p_reduce, p_mask_reduce,
    p_cumsum, p_arg;
// nets.c
Production p_layer, p_plain_layer, p_again, p_loss, p_draw, p_embed, p_machine, p_long;
// scan.c
Production p_scan;
// control.c
Production p_call, p_lambda, p_loop, p_choice;
// gradients.c
Production p_grad, p_grad_many, p_stop;
bool gradient_of(Model *m, const Value *y);
// effects.c
Production p_update, p_when, p_assert;
void new_def(Model *m);                // a function or layer for p_call
void statements(Model *m, uint32_t n); // of the current body
// Whether a layer may be made where it is applied.
static inline bool makes_here(const Model *m) { return m->loops == 0 && !m->called; }
// The instance NAME = CTOR, of the layer (outside of its loops) or at top level.
const char *instance(Model *m, const char *ctor);

#endif
