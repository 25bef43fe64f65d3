// Windows by their definition in graph.h: every window is walked, an element outside the input is not there.
#include "ir/eval_impl.h"

#include <math.h>

// Window element k of the window at `out` in an operand of sizes s: its offset, -1 outside.
static int64_t element(const Node *n, const Sizes *s, const int64_t *out, const int64_t *k) {
  const WindowAttr *w = n->attr.window;
  int64_t at = 0;
  for (uint32_t i = 0; i < s->rank; i++) {
    int64_t p = out[i] * w->stride[i] + k[i] - w->lo[i];
    if (p < 0 || p >= s->d[i]) return -1;
    at += p * s->stride[i];
  }
  return at;
}

static Walk walk_of(const int64_t *d, uint32_t rank) {
  Walk w = {.rank = rank};
  for (uint32_t i = 0; i < rank; i++) w.d[i] = d[i];
  return w;
}

static int64_t elements_of(const Node *n, uint32_t rank) {
  int64_t count = 1;
  for (uint32_t i = 0; i < rank; i++) count *= n->attr.window->window[i];
  return count;
}

static void add_to(DType t, Scalar *to, Scalar v) {
  if (dtype_is_real(t))
    to->f += v.f;
  else
    to->i = dtype_wrap(t, (int64_t)((uint64_t)to->i + (uint64_t)v.i));
}

typedef struct Windows {
  Sizes x, out; // the large and the small side
  int64_t count, per_window;
} Windows;

static Windows windows(const Eval *e, const Node *n, const Shape *x, const Shape *out) {
  return (Windows){eval_sizes(e, x), eval_sizes(e, out), eval_count(e, out), elements_of(n, x->rank)};
}

static void round_all(const Eval *e, const Node *n, Scalar *out) {
  int64_t count = eval_count(e, n->shape);
  for (int64_t i = 0; i < count && dtype_is_real(n->dtype); i++) out[i] = eval_real(e, n->dtype, out[i].f);
}

// Adds every element of every window to its window's sum, or the other way round.
static void sum_windows(Eval *e, const Node *n, const Windows *s, bool back, Scalar *out) {
  const Scalar *from = eval_value(e, n, 0);
  Walk o = walk_of(s->out.d, s->out.rank);
  for (int64_t i = 0; i < s->count; i++, walk_next(&o)) {
    Walk k = walk_of(n->attr.window->window, s->x.rank);
    for (int64_t j = 0; j < s->per_window; j++, walk_next(&k)) {
      int64_t at = element(n, &s->x, o.index, k.index);
      if (at >= 0) add_to(n->dtype, &out[back ? at : i], from[back ? i : at]);
    }
  }
  round_all(e, n, out);
}

void eval_box(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Windows s = windows(e, n, eval_in(e, n, 0)->shape, n->shape);
  sum_windows(e, n, &s, false, out);
}

void eval_debox(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Windows s = windows(e, n, n->shape, eval_in(e, n, 0)->shape);
  sum_windows(e, n, &s, true, out);
}

// The first NaN goes before everything.
static bool larger(DType t, Scalar v, Scalar best) {
  if (!dtype_is_real(t)) return v.i > best.i;
  return isnan(v.f) ? !isnan(best.f) : v.f > best.f;
}

void eval_argwindow(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Windows s = windows(e, n, eval_in(e, n, 0)->shape, n->shape);
  const Scalar *x = eval_value(e, n, 0);
  Walk o = walk_of(s.out.d, s.out.rank);
  for (int64_t i = 0; i < s.count; i++, walk_next(&o)) {
    Walk k = walk_of(n->attr.window->window, s.x.rank);
    int64_t best = -1;
    for (int64_t j = 0; j < s.per_window; j++, walk_next(&k)) {
      int64_t at = element(n, &s.x, o.index, k.index);
      if (at < 0 || (best >= 0 && !larger(eval_in(e, n, 0)->dtype, x[at], x[best]))) continue;
      best = at;
      out[i].i = j;
    }
  }
}

// The offset of the element that the index of window i names.
static int64_t named(const Node *n, const Windows *s, const Walk *o, int64_t j) {
  int64_t k[MAX_RANK];
  for (uint32_t i = s->x.rank; i-- > 0;) {
    k[i] = j % n->attr.window->window[i];
    j /= n->attr.window->window[i];
  }
  return element(n, &s->x, o->index, k);
}

void eval_sample(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Windows s = windows(e, n, eval_in(e, n, 0)->shape, n->shape);
  const Scalar *x = eval_value(e, n, 0), *index = eval_value(e, n, 1);
  Walk o = walk_of(s.out.d, s.out.rank);
  for (int64_t i = 0; i < s.count; i++, walk_next(&o)) {
    int64_t at = named(n, &s, &o, index[i].i);
    if (at >= 0) out[i] = x[at];
  }
}

void eval_desample(Eval *e, NodeId id, const Node *n, Scalar *out) {
  (void)id;
  Windows s = windows(e, n, n->shape, eval_in(e, n, 0)->shape);
  const Scalar *g = eval_value(e, n, 0), *index = eval_value(e, n, 1);
  Walk o = walk_of(s.out.d, s.out.rank);
  for (int64_t i = 0; i < s.count; i++, walk_next(&o)) {
    int64_t at = named(n, &s, &o, index[i].i);
    if (at >= 0) add_to(n->dtype, &out[at], g[i]);
  }
  round_all(e, n, out);
}
