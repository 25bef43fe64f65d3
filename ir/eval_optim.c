// One step of an optimizer by the formulas of language.md ("Training"), one parameter and one element after
// the other, nothing shared with runtime/core.
#include "ir/eval_impl.h"

#include <math.h>
#include <string.h>

typedef struct Update {
  const Scalar *hyper[MAX_HYPERS]; // scalars, in optim.def's order without FLAGs
  double scale;                    // of the gradients, by clip_norm
  bool nesterov, momentum;         // momentum: the last slot exists
  double lr_mult, decay_mult;
  int64_t t; // update count of this step, from 1
  DType dtype;
} Update;

// The parameter and its slots before and after; `g` scaled already.
typedef void StepFn(const Eval *e, const Update *u, double g, Scalar *w, Scalar *slots[]);

// What stands in Update.hyper; clip_norm is the last.
enum { SGD_LR, SGD_MOMENTUM, SGD_DECAY };
enum { ADAM_LR, ADAM_BETA1, ADAM_BETA2, ADAM_EPS, ADAM_DECAY };
enum { ADAGRAD_LR, ADAGRAD_EPS, ADAGRAD_DECAY };
enum { ADADELTA_LR, ADADELTA_RHO, ADADELTA_EPS, ADADELTA_DECAY };
enum { RMSPROP_LR, RMSPROP_RHO, RMSPROP_EPS, RMSPROP_MOMENTUM, RMSPROP_DECAY };

// g += decay w; v = momentum v + g; w -= lr (nesterov ? g + momentum v : v)
static void step_SGD(const Eval *e, const Update *u, double g, Scalar *w, Scalar *slots[]) {
  double lr = u->hyper[SGD_LR]->f * u->lr_mult, momentum = u->hyper[SGD_MOMENTUM]->f;
  g += u->hyper[SGD_DECAY]->f * u->decay_mult * w->f;
  double v = g;
  if (u->momentum) {
    *slots[0] = eval_real(e, u->dtype, momentum * slots[0]->f + g);
    v = slots[0]->f;
  }
  *w = eval_real(e, u->dtype, w->f - lr * (u->nesterov ? g + momentum * v : v));
}

// Kingma and Ba 2015, algorithm 1, with the decay of Loshchilov and Hutter 2019: w -= lr decay w.
static void step_ADAM(const Eval *e, const Update *u, double g, Scalar *w, Scalar *slots[]) {
  double lr = u->hyper[ADAM_LR]->f * u->lr_mult;
  double beta1 = u->hyper[ADAM_BETA1]->f, beta2 = u->hyper[ADAM_BETA2]->f;
  *slots[0] = eval_real(e, u->dtype, beta1 * slots[0]->f + (1 - beta1) * g);
  *slots[1] = eval_real(e, u->dtype, beta2 * slots[1]->f + (1 - beta2) * g * g);
  double m = slots[0]->f / (1 - pow(beta1, (double)u->t));
  double v = slots[1]->f / (1 - pow(beta2, (double)u->t));
  double decayed = w->f - lr * u->hyper[ADAM_DECAY]->f * u->decay_mult * w->f;
  *w = eval_real(e, u->dtype, decayed - lr * m / (sqrt(v) + u->hyper[ADAM_EPS]->f));
}

// Duchi et al. 2011, with decay in the gradient: s += g^2; w -= lr g / (sqrt(s) + eps)
static void step_ADAGRAD(const Eval *e, const Update *u, double g, Scalar *w, Scalar *slots[]) {
  g += u->hyper[ADAGRAD_DECAY]->f * u->decay_mult * w->f;
  *slots[0] = eval_real(e, u->dtype, slots[0]->f + g * g);
  double move = g / (sqrt(slots[0]->f) + u->hyper[ADAGRAD_EPS]->f);
  *w = eval_real(e, u->dtype, w->f - u->hyper[ADAGRAD_LR]->f * u->lr_mult * move);
}

// Zeiler 2012, algorithm 1: v = rho v + (1 - rho) g^2; d = sqrt(s + eps) / sqrt(v + eps) g;
// s = rho s + (1 - rho) d^2; w -= lr d
static void step_ADADELTA(const Eval *e, const Update *u, double g, Scalar *w, Scalar *slots[]) {
  double rho = u->hyper[ADADELTA_RHO]->f, eps = u->hyper[ADADELTA_EPS]->f;
  g += u->hyper[ADADELTA_DECAY]->f * u->decay_mult * w->f;
  *slots[0] = eval_real(e, u->dtype, rho * slots[0]->f + (1 - rho) * g * g);
  double d = sqrt((slots[1]->f + eps) / (slots[0]->f + eps)) * g;
  *slots[1] = eval_real(e, u->dtype, rho * slots[1]->f + (1 - rho) * d * d);
  *w = eval_real(e, u->dtype, w->f - u->hyper[ADADELTA_LR]->f * u->lr_mult * d);
}

// Hinton 2012: s = rho s + (1 - rho) g^2; d = g / (sqrt(s) + eps); v = momentum v + d; w -= lr v
static void step_RMSPROP(const Eval *e, const Update *u, double g, Scalar *w, Scalar *slots[]) {
  double rho = u->hyper[RMSPROP_RHO]->f;
  g += u->hyper[RMSPROP_DECAY]->f * u->decay_mult * w->f;
  *slots[0] = eval_real(e, u->dtype, rho * slots[0]->f + (1 - rho) * g * g);
  double move = g / (sqrt(slots[0]->f) + u->hyper[RMSPROP_EPS]->f);
  if (u->momentum) {
    *slots[1] = eval_real(e, u->dtype, u->hyper[RMSPROP_MOMENTUM]->f * slots[1]->f + move);
    move = slots[1]->f;
  }
  *w = eval_real(e, u->dtype, w->f - u->hyper[RMSPROP_LR]->f * u->lr_mult * move);
}

static StepFn *const steps[OPTIM_COUNT] = {
#define OPTIMIZER(ID, name, slots, hypers) step_##ID,
#include "ir/optim.def"
#undef OPTIMIZER
};

// min(1, c / norm) of all gradients together; 1 when c is 0 (off).
static double clip_scale(const Eval *e, const Node *n, double c) {
  const OptimizeAttr *o = n->attr.optimize;
  double sum = 0;
  if (!(c > 0)) return 1;
  for (uint32_t i = o->n_hyper; i < o->n_hyper + o->n; i++) {
    int64_t count = eval_count(e, eval_in(e, n, i)->shape);
    for (int64_t k = 0; k < count; k++) sum += eval_value(e, n, i)[k].f * eval_value(e, n, i)[k].f;
  }
  double scale = c / sqrt(sum);
  return scale > 1 ? 1 : scale;
}

static Scalar *next_value(Eval *e, uint32_t store, uint32_t version, size_t count) {
  Scalar *copy = arena_copy(e->scratch, eval_version(e, store, version), count * sizeof *copy);
  eval_set_version(e, store, version + 1, copy);
  return copy;
}

// Slots and counts have no versions in the graph: the latest one is read.
static uint32_t latest(const Eval *e, uint32_t store) {
  return e->versions[store].len ? e->versions[store].len - 1 : 0;
}

// Nothing is updated or counted, but the parameters have new versions.
static void keep_all(Eval *e, const Node *n) {
  const OptimizeAttr *o = n->attr.optimize;
  for (uint32_t i = 0; i < o->n; i++)
    next_value(e, o->stores[i], o->versions[i], (size_t)eval_count(e, eval_in(e, n, o->n_hyper + i)->shape));
}

void eval_optimize(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  (void)out;
  const OptimizeAttr *o = n->attr.optimize;
  if (o->guarded && !eval_value(e, n, n->n_in - 1)->i) {
    keep_all(e, n);
    return;
  }
  uint32_t n_slots = optimizer_info(o->kind)->slots;
  Update u = {.nesterov = o->flags & 1, .momentum = o->uses_momentum};
  for (uint32_t i = 0; i < o->n_hyper; i++) {
    // A constant keeps its f64 value, so that 1 - beta2 is what was written (graph.h).
    const Node *hyper = eval_in(e, n, i);
    u.hyper[i] = hyper->op == OP_CONST ? hyper->attr.konst.data : eval_value(e, n, i);
  }
  u.scale = clip_scale(e, n, u.hyper[o->n_hyper - 1]->f);
  for (uint32_t i = 0; i < o->n; i++) {
    const Node *grad = eval_in(e, n, o->n_hyper + i);
    const Scalar *g = eval_value(e, n, o->n_hyper + i);
    size_t count = (size_t)eval_count(e, grad->shape);
    Scalar *w = next_value(e, o->stores[i], o->versions[i], count), *slot[MAX_SLOTS] = {0};
    for (uint32_t k = 0; k < n_slots; k++) {
      uint32_t store = o->slots[i * n_slots + k];
      if (store != UINT32_MAX) slot[k] = next_value(e, store, latest(e, store), count);
    }
    u.t = ++next_value(e, o->counts[i], latest(e, o->counts[i]), 1)->i;
    u.lr_mult = e->env->table[o->stores[i]].lr_mult;
    u.decay_mult = e->env->table[o->stores[i]].decay_mult;
    u.dtype = grad->dtype;
    for (size_t k = 0; k < count; k++) {
      Scalar *at[MAX_SLOTS] = {0};
      for (uint32_t s = 0; s < n_slots; s++) at[s] = slot[s] ? slot[s] + k : NULL;
      steps[o->kind](e, &u, g[k].f * u.scale, w + k, at);
    }
  }
}
