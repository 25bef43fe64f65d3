// conv and the windows of pooling: their settings per spatial axis, what does not fit in words, the nodes.
#include "frontend/builtins.h"

#include "ir/base/checked.h"
#include "ir/shape_rules.h"

#include <string.h>

enum { X, W, STRIDE, PAD, DILATION, LHS_DILATION, GROUPS };

// The value of one axis: the int itself, or its entry of the list.
static bool axis_value(Elab *e, const BuiltinCall *c, uint32_t i, uint32_t axis, uint32_t n, const char *what,
                       Value *out) {
  Value v = c->v[i];
  *out = v;
  if (v.kind != V_LIST) return true;
  if (v.u.list.len == n || v.u.list.len == 1) return *out = v.u.list.data[v.u.list.len == 1 ? 0 : axis], true;
  Diag *g =
      err(e, DIAG_E0203, c->spans[i], "%s of `%s` has one value for each spatial axis", what, c->fn->name);
  diag_label(g, "%u for %u %s", v.u.list.len, n, n == 1 ? "axis" : "axes");
  if (i == PAD && v.u.list.len == 2 * n)
    diag_note(g, "the two ends of an axis are a list of their own: `[[lo, hi]%s]`", n == 1 ? "" : ", …");
  return false;
}

static bool axis_int(Elab *e, const BuiltinCall *c, uint32_t i, Value v, int64_t least, const char *what,
                     int64_t *out) {
  const int64_t most = INT32_MAX;
  if (v.kind == V_INT && v.u.i >= least && v.u.i <= most) return *out = v.u.i, true;
  if (v.kind == V_INT) {
    Diag *d = err(e, DIAG_E0215, c->spans[i], "%s of `%s` is %s %lld", what, c->fn->name,
                  v.u.i < least ? "at least" : "at most", (long long)(v.u.i < least ? least : most));
    diag_label(d, "this is %lld", (long long)v.u.i);
  } else {
    diag_label(err(e, DIAG_E0202, c->spans[i], "%s of `%s` is a static int, or a list of one for each axis",
                   what, c->fn->name),
               "this is %s", v_describe(e, v));
  }
  return false;
}

static bool axis_steps(Elab *e, const BuiltinCall *c, uint32_t i, uint32_t n, const char *what,
                       int64_t *out) {
  for (uint32_t a = 0; a < n; a++) {
    Value v;
    out[a] = 1;
    if (c->v[i].kind == V_ABSENT) continue;
    if (!axis_value(e, c, i, a, n, what, &v) || !axis_int(e, c, i, v, 1, what, &out[a])) return false;
  }
  return true;
}

// An entry is an int for both ends, or [lo, hi].
static bool axis_pads(Elab *e, const BuiltinCall *c, uint32_t at, uint32_t n, int64_t *lo, int64_t *hi) {
  for (uint32_t a = 0; a < n; a++) {
    Value v, end[2];
    lo[a] = hi[a] = 0;
    if (c->v[at].kind == V_ABSENT) continue;
    if (!axis_value(e, c, at, a, n, "the padding", &v)) return false;
    end[0] = end[1] = v;
    if (v.kind == V_LIST && v.u.list.len == 2) end[0] = v.u.list.data[0], end[1] = v.u.list.data[1];
    if (!axis_int(e, c, at, end[0], 0, "the padding", &lo[a]) ||
        !axis_int(e, c, at, end[1], 0, "the padding", &hi[a]))
      return false;
  }
  return true;
}

static void both_shapes(Elab *e, Diag *d, const Shape *x, const Shape *w) {
  diag_label(d, "%s by a kernel %s", shape_text(e, x), shape_text(e, w));
}

static bool ranks_fit(Elab *e, const BuiltinCall *c, const Shape *x, const Shape *w) {
  if (x->rank == w->rank && x->rank >= 3 && x->rank <= 2 + MAX_SPATIAL) return true;
  Diag *d = err(e, DIAG_E0203, c->span, "shapes do not fit in `conv`");
  both_shapes(e, d, x, w);
  diag_note(d, "x is [B, c, ...] and W [out, c / groups, k...], with as many spatial axes, 1 to %d",
            MAX_SPATIAL);
  return false;
}

static bool channels_fit(Elab *e, const BuiltinCall *c, const Shape *x, const Shape *w, int64_t groups) {
  Dim part, outs, want;
  const char *of = !dim_div(x->d[1], dim_of(groups), &part)   ? "channels of the input"
                   : !dim_div(w->d[0], dim_of(groups), &outs) ? "output channels"
                                                              : NULL;
  if (of) {
    Dim channels = of[0] == 'c' ? x->d[1] : w->d[0];
    Diag *d = err(e, DIAG_E0215, c->span, "%lld groups do not divide the %s", (long long)groups, of);
    both_shapes(e, d, x, w);
    diag_note(d, "%s in %lld groups", dim_text(e, channels), (long long)groups);
    return false;
  }
  if (dim_mul(w->d[1], dim_of(groups), &want) && dim_eq(want, x->d[1])) return true;
  Diag *d = err(e, DIAG_E0203, c->span, "the channels differ in `conv`");
  both_shapes(e, d, x, w);
  diag_note(d, "axis 1 of x is %s; the kernel wants %s%s", dim_text(e, x->d[1]), dim_text(e, w->d[1]),
            groups > 1 ? arena_printf(e->a, " for each of %lld groups", (long long)groups) : "");
  return false;
}

// The output's size along an axis; says what is wrong.
static bool output_size(Elab *e, const BuiltinCall *c, const Shape *x, const Shape *w, const ConvAttr *attr,
                        uint32_t axis, Dim *out) {
  const char *why = conv_size(e->fn->b.g, x->d[axis + 2], w->d[axis + 2], attr, axis, out);
  if (!why) return true;
  Diag *d = err(e, DIAG_E0215, c->span, "%s", why);
  both_shapes(e, d, x, w);
  diag_note(d, "axis %u: %s elements, padded by %lld and %lld; the kernel has %s%s", axis + 2,
            dim_text(e, x->d[axis + 2]), (long long)attr->lo[axis], (long long)attr->hi[axis],
            dim_text(e, w->d[axis + 2]),
            attr->rhs_dilation[axis] > 1
                ? arena_printf(e->a, ", %lld apart", (long long)attr->rhs_dilation[axis])
                : "");
  return false;
}

static Value bi_conv(Elab *e, const BuiltinCall *c) {
  NodeId pair[2];
  ConvAttr attr = {0};
  if (!unify(e, c->v, pair, 2, false, c->span, c->fn->name)) return v_poison();
  Shape x = *node_of(e, pair[X])->shape, w = *node_of(e, pair[W])->shape, out = x;
  if (node_of(e, pair[X])->dtype == DT_MASK) {
    diag_label(err(e, DIAG_E0204, c->span, "`conv` does not exist for masks"),
               "convert with `cast(x, real)`");
    return v_poison();
  }
  if (!ranks_fit(e, c, &x, &w)) return v_poison();
  uint32_t n = x.rank - 2;
  Value groups = c->v[GROUPS].kind == V_ABSENT ? v_int(1) : c->v[GROUPS];
  if (!axis_steps(e, c, STRIDE, n, "the stride", attr.stride) || !axis_pads(e, c, PAD, n, attr.lo, attr.hi) ||
      !axis_steps(e, c, DILATION, n, "the dilation", attr.rhs_dilation) ||
      !axis_steps(e, c, LHS_DILATION, n, "the dilation", attr.lhs_dilation) ||
      !axis_int(e, c, GROUPS, groups, 1, "the number of groups", &attr.groups) ||
      !channels_fit(e, c, &x, &w, attr.groups))
    return v_poison();
  out.d[1] = w.d[0];
  for (uint32_t a = 0; a < n; a++)
    if (!output_size(e, c, &x, &w, &attr, a, &out.d[a + 2])) return v_poison();
  if (!check_elements(e, &out, c->span)) return v_poison();
  return v_tensor(e, b_conv(&e->fn->b, pair[X], pair[W], &attr));
}

// ---- windows

enum { WINDOW = 1, WINDOW_STRIDE, WINDOW_PAD };

// The windows of the axes behind the first two: [B, c, ...].
static bool window_attr(Elab *e, const BuiltinCall *c, const Shape *x, WindowAttr *w, Shape *out) {
  if (x->rank < 3) {
    Diag *d = err(e, DIAG_E0203, c->spans[0], "`%s` wants [B, c, ...]", c->fn->name);
    diag_label(d, "this has shape %s", shape_text(e, x));
    return false;
  }
  uint32_t n = x->rank - 2;
  for (uint32_t i = 0; i < 2; i++) w->window[i] = w->stride[i] = 1;
  if (!axis_steps(e, c, WINDOW, n, "the window", w->window + 2)) return false;
  memcpy(w->stride + 2, w->window + 2, n * sizeof *w->window);
  if (c->v[WINDOW_STRIDE].kind != V_ABSENT &&
      !axis_steps(e, c, WINDOW_STRIDE, n, "the stride", w->stride + 2))
    return false;
  if (!axis_pads(e, c, WINDOW_PAD, n, w->lo + 2, w->hi + 2)) return false;
  *out = *x;
  for (uint32_t i = 2; i < x->rank; i++) {
    const char *why = window_count(e->fn->b.g, x->d[i], w, i, &out->d[i]);
    if (!why) continue;
    Diag *d = err(e, DIAG_E0215, c->span, "%s", why);
    diag_label(d, "windows of %s", shape_text(e, x));
    diag_note(d, "axis %u: %s elements, padded by %lld and %lld; the window has %lld", i,
              dim_text(e, x->d[i]), (long long)w->lo[i], (long long)w->hi[i], (long long)w->window[i]);
    return false;
  }
  return true;
}

// ---- maxima of windows

enum { MAX_WRITTEN_OUT = 64 }; // elements of a window whose search is written out in the emitted code

// x at the first maximum of each window.
static NodeId first_maximum(Builder *b, NodeId x, const WindowAttr *w) {
  NodeId index = b_window(b, OP_ARGWINDOW, &x, 1, w);
  return b_window(b, OP_SAMPLE, (NodeId[]){x, index}, 2, w);
}

// i32[windows, window]: which element of the axis each one of a window is. Those of the margins are the
// nearest inside: another first or last element, so that the first maximum stays the same one.
static NodeId window_elements(Elab *e, Dim size, Dim windows, const WindowAttr *w, uint32_t axis) {
  Builder *b = &e->fn->b;
  Shape s = {.rank = 2, .d = {windows, dim_of(w->window[axis])}};
  NodeId stride = b_scalar(b, DT_I32, (double)w->stride[axis]);
  NodeId first = b_ew2(b, OP_MUL, b_iota(b, DT_I32, s, 0), stride);
  NodeId i = b_ew2(b, OP_ADD, first, b_iota(b, DT_I32, s, 1));
  i = b_ew2(b, OP_SUB, i, b_scalar(b, DT_I32, (double)w->lo[axis]));
  NodeId last = b_ew2(b, OP_SUB, dim_node(e, size, DT_I32), b_scalar(b, DT_I32, 1));
  return b_ew2(b, OP_MIN, b_ew2(b, OP_MAX, i, b_scalar(b, DT_I32, 0)), last);
}

// Windows too long to be written out, along one axis: their elements side by side, and the first maximum of
// each.
static NodeId maximum_of_gathered(Elab *e, NodeId x, const WindowAttr *w, uint32_t axis, Dim windows,
                                  Span at) {
  Builder *b = &e->fn->b;
  Shape s = *node_of(e, x)->shape, all = s;
  int64_t bound = b->g->symbol ? b->g->bound : 1, reach;
  all.d[axis] = windows;
  if (s.rank == MAX_RANK || !checked_add(dim_at(s.d[axis], bound), w->window[axis], &reach) ||
      reach > INT32_MAX) {
    Diag *d =
        err(e, DIAG_E0215, at, "this window has more than %d elements along axis %u", MAX_WRITTEN_OUT, axis);
    diag_label(d, "of %s", shape_text(e, &s));
    diag_note(d, "such windows are for tensors of less than %d axes, of less than 2^31 elements each",
              MAX_RANK);
    return NO_NODE;
  }
  all.d[all.rank++] = dim_of(w->window[axis]);
  if (!check_elements(e, &all, at)) return NO_NODE;
  NodeId rows = b_gather(b, x, window_elements(e, s.d[axis], windows, w, axis), axis, 0);
  uint8_t perm[MAX_RANK] = {0}; // the elements of a window last
  for (uint32_t i = 0; i < s.rank; i++) perm[i] = (uint8_t)(i + (i > axis));
  perm[s.rank] = (uint8_t)(axis + 1);
  rows = b_transpose(b, rows, perm);
  return b_gather(b, rows, b_arg(b, OP_ARGMAX, rows, s.rank), s.rank, s.rank);
}

// A window of many elements, axis by axis from the last: the first row with the maximum, and in it the first.
static NodeId maximum_by_axes(Elab *e, NodeId x, const WindowAttr *w, const Shape *out, Span at) {
  uint32_t rank = out->rank;
  for (uint32_t axis = rank; axis-- > 2 && x != NO_NODE;) {
    WindowAttr one = {.lo = {0}};
    for (uint32_t i = 0; i < rank; i++) one.window[i] = one.stride[i] = 1;
    one.window[axis] = w->window[axis], one.stride[axis] = w->stride[axis];
    one.lo[axis] = w->lo[axis], one.hi[axis] = w->hi[axis];
    x = w->window[axis] <= MAX_WRITTEN_OUT ? first_maximum(&e->fn->b, x, &one)
                                           : maximum_of_gathered(e, x, &one, axis, out->d[axis], at);
  }
  return x;
}

static bool written_out(const WindowAttr *w, uint32_t rank) {
  int64_t count = 1;
  for (uint32_t i = 2; i < rank; i++)
    if (w->window[i] > MAX_WRITTEN_OUT || (count *= w->window[i]) > MAX_WRITTEN_OUT) return false;
  return true;
}

// box(x, window, stride, pad): sums; max_window: maxima, the first one takes the gradient.
static Value bi_window(Elab *e, const BuiltinCall *c) {
  NodeId x = arg_node(e, c, 0);
  WindowAttr w = {.lo = {0}};
  Shape out;
  if (x == NO_NODE) return v_poison();
  Shape s = *node_of(e, x)->shape;
  if (node_of(e, x)->dtype == DT_MASK) {
    Diag *d = err(e, DIAG_E0204, c->spans[0], "`%s` does not exist for masks", c->fn->name);
    diag_label(d, "convert with `cast(x, real)`");
    return v_poison();
  }
  if (!window_attr(e, c, &s, &w, &out) || !check_elements(e, &out, c->span)) return v_poison();
  Builder *b = &e->fn->b;
  if (c->fn->data == OP_BOX)
    x = b_window(b, OP_BOX, &x, 1, &w);
  else if (written_out(&w, s.rank))
    x = first_maximum(b, x, &w);
  else
    x = maximum_by_axes(e, x, &w, &out, c->span);
  return x == NO_NODE ? v_poison() : v_tensor(e, x);
}

static const Builtin table[] = {
    {"conv", "x W ?stride ?pad ?dilation ?lhs_dilation ?groups", bi_conv, 0},
    {"box", "x window ?stride ?pad", bi_window, OP_BOX},
    {"max_window", "x window ?stride ?pad", bi_window, OP_ARGWINDOW},
};

const Builtin *conv_builtins(uint32_t *n) {
  *n = sizeof table / sizeof *table;
  return table;
}
