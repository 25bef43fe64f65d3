// A graph is first put into one form: values written twice shared, what only differentiation needs gone, the
// rules of rules.def applied. Then each row of composites.def looks at every node, and attention at every
// product.
#include "passes/composites.h"

#include "ir/base/vec.h"
#include "passes/composite_match.h"
#include "passes/live.h"
#include "passes/passes.h"

#include <string.h>

typedef VEC(Composite) Composites;

enum { LAST, ANY };
enum { MAX_DEPTH = 12 }; // operations between the scores of an attention and their product

typedef struct Row {
  CompositeKind kind;
  int axes;
  const char *pattern;
} Row;

static const Row rows[] = {
#define KIND(name, words)
#define PATTERN(kind, axes, pattern) {COMPOSITE_##kind, axes, pattern},
#include "passes/composites.def"
#undef KIND
#undef PATTERN
};

static const char *const kind_words[] = {
#define KIND(name, words) words,
#define PATTERN(kind, axes, pattern)
#include "passes/composites.def"
#undef KIND
#undef PATTERN
};

const char *composite_words(CompositeKind k) { return kind_words[k]; }

static Graph *one_form(const Graph *g, Arena *a) {
  NodeId *same = ARENA_ARRAY(a, g->len, NodeId);
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    same[id] = n->op == OP_STOP_GRAD || n->op == OP_CUSTOM_VJP ? same[n->in[0]] : id;
  }
  return pass_cse(pass_simplify(pass_cse(live_copy(g, same, a), a), a), a);
}

void composites_match(const Graph *g, Found *found, Arena *a) {
  bool has[OP_COUNT] = {0};
  for (NodeId id = 0; id < g->len; id++) has[graph_node(g, id)->op] = true;
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const Pattern *p = pattern_parse(rows[r].pattern, a);
    if (!pattern_possible(p, has)) continue;
    for (NodeId id = 0; id < g->len; id++) {
      Found f;
      NodeId part;
      if (found[id].is || !pattern_match(g, found, p, rows[r].axes == LAST, id, &f, &part)) continue;
      f.kind = rows[r].kind;
      found[id] = f;
      if (part != NO_NODE) found[part].part = true;
    }
  }
}

// ---- attention: a product of values with a softmax, over the axis that the softmax sums, of scores that are
// a product. One axis of interest, 0, is followed.

static Place only_axis(uint32_t axis) {
  Place p;
  memset(p.of, NOWHERE, sizeof p.of);
  p.of[axis] = 0;
  return p;
}

static uint32_t axis_of(const Shape *s, const Place *at) {
  uint32_t i = 0;
  while (i < s->rank && at->of[i] != 0) i++;
  return i;
}

// A number, or the mask of a dropout.
static bool is_factor(const Graph *g, NodeId id) {
  Place at = only_axis(0);
  const Node *n = graph_node(g, moved_value(g, id, &at));
  return n->op == OP_CONST || (n->op == OP_CAST && graph_node(g, n->in[0])->dtype == DT_MASK);
}

// The softmax that id is, perhaps scaled and with some elements dropped; NO_NODE.
static NodeId weights_of(const Graph *g, const Found *found, NodeId id, Place at) {
  for (;;) {
    id = moved_value(g, id, &at);
    const Node *n = graph_node(g, id);
    if (found[id].is && found[id].kind == COMPOSITE_softmax) {
      uint32_t axis = axis_of(n->shape, &at), reduced = 0;
      for (uint32_t i = 0; i < n->shape->rank; i++)
        if (!(found[id].kept >> i & 1) && !dim_is(n->shape->d[i], 1)) reduced |= 1u << i;
      return axis < n->shape->rank && reduced == 1u << axis ? id : NO_NODE;
    }
    uint32_t k = n->op == OP_MUL && is_factor(g, n->in[0]) ? 1 : 0;
    if ((n->op != OP_MUL && n->op != OP_DIV) || !is_factor(g, n->in[1 - k])) return NO_NODE;
    at = operand_place(g, n, &at, k);
    id = n->in[k];
  }
}

// Whether id is a product one of whose free axes is the followed one: scaled, masked by a select or by what
// is added, less its maximum.
static bool is_scores(const Graph *g, NodeId id, Place at, uint32_t depth) {
  if (depth == MAX_DEPTH) return false;
  id = moved_value(g, id, &at);
  const Node *n = graph_node(g, id);
  uint32_t axis = axis_of(n->shape, &at);
  switch (n->op) {
  case OP_DOT: return axis < n->shape->rank && axis >= n->attr.dot.nb;
  case OP_MUL:
  case OP_ADD:
  case OP_SELECT:
    for (uint32_t i = n->op == OP_SELECT; i < n->n_in; i++)
      if (is_scores(g, n->in[i], operand_place(g, n, &at, i), depth + 1)) return true;
    return false;
  case OP_DIV:
  case OP_SUB: return is_scores(g, n->in[0], operand_place(g, n, &at, 0), depth + 1);
  default: return false;
  }
}

static void find_attention(const Graph *g, Found *found) {
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->op != OP_DOT || n->attr.dot.nc != 1) continue;
    for (uint32_t side = 0; side < 2; side++) {
      Place at = only_axis(side ? n->attr.dot.rc[0] : n->attr.dot.lc[0]);
      NodeId weights = weights_of(g, found, n->in[side], at);
      if (weights == NO_NODE) continue;
      const Found *f = &found[weights];
      Place scores_at = f->of_at;
      for (uint32_t i = 0; i < MAX_RANK; i++)
        scores_at.of[i] = f->of_at.of[i] < MAX_RANK && !(f->kept >> f->of_at.of[i] & 1) ? 0 : NOWHERE;
      if (!is_scores(g, f->of, scores_at, 0)) continue;
      found[weights].part = true;
      found[id] = (Found){.is = true, .kind = COMPOSITE_attention};
    }
  }
}

static void add_all(const Graph *given, Composites *out, Arena *a) {
  const Graph *g = one_form(given, a);
  Found *found = ARENA_ARRAY(a, g->len, Found);
  composites_match(g, found, a);
  find_attention(g, found);
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->op == OP_SCAN) add_all(n->attr.scan->body, out, a);
    if (found[id].is && !found[id].part) vec_push(a, out, ((Composite){found[id].kind, n->span, n->path}));
  }
}

const Composite *composites_find(const Graph *g, Arena *a, uint32_t *n) {
  Composites out = {0};
  add_all(g, &out, a);
  *n = (uint32_t)out.len;
  return out.data;
}
