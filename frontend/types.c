// Signatures. Names that are visible as a size refer to it; any other name in a shape binds where it first
// occurs and is an int from then on. `[*s, k]`: s becomes a list of sizes.
#include "frontend/sema.h"

DType type_dtype(const Elab *e, const Type *t) {
  return t->is_real || t->dtype == DT_ANY ? e->real : t->dtype;
}

bool type_is_star(const Type *t) { return t->has_shape && t->n_dims == 1 && t->dims[0].kind == DIM_STAR; }

static const char *dim_spec_text(const Elab *e, const DimSpec *d) {
  if (d->kind == DIM_STAR) return arena_printf(e->a, "*%s", d->name);
  if (d->kind == DIM_ELLIPSIS) return "...";
  const Source *s = source_get(e->sources, d->span.source);
  if (!s || d->span.end > s->len) return "?";
  return arena_strndup(e->a, s->text + d->span.begin, d->span.end - d->span.begin);
}

const char *type_text(const Elab *e, const Type *t) {
  static const char *const words[] = {"int", "float", "bool", "str", "fn", "layer"};
  if (!t) return "any";
  switch (t->kind) {
  case TY_STATIC: return words[t->st];
  case TY_LIST: return arena_printf(e->a, "[%s]", words[t->st]);
  case TY_TENSOR: {
    const char *dt = t->is_real           ? (t->has_shape ? "" : "real")
                     : t->dtype == DT_ANY ? "any"
                                          : dtype_name(t->dtype),
               *s = dt;
    if (!t->has_shape) return s;
    s = arena_printf(e->a, "%s[", dt);
    for (uint32_t i = 0; i < t->n_dims; i++)
      s = arena_printf(e->a, "%s%s%s", s, i ? ", " : "", dim_spec_text(e, &t->dims[i]));
    return arena_printf(e->a, "%s]", s);
  }
  case TY_TUPLE: {
    const char *s = "(";
    for (uint32_t i = 0; i < t->items.len; i++)
      s = arena_printf(e->a, "%s%s%s", s, i ? ", " : "", type_text(e, t->items.data[i]));
    return arena_printf(e->a, "%s)", s);
  }
  }
  return "?";
}

// The same argument, fitting the same declaration as little, was reported already: the declaration (or the
// field of a data block, say) is the mistake. The library is never wrong.
static bool said_of(Elab *e, const Type *t, const char *how) {
  const Source *s = source_get(e->sources, t->span.source);
  if (!s || s->is_std) return false;
  return !first_time(e, "type %u %u %s", t->span.source, t->span.begin, how);
}

// The value, or with `axis` that one of its sizes, as what is said of it: the batch here, a `dim` there.
static const char *told(Elab *e, Value v, const Dim *axis) {
  const char *symbol = e->fn->b.g->symbol;
  if (symbol) e->fn->b.g->symbol = "N";
  const char *text = axis ? dim_text(e, *axis) : v_describe(e, v);
  e->fn->b.g->symbol = symbol;
  return text;
}

// What does not fit: other axes, the batch say, may have another size in each function of the program.
static const char *shape_told(Elab *e, Value v, const Shape *s, int axis, bool star) {
  if (star && axis < 0) return told(e, v, NULL);
  return axis < 0 ? arena_printf(e->a, "rank %u", s->rank)
                  : arena_printf(e->a, "axis %d: %s", axis, told(e, v, &s->d[axis]));
}

// A field of a data block that has the wrong element type is reported where it is used first.
static bool said_of_field(Elab *e, Value v, DType want) {
  const Ctx *c = e->fn;
  for (size_t i = 0; v.kind == V_TENSOR && i < c->n_fields; i++)
    if (c->fields[i].node == v.u.node) {
      const DataFieldUse *f = &c->fields[i].use->fields.data[c->fields[i].field];
      return !first_time(e, "field %u %u %d", f->decl->span.source, f->decl->span.begin, want);
    }
  return false;
}

bool layer_note(Elab *e, Diag *g, const char *who) {
  const Binding *b = scope_find(e->scope, who);
  if (!b || b->v.kind != V_LAYER) return false;
  diag_note(g, "`%s(…)` makes a layer, which is then applied: `%s(…)(x)` or `x |> %s(…)`", who, who, who);
  return true;
}

static bool mismatch(Elab *e, DiagCode code, const Type *t, Value v, Span at, const char *who,
                     const char *what) {
  Diag *g;
  if (v_has_poison(v) || said_of(e, t, told(e, v, NULL))) return false;
  if (who)
    g = err(e, code, at, "`%s` of `%s` wants %s", what, who, type_text(e, t));
  else
    g = err(e, code, at, "the %s is declared %s", what, type_text(e, t));
  diag_label(g, "this is %s", v_describe(e, v));
  if (!who && v.kind == V_NPY && strcmp(what, "field") == 0) {
    diag_note(g, "a source stands after `from`: `x: [n] from npy(\"x.npy\");`");
  } else if (t->kind == TY_LIST && v.kind == V_TUPLE) {
    diag_note(g, "a list has brackets: `[a, b]`");
  } else if (t->kind == TY_TENSOR) {
    remedy(e, g, v);
  } else if (t->kind == TY_STATIC && t->st == ST_FN && v.kind == V_TENSOR) {
    diag_note(g, "a function is given by its name alone, or as `fn(x) => …`");
  } else if (t->kind == TY_STATIC && t->st == ST_LAYER && v.kind == V_TENSOR) {
    diag_note(g, "the layer itself is given, not what it makes of an input: `net`, not `net(x)`");
  } else if (who && t->kind != TY_TUPLE && v.kind == V_TENSOR && !layer_note(e, g, who)) {
    diag_note(g, "a tensor's value is known only at run time; `%s` is needed while compiling", what);
  }
  return false;
}

static bool names_a_size(const Binding *b) {
  if (b->decl) return b->decl->kind == ST_LET || b->decl->kind == ST_OPTION || b->decl->kind == ST_DIM;
  return b->v.kind == V_INT || b->v.kind == V_DIM || b->v.kind == V_SIZE || b->v.kind == V_DIMDECL ||
         b->v.kind == V_POISON;
}

static Binding *size_name(Elab *e, const Expr *x) {
  if (x->kind != EX_NAME) return NULL;
  Binding *b = scope_find(e->scope, x->u.name);
  if (!b || !names_a_size(b)) return NULL;
  if (b->decl && b->decl->kind == ST_LET) {
    Value v = binding_value(e, b);
    if (v.kind != V_INT && v.kind != V_POISON) return NULL;
    bool again = visited(e, b);
    if (!e->binds_nothing) visit(e, b);
    if (v.kind == V_INT && !again && !e->binds_nothing)
      diag_label(warn(e, DIAG_W0201, NULL, x->span, "`%s` in this shape is the top-level `let %s`", b->name,
                      b->name),
                 "it stands for %lld here", (long long)v.u.i);
  }
  return b;
}

static void no_such_size(Elab *e, const DimSpec *d) {
  Diag *g = err(e, DIAG_E0211, d->span, "`...` is no size");
  diag_note(g, "any number of axes is `*s` in a signature, and `s` is then the list of their sizes");
}

// A name that a signature may bind: nothing, or nothing that is a size, has it.
bool size_is_new(void *elab, const Expr *name) {
  Elab *e = elab;
  Binding *b = size_name(e, name);
  return !b || (b->v.kind == V_SIZE && !b->v.u.size->bound);
}

static SizeMatch bind_size(Elab *e, const Expr *name, Dim n) {
  if (name->u.name == e->n_discard) return SIZE_OK;
  Binding *b = size_name(e, name);
  if (!b) {
    scope_bind(e, e->scope, name->u.name, v_dim(e, n), name->span)->is_size = true;
    return SIZE_OK;
  }
  if (!dim_static(n)) {
    err(e, DIAG_E0211, name->span, "the size `%s` of a layer can't be dynamic", b->name);
    return SIZE_BAD;
  }
  b->v.u.size->n = n.b;
  b->v.u.size->bound = true;
  return SIZE_OK;
}

// The size a dim spec names, for a size `actual` in its place.
static SizeMatch match_dim(Elab *e, const DimSpec *d, Dim actual, const char **want) {
  Dim n;
  const Expr *name = size_to_bind(d->expr, size_is_new, e);
  if (name) {
    *want = dim_spec_text(e, d);
    SizeMatch m = size_solve(e, d->expr, name, actual, &n);
    return m == SIZE_OK ? bind_size(e, name, n) : m;
  }
  Value v = eval(e, d->expr);
  if (v.kind == V_POISON) return SIZE_BAD;
  if (!v_as_dim(v, &n)) {
    diag_label(err(e, DIAG_E0202, d->span, "a size must be a static int"), "this is %s", v_describe(e, v));
    return SIZE_BAD;
  }
  if (n.a < 0 || dim_at(n, 1) < 0) {
    diag_label(negative_size(e, n, d->span), "this is %s", dim_text(e, n));
    return SIZE_BAD;
  }
  *want = dim_text(e, n);
  return dim_eq(n, actual) ? SIZE_OK : SIZE_DIFFERS;
}

// Where a size got its value; the user has no std/losses.nn to look at.
static const char *where_bound(Elab *e, Span at) {
  const Source *s = source_get(e->sources, at.source);
  return s && s->is_std ? "by another argument"
                        : arena_printf(e->a, "at %s", span_text(e->sources, at, e->a));
}

static void origin_note(Elab *e, Diag *g, const DimSpec *d) {
  if (d->kind != DIM_EXPR || d->expr->kind != EX_NAME) return;
  Binding *b = scope_find(e->scope, d->expr->u.name);
  if (!b || !b->span.source || b->span.source >= UINT32_MAX) return;
  Dim v;
  if (b->v.kind == V_DIMDECL)
    diag_note(g, "`%s` is the `dim` %s; a name of its own would take any size", b->name,
              where_bound(e, b->span));
  if (!v_as_dim(b->v, &v)) return;
  diag_note(g, "`%s` is %s, %s %s", b->name, dim_text(e, v), b->is_size ? "bound" : "given",
            where_bound(e, b->span));
}

// Which signature bound a size that stands in a shape error: the innermost names with its value.
void size_origin(Elab *e, Diag *g, Dim d) {
  uint32_t found = 0;
  StrBuf names = {0};
  for (const Scope *s = e->scope; s && s->kind == SCOPE_LOCAL && !found; s = s->up)
    for (size_t i = 0; i < s->names.len; i++) {
      const Binding *b = s->names.data[i];
      Dim v;
      if (!b->is_size || !v_as_dim(b->v, &v) || !dim_eq(v, d)) continue;
      sb_printf(&names, "%s`%s`, bound %s", found++ ? ", and " : "", b->name, where_bound(e, b->span));
    }
  if (found) diag_note(g, "%s is %s", dim_text(e, d), sb_text(&names));
  strbuf_free(&names);
}

static uint32_t has_star(const Type *t) {
  for (uint32_t i = 0; t->has_shape && i < t->n_dims; i++)
    if (t->dims[i].kind == DIM_STAR) return 1;
  return 0;
}

static bool shape_error(Elab *e, const Type *t, const Shape *s, Value v, Span at, const char *who,
                        const char *what, int axis, const DimSpec *spec, const char *want) {
  Diag *g;
  if (said_of(e, t, shape_told(e, v, s, axis, spec != NULL))) return false;
  if (who)
    g = err(e, DIAG_E0203, at, "shapes do not fit: `%s` of `%s` is declared %s", what, who, type_text(e, t));
  else
    g = err(e, DIAG_E0203, at, "shapes do not fit: the %s is declared %s", what, type_text(e, t));
  diag_label(g, "this is %s", v_describe(e, v));
  if (axis >= 0) {
    diag_note(g, "axis %d: %s here, %s declared", axis, dim_text(e, s->d[axis]), want);
    origin_note(e, g, spec);
  } else if (spec) {
    Binding *b = scope_find(e->scope, spec->name);
    Shape bound;
    if (b && value_shape(e, b->v, at, &bound))
      diag_note(g, "`*%s` is %s, bound %s", b->name, shape_text(e, &bound), where_bound(e, b->span));
  } else {
    diag_note(g, "%u ax%ss here, %s%u declared", s->rank, s->rank == 1 ? "i" : "e",
              has_star(t) ? "at least " : "", t->has_shape ? t->n_dims - has_star(t) : 0);
  }
  return false;
}

static bool match_star(Elab *e, const DimSpec *d, const Shape *s, uint32_t from, uint32_t to) {
  Binding *b = scope_find(e->scope, d->name);
  Value part = shape_value(e, s, from, to);
  if (b && b->v.kind == V_LIST && b->is_size) return v_equal(b->v, part);
  if (d->name == e->n_discard) return true;
  scope_bind(e, e->scope, d->name, part, d->span)->is_size = true;
  return true;
}

// Real numbers where numbers of classes are declared, with an axis more than these have.
static bool one_hot_rows(Elab *e, const Type *t, const Node *n) {
  if (!type_is_star(t) || dtype_is_real(type_dtype(e, t)) || !dtype_is_real(n->dtype)) return false;
  Binding *b = scope_find(e->scope, t->dims[0].name);
  return b && b->v.kind == V_LIST && b->is_size && n->shape->rank == b->v.u.list.len + 1;
}

static bool match_shape(Elab *e, const Type *t, const Shape *s, Value v, Span at, const char *who,
                        const char *what) {
  uint32_t n = t->has_shape ? t->n_dims : 0, star = n;
  for (uint32_t i = 0; i < n; i++) {
    if (t->dims[i].kind == DIM_ELLIPSIS) return no_such_size(e, &t->dims[i]), false;
    if (t->dims[i].kind == DIM_STAR) {
      if (star != n) {
        err(e, DIAG_E0203, t->dims[i].span, "a shape has one `*` part at most");
        return false;
      }
      star = i;
    }
  }
  const char *want = NULL;
  bool starred = star != n;
  if (starred ? s->rank < n - 1 : s->rank != n) return shape_error(e, t, s, v, at, who, what, -1, NULL, want);
  for (uint32_t i = 0; i < n; i++) {
    if (i == star) {
      uint32_t len = s->rank - (n - 1);
      if (!match_star(e, &t->dims[i], s, star, star + len))
        return shape_error(e, t, s, v, at, who, what, -1, &t->dims[i], want);
      continue;
    }
    uint32_t axis = starred && i > star ? s->rank - (n - i) : i;
    SizeMatch m = match_dim(e, &t->dims[i], s->d[axis], &want);
    if (m == SIZE_BAD) return false;
    if (m == SIZE_DIFFERS) return shape_error(e, t, s, v, at, who, what, (int)axis, &t->dims[i], want);
  }
  return true;
}

static bool match_tensor(Elab *e, const Type *t, Value *v, Span at, const char *who, const char *what) {
  DType want = type_dtype(e, t);
  Shape none = {0};
  if (v->kind == V_LIST) {
    NodeId n = const_node(e, *v, want, at);
    if (n == NO_NODE) return false;
    *v = v_tensor(e, n);
  }
  if (v_is_number(*v) || v->kind == V_DIM || v->kind == V_BOOL) {
    bool fits =
        v->kind == V_BOOL ? want == DT_MASK : want != DT_MASK && (v->kind != V_FLOAT || dtype_is_real(want));
    if (!fits) return mismatch(e, DIAG_E0204, t, *v, at, who, what);
    if (!match_shape(e, t, &none, *v, at, who, what)) return false;
    if (v->kind == V_INT && dtype_is_real(want)) *v = v_float((double)v->u.i);
    if (v_is_number(*v)) v->ctx = 1 + (uint32_t)want; // it stays a number that may be a size
    return true;
  }
  if (v->kind != V_TENSOR) return mismatch(e, DIAG_E0202, t, *v, at, who, what);
  const Node *n = node_of(e, v->u.node);
  if (n->dtype != want && t->dtype != DT_ANY) {
    Diag *g;
    if (said_of_field(e, *v, want) || said_of(e, t, told(e, *v, NULL))) return false;
    if (who)
      g = err(e, DIAG_E0204, at, "`%s` of `%s` wants %s, not %s", what, who, dtype_name(want),
              dtype_name(n->dtype));
    else
      g = err(e, DIAG_E0204, at, "the %s is declared %s, not %s", what, dtype_name(want),
              dtype_name(n->dtype));
    diag_label(g, "this is %s", v_describe(e, *v));
    if (want == DT_MASK)
      diag_note(g, "a comparison gives a mask: `x != 0`");
    else if (one_hot_rows(e, t, n))
      diag_note(
          g,
          "it has an axis more than is declared: of one-hot rows `argmax(…, axis = -1)` gives the numbers");
    else
      diag_note(g, "element types are converted only by `cast(x, %s)`", dtype_name(want));
    return false;
  }
  Shape s = *n->shape;
  return match_shape(e, t, &s, *v, at, who, what);
}

static bool match_static(Elab *e, const Type *t, Value *v, Span at, const char *who, const char *what) {
  bool ok = false;
  switch (t->st) {
  case ST_INT: ok = v->kind == V_INT || v->kind == V_DIM; break;
  case ST_FLOAT:
    ok = v_is_number(*v);
    if (v->kind == V_INT) *v = v_float((double)v->u.i);
    break;
  case ST_BOOL: ok = v->kind == V_BOOL; break;
  case ST_STR: ok = v->kind == V_STR; break;
  case ST_FN:
    ok = v->kind == V_FN || v->kind == V_BUILTIN || v->kind == V_INSTANCE || v->kind == V_NPY ||
         v->kind == V_LAYER;
    break;
  case ST_LAYER:
    ok = v->kind == V_INSTANCE;
    if (v->kind == V_LIST) {
      ok = true;
      for (uint32_t i = 0; i < v->u.list.len; i++) ok &= v->u.list.data[i].kind == V_INSTANCE;
    }
    break;
  }
  return ok || mismatch(e, DIAG_E0202, t, *v, at, who, what);
}

static bool match_list(Elab *e, const Type *t, Value *v, Span at, const char *who, const char *what) {
  if (v->kind != V_LIST && t->st == ST_INT && v->kind == V_INT) *v = v_list(e, V_LIST, v, 1);
  if (v->kind != V_LIST) return mismatch(e, DIAG_E0202, t, *v, at, who, what);
  Type elem = *t;
  elem.kind = TY_STATIC;
  Value copy = v_list(e, V_LIST, v->u.list.data, v->u.list.len);
  for (uint32_t i = 0; i < copy.u.list.len; i++) {
    Value *x = &copy.u.list.data[i];
    // pad entries are ints or [lo, hi]
    bool pair = t->st == ST_INT && x->kind == V_LIST && v_list_of_ints(*x);
    if (x->kind == V_POISON || pair) continue;
    if (!match_static(e, &elem, x, at, who, what)) return false;
  }
  *v = copy;
  return true;
}

// Fits *v to the type (an int becomes a float, a list a constant tensor) and binds the sizes it names in
// e->scope. `who`: the function, NULL for a result or a let.
bool match_type(Elab *e, const Type *t, Value *v, Span at, const char *who, const char *what) {
  if (v->kind == V_POISON) return true;
  switch (t->kind) {
  case TY_STATIC: return match_static(e, t, v, at, who, what);
  case TY_LIST: return match_list(e, t, v, at, who, what);
  case TY_TENSOR: return match_tensor(e, t, v, at, who, what);
  case TY_TUPLE: {
    if (v->kind != V_TUPLE || v->u.list.len != t->items.len)
      return mismatch(e, DIAG_E0202, t, *v, at, who, what);
    Value copy = v_list(e, V_TUPLE, v->u.list.data, v->u.list.len);
    bool ok = true;
    for (uint32_t i = 0; i < t->items.len && ok; i++)
      ok = match_type(e, t->items.data[i], &copy.u.list.data[i], at, who, what);
    *v = copy;
    return ok;
  }
  }
  return false;
}

static bool not_sizes(Elab *e, Value v, Span at) {
  Diag *g = err(e, DIAG_E0202, at, "a shape is a list of sizes");
  uint32_t i = 0;
  Dim d;
  while (v.kind == V_LIST && i < v.u.list.len && v_as_dim(v.u.list.data[i], &d)) i++;
  if (v.kind != V_LIST || i == v.u.list.len) {
    diag_label(g, "this is %s", v_describe(e, v));
    return false;
  }
  Value x = v.u.list.data[i];
  diag_label(g, "size %u is %s", i, v_describe(e, x));
  if (x.kind == V_FLOAT) diag_note(g, "`//` divides ints, `floor` and `round` make an int of a float");
  if (x.kind == V_TENSOR || x.kind == V_ROLE) diag_note(g, "a tensor's value is known only at run time");
  return false;
}

// A list of sizes (or one size) as a shape.
bool value_shape(Elab *e, Value v, Span at, Shape *out) {
  *out = (Shape){0};
  Dim d;
  if (v_has_poison(v)) return false;
  if (v_as_dim(v, &d)) v = v_list(e, V_LIST, &v, 1);
  if (v.kind != V_LIST || !v_list_of_ints(v)) return not_sizes(e, v, at);
  if (v.u.list.len > MAX_RANK) {
    diag_label(err(e, DIAG_E0203, at, "a tensor has at most %d axes", MAX_RANK), "%u here", v.u.list.len);
    return false;
  }
  for (uint32_t i = 0; i < v.u.list.len; i++) {
    v_as_dim(v.u.list.data[i], &d);
    if (d.a < 0 || dim_at(d, 1) < 0) {
      diag_label(negative_size(e, d, at), "size %u is %s", i, dim_text(e, d));
      return false;
    }
    out->d[out->rank++] = d;
  }
  return check_elements(e, out, at);
}

Value shape_value(Elab *e, const Shape *s, uint32_t from, uint32_t to) {
  Value v[MAX_RANK];
  for (uint32_t i = from; i < to; i++) v[i - from] = v_dim(e, s->d[i]);
  return v_list(e, V_LIST, v, to - from);
}

// A type whose sizes are all known: stores, exports, data fields.
bool eval_shape(Elab *e, const Type *t, Shape *out, DType *dtype, bool want_static) {
  *out = (Shape){0};
  if (t->kind != TY_TENSOR) {
    diag_label(err(e, DIAG_E0202, t->span, "a tensor type is wanted here"), "this is %s", type_text(e, t));
    return false;
  }
  *dtype = type_dtype(e, t);
  Values sizes = {0};
  for (uint32_t i = 0; t->has_shape && i < t->n_dims; i++) {
    const DimSpec *d = &t->dims[i];
    if (d->kind == DIM_ELLIPSIS) return no_such_size(e, d), false;
    if (d->kind == DIM_STAR) {
      Binding *b = scope_find(e->scope, d->name);
      if (!b || b->v.kind != V_LIST) {
        err(e, DIAG_E0211, d->span, "`*%s` is not known here", d->name);
        return false;
      }
      for (uint32_t k = 0; k < b->v.u.list.len; k++) vec_push(e->a, &sizes, b->v.u.list.data[k]);
      continue;
    }
    Value v = eval(e, d->expr);
    if (v.kind == V_POISON) return false;
    Dim n;
    if (!v_as_dim(v, &n)) {
      diag_label(err(e, DIAG_E0202, d->span, "a size must be a static int"), "this is %s", v_describe(e, v));
      return false;
    }
    if (want_static && !dim_static(n)) {
      diag_label(err(e, DIAG_E0211, d->span, "this size must be static"), "it is %s", dim_text(e, n));
      return false;
    }
    vec_push(e->a, &sizes, v);
  }
  return value_shape(e, v_list(e, V_LIST, sizes.data, (uint32_t)sizes.len), t->span, out);
}
