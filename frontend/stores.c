// Parameters and states. A store is made at the first application of its owner: its sizes bind then, its
// initial value becomes part of the function `init`, and later applications must agree. In each function a
// version of a store is read by one node, so that a parameter is one variable. (Longer than most files: the
// life of a store, from its sizes to its versions, in one place.)
#include "frontend/sema.h"

#include <math.h>
#include <stdlib.h>

StoreState *store_state(Elab *e, uint32_t id) {
  while (e->fn->stores.len <= id)
    vec_push(e->a, &e->fn->stores, ((StoreState){.version = 0, .read = NO_NODE, .made_by = NO_NODE}));
  return &e->fn->stores.data[id];
}

uint32_t add_store(Elab *e, Store s, StoreRef *ref) {
  map_put(e->a, &e->store_names, map_key(intern(e->names, s.name)), 1);
  vec_push(e->a, &e->stores, s);
  vec_push(e->a, &e->store_refs, ref);
  return (uint32_t)e->stores.len - 1;
}

StoreRef *find_member_store(Instance *i, const char *name) {
  for (size_t k = 0; k < i->stores.len; k++)
    if (i->stores.data[k]->name == name) return i->stores.data[k];
  return NULL;
}

static const char *store_path(Elab *e, const StoreRef *r) {
  if (r->prefix) return arena_printf(e->a, "%s.%s", r->prefix, r->name);
  return r->owner ? arena_printf(e->a, "%s.%s", instance_path(e, r->owner), r->name) : r->name;
}

// ---- initial values

static void fans(const Shape *s, int64_t *in, int64_t *out) {
  int64_t k = 1, all = shape_elements(s, 1);
  *in = *out = all;
  if (s->rank < 2) return;
  if (s->rank == 2) {
    *in = s->d[0].b, *out = s->d[1].b;
    return;
  }
  for (uint32_t i = 2; i < s->rank; i++) k *= s->d[i].b;
  *in = s->d[1].b * k, *out = s->d[0].b * k;
}

typedef struct With {
  double lr, decay;
  int64_t fan_in, fan_out;
  bool ok;
} With;

static bool with_number(Elab *e, const Named *n, double *out) {
  Value v = eval(e, n->value);
  if (v_is_number(v) && v_number(v) >= 0) return *out = v_number(v), true;
  if (v_is_number(v))
    diag_label(err(e, DIAG_E0403, n->value->span, "`%s` is at least 0", n->name.text), "this is %s",
               v_describe(e, v));
  else if (v.kind != V_POISON)
    diag_label(err(e, DIAG_E0202, n->value->span, "`%s` must be a static number", n->name.text), "this is %s",
               v_describe(e, v));
  return false;
}

static bool with_fan(Elab *e, const Named *n, int64_t *out) {
  double x;
  if (!with_number(e, n, &x)) return false;
  if (x >= 1 && x == floor(x) && x < 0x1p53) return *out = (int64_t)x, true;
  diag_label(err(e, DIAG_E0403, n->value->span, "`%s` is a whole number of at least 1", n->name.text), "this is %g", x);
  return false;
}

static With with_options(Elab *e, const NamedList *list, const Shape *s) {
  static const char *const known[] = {"decay", "lr", "fan_in", "fan_out"};
  With w = {1, 1, 0, 0, true};
  fans(s, &w.fan_in, &w.fan_out);
  for (uint32_t i = 0; i < list->len; i++) {
    const Named *n = &list->data[i];
    if (strcmp(n->name.text, "decay") == 0)
      w.ok &= with_number(e, n, &w.decay);
    else if (strcmp(n->name.text, "lr") == 0)
      w.ok &= with_number(e, n, &w.lr);
    else if (strcmp(n->name.text, "fan_in") == 0)
      w.ok &= with_fan(e, n, &w.fan_in);
    else if (strcmp(n->name.text, "fan_out") == 0)
      w.ok &= with_fan(e, n, &w.fan_out);
    else if (w.ok) {
      Diag *g = err(e, DIAG_E0403, n->name.span, "a parameter has no option `%s`", n->name.text);
      const char *near = nearest_of(n->name.text, known, 4);
      if (near) diag_label(g, "did you mean `%s`?", near);
      diag_note(g, "`with` takes decay, lr, fan_in, fan_out");
      w.ok = false;
    }
  }
  return w;
}

static uint32_t lambda_params(const Closure *c) {
  return c->lambda ? c->lambda->u.lambda.params.len : c->decl->params.len;
}

// An initialiser is a function of (shape) or of (shape, fan_in, fan_out).
static Value call_initialiser(Elab *e, Value f, const Shape *s, const With *w, Span at) {
  const FnDecl *d = f.kind == V_FN ? f.u.fn->decl : NULL;
  if (d && d->ret && d->ret->kind == TY_STATIC && d->ret->st == ST_FN) {
    Diag *g = err(e, DIAG_E0403, at, "`%s` makes an initialiser and is none itself", f.u.fn->name);
    bool plain = true;
    for (uint32_t i = 0; i < d->params.len; i++) plain &= d->params.data[i].dflt != NULL;
    if (plain)
      diag_help(g, "call it: `%s()`", f.u.fn->name);
    else
      diag_note(g, "call it with its arguments");
    return v_poison();
  }
  Value v[3] = {shape_value(e, s, 0, s->rank), v_int(w->fan_in), v_int(w->fan_out)};
  Args args = eval_args(e, NULL, &v[0], at);
  if (f.kind == V_FN && lambda_params(f.u.fn) == 3) {
    args = (Args){.names = ARENA_ARRAY(e->a, 3, const char *),
                  .v = arena_copy(e->a, v, sizeof v),
                  .spans = ARENA_ARRAY(e->a, 3, Span),
                  .name_spans = ARENA_ARRAY(e->a, 3, Span),
                  .n = 3};
    for (int i = 0; i < 3; i++) args.spans[i] = args.name_spans[i] = at;
  } else if (f.kind == V_FN && lambda_params(f.u.fn) != 1 && !f.u.fn->decl) {
    Diag *g = err(e, DIAG_E0403, at, "an initialiser takes (shape) or (shape, fan_in, fan_out)");
    diag_label(g, "this lambda takes %u", lambda_params(f.u.fn));
    return v_poison();
  }
  return call_value(e, f, &args, NULL, at);
}

// Where the initial value stands: of a library layer's, which may be an attribute, where the user makes the
// layer.
static Span init_place(const Elab *e, const StoreRef *r) {
  Span at = r->decl->u.store.init->span;
  for (const Instance *i = r->owner; i && is_std(e, at); i = i->owner) at = i->span;
  return user_span(e, at);
}

static void init_store(Elab *e, StoreRef *r, uint32_t id, const With *w) {
  Ctx *into = r->kind == STORE_EVAL_STATE ? r->eval_init : e->init;
  const Expr *x = r->decl->u.store.init;
  Store *st = &e->stores.data[id];
  Shape shape = st->shape;
  DType t = st->dtype;
  const char *path = st->name;
  Scope *scope = e->scope;
  Span at = init_place(e, r);
  Saved saved = enter_ctx(e, into, scope);
  frame_push(e, NULL, r, r->name, NULL);
  into->init_path = path;
  into->init_at = at;
  into->init_draws = 0;
  Value v = eval(e, x);
  if (v.kind == V_NPY) {
    e->stores.data[id].npy = v.u.s;
    leave_ctx(e, saved);
    return;
  }
  bool initialiser = v.kind == V_FN || v.kind == V_BUILTIN, fill = v.kind == V_BUILTIN;
  bool empty = initialiser && shape_elements(&shape, 1) == 0; // no fan, nothing to fill
  if (empty) v = v_tensor(e, b_splat(&into->b, t, shape, (Scalar){.i = 0}));
  if (initialiser && !empty) v = call_initialiser(e, v, &shape, w, x->span);
  NodeId n = NO_NODE;
  if (v.kind != V_POISON) n = to_node(e, v, t, x->span);
  // An initialiser computes in `real`; its values fit any float type, zeros and ones any number.
  if (n != NO_NODE && initialiser && node_of(e, n)->dtype == e->real &&
      (dtype_is_real(t) || (fill && dtype_is_int(t))))
    n = b_cast(&into->b, n, t);
  if (n != NO_NODE && node_of(e, n)->dtype != t) {
    diag_label(err(e, DIAG_E0204, x->span, "`%s` is %s", r->name, dtype_name(t)), "its initial value is %s",
               tensor_text(e, n));
    n = NO_NODE;
  }
  if (n != NO_NODE && !shape_eq(node_of(e, n)->shape, &shape)) {
    if (node_of(e, n)->shape->rank == 0) {
      n = broadcast_to(e, n, &shape, x->span, "initial value");
    } else {
      Diag *g = err(e, DIAG_E0403, x->span, "the initial value of `%s` has another shape", r->name);
      diag_label(g, "%s, declared %s", tensor_text(e, n), shape_text(e, &shape));
      n = NO_NODE;
    }
  }
  if (n != NO_NODE) add_root(e, into, b_write(&into->b, id, 0, n), ROOT_EFFECT, NULL);
  into->init_path = NULL;
  leave_ctx(e, saved);
}

bool store_realise(Elab *e, StoreRef *r, const Shape *shape, DType t) {
  if (r->kind == STORE_PARAM && !dtype_is_real(t)) {
    diag_label(err(e, DIAG_E0204, r->decl->u.store.type->span, "a parameter is trained, so it is real"),
               "`state` holds %s", dtype_name(t));
    return false;
  }
  With w = with_options(e, &r->decl->u.store.with, shape);
  Store s = {.name = store_path(e, r),
             .kind = r->kind,
             .dtype = t,
             .shape = *shape,
             .lr_mult = w.lr,
             .decay_mult = w.decay,
             .span = r->decl->span};
  uint32_t made;
  if (map_get(&e->store_names, map_key(intern(e->names, s.name)), &made)) {
    Diag *g = err(e, DIAG_E0404, r->decl->span, "the path `%s` is made twice", s.name);
    for (size_t i = 0; i < e->stores.len; i++)
      if (strcmp(e->stores.data[i].name, s.name) == 0)
        diag_also(g, e->stores.data[i].span, "the first of them");
    diag_note(
        g, "it names the tensor in weight files, and begins with the name of an imported file: rename one");
    return false;
  }
  if (e->under_training && r->kind != STORE_EVAL_STATE) {
    Diag *g = err(e, DIAG_E0405, r->decl->span, "`%s` would exist only %s", s.name,
                  e->fn->training ? "while training" : "outside of training");
    diag_note(g, "parameters are the same in every function; declare it, or make its layer, before the `if`");
    return false;
  }
  r->id = add_store(e, s, r);
  init_store(e, r, r->id, &w);
  return true;
}

// ---- declarations

// Names in a member's shape that are no sizes yet: its first application binds them.
static void size_names(Elab *e, const Expr *x) {
  if (x->kind == EX_BINARY) {
    size_names(e, x->u.bin.left);
    size_names(e, x->u.bin.right);
  }
  if (x->kind != EX_NAME || !size_is_new(e, x)) return;
  Binding *b = scope_find(e->scope, x->u.name);
  if (b && b->v.kind == V_SIZE) return;
  Value v = {.kind = V_SIZE};
  v.u.size = arena_alloc(e->a, sizeof *v.u.size);
  scope_bind(e, e->scope, x->u.name, v, x->span);
}

static StoreRef *new_ref(Elab *e, const Stmt *s, Instance *owner, Key key) {
  StoreRef *r = ARENA_NEW(e->a, StoreRef);
  r->id = UINT32_MAX;
  r->decl = s;
  r->owner = owner;
  r->key = key;
  r->kind = s->kind == ST_PARAM ? STORE_PARAM : STORE_STATE;
  r->scope = e->scope;
  r->name = s->u.store.name.text;
  return r;
}

static bool same_shape(Elab *e, StoreRef *r, const Shape *shape) {
  const Store *st = &e->stores.data[r->id];
  if (shape_eq(&st->shape, shape)) return true;
  Diag *g = err(e, DIAG_E0402, r->decl->u.store.type->span,
                "`%s` has another shape than at its first application", st->name);
  diag_label(g, "%s here, %s there", shape_text(e, shape), shape_text(e, &st->shape));
  diag_note(g, "one instance applied twice shares its parameters; their sizes are bound once");
  return false;
}

static StoreRef *eval_state(Elab *e, const Stmt *s, Key key) {
  Ctx *c = e->fn;
  for (size_t i = 0; i < e->free_stores.len; i++)
    if (key_eq(e->free_stores.data[i]->key, key) && e->free_stores.data[i]->prefix == c->state_prefix)
      return e->free_stores.data[i];
  StoreRef *r = new_ref(e, s, NULL, key);
  r->kind = STORE_EVAL_STATE;
  r->prefix = c->state_prefix;
  vec_push(e->a, &e->free_stores, r);
  return r;
}

static StoreRef *place_store(Elab *e, const Stmt *s) {
  Key key = frame_key(e, s);
  if (!made_outside_loop(e, s->span, s->kind == ST_PARAM ? "a parameter" : "a state",
                         "declare it before the loop, and use it inside"))
    return NULL;
  if (!e->inst) {
    if (s->kind == ST_STATE && e->fn->kind == FN_EVAL && e->fn->what == CTX_FN) return eval_state(e, s, key);
    Diag *g = err(e, DIAG_E0407, s->span, "a %s can't be declared here",
                  s->kind == ST_PARAM ? "parameter" : "state");
    diag_note(g, "it belongs to a layer, or to the top level of the file");
    return NULL;
  }
  if (e->inst->orphan) {
    const Instance *i = e->inst;
    while (i->owner && i->owner != &e->orphans) i = i->owner;
    Diag *g = err(e, DIAG_E0401, i->span, "a layer with parameters is made outside of a model");
    diag_label(g, "`%s` has `%s`", e->inst->type->u.layer.name.text, s->u.store.name.text);
    diag_note(g, "write `model d = %s(…);` at top level and apply `d` here", i->type->u.layer.name.text);
    return NULL;
  }
  Map *places = &e->inst->store_at;
  uint32_t at;
  if (map_get(places, key_hash(key), &at)) {
    for (size_t i = at; i < e->inst->stores.len; i++)
      if (key_eq(e->inst->stores.data[i]->key, key)) return e->inst->stores.data[i];
  } else {
    map_put(e->a, places, key_hash(key), (uint32_t)e->inst->stores.len);
  }
  StoreRef *r = new_ref(e, s, e->inst, key);
  r->name = take_name(e, e->inst, r->name);
  vec_push(e->a, &e->inst->stores, r);
  return r;
}

static bool is_member(const Elab *e) { // of a long form, being made: the sizes come later
  return e->fn->what == CTX_SCRATCH && e->inst && e->inst->type && e->inst->type->kind == ST_LAYER_LONG &&
         e->frame->what == e->inst;
}

void exec_store(Elab *e, const Stmt *s) {
  StoreRef *r = place_store(e, s);
  if (!r) {
    define(e, s->u.store.name.text, v_poison(), false, s->u.store.name.span);
    return;
  }
  r->scope = e->scope;
  if (is_member(e)) {
    const Type *t = s->u.store.type;
    for (uint32_t i = 0; t->kind == TY_TENSOR && t->has_shape && i < t->n_dims; i++)
      if (t->dims[i].kind == DIM_EXPR) size_names(e, t->dims[i].expr);
  } else {
    Shape shape;
    DType t;
    bool ok = eval_shape(e, s->u.store.type, &shape, &t, true);
    if (ok && r->id == UINT32_MAX) {
      if (r->kind == STORE_EVAL_STATE) r->eval_init = e->fn->eval_init;
      ok = store_realise(e, r, &shape, t);
    } else if (ok) {
      ok = same_shape(e, r, &shape);
    }
    if (ok && r->kind == STORE_EVAL_STATE && r->eval_init != e->fn->eval_init) { // elaborated again
      r->eval_init = e->fn->eval_init;
      With w = with_options(e, &s->u.store.with, &shape);
      init_store(e, r, r->id, &w);
    }
    if (!ok) {
      define(e, s->u.store.name.text, v_poison(), false, s->u.store.name.span);
      return;
    }
  }
  define(e, s->u.store.name.text, v_store(r), false, s->u.store.name.span);
}

static bool sizes_known(Elab *e, const StoreRef *r, const Expr *x) {
  if (x->kind == EX_BINARY) return sizes_known(e, r, x->u.bin.left) && sizes_known(e, r, x->u.bin.right);
  if (x->kind != EX_NAME) return true;
  Binding *b = scope_find(r->scope, x->u.name);
  return !b || b->v.kind != V_SIZE || b->v.u.size->bound;
}

static bool realise_pending(Elab *e, StoreRef *r) {
  const Type *ty = r->decl->u.store.type;
  for (uint32_t i = 0; ty->kind == TY_TENSOR && ty->has_shape && i < ty->n_dims; i++)
    if (ty->dims[i].kind == DIM_EXPR && !sizes_known(e, r, ty->dims[i].expr)) return true;
  Scope *saved = e->scope;
  Instance *inst = e->inst;
  Shape shape;
  DType t;
  e->scope = r->scope;
  e->inst = r->owner;
  bool ok = eval_shape(e, ty, &shape, &t, true) && store_realise(e, r, &shape, t);
  e->scope = saved;
  e->inst = inst;
  return ok;
}

// The first application of a long-form layer makes its members' stores.
void release_members(Elab *e, Instance *inst) {
  for (size_t i = 0; i < inst->stores.len; i++)
    if (inst->stores.data[i]->id == UINT32_MAX && !inst->stores.data[i]->failed)
      inst->stores.data[i]->failed = !realise_pending(e, inst->stores.data[i]);
}

bool store_ready(Elab *e, StoreRef *r, Span at) {
  if (r->id != UINT32_MAX) return true;
  if (r->failed) return false;
  r->failed = !realise_pending(e, r);
  if (r->id != UINT32_MAX || r->failed) return !r->failed;
  diag_label(err(e, DIAG_E0211, at, "the sizes of `%s` are not bound yet", r->name),
             "a method whose signature names them must be applied first");
  return false;
}

// ---- reads and writes

NodeId store_read(Elab *e, StoreRef *r, Span at) {
  if (r->id == UINT32_MAX && e->fn->what == CTX_SCRATCH && r->owner) { // a member that reads a member
    Shape shape;
    DType t;
    if (!eval_shape(e, r->decl->u.store.type, &shape, &t, true)) return NO_NODE;
    return b_input(&e->fn->b, IN_ARG, 0, r->name, t, shape);
  }
  if (!store_ready(e, r, at)) return NO_NODE;
  bool outside = r->kind == STORE_EVAL_STATE && e->fn->state_prefix != r->prefix; // its eval's initial values
  if (e->fn->what == CTX_RULE || e->fn->kind == FN_PREPARE || e->fn == e->init || outside) {
    Diag *g = err(e, DIAG_E0703, at, "`%s` can't be read here", r->name);
    diag_note(g, e->fn->what == CTX_RULE ? "a vjp rule sees its own arguments only"
                                         : "data and initial values do not depend on parameters and states");
    return NO_NODE;
  }
  StoreState *s = store_state(e, r->id);
  if (s->read != NO_NODE) return s->read;
  const Store *st = &e->stores.data[r->id];
  e->fn->b.span = user_span(e, at);
  return s->read = b_read(&e->fn->b, r->id, s->version, st->dtype, st->shape, s->made_by);
}

void store_written(Elab *e, uint32_t id, NodeId by) {
  StoreState *s = store_state(e, id);
  if (s->read != NO_NODE) vec_push(e->a, &s->old_reads, s->read);
  s->read = NO_NODE;
  s->version++;
  s->made_by = by;
}

static bool may_write(Elab *e, StoreRef *r, Span at) {
  Ctx *c = e->fn;
  const char *why = NULL;
  if (c->what == CTX_RULE)
    why = "a vjp rule has no effects";
  else if (c->what == CTX_SCRATCH)
    why = "only functions, layers and train blocks write stores";
  else if (c->kind == FN_PREPARE)
    why = "a data field has no effects";
  else if (c == e->init || c->kind == FN_EVAL_INIT)
    why = "an initial value has no effects";
  else if (c->kind == FN_EVAL && r->kind != STORE_EVAL_STATE)
    why = "an `eval` writes only states declared in it; guard it with `if training`";
  else if (c->kind == FN_FINISH)
    why = "`finish` only reports";
  else if (c->kind == FN_TEST)
    why = "a test writes nothing; guard it with `if training`";
  if (!why) return true;
  Diag *g = err(e, DIAG_E0607, at, "`%s` can't be updated here", r->name);
  diag_label(g, "%s", why);
  const Expr *call = NULL; // the one that a `let` outside of bodies makes
  for (const Frame *f = e->frame; c->what == CTX_SCRATCH && f; f = f->up)
    if (f->call) call = f->call;
  if (call) diag_also(g, call->span, "called here, where a `let` only names what is computed at its uses");
  return false;
}

StoreRef *store_of(const Elab *e, Value v) {
  if (v.kind == V_STORE) return v.u.store;
  return v.kind == V_TENSOR && v.u.read.store ? e->store_refs.data[v.u.read.store - 1] : NULL;
}

bool store_current(Elab *e, Value v) {
  return v.kind == V_TENSOR && v.u.read.store && v.ctx == e->fn->serial &&
         store_state(e, v.u.read.store - 1)->read == v.u.node;
}

Value as_places(Elab *e, Value v) {
  if (store_current(e, v)) return v_store(store_of(e, v));
  if (!v_is_list(v) || !v_graph_bound(v)) return v;
  v = v_list(e, v.kind, v.u.list.data, v.u.list.len);
  for (uint32_t i = 0; i < v.u.list.len; i++) v.u.list.data[i] = as_places(e, v.u.list.data[i]);
  return v;
}

void store_set(Elab *e, StoreRef *r, NodeId n) {
  StoreState *s = store_state(e, r->id);
  if (loop_takes_write(e, r)) {
    s->read = n;
    return;
  }
  NodeId w = b_write(&e->fn->b, r->id, s->version, n);
  add_root(e, e->fn, w, ROOT_EFFECT, NULL);
  store_written(e, r->id, w);
}

void store_write(Elab *e, StoreRef *r, Value v, Span target, Span value) {
  if (!store_ready(e, r, target) || !may_write(e, r, target)) return;
  Shape shape = e->stores.data[r->id].shape;
  DType t = e->stores.data[r->id].dtype;
  NodeId n = to_node(e, v, t, value);
  if (n == NO_NODE) return;
  if (node_of(e, n)->dtype != t) {
    diag_label(err(e, DIAG_E0204, value, "`%s` holds %s", r->name, dtype_name(t)), "this is %s",
               tensor_text(e, n));
    return;
  }
  n = broadcast_to(e, n, &shape, value, arena_printf(e->a, "`%s` is %s", r->name, shape_text(e, &shape)));
  if (n == NO_NODE) return;
  if (e->fn->guard != NO_NODE) n = guarded(e, n, store_read(e, r, target));
  store_set(e, r, dtype_is_real(t) ? b_stop_grad(&e->fn->b, n) : n);
}

// ---- subtrees

static bool below(const StoreRef *r, const Instance *i) {
  for (const Instance *o = r->owner; o; o = o->owner)
    if (o == i) return true;
  return false;
}

static void list_into(Elab *e, Value v, bool params_only, StoreRefs *out) {
  StoreRef *store = store_of(e, v);
  if (store && (!params_only || store->kind == STORE_PARAM)) vec_push(e->a, out, store);
  if (v.kind == V_INSTANCE) {
    uint32_t n = 0;
    for (size_t i = 0; i < e->store_refs.len; i++) {
      StoreRef *r = e->store_refs.data[i];
      if (!r || !below(r, v.u.inst.inst)) continue;
      n++;
      if (!params_only || r->kind == STORE_PARAM) vec_push(e->a, out, r);
    }
    vec_push(e->a, &e->asked, ((Query){v.u.inst.inst, n}));
    e->n_lists++;
  }
  for (uint32_t i = 0; v_is_list(v) && i < v.u.list.len; i++)
    list_into(e, v.u.list.data[i], params_only, out);
}

bool may_grow(Elab *e) {
  if (e->pass || !e->asked.len) return false;
  e->n_lists++;
  return e->rerun = true;
}

// True when no subtree that was listed has grown since.
bool queries_hold(Elab *e) {
  for (size_t q = 0; q < e->asked.len; q++) {
    uint32_t n = 0;
    for (size_t i = 0; i < e->store_refs.len; i++)
      n += e->store_refs.data[i] && below(e->store_refs.data[i], e->asked.data[q].inst);
    if (n != e->asked.data[q].n) return false;
  }
  return true;
}

static bool stores_or_layers(const Elab *e, Value v) {
  if (store_of(e, v) || v.kind == V_INSTANCE) return true;
  if (!v_is_list(v)) return false;
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (!stores_or_layers(e, v.u.list.data[i])) return false;
  return true;
}

typedef struct PathOf {
  const char *path;
  StoreRef *store;
} PathOf;

static int by_path(const void *x, const void *y) {
  return strcmp(((const PathOf *)x)->path, ((const PathOf *)y)->path);
}

// Without duplicates; returns how many are left.
static size_t sort_by_path(Elab *e, StoreRefs *l) {
  size_t n = 0;
  PathOf *sorted = ARENA_ARRAY(e->a, l->len, PathOf);
  for (size_t i = 0; i < l->len; i++) sorted[i] = (PathOf){e->stores.data[l->data[i]->id].name, l->data[i]};
  if (l->len) qsort(sorted, l->len, sizeof *sorted, by_path);
  for (size_t i = 0; i < l->len; i++)
    if (!n || l->data[n - 1] != sorted[i].store) l->data[n++] = sorted[i].store;
  return l->len = n;
}

// The stores of a parameter, layer or list of them, in path order. `what` names the place ("`over`").
bool list_stores(Elab *e, Value v, Span at, bool params_only, StoreRefs *out, const char *what) {
  *out = (StoreRefs){0};
  if (v_has_poison(v)) return false;
  if (!stores_or_layers(e, v)) {
    Diag *g = err(e, DIAG_E0606, at, "%s wants layers, parameters or states", what);
    diag_label(g, "this is %s", v_describe(e, v));
    if (v.kind == V_TENSOR)
      diag_note(g, "what a layer gives has no parameters, the layer has: `net`, or one of them alone, `net.W`");
    if (v.kind == V_LAYER) diag_note(g, "`model net = %s(…);` makes a layer of this type", v.u.decl->u.layer.name.text);
    return false;
  }
  list_into(e, v, params_only, out);
  for (size_t i = 0; i < out->len; i++)
    if (!store_ready(e, out->data[i], at)) return false;
  size_t n = sort_by_path(e, out);
  if (n) return true;
  if (e->pass == 0) {
    e->rerun = true;
    return true;
  }
  if (store_of(e, v)) {
    diag_label(err(e, DIAG_E0606, at, "%s wants parameters", what), "`%s` is a state",
               e->stores.data[store_of(e, v)->id].name);
    return false;
  }
  if (cut_off(e)) return false;
  Diag *g = err(e, DIAG_E0406, at, "%s: there are no %s here", what,
                params_only ? "parameters" : "parameters or states");
  diag_note(g, "a layer has parameters once it is applied");
  return false;
}
