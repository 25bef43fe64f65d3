// language.md, "Randomness": element e takes word e % 4 of block e / 4; key and counter by the mode.
#include "ir/eval_impl.h"
#include "ir/philox.h"

#include <math.h>

// In a computed field the second word is the example; the iteration goes on with the site's hash, but the
// first.
static uint32_t site_at(uint32_t site, uint32_t iteration) {
  for (int k = 0; iteration && k < 32; k += 8) site = (site ^ ((iteration >> k) & 255)) * 16777619u;
  return site;
}

static PhiloxBlock draw(const Eval *e, uint32_t site, int64_t block) {
  const EvalEnv *env = e->env;
  uint32_t counter[4] = {(uint32_t)block, e->iteration, env->batch_count, site};
  if (env->mode == EVAL_INIT) counter[2] = UINT32_MAX;
  if (env->mode == EVAL_PREPARE) {
    counter[1] = env->example;
    counter[2] = env->epoch_count;
    counter[3] = site_at(site, e->iteration);
  }
  uint32_t key[2] = {(uint32_t)env->seed, (uint32_t)(env->seed >> 32)};
  return philox4x32_10(counter, key);
}

void eval_rand(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  int64_t count = eval_count(e, n->shape);
  for (int64_t i = 0; i < count; i++) {
    uint32_t word = draw(e, n->attr.site, i / 4).w[i % 4];
    out[i] = eval_real(e, n->dtype, (word >> 8) * 0x1p-24);
  }
}

// Words (w0, w1) give elements 0 and 1, (w2, w3) give 2 and 3: r cos t and r sin t.
void eval_randn(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  const double pi = 3.14159265358979323846;
  int64_t count = eval_count(e, n->shape);
  for (int64_t i = 0; i < count; i++) {
    PhiloxBlock b = draw(e, n->attr.site, i / 4);
    const uint32_t *pair = &b.w[i % 4 / 2 * 2];
    double r = sqrt(-2 * log(((pair[0] >> 8) + 1) * 0x1p-24));
    double t = 2 * pi * ((pair[1] >> 8) * 0x1p-24);
    out[i] = eval_real(e, n->dtype, r * (i % 2 ? sin(t) : cos(t)));
  }
}
