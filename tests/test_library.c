// The library's functions, layers, losses, optimizers … against PyTorch: reference/library/THEME.nn holds a
// function for each case and THEME.txt its inputs and what it must give, values and first and second
// derivatives (make.py, beside them, says how they are made). Every function runs in the interpreter and as
// emitted C, both in f64. At the end: every name that the library has stands in some case.
#include "tests/emitted.h"

#include "tests/library_program.h"

#include <check.h>
#include <dirent.h>

// Of the largest number of the tensor. The table's own numbers have 16 digits.
#define TOLERANCE_LIBRARY 1e-9
#define ROUNDING_OF_ZERO 1e-12 // what is left where the reference has zeros only
enum { MAX_TENSORS = 64, SEED = 5 };

static const char folder[] = PROJECT_DIR "/tests/reference/library";

typedef struct Tensor {
  const char *name;
  DType dtype;
  int64_t count;
  const char *shape; // "2 3"
  Scalar *v;
} Tensor;

typedef struct Tensors {
  Tensor t[MAX_TENSORS];
  uint32_t n;
} Tensors;

// One paragraph of the table.
typedef struct Case {
  const char *fn;
  long calls;
  Tensors stores, in, out, after;
} Case;

static char *text_file(const char *theme, const char *ext, Arena *a) {
  FILE *f = fopen(arena_printf(a, "%s/%s%s", folder, theme, ext), "rb");
  ck_assert_msg(f != NULL, "no %s%s", theme, ext);
  StrBuf s = {0};
  char part[4096];
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) sb_putn(&s, part, n);
  fclose(f);
  char *text = arena_strdup(a, sb_text(&s));
  strbuf_free(&s);
  return text;
}

static DType dtype_named(const char *name) {
  for (int t = 0; t < DT_COUNT; t++)
    if (strcmp(dtype_name((DType)t), name) == 0) return (DType)t;
  ck_abort_msg("no type %s", name);
  return DT_COUNT;
}

// "in x f64 2 3: 1 2 …" behind its first word.
static Tensor tensor_of(char *line, Arena *a) {
  Tensor t = {.count = 1};
  char *numbers = strchr(line, ':');
  ck_assert_msg(numbers != NULL, "no colon: %s", line);
  *numbers++ = 0;
  char *type = strchr(line, ' ');
  *type++ = 0;
  char *shape = type + strcspn(type, " ");
  if (*shape) *shape++ = 0;
  t.name = line;
  t.dtype = dtype_named(type);
  t.shape = shape;
  for (char *d = shape; *d;) t.count *= strtol(d, &d, 10);
  t.v = ARENA_ARRAY(a, (size_t)t.count + 1, Scalar);
  for (int64_t i = 0; i < t.count; i++) {
    char *from = numbers;
    double x = strtod(numbers, &numbers);
    ck_assert_msg(numbers != from, "%s wants %lld numbers", t.name, (long long)t.count);
    t.v[i] = dtype_is_real(t.dtype) ? (Scalar){.f = x} : (Scalar){.i = (int64_t)x};
  }
  return t;
}

static void tensor_add(Tensors *list, Tensor t) {
  ck_assert_uint_lt(list->n, MAX_TENSORS);
  list->t[list->n++] = t;
}

static Case *cases_of(char *text, uint32_t *n, Arena *a) {
  uint32_t lines = 0;
  for (char *p = text; (p = strstr(p, "\nfn ")) != NULL; p++) lines++;
  Case *all = ARENA_ARRAY(a, (size_t)lines + 1, Case), *c = all - 1;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    if (line[0] == '#') continue;
    char *rest = strchr(line, ' ');
    *rest++ = 0;
    if (strcmp(line, "fn") == 0) {
      *++c = (Case){.fn = rest};
      rest = strchr(rest, ' ');
      *rest++ = 0;
      c->calls = strtol(rest, NULL, 10);
      continue;
    }
    ck_assert(c >= all);
    Tensors *list = strcmp(line, "store") == 0 ? &c->stores
                    : strcmp(line, "in") == 0  ? &c->in
                    : strcmp(line, "out") == 0 ? &c->out
                                               : &c->after;
    tensor_add(list, tensor_of(rest, a));
  }
  *n = (uint32_t)(c + 1 - all);
  return all;
}

// ---- comparing

// The largest number that matters, or 0.
static double magnitude(const Tensor *t) {
  double m = 0;
  for (int64_t i = 0; dtype_is_real(t->dtype) && i < t->count; i++)
    if (isfinite(t->v[i].f)) m = fmax(m, fabs(t->v[i].f));
  return m;
}

static bool close_to(const Tensor *want, Scalar w, Scalar got, double scale) {
  if (!dtype_is_real(want->dtype)) return w.i == got.i;
  if (isnan(w.f) || isnan(got.f)) return isnan(w.f) && isnan(got.f);
  return w.f == got.f || fabs(w.f - got.f) <= fmax(TOLERANCE_LIBRARY * scale, ROUNDING_OF_ZERO);
}

// Gives the number of tensors that differ, and says where.
static int differs(const char *by, const char *fn, const Tensor *want, const Scalar *got) {
  double scale = magnitude(want);
  for (int64_t i = 0; i < want->count; i++) {
    if (close_to(want, want->v[i], got[i], scale)) continue;
    if (dtype_is_real(want->dtype))
      fprintf(stderr, "%s, %s: %s [%s] element %lld is %.17g, not %.17g\n", fn, by, want->name, want->shape,
              (long long)i, got[i].f, want->v[i].f);
    else
      fprintf(stderr, "%s, %s: %s [%s] element %lld is %lld, not %lld\n", fn, by, want->name, want->shape,
              (long long)i, (long long)got[i].i, (long long)want->v[i].i);
    return 1;
  }
  return 0;
}

// `from`: axes of s in front that the table does not have (the batch, of a step's input).
static bool same_shape(const Tensor *t, DType dtype, const Shape *s, uint32_t from) {
  StrBuf b = {0};
  for (uint32_t i = from; i < s->rank; i++)
    sb_printf(&b, "%s%lld", i > from ? " " : "", (long long)s->d[i].b);
  bool same = t->dtype == dtype && strcmp(t->shape, sb_text(&b)) == 0;
  if (!same)
    fprintf(stderr, "%s: %s [%s], not %s [%s]\n", t->name, dtype_name(dtype), sb_text(&b),
            dtype_name(t->dtype), t->shape);
  strbuf_free(&b);
  return same;
}

static uint32_t store_named(const Program *p, const char *name) {
  for (uint32_t i = 0; i < p->n_stores; i++)
    if (strcmp(p->stores[i].name, name) == 0) return i;
  ck_abort_msg("the program has no store %s", name);
  return 0;
}

static uint32_t fn_named(const Program *p, const char *name) {
  for (uint32_t i = 0; i < p->n_fns; i++)
    if (strcmp(p->fns[i].name, name) == 0) return i;
  ck_abort_msg("the program has no function %s", name);
  return 0;
}

// ---- running

// The function's signature is the table's.
static void ck_signature(const Program *p, const Case *c, const Function *f) {
  ck_assert_msg(f->n_inputs == c->in.n, "%s has %u inputs, not %u", c->fn, f->n_inputs, c->in.n);
  for (uint32_t i = 0; i < c->in.n; i++)
    ck_assert_msg(same_shape(&c->in.t[i], f->inputs[i].dtype, &f->inputs[i].shape, f->kind == FN_STEP),
                  "%s: input %s", c->fn, c->in.t[i].name);
  uint32_t k = 0;
  for (uint32_t i = 0; i < f->g->n_roots; i++) {
    if (f->roots[i].kind != ROOT_RESULT) continue;
    const Node *r = graph_node(f->g, f->g->roots[i]);
    ck_assert_msg(k < c->out.n && same_shape(&c->out.t[k], r->dtype, r->shape, 0), "%s: result %u", c->fn,
                  k);
    k++;
  }
  ck_assert_msg(k == c->out.n, "%s has %u results, not %u", c->fn, k, c->out.n);
  for (uint32_t i = 0; i < c->stores.n + c->after.n; i++) {
    const Tensor *t = i < c->stores.n ? &c->stores.t[i] : &c->after.t[i - c->stores.n];
    const Store *s = &p->stores[store_named(p, t->name)];
    ck_assert_msg(same_shape(t, s->dtype, &s->shape, 0), "%s: store %s", c->fn, t->name);
  }
}

static int run_interpreter(const Program *p, const Case *c, const Function *f, Arena *a) {
  EvalEnv env = {.n = 1, .seed = SEED, .table = p->stores, .n_stores = p->n_stores};
  env.stores = eval_stores_new(p->stores, p->n_stores, a);
  for (uint32_t i = 0; i < c->stores.n; i++)
    memcpy(env.stores[store_named(p, c->stores.t[i].name)], c->stores.t[i].v,
           (size_t)c->stores.t[i].count * sizeof(Scalar));
  const Scalar *in[MAX_TENSORS];
  for (uint32_t i = 0; i < c->in.n; i++) in[i] = c->in.t[i].v;
  Scalar **roots = ARENA_ARRAY(a, (size_t)f->g->n_roots + 1, Scalar *);
  for (long k = 0; k < c->calls; k++) {
    env.step = (double)k, env.batch_count = (uint32_t)k;
    ck_assert_msg(eval_function(f, &env, in, roots, a), "%s: a fault in the interpreter", c->fn);
  }
  int bad = 0;
  for (uint32_t i = 0, k = 0; i < f->g->n_roots; i++)
    if (f->roots[i].kind == ROOT_RESULT) bad += differs("interpreter", c->fn, &c->out.t[k], roots[i]), k++;
  for (uint32_t i = 0; i < c->after.n; i++)
    bad += differs("interpreter", c->fn, &c->after.t[i], env.stores[store_named(p, c->after.t[i].name)]);
  return bad;
}

static int differs_dense(const char *fn, const Tensor *want, const void *got, Arena *a) {
  Scalar *v = ARENA_ARRAY(a, (size_t)want->count + 1, Scalar);
  for (int64_t i = 0; i < want->count; i++) v[i] = load_element(want->dtype, got, i);
  return differs("emitted C", fn, want, v);
}

static int run_emitted(const Program *p, const nn_model *m, const Case *c, uint32_t fn, Arena *a) {
  const Function *f = &p->fns[fn];
  unsigned char *arena = aligned_alloc(64, m->arena_bytes + 64 - m->arena_bytes % 64);
  memset(arena, 0xa5, m->arena_bytes);
  for (uint32_t s = 0; s < p->n_stores; s++)
    for (int64_t i = 0; i < shape_elements(&p->stores[s].shape, 1); i++)
      store_element(p->stores[s].dtype, arena + m->stores[s].offset, i, (Scalar){0});
  for (uint32_t i = 0; i < c->stores.n; i++)
    for (int64_t k = 0; k < c->stores.t[i].count; k++)
      store_element(c->stores.t[i].dtype, arena + m->stores[store_named(p, c->stores.t[i].name)].offset, k,
                    c->stores.t[i].v[k]);
  void *args[2 * MAX_TENSORS];
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->in.n; i++) args[n++] = dense(c->in.t[i].v, c->in.t[i].dtype, c->in.t[i].count);
  for (uint32_t i = 0; i < f->g->n_roots; i++) {
    const Node *r = graph_node(f->g, f->g->roots[i]);
    if (f->roots[i].kind != ROOT_EFFECT) args[n++] = calloc((size_t)shape_elements(r->shape, 1) + 1, 8);
  }
  nn_ctx ctx = {.arena = arena, .n = 1, .seed = SEED};
  for (long k = 0; k < c->calls; k++) {
    ctx.step = (double)k, ctx.batch_count = (uint32_t)k;
    ck_assert_msg(m->fns[fn].fn(&ctx, 1, args) == NN_OK, "%s: status %d in C", c->fn, ctx.fault.status);
  }
  int bad = 0;
  for (uint32_t i = 0; i < c->out.n; i++) bad += differs_dense(c->fn, &c->out.t[i], args[c->in.n + i], a);
  for (uint32_t i = 0; i < c->after.n; i++)
    bad +=
        differs_dense(c->fn, &c->after.t[i], arena + m->stores[store_named(p, c->after.t[i].name)].offset, a);
  for (uint32_t i = 0; i < n; i++) free(args[i]);
  free(arena);
  return bad;
}

static int compare_names(const void *x, const void *y) {
  return strcmp(*(char *const *)x, *(char *const *)y);
}

// THEME of every THEME.nn.
static char **themes(uint32_t *n, Arena *a) {
  DIR *d = opendir(folder);
  if (!d) abort(); // not ck_assert: main asks, too
  char **names = ARENA_ARRAY(a, 64, char *);
  *n = 0;
  for (const struct dirent *e; (e = readdir(d)) != NULL;) {
    size_t len = strlen(e->d_name);
    if (len > 3 && strcmp(e->d_name + len - 3, ".nn") == 0 && *n < 64)
      names[(*n)++] = arena_strndup(a, e->d_name, len - 3);
  }
  closedir(d);
  qsort(names, *n, sizeof *names, compare_names);
  return names;
}

START_TEST(the_library_is_what_its_definitions_say) {
  Arena *a = arena_new();
  uint32_t n, n_themes;
  char **names = themes(&n_themes, a);
  if ((uint32_t)_i >= n_themes) return;
  const char *theme = names[_i];
  StrBuf said = {0};
  Program *p = library_program(arena_printf(a, "%s.nn", theme), text_file(theme, ".nn", a), a, &said);
  ck_assert_msg(p && said.len == 0, "%s", sb_text(&said));
  Case *cases = cases_of(text_file(theme, ".txt", a), &n, a);
  ck_assert_msg(n > 0, "%s.txt has no case", theme);
  for (uint32_t i = 0; i < n; i++) ck_signature(p, &cases[i], &p->fns[fn_named(p, cases[i].fn)]);
  int bad = 0;
  for (uint32_t i = 0; i < n; i++) {
    Arena *own = arena_new();
    bad += run_interpreter(p, &cases[i], &p->fns[fn_named(p, cases[i].fn)], own);
    arena_free(own);
  }
  Emitted e = compile_text(text_of(p, a), "cc", "-O0");
  for (uint32_t i = 0; i < n; i++) bad += run_emitted(p, e.model, &cases[i], fn_named(p, cases[i].fn), a);
  release(&e);
  ck_assert_msg(bad == 0, "%s: %d tensors differ", theme, bad);
  strbuf_free(&said);
  arena_free(a);
}
END_TEST

int main(void) {
  Suite *s = suite_create("library");
  TCase *t = tcase_create("library");
  tcase_set_timeout(t, 300);
  Arena *a = arena_new();
  uint32_t n;
  themes(&n, a);
  arena_free(a);
  tcase_add_loop_test(t, the_library_is_what_its_definitions_say, 0, (int)n);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
