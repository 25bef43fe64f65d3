// Kernels of plain loops. The first parallel axis is cut into tiles of rows, so that a tile is a few thousand
// elements; the other loops run inside. Groups of stores with the same inner variables share their loops.
#include "codegen/c/emit.h"

#include <string.h>

enum { TILE_ELEMENTS = 4096 };

bool emit_is_one(Emit *e, VarId v) {
  Poly x = index_extent(e->p->index, v);
  return poly_is(&x, 1);
}

int64_t emit_at_bound(Emit *e, VarId v) {
  Poly x = index_extent(e->p->index, v);
  int64_t n = poly_at(&x, e->bound);
  return n > 1 ? n : 1;
}

// Rows of a tile: a multiple of 16, fixed by the shapes at the bound.
static int64_t tile_rows(Emit *e, uint32_t first) {
  int64_t row = 1, inner = 1;
  for (uint32_t i = first + 1; i < e->k->n_lead; i++) row *= emit_at_bound(e, e->k->lead[i]);
  for (uint32_t s = 0; s < e->k->n_stores; s++) {
    int64_t n = 1;
    for (uint32_t i = 0; i < e->k->stores[s].n_inner; i++) n *= emit_at_bound(e, e->k->stores[s].inner[i]);
    if (n > inner) inner = n;
  }
  int64_t rows = row < TILE_ELEMENTS && inner < TILE_ELEMENTS ? TILE_ELEMENTS / (row * inner) : 0;
  if (e->k->n_stores > 0 && put_is_rows(e->p, e->k->stores))
    return rows < 1 ? 1 : rows; // a row is work enough
  return rows < 16 ? 16 : rows / 16 * 16;
}

typedef struct ForLoop { // one loop of a nest; with columns it is two, and the block of columns between them
  Block columns, body;
  VarId var;
  bool by_columns;
  const char *from, *to;
} ForLoop;

// Opens a loop over v inside b; its text joins b when it is closed.
static Block *loop_open(Emit *e, ForLoop *l, Block *b, VarId v, const char *from, const char *to) {
  *l = (ForLoop){.var = v, .from = from, .to = to};
  const char *name = emit_name_var(e, v, false);
  uint64_t bit = (uint64_t)1 << v;
  l->by_columns = emit_prefers_columns(e, v, b->bound);
  if (!l->by_columns) {
    l->body = block_in(b, bit);
    return &l->body;
  }
  l->columns = block_in(b, 0);
  l->columns.columns = true;
  l->columns.column = v;
  emit_line(&l->columns, "const ptrdiff_t %s1 = nn_least(16, %s - %s0);", name, to, name);
  l->body = block_in(&l->columns, bit);
  return &l->body;
}

static void loop_close(Emit *e, ForLoop *l) {
  const char *v = e->var[l->var];
  if (!l->by_columns) {
    block_close(&l->body,
                arena_printf(e->a, "for (ptrdiff_t %s = %s; %s < %s; %s++) {", v, l->from, v, l->to, v), "}");
    return;
  }
  block_declare(&l->body, v, arena_printf(e->a, "%s0 + g", v));
  block_close(&l->body, arena_printf(e->a, "for (ptrdiff_t g = 0; g < %s1; g++) {", v), "}");
  block_close(&l->columns,
              arena_printf(e->a, "for (ptrdiff_t %s0 = %s; %s0 < %s; %s0 += 16) {", v, l->from, v, l->to, v),
              "}");
}

bool emit_same_loops(const Put *x, const Put *y) {
  return !x->add && !y->add && x->n_inner == y->n_inner &&
         memcmp(x->inner, y->inner, x->n_inner * sizeof *x->inner) == 0;
}

void emit_groups(Emit *e, Block *b) {
  const Kernel *k = e->k;
  for (uint32_t s = 0, end; s < k->n_stores; s = end) {
    const Put *first = &k->stores[s];
    if (put_is_rows(e->p, first)) {
      emit_rows(e, first, b);
      end = s + 1;
      continue;
    }
    for (end = s + 1; end < k->n_stores && emit_same_loops(first, &k->stores[end]); end++) {
    }
    ForLoop loops[MAX_RANK];
    uint32_t n = 0;
    Block *in = b;
    uint32_t names = e->n_loop_names;
    for (uint32_t i = 0; i < first->n_inner; i++)
      if (!emit_is_one(e, first->inner[i]))
        in = loop_open(e, &loops[n++], in, first->inner[i], "0",
                       text_bare(e->a, emit_extent(e, first->inner[i])));
    emit_stores(e, first, end - s, in);
    while (n > 0) loop_close(e, &loops[--n]);
    e->n_loop_names = names;
  }
}

void emit_loops(Emit *e, StrBuf *body, Launch *launch) {
  const Kernel *k = e->k;
  Block top = block_top(e);
  ForLoop loops[MAX_RANK];
  uint32_t n = 0, first = 0;
  Block *in = &top;
  while (first < k->n_lead && emit_is_one(e, k->lead[first])) first++;
  launch->tiles = "1";
  for (uint32_t i = first; i < k->n_lead; i++) {
    if (emit_is_one(e, k->lead[i])) continue;
    if (i > first) {
      in = loop_open(e, &loops[n++], in, k->lead[i], "0", text_bare(e->a, emit_extent(e, k->lead[i])));
      continue;
    }
    int64_t rows = tile_rows(e, first);
    const char *size = emit_extent(e, k->lead[i]), *step = text_int(e->a, DT_I64, rows);
    Poly extent = index_extent(e->p->index, k->lead[i]);
    launch->tiles = poly_static(&extent)
                        ? text_int(e->a, DT_I64, (extent.c[0] + rows - 1) / rows)
                        : arena_printf(e->a, "(%s + %s) / %s", size, text_int(e->a, DT_I64, rows - 1), step);
    emit_line(&top, "const ptrdiff_t end = nn_least((ptrdiff_t)hi * %s, %s);", step, text_bare(e->a, size));
    in = loop_open(e, &loops[n++], in, k->lead[i], arena_printf(e->a, "(ptrdiff_t)lo * %s", step), "end");
  }
  emit_groups(e, in);
  while (n > 0) loop_close(e, &loops[--n]);
  sb_puts(body, sb_text(&top.text));
  strbuf_free(&top.text);
}

const Target target_c = {emit_loops, emit_dot, emit_reduce, .columns = true};
