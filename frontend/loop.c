// `scan`: its head, `yield`, `next`. The body is elaborated into the graph around it, with stand-ins for the
// carries, the elements and the iteration; then it moves out (loop_body.c).
#include "frontend/loop.h"

#include "ir/base/checked.h"

#include <string.h>

// ---- yield and next

static Loop *loop_here(Elab *e, const Stmt *s, const char *what) {
  Loop *l = e->loop;
  if (l && l->frame == e->frame) return outside_when(e, s->span, what, l->when_depth) ? l : NULL;
  diag_label(err(e, DIAG_E0610, s->span, "%s can't stand here", what), "it belongs to a `scan`");
  return NULL;
}

// The yields of all iterations are one tensor.
static bool stacks(Elab *e, const Loop *l, NodeId n, Span at) {
  Shape s = *node_of(e, n)->shape;
  if (s.rank == MAX_RANK) {
    diag_label(err(e, DIAG_E0203, at, "what is yielded gets one axis more"), "this has %d already", MAX_RANK);
    return false;
  }
  memmove(s.d + 1, s.d, s.rank++ * sizeof *s.d);
  s.d[0] = l->length;
  return check_elements(e, &s, at);
}

// The type of what a loop keeps: a number has the one that it was declared with, `let k: i32 = 3;`.
static DType kept_type(const Elab *e, Value v) {
  return v_is_number(v) && v.ctx ? (DType)(v.ctx - 1) : e->real;
}

Flow exec_yield(Elab *e, const Stmt *s) {
  Loop *l = loop_here(e, s, "`yield`");
  Value v = eval(e, s->u.value);
  if (!l && !(e->loop && e->loop->frame == e->frame)) { // a `return`, perhaps
    e->ret = v_poison();
    e->ret_span = s->span;
    return FLOW_FAILED;
  }
  if (!l || v.kind == V_POISON) {
    if (l) l->bad = true;
    return FLOW_NEXT;
  }
  bool several = v.kind == V_TUPLE;
  for (uint32_t i = 0; i < (several ? v.u.list.len : 1); i++) {
    Value one = several ? v.u.list.data[i] : v;
    NodeId n = to_node(e, one, kept_type(e, one), s->u.value->span);
    if (n != NO_NODE && !stacks(e, l, n, s->u.value->span)) n = NO_NODE;
    l->bad = l->bad || n == NO_NODE;
    vec_push(e->a, &l->yields, n);
  }
  return FLOW_NEXT;
}

static bool find_carry(const Loop *l, const char *name, uint32_t *k) {
  for (*k = 0; *k < l->n_named; ++*k)
    if (l->x->u.scan.carries.data[*k].name.text == name) return true;
  return false;
}

bool loop_carries(const Loop *l, const char *name) {
  uint32_t k;
  return find_carry(l, name, &k);
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
  if (l->next[k] != NO_NODE) {
    diag_label(err(e, DIAG_E0205, n->name.span, "`%s` has its next value already", n->name.text),
               "an iteration gives a carry one");
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
    id = broadcast_to(e, id, like.shape, n->value->span,
                      arena_printf(e->a, "the carry `%s` is %s", n->name.text, shape_text(e, like.shape)));
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

bool made_outside_loop(Elab *e, Span at, const char *what, const char *instead) {
  return !e->loop || e->loop->inst != e->inst || outside_loops(e, at, what, instead);
}

bool outside_loops(Elab *e, Span at, const char *what, const char *instead) {
  if (!e->loop) return true;
  Diag *g = err(e, DIAG_E0610, at, "%s can't stand in a `scan`", what);
  diag_label(g, "its body is run many times");
  diag_note(g, "%s", instead);
  return false;
}

// ---- the head

static bool recompute_fits(Elab *e, const Named *n, int64_t k) {
  if (k >= 1 && k <= INT32_MAX) return true;
  Diag *g = err(e, DIAG_E0302, n->value->span, "`recompute` saves the carries of every k-th iteration");
  diag_label(g, "k is %lld here", (long long)k);
  return false;
}

const char *const scan_options[N_SCAN_OPTIONS] = {"axis", "reverse", "recompute"};

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
      ok = eval_int(e, n->value, &h->recompute, "`recompute`") && recompute_fits(e, n, h->recompute) && ok;
    } else {
      Diag *g = err(e, DIAG_E0202, n->name.span, "a scan has no option `%s`", n->name.text);
      const char *ours = nearest_of(n->name.text, scan_options, N_SCAN_OPTIONS);
      if (ours)
        diag_label(g, "did you mean `%s`?", ours);
      else
        diag_label(g, "`axis`, `reverse` and `recompute` stand before the `;`, carries after it");
      return false;
    }
  }
  return ok;
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
  Shape s = *node_of(e, n)->shape;
  int64_t axis = h->axis < 0 ? h->axis + s.rank : h->axis;
  if (axis < 0 || axis >= (int64_t)s.rank) {
    Diag *g = err(e, DIAG_E0203, at, "a scan runs over axis %lld", (long long)h->axis);
    diag_label(g, "this is %s", tensor_text(e, n));
    if (v.kind == V_INT) diag_help(g, "write `0..%lld`", (long long)v.u.i);
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
  l->sequence[l->n_sequences++] = loop_move_axis(e, n, (uint32_t)axis, 0);
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
    if (a.b < INT32_MIN || dim_at(b, e->fn->b.g->symbol ? e->fn->b.g->bound : 1) > INT32_MAX) {
      diag_label(err(e, DIAG_E0302, r->span, "the number of an iteration is an i32"), "from %lld to %s",
                 (long long)a.b, dim_text(e, b));
      return false;
    }
    warn_backwards(e, r);
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
    Shape s = *n->shape;
    memmove(s.d, s.d + 1, --s.rank * sizeof *s.d);
    l->element[i] = stand_for(e, IN_ARG, n->dtype, s, "element");
    parts[i] = v_tensor(e, l->element[i]);
  }
  return l->several ? v_list(e, V_TUPLE, parts, l->n_sequences) : parts[0];
}

static bool carries(Elab *e, Loop *l) {
  const NamedList *list = &l->x->u.scan.carries;
  bool ok = true;
  loop_find_stores(e, l);
  l->n_named = list->len;
  l->n_carries = list->len + (uint32_t)l->stores.len;
  l->carry = ARENA_ARRAY(e->a, l->n_carries, NodeId);
  l->init = ARENA_ARRAY(e->a, l->n_carries, NodeId);
  l->next = ARENA_ARRAY(e->a, l->n_carries, NodeId);
  for (size_t i = 0; i < l->stores.len; i++) l->init[list->len + i] = l->stores.data[i].before;
  for (uint32_t k = 0; k < list->len; k++) {
    Value v = eval(e, list->data[k].value);
    l->next[k] = NO_NODE;
    l->init[k] = v.kind == V_POISON ? NO_NODE : to_node(e, v, kept_type(e, v), list->data[k].value->span);
    ok = ok && l->init[k] != NO_NODE;
  }
  return ok;
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
  for (uint32_t k = 0; k < l->n_named; k++) {
    const Named *c = &x->u.scan.carries.data[k];
    scope_bind(e, e->scope, c->name.text, v_tensor(e, l->carry[k]), c->name.span);
  }
  loop_enter_stores(e, l);
  l->up = e->loop;
  e->loop = l;
  Flow f = exec_stmts(e, &x->u.scan.body);
  if (f == FLOW_RETURN)
    diag_label(err(e, DIAG_E0610, e->ret_span, "`return` can't stand in a `scan`"), "`yield` gives a value");
  ok = ok && f == FLOW_NEXT && !lost_statement(&x->u.scan.body);
  e->loop = l->up;
  e->scope = saved;
  loop_leave_stores(e, l);
  return ok && !l->bad;
}

Value eval_loop(Elab *e, const Expr *x) {
  Loop l = {.frame = e->frame,
            .inst = e->inst,
            .fn = e->fn,
            .x = x,
            .when_depth = e->fn->when_depth,
            .iteration = NO_NODE};
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
    const char *name =
        k < l.n_named ? x->u.scan.carries.data[k].name.text : l.stores.data[k - l.n_named].ref->name;
    l.carry[k] = stand_for(e, IN_ARG, n.dtype, *n.shape, name);
  }
  bool good = run(e, &l, element);
  if (leaks(e, &l, mark) || !good) return v_poison();
  if (l.yields.len + l.n_carries == 0 && !e->rerun) { // stores that it updates show in the second pass
    diag_label(err(e, DIAG_E0202, x->span, "this scan has no result"), "it neither yields nor carries");
    return v_poison();
  }
  return loop_make(e, &l, mark, &h);
}

// What is kept of each carry must be a tensor.
static void check_history(Elab *e, const Graph *g, const Node *n) {
  const ScanAttr *s = n->attr.scan;
  int64_t kept = dim_at(s->length, g->bound) / (s->recompute > 0 ? s->recompute : 1), count;
  for (uint32_t k = 0; k < s->n_carries; k++) {
    const Shape *carry = graph_node(g, n->in[k])->shape;
    if (checked_mul(shape_elements(carry, g->bound), kept, &count) && count <= MAX_ELEMENTS) continue;
    Diag *d = err(e, DIAG_E0804, n->span, "the derivative of this loop keeps more than 2^40 elements");
    diag_label(d, "%s iterations, a carry of %s", dim_text(e, s->length), shape_text(e, carry));
    diag_note(d, "`recompute = k` keeps the carries of every k-th iteration only");
    return;
  }
}

// A loop of dynamic length is cut into blocks, and a rest of fixed size, where its length is a multiple of k
// but for that rest.
static void check_blocks(Elab *e, const Node *n) {
  int64_t k = n->attr.scan->recompute;
  if (k == 0 || n->attr.scan->length.a % k == 0) return;
  Diag *d = err(e, DIAG_E0225, n->span,
                "this loop has a gradient, and its length is not one of blocks of %lld", (long long)k);
  diag_label(d, "%s iterations", dim_text(e, n->attr.scan->length));
  diag_note(d, "leave `recompute` out, or make the length static or a multiple of it");
}

void check_loops(Elab *e, const Graph *g) {
  bool *needed = ARENA_ARRAY(e->a, g->len, bool);
  for (NodeId id = g->len; id-- > 0;) {
    const Node *n = graph_node(g, id);
    if (n->op == OP_GRAD) needed[n->in[0]] = true;
    for (uint32_t i = 0; i < n->n_in && needed[id]; i++) needed[n->in[i]] = true;
    if (n->op != OP_SCAN) continue;
    check_loops(e, n->attr.scan->body);
    if (!needed[id]) continue;
    check_blocks(e, n);
    check_history(e, g, n);
  }
}
