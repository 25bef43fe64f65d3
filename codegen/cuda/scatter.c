// Scatters: x is copied, then updates are added one after the other. Axes that no index chooses in are
// parallel: those before (the kernel's own) and those after the chosen one, which copy and updates share.
#include "codegen/cuda/schedule.h"

bool cuda_is_scatter(const Kernel *k) {
  for (uint32_t i = 0; i < k->n_stores; i++)
    if (k->stores[i].add) return true;
  return false;
}

static bool inner_of(const Put *s, VarId v, uint32_t *which) {
  for (uint32_t i = 0; i < s->n_inner; i++)
    if (s->inner[i] == v) {
      *which = i;
      return true;
    }
  return false;
}

// How many of the last axes both stores walk by a variable of their own each: `copied` and `added`, last axis
// first.
static uint32_t shared_axes(Emit *e, VarId *copied, VarId *added) {
  const Put *copy = &e->k->stores[0], *add = &e->k->stores[1];
  uint32_t n = 0, at;
  for (uint32_t k = copy->rank; k-- > 0;) {
    VarId x, y;
    if (!index_is_var(e->p->index, copy->at[k], &x) || !index_is_var(e->p->index, add->at[k], &y)) break;
    if (!inner_of(copy, x, &at) || !inner_of(add, y, &at)) break;
    copied[n] = x;
    added[n++] = y;
  }
  return n;
}

static bool among(const VarId *vars, uint32_t n, VarId v) {
  for (uint32_t i = 0; i < n; i++)
    if (vars[i] == v) return true;
  return false;
}

// The store in loops over what is left of its inner variables.
static void in_order(Emit *e, const Put *s, const VarId *taken, uint32_t n_taken, Block *top) {
  Block blocks[MAX_RANK];
  VarId vars[MAX_RANK];
  uint32_t n = 0, names = e->n_loop_names;
  Block *in = top;
  for (uint32_t i = 0; i < s->n_inner; i++) {
    if (among(taken, n_taken, s->inner[i]) || emit_is_one(e, s->inner[i])) continue;
    emit_name_var(e, s->inner[i], false);
    vars[n] = s->inner[i];
    blocks[n] = block_in(in, (uint64_t)1 << s->inner[i]);
    in = &blocks[n++];
  }
  Block whole;
  if (n == 0) { // a scope of its own all the same
    whole = block_in(top, 0);
    in = &whole;
  }
  emit_stores(e, s, 1, in);
  if (n == 0) block_close(&whole, "{", "}");
  while (n-- > 0) block_close(&blocks[n], reduce_loop(e, vars[n], "0"), "}");
  e->n_loop_names = names;
}

void cuda_scatter(Emit *e, StrBuf *body, Launch *launch) {
  VarId vars[2 * MAX_RANK], copied[MAX_RANK], added[MAX_RANK];
  Block top = block_top(e);
  uint32_t n = outer_axes(e, vars), n_shared = shared_axes(e, copied, added);
  for (uint32_t i = n_shared; i-- > 0;)
    if (!emit_is_one(e, copied[i])) vars[n++] = copied[i];
  Digits digits = {.left = n};
  cuda_one_each(e, &top, cuda_product(e, vars, n), launch);
  place_outer(e, &digits, vars, n, &top);
  for (uint32_t i = 0; i < n_shared; i++) {
    e->var[added[i]] = e->var[copied[i]];
    top.bound |= (uint64_t)1 << added[i] | (uint64_t)1 << copied[i];
  }
  in_order(e, &e->k->stores[0], copied, n_shared, &top);
  in_order(e, &e->k->stores[1], added, n_shared, &top);
  sb_puts(body, sb_text(&top.text));
  strbuf_free(&top.text);
}
