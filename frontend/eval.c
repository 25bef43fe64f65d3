// Expressions. `eval` gives a value, reading stores; `eval_ref` gives a place, for `update p`, `over
// net.head` and `save`. Everything static is evaluated here and now; everything else becomes nodes.
#include "frontend/foreign.h"
#include "frontend/labels.h"

#include "ir/base/nearest.h"

static Value eval_x(Elab *e, const Expr *x, bool ref);

bool captured_elsewhere(Elab *e, Value v, Span at) {
  bool dim_in_rule = v.kind == V_DIM && e->fn->what == CTX_RULE;
  if (v.ctx == e->fn->serial || dim_in_rule) return false;
  Diag *g = err(e, DIAG_E0703, at, "this value belongs to another function of the program");
  diag_note(
      g,
      "a vjp rule and the parts of a train block each become a function of their own; pass the value in, or "
      "compute it again");
  return true;
}

static Value dim_symbol(Elab *e, const Stmt *s, Span at) {
  Graph *g = e->fn->b.g;
  const char *name = s->u.dim.name.text;
  if (!g->symbol) {
    Scope *saved = e->scope;
    e->scope = home(e, s->span);
    int64_t bound = 0;
    bool ok = eval_int(e, s->u.dim.bound, &bound, "the bound of a dim");
    e->scope = saved;
    if (!ok) return v_poison();
    if (bound < 1 || bound > INT32_MAX) {
      Diag *d = err(e, DIAG_E0211, s->u.dim.bound->span, "the bound of `dim %s` must be at %s", name,
                    bound < 1 ? "least 1" : "most 2147483647");
      diag_label(d, "%lld", (long long)bound);
      return v_poison();
    }
    g->symbol = name;
    g->bound = bound;
    e->fn->dim = s;
  }
  if (e->fn->dim != s) {
    Diag *d = err(e, DIAG_E0212, at, "two dynamic sizes in one function: `%s` and `%s`", g->symbol, name);
    diag_also(d, s->u.dim.name.span, "`%s` names this `dim`, in signatures too", name);
    diag_note(d, "one function may depend on one dynamic size");
    return v_poison();
  }
  return v_dim(e, (Dim){1, 0});
}

static Value thunk_value(Elab *e, const Thunk *t, Span at) {
  if (t->of) {
    Value all = thunk_value(e, t->of, at);
    return all.kind == V_POISON ? all : rvalue(e, all.u.list.data[t->item], at);
  }
  Scope *scope = e->scope;
  e->scope = t->scope;
  Value v = rvalue(e, eval(e, t->expr), at);
  if (t->type) {
    e->scope = scope_new(e, t->scope, SCOPE_LOCAL);
    if (!match_type(e, t->type, &v, t->expr->span, NULL, "value")) v = v_poison();
  }
  e->scope = scope;
  return v;
}

// A place to its value: stores are read, run-time scalars become nodes of this function.
Value rvalue(Elab *e, Value v, Span at) {
  switch (v.kind) {
  case V_STORE: {
    Value x = v_tensor(e, store_read(e, v.u.store, at));
    if (x.kind == V_TENSOR && v.u.store->id != UINT32_MAX) x.u.read.store = v.u.store->id + 1;
    return x;
  }
  case V_TENSOR:
  case V_DIM: return captured_elsewhere(e, v, at) ? v_poison() : v;
  case V_ROLE: return v_tensor(e, role_node(e, v.u.role.role, v.u.role.index));
  case V_DIMDECL: return dim_symbol(e, v.u.decl, at);
  case V_THUNK: return thunk_value(e, v.u.thunk, at);
  case V_SIZE:
    if (v.u.size->bound) return v_int(v.u.size->n);
    diag_label(err(e, DIAG_E0211, at, "this size is not bound yet"),
               "the first application of the layer binds it");
    return v_poison();
  default: return v;
  }
}

static Value eval_name(Elab *e, const Expr *x) {
  const char *name = x->u.name;
  if (name == e->n_training) return v_bool(e->fn->training);
  Binding *b = scope_find(e->scope, name);
  if (b) {
    if (is_std(e, b->span) && !is_std(e, x->span) && lost(e, name))
      return v_poison(); // another one of this name
    e->reads[x->span.begin % N_READS] = (NameRead){x->span, b};
    return binding_value(e, b);
  }
  if (name == e->n_mask) return (Value){.kind = V_DTYPE, .u.dtype = {DT_MASK, false}};
  if (unknown_is_news(e, name)) unknown_name(e, name, nearest_name(e->scope, name), x->span);
  return v_poison();
}

bool eval_int(Elab *e, const Expr *x, int64_t *out, const char *what) {
  Value v = eval(e, x);
  if (v.kind == V_INT) return *out = v.u.i, true;
  if (v.kind == V_POISON) return false;
  diag_label(err(e, DIAG_E0202, x->span, "%s must be a static int", what), "this is %s", v_describe(e, v));
  return false;
}

bool eval_bool(Elab *e, const Expr *x, bool *out, const char *what) {
  Value v = eval(e, x);
  if (v.kind == V_BOOL) return *out = v.u.b, true;
  if (v.kind == V_POISON) return false;
  Diag *g = err(e, DIAG_E0301, x->span, "%s must be a static bool", what);
  diag_label(g, "this is %s", v_describe(e, v));
  if (v.kind == V_TENSOR) diag_note(g, "a choice by a tensor's value is `select(c, a, b)`");
  return false;
}

bool eval_str(Elab *e, const Expr *x, const char **out, const char *what) {
  Value v = eval(e, x);
  if (v.kind == V_STR) return *out = v.u.s, true;
  if (v.kind == V_POISON) return false;
  diag_label(err(e, DIAG_E0202, x->span, "%s must be a string", what), "this is %s", v_describe(e, v));
  return false;
}

static void too_many_iterations(Elab *e, Span at) {
  Diag *g = err(e, DIAG_E0803, at, "more than %d unrolled iterations", MAX_ITERATIONS);
  diag_note(
      g, "`for` is static: its body is elaborated once per iteration; a long loop at run time is a `scan`");
}

bool loop_enter(Elab *e, Span at) {
  if (e->dead) return false;
  if (++e->iterations <= MAX_ITERATIONS) return true;
  too_many_iterations(e, at);
  e->dead = true;
  return false;
}

// `3..0`, written out: who means no iteration at all writes none.
void warn_backwards(Elab *e, const Range *r) {
  const Expr *a = r->from, *b = r->to;
  if (a->kind != EX_INT || b->kind != EX_INT || a->u.i.too_big || b->u.i.too_big) return;
  if (a->u.i.value <= b->u.i.value) return;
  Diag *g = warn(e, DIAG_W0301, NULL, r->span, "this range is empty");
  diag_label(g, "a range counts upwards");
  diag_note(g, "a `scan` runs backwards with `reverse = true`; in `for i in 0..%lld`, `%lld - i` counts down",
            (long long)(a->u.i.value - b->u.i.value), (long long)a->u.i.value);
}

// The elements a `for` or comprehension runs over.
bool range_values(Elab *e, const Range *r, Values *out) {
  *out = (Values){0};
  if (r->to) {
    warn_backwards(e, r);
    int64_t a = 0, b = 0;
    bool ok = eval_int(e, r->from, &a, "the start of a range");
    ok &= eval_int(e, r->to, &b, "the end of a range");
    if (!ok) return false;
    if (b > a && (uint64_t)b - (uint64_t)a > MAX_ITERATIONS) {
      too_many_iterations(e, r->span); // nothing was unrolled: only this loop is wrong
      return false;
    }
    for (int64_t i = a; i < b; i++) vec_push(e->a, out, v_int(i));
    return true;
  }
  Value v = as_places(e, eval(e, r->from));
  if (v.kind == V_POISON) return false;
  if (!v_is_list(v)) {
    Diag *g = err(e, DIAG_E0202, r->from->span, "`for` runs over a range or a list");
    diag_label(g, "this is %s", v_describe(e, v));
    if (v.kind == V_INT) diag_help(g, "write `0..%lld`", (long long)v.u.i);
    if (v.kind == V_TENSOR) diag_note(g, "a loop over the elements of a tensor is a `scan`");
    return false;
  }
  for (uint32_t i = 0; i < v.u.list.len; i++) vec_push(e->a, out, v.u.list.data[i]);
  return true;
}

static Value eval_comprehension(Elab *e, const Expr *x, bool ref) {
  Values in, out = {0};
  if (!range_values(e, &x->u.comp.in, &in)) return v_poison();
  Scope *saved = e->scope;
  bool ok = true;
  for (size_t i = 0; i < in.len && loop_enter(e, x->span); i++) {
    e->scope = scope_new(e, saved, SCOPE_LOCAL);
    vec_push(e->a, &e->frame->loops, (int64_t)i);
    const Pattern *p = x->u.comp.pattern;
    if ((ok = bind_pattern(e, p, in.data[i], false) && ok))
      vec_push(e->a, &out, eval_x(e, x->u.comp.value, ref));
    else if (v_is_list(in.data[i]) && !p->name && in.data[i].u.list.len > p->len)
      diags_withdraw(e->diags, DIAG_E0201, x->u.comp.value->span, in.data[i].u.list.len - p->len);
    e->frame->loops.len--;
  }
  e->scope = saved;
  if (e->dead || !ok) return v_poison();
  return v_list(e, V_LIST, out.data, (uint32_t)out.len);
}

static Value eval_items(Elab *e, const Expr *x, bool ref) {
  uint32_t n = x->u.list.len;
  Value v = {.kind = x->kind == EX_LIST ? V_LIST : V_TUPLE, .u.list = {ARENA_ARRAY(e->a, n, Value), n}};
  for (uint32_t i = 0; i < n; i++) v.u.list.data[i] = eval_x(e, x->u.list.data[i], ref);
  return v;
}

static Value eval_lambda(Elab *e, const Expr *x) {
  Closure *c = ARENA_NEW(e->a, Closure);
  c->lambda = x;
  c->scope = scope_snapshot(e, e->scope);
  return (Value){.kind = V_FN, .u.fn = c};
}

static Value eval_binary(Elab *e, const Expr *x) {
  BinOp op = x->u.bin.op;
  Value a = eval(e, x->u.bin.left);
  if (a.kind == V_BOOL && ((op == BIN_AND && !a.u.b) || (op == BIN_OR && a.u.b))) return a;
  Value b = eval(e, x->u.bin.right);
  if (a.kind == V_BOOL && (op == BIN_AND || op == BIN_OR) && b.kind == V_TENSOR) return b;
  return binary(e, op, a, b, x);
}

static Value eval_unary(Elab *e, const Expr *x) {
  Value v = eval(e, x->u.un.operand);
  if (v.kind == V_POISON) return v;
  if (x->u.un.op == UN_NOT) {
    if (v.kind == V_BOOL) return v_bool(!v.u.b);
    return ew_unary(e, OP_NOT, v, x->span, x->span);
  }
  Dim d;
  if (v_as_dim(v, &d) && dim_sub(dim_of(0), d, &d)) return v_dim(e, d);
  return ew_unary(e, OP_NEG, v, x->span, x->span);
}

static const char *member_hint(const Instance *i, const char *name) {
  Nearest n = nearest_to(name);
  for (size_t k = 0; k < i->stores.len; k++)
    if (foreign_argument(name, &i->stores.data[k]->name, 1)) return i->stores.data[k]->name;
  for (size_t k = 0; k < i->scope->names.len; k++) nearest_try(&n, i->scope->names.data[k]->name);
  for (size_t k = 0; k < i->stores.len; k++) nearest_try(&n, i->stores.data[k]->name);
  for (size_t k = 0; k < i->lists.len; k++) nearest_try(&n, i->lists.data[k].name);
  for (size_t k = 0; k < i->kids.len; k++)
    if (i->kids.data[k]->name && !strchr(i->kids.data[k]->name, '.')) nearest_try(&n, i->kids.data[k]->name);
  return n.best;
}

static bool pattern_binds(const Pattern *p, const char *name) {
  if (p->name == name) return true;
  for (uint32_t i = 0; i < p->len; i++)
    if (pattern_binds(p->items[i], name)) return true;
  return false;
}

// Whether an application of the layer may make a member of this name: bound in its body, or counted
// (dense_0).
static bool made_inside(const StmtList *body, const char *name) {
  const char *end = name + strlen(name);
  while (end > name && end[-1] >= '0' && end[-1] <= '9') end--;
  if (*end && end > name && end[-1] == '_') return true;
  for (uint32_t i = 0; i < body->len; i++) {
    const Stmt *s = body->data[i];
    bool here = false;
    if (s->kind == ST_LET || s->kind == ST_VAR) here = pattern_binds(s->u.let.pattern, name);
    if (s->kind == ST_PARAM || s->kind == ST_STATE) here = s->u.store.name.text == name;
    if (s->kind == ST_FN_DECL) here = made_inside(&s->u.fn.body, name);
    if (s->kind == ST_FOR) here = made_inside(&s->u.loop.body, name);
    if (s->kind == ST_IF)
      here = made_inside(&s->u.cond.then, name) || made_inside(&s->u.cond.otherwise, name);
    if (here) return true;
  }
  return false;
}

static Value instance_member(Elab *e, Value base, const Name *name) {
  Instance *i = base.u.inst.inst;
  bool long_form = i->type->kind == ST_LAYER_LONG;
  Binding *b = scope_local(i->scope, name->text);
  if (b && long_form && b->v.kind == V_FN && b->v.u.fn->self == i) {
    Closure *c = ARENA_NEW(e->a, Closure);
    *c = *b->v.u.fn;
    c->inference |= base.u.inst.inference;
    return (Value){.kind = V_FN, .u.fn = c};
  }
  if (b) return base.u.inst.inference ? as_inference(e, b->v) : b->v;
  StoreRef *s = find_member_store(i, name->text);
  if (s) return v_store(s);
  const Value *list = find_list(i, name->text);
  if (list) return base.u.inst.inference ? as_inference(e, *list) : *list;
  Instance *kid = find_kid(i, name->text);
  if (kid) return (Value){.kind = V_INSTANCE, .u.inst = {kid, base.u.inst.inference}};
  if (made_inside(&i->type->u.layer.body, name->text)) { // later in the program, perhaps
    bool later = !i->applied && e->pass == 0;
    e->rerun |= later;
    e->n_lists += later; // a `let` that names it is evaluated again
    if (later || diags_errors(e->diags)) return v_poison(); // or it was applied to something erroneous
  }
  const char *type = i->type->u.layer.name.text;
  for (uint32_t k = 0; k < i->type->u.layer.body.len; k++) { // one with a syntax error
    const Stmt *m = i->type->u.layer.body.data[k];
    if (m->kind == ST_LET && m->u.let.value->kind == EX_ERROR && m->u.let.pattern->name == name->text)
      return v_poison();
  }
  if (lost(e, name->text) || !first_time(e, "member %s.%s", type, name->text) || lacked(e, name->text))
    return v_poison();
  Diag *g = err(e, DIAG_E0209, name->span, "`%s` has no member `%s`", i->type->u.layer.name.text, name->text);
  const char *near = member_hint(i, name->text), *foreign = foreign_member(name->text);
  if (foreign)
    diag_label(g, "%s", foreign);
  else if (near)
    diag_label(g, "did you mean `%s`?", near);
  else if (!i->applied && made_inside(&i->type->u.layer.body, name->text))
    diag_note(g, "nothing applies `%s`, so it has no parameters", instance_path(e, i));
  return v_poison();
}

// What stands at the top level of an imported file, but for what is ignored there.
static Value module_member(Elab *e, uint32_t module, const Name *name) {
  const Module *m = &e->modules.data[module];
  Scope *s = e->tops[module];
  Binding *b = scope_local(s, name->text);
  const Stmt *export = NULL;
  for (uint32_t i = 0; i < m->file->decls.len; i++) {
    const Stmt *d = m->file->decls.data[i];
    if (d->kind == ST_EXPORT && d->u.fn.name.text == name->text) export = d;
  }
  if (b && !export) return binding_value(e, b);
  if (lost(e, name->text) || !first_time(e, "module %u %s", module, name->text)) return v_poison();
  const char *file = source_get(e->sources, m->file->source)->name;
  Diag *g = err(e, DIAG_E0209, name->span, "%s has no `%s`", file, name->text);
  if (export) {
    diag_note(g, "`train`, `test` and `export` of an imported file are ignored; a `fn` is visible");
    return v_poison();
  }
  Nearest n = nearest_to(name->text);
  for (size_t i = 0; i < s->names.len; i++) nearest_try(&n, s->names.data[i]->name);
  if (n.best) diag_label(g, "did you mean `%s`?", n.best);
  return v_poison();
}

// `x.sum()`: what is a method elsewhere is mostly a function here.
static void member_note(Elab *e, Diag *g, const char *name) {
  const char *foreign = foreign_member(name);
  const Binding *b = scope_find(e->scope, name);
  if (foreign)
    diag_note(g, "%s", foreign);
  else if (b && (b->v.kind == V_BUILTIN || b->v.kind == V_FN))
    diag_note(g, "functions stand alone: `%s(x)`", name);
}

static Value list_kid(Elab *e, const Name *name) {
  diag_label(err(e, DIAG_E0209, name->span, "a list has no member `%s`", name->text),
             "elements are taken with `[i]`");
  return v_poison();
}

static Value member_of(Elab *e, Value base, const Name *name) {
  switch (base.kind) {
  case V_POISON: return base;
  case V_INSTANCE: return instance_member(e, base, name);
  case V_RECORD: {
    DType t;
    return v_tensor(e, record_field(e, base.u.record.use, base.u.record.stream, name, &t));
  }
  case V_LIST: return list_kid(e, name);
  case V_MODULE: return module_member(e, base.u.module, name);
  default: {
    Diag *g = err(e, DIAG_E0209, name->span, "this value has no members");
    diag_label(g, "`.%s` of %s", name->text, v_describe(e, base));
    if (base.kind == V_DATA || base.kind == V_LAYER || base.kind == V_TUPLE)
      remedy(e, g, base);
    else
      member_note(e, g, name->text);
    return v_poison();
  }
  }
}

static Value eval_if(Elab *e, const Expr *x, bool ref) {
  bool c;
  if (!eval_bool(e, x->u.cond.cond, &c, "the condition of `if`")) return v_poison();
  bool mode = mentions_training(e, x->u.cond.cond);
  e->under_training += mode;
  Value v = eval_x(e, c ? x->u.cond.then : x->u.cond.otherwise, ref);
  e->under_training -= mode;
  return v;
}

static Value eval_kind(Elab *e, const Expr *x, bool ref) {
  switch (x->kind) {
  case EX_INT:
    if (x->u.i.too_big) {
      Diag *g = err(e, DIAG_E0104, x->span, "this integer does not fit into 64 bits");
      diag_label(g, "the greatest is 9223372036854775807");
      return v_poison();
    }
    return v_int(x->u.i.value);
  case EX_FLOAT: return v_float(x->u.f);
  case EX_STR: return v_str(x->u.str.text);
  case EX_BOOL: return v_bool(x->u.b);
  case EX_NAME: return eval_name(e, x);
  case EX_DTYPE:
    return (Value){.kind = V_DTYPE,
                   .u.dtype = {x->u.dtype.is_real ? e->real : x->u.dtype.type, x->u.dtype.is_real}};
  case EX_TUPLE:
  case EX_LIST: return eval_items(e, x, ref);
  case EX_COMPREHENSION: return eval_comprehension(e, x, ref);
  case EX_IF: return eval_if(e, x, ref);
  case EX_LAMBDA: return eval_lambda(e, x);
  case EX_PIPE: return eval_pipe(e, x);
  case EX_BINARY: return eval_binary(e, x);
  case EX_UNARY: return eval_unary(e, x);
  case EX_CALL: return eval_call(e, x);
  case EX_INDEX: return eval_index(e, x);
  case EX_MEMBER: return member_of(e, eval_ref(e, x->u.member.base), &x->u.member.name);
  case EX_SCAN: return eval_loop(e, x);
  case EX_EINSUM: return eval_einsum(e, x);
  case EX_REARRANGE:
  case EX_REDUCE: return eval_rearrange(e, x);
  case EX_ERROR: return v_poison();
  }
  return v_poison();
}

static Value eval_x(Elab *e, const Expr *x, bool ref) {
  if (e->dead || diags_full(e->diags)) return v_poison();
  if (++e->depth > MAX_EVAL_DEPTH) {
    err(e, DIAG_E0806, x->span, "expressions are nested too deeply (more than %d levels)", MAX_EVAL_DEPTH);
    e->dead = true;
  }
  Value v = e->dead ? v_poison() : eval_kind(e, x, ref);
  if (!ref && !e->dead) v = rvalue(e, v, x->span);
  e->depth--;
  e->n_nodes += e->fn->b.g->len - e->fn->counted;
  e->fn->counted = e->fn->b.g->len;
  if (e->n_nodes > MAX_NODES && !e->dead) {
    Diag *g = err(e, DIAG_E0807, x->span, "the program has more than %d operations", MAX_NODES);
    diag_note(g, "static loops are unrolled: a long loop at run time is a `scan`");
    e->dead = true;
  }
  if (e->n_static > MAX_STATIC && !e->dead) {
    Diag *g =
        err(e, DIAG_E0805, x->span, "all lists and strings together have more than %d elements", MAX_STATIC);
    diag_note(g, "`s + [i]` makes a new list each time; `[… for i in a..b]` makes one");
    e->dead = true;
  }
  return v;
}

Value eval(Elab *e, const Expr *x) { return eval_x(e, x, false); }
Value eval_ref(Elab *e, const Expr *x) { return eval_x(e, x, true); }
