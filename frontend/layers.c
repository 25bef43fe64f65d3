// Layer instances. An instance is identified by its place (the calls and static loop indices that lead to it
// within the instance that owns it), so applying the owner again finds the same one. Names and paths are
// settled when first needed: at the first application.
#include "frontend/sema.h"

#include <ctype.h>

// Conv2d -> conv2d, ConvBN -> conv_bn, LSTMCell -> lstm_cell
static const char *snake(Elab *e, const char *name) {
  size_t n = strlen(name), k = 0;
  char *out = arena_alloc(e->a, 2 * n + 1);
  for (size_t i = 0; i < n; i++) {
    bool up = isupper((unsigned char)name[i]) != 0;
    bool after_lower = i > 0 && !isupper((unsigned char)name[i - 1]);
    bool before_lower =
        i > 0 && i + 1 < n && isupper((unsigned char)name[i - 1]) && islower((unsigned char)name[i + 1]);
    if (up && i > 0 && (after_lower || before_lower) && out[k - 1] != '_') out[k++] = '_';
    out[k++] = (char)tolower((unsigned char)name[i]);
  }
  return intern(e->names, out);
}

static bool is_taken(const Instance *owner, const char *name) {
  uint32_t n;
  return map_get(&owner->taken, map_key(name), &n);
}

// A name inside `owner`: the second c is c_1.
const char *take_name(Elab *e, Instance *owner, const char *base) {
  const char *name = base = intern(e->names, base);
  uint32_t k = 0;
  map_get(&owner->taken, map_key(base), &k);
  while (is_taken(owner, name)) name = intern(e->names, arena_printf(e->a, "%s_%u", base, ++k));
  map_put(e->a, &owner->taken, map_key(base), k);
  map_put(e->a, &owner->taken, map_key(name), name == base ? k : 0);
  return name;
}

static uint32_t *anon_counter(Elab *e, Instance *owner, const char *type) {
  for (size_t i = 0; i < owner->anon_type.len; i++)
    if (owner->anon_type.data[i] == type) return &owner->anon_count.data[i];
  vec_push(e->a, &owner->anon_type, type);
  vec_push(e->a, &owner->anon_count, 0u);
  return &owner->anon_count.data[owner->anon_count.len - 1];
}

static const char *layer_name(const Instance *i) { return i->type->u.layer.name.text; }

// Numbers the anonymous instances of one type in the order of their construction, up to `last`.
static void name_anonymous(Elab *e, Instance *owner, Instance *last) {
  while (owner->n_named < owner->kids.len && owner->kids.data[owner->n_named]->name) owner->n_named++;
  for (size_t i = owner->n_named; i < owner->kids.len; i++) {
    Instance *k = owner->kids.data[i];
    if (!k->name && k->owner == owner && layer_name(k) == layer_name(last)) {
      const char *base = snake(e, layer_name(k));
      uint32_t *n = anon_counter(e, owner, base);
      const char *name = intern(e->names, arena_printf(e->a, "%s_%u", base, (*n)++));
      if (is_taken(owner, name)) {
        Diag *g = err(e, DIAG_E0404, k->span, "the path `%s` would be made twice", name);
        diag_note(g, "another name here is spelled like the automatic one");
      }
      k->name = take_name(e, owner, name);
      if (owner != &e->orphans)
        diag_label(
            warn(e, DIAG_W0403, "anonymous", k->span, "this layer is named `%s` by its position", name),
            "`let %s = …;` would keep its name under edits", base);
    }
    if (k == last) break;
  }
}

const char *instance_path(Elab *e, Instance *i) {
  if (i->path) return i->path;
  if (!i->name) name_anonymous(e, i->owner ? i->owner : &e->orphans, i);
  const char *up = i->owner && i->owner != &e->orphans ? instance_path(e, i->owner) : i->prefix;
  i->path = up ? intern(e->names, arena_printf(e->a, "%s.%s", up, i->name)) : i->name;
  vec_push(e->a, &e->layers, ((LayerInstance){i->path, layer_name(i), i->span}));
  return i->path;
}

static void name_instance(Elab *e, Instance *i, const char *name, Instance *owner) {
  if (i->name || i->owner != owner) return;
  i->name = take_name(e, owner, name);
}

static bool layers_only(Value v) {
  for (uint32_t i = 0; v.kind == V_LIST && i < v.u.list.len; i++)
    if (!layers_only(v.u.list.data[i])) return false;
  return v.kind == V_LIST || v.kind == V_INSTANCE;
}

static void name_list(Elab *e, Value v, const char *name, Instance *owner) {
  for (uint32_t i = 0; i < v.u.list.len; i++) {
    const char *n = intern(e->names, arena_printf(e->a, "%s.%u", name, i));
    if (v.u.list.data[i].kind == V_INSTANCE)
      name_instance(e, v.u.list.data[i].u.inst.inst, n, owner);
    else if (v.u.list.data[i].kind == V_LIST)
      name_list(e, v.u.list.data[i], n, owner);
  }
}

// `let c = Dense(3)`: instances made in the value and not named yet take the name.
void name_value(Elab *e, Value v, const char *name, Instance *owner) {
  if (v.kind == V_INSTANCE) name_instance(e, v.u.inst.inst, name, owner);
  if (v.kind != V_LIST) return;
  bool fresh = false;
  for (uint32_t i = 0; i < v.u.list.len; i++) {
    Value x = v.u.list.data[i];
    fresh |=
        x.kind == V_LIST || (x.kind == V_INSTANCE && !x.u.inst.inst->name && x.u.inst.inst->owner == owner);
  }
  if (!fresh) return;
  name = take_name(e, owner, name);
  name_list(e, v, name, owner);
  if (layers_only(v)) vec_push(e->a, &owner->lists, ((LayerList){name, v}));
}

const Value *find_list(const Instance *i, const char *name) {
  for (size_t k = 0; k < i->lists.len; k++)
    if (i->lists.data[k].name == name) return &i->lists.data[k].v;
  return NULL;
}

Instance *find_kid(Instance *i, const char *name) {
  for (size_t k = 0; k < i->kids.len; k++)
    if (i->kids.data[k]->name == name && i->kids.data[k]->owner == i) return i->kids.data[k];
  for (size_t k = 0; k < i->adopted.len; k++)
    if (i->adopted.data[k]->name == name) return i->adopted.data[k];
  return NULL;
}

static bool scopes_equal(const Scope *a, const Scope *b, int depth);

static bool values_same(Value a, Value b, int depth) {
  if (a.kind == V_DIM && b.kind == V_DIM) return dim_eq(a.u.dim, b.u.dim);
  if (a.kind == V_TENSOR && b.kind == V_TENSOR) return true; // of another function
  if (a.kind == V_FN && b.kind == V_FN && a.u.fn->lambda && a.u.fn->lambda == b.u.fn->lambda)
    return depth > 8 || scopes_equal(a.u.fn->scope, b.u.fn->scope, depth + 1);
  if ((a.kind == V_LIST || a.kind == V_TUPLE) && a.kind == b.kind) {
    if (a.u.list.len != b.u.list.len) return false;
    for (uint32_t i = 0; i < a.u.list.len; i++)
      if (!values_same(a.u.list.data[i], b.u.list.data[i], depth)) return false;
    return true;
  }
  if (a.kind == V_NPY && b.kind == V_NPY) return strcmp(a.u.s, b.u.s) == 0;
  return v_equal(a, b);
}

static bool scopes_equal(const Scope *a, const Scope *b, int depth) {
  for (; a && b && a != b && a->kind == SCOPE_LOCAL && b->kind == SCOPE_LOCAL; a = a->up, b = b->up) {
    if (a->names.len != b->names.len) return false;
    for (size_t i = 0; i < a->names.len; i++)
      if (a->names.data[i]->name != b->names.data[i]->name ||
          !values_same(a->names.data[i]->v, b->names.data[i]->v, depth))
        return false;
  }
  return a == b;
}

static bool has_stores(const Instance *i) {
  if (i->stores.len) return true;
  for (size_t k = 0; k < i->kids.len; k++)
    if (has_stores(i->kids.data[k])) return true;
  return false;
}

// Instances among the attributes that nobody named yet take the attribute's name and belong to this one.
static void adopt(Elab *e, Instance *inst, const ParamList *attrs) {
  for (uint32_t i = 0; i < attrs->len; i++) {
    Binding *b = scope_local(inst->scope, attrs->data[i].name.text);
    if (!b) continue;
    Value v = b->v;
    Value *items = v.kind == V_LIST ? v.u.list.data : &v;
    uint32_t n = v.kind == V_LIST ? v.u.list.len : v.kind == V_INSTANCE ? 1 : 0;
    for (uint32_t k = 0; k < n; k++) {
      if (items[k].kind != V_INSTANCE) continue;
      Instance *kid = items[k].u.inst.inst;
      if (kid->name || kid->owner != inst->owner) continue;
      const char *name = b->name;
      if (v.kind == V_LIST) name = intern(e->names, arena_printf(e->a, "%s.%u", name, k));
      kid->owner = inst;
      kid->orphan = inst->orphan;
      kid->name = take_name(e, inst, name);
      vec_push(e->a, &inst->adopted, kid);
    }
  }
}

// `model net = MLP(32, 10);`: its layers may be applied while it is made, so its path is settled before.
static void become_model(Elab *e, Instance *inst) {
  const Instance *root = inst->owner;
  inst->name = take_name(e, inst->owner, root->name);
  inst->prefix = root->prefix;
  inst->owner = NULL;
}

static void exec_members(Elab *e, Instance *inst) {
  visit(e, inst->type);
  Ctx *scratch = ctx_new(e, CTX_SCRATCH, FN_INIT, layer_name(inst), NULL, 1, inst->span);
  Saved saved = enter_ctx(e, scratch, inst->scope);
  e->inst = inst;
  Frame *f = frame_push(e, NULL, inst, layer_name(inst), inst);
  f->depth = saved.frame ? saved.frame->depth + 1 : 0;
  exec_stmts(e, &inst->type->u.layer.body);
  leave_ctx(e, saved);
}

Value make_instance(Elab *e, const Stmt *type, Args *args, const Expr *call, Span span) {
  const char *name = type->u.layer.name.text;
  Instance *owner = e->inst ? e->inst : &e->orphans;
  Scope *saved = e->scope, *scope = scope_new(e, home(e, type->span), SCOPE_LOCAL);
  bool poison = false;
  if (!made_outside_loop(e, span, "making a layer", "make it before the loop, and apply it inside"))
    return v_poison();
  if (e->frame && e->frame->depth >= MAX_CALL_DEPTH) return too_deep(e, span, "layers");
  if (too_many_calls(e, span)) return v_poison();
  Key key = frame_key(e, call);
  Instance *old = NULL;
  uint32_t at;
  if (map_get(&owner->kid_at, key_hash(key), &at))
    for (size_t i = at; i < owner->kids.len && !old; i++)
      if (key_eq(owner->kids.data[i]->key, key)) old = owner->kids.data[i];
  e->scope = scope;
  bool ok = bind_params(e, &type->u.layer.attrs, args, name, span, &poison);
  e->scope = saved;
  if (!ok) {
    // layer X(x: …) without `()`: the one list of parameters was taken for attributes
    return v_poison();
  }
  Value v = {.kind = V_INSTANCE};
  if (old) {
    bool same = true;
    for (uint32_t i = 0; i < type->u.layer.attrs.len; i++) {
      const char *a = type->u.layer.attrs.data[i].name.text;
      same &= values_same(scope_local(scope, a)->v, scope_local(old->scope, a)->v, 0);
    }
    v.u.inst.inst = old;
    if (same) return v;
    if (has_stores(old)) {
      Diag *g = err(e, DIAG_E0402, span, "`%s` is made again with other attributes", instance_path(e, old));
      diag_note(g, "an instance is identified by its place; applied twice it shares its parameters");
      return v_poison();
    }
    old->scope = scope;
    if (type->kind == ST_LAYER_LONG) exec_members(e, old);
    return v;
  }
  Instance *inst = ARENA_NEW(e->a, Instance);
  inst->type = type;
  inst->owner = owner;
  inst->orphan = owner->orphan;
  inst->scope = scope;
  inst->span = span;
  inst->key = key;
  inst->under_training = e->under_training;
  if (!map_get(&owner->kid_at, key_hash(key), &at))
    map_put(e->a, &owner->kid_at, key_hash(key), (uint32_t)owner->kids.len);
  vec_push(e->a, &owner->kids, inst);
  adopt(e, inst, &type->u.layer.attrs);
  if (call && call == e->model_call) become_model(e, inst);
  if (type->kind == ST_LAYER_LONG) exec_members(e, inst);
  v.u.inst.inst = inst;
  return v;
}

// An instance of the same type with the same attributes, and with stores of its own. Layers that `like` took
// among its attributes are made again, too, each at a place of its own.
static Value make_alike(Elab *e, const Instance *like, const Expr *call, Span span, int64_t *place) {
  const ParamList *attrs = &like->type->u.layer.attrs;
  Args args = {.n = attrs->len,
               .names = ARENA_ARRAY(e->a, attrs->len, const char *),
               .v = ARENA_ARRAY(e->a, attrs->len, Value),
               .spans = ARENA_ARRAY(e->a, attrs->len, Span),
               .name_spans = ARENA_ARRAY(e->a, attrs->len, Span)};
  for (uint32_t i = 0; i < attrs->len; i++) {
    Value v = scope_local(like->scope, attrs->data[i].name.text)->v;
    args.v[i] = v.kind == V_LIST ? v_list(e, V_LIST, v.u.list.data, v.u.list.len) : v;
    Value *items = v.kind == V_LIST ? args.v[i].u.list.data : &args.v[i];
    for (uint32_t k = 0; k < (v.kind == V_LIST ? v.u.list.len : 1); k++)
      if (items[k].kind == V_INSTANCE && items[k].u.inst.inst->owner == like)
        items[k] = make_alike(e, items[k].u.inst.inst, call, span, place);
    args.spans[i] = args.name_spans[i] = span;
    args.any_poison |= v_has_poison(args.v[i]);
  }
  if (args.any_poison) return v_poison();
  vec_push(e->a, &e->frame->loops, ++*place);
  Value made = make_instance(e, like->type, &args, call, span);
  e->frame->loops.len--;
  return made;
}

Value another_instance(Elab *e, Value like, const Expr *call, Span span) {
  int64_t place = 0;
  Value v = make_alike(e, like.u.inst.inst, call, span, &place);
  if (v.kind == V_INSTANCE) v.u.inst.inference = like.u.inst.inference;
  return v;
}

static Value apply_long(Elab *e, Instance *inst, bool inference, Args *args, const Expr *call, Span span) {
  Binding *b = scope_local(inst->scope, intern(e->names, "apply"));
  if (b && b->v.kind == V_FN) {
    Closure *c = ARENA_NEW(e->a, Closure);
    *c = *b->v.u.fn;
    c->inference |= inference;
    return call_closure(e, c, args, call, span);
  }
  Diag *g = err(e, DIAG_E0208, span, "`%s` is used by its methods", layer_name(inst));
  for (size_t i = 0; i < inst->scope->names.len; i++)
    if (inst->scope->names.data[i]->v.kind == V_FN) {
      diag_note(g, "it has `.%s(…)`", inst->scope->names.data[i]->name);
      break;
    }
  return v_poison();
}

Value apply_instance(Elab *e, Instance *inst, bool inference, Args *args, const Expr *call, Span span) {
  const Stmt *t = inst->type;
  if (t->kind == ST_LAYER_LONG) return apply_long(e, inst, inference, args, call, span);
  if (inst->busy) {
    Diag *g =
        err(e, DIAG_E0305, span, "`%s` is applied while it is being elaborated", instance_path(e, inst));
    diag_label(g, "there is no recursion");
    return v_poison();
  }
  if (too_many_calls(e, span)) return v_poison();
  Saved saved = {e->fn, e->scope, e->frame, e->inst};
  bool training = e->fn->training;
  const char *path = e->fn->b.path;
  if (e->frame->depth >= MAX_CALL_DEPTH) return too_deep(e, span, "layers");
  frame_push(e, call, inst, layer_name(inst), inst);
  uint32_t mode = e->under_training;
  e->under_training = inst->under_training;
  inst->busy = inst->applied = true;
  if (inference) e->fn->training = false;
  e->inst = inst;
  e->fn->b.path = instance_path(e, inst);
  e->scope = scope_new(e, inst->scope, SCOPE_LOCAL);
  bool poison = false;
  Value v = v_poison();
  visit(e, t);
  if (bind_params(e, &t->u.layer.inputs, args, layer_name(inst), span, &poison))
    v = run_body(e, t->u.layer.expr, &t->u.layer.body, t->u.layer.ret, span);
  inst->busy = false;
  e->under_training = mode;
  e->fn->training = training;
  e->fn->b.path = path;
  leave_ctx(e, saved);
  return v;
}

static void own(Value v, bool orphan) {
  if (v.kind == V_INSTANCE) v.u.inst.inst->orphan = orphan;
  for (uint32_t i = 0; v.kind == V_LIST && i < v.u.list.len; i++) own(v.u.list.data[i], orphan);
}

static bool only_instances(Value v) {
  if (v.kind == V_INSTANCE) return true;
  if (v.kind != V_LIST || v.u.list.len == 0) return false;
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (!only_instances(v.u.list.data[i])) return false;
  return true;
}

static void collect_models(Elab *e, Value v) {
  if (v.kind == V_INSTANCE) vec_push(e->a, &e->models, v.u.inst.inst);
  for (uint32_t i = 0; v.kind == V_LIST && i < v.u.list.len; i++) collect_models(e, v.u.list.data[i]);
}

// model net = MLP(32, 10); or a list of layers.
Value declare_model(Elab *e, const Stmt *s) {
  Instance *root = e->model_root = ARENA_NEW(e->a, Instance);
  root->name = s->u.model.name.text;
  root->prefix = module_at(e, s->span)->prefix;
  // Of another layer that is applied before the model is made: net.dense_0.
  root->path =
      root->prefix ? intern(e->names, arena_printf(e->a, "%s.%s", root->prefix, root->name)) : root->name;
  Instance *saved = e->inst;
  const Expr *saved_call = e->model_call;
  e->inst = root;
  e->model_call = s->u.model.value;
  Value v = eval(e, s->u.model.value);
  e->inst = saved;
  e->model_call = saved_call;
  if (v_has_poison(v)) return v_poison();
  if (!only_instances(v)) {
    Diag *g = err(e, DIAG_E0202, s->u.model.value->span, "a model is a layer or a list of layers");
    diag_label(g, "this is %s", v_describe(e, v));
    if (v.kind == V_LAYER) diag_note(g, "`%s(…)` makes a layer of this type", v.u.decl->u.layer.name.text);
    if (v.kind == V_FN || v.kind == V_BUILTIN) diag_note(g, "a function has no parameters: it needs no `model`");
    return v_poison();
  }
  name_value(e, v, root->name, root);
  for (size_t i = 0; i < root->kids.len; i++) {
    Instance *kid = root->kids.data[i];
    if (kid->owner == root) kid->owner = NULL, kid->prefix = root->prefix;
    if (!kid->name && !kid->owner) kid->name = root->name;
  }
  own(v, false);
  collect_models(e, v);
  return v;
}
