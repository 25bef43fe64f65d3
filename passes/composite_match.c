// Top down from the last operation, with the place of each value. Where inputs commute both orders are tried,
// and what the first has bound is forgotten.
#include "passes/composite_match.h"

#include "passes/sexpr.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum PatternKind { P_NAME, P_CONSTANT, P_NUMBER, P_OP, P_MEAN, P_TOTAL, P_FOUND } PatternKind;

struct Pattern {
  PatternKind kind;
  uint32_t name; // NAME
  double number; // NUMBER
  Op op;         // OP
  CompositeKind composite;
  Pattern *in;
  uint32_t n;
};

// ---- patterns from their text

typedef struct Names {
  const char *name[MAX_NAMES];
  uint32_t n;
} Names;

static uint32_t name_index(Names *names, const char *name) {
  for (uint32_t i = 0; i < names->n; i++)
    if (!strcmp(names->name[i], name)) return i;
  assert(names->n < MAX_NAMES);
  names->name[names->n] = name;
  return names->n++;
}

static const char *const kind_names[] = {
#define KIND(name, words) #name,
#define PATTERN(kind, axes, pattern)
#include "passes/composites.def"
#undef KIND
#undef PATTERN
};

static Pattern head_of(const char *head) {
  if (!strcmp(head, "mean")) return (Pattern){.kind = P_MEAN};
  if (!strcmp(head, "total")) return (Pattern){.kind = P_TOTAL};
  for (int k = 0; k < COMPOSITE_KINDS; k++)
    if (!strcmp(head, kind_names[k])) return (Pattern){.kind = P_FOUND, .composite = (CompositeKind)k};
  int op = 0;
  while (op < OP_COUNT && strcmp(op_name((Op)op), head) != 0) op++;
  assert(op < OP_COUNT && "composites.def names an operation");
  return (Pattern){.kind = P_OP, .op = (Op)op};
}

static Pattern compile(const Sexpr *x, Names *names, Arena *a) {
  if (!x->open && x->atom[0] == '?') return (Pattern){.kind = P_NAME, .name = name_index(names, x->atom + 1)};
  if (!x->open && x->atom[0] == '#') return (Pattern){.kind = P_CONSTANT};
  if (!x->open) return (Pattern){.kind = P_NUMBER, .number = strtod(x->atom, NULL)};
  Pattern p = head_of(x->in[0].atom);
  p.n = x->n - 1;
  p.in = ARENA_ARRAY(a, p.n, Pattern);
  for (uint32_t i = 0; i < p.n; i++) p.in[i] = compile(&x->in[i + 1], names, a);
  return p;
}

Pattern *pattern_parse(const char *text, Arena *a) {
  Names names = {0};
  Sexpr all = sexpr_parse(text, a);
  Pattern p = compile(&all.in[0], &names, a);
  return arena_copy(a, &p, sizeof p);
}

// ---- places

static Place nowhere(void) {
  Place p;
  memset(p.of, NOWHERE, sizeof p.of);
  return p;
}

static Place own_axes(void) {
  Place p;
  for (uint8_t i = 0; i < MAX_RANK; i++) p.of[i] = i;
  return p;
}

Place operand_place(const Graph *g, const Node *n, const Place *at, uint32_t i) {
  const Shape *s = graph_node(g, n->in[i])->shape;
  Place p = nowhere();
  for (uint32_t k = 0; k < s->rank; k++)
    if (!dim_is(s->d[k], 1)) p.of[k] = at->of[n->shape->rank - s->rank + k];
  return p;
}

// False when the reshape does more than add or drop ones.
static bool unreshaped(const Shape *from, const Shape *to, const Place *at, Place *out) {
  uint32_t k = 0;
  *out = nowhere();
  for (uint32_t i = 0; i < from->rank; i++) {
    if (dim_is(from->d[i], 1)) continue;
    while (k < to->rank && dim_is(to->d[k], 1)) k++;
    if (k == to->rank || !dim_eq(from->d[i], to->d[k])) return false;
    out->of[i] = at->of[k++];
  }
  while (k < to->rank && dim_is(to->d[k], 1)) k++;
  return k == to->rank;
}

static Place untransposed(const Node *n, const Place *at) {
  Place p = nowhere();
  for (uint32_t i = 0; i < n->shape->rank; i++) p.of[n->attr.perm[i]] = at->of[i];
  return p;
}

NodeId moved_value(const Graph *g, NodeId id, Place *at) {
  for (;; id = graph_node(g, id)->in[0]) {
    const Node *n = graph_node(g, id);
    Place before;
    switch (n->op) {
    case OP_RESHAPE:
      if (!unreshaped(graph_node(g, n->in[0])->shape, n->shape, at, &before)) return id;
      break;
    case OP_TRANSPOSE: before = untransposed(n, at); break;
    case OP_BROADCAST: before = operand_place(g, n, at, 0); break;
    case OP_CAST:
      if (!dtype_is_real(n->dtype) || !dtype_is_real(graph_node(g, n->in[0])->dtype)) return id;
      before = *at;
      break;
    default: return id;
    }
    *at = before;
  }
}

// ---- matching

typedef struct Match {
  const Graph *g;
  const Found *found;
  bool last_axes, reduces;
  uint32_t kept; // axes of the whole that the reductions leave; INNER: an axis of another reduction
  NodeId name[MAX_NAMES], part;
  Place name_at[MAX_NAMES], part_at;
} Match;

#define INNER (1u << 31)

static bool match(Match *m, const Pattern *p, NodeId id, Place at);

static bool is_splat(const Node *n, double *v) {
  if (n->op != OP_CONST || n->attr.konst.count != 1 || !dtype_is_real(n->dtype)) return false;
  *v = n->attr.konst.data[0].f;
  return true;
}

static bool commutes(Op op) { return op == OP_ADD || op == OP_MUL; }

// All reductions leave the same axes.
static bool leaves(Match *m, uint32_t kept) {
  if (m->reduces) return m->kept == kept;
  m->reduces = true;
  m->kept = kept;
  return true;
}

// The axes of the whole that these axes of a value are.
static uint32_t axes_at(const Shape *s, const Place *at, uint32_t axes) {
  uint32_t mask = 0;
  for (uint32_t i = 0; i < s->rank; i++)
    if (axes >> i & 1 && !dim_is(s->d[i], 1)) mask |= at->of[i] < MAX_RANK ? 1u << at->of[i] : INNER;
  return mask;
}

static bool trailing(uint32_t axes, uint32_t rank) {
  uint32_t first = 0;
  while (first < rank && !(axes >> first & 1)) first++;
  return axes >> first == (1u << (rank - first)) - 1;
}

static bool match_reduced(Match *m, const Pattern *p, const Node *n, const Place *at) {
  uint32_t rank = graph_node(m->g, n->in[0])->shape->rank, k = 0;
  Place in = nowhere();
  for (uint32_t i = 0; i < rank; i++) in.of[i] = n->attr.axes >> i & 1 ? REDUCED : at->of[k++];
  if (m->last_axes && !trailing(n->attr.axes, rank)) return false;
  return leaves(m, axes_at(n->shape, at, UINT32_MAX)) && match(m, p, n->in[0], in);
}

// One element for each row, picked by an index.
static bool match_picked(Match *m, const Pattern *p, const Node *n, const Place *at) {
  const Node *x = graph_node(m->g, n->in[0]), *i = graph_node(m->g, n->in[1]);
  uint32_t axis = n->attr.gather.axis;
  if (i->shape->rank != n->attr.gather.batch) return false;
  Place in = nowhere();
  for (uint32_t k = 0; k < x->shape->rank; k++) in.of[k] = k == axis ? REDUCED : at->of[k - (k > axis)];
  return match(m, &p->in[0], n->in[0], in) && match(m, &p->in[1], n->in[1], *at);
}

static bool match_inputs(Match *m, const Pattern *p, const Node *n, const Place *at, bool exchanged) {
  for (uint32_t i = 0; i < p->n; i++) {
    uint32_t k = exchanged ? 1 - i : i;
    if (!match(m, &p->in[i], n->in[k], operand_place(m->g, n, at, k))) return false;
  }
  return true;
}

static bool has_head(const Pattern *p, const Node *n) { return n->op == p->op && n->n_in == p->n; }

static bool match_op(Match *m, const Pattern *p, const Node *n, const Place *at) {
  if (!has_head(p, n)) return false;
  if (op_kind(n->op) == KIND_REDUCE) return match_reduced(m, &p->in[0], n, at);
  if (n->op == OP_GATHER) return match_picked(m, p, n, at);
  if (p->n != 2 || !commutes(n->op)) return match_inputs(m, p, n, at, false);
  Match before = *m;
  if (match_inputs(m, p, n, at, false)) return true;
  *m = before;
  return match_inputs(m, p, n, at, true);
}

// Whether factor or divisor c says how many elements the sum adds up.
static bool counts_summed(const Graph *g, const Node *sum, NodeId c, bool inverse) {
  const Shape *s = graph_node(g, sum->in[0])->shape;
  Place at = nowhere();
  const Node *n = graph_node(g, moved_value(g, c, &at));
  double v, count = 1;
  bool fixed = true;
  for (uint32_t i = 0; i < s->rank; i++) {
    if (!(sum->attr.axes >> i & 1)) continue;
    fixed &= dim_static(s->d[i]);
    count *= (double)s->d[i].b;
  }
  if (!fixed) return n->shape->rank == 0 && !inverse && !is_splat(n, &v);
  return is_splat(n, &v) && fabs((inverse ? v * count : v / count) - 1) < 1e-6;
}

static bool match_mean(Match *m, const Pattern *p, const Node *n, const Place *at) {
  for (uint32_t i = 0; i < 2; i++) {
    if (n->op != OP_MUL && !(n->op == OP_DIV && i == 0)) return false;
    Place in = operand_place(m->g, n, at, i);
    const Node *sum = graph_node(m->g, moved_value(m->g, n->in[i], &in));
    if (sum->op == OP_SUM && counts_summed(m->g, sum, n->in[1 - i], n->op == OP_MUL))
      return match_reduced(m, &p->in[0], sum, &in);
  }
  return false;
}

// Adds up the axes that the reductions within go over, and maybe more.
static bool match_total(Match *m, const Pattern *p, const Node *sum) {
  const Shape *s = graph_node(m->g, sum->in[0])->shape;
  Place at = own_axes();
  if (!match(m, p, sum->in[0], at)) return false;
  return !(axes_at(s, &at, ~sum->attr.axes) & ~m->kept);
}

static bool match_name(Match *m, uint32_t name, NodeId id, const Place *at) {
  const Shape *s = graph_node(m->g, id)->shape;
  if (m->name[name] == NO_NODE) m->name[name] = id, m->name_at[name] = *at;
  if (m->name[name] != id) return false;
  for (uint32_t i = 0; i < s->rank; i++) {
    uint8_t x = at->of[i], y = m->name_at[name].of[i];
    if (!dim_is(s->d[i], 1) && x != y && x != REDUCED && y != REDUCED) return false;
  }
  return true;
}

static bool match_found(Match *m, const Pattern *p, NodeId id, const Place *at) {
  const Found *f = &m->found[id];
  m->part = id;
  m->part_at = *at;
  return f->is && f->kind == p->composite && leaves(m, axes_at(graph_node(m->g, id)->shape, at, f->kept));
}

static bool match(Match *m, const Pattern *p, NodeId id, Place at) {
  id = moved_value(m->g, id, &at);
  const Node *n = graph_node(m->g, id);
  double v;
  switch (p->kind) {
  case P_NAME: return match_name(m, p->name, id, &at);
  case P_CONSTANT: return is_splat(n, &v);
  case P_NUMBER: return is_splat(n, &v) && v == p->number;
  case P_OP: return match_op(m, p, n, &at);
  case P_MEAN: return match_mean(m, p, n, &at);
  case P_TOTAL: return n->op == OP_SUM && match_total(m, &p->in[0], n);
  case P_FOUND: return match_found(m, p, id, &at);
  }
  return false;
}

bool pattern_possible(const Pattern *p, const bool has[OP_COUNT]) {
  if (p->kind == P_OP && !has[p->op]) return false;
  for (uint32_t i = 0; i < p->n; i++)
    if (!pattern_possible(&p->in[i], has)) return false;
  return true;
}

// The place of what a part is of, in the axes of the whole.
static Place through(const Place *outer, const Place *inner) {
  Place p = nowhere();
  for (uint32_t i = 0; i < MAX_RANK; i++)
    p.of[i] = inner->of[i] < MAX_RANK ? outer->of[inner->of[i]] : inner->of[i];
  return p;
}

bool pattern_match(const Graph *g, const Found *found, const Pattern *p, bool last_axes, NodeId id,
                   Found *out, NodeId *part) {
  const Node *n = graph_node(g, id);
  if (p->kind == P_OP && !has_head(p, n)) return false; // nearly all end here
  Match m = {.g = g, .found = found, .last_axes = last_axes, .part = NO_NODE};
  for (uint32_t i = 0; i < MAX_NAMES; i++) m.name[i] = NO_NODE;
  Place at = own_axes();
  bool is = p->kind == P_OP ? match_op(&m, p, n, &at) : match(&m, p, id, at);
  if (!is || m.kept & INNER) return false;
  const Found *inner = m.part == NO_NODE ? NULL : &found[m.part];
  *part = m.part;
  *out = (Found){.is = true,
                 .kept = m.kept,
                 .of = inner ? inner->of : m.name[0],
                 .of_at = inner ? through(&m.part_at, &inner->of_at) : m.name_at[0]};
  return true;
}
