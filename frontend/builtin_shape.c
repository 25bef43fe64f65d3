// Operations that move elements and compute nothing: one short function a row of the table at the end.
#include "frontend/builtins.h"

#include "ir/shape_rules.h"

static Value reshape_to(Elab *e, NodeId n, const Shape *s, Span at) {
  const Shape *old = node_of(e, n)->shape;
  Dim a, b;
  if (!reshape_fits(old, s)) {
    bool known = shape_count(old, &a) && shape_count(s, &b);
    Diag *g = err(e, DIAG_E0203, at, "`reshape` keeps the number of elements");
    diag_label(g, "%s to %s", shape_text(e, old), shape_text(e, s));
    if (known) diag_note(g, "%s elements here, %s there", dim_text(e, a), dim_text(e, b));
    return v_poison();
  }
  return v_tensor(e, b_reshape(&e->fn->b, n, *s));
}

static Value bi_reshape(Elab *e, const BuiltinCall *c) {
  Shape s;
  NodeId n = arg_node(e, c, 0);
  if (n == NO_NODE) return v_poison();
  Value v = c->v[1];
  if (v.kind == V_INT) v = v_list(e, V_LIST, &v, 1);
  Shape old = *node_of(e, n)->shape;
  for (uint32_t i = 0; v.kind == V_LIST && i < v.u.list.len; i++) // one -1: what is left
    if (v.u.list.data[i].kind == V_INT && v.u.list.data[i].u.i == -1) {
      Value rest = v_list(e, V_LIST, v.u.list.data, v.u.list.len);
      Dim all, others, q;
      rest.u.list.data[i] = v_int(1);
      if (!value_shape(e, rest, c->spans[1], &s)) return v_poison();
      if (!shape_count(&old, &all) || !shape_count(&s, &others) || !dim_div(all, others, &q)) {
        diag_label(err(e, DIAG_E0203, c->spans[1], "-1 does not come out as a size"), "from %s",
                   shape_text(e, &old));
        return v_poison();
      }
      rest.u.list.data[i] = v_dim(e, q);
      v = rest;
      break;
    }
  if (!value_shape(e, v, c->spans[1], &s)) return v_poison();
  return reshape_to(e, n, &s, c->span);
}

static Value bi_broadcast(Elab *e, const BuiltinCall *c) {
  Shape s;
  NodeId n = arg_node(e, c, 0);
  if (n == NO_NODE || !value_shape(e, c->v[1], c->spans[1], &s)) return v_poison();
  return v_tensor(e, broadcast_to(e, n, &s, c->span, "`broadcast`"));
}

static bool permutation(Elab *e, const BuiltinCall *c, uint32_t rank, uint8_t *perm) {
  Value v = c->v[1];
  uint32_t seen = 0;
  bool ok = v.kind == V_LIST && v.u.list.len == rank;
  for (uint32_t i = 0; ok && i < rank; i++) {
    uint32_t a = 0;
    ok = v.u.list.data[i].kind == V_INT && check_axis(e, v.u.list.data[i].u.i, rank, 0, c->spans[1], &a);
    ok = ok && !(seen >> a & 1);
    seen |= 1u << a;
    perm[i] = (uint8_t)a;
  }
  if (!ok) {
    diag_label(err(e, DIAG_E0203, c->spans[1], "`transpose` wants every axis once"), "the tensor has rank %u",
               rank);
    return false;
  }
  return true;
}

static Value bi_transpose(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  if (n == NO_NODE) return v_poison();
  uint32_t rank = node_of(e, n)->shape->rank;
  uint8_t perm[MAX_RANK];
  for (uint32_t i = 0; i < MAX_RANK; i++) perm[i] = (uint8_t)i;
  if (c->v[1].kind == V_ABSENT) {
    if (rank < 2) {
      diag_label(err(e, DIAG_E0203, c->spans[0], "`transpose` exchanges the last two axes"),
                 "this has rank %u", rank);
      return v_poison();
    }
    perm[rank - 1] = (uint8_t)(rank - 2);
    perm[rank - 2] = (uint8_t)(rank - 1);
  } else if (!permutation(e, c, rank, perm)) {
    return v_poison();
  }
  return v_tensor(e, b_transpose(&e->fn->b, n, perm));
}

static Value bi_swap(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  uint32_t i, k;
  if (n == NO_NODE) return v_poison();
  uint32_t rank = node_of(e, n)->shape->rank;
  if (!arg_axis(e, c, 1, 0, rank, &i) || !arg_axis(e, c, 2, 0, rank, &k)) return v_poison();
  uint8_t perm[MAX_RANK];
  for (uint32_t a = 0; a < MAX_RANK; a++) perm[a] = (uint8_t)(a == i ? k : a == k ? i : a);
  return v_tensor(e, b_transpose(&e->fn->b, n, perm));
}

static NodeId *list_nodes(Elab *e, const BuiltinCall *c, uint32_t *n) {
  Value v = c->v[0];
  if (v.kind == V_LIST && v.u.list.len == 0 && may_grow(e)) return NULL;
  if ((v.kind != V_LIST && v.kind != V_TUPLE) || v.u.list.len == 0) {
    Diag *g = err(e, DIAG_E0202, c->spans[0], "`%s` wants a list of tensors", c->fn->name);
    diag_label(g, "this is %s", v_describe(e, c->v[0]));
    if (c->v[0].kind == V_TENSOR) diag_note(g, "they stand in one list: `%s([a, b])`", c->fn->name);
    return NULL;
  }
  *n = v.u.list.len;
  NodeId *out = ARENA_ARRAY(e->a, *n, NodeId);
  return unify(e, v.u.list.data, out, *n, false, c->spans[0], c->fn->name) ? out : NULL;
}

static Value stack_mismatch(Elab *e, NodeId a, NodeId b, Span at) {
  Diag *g = err(e, DIAG_E0203, at, "`stack` wants tensors of one shape");
  diag_label(g, "%s and %s", shape_text(e, node_of(e, a)->shape), shape_text(e, node_of(e, b)->shape));
  return v_poison();
}

static Value concat_nodes(Elab *e, const NodeId *in, uint32_t n, uint32_t axis, Span at) {
  const Shape *first = node_of(e, in[0])->shape;
  Shape all = *first;
  for (uint32_t i = 1; i < n; i++) {
    const Shape *s = node_of(e, in[i])->shape;
    bool fits = s->rank == first->rank;
    for (uint32_t k = 0; fits && k < s->rank; k++) fits = k == axis || dim_eq(s->d[k], first->d[k]);
    if (!fits || !dim_add(all.d[axis], s->d[axis], &all.d[axis])) {
      Diag *g = err(e, DIAG_E0203, at, "shapes do not fit in `concat`");
      diag_label(g, "%s and %s along axis %u", shape_text(e, first), shape_text(e, s), axis);
      return v_poison();
    }
  }
  if (!check_elements(e, &all, at)) return v_poison();
  return v_tensor(e, n == 1 ? in[0] : b_concat(&e->fn->b, in, n, axis));
}

static Value bi_concat(Elab *e, const BuiltinCall *c) {
  uint32_t n = 0, axis;
  NodeId *in = list_nodes(e, c, &n);
  if (!in || !arg_axis(e, c, 1, 0, node_of(e, in[0])->shape->rank, &axis)) return v_poison();
  return concat_nodes(e, in, n, axis, c->span);
}

static NodeId insert_axis(Elab *e, NodeId n, uint32_t axis) {
  Shape s = *node_of(e, n)->shape, t = {0};
  for (uint32_t i = 0; i <= s.rank; i++) {
    if (i == axis) t.d[t.rank++] = dim_of(1);
    if (i < s.rank) t.d[t.rank++] = s.d[i];
  }
  return b_reshape(&e->fn->b, n, t);
}

static bool room_for_axis(Elab *e, NodeId n, Span at) {
  if (node_of(e, n)->shape->rank < MAX_RANK) return true;
  diag_label(err(e, DIAG_E0203, at, "a tensor has at most %d axes", MAX_RANK), "this has them");
  return false;
}

static Value bi_stack(Elab *e, const BuiltinCall *c) {
  uint32_t n = 0, axis;
  int64_t a;
  NodeId *in = list_nodes(e, c, &n);
  if (!in || !arg_int(e, c, 1, 0, &a)) return v_poison();
  if (!room_for_axis(e, in[0], c->spans[0])) return v_poison();
  if (!check_axis(e, a, node_of(e, in[0])->shape->rank, 1, c->spans[1], &axis)) return v_poison();
  for (uint32_t i = 0; i < n; i++)
    if (!shape_eq(node_of(e, in[i])->shape, node_of(e, in[0])->shape))
      return stack_mismatch(e, in[0], in[i], c->span);
  for (uint32_t i = 0; i < n; i++) in[i] = insert_axis(e, in[i], axis);
  return concat_nodes(e, in, n, axis, c->span);
}

static Value bi_expand(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  int64_t a;
  uint32_t axis;
  if (n == NO_NODE || !arg_int(e, c, 1, 0, &a) || !room_for_axis(e, n, c->span)) return v_poison();
  if (!check_axis(e, a, node_of(e, n)->shape->rank, 1, c->spans[1], &axis)) return v_poison();
  return v_tensor(e, insert_axis(e, n, axis));
}

static Value bi_squeeze(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  uint32_t mask;
  if (n == NO_NODE || !arg_axes(e, c, 1, node_of(e, n)->shape->rank, &mask)) return v_poison();
  Shape s = *node_of(e, n)->shape, t = {0};
  for (uint32_t i = 0; i < s.rank; i++) {
    if (!(mask >> i & 1))
      t.d[t.rank++] = s.d[i];
    else if (!dim_is(s.d[i], 1)) {
      diag_label(err(e, DIAG_E0203, c->span, "`squeeze` drops axes of size 1"), "axis %u of %s", i,
                 shape_text(e, &s));
      return v_poison();
    }
  }
  return v_tensor(e, b_reshape(&e->fn->b, n, t));
}

static Value bi_flatten(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  if (n == NO_NODE) return v_poison();
  Shape s = *node_of(e, n)->shape, rest = {0}, t = {.rank = 2};
  if (s.rank == 0) {
    diag_label(err(e, DIAG_E0203, c->spans[0], "`flatten` keeps axis 0"), "this is a scalar");
    return v_poison();
  }
  for (uint32_t i = 1; i < s.rank; i++) rest.d[rest.rank++] = s.d[i];
  t.d[0] = s.d[0];
  if (!shape_count(&rest, &t.d[1])) {
    diag_label(err(e, DIAG_E0211, c->spans[0], "this size is not of the form a * N + b"), "%s",
               shape_text(e, &rest));
    return v_poison();
  }
  return v_tensor(e, b_reshape(&e->fn->b, n, t));
}

static Value bi_reverse(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  uint32_t mask;
  if (n == NO_NODE || !arg_axes(e, c, 1, node_of(e, n)->shape->rank, &mask)) return v_poison();
  return v_tensor(e, mask ? b_reverse(&e->fn->b, n, mask) : n);
}

// size + (size - 1) interior + lo + hi; an entry is [lo, hi] or [lo, hi, interior].
static bool pad_entry(Value p, Dim size, Dim *lo, Dim *hi, int64_t *interior, Dim *out, bool *fits) {
  Dim gaps;
  if (p.kind != V_LIST || p.u.list.len < 2 || p.u.list.len > 3) return false;
  if (!v_as_dim(p.u.list.data[0], lo) || !v_as_dim(p.u.list.data[1], hi)) return false;
  *interior = 0;
  if (p.u.list.len == 3) {
    if (p.u.list.data[2].kind != V_INT || p.u.list.data[2].u.i < 0) return false;
    *interior = p.u.list.data[2].u.i;
  }
  *fits = dim_sub(size, dim_of(1), &gaps) && dim_mul(gaps, dim_of(*interior), &gaps) &&
          dim_add(size, gaps, out) && dim_add(*out, *lo, out) && dim_add(*out, *hi, out);
  return true;
}

static Value bi_pad(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  if (n == NO_NODE) return v_poison();
  Shape s = *node_of(e, n)->shape, out = s;
  DType t = node_of(e, n)->dtype;
  Dim lo[MAX_RANK], hi[MAX_RANK];
  int64_t interior[MAX_RANK] = {0};
  Value v = c->v[1];
  bool ok = v.kind == V_LIST && v.u.list.len == s.rank, fits = true;
  for (uint32_t i = 0; ok && i < s.rank; i++) {
    bool one_fits = true;
    ok = pad_entry(v.u.list.data[i], s.d[i], &lo[i], &hi[i], &interior[i], &out.d[i], &one_fits);
    fits &= one_fits;
  }
  if (!ok) {
    Diag *g = err(e, DIAG_E0203, c->spans[1], "`pad` wants [lo, hi] for each axis");
    diag_label(g, "the tensor has rank %u", s.rank);
    diag_note(g, "`[lo, hi, interior]` also puts so many elements, at least 0, between neighbours");
    return v_poison();
  }
  if (!fits) {
    diag_label(err(e, DIAG_E0804, c->spans[1], "a tensor of more than 2^40 elements"), "%s padded so",
               shape_text(e, &s));
    return v_poison();
  }
  if (!check_elements(e, &out, c->span)) return v_poison();
  Value fill = c->v[2].kind == V_ABSENT ? v_int(0) : c->v[2];
  Scalar x;
  if (fill.kind == V_BOOL && t == DT_MASK)
    x.i = fill.u.b;
  else if (t == DT_MASK && fill.kind == V_INT && c->v[2].kind == V_ABSENT)
    x.i = 0;
  else if (v_is_number(fill) && dtype_is_real(t))
    x.f = v_number(fill);
  else if (fill.kind == V_INT && t != DT_MASK)
    x.i = dtype_wrap(t, fill.u.i);
  else {
    diag_label(err(e, DIAG_E0202, c->spans[2], "`pad` fills with a static number of the tensor's type"),
               "this is %s", v_describe(e, fill));
    return v_poison();
  }
  return v_tensor(e, b_pad(&e->fn->b, n, lo, hi, interior, x));
}

static Value bi_split(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  int64_t k;
  uint32_t axis;
  if (n == NO_NODE || !arg_int(e, c, 1, 1, &k) || !arg_axis(e, c, 2, -1, node_of(e, n)->shape->rank, &axis))
    return v_poison();
  Dim size = node_of(e, n)->shape->d[axis], part;
  if (k < 1 || k > 4096 || !dim_div(size, dim_of(k), &part)) {
    diag_label(err(e, DIAG_E0203, c->span, "`split` makes equal parts"), "size %s in %lld parts",
               dim_text(e, size), (long long)k);
    return v_poison();
  }
  Values out = {0};
  Dim from = dim_of(0);
  for (int64_t i = 0; i < k; i++) {
    Dim to;
    if (!dim_add(from, part, &to)) return v_poison();
    vec_push(e->a, &out, slice_axis(e, n, axis, from, to));
    from = to;
  }
  return v_list(e, V_TUPLE, out.data, (uint32_t)out.len);
}

// slice_axis(x, axis, from, to): a slice whose axis is a static value, for the library
static Value bi_slice_axis(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  uint32_t axis;
  Dim from = {0}, to = {0};
  if (n == NO_NODE || !arg_axis(e, c, 1, 0, node_of(e, n)->shape->rank, &axis)) return v_poison();
  Dim size = node_of(e, n)->shape->d[axis];
  bool ok = v_as_dim(c->v[2], &from) && v_as_dim(c->v[3], &to);
  int64_t b = e->fn->b.g->symbol ? e->fn->b.g->bound : 1;
  for (int64_t k = 1; ok && k <= b; k = k == b ? b + 1 : b)
    ok = dim_at(from, k) >= 0 && dim_at(from, k) <= dim_at(to, k) && dim_at(to, k) <= dim_at(size, k);
  if (!ok) {
    diag_label(err(e, DIAG_E0210, c->span, "the slice is outside"), "%s..%s of an axis of %s",
               dim_text(e, from), dim_text(e, to), dim_text(e, size));
    return v_poison();
  }
  return slice_axis(e, n, axis, from, to);
}

// along(b, y, axis): b reshaped so that its axes stand on `axis` of y's rank
static Value bi_along(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0), y = arg_node(e, c, 1);
  if (n == NO_NODE || y == NO_NODE) return v_poison();
  Shape ys = *node_of(e, y)->shape, s = *node_of(e, n)->shape, t = {.rank = ys.rank};
  uint32_t mask, k = 0;
  if (!arg_axes(e, c, 2, ys.rank, &mask)) return v_poison();
  for (uint32_t i = 0; i < ys.rank; i++) {
    t.d[i] = dim_of(1);
    if (!(mask >> i & 1)) continue;
    if (k < s.rank && dim_eq(s.d[k], ys.d[i]))
      t.d[i] = s.d[k];
    else
      k = MAX_RANK;
    k++;
  }
  if (k == s.rank) return v_tensor(e, b_reshape(&e->fn->b, n, t));
  Diag *g = err(e, DIAG_E0203, c->span, "shapes do not fit in `along`");
  diag_label(g, "%s along %s", shape_text(e, &s), shape_text(e, &ys));
  return v_poison();
}

static const Builtin table[] = {
    {"reshape", "x shape", bi_reshape, 0},     {"broadcast", "x shape", bi_broadcast, 0},
    {"transpose", "x ?perm", bi_transpose, 0}, {"swap", "x a b", bi_swap, 0},
    {"concat", "list ?axis", bi_concat, 0},    {"stack", "list ?axis", bi_stack, 0},
    {"split", "x n ?axis", bi_split, 0},       {"slice_axis", "x axis from to", bi_slice_axis, 0},
    {"expand", "x axis", bi_expand, 0},        {"squeeze", "x axis", bi_squeeze, 0},
    {"flatten", "x", bi_flatten, 0},           {"reverse", "x axis", bi_reverse, 0},
    {"pad", "x pads ?value", bi_pad, 0},       {"along", "b y axis", bi_along, 0},
};

const Builtin *shape_builtins(uint32_t *n) {
  *n = sizeof table / sizeof *table;
  return table;
}
