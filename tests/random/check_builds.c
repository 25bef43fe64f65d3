// Emitted code against the interpreter, over a few calls of every function with one set of stores: in f64 to
// the tolerance; and every build has the bits of the first one.
#include "tests/random/check.h"

#include "codegen/codegen.h"
#include "passes/passes.h"
#include "tests/emitted.h"
#include "tests/random/call.h"

#include <string.h>

enum { ROUNDS = 3, SEED = 5 };

// What is left of numbers near one that cancel is 1e-16, of equal numbers that a norm layer has divided by
// the root of its epsilon 300 times that: no tensor's scale is less than this.
static const double SMALLEST_SCALE = 1e-2;

// ---- texts to objects

static const nn_model *model_of(const char *so, Report *r) {
  void *library = dlopen(so, RTLD_NOW | RTLD_LOCAL);
  const nn_model *(*model)(void) = NULL;
  if (library) *(void **)&model = dlsym(library, "test_model");
  if (!model) differs(r, "link", "%s", dlerror());
  return model ? model() : NULL;
}

// The text without its main(), with `test_model`.
static void write_text(const char *path, const char *text, bool cuda) {
  FILE *f = fopen(path, "w");
  if (!f) abort();
  const char *main_at = strstr(text, "\nint main(int argc");
  const char *rest = main_at ? strchr(main_at + 1, '\n') : NULL;
  fwrite(text, 1, main_at ? (size_t)(main_at - text) : strlen(text), f);
  if (rest) fputs(rest, f);
  fputs(cuda ? "\n#include \"direct.h\"\n"
             : "\nconst nn_model *test_model(void);\nconst nn_model *test_model(void) { return &model; }\n",
        f);
  fclose(f);
}

static const nn_model *build(const Program *p, const Check *c, uint32_t k, Report *r, Arena *a) {
  const Build *b = &c->builds[k];
  const char *file = arena_printf(a, "%s/b%u.%s", c->folder, k, b->cuda ? "cu" : "c");
  const char *so = arena_printf(a, "%s/b%u.so", c->folder, k);
  StrBuf s = {0};
  (b->cuda ? codegen_cuda : codegen_c)(p, &(CodegenOptions){.nnc_version = "random", .program = true}, &s);
  write_text(file, sb_text(&s), b->cuda);
  strbuf_free(&s);
  if (system(arena_printf(a, "%s -o %s %s -lm", b->command, so, file)) != 0) {
    differs(r, "compile", "does not compile: %s %s", b->command, file);
    return NULL;
  }
  return model_of(so, r);
}

// ---- calls

typedef struct Bytes {
  unsigned char *data;
  size_t len, cap;
} Bytes;

static void put(Bytes *b, const void *p, size_t n) {
  if (b->len + n > b->cap) {
    b->cap = 2 * (b->len + n);
    b->data = realloc(b->data, b->cap);
    if (!b->data) abort();
  }
  memcpy(b->data + b->len, p, n);
  b->len += n;
}

// All NaN are one.
static void put_array(Bytes *b, DType t, const void *p, int64_t n) {
  size_t from = b->len;
  put(b, p, (size_t)n * dtype_bytes(t));
  for (int64_t i = 0; i < n && dtype_is_real(t); i++)
    if (isnan(load_element(t, b->data + from, i).f)) store_element(t, b->data + from, i, (Scalar){.f = NAN});
}

// The order in which things are called: what fills the stores, then all else, some rounds of it.
typedef struct Turn {
  uint32_t fn;
  int64_t n;
  uint64_t seed;
} Turn;

static bool turn(const Program *p, uint32_t i, Turn *t) {
  if (i == 0) return *t = (Turn){p->init, 1, SEED}, true;
  uint32_t round = (i - 1) / p->n_fns;
  t->fn = (i - 1) % p->n_fns;
  const Graph *g = p->fns[t->fn].g;
  int64_t bound = g->symbol ? g->bound : 1;
  t->n = round == 0 ? bound : round == 1 ? 1 : (bound + 1) / 2;
  t->seed = SEED + i;
  return round < ROUNDS;
}

static bool skipped(const Program *p, uint32_t i, const Turn *t) { return i > 0 && t->fn == p->init; }

// The results and the stores after every call.
static void run_build(const Program *p, const nn_model *m, Bytes *out, Report *r) {
  Arena *a = arena_new();
  unsigned char *arena = aligned_alloc(512, (m->arena_bytes + 1023) / 512 * 512);
  if (!arena) abort();
  memset(arena, 0xff, m->arena_bytes);
  for (int s = 0; s < m->n_stores; s++) // slots and counts begin at zero
    memset(arena + m->stores[s].offset, 0, m->stores[s].count * dtype_bytes(p->stores[s].dtype));
  nn_ctx ctx = {.arena = arena, .seed = SEED, .batch_count = 5, .example = 7, .epoch_count = 2};
  static const double options[4] = {0.25, 2, 3, 4};
  ctx.step = 12, ctx.epoch = 3, ctx.options = options;
  Turn t;
  for (uint32_t i = 0; turn(p, i, &t); i++) {
    const Function *f = &p->fns[t.fn];
    const Scalar *in[32];
    void *args[128];
    uint32_t n_args = f->n_inputs;
    if (skipped(p, i, &t)) continue;
    snprintf(r->at, sizeof r->at, "%s, N = %d", f->name, (int)t.n);
    draw_arguments(f, t.n, t.seed, true, in, a);
    for (uint32_t k = 0; k < f->n_inputs; k++)
      args[k] = dense(in[k], f->inputs[k].dtype, shape_elements(&f->inputs[k].shape, t.n));
    for (uint32_t k = 0; k < f->g->n_roots; k++) {
      const Node *n = graph_node(f->g, f->g->roots[k]);
      size_t bytes = (size_t)shape_elements(n->shape, t.n) * dtype_bytes(n->dtype);
      if (f->roots[k].kind != ROOT_EFFECT) args[n_args++] = malloc(bytes + (bytes == 0));
    }
    ctx.n = (size_t)t.n;
    int status = m->fns[t.fn].fn ? m->fns[t.fn].fn(&ctx, (size_t)t.n, args)
                                 : m->call(&ctx, (int)t.fn, (size_t)t.n, args);
    put(out, &status, sizeof status);
    for (uint32_t k = 0, at = f->n_inputs; k < f->g->n_roots && status == NN_OK; k++) {
      const Node *n = graph_node(f->g, f->g->roots[k]);
      if (f->roots[k].kind != ROOT_EFFECT)
        put_array(out, n->dtype, args[at++], shape_elements(n->shape, t.n));
    }
    for (uint32_t s = 0; s < p->n_stores; s++)
      put_array(out, p->stores[s].dtype, arena + m->stores[s].offset, (int64_t)m->stores[s].count);
    for (uint32_t k = 0; k < n_args; k++) free(args[k]);
    if (status != NN_OK) break;
  }
  free(arena);
  arena_free(a);
}

// ---- comparing

typedef struct Walk {
  const Bytes *first, *other; // other NULL: the interpreter's values
  size_t at;
  const char *where; // the function
  const Check *check;
  Report *report;
} Walk;

static void compare(Walk *w, const char *what, DType t, const Scalar *want, int64_t n) {
  double scale = SMALLEST_SCALE, worst = 0;
  int64_t bad = -1;
  const unsigned char *have = w->first->data + w->at;
  for (int64_t i = 0; i < n && dtype_is_real(t); i++)
    if (isfinite(want[i].f)) scale = fmax(scale, fabs(want[i].f));
  for (int64_t i = 0; i < n; i++) {
    Scalar x = want[i], y = load_element(t, have, i);
    if (agree(t, x, y, scale, TOLERANCE_F64)) continue;
    double d = dtype_is_real(t) ? fabs(x.f - y.f) : 1;
    if (bad < 0 || d > worst) worst = d, bad = i;
  }
  w->at += (size_t)n * dtype_bytes(t);
  if (bad < 0) return;
  Scalar x = want[bad], y = load_element(t, have, bad);
  if (dtype_is_real(t))
    differs(w->report, "values", "%s: %s[%d] is %.17g in the interpreter, %.17g in C (scale %.3g)", w->where,
            what, (int)bad, x.f, y.f, scale);
  else
    differs(w->report, "values", "%s: %s[%d] is %lld in the interpreter, %lld in C", w->where, what, (int)bad,
            (long long)x.i, (long long)y.i);
}

static void same_bits(Walk *w, const char *build, const char *what, DType t, int64_t n) {
  const unsigned char *x = w->first->data + w->at, *y = w->other->data + w->at;
  size_t size = dtype_bytes(t);
  for (int64_t i = 0; i < n; i++)
    if (memcmp(x + (size_t)i * size, y + (size_t)i * size, size) != 0) {
      Scalar u = load_element(t, x, i), v = load_element(t, y, i);
      differs(w->report, "bits", "%s: %s[%d] is %.17g in the first build, %.17g by %s", w->where, what,
              (int)i, dtype_is_real(t) ? u.f : (double)u.i, dtype_is_real(t) ? v.f : (double)v.i, build);
    }
  w->at += (size_t)n * size;
}

static void compare_bits(const Program *p, Walk *w, const char *build) {
  Turn t;
  for (uint32_t i = 0; turn(p, i, &t) && w->report->outcome == FINE; i++) {
    const Function *f = &p->fns[t.fn];
    if (skipped(p, i, &t)) continue;
    w->where = f->name;
    int status;
    memcpy(&status, w->first->data + w->at, sizeof status);
    same_bits(w, build, "status", DT_I32, 1);
    if (status != NN_OK) return;
    for (uint32_t k = 0; k < f->g->n_roots; k++) {
      const Node *n = graph_node(f->g, f->g->roots[k]);
      if (f->roots[k].kind != ROOT_EFFECT)
        same_bits(w, build, f->roots[k].name, n->dtype, shape_elements(n->shape, t.n));
    }
    for (uint32_t s = 0; s < p->n_stores; s++)
      same_bits(w, build, p->stores[s].name, p->stores[s].dtype, shape_elements(&p->stores[s].shape, 1));
  }
}

// `meaning`: the functions as they were before the passes, their gradients expanded.
static void compare_interpreter(const Program *p, const Function *meaning, Walk *w) {
  Arena *a = arena_new();
  Call c = {.env = some_env(p, 1)};
  c.env.stores = eval_stores_new(p->stores, p->n_stores, a);
  Turn t;
  for (uint32_t i = 0; turn(p, i, &t) && w->report->outcome == FINE; i++) {
    const Function *f = &meaning[t.fn];
    if (skipped(p, i, &t)) continue;
    w->where = f->name;
    snprintf(w->report->at, sizeof w->report->at, "%s in the interpreter", f->name);
    draw_arguments(f, t.n, t.seed, true, c.in, a);
    c.env.n = t.n;
    call_interpreter(f, &c, a);
    int status;
    memcpy(&status, w->first->data + w->at, sizeof status);
    w->at += sizeof status;
    if ((status == NN_OK) != (c.env.status == EVAL_OK))
      differs(w->report, "values", "%s: status %d in the interpreter, %d in C", f->name, (int)c.env.status,
              status);
    if (status != NN_OK || c.env.status != EVAL_OK) break;
    for (uint32_t k = 0; k < f->g->n_roots; k++) {
      const Node *n = graph_node(f->g, f->g->roots[k]);
      if (f->roots[k].kind != ROOT_EFFECT)
        compare(w, f->roots[k].name, n->dtype, c.roots[k], shape_elements(n->shape, t.n));
    }
    for (uint32_t s = 0; s < p->n_stores; s++)
      compare(w, p->stores[s].name, p->stores[s].dtype, c.env.stores[s],
              shape_elements(&p->stores[s].shape, 1));
  }
  arena_free(a);
}

void check_builds(Program *p, const Check *c, Report *r, Arena *a) {
  Function *meaning = arena_copy(a, p->fns, p->n_fns * sizeof *meaning);
  for (uint32_t i = 0; i < p->n_fns; i++) meaning[i].g = pass_autodiff(p->fns[i].g, a);
  snprintf(r->at, sizeof r->at, "the passes");
  passes_run(p, &(PassOptions){.verify = true}, a);
  Bytes run[MAX_BUILDS] = {{0}};
  for (uint32_t k = 0; k < c->n_builds && r->outcome == FINE; k++) {
    snprintf(r->at, sizeof r->at, "code generation or %s", c->builds[k].command);
    const nn_model *m = build(p, c, k, r, a);
    if (m) run_build(p, m, &run[k], r);
    Walk w = {.first = &run[0], .other = &run[k], .check = c, .report = r};
    if (m && k > 0) compare_bits(p, &w, c->builds[k].command);
    if (m && k == 0 && c->real == DT_F64) compare_interpreter(p, meaning, &w);
  }
  for (uint32_t k = 0; k < MAX_BUILDS; k++) free(run[k].data);
}
