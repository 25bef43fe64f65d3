// Every element of a contraction's result costs one for each element of the depth it sums over.
#include "codegen/macs.h"

static uint64_t depth_of(const Graph *g, const Node *n, int64_t size) {
  uint64_t depth = 1;
  if (n->op == OP_DOT) {
    const Shape *lhs = &graph_node(g, n->in[0])->shape;
    for (uint32_t i = 0; i < n->attr.dot.nc; i++) depth *= (uint64_t)dim_at(lhs->d[n->attr.dot.lc[i]], size);
    return depth;
  }
  const Shape *w = &graph_node(g, n->in[1])->shape; // [groups * o, c, k...]
  for (uint32_t i = 1; i < w->rank; i++) depth *= (uint64_t)dim_at(w->d[i], size);
  return depth;
}

uint64_t graph_macs(const Graph *g, int64_t n) {
  uint64_t macs = 0;
  for (NodeId v = 0; v < g->len; v++) {
    const Node *x = graph_node(g, v);
    if (x->op == OP_DOT || x->op == OP_CONV)
      macs += (uint64_t)shape_elements(&x->shape, n) * depth_of(g, x, n);
  }
  return macs;
}
