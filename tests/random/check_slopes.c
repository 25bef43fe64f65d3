// Every gradient of a program, also those inside of others, is the slope of its expression along a direction,
// by central differences in f64. This is the one check that does not take `autodiff` at its word.
#include "tests/random/check.h"

#include "ir/build.h"
#include "ir/eval.h"
#include "passes/live.h"
#include "passes/passes.h"
#include "tests/random/call.h"

#include <math.h>

enum { SITE = 77000 };
static const double TOLERANCE = 1e-5; // of differences, as gradcheck's

// A copy of g up to node `last`, where each target moves by eps along its direction.
static Graph *moved(const Graph *g, NodeId last, const Node *d, double eps, NodeId *map, Builder *b,
                    Arena *a) {
  Graph *out = graph_like(g, a);
  *b = (Builder){.g = out, .real = DT_F64, .path = ""};
  for (NodeId id = 0; id <= last; id++) {
    const Node *n = graph_node(g, id);
    NodeId *in = ARENA_ARRAY(a, n->n_in + 1, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    map[id] = b_copy(b, n, in);
    for (uint32_t i = 1; i < d->n_in && eps != 0; i++)
      if (d->in[i] == id) {
        NodeId way = b_rand(b, OP_RAND, DT_F64, n->shape, SITE + i);
        map[id] = b_ew2(b, OP_ADD, map[id], b_ew2(b, OP_MUL, way, b_scalar(b, DT_F64, eps)));
      }
  }
  return out;
}

// The value of the scalar `root` of h, its gradients expanded.
static double value(const Program *p, const Function *f, Scalar *const *stores, Graph *h, NodeId root,
                    int64_t n, Arena *a) {
  graph_set_roots(h, &root, 1);
  RootInfo info = {.kind = ROOT_RESULT, .name = "e"};
  Function one = *f;
  one.g = pass_autodiff(h, a);
  one.roots = &info;
  Call *c = call_new(p, f, stores, n, false, a);
  call_interpreter(&one, c, a);
  return c->env.status == EVAL_OK ? c->roots[0]->f : NAN;
}

static double value_at(const Program *p, const Function *f, Scalar *const *stores, const Node *d, double eps,
                       int64_t n, Arena *a) {
  Builder b;
  NodeId *map = no_nodes(a, f->g->len);
  Graph *h = moved(f->g, d->in[0], d, eps, map, &b, a);
  return value(p, f, stores, h, map[d->in[0]], n, a);
}

// Of GRAD node `id` along the direction; *scale is the sum of the terms' magnitudes.
static double slope(const Program *p, const Function *f, Scalar *const *stores, NodeId id, int64_t n,
                    double *scale, Arena *a) {
  const Node *d = graph_node(f->g, id);
  double result[2];
  for (int k = 0; k < 2; k++) {
    Builder b;
    NodeId *map = no_nodes(a, f->g->len);
    Graph *h = moved(f->g, id, d, 0, map, &b, a);
    NodeId sum = b_scalar(&b, DT_F64, 0);
    for (uint32_t i = 1; i < d->n_in; i++) {
      Shape s = graph_node(f->g, d->in[i])->shape;
      NodeId t =
          b_ew2(&b, OP_MUL, b_proj(&b, map[id], i - 1, DT_F64, s), b_rand(&b, OP_RAND, DT_F64, s, SITE + i));
      if (k == 1) t = b_ew1(&b, OP_ABS, t);
      sum = b_ew2(&b, OP_ADD, sum, b_reduce(&b, OP_SUM, t, (1u << s.rank) - 1));
    }
    result[k] = value(p, f, stores, h, sum, n, a);
  }
  *scale = 1 + result[1];
  return result[0];
}

// What a target is made of.
static bool *sources_of(const Graph *g, const Node *d, Arena *a) {
  bool *is = ARENA_ARRAY(a, g->len, bool);
  for (uint32_t i = 1; i < d->n_in; i++)
    for (uint32_t k = 0; k < graph_node(g, d->in[i])->n_in; k++) is[graph_node(g, d->in[i])->in[k]] = true;
  for (NodeId id = g->len; id-- > 0;)
    for (uint32_t k = 0; k < graph_node(g, id)->n_in && is[id]; k++) is[graph_node(g, id)->in[k]] = true;
  return is;
}

// A rule of its own, or a cut, says something else than differences do. So do narrow types. And where an
// inner gradient goes through the target to what that is made of, it is a formula in which the target may
// stand or not (y or sqrt(x)), and the outer one is by that formula.
static bool comparable(const Graph *g, const Node *d, Arena *a) {
  bool *moves = ARENA_ARRAY(a, g->len, bool), *source = sources_of(g, d, a);
  for (NodeId id = 0; id <= d->in[0]; id++) {
    const Node *n = graph_node(g, id);
    for (uint32_t i = 1; i < d->n_in; i++) moves[id] |= d->in[i] == id;
    for (uint32_t i = 0; i < n->n_in; i++) {
      bool own = moves[n->in[i]];
      moves[id] |= own;
      if (own && (n->op == OP_CUSTOM_VJP || n->op == OP_STOP_GRAD)) return false;
      if (own && dtype_is_real(n->dtype) && n->dtype != DT_F64) return false;
    }
    for (uint32_t i = 1; i < n->n_in && n->op == OP_GRAD && moves[id]; i++)
      if (source[n->in[i]]) return false;
  }
  for (uint32_t i = 0; i < d->n_in; i++)
    if (graph_node(g, d->in[i])->dtype != DT_F64) return false;
  return true;
}

void check_slopes(const Program *p, const Function *f, Scalar *const *stores, int64_t n, Report *r) {
  // a step that meets a place where functions jump is too large; no step agrees with a wrong gradient
  static const double steps[] = {1e-6, 1e-7, 2e-5};
  for (NodeId id = 0; id < f->g->len && r->outcome == FINE; id++) {
    const Node *d = graph_node(f->g, id);
    Arena *a = arena_new();
    if (d->op == OP_GRAD && comparable(f->g, d, a)) {
      double scale, numeric = NAN, want = slope(p, f, stores, id, n, &scale, a);
      bool good = false;
      for (int k = 0; k < 3 && !good; k++) {
        double v = (value_at(p, f, stores, d, steps[k], n, a) - value_at(p, f, stores, d, -steps[k], n, a)) /
                   (2 * steps[k]);
        good = fabs(v - want) <= TOLERANCE * scale;
        if (k == 0) numeric = v;
      }
      r->slopes++;
      if (!good)
        differs(r, isnan(numeric) ? "no number" : "slope",
                "%s, N = %d: gradient %%%u has the slope %.10g, differences give %.10g (scale %.3g)", f->name,
                (int)n, id, want, numeric, scale);
    }
    arena_free(a);
  }
}
