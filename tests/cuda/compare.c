// The CUDA text does what the C text does, bit by bit, call by call, under the very loop that users run.
//
//   compare C.so CUDA.so COMMAND…      e.g. … train --data DIR --steps 2
//
// Both are shared objects with `test_model` (tests/equivalence.c, direct.h). The host runtime runs COMMAND
// over a descriptor whose every function is `compare_call`: the CUDA text starts every call from the C
// program's stores, on an arena of its own; afterwards all stores, results and reports must have the same
// bits. NaN equals NaN.
#define _POSIX_C_SOURCE 200809L
#include "tests/model_args.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Pair {
  const nn_model *c, *cuda;
  unsigned char *arena; // of the CUDA text
  long calls, elements, differing;
  double worst; // of the differences, relative to the largest magnitude of the tensor
  char worst_at[256];
} Pair;

static double value_at(int t, const unsigned char *p) {
  float f;
  double d;
  if (t == NN_F32) return memcpy(&f, p, sizeof f), (double)f;
  if (t == NN_F64) return memcpy(&d, p, sizeof d), d;
  return 0;
}

static void compare(Pair *p, const char *function, const char *what, int t, size_t n, const void *x,
                    const void *y) {
  const unsigned char *a = x, *b = y;
  double scale = 0, diff = 0;
  for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs(value_at(t, b + i * dtype_size(t))));
  for (size_t i = 0; i < n; i++) {
    const unsigned char *v = a + i * dtype_size(t), *w = b + i * dtype_size(t);
    p->elements++;
    if (memcmp(v, w, dtype_size(t)) == 0 || (isnan(value_at(t, v)) && isnan(value_at(t, w)))) continue;
    if (p->differing++ < 5)
      printf("call %ld, %s: %s[%zu] is %.9g in C, %.9g in CUDA\n", p->calls, function, what, i,
             value_at(t, v), value_at(t, w));
    diff = fmax(diff, fabs(value_at(t, v) - value_at(t, w)));
  }
  if (diff == 0 || diff / scale <= p->worst) return;
  p->worst = diff / scale;
  snprintf(p->worst_at, sizeof p->worst_at, " (%s, %s)", function, what);
}

// nn_model.call of the pair.
static int compare_call(nn_ctx *ctx, int function, size_t n, void *const *args) {
  Pair *p = ctx->user;
  const nn_function *f = &p->c->fns[function];
  int n_args = f->n_in + f->n_out;
  void **own = calloc((size_t)n_args + 1, sizeof *own);
  for (int k = 0; k < n_args; k++) { // the sanitizers see exactly what an argument has
    const nn_arg *a = k < f->n_in ? &f->in[k] : &f->out[k - f->n_in];
    own[k] = malloc(arg_count(a, n) * dtype_size(a->dtype));
    if (k < f->n_in) memcpy(own[k], args[k], arg_count(a, n) * dtype_size(a->dtype));
  }
  for (int k = 0; k < p->c->n_stores; k++) {
    const nn_store *s = &p->c->stores[k];
    memcpy(p->arena + p->cuda->stores[k].offset, ctx->arena + s->offset, s->count * dtype_size(s->dtype));
  }
  nn_ctx second = *ctx;
  second.arena = p->arena;
  p->calls++;
  int status = f->fn(ctx, n, args), other = p->cuda->call(&second, function, n, own);
  if (status != other) {
    printf("%s: status %d in C, %d in CUDA\n", f->name, status, other);
    p->differing++;
  }
  for (int k = f->n_in; k < n_args && status == NN_OK; k++) {
    const nn_arg *a = &f->out[k - f->n_in];
    compare(p, f->name, a->name, a->dtype, arg_count(a, n), args[k], own[k]);
  }
  for (int k = 0; k < p->c->n_stores && status == NN_OK; k++) {
    const nn_store *s = &p->c->stores[k];
    compare(p, f->name, s->name, s->dtype, s->count, ctx->arena + s->offset,
            p->arena + p->cuda->stores[k].offset);
  }
  for (int k = 0; k < n_args; k++) free(own[k]);
  free(own);
  return status;
}

static const nn_model *model_of(const char *so) {
  void *lib = dlopen(so, RTLD_NOW | RTLD_LOCAL), *symbol = lib ? dlsym(lib, "test_model") : NULL;
  const nn_model *(*model)(void);
  if (!symbol) {
    printf("%s\n", dlerror());
    exit(1);
  }
  memcpy(&model, &symbol, sizeof model);
  return model();
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  Pair p = {.c = model_of(argv[1]), .cuda = model_of(argv[2])};
  if (p.c->n_stores != p.cuda->n_stores || p.c->n_fns != p.cuda->n_fns) return printf("two models\n"), 1;
  unsigned char *memory = malloc(p.cuda->arena_bytes + 512);
  p.arena = memory + (512 - (uintptr_t)memory % 512) % 512;
  memset(p.arena, 0xff, p.cuda->arena_bytes); // what nobody wrote is NaN

  nn_model both = *p.c;
  nn_function *fns = malloc((size_t)both.n_fns * sizeof *fns);
  memcpy(fns, both.fns, (size_t)both.n_fns * sizeof *fns);
  for (int i = 0; i < both.n_fns; i++) fns[i].fn = NULL;
  both.fns = fns;
  both.call = compare_call;
  both.call_user = &p;
  int status = nn_main(&both, argc - 2, argv + 2);
  printf("%ld calls, %ld numbers compared, %ld differ, at most by %.3g of their scale%s\n", p.calls,
         p.elements, p.differing, p.worst, p.worst_at);
  free(fns);
  free(memory);
  if (p.calls == 0) return printf("nothing was compared\n"), 1;
  return status ? status : p.differing > 0;
}
