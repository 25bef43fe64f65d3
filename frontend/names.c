// One walk over the syntax tree before elaboration. It numbers the calls of each body (sites of random draws)
// and, in the user's file, reports unknown names everywhere, also in bodies that nobody calls. (Long: a case
// for each kind of expression and of statement.)
#include "frontend/sema.h"

#include "ir/base/nearest.h"

typedef struct Walk {
  Elab *e;
  Scope *top; // of the file
  bool check;
  VEC(const char *) names;
  VEC(uint32_t) fixed; // parallel: where a `let` bound it, so that it can't be assigned; 0: it can
  const ParamList *in; // of the function or layer around
  const Expr *lambda;  // the innermost around
  bool listing;        // inside `over`, `except`, `save`, `load`: names there apply nothing
  uint32_t calls;
} Walk;

static void expr(Walk *w, const Expr *x);
static void block(Walk *w, const StmtList *b);
static void stmt(Walk *w, const Stmt *s);

// ---- numbers of calls

static size_t slot(const Expr *const *key, uint32_t cap, const Expr *x) {
  size_t i = ((uintptr_t)x >> 4) * 0x9E3779B97F4A7C15u % cap;
  while (key[i] && key[i] != x) i = (i + 1) % cap;
  return i;
}

static void number(Walk *w, const Expr *x) {
  Elab *e = w->e;
  if (e->ordinals.n * 2 >= e->ordinals.cap) {
    uint32_t cap = e->ordinals.cap ? e->ordinals.cap * 2 : 1024;
    const Expr **key = ARENA_ARRAY(e->a, cap, const Expr *);
    uint32_t *value = ARENA_ARRAY(e->a, cap, uint32_t);
    for (uint32_t i = 0; i < e->ordinals.cap; i++) {
      if (!e->ordinals.key[i]) continue;
      size_t k = slot(key, cap, e->ordinals.key[i]);
      key[k] = e->ordinals.key[i];
      value[k] = e->ordinals.value[i];
    }
    e->ordinals.key = key;
    e->ordinals.value = value;
    e->ordinals.cap = cap;
  }
  size_t k = slot(e->ordinals.key, e->ordinals.cap, x);
  e->ordinals.key[k] = x;
  e->ordinals.value[k] = w->calls++;
  e->ordinals.n++;
}

uint32_t call_ordinal(const Elab *e, const Expr *x) {
  if (!x || !e->ordinals.cap) return 0;
  size_t k = slot(e->ordinals.key, e->ordinals.cap, x);
  return e->ordinals.key[k] ? e->ordinals.value[k] : 0;
}

// ---- names

static void bind(Walk *w, const char *name) {
  if (!name) return;
  w->fixed.len = w->names.len;
  vec_push(w->e->a, &w->names, name);
  vec_push(w->e->a, &w->fixed, 0);
}

static void bind_named(Walk *w, const char *name, Span at) {
  if (w->check && name && !scope_local(w->top, name) && scope_local(w->e->std, name))
    diag_label(diag_warning(w->e->diags, DIAG_W0202, "shadow", at, "`%s` hides a library name", name),
               "the library's is not visible here");
  bind(w, name);
}

static bool known(const Walk *w, const char *name) {
  const Elab *e = w->e;
  for (size_t i = w->names.len; i-- > 0;)
    if (w->names.data[i] == name) return true;
  return name == e->n_training || name == e->n_mask || scope_find(w->top, name) != NULL;
}

static bool local(const Walk *w, const char *name) {
  for (size_t i = w->names.len; i-- > 0;)
    if (w->names.data[i] == name) return true;
  return false;
}

// A model that is listed somewhere and applied nowhere.
static void mention(Walk *w, const char *name, Span at) {
  Binding *b = local(w, name) ? NULL : scope_local(w->top, name);
  if (!b || !b->decl || b->decl->kind != ST_MODEL) return;
  if (!w->listing)
    b->mentioned = true;
  else if (!b->listed.source)
    b->listed = at;
}

static void use(Walk *w, const char *name, Span at) {
  if (w->check) mention(w, name, at);
  if (!w->check || diags_full(w->e->diags) || known(w, name) || !unknown_is_news(w->e, name)) return;
  Nearest n = nearest_to(name);
  for (size_t i = w->names.len; i-- > 0;) nearest_try(&n, w->names.data[i]);
  for (const Scope *s = w->top; s; s = s->up)
    for (size_t i = 0; i < s->names.len; i++) nearest_try(&n, s->names.data[i]->name);
  unknown_name(w->e, name, n.best, at);
  if (w->lambda) first_time(w->e, "lambda %u %u unknown", w->lambda->span.source, w->lambda->span.begin);
  if (!w->in) return;
  first_time(w->e, "params %u %u unknown", w->in->span.source, w->in->span.begin);
  first_time(w->e, "params %u %u unknown %s", w->in->span.source, w->in->span.begin, name);
}

static void pattern_as(Walk *w, const Pattern *p, bool fixed) {
  bind_named(w, p->name, p->span);
  if (p->name && fixed) w->fixed.data[w->fixed.len - 1] = p->span.begin + 1;
  for (uint32_t i = 0; i < p->len; i++) pattern_as(w, p->items[i], fixed);
}

static void pattern(Walk *w, const Pattern *p) { pattern_as(w, p, false); }

static void assigned(Walk *w, const Expr *x) {
  for (uint32_t i = 0; x->kind == EX_TUPLE && i < x->u.list.len; i++) assigned(w, x->u.list.data[i]);
  if (!w->check || x->kind != EX_NAME || x->u.name == w->e->n_discard) return;
  for (size_t i = w->names.len; i-- > 0;) {
    if (w->names.data[i] != x->u.name) continue;
    if (w->fixed.data[i] && first_time(w->e, "let %u", w->fixed.data[i] - 1))
      diag_label(diag_error(w->e->diags, DIAG_E0206, x->span, "`%s` cannot be assigned", x->u.name),
                 "it is not a `var`");
    return;
  }
}

// What is assigned: a name, a tuple of them; `_` drops its part.
static void assign_target(Walk *w, const Expr *x) {
  if (x->kind == EX_TUPLE)
    for (uint32_t i = 0; i < x->u.list.len; i++) assign_target(w, x->u.list.data[i]);
  else if (x->kind != EX_NAME || x->u.name != w->e->n_discard)
    expr(w, x);
}

// A `let` was forgotten: one mistake, however many names the pattern has.
static bool undeclared(Walk *w, const Expr *x) {
  const Expr *first = x->kind == EX_TUPLE && x->u.list.len ? x->u.list.data[0] : x;
  if (!w->check || first->kind != EX_NAME || first->u.name == w->e->n_discard || known(w, first->u.name))
    return false;
  Nearest n = nearest_to(first->u.name);
  for (size_t i = w->names.len; i-- > 0;) nearest_try(&n, w->names.data[i]);
  bool news = unknown_is_news(w->e, first->u.name);
  for (uint32_t i = 0; x->kind == EX_TUPLE && i < x->u.list.len; i++) // nor are the others
    if (x->u.list.data[i]->kind == EX_NAME) first_time(w->e, "name %s", x->u.list.data[i]->u.name);
  if (!news) return true;
  Diag *g = diag_error(w->e->diags, DIAG_E0201, first->span, "unknown name `%s`", first->u.name);
  if (n.best)
    diag_label(g, "did you mean `%s`?", n.best);
  else
    diag_label(g, "a new name is made by `let %s = …;`", x == first ? first->u.name : "(…)");
  return true;
}

static bool unknown(void *walk, const Expr *name) { return !known(walk, name->u.name); }

// A size written as a negative number is wrong whether anybody applies what it stands in or not.
static void no_negative_size(Walk *w, const Type *t, const DimSpec *d) {
  const Expr *x = d->expr;
  if (!w->check || x->kind != EX_UNARY || x->u.un.op != UN_NEG || x->u.un.operand->kind != EX_INT) return;
  if (x->u.un.operand->u.i.value == 0) return;
  diag_label(diag_error(w->e->diags, DIAG_E0211, d->span, "a size can't be negative"), "this is -%lld",
             (long long)x->u.un.operand->u.i.value);
  diags_mute(w->e->diags, t->span);
}

// Sizes: with `binds`, the one name that is unknown binds.
static void type(Walk *w, const Type *t, bool binds) {
  if (!t) return;
  for (uint32_t i = 0; i < t->items.len; i++) type(w, t->items.data[i], binds);
  if (t->kind != TY_TENSOR || !t->has_shape) return;
  for (uint32_t i = 0; i < t->n_dims; i++) {
    const DimSpec *d = &t->dims[i];
    if (d->kind == DIM_STAR) bind(w, d->name);
    if (d->kind != DIM_EXPR) continue;
    const Expr *name = binds ? size_to_bind(d->expr, unknown, w) : NULL;
    if (name) bind(w, name->u.name);
    no_negative_size(w, t, d);
    expr(w, d->expr);
  }
}

static void parameter_twice(Walk *w, const Name *name, const Name *first) {
  if (!w->check || name->text != first->text || name->text == w->e->n_discard) return;
  Diag *g =
      diag_error(w->e->diags, DIAG_E0205, name->span, "the parameter `%s` is declared twice", name->text);
  diag_also(g, first->span, "the first declaration");
}

static void params(Walk *w, const ParamList *p) {
  Map names = {0};
  w->in = p;
  for (uint32_t i = 0; i < p->len; i++) {
    uint32_t first;
    if (map_get(&names, map_key(p->data[i].name.text), &first))
      parameter_twice(w, &p->data[i].name, &p->data[first].name);
    else
      map_put(w->e->a, &names, map_key(p->data[i].name.text), i);
    type(w, p->data[i].type, true);
    if (p->data[i].dflt) expr(w, p->data[i].dflt);
    bind_named(w, p->data[i].name.text, p->data[i].name.span);
  }
}

static void fn(Walk *w, const FnDecl *f) {
  size_t mark = w->names.len;
  uint32_t calls = w->calls;
  w->calls = 0;
  params(w, &f->params);
  if (f->expr)
    expr(w, f->expr);
  else
    block(w, &f->body);
  type(w, f->ret, true);
  w->calls = calls;
  w->names.len = mark;
}

static void named(Walk *w, const NamedList *l) {
  for (uint32_t i = 0; i < l->len; i++)
    if (l->data[i].value) expr(w, l->data[i].value);
}

static void range(Walk *w, const Range *r) {
  expr(w, r->from);
  if (r->to) expr(w, r->to);
}

static void body_block(Walk *w, const StmtList *b) { // numbered by itself
  uint32_t calls = w->calls;
  w->calls = 0;
  block(w, b);
  w->calls = calls;
}

// The labels of einsum are a scope of their own.
// A list is labels without their operand, which is said.
static void operand(Walk *w, const Expr *x) {
  if (x->kind != EX_LIST) expr(w, x->kind == EX_INDEX ? x->u.index.base : x);
}

// Here nothing stands without labels, so those of `1.0 + x[i, j]`, which lacks brackets, are some.
static void labelled(Walk *w, const Expr *x) {
  switch (x->kind) {
  case EX_BINARY:
    expr(w, x->u.bin.left);
    labelled(w, x->u.bin.right);
    break;
  case EX_UNARY: labelled(w, x->u.un.operand); break;
  default: operand(w, x);
  }
}

static void scan(Walk *w, const Expr *x) {
  size_t mark = w->names.len;
  range(w, &x->u.scan.in);
  named(w, &x->u.scan.options);
  named(w, &x->u.scan.carries);
  pattern(w, x->u.scan.pattern);
  for (uint32_t i = 0; i < x->u.scan.options.len; i++) // a carry before the `;` is said to be no option
    bind(w, x->u.scan.options.data[i].name.text);
  for (uint32_t i = 0; i < x->u.scan.carries.len; i++) bind(w, x->u.scan.carries.data[i].name.text);
  block(w, &x->u.scan.body);
  w->names.len = mark;
}

static void subs(Walk *w, const Expr *x) {
  for (uint32_t i = 0; i < x->u.index.n; i++) {
    const Sub *s = &x->u.index.subs[i];
    if (s->index) expr(w, s->index);
    if (s->from) expr(w, s->from);
    if (s->to) expr(w, s->to);
    if (s->step) expr(w, s->step);
  }
}

static void expr(Walk *w, const Expr *x) {
  size_t mark = w->names.len;
  switch (x->kind) {
  case EX_NAME: use(w, x->u.name, x->span); break;
  case EX_TUPLE:
  case EX_LIST:
    for (uint32_t i = 0; i < x->u.list.len; i++) expr(w, x->u.list.data[i]);
    break;
  case EX_COMPREHENSION:
    pattern(w, x->u.comp.pattern); // the value stands before the range: calls are numbered as they stand
    expr(w, x->u.comp.value);
    w->names.len = mark;
    range(w, &x->u.comp.in);
    break;
  case EX_IF:
    expr(w, x->u.cond.cond);
    expr(w, x->u.cond.then);
    expr(w, x->u.cond.otherwise);
    break;
  case EX_LAMBDA: {
    for (uint32_t i = 0; i < x->u.lambda.params.len; i++) {
      const Name *n = x->u.lambda.params.data;
      for (uint32_t k = 0; k < i; k++) parameter_twice(w, &n[i], &n[k]);
      bind_named(w, n[i].text, n[i].span);
    }
    const Expr *around = w->lambda;
    w->lambda = x;
    expr(w, x->u.lambda.body);
    w->lambda = around;
    w->names.len = mark;
    break;
  }
  case EX_PIPE:
    number(w, x);
    expr(w, x->u.pipe.left);
    expr(w, x->u.pipe.right);
    break;
  case EX_BINARY:
    expr(w, x->u.bin.left);
    expr(w, x->u.bin.right);
    break;
  case EX_UNARY: expr(w, x->u.un.operand); break;
  case EX_CALL:
    number(w, x);
    expr(w, x->u.call.callee);
    for (uint32_t i = 0; i < x->u.call.args.len; i++) expr(w, x->u.call.args.data[i].value);
    break;
  case EX_INDEX:
    expr(w, x->u.index.base);
    subs(w, x);
    break;
  case EX_MEMBER: expr(w, x->u.member.base); break;
  case EX_SCAN: scan(w, x); break;
  case EX_EINSUM:
    for (uint32_t i = 0; i < x->u.einsum.operands.len; i++) operand(w, x->u.einsum.operands.data[i]);
    break;
  case EX_REARRANGE:
  case EX_REDUCE:
    labelled(w, x->u.rearr.operand);
    named(w, &x->u.rearr.sizes);
    break;
  default: break;
  }
}

static void block(Walk *w, const StmtList *b) {
  size_t mark = w->names.len;
  for (uint32_t i = 0; i < b->len; i++) stmt(w, b->data[i]);
  w->names.len = mark;
}

// `x: [B, 4] from …;`: the batch is not part of a field's type.
static void field_batch(Walk *w, const Type *t) {
  const Expr *first = t->kind == TY_TENSOR && t->has_shape && t->n_dims && t->dims[0].kind == DIM_EXPR
                          ? t->dims[0].expr
                          : NULL;
  if (!w->check || !first || first->kind != EX_NAME || known(w, first->u.name)) return;
  if (t->n_dims < 2 || !unknown_is_news(w->e, first->u.name)) return;
  Diag *g = diag_error(w->e->diags, DIAG_E0201, first->span, "unknown name `%s`", first->u.name);
  diag_note(g, "a field is one example: in `each` and `eval` the batch is the axis before it");
}

static void field(Walk *w, const Stmt *s) {
  field_batch(w, s->u.field.type);
  type(w, s->u.field.type, false);
  const Expr *v = s->u.field.value;
  if (s->kind == ST_FIELD_FROM && v->kind == EX_CALL) { // the source is no function
    for (uint32_t i = 0; i < v->u.call.args.len; i++) expr(w, v->u.call.args.data[i].value);
  } else if (s->kind == ST_FIELD_COMPUTED) {
    expr(w, v);
  }
  bind(w, s->u.field.name.text);
}

static void layer(Walk *w, const Stmt *s) {
  size_t mark = w->names.len;
  params(w, &s->u.layer.attrs);
  if (s->kind == ST_LAYER_LONG) {
    const StmtList *b = &s->u.layer.body;
    for (uint32_t i = 0; i < b->len; i++)
      if (b->data[i]->kind == ST_FN_DECL) bind(w, b->data[i]->u.fn.name.text);
    body_block(w, b);
  } else {
    params(w, &s->u.layer.inputs);
    uint32_t calls = w->calls;
    w->calls = 0;
    if (s->u.layer.expr)
      expr(w, s->u.layer.expr);
    else
      block(w, &s->u.layer.body);
    w->calls = calls;
    type(w, s->u.layer.ret, true);
  }
  w->names.len = mark;
}

static void train(Walk *w, const StmtList *items) {
  size_t mark = w->names.len;
  Elab *e = w->e;
  bind(w, e->n_step);
  bind(w, e->n_epoch);
  for (uint32_t i = 0; i < items->len; i++) stmt(w, items->data[i]);
  w->names.len = mark;
}

static void loop_body(Walk *w, const Pattern *p, const StmtList *body) {
  size_t mark = w->names.len;
  bind(w, w->e->n_batch);
  pattern(w, p);
  body_block(w, body);
  w->names.len = mark;
}

static void member_sizes(Walk *w, const Type *t) { // a member's sizes may come from the first application
  for (uint32_t i = 0; t->kind == TY_TENSOR && t->has_shape && i < t->n_dims; i++)
    if (t->dims[i].kind == DIM_EXPR) {
      const Expr *name = size_to_bind(t->dims[i].expr, unknown, w);
      if (name) bind(w, name->u.name);
    }
}

static void data_block(Walk *w, const Stmt *s) {
  size_t mark = w->names.len;
  params(w, &s->u.data.params);
  for (uint32_t i = 0; i < s->u.data.items.len; i++) {
    const Stmt *f = s->u.data.items.data[i];
    if (f->kind == ST_FIELD_FROM || f->kind == ST_FIELD_COMPUTED)
      field(w, f);
    else
      stmt(w, f);
  }
  w->names.len = mark;
}

static void minimize(Walk *w, const Stmt *s) {
  expr(w, s->u.minimize.loss);
  w->listing = true;
  for (uint32_t i = 0; i < s->u.minimize.over.len; i++) expr(w, s->u.minimize.over.data[i]);
  for (uint32_t i = 0; i < s->u.minimize.except.len; i++) expr(w, s->u.minimize.except.data[i]);
  w->listing = false;
  expr(w, s->u.minimize.optimizer);
}

static void reports(Walk *w, const Stmt *s) {
  for (uint32_t i = 0; i < s->u.report.len; i++)
    if (s->u.report.data[i].value)
      expr(w, s->u.report.data[i].value);
    else
      use(w, s->u.report.data[i].name.text, s->u.report.data[i].name.span);
}

// What a statement with a syntax error assigns, if it is an assignment at all (`report` may be forgotten).
static void assigned_perhaps(Walk *w, const Expr *x) {
  for (uint32_t i = 0; x->kind == EX_TUPLE && i < x->u.list.len; i++) assigned_perhaps(w, x->u.list.data[i]);
  if (w->check && x->kind == EX_NAME && !known(w, x->u.name)) first_time(w->e, "name %s", x->u.name);
}

// `const (a, b) = f(x);`: no function of this name, and no names of these.
static bool forgotten_let(Walk *w, const Expr *x) {
  const Expr *word = x->u.call.callee;
  if (!w->check || word->kind != EX_NAME || known(w, word->u.name)) return false;
  if (unknown_is_news(w->e, word->u.name)) {
    Diag *g = diag_error(w->e->diags, DIAG_E0201, word->span, "unknown name `%s`", word->u.name);
    diag_label(g, "new names are made by `let (a, b) = …;`");
  }
  for (uint32_t i = 0; i < x->u.call.args.len; i++) assigned_perhaps(w, x->u.call.args.data[i].value);
  diags_mute(w->e->diags, x->span);
  return true;
}

static void assignment(Walk *w, const Stmt *s) {
  const Expr *target = s->u.assign.target;
  if (s->kind == ST_ASSIGN && s->u.assign.value->kind == EX_ERROR) {
    assigned_perhaps(w, target);
    return;
  }
  if (s->kind == ST_UPDATE) expr(w, target);
  expr(w, s->u.assign.value);
  if (s->kind == ST_UPDATE) return;
  if (target->kind == EX_CALL && forgotten_let(w, target)) return;
  assigned(w, target);
  if (!undeclared(w, target)) assign_target(w, target);
  if (target->kind == EX_MEMBER)
    first_time(w->e, "name %s", target->u.member.name.text); // `self.w = …` means to make it
}

static void stmt(Walk *w, const Stmt *s) {
  size_t mark = w->names.len;
  switch (s->kind) {
  case ST_OPTION:
    type(w, s->u.option.type, false);
    expr(w, s->u.option.value);
    bind(w, s->u.option.name.text);
    break;
  case ST_DIM: expr(w, s->u.dim.bound); break;
  case ST_LET:
  case ST_VAR:
    expr(w, s->u.let.value);
    type(w, s->u.let.type, true);
    pattern_as(w, s->u.let.pattern, s->kind == ST_LET);
    break;
  case ST_FN_DECL:
  case ST_EXPORT:
    bind(w, s->u.fn.name.text);
    fn(w, &s->u.fn);
    break;
  case ST_VJP: fn(w, &s->u.fn); break;
  case ST_LAYER_SHORT:
  case ST_LAYER_LONG: layer(w, s); break;
  case ST_MODEL: expr(w, s->u.model.value); break;
  case ST_PARAM:
  case ST_STATE:
    member_sizes(w, s->u.store.type);
    type(w, s->u.store.type, false);
    expr(w, s->u.store.init);
    named(w, &s->u.store.with);
    bind(w, s->u.store.name.text);
    break;
  case ST_DATA: data_block(w, s); break;
  case ST_TRAIN:
  case ST_PHASE: train(w, &s->u.train.items); break;
  case ST_TEST: body_block(w, &s->u.test.body); break;
  case ST_ASSIGN:
  case ST_UPDATE: assignment(w, s); break;
  case ST_FOR:
    range(w, &s->u.loop.in);
    pattern(w, s->u.loop.pattern);
    block(w, &s->u.loop.body);
    w->names.len = mark;
    break;
  case ST_IF:
  case ST_WHEN:
    expr(w, s->u.cond.cond);
    block(w, &s->u.cond.then);
    if (s->u.cond.has_else) block(w, &s->u.cond.otherwise);
    break;
  case ST_RETURN:
  case ST_YIELD: expr(w, s->u.value); break;
  case ST_NEXT: named(w, &s->u.next); break;
  case ST_MINIMIZE: minimize(w, s); break;
  case ST_REPORT: reports(w, s); break;
  case ST_FINISH: block(w, &s->u.block); break;
  case ST_PRINT:
    for (uint32_t i = 0; i < s->u.print.len; i++) expr(w, s->u.print.data[i].value);
    break;
  case ST_ASSERT: expr(w, s->u.assertion.cond); break;
  case ST_SETTING:
    expr(w, s->u.setting.value);
    if (!known(w, s->u.setting.name.text)) bind(w, s->u.setting.name.text); // a setting, or said to be none
    break;
  case ST_LOAD:
  case ST_SAVE:
    w->listing = true;
    expr(w, s->u.file.target);
    w->listing = false;
    expr(w, s->u.file.file);
    if (s->u.file.as) expr(w, s->u.file.as);
    named(w, &s->u.file.with);
    break;
  case ST_EACH:
    range(w, &s->u.each.in);
    loop_body(w, s->u.each.pattern, &s->u.each.body);
    if (s->u.each.has_then) body_block(w, &s->u.each.then);
    break;
  case ST_EVAL:
    expr(w, s->u.eval.data);
    if (s->u.eval.every) expr(w, s->u.eval.every);
    loop_body(w, s->u.eval.pattern, &s->u.eval.body);
    break;
  default: break;
  }
}

// Training, tests and exports of an imported file are ignored.
static bool ignored(const Stmt *s) {
  return s->kind == ST_TRAIN || s->kind == ST_TEST || s->kind == ST_EXPORT;
}

static void walk_file(Elab *e, const File *f, Scope *top, bool check, bool imported) {
  Walk w = {.e = e, .top = top, .check = check};
  for (uint32_t i = 0; i < f->decls.len; i++) {
    w.names.len = 0;
    w.calls = 0;
    w.check = check && !(imported && ignored(f->decls.data[i]));
    stmt(&w, f->decls.data[i]);
  }
}

void number_calls(Elab *e, const File *f) { walk_file(e, f, e->std, false, false); }

void check_names(Elab *e, const Module *m, Scope *top) {
  walk_file(e, m->file, top, true, m->prefix != NULL);
  for (size_t i = 0; i < top->names.len; i++) {
    const Binding *b = top->names.data[i];
    if (b->mentioned || !b->listed.source || lost(e, b->name)) continue; // what was dropped may apply it
    Diag *g =
        diag_error(e->diags, DIAG_E0406, b->listed, "`%s` has no parameters: it is never applied", b->name);
    diag_note(g, "a layer has parameters once it is applied");
  }
}
