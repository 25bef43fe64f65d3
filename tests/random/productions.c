// The table of productions: what a body's next statement may be.
#include "tests/random/model.h"

typedef struct ProductionRow {
  const char *name;
  Production *make;
  uint32_t weight;
} ProductionRow;

static const ProductionRow table[] = {
    {"unary", p_unary, 12},
    {"binary", p_binary, 10},
    {"ternary", p_ternary, 4},
    {"compare", p_compare, 6},
    {"logic", p_logic, 4},
    {"integer", p_integer, 3},
    {"int_binary", p_int_binary, 4},
    {"cast", p_cast, 4},
    {"narrow", p_narrow, 2},
    {"bait", p_bait, 12},
    {"reshape", p_reshape, 4},
    {"transpose", p_transpose, 3},
    {"broadcast", p_broadcast, 3},
    {"slice", p_slice, 5},
    {"index", p_index, 3},
    {"pad", p_pad, 3},
    {"join", p_join, 4},
    {"split", p_split, 2},
    {"turn", p_turn, 3},
    {"spread", p_spread, 3},
    {"ones", p_ones, 2},
    {"gather", p_gather, 4},
    {"scatter", p_scatter, 3},
    {"pick_rows", p_pick_rows, 2},
    {"order", p_order, 3},
    {"iota", p_iota, 2},
    {"rearrange", p_rearrange, 4},
    {"matmul", p_matmul, 5},
    {"einsum", p_einsum, 4},
    {"conv", p_conv, 4},
    {"windows", p_windows, 7},
    {"linear", p_linear, 3},
    {"products", p_products, 3},
    {"reduce", p_reduce, 7},
    {"mask_reduce", p_mask_reduce, 1},
    {"cumsum", p_cumsum, 3},
    {"arg", p_arg, 3},
    {"layer", p_layer, 10},
    {"plain_layer", p_plain_layer, 4},
    {"again", p_again, 4},
    {"loss", p_loss, 4},
    {"draw", p_draw, 3},
    {"embed", p_embed, 2},
    {"machine", p_machine, 1},
    {"long", p_long, 2},
    {"grad", p_grad, 12},
    {"call", p_call, 5},
    {"lambda", p_lambda, 2},
    {"loop", p_loop, 2},
    {"stop", p_stop, 1},
    {"update", p_update, 4},
    {"when", p_when, 3},
    {"assert", p_assert, 1},
    {"choice", p_choice, 2},
    {"scan", p_scan, 6},
};

bool produce(Model *m) {
  uint32_t sum = 0, n = sizeof table / sizeof *table;
  for (uint32_t i = 0; i < n; i++) sum += table[i].weight;
  uint32_t at = below(m, sum), i = 0;
  while (at >= table[i].weight) at -= table[i++].weight;
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
