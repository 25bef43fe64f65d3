// Plain kernels. Where an iteration of the parallel loops is little work, or iterations are very many, a
// thread does one; else a block does, its threads sharing the inner loops and the reductions that all of it
// needs. Stores of a block are kept apart by barriers from what reads them, and from what was read there
// before; no other barriers stand between them, as the text itself is asked what it touches.
#include "codegen/cuda/schedule.h"

#include <ctype.h>
#include <string.h>

enum { LITTLE_WORK = 32, MANY = 32768 };

const char *cuda_product(Emit *e, const VarId *vars, uint32_t n) {
  const char *s = "1";
  for (uint32_t i = 0; i < n; i++) s = text_times(e->a, s, emit_extent(e, vars[i]));
  return s;
}

void cuda_digits(Emit *e, const char *number, const VarId *vars, uint32_t n, Block *b) {
  const char *taken = NULL;
  uint32_t left = 0;
  for (uint32_t i = 0; i < n; i++) left += !emit_is_one(e, vars[i]);
  for (uint32_t i = n; i-- > 0;) {
    if (emit_is_one(e, vars[i])) continue;
    const char *size = emit_extent(e, vars[i]);
    const char *s = taken ? arena_printf(e->a, "%s / (%s)", number, taken) : number;
    taken = taken ? text_times(e->a, taken, size) : size;
    block_declare(b, e->var[vars[i]], --left > 0 ? arena_printf(e->a, "%s %% %s", s, size) : s);
  }
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
  emit_line(top, "if (t >= (size_t)(%s)) return;", total);
}

static void one_a_thread(Emit *e, const char *total, Block *top, Launch *launch) {
  VarId lead[MAX_RANK];
  Digits digits = {.left = outer_axes(e, lead)};
  cuda_one_each(e, top, total, launch);
  place_outer(e, &digits, lead, digits.left, top);
  emit_groups(e, top);
}

static const char barrier[] = "__syncthreads();";

// The next element of an array (x0[…], y12[…]) in the text: its name up to the bracket, whose length is
// given.
static const char *next_element(const char *s, const char *end, size_t *length) {
  for (; s < end; s++) {
    if ((*s != 'x' && *s != 'y') || isalnum((unsigned char)s[-1]) || s[-1] == '_') continue;
    *length = 1 + strspn(s + 1, "0123456789");
    if (*length > 1 && s[(*length)++] == '[') return s;
  }
  return NULL;
}

// A store is a line of its own, and in place means one name: so distinct names are distinct memory.
static bool is_store(const char *element) {
  do element--;
  while (*element == ' ');
  return *element == '\n';
}

static bool touches(const char *s, const char *name, size_t length, bool store) {
  size_t n;
  const char *end = s + strlen(s);
  while ((s = next_element(s, end, &n)) != NULL) {
    if (n == length && memcmp(s, name, n) == 0 && (!store || is_store(s))) return true;
    s += n;
  }
  return false;
}

// Some array is stored to by one of the texts and touched by the other. Both begin with the end of a line.
static bool conflict(const char *before, const char *before_end, const char *after) {
  size_t n;
  for (const char *s = before; (s = next_element(s, before_end, &n)) != NULL; s += n)
    if (touches(after, s, n, !is_store(s))) return true;
  return false;
}

// What follows the last barrier; all, where there is none.
static const char *since_barrier(const char *text) {
  const char *last = text, *s = text;
  while ((s = strstr(s, barrier)) != NULL) last = s += strlen(barrier);
  return last;
}

// A barrier at `at`, where what stands from the last one to there and what follows up to the next one need
// it.
static void part(Emit *e, Block *top, size_t at) {
  char *text = arena_printf(e->a, "%s", sb_text(&top->text)), *after = arena_printf(e->a, "\n%s", text + at);
  char *next = strstr(after, barrier);
  const char *rest = arena_printf(e->a, "%s", text + at);
  if (next) *next = 0;
  text[at] = 0;
  if (!conflict(since_barrier(text), text + at, after)) return;
  top->text.len = at;
  emit_line(top, "%s", barrier);
  sb_puts(&top->text, rest);
}

// The stores from `s` on that share their inner loops; gives the next one.
static uint32_t one_group(Emit *e, uint32_t s, int threads, Block *top) {
  const Kernel *k = e->k;
  const Put *first = &k->stores[s];
  uint32_t end = s + 1, names = e->n_loop_names;
  size_t before = top->text.len, loop;
  while (end < k->n_stores && emit_same_loops(first, &k->stores[end])) end++;
  Block in = block_in(top, bits(first->inner, first->n_inner));
  name_all(e, first->inner, first->n_inner);
  emit_stores(e, first, end - s, &in);
  cuda_digits(e, "own", first->inner, first->n_inner, &in);
  const char *total = cuda_product(e, first->inner, first->n_inner);
  part(e, top, before); // what was stored, and what is read before the loop
  loop = top->text.len;
  block_close(
      &in,
      text_is_one(total)
          ? "if (threadIdx.x == 0) {"
          : arena_printf(e->a, "for (ptrdiff_t own = threadIdx.x; own < %s; own += %d) {", total, threads),
      "}");
  part(e, top, loop);
  e->n_loop_names = names;
  return end;
}

static void one_a_block(Emit *e, const char *total, int threads, Block *top, Launch *launch) {
  VarId lead[MAX_RANK];
  Digits digits = {.left = outer_axes(e, lead)};
  e->spread = true;
  launch->threads = threads;
  launch->tiles = total;
  if (digits.left > 0) emit_line(top, "const size_t t = blockIdx.x;");
  place_outer(e, &digits, lead, digits.left, top);
  for (uint32_t s = 0; s < e->k->n_stores;) s = one_group(e, s, threads, top);
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
