// Labels as a scope of their own: reading patterns, sizes, and the moves of labelled tensors that einsum,
// rearrange and reduce share.
#include "frontend/labels.h"

#include "ir/base/nearest.h"

uint64_t labelled_mask(const Labelled *x) {
  uint64_t m = 0;
  for (uint32_t i = 0; i < x->n; i++) m |= label_bit(x->id[i]);
  return m;
}

// ---- names

Labels labels_new(const char *form) { return (Labels){.form = form, .n = MAX_RANK}; }

int label_find(const Labels *l, const char *name) {
  for (uint32_t i = MAX_RANK; i < l->n; i++)
    if (l->name[i] == name) return (int)i;
  return -1;
}

static const char *nearest_label(const Labels *l, const char *name) {
  Nearest n = nearest_to(name);
  for (uint32_t i = MAX_RANK; i < l->n; i++) nearest_try(&n, l->name[i]);
  return n.best;
}

// ---- patterns

static bool bad_label(Elab *e, const Labels *l, Span at, bool groups) {
  Diag *g = err(e, DIAG_E0221, at, "a label of `%s` is a name", l->form);
  if (groups)
    diag_note(g, "`h * e` stands for one axis of `h` times `e` elements, `1` for one of size 1");
  else
    diag_note(g, "axes are divided and joined by `rearrange`");
  return false;
}

static bool too_many_factors(Elab *e, const Labels *l, Span at) {
  err(e, DIAG_E0221, at, "more than %d labels in one `[...]` of `%s`", MAX_FACTORS, l->form);
  return false;
}

static bool add_factor(Elab *e, const Labels *l, LabelPattern *p, uint32_t id, Span at) {
  if (p->n_ids == MAX_FACTORS) return too_many_factors(e, l, at);
  p->id[p->n_ids] = (uint8_t)id;
  p->at[p->n_ids++] = at;
  return true;
}

static bool operand_label(Elab *e, Labels *l, const Expr *x, LabelPattern *p) {
  int id = label_find(l, x->u.name);
  if (id < 0 && l->n == MAX_LABELS) {
    err(e, DIAG_E0221, x->span, "`%s` has at most %d labels", l->form, MAX_LABELS - MAX_RANK);
    return false;
  }
  if (id < 0) {
    id = (int)l->n++;
    l->name[id] = x->u.name;
  }
  return add_factor(e, l, p, (uint32_t)id, x->span);
}

static bool result_label(Elab *e, Labels *l, const Expr *x, LabelPattern *p) {
  int id = label_find(l, x->u.name);
  if (id < 0) {
    Diag *g = err(e, DIAG_E0222, x->span, "no operand has the label `%s`", x->u.name);
    const char *near = nearest_label(l, x->u.name);
    if (near) diag_label(g, "did you mean `%s`?", near);
    return false;
  }
  for (uint32_t i = 0; i < p->n_ids; i++)
    if (p->id[i] == id) {
      Diag *g = err(e, DIAG_E0222, x->span, "the label `%s` stands twice in the result", x->u.name);
      diag_also(g, p->at[i], "the first time");
      return false;
    }
  return add_factor(e, l, p, (uint32_t)id, x->span);
}

typedef bool AddLabel(Elab *e, Labels *l, const Expr *x, LabelPattern *p);

static bool add_factors(Elab *e, Labels *l, const Expr *x, bool groups, LabelPattern *p, AddLabel *add) {
  if (x->kind == EX_NAME && x->u.name != e->n_discard) return add(e, l, x, p);
  if (groups && x->kind == EX_INT && x->u.i.value == 1 && !x->u.i.too_big) return true;
  if (groups && x->kind == EX_BINARY && x->u.bin.op == BIN_MUL)
    return add_factors(e, l, x->u.bin.left, groups, p, add) &&
           add_factors(e, l, x->u.bin.right, groups, p, add);
  return bad_label(e, l, x->span, groups);
}

static bool add_group(Elab *e, Labels *l, const Expr *x, bool groups, LabelPattern *p, AddLabel *add) {
  if (p->n == MAX_RANK) {
    diag_label(err(e, DIAG_E0221, x->span, "a tensor has at most %d axes", MAX_RANK), "one label too many");
    return false;
  }
  Group *g = &p->group[p->n++];
  *g = (Group){p->n_ids, 0, x->span};
  if (!add_factors(e, l, x, groups, p, add)) return false;
  g->n = p->n_ids - g->first;
  return true;
}

static bool dots_first(Elab *e, Span at, uint32_t i, LabelPattern *p) {
  p->dots = true;
  if (i == 0) return true;
  diag_label(err(e, DIAG_E0221, at, "`...` stands for leading axes"), "write it first");
  return false;
}

bool labels_of_operand(Elab *e, Labels *l, const Expr *x, bool groups, LabelPattern *p) {
  *p = (LabelPattern){.span = x->span};
  if (x->kind != EX_INDEX) {
    bool alone = x->kind == EX_LIST; // `[i, j]`
    bool composed = x->kind == EX_BINARY || x->kind == EX_UNARY;
    Diag *g = err(e, DIAG_E0221, x->span,
                  alone ? "an operand of `%s` is missing" : "an operand of `%s` needs labels", l->form);
    diag_label(g, alone      ? "labels follow their operand: `x[i, j]`"
                  : composed ? "one for each axis, behind brackets: `(x + y)[i, j]`"
                             : "one for each axis: `x[i, j]`");
    return false;
  }
  for (uint32_t i = 0; i < x->u.index.n; i++) {
    const Sub *s = &x->u.index.subs[i];
    bool ok = s->kind == SUB_ELLIPSIS ? dots_first(e, s->span, i, p)
              : s->kind == SUB_INDEX  ? add_group(e, l, s->index, groups, p, operand_label)
                                      : bad_label(e, l, s->span, groups);
    if (!ok) return false;
  }
  return true;
}

// A group for each of the leading axes, before the others.
static void lead_groups(LabelPattern *p, uint32_t lead) {
  memmove(p->group + lead, p->group, p->n * sizeof *p->group);
  memmove(p->id + lead, p->id, p->n_ids * sizeof *p->id);
  memmove(p->at + lead, p->at, p->n_ids * sizeof *p->at);
  for (uint32_t i = 0; i < p->n; i++) p->group[lead + i].first += lead;
  for (uint32_t i = 0; i < lead; i++) {
    p->group[i] = (Group){i, 1, p->span};
    p->at[i] = p->span;
    p->id[i] = (uint8_t)(lead - 1 - i);
  }
  p->n += lead;
  p->n_ids += lead;
}

bool labels_of_result(Elab *e, Labels *l, const Type *t, bool groups, bool has_dots, uint32_t lead,
                      LabelPattern *p) {
  *p = (LabelPattern){.span = t->span};
  for (uint32_t i = 0; i < t->n_dims; i++) {
    const DimSpec *d = &t->dims[i];
    if (d->kind == DIM_ELLIPSIS && !has_dots) {
      err(e, DIAG_E0222, d->span, "no operand has `...`");
      return false;
    }
    bool ok = d->kind == DIM_ELLIPSIS ? dots_first(e, d->span, i, p)
              : d->kind == DIM_EXPR   ? add_group(e, l, d->expr, groups, p, result_label)
                                      : bad_label(e, l, d->span, groups);
    if (!ok) return false;
  }
  if (!p->dots) return true;
  if (p->n_ids + lead > MAX_FACTORS) return too_many_factors(e, l, t->span);
  if (p->n + lead > MAX_RANK) {
    diag_label(err(e, DIAG_E0221, t->span, "a tensor has at most %d axes", MAX_RANK), "%u here", p->n + lead);
    return false;
  }
  lead_groups(p, lead);
  return true;
}

bool labels_fit_rank(Elab *e, const Labels *l, LabelPattern *p, const Shape *s) {
  if (p->dots ? p->n <= s->rank : p->n == s->rank) {
    uint32_t lead = s->rank - p->n;
    if (p->n_ids + lead > MAX_FACTORS) return too_many_factors(e, l, p->span);
    lead_groups(p, lead);
    return true;
  }
  Diag *g = err(e, DIAG_E0221, p->span, "`%s` wants one label for each axis", l->form);
  diag_label(g, "%s%u for %s", p->dots ? "at least " : "", p->n, shape_text(e, s));
  return false;
}

// ---- sizes

bool label_size(Elab *e, Labels *l, uint32_t id, Dim size, Span at, const char *shape) {
  bool leading = id < MAX_RANK, known = l->sized & label_bit(id);
  if (known && dim_eq(l->size[id], size)) return true;
  if (known && leading && dim_is(size, 1)) return true; // stretches
  if (!known || (leading && dim_is(l->size[id], 1))) {
    l->size[id] = size;
    l->from[id] = at;
    l->of[id] = shape;
    l->sized |= label_bit(id);
    return true;
  }
  Diag *g = leading ? err(e, DIAG_E0203, at, "leading axes do not fit in `%s`", l->form)
                    : err(e, DIAG_E0203, at, "the label `%s` has two sizes", l->name[id]);
  diag_label(g, "%s in %s", dim_text(e, size), shape);
  diag_also(g, l->from[id], "%s in %s", dim_text(e, l->size[id]), l->of[id]);
  size_origin(e, g, size);
  size_origin(e, g, l->size[id]);
  return false;
}

// ---- moves

// Axis k of x, whose label stands at i before, goes: the elements where both indices are equal.
static Labelled one_diagonal(Elab *e, Labelled x, uint32_t i, uint32_t k) {
  Builder *b = &e->fn->b;
  uint8_t perm[MAX_RANK] = {0}, id[MAX_RANK] = {0};
  uint32_t n = 0;
  perm[n++] = (uint8_t)i;
  perm[n++] = (uint8_t)k;
  for (uint32_t a = 0; a < x.n; a++)
    if (a != i && a != k) perm[n++] = (uint8_t)a;
  for (uint32_t a = 0; a < n; a++) id[a] = x.id[perm[a]];
  NodeId t = b_transpose(b, x.node, perm);
  Shape s = {.rank = 1, .d = {node_of(e, t)->shape->d[0]}};
  Labelled r = {.node = b_gather(b, t, b_iota(b, DT_I32, s, 0), 1, 1), .n = x.n - 1, .id = {id[0]}};
  for (uint32_t a = 2; a < n; a++) r.id[a - 1] = id[a];
  return r;
}

Labelled labelled_diagonal(Elab *e, Labelled x) {
  for (uint32_t i = 0; i < x.n; i++)
    for (uint32_t k = i + 1; k < x.n; k++)
      if (x.id[i] == x.id[k]) return labelled_diagonal(e, one_diagonal(e, x, i, k));
  return x;
}

Labelled labelled_order(Elab *e, Labelled x, const uint8_t *id) {
  uint8_t perm[MAX_RANK] = {0};
  bool moves = false;
  for (uint32_t i = 0; i < x.n; i++) {
    while (x.id[perm[i]] != id[i]) perm[i]++;
    moves |= perm[i] != i;
  }
  Labelled r = {.node = moves ? b_transpose(&e->fn->b, x.node, perm) : x.node, .n = x.n};
  memcpy(r.id, id, x.n);
  return r;
}

Labelled labelled_sum(Elab *e, Labelled x, uint64_t keep) {
  Builder *b = &e->fn->b;
  Labelled r = {.node = x.node};
  uint32_t gone = 0;
  for (uint32_t i = 0; i < x.n; i++)
    if (keep & label_bit(x.id[i]))
      r.id[r.n++] = x.id[i];
    else
      gone |= 1u << i;
  DType t = node_of(e, x.node)->dtype;
  if (gone) r.node = b_cast(b, b_reduce(b, OP_SUM, x.node, gone), t); // products of small integers stay small
  return r;
}
