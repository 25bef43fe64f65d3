// One call of a function in the interpreter, on drawn arguments and stores.
#ifndef NNC_TESTS_RANDOM_CALL_H
#define NNC_TESTS_RANDOM_CALL_H

#include "ir/eval.h"
#include "passes/passes.h"

#include <math.h>
#include <string.h>

enum { MAX_ARGUMENTS = 128 };

typedef struct Call {
  EvalEnv env;
  const Scalar *in[MAX_ARGUMENTS];
  Scalar **roots;
} Call;

static inline Scalar drawn(DType t, bool zeros, uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  uint32_t r = (uint32_t)(*state >> 33);
  if (t == DT_MASK) return (Scalar){.i = r % 2};
  if (!dtype_is_real(t)) return (Scalar){.i = (int64_t)(r % 4)};
  // zero, or a number that is not next to a short decimal, where the models' functions may jump
  if (r % 20001 == 10000 && zeros) return (Scalar){.f = 0};
  return (Scalar){.f = (double)(float)((r % 20001) / 10000.0 - 1.0000137)};
}

static inline void draw_arguments(const Function *f, int64_t n, uint64_t seed, bool zeros, const Scalar **in,
                                  Arena *a) {
  uint64_t state = seed * 77 + 1;
  for (uint32_t i = 0; i < f->n_inputs; i++) {
    int64_t count = shape_elements(&f->inputs[i].shape, n);
    Scalar *v = ARENA_ARRAY(a, (size_t)count, Scalar);
    for (int64_t k = 0; k < count; k++) v[k] = drawn(f->inputs[i].dtype, zeros, &state);
    in[i] = v;
  }
}

static inline EvalEnv some_env(const Program *p, int64_t n) {
  static const double options[4] = {0.25, 2, 3, 4};
  EvalEnv env = {.rounded = true, .n = n, .seed = 5, .batch_count = 5, .example = 7, .epoch_count = 2};
  env.step = 12, env.epoch = 3, env.options = options, env.table = p->stores, env.n_stores = p->n_stores;
  return env;
}

static inline void call_interpreter(const Function *f, Call *c, Arena *a) {
  c->roots = ARENA_ARRAY(a, f->g->n_roots, Scalar *);
  eval_function(f, &c->env, c->in, c->roots, a);
}

// The stores as the program's init leaves them; slots and counts as in the middle of a training.
static inline Scalar **some_stores(const Program *p, Arena *a) {
  Function init = p->fns[p->init];
  Call c = {.env = some_env(p, 1)};
  uint64_t state = 1;
  c.env.stores = eval_stores_new(p->stores, p->n_stores, a);
  init.g = pass_autodiff(init.g, a);
  call_interpreter(&init, &c, a);
  for (uint32_t s = 0; s < p->n_stores; s++)
    for (int64_t i = 0; i < shape_elements(&p->stores[s].shape, 1); i++) {
      if (p->stores[s].kind == STORE_COUNT) c.env.stores[s][i].i = 3;
      if (p->stores[s].kind == STORE_SLOT)
        c.env.stores[s][i].f = fabs(drawn(p->stores[s].dtype, true, &state).f);
    }
  return c.env.stores;
}

static inline Call *call_new(const Program *p, const Function *f, Scalar *const *stores, int64_t n,
                             bool zeros, Arena *a) {
  Call *c = ARENA_NEW(a, Call);
  c->env = some_env(p, n);
  c->env.stores = eval_stores_new(p->stores, p->n_stores, a);
  for (uint32_t s = 0; s < p->n_stores; s++)
    memcpy(c->env.stores[s], stores[s], (size_t)shape_elements(&p->stores[s].shape, 1) * sizeof(Scalar));
  draw_arguments(f, n, 1, zeros, c->in, a);
  return c;
}

#endif
