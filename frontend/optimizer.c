// Optimizers: a call of one in a train block, its arguments. A hyper-parameter is a number or, at run time,
// an expression that each step evaluates.
#include "frontend/sema.h"

#include <math.h>

// The same optimizer when its place is elaborated again: it keeps its slots.
static OptimizerRef *optimizer_at(Elab *e, const Expr *call, int kind, Span span) {
  Key key = frame_key(e, call);
  for (size_t i = 0; i < e->optimizers.len; i++)
    if (key_eq(e->optimizers.data[i]->key, key)) return e->optimizers.data[i];
  OptimizerRef *o = ARENA_NEW(e->a, OptimizerRef);
  o->key = key;
  o->kind = (Optimizer)kind;
  o->span = span;
  vec_push(e->a, &e->optimizers, o);
  return o;
}

static bool in_range(Elab *e, const HyperInfo *h, Value v, Span at) {
  double x = v_number(v);
  if (x >= 0 && (h->kind != HYPER_FRACTION || x < 1)) return true;
  Diag *g = err(e, DIAG_E0614, at, "`%s` is out of its range", h->name);
  diag_label(g, h->kind == HYPER_FRACTION ? "it is at least 0 and less than 1" : "it is at least 0");
  return false;
}

static bool hyper_value(Elab *e, OptimizerRef *o, uint32_t k, const Expr *x) {
  const OptimizerInfo *info = optimizer_info(o->kind);
  Value v = eval(e, x);
  if (v.kind == V_POISON) return false;
  if (info->hyper[k].kind == HYPER_FLAG) {
    if (v.kind == V_BOOL) return o->flags[k] = v.u.b, true;
    diag_label(err(e, DIAG_E0202, x->span, "`%s` is a static bool", info->hyper[k].name), "this is %s",
               v_describe(e, v));
    return false;
  }
  if (v_is_number(v)) return o->hyper[k].v = v, in_range(e, &info->hyper[k], v, x->span);
  NodeId n = to_real(e, v, x->span);
  if (n == NO_NODE) return false;
  if (node_of(e, n)->shape->rank) {
    diag_label(err(e, DIAG_E0203, x->span, "`%s` is a scalar", info->hyper[k].name), "this is %s",
               v_describe(e, v));
    return false;
  }
  o->hyper[k].v = (Value){.kind = V_THUNK};
  o->hyper[k].expr = x;
  o->hyper[k].scope = scope_snapshot(e, e->scope);
  return true;
}

Value make_optimizer(Elab *e, int kind, const ArgList *args, const Expr *call, Span span) {
  const OptimizerInfo *info = optimizer_info((Optimizer)kind);
  if (!e->in_train) {
    Diag *g = err(e, DIAG_E0605, span, "an optimizer belongs to a train block");
    diag_note(g, "inside `train … { }` write `let opt = %s(…);`", info->name);
    return v_poison();
  }
  OptimizerRef *o = optimizer_at(e, call, kind, span);
  const char *names[MAX_HYPERS];
  bool given[MAX_HYPERS] = {false}, ok = true;
  bool required[MAX_HYPERS] = {false};
  uint32_t n = 0;
  for (; info->hyper[n].name; n++) {
    names[n] = info->hyper[n].name;
    required[n] = isnan(info->hyper[n].dflt);
    o->hyper[n].v = v_float(info->hyper[n].dflt);
    o->flags[n] = info->hyper[n].kind == HYPER_FLAG && info->hyper[n].dflt != 0;
  }
  uint32_t next = 0;
  const Expr *callee = call->kind == EX_CALL ? call->u.call.callee : NULL;
  const char *called = callee && callee->kind == EX_NAME ? callee->u.name : info->name; // AdamW is Adam
  for (uint32_t i = 0; i < args->len && ok; i++) {
    const Arg *a = &args->data[i];
    uint32_t k = a->name ? 0 : next++;
    while (a->name && k < n && strcmp(names[k], a->name) != 0) k++;
    if (k >= n) {
      Diag *g = a->name ? err(e, DIAG_E0207, a->name_span, "`%s` has no argument `%s`", called, a->name)
                        : err(e, DIAG_E0207, a->value->span, "too many arguments for `%s`", called);
      const char *near = a->name ? nearest_of(a->name, names, n) : NULL;
      if (near) diag_label(g, "did you mean `%s`?", near);
      diag_note(g, "`%s`", names_signature(e, called, names, required, n));
      ok = false;
      continue;
    }
    if (given[k]) {
      err(e, DIAG_E0207, a->name ? a->name_span : a->value->span, "`%s` is given twice", names[k]);
      ok = false;
    }
    given[k] = true;
    ok &= hyper_value(e, o, k, a->value);
  }
  for (uint32_t i = 0; i < n; i++)
    if (!given[i] && required[i] && ok) {
      Diag *g = err(e, DIAG_E0207, span, "`%s` lacks its argument `%s`", called, names[i]);
      diag_note(g, "`%s`", names_signature(e, called, names, required, n));
      ok = false;
    }
  return ok ? (Value){.kind = V_OPTIMIZER, .u.opt = o} : v_poison();
}
