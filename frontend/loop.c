// `scan`. Its body is elaborated into the graph around it, with stand-ins for the carries, the elements and
// the iteration; then what depends on these moves into a graph of its own. What does not depend on them stays
// where it is, before the loop.
#include "frontend/sema.h"

#include <string.h>

struct Loop {
  const Frame *frame; // of the expression: `yield` and `next` belong to its body
  const Expr *x;
  uint32_t n_carries, n_sequences;
  NodeId *carry, *init, *next; // stand-ins; what they begin with; what they become, NO_NODE: themselves
  NodeId *element, *sequence;
  VEC(NodeId) yields;
  NodeId iteration; // NO_NODE: not over a range
  Dim length;
  int64_t from; // of the range
  bool has_length, several, bad;
};

// ---- yield and next

static Loop *loop_here(Elab *e, const Stmt *s, const char *what) {
  if (e->loop && e->loop->frame == e->frame) return e->loop;
  diag_label(err(e, DIAG_E0610, s->span, "%s can't stand here", what), "it belongs to a `scan`");
  return NULL;
}

void exec_yield(Elab *e, const Stmt *s) {
  Loop *l = loop_here(e, s, "`yield`");
  Value v = eval(e, s->u.value);
  if (!l || v.kind == V_POISON) {
    if (l) l->bad = true;
    return;
  }
  bool several = v.kind == V_TUPLE;
  for (uint32_t i = 0; i < (several ? v.u.list.len : 1); i++) {
    NodeId n = to_node(e, several ? v.u.list.data[i] : v, e->real, s->u.value->span);
    if (n != NO_NODE && node_of(e, n)->shape.rank == MAX_RANK) {
      diag_label(err(e, DIAG_E0203, s->u.value->span, "what is yielded gets one axis more"),
                 "this has %d already", MAX_RANK);
      n = NO_NODE;
    }
    l->bad = l->bad || n == NO_NODE;
    vec_push(e->a, &l->yields, n);
  }
}

static bool find_carry(const Loop *l, const char *name, uint32_t *k) {
  for (*k = 0; *k < l->n_carries; ++*k)
    if (l->x->u.scan.carries.data[*k].name.text == name) return true;
  return false;
}

static void next_value(Elab *e, Loop *l, const Named *n, Value v) {
  uint32_t k;
  if (v.kind == V_POISON) {
    l->bad = true;
    return;
  }
  if (!find_carry(l, n->name.text, &k)) {
    diag_label(err(e, DIAG_E0202, n->name.span, "`%s` is not carried", n->name.text),
               "carries stand after the `;` of the scan's head");
    l->bad = true;
    return;
  }
  const Node like = *node_of(e, l->carry[k]);
  NodeId id = to_node(e, v, like.dtype, n->value->span);
  if (id != NO_NODE && node_of(e, id)->dtype != like.dtype) {
    diag_label(
        err(e, DIAG_E0204, n->value->span, "the carry `%s` is %s", n->name.text, dtype_name(like.dtype)),
        "this is %s", tensor_text(e, id));
    id = NO_NODE;
  }
  if (id != NO_NODE)
    id = broadcast_to(e, id, &like.shape, n->value->span,
                      arena_printf(e->a, "the carry `%s` is %s", n->name.text, shape_text(e, &like.shape)));
  l->next[k] = id;
  l->bad = l->bad || id == NO_NODE;
}

void exec_next(Elab *e, const Stmt *s) {
  Loop *l = loop_here(e, s, "`next`");
  const NamedList *list = &s->u.next;
  Value *v = ARENA_ARRAY(e->a, list->len, Value);
  for (uint32_t i = 0; i < list->len; i++) v[i] = eval(e, list->data[i].value);
  for (uint32_t i = 0; l && i < list->len; i++) next_value(e, l, &list->data[i], v[i]);
}

bool outside_loop(Elab *e, Span at, const char *what, const char *instead) {
  return !e->loop || e->loop->frame != e->frame || outside_loops(e, at, what, instead);
}

bool outside_loops(Elab *e, Span at, const char *what, const char *instead) {
  if (!e->loop) return true;
  Diag *g = err(e, DIAG_E0610, at, "%s can't stand in a `scan`", what);
  diag_label(g, "its body is run many times");
  diag_note(g, "%s", instead);
  return false;
}

// ---- the head

typedef struct Head {
  int64_t axis;
  bool reverse;
} Head;

static bool options(Elab *e, const NamedList *list, Head *h) {
  bool ok = true;
  *h = (Head){0};
  for (uint32_t i = 0; i < list->len; i++) {
    const Named *n = &list->data[i];
    if (!strcmp(n->name.text, "axis")) {
      ok = eval_int(e, n->value, &h->axis, "`axis`") && ok;
    } else if (!strcmp(n->name.text, "reverse")) {
      ok = eval_bool(e, n->value, &h->reverse, "`reverse`") && ok;
    } else if (!strcmp(n->name.text, "recompute")) {
      not_yet(e, n->name.span, "`recompute`");
      ok = false;
    } else {
      diag_label(err(e, DIAG_E0202, n->name.span, "a scan has no option `%s`", n->name.text),
                 "`axis`, `reverse` and `recompute` stand before the `;`");
      ok = false;
    }
  }
  return ok;
}

// Axis `from` of x becomes axis `to`; the others keep their order.
static NodeId move_axis(Elab *e, NodeId x, uint32_t from, uint32_t to) {
  uint8_t perm[MAX_RANK];
  uint32_t rank = node_of(e, x)->shape.rank, other = 0;
  if (from == to) return x;
  for (uint32_t i = 0; i < rank; i++) {
    other += other == from;
    perm[i] = (uint8_t)(i == to ? from : other++);
  }
  return b_transpose(&e->fn->b, x, perm);
}

// A stand-in; it is gone when the loop is made.
static NodeId stand_for(Elab *e, InputRole role, DType t, Shape s, const char *name) {
  return b_input(&e->fn->b, role, 0, name, t, s);
}

static bool add_sequence(Elab *e, Loop *l, Value v, const Head *h) {
  Span at = l->x->u.scan.in.span;
  if (v.kind == V_POISON) return false;
  NodeId n = to_node(e, v, e->real, at);
  if (n == NO_NODE) return false;
  Shape s = node_of(e, n)->shape;
  int64_t axis = h->axis < 0 ? h->axis + s.rank : h->axis;
  if (axis < 0 || axis >= (int64_t)s.rank) {
    Diag *g = err(e, DIAG_E0203, at, "a scan runs over axis %lld", (long long)h->axis);
    diag_label(g, "this is %s", tensor_text(e, n));
    return false;
  }
  Dim length = s.d[axis];
  if (l->has_length && !dim_eq(length, l->length)) {
    Diag *g = err(e, DIAG_E0203, at, "the sequences of a scan have different lengths");
    diag_label(g, "%s and %s", dim_text(e, l->length), dim_text(e, length));
    return false;
  }
  l->length = length;
  l->has_length = true;
  l->sequence[l->n_sequences++] = move_axis(e, n, (uint32_t)axis, 0);
  return true;
}

// What it runs over.
static bool sequences(Elab *e, Loop *l, const Head *h) {
  const Range *r = &l->x->u.scan.in;
  Value from = eval(e, r->from);
  if (r->to) {
    Value to = eval(e, r->to);
    Dim a, b;
    if (from.kind == V_POISON || to.kind == V_POISON) return false;
    if (!v_as_dim(from, &a) || !v_as_dim(to, &b) || !dim_static(a)) {
      diag_label(err(e, DIAG_E0202, r->span, "the range of a scan is of sizes"), "from %s to %s",
                 v_describe(e, from), v_describe(e, to));
      return false;
    }
    l->length = (Dim){b.a, b.b - a.b};
    if (dim_static(l->length) && l->length.b < 0) l->length.b = 0;
    l->has_length = true;
    l->from = a.b;
    return true;
  }
  l->several = from.kind == V_TUPLE;
  uint32_t n = l->several ? from.u.list.len : 1;
  l->element = ARENA_ARRAY(e->a, n, NodeId);
  l->sequence = ARENA_ARRAY(e->a, n, NodeId);
  for (uint32_t i = 0; i < n; i++)
    if (!add_sequence(e, l, l->several ? from.u.list.data[i] : from, h)) return false;
  return true;
}

// What the pattern is bound to: stand-ins for an element of each sequence, or for the number of the
// iteration.
static Value elements(Elab *e, Loop *l) {
  if (l->n_sequences == 0) {
    NodeId i = l->iteration = stand_for(e, IN_ITERATION, DT_I32, (Shape){0}, "iteration");
    if (l->from != 0) i = b_ew2(&e->fn->b, OP_ADD, i, b_scalar(&e->fn->b, DT_I32, (double)l->from));
    return v_tensor(e, i);
  }
  Value *parts = ARENA_ARRAY(e->a, l->n_sequences, Value);
  for (uint32_t i = 0; i < l->n_sequences; i++) {
    const Node *n = node_of(e, l->sequence[i]);
    Shape s = n->shape;
    memmove(s.d, s.d + 1, --s.rank * sizeof *s.d);
    l->element[i] = stand_for(e, IN_ARG, n->dtype, s, "element");
    parts[i] = v_tensor(e, l->element[i]);
  }
  return l->several ? v_list(e, V_TUPLE, parts, l->n_sequences) : parts[0];
}

static bool carries(Elab *e, Loop *l) {
  const NamedList *list = &l->x->u.scan.carries;
  bool ok = true;
  l->n_carries = list->len;
  l->carry = ARENA_ARRAY(e->a, list->len, NodeId);
  l->init = ARENA_ARRAY(e->a, list->len, NodeId);
  l->next = ARENA_ARRAY(e->a, list->len, NodeId);
  for (uint32_t k = 0; k < list->len; k++) {
    Value v = eval(e, list->data[k].value);
    l->next[k] = NO_NODE;
    l->init[k] = v.kind == V_POISON ? NO_NODE : to_node(e, v, e->real, list->data[k].value->span);
    ok = ok && l->init[k] != NO_NODE;
  }
  return ok;
}

// ---- the body moves out

typedef struct Move {
  Ctx *c;
  const Node *nodes; // of the graph as it was; those from `mark` on are the body's
  uint32_t mark, len;
  bool *inside;  // depends on a stand-in, or a draw
  NodeId *outer; // where a node that stays went
  NodeId *inner; // where a node is in the body
  Builder body;
  uint32_t n_args;
  VEC(NodeId) captured; // of the graph around, in the order of arguments
} Move;

static bool is_stand_in(const Loop *l, NodeId id) {
  for (uint32_t k = 0; k < l->n_carries; k++)
    if (l->carry[k] == id) return true;
  for (uint32_t k = 0; k < l->n_sequences; k++)
    if (l->element[k] == id) return true;
  return l->iteration == id;
}

static void find_inside(Move *m, const Loop *l) {
  for (NodeId id = m->mark; id < m->len; id++) {
    const Node *n = &m->nodes[id];
    m->inside[id] = op_kind(n->op) == KIND_RANDOM || is_stand_in(l, id);
    for (uint32_t i = 0; i < n->n_in; i++) m->inside[id] |= m->inside[n->in[i]];
  }
  // A gradient by something outside goes through what is computed of it outside, but not through stores: that
  // is copied.
  for (NodeId g = m->mark; g < m->len; g++)
    for (uint32_t k = 1; m->nodes[g].op == OP_GRAD && k < m->nodes[g].n_in; k++) {
      NodeId x = m->nodes[g].in[k];
      if (m->inside[x]) continue;
      bool *depends = ARENA_ARRAY(m->c->b.g->arena, m->len, bool);
      depends[x] = true;
      for (NodeId id = x + 1; id < m->len; id++)
        for (uint32_t i = 0; i < m->nodes[id].n_in; i++)
          depends[id] |= op_kind(m->nodes[id].op) != KIND_EFFECT && depends[m->nodes[id].in[i]];
      for (NodeId id = x + 1; id < m->len; id++) m->inside[id] |= depends[id];
    }
}

static NodeId inner_of(Move *m, NodeId id);

static NodeId capture(Move *m, NodeId id) {
  const Node *n = &m->nodes[id];
  vec_push(m->c->b.g->arena, &m->captured, m->outer[id]);
  return b_input(&m->body, IN_ARG, m->n_args++, "captured", n->dtype, n->shape);
}

static NodeId copy_inside(Move *m, NodeId id) {
  const Node *n = &m->nodes[id];
  NodeId *in = ARENA_ARRAY(m->c->b.g->arena, n->n_in, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++) in[i] = inner_of(m, n->in[i]);
  return b_copy(&m->body, n, in);
}

// Operands come first: those that the body does not have yet are made before their user. Constants are
// copied, so that they are known there.
static NodeId inner_of(Move *m, NodeId id) {
  bool copied = m->inside[id] || m->nodes[id].op == OP_CONST;
  if (m->inner[id] == NO_NODE) m->inner[id] = copied ? copy_inside(m, id) : capture(m, id);
  return m->inner[id];
}

static void stay(Move *m, NodeId id) {
  const Node *n = &m->nodes[id];
  NodeId *in = ARENA_ARRAY(m->c->b.g->arena, n->n_in, NodeId);
  for (uint32_t i = 0; i < n->n_in; i++) in[i] = m->outer[n->in[i]];
  m->outer[id] = b_copy(&m->c->b, n, in);
}

static void moved(const Move *m, NodeId *id) {
  if (*id != NO_NODE && *id >= m->mark) *id = m->outer[*id];
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
  Arena *a = g->arena;
  m->nodes = arena_copy(a, g->nodes, g->len * sizeof *g->nodes);
  m->len = g->len;
  m->inside = ARENA_ARRAY(a, m->len, bool);
  m->outer = ARENA_ARRAY(a, m->len, NodeId);
  m->inner = ARENA_ARRAY(a, m->len, NodeId);
  memset(m->inner, 0xff, m->len * sizeof *m->inner);
  find_inside(m, l);
  e->n_nodes += g->len - m->c->counted;
  g->len = m->mark;
  for (NodeId id = 0; id < m->len; id++) {
    m->outer[id] = id < m->mark ? id : NO_NODE;
    if (id >= m->mark && !m->inside[id]) stay(m, id);
  }
  m->c->counted = g->len;
  m->body = (Builder){.g = graph_new(a, g->symbol, g->bound), .real = m->c->b.real, .path = ""};
  for (uint32_t k = 0; k < l->n_carries; k++) {
    const Node *n = &m->nodes[l->carry[k]];
    m->inner[l->carry[k]] = b_input(&m->body, IN_ARG, m->n_args++, n->attr.input.name, n->dtype, n->shape);
  }
  for (uint32_t k = 0; k < l->n_sequences; k++) {
    const Node *n = &m->nodes[l->element[k]];
    m->inner[l->element[k]] = b_input(&m->body, IN_ARG, m->n_args++, n->attr.input.name, n->dtype, n->shape);
  }
  for (NodeId id = m->mark; id < m->len; id++)
    if (m->inside[id]) inner_of(m, id);
}

static Value make_loop(Elab *e, const Loop *l, uint32_t mark, const Head *h) {
  Move m = {.c = e->fn, .mark = mark};
  Arena *a = e->fn->b.g->arena;
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
  NodeId *in = ARENA_ARRAY(a, (size_t)m.n_args, NodeId);
  uint32_t n = 0;
  for (uint32_t k = 0; k < l->n_carries; k++) in[n++] = m.outer[l->init[k]];
  for (uint32_t k = 0; k < l->n_sequences; k++) in[n++] = m.outer[l->sequence[k]];
  for (size_t k = 0; k < m.captured.len; k++) in[n++] = m.captured.data[k];
  Builder *b = &e->fn->b;
  b->span = user_span(e, l->x->span);
  NodeId scan = b_scan(b, &s, in, n);
  Value *v = ARENA_ARRAY(e->a, n_results, Value);
  for (uint32_t k = 0; k < n_results; k++) {
    NodeId r = b_scan_result(b, scan, k);
    uint32_t rank = node_of(e, r)->shape.rank;
    int64_t axis = h->axis < 0 ? h->axis + rank : h->axis;
    if (k < n_yields && (axis < 0 || axis >= (int64_t)rank)) {
      Diag *g = err(e, DIAG_E0203, l->x->span, "what is yielded can't be stacked along axis %lld",
                    (long long)h->axis);
      diag_label(g, "the result is %s, the new axis first", tensor_text(e, r));
      return v_poison();
    }
    if (k < n_yields) r = move_axis(e, r, 0, (uint32_t)axis);
    v[k] = v_tensor(e, r);
  }
  return n_results == 1 ? v[0] : v_list(e, V_TUPLE, v, n_results);
}

// ---- the expression

static bool holds_node_from(const Elab *e, Value v, NodeId mark) {
  if (v.kind == V_TENSOR) return v.ctx == e->fn->serial && v.u.node >= mark;
  bool any = false;
  for (uint32_t i = 0; (v.kind == V_LIST || v.kind == V_TUPLE) && i < v.u.list.len; i++)
    any = any || holds_node_from(e, v.u.list.data[i], mark);
  return any;
}

// A variable from outside that got a value of one iteration.
static bool leaks(Elab *e, const Loop *l, NodeId mark) {
  for (Scope *s = e->scope; s; s = s->up)
    for (size_t i = 0; i < s->names.len; i++) {
      Binding *b = s->names.data[i];
      if (!b->is_var || !holds_node_from(e, b->v, mark)) continue;
      Diag *g = err(e, DIAG_E0610, l->x->span, "`%s` is assigned in the body of a scan", b->name);
      diag_label(g, "its value would be that of one iteration");
      diag_note(g, "carry it: `scan(…; %s = …) { … next %s = …; }`", b->name, b->name);
      b->v = v_poison();
      return true;
    }
  return false;
}

static bool run(Elab *e, Loop *l, Value element) {
  const Expr *x = l->x;
  Scope *saved = e->scope;
  e->scope = scope_new(e, saved, SCOPE_LOCAL);
  bool ok = bind_pattern(e, x->u.scan.pattern, element, false);
  for (uint32_t k = 0; k < l->n_carries; k++) {
    const Named *c = &x->u.scan.carries.data[k];
    scope_bind(e, e->scope, c->name.text, v_tensor(e, l->carry[k]), c->name.span);
  }
  Loop *up = e->loop;
  e->loop = l;
  if (exec_stmts(e, &x->u.scan.body) == FLOW_RETURN) {
    diag_label(err(e, DIAG_E0610, e->ret_span, "`return` can't stand in a `scan`"), "`yield` gives a value");
    ok = false;
  }
  e->loop = up;
  e->scope = saved;
  return ok && !l->bad;
}

Value eval_loop(Elab *e, const Expr *x) {
  Loop l = {.frame = e->frame, .x = x, .iteration = NO_NODE};
  Head h;
  if (!options(e, &x->u.scan.options, &h)) return v_poison();
  // Everything from outside comes before the stand-ins, so that the body is one piece.
  bool ok = carries(e, &l);
  ok = sequences(e, &l, &h) && ok;
  if (!ok) return v_poison();
  uint32_t mark = e->fn->b.g->len;
  Value element = elements(e, &l);
  for (uint32_t k = 0; k < l.n_carries; k++) {
    const Node n = *node_of(e, l.init[k]);
    l.carry[k] = stand_for(e, IN_ARG, n.dtype, n.shape, x->u.scan.carries.data[k].name.text);
  }
  bool good = run(e, &l, element);
  if (leaks(e, &l, mark) || !good) return v_poison();
  if (l.yields.len + l.n_carries == 0) {
    diag_label(err(e, DIAG_E0202, x->span, "this scan has no result"), "it neither yields nor carries");
    return v_poison();
  }
  return make_loop(e, &l, mark, &h);
}
