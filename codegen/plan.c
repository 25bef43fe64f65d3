// Facts about buffers.
#include "codegen/plan.h"

#include "codegen/lower.h"

#include <string.h>

bool buffer_same_memory(const Buffer *x, const Buffer *y) {
  if (x->kind != y->kind) return false;
  if (x->kind == BUF_SCRATCH) return x->memory == y->memory;
  return x->kind == BUF_CONST ? x->node == y->node : x->id == y->id;
}

uint32_t loop_outside(const Loop *l, const Buffer *b) {
  if (b->kind == BUF_INPUT || b->kind == BUF_CARRY) return l->operands[b->id];
  return b->kind == BUF_OUTPUT ? l->yields[b->id] : NO_BUFFER;
}

static void loop_accesses(const Loop *l, void (*visit)(void *user, uint32_t buffer, bool written),
                          void *user) {
  const Node *n = graph_node(l->outer->fn->g, l->node);
  const ScanAttr *s = n->attr.scan;
  for (uint32_t k = 0; k < n->n_in; k++) visit(user, l->operands[k], false);
  for (uint32_t k = 0; k < s->n_carries; k++) visit(user, l->operands[k], true);
  for (uint32_t k = 0; k < s->n_yields; k++) visit(user, l->yields[k], true);
  if (l->workspace != NO_BUFFER) visit(user, l->workspace, true);
}

void plan_accesses(const FnPlan *f, const Step *s, void (*visit)(void *user, uint32_t buffer, bool written),
                   void *user) {
  const Graph *g = f->fn->g;
  if (s->kind == STEP_LOOP) {
    loop_accesses(s->loop, visit, user);
  } else if (s->kind == STEP_COPY) {
    visit(user, s->src, false);
    visit(user, s->dst, true);
  } else if (s->kind == STEP_OPTIMIZE) {
    const Node *n = graph_node(g, s->node);
    const OptimizeAttr *o = n->attr.optimize;
    for (uint32_t i = 0; i < o->n_hyper + s->n_parts + o->guarded; i++) {
      uint32_t in = i < o->n_hyper                ? i
                    : i < o->n_hyper + s->n_parts ? s->parts[i - o->n_hyper] + o->n_hyper
                                                  : n->n_in - 1;
      uint32_t buffer = f->buffer_of[lower_resolve(g, n->in[in])];
      if (buffer != NO_BUFFER) visit(user, buffer, false);
    }
  } else {
    for (uint32_t i = 0; i < s->kernel->n_loads; i++) visit(user, s->kernel->loads[i], false);
    for (uint32_t i = 0; i < s->kernel->n_stores; i++)
      if (s->kernel->stores[i].buffer != NO_BUFFER) visit(user, s->kernel->stores[i].buffer, true);
  }
}

bool kernel_owns_place(const FnPlan *f, const Kernel *k, const Put *to, const Buffer *memory) {
  for (uint32_t i = 0; i < k->n_stores; i++) {
    const bool *seen = store_marks(k, &k->stores[i], f->a);
    for (ExprId e = 0; e < k->pool->exprs.len; e++) {
      const Expr *x = pool_expr(k->pool, e);
      if (!seen[e] || x->kind != X_LOAD || x->number == to->buffer) continue;
      if (!buffer_same_memory(&f->buffers.data[x->number], memory)) continue;
      if (&k->stores[i] > to || memcmp(x->at, to->at, x->rank * sizeof *x->at) != 0) return false;
    }
  }
  if (!k->is_dot) return true;
  bool *seen = ARENA_ARRAY(f->a, k->pool->exprs.len, bool);
  pool_mark(k->pool, k->dot.lhs, seen);
  pool_mark(k->pool, k->dot.rhs, seen);
  for (ExprId e = 0; e < k->pool->exprs.len; e++) {
    const Expr *x = pool_expr(k->pool, e);
    if (seen[e] && x->kind == X_LOAD && buffer_same_memory(&f->buffers.data[x->number], memory)) return false;
  }
  return true;
}

void buffer_strides(const Buffer *b, int64_t bound, Poly *strides) {
  Poly s = poly_of(1);
  for (uint32_t i = b->shape.rank; i-- > 0;) {
    strides[i] = s;
    if (i > 0) s = poly_mul(s, b->dense ? poly_dim(b->shape.d[i]) : poly_of(dim_at(b->shape.d[i], bound)));
  }
}

Poly buffer_extent(const Buffer *b, int64_t bound) {
  Poly strides[MAX_RANK];
  if (b->shape.rank == 0) return poly_of(1);
  buffer_strides(b, bound, strides);
  return poly_mul(poly_dim(b->shape.d[0]), strides[0]);
}

bool buffer_same_layout(const Buffer *x, const Buffer *y) {
  for (uint32_t i = 1; i < x->shape.rank; i++)
    if (!dim_static(x->shape.d[i])) return x->dense == y->dense;
  return true;
}

uint32_t plan_scratch(FnPlan *f, Buffer b) {
  b.kind = BUF_SCRATCH;
  b.memory = (uint32_t)f->buffers.len;
  vec_push(f->a, &f->buffers, b);
  return b.memory;
}

uint64_t plan_bytes(const FnPlan *f, const Shape *s, DType t) {
  int64_t count = shape_elements(s, plan_bound(f));
  return (uint64_t)(count > 1 ? count : 1) * dtype_bytes(t);
}

uint32_t plan_memory_of(const FnPlan *f, NodeId v) {
  v = lower_resolve(f->fn->g, v);
  return f->buffer_of[v] != NO_BUFFER ? f->buffer_of[v] : f->leaf_of[v];
}

void plan_insert(FnPlan *f, size_t at, Step s) {
  vec_push(f->a, &f->steps, s);
  memmove(&f->steps.data[at + 1], &f->steps.data[at], (f->steps.len - 1 - at) * sizeof s);
  f->steps.data[at] = s;
}
