// Test blocks: a test is a function of the program, its assertions are results of it (ir/program.h). An
// assertion of something static in the test's own body is one, too, so that a test that fails never stops
// others.
#include "frontend/builtins.h"

#include <math.h>

static const double gradient_tolerance = 1e-5;

// ---- assertions

static void prove(Elab *e, Evidence x) {
  if (e->fn->test) vec_push(e->a, &e->fn->test->evidence, x);
}

// What is known about the mask: what made it, or the comparison that it is.
static Evidence evidence_of(Elab *e, NodeId holds) {
  const TestBuild *t = e->fn->test;
  for (size_t i = 0; i < t->evidence.len; i++)
    if (t->evidence.data[i].holds == holds) return t->evidence.data[i];
  const Node *n = node_of(e, holds);
  if (op_kind(n->op) == KIND_CMP) return (Evidence){holds, n->in[0], n->in[1], CHECK_COMPARED, 0};
  return (Evidence){holds, NO_NODE, NO_NODE, CHECK_HOLDS, 0};
}

static uint32_t add_result(Elab *e, NodeId n) {
  vec_push(e->a, &e->fn->test->results, n);
  return (uint32_t)e->fn->test->results.len - 1;
}

static void add_check(Elab *e, const Stmt *s, NodeId holds) {
  Evidence x = evidence_of(e, holds);
  Span at = s->u.assertion.cond->span;
  const Expr *message = s->u.assertion.message;
  TestCheck c = {
      .kind = x.kind, .span = at, .message = message ? message->u.str.text : NULL, .tolerance = x.tolerance};
  c.holds = add_result(e, holds);
  if (x.kind != CHECK_HOLDS) {
    Shape shape = *node_of(e, holds)->shape;
    c.left = add_result(e, broadcast_to(e, x.left, &shape, at, "`assert`"));
    c.right = add_result(e, broadcast_to(e, x.right, &shape, at, "`assert`"));
  }
  vec_push(e->a, &e->fn->test->checks, c);
}

bool asserted_mask(Elab *e, const Stmt *s, Value *v) {
  Span at = s->u.assertion.cond->span;
  if (!outside_loops(e, at, "`assert` of a tensor", "yield the mask, and assert it after")) return false;
  NodeId n = to_node(e, *v, DT_COUNT, at);
  if (n == NO_NODE) return false;
  Builder *b = &e->fn->b;
  bool is_mask = node_of(e, n)->dtype == DT_MASK;
  if (is_mask && e->fn->guard != NO_NODE) // nothing is asserted where the mask of the `when` is false
    *v = v_tensor(e, b_ew2(b, OP_OR, b_ew1(b, OP_NOT, e->fn->guard), n));
  else
    *v = v_tensor(e, n);
  if (is_mask) return true;
  diag_label(err(e, DIAG_E0202, at, "`assert` wants a bool or a mask"), "this is %s", tensor_text(e, n));
  return false;
}

bool test_assert(Elab *e, const Stmt *s, Value v) {
  if (!e->fn->test) return false;
  bool own = e->frame->what == e->fn && !e->loop; // not in a function that the test calls
  if (v.kind == V_BOOL ? !own : !v_graph_bound(v) && v.kind != V_STORE) return false;
  if (asserted_mask(e, s, &v)) add_check(e, s, v.u.node);
  return true;
}

// ---- the block

// Results of gradchecks stand before all others.
static void add_roots(Elab *e, Ctx *c) {
  TestBuild *t = c->test;
  uint32_t first = (uint32_t)t->points.len;
  for (size_t i = 0; i < t->points.len; i++)
    add_root(e, c, t->points.data[i], ROOT_RESULT,
             arena_printf(e->a, "%s_%zu", i % 2 ? "value" : "x", i / 2));
  for (size_t i = 0; i < t->results.len; i++)
    add_root(e, c, t->results.data[i], ROOT_RESULT, arena_printf(e->a, "check_%zu", i));
  for (size_t i = 0; i < t->checks.len; i++) {
    TestCheck *k = &t->checks.data[i];
    k->holds += first, k->left += first, k->right += first;
  }
}

void elaborate_test(Elab *e, const Stmt *s) {
  const char *name = arena_printf(e->a, "test_%zu", e->tests.len + 1);
  Ctx *c = ctx_new(e, CTX_FN, FN_TEST, name, NULL, 1, s->span);
  c->test = ARENA_NEW(e->a, TestBuild);
  Saved saved = enter_ctx(e, c, scope_new(e, e->top, SCOPE_LOCAL));
  if (exec_block(e, &s->u.test.body) == FLOW_RETURN)
    diag_label(err(e, DIAG_E0610, e->ret_span, "`return` can't stand here"), "a test gives nothing back");
  leave_ctx(e, saved);
  add_roots(e, c);
  Test t = {.name = s->u.test.title->u.str.text,
            .fn = ctx_finish(e, c),
            .checks = c->test->checks.data,
            .n_checks = (uint32_t)c->test->checks.len,
            .span = s->span};
  vec_push(e->a, &e->tests, t);
}

// ---- what tests ask

// a == b, or |a - b| <= tolerance (1 + |b|) where b is finite.
static Value close_mask(Elab *e, Value a, Value b, double tolerance, Span at) {
  Value distance = ew_unary(e, OP_ABS, ew_binary(e, OP_SUB, a, b, at, "close"), at, at);
  if (distance.kind == V_POISON) return distance;
  Value size = ew_unary(e, OP_ABS, b, at, at);
  Value allowed = ew_binary(e, OP_MUL, ew_binary(e, OP_ADD, size, v_float(1), at, "close"),
                            v_float(tolerance), at, "close");
  Value near = ew_binary(e, OP_LE, distance, allowed, at, "close");
  Value finite = ew_binary(e, OP_LT, size, v_float(INFINITY), at, "close");
  Value same = ew_binary(e, OP_EQ, a, b, at, "close");
  return ew_binary(e, OP_OR, same, ew_binary(e, OP_AND, near, finite, at, "close"), at, "close");
}

static Value bi_close(Elab *e, const BuiltinCall *c) {
  double tolerance = 1e-5;
  if (c->v[2].kind != V_ABSENT) {
    if (!v_is_number(c->v[2]) || !(v_number(c->v[2]) >= 0)) {
      diag_label(err(e, DIAG_E0202, c->spans[2], "`tol` is a static number, 0 or more"), "this is %s",
                 v_describe(e, c->v[2]));
      return v_poison();
    }
    tolerance = v_number(c->v[2]);
  }
  NodeId n[2];
  if (!unify(e, c->v, n, 2, true, c->span, "close")) return v_poison();
  if (!dtype_is_real(node_of(e, n[0])->dtype)) {
    Diag *g = err(e, DIAG_E0204, c->span, "`close` compares real numbers");
    diag_label(g, "%s and %s", tensor_text(e, n[0]), tensor_text(e, n[1]));
    diag_note(g, "other types are compared with `==`");
    return v_poison();
  }
  Value v = close_mask(e, v_tensor(e, n[0]), v_tensor(e, n[1]), tolerance, c->span);
  if (v.kind != V_POISON) prove(e, (Evidence){v.u.node, n[0], n[1], CHECK_CLOSE, tolerance});
  return v;
}

static NodeId test_input(Elab *e, const char *name, NodeId like, Span at) {
  Ctx *c = e->fn;
  const Node *n = node_of(e, like);
  FnInput in = {arena_printf(e->a, "%s_%zu", name, c->inputs.len / 2), n->dtype, *n->shape, at};
  NodeId input = b_input(&c->b, IN_ARG, (uint32_t)c->inputs.len, in.name, in.dtype, in.shape);
  vec_push(e->a, &c->inputs, in);
  return input;
}

static bool gradcheck_fits(Elab *e, const BuiltinCall *c, NodeId x) {
  if (!outside_loops(e, c->span, "`gradcheck`", "check the scan as a whole")) return false;
  if (!e->fn->test || e->fn->test->in_gradcheck) {
    diag_label(err(e, DIAG_E0611, c->span, "`gradcheck` can't stand here"),
               e->fn->test ? "not inside of another one" : "it belongs to a `test` block");
    return false;
  }
  if (x == NO_NODE) return false;
  if (node_of(e, x)->dtype == e->real) return true;
  diag_label(err(e, DIAG_E0204, c->spans[1], "`gradcheck` is with respect to a tensor of type `real`"),
             "this is %s", tensor_text(e, x));
  return false;
}

// f(x), a scalar; NO_NODE after an error.
static NodeId applied_to(Elab *e, const BuiltinCall *c, Value x) {
  const char *none = NULL;
  Args args = {.n = 1, .names = &none, .v = &x, .spans = &c->spans[1], .name_spans = &c->spans[1]};
  e->fn->test->in_gradcheck = true;
  Value v = call_value(e, c->v[0], &args, c->call, c->span);
  e->fn->test->in_gradcheck = false;
  NodeId y = v.kind == V_POISON ? NO_NODE : to_real(e, v, c->spans[0]);
  if (y == NO_NODE || node_of(e, y)->shape->rank == 0) return y;
  Diag *g = err(e, DIAG_E0203, c->spans[0], "`gradcheck` wants a function whose result is a scalar");
  diag_label(g, "it gives %s", tensor_text(e, y));
  diag_note(g, "`mean(…)` or `sum(…)` makes one number of it");
  return NO_NODE;
}

static Value bi_gradcheck(Elab *e, const BuiltinCall *c) {
  NodeId x = to_real(e, c->v[1], c->spans[1]);
  if (!gradcheck_fits(e, c, x)) return v_poison();
  NodeId point = test_input(e, "point", x, c->span), numeric = test_input(e, "numeric", x, c->span);
  NodeId y = applied_to(e, c, v_tensor(e, point));
  if (y == NO_NODE) return v_poison();
  Value of[2] = {v_tensor(e, y), v_tensor(e, point)};
  Value g = grad_call(e, &(BuiltinCall){c->fn, c->call, c->span, of, c->spans});
  if (g.kind == V_POISON) return g;
  vec_push(e->a, &e->fn->test->points, x);
  vec_push(e->a, &e->fn->test->points, y);
  Value v = close_mask(e, g, v_tensor(e, numeric), gradient_tolerance, c->span);
  if (v.kind != V_POISON)
    prove(e, (Evidence){v.u.node, g.u.node, numeric, CHECK_GRADIENT, gradient_tolerance});
  return v;
}

static const Builtin table[] = {
    {"close", "a b ?tol", bi_close, 0},
    {"gradcheck", "f x", bi_gradcheck, 0},
};

const Builtin *test_builtins(uint32_t *n) {
  *n = sizeof table / sizeof *table;
  return table;
}
