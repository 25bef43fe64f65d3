// The interpreter before a pass = after it, to the bit: no rule may change a rounding.
#include "tests/random/check.h"

#include "ir/eval.h"
#include "ir/verify.h"
#include "passes/invariant.h"
#include "passes/passes.h"
#include "tests/random/call.h"

#include <math.h>
#include <stdio.h>

static void count_ops(const Graph *g, Report *r) {
  for (NodeId v = 0; v < g->len; v++) r->ops[graph_node(g, v)->op]++;
}

// Equal but for the sign of a zero; NaN equals NaN.
static bool same(DType t, Scalar x, Scalar y) {
  if (!dtype_is_real(t)) return x.i == y.i;
  return x.f == y.f || (isnan(x.f) && isnan(y.f));
}

static bool same_array(DType t, const Scalar *x, const Scalar *y, int64_t n, int64_t *at) {
  for (*at = 0; *at < n; ++*at)
    if (!same(t, x[*at], y[*at])) return false;
  return true;
}

static void compare(const Program *p, const Function *f, const Graph *g, const char *pass, const Call *x,
                    const Call *y, Report *r) {
  int64_t at;
  if (x->env.status != y->env.status)
    differs(r, pass, "%s, pass %s: a fault before or after it only", f->name, pass);
  for (uint32_t i = 0; i < g->n_roots && x->env.status == EVAL_OK; i++) {
    const Node *n = graph_node(g, g->roots[i]);
    if (!x->roots[i] || !y->roots[i]) continue;
    if (!same_array(n->dtype, x->roots[i], y->roots[i], shape_elements(n->shape, x->env.n), &at))
      differs(r, pass, "%s, pass %s, N = %d: root %u (%s), element %d: %.17g, then %.17g", f->name, pass,
              (int)x->env.n, i, f->roots[i].name ? f->roots[i].name : "", (int)at, x->roots[i][at].f,
              y->roots[i][at].f);
  }
  for (uint32_t i = 0; i < p->n_stores; i++)
    if (!same_array(p->stores[i].dtype, x->env.stores[i], y->env.stores[i],
                    shape_elements(&p->stores[i].shape, 1), &at))
      differs(r, pass, "%s, pass %s: store %s, element %d: %.17g, then %.17g", f->name, pass,
              p->stores[i].name, (int)at, x->env.stores[i][at].f, y->env.stores[i][at].f);
}

static void check_function(const Program *p, const Function *f, Scalar *const *stores, int64_t n, Report *r,
                           Arena *a) {
  uint32_t n_passes;
  const PassInfo *passes = pass_table(&n_passes);
  count_ops(f->g, r);
  Graph *before = pass_autodiff(f->g, a);
  count_ops(before, r);
  Function now = *f;
  now.g = before;
  Call *x = call_new(p, f, stores, n, true, a);
  call_interpreter(&now, x, a);
  for (uint32_t i = 1; i < n_passes; i++) {
    StrBuf why = {0};
    now.g = passes[i].run(before, a);
    if (passes[i].run == pass_simplify) rewrite(before, NULL, r->rules, a);
    if (!function_verify(p, &now, VERIFY_NO_AD, &why))
      differs(r, "invariant", "%s, pass %s: %s", f->name, passes[i].name, sb_text(&why));
    strbuf_free(&why);
    Call *y = call_new(p, f, stores, n, true, a);
    call_interpreter(&now, y, a);
    compare(p, f, before, passes[i].name, x, y, r);
    before = now.g;
    x = y;
  }
}

static Scalar **with_room_for(const Program *p, Scalar *const *stores, uint32_t n, Arena *a) {
  Scalar **all = eval_stores_new(p->stores, p->n_stores, a);
  for (uint32_t i = 0; i < n; i++) all[i] = stores[i];
  return all;
}

// Steps that find what all have in common give what they gave when they computed that themselves. All that
// may go before the loop does, little as it is.
static void check_steps(const Program *p, Scalar *const *stores, int64_t n, Report *r, Arena *a) {
  static const InvariantLimits all = {0, 0, INT64_MAX};
  Program whole = *p, cut;
  whole.fns = arena_copy(a, p->fns, p->n_fns * sizeof *p->fns);
  passes_run(&whole, &(PassOptions){0}, a);
  cut = whole;
  cut.fns = arena_copy(a, whole.fns, whole.n_fns * sizeof *whole.fns);
  program_hoist(&cut, &all, a);
  Scalar **room = with_room_for(&cut, stores, p->n_stores, a);
  for (uint32_t t = 0; t < cut.n_trains; t++)
    for (uint32_t i = 0; i < cut.trains[t].n_items; i++) {
      const PlanItem *item = &cut.trains[t].items[i];
      if (item->kind != PLAN_LOOP || item->u.loop.invariant < 0) continue;
      const Function *f = &whole.fns[item->u.loop.step], *before = &cut.fns[item->u.loop.invariant],
                     *step = &cut.fns[item->u.loop.step];
      int64_t size = f->g->symbol && f->g->bound < n ? f->g->bound : n;
      snprintf(r->at, sizeof r->at, "%s", before->name);
      StrBuf why = {0};
      if (!function_verify(&cut, before, VERIFY_NO_AD, &why) ||
          !function_verify(&cut, step, VERIFY_NO_AD, &why))
        differs(r, "invariant", "%s: %s", before->name, sb_text(&why));
      strbuf_free(&why);
      Call *x = call_new(&whole, f, stores, size, true, a), *first = call_new(&cut, before, room, 1, true, a);
      call_interpreter(before, first, a);
      Call *y = call_new(&cut, step, first->env.stores, size, true, a);
      y->env.status = first->env.status;
      for (int k = 0; k < 2; k++) { // the second step begins where the first one ends
        call_interpreter(f, x, a);
        if (y->env.status == EVAL_OK) call_interpreter(step, y, a);
        compare(&whole, f, f->g, "hoist", x, y, r);
        if (x->env.status != EVAL_OK) break;
      }
      r->hoisted += before->g->n_roots;
    }
}

static bool has_gradient(const Graph *g) {
  bool has = false;
  for (NodeId id = 0; id < g->len && !has; id++) {
    const Node *n = graph_node(g, id);
    has = n->op == OP_GRAD || (n->op == OP_SCAN && has_gradient(n->attr.scan->body));
  }
  return has;
}

// A tensor is a sequence of a loop with `recompute` and something else of it: what comes to it through
// elements is added after the rest, for it comes from blocks.
static bool sequence_twice(const Node *n) {
  const ScanAttr *s = n->op == OP_SCAN ? n->attr.scan : NULL;
  if (!s || s->recompute == 0) return false;
  for (uint32_t i = s->n_carries; i < s->n_carries + s->n_sequences; i++)
    for (uint32_t k = 0; k < n->n_in; k++)
      if (k != i && n->in[k] == n->in[i]) return true;
  return false;
}

// Marks what depends on the gradient of something that is made of gradients, or on such a loop.
static bool mark_twice(const Graph *g, bool *marked, Arena *a) {
  bool *made = ARENA_ARRAY(a, g->len, bool), any = false;
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    const Graph *body = n->op == OP_SCAN ? n->attr.scan->body : NULL;
    for (uint32_t i = 0; i < n->n_in; i++) made[id] |= made[n->in[i]], marked[id] |= marked[n->in[i]];
    bool gradient = n->op == OP_GRAD || (body && has_gradient(body));
    marked[id] |= sequence_twice(n) || (gradient && made[id]) ||
                  (body && mark_twice(body, ARENA_ARRAY(a, body->len, bool), a));
    made[id] |= gradient;
    any |= marked[id];
  }
  return any;
}

// `recompute` changes no bit of a value or a gradient, but for those. The gradient of a gradient adds up
// otherwise: what goes back through a block, and what comes to it from later ones, are two loops.
void check_recompute(const Program *p, const Program *without, Report *r, Arena *a) {
  Scalar **stores = some_stores(p, a);
  for (uint32_t i = 0; i < p->n_fns && r->outcome == FINE; i++) {
    const Function *f = &p->fns[i];
    bool *marked = ARENA_ARRAY(a, f->g->len, bool), written = false;
    mark_twice(f->g, marked, a);
    for (uint32_t k = 0; k < f->g->n_roots; k++)
      written |= f->roots[k].kind == ROOT_EFFECT && marked[f->g->roots[k]];
    if (written) continue;
    Function with = *f, plain = without->fns[i];
    int64_t n = f->g->symbol && f->g->bound >= 3 ? 3 : 1;
    snprintf(r->at, sizeof r->at, "%s, without recompute", f->name);
    with.g = pass_autodiff(f->g, a), plain.g = pass_autodiff(plain.g, a);
    Call *x = call_new(without, &plain, stores, n, true, a), *y = call_new(p, &with, stores, n, true, a);
    call_interpreter(&plain, x, a);
    call_interpreter(&with, y, a);
    for (uint32_t k = 0; k < f->g->n_roots; k++)
      if (marked[f->g->roots[k]]) y->roots[k] = NULL;
    compare(p, f, with.g, "recompute", x, y, r);
  }
}

void check_passes(Program *p, Report *r, Arena *a) {
  Scalar **stores = some_stores(p, a);
  check_steps(p, stores, 2, r, a);
  for (uint32_t i = 0; i < p->n_fns && r->outcome == FINE; i++) {
    const Function *f = &p->fns[i];
    snprintf(r->at, sizeof r->at, "%s", f->name);
    check_function(p, f, stores, 1, r, a);
    if (p->real == DT_F64) check_slopes(p, f, stores, f->g->symbol && f->g->bound > 1 ? 2 : 1, r);
    if (f->g->symbol && f->g->bound >= 2 && r->outcome == FINE)
      check_function(p, f, stores, f->g->bound < 3 ? 2 : 3, r, a);
  }
}
