// The body of a `scan`: what depends on the stand-ins of loop.c moves into a graph of its own. What does not
// depend on them stays where it is, before the loop.
#include "frontend/loop.h"

#include <string.h>

typedef struct Move {
  Ctx *c;
  Arena *scratch;
  uint32_t mark, len; // of the graph as it was: its nodes from `mark` on are the body's
  Node *made;         // a copy of those
  uint32_t first;     // no node before it is inside: most often the mark, for there may be thousands of loops
  bool *inside;       // depends on a stand-in, or a draw; from `first` on
  NodeId *outer;      // where a node that stays went; from `mark` on, those before it stay where they are
  Map inner;          // where a node is in the body
  Builder body;
  uint32_t n_args;
  VEC(NodeId) captured; // of the graph around, in the order of arguments
} Move;

static const Node *node_at(const Move *m, NodeId id) {
  return id < m->mark ? graph_node(m->c->b.g, id) : &m->made[id - m->mark];
}

static bool is_inside(const Move *m, NodeId id) { return id >= m->first && m->inside[id - m->first]; }

static NodeId outer_of(const Move *m, NodeId id) { return id < m->mark ? id : m->outer[id - m->mark]; }

// Nodes from `first` on may be inside.
static void look_from(Move *m, NodeId first) {
  bool *inside = ARENA_ARRAY(m->scratch, m->len - first, bool);
  if (m->inside) memcpy(inside + (m->first - first), m->inside, m->len - m->first);
  m->inside = inside;
  m->first = first;
}

static bool is_stand_in(const Loop *l, NodeId id) {
  for (uint32_t k = 0; k < l->n_carries; k++)
    if (l->carry[k] == id) return true;
  for (uint32_t k = 0; k < l->n_sequences; k++)
    if (l->element[k] == id) return true;
  return l->iteration == id;
}

// What depends on what is inside, of the body's nodes.
static void spread(Move *m) {
  for (NodeId id = m->mark; id < m->len; id++)
    for (uint32_t i = 0; i < node_at(m, id)->n_in; i++) {
      NodeId in = node_at(m, id)->in[i];
      m->inside[id - m->first] |= in >= m->mark && is_inside(m, in);
    }
}

// A gradient of an e inside by an x outside goes through what e is computed of outside, but not through
// stores: that is copied. What else depends on x is captured as it is, since a gradient outside may be by it.
// True if there was something to copy.
static bool copy_between(Move *m, NodeId x, NodeId e) {
  if (x > e) return false;
  if (x < m->first) look_from(m, x);
  bool *depends = ARENA_ARRAY(m->scratch, e - x + 1, bool),
       *needed = ARENA_ARRAY(m->scratch, e - x + 1, bool);
  bool more = false;
  depends[0] = needed[e - x] = true;
  for (NodeId id = x + 1; id <= e; id++) {
    const Node *n = node_at(m, id);
    for (uint32_t i = 0; i < n->n_in && op_kind(n->op) != KIND_EFFECT; i++)
      depends[id - x] |= n->in[i] >= x && depends[n->in[i] - x];
  }
  for (NodeId id = e; id > x; id--) {
    const Node *n = node_at(m, id);
    for (uint32_t i = 0; needed[id - x] && i < n->n_in; i++)
      if (n->in[i] >= x) needed[n->in[i] - x] = true;
    if (!depends[id - x] || !needed[id - x] || is_inside(m, id)) continue;
    more = m->inside[id - m->first] = true;
  }
  return more;
}

static void find_inside(Move *m, const Loop *l) {
  for (NodeId id = m->mark; id < m->len; id++) {
    const Node *n = node_at(m, id);
    bool draws = op_kind(n->op) == KIND_RANDOM || (n->op == OP_SCAN && graph_draws(n->attr.scan->body));
    m->inside[id - m->first] = draws || is_stand_in(l, id);
  }
  spread(m);
  for (bool more = true; more;) {
    more = false;
    for (NodeId g = m->mark; g < m->len; g++) {
      const Node *n = node_at(m, g);
      for (uint32_t k = 1; n->op == OP_GRAD && is_inside(m, n->in[0]) && k < n->n_in; k++)
        if (!is_inside(m, n->in[k])) more = copy_between(m, n->in[k], n->in[0]) || more;
    }
    spread(m);
  }
}

static NodeId inner_of(Move *m, NodeId id);

static NodeId capture(Move *m, NodeId id) {
  const Node *n = node_at(m, id);
  vec_push(m->scratch, &m->captured, outer_of(m, id));
  return b_input(&m->body, IN_ARG, m->n_args++, "captured", n->dtype, *n->shape);
}

static NodeId copy_inside(Move *m, NodeId id) {
  const Node *n = node_at(m, id);
  NodeId *in = ARENA_ARRAY(m->scratch, n->n_in, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++) in[i] = inner_of(m, n->in[i]);
  return b_copy(&m->body, n, in);
}

// Operands come first: those that the body does not have yet are made before their user. A constant that was
// written in the body is copied; one that has a name outside may be what a gradient is by (the pass `loops`
// copies it afterwards).
static NodeId inner_of(Move *m, NodeId id) {
  NodeId inner;
  if (map_get(&m->inner, id, &inner)) return inner;
  bool copied = is_inside(m, id) || (id >= m->mark && node_at(m, id)->op == OP_CONST);
  inner = copied ? copy_inside(m, id) : capture(m, id);
  map_put(m->scratch, &m->inner, id, inner);
  return inner;
}

static void stay(Move *m, NodeId id) {
  const Node *n = node_at(m, id);
  NodeId *in = ARENA_ARRAY(m->scratch, n->n_in, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++) in[i] = outer_of(m, n->in[i]);
  m->outer[id - m->mark] = b_copy(&m->c->b, n, in);
}

static void moved(const Move *m, NodeId *id) {
  if (*id != NO_NODE) *id = outer_of(m, *id);
}

// What the elaborator remembers of nodes that were made in the body and stay outside.
static void remember(Elab *e, Move *m) {
  Ctx *c = m->c;
  moved(m, &c->step), moved(m, &c->epoch), moved(m, &c->batch);
  for (size_t i = 0; i < c->options.len; i++) moved(m, &c->options.data[i]);
  for (size_t i = 0; i < c->n_fields; i++) moved(m, &c->fields[i].node);
  for (size_t i = 0; i < c->roots.len; i++) moved(m, &c->roots.data[i]);
  for (size_t i = 0; i < c->stores.len; i++) moved(m, &c->stores.data[i].read);
  for (size_t i = 0; c->test && i < c->test->evidence.len; i++) {
    Evidence *x = &c->test->evidence.data[i];
    moved(m, &x->holds), moved(m, &x->left), moved(m, &x->right);
  }
  for (size_t u = 0; u < e->data.len; u++) {
    DataUse *use = e->data.data[u];
    for (size_t i = 0; use->prepare == c && i < use->fields.len; i++) moved(m, &use->fields.data[i].node);
    for (size_t i = 0; use->prepare == c && i < use->source_nodes.len; i++)
      moved(m, &use->source_nodes.data[i]);
  }
}

// The graph without the body: the loop's operands are found in m.
static void move_out(Elab *e, Move *m, const Loop *l) {
  Graph *g = m->c->b.g;
  m->len = g->len;
  m->made = ARENA_ARRAY(m->scratch, m->len - m->mark, Node);
  for (NodeId id = m->mark; id < m->len; id++) m->made[id - m->mark] = *graph_node(g, id);
  look_from(m, m->mark);
  m->outer = ARENA_ARRAY(m->scratch, m->len - m->mark, NodeId);
  memset(m->outer, 0xff, (m->len - m->mark) * sizeof *m->outer);
  find_inside(m, l);
  e->n_nodes += g->len - m->c->counted;
  g->len = m->mark;
  m->c->reach = (Reach){0}; // its marks are of what moves
  for (NodeId id = m->mark; id < m->len; id++)
    if (!is_inside(m, id)) stay(m, id);
  m->c->counted = g->len;
  m->body = (Builder){.g = graph_beside(g, g->symbol, g->bound), .real = m->c->b.real, .path = ""};
  for (uint32_t k = 0; k < l->n_carries; k++) {
    const Node *n = node_at(m, l->carry[k]);
    NodeId arg = b_input(&m->body, IN_ARG, m->n_args++, n->attr.input.name, n->dtype, *n->shape);
    map_put(m->scratch, &m->inner, l->carry[k], arg);
  }
  for (uint32_t k = 0; k < l->n_sequences; k++) {
    const Node *n = node_at(m, l->element[k]);
    NodeId arg = b_input(&m->body, IN_ARG, m->n_args++, n->attr.input.name, n->dtype, *n->shape);
    map_put(m->scratch, &m->inner, l->element[k], arg);
  }
  for (NodeId id = m->mark; id < m->len; id++)
    if (is_inside(m, id)) inner_of(m, id);
}

// The copies of this loop, and those of the loops in it, which are its own now.
static void keep_copies(Elab *e, Move *m, NodeId loop) {
  Ctx *c = m->c;
  size_t n = 0;
  for (size_t i = 0; i < c->copied.len; i++) {
    Copied one = c->copied.data[i];
    if (is_inside(m, one.node)) continue;
    one.node = outer_of(m, one.node);
    one.loop = is_inside(m, one.loop) ? loop : outer_of(m, one.loop);
    c->copied.data[n++] = one;
  }
  c->copied.len = n;
  for (NodeId id = m->first; id < m->mark; id++)
    if (is_inside(m, id)) vec_push(e->a, &c->copied, ((Copied){id, loop}));
}

NodeId loop_move_axis(Elab *e, NodeId x, uint32_t from, uint32_t to) {
  uint8_t perm[MAX_RANK];
  uint32_t rank = node_of(e, x)->shape->rank, other = 0;
  if (from == to) return x;
  for (uint32_t i = 0; i < rank; i++) {
    other += other == from;
    perm[i] = (uint8_t)(i == to ? from : other++);
  }
  return b_transpose(&e->fn->b, x, perm);
}

Value loop_make(Elab *e, const Loop *l, uint32_t mark, const Head *h) {
  Arena *a = arena_child(e->fn->b.g->arena); // of what only making the loop needs
  Move m = {.c = e->fn, .scratch = a, .mark = mark};
  move_out(e, &m, l);
  uint32_t n_yields = (uint32_t)l->yields.len, n_results = n_yields + l->n_carries;
  NodeId *roots = ARENA_ARRAY(a, n_results, NodeId);
  for (uint32_t k = 0; k < l->n_carries; k++)
    roots[k] = inner_of(&m, l->next[k] == NO_NODE ? l->carry[k] : l->next[k]);
  for (uint32_t k = 0; k < n_yields; k++) roots[l->n_carries + k] = inner_of(&m, l->yields.data[k]);
  graph_set_roots(m.body.g, roots, n_results);
  remember(e, &m);
  ScanAttr s = {
      .body = m.body.g, .length = l->length, .n_carries = l->n_carries, .n_sequences = l->n_sequences};
  s.n_yields = n_yields;
  s.reverse = h->reverse;
  s.recompute = (uint32_t)h->recompute;
  NodeId *in = ARENA_ARRAY(a, (size_t)m.n_args, NodeId);
  uint32_t n = 0;
  for (uint32_t k = 0; k < l->n_carries; k++) in[n++] = outer_of(&m, l->init[k]);
  for (uint32_t k = 0; k < l->n_sequences; k++) in[n++] = outer_of(&m, l->sequence[k]);
  for (size_t k = 0; k < m.captured.len; k++) in[n++] = m.captured.data[k];
  Builder *b = &e->fn->b;
  b->span = user_span(e, l->x->span);
  NodeId scan = b_scan(b, &s, in, n);
  keep_copies(e, &m, scan);
  uint32_t n_values = n_yields + l->n_named;
  Value *v = ARENA_ARRAY(e->a, n_values, Value);
  NodeId *last = ARENA_ARRAY(e->a, l->stores.len, NodeId);
  for (uint32_t k = n_values; k < n_results; k++) last[k - n_values] = b_scan_result(b, scan, k);
  loop_write_stores(e, l, last);
  arena_free(a);
  for (uint32_t k = 0; k < n_values; k++) {
    NodeId r = b_scan_result(b, scan, k);
    uint32_t rank = node_of(e, r)->shape->rank;
    int64_t axis = h->axis < 0 ? h->axis + rank : h->axis;
    if (k < n_yields && (axis < 0 || axis >= (int64_t)rank)) {
      Diag *g = err(e, DIAG_E0203, l->x->span, "what is yielded can't be stacked along axis %lld",
                    (long long)h->axis);
      diag_label(g, "the result is %s, the new axis first", tensor_text(e, r));
      return v_poison();
    }
    if (k < n_yields) r = loop_move_axis(e, r, 0, (uint32_t)axis);
    v[k] = v_tensor(e, r);
  }
  return n_values == 1 ? v[0] : v_list(e, V_TUPLE, v, n_values);
}
