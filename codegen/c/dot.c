// The contraction template. A tile is 64 rows by 16 columns of the result (all of one matrix of the outer
// axes). Per block of 256 along k the 16 columns of the right side are gathered into a panel; then 4 rows at
// a time run down the panel with 4 x 16 accumulators. Rows and columns beyond the edge repeat the last one
// and are not stored. The epilogue follows when all blocks are added.
#include "codegen/c/emit.h"

enum { ROWS = 64, COLUMNS = 16, MICRO = 4 };

typedef struct DotText {
  Emit *e;
  const Dot *d;
  const char *type, *m, *n, *k;    // C types and extents
  const char *row, *column, *step; // names of the variables
  bool one_row, many_blocks;
} DotText;

// Extents of the outer axes (all parallel axes but rows and columns) in row-major order.
static uint32_t outer_axes(const Emit *e, VarId *out) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < e->k->n_lead; i++) {
    VarId v = e->k->lead[i];
    Poly x = index_extent(e->p->index, v);
    if (v != e->k->dot.m && v != e->k->dot.n && !poly_is(&x, 1)) out[n++] = v;
  }
  return n;
}

static const char *tiles_of(Emit *e, VarId v, int size) {
  Poly x = index_extent(e->p->index, v);
  if (poly_static(&x)) return text_int(e->a, DT_I64, (x.c[0] + size - 1) / size);
  return arena_printf(e->a, "((%s + %d) / %d)", text_poly(e->a, &x), size - 1, size);
}

static const char *count_tiles(Emit *e, const VarId *outer, uint32_t n) {
  const char *s =
      arena_printf(e->a, "%s * %s", tiles_of(e, e->k->dot.m, ROWS), tiles_of(e, e->k->dot.n, COLUMNS));
  for (uint32_t i = 0; i < n; i++) s = arena_printf(e->a, "%s * %s", s, emit_extent(e, outer[i]));
  return s;
}

// From the number of a tile to its place.
static void place(DotText *t, Block *b, const VarId *outer, uint32_t n) {
  Emit *e = t->e;
  const char *rows = tiles_of(e, t->d->m, ROWS), *columns = tiles_of(e, t->d->n, COLUMNS);
  emit_line(b, "const ptrdiff_t %s0 = (ptrdiff_t)t %% %s * %d;", t->column, columns, COLUMNS);
  emit_line(b, "const ptrdiff_t %s0 = (ptrdiff_t)t / %s %% %s * %d;", t->row, columns, rows, ROWS);
  if (n) emit_line(b, "ptrdiff_t rest = (ptrdiff_t)t / (%s * %s);", columns, rows);
  for (uint32_t i = n; i-- > 0;) {
    const char *name = emit_name_var(e, outer[i], false), *size = emit_extent(e, outer[i]);
    if (i == 0)
      emit_line(b, "const ptrdiff_t %s = rest;", name);
    else {
      emit_line(b, "const ptrdiff_t %s = rest %% %s;", name, size);
      emit_line(b, "rest /= %s;", size);
    }
    b->bound |= (uint64_t)1 << outer[i];
  }
  emit_line(b, "const ptrdiff_t rows = nn_least(%d, %s - %s0), columns = nn_least(%d, %s - %s0);", ROWS, t->m,
            t->row, COLUMNS, t->n, t->column);
}

static uint64_t bit(VarId v) { return (uint64_t)1 << v; }

static void panel(DotText *t, Block *b) {
  Emit *e = t->e;
  Block steps = block_in(b, bit(t->d->k)), loop = block_in(&steps, bit(t->d->n));
  Text v = emit_value(e, t->d->rhs, &loop);
  emit_line(&loop, "panel[%s - %s0][q] = %s;", t->step, t->step, v.s);
  block_declare(&loop, t->column, arena_printf(e->a, "nn_least(%s0 + q, %s - 1)", t->column, t->n));
  block_close(&loop, arena_printf(e->a, "for (ptrdiff_t q = 0; q < %d; q++) {", COLUMNS), "}");
  block_close(&steps,
              arena_printf(e->a, "for (ptrdiff_t %s = %s0; %s < %s1; %s++) {", t->step, t->step, t->step,
                           t->step, t->step),
              "}");
}

static const char *multiply_add(DotText *t, const char *x, const char *y, const char *acc) {
  Emit *e = t->e;
  return text_op(e->a, OP_FMA, t->d->dtype, t->d->dtype, (Text[]){{x, true}, {y, true}, {acc, true}}, NULL).s;
}

// MICRO rows against the panel.
static void micro(DotText *t, Block *b) {
  Emit *e = t->e;
  int n = t->one_row ? 1 : MICRO;
  Block group = block_in(b, 0), steps = block_in(&group, bit(t->d->k)), columns = block_in(&steps, 0);
  for (int i = 0; i < n; i++) emit_line(&group, "%s c%d[%d] = {0};", t->type, i, COLUMNS);
  for (int i = 0; i < n; i++) {
    Block row = block_in(&steps, bit(t->d->m)); // a scope of its own: names of one row are not another's
    const char *saved = e->var[t->d->m];
    row.indent = steps.indent;
    e->var[t->d->m] = arena_printf(e->a, "%s%c", t->row, 'a' + i);
    Text v = emit_value(e, t->d->lhs, &row);
    emit_line(&row, "const %s m%d = %s;", t->type, i, v.s);
    block_close(&row, NULL, NULL);
    e->var[t->d->m] = saved;
  }
  for (int i = 0; i < n; i++) {
    const char *acc = arena_printf(e->a, "c%d[q]", i), *x = arena_printf(e->a, "m%d", i);
    emit_line(&columns, "%s = %s;", acc,
              multiply_add(t, x, arena_printf(e->a, "panel[%s - %s0][q]", t->step, t->step), acc));
  }
  block_close(&columns, arena_printf(e->a, "for (ptrdiff_t q = 0; q < %d; q++) {", COLUMNS), "}");
  block_close(&steps,
              arena_printf(e->a, "for (ptrdiff_t %s = %s0; %s < %s1; %s++) {", t->step, t->step, t->step,
                           t->step, t->step),
              "}");
  for (int i = n; i-- > 0;) {
    const char *name = arena_printf(e->a, "%s%c", t->row, 'a' + i);
    block_declare(&group, name,
                  i ? arena_printf(e->a, "nn_least(%s0 + p + %d, %s - 1)", t->row, i, t->m)
                    : arena_printf(e->a, "%s0 + p", t->row));
  }
  emit_line(&group, "for (ptrdiff_t q = 0; q < %d; q++) {", COLUMNS);
  for (int i = 0; i < n; i++) {
    const char *sum = arena_printf(e->a, "sum[p + %d][q]", i), *acc = arena_printf(e->a, "c%d[q]", i);
    emit_line(&group, "  %s = %s;", sum,
              text_op(e->a, OP_ADD, t->d->dtype, t->d->dtype, (Text[]){{sum, true}, {acc, true}}, NULL).s);
  }
  emit_line(&group, "}");
  block_close(&group, arena_printf(e->a, "for (ptrdiff_t p = 0; p < rows; p += %d) {", n), "}");
}

static void epilogue(DotText *t, Block *b) {
  Emit *e = t->e;
  Block rows = block_in(b, bit(t->d->m)), columns = block_in(&rows, bit(t->d->n));
  const char *acc = "sum[p][q]";
  DType node_type = e->f->buffers.data[e->f->buffer_of[e->k->node]].dtype;
  e->acc = text_cast(e->a, t->d->dtype, node_type, (Text){acc, true}).s;
  emit_stores(e, e->k->stores, e->k->n_stores, &columns);
  block_declare(&columns, t->column, arena_printf(e->a, "%s0 + q", t->column));
  block_close(&columns, "for (ptrdiff_t q = 0; q < columns; q++) {", "}");
  block_declare(&rows, t->row, arena_printf(e->a, "%s0 + p", t->row));
  block_close(&rows, "for (ptrdiff_t p = 0; p < rows; p++) {", "}");
}

void emit_dot(Emit *e, StrBuf *body, const char **tiles) {
  Dot d = e->k->dot;
  DType node_type = d.dtype;
  if (node_type == DT_F16 || node_type == DT_BF16) d.dtype = DT_F32;
  DotText t = {.e = e, .d = &d, .type = text_ctype(d.dtype)};
  VarId outer[MAX_RANK];
  uint32_t n = outer_axes(e, outer);
  Poly m = index_extent(e->p->index, d.m), k = index_extent(e->p->index, d.k);
  t.one_row = poly_is(&m, 1);
  t.many_blocks = !poly_static(&k) || k.c[0] > DOT_BLOCK;
  t.m = emit_extent(e, d.m), t.n = emit_extent(e, d.n), t.k = emit_extent(e, d.k);
  t.row = emit_name_var(e, d.m, false), t.column = emit_name_var(e, d.n, false),
  t.step = emit_name_var(e, d.k, false);
  Block top = block_top(e);
  Block tile = block_in(&top, 0);
  place(&t, &tile, outer, n);
  int64_t depth = t.many_blocks ? DOT_BLOCK : k.c[0] > 0 ? k.c[0] : 1;
  emit_line(&tile, "%s sum[%d][%d] = {{0}};", t.type, t.one_row ? 1 : ROWS, COLUMNS);
  emit_line(&tile, "%s panel[%d][%d];", t.type, (int)depth, COLUMNS);
  Block blocks = block_in(&tile, 0);
  emit_line(&blocks, "const ptrdiff_t %s1 = nn_least(%s0 + %d, %s);", t.step, t.step, DOT_BLOCK, t.k);
  panel(&t, &blocks);
  micro(&t, &blocks);
  block_close(&blocks,
              arena_printf(e->a, "for (ptrdiff_t %s0 = 0; %s0 < %s; %s0 += %d) {", t.step, t.step, t.k,
                           t.step, DOT_BLOCK),
              "}");
  epilogue(&t, &tile);
  block_close(&tile, "for (size_t t = lo; t < hi; t++) {", "}");
  *tiles = count_tiles(e, outer, n);
  sb_puts(body, sb_text(&top.text));
  strbuf_free(&top.text);
}
