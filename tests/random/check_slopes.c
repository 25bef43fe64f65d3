// Every gradient of a program, also those inside of others, is the slope of its expression along a direction,
// by central differences in f64. This is the one check that does not take `autodiff` at its word.
#include "tests/random/check.h"

#include "passes/passes.h"
#include "passes/probe.h"
#include "tests/random/call.h"

#include <math.h>

static const double TOLERANCE = 1e-5; // of differences, as gradcheck's

typedef struct Slope {
  const Program *p;
  const Function *f;
  Scalar *const *stores;
  int64_t n;
  Arena *a;
} Slope;

// One call of a graph made of the function's, its gradients expanded; `more`: arguments after the function's.
// NULL on a fault.
static Scalar **results(const Slope *s, const Graph *expanded, Scalar *const *more, uint32_t n_more) {
  RootInfo *roots = ARENA_ARRAY(s->a, expanded->n_roots, RootInfo);
  Function one = *s->f;
  one.g = (Graph *)expanded;
  one.roots = roots;
  Call *c = call_new(s->p, s->f, s->stores, s->n, false, s->a);
  for (uint32_t i = 0; i < n_more; i++) c->in[s->f->n_inputs + i] = more[i];
  call_interpreter(&one, c, s->a);
  return c->env.status == EVAL_OK ? c->roots : NULL;
}

static bool narrow(const Node *n) { return dtype_is_real(n->dtype) && n->dtype != DT_F64; }

// Whether a loop's body is one that `comparable` refuses.
static bool body_differs(const Graph *body) {
  for (NodeId id = 0; id < body->len; id++) {
    const Node *n = graph_node(body, id);
    if (n->op == OP_CUSTOM_VJP || narrow(n)) return true;
    if (n->op == OP_SCAN && body_differs(n->attr.scan->body)) return true;
  }
  return false;
}

// A rule of its own says something else than differences do. So do narrow types.
static bool comparable(const Graph *g, const Node *d, Arena *a) {
  bool *moves = ARENA_ARRAY(a, g->len, bool);
  for (NodeId id = 0; id <= d->in[0]; id++) {
    const Node *n = graph_node(g, id);
    for (uint32_t i = 1; i < d->n_in; i++) moves[id] |= d->in[i] == id;
    for (uint32_t i = 0; i < n->n_in; i++) {
      bool own = moves[n->in[i]];
      moves[id] |= own;
      if (own && n->op == OP_CUSTOM_VJP) return false;
      if (own && (narrow(n) || (n->op == OP_SCAN && body_differs(n->attr.scan->body)))) return false;
    }
  }
  for (uint32_t i = 0; i < d->n_in; i++)
    if (graph_node(g, d->in[i])->dtype != DT_F64) return false;
  return true;
}

// The slope along a direction, and *scale, the sum of its terms' magnitudes; then by differences with each of
// `steps`, until one agrees. False when none does.
static bool agrees(const Slope *s, const Probe *p, double *want, double *numeric, double *scale) {
  // a step that meets a place where functions jump is too large; no step agrees with a wrong gradient
  double steps[] = {1e-6, 1e-7, 2e-5, 0};
  uint32_t n_more = p->n_targets + p->n_held;
  Scalar **more = ARENA_ARRAY(s->a, n_more + 1, Scalar *),
         **way = ARENA_ARRAY(s->a, p->n_targets + 1, Scalar *);
  Scalar **root = results(s, pass_autodiff(p->gradient, s->a), NULL, 0);
  const Graph *value = pass_autodiff(p->value, s->a);
  uint64_t state = 9;
  *want = 0, *scale = 1, *numeric = NAN;
  if (!root) return true; // a fault of the program: check_passes sees it
  for (uint32_t i = 0; i < p->n_targets; i++) {
    Shape shape = *graph_node(p->gradient, p->gradient->roots[1 + i])->shape;
    size_t count = (size_t)shape_elements(&shape, s->n);
    way[i] = ARENA_ARRAY(s->a, count + 1, Scalar), more[i] = ARENA_ARRAY(s->a, count + 1, Scalar);
    for (size_t k = 0; k < count; k++) {
      way[i][k] = drawn(DT_F64, false, &state);
      *want += way[i][k].f * root[1 + i][k].f;
      *scale += fabs(way[i][k].f * root[1 + i][k].f);
    }
  }
  for (uint32_t i = 0; i < p->n_held; i++) more[p->n_targets + i] = root[1 + p->n_targets + i];
  steps[3] =
      fmin(1e-8, 3e-3 / *scale); // of a loop that multiplies what it is given, bounded by functions that bend
  for (int k = 0; k < 4; k++) {
    double at[2];
    for (int side = 0; side < 2; side++) {
      for (uint32_t i = 0; i < p->n_targets; i++) {
        Shape shape = *graph_node(p->gradient, p->gradient->roots[1 + i])->shape;
        for (int64_t j = 0; j < shape_elements(&shape, s->n); j++)
          more[i][j].f = (side ? -steps[k] : steps[k]) * way[i][j].f;
      }
      Scalar **e = results(s, value, more, n_more);
      at[side] = e ? e[0]->f : NAN;
    }
    double v = (at[0] - at[1]) / (2 * steps[k]);
    if (k == 0) *numeric = v;
    if (fabs(v - *want) <= TOLERANCE * *scale) return true;
  }
  return false;
}

void check_slopes(const Program *p, const Function *f, Scalar *const *stores, int64_t n, Report *r) {
  for (NodeId id = 0; id < f->g->len && r->outcome == FINE; id++) {
    const Node *d = graph_node(f->g, id);
    Slope s = {p, f, stores, n, arena_new()};
    if (d->op == OP_GRAD && comparable(f->g, d, s.a)) {
      double want, numeric, scale;
      Probe probe = probe_gradient(f->g, f->n_inputs, id, &(Declared){0}, s.a);
      bool can = !probe.why_not && !probe.cut_in_loop &&
                 f->n_inputs + probe.n_targets + probe.n_held <= MAX_ARGUMENTS;
      r->slopes += can;
      if (can && !agrees(&s, &probe, &want, &numeric, &scale))
        differs(r, isnan(numeric) ? "no number" : "slope",
                "%s, N = %d: gradient %%%u has the slope %.10g, differences give %.10g (scale %.3g)", f->name,
                (int)n, id, want, numeric, scale);
    }
    arena_free(s.a);
  }
}
