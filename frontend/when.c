// `when c { … }`: what stands in it is elaborated like any block, but its effects are guarded by the mask of
// the function being built (Ctx.guard): a store takes its new value or keeps its old one, an optimizer call
// and a report have the mask beside them.
#include "frontend/sema.h"

// A scalar mask of the graph; NO_NODE after an error.
static NodeId condition(Elab *e, const Expr *x) {
  Value v = eval(e, x);
  if (v.kind == V_POISON) return NO_NODE;
  if (v.kind == V_BOOL) {
    Diag *g = err(e, DIAG_E0202, x->span, "`when` wants a mask that is known at run time");
    diag_label(g, "this is a static bool");
    diag_help(g, "write `if`: it is decided when the program is compiled");
    return NO_NODE;
  }
  if (!v_graph_bound(v) && v.kind != V_STORE) {
    diag_label(err(e, DIAG_E0202, x->span, "`when` wants a scalar mask"), "this is %s", v_describe(e, v));
    return NO_NODE;
  }
  NodeId n = to_node(e, v, DT_COUNT, x->span);
  if (n == NO_NODE) return n;
  const Node *c = node_of(e, n);
  if (c->dtype != DT_MASK) {
    diag_label(err(e, DIAG_E0202, x->span, "`when` wants a scalar mask"), "this is %s", tensor_text(e, n));
    return NO_NODE;
  }
  if (c->shape->rank == 0) return n;
  Diag *g = err(e, DIAG_E0203, x->span, "`when` wants one mask for the whole block");
  diag_label(g, "this is %s", tensor_text(e, n));
  diag_note(g, "`all(…)` or `any(…)` makes one of it; `select(c, a, b)` chooses by element");
  return NO_NODE;
}

void exec_when(Elab *e, const Stmt *s) {
  Ctx *c = e->fn;
  NodeId outer = c->guard, mask = condition(e, s->u.cond.cond);
  if (mask != NO_NODE) c->guard = outer == NO_NODE ? mask : b_ew2(&c->b, OP_AND, outer, mask);
  c->when_depth++;
  if (exec_block(e, &s->u.cond.then) == FLOW_RETURN)
    diag_label(err(e, DIAG_E0610, e->ret_span, "`return` can't stand in a `when`"),
               "the block is elaborated whatever its mask");
  c->when_depth--;
  c->guard = outer;
}

bool outside_when(Elab *e, Span at, const char *what, uint32_t depth) {
  if (e->fn->when_depth == depth) return true;
  diag_label(err(e, DIAG_E0610, at, "%s can't stand in a `when`", what),
             "the block is elaborated whatever its mask");
  return false;
}

NodeId guarded(Elab *e, NodeId is, NodeId otherwise) {
  Builder *b = &e->fn->b;
  if (e->fn->guard == NO_NODE) return is;
  if (otherwise == NO_NODE) otherwise = b_scalar(b, e->real, 0);
  return b_ew3(b, OP_SELECT, e->fn->guard, is, otherwise);
}
