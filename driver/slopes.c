#include "driver/slopes.h"

#include "driver/descriptor.h"
#include "passes/passes.h"

#include <math.h>

static const double TOLERANCE = 1e-5; // as gradcheck's

typedef struct Trial {
  const Point *at;
  const Graph *value; // expanded
  uint32_t n_targets;
  Scalar **gradient;   // by target
  size_t *count;       // elements of it
  const Scalar **more; // steps, then what is held
  Scalar **step;       // those of the targets
  uint32_t n_more;
  double base; // the value without steps
  bool flat;
} Trial;

// A way to go: `u` times the step for each element of the targets from `first` to `last`; one element alone
// when that is not negative.
typedef struct Way {
  uint32_t first, last;
  int64_t element;
  uint32_t seed;
  double length;       // of the way's steps: 1 / the root of their number
  double slope, scale; // the gradient along it, and the size of what that is summed from
} Way;

static double along(const Way *w, uint32_t target, size_t k) {
  if (w->element >= 0) return 1;
  return w->length * (2 * point_draw(w->seed + target, (uint32_t)k) - 1);
}

static double value(Trial *t) {
  Arena *a = arena_new();
  Scalar *root;
  double v = point_eval(t->at, t->value, t->more, t->n_more, &root, a) ? root->f : NAN;
  arena_free(a);
  return v;
}

static void set_steps(Trial *t, const Way *w, double h) {
  for (uint32_t i = w->first; i < w->last; i++) {
    size_t begin = w->element < 0 ? 0 : (size_t)w->element, end = w->element < 0 ? t->count[i] : begin + 1;
    for (size_t k = begin; k < end; k++) t->step[i][k].f = h == 0 ? 0 : h * along(w, i, k);
  }
}

static double value_at(Trial *t, const Way *w, double h) {
  set_steps(t, w, h);
  double v = value(t);
  set_steps(t, w, 0);
  return v;
}

// ---- one comparison

enum { RIGHT, KINK, WRONG };
enum { STEPS = 4, TOGETHER = 3 };

typedef struct Verdict {
  int kind;
  double numeric, error;
} Verdict;

// What rounding alone makes of a slope, over TOLERANCE.
static double noise(const Trial *t, double h) { return 1e-14 * (1 + fabs(t->base)) / h / TOLERANCE; }

static double relative(double x, double y, double scale) {
  return fabs(x - y) / fmax(fmax(fabs(x), fabs(y)), scale);
}

// The slopes to both sides with a step and one ten times smaller; a bend at x keeps them apart.
static bool is_kink(const Trial *t, const Way *w, const double up[2], const double down[2], double h) {
  if (!isfinite(w->slope)) return false;
  if (isfinite(up[1]) != isfinite(down[1])) { // the edge of where it is defined
    double one = isfinite(up[1]) ? up[1] : down[1];
    return relative(one, w->slope, w->scale + noise(t, h)) < 1e-3;
  }
  double gap = fabs(up[1] - down[1]), low = fmin(up[1], down[1]), high = fmax(up[1], down[1]);
  double slack = 1e-3 * gap + TOLERANCE * (noise(t, h) + w->scale);
  bool apart = gap > 1e-3 * fmax(fabs(up[1]), fabs(down[1])) + 10 * TOLERANCE * noise(t, h);
  bool stays = gap > 0.3 * fabs(up[0] - down[0]);
  return apart && stays && w->slope >= low - slack && w->slope <= high + slack;
}

static Verdict judge(Trial *t, const Way *w) {
  Verdict best = {WRONG, NAN, INFINITY};
  double up[2] = {0}, down[2] = {0}, h = 1e-5;
  for (int i = 0; i < STEPS; i++, h /= 10) {
    double above = value_at(t, w, h), below = value_at(t, w, -h), numeric = (above - below) / (2 * h);
    double error = relative(w->slope, numeric, w->scale + noise(t, h));
    up[0] = up[1], down[0] = down[1];
    up[1] = (above - t->base) / h, down[1] = (t->base - below) / h;
    if (numeric != 0) t->flat = false;
    if (isnan(best.numeric) || error < best.error)
      best = (Verdict){WRONG, numeric, isnan(error) ? INFINITY : error};
    if (best.error <= TOLERANCE) return best.kind = RIGHT, best;
    if (i == 0) continue;
    if (is_kink(t, w, up, down, h)) return best.kind = KINK, best;
  }
  return best;
}

static void take(Slope *s, const Way *w, const Verdict *v) {
  s->compared += v->kind != KINK;
  s->kinks += v->kind == KINK;
  s->wrong += v->kind == WRONG;
  if (v->kind == KINK || (s->compared > 1 && v->error <= s->error)) return;
  s->at = w->element, s->error = v->error, s->gradient = w->slope, s->numeric = v->numeric;
}

// ---- what is compared

static void compare_way(Trial *t, Slope *s, uint32_t first, uint32_t last, uint32_t seed) {
  Way w = {.first = first, .last = last, .element = -1, .seed = seed};
  double squares = 0, n = 0;
  for (uint32_t i = first; i < last; i++) n += (double)t->count[i];
  w.length = 1 / sqrt(n);
  for (uint32_t i = first; i < last; i++)
    for (size_t k = 0; k < t->count[i]; k++) {
      double term = t->gradient[i][k].f * along(&w, i, k);
      w.slope += term;
      squares += term * term;
    }
  w.scale = sqrt(squares);
  Verdict v = judge(t, &w);
  take(s, &w, &v);
}

static void compare_element(Trial *t, Slope *s, uint32_t target, int64_t element) {
  Way w = {.first = target, .last = target + 1, .element = element};
  w.slope = t->gradient[target][element].f;
  Verdict v = judge(t, &w);
  take(s, &w, &v);
}

// The largest gradients that are not chosen yet, then any.
static int64_t next_element(const Trial *t, uint32_t target, uint32_t i, uint32_t most, const bool *chosen) {
  int64_t best = -1, n = (int64_t)t->count[target];
  for (int64_t k = 0; k < n && i < (most + 1) / 2; k++)
    if (!chosen[k] && (best < 0 || !(fabs(t->gradient[target][k].f) <= fabs(t->gradient[target][best].f))))
      best = k;
  if (best >= 0) return best;
  best = (int64_t)(point_draw(500 + target, i) * (double)n);
  while (chosen[best]) best = (best + 1) % n;
  return best;
}

static void compare_target(Trial *t, Slope *s, uint32_t target, uint32_t most, Arena *a) {
  bool *chosen = ARENA_ARRAY(a, t->count[target] + 1, bool);
  for (uint32_t i = 0; i < most && i < t->count[target]; i++) {
    int64_t k = next_element(t, target, i, most, chosen);
    chosen[k] = true;
    compare_element(t, s, target, k);
  }
  if (t->count[target] > most) compare_way(t, s, target, target + 1, 2000);
}

// ---- all of it

static Graph *after_passes(const Point *at, const Graph *g, Arena *a) {
  RootInfo *roots = ARENA_ARRAY(a, g->n_roots, RootInfo);
  for (uint32_t i = 0; i < g->n_roots; i++) roots[i] = (RootInfo){ROOT_RESULT, "gradient"};
  Function f = {.name = "gradient", .kind = at->kind, .g = (Graph *)g, .roots = roots};
  Program p = *at->all->p;
  p.fns = &f;
  p.n_fns = 1;
  passes_run(&p, &(PassOptions){0}, a);
  return f.g;
}

Slopes slopes_compare(const Point *at, const Probe *probe, Effort effort, Arena *a) {
  uint32_t n = probe->n_targets;
  Slopes s = {.target = ARENA_ARRAY(a, n + 1, Slope), .largest = ARENA_ARRAY(a, n + 1, double)};
  Trial t = {.at = at, .n_targets = n, .n_more = n + probe->n_held, .flat = true};
  const Graph *gradient = after_passes(at, probe->gradient, a);
  t.value = pass_autodiff(probe->value, a);
  Scalar **roots = ARENA_ARRAY(a, gradient->n_roots, Scalar *);
  if (!point_eval(at, gradient, NULL, 0, roots, a))
    return s.fault = "an index outside, or a division by zero", s;
  t.gradient = roots + 1;
  t.count = ARENA_ARRAY(a, n + 1, size_t);
  t.more = ARENA_ARRAY(a, t.n_more + 1, const Scalar *);
  t.step = ARENA_ARRAY(a, n + 1, Scalar *);
  for (uint32_t i = 0; i < n; i++) {
    t.count[i] = elements(graph_node(probe->gradient, probe->gradient->roots[i + 1])->shape, at->n);
    t.more[i] = t.step[i] = ARENA_ARRAY(a, t.count[i] + 1, Scalar);
    for (size_t k = 0; k < t.count[i]; k++) s.largest[i] = fmax(s.largest[i], fabs(t.gradient[i][k].f));
  }
  for (uint32_t k = 0; k < probe->n_held; k++) t.more[n + k] = roots[1 + n + k];
  t.base = value(&t);
  if (!isfinite(t.base)) return s.fault = "its value is not finite", s;
  for (uint32_t i = 0; i < n; i += effort.every) compare_target(&t, &s.target[i], i, effort.elements, a);
  for (uint32_t k = 0; k < TOGETHER && n > 1; k++) compare_way(&t, &s.all, 0, n, 3000 + 100 * k);
  s.flat = t.flat;
  return s;
}
