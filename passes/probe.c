// Both graphs are copies of what e needs, before autodiff; the caller has them expanded.
#include "passes/probe.h"

#include "ir/base/vec.h"
#include "ir/build.h"
#include "passes/live.h"

typedef VEC(NodeId) Ids;

typedef struct Maker {
  const Graph *g;
  const Node *grad;
  const Declared *declared;
  uint32_t n_inputs;
  bool *behind; // nodes that e is computed from, as differences see it
  Ids targets, held, rules;
  Arena *a;
} Maker;

static bool is_declared(const Declared *d, const Node *n) {
  for (uint32_t i = 0; i < d->n && n->op == OP_CUSTOM_VJP; i++)
    if (d->rule[i].source == n->attr.vjp.span.source && d->rule[i].begin == n->attr.vjp.span.begin)
      return true;
  return false;
}

static bool is_held(const Declared *d, const Node *n) {
  if (n->op == OP_READ) return n->attr.store.version > 0;
  return n->op == OP_STOP_GRAD || is_declared(d, n);
}

static bool rule_gives(const Node *n, uint32_t i) {
  return i > 0 && n->attr.vjp.rule->roots[i - 1] != NO_NODE;
}

static NodeId position(const Ids *ids, NodeId id) {
  for (size_t i = 0; i < ids->len; i++)
    if (ids->data[i] == id) return (NodeId)i;
  return NO_NODE;
}

static NodeId argument(Builder *b, uint32_t index, const Node *like) {
  return b_input(b, IN_ARG, index, "held", like->dtype, *like->shape);
}

// ---- what cannot be judged

// By op, also in the bodies of loops; `declared`: only CUSTOM_VJPs that are.
static bool contains(const Graph *g, Op op, const Declared *declared) {
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->op == op && (!declared || is_declared(declared, n))) return true;
    if (n->op == OP_SCAN && contains(n->attr.scan->body, op, declared)) return true;
  }
  return false;
}

// What node `from` depends on, itself as well; no further than to what `held` (NULL: nothing) says is held.
static bool *mark_behind(const Graph *g, NodeId from, const Declared *held, Arena *a) {
  bool *behind = ARENA_ARRAY(a, g->len, bool);
  behind[from] = true;
  for (NodeId id = from + 1; id-- > 0;) {
    const Node *n = graph_node(g, id);
    if (!behind[id] || (held && is_held(held, n))) continue;
    for (uint32_t i = 0; i < n->n_in; i++) behind[n->in[i]] = true;
  }
  return behind;
}

// Where an inner gradient goes through a target to what that is made of, it is a formula in which the target
// may stand or not (y or sqrt(x)), and the outer one is by that formula.
static bool passes_through(const Maker *m) {
  const Node *grad = m->grad;
  bool *source = ARENA_ARRAY(m->a, m->g->len, bool), *moves = ARENA_ARRAY(m->a, m->g->len, bool);
  for (uint32_t i = 1; i < grad->n_in; i++) {
    const bool *behind = mark_behind(m->g, grad->in[i], m->declared, m->a);
    for (NodeId id = 0; id < grad->in[i]; id++) source[id] |= behind[id];
  }
  for (NodeId id = 0; id <= grad->in[0]; id++) {
    const Node *n = graph_node(m->g, id);
    if (!m->behind[id]) continue;
    for (uint32_t i = 1; i < grad->n_in; i++) moves[id] |= grad->in[i] == id;
    for (uint32_t i = 0; i < n->n_in && !is_held(m->declared, n); i++) moves[id] |= moves[n->in[i]];
    for (uint32_t i = 1; i < n->n_in && n->op == OP_GRAD && moves[id]; i++)
      if (source[n->in[i]]) return true;
  }
  return false;
}

static const char *unsuited(const Maker *m, Probe *p) {
  for (NodeId id = 0; id < m->g->len; id++) {
    const Node *n = graph_node(m->g, id);
    if (!m->behind[id]) continue;
    if (n->op == OP_SCAN && contains(n->attr.scan->body, OP_CUSTOM_VJP, m->declared))
      return "a rule that is on purpose not the derivative stands in a loop";
    if (n->op == OP_SCAN) p->cut_in_loop |= contains(n->attr.scan->body, OP_STOP_GRAD, NULL);
    if (n->op != OP_GRAD) continue;
    const bool *inner = mark_behind(m->g, id, m->declared, m->a);
    for (NodeId k = 0; k < id; k++)
      if (inner[k] && is_declared(m->declared, graph_node(m->g, k)))
        return "a gradient inside goes through a rule that is on purpose not the derivative";
  }
  return passes_through(m) ? "a gradient inside goes through what it is by" : NULL;
}

// ---- the parts

// What is held ends the way back, but for what a declared rule says of its inputs.
static void find_parts(Maker *m) {
  m->behind = ARENA_ARRAY(m->a, m->g->len, bool);
  m->behind[m->grad->in[0]] = true;
  for (uint32_t i = 1; i < m->grad->n_in; i++)
    if (position(&m->targets, m->grad->in[i]) == NO_NODE) vec_push(m->a, &m->targets, m->grad->in[i]);
  for (NodeId id = m->grad->in[0] + 1; id-- > 0;) {
    const Node *n = graph_node(m->g, id);
    if (!m->behind[id]) continue;
    bool rule = is_declared(m->declared, n), held = is_held(m->declared, n);
    if (held) vec_push(m->a, &m->held, id);
    if (rule) vec_push(m->a, &m->rules, id);
    if (rule && position(&m->targets, id) == NO_NODE) vec_push(m->a, &m->targets, id);
    for (uint32_t i = 0; i < n->n_in; i++)
      if (!held || (rule && rule_gives(n, i))) m->behind[n->in[i]] = true;
  }
}

static NodeId copy(Builder *b, const Node *n, const NodeId *map) {
  NodeId *in = ARENA_ARRAY(b->g->own, n->n_in + 1, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++) in[i] = map[n->in[i]];
  return b_copy(b, n, in);
}

// A CUSTOM_VJP whose inputs are nodes that nothing else reads: a gradient by one of them is what the rule
// says.
static NodeId copy_rule(Maker *m, Builder *b, const Node *n, const NodeId *map, NodeId *inputs) {
  NodeId *in = ARENA_ARRAY(b->g->own, n->n_in, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++) {
    in[i] = map[n->in[i]];
    if (!rule_gives(n, i)) continue;
    in[i] = inputs[i] = b_ew2(b, OP_ADD, in[i], b_scalar(b, graph_node(m->g, n->in[i])->dtype, 0));
  }
  return b_copy(b, n, in);
}

static Graph *gradient_graph(Maker *m) {
  Graph *out = graph_like(m->g, m->a);
  Builder b = {.g = out, .real = graph_node(m->g, m->grad->in[0])->dtype, .path = ""};
  NodeId *map = no_nodes(out->own, m->g->len), **of_rule = ARENA_ARRAY(m->a, m->g->len, NodeId *);
  bool *behind = mark_behind(m->g, m->grad->in[0], NULL, m->a);
  for (uint32_t i = 1; i < m->grad->n_in; i++) {
    const bool *more = mark_behind(m->g, m->grad->in[i], NULL, m->a);
    for (NodeId id = 0; id < m->g->len; id++) behind[id] |= more[id];
  }
  for (NodeId id = 0; id < m->g->len; id++) {
    const Node *n = graph_node(m->g, id);
    if (!behind[id]) continue;
    if (position(&m->rules, id) == NO_NODE) {
      map[id] = copy(&b, n, map);
      continue;
    }
    of_rule[id] = ARENA_ARRAY(m->a, n->n_in, NodeId);
    map[id] = copy_rule(m, &b, n, map, of_rule[id]);
  }
  Ids by = {0}, roots = {0};
  for (size_t i = 0; i < m->targets.len; i++) vec_push(m->a, &by, map[m->targets.data[i]]);
  for (size_t k = 0; k < m->rules.len; k++) {
    const Node *n = graph_node(m->g, m->rules.data[k]);
    for (uint32_t i = 1; i < n->n_in; i++)
      if (rule_gives(n, i)) vec_push(m->a, &by, of_rule[m->rules.data[k]][i]);
  }
  b.span = m->grad->span;
  b.path = m->grad->path;
  NodeId g = b_grad(&b, map[m->grad->in[0]], by.data, (uint32_t)by.len);
  vec_push(m->a, &roots, map[m->grad->in[0]]);
  for (uint32_t i = 0; i < by.len; i++) {
    if (i == m->targets.len)
      for (size_t k = 0; k < m->held.len; k++) vec_push(m->a, &roots, map[m->held.data[k]]);
    const Node *x = graph_node(out, by.data[i]);
    vec_push(m->a, &roots, b_proj(&b, g, i, x->dtype, *x->shape));
  }
  if (by.len == m->targets.len)
    for (size_t k = 0; k < m->held.len; k++) vec_push(m->a, &roots, map[m->held.data[k]]);
  graph_set_roots(out, roots.data, (uint32_t)roots.len);
  return out;
}

static Graph *value_graph(Maker *m, uint32_t *n_held) {
  Graph *out = graph_like(m->g, m->a);
  Builder b = {.g = out, .real = graph_node(m->g, m->grad->in[0])->dtype, .path = ""};
  NodeId *map = no_nodes(out->own, m->g->len);
  uint32_t steps = m->n_inputs, held = steps + (uint32_t)m->targets.len;
  for (NodeId id = 0; id <= m->grad->in[0]; id++) {
    const Node *n = graph_node(m->g, id);
    if (!m->behind[id]) continue;
    NodeId at = position(&m->held, id), step = position(&m->targets, id);
    map[id] = at == NO_NODE ? copy(&b, n, map) : argument(&b, held + at, n);
    if (step != NO_NODE) map[id] = b_ew2(&b, OP_ADD, map[id], argument(&b, steps + step, n));
  }
  NodeId e = map[m->grad->in[0]];
  *n_held = (uint32_t)m->held.len;
  for (size_t k = 0; k < m->rules.len; k++) {
    const Node *n = graph_node(m->g, m->rules.data[k]);
    for (uint32_t i = 1; i < n->n_in; i++) {
      if (!rule_gives(n, i)) continue;
      const Node *x = graph_node(m->g, n->in[i]);
      NodeId term = b_ew2(&b, OP_MUL, argument(&b, held + (*n_held)++, x), map[n->in[i]]);
      term = b_reduce(&b, OP_SUM, term, (1u << x->shape->rank) - 1);
      e = b_ew2(&b, OP_ADD, e, b_cast(&b, term, graph_node(out, e)->dtype));
    }
  }
  graph_set_roots(out, &e, 1);
  return out;
}

Probe probe_gradient(const Graph *g, uint32_t n_inputs, NodeId grad, const Declared *declared, Arena *a) {
  Maker m = {.g = g, .grad = graph_node(g, grad), .declared = declared, .n_inputs = n_inputs, .a = a};
  Probe p = {0};
  find_parts(&m);
  p.why_not = unsuited(&m, &p);
  p.targets = m.targets.data;
  p.n_targets = (uint32_t)m.targets.len;
  if (p.why_not) return p;
  p.gradient = gradient_graph(&m);
  p.value = value_graph(&m, &p.n_held);
  return p;
}

// ---- loops and rules

static void unfold(Builder *b, const Graph *g, NodeId *map);

// The first iteration that SCAN n makes; map: where its operands went.
static void unfold_body(Builder *b, const Node *n, const NodeId *map) {
  const ScanAttr *s = n->attr.scan;
  NodeId *inner = no_nodes(b->g->own, s->body->len);
  if (s->length.a == 0 && s->length.b == 0) return;
  for (NodeId id = 0; id < s->body->len; id++) {
    const Node *arg = graph_node(s->body, id);
    if (arg->op != OP_INPUT) continue;
    if (arg->attr.input.role == IN_ITERATION) inner[id] = b_scalar(b, arg->dtype, 0);
    if (arg->attr.input.role != IN_ARG) continue;
    uint32_t k = arg->attr.input.index;
    inner[id] = map[n->in[k]];
    if (k < s->n_carries || k >= s->n_carries + s->n_sequences) continue;
    Shape size = *graph_node(b->g, inner[id])->shape;
    Dim start[MAX_RANK] = {{0}};
    int64_t stride[MAX_RANK];
    for (uint32_t i = 0; i < size.rank; i++) stride[i] = 1;
    size.d[0] = (Dim){0, 1};
    inner[id] = b_reshape(b, b_slice(b, inner[id], start, size.d, stride), *arg->shape);
  }
  unfold(b, s->body, inner);
}

static void unfold(Builder *b, const Graph *g, NodeId *map) {
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (map[id] == NO_NODE) map[id] = copy(b, n, map);
    if (n->op == OP_SCAN) unfold_body(b, n, map);
  }
}

Graph *probe_unfold(const Graph *g, Arena *a) {
  Graph *out = graph_like(g, a);
  Builder b = {.g = out, .path = ""};
  unfold(&b, g, no_nodes(out->own, g->len));
  return out;
}

enum { SITE = 77000 }; // of the weights

Probe probe_rule(const Graph *g, uint32_t n_inputs, NodeId y, Arena *a) {
  const Node *rule = graph_node(g, y);
  Graph *out = graph_like(g, a);
  Builder b = {.g = out, .real = rule->dtype, .path = ""};
  NodeId *map = no_nodes(out->own, g->len);
  Ids x = {0};
  for (uint32_t i = 1; i < rule->n_in; i++)
    if (rule_gives(rule, i) && position(&x, rule->in[i]) == NO_NODE) vec_push(a, &x, rule->in[i]);
  for (NodeId id = 0; id <= y; id++) {
    map[id] = copy(&b, graph_node(g, id), map);
    if (position(&x, id) != NO_NODE) map[id] = b_stop_grad(&b, map[id]);
  }
  NodeId weight = b_rand(&b, OP_RAND, rule->dtype, *rule->shape, SITE);
  weight = b_ew2(&b, OP_ADD, weight, b_scalar(&b, rule->dtype, 0.5));
  NodeId e = b_reduce(&b, OP_SUM, b_ew2(&b, OP_MUL, map[y], weight), (1u << rule->shape->rank) - 1);
  for (size_t i = 0; i < x.len; i++) x.data[i] = map[x.data[i]];
  NodeId grad = b_grad(&b, e, x.data, (uint32_t)x.len);
  return probe_gradient(out, n_inputs, grad, &(Declared){0}, a);
}
