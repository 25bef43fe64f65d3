// The sources of a data block's fields: a table of what each takes, and the functions that check arguments
// and the field's type.
#include "frontend/data_source.h"

#include <math.h>

// The sources of the language and what each takes by position.
typedef struct SourceType {
  const char *name;
  SourceKind kind;
  uint32_t n_args;
  const char *args[2];
} SourceType;

static const SourceType source_types[] = {
    {"idx", SRC_IDX, 1, {"path"}},
    {"csv", SRC_CSV, 1, {"path"}},
    {"npy", SRC_NPY, 1, {"path"}},
    {"npz", SRC_NPZ, 2, {"path", "name"}},
    {"text", SRC_TEXT, 1, {"path"}},
    {"raw", SRC_RAW, 1, {"path"}},
    {"cifar", SRC_CIFAR, 1, {"path"}},
    {"rows", SRC_ROWS, 1, {"rows"}},
    {"image_folder", SRC_IMAGES, 1, {"path"}},
    {"extern", SRC_EXTERN, 0, {NULL}},
};
enum { N_SOURCE_TYPES = sizeof source_types / sizeof *source_types };

static const SourceType *source_type(SourceKind kind) {
  const SourceType *t = source_types;
  while (t->kind != kind) t++;
  return t;
}

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

bool split_option(Elab *e, const char *name, Value v, Span at, Split *s) {
  if (strcmp(name, "split") == 0) {
    if (!want_str(e, v, at, "`split`", &s->name)) s->bad = true;
    s->name_at = at;
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

// Without `parts`, nine tenths are `train`.
static bool split_settle(Elab *e, Split *s, Span at) {
  static const double usual[] = {0.9, 0.1};
  static const char *const two[] = {"train", "test"}, *const three[] = {"train", "valid", "test"};
  if (s->bad) return false;
  if (!s->name && !s->parts) return true;
  if (!s->name) {
    diag_label(err(e, DIAG_E0504, at, "`parts` without a `split` take none"), "`split` is missing");
    return false;
  }
  if (!s->parts) {
    s->parts = usual;
    s->n = sizeof usual / sizeof *usual;
  }
  const char *const *names = s->n == 2 ? two : three;
  for (uint32_t i = 0; i < s->n; i++)
    if (strcmp(names[i], s->name) == 0) return s->part = i, true;
  Diag *g = err(e, DIAG_E0504, s->name_at, "there is no part `%s`", s->name);
  diag_note(g,
            s->n == 2 ? "two parts are `train` and `test`" : "three parts are `train`, `valid` and `test`");
  return false;
}

static void unknown_option(Elab *e, const Arg *a, const char *what, const char *const *names, uint32_t n) {
  Diag *g = err(e, DIAG_E0505, a->name_span, "`%s` has no option `%s`", what, a->name);
  const char *near = nearest_of(a->name, names, n);
  if (near) diag_label(g, "did you mean `%s`?", near);
  const char *all = "";
  for (uint32_t i = 0; i < n; i++) all = arena_printf(e->a, "%s%s%s", all, i ? ", " : "", names[i]);
  if (!near) diag_note(g, "it takes %s", all);
}

static bool csv_columns(Elab *e, DataSource *s, Value v, Span at) {
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
    Diag *g = err(e, DIAG_E0502, at, "`columns` is a list of column numbers or names");
    if (v.kind == V_LIST && v.u.list.len)
      diag_label(g, "all of them numbers from 0 on, or all names");
    else
      diag_label(g, "this is %s", v_describe(e, v));
    return false;
  }
  s->n_columns = n;
  if (kind == V_STR)
    s->column_names = names;
  else
    s->columns = index;
  int64_t want = shape_elements(&s->shape, 1);
  if ((int64_t)n == want) return true;
  diag_label(err(e, DIAG_E0503, at, "the field has %lld element%s", (long long)want, want == 1 ? "" : "s"),
             "%u column%s here", n, n == 1 ? "" : "s");
  return false;
}

static bool is_flat(Value v) {
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (v.u.list.data[i].kind == V_LIST) return false;
  return true;
}

// Is a list nested as the axes of the shape from `axis` on are?
static bool nested_as(const Shape *s, uint32_t axis, Value v) {
  if (v.kind != V_LIST || axis == s->rank) return v.kind != V_LIST && axis == s->rank;
  if (v.u.list.len != (uint64_t)s->d[axis].b) return false;
  for (uint32_t i = 0; i < v.u.list.len; i++)
    if (!nested_as(s, axis + 1, v.u.list.data[i])) return false;
  return true;
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
  if (v_has_poison(v)) return false;
  int64_t per = shape_elements(&s->shape, 1);
  Values *rows = ARENA_ARRAY(e->a, v.u.list.len, Values);
  for (uint32_t i = 0; i < v.u.list.len; i++) {
    const Value row = v.u.list.data[i];
    flatten(e, row, &rows[i]);
    const size_t n = rows[i].len;
    if ((int64_t)n != per) {
      diag_label(err(e, DIAG_E0503, at, "example %u has %zu number%s", i, n, n == 1 ? "" : "s"),
                 "the field has %lld", (long long)per);
      return false;
    }
    if (row.kind != V_LIST || is_flat(row) || nested_as(&s->shape, 0, row)) continue;
    Diag *g = err(e, DIAG_E0503, at, "example %u is not nested as its field is", i);
    diag_label(g, "the field is %s", s->shape.rank ? shape_text(e, &s->shape) : "one number");
    diag_note(g, "an example is a list with a level for each axis, or one list of all its numbers");
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

static bool csv_header(Elab *e, DataSource *s, Value v, Span at) {
  if (v.kind == V_BOOL) return s->header = v.u.b, true;
  diag_label(err(e, DIAG_E0502, at, "`header` wants a static bool"), "this is %s", v_describe(e, v));
  return false;
}

static bool csv_sep(Elab *e, DataSource *s, Value v, Span at) {
  if (v.kind == V_STR && strlen(v.u.s) == 1) return s->sep = v.u.s[0], true;
  diag_label(err(e, DIAG_E0502, at, "`sep` wants a string of one character"), "this is %s", v_describe(e, v));
  return false;
}

static bool same_as_field(Elab *e, const DataSource *s, const Shape *want, Span at, const char *option) {
  if (shape_eq(want, &s->shape)) return true;
  diag_label(err(e, DIAG_E0503, at, "`%s` differs from the field's shape", option), "%s, declared %s",
             shape_text(e, want), shape_text(e, &s->shape));
  return false;
}

static bool idx_reshape(Elab *e, DataSource *s, Value v, Span at) {
  Shape want;
  s->reshape = true;
  return value_shape(e, v, at, &want) && same_as_field(e, s, &want, at, "reshape");
}

// A number of bytes of a text.
static bool byte_count(Elab *e, Value v, Span at, const char *option, int64_t *out) {
  if (v.kind == V_INT && v.u.i >= 1) return *out = v.u.i, true;
  diag_label(err(e, DIAG_E0502, at, "`%s` is a number of bytes, 1 or more", option), "this is %s",
             v_describe(e, v));
  return false;
}

// One number for a square, or height and width. A field of classes has no size to compare.
static bool image_size(Elab *e, DataSource *s, Value v, Span at) {
  Shape size, want = {.rank = 3, .d = {s->shape.d[0]}};
  if (v.kind == V_INT) {
    Value both[2] = {v, v};
    v = v_list(e, V_LIST, both, 2);
  }
  if (!value_shape(e, v, at, &size)) return false;
  if (size.rank != 2) {
    err(e, DIAG_E0502, at, "`size` is a number of pixels, or height and width");
    return false;
  }
  want.d[1] = size.d[0], want.d[2] = size.d[1];
  s->reshape = true;
  return s->shape.rank != 3 || same_as_field(e, s, &want, at, "size");
}

static bool npz_name(Elab *e, DataSource *s, Value v, Span at) {
  return want_str(e, v, at, "the array's name", &s->member);
}

static bool text_window(Elab *e, DataSource *s, Value v, Span at) {
  Shape want = {.rank = 1};
  return byte_count(e, v, at, "window", &want.d[0].b) && same_as_field(e, s, &want, at, "window");
}

static bool text_stride(Elab *e, DataSource *s, Value v, Span at) {
  return byte_count(e, v, at, "stride", &s->stride);
}

// What each source takes by name, besides `shuffle split parts seed`.
static const struct SourceOption {
  SourceKind kind;
  const char *name;
  bool (*set)(Elab *e, DataSource *s, Value v, Span at);
} source_options[] = {
    {SRC_IDX, "reshape", idx_reshape}, {SRC_CSV, "columns", csv_columns}, {SRC_CSV, "header", csv_header},
    {SRC_CSV, "sep", csv_sep},         {SRC_NPZ, "name", npz_name},       {SRC_IMAGES, "size", image_size},
    {SRC_TEXT, "window", text_window}, {SRC_TEXT, "stride", text_stride},
};
enum { N_SOURCE_OPTIONS = sizeof source_options / sizeof *source_options };

static bool source_option(Elab *e, DataSource *s, Split *split, const Arg *a, Value v, const char *name) {
  Span at = a->value->span;
  const char *known[4 + N_SOURCE_OPTIONS] = {"split", "parts", "seed", "shuffle"};
  uint32_t n = 4;
  if (split_option(e, a->name, v, at, split)) return !split->bad;
  if (v.kind == V_POISON) return false;
  if (strcmp(a->name, "shuffle") == 0) {
    if (v.kind == V_BOOL) return e->data_shuffle = v.u.b, true;
    err(e, DIAG_E0502, at, "`shuffle` is true or false");
    return false;
  }
  for (uint32_t i = 0; i < N_SOURCE_OPTIONS; i++) {
    if (source_options[i].kind != s->kind) continue;
    if (strcmp(source_options[i].name, a->name) == 0) return source_options[i].set(e, s, v, at);
    known[n++] = source_options[i].name;
  }
  unknown_option(e, a, name, known, n);
  return false;
}

static const char *const source_note = "sources are idx(…), csv(…), npy(…), npz(…), text(…), raw(…), "
                                       "cifar(…), image_folder(…), rows([…]) and extern";

static bool source_kind(Elab *e, const Expr *x, SourceKind *kind) {
  if (x->kind == EX_ERROR) return false;
  if (x->kind == EX_NAME && strcmp(x->u.name, "extern") == 0) return *kind = SRC_EXTERN, true;
  if (x->kind != EX_CALL || x->u.call.callee->kind != EX_NAME) {
    diag_note(err(e, DIAG_E0501, x->span, "a source is wanted here"), "%s", source_note);
    return false;
  }
  const char *name = x->u.call.callee->u.name, *names[N_SOURCE_TYPES];
  for (uint32_t i = 0; i < N_SOURCE_TYPES; i++) {
    names[i] = source_types[i].name;
    if (strcmp(names[i], name) == 0) return *kind = source_types[i].kind, true;
  }
  const char *near = nearest_of(name, names, N_SOURCE_TYPES);
  Diag *g = err(e, DIAG_E0501, x->u.call.callee->span, "unknown source `%s`", name);
  if (near) diag_label(g, "did you mean `%s`?", near);
  diag_note(g, "%s", source_note);
  return false;
}

static bool fits_raw(const DataSource *s) { return shape_elements(&s->shape, 1) > 0; }

// A field of the byte's type or a wider one.
static bool takes_bytes(const DataSource *s) { return dtype_is_int(s->dtype) && s->dtype != DT_I8; }

static bool fits_cifar(const DataSource *s) {
  static const Shape image = {3, {{0, 3}, {0, 32}, {0, 32}}};
  return takes_bytes(s) && (s->shape.rank == 0 || shape_eq(&s->shape, &image));
}

static bool fits_text(const DataSource *s) {
  return takes_bytes(s) && s->shape.rank == 1 && shape_elements(&s->shape, 1) > 0;
}

static bool fits_images(const DataSource *s) {
  bool picture = s->shape.rank == 3 && (s->shape.d[0].b == 1 || s->shape.d[0].b == 3);
  return takes_bytes(s) && (s->shape.rank == 0 || (picture && shape_elements(&s->shape, 1) > 0));
}

// Fields that a source without a description of its own can fill.
static const struct SourceFit {
  SourceKind kind;
  bool (*fits)(const DataSource *s);
  const char *note;
} source_fits[] = {
    {SRC_RAW, fits_raw, "the examples of a raw file are counted by their size, which can't be 0"},
    {SRC_CIFAR, fits_cifar,
     "a field of type `u8` takes the label, one of `u8[3, 32, 32]` the image; `cast` makes reals of it"},
    {SRC_IMAGES, fits_images,
     "a field of type `u8` takes the class, one of `u8[3, h, w]` or `u8[1, h, w]` the picture; `cast` makes "
     "reals of it"},
    {SRC_TEXT, fits_text, "a field `u8[n]` takes a window of n bytes; `cast` makes other numbers of it"},
};

static bool fits_field(Elab *e, const DataSource *s, Span at) {
  for (uint32_t i = 0; i < sizeof source_fits / sizeof *source_fits; i++) {
    if (source_fits[i].kind != s->kind || source_fits[i].fits(s)) continue;
    Diag *g = err(e, DIAG_E0503, at, "`%s` does not give %s%s", source_type(s->kind)->name,
                  dtype_name(s->dtype), s->shape.rank ? shape_text(e, &s->shape) : "");
    diag_note(g, "%s", source_fits[i].note);
    return false;
  }
  return true;
}

// The arguments that stand by position: the file's name and that of the array in it, or the examples of
// `rows`.
static bool source_argument(Elab *e, DataSource *s, Value v, Span at, uint32_t position) {
  if (position) return want_str(e, v, at, "the array's name", &s->member);
  return s->kind == SRC_ROWS ? rows_source(e, s, v, at) : want_str(e, v, at, "the file name", &s->path);
}

bool source_field(Elab *e, DataUse *u, const Stmt *f, const Split *block, DataFieldUse *out) {
  const Expr *x = f->u.field.value;
  DataSource s = {.field = f->u.field.name.text, .span = f->span, .sep = ','};
  Split split = *block;
  bool ok = eval_shape(e, f->u.field.type, &s.shape, &s.dtype, true);
  if (!source_kind(e, x, &s.kind)) return false;
  bool call = x->kind == EX_CALL; // `extern`, whose examples the caller of a library gives, takes nothing
  const ArgList *args = call ? &x->u.call.args : NULL;
  const SourceType *type = source_type(s.kind);
  uint32_t positional = 0;
  for (uint32_t i = 0; args && i < args->len; i++) {
    const Arg *a = &args->data[i];
    Value v = eval(e, a->value);
    if (s.kind == SRC_EXTERN) {
      err(e, DIAG_E0207, a->value->span, "`extern` takes no arguments");
      return false;
    }
    if (a->name && ok)
      ok &= source_option(e, &s, &split, a, v, type->name);
    else if (!a->name && positional >= type->n_args) {
      diag_label(err(e, DIAG_E0207, a->value->span, "too many arguments for `%s`", type->name),
                 "%u wanted, options by name", type->n_args);
      ok = false;
    } else if (!a->name && ok) {
      ok &= source_argument(e, &s, v, a->value->span, positional++);
    }
  }
  if (s.member && positional == 1) positional++; // npz("f.npz", name = "x")
  if (ok && positional < type->n_args) {
    err(e, DIAG_E0207, x->span, "`%s` lacks its argument `%s`", type->name, type->args[positional]);
    ok = false;
  }
  ok = ok && fits_field(e, &s, x->span);
  if (ok && s.column_names && !s.header) {
    diag_label(err(e, DIAG_E0502, x->span, "columns by name need `header = true`"),
               "no header to find them in");
    ok = false;
  }
  if (!ok || !split_settle(e, &split, x->span)) return false;
  if (s.kind == SRC_TEXT && s.stride == 0) s.stride = s.shape.d[0].b;
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
