// rearrange(x[b, t, h * e] -> [b, h, t, e], h = heads) divides, moves and joins axes; reduce(mean, x[...] ->
// [...]) also takes together those that the result leaves out.
#include "frontend/labels.h"

#include <assert.h>

typedef struct Move {
  Labels l;
  LabelPattern from, to;
  Labelled x;
} Move;

// ---- sizes

// `h = heads`: sizes that the operand does not tell.
static bool given_sizes(Elab *e, const NamedList *sizes, Labels *l) {
  for (uint32_t i = 0; i < sizes->len; i++) {
    const Named *s = &sizes->data[i];
    int id = label_find(l, s->name.text);
    Dim d;
    if (id < 0) {
      err(e, DIAG_E0222, s->name.span, "the operand has no label `%s`", s->name.text);
      return false;
    }
    Value v = eval(e, s->value);
    if (v.kind == V_POISON) return false;
    if (!v_as_dim(v, &d)) {
      diag_label(err(e, DIAG_E0202, s->value->span, "the size of a label is a static int"), "this is %s",
                 v_describe(e, v));
      return false;
    }
    if (dim_static(d) && d.b < 1) {
      diag_label(err(e, DIAG_E0224, s->value->span, "the size of a label is at least 1"), "this is %lld",
                 (long long)d.b);
      return false;
    }
    if (l->sized & label_bit((uint32_t)id)) {
      err(e, DIAG_E0207, s->name.span, "the size of `%s` is given twice", s->name.text);
      return false;
    }
    label_size(e, l, (uint32_t)id, d, s->value->span, "this argument");
  }
  return true;
}

static bool indivisible(Elab *e, const Group *g, Dim size, Dim parts, const char *shape) {
  Diag *d = err(e, DIAG_E0224, g->span, "the axis does not divide so");
  diag_label(d, "%s in parts of %s", dim_text(e, size), dim_text(e, parts));
  diag_note(d, "the operand is %s", shape);
  return false;
}

// The sizes in a group of several labels: all but one are known, and that one is what is left.
static bool group_sizes(Elab *e, Labels *l, const LabelPattern *p, const Group *g, Dim size,
                        const char *shape) {
  Dim known = dim_of(1), left;
  int open = -1;
  for (uint32_t i = g->first; i < g->first + g->n; i++) {
    uint32_t id = p->id[i];
    if (!(l->sized & label_bit(id))) {
      if (open >= 0) {
        Diag *d = err(e, DIAG_E0224, g->span, "the sizes of this group are not known");
        diag_label(d, "%s elements", dim_text(e, size));
        diag_note(d, "give all but one of them after the result: `%s = 2`, say", l->name[p->id[open]]);
        return false;
      }
      open = (int)i;
    } else if (!dim_mul(known, l->size[id], &known)) {
      return indivisible(e, g, size, l->size[id], shape);
    }
  }
  if (open < 0) return dim_eq(known, size) || indivisible(e, g, size, known, shape);
  if (!dim_div(size, known, &left)) return indivisible(e, g, size, known, shape);
  return label_size(e, l, p->id[open], left, p->at[open], shape);
}

static bool find_sizes(Elab *e, Move *m, const Shape *s, const char *shape) {
  for (uint32_t a = 0; a < s->rank; a++) {
    const Group *g = &m->from.group[a];
    if (g->n == 1 && !label_size(e, &m->l, m->from.id[g->first], s->d[a], g->span, shape)) return false;
  }
  for (uint32_t a = 0; a < s->rank; a++) {
    const Group *g = &m->from.group[a];
    if (g->n != 1 && !group_sizes(e, &m->l, &m->from, g, s->d[a], shape)) return false;
  }
  return true;
}

// ---- moves

static bool too_many_axes(Elab *e, Span at) {
  diag_label(err(e, DIAG_E0221, at, "a tensor has at most %d axes", MAX_RANK), "more labels than that");
  return false;
}

// One axis for each label, group after group: a size that is N at one axis stays it at the others.
static bool divide(Elab *e, Move *m) {
  Shape s = *node_of(e, m->x.node)->shape;
  uint32_t axis = 0;
  for (uint32_t a = 0; a < m->from.n; a++) {
    const Group *g = &m->from.group[a];
    Shape t = {0};
    if (s.rank - 1 + g->n > MAX_RANK) return too_many_axes(e, m->from.span);
    for (uint32_t i = 0; i < axis; i++) t.d[t.rank++] = s.d[i];
    for (uint32_t i = g->first; i < g->first + g->n; i++) {
      m->x.id[m->x.n++] = m->from.id[i];
      t.d[t.rank++] = m->l.size[m->from.id[i]];
    }
    for (uint32_t i = axis + 1; i < s.rank; i++) t.d[t.rank++] = s.d[i];
    m->x.node = b_reshape(&e->fn->b, m->x.node, t);
    s = t;
    axis += g->n;
  }
  return true;
}

static NodeId join(Elab *e, const Move *m, NodeId x, bool *ok) {
  *ok = true;
  for (uint32_t a = 0, axis = 0; a < m->to.n; a++, axis++) {
    const Group *g = &m->to.group[a];
    Shape s = *node_of(e, x)->shape, t = {0};
    Dim size = dim_of(1);
    for (uint32_t i = 0; i < g->n; i++)
      if (!dim_mul(size, s.d[axis + i], &size)) {
        diag_label(err(e, DIAG_E0211, g->span, "this size is not of the form a * N + b"), "%s",
                   shape_text(e, &s));
        *ok = false;
        return x;
      }
    if (s.rank + 1 - g->n > MAX_RANK) return *ok = too_many_axes(e, m->to.span), x;
    for (uint32_t i = 0; i < axis; i++) t.d[t.rank++] = s.d[i];
    t.d[t.rank++] = size;
    for (uint32_t i = axis + g->n; i < s.rank; i++) t.d[t.rank++] = s.d[i];
    x = b_reshape(&e->fn->b, x, t);
  }
  return x;
}

// ---- the two forms

// rearrange keeps every element: no label may be missing in the result.
static bool all_kept(Elab *e, const Move *m) {
  uint64_t kept = 0;
  for (uint32_t i = 0; i < m->to.n_ids; i++) kept |= label_bit(m->to.id[i]);
  for (uint32_t i = 0; i < m->from.n_ids; i++) {
    uint32_t id = m->from.id[i];
    if (kept & label_bit(id)) continue;
    Diag *g = id < MAX_RANK
                  ? err(e, DIAG_E0222, m->to.span, "the result leaves out the leading axes")
                  : err(e, DIAG_E0222, m->from.at[i], "the result has no label `%s`", m->l.name[id]);
    diag_note(g, "`rearrange` keeps every element; `reduce(sum, …)` takes axes together");
    return false;
  }
  return true;
}

static const char *const reductions[] = {"sum", "mean", "max", "min", "prod"};
enum { N_REDUCTIONS = sizeof reductions / sizeof *reductions };

static bool known_reduction(Elab *e, const Expr *x) {
  for (uint32_t i = 0; i < N_REDUCTIONS; i++)
    if (strcmp(reductions[i], x->u.rearr.how) == 0) return true;
  const char *near = nearest_of(x->u.rearr.how, reductions, N_REDUCTIONS);
  Diag *g = err(e, DIAG_E0207, x->u.rearr.how_span, "`reduce` takes sum, mean, max, min or prod");
  if (near) diag_label(g, "did you mean `%s`?", near);
  return false;
}

// By the library's function of that name, with its rules for types and empty axes.
static bool take_together(Elab *e, const Expr *x, Move *m) {
  uint64_t keep = 0;
  for (uint32_t i = 0; i < m->to.n_ids; i++) keep |= label_bit(m->to.id[i]);
  Labelled r = {0};
  Values axes = {0};
  for (uint32_t i = 0; i < m->x.n; i++)
    if (keep & label_bit(m->x.id[i]))
      r.id[r.n++] = m->x.id[i];
    else
      vec_push(e->a, &axes, v_int(i));
  Span at = x->u.rearr.operand->span;
  Args args = {.n = 2,
               .names = (const char *[]){NULL, intern(e->names, "axis")},
               .v = (Value[]){v_tensor(e, m->x.node), v_list(e, V_LIST, axes.data, (uint32_t)axes.len)},
               .spans = (Span[]){at, x->u.rearr.how_span},
               .name_spans = (Span[]){at, x->u.rearr.how_span}};
  Binding *f = scope_local(e->std, x->u.rearr.how);
  assert(f && f->v.kind == V_BUILTIN);
  Value v = call_builtin(e, f->v.u.builtin, &args, x, x->span);
  if (v.kind != V_TENSOR) return false;
  r.node = v.u.node;
  m->x = r;
  return true;
}

Value eval_rearrange(Elab *e, const Expr *x) {
  bool reduces = x->kind == EX_REDUCE;
  Move m = {.l = labels_new(reduces ? "reduce" : "rearrange")};
  if (reduces && !known_reduction(e, x)) return v_poison();
  if (!labels_of_operand(e, &m.l, x->u.rearr.operand, true, &m.from)) return v_poison();
  NodeId n = to_node(e, eval(e, x->u.rearr.operand->u.index.base), DT_COUNT, x->u.rearr.operand->span);
  if (n == NO_NODE || !given_sizes(e, &x->u.rearr.sizes, &m.l)) return v_poison();
  Shape s = *node_of(e, n)->shape;
  uint32_t lead = s.rank >= m.from.n ? s.rank - m.from.n : 0;
  if (!labels_fit_rank(e, &m.l, &m.from, &s)) return v_poison();
  if (!labels_of_result(e, &m.l, x->u.rearr.result, true, m.from.dots, lead, &m.to)) return v_poison();
  if (!find_sizes(e, &m, &s, tensor_text(e, n)) || (!reduces && !all_kept(e, &m))) return v_poison();
  e->fn->b.span = user_span(e, x->span);
  m.x.node = n;
  if (!divide(e, &m)) return v_poison();
  m.x = labelled_diagonal(e, m.x);
  if (reduces && !take_together(e, x, &m)) return v_poison();
  bool ok;
  n = join(e, &m, labelled_order(e, m.x, m.to.id).node, &ok);
  return ok ? v_tensor(e, n) : v_poison();
}
