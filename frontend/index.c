// x[i, a..b by k, ...]: an index drops its axis, bounds must lie inside for every value of the dynamic size,
// negative ones count from the end. An i32 scalar tensor as index gathers.
#include "frontend/sema.h"

static bool always_le(const Elab *e, Dim a, Dim b) { // a <= b for every N in 1..bound
  int64_t n = e->fn->b.g->symbol ? e->fn->b.g->bound : 1;
  return dim_at(a, 1) <= dim_at(b, 1) && dim_at(a, n) <= dim_at(b, n);
}

static Value outside(Elab *e, Span at, const char *what, Dim i, Dim size) {
  Diag *g = err(e, DIAG_E0210, at, "%s is outside", what);
  diag_label(g, "%s, the axis has %s", dim_text(e, i), dim_text(e, size));
  if (!dim_static(size))
    diag_note(g, "it must lie inside for every %s from 1 to %lld", e->fn->b.g->symbol,
              (long long)e->fn->b.g->bound);
  return v_poison();
}

static Value float_index(Elab *e, const Sub *s, Value v) {
  Diag *g = err(e, DIAG_E0210, s->span, "an index must be an int");
  diag_label(g, "this is %s", v_describe(e, v));
  if (v.kind == V_FLOAT) diag_note(g, "`//`, `floor` and `round` of static numbers give ints");
  return v_poison();
}

// A bound or index as a size: negative static ints count from the end.
static bool bound_dim(Elab *e, const Expr *x, Dim size, Dim *out) {
  Value v = eval(e, x);
  if (v.kind == V_POISON) return false;
  if (!v_as_dim(v, out)) {
    Sub s = {.span = x->span};
    float_index(e, &s, v);
    return false;
  }
  if (v.kind == V_INT && v.u.i < 0) return dim_add(size, *out, out);
  return true;
}

typedef struct Cut { // what one axis keeps
  Dim start, size;
  int64_t stride;
  bool drop;
  NodeId gather;
} Cut;

static bool cut_slice(Elab *e, const Sub *s, Dim size, Cut *c) {
  Dim from = dim_of(0), to = size, len;
  int64_t step = 1;
  if (s->from && !bound_dim(e, s->from, size, &from)) return false;
  if (s->to && !bound_dim(e, s->to, size, &to)) return false;
  if (s->step && !eval_int(e, s->step, &step, "the step of a slice")) return false;
  if (step < 1) {
    diag_label(err(e, DIAG_E0210, s->step->span, "the step of a slice must be at least 1"),
               "`reverse(x, axis)` turns round");
    return false;
  }
  if (!always_le(e, to, size)) return outside(e, s->span, "the end of the slice", to, size), false;
  if (always_le(e, dim_of(0), from) && !always_le(e, from, to)) {
    diag_label(err(e, DIAG_E0210, s->span, "the slice ends before it starts"), "from %s to %s",
               dim_text(e, from), dim_text(e, to));
    return false;
  }
  if (!always_le(e, dim_of(0), from)) return outside(e, s->span, "the start of the slice", from, to), false;
  if (!dim_sub(to, from, &len)) return false;
  if (step > 1) { // ceil(len / step)
    if (len.a % step != 0) {
      diag_label(err(e, DIAG_E0211, s->span, "the step does not divide this size"), "%s by %lld",
                 dim_text(e, len), (long long)step);
      return false;
    }
    int64_t b = len.b + step - 1;
    len = (Dim){len.a / step, b >= 0 ? b / step : -((-b + step - 1) / step)};
  }
  *c = (Cut){from, len, step, false, NO_NODE};
  return true;
}

static bool cut_index(Elab *e, const Sub *s, Dim size, Cut *c) {
  Value v = eval(e, s->index);
  Dim i, last;
  if (v.kind == V_POISON) return false;
  if (v.kind == V_TENSOR) {
    const Node *n = node_of(e, v.u.node);
    if (n->dtype != DT_I32 || n->shape->rank != 0) {
      Diag *g = err(e, DIAG_E0210, s->span, "a tensor index must be an i32 scalar");
      diag_label(g, "this is %s", v_describe(e, v));
      if (n->dtype == DT_I32) diag_note(g, "several indices: `gather(x, i, axis = …)`");
      return false;
    }
    *c = (Cut){dim_of(0), size, 1, false, v.u.node};
    return true;
  }
  if (!v_as_dim(v, &i)) return float_index(e, s, v), false;
  if (v.kind == V_INT && v.u.i < 0 && !dim_add(size, i, &i)) return false;
  if (!dim_sub(size, dim_of(1), &last)) return false;
  if (!always_le(e, dim_of(0), i) || !always_le(e, i, last))
    return outside(e, s->span, "this index", i, size), false;
  *c = (Cut){i, dim_of(1), 1, true, NO_NODE};
  return true;
}

static Value too_many(Elab *e, const Expr *x, Value base) {
  for (uint32_t i = 0; i < x->u.index.n; i++) // `None`, say: what is wrong with it was said
    if (x->u.index.subs[i].kind == SUB_INDEX && eval(e, x->u.index.subs[i].index).kind == V_POISON)
      return v_poison();
  diag_label(err(e, DIAG_E0210, x->span, "more indices than axes"), "this is %s", v_describe(e, base));
  return v_poison();
}

static NodeId apply_cuts(Elab *e, NodeId n, const Cut *c, Span at) {
  Builder *b = &e->fn->b;
  b->span = user_span(e, at);
  Shape s = *node_of(e, n)->shape, kept = {0};
  Dim start[MAX_RANK], size[MAX_RANK];
  int64_t stride[MAX_RANK];
  bool whole = true;
  for (uint32_t i = 0; i < s.rank; i++) {
    start[i] = c[i].start, size[i] = c[i].size, stride[i] = c[i].stride;
    whole &= dim_is(start[i], 0) && dim_eq(size[i], s.d[i]) && stride[i] == 1;
  }
  if (!whole) n = b_slice(b, n, start, size, stride);
  for (uint32_t i = s.rank; i-- > 0;)
    if (c[i].gather != NO_NODE) n = b_gather(b, n, c[i].gather, i, 0);
  for (uint32_t i = 0; i < s.rank; i++)
    if (!c[i].drop && c[i].gather == NO_NODE) kept.d[kept.rank++] = size[i];
  return b_reshape(b, n, kept);
}

static Value index_tensor(Elab *e, const Expr *x, Value base) {
  NodeId n = base.u.node;
  Shape s = *node_of(e, n)->shape;
  uint32_t given = 0, axis = 0, ellipses = 0;
  for (uint32_t i = 0; i < x->u.index.n; i++)
    if (x->u.index.subs[i].kind == SUB_ELLIPSIS)
      ellipses++;
    else
      given++;
  if (ellipses > 1) return err(e, DIAG_E0210, x->span, "`...` may stand once"), v_poison();
  if (given > s.rank) return too_many(e, x, base);
  Cut c[MAX_RANK];
  for (uint32_t i = 0; i < MAX_RANK; i++)
    c[i] = (Cut){dim_of(0), i < s.rank ? s.d[i] : dim_of(1), 1, false, NO_NODE};
  bool ok = true;
  for (uint32_t i = 0; ok && i < x->u.index.n; i++) { // one mistake: `f(x [2, 3])` lacks a comma
    const Sub *sub = &x->u.index.subs[i];
    if (sub->kind == SUB_ELLIPSIS)
      axis += s.rank - given;
    else if (sub->kind == SUB_INDEX)
      ok &= cut_index(e, sub, s.d[axis], &c[axis]), axis++;
    else
      ok &= cut_slice(e, sub, s.d[axis], &c[axis]), axis++;
  }
  if (!ok) return v_poison();
  return v_tensor(e, apply_cuts(e, n, c, x->span));
}

static bool numbers(Value v) {
  return v_is_number(v) || v.kind == V_BOOL || v.kind == V_LIST || v.kind == V_TUPLE;
}

static Value index_list(Elab *e, const Expr *x, Value base) {
  if (x->u.index.n != 1 || x->u.index.subs[0].kind == SUB_ELLIPSIS) return too_many(e, x, base);
  const Sub *s = &x->u.index.subs[0];
  Dim size = dim_of(base.u.list.len);
  Cut c;
  if (s->kind == SUB_SLICE) {
    if (!cut_slice(e, s, size, &c)) return v_poison();
    Values out = {0};
    if (!dim_static(c.start) || !dim_static(c.size))
      return err(e, DIAG_E0210, s->span, "a list is cut at static ints"), v_poison();
    for (int64_t i = 0; i < c.size.b; i++) vec_push(e->a, &out, base.u.list.data[c.start.b + i * c.stride]);
    return v_list(e, base.kind, out.data, (uint32_t)out.len);
  }
  Value i = eval(e, s->index);
  if (i.kind == V_POISON) return i;
  if (i.kind == V_TENSOR && base.u.list.len && !numbers(base.u.list.data[0])) {
    Diag *g = err(e, DIAG_E0210, s->index->span, "a list is indexed by a static int");
    diag_label(g, "this is %s", v_describe(e, i));
    return v_poison();
  }
  if (i.kind == V_TENSOR && base.kind == V_LIST && !v_graph_bound(base)) { // a constant tensor
    NodeId n = const_node(e, base, DT_COUNT, x->span);
    return n == NO_NODE ? v_poison() : index_tensor(e, x, v_tensor(e, n));
  }
  if (i.kind != V_INT) return float_index(e, s, i);
  int64_t k = i.u.i < 0 ? i.u.i + (int64_t)base.u.list.len : i.u.i;
  bool inside = k >= 0 && k < (int64_t)base.u.list.len;
  if (!inside && may_grow(e)) return v_poison();
  if (!inside) return outside(e, s->span, "this index", dim_of(i.u.i), size);
  return base.u.list.data[k];
}

Value eval_index(Elab *e, const Expr *x) {
  Value base = eval_ref(e, x->u.index.base);
  if (base.kind != V_LIST && base.kind != V_TUPLE) base = rvalue(e, base, x->u.index.base->span);
  switch (base.kind) {
  case V_POISON: return base;
  case V_TENSOR: return index_tensor(e, x, base);
  case V_LIST:
  case V_TUPLE: return index_list(e, x, base);
  default:
    diag_label(err(e, DIAG_E0210, x->u.index.base->span, "this can't be indexed"), "this is %s",
               v_describe(e, base));
    return v_poison();
  }
}

// x cut to from..to along one axis: the caller has checked the bounds.
Value slice_axis(Elab *e, NodeId x, uint32_t axis, Dim from, Dim to) {
  Shape s = *node_of(e, x)->shape;
  Cut c[MAX_RANK];
  for (uint32_t i = 0; i < MAX_RANK; i++)
    c[i] = (Cut){dim_of(0), i < s.rank ? s.d[i] : dim_of(1), 1, false, NO_NODE};
  c[axis].start = from;
  if (!dim_sub(to, from, &c[axis].size)) return v_poison();
  return v_tensor(e, apply_cuts(e, x, c, e->fn->b.span));
}
