// Correlation by its definition in graph.h: every output element walks its window, every offset is computed
// anew.
#include "ir/eval_impl.h"

// The input index under output i and kernel element j of spatial axis s; -1: none.
static int64_t under(const ConvAttr *c, uint32_t s, int64_t i, int64_t j, int64_t size) {
  int64_t at = i * c->stride[s] + j * c->rhs_dilation[s] - c->lo[s];
  if (at < 0 || at % c->lhs_dilation[s] != 0 || at / c->lhs_dilation[s] >= size) return -1;
  return at / c->lhs_dilation[s];
}

// One output element; `out` walks the output, `w` the kernel of that output channel.
static Scalar correlate(const Eval *e, const Node *n, const Sizes *sx, const Sizes *sw, const Walk *out) {
  const ConvAttr *c = n->attr.conv;
  const Scalar *x = eval_value(e, n, 0), *w = eval_value(e, n, 1);
  int64_t group = out->index[1] / (sw->d[0] / c->groups), count = sw->stride[0];
  double f = 0;
  uint64_t whole = 0;
  Walk k = {.rank = sw->rank - 1};
  for (uint32_t a = 0; a < k.rank; a++) k.d[a] = sw->d[a + 1];
  for (int64_t j = 0; j < count; j++, walk_next(&k)) {
    int64_t at = out->index[0] * sx->stride[0] + (group * sw->d[1] + k.index[0]) * sx->stride[1];
    bool inside = true;
    for (uint32_t a = 2; a < sx->rank; a++) {
      int64_t i = under(c, a - 2, out->index[a], k.index[a - 1], sx->d[a]);
      inside = inside && i >= 0;
      at += i * sx->stride[a];
    }
    const Scalar *weight = &w[out->index[1] * sw->stride[0] + j];
    if (dtype_is_real(n->dtype))
      f += (inside ? x[at].f : 0) * weight->f; // 0 * inf is NaN outside too
    else if (inside)
      whole += (uint64_t)x[at].i * (uint64_t)weight->i;
  }
  return dtype_is_real(n->dtype) ? (Scalar){.f = f} : (Scalar){.i = dtype_wrap(n->dtype, (int64_t)whole)};
}

void eval_conv(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Sizes sx = eval_sizes(e, eval_in(e, n, 0)->shape), sw = eval_sizes(e, eval_in(e, n, 1)->shape);
  Sizes s = eval_sizes(e, n->shape);
  int64_t count = eval_count(e, n->shape);
  Walk w = {.rank = s.rank};
  for (uint32_t i = 0; i < s.rank; i++) w.d[i] = s.d[i];
  for (int64_t i = 0; i < count; i++, walk_next(&w)) {
    Scalar v = correlate(e, n, &sx, &sw, &w);
    out[i] = dtype_is_real(n->dtype) ? eval_real(e, n->dtype, v.f) : v;
  }
}
