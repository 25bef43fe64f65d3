// The emitted C does what the interpreter does, call by call, under the very loop that users run.
//
//   equivalence MODEL.nn f32|f64|f64-steps MODEL.so[,…] COMMAND…      e.g. … train --data DIR --steps 50
//
// Several objects are one text compiled in several ways: each runs beside the first on an arena of its own,
// and is compared with the same interpreter, which takes most of the time. NNC_TOLERANCE_F32, where it is
// set, stands in for the tolerance of f32: sums that cancel lose digits. MODEL.so is the emitted standalone
// text as a shared object with one more function, `test_model`, that gives its descriptor. The host runtime
// runs COMMAND over a descriptor whose every function is `compare_call`: it runs the emitted function on the
// program's own arena and the interpreter on a second one, then compares all stores (slots and counts too),
// results and reports.
//   f64: the interpreter's state evolves on its own, so after n steps two whole trajectories are compared.
//   f32: the interpreter starts every call from the compiled program's state: one step at a time.
//   f64-steps: the same in f64, for trainings that multiply a rounding error at every step (a deep residual
//   network
//        does, about fivefold when it begins), so that two trajectories part whoever computes them.
#define _POSIX_C_SOURCE 200809L
#include "driver/interpret.h"
#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "ir/base/embedded.h"
#include "passes/invariant.h"
#include "passes/passes.h"
#include "passes/share.h"
#include "tests/model_args.h"
#include "tests/tolerance.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OBJECTS = 4 };

typedef struct Object {
  const char *path;
  const nn_model *model;
  unsigned char *arena; // of others than the first, whose arena is the host's
} Object;

typedef struct Pair {
  Object objects[MOST_OBJECTS];
  int n_objects;
  const nn_model *emitted, *interpreted; // emitted: the first object's
  unsigned char *arena;                  // the interpreter's
  unsigned char *shadow;                 // the emitted program's arena as it was after the last call
  double tolerance;
  bool sync; // f32, f64-steps: take the emitted state before every call
  long calls, failures;
  double worst;
  char worst_at[256];
} Pair;

static double value_at(int t, const void *p, size_t i) {
  switch (t) {
  case NN_F32: return (double)((const float *)p)[i];
  case NN_F64: return ((const double *)p)[i];
  case NN_I16: return ((const int16_t *)p)[i];
  case NN_I32: return ((const int32_t *)p)[i];
  case NN_I64: return (double)((const int64_t *)p)[i];
  case NN_I8: return ((const int8_t *)p)[i];
  default: return ((const uint8_t *)p)[i];
  }
}

static double magnitude(int t, size_t n, const void *p) {
  double m = 0;
  for (size_t k = 0; k < n; k++)
    if (isfinite(value_at(t, p, k))) m = fmax(m, fabs(value_at(t, p, k)));
  return m;
}

// A report named `zero…` is what is left of numbers near one: its scale is one.
// Largest difference over the scale, the largest magnitude of the tensor (of a store: before or after the
// call, which may cancel); integers must be equal. NaN equals NaN.
static void compare(Pair *p, const Object *o, const char *function, const char *what, int t, size_t n,
                    const void *c, const void *i, double scale) {
  double diff = 0;
  size_t at = 0;
  scale = fmax(scale, magnitude(t, n, i));
  for (size_t k = 0; k < n; k++) {
    double x = value_at(t, c, k), y = value_at(t, i, k), d = fabs(x - y);
    if (isnan(x) && isnan(y)) d = 0;
    if (x == y) d = 0;
    if (isnan(d)) d = INFINITY;
    if (d > diff) diff = d, at = k;
  }
  bool real = t == NN_F32 || t == NN_F64;
  double relative = diff == 0 ? 0 : scale > 0 ? diff / scale : INFINITY;
  if (real && diff <= p->tolerance * NEGLIGIBLE) relative = 0;
  if (relative > p->worst) {
    p->worst = relative;
    snprintf(p->worst_at, sizeof p->worst_at, "%s, %s", function, what);
  }
  if (relative <= (real ? p->tolerance : 0)) return;
  if (p->failures++ < 10)
    printf("call %ld, %s: %s[%zu] is %.17g in %s, %.17g in the interpreter (%.3g of the scale %.3g)\n",
           p->calls, function, what, at, value_at(t, c, at), o->path, value_at(t, i, at), relative, scale);
}

static const nn_store *store_named(const nn_model *m, const char *name) {
  for (int k = 0; k < m->n_stores; k++)
    if (strcmp(m->stores[k].name, name) == 0) return &m->stores[k];
  printf("the interpreter has no store %s\n", name);
  exit(1);
}

// What the emitted program's stores hold now goes to the interpreter: all of it, or only what the host
// changed since the last call (a load, the best weights put back). What steps have in common stays what
// either computed, and is compared by what the steps make of it, as any value that stands in no store.
static void push_stores(Pair *p, const unsigned char *arena, bool all) {
  for (int k = 0; k < p->emitted->n_stores; k++) {
    const nn_store *s = &p->emitted->stores[k], *t = store_named(p->interpreted, s->name);
    size_t bytes = s->count * dtype_size(s->dtype);
    if (s->kind == NN_INVARIANT) continue;
    if (all || memcmp(arena + s->offset, p->shadow + s->offset, bytes) != 0) {
      memcpy(p->arena + t->offset, arena + s->offset, bytes);
      for (int j = 1; j < p->n_objects; j++)
        memcpy(p->objects[j].arena + s->offset, arena + s->offset, bytes);
    }
    memcpy(p->shadow + s->offset, arena + s->offset, bytes);
  }
}

static void compare_stores(Pair *p, const Object *o, const char *function, const unsigned char *arena) {
  for (int k = 0; k < p->emitted->n_stores; k++) {
    const nn_store *s = &p->emitted->stores[k], *t = store_named(p->interpreted, s->name);
    if (s->kind == NN_INVARIANT) continue;
    double before = magnitude(s->dtype, s->count, p->shadow + s->offset);
    compare(p, o, function, s->name, s->dtype, s->count, arena + s->offset, p->arena + t->offset, before);
    if (o == p->objects) memcpy(p->shadow + s->offset, arena + s->offset, s->count * dtype_size(s->dtype));
  }
}

static void **results_of(const nn_function *f, size_t n, void *const *args) {
  void **own = calloc((size_t)(f->n_in + f->n_out) + 1, sizeof *own);
  for (int k = 0; k < f->n_in + f->n_out; k++) {
    const nn_arg *a = k < f->n_in ? &f->in[k] : &f->out[k - f->n_in];
    own[k] = k < f->n_in ? args[k] : calloc(arg_count(a, n) + 1, dtype_size(a->dtype));
  }
  return own;
}

static void free_results(const nn_function *f, void **own) {
  for (int k = f->n_in; k < f->n_in + f->n_out; k++) free(own[k]);
  free(own);
}

// What an object computed against what the interpreter did.
static void compare_results(Pair *p, const Object *o, const nn_function *f, size_t n, int status,
                            int expected, const unsigned char *arena, void *const *args, void *const *own) {
  if (status != expected) {
    printf("%s: status %d in %s, %d in the interpreter\n", f->name, status, o->path, expected);
    p->failures++;
  }
  if (status != NN_OK) return;
  for (int k = f->n_in; k < f->n_in + f->n_out; k++) {
    const nn_arg *a = &f->out[k - f->n_in];
    compare(p, o, f->name, a->name, a->dtype, arg_count(a, n), args[k], own[k],
            strncmp(a->name, "zero", 4) == 0);
  }
  compare_stores(p, o, f->name, arena);
}

// nn_model.call of the pair.
static int compare_call(nn_ctx *ctx, int function, size_t n, void *const *args) {
  Pair *p = ctx->user;
  const nn_function *f = &p->emitted->fns[function];
  void **own = results_of(f, n, args);
  push_stores(p, ctx->arena, p->sync);
  nn_ctx second = *ctx, before = *ctx;
  second.arena = p->arena;
  second.user = p->interpreted->call_user;
  p->calls++;
  int status = f->fn(ctx, n, args);
  int expected = p->interpreted->call(&second, function, n, own);
  for (int j = 1; j < p->n_objects; j++) {
    const Object *o = &p->objects[j];
    void **others = results_of(f, n, args);
    nn_ctx third = before;
    third.arena = o->arena;
    int its = o->model->fns[function].fn(&third, n, others);
    compare_results(p, o, f, n, its, expected, o->arena, others, own);
    free_results(f, others);
  }
  compare_results(p, p->objects, f, n, status, expected, ctx->arena, args, own);
  free_results(f, own);
  return status;
}

static char *read_text(const char *path, size_t *len, Arena *a) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  char *text = arena_alloc(a, 1 << 20);
  *len = fread(text, 1, (1 << 20) - 1, f);
  fclose(f);
  return text;
}

// Imports of tests/programs are relative to the importing file.
static Found find_import(void *arena, const char *path, const char *from) {
  Arena *a = arena;
  const char *slash = strrchr(from, '/');
  Found f = {.problem = "there is no such file"};
  f.name = slash ? arena_printf(a, "%.*s/%s", (int)(slash - from), from, path) : path;
  f.identity = path;
  f.text = read_text(f.name, &f.len, a);
  if (f.text) f.problem = NULL;
  return f;
}

// The front half of driver/main.c, for a model known to be right.
static Program *program_of(const char *path, DType real, Arena *a) {
  size_t len = 0;
  const char *text = read_text(path, &len, a);
  if (!text) return NULL;
  SourceMap *sources = source_map_new(a);
  Intern *names = intern_new(a);
  Diags *diags = diags_new(a, sources);
  const File **std_files = ARENA_ARRAY(a, embedded_std.n, const File *);
  for (uint32_t i = 0; i < embedded_std.n; i++) {
    const EmbeddedFile *e = &embedded_std.files[i];
    std_files[i] =
        parse_source(source_add(sources, e->name, e->text, e->len, true), sources, names, diags, a);
  }
  File *user = parse_source(source_add(sources, path, text, len, false), sources, names, diags, a);
  Modules modules = import_files(user, &(Loader){find_import, a, path}, sources, names, diags, a);
  const ElaborateOptions options = {.real = real, .modules = &modules, .checks = true};
  Program *p = elaborate(user, std_files, embedded_std.n, sources, names, &options, diags, a);
  if (p) passes_run(p, &(PassOptions){.verify = true}, a);
  if (p) program_share(p, a);
  if (p) program_hoist(p, &invariant_limits, a);
  return p;
}

static const nn_model *emitted_model(const char *so) {
  void *lib = dlopen(so, RTLD_NOW | RTLD_LOCAL);
  if (!lib) {
    printf("%s\n", dlerror());
    return NULL;
  }
  void *symbol = dlsym(lib, "test_model");
  const nn_model *(*model)(void);
  memcpy(&model, &symbol, sizeof model);
  return symbol ? model() : NULL;
}

static unsigned char *aligned(Arena *a, size_t bytes) {
  unsigned char *p = arena_alloc(a, bytes + 64);
  return p + (64 - (uintptr_t)p % 64) % 64;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  Arena *a = arena_new();
  bool f64 = strncmp(argv[2], "f64", 3) == 0;
  Program *program = program_of(argv[1], f64 ? DT_F64 : DT_F32, a);
  Pair p = {.sync = strcmp(argv[2], "f64") != 0, .tolerance = f64 ? TOLERANCE_F64 : TOLERANCE_F32};
  const char *other = getenv("NNC_TOLERANCE_F32");
  if (!f64 && other && *other) p.tolerance = strtod(other, NULL);
  for (char *path = strtok(argv[3], ","); path && p.n_objects < MOST_OBJECTS; path = strtok(NULL, ",")) {
    Object *o = &p.objects[p.n_objects++];
    *o = (Object){path, emitted_model(path), NULL};
    if (!o->model) return printf("no model in %s\n", path), 1;
    o->arena = aligned(a, o->model->arena_bytes);
  }
  if (!program || p.n_objects == 0) return printf("no model\n"), 1;
  p.emitted = p.objects[0].model;
  p.interpreted = interpret_model(program, "test", !p.emitted->flush_subnormals, a);
  p.arena = aligned(a, p.interpreted->arena_bytes);
  p.shadow = arena_alloc(a, p.emitted->arena_bytes);

  nn_model both = *p.emitted;
  nn_function *fns = arena_copy(a, both.fns, (size_t)both.n_fns * sizeof *fns);
  for (int i = 0; i < both.n_fns; i++) fns[i].fn = NULL;
  both.fns = fns;
  both.call = compare_call;
  both.call_user = &p;
  argv[3] = argv[1];
  int status = nn_main(&both, argc - 3, argv + 3);
  printf("%ld calls compared, largest difference %.3g (%s)\n", p.calls, p.worst, p.worst_at);
  if (p.calls == 0) return printf("nothing was compared\n"), 1;
  arena_free(a);
  return status ? status : p.failures > 0;
}
