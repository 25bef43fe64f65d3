// Reductions: over axes of a tensor, of static numbers, over the parameters of a layer.
#include "frontend/builtins.h"

#include <assert.h>

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
  Shape s = *node_of(e, n)->shape, kept = {0};
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
  Shape s = *node_of(e, n)->shape;
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
  Dim d = node_of(e, n)->shape->d[axis];
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
  Shape s = *node_of(e, n)->shape, kept = {0};
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
  if (n == NO_NODE || !arg_axis(e, c, 1, -1, node_of(e, n)->shape->rank, &axis)) return v_poison();
  Shape s = *node_of(e, n)->shape;
  if (node_of(e, n)->dtype == DT_MASK) {
    diag_label(err(e, DIAG_E0204, c->spans[0], "`%s` does not exist for masks", c->fn->name), "this is %s",
               tensor_text(e, n));
    return v_poison();
  }
  if (!some_elements(e, &s, 1u << axis, c)) return v_poison();
  return v_tensor(e, b_arg(&e->fn->b, (Op)c->fn->data, n, axis));
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
    return v_tensor(e, b_reduce(b, OP_SUM, n, (1u << node_of(e, n)->shape->rank) - 1));
  }
  if (!list_stores(e, v, c->spans[0], true, &refs, arena_printf(e->a, "`%s`", c->fn->name))) return v_poison();
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
    {"l1", "m", bi_norms, 1},
    {"l2", "m", bi_norms, 2},
    {"sum", "x =axis =keep =keepdim", bi_sum, 0},
    {"mean", "x =axis =keep =keepdim", bi_sum, 1},
    {"prod", "x =axis =keep =keepdim", bi_prod, 0},
    {"argmax", "x ?axis", bi_arg, OP_ARGMAX},
    {"argmin", "x ?axis", bi_arg, OP_ARGMIN},
};

const Builtin *reduce_builtins(uint32_t *n) {
  *n = sizeof table / sizeof *table;
  return table;
}
