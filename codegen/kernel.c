// Expressions are interned like nodes after cse: the memo of the printer ("has this a name in this scope?")
// is then a table by id.
#include "codegen/kernel.h"

#include <assert.h>

Pool *pool_new(Arena *a, int64_t bound) {
  Pool *p = ARENA_NEW(a, Pool);
  p->a = a;
  p->index = index_pool_new(a, bound);
  p->table_size = 64;
  p->table = ARENA_ARRAY(a, p->table_size, uint32_t);
  return p;
}

// Field by field, so padding never counts. A real constant is its bits: -0 is not 0.
static uint64_t hash(const Expr *e) {
  uint64_t h = 1469598103934665603u;
#define MIX(x) (h = (h ^ (uint64_t)(x)) * 1099511628211u)
  MIX(e->kind), MIX(e->dtype), MIX(e->op), MIX(e->rank), MIX(e->n_in), MIX(e->n_vars), MIX(e->number);
  MIX(e->role), MIX(e->value.i);
  for (int i = 0; i < 3; i++) MIX(e->in[i]);
  for (int i = 0; i < MAX_RANK; i++) MIX(e->at[i]), MIX(e->vars[i]), MIX(e->bound.c[i]);
#undef MIX
  return h ^ h >> 29;
}

static bool same(const Expr *x, const Expr *y) {
  return x->kind == y->kind && x->dtype == y->dtype && x->op == y->op && x->rank == y->rank &&
         x->n_in == y->n_in && x->n_vars == y->n_vars && x->number == y->number && x->role == y->role &&
         x->value.i == y->value.i && !memcmp(x->in, y->in, sizeof x->in) &&
         !memcmp(x->at, y->at, sizeof x->at) && !memcmp(x->vars, y->vars, sizeof x->vars) &&
         poly_eq(&x->bound, &y->bound);
}

static void grow_table(Pool *p) {
  p->table_size *= 2;
  p->table = ARENA_ARRAY(p->a, p->table_size, uint32_t);
  for (uint32_t id = 0; id < p->exprs.len; id++) {
    uint32_t at = (uint32_t)hash(&p->exprs.data[id]) & (p->table_size - 1);
    while (p->table[at]) at = (at + 1) & (p->table_size - 1);
    p->table[at] = id + 1;
  }
}

static uint64_t free_of(const Pool *p, const Expr *e) {
  uint64_t free = e->kind == X_ACC ? e->free : 0;
  for (uint32_t i = 0; i < e->n_in; i++) free |= p->exprs.data[e->in[i]].free;
  for (uint32_t i = 0; i < expr_indices(e); i++) free |= index_get(p->index, e->at[i])->free;
  for (uint32_t i = 0; i < e->n_vars; i++) free &= ~((uint64_t)1 << e->vars[i]);
  return free;
}

ExprId pool_add(Pool *p, const Expr *e) {
  uint32_t at = (uint32_t)hash(e) & (p->table_size - 1);
  for (; p->table[at]; at = (at + 1) & (p->table_size - 1))
    if (same(e, &p->exprs.data[p->table[at] - 1])) return p->table[at] - 1;
  Expr x = *e;
  x.free = free_of(p, e);
  vec_push(p->a, &p->exprs, x);
  p->table[at] = (uint32_t)p->exprs.len;
  if (p->exprs.len * 2 > p->table_size) grow_table(p);
  return (ExprId)p->exprs.len - 1;
}

ExprId x_const(Pool *p, DType t, Scalar v) {
  Expr e = {.kind = X_CONST, .dtype = t, .value = v};
  return pool_add(p, &e);
}

ExprId x_load(Pool *p, DType t, uint32_t buffer, const IndexId *at, uint32_t rank) {
  Expr e = {.kind = X_LOAD, .dtype = t, .number = buffer, .rank = (uint8_t)rank};
  memcpy(e.at, at, rank * sizeof *at);
  return pool_add(p, &e);
}

// What comparing an integer with itself gives; compilers warn of such text. -1: no comparison.
static int of_itself(Op op) {
  if (op == OP_EQ || op == OP_LE || op == OP_GE) return 1;
  return op == OP_NE || op == OP_LT || op == OP_GT ? 0 : -1;
}

ExprId x_op(Pool *p, Op op, DType t, const ExprId *in, uint32_t n, uint32_t place) {
  if (n == 2 && in[0] == in[1] && !dtype_is_real(pool_expr(p, in[0])->dtype) && of_itself(op) >= 0)
    return x_const(p, DT_MASK, (Scalar){.i = of_itself(op)});
  Expr e = {.kind = X_OP, .dtype = t, .op = (uint8_t)op, .n_in = (uint8_t)n, .number = place};
  assert(n <= 3);
  memcpy(e.in, in, n * sizeof *in);
  return pool_add(p, &e);
}

ExprId x_index(Pool *p, DType t, IndexId at) {
  const Index *x = index_get(p->index, at);
  bool constant = x->n == 0 || (x->n == 1 && index_atom(p->index, x->terms[0].atom)->kind == ATOM_ONE);
  if (constant && (x->n == 0 || poly_static(&x->terms[0].coef))) {
    int64_t k = x->n ? x->terms[0].coef.c[0] : 0;
    return x_const(p, t, dtype_is_real(t) ? (Scalar){.f = (double)k} : (Scalar){.i = k});
  }
  Expr e = {.kind = X_INDEX, .dtype = t, .at = {at}};
  return pool_add(p, &e);
}

ExprId x_inside(Pool *p, IndexId at, Poly bound) {
  Expr e = {.kind = X_INSIDE, .dtype = DT_MASK, .at = {at}, .bound = bound};
  if (!index_inside(p->index, at, bound)) return pool_add(p, &e);
  return x_const(p, DT_MASK, (Scalar){.i = 1});
}

ExprId x_check(Pool *p, ExprId value, Poly bound, uint32_t place) {
  Expr e = {.kind = X_CHECK, .dtype = DT_I64, .n_in = 1, .in = {value}, .bound = bound, .number = place};
  return pool_add(p, &e);
}

ExprId x_mark(Pool *p, ExprId value, uint32_t place) {
  Expr e = {.kind = X_MARK, .dtype = pool_expr(p, value)->dtype, .n_in = 1, .in = {value}, .number = place};
  return pool_add(p, &e);
}

ExprId x_rand(Pool *p, Op op, DType t, uint32_t site, IndexId element) {
  Expr e = {.kind = X_RAND, .dtype = t, .op = (uint8_t)op, .number = site, .at = {element}};
  return pool_add(p, &e);
}

ExprId x_ctx(Pool *p, DType t, InputRole role, uint32_t number) {
  Expr e = {.kind = X_CTX, .dtype = t, .role = role, .number = number};
  return pool_add(p, &e);
}

ExprId x_reduce(Pool *p, Op op, DType t, ExprId body, const VarId *vars, uint32_t n) {
  Expr e = {.kind = X_REDUCE, .dtype = t, .op = (uint8_t)op, .n_in = 1, .in = {body}, .n_vars = (uint8_t)n};
  memcpy(e.vars, vars, n * sizeof *vars);
  return pool_add(p, &e);
}

ExprId x_rows(Pool *p, Op op, DType t, const ExprId *in, uint32_t n_in, const VarId *vars, uint32_t n,
              bool upper, uint32_t place) {
  Expr e = {.kind = X_ROWS, .dtype = t, .op = (uint8_t)op, .n_in = (uint8_t)n_in, .n_vars = (uint8_t)n};
  e.value.i = upper;
  e.number = place;
  memcpy(e.in, in, n_in * sizeof *in);
  memcpy(e.vars, vars, n * sizeof *vars);
  return pool_add(p, &e);
}

ExprId x_acc(Pool *p, DType t, uint32_t tap, uint64_t free) {
  Expr e = {.kind = X_ACC, .dtype = t, .number = tap, .free = free};
  return pool_add(p, &e);
}

ExprId x_select(Pool *p, ExprId cond, ExprId yes, ExprId no) {
  const Expr *c = pool_expr(p, cond);
  if (c->kind == X_CONST) return c->value.i ? yes : no;
  if (yes == no) return yes;
  return x_op(p, OP_SELECT, pool_expr(p, yes)->dtype, (ExprId[]){cond, yes, no}, 3, 0);
}

void pool_mark_index(const Pool *p, IndexId i, bool *seen) {
  if (!index_has_values(p->index)) return;
  const Index *x = index_get(p->index, i);
  for (uint32_t t = 0; t < x->n; t++) {
    const Atom *a = index_atom(p->index, x->terms[t].atom);
    if (a->kind == ATOM_VALUE) pool_mark(p, a->arg, seen);
    if (a->kind == ATOM_DIV || a->kind == ATOM_MOD || a->kind == ATOM_CLAMP) pool_mark_index(p, a->arg, seen);
  }
}

void pool_mark(const Pool *p, ExprId e, bool *seen) {
  if (e == NO_EXPR || seen[e]) return;
  const Expr *x = pool_expr(p, e);
  seen[e] = true;
  for (uint32_t i = 0; i < x->n_in; i++) pool_mark(p, x->in[i], seen);
  for (uint32_t i = 0; i < expr_indices(x); i++) pool_mark_index(p, x->at[i], seen);
}

uint32_t expr_indices(const Expr *e) {
  if (e->kind == X_LOAD) return e->rank;
  return e->kind == X_INDEX || e->kind == X_INSIDE || e->kind == X_RAND;
}

bool *store_marks(const Kernel *k, const Put *s, Arena *a) {
  bool *seen = ARENA_ARRAY(a, k->pool->exprs.len, bool);
  pool_mark(k->pool, s->value, seen);
  for (uint32_t j = 0; j < s->rank; j++) pool_mark_index(k->pool, s->at[j], seen);
  return seen;
}

bool *kernel_marks(const Kernel *k, Arena *a) {
  bool *seen = ARENA_ARRAY(a, k->pool->exprs.len, bool);
  for (uint32_t i = 0; i < k->n_stores; i++) {
    pool_mark(k->pool, k->stores[i].value, seen);
    for (uint32_t j = 0; j < k->stores[i].rank; j++) pool_mark_index(k->pool, k->stores[i].at[j], seen);
  }
  if (k->is_dot) {
    pool_mark(k->pool, k->dot.lhs, seen);
    pool_mark(k->pool, k->dot.rhs, seen);
  }
  return seen;
}

void kernel_find_loads(Kernel *k, Arena *a) {
  const bool *seen = kernel_marks(k, a);
  VEC(uint32_t) loads = {0};
  for (ExprId e = 0; e < k->pool->exprs.len; e++) {
    const Expr *x = pool_expr(k->pool, e);
    if (!seen[e] || x->kind != X_LOAD) continue;
    size_t i = 0;
    while (i < loads.len && loads.data[i] != x->number) i++;
    if (i == loads.len) vec_push(a, &loads, x->number);
  }
  k->loads = loads.data;
  k->n_loads = (uint32_t)loads.len;
}

Kernel *kernel_copy(const Kernel *k, Arena *a) {
  Kernel *copy = arena_copy(a, k, sizeof *k);
  Pool *pool = copy->pool = arena_copy(a, k->pool, sizeof *k->pool);
  pool->a = a;
  pool->index = index_pool_copy(k->pool->index, a);
  vec_own(a, &pool->exprs);
  pool->table = arena_copy(a, pool->table, pool->table_size * sizeof *pool->table);
  copy->stores = arena_copy(a, k->stores, k->n_stores * sizeof *k->stores);
  copy->loads = arena_copy(a, k->loads, k->n_loads * sizeof *k->loads);
  return copy;
}

bool op_can_fault(Op op, DType t) {
  return op == OP_ASSERT || ((op == OP_FLOORDIV || op == OP_MOD) && dtype_is_int(t));
}

bool expr_can_fault(const Pool *p, const Expr *x) {
  if (x->kind == X_CHECK) return true;
  if (x->kind != X_OP || !op_can_fault((Op)x->op, x->dtype)) return false;
  const Expr *divisor = x->op == OP_ASSERT ? NULL : pool_expr(p, x->in[1]);
  return !divisor || divisor->kind != X_CONST || divisor->value.i == 0;
}

bool kernel_can_fault(const Kernel *k) {
  const bool *seen = kernel_marks(k, k->pool->a);
  for (ExprId e = 0; e < k->pool->exprs.len; e++) {
    if (seen[e] && expr_can_fault(k->pool, pool_expr(k->pool, e))) return true;
  }
  return false;
}
