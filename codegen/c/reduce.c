// Reductions, always the same bits: 16 lanes by the innermost reduced index, then pairs 8, 4, 2, 1 apart.
// Along a row the lanes are the vector; down a column (a sum over the batch) the vector runs over 16
// neighbouring columns, each with lanes of its own, so that memory is read in order.
#include "codegen/c/emit.h"

#include <stdlib.h>
#include <string.h>

static const char *least_of(Emit *e, DType t, bool greatest) {
  if (dtype_is_real(t)) {
    const char *sign = greatest ? "" : "-";
    return t == DT_F64 ? arena_printf(e->a, "(double)%sINFINITY", sign)
                       : arena_printf(e->a, "%sINFINITY", sign);
  }
  static const struct {
    const char *least, *most;
  } limits[DT_COUNT] = {[DT_I8] = {"INT8_MIN", "INT8_MAX"},    [DT_I16] = {"INT16_MIN", "INT16_MAX"},
                        [DT_I32] = {"INT32_MIN", "INT32_MAX"}, [DT_I64] = {"INT64_MIN", "INT64_MAX"},
                        [DT_U8] = {"0", "UINT8_MAX"},          [DT_MASK] = {"0", "1"}};
  return greatest ? limits[t].most : limits[t].least;
}

const char *reduce_start(Emit *e, const Expr *x) {
  if (x->op == OP_SUM) return dtype_is_real(x->dtype) ? text_real(e->a, x->dtype, 0.0) : "0";
  return least_of(e, x->dtype, x->op == OP_RMIN);
}

// Halves are summed as floats and rounded once, at the end.
DType reduce_lane_type(const Expr *x) {
  return x->dtype == DT_F16 || x->dtype == DT_BF16 ? DT_F32 : x->dtype;
}

const char *reduce_combine(Emit *e, const Expr *x, const char *acc, Text v) {
  Op op = x->op == OP_SUM ? OP_ADD : x->op == OP_RMAX ? OP_MAX : OP_MIN;
  return text_op(e->a, op, reduce_lane_type(x), reduce_lane_type(x), (Text[]){{acc, true}, v}, NULL).s;
}

const char *reduce_loop(Emit *e, VarId v, const char *from) {
  return arena_printf(e->a, "for (ptrdiff_t %s = %s; %s < %s; %s++) {", e->var[v], from, e->var[v],
                      text_bare(e->a, emit_extent(e, v)), e->var[v]);
}

Block *reduce_open_outer(Emit *e, const Expr *x, Block *b, Nest *nest) {
  nest->n = 0;
  for (uint32_t i = 0; i + 1 < x->n_vars; i++) {
    emit_name_var(e, x->vars[i], true);
    nest->blocks[i] = block_in(b, (uint64_t)1 << x->vars[i]);
    b = &nest->blocks[nest->n++];
  }
  return b;
}

void reduce_close_outer(Emit *e, const Expr *x, Nest *nest) {
  for (uint32_t i = nest->n; i-- > 0;) block_close(&nest->blocks[i], reduce_loop(e, x->vars[i], "0"), "}");
}

bool emit_has_inner_reduction(Emit *e, const Expr *x) {
  bool *seen = ARENA_ARRAY(e->a, e->p->exprs.len, bool);
  pool_mark(e->p, x->in[0], seen);
  for (ExprId i = 0; i < e->p->exprs.len; i++)
    if (seen[i] && pool_expr(e->p, i)->kind == X_REDUCE) return true;
  return false;
}

// acc[lane] for r = from ..: one by one.
static void lanes_one_by_one(Emit *e, const Expr *x, Block *b, const char *acc, const char *from,
                             const char *lane) {
  VarId r = x->vars[x->n_vars - 1];
  Block loop = block_in(b, (uint64_t)1 << r);
  Text v = emit_value(e, x->in[0], &loop);
  const char *slot = arena_printf(e->a, "%s[%s]", acc, lane);
  emit_line(&loop, "%s = %s;", slot, reduce_combine(e, x, slot, v));
  block_close(&loop, reduce_loop(e, r, from), "}");
}

// acc[0 .. 15] for 16 neighbours at a time.
static void lanes_together(Emit *e, const Expr *x, Block *b, const char *acc) {
  VarId r = x->vars[x->n_vars - 1];
  const char *name = e->var[r], *extent = emit_extent(e, r);
  Block blocks = block_in(b, 0);
  Block loop = block_in(&blocks, (uint64_t)1 << r);
  Text v = emit_value(e, x->in[0], &loop);
  const char *slot = arena_printf(e->a, "%s[q]", acc);
  emit_line(&loop, "%s = %s;", slot, reduce_combine(e, x, slot, v));
  block_declare(&loop, name, arena_printf(e->a, "%s0 + q", name));
  block_close(&loop, "for (ptrdiff_t q = 0; q < 16; q++) {", "}");
  block_close(
      &blocks,
      arena_printf(e->a, "for (ptrdiff_t %s0 = 0; %s0 + 16 <= %s; %s0 += 16) {", name, name, extent, name),
      "}");
}

static void pairs(Emit *e, const Expr *x, Block *b, const char *acc, const char *column) {
  const char *to = arena_printf(e->a, "%s[q]%s", acc, column),
             *from = arena_printf(e->a, "%s[q + h]%s", acc, column);
  const char *over = *column ? " for (ptrdiff_t g = 0; g < 16; g++)" : "";
  emit_line(b, "for (ptrdiff_t h = 8; h > 0; h /= 2)");
  emit_line(b, "  for (ptrdiff_t q = 0; q < h; q++)%s %s = %s;", over, to,
            reduce_combine(e, x, to, (Text){from, true}));
}

const char *reduce_finish(Emit *e, const Expr *x, const char *acc) {
  return reduce_lane_type(x) == x->dtype ? acc : text_cast(e->a, DT_F32, x->dtype, (Text){acc, true}).s;
}

static void reduce_rows(Emit *e, ExprId id, const Expr *x, Block *b) {
  const char *name = emit_temp(e), *acc = arena_printf(e->a, "lane%s", name + 1),
             *type = text_ctype(reduce_lane_type(x));
  VarId last = x->vars[x->n_vars - 1];
  Poly extent = index_extent(e->p->index, last);
  emit_line(b, "%s %s;", text_ctype(x->dtype), name);
  Block scope = block_in(b, 0);
  if (x->op == OP_SUM)
    emit_line(&scope, "%s %s[16] = {%s};", type, acc, reduce_start(e, x));
  else {
    emit_line(&scope, "%s %s[16];", type, acc);
    emit_line(&scope, "for (ptrdiff_t q = 0; q < 16; q++) %s[q] = %s;", acc, reduce_start(e, x));
  }
  Nest nest;
  Block *in = reduce_open_outer(e, x, &scope, &nest);
  const char *r = emit_name_var(e, last, true), *lane = arena_printf(e->a, "%s %% 16", r);
  bool few = poly_static(&extent) && extent.c[0] <= REDUCE_LANES;
  if (few || emit_has_inner_reduction(e, x)) { // its body is written once
    lanes_one_by_one(e, x, in, acc, "0", few ? r : lane);
  } else {
    lanes_together(e, x, in, acc);
    const char *size = emit_extent(e, last);
    if (!poly_static(&extent))
      lanes_one_by_one(e, x, in, acc, arena_printf(e->a, "%s - %s %% 16", size, size), lane);
    else if (extent.c[0] % 16)
      lanes_one_by_one(e, x, in, acc, text_int(e->a, DT_I64, extent.c[0] - extent.c[0] % 16), lane);
  }
  reduce_close_outer(e, x, &nest);
  pairs(e, x, &scope, acc, "");
  emit_line(&scope, "%s = %s;", name, reduce_finish(e, x, arena_printf(e->a, "%s[0]", acc)));
  block_close(&scope, "{", "}");
  emit_name(e, id, b, name);
}

// In a block of columns: an array over the 16 columns, named [g] inside the loops over them.
static void reduce_columns(Emit *e, ExprId id, const Expr *x, Block *b) {
  const char *name = emit_temp(e), *acc = arena_printf(e->a, "lane%s", name + 1),
             *type = text_ctype(reduce_lane_type(x));
  const char *column = e->var[b->column];
  emit_line(b, "%s %s[16];", text_ctype(x->dtype), name);
  Block scope = block_in(b, 0);
  if (x->op == OP_SUM)
    emit_line(&scope, "%s %s[16][16] = {{%s}};", type, acc, reduce_start(e, x));
  else {
    emit_line(&scope, "%s %s[16][16];", type, acc);
    emit_line(&scope, "for (ptrdiff_t q = 0; q < 16; q++) for (ptrdiff_t g = 0; g < 16; g++) %s[q][g] = %s;",
              acc, reduce_start(e, x));
  }
  Nest nest;
  Block *in = reduce_open_outer(e, x, &scope, &nest);
  VarId last = x->vars[x->n_vars - 1];
  const char *r = emit_name_var(e, last, true);
  Block rows = block_in(in, (uint64_t)1 << last);
  Block loop = block_in(&rows, (uint64_t)1 << b->column);
  Text v = emit_value(e, x->in[0], &loop);
  const char *slot = arena_printf(e->a, "%s[%s %% 16][g]", acc, r);
  emit_line(&loop, "%s = %s;", slot, reduce_combine(e, x, slot, v));
  block_declare(&loop, column, arena_printf(e->a, "%s0 + g", column));
  block_close(&loop, arena_printf(e->a, "for (ptrdiff_t g = 0; g < %s1; g++) {", column), "}");
  block_close(&rows, reduce_loop(e, last, "0"), "}");
  reduce_close_outer(e, x, &nest);
  pairs(e, x, &scope, acc, "[g]");
  emit_line(&scope, "for (ptrdiff_t g = 0; g < 16; g++) %s[g] = %s;", name,
            reduce_finish(e, x, arena_printf(e->a, "%s[0][g]", acc)));
  block_close(&scope, "{", "}");
  emit_name(e, id, b, arena_printf(e->a, "%s[g]", name));
}

// The position of the first largest (smallest) element; the first NaN goes before everything.
static void reduce_position(Emit *e, ExprId id, const Expr *x, Block *b) {
  const Expr body = *pool_expr(e->p, x->in[0]);
  const char *name = emit_temp(e), *best = arena_printf(e->a, "best%s", name + 1),
             *type = text_ctype(x->dtype);
  const char *is = x->op == OP_ARGMAX ? ">" : "<", *value_type = text_ctype(body.dtype);
  VarId r = x->vars[0];
  emit_name_var(e, r, true);
  emit_line(b, "%s %s = 0;", type, name);
  Block scope = block_in(b, 0);
  emit_line(&scope, "%s %s = %s;", value_type, best, least_of(e, body.dtype, x->op == OP_ARGMIN));
  Block loop = block_in(&scope, (uint64_t)1 << r);
  Text v = emit_value(e, x->in[0], &loop);
  const char *value = arena_printf(e->a, "value%s", name + 1);
  emit_line(&loop, "const %s %s = %s;", value_type, value, v.s);
  const char *nan = dtype_is_real(body.dtype)
                        ? arena_printf(e->a, " || (%s != %s && %s == %s)", value, value, best, best)
                        : "";
  emit_line(&loop, "if (%s %s %s%s) {", value, is, best, nan);
  emit_line(&loop, "  %s = %s;", best, value);
  emit_line(&loop, "  %s = (%s)%s;", name, type, e->var[r]);
  emit_line(&loop, "}");
  block_close(&loop, reduce_loop(e, r, "0"), "}");
  block_close(&scope, "{", "}");
  emit_name(e, id, b, name);
}

bool emit_plain_reduce(Emit *e, ExprId id, Block *b) {
  const Expr x = *pool_expr(e->p, id);
  if (x.op == OP_ARGMAX || x.op == OP_ARGMIN) {
    reduce_position(e, id, &x, b);
    return true;
  }
  if (x.n_vars > 0) return false;
  const char *name = emit_temp(e); // over no axis: the element itself
  emit_line(b, "const %s %s = %s;", text_ctype(x.dtype), name, emit_value(e, x.in[0], b).s);
  emit_name(e, id, b, name);
  return true;
}

void emit_reduce(Emit *e, ExprId id, Block *b) {
  const Expr x = *pool_expr(e->p, id);
  if (emit_plain_reduce(e, id, b)) return;
  if (b->columns && x.free >> b->column & 1)
    reduce_columns(e, id, &x, b);
  else
    reduce_rows(e, id, &x, b);
}

Block *emit_columns_of(const Emit *e, ExprId id, Block *b) {
  const Expr *x = pool_expr(e->p, id);
  if (x->op == OP_ARGMAX || x->op == OP_ARGMIN || x->n_vars == 0) return NULL;
  for (; b; b = b->parent) {
    uint64_t column = b->columns ? (uint64_t)1 << b->column : 0;
    if (column && (x->free & column) && (x->free & ~(b->bound | column)) == 0) return b;
  }
  return NULL;
}

static bool is_unit(const Poly *p) { return poly_is(p, 1) || poly_is(p, -1); }

// +1 for each load that moves by one element with v, -1 for each that does with the innermost reduced
// variable.
static int column_votes(Emit *e, const Expr *x, VarId v) {
  bool *seen = ARENA_ARRAY(e->a, e->p->exprs.len, bool);
  VarId r = x->vars[x->n_vars - 1];
  int votes = 0;
  pool_mark(e->p, x->in[0], seen);
  for (ExprId i = 0; i < e->p->exprs.len; i++) {
    const Expr *l = pool_expr(e->p, i);
    if (!seen[i] || l->kind != X_LOAD || l->rank == 0) continue;
    Poly along = index_coef(e->p->index, l->at[l->rank - 1], v),
         across = index_coef(e->p->index, l->at[l->rank - 1], r);
    votes += is_unit(&along) - is_unit(&across);
  }
  return votes;
}

// It reads what the kernel itself stores, so it can't be computed before the columns' loop.
static bool reads_own_stores(Emit *e, const Expr *x) {
  bool *seen = ARENA_ARRAY(e->a, e->p->exprs.len, bool);
  pool_mark(e->p, x->in[0], seen);
  for (ExprId i = 0; i < e->p->exprs.len; i++)
    for (uint32_t s = 0; s < e->k->n_stores; s++)
      if (seen[i] && pool_expr(e->p, i)->kind == X_LOAD &&
          pool_expr(e->p, i)->number == e->k->stores[s].buffer)
        return true;
  return false;
}

bool emit_prefers_columns(Emit *e, VarId v, uint64_t bound) {
  const bool *seen = kernel_marks(e->k, e->a);
  uint64_t bit = (uint64_t)1 << v;
  Poly extent = index_extent(e->p->index, v);
  int votes = 0;
  if (!e->target->columns || poly_is(&extent, 1)) return false;
  for (ExprId i = 0; i < e->p->exprs.len; i++) {
    const Expr *x = pool_expr(e->p, i);
    if (!seen[i] || x->kind != X_REDUCE || !(x->free & bit) || (x->free & ~(bound | bit)) || x->n_vars == 0)
      continue;
    if (x->op == OP_ARGMAX || x->op == OP_ARGMIN) continue;
    if (reads_own_stores(e, x)) return false;
    votes += column_votes(e, x, v);
  }
  return votes > 0;
}
