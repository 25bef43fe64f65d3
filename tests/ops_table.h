// tests/reference/ops.txt read into cases, and each case as a node: what the tests of single operations
// share. make_ops.py says what the lines look like. A row of ops.def with attributes of its own needs an
// entry in `case_builders`; a scalar row needs nothing here.
#ifndef NNC_TESTS_OPS_TABLE_H
#define NNC_TESTS_OPS_TABLE_H

#include "ir/base/vec.h"
#include "ir/build.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct OpTensor {
  DType t;
  Shape s;
  Scalar *v;
  int64_t n;
} OpTensor;

typedef struct OpCase {
  Op op;
  int line;
  int ulps;               // of a scalar line
  const char *attributes; // "axis=0 batch=1"
  OpTensor in[3], out;
  uint32_t n_in;
} OpCase;

typedef struct OpTable {
  VEC(OpCase) cases;
} OpTable;

// ---- reading

static inline int op_by_name(const char *name) {
  for (int op = 0; op < OP_COUNT; op++)
    if (strcmp(op_name((Op)op), name) == 0) return op;
  fprintf(stderr, "ops.txt: no operation '%s' in ops.def\n", name);
  abort();
}

static inline DType dtype_by_name(const char *name) {
  for (int t = 0; t < DT_COUNT; t++)
    if (strcmp(dtype_name((DType)t), name) == 0) return (DType)t;
  fprintf(stderr, "ops.txt: no type '%s'\n", name);
  abort();
}

static inline Scalar scalar_of(DType t, const char *text) {
  if (dtype_is_real(t)) return (Scalar){.f = strtod(text, NULL)};
  return (Scalar){.i = strtoll(text, NULL, 10)};
}

// "exp 2 f64 -> f64 : 0.0 = 1.0", the name cut off already.
static inline void read_scalar_line(Arena *a, OpCase *c) {
  DType types[4];
  uint32_t n = 0;
  c->attributes = "";
  c->ulps = atoi(strtok(NULL, " "));
  for (char *w = strtok(NULL, " "); strcmp(w, ":") != 0; w = strtok(NULL, " "))
    if (strcmp(w, "->") != 0) types[n++] = dtype_by_name(w);
  c->n_in = n - 1;
  for (uint32_t i = 0; i < n; i++) {
    OpTensor *x = i + 1 < n ? &c->in[i] : &c->out;
    char *w = strtok(NULL, " ");
    if (strcmp(w, "=") == 0) w = strtok(NULL, " ");
    *x = (OpTensor){.t = types[i], .v = ARENA_NEW(a, Scalar), .n = 1};
    *x->v = scalar_of(x->t, w);
  }
}

// "f64 [2, 3] 1.0 2.0 …", "in" or "out" cut off already.
static inline OpTensor read_tensor(Arena *a) {
  OpTensor x = {.t = dtype_by_name(strtok(NULL, " ")), .n = 1};
  for (char *sizes = strtok(NULL, "]") + 1, *w = sizes; *w; w += strspn(w, ", ")) {
    x.s.d[x.s.rank++] = dim_of(strtoll(w, &w, 10));
    x.n *= x.s.d[x.s.rank - 1].b;
  }
  x.v = ARENA_ARRAY(a, (size_t)x.n, Scalar);
  for (int64_t i = 0; i < x.n; i++) x.v[i] = scalar_of(x.t, strtok(NULL, " "));
  return x;
}

static inline OpTable read_ops_table(Arena *a) {
  static char text[1 << 16];
  OpTable table = {{0}};
  OpCase c = {0};
  FILE *f = fopen(PROJECT_DIR "/tests/reference/ops.txt", "r");
  if (!f) abort();
  for (int line = 1; fgets(text, sizeof text, f); line++) {
    text[strcspn(text, "\n")] = '\0';
    if (*text == '#' || !*text) continue;
    char *word = strtok(text, " ");
    if (strcmp(word, "case") == 0) {
      c = (OpCase){.op = (Op)op_by_name(strtok(NULL, " ")), .line = line};
      const char *rest = strtok(NULL, "");
      c.attributes = arena_strdup(a, rest ? rest : "");
      const char *ulps = strstr(c.attributes, "ulps="); // else exact
      if (ulps) c.ulps = atoi(ulps + 5);
    } else if (strcmp(word, "in") == 0) {
      c.in[c.n_in++] = read_tensor(a);
    } else if (strcmp(word, "out") == 0) {
      c.out = read_tensor(a);
      vec_push(a, &table.cases, c);
    } else {
      c = (OpCase){.op = (Op)op_by_name(word), .line = line};
      read_scalar_line(a, &c);
      vec_push(a, &table.cases, c);
    }
  }
  fclose(f);
  return table;
}

// ---- comparing

// Doubles as integers in the same order: neighbours differ by one.
static inline int64_t ordered(double v) {
  int64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits < 0 ? INT64_MIN - bits : bits;
}

// The zeros and NaN as wanted, else at most `ulps` apart.
static inline bool within(double got, double want, int ulps) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
  if (want == 0 && got == 0) return signbit(want) == signbit(got);
  if (isinf(want) || isinf(got)) return want == got;
  return llabs(ordered(got) - ordered(want)) <= ulps;
}

// ---- attributes

// The text behind "name=" in "a=1 name=[2,3]".
static inline const char *attribute(const OpCase *c, const char *name) {
  size_t n = strlen(name);
  for (const char *p = c->attributes; *p; p += strcspn(p, " "), p += strspn(p, " "))
    if (strncmp(p, name, n) == 0 && p[n] == '=') return p + n + 1;
  fprintf(stderr, "ops.txt:%d: attribute '%s' missing\n", c->line, name);
  abort();
}

static inline uint64_t attribute_int(const OpCase *c, const char *name) {
  return strtoull(attribute(c, name), NULL, 10);
}

static inline uint32_t attribute_list(const OpCase *c, const char *name, double *v) {
  uint32_t n = 0;
  char *p = (char *)attribute(c, name) + 1;
  for (; *p != ']'; p += *p == ',') v[n++] = strtod(p, &p);
  return n;
}

static inline uint32_t attribute_ints(const OpCase *c, const char *name, int64_t *v) {
  double real[16];
  uint32_t n = attribute_list(c, name, real);
  for (uint32_t i = 0; i < n; i++) v[i] = (int64_t)real[i];
  return n;
}

static inline uint8_t attribute_bytes(const OpCase *c, const char *name, uint8_t *v) {
  int64_t wide[16];
  uint32_t n = attribute_ints(c, name, wide);
  for (uint32_t i = 0; i < n; i++) v[i] = (uint8_t)wide[i];
  return (uint8_t)n;
}

static inline void attribute_dims(const OpCase *c, const char *name, Dim *d) {
  int64_t v[16];
  uint32_t n = attribute_ints(c, name, v);
  for (uint32_t i = 0; i < n; i++) d[i] = dim_of(v[i]);
}

static inline uint32_t attribute_axes(const OpCase *c) {
  int64_t v[16];
  uint32_t axes = 0;
  for (uint32_t n = attribute_ints(c, "axes", v); n-- > 0;) axes |= 1u << v[n];
  return axes;
}

// ---- nodes

typedef NodeId CaseBuilder(Builder *b, const OpCase *c, const NodeId *in);

static inline NodeId case_cast(Builder *b, const OpCase *c, const NodeId *in) {
  return b_cast(b, in[0], c->out.t);
}
static inline NodeId case_reshape(Builder *b, const OpCase *c, const NodeId *in) {
  return b_reshape(b, in[0], c->out.s);
}
static inline NodeId case_broadcast(Builder *b, const OpCase *c, const NodeId *in) {
  return b_broadcast(b, in[0], c->out.s);
}
static inline NodeId case_transpose(Builder *b, const OpCase *c, const NodeId *in) {
  uint8_t perm[16];
  attribute_bytes(c, "perm", perm);
  return b_transpose(b, in[0], perm);
}
static inline NodeId case_slice(Builder *b, const OpCase *c, const NodeId *in) {
  Dim start[16];
  int64_t stride[16];
  attribute_dims(c, "start", start);
  attribute_ints(c, "stride", stride);
  return b_slice(b, in[0], start, c->out.s.d, stride);
}
static inline NodeId case_pad(Builder *b, const OpCase *c, const NodeId *in) {
  Dim lo[16], hi[16];
  int64_t interior[16];
  attribute_dims(c, "lo", lo);
  attribute_dims(c, "hi", hi);
  attribute_ints(c, "interior", interior);
  return b_pad(b, in[0], lo, hi, interior, (Scalar){.f = strtod(attribute(c, "value"), NULL)});
}
static inline NodeId case_concat(Builder *b, const OpCase *c, const NodeId *in) {
  return b_concat(b, in, c->n_in, (uint32_t)attribute_int(c, "axis"));
}
static inline NodeId case_reverse(Builder *b, const OpCase *c, const NodeId *in) {
  return b_reverse(b, in[0], attribute_axes(c));
}
static inline NodeId case_gather(Builder *b, const OpCase *c, const NodeId *in) {
  return b_gather(b, in[0], in[1], (uint32_t)attribute_int(c, "axis"), (uint32_t)attribute_int(c, "batch"));
}
static inline NodeId case_scatter_add(Builder *b, const OpCase *c, const NodeId *in) {
  uint32_t axis = (uint32_t)attribute_int(c, "axis"), batch = (uint32_t)attribute_int(c, "batch");
  return b_scatter_add(b, in[0], in[1], in[2], axis, batch);
}
static inline NodeId case_iota(Builder *b, const OpCase *c, const NodeId *in) {
  (void)in;
  return b_iota(b, c->out.t, c->out.s, (uint32_t)attribute_int(c, "axis"));
}
static inline NodeId case_arg(Builder *b, const OpCase *c, const NodeId *in) {
  return b_arg(b, c->op, in[0], (uint32_t)attribute_int(c, "axis"));
}
static inline NodeId case_reduce(Builder *b, const OpCase *c, const NodeId *in) {
  return b_reduce(b, c->op, in[0], attribute_axes(c));
}
static inline NodeId case_dot(Builder *b, const OpCase *c, const NodeId *in) {
  Attr attr = {0};
  uint8_t list[16];
  attr.dot.nb = attribute_bytes(c, "lb", list);
  memcpy(attr.dot.lb, list, attr.dot.nb);
  attr.dot.nb = attribute_bytes(c, "rb", list);
  memcpy(attr.dot.rb, list, attr.dot.nb);
  attr.dot.nc = attribute_bytes(c, "lc", list);
  memcpy(attr.dot.lc, list, attr.dot.nc);
  attr.dot.nc = attribute_bytes(c, "rc", list);
  memcpy(attr.dot.rc, list, attr.dot.nc);
  return b_dot(b, in[0], in[1], &attr);
}

static inline NodeId case_along(Builder *b, const OpCase *c, const NodeId *in) {
  return b_along(b, c->op, in[0], (uint32_t)attribute_int(c, "axis"));
}
static inline NodeId case_cholesky(Builder *b, const OpCase *c, const NodeId *in) {
  (void)c;
  return b_cholesky(b, in[0]);
}
static inline NodeId case_triangular_solve(Builder *b, const OpCase *c, const NodeId *in) {
  return b_triangular_solve(b, in[0], in[1], attribute_int(c, "upper") != 0);
}

static inline NodeId case_conv(Builder *b, const OpCase *c, const NodeId *in) {
  ConvAttr attr = {.groups = (int64_t)attribute_int(c, "groups")};
  attribute_ints(c, "stride", attr.stride);
  attribute_ints(c, "lo", attr.lo);
  attribute_ints(c, "hi", attr.hi);
  attribute_ints(c, "lhs_dilation", attr.lhs_dilation);
  attribute_ints(c, "rhs_dilation", attr.rhs_dilation);
  return b_conv(b, in[0], in[1], &attr);
}

static inline NodeId case_window(Builder *b, const OpCase *c, const NodeId *in) {
  WindowAttr w = {.lo = {0}};
  attribute_ints(c, "window", w.window);
  attribute_ints(c, "stride", w.stride);
  attribute_ints(c, "lo", w.lo);
  attribute_ints(c, "hi", w.hi);
  bool back = c->op == OP_DEBOX || c->op == OP_DESAMPLE;
  return back ? b_unwindow(b, c->op, in, c->n_in, &w, c->out.s) : b_window(b, c->op, in, c->n_in, &w);
}

static CaseBuilder *const case_builders[OP_COUNT] = {
    [OP_CAST] = case_cast,
    [OP_RESHAPE] = case_reshape,
    [OP_TRANSPOSE] = case_transpose,
    [OP_BROADCAST] = case_broadcast,
    [OP_SLICE] = case_slice,
    [OP_PAD] = case_pad,
    [OP_CONCAT] = case_concat,
    [OP_REVERSE] = case_reverse,
    [OP_GATHER] = case_gather,
    [OP_SCATTER_ADD] = case_scatter_add,
    [OP_IOTA] = case_iota,
    [OP_ARGMAX] = case_arg,
    [OP_ARGMIN] = case_arg,
    [OP_SUM] = case_reduce,
    [OP_RMAX] = case_reduce,
    [OP_RMIN] = case_reduce,
    [OP_DOT] = case_dot,
    [OP_CONV] = case_conv,
    [OP_BOX] = case_window,
    [OP_DEBOX] = case_window,
    [OP_ARGWINDOW] = case_window,
    [OP_SAMPLE] = case_window,
    [OP_DESAMPLE] = case_window,
    [OP_CUMSUM] = case_along,
    [OP_ARGSORT] = case_along,
    [OP_CHOLESKY] = case_cholesky,
    [OP_TRIANGULAR_SOLVE] = case_triangular_solve,
};

// The node of a case whose value follows from its inputs alone; NO_NODE: not such an operation.
static inline NodeId case_node(Builder *b, const OpCase *c, const NodeId *in) {
  if (case_builders[c->op]) return case_builders[c->op](b, c, in);
  return op_is_scalar(c->op) ? b_ew(b, c->op, in, c->n_in) : NO_NODE;
}

static inline NodeId case_constant(Builder *b, const OpTensor *x) {
  if (x->n == 1) return b_splat(b, x->t, x->s, x->v[0]);
  return b_tensor(b, x->t, x->s, x->v, x->n);
}

#endif
