// Core operations on shapes, indices, reductions, leaves and randomness: one short function a row of the
// table at the end, which is why the file is long.
#include "frontend/builtins.h"

#include "ir/shape_rules.h"

#include <assert.h>

// ---- reductions

// axis, keep, keepdim stand at c->v[at], at + 1, at + 2.
static bool reduced_axes(Elab *e, const BuiltinCall *c, uint32_t at, uint32_t rank, uint32_t *mask,
                         bool *keepdim) {
  uint32_t all = (1u << rank) - 1, keep = 0;
  *mask = all;
  if (!arg_bool(e, c, at + 2, false, keepdim)) return false;
  if (c->v[at].kind != V_ABSENT && c->v[at + 1].kind != V_ABSENT) {
    err(e, DIAG_E0207, c->spans[at + 1], "`%s` takes `axis` or `keep`, not both", c->fn->name);
    return false;
  }
  if (c->v[at].kind != V_ABSENT) return arg_axes(e, c, at, rank, mask);
  if (c->v[at + 1].kind == V_ABSENT) return true;
  if (!arg_axes(e, c, at + 1, rank, &keep)) return false;
  *mask = all & ~keep;
  return true;
}

static NodeId count_node(Elab *e, const Shape *s, uint32_t mask, DType t) {
  double n = 1;
  NodeId r = NO_NODE;
  for (uint32_t i = 0; i < s->rank; i++) {
    if (!(mask >> i & 1)) continue;
    if (dim_static(s->d[i])) {
      n *= (double)s->d[i].b;
      continue;
    }
    NodeId d = dim_node(e, s->d[i], t);
    r = r == NO_NODE ? d : b_ew2(&e->fn->b, OP_MUL, r, d);
  }
  if (r == NO_NODE) return b_scalar(&e->fn->b, t, n);
  return n == 1 ? r : b_ew2(&e->fn->b, OP_MUL, r, b_scalar(&e->fn->b, t, n));
}

// sum, max, min, prod, mean of a list of static numbers
static Value reduce_static(Elab *e, const BuiltinCall *c, Op op, bool mean) {
  Value v = c->v[0];
  if (!mean && v_list_of_ints(v)) { // exactly, and overflow is an error
    Expr x = {.span = c->span};
    Value r = v.u.list.data[0];
    for (uint32_t i = 1; i < v.u.list.len && r.kind == V_INT; i++) {
      Value y = v.u.list.data[i];
      if (op == OP_SUM)
        r = binary(e, BIN_ADD, r, y, &x);
      else if (op == OP_RMAX ? y.u.i > r.u.i : y.u.i < r.u.i)
        r = y;
    }
    return r;
  }
  double f = op == OP_SUM ? 0 : v_number(v.u.list.data[0]);
  for (uint32_t i = 0; i < v.u.list.len; i++) {
    double x = v_number(v.u.list.data[i]);
    if (op == OP_SUM)
      f += x;
    else
      f = op == OP_RMAX ? (x > f ? x : f) : (x < f ? x : f);
  }
  if (mean) f /= v.u.list.len;
  return v_float(f);
}

static bool list_of_numbers(Value v) {
  if (v.kind != V_LIST || v.u.list.len == 0) return false;
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (!v_is_number(v.u.list.data[i])) return false;
  return true;
}

static bool some_elements(Elab *e, const Shape *s, uint32_t mask, const BuiltinCall *c) {
  for (uint32_t i = 0; i < s->rank; i++)
    if ((mask >> i & 1) && dim_is(s->d[i], 0)) {
      diag_label(err(e, DIAG_E0203, c->spans[0], "`%s` of no elements", c->fn->name),
                 "axis %u of %s has size 0", i, shape_text(e, s));
      return false;
    }
  return true;
}

static bool no_mask(Elab *e, const BuiltinCall *c, NodeId n, bool only_real) {
  DType t = node_of(e, n)->dtype;
  if (t != DT_MASK && (!only_real || dtype_is_real(t))) return true;
  Diag *g = err(e, DIAG_E0204, c->spans[0], "`%s` does not exist for %s", c->fn->name, dtype_name(t));
  diag_label(g, "this is %s", tensor_text(e, n));
  diag_note(g, "convert with `cast(x, %s)`", only_real ? "real" : "i32");
  return false;
}

Value reduce_call(Elab *e, const BuiltinCall *c, Op op, bool mean) {
  uint32_t at = op == OP_SUM ? 1 : 2;
  if (list_of_numbers(c->v[0])) return reduce_static(e, c, op, mean);
  NodeId n = arg_node(e, c, 0);
  if (n == NO_NODE) return v_poison();
  Shape s = node_of(e, n)->shape, kept = {0};
  DType t = node_of(e, n)->dtype;
  uint32_t mask;
  bool keepdim;
  if (!reduced_axes(e, c, at, s.rank, &mask, &keepdim)) return v_poison();
  if (!no_mask(e, c, n, mean)) return v_poison();
  if ((op != OP_SUM || mean) && !some_elements(e, &s, mask, c)) return v_poison();
  Builder *b = &e->fn->b;
  NodeId r = mask || op == OP_SUM ? b_reduce(b, op, n, mask) : n;
  if (mean) r = b_ew2(b, OP_DIV, r, count_node(e, &s, mask, t));
  if (keepdim) {
    for (uint32_t i = 0; i < s.rank; i++) kept.d[kept.rank++] = mask >> i & 1 ? dim_of(1) : s.d[i];
    r = b_reshape(b, r, kept);
  }
  return v_tensor(e, r);
}

static Value bi_sum(Elab *e, const BuiltinCall *c) { return reduce_call(e, c, OP_SUM, c->fn->data != 0); }

// The elements a .. b of an axis, and where the axis ends before b, ones.
static NodeId with_ones(Elab *e, NodeId n, uint32_t axis, Dim from, Dim to) {
  Shape s = node_of(e, n)->shape;
  DType t = node_of(e, n)->dtype;
  Dim lo[MAX_RANK], hi[MAX_RANK];
  int64_t interior[MAX_RANK] = {0};
  for (uint32_t i = 0; i < s.rank; i++) lo[i] = hi[i] = dim_of(0);
  bool ok = dim_sub(dim_of(0), from, &lo[axis]) && dim_sub(to, s.d[axis], &hi[axis]);
  assert(ok); // both lie within MAX_ELEMENTS
  (void)ok;
  Scalar one = dtype_is_real(t) ? (Scalar){.f = 1} : (Scalar){.i = 1};
  return b_pad(&e->fn->b, n, lo, hi, interior, one);
}

// Half by half: the derivative of each product is right where elements are 0, and there are log n of them. A
// dynamic axis is filled up with ones to its bound. Leaves an axis of size 1.
static NodeId prod_axis(Elab *e, NodeId n, uint32_t axis) {
  const Graph *g = e->fn->b.g;
  Dim d = node_of(e, n)->shape.d[axis];
  int64_t size = dim_at(d, g->symbol ? g->bound : 1), low = dim_at(d, 1);
  if (low > size) size = low;
  if (size == 0) size = 1;
  if (!dim_is(d, size)) n = with_ones(e, n, axis, dim_of(0), dim_of(size));
  while (size > 1) {
    int64_t half = (size + 1) / 2;
    NodeId a = slice_axis(e, n, axis, dim_of(0), dim_of(half)).u.node;
    NodeId b = with_ones(e, n, axis, dim_of(half), dim_of(2 * half));
    n = b_ew2(&e->fn->b, OP_MUL, a, b);
    size = half;
  }
  return n;
}

static Value bi_prod(Elab *e, const BuiltinCall *c) {
  if (c->v[0].kind == V_LIST && c->v[0].u.list.len == 0) return v_int(1);
  if (c->v[0].kind == V_LIST && v_list_of_ints(c->v[0])) {
    Expr x = {.span = c->span};
    Value r = v_int(1);
    for (uint32_t i = 0; i < c->v[0].u.list.len; i++) r = binary(e, BIN_MUL, r, c->v[0].u.list.data[i], &x);
    return r;
  }
  NodeId n = arg_node(e, c, 0);
  if (n == NO_NODE) return v_poison();
  Shape s = node_of(e, n)->shape, kept = {0};
  uint32_t mask;
  bool keepdim;
  if (!reduced_axes(e, c, 1, s.rank, &mask, &keepdim) || !no_mask(e, c, n, false)) return v_poison();
  for (uint32_t i = 0; i < s.rank; i++) {
    bool gone = mask >> i & 1;
    if (gone) n = prod_axis(e, n, i);
    if (!gone || keepdim) kept.d[kept.rank++] = gone ? dim_of(1) : s.d[i];
  }
  return v_tensor(e, b_reshape(&e->fn->b, n, kept));
}

static Value bi_arg(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  uint32_t axis;
  if (n == NO_NODE || !arg_axis(e, c, 1, -1, node_of(e, n)->shape.rank, &axis)) return v_poison();
  Shape s = node_of(e, n)->shape;
  if (node_of(e, n)->dtype == DT_MASK) {
    diag_label(err(e, DIAG_E0204, c->spans[0], "`%s` does not exist for masks", c->fn->name), "this is %s",
               tensor_text(e, n));
    return v_poison();
  }
  if (!some_elements(e, &s, 1u << axis, c)) return v_poison();
  return v_tensor(e, b_arg(&e->fn->b, (Op)c->fn->data, n, axis));
}

// ---- shapes

static Value reshape_to(Elab *e, NodeId n, const Shape *s, Span at) {
  const Shape *old = &node_of(e, n)->shape;
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
  Shape old = node_of(e, n)->shape;
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
  uint32_t rank = node_of(e, n)->shape.rank;
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
  uint32_t rank = node_of(e, n)->shape.rank;
  if (!arg_axis(e, c, 1, 0, rank, &i) || !arg_axis(e, c, 2, 0, rank, &k)) return v_poison();
  uint8_t perm[MAX_RANK];
  for (uint32_t a = 0; a < MAX_RANK; a++) perm[a] = (uint8_t)(a == i ? k : a == k ? i : a);
  return v_tensor(e, b_transpose(&e->fn->b, n, perm));
}

static NodeId *list_nodes(Elab *e, const BuiltinCall *c, uint32_t *n) {
  Value v = c->v[0];
  if ((v.kind != V_LIST && v.kind != V_TUPLE) || v.u.list.len == 0) {
    diag_label(err(e, DIAG_E0202, c->spans[0], "`%s` wants a list of tensors", c->fn->name), "this is %s",
               v_describe(e, v));
    return NULL;
  }
  *n = v.u.list.len;
  NodeId *out = ARENA_ARRAY(e->a, *n, NodeId);
  return unify(e, v.u.list.data, out, *n, false, c->spans[0], c->fn->name) ? out : NULL;
}

static Value concat_nodes(Elab *e, const NodeId *in, uint32_t n, uint32_t axis, Span at) {
  const Shape *first = &node_of(e, in[0])->shape;
  Shape all = *first;
  for (uint32_t i = 1; i < n; i++) {
    const Shape *s = &node_of(e, in[i])->shape;
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
  if (!in || !arg_axis(e, c, 1, 0, node_of(e, in[0])->shape.rank, &axis)) return v_poison();
  return concat_nodes(e, in, n, axis, c->span);
}

static NodeId insert_axis(Elab *e, NodeId n, uint32_t axis) {
  Shape s = node_of(e, n)->shape, t = {0};
  for (uint32_t i = 0; i <= s.rank; i++) {
    if (i == axis) t.d[t.rank++] = dim_of(1);
    if (i < s.rank) t.d[t.rank++] = s.d[i];
  }
  return b_reshape(&e->fn->b, n, t);
}

static bool room_for_axis(Elab *e, NodeId n, Span at) {
  if (node_of(e, n)->shape.rank < MAX_RANK) return true;
  diag_label(err(e, DIAG_E0203, at, "a tensor has at most %d axes", MAX_RANK), "this has them");
  return false;
}

static Value bi_stack(Elab *e, const BuiltinCall *c) {
  uint32_t n = 0, axis;
  int64_t a;
  NodeId *in = list_nodes(e, c, &n);
  if (!in || !arg_int(e, c, 1, 0, &a)) return v_poison();
  if (!room_for_axis(e, in[0], c->spans[0])) return v_poison();
  if (!check_axis(e, a, node_of(e, in[0])->shape.rank, 1, c->spans[1], &axis)) return v_poison();
  for (uint32_t i = 0; i < n; i++)
    if (!shape_eq(&node_of(e, in[i])->shape, &node_of(e, in[0])->shape))
      return concat_nodes(e, in, n, MAX_RANK - 1, c->span);
  for (uint32_t i = 0; i < n; i++) in[i] = insert_axis(e, in[i], axis);
  return concat_nodes(e, in, n, axis, c->span);
}

static Value bi_expand(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  int64_t a;
  uint32_t axis;
  if (n == NO_NODE || !arg_int(e, c, 1, 0, &a) || !room_for_axis(e, n, c->span)) return v_poison();
  if (!check_axis(e, a, node_of(e, n)->shape.rank, 1, c->spans[1], &axis)) return v_poison();
  return v_tensor(e, insert_axis(e, n, axis));
}

static Value bi_squeeze(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0);
  uint32_t mask;
  if (n == NO_NODE || !arg_axes(e, c, 1, node_of(e, n)->shape.rank, &mask)) return v_poison();
  Shape s = node_of(e, n)->shape, t = {0};
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
  Shape s = node_of(e, n)->shape, rest = {0}, t = {.rank = 2};
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
  if (n == NO_NODE || !arg_axes(e, c, 1, node_of(e, n)->shape.rank, &mask)) return v_poison();
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
  Shape s = node_of(e, n)->shape, out = s;
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
  if (n == NO_NODE || !arg_int(e, c, 1, 1, &k) || !arg_axis(e, c, 2, -1, node_of(e, n)->shape.rank, &axis))
    return v_poison();
  Dim size = node_of(e, n)->shape.d[axis], part;
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
  Dim from, to;
  if (n == NO_NODE || !arg_axis(e, c, 1, 0, node_of(e, n)->shape.rank, &axis)) return v_poison();
  Dim size = node_of(e, n)->shape.d[axis];
  bool ok = v_as_dim(c->v[2], &from) && v_as_dim(c->v[3], &to);
  int64_t b = e->fn->b.g->symbol ? e->fn->b.g->bound : 1;
  for (int64_t k = 1; ok && k <= b; k = k == b ? b + 1 : b)
    ok = dim_at(from, k) >= 0 && dim_at(from, k) <= dim_at(to, k) && dim_at(to, k) <= dim_at(size, k);
  if (!ok) {
    diag_label(err(e, DIAG_E0210, c->span, "the slice is outside"), "the axis has %s", dim_text(e, size));
    return v_poison();
  }
  return slice_axis(e, n, axis, from, to);
}

// along(b, y, axis): b reshaped so that its axes stand on `axis` of y's rank
static Value bi_along(Elab *e, const BuiltinCall *c) {
  NodeId n = arg_node(e, c, 0), y = arg_node(e, c, 1);
  if (n == NO_NODE || y == NO_NODE) return v_poison();
  Shape ys = node_of(e, y)->shape, s = node_of(e, n)->shape, t = {.rank = ys.rank};
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
  const Shape *xs = &node_of(e, x)->shape, *is = &node_of(e, i)->shape;
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
  if (!arg_axis(e, c, 2, 0, node_of(e, x)->shape.rank, &axis)) return v_poison();
  if (!gather_shape(e, x, i, axis, &s, c->span)) return v_poison();
  if (!known_inside(e, i, node_of(e, x)->shape.d[axis], c->spans[1])) return v_poison();
  return v_tensor(e, b_gather(&e->fn->b, x, i, axis, 0));
}

static Value bi_scatter_add(Elab *e, const BuiltinCall *c) {
  NodeId x = arg_node(e, c, 0), i = to_node(e, c->v[1], DT_I32, c->spans[1]);
  uint32_t axis;
  Shape s;
  if (x == NO_NODE || i == NO_NODE || !is_index(e, i, c->spans[1], "scatter_add")) return v_poison();
  NodeId u = to_node(e, c->v[2], node_of(e, x)->dtype, c->spans[2]);
  if (u == NO_NODE || !arg_axis(e, c, 3, 0, node_of(e, x)->shape.rank, &axis)) return v_poison();
  if (!gather_shape(e, x, i, axis, &s, c->span)) return v_poison();
  if (!known_inside(e, i, node_of(e, x)->shape.d[axis], c->spans[1])) return v_poison();
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
  Shape xs = node_of(e, x)->shape, is = node_of(e, i)->shape, rows = xs;
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
    diag_label(err(e, DIAG_E0202, c->spans[0], "`iota` wants one size"), "%u here", s.rank);
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

static bool grad_targets(Elab *e, Value v, Span at, Values *out) {
  if (v.kind == V_INSTANCE) {
    StoreRefs refs;
    if (!list_stores(e, v, at, true, &refs, "`grad`")) return false;
    for (size_t i = 0; i < refs.len; i++) vec_push(e->a, out, v_tensor(e, store_read(e, refs.data[i], at)));
    return true;
  }
  if (v.kind == V_LIST || v.kind == V_TUPLE) {
    for (uint32_t i = 0; i < v.u.list.len; i++)
      if (!grad_targets(e, v.u.list.data[i], at, out)) return false;
    return true;
  }
  v = rvalue(e, v, at);
  if (v.kind == V_POISON) return false;
  if (v.kind != V_TENSOR || !dtype_is_real(node_of(e, v.u.node)->dtype)) {
    diag_label(err(e, DIAG_E0202, at, "a gradient is with respect to a real tensor"), "this is %s",
               v_describe(e, v));
    return false;
  }
  vec_push(e->a, out, v);
  return true;
}

static Value bi_grad(Elab *e, const BuiltinCall *c) {
  NodeId loss = to_real(e, c->v[0], c->spans[0]);
  Values t = {0};
  if (loss == NO_NODE || !grad_targets(e, c->v[1], c->spans[1], &t)) return v_poison();
  if (node_of(e, loss)->shape.rank) {
    diag_label(err(e, DIAG_E0203, c->spans[0], "`grad` is of a scalar"), "this is %s", tensor_text(e, loss));
    return v_poison();
  }
  Builder *b = &e->fn->b;
  NodeId *x = ARENA_ARRAY(e->a, t.len, NodeId);
  bool reached = t.len == 0;
  NodeId cut = NO_NODE;
  for (size_t i = 0; i < t.len; i++) {
    NodeId k;
    x[i] = t.data[i].u.node;
    bool r = graph_reaches(b->g, loss, x[i], &k);
    reached |= r;
    if (!r && k != NO_NODE) cut = k;
  }
  if (!reached && cut != NO_NODE) {
    Diag *g = err(e, DIAG_E0701, c->span, "`grad` reaches none of its targets");
    diag_note(g, "`%s` carries no gradient", op_name(node_of(e, cut)->op));
    return v_poison();
  }
  NodeId g = b_grad(b, loss, x, (uint32_t)t.len);
  for (size_t i = 0; i < t.len; i++) {
    const Node *n = node_of(e, x[i]);
    t.data[i] = v_tensor(e, b_proj(b, g, (uint32_t)i, n->dtype, n->shape));
  }
  if (c->v[1].kind == V_TENSOR || c->v[1].kind == V_STORE) return t.data[0];
  return v_list(e, c->v[1].kind == V_TUPLE ? V_TUPLE : V_LIST, t.data, (uint32_t)t.len);
}

// l1(m), l2(m): sum of abs, of squares, over the parameters below a layer, or of a tensor.
static Value bi_norms(Elab *e, const BuiltinCall *c) {
  Value v = c->v[0];
  StoreRefs refs;
  if (v.kind == V_TENSOR || v_is_number(v) || v.kind == V_DIM) {
    NodeId n = to_real(e, v, c->spans[0]);
    if (n == NO_NODE) return v_poison();
    Builder *b = &e->fn->b;
    n = c->fn->data == 1 ? b_ew1(b, OP_ABS, n) : b_ew2(b, OP_MUL, n, n);
    return v_tensor(e, b_reduce(b, OP_SUM, n, (1u << node_of(e, n)->shape.rank) - 1));
  }
  if (!list_stores(e, v, c->spans[0], true, &refs, c->fn->name)) return v_poison();
  Value sum = v_float(0);
  for (size_t i = 0; i < refs.len && sum.kind != V_POISON; i++) {
    BuiltinCall one = *c;
    Value x = v_tensor(e, store_read(e, refs.data[i], c->spans[0]));
    if (x.kind == V_POISON) return x;
    one.v = &x;
    x = bi_norms(e, &one);
    sum = i ? ew_binary(e, OP_ADD, sum, x, c->span, "+") : x;
  }
  return sum;
}

static const Builtin table[] = {
    {"l1", "x", bi_norms, 1},
    {"l2", "x", bi_norms, 2},
    {"sum", "x =axis =keep =keepdim", bi_sum, 0},
    {"mean", "x =axis =keep =keepdim", bi_sum, 1},
    {"prod", "x =axis =keep =keepdim", bi_prod, 0},
    {"argmax", "x =axis", bi_arg, OP_ARGMAX},
    {"argmin", "x =axis", bi_arg, OP_ARGMIN},
    {"reshape", "x shape", bi_reshape, 0},
    {"broadcast", "x shape", bi_broadcast, 0},
    {"transpose", "x ?perm", bi_transpose, 0},
    {"swap", "x a b", bi_swap, 0},
    {"concat", "list ?axis", bi_concat, 0},
    {"stack", "list ?axis", bi_stack, 0},
    {"split", "x n ?axis", bi_split, 0},
    {"slice_axis", "x axis from to", bi_slice_axis, 0},
    {"expand", "x axis", bi_expand, 0},
    {"squeeze", "x axis", bi_squeeze, 0},
    {"flatten", "x", bi_flatten, 0},
    {"reverse", "x axis", bi_reverse, 0},
    {"pad", "x pads ?value", bi_pad, 0},
    {"along", "b y axis", bi_along, 0},
    {"gather", "x i ?axis", bi_gather, 0},
    {"scatter_add", "x i u ?axis", bi_scatter_add, 0},
    {"pick", "x i", bi_pick, 0},
    {"conv", "x W ?stride ?pad ?dilation ?lhs_dilation ?groups", bi_conv, 0},
    {"box", "x window ?stride ?pad", bi_window, OP_BOX},
    {"max_window", "x window ?stride ?pad", bi_window, OP_ARGWINDOW},
    {"take_along", "x i", bi_take_along, 0},
    {"cumsum", "x axis", bi_rows, OP_CUMSUM},
    {"argsort", "x ?axis", bi_rows, OP_ARGSORT},
    {"cholesky", "A", bi_cholesky, 0},
    {"triangular_solve", "L B ?lower", bi_triangular_solve, 0},
    {"iota", "n", bi_iota, 0},
    {"zeros", "?shape", bi_fill, 0},
    {"ones", "?shape", bi_fill, 1},
    {"rand", "shape", bi_rand, OP_RAND},
    {"randn", "shape", bi_rand, OP_RANDN},
    {"stop_grad", "x", bi_stop_grad, 0},
    {"grad", "e x", bi_grad, 0},
};

const Builtin *tensor_builtins(uint32_t *n) {
  *n = sizeof table / sizeof *table;
  return table;
}
