// Data blocks. Each use with its arguments becomes a DataSet: sources that the reader opens, and one function
// of one example for the computed fields (`prepare`), pruned at the end to the fields that steps read. (Half
// of its length is the table of sources and the functions that take their arguments.)
#include "frontend/sema.h"

#include <math.h>

// The sources of the language, and what each takes by name besides `split parts seed`.
typedef struct SourceType {
  const char *name;
  SourceKind kind;
  const char *options[4];
} SourceType;

static const SourceType source_types[] = {
    {"idx", SRC_IDX, {"reshape"}},  {"csv", SRC_CSV, {"columns", "header", "sep"}},
    {"npy", SRC_NPY, {NULL}},       {"raw", SRC_RAW, {NULL}},
    {"cifar", SRC_CIFAR, {NULL}},   {"rows", SRC_ROWS, {NULL}},
    {"extern", SRC_EXTERN, {NULL}},
};
enum { N_SOURCE_TYPES = sizeof source_types / sizeof *source_types };
static const char *const sources_not_yet[] = {"npz", "text", "image_folder"};

typedef struct Split {
  const char *name;
  const double *parts;
  uint32_t n, part;
  uint64_t seed;
  bool bad;
} Split;

static bool want_str(Elab *e, Value v, Span at, const char *what, const char **out) {
  if (v.kind == V_STR) return *out = v.u.s, true;
  if (v.kind != V_POISON)
    diag_label(err(e, DIAG_E0502, at, "%s must be a string", what), "this is %s", v_describe(e, v));
  return false;
}

static bool split_parts(Elab *e, Value v, Span at, Split *s) {
  bool ok = v.kind == V_LIST && (v.u.list.len == 2 || v.u.list.len == 3);
  double sum = 0, *p = ARENA_ARRAY(e->a, 3, double);
  for (uint32_t i = 0; ok && i < v.u.list.len; i++) {
    ok = v_is_number(v.u.list.data[i]) && v_number(v.u.list.data[i]) > 0;
    if (ok) sum += p[i] = v_number(v.u.list.data[i]);
  }
  if (!ok || fabs(sum - 1) > 1e-6) {
    if (v.kind == V_POISON) return false;
    Diag *g = err(e, DIAG_E0504, at, "`parts` are two or three positive fractions that sum to 1");
    if (ok)
      diag_label(g, "they sum to %g", sum);
    else
      diag_label(g, "this is %s", v_describe(e, v));
    return false;
  }
  s->parts = p;
  s->n = v.u.list.len;
  return true;
}

// split, parts, seed: on a source or for the whole block. True when the name was one of them.
static bool split_option(Elab *e, const char *name, Value v, Span at, Split *s) {
  if (strcmp(name, "split") == 0) {
    if (!want_str(e, v, at, "`split`", &s->name)) s->bad = true;
  } else if (strcmp(name, "parts") == 0) {
    if (!split_parts(e, v, at, s)) s->bad = true;
  } else if (strcmp(name, "seed") == 0) {
    if (v.kind == V_INT)
      s->seed = (uint64_t)v.u.i;
    else if (v.kind != V_POISON)
      err(e, DIAG_E0502, at, "`seed` must be a static int");
    s->bad |= v.kind != V_INT;
  } else {
    return false;
  }
  return true;
}

static bool split_settle(Elab *e, Split *s, Span at) {
  static const char *const two[] = {"train", "test"}, *const three[] = {"train", "valid", "test"};
  if (s->bad) return false;
  if (!s->name && !s->parts) return true;
  if (!s->name || !s->parts) {
    diag_label(err(e, DIAG_E0504, at, "`split` and `parts` belong together"), "`%s` is missing",
               s->name ? "parts" : "split");
    return false;
  }
  const char *const *names = s->n == 2 ? two : three;
  for (uint32_t i = 0; i < s->n; i++)
    if (strcmp(names[i], s->name) == 0) return s->part = i, true;
  Diag *g = err(e, DIAG_E0504, at, "there is no part `%s`", s->name);
  diag_note(g,
            s->n == 2 ? "two parts are `train` and `test`" : "three parts are `train`, `valid` and `test`");
  return false;
}

static void unknown_option(Elab *e, const Arg *a, const char *what, const char *const *names, uint32_t n) {
  Diag *g = err(e, DIAG_E0505, a->name_span, "`%s` has no option `%s`", what, a->name);
  const char *near = nearest_of(a->name, names, n);
  if (near) diag_label(g, "did you mean `%s`?", near);
}

static bool csv_columns(Elab *e, DataSource *s, Value v, Span at) {
  if (v.kind == V_POISON) return false;
  if (v.kind == V_INT || v.kind == V_STR) v = v_list(e, V_LIST, &v, 1);
  bool ok = v.kind == V_LIST && v.u.list.len > 0;
  uint32_t n = ok ? v.u.list.len : 0;
  int32_t *index = ARENA_ARRAY(e->a, n, int32_t);
  const char **names = ARENA_ARRAY(e->a, n, const char *);
  ValueKind kind = ok ? v.u.list.data[0].kind : V_POISON;
  for (uint32_t i = 0; ok && i < n; i++) {
    Value x = v.u.list.data[i];
    ok = x.kind == kind && (kind == V_STR || (kind == V_INT && x.u.i >= 0 && x.u.i <= INT32_MAX));
    if (ok && kind == V_STR)
      names[i] = x.u.s;
    else if (ok)
      index[i] = (int32_t)x.u.i;
  }
  if (!ok) {
    diag_label(err(e, DIAG_E0502, at, "`columns` is a list of column numbers or names"), "this is %s",
               v_describe(e, v));
    return false;
  }
  s->n_columns = n;
  if (kind == V_STR)
    s->column_names = names;
  else
    s->columns = index;
  int64_t want = shape_elements(&s->shape, 1);
  if ((int64_t)n == want) return true;
  diag_label(err(e, DIAG_E0503, at, "the field has %lld elements", (long long)want), "%u columns here", n);
  return false;
}

static void flatten(Elab *e, Value v, Values *out) {
  if (v.kind == V_LIST)
    for (uint32_t i = 0; i < v.u.list.len; i++) flatten(e, v.u.list.data[i], out);
  else
    vec_push(e->a, out, v);
}

static bool rows_source(Elab *e, DataSource *s, Value v, Span at) {
  const int64_t most = (int64_t)1 << 53;
  if (v.kind != V_LIST || v.u.list.len == 0) {
    if (v.kind != V_POISON)
      diag_label(err(e, DIAG_E0502, at, "`rows` wants a list of examples"), "this is %s", v_describe(e, v));
    return false;
  }
  int64_t per = shape_elements(&s->shape, 1);
  Values *rows = ARENA_ARRAY(e->a, v.u.list.len, Values);
  for (uint32_t i = 0; i < v.u.list.len; i++) {
    flatten(e, v.u.list.data[i], &rows[i]);
    if ((int64_t)rows[i].len == per) continue;
    diag_label(err(e, DIAG_E0503, at, "example %u has %zu numbers", i, rows[i].len), "the field has %lld",
               (long long)per);
    return false;
  }
  Scalar *data = ARENA_ARRAY(e->a, (size_t)v.u.list.len * (size_t)per + 1, Scalar);
  size_t k = 0;
  for (uint32_t i = 0; i < v.u.list.len; i++) {
    const Values row = rows[i];
    for (size_t j = 0; j < row.len; j++, k++) {
      Value x = row.data[j];
      if (x.kind == V_POISON) return false;
      bool fits = s->dtype == DT_MASK ? x.kind == V_BOOL
                                      : x.kind == V_INT || (x.kind == V_FLOAT && dtype_is_real(s->dtype));
      if (!fits || (x.kind == V_INT && dtype_is_int(s->dtype) && dtype_wrap(s->dtype, x.u.i) != x.u.i)) {
        diag_label(err(e, DIAG_E0503, at, "example %u is not %s", i, dtype_name(s->dtype)), "it holds %s",
                   v_describe(e, x));
        return false;
      }
      if (x.kind == V_INT && (x.u.i > most || x.u.i < -most)) { // the program keeps rows as f64
        diag_label(err(e, DIAG_E0503, at, "`rows` holds integers up to 2 ** 53"), "example %u holds %lld", i,
                   (long long)x.u.i);
        return false;
      }
      if (dtype_is_real(s->dtype))
        data[k].f = v_number(x);
      else
        data[k].i = x.kind == V_BOOL ? x.u.b : x.u.i;
    }
  }
  s->rows = data;
  s->n_rows = v.u.list.len;
  return true;
}

static bool source_option(Elab *e, DataSource *s, Split *split, const Arg *a, Value v, const char *name) {
  Span at = a->value->span;
  if (split_option(e, a->name, v, at, split)) return !split->bad;
  if (strcmp(a->name, "shuffle") == 0 && v.kind == V_BOOL) return e->data_shuffle = v.u.b, true;
  if (s->kind == SRC_IDX && strcmp(a->name, "reshape") == 0) {
    Shape want;
    if (!value_shape(e, v, at, &want)) return false;
    s->reshape = true;
    if (shape_eq(&want, &s->shape)) return true;
    diag_label(err(e, DIAG_E0503, at, "`reshape` differs from the field's shape"), "%s, declared %s",
               shape_text(e, &want), shape_text(e, &s->shape));
    return false;
  }
  if (s->kind == SRC_CSV && strcmp(a->name, "columns") == 0) return csv_columns(e, s, v, at);
  if (s->kind == SRC_CSV && strcmp(a->name, "header") == 0 && v.kind == V_BOOL)
    return s->header = v.u.b, true;
  if (s->kind == SRC_CSV && strcmp(a->name, "sep") == 0 && v.kind == V_STR && strlen(v.u.s) == 1)
    return s->sep = v.u.s[0], true;
  if (v.kind == V_POISON) return false;
  if (s->kind == SRC_CSV && (strcmp(a->name, "header") == 0 || strcmp(a->name, "sep") == 0)) {
    diag_label(err(e, DIAG_E0502, at, "`%s` wants %s", a->name,
                   *a->name == 'h' ? "a static bool" : "a string of one character"),
               "this is %s", v_describe(e, v));
    return false;
  }
  const char *known[8] = {"split", "parts", "seed"};
  uint32_t n = 3;
  for (size_t i = 0; i < N_SOURCE_TYPES; i++)
    for (uint32_t k = 0; source_types[i].kind == s->kind && source_types[i].options[k]; k++)
      known[n++] = source_types[i].options[k];
  unknown_option(e, a, name, known, n);
  return false;
}

static const char *const source_note =
    "sources are idx(…), csv(…), npy(…), raw(…), cifar(…), rows([…]) and extern";

static bool source_kind(Elab *e, const Expr *x, SourceKind *kind) {
  enum { N_LATER = sizeof sources_not_yet / sizeof *sources_not_yet };
  if (x->kind == EX_ERROR) return false;
  if (x->kind == EX_NAME && strcmp(x->u.name, "extern") == 0) return *kind = SRC_EXTERN, true;
  if (x->kind != EX_CALL || x->u.call.callee->kind != EX_NAME) {
    diag_note(err(e, DIAG_E0501, x->span, "a source is wanted here"), "%s", source_note);
    return false;
  }
  const char *name = x->u.call.callee->u.name, *names[N_SOURCE_TYPES + N_LATER];
  for (uint32_t i = 0; i < N_SOURCE_TYPES; i++) {
    names[i] = source_types[i].name;
    if (strcmp(names[i], name) == 0) return *kind = source_types[i].kind, true;
  }
  for (uint32_t i = 0; i < N_LATER; i++) {
    names[N_SOURCE_TYPES + i] = sources_not_yet[i];
    if (strcmp(sources_not_yet[i], name) != 0) continue;
    not_yet(e, x->span, arena_printf(e->a, "the source `%s`", name));
    return false;
  }
  const char *near = nearest_of(name, names, N_SOURCE_TYPES + N_LATER);
  Diag *g = err(e, DIAG_E0501, x->u.call.callee->span, "unknown source `%s`", name);
  if (near) diag_label(g, "did you mean `%s`?", near);
  diag_note(g, "%s", source_note);
  return false;
}

// What a source without a description of its own can fill: a whole example of raw, label or image of cifar.
static bool fits_records(Elab *e, const DataSource *s, Span at) {
  static const Shape image = {3, {{0, 3}, {0, 32}, {0, 32}}};
  if (s->kind == SRC_RAW && shape_elements(&s->shape, 1) == 0) {
    Diag *g = err(e, DIAG_E0503, at, "an example of %s has no elements", shape_text(e, &s->shape));
    diag_note(g, "the examples of a raw file are counted by their size");
    return false;
  }
  if (s->kind != SRC_CIFAR) return true;
  bool wide = dtype_is_int(s->dtype) && s->dtype != DT_I8;
  if (wide && (s->shape.rank == 0 || shape_eq(&s->shape, &image))) return true;
  Diag *g = err(e, DIAG_E0503, at, "`cifar` does not give %s%s", dtype_name(s->dtype),
                s->shape.rank ? shape_text(e, &s->shape) : "");
  diag_note(
      g, "a field of type `u8` takes the label, one of `u8[3, 32, 32]` the image; `cast` makes reals of it");
  return false;
}

static bool source_field(Elab *e, DataUse *u, const Stmt *f, const Split *block, DataFieldUse *out) {
  const Expr *x = f->u.field.value;
  DataSource s = {.field = f->u.field.name.text, .span = f->span, .sep = ','};
  Split split = *block;
  bool ok = eval_shape(e, f->u.field.type, &s.shape, &s.dtype, true);
  if (!source_kind(e, x, &s.kind)) return false;
  bool call = x->kind == EX_CALL; // `extern`, whose examples the caller of a library gives, takes nothing
  const ArgList *args = call ? &x->u.call.args : NULL;
  const char *name = call ? x->u.call.callee->u.name : x->u.name;
  uint32_t positional = 0;
  for (uint32_t i = 0; args && i < args->len; i++) {
    const Arg *a = &args->data[i];
    Value v = eval(e, a->value);
    if (s.kind == SRC_EXTERN) {
      err(e, DIAG_E0207, a->value->span, "`extern` takes no arguments");
      return false;
    }
    if (a->name && ok)
      ok &= source_option(e, &s, &split, a, v, name);
    else if (!a->name && positional++) {
      diag_label(err(e, DIAG_E0207, a->value->span, "too many arguments for `%s`", name),
                 "1 wanted, options by name");
      ok = false;
    } else if (!a->name && ok) {
      ok &= s.kind == SRC_ROWS ? rows_source(e, &s, v, a->value->span)
                               : want_str(e, v, a->value->span, "the file name", &s.path);
    }
  }
  if (ok && positional == 0 && s.kind != SRC_EXTERN) {
    err(e, DIAG_E0207, x->span, "`%s` lacks its argument `%s`", name, s.kind == SRC_ROWS ? "rows" : "path");
    ok = false;
  }
  ok = ok && fits_records(e, &s, x->span);
  if (ok && s.column_names && !s.header) {
    diag_label(err(e, DIAG_E0502, x->span, "columns by name need `header = true`"),
               "no header to find them in");
    ok = false;
  }
  if (!ok || !split_settle(e, &split, x->span)) return false;
  s.split = split.name;
  s.parts = split.parts;
  s.n_parts = split.n;
  s.part = split.part;
  s.split_seed = split.seed;
  uint32_t index = (uint32_t)u->sources.len;
  vec_push(e->a, &u->sources, s);
  e->fn->b.span = f->span;
  NodeId n = b_input(&e->fn->b, IN_ARG, index, s.field, s.dtype, s.shape);
  vec_push(e->a, &u->source_nodes, n);
  *out = (DataFieldUse){s.field, f, s.dtype, s.shape, (int32_t)index, n, false, false, 0};
  return true;
}

static bool computed_field(Elab *e, const Stmt *f, DataFieldUse *out) {
  Value v = eval(e, f->u.field.value);
  const Type *t = f->u.field.type;
  Shape shape;
  DType dt;
  if (!eval_shape(e, t, &shape, &dt, true) || v.kind == V_POISON) return false;
  if (!match_type(e, t, &v, f->u.field.value->span, NULL, "field")) return false;
  NodeId n = to_node(e, v, dt, f->u.field.value->span);
  if (n == NO_NODE) return false;
  n = broadcast_to(e, n, &shape, f->u.field.value->span, "the field");
  *out = (DataFieldUse){f->u.field.name.text, f, dt, shape, -1, n, false, false, 0};
  return n != NO_NODE;
}

static void data_setting(Elab *e, DataUse *u, const Stmt *s, Split *block) {
  static const char *const known[] = {"shuffle", "split", "parts", "seed"};
  Value v = eval(e, s->u.setting.value);
  const char *name = s->u.setting.name.text;
  if (split_option(e, name, v, s->u.setting.value->span, block)) return;
  if (strcmp(name, "shuffle") == 0) {
    if (v.kind == V_BOOL)
      u->shuffle = v.u.b;
    else if (v.kind != V_POISON)
      err(e, DIAG_E0502, s->u.setting.value->span, "`shuffle` is true or false");
    return;
  }
  Diag *g = err(e, DIAG_E0505, s->u.setting.name.span, "a data block has no option `%s`", name);
  const char *near = nearest_of(name, known, 4);
  if (near) diag_label(g, "did you mean `%s`?", near);
}

// A field whose source or expression is wrong still has its declared type.
static void erroneous_field(Elab *e, const Stmt *s, DataFieldUse *f) {
  Value v = stand_in(e, s->u.field.type);
  f->bad = v.kind == V_POISON;
  if (f->bad) return;
  f->node = v.u.node;
  f->dtype = node_of(e, f->node)->dtype;
  f->shape = node_of(e, f->node)->shape;
  f->source = -1;
}

// All sources of one block have one number of examples; that of `rows` is known here.
static void rows_agree(Elab *e, const DataUse *u) {
  const DataSource *first = NULL;
  const Stmt *at = NULL;
  for (size_t i = 0; i < u->fields.len; i++) {
    const DataFieldUse *f = &u->fields.data[i];
    const DataSource *s = !f->bad && f->source >= 0 ? &u->sources.data[f->source] : NULL;
    if (!s || s->kind != SRC_ROWS || s->split) continue;
    if (first && first->n_rows != s->n_rows) {
      Diag *g =
          err(e, DIAG_E0503, f->decl->u.field.value->span, "the sources have different numbers of examples");
      diag_label(g, "%llu, but `%s` has %llu", (unsigned long long)s->n_rows, at->u.field.name.text,
                 (unsigned long long)first->n_rows);
      return;
    }
    if (!first) first = s, at = f->decl;
  }
}

static void data_items(Elab *e, DataUse *u) {
  const StmtList *items = &u->decl->u.data.items;
  Split block = {0};
  for (uint32_t i = 0; i < items->len; i++)
    if (items->data[i]->kind == ST_SETTING) data_setting(e, u, items->data[i], &block);
  for (uint32_t i = 0; i < items->len; i++) {
    const Stmt *s = items->data[i];
    if (s->kind == ST_LET) { // a field with a syntax error
      const Pattern *p = s->u.let.pattern;
      define(e, p->name, v_poison(), false, p->span);
      vec_push(e->a, &u->fields, ((DataFieldUse){.name = p->name, .decl = s, .source = -1, .bad = true}));
      continue;
    }
    if (s->kind != ST_FIELD_FROM && s->kind != ST_FIELD_COMPUTED) continue;
    DataFieldUse f = {.name = s->u.field.name.text, .decl = s, .source = -1, .bad = true};
    e->data_shuffle = u->shuffle;
    bool ok = s->kind == ST_FIELD_FROM ? source_field(e, u, s, &block, &f) : computed_field(e, s, &f);
    u->shuffle = e->data_shuffle;
    if (!ok) erroneous_field(e, s, &f);
    Value v = f.bad ? v_poison() : v_tensor(e, f.node);
    if (define(e, f.name, v, false, s->u.field.name.span)) vec_push(e->a, &u->fields, f);
  }
  rows_agree(e, u);
  if (u->sources.len == 0 && !diags_errors(e->diags)) {
    Diag *g = err(e, DIAG_E0501, u->decl->u.data.name.span, "the data block `%s` has no source",
                  u->decl->u.data.name.text);
    diag_note(g, "a field is read by `name: type from idx(…);`");
  }
}

DataUse *data_use(Elab *e, const Stmt *decl, Args *args, Span span) {
  DataUse *u = ARENA_NEW(e->a, DataUse);
  u->decl = decl;
  u->shuffle = true;
  u->span = span;
  Ctx *c = ctx_new(e, CTX_FN, FN_PREPARE, arena_printf(e->a, "prepare_%s", decl->u.data.name.text), NULL, 1,
                   decl->span);
  u->prepare = c;
  Scope *scope = scope_new(e, home(e, decl->span), SCOPE_LOCAL);
  Saved saved = enter_ctx(e, c, scope);
  bool poison = false, ok = bind_params(e, &decl->u.data.params, args, decl->u.data.name.text, span, &poison);
  u->n_args = decl->u.data.params.len;
  u->args = ARENA_ARRAY(e->a, u->n_args, Value);
  for (uint32_t i = 0; ok && i < u->n_args; i++)
    u->args[i] = scope_local(scope, decl->u.data.params.data[i].name.text)->v;
  DataUse *same = NULL;
  for (size_t i = 0; ok && i < e->data.len && !same; i++) {
    DataUse *o = e->data.data[i];
    same = o->decl == decl ? o : NULL;
    for (uint32_t k = 0; same && k < u->n_args; k++)
      if (!v_equal(o->args[k], u->args[k])) same = NULL;
  }
  if (ok && !same) {
    e->scope = scope_new(e, scope, SCOPE_LOCAL);
    data_items(e, u);
    u->index = (uint32_t)e->data.len;
    vec_push(e->a, &e->data, u);
  }
  leave_ctx(e, saved);
  return !ok ? NULL : same ? same : u;
}

// A field of the batch as an input of the step being built.
NodeId record_field(Elab *e, DataUse *u, uint32_t stream, const Name *field, DType *t) {
  Ctx *c = e->fn;
  for (uint32_t i = 0; i < c->n_fields; i++)
    if (c->fields[i].use == u && c->fields[i].stream == stream &&
        u->fields.data[c->fields[i].field].name == field->text)
      return c->fields[i].node;
  const char **names = ARENA_ARRAY(e->a, u->fields.len + 1, const char *);
  for (uint32_t i = 0; i < u->fields.len; i++) names[i] = u->fields.data[i].name;
  uint32_t k = 0;
  while (k < u->fields.len && names[k] != field->text) k++;
  if (k == u->fields.len) {
    const char *data = u->decl->u.data.name.text;
    if (lost(e, field->text) || !first_time(e, "field %s.%s", data, field->text)) return NO_NODE;
    Diag *g =
        err(e, DIAG_E0209, field->span, "`%s` has no field `%s`", u->decl->u.data.name.text, field->text);
    const char *near = nearest_of(field->text, names, k);
    if (near) diag_label(g, "did you mean `%s`?", near);
    return NO_NODE;
  }
  DataFieldUse *f = &u->fields.data[k];
  if (f->bad) return NO_NODE;
  if (!c->has_batch) {
    Diag *g = err(e, DIAG_E0703, field->span, "the batch is not visible here");
    diag_note(g, "`then` and `finish` run once, without a batch");
    return NO_NODE;
  }
  f->used = true;
  *t = f->dtype;
  FnInput in = {.name = f->name, .dtype = f->dtype, .span = field->span};
  if (f->shape.rank + 1 > MAX_RANK)
    return err(e, DIAG_E0203, field->span, "a tensor has at most %d axes", MAX_RANK), NO_NODE;
  in.shape.d[in.shape.rank++] = c->batch_dim;
  for (uint32_t i = 0; i < f->shape.rank; i++) in.shape.d[in.shape.rank++] = f->shape.d[i];
  c->b.span = field->span;
  NodeId n = b_input(&c->b, IN_ARG, (uint32_t)c->inputs.len, in.name, in.dtype, in.shape);
  vec_push(e->a, &c->inputs, in);
  if (c->n_fields == c->cap_fields)
    c->fields = vec_room_(e->a, c->fields, c->n_fields, &c->cap_fields, c->cap_fields ? 2 * c->cap_fields : 8,
                          sizeof *c->fields);
  c->fields[c->n_fields].use = u;
  c->fields[c->n_fields].stream = stream;
  c->fields[c->n_fields].field = k;
  c->fields[c->n_fields++].node = n;
  return n;
}

// ---- the end: only what is read

static void reach(const Graph *g, NodeId n, bool *seen) { // inputs precede users: one sweep down
  seen[n] = true;
  for (NodeId i = n + 1; i-- > 0;)
    if (seen[i])
      for (uint32_t k = 0; k < g->nodes[i].n_in; k++) seen[g->nodes[i].in[k]] = true;
}

// The graph of `prepare` without what nobody reads; map gives each kept node's new id.
static Graph *prune(Elab *e, const Graph *g, const bool *seen, const int32_t *input_index, NodeId *map) {
  Graph *out = graph_new(e->a, NULL, 1);
  Builder b = {.g = out, .real = e->real};
  for (NodeId i = 0; i < g->len; i++) {
    if (!seen[i]) continue;
    Node n = g->nodes[i];
    NodeId *in = ARENA_ARRAY(e->a, n.n_in, NodeId);
    for (uint32_t k = 0; k < n.n_in; k++) in[k] = map[n.in[k]];
    if (n.op == OP_INPUT) n.attr.input.index = (uint32_t)input_index[n.attr.input.index];
    map[i] = b_copy(&b, &n, in);
  }
  return out;
}

// What the steps need of the sources: the fields they read and those that computed fields are made of.
static void finish_use(Elab *e, DataUse *u, DataSet *out, const char *label) {
  const Graph *g = u->prepare->b.g;
  bool *seen = ARENA_ARRAY(e->a, g->len + 1, bool);
  NodeId *map = ARENA_ARRAY(e->a, g->len + 1, NodeId);
  uint32_t n = (uint32_t)u->sources.len, n_fields = 0, results = 0, kept = 0;
  bool *need = ARENA_ARRAY(e->a, n + 1, bool), any = false;
  DataField *fields = ARENA_ARRAY(e->a, u->fields.len, DataField);
  DataSource *sources = ARENA_ARRAY(e->a, n, DataSource);
  int32_t *index = ARENA_ARRAY(e->a, n + 1, int32_t);
  for (size_t i = 0; i < u->fields.len; i++) {
    const DataFieldUse *f = &u->fields.data[i];
    if (f->used && f->source >= 0) need[f->source] = true;
    if (f->used && f->source < 0) reach(g, f->node, seen);
  }
  for (uint32_t i = 0; i < n; i++) any |= need[i] |= seen[u->source_nodes.data[i]];
  if (!any && n) need[0] = true; // the number of examples still counts
  for (uint32_t i = 0; i < n; i++) {
    index[i] = (int32_t)kept;
    if (!need[i]) continue;
    const DataSource *s = &u->sources.data[i];
    seen[u->source_nodes.data[i]] = true; // every source is an argument, read or not
    vec_push(e->a, &u->prepare->inputs, ((FnInput){s->field, s->dtype, s->shape, s->span}));
    sources[kept++] = *s;
  }
  u->prepare->b.g = prune(e, g, seen, index, map);
  for (size_t i = 0; i < u->fields.len; i++) {
    DataFieldUse *f = &u->fields.data[i];
    if (!f->used) continue;
    bool computed = f->source < 0;
    fields[n_fields] = (DataField){f->name, f->dtype, f->shape, computed ? -1 : index[f->source],
                                   computed ? (int32_t)results++ : -1};
    if (computed) add_root(e, u->prepare, map[f->node], ROOT_RESULT, f->name);
    f->final = n_fields++;
  }
  *out = (DataSet){.name = u->decl->u.data.name.text,
                   .label = label,
                   .sources = sources,
                   .n_sources = kept,
                   .fields = fields,
                   .n_fields = n_fields,
                   .prepare = -1,
                   .shuffle = u->shuffle,
                   .span = u->decl->span};
  if (results) out->prepare = (int32_t)ctx_finish(e, u->prepare);
}

void data_finish(Elab *e, Program *p) {
  DataSet *sets = ARENA_ARRAY(e->a, e->data.len, DataSet);
  for (size_t i = 0; i < e->data.len; i++) {
    uint32_t before = 0;
    for (size_t k = 0; k < i; k++) before += e->data.data[k]->decl == e->data.data[i]->decl;
    const char *name = e->data.data[i]->decl->u.data.name.text;
    finish_use(e, e->data.data[i], &sets[i], before ? arena_printf(e->a, "%s_%u", name, before + 1) : name);
  }
  for (size_t i = 0; i < e->patches.len; i++)
    *e->patches.data[i].field = e->patches.data[i].use->fields.data[*e->patches.data[i].field].final;
  p->data = sets;
  p->n_data = (uint32_t)e->data.len;
}
