// einsum(a[b, i, k], b[b, k, j] -> [b, i, j]): diagonals first, then one operand after the other is
// multiplied in, from left to right; a label that neither the result nor a later operand has is summed away
// at once. What comes out are transposes, sums, products and dots, so derivatives need nothing of their own.
#include "frontend/labels.h"

typedef struct Einsum {
  Labels l;
  Labelled *x; // operands
  LabelPattern *p;
  uint32_t n;
  LabelPattern result;
  uint8_t want[MAX_RANK]; // the result's labels
  Span span;
} Einsum;

// Only a scalar has no labels to write.
static bool is_scalar(const Elab *e, Value v) {
  return v_is_number(v) || v.kind == V_DIM || (v.kind == V_TENSOR && node_of(e, v.u.node)->shape->rank == 0);
}

static bool operands(Elab *e, const Expr *x, Einsum *s) {
  const ExprList *list = &x->u.einsum.operands;
  s->n = list->len;
  s->x = ARENA_ARRAY(e->a, s->n, Labelled);
  s->p = ARENA_ARRAY(e->a, s->n, LabelPattern);
  Value *v = ARENA_ARRAY(e->a, s->n, Value);
  NodeId *node = ARENA_ARRAY(e->a, s->n, NodeId);
  for (uint32_t i = 0; i < s->n; i++)
    if ((list->data[i]->kind == EX_INDEX || list->data[i]->kind == EX_LIST) &&
        !labels_of_operand(e, &s->l, list->data[i], false, &s->p[i]))
      return false;
  bool ok = true;
  for (uint32_t i = 0; i < s->n; i++) {
    const Expr *o = list->data[i];
    v[i] = eval(e, o->kind == EX_INDEX ? o->u.index.base : o);
    ok &= v[i].kind != V_POISON;
    if (v[i].kind == V_INSTANCE || v[i].kind == V_LAYER || v[i].kind == V_FN ||
        (v[i].kind == V_TUPLE && v_graph_bound(v[i]))) // says what it is
      return to_node(e, v[i], DT_COUNT, o->kind == EX_INDEX ? o->u.index.base->span : o->span), false;
    if (ok && o->kind != EX_INDEX && !is_scalar(e, v[i])) // says that labels are missing
      return labels_of_operand(e, &s->l, o, false, &s->p[i]);
  }
  if (!ok || !unify(e, v, node, s->n, false, x->span, "einsum")) return false;
  for (uint32_t i = 0; i < s->n; i++) {
    s->x[i].node = node[i];
    if (node_of(e, node[i])->dtype != DT_MASK) continue;
    Diag *g = err(e, DIAG_E0204, list->data[i]->span, "`einsum` does not exist for masks");
    diag_label(g, "this is %s", tensor_text(e, node[i]));
    diag_note(g, "convert with `cast(x, real)`");
    return false;
  }
  return true;
}

// Labels on every axis, and one size for each label.
static bool sizes(Elab *e, Einsum *s, bool *has_dots, uint32_t *lead) {
  *has_dots = false;
  *lead = 0;
  for (uint32_t i = 0; i < s->n; i++) {
    LabelPattern *p = &s->p[i];
    Labelled *x = &s->x[i];
    Shape shape = *node_of(e, x->node)->shape;
    uint32_t named = p->n;
    if (!labels_fit_rank(e, &s->l, p, &shape)) return false;
    *has_dots |= p->dots;
    const char *text = tensor_text(e, x->node);
    if (shape.rank - named > *lead) *lead = shape.rank - named;
    for (uint32_t a = 0; a < shape.rank; a++) {
      x->id[x->n++] = p->id[p->group[a].first];
      if (!label_size(e, &s->l, x->id[a], shape.d[a], p->group[a].span, text)) return false;
    }
  }
  return true;
}

// The classic typo: a label of one operand that nothing else has.
static bool nothing_lost(Elab *e, const Einsum *s, bool has_dots) {
  if (has_dots && !s->result.dots) {
    Diag *g = err(e, DIAG_E0223, s->result.span, "the result leaves out the leading axes");
    diag_note(g, "`...` stands for leading axes on both sides");
    return false;
  }
  uint32_t times[MAX_LABELS] = {0};
  for (uint32_t i = 0; i < s->n; i++)
    for (uint32_t k = 0; k < s->p[i].n_ids; k++) times[s->p[i].id[k]]++;
  for (uint32_t k = 0; k < s->result.n_ids; k++) times[s->result.id[k]]++;
  for (uint32_t i = 0; i < s->n; i++)
    for (uint32_t k = 0; k < s->p[i].n_ids; k++) {
      uint32_t id = s->p[i].id[k];
      if (id < MAX_RANK || times[id] > 1) continue;
      Diag *g = err(e, DIAG_E0223, s->p[i].at[k], "the label `%s` stands only here", s->l.name[id]);
      diag_label(g, "its axis would be summed away");
      diag_note(g, "if that is meant, take `sum(x, axis = …)` of the operand, or `reduce(sum, …)`");
      return false;
    }
  return true;
}

// A leading axis of size 1 where another operand has more: it goes, and the product stretches.
static Labelled drop_stretched(Elab *e, const Labels *l, Labelled x) {
  Shape s = *node_of(e, x.node)->shape, kept = {0};
  Labelled r = {.node = x.node};
  for (uint32_t i = 0; i < x.n; i++) {
    if (!dim_eq(s.d[i], l->size[x.id[i]])) continue;
    kept.d[kept.rank++] = s.d[i];
    r.id[r.n++] = x.id[i];
  }
  r.node = b_reshape(&e->fn->b, x.node, kept);
  return r;
}

// ---- a product of two

static bool room(Elab *e, const Einsum *s, uint64_t labels) {
  Shape shape = {0};
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->l.n; i++) {
    if (!(labels & label_bit(i))) continue;
    if (n < MAX_RANK) shape.d[shape.rank++] = s->l.size[i];
    n++;
  }
  if (n <= MAX_RANK) return check_elements(e, &shape, s->span);
  Diag *g = err(e, DIAG_E0221, s->span, "a product inside this `einsum` has more than %d axes", MAX_RANK);
  diag_label(g, "%u axes", n);
  diag_note(g, "operands are multiplied from left to right: change their order, or make two of it");
  return false;
}

// x with an axis for each of n labels: size 1 where x has none.
static NodeId spread(Elab *e, Labelled x, const uint8_t *id, uint32_t n) {
  uint8_t own[MAX_RANK] = {0};
  uint32_t k = 0;
  for (uint32_t i = 0; i < n; i++)
    if (labelled_mask(&x) & label_bit(id[i])) own[k++] = id[i];
  x = labelled_order(e, x, own);
  Shape s = *node_of(e, x.node)->shape, t = {.rank = n};
  k = 0;
  for (uint32_t i = 0; i < n; i++) t.d[i] = k < x.n && x.id[k] == id[i] ? s.d[k++] : dim_of(1);
  return b_reshape(&e->fn->b, x.node, t);
}

static Labelled elementwise(Elab *e, Labelled x, Labelled y, const uint8_t *want) {
  Labelled r = {0};
  for (uint32_t i = 0; i < x.n; i++) r.id[r.n++] = x.id[i];
  for (uint32_t i = 0; i < y.n; i++)
    if (!(labelled_mask(&x) & label_bit(y.id[i]))) r.id[r.n++] = y.id[i];
  if (want) memcpy(r.id, want, r.n);
  NodeId a = spread(e, x, r.id, r.n), b = spread(e, y, r.id, r.n);
  r.node = b_ew2(&e->fn->b, OP_MUL, a, b);
  return r;
}

static uint8_t axis_of(const Labelled *x, uint8_t id) {
  uint8_t a = 0;
  while (x->id[a] != id) a++;
  return a;
}

// Axes of the dot: batch, then those of x alone, then those of y alone.
static void dot_labels(const Labelled *x, const Labelled *y, uint64_t keep, const uint8_t *want,
                       uint32_t n_want, Labelled *r, uint32_t *n_batch) {
  uint64_t both = labelled_mask(x) & labelled_mask(y) & keep;
  *r = (Labelled){0};
  for (uint32_t i = 0; want && i < n_want; i++)
    if (both & label_bit(want[i])) r->id[r->n++] = want[i];
  for (uint32_t i = 0; !want && i < x->n; i++)
    if (both & label_bit(x->id[i])) r->id[r->n++] = x->id[i];
  *n_batch = r->n;
  for (uint32_t i = 0; i < x->n; i++)
    if (!(labelled_mask(y) & label_bit(x->id[i]))) r->id[r->n++] = x->id[i];
  for (uint32_t i = 0; i < y->n; i++)
    if (!(labelled_mask(x) & label_bit(y->id[i]))) r->id[r->n++] = y->id[i];
}

static Labelled dot(Elab *e, Labelled x, Labelled y, uint64_t keep, const uint8_t *want, uint32_t n_want) {
  Labelled r, other;
  uint32_t n_batch;
  dot_labels(&y, &x, keep, want, n_want, &other, &n_batch);
  dot_labels(&x, &y, keep, want, n_want, &r, &n_batch);
  // The order of the operands that leaves the axes as the result wants them, if one does.
  if (want && memcmp(r.id, want, r.n) != 0 && memcmp(other.id, want, r.n) == 0) {
    Labelled t = x;
    x = y, y = t, r = other;
  }
  Attr attr = {0};
  attr.dot.nb = (uint8_t)n_batch;
  for (uint32_t i = 0; i < n_batch; i++) {
    attr.dot.lb[i] = axis_of(&x, r.id[i]);
    attr.dot.rb[i] = axis_of(&y, r.id[i]);
  }
  uint64_t inner = labelled_mask(&x) & labelled_mask(&y) & ~keep;
  for (uint32_t i = 0; i < x.n; i++) {
    if (!(inner & label_bit(x.id[i]))) continue;
    attr.dot.lc[attr.dot.nc] = (uint8_t)i;
    attr.dot.rc[attr.dot.nc++] = axis_of(&y, x.id[i]);
  }
  r.node = b_dot(&e->fn->b, x.node, y.node, &attr);
  return r;
}

// keep: the labels of the result and of the operands still to come; `want`: the result's order, at the last.
static bool multiply(Elab *e, const Einsum *s, Labelled x, Labelled y, uint64_t keep, bool last,
                     Labelled *out) {
  x = labelled_sum(e, x, keep | labelled_mask(&y));
  y = labelled_sum(e, y, keep | labelled_mask(&x));
  if (!room(e, s, (labelled_mask(&x) | labelled_mask(&y)) & keep)) return false;
  const uint8_t *want = last ? s->want : NULL;
  bool inner = labelled_mask(&x) & labelled_mask(&y) & ~keep;
  *out = inner ? dot(e, x, y, keep, want, s->result.n) : elementwise(e, x, y, want);
  return true;
}

Value eval_einsum(Elab *e, const Expr *x) {
  Einsum s = {.l = labels_new("einsum"), .span = x->span};
  bool has_dots;
  uint32_t lead;
  if (!operands(e, x, &s)) return v_poison();
  e->fn->b.span = user_span(e, x->span);
  if (!sizes(e, &s, &has_dots, &lead)) return v_poison();
  if (!labels_of_result(e, &s.l, x->u.einsum.result, false, has_dots, lead, &s.result)) return v_poison();
  if (!nothing_lost(e, &s, has_dots)) return v_poison();
  for (uint32_t i = 0; i < s.result.n; i++) s.want[i] = s.result.id[s.result.group[i].first];
  for (uint32_t i = 0; i < s.n; i++) s.x[i] = labelled_diagonal(e, drop_stretched(e, &s.l, s.x[i]));
  uint64_t *needed = ARENA_ARRAY(e->a, s.n, uint64_t); // by the result and the operands after the i-th
  for (uint32_t k = 0; k < s.result.n; k++) needed[s.n - 1] |= label_bit(s.want[k]);
  for (uint32_t i = s.n - 1; i-- > 0;) needed[i] = needed[i + 1] | labelled_mask(&s.x[i + 1]);
  Labelled r = s.x[0];
  for (uint32_t i = 1; i < s.n; i++)
    if (!multiply(e, &s, r, s.x[i], needed[i], i + 1 == s.n, &r)) return v_poison();
  r = labelled_sum(e, r, needed[s.n - 1]);
  return v_tensor(e, labelled_order(e, r, s.want).node);
}
