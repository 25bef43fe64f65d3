// A call turns the arena's stores and the arguments into the interpreter's values, evaluates the graph, and
// turns back what it gave. Naive on purpose: this is the oracle.
#include "driver/interpret.h"

#include "driver/descriptor.h"

#include "ir/eval.h"
#include "nn_array.h"

#include <string.h>

typedef struct Interpreter {
  const Program *p;
  const nn_store *stores; // of the descriptor: where they lie in the arena
  uint32_t trap_place;    // of its places the first that NaNs are traced to
} Interpreter;

// DType and nn_dtype have the same order (asserted in descriptor_make).
void interpret_load(Scalar *to, DType t, const unsigned char *from, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const void *p = from + i * dtype_bytes(t);
    if (dtype_is_real(t))
      to[i].f = nn_get_real((int)t, p);
    else
      to[i].i = nn_get_int((int)t, p);
  }
}

static void unload(unsigned char *to, DType t, const Scalar *from, size_t n) {
  for (size_t i = 0; i < n; i++) {
    void *p = to + i * dtype_bytes(t);
    if (dtype_is_real(t))
      nn_put_real((int)t, p, from[i].f);
    else
      nn_put_int((int)t, p, from[i].i);
  }
}

static int fault(nn_ctx *ctx, const Interpreter *in, uint32_t function, const EvalEnv *env) {
  uint32_t place = 0;
  for (uint32_t i = 0; i <= function; i++) {
    const Graph *g = in->p->fns[i].g;
    for (NodeId id = 0; id < (i < function ? g->len : env->fault_node); id++)
      place += node_may_fault(graph_node(g, id));
  }
  static const int statuses[] = {[EVAL_OK] = NN_OK,
                                 [EVAL_FAULT_INDEX] = NN_FAULT_INDEX,
                                 [EVAL_FAULT_DIVISION] = NN_FAULT_DIVISION,
                                 [EVAL_FAULT_ASSERT] = NN_FAULT_ASSERT};
  nn_fault_set(ctx, statuses[env->status], place, env->fault_value, env->fault_bound);
  return ctx->fault.status;
}

static void copy_roots(const Function *f, size_t n, Scalar *const *roots, void *const *args) {
  uint32_t arg = f->n_inputs;
  for (uint32_t i = 0; i < f->g->n_roots; i++) {
    if (f->roots[i].kind == ROOT_EFFECT) continue;
    const Node *root = graph_node(f->g, f->g->roots[i]);
    unload(args[arg++], root->dtype, roots[i], elements(root->shape, (int64_t)n));
  }
}

// nn_model.call: see nn_model.h.
static int call(nn_ctx *ctx, int function, size_t n, void *const *args) {
  const Interpreter *in = ctx->user;
  const Program *p = in->p;
  const Function *f = &p->fns[function];
  Arena *a = arena_new();
  EvalEnv env = {.rounded = true,
                 .trap_place = in->trap_place,
                 .n = (int64_t)n,
                 .seed = ctx->seed,
                 .batch_count = ctx->batch_count,
                 .example = ctx->example,
                 .epoch_count = ctx->epoch_count,
                 .step = ctx->step,
                 .epoch = ctx->epoch,
                 .options = ctx->options,
                 .table = p->stores,
                 .n_stores = p->n_stores};
  StoreUse *uses =
      ARENA_ARRAY(a, p->n_stores, StoreUse); // most calls, one for each example of data, touch few
  graph_store_uses(f->g, uses);
  env.stores = ARENA_ARRAY(a, p->n_stores, Scalar *);
  for (uint32_t i = 0; i < p->n_stores; i++) {
    if (!uses[i].read && !uses[i].written) continue;
    size_t count = elements(&p->stores[i].shape, 0);
    env.stores[i] = ARENA_ARRAY(a, count, Scalar);
    interpret_load(env.stores[i], p->stores[i].dtype, ctx->arena + in->stores[i].offset, count);
  }
  const Scalar **inputs = ARENA_ARRAY(a, f->n_inputs, const Scalar *);
  for (uint32_t i = 0; i < f->n_inputs; i++) {
    size_t count = elements(&f->inputs[i].shape, (int64_t)n);
    Scalar *values = ARENA_ARRAY(a, count, Scalar);
    interpret_load(values, f->inputs[i].dtype, args[i], count);
    inputs[i] = values;
  }
  Scalar **roots = ARENA_ARRAY(a, f->g->n_roots, Scalar *);
  bool ok = eval_function(f, &env, inputs, roots, a);
  if (ok) {
    for (uint32_t i = 0; i < p->n_stores; i++)
      if (uses[i].written)
        unload(ctx->arena + in->stores[i].offset, p->stores[i].dtype, env.stores[i],
               elements(&p->stores[i].shape, 0));
    copy_roots(f, n, roots, args);
  } else {
    fault(ctx, in, (uint32_t)function, &env);
  }
  arena_free(a);
  return ctx->fault.status;
}

const nn_model *interpret_model(const Program *p, const char *version, bool keep_subnormals, Arena *a) {
  nn_model *m = descriptor_make(p, version, keep_subnormals, a);
  Interpreter *in = ARENA_NEW(a, Interpreter);
  *in = (Interpreter){p, m->stores, (uint32_t)m->n_places - p->n_traps};
  m->call = call;
  m->call_user = in;
  return m;
}

int interpret(const Program *p, const char *version, bool keep_subnormals, const char *name, int argc,
              char **argv) {
  Arena *a = arena_new();
  char **args = ARENA_ARRAY(a, (size_t)argc + 2, char *);
  args[0] = arena_strdup(a, name);
  if (argc) memcpy(args + 1, argv, (size_t)argc * sizeof *args);
  int status = nn_main(interpret_model(p, version, keep_subnormals, a), argc + 1, args);
  arena_free(a);
  return status;
}
