// The table of productions: what a body's next statement may be.
#include "tests/random/model.h"

typedef struct ProductionRow {
  const char *name;
  Production *make;
  uint32_t weight, looped; // outside of loops and inside
  bool stores;             // it makes a store or needs one, or writes it
} ProductionRow;

static const ProductionRow table[] = {
    {"unary", p_unary, 12, 12, false},
    {"binary", p_binary, 10, 10, false},
    {"ternary", p_ternary, 4, 4, false},
    {"compare", p_compare, 6, 6, false},
    {"logic", p_logic, 4, 4, false},
    {"integer", p_integer, 3, 3, false},
    {"int_binary", p_int_binary, 4, 4, false},
    {"int_products", p_int_products, 2, 2, false},
    {"cast", p_cast, 4, 4, false},
    {"narrow", p_narrow, 4, 4, false},
    {"constant", p_constant, 4, 4, false},
    {"bait", p_bait, 12, 12, false},
    {"reshape", p_reshape, 4, 4, false},
    {"transpose", p_transpose, 3, 3, false},
    {"broadcast", p_broadcast, 3, 3, false},
    {"slice", p_slice, 5, 5, false},
    {"index", p_index, 3, 3, false},
    {"pad", p_pad, 3, 3, false},
    {"join", p_join, 4, 4, false},
    {"split", p_split, 2, 2, false},
    {"turn", p_turn, 3, 3, false},
    {"spread", p_spread, 3, 3, false},
    {"ones", p_ones, 2, 2, false},
    {"gather", p_gather, 4, 4, false},
    {"scatter", p_scatter, 3, 3, false},
    {"pick_rows", p_pick_rows, 2, 2, false},
    {"order", p_order, 3, 3, false},
    {"iota", p_iota, 2, 2, false},
    {"rearrange", p_rearrange, 4, 4, false},
    {"matmul", p_matmul, 5, 5, false},
    {"einsum", p_einsum, 4, 4, false},
    {"conv", p_conv, 4, 4, false},
    {"windows", p_windows, 7, 7, false},
    {"pooled", p_pooled, 4, 4, false},
    {"linear", p_linear, 3, 3, false},
    {"products", p_products, 3, 3, false},
    {"reduce", p_reduce, 7, 7, false},
    {"mask_reduce", p_mask_reduce, 1, 1, false},
    {"cumsum", p_cumsum, 3, 3, false},
    {"arg", p_arg, 3, 3, false},
    {"layer", p_layer, 10, 8, true},
    {"plain_layer", p_plain_layer, 4, 8, false},
    {"again", p_again, 4, 8, true},
    {"loss", p_loss, 4, 4, false},
    {"draw", p_draw, 4, 14, false},
    {"embed", p_embed, 2, 2, true},
    {"machine", p_machine, 1, 1, true},
    {"long", p_long, 2, 2, true},
    {"grad", p_grad, 12, 12, false},
    {"grad_many", p_grad_many, 5, 5, false},
    {"call", p_call, 5, 4, true},
    {"lambda", p_lambda, 2, 2, false},
    {"loop", p_loop, 2, 2, false},
    {"stop", p_stop, 1, 1, false},
    {"update", p_update, 4, 4, true},
    {"when", p_when, 3, 3, true},
    {"assert", p_assert, 1, 0, false},
    {"choice", p_choice, 2, 2, false},
    {"scan", p_scan, 8, 24, false},
};

static uint32_t weight(const Model *m, const ProductionRow *r) {
  return r->stores && m->pure ? 0 : m->loops > 0 ? r->looped : r->weight;
}

bool produce(Model *m) {
  uint32_t sum = 0, n = sizeof table / sizeof *table;
  for (uint32_t i = 0; i < n; i++) sum += weight(m, &table[i]);
  uint32_t at = below(m, sum), i = 0;
  while (at >= weight(m, &table[i])) at -= weight(m, &table[i++]);
  return table[i].make(m);
}

// A production that fails has used nothing.
static bool attempt(Model *m) {
  bool used[MAX_VALUES];
  uint32_t n = m->n;
  for (uint32_t i = 0; i < n; i++) used[i] = m->v[i].used;
  if (produce(m)) return true;
  for (uint32_t i = 0; i < n; i++) m->v[i].used = used[i];
  return false;
}

void statements(Model *m, uint32_t n) {
  for (uint32_t tries = 0; n > 0 && tries < 200 && m->n + 8 < MAX_VALUES; tries++) n -= attempt(m);
}
