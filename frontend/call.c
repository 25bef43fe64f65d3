// Calls: arguments to parameters, frames, sites of draws, the check against recursion. Longer than most files
// because these share the frame and the scope of one call.
#include "frontend/sema.h"

static void push_arg(Args *a, const char *name, Value v, Span span, Span name_span) {
  a->names[a->n] = name;
  a->v[a->n] = v;
  a->spans[a->n] = span;
  a->name_spans[a->n++] = name_span;
  a->any_poison |= v_has_poison(v);
}

Args eval_args(Elab *e, const ArgList *list, const Value *first, Span first_span) {
  uint32_t n = (list ? list->len : 0) + 1;
  Args a = {.names = ARENA_ARRAY(e->a, n, const char *),
            .v = ARENA_ARRAY(e->a, n, Value),
            .spans = ARENA_ARRAY(e->a, n, Span),
            .name_spans = ARENA_ARRAY(e->a, n, Span)};
  if (first) push_arg(&a, NULL, *first, first_span, first_span);
  for (uint32_t i = 0; list && i < list->len; i++) {
    const Arg *x = &list->data[i];
    push_arg(&a, x->name, eval(e, x->value), x->value->span, x->name ? x->name_span : x->value->span);
  }
  return a;
}

// ---- frames

Frame *frame_push(Elab *e, const Expr *call, const void *what, const char *name, Instance *self) {
  Frame *f = ARENA_NEW(e->a, Frame);
  f->up = e->frame;
  f->call = call;
  f->what = what;
  f->name = name;
  f->self = self;
  f->depth = e->frame ? e->frame->depth + 1 : 0;
  e->frame = f;
  return f;
}

void frame_pop(Elab *e) { e->frame = e->frame->up; }

static void key_add(uint64_t *w, uint32_t *n, const Frame *f, const void *place) {
  for (size_t i = f->loops.len; i-- > 0;) w[(*n)++] = (uint64_t)f->loops.data[i];
  w[(*n)++] = (uint64_t)(uintptr_t)place;
}

// A place within the instance being elaborated: the calls and loop indices that lead to it.
Key frame_key(Elab *e, const void *place) {
  uint32_t n = 0, cap = 1;
  for (const Frame *f = e->frame; f; f = f->up) cap += 1 + (uint32_t)f->loops.len;
  uint64_t *w = ARENA_ARRAY(e->a, cap, uint64_t);
  for (const Frame *f = e->frame; f; f = f->up) {
    key_add(w, &n, f, place);
    if (f->self) break;
    place = f->call;
  }
  return (Key){n, w};
}

bool key_eq(Key a, Key b) { return a.n == b.n && memcmp(a.w, b.w, a.n * sizeof *a.w) == 0; }

uint64_t key_hash(Key k) {
  uint64_t h = k.n;
  for (uint32_t i = 0; i < k.n; i++) h = (h ^ k.w[i]) * 0x100000001B3u, h ^= h >> 29;
  return h;
}

static uint32_t fnv(uint32_t h, const void *data, size_t n) {
  const unsigned char *p = data;
  for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 16777619u;
  return h;
}

static uint32_t fnv_u32(uint32_t h, uint32_t v) {
  unsigned char b[4] = {(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
                        (unsigned char)(v >> 24)};
  return fnv(h, b, 4);
}

static uint32_t hash_frames(const Elab *e, uint32_t h, const Frame *f, const Expr *place) {
  if (f->up) h = hash_frames(e, h, f->up, f->call);
  // without a place: a train block, around its steps
  h = fnv_u32(h, place ? call_ordinal(e, place) : e->fn->site_lead);
  for (size_t i = 0; i < f->loops.len; i++) h = fnv_u32(h, (uint32_t)f->loops.data[i]);
  return h;
}

uint32_t site_hash(const char *text) { return fnv(2166136261u, text, strlen(text)); }

static uint32_t unique_site(Elab *e, uint32_t h) {
  for (size_t i = 0; i < e->fn->sites.len;)
    if (e->fn->sites.data[i] == h) {
      h = fnv(h, "'", 1);
      i = 0;
    } else
      i++;
  vec_push(e->a, &e->fn->sites, h);
  return h;
}

// FNV-1a 32 of: in a field of data, the data's name; the instance path (UTF-8); then, from the body of the
// function of the program inwards, for each call that leads to the draw its number among the calls of its
// body (in source order, from 0) and the indices of the static loops around it, outer first; last the draw's
// own. Numbers as 4 bytes, little end first. While initialising: of the store's path; the second draw has
// "#1" appended, the third "#2" …. Should two draws of one function meet in one value, the later hashes one
// more byte (').
uint32_t site_here(Elab *e, const Expr *draw) {
  uint32_t h = 2166136261u;
  if (e->fn->init_path) {
    h = fnv(h, e->fn->init_path, strlen(e->fn->init_path));
    if (e->fn->init_draws) {
      const char *t = arena_printf(e->a, "#%u", e->fn->init_draws);
      h = fnv(h, t, strlen(t));
    }
    e->fn->init_draws++;
    return h;
  }
  if (e->fn->data) h = fnv(h, e->fn->data, strlen(e->fn->data));
  h = fnv(h, e->fn->b.path, strlen(e->fn->b.path));
  return unique_site(e, hash_frames(e, h, e->frame, draw));
}

// ---- binding

static const char *signature(Elab *e, const ParamList *p, const char *what) {
  const char *t = arena_printf(e->a, "%s(", what);
  for (uint32_t i = 0; i < p->len; i++)
    t = arena_printf(e->a, "%s%s%s: %s%s", t, i ? ", " : "", p->data[i].name.text,
                     type_text(e, p->data[i].type), p->data[i].dflt ? " = …" : "");
  return arena_printf(e->a, "%s)", t);
}

// A wrong declaration is wrong for every call of it: only the first is reported. The library is never wrong.
static bool said_of(Elab *e, const ParamList *p, const char *what) {
  const Source *s = source_get(e->sources, p->span.source);
  return s && !s->is_std && !first_time(e, "params %u %u %s", p->span.source, p->span.begin, what);
}

// A name that is unknown inside: the parameter was to have it.
static bool unknown_inside(Elab *e, const ParamList *p, const char *name) {
  return !first_time(e, "params %u %u unknown %s", p->span.source, p->span.begin, name);
}

static bool is_axes(Value v) {
  if (v.kind != V_LIST) return v.kind == V_INT;
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (v.u.list.data[i].kind != V_INT) return false;
  return v.u.list.len > 0;
}

// Argument i is one too many: `name`, and what follows it, are given by name. Where an axis was meant that is
// all.
static void by_name(Elab *e, Diag *g, const char *name, const Args *args, uint32_t i) {
  Span at = args->spans[i];
  diag_note(g, "`%s` is given by name", name);
  for (uint32_t k = i + 1; k < args->n; k++)
    if (!args->names[k]) return;
  if (strcmp(name, "axis") != 0 || !is_axes(args->v[i])) return;
  const char *text = source_get(e->sources, at.source)->text;
  diag_help(g, "write `axis = %s`", arena_strndup(e->a, text + at.begin, at.end - at.begin));
}

// The library's reductions take `axis` and `keep`, lists of axes, by name only, as the compiler's own do.
static uint32_t positional_params(const Elab *e, const ParamList *params) {
  const Source *s = source_get(e->sources, params->span.source);
  for (uint32_t k = 0; s && s->is_std && k < params->len; k++)
    if (params->data[k].type->kind == TY_LIST && strcmp(params->data[k].name.text, "axis") == 0) return k;
  return params->len;
}

// Index of the parameter each argument goes to; false after an error.
static bool place_args(Elab *e, const ParamList *params, const Args *args, const char *what, Span span,
                       int *slot) {
  bool ok = true;
  for (uint32_t i = 0; i < params->len; i++) slot[i] = -1;
  uint32_t next = 0, positional = positional_params(e, params);
  for (uint32_t i = 0; i < args->n; i++) {
    uint32_t k = 0;
    if (!args->names[i]) {
      k = next++;
      if (k >= positional) {
        if (args->any_poison) return false; // `f(a,b, c)`, a dot meant: `b` is unknown
        if (said_of(e, params, arena_printf(e->a, "count %u", args->n))) return false;
        if (said_of(e, params, "unknown")) return false; // a name used inside that is no parameter
        Diag *g = err(e, DIAG_E0207, args->spans[i], "too many arguments for `%s`", what);
        diag_label(g, "%u wanted", positional);
        if (positional < params->len)
          by_name(e, g, params->data[positional].name.text, args, i);
        else
          diag_note(g, "`%s`", signature(e, params, what));
        if (args->v[i].kind == V_TENSOR && params->len == 0) layer_note(e, g, what);
        return false;
      }
    } else {
      while (k < params->len && params->data[k].name.text != args->names[i]) k++;
      if (k == params->len) {
        const char **names = ARENA_ARRAY(e->a, params->len + 1, const char *);
        for (uint32_t j = 0; j < params->len; j++) names[j] = params->data[j].name.text;
        ok = false;
        if (said_of(e, params, args->names[i]) || unknown_inside(e, params, args->names[i])) continue;
        const char *near = nearest_of(args->names[i], names, params->len);
        Diag *g = err(e, DIAG_E0207, args->name_spans[i], "`%s` has no argument `%s`", what, args->names[i]);
        if (near) diag_label(g, "did you mean `%s`?", near);
        diag_note(g, "`%s`", signature(e, params, what));
        continue;
      }
    }
    if (slot[k] >= 0) {
      diag_label(err(e, DIAG_E0207, args->name_spans[i], "`%s` is given twice", params->data[k].name.text),
                 "already given");
      ok = false;
      continue;
    }
    slot[k] = (int)i;
  }
  for (uint32_t k = 0; ok && k < params->len; k++) {
    if (slot[k] >= 0 || params->data[k].dflt) continue;
    if (args->any_poison) return false; // what is wrong with one may have cost another
    if (said_of(e, params, arena_printf(e->a, "lacks %s", params->data[k].name.text))) return false;
    Diag *g = err(e, DIAG_E0207, span, "`%s` lacks its argument `%s`", what, params->data[k].name.text);
    diag_note(g, "`%s`", signature(e, params, what));
    return false;
  }
  return ok;
}

static bool is_scalar_value(const Elab *e, Value v) {
  return v_is_number(v) || v.kind == V_BOOL || v.kind == V_DIM ||
         (v.kind == V_TENSOR && node_of(e, v.u.node)->shape->rank == 0);
}

static const char *star_name(const Type *t) { return t->dims[0].name; }

// A scalar where `[*s]` stands: it takes the shape that s has in the end.
static bool spread_scalars(Elab *e, const ParamList *params, const int *slot, const Args *args,
                           const bool *scalar) {
  bool ok = true;
  for (uint32_t k = 0; k < params->len; k++) {
    if (!scalar[k]) continue;
    const Param *p = &params->data[k];
    Binding *s = scope_find(e->scope, star_name(p->type));
    if (!s) s = scope_bind(e, e->scope, star_name(p->type), v_list(e, V_LIST, NULL, 0), p->span);
    Binding *b = scope_local(e->scope, p->name.text);
    Span at = slot[k] >= 0 ? args->spans[slot[k]] : p->span;
    Shape to;
    if (!value_shape(e, s->v, at, &to)) return false;
    DType t = type_dtype(e, p->type);
    if (to.rank == 0 && b->v.kind != V_TENSOR) {
      if (dtype_is_real(t) && b->v.kind == V_INT) b->v = v_float((double)b->v.u.i);
      continue;
    }
    NodeId n = NO_NODE;
    if (v_is_number(b->v) || b->v.kind == V_BOOL) {
      Scalar c;
      if (dtype_is_real(t))
        c.f = v_number(b->v);
      else
        c.i = b->v.kind == V_BOOL ? b->v.u.b : b->v.u.i;
      e->fn->b.span = at;
      n = b_splat(&e->fn->b, t, to, c);
    } else {
      n = to_node(e, b->v, t, at);
      if (n != NO_NODE) n = broadcast_to(e, n, &to, at, p->name.text);
    }
    ok &= n != NO_NODE;
    if (b->v.kind != V_TENSOR || b->v.u.node != n) b->v = v_tensor(e, n);
  }
  return ok;
}

// The value was no argument for another call: a field of the batch, say, that is declared wrongly.
static bool doubted(const Elab *e, Value v) {
  for (size_t i = 0; v.kind == V_TENSOR && v.ctx == e->fn->serial && i < e->fn->doubted.len; i++)
    if (e->fn->doubted.data[i] == v.u.node) return true;
  return false;
}

// Binds parameters in e->scope, left to right. False: an error, or (with *poison) an argument that had one.
bool bind_params(Elab *e, const ParamList *params, Args *args, const char *what, Span span, bool *poison) {
  int *slot = ARENA_ARRAY(e->a, params->len + 1, int);
  bool *scalar = ARENA_ARRAY(e->a, params->len + 1, bool);
  bool ok = place_args(e, params, args, what, span, slot);
  *poison = !ok;
  bool wrong = false; // one mistake a call: swapped arguments do not fit twice
  for (uint32_t k = 0; ok && k < params->len; k++) {
    const Param *p = &params->data[k];
    Value v = slot[k] >= 0 ? args->v[slot[k]] : eval(e, p->dflt);
    Span at = slot[k] >= 0 ? args->spans[slot[k]] : p->span;
    if (v_has_poison(v) || wrong || (v.kind == V_RECORD && args->any_poison)) { // `d,x` is meant as `d.x`
      *poison = true;
      v = v_poison();
    } else if (p->type->kind == TY_TENSOR && type_is_star(p->type) && is_scalar_value(e, v)) {
      scalar[k] = true;
      Type scalar_type = *p->type;
      scalar_type.has_shape = false;
      if (!match_type(e, &scalar_type, &v, at, what, p->name.text)) *poison = wrong = true;
    } else if (doubted(e, v)) {
      *poison = wrong = true;
      v = v_poison();
    } else if (!match_type(e, p->type, &v, at, what, p->name.text)) {
      if (v.kind == V_TENSOR && v.ctx == e->fn->serial) vec_push(e->a, &e->fn->doubted, v.u.node);
      *poison = wrong = true;
      v = v_poison();
    }
    scope_bind(e, e->scope, p->name.text, v, p->name.span);
  }
  if (*poison) return false;
  return spread_scalars(e, params, slot, args, scalar);
}

// `sum(x, axis = …)` of a function whose parameters are names.
const char *names_signature(Elab *e, const char *what, const char *const *names, const bool *required,
                            uint32_t n) {
  const char *t = arena_printf(e->a, "%s(", what);
  for (uint32_t i = 0; i < n; i++)
    t = arena_printf(e->a, "%s%s%s%s", t, i ? ", " : "", names[i], required[i] ? "" : " = …");
  return arena_printf(e->a, "%s)", t);
}

// A lambda is called by its signature.
static void signature_note(Elab *e, Diag *g, const char *what, const char *const *names, const bool *required,
                           uint32_t n) {
  if (!strchr(what, '(')) diag_note(g, "`%s`", names_signature(e, what, names, required, n));
}

// The same for builtins: parameters are names, values unchecked. `out` starts as V_ABSENT.
bool bind_names(Elab *e, const char *what, const char *const *names, const bool *required, uint32_t n_names,
                uint32_t max_positional, const Args *args, Span span, Value *out, Span *spans) {
  for (uint32_t i = 0; i < n_names; i++) out[i] = (Value){.kind = V_ABSENT}, spans[i] = span;
  uint32_t next = 0;
  for (uint32_t i = 0; i < args->n; i++) {
    uint32_t k = 0;
    if (!args->names[i]) {
      k = next++;
      if (k >= max_positional) {
        if (args->any_poison) return false;
        Diag *g = err(e, DIAG_E0207, args->spans[i], "too many arguments for `%s`", what);
        diag_label(g, "%u wanted", max_positional);
        if (max_positional < n_names)
          by_name(e, g, names[max_positional], args, i);
        else
          signature_note(e, g, what, names, required, n_names);
        return false;
      }
    } else {
      while (k < n_names && strcmp(names[k], args->names[i]) != 0) k++;
      if (k == n_names) {
        const char *near = nearest_of(args->names[i], names, n_names);
        Diag *g = err(e, DIAG_E0207, args->name_spans[i], "`%s` has no argument `%s`", what, args->names[i]);
        if (near) diag_label(g, "did you mean `%s`?", near);
        signature_note(e, g, what, names, required, n_names);
        return false;
      }
    }
    if (out[k].kind != V_ABSENT) {
      err(e, DIAG_E0207, args->name_spans[i], "`%s` is given twice", names[k]);
      return false;
    }
    out[k] = args->v[i];
    spans[k] = args->spans[i];
  }
  for (uint32_t k = 0; k < n_names; k++)
    if (required[k] && out[k].kind == V_ABSENT) {
      if (args->any_poison) return false;
      Diag *g = err(e, DIAG_E0207, span, "`%s` lacks its argument `%s`", what, names[k]);
      signature_note(e, g, what, names, required, n_names);
      return false;
    }
  return true;
}

// ---- running a body

// The declared type of what went wrong, so that mistakes after it are found too. No program is made any more.
Value stand_in(Elab *e, const Type *t) {
  if (e->dead || !t || t->kind != TY_TENSOR) return v_poison();
  Shape s = {0};
  for (uint32_t i = 0; t->has_shape && i < t->n_dims; i++) {
    const DimSpec *d = &t->dims[i];
    const char *name = d->kind == DIM_STAR                               ? d->name
                       : d->kind == DIM_EXPR && d->expr->kind == EX_NAME ? d->expr->u.name
                                                                         : NULL;
    Binding *b = name ? scope_find(e->scope, name) : NULL;
    Dim n;
    if (d->kind == DIM_EXPR && d->expr->kind == EX_INT) {
      s.d[s.rank++] = dim_of(d->expr->u.i.value);
    } else if (b && v_as_dim(b->v, &n) && (b->v.kind == V_INT || b->v.ctx == e->fn->serial)) {
      s.d[s.rank++] = n;
    } else if (b && d->kind == DIM_STAR && b->v.kind == V_LIST) {
      Shape part;
      if (!value_shape(e, b->v, t->span, &part) || s.rank + part.rank >= MAX_RANK) return v_poison();
      for (uint32_t k = 0; k < part.rank; k++) s.d[s.rank++] = part.d[k];
    } else {
      return v_poison();
    }
    if (s.rank >= MAX_RANK || !check_elements(e, &s, t->span)) return v_poison();
  }
  e->fn->recovered = true;
  return v_tensor(e, b_input(&e->fn->b, IN_ARG, 0, "erroneous", type_dtype(e, t), s));
}

// Whether recovery dropped a statement, which may have been the `return` or the `yield`: with a missing `;`
// it may be part of the one before.
bool lost_statement(const StmtList *body) {
  for (uint32_t i = 0; i < body->len; i++) {
    const Stmt *s = body->data[i];
    if (s->kind == ST_ERROR) return true;
    if ((s->kind == ST_LET || s->kind == ST_VAR) && s->u.let.value->kind == EX_ERROR) return true;
    if (s->kind == ST_ASSIGN && s->u.assign.value->kind == EX_ERROR) return true;
    if (s->kind == ST_FOR && lost_statement(&s->u.loop.body)) return true;
    if (s->kind == ST_IF && (lost_statement(&s->u.cond.then) || lost_statement(&s->u.cond.otherwise)))
      return true;
  }
  return false;
}

// e->scope is the scope of the call, where the result's type may bind and use sizes.
Value run_body(Elab *e, const Expr *expr, const StmtList *body, const Type *ret, Span span) {
  Scope *call_scope = e->scope;
  Value v;
  Span at = span;
  if (expr) {
    v = eval(e, expr);
    at = expr->span;
  } else {
    e->ret = v_void();
    e->ret_span = body->span;
    Flow f = exec_block(e, body);
    bool returned = f != FLOW_NEXT;
    if (f == FLOW_FAILED) ret = NULL; // the arguments are wrong, perhaps: what would the result be?
    v = returned ? e->ret : v_void();
    at = e->ret_span;
    e->ret = v_void();
    if (!returned && lost_statement(body)) {
      v = v_poison();
    } else if (!returned && ret && !e->dead) {
      diag_label(err(e, DIAG_E0307, ret->span, "a result is declared but nothing is returned"),
                 "no `return` is reached");
      v = v_poison();
    }
  }
  e->scope = call_scope;
  if (e->dead) return v_poison();
  if (v.kind == V_POISON) return stand_in(e, ret);
  if (ret && !match_type(e, ret, &v, at, NULL, "result")) v = v_poison();
  return v;
}

static void collect_fns(Elab *e, Value v, Values *out) {
  if (v.kind == V_FN || v.kind == V_BUILTIN || v.kind == V_INSTANCE || v.kind == V_LAYER)
    vec_push(e->a, out, v);
  if (v.kind == V_LIST || v.kind == V_TUPLE)
    for (uint32_t i = 0; i < v.u.list.len; i++) collect_fns(e, v.u.list.data[i], out);
}

static bool same_fns(const Frame *f, const Values *v) {
  if (f->n_fn_args != v->len) return false;
  for (uint32_t i = 0; i < f->n_fn_args; i++)
    if (!v_equal(f->fn_args[i], v->data[i])) return false;
  return true;
}

bool too_many_calls(Elab *e, Span span) {
  if (e->dead) return true;
  if (++e->n_calls <= MAX_CALLS) return false;
  Diag *g =
      err(e, DIAG_E0807, span, "the program makes more than %d calls while it is elaborated", MAX_CALLS);
  diag_note(g, "every call is elaborated, those of static values too: two calls in each of 20 functions are "
               "a million");
  e->dead = true;
  return true;
}

Value too_deep(Elab *e, Span span, const char *what) {
  Diag *g = err(e, DIAG_E0806, span, "%s are nested too deeply (more than %d)", what, MAX_CALL_DEPTH);
  const char *inner = "";
  uint32_t n = 0;
  for (const Frame *f = e->frame; f && n < 4; f = f->up)
    if (f->name) inner = arena_printf(e->a, n++ ? "%s → %s" : "%s%s", f->name, inner);
  if (n > 1) diag_note(g, "the innermost are %s", inner);
  diag_note(g, "what is repeated is a static `for`, or a `scan`");
  e->dead = true;
  return v_poison();
}

static bool recursive(Elab *e, const Closure *c, const void *what, const Values *fns, Span span,
                      const char *name) {
  if (e->frame->depth >= MAX_CALL_DEPTH) {
    too_deep(e, span, "calls");
    return true;
  }
  for (const Frame *f = e->frame; f; f = f->up) {
    if (f->what != what || !same_fns(f, fns)) continue;
    if (c->self && f->self != c->self) continue;
    const char *cycle = name;
    for (const Frame *g = e->frame; g != f->up; g = g->up)
      if (g->name) cycle = arena_printf(e->a, "%s → %s", g->name, cycle);
    Diag *g = err(e, DIAG_E0305, span, "`%s` is applied while it is being elaborated", name);
    diag_label(g, "there is no recursion");
    if (cycle != name) diag_note(g, "%s", cycle);
    return true;
  }
  return false;
}

static Value call_lambda(Elab *e, Closure *c, Args *args, Span span) {
  const NameList *p = &c->lambda->u.lambda.params;
  const char **names = ARENA_ARRAY(e->a, p->len + 1, const char *);
  bool *required = ARENA_ARRAY(e->a, p->len + 1, bool);
  Value *v = ARENA_ARRAY(e->a, p->len + 1, Value);
  Span *spans = ARENA_ARRAY(e->a, p->len + 1, Span);
  for (uint32_t i = 0; i < p->len; i++) names[i] = p->data[i].text, required[i] = true;
  const char *what = names_signature(e, "fn", names, required, p->len);
  // Of more arguments than it has names for one is, perhaps, the name that is unknown in it.
  const Span *at = &c->lambda->span;
  if (args->n > p->len && !first_time(e, "lambda %u %u unknown", at->source, at->begin)) return v_poison();
  if (!bind_names(e, what, names, required, p->len, p->len, args, span, v, spans)) return v_poison();
  if (args->any_poison) return v_poison();
  for (uint32_t i = 0; i < p->len; i++) scope_bind(e, e->scope, names[i], v[i], p->data[i].span);
  return eval(e, c->lambda->u.lambda.body);
}

// ---- calls

Value call_closure(Elab *e, Closure *c, Args *args, const Expr *call, Span span) {
  const void *what = c->decl ? (const void *)c->decl : (const void *)c->lambda;
  const char *name = c->name ? c->name : "lambda";
  if (c->self && strcmp(name, "apply") == 0) name = c->self->type->u.layer.name.text; // called by the layer
  Values fns = {0};
  for (uint32_t i = 0; i < args->n; i++) collect_fns(e, args->v[i], &fns);
  if (c->lambda) vec_push(e->a, &fns, ((Value){.kind = V_FN, .u.fn = c}));
  if (too_many_calls(e, span) || recursive(e, c, what, &fns, span, name)) return v_poison();
  Saved saved = {e->fn, e->scope, e->frame, e->inst};
  bool training = e->fn->training;
  const char *path = e->fn->b.path;
  Frame *f = frame_push(e, call, what, c->name, c->self);
  f->fn_args = fns.data;
  f->n_fn_args = (uint32_t)fns.len;
  uint32_t mode = e->under_training;
  if (c->self) {
    e->inst = c->self;
    e->under_training = c->self->under_training;
    c->self->applied = true;
    e->fn->b.path = instance_path(e, c->self);
  }
  if (c->inference) e->fn->training = false;
  Scope *call_scope = e->scope = scope_new(e, c->scope, SCOPE_LOCAL);
  Value v;
  if (c->lambda) {
    v = call_lambda(e, c, args, span);
  } else {
    bool poison = false;
    if (bind_params(e, &c->decl->params, args, name, span, &poison) &&
        (!c->vjp || rule_params(e, c, call_scope, span))) {
      visit(e, c->decl);
      warn_of_probabilities(e, c->decl, span);
      if (c->self) release_members(e, c->self);
      v = run_body(e, c->decl->expr, &c->decl->body, c->decl->ret, span);
      if (c->vjp) v = wrap_vjp(e, c, call_scope, v, call, span);
    } else {
      if (poison) visit(e, c->decl); // its declaration may be what is wrong: the body is no news
      v = v_poison();
    }
  }
  e->under_training = mode;
  e->fn->training = training;
  e->fn->b.path = path;
  leave_ctx(e, saved);
  return v;
}

Value call_value(Elab *e, Value callee, Args *args, const Expr *call, Span span) {
  if (v_has_poison(callee)) return v_poison();
  switch (callee.kind) {
  case V_FN: return call_closure(e, callee.u.fn, args, call, span);
  case V_BUILTIN: return call_builtin(e, callee.u.builtin, args, call, span);
  case V_LAYER: return make_instance(e, callee.u.decl, args, call, span);
  case V_INSTANCE: return apply_instance(e, callee.u.inst.inst, callee.u.inst.inference, args, call, span);
  case V_DATA: {
    Diag *g = err(e, DIAG_E0501, span, "a data block can't be used here");
    diag_note(g, "its examples come by `each d in %s(…) { … }` and `eval d in %s(…) { … }`",
              callee.u.decl->u.data.name.text, callee.u.decl->u.data.name.text);
    return v_poison();
  }
  default: {
    Diag *g =
        err(e, DIAG_E0208, call->kind == EX_CALL ? call->u.call.callee->span : span, "this can't be called");
    diag_label(g, "this is %s", v_describe(e, callee));
    const Expr *name = call->kind == EX_CALL ? call->u.call.callee : NULL;
    const Binding *hides = name && name->kind == EX_NAME && scope_local(e->std, name->u.name)
                               ? scope_find(e->scope, name->u.name)
                               : NULL;
    if (hides && hides->span.source) diag_also(g, hides->span, "this hides the library's `%s`", name->u.name);
    if (callee.kind == V_TENSOR && !hides)
      diag_note(g, "elements are taken with `[i]`; a product is written with `*` or `@`");
    if (callee.kind == V_RECORD || callee.kind == V_TUPLE) remedy(e, g, callee);
    if (callee.kind == V_DTYPE) diag_note(g, "a value gets another element type by `cast(x, f32)`");
    return v_poison();
  }
  }
}

static bool is_optimizer(Value v, int *kind);

Value eval_call(Elab *e, const Expr *x) {
  Value callee = eval(e, x->u.call.callee);
  int kind;
  if (is_optimizer(callee, &kind)) return make_optimizer(e, kind, &x->u.call.args, x, x->span);
  Args args = eval_args(e, &x->u.call.args, NULL, x->span);
  return call_value(e, callee, &args, x, x->span);
}

static bool is_optimizer(Value v, int *kind) {
  if (v.kind != V_BUILTIN || v.u.builtin->params) return false;
  *kind = v.u.builtin->data;
  return true;
}

// `x |> LayerNorm`: attributes are static, so the parentheses that make an instance were forgotten.
static Value layer_type_applied(Elab *e, Value layer, Span at) {
  const Stmt *type = layer.u.decl;
  Diag *g = err(e, DIAG_E0208, at, "`%s` is a layer type: a tensor goes through a layer made of it",
                type->u.layer.name.text);
  bool plain = true;
  for (uint32_t i = 0; i < type->u.layer.attrs.len; i++) plain &= type->u.layer.attrs.data[i].dflt != NULL;
  if (plain)
    diag_help(g, "write `|> %s()`", type->u.layer.name.text);
  else
    diag_note(g, "`|> %s` makes one and applies it",
              signature(e, &type->u.layer.attrs, type->u.layer.name.text));
  return v_poison();
}

// x |> f(a) is f(x, a); x |> L(a) makes the instance and applies it; x |> f applies f, x |> (f(a)) what f(a)
// is.
Value eval_pipe(Elab *e, const Expr *x) {
  Value left = eval(e, x->u.pipe.left);
  const Expr *r = x->u.pipe.right;
  Span ls = x->u.pipe.left->span;
  if (r->kind == EX_CALL && !r->in_parens) {
    Value callee = eval(e, r->u.call.callee);
    if (callee.kind == V_LAYER) {
      Args attrs = eval_args(e, &r->u.call.args, NULL, r->span);
      callee = call_value(e, callee, &attrs, r, r->span);
      Args in = eval_args(e, NULL, &left, ls);
      return call_value(e, callee, &in, x, x->span);
    }
    Args args = eval_args(e, &r->u.call.args, &left, ls);
    return call_value(e, callee, &args, r, x->span);
  }
  Value callee = eval(e, r);
  if (callee.kind == V_LAYER && left.kind == V_TENSOR) return layer_type_applied(e, callee, r->span);
  Args args = eval_args(e, NULL, &left, ls);
  return call_value(e, callee, &args, x, x->span);
}
