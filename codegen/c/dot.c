// The contraction template. A tile is 64 rows by 16 columns of the result (all of one matrix of the outer
// axes). Per block of 256 along k the 16 columns of the right side are gathered into a panel; then 8 rows at
// a time run down the panel (runtime/core/nn_dot.h). Rows and columns beyond the edge repeat the last one
// and are not stored. The epilogue follows when all blocks are added.
#include "codegen/c/emit.h"

enum { ROWS = 64, COLUMNS = 16, MICRO = 8 };

typedef struct DotText {
  Emit *e;
  const Dot *d;
  const char *type, *m, *n, *k;    // C types and extents
  const char *row, *column, *step; // names of the variables
  const char *first_row, *first_column;
  const char *rows, *columns; // how many the tile has
  const char *loop, *line;    // the loop over one block of k, a line of the panel
  int tall;                   // rows of a tile
  bool one_row, many_blocks;
  bool even_rows, even_columns; // no tile has an edge
  Digits digits;                // of the tile's number
} DotText;

static const char *count_tiles(DotText *t, const VarId *outer, uint32_t n) {
  Emit *e = t->e;
  const char *s = "1";
  for (uint32_t i = 0; i < n; i++) s = text_times(e->a, s, emit_extent(e, outer[i]));
  s = text_times(e->a, s, tiles_of(e, t->d->m, t->tall));
  return text_times(e->a, s, tiles_of(e, t->d->n, COLUMNS));
}

static const char *scaled(DotText *t, const char *x, int by) {
  return x[0] == '0' ? x : arena_printf(t->e->a, "%s * %d", x, by);
}

// From the number of a tile to its place: columns are the lowest digit, then rows, then the outer axes.
static void place(DotText *t, Block *b, const VarId *outer, uint32_t n) {
  Emit *e = t->e;
  const char *rows = tiles_of(e, t->d->m, t->tall), *columns = tiles_of(e, t->d->n, COLUMNS);
  t->digits.left = !text_is_one(rows) + !text_is_one(columns) + n;
  t->first_column = scaled(t, next_digit(e, &t->digits, columns), COLUMNS);
  t->first_row = scaled(t, next_digit(e, &t->digits, rows), t->tall);
  place_outer(e, &t->digits, outer, n, b);
  if (!t->even_rows) emit_line(b, "const ptrdiff_t rows = nn_least(%d, %s - %s0);", t->tall, t->m, t->row);
  if (!t->even_columns)
    emit_line(b, "const ptrdiff_t columns = nn_least(%d, %s - %s0);", COLUMNS, t->n, t->column);
}

static const char *column_of(const DotText *t) {
  const char *inside = t->even_columns ? "%s0 + col" : "nn_least(%s0 + col, %s)";
  return arena_printf(t->e->a, inside, t->column, emit_last(t->e, t->d->n));
}

// Quotients of the column's number are the same for every step.
static void hoisted_parts(DotText *t, Block *b) {
  Emit *e = t->e;
  if (e->hoist.parts.len == 0) return;
  Block loop = block_in(b, var_bit(t->d->n));
  for (size_t k = 0; k < e->hoist.parts.len; k++) {
    bool narrow = e->hoist.narrow;
    emit_line(b, "%s at%zu[%d];", narrow ? "int32_t" : "ptrdiff_t", k, COLUMNS);
    emit_line(&loop, narrow ? "at%zu[col] = (int32_t)(%s);" : "at%zu[col] = %s;", k, e->hoist.parts.data[k]);
  }
  block_declare(&loop, t->column, column_of(t));
  block_close(&loop, arena_printf(e->a, "for (ptrdiff_t col = 0; col < %d; col++) {", COLUMNS), "}");
}

// No index into what the panel is loaded from needs more than 32 bits, also where it is about to be clamped.
static bool all_narrow(const DotText *t) {
  const Emit *e = t->e;
  bool *seen = ARENA_ARRAY(e->a, e->p->exprs.len, bool);
  pool_mark(e->p, t->d->rhs, seen);
  for (ExprId x = 0; x < e->p->exprs.len; x++) {
    if (!seen[x] || pool_expr(e->p, x)->kind != X_LOAD) continue;
    const Buffer *b = &e->f->buffers.data[pool_expr(e->p, x)->number];
    if (shape_elements(&b->shape, e->bound) > INT32_MAX / 8) return false;
  }
  return true;
}

static void panel(DotText *t, Block *b) {
  Emit *e = t->e;
  Block whole = block_in(b, 0);
  whole.indent = b->indent;
  Block steps = block_in(&whole, var_bit(t->d->k)), loop = block_in(&steps, var_bit(t->d->n));
  e->hoist = (Hoist){.on = true, .narrow = all_narrow(t), .own = var_bit(t->d->n), .other = var_bit(t->d->k)};
  Text v = emit_value(e, t->d->rhs, &loop);
  e->hoist.on = false;
  emit_line(&loop, "panel[%s][col] = %s;", t->line, v.s);
  block_declare(&loop, t->column, column_of(t));
  block_close(&loop, arena_printf(e->a, "for (ptrdiff_t col = 0; col < %d; col++) {", COLUMNS), "}");
  block_close(&steps, t->loop, "}");
  hoisted_parts(t, b);
  block_close(&whole, NULL, NULL);
}

// The left side as runtime/core/nn_dot.h reads it: where it is an array whose address grows evenly with the
// row, and with the step either evenly or by what depends on the step alone, it is read as it stands; what
// else it may be is computed into an array `left`.
typedef struct Left {
  bool plain, even;    // even: with the step, too
  IndexId rest, steps; // its address, in two parts: steps depends on the step
  Poly row, step;      // what the address grows by
} Left;

// x is a multiple of v, and no more: *k of it.
static bool multiple_of(const IndexPool *p, IndexId x, VarId v, Poly *k) {
  *k = index_coef(p, x, v);
  return index_get(p, x)->n == !poly_is(k, 0);
}

static Left left_side(DotText *t) {
  IndexPool *p = t->e->p->index;
  const Expr x = *pool_expr(t->e->p, t->d->lhs);
  Left l = {0};
  if (t->one_row || x.kind != X_LOAD || x.dtype != t->d->dtype) return l;
  IndexId at = emit_address(t->e, x.number, x.at, x.rank);
  l.steps = index_part(p, at, var_bit(t->d->k), true);
  l.rest = index_part(p, at, var_bit(t->d->k), false);
  l.plain = multiple_of(p, index_part(p, at, var_bit(t->d->m), true), t->d->m, &l.row);
  l.even = multiple_of(p, l.steps, t->d->k, &l.step);
  return l;
}

static const char *depth_text(const DotText *t) {
  return t->many_blocks ? arena_printf(t->e->a, "%s1 - %s0", t->step, t->step) : text_bare(t->e->a, t->k);
}

// Elements of an array over the steps of one block.
static int depth_of_block(const DotText *t) {
  Poly k = index_extent(t->e->p->index, t->d->k);
  int64_t depth = poly_at(&k, t->e->bound);
  return depth > DOT_BLOCK ? DOT_BLOCK : depth > 0 ? (int)depth : 1;
}

// What the address grows by is the same for every row.
static void step_table(DotText *t, const Left *l, Block *b) {
  Block loop = block_in(b, var_bit(t->d->k));
  emit_line(b, "ptrdiff_t at[%d];", depth_of_block(t));
  const char *at = emit_index(t->e, l->steps, &loop);
  emit_line(&loop, "at[%s] = %s;", t->line, text_bare(t->e->a, at));
  block_close(&loop, t->loop, "}");
}

static const char *rows_left(const DotText *t) {
  return t->even_rows ? arena_printf(t->e->a, "%d", MICRO)
                      : arena_printf(t->e->a, "nn_least(%d, rows - row)", MICRO);
}

// The first of its elements in this group of rows and this block of steps.
static const char *left_begin(DotText *t, const Left *l, Block *b) {
  Emit *e = t->e;
  const Expr x = *pool_expr(e->p, t->d->lhs);
  uint32_t param = emit_param(e, x.number);
  const char *array = e->params.data[param].name, *saved = e->var[t->d->k];
  bool shifted = l->even && t->many_blocks && !poly_is(&l->step, 0);
  IndexId at = l->rest;
  if (shifted) at = index_add(e->p->index, at, l->steps);
  e->var[t->d->k] = arena_printf(e->a, "%s0", t->step);
  const char *offset = emit_index(e, at, b);
  e->var[t->d->k] = saved;
  return offset[0] == '0' && !offset[1] ? array : text_plus(e->a, array, offset);
}

static void plain_rows(DotText *t, const Left *l, const char *type, Block *group) {
  Emit *e = t->e;
  const char *by = l->even ? text_poly(e->a, &l->step) : "at", *begin = left_begin(t, l, group);
  emit_line(group, "nn_dot_rows%s_%s(&sum[row], %s, %s, %s, panel, %s, %s, %d);", l->even ? "" : "_at", type,
            begin, text_bare(e->a, text_poly(e->a, &l->row)), text_bare(e->a, by), depth_text(t),
            rows_left(t), t->many_blocks);
}

static void computed_rows(DotText *t, const char *type, Block *group) {
  Emit *e = t->e;
  Block steps = block_in(group, var_bit(t->d->k)), rows = block_in(&steps, var_bit(t->d->m));
  emit_line(group, t->one_row ? "%s left[%d];" : "%s left[%d][%d];", t->type, depth_of_block(t), MICRO);
  Text v = emit_value(e, t->d->lhs, t->one_row ? &steps : &rows);
  if (t->one_row) {
    emit_line(&steps, "left[%s] = %s;", t->line, v.s);
  } else {
    const char *row = arena_printf(e->a, "%s0 + row + part", t->row);
    emit_line(&rows, "left[%s][part] = %s;", t->line, v.s);
    block_declare(&rows, t->row,
                  t->even_rows ? row : arena_printf(e->a, "nn_least(%s, %s)", row, emit_last(e, t->d->m)));
    block_close(&rows, arena_printf(e->a, "for (ptrdiff_t part = 0; part < %d; part++) {", MICRO), "}");
  }
  block_close(&steps, t->loop, "}");
  if (t->one_row)
    emit_line(group, "nn_dot_row_%s(sum, left, panel, %s, %d);", type, depth_text(t), t->many_blocks);
  else
    emit_line(group, "nn_dot_rows_%s(&sum[row], left[0], 1, %d, panel, %s, %s, %d);", type, MICRO,
              depth_text(t), rows_left(t), t->many_blocks);
}

// Groups of rows by the panel.
static void products(DotText *t, Block *b) {
  Emit *e = t->e;
  const char *type = dtype_name(t->d->dtype);
  Left l = left_side(t);
  if (t->one_row) {
    Block only = block_in(b, var_bit(t->d->m));
    only.indent = b->indent;
    computed_rows(t, type, &only);
    block_declare(&only, t->row, arena_printf(e->a, "%s0", t->row));
    block_close(&only, NULL, NULL);
    return;
  }
  Block group = block_in(b, l.plain ? var_bit(t->d->m) : 0);
  if (l.plain && !l.even) step_table(t, &l, b);
  if (l.plain) {
    plain_rows(t, &l, type, &group);
    block_declare(&group, t->row, arena_printf(e->a, "%s0 + row", t->row));
  } else {
    computed_rows(t, type, &group);
  }
  block_close(&group, arena_printf(e->a, "for (ptrdiff_t row = 0; row < %s; row += %d) {", t->rows, MICRO),
              "}");
}

// Runs once for each group of columns; a group never spans two tiles.
static void epilogue(DotText *t, Block *b) {
  Emit *e = t->e;
  uint32_t taps = t->d->taps;
  Block rows = block_in(b, var_bit(t->d->m)), columns = block_in(&rows, var_bit(t->d->group));
  DType node_type = e->f->buffers.data[e->f->buffer_of[e->k->node]].dtype;
  for (uint32_t i = 0; i < taps; i++) {
    const char *acc = i ? arena_printf(e->a, "sum[row][col + %u]", i) : "sum[row][col]";
    e->acc[i] = text_cast(e->a, t->d->dtype, node_type, (Text){acc, true}).s;
  }
  const char *group = taps > 1 ? emit_name_var(e, t->d->group, false) : t->column;
  emit_stores(e, e->k->stores, e->k->n_stores, &columns);
  block_declare(&columns, group,
                taps > 1 ? arena_printf(e->a, "(%s0 + col) / %u", t->column, taps)
                         : arena_printf(e->a, "%s0 + col", t->column));
  const char *step = taps > 1 ? arena_printf(e->a, "col += %u", taps) : "col++";
  block_close(&columns, arena_printf(e->a, "for (ptrdiff_t col = 0; col < %s; %s) {", t->columns, step), "}");
  block_declare(&rows, t->row, arena_printf(e->a, "%s0 + row", t->row));
  block_close(&rows, arena_printf(e->a, "for (ptrdiff_t row = 0; row < %s; row++) {", t->rows), "}");
}

void emit_dot(Emit *e, StrBuf *body, Launch *launch) {
  Dot d = e->k->dot;
  DType node_type = d.dtype;
  if (node_type == DT_F16 || node_type == DT_BF16) d.dtype = DT_F32;
  DotText t = {.e = e, .d = &d, .type = text_ctype(d.dtype)};
  VarId outer[MAX_RANK];
  uint32_t n = outer_axes(e, outer);
  Poly m = index_extent(e->p->index, d.m), k = index_extent(e->p->index, d.k);
  int64_t depth = poly_at(&k, e->bound), tall = poly_at(&m, e->bound);
  t.one_row = poly_is(&m, 1);
  t.many_blocks = depth > DOT_BLOCK;
  t.tall = tall >= ROWS ? ROWS : t.one_row ? 1 : tall < 1 ? MICRO : (int)((tall + MICRO - 1) / MICRO * MICRO);
  Poly width = index_extent(e->p->index, d.n);
  t.even_rows = poly_static(&m) && m.c[0] % t.tall == 0;
  t.even_columns = poly_static(&width) && width.c[0] % COLUMNS == 0;
  t.rows = t.even_rows ? arena_printf(e->a, "%d", t.tall) : "rows";
  t.columns = t.even_columns ? "16" : "columns";
  t.m = emit_extent(e, d.m), t.n = emit_extent(e, d.n), t.k = emit_extent(e, d.k);
  t.row = emit_name_var(e, d.m, false);
  t.column = emit_name_var(e, d.n, false);
  t.step = emit_name_var(e, d.k, false);
  const char *from = t.many_blocks ? arena_printf(e->a, "%s0", t.step) : "0";
  const char *to = t.many_blocks ? arena_printf(e->a, "%s1", t.step) : t.k;
  t.line = t.many_blocks ? arena_printf(e->a, "%s - %s0", t.step, t.step) : t.step;
  t.loop = arena_printf(e->a, "for (ptrdiff_t %s = %s; %s < %s; %s++) {", t.step, from, t.step, to, t.step);
  Block top = block_top(e);
  Block tile = block_in(&top, 0);
  place(&t, &tile, outer, n);
  emit_line(&tile, t.many_blocks ? "%s sum[%d][%d] = {{0}};" : "%s sum[%d][%d];", t.type, t.tall, COLUMNS);
  emit_line(&tile, "%s panel[%d][%d];", t.type, depth_of_block(&t), COLUMNS);
  if (t.many_blocks) {
    Block blocks = block_in(&tile, 0);
    emit_line(&blocks, "const ptrdiff_t %s1 = nn_least(%s0 + %d, %s);", t.step, t.step, DOT_BLOCK,
              text_bare(e->a, t.k));
    panel(&t, &blocks);
    products(&t, &blocks);
    block_close(&blocks,
                arena_printf(e->a, "for (ptrdiff_t %s0 = 0; %s0 < %s; %s0 += %d) {", t.step, t.step, t.k,
                             t.step, DOT_BLOCK),
                "}");
  } else {
    panel(&t, &tile);
    products(&t, &tile);
  }
  epilogue(&t, &tile);
  block_declare(&tile, arena_printf(e->a, "%s0", t.row), t.first_row);
  block_declare(&tile, arena_printf(e->a, "%s0", t.column), t.first_column);
  block_close(&tile, "for (size_t t = lo; t < hi; t++) {", "}");
  launch->tiles = count_tiles(&t, outer, n);
  sb_puts(body, sb_text(&top.text));
  strbuf_free(&top.text);
}
