// The contraction template. A tile is 64 rows by 16 columns of the result (all of one matrix of the outer
// axes). Per block of 256 along k the 16 columns of the right side are gathered into a panel; then 8 rows at
// a time run down the panel with 8 x 16 accumulators. Rows and columns beyond the edge repeat the last one
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
  e->hoist = (Hoist){.on = true,
                     .narrow = all_narrow(t),
                     .own = var_bit(t->d->n),
                     .other = var_bit(t->d->k),
                     .name = "at",
                     .at = "col"};
  Text v = emit_value(e, t->d->rhs, &loop);
  e->hoist.on = false;
  emit_line(&loop, "panel[%s][col] = %s;", t->line, v.s);
  block_declare(&loop, t->column, column_of(t));
  block_close(&loop, arena_printf(e->a, "for (ptrdiff_t col = 0; col < %d; col++) {", COLUMNS), "}");
  block_close(&steps, t->loop, "}");
  hoisted_parts(t, b);
  block_close(&whole, NULL, NULL);
}

static const char *multiply_add(DotText *t, const char *x, const char *y, const char *acc) {
  Emit *e = t->e;
  return text_op(e->a, OP_FMA, t->d->dtype, t->d->dtype, (Text[]){{x, true}, {y, true}, {acc, true}}, NULL).s;
}

// Quotients of the step's number are the same for every row.
static void hoisted_steps(DotText *t, Block *b) {
  Emit *e = t->e;
  if (e->hoist.parts.len == 0) return;
  Poly k = index_extent(e->p->index, t->d->k);
  int64_t depth = t->many_blocks ? DOT_BLOCK : poly_at(&k, e->bound);
  Block loop = block_in(b, var_bit(t->d->k));
  for (size_t i = 0; i < e->hoist.parts.len; i++) {
    emit_line(b, "ptrdiff_t from%zu[%d];", i, (int)(depth > 0 ? depth : 1));
    emit_line(&loop, "from%zu[%s] = %s;", i, t->line, e->hoist.parts.data[i]);
  }
  block_close(&loop, t->loop, "}");
}

// Row i of a group of MICRO: beyond the last row where rows don't come out even, it is that one again.
static const char *row_of_group(const DotText *t, int i) {
  if (!t->even_rows) return arena_printf(t->e->a, "%s_%d", t->row, i);
  return i ? arena_printf(t->e->a, "(%s + %d)", t->row, i) : t->row;
}

static void declare_rows(DotText *t, int n, Block *group) {
  Arena *a = t->e->a;
  const char *first = arena_printf(a, "%s0 + row", t->row);
  if (t->even_rows) block_declare(group, t->row, first);
  for (int i = n; i-- > 0 && !t->even_rows;) {
    const char *row = i ? arena_printf(a, "%s + %d", first, i) : first;
    block_declare(group, row_of_group(t, i),
                  i ? arena_printf(a, "nn_least(%s, %s)", row, emit_last(t->e, t->d->m)) : row);
  }
}

// c of a group of rows to the sums: all of them, or those of one block of the depth.
static void add_to_sums(DotText *t, int n, const char *lanes, Block *part) {
  Emit *e = t->e;
  emit_line(part, "for (ptrdiff_t col = 0; col < %s; col++) {", lanes);
  for (int i = 0; i < n; i++) {
    const char *row = i ? arena_printf(e->a, "row + %d", i) : "row";
    const char *sum = arena_printf(e->a, "sum[%s][part + col]", row), *c = arena_printf(e->a, "c%d[col]", i);
    bool real = dtype_is_real(t->d->dtype);
    if (t->many_blocks && !real)
      c = text_op(e->a, OP_ADD, t->d->dtype, t->d->dtype, (Text[]){{sum, true}, {c, true}}, NULL).s;
    emit_line(part, "  %s %s %s;", sum, t->many_blocks && real ? "+=" : "=", c);
  }
  emit_line(part, "}");
}

// MICRO rows against the panel, one vector of its columns at a time: so many accumulators are registers.
static void micro(DotText *t, Block *b) {
  Emit *e = t->e;
  int n = t->one_row ? 1 : MICRO;
  const char *lanes = arena_printf(e->a, "NN_LANES(%s)", t->type);
  Block group = block_in(b, 0), part = block_in(&group, 0), steps = block_in(&part, var_bit(t->d->k));
  Block columns = block_in(&steps, 0);
  for (int i = 0; i < n; i++) emit_line(&part, "%s c%d[%s] = {0};", t->type, i, lanes);
  e->hoist = (Hoist){.own = var_bit(t->d->k), .other = var_bit(t->d->m), .name = "from", .at = t->line};
  for (int i = 0; i < n; i++) {
    Block row = block_in(&steps, var_bit(t->d->m)); // a scope of its own: names of one row are not another's
    const char *saved = e->var[t->d->m];
    row.indent = steps.indent;
    e->var[t->d->m] = row_of_group(t, i);
    e->hoist.on = true;
    Text v = emit_value(e, t->d->lhs, &row);
    e->hoist.on = false;
    emit_line(&row, "const %s m%d = %s;", t->type, i, v.s);
    block_close(&row, NULL, NULL);
    e->var[t->d->m] = saved;
  }
  emit_line(&steps, "const %s *const line = panel[%s] + part;", t->type, t->line);
  for (int i = 0; i < n; i++) {
    const char *acc = arena_printf(e->a, "c%d[col]", i), *x = arena_printf(e->a, "m%d", i);
    emit_line(&columns, "%s = %s;", acc, multiply_add(t, x, "line[col]", acc));
  }
  block_close(&columns, arena_printf(e->a, "for (ptrdiff_t col = 0; col < %s; col++) {", lanes), "}");
  block_close(&steps, t->loop, "}");
  add_to_sums(t, n, lanes, &part);
  block_close(&part, arena_printf(e->a, "for (ptrdiff_t part = 0; part < %d; part += %s) {", COLUMNS, lanes),
              "}");
  declare_rows(t, n, &group);
  hoisted_steps(t, b);
  block_close(&group, arena_printf(e->a, "for (ptrdiff_t row = 0; row < %s; row += %d) {", t->rows, n), "}");
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
  emit_line(&tile, "%s panel[%d][%d];", t.type,
            (int)(t.many_blocks ? DOT_BLOCK
                  : depth > 0   ? depth
                                : 1),
            COLUMNS);
  if (t.many_blocks) {
    Block blocks = block_in(&tile, 0);
    emit_line(&blocks, "const ptrdiff_t %s1 = nn_least(%s0 + %d, %s);", t.step, t.step, DOT_BLOCK, t.k);
    panel(&t, &blocks);
    micro(&t, &blocks);
    block_close(&blocks,
                arena_printf(e->a, "for (ptrdiff_t %s0 = 0; %s0 < %s; %s0 += %d) {", t.step, t.step, t.k,
                             t.step, DOT_BLOCK),
                "}");
  } else {
    panel(&t, &tile);
    micro(&t, &tile);
  }
  epilogue(&t, &tile);
  block_declare(&tile, arena_printf(e->a, "%s0", t.row), t.first_row);
  block_declare(&tile, arena_printf(e->a, "%s0", t.column), t.first_column);
  block_close(&tile, "for (size_t t = lo; t < hi; t++) {", "}");
  launch->tiles = count_tiles(&t, outer, n);
  sb_puts(body, sb_text(&top.text));
  strbuf_free(&top.text);
}
