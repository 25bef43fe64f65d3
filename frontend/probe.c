// What nobody applies is still checked. Data blocks are elaborated with sample arguments. When the program
// has errors anyway, so are functions and layers that no elaboration reached, twice with different sizes:
// what is wrong both times is reported. (A program without errors may hold a function whose sizes nobody gave
// yet.)
#include "frontend/sema.h"

enum { SAMPLE_A = 12, SAMPLE_B = 24 };

bool visited(const Elab *e, const void *decl) {
  for (size_t i = 0; i < e->visited.len; i++)
    if (e->visited.data[i] == decl) return true;
  return false;
}

void visit(Elab *e, const void *decl) {
  if (!visited(e, decl)) vec_push(e->a, &e->visited, decl);
}

static bool sample_dim(Elab *e, const DimSpec *d, int64_t size, Shape *out) {
  if (out->rank + 1 >= MAX_RANK) return false;
  Binding *b = d->kind == DIM_EXPR && d->expr->kind == EX_NAME ? scope_find(e->scope, d->expr->u.name) : NULL;
  if (d->kind == DIM_STAR || (d->kind == DIM_EXPR && d->expr->kind == EX_NAME && !b)) {
    out->d[out->rank++] = dim_of(size);
    return true;
  }
  if (d->kind != DIM_EXPR || size_to_bind(d->expr, size_is_new, e)) return false;
  Value v = eval(e, d->expr);
  if (v.kind != V_INT) return false;
  out->d[out->rank++] = dim_of(v.u.i);
  return true;
}

static bool sample_tensor(Elab *e, const Type *t, int64_t size, Value *out) {
  Shape s = {0};
  for (uint32_t i = 0; t->has_shape && i < t->n_dims; i++)
    if (!sample_dim(e, &t->dims[i], size, &s)) return false;
  if (!check_elements(e, &s, t->span)) return false;
  *out = v_tensor(e, b_input(&e->fn->b, IN_ARG, 0, "sample", type_dtype(e, t), s));
  return true;
}

static bool sample_static(StaticType t, int64_t size, Value *out) {
  switch (t) {
  case ST_INT: *out = v_int(size); return true;
  case ST_FLOAT: *out = v_float(0.5); return true;
  case ST_BOOL: *out = v_bool(false); return true;
  case ST_STR: *out = v_str("train"); return true;
  default: return false;
  }
}

// Arguments for the parameters without default; false when there is no sample of one.
static bool samples(Elab *e, const ParamList *p, int64_t size, Args *out) {
  *out = eval_args(e, NULL, NULL, (Span){0});
  out->names = ARENA_ARRAY(e->a, p->len + 1, const char *);
  out->v = ARENA_ARRAY(e->a, p->len + 1, Value);
  out->spans = ARENA_ARRAY(e->a, p->len + 1, Span);
  out->name_spans = ARENA_ARRAY(e->a, p->len + 1, Span);
  for (uint32_t i = 0; i < p->len; i++) {
    if (p->data[i].dflt) continue;
    const Type *t = p->data[i].type;
    Value v;
    bool ok = t->kind == TY_TENSOR ? sample_tensor(e, t, size, &v)
                                   : t->kind == TY_STATIC && sample_static(t->st, size, &v);
    if (!ok) return false;
    out->names[out->n] = p->data[i].name.text;
    out->v[out->n] = v;
    out->spans[out->n] = out->name_spans[out->n] = p->data[i].span;
    out->n++;
    if (v.kind == V_INT) scope_bind(e, e->scope, p->data[i].name.text, v, (Span){0});
  }
  return true;
}

static void call_sample(Elab *e, Value f, const ParamList *p, int64_t size, Span span) {
  Scope *saved = e->scope;
  Args args;
  e->scope = scope_new(e, saved, SCOPE_LOCAL);
  bool ok = samples(e, p, size, &args);
  e->scope = saved;
  if (ok && f.kind == V_FN) call_closure(e, f.u.fn, &args, NULL, span);
  if (ok && f.kind == V_INSTANCE) apply_instance(e, f.u.inst.inst, false, &args, NULL, span);
}

static void probe_layer(Elab *e, const Stmt *s, int64_t size) {
  Args args;
  Instance *root = ARENA_NEW(e->a, Instance);
  root->type = s;
  root->name = root->path = arena_printf(e->a, "sample_%lld", (long long)size);
  e->inst = root;
  Scope *saved = e->scope;
  e->scope = scope_new(e, saved, SCOPE_LOCAL);
  bool ok = samples(e, &s->u.layer.attrs, size, &args);
  e->scope = saved;
  if (!ok) return;
  Value v = make_instance(e, s, &args, (const Expr *)(const void *)s, s->u.layer.name.span);
  if (v.kind != V_INSTANCE) return;
  if (s->kind == ST_LAYER_SHORT) {
    call_sample(e, v, &s->u.layer.inputs, size, s->u.layer.name.span);
    return;
  }
  Scope *members = v.u.inst.inst->scope;
  for (size_t i = 0; i < members->names.len; i++) {
    Value m = members->names.data[i]->v;
    if (m.kind == V_FN && m.u.fn->decl && m.u.fn->self == v.u.inst.inst && !visited(e, m.u.fn->decl))
      call_sample(e, m, &m.u.fn->decl->params, size, s->u.layer.name.span);
  }
}

// One trial of everything in `todo`; its errors.
static Diags *trial(Elab *e, const Stmt *s, int64_t size) {
  size_t said = e->said.len, wrong = e->wrong.len;
  Diags *saved = e->diags, *mine = e->diags = diags_new(e->a, e->sources);
  e->probing = true;
  Ctx *c = ctx_new(e, CTX_FN, FN_STEP, "sample", NULL, 1, s->span);
  Saved old = enter_ctx(e, c, scope_new(e, home(e, s->span), SCOPE_LOCAL));
  if (s->kind == ST_FN_DECL) {
    Closure f = {.name = s->u.fn.name.text, .decl = &s->u.fn, .scope = home(e, s->span)};
    call_sample(e, (Value){.kind = V_FN, .u.fn = &f}, &s->u.fn.params, size, s->u.fn.name.span);
  } else {
    probe_layer(e, s, size);
  }
  leave_ctx(e, old);
  e->probing = false;
  e->diags = saved;
  e->said.len = said; // the next trial says it again
  e->wrong.len = wrong;
  return mine;
}

static void probe_data(Elab *e, const Stmt *s) {
  for (size_t i = 0; i < e->data.len; i++)
    if (e->data.data[i]->decl == s) return;
  const ParamList *p = &s->u.data.params;
  for (uint32_t i = 0; i < p->len; i++)
    if (!p->data[i].dflt && !(p->data[i].type->kind == TY_STATIC && p->data[i].type->st == ST_STR)) return;
  Args args;
  if (!samples(e, p, SAMPLE_A, &args)) return;
  size_t n = e->data.len;
  data_use(e, s, &args, s->u.data.name.span);
  e->data.len = n;
}

static void probe_file(Elab *e, const File *f) {
  const StmtList *l = &f->decls;
  bool wrong = diags_errors(e->diags) > 0;
  for (uint32_t i = 0; i < l->len; i++)
    if (l->data[i]->kind == ST_DATA) probe_data(e, l->data[i]);
  uint32_t n = 0;
  const Stmt **todo = ARENA_ARRAY(e->a, l->len, const Stmt *);
  for (uint32_t i = 0; wrong && i < l->len; i++) {
    const Stmt *s = l->data[i];
    bool fn = s->kind == ST_FN_DECL && !visited(e, &s->u.fn);
    bool layer = (s->kind == ST_LAYER_SHORT || s->kind == ST_LAYER_LONG) && !visited(e, s);
    if (fn || layer) todo[n++] = s;
  }
  for (uint32_t i = 0; i < n && !e->dead; i++) {
    const Diags *a = trial(e, todo[i], SAMPLE_A), *b = e->dead ? a : trial(e, todo[i], SAMPLE_B);
    const char *name = todo[i]->kind == ST_FN_DECL ? todo[i]->u.fn.name.text : todo[i]->u.layer.name.text;
    diags_take_common(
        e->diags, a, b,
        arena_printf(e->a, "`%s` is not used: %d stands for the sizes it would be given", name, SAMPLE_A));
  }
}

void probe_unvisited(Elab *e) {
  for (uint32_t i = 0; i < e->modules.n && !e->dead; i++) probe_file(e, e->modules.data[i].file);
}
