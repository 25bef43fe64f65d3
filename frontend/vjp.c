// Functions with a `vjp` rule: what such a function gives becomes CUSTOM_VJP(y, x…), with the rule as a graph
// of its own, at the shapes of the call.
#include "frontend/sema.h"

enum { MAX_RULE_RESULTS = 64 };

typedef struct RuleArg { // a parameter of the function that has the rule
  Value v;
  Shape shape; // of tensors
  DType dtype;
} RuleArg;

// What a function with a rule gives: a tensor, or a tuple of them. The node CUSTOM_VJP has one value, so the
// real ones of a tuple go through it as one vector; integers carry no gradient and are further inputs of the
// rule.
typedef struct RuleResult {
  Value v;
  bool many;
  NodeId packed;       // the vector; the tensor itself if !many
  VEC(NodeId) integer; // in order
} RuleResult;

static bool pack_leaves(Elab *e, const Closure *c, Value v, RuleResult *r, NodeId *real, uint32_t *n) {
  for (uint32_t i = 0; (v.kind == V_TUPLE || v.kind == V_LIST) && i < v.u.list.len; i++)
    if (!pack_leaves(e, c, v.u.list.data[i], r, real, n)) return false;
  if (v.kind != V_TENSOR) return true;
  const Node *x = node_of(e, v.u.node);
  if (!dtype_is_real(x->dtype)) {
    vec_push(e->a, &r->integer, v.u.node);
    return true;
  }
  Shape flat = {.rank = 1};
  bool ok = shape_count(x->shape, &flat.d[0]) && (*n == 0 || node_of(e, real[0])->dtype == x->dtype);
  if (!ok || *n == MAX_RULE_RESULTS) {
    Diag *g =
        err(e, DIAG_E0704, c->vjp->name.span, "the results of `%s` are too different for a rule", c->name);
    diag_label(g, "they are of one real type, at most %d, each with one dynamic axis", MAX_RULE_RESULTS);
    return false;
  }
  real[(*n)++] = b_reshape(&e->fn->b, v.u.node, flat);
  return true;
}

static bool pack_result(Elab *e, const Closure *c, Value y, RuleResult *r) {
  NodeId real[MAX_RULE_RESULTS];
  uint32_t n = 0;
  *r = (RuleResult){.v = y, .many = y.kind != V_TENSOR, .packed = NO_NODE};
  if (!r->many) {
    r->packed = y.u.node;
    return true;
  }
  if (!pack_leaves(e, c, y, r, real, &n)) return false;
  if (n) r->packed = b_concat(&e->fn->b, real, n, 0);
  return true;
}

// The form of `like`, a value of the function `in`, from the packed vector and the integers.
static Value unpack(Elab *e, const Ctx *in, Value like, NodeId packed, Dim *at, const NodeId **integer) {
  if (like.kind == V_TUPLE || like.kind == V_LIST) {
    Value v = v_list(e, like.kind, like.u.list.data, like.u.list.len);
    for (uint32_t i = 0; i < v.u.list.len; i++)
      v.u.list.data[i] = unpack(e, in, like.u.list.data[i], packed, at, integer);
    return v;
  }
  if (like.kind != V_TENSOR) return like;
  const Node *x = graph_node(in->b.g, like.u.node);
  if (!dtype_is_real(x->dtype)) return v_tensor(e, *(*integer)++);
  Dim size;
  int64_t stride = 1;
  Shape s = *x->shape;
  shape_count(&s, &size);
  NodeId part = b_slice(&e->fn->b, packed, at, &size, &stride);
  at->a += size.a;
  at->b += size.b;
  return v_tensor(e, b_reshape(&e->fn->b, part, s));
}

static Value like_result(Elab *e, const Ctx *outer, const RuleResult *r, NodeId packed,
                         const NodeId *integer) {
  Dim at = dim_of(0);
  return r->many ? unpack(e, outer, r->v, packed, &at, &integer) : v_tensor(e, packed);
}

static bool rule_inputs(Elab *e, const Closure *c, const RuleArg *args, const RuleResult *y,
                        const Ctx *outer) {
  const ParamList *p = &c->vjp->params;
  uint32_t n = c->decl->params.len, arg = 0;
  Builder *b = &e->fn->b;
  Value *v = ARENA_ARRAY(e->a, n + 2, Value);
  for (uint32_t i = 0; i < n; i++) {
    const char *name = p->data[i].name.text;
    v[i] = args[i].v;
    if (v[i].kind == V_TENSOR)
      v[i] = v_tensor(e, b_input(b, IN_ARG, arg++, name, args[i].dtype, args[i].shape));
  }
  NodeId *integer = ARENA_ARRAY(e->a, y->integer.len + 1, NodeId);
  for (size_t i = 0; i < y->integer.len; i++) {
    const Node *x = graph_node(outer->b.g, y->integer.data[i]);
    integer[i] = b_input(b, IN_ARG, arg++, p->data[n].name.text, x->dtype, *x->shape);
  }
  for (uint32_t i = n; i < n + 2; i++) { // the result and its cotangent have one shape
    const Node *x = graph_node(outer->b.g, y->packed);
    NodeId in = b_input(b, IN_ARG, arg++, p->data[i].name.text, x->dtype, *x->shape);
    v[i] = like_result(e, outer, y, in, integer);
  }
  for (uint32_t i = 0; i < p->len; i++) {
    const char *name = p->data[i].name.text;
    if (!match_type(e, p->data[i].type, &v[i], p->data[i].span, "vjp", name)) return false;
    scope_bind(e, e->scope, name, v[i], p->data[i].name.span);
  }
  return true;
}

// A number may stand for a gradient that is the same everywhere. A tensor of another shape is a sum too many or too few.
static bool gradient_fits(Elab *e, const Closure *c, uint32_t i, NodeId g, Value given, const Shape *want) {
  const Shape *s = node_of(e, g)->shape;
  if (v_is_number(given) || shape_eq(s, want)) return true;
  Diag *d = err(e, DIAG_E0704, c->vjp->name.span, "the gradient by `%s` has not its shape",
                c->decl->params.data[i].name.text);
  diag_label(d, "the rule gives %s, `%s` is %s", shape_text(e, s), c->decl->params.data[i].name.text,
             shape_text(e, want));
  return false;
}

// One gradient for each tensor parameter; NO_NODE for integers, which a tuple may leave out or not.
static bool rule_roots(Elab *e, const Closure *c, Value r, const RuleArg *args, NodeId *roots,
                       uint32_t *n_roots) {
  uint32_t n = c->decl->params.len, tensors = 0, k = 0;
  bool many = r.kind == V_TUPLE;
  uint32_t given = many ? r.u.list.len : 1;
  for (uint32_t i = 0; i < n; i++) tensors += args[i].v.kind == V_TENSOR;
  for (uint32_t i = 0; i < n; i++) {
    if (args[i].v.kind != V_TENSOR) continue;
    NodeId g = NO_NODE;
    if (!dtype_is_real(args[i].dtype)) {
      k += given == tensors;
    } else if (k++ < given) {
      Span at = c->vjp->name.span;
      const Value one = many ? r.u.list.data[k - 1] : r;
      g = to_node(e, one, args[i].dtype, at);
      if (g != NO_NODE && !gradient_fits(e, c, i, g, one, &args[i].shape)) return false;
      if (g != NO_NODE) g = broadcast_to(e, g, &args[i].shape, at, "gradient");
      if (g == NO_NODE) return false;
    }
    roots[(*n_roots)++] = g;
  }
  if (k == given) return true;
  Diag *g =
      err(e, DIAG_E0704, c->vjp->name.span, "the rule of `%s` gives the wrong number of gradients", c->name);
  diag_label(g, "one for each real tensor parameter");
  return false;
}

static bool rule_fits(Elab *e, const Closure *c) {
  uint32_t n = c->decl->params.len + 2;
  if (c->vjp->params.len == n) return true;
  Diag *g = err(e, DIAG_E0704, c->vjp->name.span,
                "`vjp %s` takes the parameters of `%s`, the result and its cotangent", c->name, c->name);
  diag_label(g, "%u parameters wanted, %u here", n, c->vjp->params.len);
  return false;
}

// Beside a tensor, a number where the function declares one is a constant tensor, for which the rule has a
// gradient. False: an error.
bool rule_params(Elab *e, const Closure *c, const Scope *params, Span at) {
  uint32_t n = c->decl->params.len, tensors = 0;
  for (uint32_t i = 0; i < n; i++)
    tensors += scope_local(params, c->decl->params.data[i].name.text)->v.kind == V_TENSOR;
  for (uint32_t i = 0; i < n && tensors; i++) {
    const Param *p = &c->decl->params.data[i];
    Value *v = &scope_local(params, p->name.text)->v;
    if (!p->type || p->type->kind != TY_TENSOR) continue;
    if (!v_is_number(*v) && v->kind != V_BOOL && v->kind != V_DIM) continue;
    NodeId x = to_node(e, *v, p->type->dtype == DT_ANY ? DT_COUNT : type_dtype(e, p->type), at);
    if (x == NO_NODE) return false;
    *v = v_tensor(e, x);
  }
  return true;
}

Value wrap_vjp(Elab *e, Closure *c, Scope *call_scope, Value y, const Expr *call, Span span) {
  uint32_t n = c->decl->params.len, n_in = 1, n_roots = 0;
  RuleArg *args = ARENA_ARRAY(e->a, n + 1, RuleArg);
  RuleResult result;
  if (y.kind != V_TENSOR && y.kind != V_TUPLE && y.kind != V_LIST) return y;
  if (!pack_result(e, c, y, &result)) return v_poison();
  if (result.packed == NO_NODE) return y;
  uint32_t room = n + 1 + (uint32_t)result.integer.len;
  NodeId *in = ARENA_ARRAY(e->a, room, NodeId), *roots = ARENA_ARRAY(e->a, room, NodeId);
  in[0] = result.packed;
  for (uint32_t i = 0; i < n; i++) {
    args[i].v = scope_local(call_scope, c->decl->params.data[i].name.text)->v;
    if (args[i].v.kind != V_TENSOR) continue;
    const Node *x = node_of(e, args[i].v.u.node);
    args[i].shape = *x->shape;
    args[i].dtype = x->dtype;
    in[n_in++] = args[i].v.u.node;
  }
  if (n_in == 1) return y;
  if (!rule_fits(e, c)) return v_poison();
  Ctx *outer = e->fn;
  Ctx *rule = ctx_new(e, CTX_RULE, outer->kind, c->name, outer->b.g->symbol, outer->b.g->bound, span);
  rule->dim = outer->dim;
  rule->training = outer->training;
  rule->b.path = outer->b.path;
  Saved saved = {outer, e->scope, e->frame, e->inst};
  e->fn = rule;
  e->scope = scope_new(e, c->scope, SCOPE_LOCAL);
  frame_push(e, call, c->vjp, c->name, NULL);
  bool ok = rule_inputs(e, c, args, &result, outer);
  Value r = ok ? run_body(e, c->vjp->expr, &c->vjp->body, c->vjp->ret, span) : v_poison();
  ok = ok && r.kind != V_POISON && rule_roots(e, c, r, args, roots, &n_roots);
  leave_ctx(e, saved);
  if (!ok) return v_poison();
  for (size_t i = 0; i < result.integer.len; i++) {
    in[n_in++] = result.integer.data[i];
    roots[n_roots++] = NO_NODE;
  }
  graph_set_roots(rule->b.g, roots, n_roots);
  outer->b.span = user_span(e, span);
  VjpAttr vjp = {rule->b.g, c->name, c->vjp->name.span};
  NodeId made = b_custom_vjp(&outer->b, in, n_in, &vjp);
  return like_result(e, outer, &result, made, result.integer.data);
}
