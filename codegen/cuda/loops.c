// Plain kernels. Where an iteration of the parallel loops is little work, or iterations are very many, a
// thread does one; else a block does, its threads sharing the inner loops and the reductions that all of it
// needs. Stores of a block are kept apart by barriers from what reads them, and from what was read there
// before; no other barriers stand between them.
#include "codegen/cuda/schedule.h"

enum { LITTLE_WORK = 32, MANY = 32768 };

const char *cuda_product(Emit *e, const VarId *vars, uint32_t n) {
  const char *s = "1";
  for (uint32_t i = 0; i < n; i++) s = text_times(e->a, s, emit_extent(e, vars[i]));
  return s;
}

void cuda_digits(Emit *e, const char *number, const VarId *vars, uint32_t n, Block *b) {
  Digits digits = {.number = number};
  for (uint32_t i = 0; i < n; i++) digits.left += !emit_is_one(e, vars[i]);
  for (uint32_t i = n; i-- > 0;)
    if (!emit_is_one(e, vars[i]))
      block_declare(b, e->var[vars[i]], next_digit(e, &digits, emit_extent(e, vars[i])));
}

static void name_all(Emit *e, const VarId *vars, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (!emit_is_one(e, vars[i])) emit_name_var(e, vars[i], false);
}

static uint64_t bits(const VarId *vars, uint32_t n) {
  uint64_t all = 0;
  for (uint32_t i = 0; i < n; i++) all |= (uint64_t)1 << vars[i];
  return all;
}

void cuda_one_each(Emit *e, Block *top, const char *total, Launch *launch) {
  launch->threads = THREADS;
  launch->tiles = arena_printf(e->a, "(%s + %d) / %d", total, THREADS - 1, THREADS);
  emit_line(top, "const size_t t = (size_t)blockIdx.x * %d + threadIdx.x;", THREADS);
  emit_line(top, "if (t >= (size_t)%s) return;", text_primary(e->a, total));
}

static void one_a_thread(Emit *e, const char *total, Block *top, Launch *launch) {
  VarId lead[MAX_RANK];
  Digits digits = {.left = outer_axes(e, lead)};
  cuda_one_each(e, top, total, launch);
  place_outer(e, &digits, lead, digits.left, top);
  emit_groups(e, top);
}

// ---- barriers between the stores of a block

// What a group of stores touches: by expression of the kernel which are loaded, by store which are written.
typedef struct Group {
  uint32_t begin, end;
  const bool *seen;
} Group;

static bool *marks_of(Emit *e, uint32_t begin, uint32_t end) {
  bool *seen = ARENA_ARRAY(e->a, e->p->exprs.len, bool);
  for (uint32_t s = begin; s < end; s++) {
    const bool *one = store_marks(e->k, &e->k->stores[s], e->a);
    for (ExprId x = 0; x < e->p->exprs.len; x++) seen[x] |= one[x];
  }
  return seen;
}

static bool same_memory(const Emit *e, uint32_t x, uint32_t y) {
  if (x == NO_BUFFER || y == NO_BUFFER) return false;
  return buffer_same_memory(&e->f->buffers.data[x], &e->f->buffers.data[y]);
}

static bool loads(const Emit *e, const Group *g, uint32_t buffer) {
  for (ExprId x = 0; x < e->p->exprs.len; x++)
    if (g->seen[x] && pool_expr(e->p, x)->kind == X_LOAD &&
        same_memory(e, pool_expr(e->p, x)->number, buffer))
      return true;
  return false;
}

static bool writes(const Emit *e, const Group *g, uint32_t buffer) {
  for (uint32_t s = g->begin; s < g->end; s++)
    if (same_memory(e, e->k->stores[s].buffer, buffer)) return true;
  return false;
}

// `later` touches what `earlier` writes. With both the same: values made before the loop read what it writes.
static bool needs_stores(const Emit *e, const Group *earlier, const Group *later) {
  for (uint32_t s = earlier->begin; s < earlier->end; s++) {
    uint32_t buffer = e->k->stores[s].buffer;
    if (loads(e, later, buffer) || (earlier != later && writes(e, later, buffer))) return true;
  }
  return false;
}

// `later` writes over what `earlier` has read.
static bool overwrites(const Emit *e, const Group *earlier, const Group *later) {
  for (uint32_t s = later->begin; s < later->end; s++)
    if (loads(e, earlier, e->k->stores[s].buffer)) return true;
  return false;
}

// The stores from g->begin on that share their inner loops; *since: those after the last barrier.
static void one_group(Emit *e, Group *g, Group *since, int threads, Block *top) {
  const Put *first = &e->k->stores[g->begin];
  uint32_t names = e->n_loop_names;
  while (g->end < e->k->n_stores && emit_same_loops(first, &e->k->stores[g->end])) g->end++;
  g->seen = marks_of(e, g->begin, g->end);
  if (since->begin < since->end && needs_stores(e, since, g)) {
    emit_line(top, "__syncthreads();");
    since->begin = g->begin;
  }
  size_t before = top->text.len;
  Block in = block_in(top, bits(first->inner, first->n_inner));
  name_all(e, first->inner, first->n_inner);
  emit_stores(e, first, g->end - g->begin, &in);
  cuda_digits(e, "own", first->inner, first->n_inner, &in);
  const char *total = cuda_product(e, first->inner, first->n_inner);
  since->seen = marks_of(e, since->begin, g->begin);
  bool made_before = top->text.len > before && needs_stores(e, g, g);
  if (made_before || (since->begin < since->end && overwrites(e, since, g))) {
    emit_line(top, "__syncthreads();");
    since->begin = g->begin;
  }
  since->end = g->end;
  since->seen = marks_of(e, since->begin, since->end);
  block_close(
      &in,
      text_is_one(total)
          ? "if (threadIdx.x == 0) {"
          : arena_printf(e->a, "for (ptrdiff_t own = threadIdx.x; own < %s; own += %d) {", total, threads),
      "}");
  e->n_loop_names = names;
}

static void one_a_block(Emit *e, const char *total, int threads, Block *top, Launch *launch) {
  VarId lead[MAX_RANK];
  Digits digits = {.left = outer_axes(e, lead)};
  e->spread = true;
  launch->threads = threads;
  launch->tiles = total;
  if (digits.left > 0) emit_line(top, "const size_t t = blockIdx.x;");
  place_outer(e, &digits, lead, digits.left, top);
  Group since = {0};
  for (Group g = {0}; g.begin < e->k->n_stores; g.begin = g.end) {
    g.end = g.begin + 1;
    one_group(e, &g, &since, threads, top);
  }
}

// Of one iteration: the most elements of an inner loop or of a reduction.
static int64_t work(Emit *e) {
  int64_t most = 1;
  for (uint32_t s = 0; s < e->k->n_stores; s++) {
    int64_t n = 1;
    for (uint32_t i = 0; i < e->k->stores[s].n_inner; i++) n *= emit_at_bound(e, e->k->stores[s].inner[i]);
    if (n > most) most = n;
  }
  const bool *seen = kernel_marks(e->k, e->a);
  for (ExprId id = 0; id < e->p->exprs.len; id++) {
    const Expr *x = pool_expr(e->p, id);
    if (seen[id] && x->kind == X_REDUCE && cuda_reduced(e, x) > most) most = cuda_reduced(e, x);
  }
  return most;
}

void cuda_loops(Emit *e, StrBuf *body, Launch *launch) {
  if (cuda_is_scatter(e->k)) {
    cuda_scatter(e, body, launch);
    return;
  }
  VarId lead[MAX_RANK];
  uint32_t n = outer_axes(e, lead);
  const char *total = cuda_product(e, lead, n);
  int64_t iterations = 1, most = work(e);
  for (uint32_t i = 0; i < n; i++) iterations *= emit_at_bound(e, lead[i]);
  bool rows = e->k->n_stores > 0 && put_is_rows(e->p, e->k->stores);
  int threads = 32;
  while (threads < most && threads < LARGEST_BLOCK) threads *= 2;
  Block top = block_top(e);
  if (rows || most <= LITTLE_WORK || iterations >= MANY)
    one_a_thread(e, total, &top, launch);
  else
    one_a_block(e, total, threads, &top, launch);
  sb_puts(body, sb_text(&top.text));
  strbuf_free(&top.text);
}
