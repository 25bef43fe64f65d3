// Node after node in id order, every value kept to the end of the call; the stores are written last, and only
// if no fault came up.
#include "ir/eval_impl.h"

#include <assert.h>
#include <math.h>
#include <string.h>

Sizes eval_sizes(const Eval *e, const Shape *s) {
  Sizes r = {.rank = s->rank};
  int64_t stride = 1;
  for (uint32_t i = s->rank; i-- > 0;) {
    r.d[i] = dim_at(s->d[i], e->env->n);
    r.stride[i] = stride;
    stride *= r.d[i];
  }
  return r;
}

void walk_next(Walk *w) {
  for (uint32_t i = w->rank; i-- > 0;) {
    for (uint32_t v = 0; v < w->views; v++) w->at[v] += w->stride[v][i];
    if (++w->index[i] < w->d[i]) return;
    for (uint32_t v = 0; v < w->views; v++) w->at[v] -= w->stride[v][i] * w->d[i];
    w->index[i] = 0;
  }
}

// Rounds to `bits` significant bits, the last one not below 2^lowest; beyond `limit` infinity.
static double round_to(double v, int bits, int lowest, double limit) {
  int exponent;
  if (v == 0 || !isfinite(v)) return v;
  frexp(v, &exponent);
  int unit = exponent - bits > lowest ? exponent - bits : lowest;
  double r = ldexp(nearbyint(ldexp(v, -unit)), unit);
  return fabs(r) > limit ? copysign(INFINITY, v) : r;
}

double eval_round(DType t, double v) {
  switch (t) {
  case DT_F32: return (double)(float)v;
  case DT_F16: return round_to(v, 11, -24, 65504);
  case DT_BF16: return round_to(v, 8, -133, 0x1.fep127);
  default: return v;
  }
}

Scalar eval_real(const Eval *e, DType t, double v) {
  if (!e->env->rounded) return (Scalar){.f = v};
  if (t == DT_F16 || t == DT_BF16) v = (double)(float)v; // arithmetic on them is that of f32
  return (Scalar){.f = eval_round(t, v)};
}

void eval_fault(Eval *e, NodeId id, EvalStatus status, int64_t value, int64_t bound) {
  if (e->env->status != EVAL_OK) return;
  e->env->status = status;
  e->env->fault_node = id;
  e->env->fault_value = value;
  e->env->fault_bound = bound;
}

// ---- stores

Scalar *eval_version(Eval *e, uint32_t store, uint32_t version) {
  assert(store < e->env->n_stores && "a store of the environment");
  const Versions *v = &e->versions[store];
  if (version == 0) return e->env->stores[store];
  assert(version < v->len && v->value[version] && "made before it is read");
  return v->value[version];
}

void eval_set_version(Eval *e, uint32_t store, uint32_t version, Scalar *value) {
  assert(store < e->env->n_stores && "a store of the environment");
  Versions *v = &e->versions[store];
  if (version >= v->cap) {
    uint32_t cap = version < 4 ? 8 : 2 * version;
    Scalar **grown = ARENA_ARRAY(e->scratch, cap, Scalar *);
    if (v->len) memcpy(grown, v->value, v->len * sizeof *grown);
    v->value = grown;
    v->cap = cap;
  }
  v->value[version] = value;
  if (version >= v->len) v->len = version + 1;
}

static void commit(Eval *e) {
  for (uint32_t s = 0; s < e->env->n_stores; s++) {
    const Versions *v = &e->versions[s];
    if (v->len == 0) continue;
    size_t count = (size_t)shape_elements(&e->env->table[s].shape, 1);
    memcpy(e->env->stores[s], v->value[v->len - 1], count * sizeof(Scalar));
  }
}

Scalar **eval_stores_new(const Store *table, uint32_t n, Arena *a) {
  Scalar **stores = ARENA_ARRAY(a, n, Scalar *);
  for (uint32_t i = 0; i < n; i++)
    stores[i] = ARENA_ARRAY(a, (size_t)shape_elements(&table[i].shape, 1), Scalar);
  return stores;
}

// ---- leaves and effects

static void eval_const(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  int64_t count = eval_count(e, n->shape);
  for (int64_t i = 0; i < count; i++) {
    out[i] = n->attr.konst.data[n->attr.konst.count == 1 ? 0 : i];
    if (dtype_is_real(n->dtype) && e->env->rounded) out[i].f = eval_round(n->dtype, out[i].f);
  }
}

static void eval_iota(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Sizes s = eval_sizes(e, n->shape);
  int64_t count = eval_count(e, n->shape);
  for (int64_t i = 0; i < count; i++) {
    int64_t v = i / s.stride[n->attr.axis] % s.d[n->attr.axis];
    if (dtype_is_real(n->dtype))
      out[i] = eval_real(e, n->dtype, (double)v);
    else
      out[i].i = dtype_wrap(n->dtype, v);
  }
}

static void eval_input(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  uint32_t index = n->attr.input.index;
  switch (n->attr.input.role) {
  case IN_ARG: memcpy(out, e->inputs[index], (size_t)eval_count(e, n->shape) * sizeof *out); return;
  case IN_STEP: *out = eval_real(e, n->dtype, e->env->step); return;
  case IN_EPOCH: *out = eval_real(e, n->dtype, e->env->epoch); return;
  case IN_OPTION: *out = eval_real(e, n->dtype, e->env->options[index]); return;
  case IN_BATCH: *out = eval_real(e, n->dtype, (double)e->env->n); return;
  case IN_ITERATION: out->i = e->index; return;
  }
}

static void copy_of(Eval *e, const Node *n, const Scalar *from, Scalar *out) {
  memcpy(out, from, (size_t)eval_count(e, n->shape) * sizeof *out);
}

static void eval_first(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  copy_of(e, n, eval_value(e, n, 0), out);
}

static void eval_read(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  copy_of(e, n, eval_version(e, n->attr.store.id, n->attr.store.version), out);
}

static void eval_write(Eval *e, NodeId id, const Node *n, Scalar *out) {
  eval_first(e, id, n, out);
  eval_set_version(e, n->attr.store.id, n->attr.store.version + 1, out);
}

static void eval_assert(Eval *e, NodeId id, const Node *n, Scalar *out) {
  eval_first(e, id, n, out);
  for (int64_t i = 0; i < eval_count(e, n->shape); i++)
    if (!out[i].i) eval_fault(e, id, EVAL_FAULT_ASSERT, 0, 0);
}

static EvalFn *const others[OP_COUNT] = {
    [OP_CAST] = eval_cast_node,
    [OP_RESHAPE] = eval_reshape,
    [OP_TRANSPOSE] = eval_transpose,
    [OP_BROADCAST] = eval_broadcast,
    [OP_SLICE] = eval_slice,
    [OP_PAD] = eval_pad,
    [OP_CONCAT] = eval_concat,
    [OP_REVERSE] = eval_reverse,
    [OP_GATHER] = eval_gather,
    [OP_SCATTER_ADD] = eval_scatter_add,
    [OP_IOTA] = eval_iota,
    [OP_CONST] = eval_const,
    [OP_INPUT] = eval_input,
    [OP_ARGMAX] = eval_arg,
    [OP_ARGMIN] = eval_arg,
    [OP_SUM] = eval_reduce,
    [OP_RMAX] = eval_reduce,
    [OP_RMIN] = eval_reduce,
    [OP_DOT] = eval_dot,
    [OP_CONV] = eval_conv,
    [OP_BOX] = eval_box,
    [OP_DEBOX] = eval_debox,
    [OP_ARGWINDOW] = eval_argwindow,
    [OP_SAMPLE] = eval_sample,
    [OP_DESAMPLE] = eval_desample,
    [OP_CUMSUM] = eval_cumsum,
    [OP_ARGSORT] = eval_argsort,
    [OP_CHOLESKY] = eval_cholesky,
    [OP_TRIANGULAR_SOLVE] = eval_triangular_solve,
    [OP_RAND] = eval_rand,
    [OP_RANDN] = eval_randn,
    [OP_READ] = eval_read,
    [OP_WRITE] = eval_write,
    [OP_OPTIMIZE] = eval_optimize,
    [OP_ASSERT] = eval_assert,
    [OP_STOP_GRAD] = eval_first,
    [OP_CUSTOM_VJP] = eval_first,
    [OP_SCAN] = eval_scan,
    [OP_PROJ] = eval_proj,
};

// ---- a call

// As the runtime marks them: a NaN is its origin's wherever it goes.
static void mark_nans(const Eval *e, const Node *n, Scalar *out) {
  const uint64_t mask = (uint64_t)0x3fffff << 29, place = e->env->trap_place + n->trap;
  for (int64_t i = 0; i < eval_count(e, n->shape); i++)
    if (isnan(out[i].f) && !((uint64_t)out[i].i & mask))
      out[i].i = (int64_t)((uint64_t)out[i].i | (place << 29 & mask));
}

static void eval_node(Eval *e, NodeId id) {
  const Node *n = graph_node(e->g, id);
  EvalFn *fn = others[n->op] ? others[n->op] : op_is_scalar(n->op) ? eval_elementwise : NULL;
  assert(fn && "graphs are evaluated after autodiff");
  e->value[id] = ARENA_ARRAY(e->scratch, (size_t)eval_count(e, n->shape), Scalar);
  fn(e, id, n, e->value[id]);
  if (n->trap) mark_nans(e, n, e->value[id]);
}

void eval_nodes(Eval *e) {
  e->value = ARENA_ARRAY(e->scratch, e->g->len, Scalar *);
  e->results = ARENA_ARRAY(e->scratch, e->g->len, Scalar **);
  for (NodeId id = 0; id < e->g->len && e->env->status == EVAL_OK; id++) eval_node(e, id);
}

static void copy_roots(Eval *e, Scalar **roots, Arena *a) {
  for (uint32_t i = 0; i < e->g->n_roots; i++) {
    const Node *n = graph_node(e->g, e->g->roots[i]);
    size_t bytes = (size_t)eval_count(e, n->shape) * sizeof(Scalar);
    roots[i] = n->op == OP_OPTIMIZE ? NULL : arena_copy(a, e->value[e->g->roots[i]], bytes);
  }
}

bool eval_graph(const Graph *g, EvalEnv *env, const Scalar *const *inputs, Scalar **roots, Arena *a) {
  Arena *scratch = arena_new();
  Eval e = {.g = g, .env = env, .inputs = inputs, .scratch = scratch};
  e.versions = ARENA_ARRAY(scratch, env->n_stores, Versions);
  env->status = EVAL_OK;
  eval_nodes(&e);
  bool ok = env->status == EVAL_OK;
  if (ok && roots) copy_roots(&e, roots, a);
  if (ok) commit(&e);
  arena_free(scratch);
  return ok;
}

bool eval_function(const Function *f, EvalEnv *env, const Scalar *const *inputs, Scalar **roots, Arena *a) {
  bool initial = f->kind == FN_INIT || f->kind == FN_EVAL_INIT;
  env->mode = initial ? EVAL_INIT : f->kind == FN_PREPARE ? EVAL_PREPARE : EVAL_CALL;
  return eval_graph(f->g, env, inputs, roots, a);
}
