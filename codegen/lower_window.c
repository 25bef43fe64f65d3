// Windows as sums and choices over their taps. Up to MAX_TAPS the taps are written out, each with its guard
// where it may lie outside; a larger sum becomes a reduction.
//
// Seen from the input, position p belongs to the windows i = (p + lo) / stride - t for the taps t = 0, 1, …,
// as their element (p + lo) % stride + t stride, if the window is that large.
#include "codegen/lower_impl.h"

static const Node *node(const Lower *l, NodeId v) { return graph_node(l->g, v); }

typedef struct Taps {
  Lower *l;
  const Node *n;
  const WindowAttr *w;
  const Shape *large, *small; // of the input and of the windows
  const IndexId *at;          // the element of the result
  IndexId to[MAX_RANK];       // a tap's place in the operand, clamped
  IndexId number;             // which element of its window it is
  ExprId there;               // mask
} Taps;

static Taps taps_of(Lower *l, NodeId v, bool back, const IndexId *at) {
  const Node *n = node(l, v), *x = node(l, n->in[0]);
  return (Taps){.l = l,
                .n = n,
                .w = n->attr.window,
                .at = at,
                .large = back ? n->shape : x->shape,
                .small = back ? x->shape : n->shape};
}

static void begin_tap(Taps *t) {
  t->there = x_const(t->l->p, DT_MASK, (Scalar){.i = 1});
  t->number = index_const(t->l->p->index, 0);
}

static void guard(Taps *t, IndexId at, Poly size) {
  t->there = lower_both(t->l, t->there, x_inside(t->l->p, at, size));
}

static void count_in(Taps *t, uint32_t axis, IndexId k) {
  IndexPool *p = t->l->p->index;
  t->number = index_add(p, index_scale(p, t->number, poly_of(t->w->window[axis])), k);
}

// Element k[] of the window at t->at.
static void tap_forward(Taps *t, const IndexId *k) {
  IndexPool *p = t->l->p->index;
  begin_tap(t);
  for (uint32_t i = 0; i < t->large->rank; i++) {
    Poly size = poly_dim(t->large->d[i]);
    IndexId from = index_add(p, k[i], index_const(p, -t->w->lo[i]));
    IndexId x = index_add(p, index_scale(p, t->at[i], poly_of(t->w->stride[i])), from);
    guard(t, x, size);
    t->to[i] = index_clamp(p, x, size);
    count_in(t, i, k[i]);
  }
}

// The tap[]-th window over the element t->at.
static void tap_back(Taps *t, const IndexId *tap) {
  IndexPool *p = t->l->p->index;
  begin_tap(t);
  for (uint32_t i = 0; i < t->large->rank; i++) {
    Poly stride = poly_of(t->w->stride[i]), windows = poly_dim(t->small->d[i]);
    IndexId at = index_add(p, t->at[i], index_const(p, t->w->lo[i]));
    IndexId k = index_add(p, index_mod(p, at, stride), index_scale(p, tap[i], stride));
    IndexId o = index_add(p, index_div(p, at, stride), index_scale(p, tap[i], poly_of(-1)));
    guard(t, k, poly_of(t->w->window[i]));
    guard(t, o, windows);
    t->to[i] = index_clamp(p, o, windows);
    count_in(t, i, k);
  }
}

static ExprId zero(Lower *l, DType t) { return x_const(l->p, t, (Scalar){0}); }

static ExprId plain_tap(Taps *t) {
  ExprId v = lower_value(t->l, t->n->in[0], t->to);
  return x_select(t->l->p, t->there, v, zero(t->l, t->n->dtype));
}

// The window's index names this very element.
static ExprId named_tap(Taps *t) {
  ExprId number = x_index(t->l->p, DT_I32, t->number), index = lower_value(t->l, t->n->in[1], t->to);
  ExprId chosen = x_op(t->l->p, OP_EQ, DT_MASK, (ExprId[]){number, index}, 2, 0);
  ExprId v = lower_value(t->l, t->n->in[0], t->to);
  return x_select(t->l->p, lower_both(t->l, t->there, chosen), v, zero(t->l, t->n->dtype));
}

// The next index combination of sizes d, the last axis fastest.
static void next_of(int64_t *k, const int64_t *d, uint32_t rank) {
  for (uint32_t i = rank; i-- > 0 && ++k[i] == d[i];) k[i] = 0;
}

typedef void Tap(Taps *t, const IndexId *k);
typedef ExprId TapValue(Taps *t);

static void constants(Taps *t, const int64_t *k, IndexId *out) {
  for (uint32_t i = 0; i < t->large->rank; i++) out[i] = index_const(t->l->p->index, k[i]);
}

static ExprId sum_taps(Taps *t, const int64_t *d, Tap *tap, TapValue *value) {
  uint32_t rank = t->large->rank, n_vars = 0;
  int64_t k[MAX_RANK] = {0}, count = 1;
  IndexId at[MAX_RANK] = {0};
  for (uint32_t i = 0; i < rank; i++) count = count > MAX_TAPS ? count : count * d[i];
  if (count > MAX_TAPS) {
    VarId vars[MAX_RANK];
    for (uint32_t i = 0; i < rank; i++)
      at[i] = d[i] > 1 ? lower_fresh(t->l, dim_of(d[i]), &vars[n_vars++]) : index_const(t->l->p->index, 0);
    tap(t, at);
    return x_reduce(t->l->p, OP_SUM, t->n->dtype, value(t), vars, n_vars);
  }
  ExprId sum = NO_EXPR;
  for (int64_t j = 0; j < count; j++, next_of(k, d, rank)) {
    constants(t, k, at);
    tap(t, at);
    ExprId v = value(t);
    sum = sum == NO_EXPR ? v : x_op(t->l->p, OP_ADD, t->n->dtype, (ExprId[]){sum, v}, 2, 0);
  }
  return sum;
}

// How many windows may cover one element, per axis.
static void covering(const Taps *t, int64_t *d) {
  for (uint32_t i = 0; i < t->large->rank; i++) d[i] = (t->w->window[i] - 1) / t->w->stride[i] + 1;
}

ExprId lower_box(Lower *l, NodeId v, const IndexId *at) {
  Taps t = taps_of(l, v, false, at);
  return sum_taps(&t, t.w->window, tap_forward, plain_tap);
}

ExprId lower_debox(Lower *l, NodeId v, const IndexId *at) {
  Taps t = taps_of(l, v, true, at);
  int64_t d[MAX_RANK];
  covering(&t, d);
  return sum_taps(&t, d, tap_back, plain_tap);
}

ExprId lower_desample(Lower *l, NodeId v, const IndexId *at) {
  Taps t = taps_of(l, v, true, at);
  int64_t d[MAX_RANK];
  covering(&t, d);
  return sum_taps(&t, d, tap_back, named_tap);
}

static ExprId compare(Lower *l, Op op, ExprId x, ExprId y) {
  return x_op(l->p, op, DT_MASK, (ExprId[]){x, y}, 2, 0);
}

// v goes before best: larger, or the first NaN.
static ExprId goes_first(Lower *l, DType t, ExprId v, ExprId best) {
  ExprId larger = compare(l, OP_GT, v, best);
  if (!dtype_is_real(t)) return larger;
  ExprId nan = lower_both(l, compare(l, OP_NE, v, v), compare(l, OP_EQ, best, best));
  return x_op(l->p, OP_OR, DT_MASK, (ExprId[]){larger, nan}, 2, 0);
}

// The first element of the window that is inside: its index, its number and its value begin the search.
// Returns the number of the first maximum, *value is its value.
static ExprId first_maximum(Lower *l, NodeId v, const IndexId *at, ExprId *value) {
  Taps t = taps_of(l, v, false, at);
  IndexPool *p = l->p->index;
  DType type = node(l, t.n->in[0])->dtype;
  IndexId first[MAX_RANK] = {0}, k[MAX_RANK] = {0};
  int64_t tap[MAX_RANK] = {0}, count = 1;
  for (uint32_t i = 0; i < t.large->rank; i++) {
    IndexId before =
        index_add(p, index_const(p, t.w->lo[i]), index_scale(p, at[i], poly_of(-t.w->stride[i])));
    first[i] = t.w->lo[i] > 0 ? index_clamp(p, before, poly_of(t.w->window[i])) : index_const(p, 0);
    count *= t.w->window[i];
  }
  tap_forward(&t, first);
  ExprId best = lower_value(l, t.n->in[0], t.to), number = x_index(l->p, DT_I32, t.number);
  for (int64_t j = 0; j < count; j++, next_of(tap, t.w->window, t.large->rank)) {
    constants(&t, tap, k);
    tap_forward(&t, k);
    ExprId here = lower_value(l, t.n->in[0], t.to), mine = x_index(l->p, DT_I32, t.number);
    if (mine == number) continue; // the first
    ExprId wins = lower_both(l, t.there, goes_first(l, type, here, best));
    best = x_select(l->p, wins, here, best);
    number = x_select(l->p, wins, mine, number);
  }
  *value = best;
  return number;
}

ExprId lower_argwindow(Lower *l, NodeId v, const IndexId *at) {
  ExprId value;
  return first_maximum(l, v, at, &value);
}

// The index is that of the maxima of the very windows that are sampled.
static bool samples_maxima(const Lower *l, const Node *n) {
  const Node *index = node(l, lower_resolve(l->g, n->in[1]));
  return index->op == OP_ARGWINDOW && lower_resolve(l->g, index->in[0]) == lower_resolve(l->g, n->in[0]) &&
         memcmp(index->attr.window, n->attr.window, sizeof *n->attr.window) == 0;
}

ExprId lower_sample(Lower *l, NodeId v, const IndexId *at) {
  Taps t = taps_of(l, v, false, at);
  ExprId best;
  if (samples_maxima(l, t.n)) return first_maximum(l, v, at, &best), best;
  IndexPool *p = l->p->index;
  ExprId chosen = lower_value(l, t.n->in[1], at);
  int64_t count = 1;
  Shape window = {.rank = t.large->rank};
  for (uint32_t i = 0; i < window.rank; i++) {
    count *= t.w->window[i];
    window.d[i] = dim_of(t.w->window[i]);
  }
  IndexId k[MAX_RANK] = {0}, number = index_value(p, chosen, poly_of(count), pool_expr(l->p, chosen)->free);
  lower_delinear(l, number, &window, k);
  tap_forward(&t, k);
  return lower_value(l, t.n->in[0], t.to);
}
