// Contractions. A block of 16 x 16 threads computes a tile of the result; 16 steps of the depth at a time are
// brought to shared memory, then every thread adds their products to its own elements, k ascending. After 256
// steps the accumulators are added to the sums (kernel.h). Rows and columns beyond the edge repeat the last
// one and are not stored. With windows in the epilogue a thread has all columns of its windows.
#include "codegen/cuda/schedule.h"

enum { SIDE = 16, STEPS = 16, PER_THREAD = 4 };

typedef struct Tile {
  Emit *e;
  const Dot *d;
  const char *type, *m, *n, *k; // C type of an element; extents
  const char *row, *column, *step;
  const char *last_row, *last_column, *last_step;
  int rows, groups, columns; // of a thread: rows, windows, columns (windows times taps)
  bool many_blocks, many_rounds;
} Tile;

// Some load of the expression moves by one element with v.
static bool moves_along(Emit *e, ExprId x, VarId v) {
  bool *seen = ARENA_ARRAY(e->a, e->p->exprs.len, bool);
  pool_mark(e->p, x, seen);
  for (ExprId i = 0; i < e->p->exprs.len; i++) {
    const Expr *l = pool_expr(e->p, i);
    if (!seen[i] || l->kind != X_LOAD || l->rank == 0) continue;
    Poly k = index_coef(e->p->index, l->at[l->rank - 1], v);
    if (poly_is(&k, 1) || poly_is(&k, -1)) return true;
  }
  return false;
}

// Loads `width` rows (or columns) of an operand for the steps of one round; threads are neighbours along what
// memory is.
static void load(Tile *t, ExprId value, VarId v, const char *to, const char *name, const char *last,
                 int width, Block *b) {
  Emit *e = t->e;
  Block in = block_in(b, var_bit(v) | var_bit(t->d->k));
  Text x = emit_value(e, value, &in);
  emit_line(&in, "%s[step][place] = %s;", to, x.s);
  block_declare(&in, t->step, arena_printf(e->a, "nn_least(%s0 + step, %s)", t->step, t->last_step));
  block_declare(&in, name, arena_printf(e->a, "nn_least(%s0 + place, %s)", name, last));
  bool by_step = moves_along(e, value, t->d->k) && !moves_along(e, value, v);
  const char *fast = arena_printf(e->a, "own %% %d", by_step ? STEPS : width),
             *slow = arena_printf(e->a, "own / %d", by_step ? STEPS : width);
  Block head = block_in(b, 0);
  emit_line(&head, "const int step = %s, place = %s;", by_step ? fast : slow, by_step ? slow : fast);
  sb_puts(&head.text, sb_text(&in.text));
  strbuf_free(&in.text);
  block_close(
      &head,
      arena_printf(e->a, "for (int own = threadIdx.x; own < %d; own += %d) {", STEPS * width, SIDE * SIDE),
      "}");
}

static const char *each_element(Tile *t) {
  return arena_printf(t->e->a,
                      "NN_UNROLL for (int p = 0; p < %d; p++) NN_UNROLL for (int g = 0; g < %d; g++)",
                      t->rows, t->columns);
}

// Of a thread, in the tile.
static const char *first_row(const Tile *t) {
  return t->rows > 1 ? arena_printf(t->e->a, "row * %d", t->rows) : "row";
}

static void products(Tile *t, Block *b) {
  Emit *e = t->e;
  uint32_t taps = t->d->taps;
  Poly k = index_extent(e->p->index, t->d->k);
  bool even = poly_static(&k) && k.c[0] % STEPS == 0;
  const char *steps = even ? arena_printf(e->a, "%d", STEPS) : "steps";
  if (!even) emit_line(b, "const int steps = (int)nn_least(%d, %s - %s0);", STEPS, t->k, t->step);
  const char *left = arena_printf(e->a, "left[step][%s + p]", first_row(t));
  const char *right = taps > 1 ? arena_printf(e->a, "right[step][(col + %d * (g / %u)) * %u + g %% %u]", SIDE,
                                              taps, taps, taps)
                               : arena_printf(e->a, "right[step][col + %d * g]", SIDE);
  Text in[] = {{left, true}, {right, true}, {"acc[p][g]", true}};
  emit_line(b, "for (int step = 0; step < %s; step++) {", steps);
  emit_line(b, "  %s", each_element(t));
  emit_line(b, "    acc[p][g] = %s;", text_op(e->a, OP_FMA, t->d->dtype, t->d->dtype, in, NULL).s);
  emit_line(b, "}");
}

static void rounds(Tile *t, Block *tile) {
  Emit *e = t->e;
  Block round = block_in(tile, 0);
  load(t, t->d->lhs, t->d->m, "left", t->row, t->last_row, SIDE * t->rows, &round);
  load(t, t->d->rhs, t->d->n, "right", t->column, t->last_column, SIDE * t->columns, &round);
  emit_line(&round, "__syncthreads();");
  products(t, &round);
  if (t->many_rounds) emit_line(&round, "__syncthreads();");
  if (t->many_blocks) {
    Text in[] = {{"sum[p][g]", true}, {"acc[p][g]", true}};
    emit_line(&round, "if ((%s0 + %d) %% %d == 0 || %s0 + %d >= %s) {", t->step, STEPS, DOT_BLOCK, t->step,
              STEPS, t->k);
    emit_line(&round, "  %s {", each_element(t));
    emit_line(&round, "    sum[p][g] = %s;", text_op(e->a, OP_ADD, t->d->dtype, t->d->dtype, in, NULL).s);
    emit_line(&round, "    acc[p][g] = 0;");
    emit_line(&round, "  }");
    emit_line(&round, "}");
  }
  block_close(&round,
              arena_printf(e->a, "for (ptrdiff_t %s0 = 0; %s0 < %s; %s0 += %d) {", t->step, t->step, t->k,
                           t->step, STEPS),
              "}");
}

// The unrolled loop over a thread's rows or windows: `name` is where one lies, those `outside` are left out.
static void close_guarded(Emit *e, Block *b, const char *counter, int count, const char *name,
                          const char *value, const char *outside) {
  StrBuf inner = b->text;
  b->text = (StrBuf){0};
  emit_line(b, "const ptrdiff_t %s = %s;", name, value);
  emit_line(b, "if (%s) continue;", outside);
  sb_puts(&b->text, sb_text(&inner));
  strbuf_free(&inner);
  block_close(
      b, arena_printf(e->a, "NN_UNROLL for (int %s = 0; %s < %d; %s++) {", counter, counter, count, counter),
      "}");
}

static void epilogue(Tile *t, Block *tile) {
  Emit *e = t->e;
  uint32_t taps = t->d->taps;
  Block rows = block_in(tile, var_bit(t->d->m)), windows = block_in(&rows, var_bit(t->d->group));
  DType node_type = e->f->buffers.data[e->f->buffer_of[e->k->node]].dtype;
  for (uint32_t i = 0; i < taps; i++) {
    const char *g = taps > 1 ? arena_printf(e->a, "g * %u + %u", taps, i) : "g";
    const char *element = arena_printf(e->a, "%s[p][%s]", t->many_blocks ? "sum" : "acc", g);
    e->acc[i] = text_cast(e->a, t->d->dtype, node_type, (Text){element, true}).s;
  }
  const char *group = taps > 1 ? emit_name_var(e, t->d->group, false) : t->column;
  emit_stores(e, e->k->stores, e->k->n_stores, &windows);
  const char *first = arena_printf(e->a, taps > 1 ? "%s0 / %u + col" : "%s0 + col", t->column, taps);
  const char *groups = emit_extent(e, t->d->group);
  close_guarded(e, &windows, "g", t->groups, group, arena_printf(e->a, "%s + %d * g", first, SIDE),
                arena_printf(e->a, "%s >= %s", group, groups));
  // A thread without columns reads nothing of its row either: another one may be writing it in place.
  close_guarded(e, &rows, "p", t->rows, t->row, arena_printf(e->a, "%s0 + %s + p", t->row, first_row(t)),
                arena_printf(e->a, "%s >= %s || %s >= %s", t->row, t->m, first, groups));
}

// The tile's first row or column: `which` tile of that size it is.
static void first_of(Emit *e, const char *name, const char *which, int size, Block *tile) {
  if (which[0] == '0')
    emit_line(tile, "const ptrdiff_t %s0 = 0;", name);
  else
    emit_line(tile, "const ptrdiff_t %s0 = %s * %d;", name, text_factor(e->a, which), size);
}

// Where the tile lies: columns are the lowest digit of its number, then rows, then the outer axes.
static void place(Tile *t, Block *tile, Launch *launch) {
  Emit *e = t->e;
  VarId outer[MAX_RANK];
  uint32_t n = outer_axes(e, outer);
  const char *rows = tiles_of(e, t->d->m, SIDE * t->rows), *columns = tiles_of(e, t->d->n, SIDE * t->columns);
  Digits digits = {.left = n + !text_is_one(rows) + !text_is_one(columns)};
  if (digits.left > 0) emit_line(tile, "const size_t t = blockIdx.x;");
  first_of(e, t->column, next_digit(e, &digits, columns), SIDE * t->columns, tile);
  first_of(e, t->row, next_digit(e, &digits, rows), SIDE * t->rows, tile);
  place_outer(e, &digits, outer, n, tile);
  launch->tiles = text_times(e->a, text_times(e->a, cuda_product(e, outer, n), rows), columns);
  launch->threads = SIDE * SIDE;
}

void cuda_dot(Emit *e, StrBuf *body, Launch *launch) {
  Dot d = e->k->dot;
  if (d.dtype == DT_F16 || d.dtype == DT_BF16) d.dtype = DT_F32;
  Tile t = {.e = e, .d = &d, .type = text_ctype(d.dtype)};
  Poly k = index_extent(e->p->index, d.k);
  bool wide = d.taps > PER_THREAD;
  t.many_blocks = poly_at(&k, e->bound) > DOT_BLOCK;
  t.many_rounds = poly_at(&k, e->bound) > STEPS;
  t.rows = wide || emit_at_bound(e, d.m) <= SIDE ? 1 : PER_THREAD;
  t.groups = d.taps > 1                      ? (wide ? 1 : PER_THREAD / (int)d.taps)
             : emit_at_bound(e, d.n) <= SIDE ? 1
                                             : PER_THREAD;
  t.columns = t.groups * (int)d.taps;
  t.m = emit_extent(e, d.m), t.n = emit_extent(e, d.n), t.k = emit_extent(e, d.k);
  t.last_row = emit_last(e, d.m), t.last_column = emit_last(e, d.n), t.last_step = emit_last(e, d.k);
  t.row = emit_name_var(e, d.m, false);
  t.column = emit_name_var(e, d.n, false);
  t.step = emit_name_var(e, d.k, false);
  Block tile = block_top(e);
  emit_line(&tile, "__shared__ %s left[%d][%d], right[%d][%d];", t.type, STEPS, SIDE * t.rows + 1, STEPS,
            SIDE * t.columns + 1);
  place(&t, &tile, launch);
  emit_line(&tile, "const int row = threadIdx.x / %d, col = threadIdx.x %% %d;", SIDE, SIDE);
  emit_line(&tile, "%s acc[%d][%d]%s;", t.type, t.rows, t.columns,
            t.many_blocks ? arena_printf(e->a, ", sum[%d][%d]", t.rows, t.columns) : "");
  emit_line(&tile, "%s acc[p][g] = %s0;", each_element(&t), t.many_blocks ? "sum[p][g] = " : "");
  rounds(&t, &tile);
  epilogue(&t, &tile);
  sb_puts(body, sb_text(&tile.text));
  strbuf_free(&tile.text);
}
