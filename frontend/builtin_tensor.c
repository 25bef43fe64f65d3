// Indices, leaves, random draws and gradients: one short function a row of the table at the end.
#include "frontend/builtins.h"

// ---- indices

bool is_index(Elab *e, NodeId i, Span at, const char *name) {
  if (node_of(e, i)->dtype == DT_I32) return true;
  Diag *g = err(e, DIAG_E0204, at, "`%s` wants i32 indices", name);
  diag_label(g, "this is %s", tensor_text(e, i));
  return false;
}

// Indices that are known, and one outside for every size of the axis: no need to wait for the run.
static bool known_inside(Elab *e, NodeId i, Dim size, Span at) {
  const Graph *g = e->fn->b.g;
  const Node *n = node_of(e, i);
  int64_t end = dim_at(size, g->symbol ? g->bound : 1);
  for (int64_t k = 0; n->op == OP_CONST && k < n->attr.konst.count; k++) {
    int64_t v = n->attr.konst.data[k].i;
    if (v >= 0 && v < end) continue;
    Diag *d = err(e, DIAG_E0210, at, "this index is outside");
    diag_label(d, "%lld, the axis has %s", (long long)v, dim_text(e, size));
    if (v < 0) diag_note(d, "negative indices count from the end in `x[-1]`, not in tensors of indices");
    return false;
  }
  return true;
}

static bool gather_shape(Elab *e, NodeId x, NodeId i, uint32_t axis, Shape *out, Span at) {
  const Shape *xs = node_of(e, x)->shape, *is = node_of(e, i)->shape;
  *out = (Shape){0};
  if (xs->rank + is->rank > MAX_RANK + 1) {
    diag_label(err(e, DIAG_E0203, at, "a tensor has at most %d axes", MAX_RANK), "too many axes");
    return false;
  }
  for (uint32_t k = 0; k < axis; k++) out->d[out->rank++] = xs->d[k];
  for (uint32_t k = 0; k < is->rank; k++) out->d[out->rank++] = is->d[k];
  for (uint32_t k = axis + 1; k < xs->rank; k++) out->d[out->rank++] = xs->d[k];
  return check_elements(e, out, at);
}

static Value bi_gather(Elab *e, const BuiltinCall *c) {
  NodeId x = arg_node(e, c, 0), i = to_node(e, c->v[1], DT_I32, c->spans[1]);
  uint32_t axis;
  Shape s;
  if (x == NO_NODE || i == NO_NODE || !is_index(e, i, c->spans[1], "gather")) return v_poison();
  if (!arg_axis(e, c, 2, 0, node_of(e, x)->shape->rank, &axis)) return v_poison();
  if (!gather_shape(e, x, i, axis, &s, c->span)) return v_poison();
  if (!known_inside(e, i, node_of(e, x)->shape->d[axis], c->spans[1])) return v_poison();
  return v_tensor(e, b_gather(&e->fn->b, x, i, axis, 0));
}

static Value bi_scatter_add(Elab *e, const BuiltinCall *c) {
  NodeId x = arg_node(e, c, 0), i = to_node(e, c->v[1], DT_I32, c->spans[1]);
  uint32_t axis;
  Shape s;
  if (x == NO_NODE || i == NO_NODE || !is_index(e, i, c->spans[1], "scatter_add")) return v_poison();
  NodeId u = to_node(e, c->v[2], node_of(e, x)->dtype, c->spans[2]);
  if (u == NO_NODE || !arg_axis(e, c, 3, 0, node_of(e, x)->shape->rank, &axis)) return v_poison();
  if (!gather_shape(e, x, i, axis, &s, c->span)) return v_poison();
  if (!known_inside(e, i, node_of(e, x)->shape->d[axis], c->spans[1])) return v_poison();
  if (node_of(e, u)->dtype != node_of(e, x)->dtype || node_of(e, x)->dtype == DT_MASK) {
    diag_label(err(e, DIAG_E0204, c->span, "element types do not mix in `scatter_add`"), "%s and %s",
               tensor_text(e, x), tensor_text(e, u));
    return v_poison();
  }
  u = broadcast_to(e, u, &s, c->spans[2], "`scatter_add`");
  return u == NO_NODE ? v_poison() : v_tensor(e, b_scatter_add(&e->fn->b, x, i, u, axis, 0));
}

// pick(x: [*s, n], i: i32[*s]) -> [*s]: one index per row; the index is checked when it is read
static Value bi_pick(Elab *e, const BuiltinCall *c) {
  NodeId x = arg_node(e, c, 0), i = to_node(e, c->v[1], DT_I32, c->spans[1]);
  if (x == NO_NODE || i == NO_NODE || !is_index(e, i, c->spans[1], "pick")) return v_poison();
  Shape xs = *node_of(e, x)->shape, is = *node_of(e, i)->shape, rows = xs;
  bool fits = xs.rank > 0 && is.rank == xs.rank - 1;
  if (xs.rank) rows.rank--;
  if (!fits || !shape_eq(&rows, &is)) {
    diag_label(err(e, DIAG_E0203, c->span, "shapes do not fit in `pick`"), "%s by %s", shape_text(e, &xs),
               shape_text(e, &is));
    return v_poison();
  }
  if (!known_inside(e, i, xs.d[xs.rank - 1], c->spans[1])) return v_poison();
  return v_tensor(e, b_gather(&e->fn->b, x, i, xs.rank - 1, xs.rank - 1));
}

// ---- leaves

static Value bi_iota(Elab *e, const BuiltinCall *c) {
  Shape s;
  if (!value_shape(e, c->v[0], c->spans[0], &s)) return v_poison();
  if (s.rank != 1) {
    diag_label(err(e, DIAG_E0202, c->spans[0], "`iota` wants one size"), "%u sizes here", s.rank);
    return v_poison();
  }
  if (dim_at(s.d[0], e->fn->b.g->symbol ? e->fn->b.g->bound : 1) > INT64_C(1) << 31) {
    diag_label(err(e, DIAG_E0302, c->spans[0], "`iota` counts in i32: it has at most 2^31 elements"),
               "%s here", dim_text(e, s.d[0]));
    return v_poison();
  }
  return v_tensor(e, b_iota(&e->fn->b, DT_I32, s, 0));
}

static Value bi_fill(Elab *e, const BuiltinCall *c) {
  if (c->v[0].kind == V_ABSENT) return (Value){.kind = V_BUILTIN, .u.builtin = c->fn};
  Shape s;
  Scalar x = {.f = c->fn->data};
  if (!value_shape(e, c->v[0], c->spans[0], &s)) return v_poison();
  return v_tensor(e, b_splat(&e->fn->b, e->real, s, x));
}

static Value bi_rand(Elab *e, const BuiltinCall *c) {
  Shape s;
  if (!value_shape(e, c->v[0], c->spans[0], &s)) return v_poison();
  if (e->fn->what == CTX_RULE) {
    diag_label(err(e, DIAG_E0704, c->span, "a vjp rule draws no random numbers"),
               "pass them through the function's result");
    return v_poison();
  }
  return v_tensor(e, b_rand(&e->fn->b, (Op)c->fn->data, e->real, s, site_here(e, c->call)));
}

static Value bi_stop_grad(Elab *e, const BuiltinCall *c) {
  if (v_is_number(c->v[0])) return c->v[0];
  if (c->v[0].kind == V_TUPLE || c->v[0].kind == V_LIST) {
    Value out = v_list(e, c->v[0].kind, c->v[0].u.list.data, c->v[0].u.list.len);
    for (uint32_t i = 0; i < out.u.list.len; i++) {
      NodeId n = to_node(e, out.u.list.data[i], DT_COUNT, c->spans[0]);
      if (n == NO_NODE) return v_poison();
      out.u.list.data[i] = v_tensor(e, b_stop_grad(&e->fn->b, n));
    }
    return out;
  }
  NodeId n = arg_node(e, c, 0);
  return n == NO_NODE ? v_poison() : v_tensor(e, b_stop_grad(&e->fn->b, n));
}

static bool only_layers(Value v) {
  if (v.kind != V_LIST) return v.kind == V_INSTANCE;
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (!only_layers(v.u.list.data[i])) return false;
  return v.u.list.len > 0;
}

// The targets go to `out`; `form` gets the form of the result, in which each stands where its gradient will.
static bool grad_target(Elab *e, Value v, Span at, Values *out, Values *form) {
  v = rvalue(e, v, at);
  if (v.kind == V_POISON) return false;
  if (v.kind != V_TENSOR || !dtype_is_real(node_of(e, v.u.node)->dtype)) {
    diag_label(err(e, DIAG_E0202, at, "a gradient is with respect to a real tensor"), "this is %s",
               v_describe(e, v));
    return false;
  }
  vec_push(e->a, out, v);
  vec_push(e->a, form, v);
  return true;
}

// A layer, or a list of layers, gives the list of its parameters; layers in a list of parameters join it.
static bool grad_targets(Elab *e, Value v, Span at, Values *out, Values *form) {
  if (v.kind == V_TUPLE) {
    Values inner = {0};
    for (uint32_t i = 0; i < v.u.list.len; i++)
      if (!grad_targets(e, v.u.list.data[i], at, out, &inner)) return false;
    vec_push(e->a, form, v_list(e, V_TUPLE, inner.data, (uint32_t)inner.len));
    return true;
  }
  if (v.kind != V_LIST && v.kind != V_INSTANCE) return grad_target(e, v, at, out, form);
  Values flat = {0};
  if (only_layers(v)) {
    StoreRefs refs;
    if (!list_stores(e, v, at, true, &refs, "`grad`")) return false;
    for (size_t i = 0; i < refs.len; i++) vec_push(e->a, &flat, v_store(refs.data[i]));
  } else {
    for (uint32_t i = 0; i < v.u.list.len; i++) vec_push(e->a, &flat, v.u.list.data[i]);
  }
  Values inner = {0};
  for (size_t i = 0; i < flat.len; i++) {
    size_t before = inner.len;
    if (!grad_targets(e, flat.data[i], at, out, &inner)) return false;
    if (inner.len > before && inner.data[before].kind == V_LIST) {
      Value list = inner.data[before];
      inner.len = before;
      for (uint32_t k = 0; k < list.u.list.len; k++) vec_push(e->a, &inner, list.u.list.data[k]);
    }
  }
  vec_push(e->a, form, v_list(e, V_LIST, inner.data, (uint32_t)inner.len));
  return true;
}

// x is the latest version of a store, of which there are older ones.
static bool updated_target(Elab *e, NodeId x) {
  const Node *n = node_of(e, x);
  if (n->op != OP_READ) return false;
  const StoreState *s = store_state(e, n->attr.store.id);
  return s->read == x && s->old_reads.len > 0;
}

static Value in_form(Elab *e, Value form, const Values *gradients, size_t *next) {
  if (form.kind == V_TENSOR) return gradients->data[(*next)++];
  Value v = v_list(e, form.kind, form.u.list.data, form.u.list.len);
  for (uint32_t i = 0; i < v.u.list.len; i++)
    v.u.list.data[i] = in_form(e, form.u.list.data[i], gradients, next);
  return v;
}

// Whether the loss reads an older version of what a gradient is by.
static bool reads_stale(Elab *e, NodeId loss, const NodeId *x, uint32_t n, Span at) {
  Arrivals arrivals = {0};
  for (uint32_t i = 0; i < n; i++) {
    if (!updated_target(e, x[i])) continue;
    if (!arrivals.at) arrivals = graph_arrivals(e->fn->b.g, loss, 0, e->a);
    if (stale(e, &arrivals, node_of(e, x[i])->attr.store.id, "this", at)) return true;
  }
  return false;
}

// Where the way from the targets, none of which the loss reaches, ends; NO_NODE: there is no way.
static NodeId cut_before(Elab *e, NodeId loss, const NodeId *x, uint32_t n) {
  const Graph *g = e->fn->b.g;
  NodeId first = loss, cut = NO_NODE;
  for (uint32_t i = 0; i < n; i++)
    if (x[i] < first) first = x[i];
  const Arrivals arrivals = graph_arrivals(g, loss, first, e->a);
  for (uint32_t i = n; cut == NO_NODE && i-- > 0;) cut = graph_cut(g, &arrivals, x[i]);
  return cut;
}

// What a loop makes of a copy is no part of a gradient by the value that was copied.
static void warn_of_copies(Elab *e, const BuiltinCall *c, NodeId loss, const NodeId *x, uint32_t n) {
  for (size_t k = 0; k < e->fn->copied.len; k++) {
    const Copied *copy = &e->fn->copied.data[k];
    uint32_t i = 0;
    Reach reach = {0};
    while (i < n && x[i] != copy->node) i++;
    if (i == n || !graph_reaches(&reach, e->fn->b.g, loss, &copy->loop, 1, e->a)) continue;
    Diag *g = warn(e, DIAG_W0608, NULL, c->span, "this gradient leaves out what a loop makes of its target");
    diag_also(g, node_of(e, copy->loop)->span, "this loop computes it again");
    diag_note(g, "a gradient inside of the loop is by something before it: from there on the loop has values "
                 "of its own");
    return;
  }
}

Value grad_call(Elab *e, const BuiltinCall *c) {
  NodeId loss = to_real(e, c->v[0], c->spans[0]);
  Values t = {0}, form = {0};
  if (loss == NO_NODE || !grad_targets(e, c->v[1], c->spans[1], &t, &form)) return v_poison();
  if (node_of(e, loss)->shape->rank) {
    diag_label(err(e, DIAG_E0203, c->spans[0], "`grad` is of a scalar"), "this is %s", tensor_text(e, loss));
    return v_poison();
  }
  Builder *b = &e->fn->b;
  NodeId *x = ARENA_ARRAY(e->a, t.len, NodeId), cut = NO_NODE;
  for (size_t i = 0; i < t.len; i++) x[i] = t.data[i].u.node;
  if (reads_stale(e, loss, x, (uint32_t)t.len, c->spans[0])) return v_poison();
  if (t.len && !graph_reaches(&e->fn->reach, b->g, loss, x, (uint32_t)t.len, e->a))
    cut = cut_before(e, loss, x, (uint32_t)t.len);
  if (cut != NO_NODE) {
    Diag *g = err(e, DIAG_E0701, c->span, "`%s` reaches none of its targets", c->fn->name);
    no_gradient(e, g, cut);
    diag_also(g, node_of(e, cut)->span, "the path is cut here");
    return v_poison();
  }
  warn_of_copies(e, c, loss, x, (uint32_t)t.len);
  NodeId g = b_grad(b, loss, x, (uint32_t)t.len);
  for (size_t i = 0; i < t.len; i++) {
    const Node *n = node_of(e, x[i]);
    t.data[i] = v_tensor(e, b_proj(b, g, (uint32_t)i, n->dtype, *n->shape));
  }
  size_t next = 0;
  return in_form(e, form.data[0], &t, &next);
}

static const Builtin table[] = {
    {"gather", "x i ?axis", bi_gather, 0}, {"scatter_add", "x i u ?axis", bi_scatter_add, 0},
    {"pick", "x i", bi_pick, 0},           {"iota", "n", bi_iota, 0},
    {"zeros", "?shape", bi_fill, 0},       {"ones", "?shape", bi_fill, 1},
    {"rand", "shape", bi_rand, OP_RAND},   {"randn", "shape", bi_rand, OP_RANDN},
    {"stop_grad", "x", bi_stop_grad, 0},   {"grad", "e x", grad_call, 0},
};

const Builtin *tensor_builtins(uint32_t *n) {
  *n = sizeof table / sizeof *table;
  return table;
}
