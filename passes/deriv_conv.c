// Derivatives of CONV, by itself. With the position p = i stride + j rhs_dilation - lo = q lhs_dilation that
// links output i, kernel element j and input q:
//   dx reads dy at i stride = q lhs_dilation + lo - j rhs_dilation: a correlation of dy (dilated by stride,
//   stepping by
//     lhs_dilation) with the kernel reversed and its channels exchanged inside each group;
//   dW reads x at q lhs_dilation = j rhs_dilation + i stride - lo: a correlation of x with dy as its kernel
//   (dilated by
//     stride, stepping by rhs_dilation), where batch and channels change places.
// The low margin follows from the formulas, the high one from the size the result must have.
#include "passes/autodiff.h"

#include <assert.h>
#include <string.h>

static Dim times(Dim d, int64_t k) {
  Dim r = {0};
  bool ok = dim_mul(d, dim_of(k), &r);
  assert(ok && "sizes of a checked graph multiply"), (void)ok;
  return r;
}

// (d - 1) * k
static Dim reach(Dim d, int64_t k) { return times((Dim){d.a, d.b - 1}, k); }

// The margin with which a correlation of x, dilated by `by`, and a kernel k has `out` windows, not one more.
static Dim high_margin(Dim x, int64_t by, Dim k, int64_t spread, Dim out, int64_t stride, Dim lo) {
  Dim windows = reach(out, stride), kernel = reach(k, spread), input = reach(x, by);
  return (Dim){windows.a + kernel.a - input.a - lo.a, windows.b + kernel.b - input.b - lo.b};
}

// Exchanges the axes a and a + 1 of [.., n, m, ..].
static NodeId exchange(Walk *w, NodeId x, uint32_t a) {
  uint8_t perm[MAX_RANK];
  uint32_t rank = walk_node(w, x)->shape->rank;
  for (uint8_t i = 0; i < rank; i++) perm[i] = i;
  perm[a] = (uint8_t)(a + 1);
  perm[a + 1] = (uint8_t)a;
  return b_transpose(&w->b, x, perm);
}

// x with its first axes, `have` of them, replaced by these `n` sizes.
static NodeId lead(Walk *w, NodeId x, uint32_t have, const Dim *sizes, uint32_t n) {
  Shape s = *walk_node(w, x)->shape, t = {.rank = s.rank - have + n};
  memcpy(t.d, sizes, n * sizeof *sizes);
  memcpy(t.d + n, s.d + have, (s.rank - have) * sizeof *s.d);
  return b_reshape(&w->b, x, t);
}

// W: [G o, c, k..] as [G c, o, k..], its spatial axes reversed.
static NodeId turned_kernel(Walk *w, NodeId kernel, int64_t groups) {
  Shape s = *walk_node(w, kernel)->shape;
  if (groups > 1) {
    Dim outs = {s.d[0].a / groups, s.d[0].b / groups};
    kernel = exchange(w, lead(w, kernel, 1, (Dim[]){dim_of(groups), outs}, 2), 1);
    kernel = lead(w, kernel, 3, (Dim[]){times(s.d[1], groups), outs}, 2);
  } else {
    kernel = exchange(w, kernel, 0);
  }
  uint32_t axes = 0;
  for (uint32_t i = 2; i < s.rank; i++)
    if (!dim_is(s.d[i], 1)) axes |= 1u << i;
  return axes ? b_reverse(&w->b, kernel, axes) : kernel;
}

// Margins of dy that depend on N, as a kernel's size may, don't fit into the attribute: dy is padded.
typedef struct Margins {
  Dim lo[MAX_RANK], hi[MAX_RANK];
  int64_t interior[MAX_RANK];
  bool any;
} Margins;

static void margin(Margins *m, ConvAttr *r, uint32_t i, Dim lo, Dim hi) {
  if (dim_static(lo) && dim_static(hi)) {
    r->lo[i] = lo.b;
    r->hi[i] = hi.b;
    return;
  }
  m->lo[i + 2] = lo;
  m->hi[i + 2] = hi;
  m->interior[i + 2] = r->lhs_dilation[i] - 1;
  m->any = true;
  r->lhs_dilation[i] = 1;
}

static NodeId by_input(Walk *w, const Node *n, NodeId dy) {
  const ConvAttr *c = n->attr.conv;
  Shape x = *walk_node(w, n->in[0])->shape, k = *walk_node(w, n->in[1])->shape;
  ConvAttr r = {.groups = c->groups};
  Margins m = {.any = false};
  for (uint32_t i = 0; i + 2 < x.rank; i++) {
    r.stride[i] = c->lhs_dilation[i];
    r.lhs_dilation[i] = c->stride[i];
    r.rhs_dilation[i] = c->rhs_dilation[i];
    Dim lo = reach(k.d[i + 2], c->rhs_dilation[i]);
    lo.b -= c->lo[i];
    margin(&m, &r, i, lo,
           high_margin(n->shape->d[i + 2], r.lhs_dilation[i], k.d[i + 2], r.rhs_dilation[i], x.d[i + 2],
                       r.stride[i], lo));
  }
  if (m.any) dy = b_pad(&w->b, dy, m.lo, m.hi, m.interior, (Scalar){0});
  return b_conv(&w->b, dy, turned_kernel(w, n->in[1], c->groups), &r);
}

// x as [c, G B, s..]: the groups' channels stand where the batch was, the batch of each group in its
// channels.
static NodeId channels_first(Walk *w, NodeId x, int64_t groups) {
  Shape s = *walk_node(w, x)->shape;
  if (groups == 1) return exchange(w, x, 0);
  Dim channels = {s.d[1].a / groups, s.d[1].b / groups};
  x = exchange(w, lead(w, x, 2, (Dim[]){s.d[0], dim_of(groups), channels}, 3), 1); // [B, c, G, ..]
  x = exchange(w, exchange(w, x, 0), 1);                                           // [c, G, B, ..]
  return lead(w, x, 3, (Dim[]){channels, times(s.d[0], groups)}, 2);
}

static NodeId by_kernel(Walk *w, const Node *n, NodeId dy) {
  const ConvAttr *c = n->attr.conv;
  Shape x = *walk_node(w, n->in[0])->shape, k = *walk_node(w, n->in[1])->shape;
  ConvAttr r = {.groups = c->groups};
  for (uint32_t i = 0; i + 2 < x.rank; i++) {
    r.stride[i] = c->rhs_dilation[i];
    r.lhs_dilation[i] = c->lhs_dilation[i];
    r.rhs_dilation[i] = c->stride[i];
    r.lo[i] = c->lo[i];
    Dim hi = high_margin(x.d[i + 2], r.lhs_dilation[i], n->shape->d[i + 2], r.rhs_dilation[i], k.d[i + 2],
                         r.stride[i], dim_of(c->lo[i]));
    assert(dim_static(hi) && "sizes that depend on N cancel");
    r.hi[i] = hi.b;
  }
  NodeId turned = b_conv(&w->b, channels_first(w, n->in[0], c->groups), exchange(w, dy, 0), &r);
  return exchange(w, turned, 0);
}

NodeId d_conv(Walk *w, NodeId y, NodeId dy, uint32_t i) {
  Node n = *walk_node(w, y);
  dy = cot_exact(w, dy, *n.shape);
  return i == 0 ? by_input(w, &n, dy) : by_kernel(w, &n, dy);
}
