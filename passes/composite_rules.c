// The derivative of a softmax or a norm as a whole takes fewer operations than those of its parts one after
// another, which don't know that what they divide by is made of what they divide:
//   y = softmax(z)                   dz = y (dy - sum(dy y))
//   y = (x - mean x) / s             dx = (dy - mean dy - y mean(dy y)) / s      s = sqrt(variance + eps)
//   y = x / s                        dx = (dy - y mean(dy y)) / s                s = sqrt(mean(x x) + eps)
// over the axes of the sums. As the rules of users do, it becomes a CUSTOM_VJP of y: the derivative of the
// rule is of its operations, s depending on x as it is written. What a GRAD is by stays as it is, and so does
// what a stop_grad or a rule of the user's is part of.
#include "passes/autodiff.h"
#include "passes/composite_match.h"
#include "passes/live.h"

// The axes that its sums go over; 0 where the rule does not apply: x has y's shape, each axis in its place.
static uint32_t summed_axes(const Graph *g, const Found *f, NodeId y) {
  const Node *n = graph_node(g, y), *x = graph_node(g, f->of);
  uint32_t axes = 0;
  if (!shape_eq(n->shape, x->shape) || n->dtype != x->dtype) return 0;
  for (uint32_t i = 0; i < n->shape->rank; i++) {
    if (dim_is(n->shape->d[i], 1)) continue;
    if (f->of_at.of[i] != i) return 0;
    if (!(f->kept >> i & 1)) axes |= 1u << i;
  }
  return axes;
}

// Elements that a sum adds up; 0 when that is not known before the program runs.
static int64_t summed_elements(const Shape *s, uint32_t axes) {
  int64_t n = 1;
  for (uint32_t i = 0; i < s->rank; i++) {
    if (!(axes >> i & 1)) continue;
    if (!dim_static(s->d[i])) return 0;
    n *= s->d[i].b;
  }
  return n;
}

// What a norm divides by, x or x less its mean being what is divided; NO_NODE where it is written in another
// way.
static NodeId root_of(const Graph *g, const Node *n, const Found *f) {
  if (n->op != OP_DIV) return NO_NODE;
  Place at[2] = {{{0}}, {{0}}};
  NodeId d = moved_value(g, n->in[0], &at[0]), s = moved_value(g, n->in[1], &at[1]);
  bool plain = f->kind == COMPOSITE_rms_norm ? d == f->of : graph_node(g, d)->op == OP_SUB;
  return plain && graph_node(g, s)->op == OP_SQRT && graph_node(g, n->in[1])->dtype == n->dtype ? n->in[1]
                                                                                                : NO_NODE;
}

// Whether some GRAD is by a value between y and x, two values of the composite `whole`; what it has seen it
// marks so.
static bool target_within(const Graph *g, const bool *is_target, NodeId y, NodeId x, NodeId whole,
                          NodeId *seen) {
  for (uint32_t i = 0; i < graph_node(g, y)->n_in; i++) {
    NodeId in = graph_node(g, y)->in[i];
    if (in <= x || seen[in] == whole) continue;
    seen[in] = whole;
    if (is_target[in] || target_within(g, is_target, in, x, whole, seen)) return true;
  }
  return false;
}

// ---- rules

// A rule's arguments are what y is of, then y and dy.
static NodeId argument(Builder *b, uint32_t k, const Graph *g, NodeId like) {
  const Node *n = graph_node(g, like);
  return b_input(b, IN_ARG, k, "", n->dtype, *n->shape);
}

// Sums over the axes, which stay as ones.
static NodeId sum_kept(Builder *b, NodeId x, uint32_t axes) {
  Shape s = *graph_node(b->g, x)->shape;
  for (uint32_t i = 0; i < s.rank; i++)
    if (axes >> i & 1) s.d[i] = dim_of(1);
  return b_reshape(b, b_reduce(b, OP_SUM, x, axes), s);
}

static NodeId mean_kept(Builder *b, NodeId x, uint32_t axes, int64_t n) {
  NodeId count = b_scalar(b, graph_node(b->g, x)->dtype, (double)n);
  return b_ew2(b, OP_DIV, sum_kept(b, x, axes), count);
}

static Graph *softmax_rule(const Graph *g, NodeId id, uint32_t axes) {
  Graph *rule = graph_beside(g, g->symbol, g->bound);
  Builder b = {.g = rule, .real = graph_node(g, id)->dtype, .path = ""};
  argument(&b, 0, g, id);
  NodeId y = argument(&b, 1, g, id), dy = argument(&b, 2, g, id);
  NodeId centre = sum_kept(&b, b_ew2(&b, OP_MUL, dy, y), axes);
  NodeId dz = b_ew2(&b, OP_MUL, y, b_ew2(&b, OP_SUB, dy, centre));
  graph_set_roots(rule, &dz, 1);
  return rule;
}

static Graph *norm_rule(const Graph *g, NodeId id, NodeId root, uint32_t axes, int64_t n, bool centred) {
  Graph *rule = graph_beside(g, g->symbol, g->bound);
  Builder b = {.g = rule, .real = graph_node(g, id)->dtype, .path = ""};
  argument(&b, 0, g, id);
  NodeId s = argument(&b, 1, g, root), y = argument(&b, 2, g, id), dy = argument(&b, 3, g, id);
  NodeId slope = mean_kept(&b, b_ew2(&b, OP_MUL, dy, y), axes, n);
  NodeId rest = centred ? b_ew2(&b, OP_SUB, dy, mean_kept(&b, dy, axes, n)) : dy;
  NodeId d = b_ew2(&b, OP_SUB, rest, b_ew2(&b, OP_MUL, y, slope));
  graph_set_roots(rule, (NodeId[]){b_ew2(&b, OP_DIV, d, s), NO_NODE}, 2);
  return rule;
}

// ---- the graph

typedef struct Wrapping {
  const Graph *rule; // NULL: none
  NodeId of, root;   // root NO_NODE: of a softmax
} Wrapping;

static bool has_rule(CompositeKind k) {
  return k == COMPOSITE_softmax || k == COMPOSITE_layer_norm || k == COMPOSITE_batch_norm ||
         k == COMPOSITE_rms_norm;
}

static Wrapping wrapping(const Graph *g, const Found *f, NodeId id) {
  Wrapping w = {.of = f->of, .root = NO_NODE};
  uint32_t axes = has_rule(f->kind) ? summed_axes(g, f, id) : 0;
  if (axes && f->kind == COMPOSITE_softmax) w.rule = softmax_rule(g, id, axes);
  if (!axes || f->kind == COMPOSITE_softmax) return w;
  int64_t n = summed_elements(graph_node(g, id)->shape, axes);
  w.root = root_of(g, graph_node(g, id), f);
  if (n && w.root != NO_NODE) w.rule = norm_rule(g, id, w.root, axes, n, f->kind != COMPOSITE_rms_norm);
  return w;
}

static NodeId wrapped(Builder *b, NodeId y, const Wrapping *w, const NodeId *map, CompositeKind kind) {
  VjpAttr attr = {.rule = w->rule, .function = composite_words(kind), .span = b->span};
  NodeId in[3] = {y, map[w->of], w->root == NO_NODE ? NO_NODE : map[w->root]};
  return b_custom_vjp(b, in, w->root == NO_NODE ? 2 : 3, &attr);
}

Graph *with_composite_rules(const Graph *g, Arena *a) {
  Graph *out = graph_like(g, a);
  Builder b = {.g = out, .path = ""};
  Arena *scratch = arena_new();
  Found *found = ARENA_ARRAY(scratch, g->len, Found);
  bool *is_target = ARENA_ARRAY(scratch, g->len, bool);
  NodeId *map = no_nodes(scratch, g->len), *seen = no_nodes(scratch, g->len), *in = NULL;
  uint32_t room = 0;
  composites_match(g, found, scratch);
  for (NodeId id = 0; id < g->len; id++)
    for (uint32_t i = 1; graph_node(g, id)->op == OP_GRAD && i < graph_node(g, id)->n_in; i++)
      is_target[graph_node(g, id)->in[i]] = true;
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->n_in > room) in = ARENA_ARRAY(scratch, room = 2 * n->n_in, NodeId);
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
    map[id] = b_copy(&b, n, in);
    b.span = n->span;
    b.path = n->path;
    if (n->op == OP_SCAN) {
      ScanAttr *s = arena_copy(out->arena, n->attr.scan, sizeof *s);
      s->body = with_composite_rules(s->body, a);
      graph_change(out, map[id])->attr.scan = s;
    }
    if (!found[id].is) continue;
    Wrapping w = wrapping(g, &found[id], id);
    if (w.rule && !target_within(g, is_target, id, w.of, id, seen))
      map[id] = wrapped(&b, map[id], &w, map, found[id].kind);
  }
  map_roots(out, g, map);
  arena_free(scratch);
  return out;
}
