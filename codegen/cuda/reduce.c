// Reductions. The 16 lanes are registers of one thread, or, where a whole block works on an iteration and all
// of it needs the result, the accumulators of its first 16 threads.
#include "codegen/cuda/schedule.h"

#include <string.h>

enum { FEW = 32 }; // elements that each thread rather combines itself

int64_t cuda_reduced(Emit *e, const Expr *x) {
  int64_t n = 1;
  for (uint32_t i = 0; i < x->n_vars; i++) n *= emit_at_bound(e, x->vars[i]);
  return n;
}

static const char *lanes_name(Emit *e, const char *name) { return arena_printf(e->a, "lane%s", name + 1); }

static void combine_into(Emit *e, const Expr *x, const char *slot, Block *b) {
  Text v = emit_value(e, x->in[0], b);
  emit_line(b, "%s = %s;", slot, reduce_combine(e, x, slot, v));
}

// lane[q] for r = q, q + 16, …: 16 neighbours at a time, unrolled, so that the lanes are registers.
static void lanes_of_thread(Emit *e, const Expr *x, Block *b, const char *lane) {
  VarId last = x->vars[x->n_vars - 1];
  Poly extent = index_extent(e->p->index, last);
  const char *r = emit_name_var(e, last, true), *size = emit_extent(e, last);
  const char *unroll = emit_has_inner_reduction(e, x) ? "" : "NN_UNROLL ";
  if (poly_static(&extent) && extent.c[0] <= REDUCE_LANES) {
    Block loop = block_in(b, (uint64_t)1 << last);
    combine_into(e, x, arena_printf(e->a, "%s[%s]", lane, r), &loop);
    block_close(&loop, arena_printf(e->a, "%sfor (int %s = 0; %s < %s; %s++) {", unroll, r, r, size, r), "}");
    return;
  }
  Block rows = block_in(b, 0), lanes = block_in(&rows, 0), one = block_in(&lanes, (uint64_t)1 << last);
  bool even = poly_static(&extent) && extent.c[0] % REDUCE_LANES == 0;
  combine_into(e, x, arena_printf(e->a, "%s[q]", lane), &one);
  block_declare(&one, r, arena_printf(e->a, "%s0 + q", r));
  if (even) one.indent--;
  block_close(&one, even ? NULL : arena_printf(e->a, "if (%s0 + q < %s) {", r, size), even ? NULL : "}");
  block_close(&lanes, arena_printf(e->a, "%sfor (int q = 0; q < 16; q++) {", unroll), "}");
  block_close(&rows, arena_printf(e->a, "for (ptrdiff_t %s0 = 0; %s0 < %s; %s0 += 16) {", r, r, size, r),
              "}");
}

static void reduce_in_thread(Emit *e, ExprId id, const Expr *x, Block *b) {
  const char *name = emit_temp(e), *lane = lanes_name(e, name);
  emit_line(b, "%s %s;", text_ctype(x->dtype), name);
  Block scope = block_in(b, 0);
  emit_line(&scope, "%s %s[16];", text_ctype(reduce_lane_type(x)), lane);
  emit_line(&scope, "NN_UNROLL for (int q = 0; q < 16; q++) %s[q] = %s;", lane, reduce_start(e, x));
  Nest nest;
  Block *in = reduce_open_outer(e, x, &scope, &nest);
  lanes_of_thread(e, x, in, lane);
  reduce_close_outer(e, x, &nest);
  const char *to = arena_printf(e->a, "%s[q]", lane);
  for (int h = 8; h > 0; h /= 2) {
    Text from = {arena_printf(e->a, "%s[q + %d]", lane, h), true};
    emit_line(&scope, "NN_UNROLL for (int q = 0; q < %d; q++) %s = %s;", h, to,
              reduce_combine(e, x, to, from));
  }
  emit_line(&scope, "%s = %s;", name, reduce_finish(e, x, arena_printf(e->a, "%s[0]", lane)));
  block_close(&scope, "{", "}");
  emit_name(e, id, b, name);
}

static void reduce_in_block(Emit *e, ExprId id, const Expr *x, Block *b) {
  const char *name = emit_temp(e), *lane = lanes_name(e, name),
             *own = arena_printf(e->a, "%s[threadIdx.x]", lane);
  const char *type = text_ctype(reduce_lane_type(x));
  VarId last = x->vars[x->n_vars - 1];
  emit_line(b, "__shared__ %s %s[16];", type, lane);
  Block lanes = block_in(b, 0);
  emit_line(&lanes, "%s acc = %s;", type, reduce_start(e, x));
  Nest nest;
  Block *in = reduce_open_outer(e, x, &lanes, &nest);
  const char *r = emit_name_var(e, last, true);
  Block loop = block_in(in, (uint64_t)1 << last);
  combine_into(e, x, "acc", &loop);
  block_close(&loop,
              arena_printf(e->a, "for (ptrdiff_t %s = threadIdx.x; %s < %s; %s += 16) {", r, r,
                           emit_extent(e, last), r),
              "}");
  reduce_close_outer(e, x, &nest);
  emit_line(&lanes, "%s = acc;", own);
  block_close(&lanes, "if (threadIdx.x < 16) {", "}");
  emit_line(b, "for (unsigned h = 8; h > 0; h /= 2) {");
  emit_line(b, "  __syncthreads();");
  emit_line(b, "  if (threadIdx.x < h) %s = %s;", own,
            reduce_combine(e, x, own, (Text){arena_printf(e->a, "%s[threadIdx.x + h]", lane), true}));
  emit_line(b, "}");
  emit_line(b, "__syncthreads();");
  emit_line(b, "const %s %s = %s;", text_ctype(x->dtype), name,
            reduce_finish(e, x, arena_printf(e->a, "%s[0]", lane)));
  emit_name(e, id, b, name);
}

void cuda_reduce(Emit *e, ExprId id, Block *b) {
  const Expr x = *pool_expr(e->p, id);
  if (emit_plain_reduce(e, id, b)) return;
  bool uniform = e->spread && (x.free & ~b->bound) == 0 && b->parent == NULL;
  if (uniform && cuda_reduced(e, &x) > FEW)
    reduce_in_block(e, id, &x, b);
  else
    reduce_in_thread(e, id, &x, b);
}
