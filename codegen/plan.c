// Facts about buffers.
#include "codegen/plan.h"

#include <string.h>

bool buffer_same_memory(const Buffer *x, const Buffer *y) {
  if (x->kind != y->kind) return false;
  return x->kind == BUF_CONST || x->kind == BUF_SCRATCH ? x->node == y->node : x->id == y->id;
}

void buffer_strides(const Buffer *b, int64_t bound, Poly *strides) {
  Poly s = poly_of(1);
  bool dense = b->kind == BUF_INPUT || b->kind == BUF_OUTPUT;
  for (uint32_t i = b->shape.rank; i-- > 0;) {
    strides[i] = s;
    if (i > 0) s = poly_mul(s, dense ? poly_dim(b->shape.d[i]) : poly_of(dim_at(b->shape.d[i], bound)));
  }
}

void plan_insert(FnPlan *f, size_t at, Step s) {
  vec_push(f->a, &f->steps, s);
  memmove(&f->steps.data[at + 1], &f->steps.data[at], (f->steps.len - 1 - at) * sizeof s);
  f->steps.data[at] = s;
}
