// The entry: top-level names, functions of the program, exports, passes until nothing new is found.
//
// `params(net)` means all parameters of the finished program. So when a subtree was listed before all of its
// stores were known, everything is elaborated once more with the instances and stores kept. (Longer than most
// files: the order of these steps is what it is about.)
#include "frontend/sema.h"

#include "ir/base/nearest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

// ---- diagnostics

bool is_std(const Elab *e, Span at) {
  const Source *s = source_get(e->sources, at.source);
  return s && s->is_std;
}

static uint32_t module_index(const Elab *e, Span at) {
  for (uint32_t i = 0; i < e->modules.n; i++)
    if (e->modules.data[i].file->source == at.source) return i;
  return NO_MODULE;
}

Scope *home(const Elab *e, Span at) {
  uint32_t i = module_index(e, at);
  return i == NO_MODULE ? e->std : e->tops[i];
}

const Module *module_at(const Elab *e, Span at) {
  uint32_t i = module_index(e, at);
  return i == NO_MODULE ? NULL : &e->modules.data[i];
}

Span user_span(const Elab *e, Span at) {
  if (at.source && !is_std(e, at)) return at;
  for (const Frame *f = e->frame; f; f = f->up)
    if (f->call && !is_std(e, f->call->span)) return f->call->span;
  if (e->fn && e->fn->init_path && !is_std(e, e->fn->init_at)) return e->fn->init_at;
  for (const Instance *i = e->inst; i && at.source; i = i->owner) // a layer that is made, not applied
    if (i->span.source && !is_std(e, i->span)) return i->span;
  return at;
}

enum { LONGEST_PATH = 100 }; // bytes of one that is shown

static const char *in_library(const Elab *e, Span at) { // the library function the user called
  const char *name = NULL;
  if (!is_std(e, at)) return NULL;
  for (const Frame *f = e->frame; f; f = f->up) {
    if (f->name) name = f->name;
    if (f->call && !is_std(e, f->call->span)) return name;
  }
  return NULL;
}

static void context(Elab *e, Diag *g, Span at) {
  const char *lib = in_library(e, at);
  if (lib) diag_note(g, "in the library's `%s`", lib);
  const char *path = e->fn && e->fn->b.path && !e->probing ? e->fn->b.path : "";
  if (strlen(path) > LONGEST_PATH)
    diag_note(g, "while elaborating `%.*s…`", LONGEST_PATH, path);
  else if (*path)
    diag_note(g, "while elaborating `%s`", path);
}

// The value of a name, a local one or a constant, is not what its user took it for: that is one mistake,
// wherever else it shows.
static void distrust(Elab *e, Span at) {
  NameRead *r = &e->reads[at.begin % N_READS];
  if (!r->b || r->at.source != at.source || r->at.begin != at.begin || r->at.end != at.end) return;
  const Binding *b = r->b;
  bool local = !b->decl;
  bool constant = b->decl && b->state == 2 && (b->decl->kind == ST_LET || b->decl->kind == ST_OPTION) &&
                  (v_is_number(b->v) || b->v.kind == V_BOOL || b->v.kind == V_STR);
  if ((local || constant) && b->span.source && !is_std(e, b->span)) r->b->v = v_poison();
  r->b = NULL;
}

// As `user_span`; of a pipe into something of the library what it goes into.
static Span blamed(const Elab *e, Span at) {
  Span whole = user_span(e, at);
  for (const Frame *f = e->frame; f && is_std(e, at); f = f->up) {
    if (!f->call || is_std(e, f->call->span)) continue;
    return f->call->kind == EX_PIPE ? f->call->u.pipe.right->span : whole;
  }
  return whole;
}

// A part of the expression was wrong in another function of the program, which did not get so far: what the whole
// is here is not what it is meant to be.
static bool wrong_elsewhere(const Elab *e, Span at) {
  for (size_t i = 0; i < e->wrong.len && at.source; i++) {
    const Wrong *w = &e->wrong.data[i];
    if (w->fn != e->fn->serial && w->at.source == at.source && w->at.begin >= at.begin && w->at.end <= at.end)
      return true;
  }
  return false;
}

Diag *err(Elab *e, DiagCode code, Span at, const char *fmt, ...) {
  StrBuf b = {0};
  Span place = blamed(e, at);
  distrust(e, at);
  if (diags_has_error(e->diags, place)) return NULL; // a loop says the same each time round
  if (wrong_elsewhere(e, place)) return NULL;
  va_list ap;
  va_start(ap, fmt);
  sb_vprintf(&b, fmt, ap);
  va_end(ap);
  Diag *g = diag_error(e->diags, code, place, "%s", sb_text(&b));
  strbuf_free(&b);
  context(e, g, at);
  if (g) vec_push(e->a, &e->wrong, ((Wrong){place, e->fn->serial}));
  return g;
}

// One mistake in a definition shows wherever it is used: true the first time that `what` (a format) is asked.
bool first_time(Elab *e, const char *fmt, ...) {
  StrBuf b = {0};
  va_list ap;
  va_start(ap, fmt);
  sb_vprintf(&b, fmt, ap);
  va_end(ap);
  const char *key = intern(e->names, sb_text(&b));
  strbuf_free(&b);
  for (size_t i = 0; i < e->said.len; i++)
    if (e->said.data[i] == key) return false;
  vec_push(e->a, &e->said, key);
  return true;
}

Diag *warn(Elab *e, DiagCode code, const char *flag, Span at, const char *fmt, ...) {
  at = user_span(e, at);
  if (is_std(e, at)) return NULL;
  uint64_t place = ((uint64_t)code << 16 | at.source) << 32 | at.begin;
  uint32_t said;
  if (map_get(&e->warned, place, &said)) return NULL;
  map_put(e->a, &e->warned, place, 0);
  StrBuf b = {0};
  va_list ap;
  va_start(ap, fmt);
  sb_vprintf(&b, fmt, ap);
  va_end(ap);
  Diag *g = diag_warning(e->diags, code, flag, at, "%s", sb_text(&b));
  strbuf_free(&b);
  return g;
}

// ---- functions of the program

Ctx *ctx_new(Elab *e, CtxKind what, FnKind kind, const char *name, const char *symbol, int64_t bound,
             Span span) {
  Ctx *c = ARENA_NEW(e->a, Ctx);
  c->what = what;
  c->kind = kind;
  c->serial = ++e->serial;
  c->name = name;
  c->span = span;
  Graph *g = e->scratch ? graph_beside(e->scratch->b.g, symbol, bound) : graph_new(e->a, symbol, bound);
  c->b = (Builder){g, e->real, span, ""};
  c->training = kind == FN_STEP || kind == FN_APPLY;
  c->step = c->epoch = c->batch = c->guard = NO_NODE;
  return c;
}

Saved enter_ctx(Elab *e, Ctx *c, Scope *scope) {
  Saved s = {e->fn, e->scope, e->frame, e->inst};
  e->fn = c;
  e->scope = scope;
  e->inst = NULL;
  e->frame = NULL;
  frame_push(e, NULL, c, NULL, NULL);
  e->frame->depth = s.frame ? s.frame->depth + 1 : 0;
  return s;
}

void leave_ctx(Elab *e, Saved s) {
  e->fn = s.fn;
  e->scope = s.scope;
  e->frame = s.frame;
  e->inst = s.inst;
}

void add_root(Elab *e, Ctx *c, NodeId n, RootKind kind, const char *name) {
  vec_push(e->a, &c->roots, n);
  vec_push(e->a, &c->root_info, ((RootInfo){kind, name}));
}

const char *unique_name(Elab *e, const char *base) {
  const char *name = intern(e->names, base);
  uint32_t fn;
  for (unsigned k = 2; map_get(&e->fn_names, map_key(name), &fn); k++)
    name = intern(e->names, arena_printf(e->a, "%s_%u", base, k));
  return name;
}

uint32_t ctx_finish(Elab *e, Ctx *c) {
  if (e->fns.len == MAX_FUNCTIONS && !e->dead) {
    Diag *g =
        err(e, DIAG_E0807, c->span, "the program has more than %d steps, evals and exports", MAX_FUNCTIONS);
    diag_note(g, "a `for` around an `each` makes a step for each of its iterations");
    e->dead = true;
  }
  graph_set_roots(c->b.g, c->roots.data, (uint32_t)c->roots.len);
  check_loops(e, c->b.g);
  Function f = {.name = unique_name(e, c->name),
                .kind = c->kind,
                .g = c->b.g,
                .roots = c->root_info.data,
                .inputs = c->inputs.data,
                .n_inputs = (uint32_t)c->inputs.len,
                .span = c->span};
  uint32_t id = (uint32_t)e->fns.len;
  map_put(e->a, &e->fn_names, map_key(f.name), id);
  vec_push(e->a, &e->fns, f);
  return id;
}

// ---- top-level names

// A static value, or for a run-time value the expression itself, evaluated again at each use. What a type
// names is bound in the scope around.
Value static_or_thunk(Elab *e, const Expr *x, const Type *type) {
  Value v = eval(e, x);
  if (type && (v.kind == V_ROLE || v.kind == V_STORE)) v = rvalue(e, v, x->span);
  if (type && !match_type(e, type, &v, x->span, NULL, "value")) return v_poison();
  v = as_places(e, v);
  if (!v_graph_bound(v)) return v;
  Thunk *t = ARENA_NEW(e->a, Thunk);
  *t = (Thunk){.expr = x, .type = type, .like = v, .scope = scope_snapshot(e, e->scope), .frame = e->frame};
  return (Value){.kind = V_THUNK, .u.thunk = t};
}

Value thunk_parts(Elab *e, Value v, const Pattern *p) {
  if (p->name || v.kind != V_THUNK) return v;
  Value like = v.u.thunk->like;
  if ((like.kind != V_TUPLE && like.kind != V_LIST) || like.u.list.len != p->len) return v;
  Value parts = v_list(e, V_TUPLE, like.u.list.data, p->len);
  for (uint32_t i = 0; i < p->len; i++) {
    if (!v_graph_bound(like.u.list.data[i])) continue;
    Thunk *t = ARENA_NEW(e->a, Thunk);
    *t = (Thunk){.of = v.u.thunk, .item = i, .like = like.u.list.data[i]};
    parts.u.list.data[i] = thunk_parts(e, (Value){.kind = V_THUNK, .u.thunk = t}, p->items[i]);
  }
  return parts;
}

// How -D names an option: that of an imported file begins with the file's stem.
static const char *option_name(Elab *e, const Stmt *s) {
  const char *prefix = module_at(e, s->span)->prefix, *name = s->u.option.name.text;
  return prefix ? arena_printf(e->a, "%s.%s", prefix, name) : name;
}

static Value define_value(Elab *e, const Stmt *s, Value dflt) { // -D name=value
  const char *name = option_name(e, s);
  for (uint32_t i = 0; i < e->opt->n_defines; i++) {
    if (strcmp(e->opt->defines[i].name, name) != 0) continue;
    const char *text = e->opt->defines[i].value;
    char *end = NULL;
    Value v = v_poison();
    if (dflt.kind == V_STR) return v_str(arena_strdup(e->a, text));
    errno = 0;
    if (dflt.kind == V_INT) v = v_int(strtoll(text, &end, 10));
    if (dflt.kind == V_FLOAT) v = v_float(strtod(text, &end));
    bool finite = errno != ERANGE && (v.kind != V_FLOAT || isfinite(v.u.f));
    if (dflt.kind == V_BOOL && strcmp(text, "true") == 0) return v_bool(true);
    if (dflt.kind == V_BOOL && strcmp(text, "false") == 0) return v_bool(false);
    if (end && end != text && !*end && finite) return v;
    diag_label(err(e, DIAG_E0308, s->span, "-D %s=%s does not fit this option", name, text),
               "its default is %s", v_describe(e, dflt));
    return v_poison();
  }
  return dflt;
}

static Value eval_option(Elab *e, const Stmt *s) {
  Value v = eval(e, s->u.option.value);
  if (v_graph_bound(v)) {
    diag_label(err(e, DIAG_E0308, s->u.option.value->span, "an option is a static value"), "this is %s",
               v_describe(e, v));
    return v_poison();
  }
  if (s->u.option.type && !match_type(e, s->u.option.type, &v, s->u.option.value->span, NULL, "option"))
    return v_poison();
  return v.kind == V_POISON ? v : define_value(e, s, v);
}

static Value top_store(Elab *e, const Stmt *s) {
  StoreRef *r = ARENA_NEW(e->a, StoreRef);
  r->id = UINT32_MAX;
  r->decl = s;
  r->name = s->u.store.name.text;
  r->kind = s->kind == ST_PARAM ? STORE_PARAM : STORE_STATE;
  r->scope = e->scope;
  r->prefix = module_at(e, s->span)->prefix;
  Shape shape;
  DType t;
  r->failed = !eval_shape(e, s->u.store.type, &shape, &t, true) || !store_realise(e, r, &shape, t);
  return r->failed ? v_poison() : v_store(r);
}

static void settle(Elab *e, Scope *s, const Pattern *p, Value v) {
  if (p->name) {
    Binding *b = scope_local(s, p->name);
    if (b) b->v = v, b->state = 2;
    return;
  }
  for (uint32_t i = 0; i < p->len; i++) settle(e, s, p->items[i], v.kind == V_POISON ? v : v.u.list.data[i]);
}

static bool declares_stores(const StmtList *b) {
  for (uint32_t i = 0; i < b->len; i++) {
    const Stmt *s = b->data[i];
    if (s->kind == ST_PARAM || s->kind == ST_STATE) return true;
    if (s->kind == ST_IF && (declares_stores(&s->u.cond.then) || declares_stores(&s->u.cond.otherwise)))
      return true;
    if (s->kind == ST_WHEN && declares_stores(&s->u.cond.then)) return true;
    if (s->kind == ST_FOR && declares_stores(&s->u.loop.body)) return true;
  }
  return false;
}

// `let d = Dense(10);` at top level: nobody would own its parameters.
static bool ownerless(Elab *e, Value v) {
  if (v.kind != V_INSTANCE || !v.u.inst.inst->orphan || !declares_stores(&v.u.inst.inst->type->u.layer.body))
    return false;
  const Instance *i = v.u.inst.inst;
  Diag *g = err(e, DIAG_E0401, i->span, "a layer with parameters is made outside of a model");
  diag_note(g, "write `model d = %s(…);` at top level", i->type->u.layer.name.text);
  return true;
}

// The part of a pattern that its value, which goes to *v, does not fit; NULL: all fits.
static const Pattern *misfit(const Pattern *p, Value *v) {
  if (p->name || v->kind == V_POISON) return NULL;
  if ((v->kind != V_TUPLE && v->kind != V_LIST) || v->u.list.len != p->len) return p;
  for (uint32_t i = 0; i < p->len; i++) {
    Value part = v->u.list.data[i];
    const Pattern *bad = misfit(p->items[i], &part);
    if (bad) return *v = part, bad;
  }
  return NULL;
}

static Value eval_let(Elab *e, const Stmt *s, Scope *scope) {
  if (s->u.let.type) e->scope = scope_new(e, scope, SCOPE_LOCAL); // sizes that its type names are its own
  Value v = static_or_thunk(e, s->u.let.value, s->u.let.type);
  e->scope = scope;
  if (ownerless(e, v)) v = v_poison();
  const Pattern *p = s->u.let.pattern;
  v = thunk_parts(e, v, p);
  Value part = v;
  const Pattern *bad = misfit(p, &part);
  if (bad) {
    Value like = part.kind == V_THUNK ? part.u.thunk->like : part;
    diag_label(err(e, DIAG_E0213, bad->span, "the pattern does not fit the value"),
               "%u names here, the value is %s", bad->len, v_describe(e, like));
    if (v_is_list(like) && like.u.list.len > bad->len) pattern_lacks(e, bad->span, like.u.list.len - bad->len);
    v = v_poison();
  }
  settle(e, scope, p, v);
  return v;
}

static void mark_lists(Scope *s, const Pattern *p) {
  Binding *b = p->name ? scope_local(s, p->name) : NULL;
  if (b) b->lists = true;
  for (uint32_t i = 0; !p->name && i < p->len; i++) mark_lists(s, p->items[i]);
}

Value binding_value(Elab *e, Binding *b) {
  if (!b->decl || b->state == 2) {
    e->n_lists += b->lists;
    return b->v;
  }
  if (b->state == 1) {
    diag_label(err(e, DIAG_E0305, b->span, "`%s` is defined by itself", b->name), "there is no recursion");
    return v_poison();
  }
  b->state = 1;
  Scope *scope = home(e, b->span);
  Ctx *c = ctx_new(e, CTX_SCRATCH, FN_INIT, b->name, NULL, 1, b->span);
  uint32_t mode = e->under_training;
  e->under_training = 0;
  Saved saved = enter_ctx(e, c, scope);
  Value v = v_poison();
  switch (b->decl->kind) {
  case ST_LET: {
    uint32_t lists = e->n_lists;
    eval_let(e, b->decl, scope);
    if (e->n_lists > lists) mark_lists(scope, b->decl->u.let.pattern);
    break;
  }
  case ST_OPTION: v = eval_option(e, b->decl); break;
  case ST_MODEL: v = declare_model(e, b->decl); break;
  case ST_PARAM:
  case ST_STATE: v = top_store(e, b->decl); break;
  default: break;
  }
  leave_ctx(e, saved);
  e->under_training = mode;
  if (b->decl->kind != ST_LET) b->v = v;
  b->state = 2;
  return b->v;
}

static Binding *declare(Elab *e, Scope *s, const Name *name, Value v, const Stmt *lazy) {
  Binding *old = scope_local(s, name->text);
  if (name->text == e->n_discard) return NULL;
  if (old && old->span.source) {
    Diag *g = diag_error(e->diags, DIAG_E0205, name->span, "`%s` is already defined", name->text);
    diag_also(g, old->span, "the first definition");
    old->v = v_poison(); // nobody knows which of them a use means
    old->decl = NULL;
    return NULL;
  }
  if (s != e->std && scope_local(e->std, name->text))
    diag_label(
        diag_warning(e->diags, DIAG_W0202, "shadow", name->span, "`%s` hides a library name", name->text),
        "the library's is no longer visible");
  Binding *b = scope_bind(e, s, name->text, v, name->span);
  b->decl = lazy;
  return b;
}

static void declare_pattern(Elab *e, Scope *s, const Pattern *p, const Stmt *decl) {
  Name n = {p->name, p->span};
  if (p->name) declare(e, s, &n, v_poison(), decl);
  for (uint32_t i = 0; i < p->len; i++) declare_pattern(e, s, p->items[i], decl);
}

static void declare_fn(Elab *e, Scope *s, const Stmt *d) {
  Closure *c = ARENA_NEW(e->a, Closure);
  c->name = d->u.fn.name.text;
  c->decl = &d->u.fn;
  c->scope = s;
  declare(e, s, &d->u.fn.name, (Value){.kind = V_FN, .u.fn = c}, NULL);
}

static void declare_vjp(Elab *e, Scope *s, const Stmt *d) {
  Binding *b = scope_local(s, d->u.fn.name.text);
  if (b && b->v.kind == V_FN && !b->v.u.fn->vjp) {
    b->v.u.fn->vjp = &d->u.fn;
    return;
  }
  Span at = d->u.fn.name.span;
  if (b && b->v.kind == V_POISON && !b->decl) return;
  if (b && b->decl && b->decl->kind == ST_LET && b->decl->u.let.value->kind == EX_ERROR) return;
  if (b && b->v.kind == V_FN) {
    Diag *g = diag_error(e->diags, DIAG_E0704, at, "`%s` has a rule already", d->u.fn.name.text);
    diag_also(g, b->v.u.fn->vjp->name.span, "the first rule");
    return;
  }
  diag_label(
      diag_error(e->diags, DIAG_E0704, at, "there is no function `%s` to give a rule to", d->u.fn.name.text),
      "a vjp names a function of this file");
}

static void declare_import(Elab *e, Scope *s, const Stmt *d, uint32_t target) {
  if (!e->opt->modules) diag_error(e->diags, DIAG_E0119, d->span, "no files are imported here");
  Value v = target == NO_MODULE ? v_poison() : (Value){.kind = V_MODULE, .u.module = target};
  if (declare(e, s, &d->u.import.as, v, NULL) || v.kind != V_MODULE) return;
  diags_mute(e->diags, e->modules.data[target].file->decls.span); // it has no name: what it holds is no news
}

// Trains have names of their own: a model may have the same. `trains`: those before it, by name.
static void train_twice(Elab *e, const File *f, uint32_t at, Map *trains) {
  const Name *name = &f->decls.data[at]->u.train.name;
  uint32_t first;
  if (f != e->user) return;
  if (map_get(trains, map_key(name->text), &first))
    diag_also(diag_error(e->diags, DIAG_E0205, name->span, "a train `%s` is already defined", name->text),
              f->decls.data[first]->u.train.name.span, "the first definition");
  else
    map_put(e->a, trains, map_key(name->text), at);
}

static void declare_file(Elab *e, const File *f, Scope *s) {
  Map trains = {0};
  for (uint32_t i = 0; i < f->decls.len; i++) {
    const Stmt *d = f->decls.data[i];
    switch (d->kind) {
    case ST_LET: declare_pattern(e, s, d->u.let.pattern, d); break;
    case ST_OPTION: declare(e, s, &d->u.option.name, v_poison(), d); break;
    case ST_MODEL: declare(e, s, &d->u.model.name, v_poison(), d); break;
    case ST_PARAM:
    case ST_STATE: declare(e, s, &d->u.store.name, v_poison(), d); break;
    case ST_DIM: declare(e, s, &d->u.dim.name, (Value){.kind = V_DIMDECL, .u.decl = d}, NULL); break;
    case ST_FN_DECL:
    case ST_EXPORT: declare_fn(e, s, d); break;
    case ST_LAYER_SHORT:
    case ST_LAYER_LONG: declare(e, s, &d->u.layer.name, (Value){.kind = V_LAYER, .u.decl = d}, NULL); break;
    case ST_DATA: declare(e, s, &d->u.data.name, (Value){.kind = V_DATA, .u.decl = d}, NULL); break;
    case ST_TRAIN: train_twice(e, f, i, &trains); break;
    default: break;
    }
  }
  for (uint32_t i = 0; i < f->decls.len; i++)
    if (f->decls.data[i]->kind == ST_VJP) declare_vjp(e, s, f->decls.data[i]);
}

// ---- exports

static bool export_input(Elab *e, const Param *p) {
  const Type *t = p->type;
  if (t->kind != TY_TENSOR || p->dflt) {
    diag_label(err(e, DIAG_E0608, p->span, "an export's arguments are tensors without defaults"),
               t->kind == TY_TENSOR ? "this has a default" : "this is %s", type_text(e, t));
    return false;
  }
  for (uint32_t i = 0; t->has_shape && i < t->n_dims; i++) {
    const DimSpec *d = &t->dims[i];
    bool unknown =
        d->kind != DIM_EXPR || (d->expr->kind == EX_NAME && !scope_find(e->scope, d->expr->u.name));
    if (!unknown) continue;
    if (d->kind == DIM_EXPR && !unknown_is_news(e, d->expr->u.name)) return false;
    Diag *g = err(e, DIAG_E0608, d->span, "the sizes of an export's arguments must be known");
    if (d->kind == DIM_EXPR)
      diag_note(g, "`dim %s <= 64;` before the export makes it a size known at run time", d->expr->u.name);
    return false;
  }
  FnInput in = {.name = p->name.text, .span = p->span};
  if (!eval_shape(e, t, &in.shape, &in.dtype, false)) return false;
  e->fn->b.span = p->span;
  NodeId n = b_input(&e->fn->b, IN_ARG, (uint32_t)e->fn->inputs.len, in.name, in.dtype, in.shape);
  vec_push(e->a, &e->fn->inputs, in);
  scope_bind(e, e->scope, p->name.text, v_tensor(e, n), p->name.span);
  return true;
}

static bool export_result(Elab *e, const FnDecl *f, const Type *t, Value v, const char *name) {
  Shape s;
  DType dt = DT_COUNT;
  Span at = f->expr ? f->expr->span : f->name.span;
  if (t && t->kind == TY_TENSOR && !eval_shape(e, t, &s, &dt, false)) return false;
  NodeId n = to_node(e, v, dt, at);
  if (n == NO_NODE) return false;
  add_root(e, e->fn, n, ROOT_RESULT, name);
  return true;
}

// A tuple's elements are results of their own, those of a tuple in it too: result_0, result_1_0, result_1_1.
static bool export_results(Elab *e, const FnDecl *f, const Type *t, Value v, const char *name) {
  bool types = t && t->kind == TY_TUPLE, ok = true;
  if (v.kind != V_TUPLE && !(v.kind == V_LIST && types)) return export_result(e, f, t, v, name);
  for (uint32_t i = 0; ok && i < v.u.list.len; i++)
    ok = export_results(e, f, types ? t->items.data[i] : NULL, v.u.list.data[i],
                        arena_printf(e->a, "%s_%u", name, i));
  return ok;
}

static void elaborate_export(Elab *e, const Stmt *s) {
  const FnDecl *f = &s->u.fn;
  Ctx *c = ctx_new(e, CTX_FN, FN_EXPORT, f->name.text, NULL, 1, s->span);
  Saved saved = enter_ctx(e, c, scope_new(e, e->top, SCOPE_LOCAL));
  bool ok = true;
  for (uint32_t i = 0; i < f->params.len; i++) ok &= export_input(e, &f->params.data[i]);
  Value v = ok ? run_body(e, f->expr, &f->body, f->ret, f->name.span) : v_poison();
  if (v.kind == V_VOID) {
    diag_label(err(e, DIAG_E0608, f->name.span, "an export has a result"), "nothing is returned");
    v = v_poison();
  }
  if (v.kind != V_POISON) ok = export_results(e, f, f->ret, v, "result");
  leave_ctx(e, saved);
  if (v.kind != V_POISON && ok) ctx_finish(e, c);
}

// ---- the program

static void declare_module(Elab *e, const Module *m, Scope *s) {
  const StmtList *l = &m->file->decls;
  uint32_t k = 0;
  for (uint32_t i = 0; i < l->len; i++)
    if (l->data[i]->kind == ST_IMPORT)
      declare_import(e, s, l->data[i], m->target ? m->target[k++] : NO_MODULE);
  declare_file(e, m->file, s);
}

static void force_decls(Elab *e) { // what no function uses is still checked
  for (uint32_t m = 0; m < e->modules.n; m++)
    for (size_t i = 0; i < e->tops[m]->names.len; i++) {
      Binding *b = e->tops[m]->names.data[i];
      if (b->decl && b->state == 0) binding_value(e, b);
    }
}

static void elaborate_once(Elab *e) {
  for (uint32_t m = 0; m < e->modules.n; m++)
    for (size_t i = 0; i < e->tops[m]->names.len; i++)
      if (e->tops[m]->names.data[i]->lists) e->tops[m]->names.data[i]->state = 0;
  e->rerun = false;
  e->iterations = 0;
  e->n_nodes = e->n_calls = e->n_static = 0;
  e->fns.len = e->data.len = e->trains.len = e->options.len = e->asked.len = e->tests.len = 0;
  e->fn_names = (Map){0};
  for (uint32_t i = 0; i < e->user->decls.len && !e->dead; i++) {
    const Stmt *s = e->user->decls.data[i];
    if (s->kind == ST_TRAIN) elaborate_train(e, s);
    if (s->kind == ST_EXPORT) elaborate_export(e, s);
  }
  // Last: stores and names are what they are without them.
  for (uint32_t i = 0; e->opt->tests && i < e->user->decls.len && !e->dead; i++)
    if (e->user->decls.data[i]->kind == ST_TEST) elaborate_test(e, e->user->decls.data[i]);
}

static bool has_option(Elab *e, const char *name, Nearest *near) {
  for (uint32_t m = 0; m < e->modules.n; m++)
    for (size_t k = 0; k < e->tops[m]->names.len; k++) {
      const Binding *o = e->tops[m]->names.data[k];
      if (!o->decl || o->decl->kind != ST_OPTION) continue;
      const char *own = option_name(e, o->decl);
      if (strcmp(own, name) == 0) return true;
      nearest_try(near, own);
    }
  return false;
}

static void check_defines(Elab *e) {
  for (uint32_t i = 0; i < e->opt->n_defines; i++) {
    const char *name = e->opt->defines[i].name;
    Nearest near = nearest_to(name);
    if (has_option(e, name, &near)) continue;
    Diag *g = diag_error(e->diags, DIAG_E0308, (Span){0}, "-D %s: the model has no top-level option `%s`",
                         name, name);
    if (near.best) diag_note(g, "did you mean `%s`?", near.best);
  }
}

bool instance_applied(const Instance *i) {
  if (i->applied) return true;
  for (size_t k = 0; k < i->kids.len; k++)
    if (instance_applied(i->kids.data[k])) return true;
  return false;
}

static void unused_models(Elab *e) {
  for (size_t i = 0; i < e->models.len; i++) {
    Instance *m = e->models.data[i];
    if (instance_applied(m) || m->prefix) continue; // an imported file is used in part
    diag_label(warn(e, DIAG_W0401, NULL, m->span, "`%s` is never applied", instance_path(e, m)),
               "so it has no parameters");
  }
}

static Program *make_program(Elab *e) {
  Program *p = ARENA_NEW(e->a, Program);
  p->name = file_stem(source_get(e->sources, e->user->source)->name, e->a);
  p->real = e->real;
  p->arena = e->a;
  p->sources = e->sources;
  data_finish(e, p);
  p->init = ctx_finish(e, e->init);
  p->stores = e->stores.data;
  p->n_stores = (uint32_t)e->stores.len;
  p->layers = e->layers.data;
  p->n_layers = (uint32_t)e->layers.len;
  p->fns = e->fns.data;
  p->n_fns = (uint32_t)e->fns.len;
  p->trains = e->trains.data;
  p->n_trains = (uint32_t)e->trains.len;
  p->options = e->options.data;
  p->n_options = (uint32_t)e->options.len;
  p->tests = e->tests.data;
  p->n_tests = (uint32_t)e->tests.len;
  return p;
}

Program *elaborate(const File *user, const File *const *std_files, uint32_t n_std, const SourceMap *sources,
                   Intern *names, const ElaborateOptions *options, Diags *diags, Arena *a) {
  Elab *e = ARENA_NEW(a, Elab);
  e->a = a;
  e->names = names;
  e->diags = diags;
  e->sources = sources;
  e->opt = options;
  e->real = options->real;
  e->user = user;
  if (options->modules) {
    e->modules = *options->modules;
  } else {
    Module *only = ARENA_NEW(a, Module);
    only->file = user;
    e->modules = (Modules){only, 1};
  }
  e->n_training = intern(names, "training");
  e->n_batch = intern(names, "batch");
  e->n_step = intern(names, "step");
  e->n_epoch = intern(names, "epoch");
  e->n_discard = intern(names, "_");
  e->n_mask = intern(names, "mask");
  e->orphans.orphan = true;
  e->orphans.path = "";
  e->std = scope_new(e, NULL, SCOPE_STD);
  e->tops = ARENA_ARRAY(a, e->modules.n, Scope *);
  for (uint32_t i = 0; i < e->modules.n; i++) e->tops[i] = scope_new(e, e->std, SCOPE_USER);
  e->top = e->tops[0];
  e->scope = e->top;
  e->scratch = e->fn = ctx_new(e, CTX_SCRATCH, FN_INIT, "top", NULL, 1, (Span){0});
  e->init = ctx_new(e, CTX_FN, FN_INIT, "init", NULL, 1, (Span){0});
  frame_push(e, NULL, e->scratch, NULL, NULL);
  builtins_define(e, e->std);
  for (uint32_t i = 0; i < n_std; i++) declare_file(e, std_files[i], e->std);
  for (uint32_t i = 0; i < n_std; i++) number_calls(e, std_files[i]);
  for (uint32_t i = 0; i < e->modules.n; i++) declare_module(e, &e->modules.data[i], e->tops[i]);
  for (uint32_t i = 0; i < e->modules.n; i++) check_names(e, &e->modules.data[i], e->tops[i]);
  check_defines(e);
  for (e->pass = 0; e->pass < MAX_PASSES; e->pass++) {
    elaborate_once(e);
    force_decls(e);
    if (e->dead || diags_errors(diags) || (!e->rerun && queries_hold(e))) break;
  }
  if (!e->dead) probe_unvisited(e);
  if (diags_errors(diags)) return NULL;
  unused_models(e);
  return make_program(e);
}
