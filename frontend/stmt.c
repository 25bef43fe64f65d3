// Statements of function, layer and step bodies. Loops and choices are static; `var` is assigned in the scope
// that holds it, which makes it single assignment in the graph.
#include "frontend/sema.h"

bool let_value(Elab *e, const Stmt *s, Value *out) {
  *out = eval(e, s->u.let.value);
  const Type *t = s->u.let.type;
  if (t && out->kind != V_POISON && !match_type(e, t, out, s->u.let.value->span, NULL, "value"))
    *out = v_poison();
  return out->kind != V_POISON;
}

static void name_pattern(Elab *e, const Pattern *p, Value v) {
  if (p->name) {
    if (p->name != e->n_discard) name_value(e, v, p->name, e->inst ? e->inst : &e->orphans);
    return;
  }
  for (uint32_t i = 0; i < p->len && (v.kind == V_TUPLE || v.kind == V_LIST) && i < v.u.list.len; i++)
    name_pattern(e, p->items[i], v.u.list.data[i]);
}

static void exec_let(Elab *e, const Stmt *s) {
  Value v;
  let_value(e, s, &v);
  name_pattern(e, s->u.let.pattern, v);
  bind_pattern(e, s->u.let.pattern, v, s->kind == ST_VAR);
}

// A statement that was dropped, or not run for a mistake in its head, may have assigned any variable.
static void forget_vars(Elab *e) {
  for (Scope *s = e->scope; s && s->kind == SCOPE_LOCAL; s = s->up)
    for (size_t i = 0; i < s->names.len; i++)
      if (s->names.data[i]->is_var) s->names.data[i]->v = v_poison();
}

static bool returns(const StmtList *b) {
  for (uint32_t i = 0; i < b->len; i++) {
    const Stmt *s = b->data[i];
    if (s->kind == ST_RETURN || (s->kind == ST_FOR && returns(&s->u.loop.body))) return true;
    if (s->kind == ST_IF && (returns(&s->u.cond.then) || returns(&s->u.cond.otherwise))) return true;
  }
  return false;
}

// A `for` or `if` with a mistake in its head: what it would have assigned or returned is not known.
static Flow skip(Elab *e, bool may_return) {
  forget_vars(e);
  if (!may_return) return FLOW_NEXT;
  e->ret = v_poison();
  return FLOW_RETURN;
}

// The rest of a body is not looked at; among the members of a layer nothing returns, and methods come after.
static Flow give_up(Elab *e) {
  if (e->inst && e->inst->type->kind == ST_LAYER_LONG && e->frame->what == e->inst) return FLOW_NEXT;
  e->fn->recovered = true;
  skip(e, true);
  return FLOW_FAILED;
}

static Flow exec_for(Elab *e, const Stmt *s) {
  Values in;
  Flow f = FLOW_NEXT;
  if (!range_values(e, &s->u.loop.in, &in)) return skip(e, returns(&s->u.loop.body));
  Scope *saved = e->scope;
  for (size_t i = 0; i < in.len && f == FLOW_NEXT && loop_enter(e, s->span); i++) {
    e->scope = scope_new(e, saved, SCOPE_LOCAL);
    vec_push(e->a, &e->frame->loops, (int64_t)i);
    bind_pattern(e, s->u.loop.pattern, in.data[i], false);
    f = exec_block(e, &s->u.loop.body);
    e->frame->loops.len--;
  }
  e->scope = saved;
  return f;
}

bool mentions_training(const Elab *e, const Expr *x) {
  switch (x->kind) {
  case EX_NAME: return x->u.name == e->n_training;
  case EX_UNARY: return mentions_training(e, x->u.un.operand);
  case EX_BINARY: return mentions_training(e, x->u.bin.left) || mentions_training(e, x->u.bin.right);
  default: return false;
  }
}

static Flow exec_if(Elab *e, const Stmt *s) {
  bool c;
  if (!eval_bool(e, s->u.cond.cond, &c, "the condition of `if`"))
    return skip(e, returns(&s->u.cond.then) || returns(&s->u.cond.otherwise));
  bool mode = mentions_training(e, s->u.cond.cond);
  e->under_training += mode;
  Flow f = FLOW_NEXT;
  if (c)
    f = exec_block(e, &s->u.cond.then);
  else if (s->u.cond.has_else)
    f = exec_block(e, &s->u.cond.otherwise);
  e->under_training -= mode;
  return f;
}

// "k = 5, n = 4": the sizes that a condition names, and with `floats` other numbers.
static void name_sizes(Elab *e, const Expr *x, bool floats, StrBuf *out) {
  if (x->kind == EX_BINARY) {
    name_sizes(e, x->u.bin.left, floats, out);
    name_sizes(e, x->u.bin.right, floats, out);
  }
  const Binding *b = x->kind == EX_NAME ? scope_find(e->scope, x->u.name) : NULL;
  Dim d;
  const char *value = NULL;
  if (b && v_as_dim(b->v, &d)) value = dim_text(e, d);
  if (b && floats && b->v.kind == V_FLOAT) value = arena_printf(e->a, "%g", b->v.u.f);
  if (!value) return;
  const char *text = arena_printf(e->a, "%s = %s", x->u.name, value);
  if (!out->len || !strstr(out->text, text)) sb_printf(out, "%s%s", out->len ? ", " : "", text);
}

static bool asks_sizes(Elab *e, const Expr *x) {
  StrBuf sizes = {0};
  name_sizes(e, x, false, &sizes);
  bool any = sizes.len > 0;
  strbuf_free(&sizes);
  return any;
}

// A mask is checked when the program runs, with -fchecks; in a `when` only where its mask is true.
static void assert_tensor(Elab *e, const Stmt *s, Value v) {
  const Expr *cond = s->u.assertion.cond, *message = s->u.assertion.message;
  Builder *b = &e->fn->b;
  if (!asserted_mask(e, s, &v)) return;
  if (e->fn->what == CTX_RULE) {
    diag_label(err(e, DIAG_E0610, cond->span, "`assert` of a tensor can't stand here"),
               "a vjp rule has no effects");
    return;
  }
  if (!e->opt->checks || e->fn->what != CTX_FN) return;
  b->span = user_span(e, cond->span);
  add_root(e, e->fn, b_assert(b, v.u.node, message ? message->u.str.text : ""), ROOT_EFFECT, NULL);
}

// A layer of the library that is applied: what it asserts is mostly about how it was made.
static void say_where_made(Elab *e, const Stmt *s, Diag *g) {
  if (!is_std(e, s->span)) return;
  const Instance *i = e->inst;
  while (i && (!i->span.source || is_std(e, i->span))) i = i->owner;
  if (!i) return;
  Span at = user_span(e, s->span);
  bool inside = at.source == i->span.source && at.begin <= i->span.begin && i->span.end <= at.end;
  if (!inside) diag_also(g, i->span, "made here");
}

// Where an assertion does not hold, what follows it is wrong in consequence.
static Flow exec_assert(Elab *e, const Stmt *s) {
  Value v = eval(e, s->u.assertion.cond);
  if (v.kind == V_POISON) return asks_sizes(e, s->u.assertion.cond) ? give_up(e) : FLOW_NEXT;
  if (test_assert(e, s, v)) return FLOW_NEXT;
  if (v_graph_bound(v) || v.kind == V_STORE) {
    assert_tensor(e, s, v);
    return FLOW_NEXT;
  }
  if (v.kind != V_BOOL) {
    Diag *g = err(e, DIAG_E0202, s->u.assertion.cond->span, "`assert` wants a bool");
    diag_label(g, "this is %s", v_describe(e, v));
    if (v.kind == V_TUPLE) diag_note(g, "`assert c, \"text\";` stands without parentheses");
    return FLOW_NEXT;
  }
  if (v.u.b || may_grow(e)) return FLOW_NEXT;
  const Expr *m = s->u.assertion.message;
  Diag *g = err(e, DIAG_E0306, s->u.assertion.cond->span, "assertion failed%s%s", m ? ": " : "",
                m ? m->u.str.text : "");
  StrBuf sizes = {0};
  name_sizes(e, s->u.assertion.cond, true, &sizes);
  bool library = is_std(e, s->span); // then the place is a call: it is not what is false
  if (!library) diag_label(g, "this is false");
  if (sizes.len && library) diag_label(g, "%s", sb_text(&sizes));
  if (sizes.len && !library) diag_note(g, "%s", sb_text(&sizes));
  strbuf_free(&sizes);
  say_where_made(e, s, g);
  const Expr *c = s->u.assertion.cond; // `n >= 1`: that n is negative is said
  Value n = c->kind == EX_BINARY ? eval(e, c->u.bin.left) : v_poison();
  if (n.kind == V_INT && n.u.i < 0) (void)said_of_constant(e, n.u.i);
  return give_up(e);
}

// The name (or the list it is bound to) through which a store is written stands for the store from here on.
static void becomes_place(Elab *e, const Expr *target) {
  while (target->kind == EX_INDEX) target = target->u.index.base;
  Binding *b = target->kind == EX_NAME ? scope_find(e->scope, target->u.name) : NULL;
  if (b && !b->decl) b->v = as_places(e, b->v);
}

static StoreRef *updated(Elab *e, const Expr *target) {
  Value t = eval_ref(e, target);
  StoreRef *store = store_of(e, t);
  if (t.kind == V_POISON || t.kind == V_STORE) return store;
  if (store && store_current(e, t)) {
    becomes_place(e, target);
    return store;
  }
  if (e->probing && t.kind == V_TENSOR && t.ctx == e->fn->serial && node_of(e, t.u.node)->op == OP_INPUT)
    return NULL; // an argument, of a function that nobody calls
  Diag *g = err(e, DIAG_E0607, target->span, "`update` writes a parameter or a state");
  if (!store) {
    diag_label(g, "this is %s", v_describe(e, t));
    if (t.kind == V_TENSOR)
      diag_note(g, "a value that changes in a body is a `var`, assigned by `=`; one that is kept is a `state`");
    if (t.kind == V_INSTANCE) diag_note(g, "those of a layer are written one by one: `update net.W = …;`");
    return NULL;
  }
  const char *path = e->stores.data[store->id].name;
  diag_label(g, "this is what `%s` was before it was written", path);
  diag_note(g, "a `let` keeps the value of its place in the program; `update %s = …;` writes the store", path);
  return NULL;
}

void exec_update(Elab *e, const Expr *target, const Expr *value) {
  StoreRef *store = updated(e, target);
  Value v = eval(e, value);
  if (store && v.kind != V_POISON) store_write(e, store, v, target->span, value->span);
}

// With a syntax error: what was to be assigned, if anything was.
static void poison_assigned(Elab *e, const Expr *x) {
  for (uint32_t i = 0; x->kind == EX_TUPLE && i < x->u.list.len; i++) poison_assigned(e, x->u.list.data[i]);
  Binding *b = x->kind == EX_NAME ? scope_find(e->scope, x->u.name) : NULL;
  if (b && b->is_var) b->v = v_poison();
}

static void exec_assign(Elab *e, const Stmt *s) {
  if (s->u.assign.value->kind == EX_ERROR) {
    poison_assigned(e, s->u.assign.target);
    return;
  }
  Value v = eval(e, s->u.assign.value);
  const Expr *to = s->u.assign.target;
  if (v.kind == V_VOID && !(to->kind == EX_NAME && to->u.name == e->n_discard)) {
    diag_label(err(e, DIAG_E0202, s->u.assign.value->span, "there is no value to assign"),
               "the function called returns nothing");
    v = v_poison();
  }
  assign_pattern(e, to, v);
}

static void misplaced(Elab *e, const Stmt *s, const char *what, const char *where) {
  diag_label(err(e, DIAG_E0610, s->span, "%s can't stand here", what), "%s", where);
}

static void exec_fn(Elab *e, const Stmt *s) {
  Closure *c = ARENA_NEW(e->a, Closure);
  c->name = s->u.fn.name.text;
  c->decl = &s->u.fn;
  c->scope = e->scope;
  c->self = e->inst;
  define(e, c->name, (Value){.kind = V_FN, .u.fn = c}, false, s->u.fn.name.span);
}

static void exec_finish(Elab *e, const Stmt *s) {
  if (e->fn->kind != FN_EVAL || e->fn->what != CTX_FN || e->inst) {
    misplaced(e, s, "`finish`", "it belongs to an `eval` block");
    return;
  }
  if (!outside_when(e, s->span, "`finish`", 0)) return;
  if (e->fn->finish) {
    misplaced(e, s, "a second `finish`", "an `eval` has one at most");
    return;
  }
  e->fn->finish = s;
  e->fn->finish_scope = e->scope;
}

Flow exec_stmt(Elab *e, const Stmt *s) {
  if (e->dead || diags_full(e->diags)) return FLOW_NEXT;
  switch (s->kind) {
  case ST_LET:
  case ST_VAR: exec_let(e, s); break;
  case ST_FN_DECL: exec_fn(e, s); break;
  case ST_PARAM:
  case ST_STATE: exec_store(e, s); break;
  case ST_ASSIGN: exec_assign(e, s); break;
  case ST_FOR: return exec_for(e, s);
  case ST_IF: return exec_if(e, s);
  case ST_WHEN: exec_when(e, s); break;
  case ST_RETURN:
    e->ret = eval(e, s->u.value);
    e->ret_span = s->u.value->span;
    return FLOW_RETURN;
  case ST_YIELD: return exec_yield(e, s);
  case ST_NEXT: exec_next(e, s); break;
  case ST_UPDATE: exec_update(e, s->u.assign.target, s->u.assign.value); break;
  case ST_MINIMIZE: exec_minimize(e, s); break;
  case ST_REPORT: exec_report(e, s); break;
  case ST_FINISH: exec_finish(e, s); break;
  case ST_PRINT: exec_print(e, s); break;
  case ST_ASSERT: return exec_assert(e, s);
  case ST_ERROR: forget_vars(e); break;
  default: break; // the grammar has no other in a body
  }
  return FLOW_NEXT;
}

Flow exec_stmts(Elab *e, const StmtList *b) {
  Flow f = FLOW_NEXT;
  for (uint32_t i = 0; i < b->len && f == FLOW_NEXT; i++) f = exec_stmt(e, b->data[i]);
  return f;
}

Flow exec_block(Elab *e, const StmtList *b) {
  Scope *saved = e->scope;
  e->scope = scope_new(e, saved, SCOPE_LOCAL);
  Flow f = exec_stmts(e, b);
  e->scope = saved;
  return f;
}
