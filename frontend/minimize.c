// `minimize`: GRAD, one PROJ a parameter and one OPTIMIZE that writes them all, in path order. In a `when`
// its mask is the last operand. With `accumulate` the gradients go to sums, of which FN_APPLY takes the step.
#include "frontend/sema.h"

typedef struct Target {
  StoreRef *ref;
  NodeId read;
} Target;
typedef VEC(Target) Targets;

static Span list_span(const ExprList *l) {
  Span at = l->data[0]->span;
  at.end = l->data[l->len - 1]->span.end;
  return at;
}

static bool eval_over(Elab *e, const ExprList *l, StoreRefs *out, const char *what) {
  Values v = {0};
  bool ok = true;
  for (uint32_t i = 0; i < l->len; i++) {
    Value x = eval_ref(e, l->data[i]);
    ok &= x.kind != V_POISON;
    vec_push(e->a, &v, x);
  }
  if (!ok || l->len == 0) return ok;
  return list_stores(e, v.len == 1 ? v.data[0] : v_list(e, V_LIST, v.data, (uint32_t)v.len), list_span(l),
                     true, out, what);
}

static bool without(Elab *e, StoreRefs *over, const StoreRefs *except, Span at) {
  for (size_t i = 0; i < except->len; i++) {
    size_t k = 0;
    while (k < over->len && over->data[k] != except->data[i]) k++;
    if (k == over->len) {
      Diag *g = err(e, DIAG_E0606, at, "`except` names what is not in `over`");
      diag_label(g, "`%s`", e->stores.data[except->data[i]->id].name);
      return false;
    }
    for (; k + 1 < over->len; k++) over->data[k] = over->data[k + 1];
    over->len--;
  }
  if (over->len) return true;
  if (e->pass == 0)
    e->rerun = true; // more of `over` may become known
  else
    diag_label(err(e, DIAG_E0606, at, "`except` leaves nothing of `over`"),
               "there is nothing to minimise over");
  return false;
}

bool stale(Elab *e, const Arrivals *arrivals, uint32_t id, const char *what, Span at) {
  const StoreState *s = store_state(e, id);
  for (size_t i = 0; i < s->old_reads.len; i++) {
    if (!graph_arrives(arrivals, s->old_reads.data[i])) continue;
    Diag *g =
        err(e, DIAG_E0702, at, "%s reads `%s` from before it was updated", what, e->stores.data[id].name);
    diag_also(g, node_of(e, s->old_reads.data[i])->span, "read here");
    diag_note(g, "what a gradient is by must be read at its latest version: compute this after the update, "
                 "the gradient "
                 "before it, or `stop_grad` the old value");
    return true;
  }
  return false;
}

// Where the way from the parameters to the loss ends, none of which it reaches; NO_NODE: there is no way.
static NodeId last_cut(Elab *e, const Arrivals *arrivals, const StoreRefs *over) {
  for (size_t i = over->len; i-- > 0;) {
    NodeId read = store_state(e, over->data[i]->id)->read;
    NodeId cut = read == NO_NODE ? NO_NODE : graph_cut(e->fn->b.g, arrivals, read);
    if (cut != NO_NODE) return cut;
  }
  return NO_NODE;
}

// An operation as it is written in a program.
static const char *written_name(Op op) {
  static const struct {
    Op op;
    const char *name;
  } signs[] = {
      {OP_EQ, "=="}, {OP_NE, "!="}, {OP_LT, "<"}, {OP_LE, "<="}, {OP_GT, ">"}, {OP_GE, ">="},
  };
  for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
    if (signs[i].op == op) return signs[i].name;
  return op_name(op);
}

void no_gradient(Elab *e, Diag *g, NodeId cut) {
  const Node *n = node_of(e, cut);
  if (n->op == OP_READ)
    diag_note(g, "what was written to `%s` carries no gradient", e->stores.data[n->attr.store.id].name);
  else if (n->op == OP_CUSTOM_VJP)
    diag_note(g, "the rule `vjp %s` gives no gradient for this", n->attr.vjp.function);
  else
    diag_note(g, "`%s` carries no gradient", written_name(n->op));
}

static bool reached_by(Elab *e, Arrivals arrivals, const StoreRefs *over, const Stmt *s, Targets *out) {
  StoreRef *missed = NULL;
  size_t n_missed = 0;
  for (size_t i = 0; i < over->len; i++) {
    StoreRef *r = over->data[i];
    DType t = e->stores.data[r->id].dtype;
    if (t == DT_F16 || t == DT_BF16) {
      Diag *g = err(e, DIAG_E0204, s->u.minimize.over.data[0]->span, "an optimizer steps f32 and f64");
      diag_label(g, "`%s` is %s", e->stores.data[r->id].name, dtype_name(t));
      diag_note(g, "keep the parameter in f32, and `cast` it where it is used");
      return false;
    }
    if (stale(e, &arrivals, r->id, "the loss", s->u.minimize.loss->span)) return false;
    NodeId read = store_state(e, r->id)->read;
    if (read != NO_NODE && graph_arrives(&arrivals, read)) {
      vec_push(e->a, out, ((Target){r, read}));
      continue;
    }
    if (!missed) missed = r;
    n_missed++;
  }
  Span at = s->u.minimize.over.data[0]->span;
  if (out->len == 0) {
    if ((e->pass == 0 && over->len == 0) || e->fn->recovered) return false;
    Diag *g = err(e, DIAG_E0701, s->u.minimize.loss->span, "the loss reaches no parameter in `over`");
    NodeId cut = last_cut(e, &arrivals, over);
    if (cut == NO_NODE) diag_label(g, "it does not depend on them");
    if (cut != NO_NODE) {
      no_gradient(e, g, cut);
      diag_also(g, node_of(e, cut)->span, "the path is cut here");
    }
    return false;
  }
  // After an error that may be the reason, and before another pass what is not known yet.
  if (n_missed && !diags_errors(e->diags) && !e->rerun)
    diag_label(warn(e, DIAG_W0601, NULL, at, "the loss does not reach `%s`", e->stores.data[missed->id].name),
               n_missed > 1 ? "nor %zu more: they are left alone" : "it is left alone", n_missed - 1);
  return true;
}

// The parameters that the loss reaches, in path order. A step may have thousands of losses.
static bool reached(Elab *e, NodeId loss, const StoreRefs *over, const Stmt *s, Targets *out) {
  Arena *scratch = arena_new();
  bool any = reached_by(e, graph_arrivals(e->fn->b.g, loss, 0, scratch), over, s, out);
  arena_free(scratch);
  return any;
}

static uint32_t slot_store(Elab *e, const Store *p, StoreKind kind, const char *suffix) {
  Store s = {.name = arena_printf(e->a, "%s:%s", p->name, suffix),
             .kind = kind,
             .dtype = kind == STORE_COUNT ? DT_I32 : p->dtype,
             .shape = kind == STORE_COUNT ? (Shape){0} : p->shape,
             .lr_mult = 1,
             .decay_mult = 1,
             .span = p->span};
  const char *base = intern(e->names, s.name);
  uint32_t k = 0, first;
  for (bool taken = map_get(&e->store_names, map_key(base), &k); taken;) {
    s.name = intern(e->names, arena_printf(e->a, "%s_%u", base, ++k));
    taken = map_get(&e->store_names, map_key(s.name), &first);
  }
  if (k) map_put(e->a, &e->store_names, map_key(base), k);
  return add_store(e, s, NULL);
}

static uint32_t pair_index(Elab *e, OptimizerRef *o, uint32_t store, uint32_t n_slots) {
  for (uint32_t i = 0; i < o->params.len; i++)
    if (o->params.data[i] == store) return i;
  Store p = e->stores.data[store];
  const char *name = o->name ? o->name : "optimizer";
  vec_push(e->a, &o->params, store);
  vec_push(e->a, &o->counts, slot_store(e, &p, STORE_COUNT, arena_printf(e->a, "%s.count", name)));
  for (uint32_t k = 0; k < MAX_SLOTS; k++)
    vec_push(e->a, &o->slots,
             k < n_slots ? slot_store(e, &p, STORE_SLOT, arena_printf(e->a, "%s.%u", name, k)) : UINT32_MAX);
  return (uint32_t)o->params.len - 1;
}

static NodeId hyper_node(Elab *e, OptimizerRef *o, uint32_t k, Span at) {
  if (o->hyper[k].v.kind != V_THUNK) return to_real(e, o->hyper[k].v, at);
  Scope *saved = e->scope;
  e->scope = o->hyper[k].scope;
  Value v = eval(e, o->hyper[k].expr);
  e->scope = saved;
  return v.kind == V_POISON ? NO_NODE : to_real(e, v, o->hyper[k].expr->span);
}

// One node steps parameters of one type; a `minimize` of both has two, and is clipped here, by the norm of
// all.
static void clip_together(Elab *e, NodeId *grad, uint32_t n, NodeId *clip) {
  Builder *b = &e->fn->b;
  NodeId squares = b_scalar(b, DT_F64, 0), zero = b_scalar(b, DT_F64, 0);
  for (uint32_t i = 0; i < n; i++) {
    NodeId g = b_cast(b, grad[i], DT_F64);
    uint32_t axes = (1u << node_of(e, g)->shape->rank) - 1;
    squares = b_ew2(b, OP_ADD, squares, b_reduce(b, OP_SUM, b_ew2(b, OP_MUL, g, g), axes));
  }
  NodeId norm = b_ew1(b, OP_SQRT, squares), limit = b_cast(b, *clip, DT_F64);
  NodeId within = b_ew2(b, OP_OR, b_ew2(b, OP_LE, limit, zero), b_ew2(b, OP_LE, norm, limit));
  NodeId scale = b_ew3(b, OP_SELECT, within, b_scalar(b, DT_F64, 1), b_ew2(b, OP_DIV, limit, norm));
  for (uint32_t i = 0; i < n; i++)
    grad[i] = b_ew2(b, OP_MUL, grad[i], b_cast(b, scale, node_of(e, grad[i])->dtype));
  *clip = b_scalar(b, e->real, 0);
}

// The parameters of one type; `in`: hyper-parameters, then the gradients of all.
static void optimize_typed(Elab *e, OptimizerRef *o, OptimizeAttr like, const NodeId *in, const Targets *t,
                           DType type) {
  const OptimizerInfo *info = optimizer_info(o->kind);
  uint32_t all = (uint32_t)t->len, n = 0, slots = info->slots - !like.uses_momentum;
  OptimizeAttr *a = ARENA_NEW(e->a, OptimizeAttr);
  *a = like;
  NodeId *inputs = ARENA_ARRAY(e->a, a->n_hyper + all + 1, NodeId);
  memcpy(inputs, in, a->n_hyper * sizeof *in);
  uint32_t *stores = ARENA_ARRAY(e->a, all, uint32_t), *versions = ARENA_ARRAY(e->a, all, uint32_t);
  uint32_t *counts = ARENA_ARRAY(e->a, all, uint32_t), *slot = ARENA_ARRAY(e->a, all * MAX_SLOTS, uint32_t);
  for (uint32_t i = 0; i < all; i++) {
    uint32_t id = t->data[i].ref->id;
    if (e->stores.data[id].dtype != type) continue;
    uint32_t k = pair_index(e, o, id, slots);
    inputs[a->n_hyper + n] = in[a->n_hyper + i];
    stores[n] = id;
    versions[n] = store_state(e, id)->version;
    counts[n] = o->counts.data[k];
    for (uint32_t j = 0; j < info->slots; j++) slot[n * info->slots + j] = o->slots.data[MAX_SLOTS * k + j];
    n++;
  }
  if (!n) return;
  a->n = n;
  a->stores = stores, a->versions = versions, a->counts = counts, a->slots = slot;
  inputs[a->n_hyper + n] = e->fn->guard;
  NodeId node = b_optimize(&e->fn->b, a, inputs, a->n_hyper + n + a->guarded);
  add_root(e, e->fn, node, ROOT_EFFECT, NULL);
  for (uint32_t i = 0; i < n; i++) store_written(e, stores[i], node);
}

// `given`: gradients instead of the loss's.
static void optimize(Elab *e, OptimizerRef *o, NodeId loss, const NodeId *given, const Targets *t, Span at) {
  const OptimizerInfo *info = optimizer_info(o->kind);
  Builder *b = &e->fn->b;
  uint32_t n = (uint32_t)t->len, clip = UINT32_MAX;
  NodeId *x = ARENA_ARRAY(e->a, n, NodeId), *in = ARENA_ARRAY(e->a, n + MAX_HYPERS, NodeId);
  OptimizeAttr a = {.kind = o->kind, .uses_momentum = true, .guarded = e->fn->guard != NO_NODE};
  for (uint32_t k = 0, flag = 0; info->hyper[k].name; k++) {
    if (info->hyper[k].kind == HYPER_FLAG) {
      a.flags |= (uint32_t)o->flags[k] << flag++;
      continue;
    }
    bool zero = v_is_number(o->hyper[k].v) && v_number(o->hyper[k].v) == 0;
    if (zero && info->hyper[k].kind == HYPER_MOMENTUM) a.uses_momentum = false;
    if (!zero && !strcmp(info->hyper[k].name, "clip_norm")) clip = a.n_hyper;
    if ((in[a.n_hyper++] = hyper_node(e, o, k, at)) == NO_NODE) return;
  }
  b->span = at;
  for (uint32_t i = 0; i < n; i++) x[i] = t->data[i].read;
  NodeId g = given ? NO_NODE : b_grad(b, loss, x, n);
  bool mixed = false;
  for (uint32_t i = 0; i < n; i++) {
    const Store *p = &e->stores.data[t->data[i].ref->id];
    in[a.n_hyper + i] = given ? given[i] : b_proj(b, g, i, p->dtype, p->shape);
    mixed |= p->dtype != e->stores.data[t->data[0].ref->id].dtype;
  }
  if (mixed && clip != UINT32_MAX) clip_together(e, in + a.n_hyper, n, &in[clip]);
  optimize_typed(e, o, a, in, t, DT_F32);
  optimize_typed(e, o, a, in, t, DT_F64);
}

// ---- accumulate: the step adds what its batch gives to sums, and FN_APPLY, after the group's last batch,
// takes the optimizer's step with the means and empties the sums.

static NodeId sum_read(Elab *e, uint32_t id) {
  const Store *s = &e->stores.data[id];
  return b_read(&e->fn->b, id, 0, s->dtype, s->shape, NO_NODE);
}

static void sum_write(Elab *e, uint32_t id, NodeId value) {
  add_root(e, e->fn, b_write(&e->fn->b, id, 0, value), ROOT_EFFECT, NULL);
}

// In a `when` only where the mask is true.
static void sum_add(Elab *e, uint32_t id, NodeId more) {
  NodeId before = sum_read(e, id);
  sum_write(e, id, guarded(e, b_ew2(&e->fn->b, OP_ADD, before, more), before));
}

static uint32_t sum_of(Elab *e, OptimizerRef *o, uint32_t param) {
  for (size_t i = 0; i < o->summed.len; i++)
    if (o->summed.data[i] == param) return o->sums.data[i];
  Store p = e->stores.data[param];
  uint32_t sum = slot_store(e, &p, STORE_SUM, arena_printf(e->a, "%s.sum", o->name));
  vec_push(e->a, &o->sums, sum);
  if (o->summed.len == 0) {
    p.shape = (Shape){0};
    p.dtype = e->real;
    o->examples = slot_store(e, &p, STORE_SUM, arena_printf(e->a, "%s.examples", o->name));
  }
  vec_push(e->a, &o->summed, param);
  return sum;
}

static void accumulate(Elab *e, OptimizerRef *o, NodeId loss, const Targets *t, Span at) {
  uint32_t n = (uint32_t)t->len;
  NodeId *x = ARENA_ARRAY(e->a, n, NodeId), *mean = ARENA_ARRAY(e->a, n, NodeId);
  Builder *b = &e->fn->b;
  b->span = at;
  for (uint32_t i = 0; i < n; i++) x[i] = t->data[i].read;
  NodeId g = b_grad(b, loss, x, n);
  NodeId weight = e->fn->has_batch ? dim_node(e, e->fn->batch_dim, e->real) : b_scalar(b, e->real, 1);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t sum = sum_of(e, o, t->data[i].ref->id);
    const Store *s = &e->stores.data[sum];
    NodeId all = b_ew2(b, OP_MUL, b_proj(b, g, i, s->dtype, s->shape), b_cast(b, weight, s->dtype));
    sum_add(e, sum, all);
  }
  sum_add(e, o->examples, weight);
  bool guarded_step = e->fn->guard != NO_NODE;

  Saved saved = enter_ctx(e, e->fn->apply, e->scope);
  b = &e->fn->b;
  b->span = at;
  NodeId examples = sum_read(e, o->examples);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t sum = sum_of(e, o, t->data[i].ref->id);
    mean[i] = b_ew2(b, OP_DIV, sum_read(e, sum), b_cast(b, examples, e->stores.data[sum].dtype));
  }
  // Without an example there is no step.
  if (guarded_step) e->fn->guard = b_ew2(b, OP_GT, examples, b_scalar(b, e->real, 0));
  optimize(e, o, NO_NODE, mean, t, at);
  e->fn->guard = NO_NODE;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t sum = sum_of(e, o, t->data[i].ref->id);
    sum_write(e, sum, b_splat(b, e->stores.data[sum].dtype, e->stores.data[sum].shape, (Scalar){.i = 0}));
  }
  sum_write(e, o->examples, b_scalar(b, e->real, 0));
  leave_ctx(e, saved);
}

// False, with an error, for the second `minimize` of a step that accumulates.
static bool first_minimize(Elab *e, const Stmt *s) {
  const Stmt *first = e->fn->minimized;
  e->fn->minimized = first ? first : s;
  if (!e->fn->apply || !first) return true;
  Diag *g = err(e, DIAG_E0613, s->span, "with `accumulate` an `each` has one `minimize`");
  diag_label(g, "this is another");
  diag_also(g, first->span, "the first");
  diag_note(g, "`accumulate = 1;` before the `each` turns it off");
  return false;
}

void check_accumulate(Elab *e, const Ctx *step, Span at) {
  if (!step->minimized && !step->recovered && !diags_errors(e->diags)) {
    Diag *g = err(e, DIAG_E0613, at, "`accumulate` is for an `each` with a `minimize`");
    diag_also(g, step->span, "nothing is minimised here");
    diag_note(g, "`accumulate = 1;` before the `each` turns it off");
  }
  for (size_t i = 0; i < step->roots.len; i++) {
    const Node *w = graph_node(step->b.g, step->roots.data[i]);
    if (w->op != OP_WRITE || w->attr.store.id >= step->apply->stores.len ||
        step->apply->stores.data[w->attr.store.id].version == 0)
      continue;
    Diag *g = err(e, DIAG_E0613, w->span, "`%s` is updated while its gradients accumulate",
                  e->stores.data[w->attr.store.id].name);
    diag_also(g, step->minimized->span, "this step comes after the group's last batch");
    diag_note(g, "an `update` that follows the epoch belongs to `then`");
    return;
  }
}

static const char *lower(Elab *e, const char *s) {
  char *t = arena_strdup(e->a, s);
  for (char *p = t; *p; p++) *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
  return t;
}

void exec_minimize(Elab *e, const Stmt *s) {
  if (e->fn->kind != FN_STEP || e->fn->what != CTX_FN) {
    diag_label(err(e, DIAG_E0604, s->span, "`minimize` belongs to an `each`"), "there is no step here");
    return;
  }
  if (!outside_loop(e, s->span, "`minimize`",
                    "yield or carry what is minimised, and minimise it after the loop") ||
      !first_minimize(e, s))
    return;
  Value loss = eval(e, s->u.minimize.loss);
  StoreRefs over = {0}, except = {0};
  bool ok = eval_over(e, &s->u.minimize.over, &over, "`over`");
  const Expr *l = s->u.minimize.loss; // `minimize w over loss`: one mistake
  bool swapped = !ok && (l->kind == EX_NAME || l->kind == EX_MEMBER) && eval_ref(e, l).kind == V_STORE;
  ok &= eval_over(e, &s->u.minimize.except, &except, "`except`");
  Value opt = eval(e, s->u.minimize.optimizer);
  if (opt.kind != V_OPTIMIZER && opt.kind != V_POISON) {
    Diag *g = err(e, DIAG_E0605, s->u.minimize.optimizer->span, "`using` wants an optimizer");
    diag_label(g, "this is %s", v_describe(e, opt));
    diag_note(g, opt.kind == V_BUILTIN ? "it is called: `using Adam(lr = 0.001)`"
                                       : "one is made by `let opt = Adam(lr = 0.001);`, or here: `using Adam(lr = 0.001)`");
    ok = false;
  }
  NodeId n = loss.kind == V_POISON ? NO_NODE : to_real(e, loss, s->u.minimize.loss->span);
  if (n != NO_NODE && node_of(e, n)->shape->rank && !swapped) {
    Diag *g = err(e, DIAG_E0203, s->u.minimize.loss->span, "a loss is a scalar");
    diag_label(g, "this is %s", tensor_text(e, n));
    diag_note(g, "`mean(…)` or `sum(…)` makes one number of it");
    n = NO_NODE;
  }
  if (n == NO_NODE || opt.kind == V_POISON || !ok) return;
  if (except.len && !without(e, &over, &except, list_span(&s->u.minimize.except))) return;
  if (!opt.u.opt->name) opt.u.opt->name = lower(e, optimizer_info(opt.u.opt->kind)->name);
  Targets t = {0};
  if (!reached(e, n, &over, s, &t)) return;
  // The loop looks whether it is finite; it is not logged.
  add_root(e, e->fn, guarded(e, n, NO_NODE), ROOT_REPORT, "");
  if (e->fn->apply)
    accumulate(e, opt.u.opt, n, &t, s->span);
  else
    optimize(e, opt.u.opt, n, NULL, &t, s->span);
}
