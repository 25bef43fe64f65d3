// Graphs through codegen and the C compiler, and both they and the interpreter run on the same numbers.
#ifndef NNC_TESTS_EMITTED_H
#define NNC_TESTS_EMITTED_H

#define _POSIX_C_SOURCE 200809L

#include "codegen/codegen.h"
#include "ir/eval.h"
#include "nn_math.h"
#include "nn_model.h"
#include "tests/graph_text.h"
#include "tests/tolerance.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STRICT_C                                                                                             \
  "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Wstrict-prototypes -Werror"

typedef struct Emitted {
  void *library;
  const nn_model *model;
  char path[64];
} Emitted;

// A program of one function per graph; arguments, results and effects as the graphs have them. Stores are
// found in READ and WRITE nodes.
static inline Function function_of(Graph *g, const char *name, FnKind kind, Arena *a) {
  Function f = {.name = name, .kind = kind, .g = g};
  RootInfo *roots = ARENA_ARRAY(a, g->n_roots, RootInfo);
  FnInput *inputs = ARENA_ARRAY(a, 32, FnInput);
  for (uint32_t i = 0; i < g->n_roots; i++) {
    OpKind root = op_kind(graph_node(g, g->roots[i])->op);
    bool effect = root == KIND_EFFECT && graph_node(g, g->roots[i])->op != OP_READ;
    roots[i] = (RootInfo){effect ? ROOT_EFFECT : ROOT_RESULT, effect ? NULL : arena_printf(a, "r%u", i)};
  }
  for (NodeId v = 0; v < g->len; v++) {
    const Node *n = graph_node(g, v);
    if (n->op != OP_INPUT || n->attr.input.role != IN_ARG) continue;
    inputs[n->attr.input.index] = (FnInput){n->attr.input.name, n->dtype, *n->shape, {0}};
    if (n->attr.input.index >= f.n_inputs) f.n_inputs = n->attr.input.index + 1;
  }
  f.roots = roots;
  f.inputs = inputs;
  return f;
}

static inline Program *program_of(Function *fns, uint32_t n, const Store *stores, uint32_t n_stores,
                                  DType real, Arena *a) {
  Program *p = ARENA_NEW(a, Program);
  *p = (Program){.name = "test", .real = real, .arena = a, .fns = fns, .n_fns = n};
  p->sources = source_map_new(a);
  p->stores = stores;
  p->n_stores = n_stores;
  return p;
}

static inline const char *text_of(const Program *p, Arena *a) {
  StrBuf s = {0};
  codegen_c(p, &(CodegenOptions){.nnc_version = "test", .program = true}, &s);
  const char *text = arena_strdup(a, sb_text(&s));
  strbuf_free(&s);
  return text;
}

// Compiles with the strict warnings; a failure prints the text's place and aborts.
static inline Emitted compile_text(const char *text, const char *compiler, const char *flags) {
  Emitted e = {0};
  char command[2048], c_file[80], so_file[80];
  snprintf(e.path, sizeof e.path, "/tmp/nnc_emitted_%ld_%p", (long)getpid(), (void *)text);
  snprintf(c_file, sizeof c_file, "%s.c", e.path);
  snprintf(so_file, sizeof so_file, "%s.so", e.path);
  FILE *f = fopen(c_file, "w");
  if (!f) abort();
  fputs(text, f);
  fputs("\nconst nn_model *test_model(void);\nconst nn_model *test_model(void) { return &model; }\n", f);
  fclose(f);
#ifdef __SANITIZE_ADDRESS__
  const char *sanitize = "-fsanitize=address,undefined -fno-sanitize-recover=all";
#else
  const char *sanitize = "";
#endif
  snprintf(command, sizeof command,
           "%s " STRICT_C " %s %s -fPIC -shared -I%s/runtime/core -I%s/runtime/host %s -o %s -lm", compiler,
           flags, sanitize, PROJECT_DIR, PROJECT_DIR, c_file, so_file);
  if (system(command) != 0) {
    fprintf(stderr, "does not compile: %s\n", c_file);
    abort();
  }
  e.library = dlopen(so_file, RTLD_LAZY);
  if (!e.library) {
    fprintf(stderr, "%s\n", dlerror());
    abort();
  }
  const nn_model *(*model)(void);
  *(void **)&model = dlsym(e.library, "test_model");
  e.model = model();
  remove(so_file);
  remove(c_file);
  return e;
}

static inline void release(Emitted *e) { dlclose(e->library); }

// ---- numbers in and out

static inline void store_element(DType t, void *array, int64_t i, Scalar v) {
  switch (t) {
  case DT_F32: ((float *)array)[i] = (float)v.f; break;
  case DT_F64: ((double *)array)[i] = v.f; break;
  case DT_F16: ((uint16_t *)array)[i] = nn_f64_to_f16(v.f); break;
  case DT_BF16: ((uint16_t *)array)[i] = nn_f64_to_bf16(v.f); break;
  case DT_I8: ((int8_t *)array)[i] = (int8_t)v.i; break;
  case DT_I16: ((int16_t *)array)[i] = (int16_t)v.i; break;
  case DT_I32: ((int32_t *)array)[i] = (int32_t)v.i; break;
  case DT_I64: ((int64_t *)array)[i] = v.i; break;
  case DT_U8:
  case DT_MASK: ((uint8_t *)array)[i] = (uint8_t)v.i; break;
  default: abort();
  }
}

static inline Scalar load_element(DType t, const void *array, int64_t i) {
  switch (t) {
  case DT_F32: return (Scalar){.f = ((const float *)array)[i]};
  case DT_F64: return (Scalar){.f = ((const double *)array)[i]};
  case DT_F16: return (Scalar){.f = nn_f16_to_f64(((const uint16_t *)array)[i])};
  case DT_BF16: return (Scalar){.f = nn_bf16_to_f64(((const uint16_t *)array)[i])};
  case DT_I8: return (Scalar){.i = ((const int8_t *)array)[i]};
  case DT_I16: return (Scalar){.i = ((const int16_t *)array)[i]};
  case DT_I32: return (Scalar){.i = ((const int32_t *)array)[i]};
  case DT_I64: return (Scalar){.i = ((const int64_t *)array)[i]};
  case DT_U8:
  case DT_MASK: return (Scalar){.i = ((const uint8_t *)array)[i]};
  default: abort();
  }
}

static inline Scalar some_value(DType t, uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  uint32_t r = (uint32_t)(*state >> 33);
  if (t == DT_MASK) return (Scalar){.i = r % 2};
  if (t == DT_U8) return (Scalar){.i = r % 4};
  if (!dtype_is_real(t)) return (Scalar){.i = (int64_t)(r % 4)};
  return (Scalar){.f = eval_round(t == DT_F64 ? DT_F32 : t, (r % 20001) / 10000.0 - 1)};
}

static inline void *dense(const Scalar *v, DType t, int64_t count) {
  void *p = malloc((size_t)count * dtype_bytes(t) + (count == 0));
  for (int64_t i = 0; i < count; i++) store_element(t, p, i, v[i]);
  return p;
}

// True when x and y agree to the tolerance of the type, relative to `scale`.
static inline bool agree(DType t, Scalar x, Scalar y, double scale, double tolerance) {
  if (!dtype_is_real(t)) return x.i == y.i;
  if (isnan(x.f) || isnan(y.f)) return isnan(x.f) && isnan(y.f);
  return x.f == y.f || fabs(x.f - y.f) <= tolerance * scale;
}

static inline bool arrays_agree(DType t, const Scalar *want, const void *have, int64_t count,
                                const char *what) {
  double scale = 1e-30, tolerance = t == DT_F64 ? TOLERANCE_F64 : TOLERANCE_F32;
  if (t == DT_F16)
    tolerance = 0x1p-10; // one unit in the last place: sums are rounded once, from f32 or from f64
  if (t == DT_BF16) tolerance = 0x1p-7;
  for (int64_t i = 0; dtype_is_real(t) && i < count; i++)
    if (isfinite(want[i].f) && fabs(want[i].f) > scale) scale = fabs(want[i].f);
  for (int64_t i = 0; i < count; i++) {
    Scalar h = load_element(t, have, i);
    if (agree(t, want[i], h, scale, tolerance)) continue;
    if (dtype_is_real(t))
      fprintf(stderr, "%s element %lld: interpreter %.17g, C %.17g\n", what, (long long)i, want[i].f, h.f);
    else
      fprintf(stderr, "%s element %lld: interpreter %lld, C %lld\n", what, (long long)i, (long long)want[i].i,
              (long long)h.i);
    return false;
  }
  return true;
}

// Runs function `id` once in both, on the same drawn inputs and stores; true when all results, all stores and
// the fault agree.
static inline bool same_as_interpreter(const Program *p, const Emitted *e, uint32_t id, int64_t n,
                                       uint64_t seed) {
  Arena *a = arena_new();
  const Function *f = &p->fns[id];
  static const double options[4] = {0.25, 2, 3, 4};
  uint64_t state = seed * 77 + id + 1;
  EvalEnv env = {.rounded = p->real != DT_F64, .n = n, .seed = seed, .batch_count = 5, .example = 7};
  env.epoch_count = 2, env.step = 12, env.epoch = 3, env.options = options;
  env.table = p->stores, env.n_stores = p->n_stores;
  env.stores = eval_stores_new(p->stores, p->n_stores, a);
  unsigned char *arena = aligned_alloc(64, e->model->arena_bytes);
  if (!arena) abort();
  memset(arena, 0xa5, e->model->arena_bytes);
  for (uint32_t s = 0; s < p->n_stores; s++)
    for (int64_t i = 0; i < shape_elements(&p->stores[s].shape, 1); i++) {
      env.stores[s][i] =
          p->stores[s].kind == STORE_COUNT ? (Scalar){.i = 3} : some_value(p->stores[s].dtype, &state);
      if (p->stores[s].kind == STORE_SLOT) env.stores[s][i].f = fabs(env.stores[s][i].f);
      store_element(p->stores[s].dtype, arena + e->model->stores[s].offset, i, env.stores[s][i]);
    }
  const Scalar *in[32];
  void *args[64];
  for (uint32_t i = 0; i < f->n_inputs; i++) {
    int64_t count = shape_elements(&f->inputs[i].shape, n);
    Scalar *v = ARENA_ARRAY(a, (size_t)count, Scalar);
    for (int64_t k = 0; k < count; k++) v[k] = some_value(f->inputs[i].dtype, &state);
    in[i] = v;
    args[i] = dense(v, f->inputs[i].dtype, count);
  }
  uint32_t n_args = f->n_inputs;
  for (uint32_t i = 0; i < f->g->n_roots; i++) {
    const Node *r = graph_node(f->g, f->g->roots[i]);
    if (f->roots[i].kind != ROOT_EFFECT)
      args[n_args++] = calloc((size_t)shape_elements(r->shape, n) + 1, dtype_bytes(r->dtype));
  }
  nn_ctx ctx = {
      .arena = arena, .n = (size_t)n, .seed = seed, .batch_count = 5, .example = 7, .epoch_count = 2};
  ctx.step = 12, ctx.epoch = 3, ctx.options = options;
  Scalar **roots = ARENA_ARRAY(a, f->g->n_roots, Scalar *);
  bool fine = eval_function(f, &env, in, roots, a);
  int status = e->model->fns[id].fn(&ctx, (size_t)n, args);
  bool same = fine == (status == NN_OK);
  if (!same) fprintf(stderr, "%s: interpreter status %d, C %d\n", f->name, env.status, status);
  if (!fine && same)
    same = (env.status == EVAL_FAULT_INDEX) == (status == NN_FAULT_INDEX) &&
           (status != NN_FAULT_INDEX ||
            (ctx.fault.value == env.fault_value && ctx.fault.bound == env.fault_bound));
  for (uint32_t i = 0, k = f->n_inputs; fine && same && i < f->g->n_roots; i++) {
    const Node *r = graph_node(f->g, f->g->roots[i]);
    if (f->roots[i].kind == ROOT_EFFECT) continue;
    const char *what = arena_printf(a, "%s n=%lld root %u", f->name, (long long)n, i);
    same = arrays_agree(r->dtype, roots[i], args[k++], shape_elements(r->shape, n), what);
  }
  for (uint32_t s = 0; same && s < p->n_stores; s++)
    same = arrays_agree(p->stores[s].dtype, env.stores[s], arena + e->model->stores[s].offset,
                        shape_elements(&p->stores[s].shape, 1),
                        arena_printf(a, "%s store %s", f->name, p->stores[s].name));
  for (uint32_t i = 0; i < n_args; i++) free(args[i]);
  free(arena);
  arena_free(a);
  return same;
}

#endif
