// The interpreter before a pass = after it, to the bit: no rule may change a rounding.
#include "tests/random/check.h"

#include "ir/eval.h"
#include "ir/verify.h"
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
    if (!same_array(n->dtype, x->roots[i], y->roots[i], shape_elements(&n->shape, x->env.n), &at))
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

void check_passes(Program *p, Report *r, Arena *a) {
  Scalar **stores = some_stores(p, a);
  for (uint32_t i = 0; i < p->n_fns && r->outcome == FINE; i++) {
    const Function *f = &p->fns[i];
    snprintf(r->at, sizeof r->at, "%s", f->name);
    check_function(p, f, stores, 1, r, a);
    if (p->real == DT_F64) check_slopes(p, f, stores, f->g->symbol && f->g->bound > 1 ? 2 : 1, r);
    if (f->g->symbol && f->g->bound >= 2 && r->outcome == FINE)
      check_function(p, f, stores, f->g->bound < 3 ? 2 : 3, r, a);
  }
}
