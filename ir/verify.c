// Node by node: operands, shape and type (verify_shapes.c), attribute; then what concerns several nodes:
// roots, and the versions of stores.
#include "ir/verify.h"

#include "ir/verify_shapes.h"

#include <inttypes.h>

typedef struct Verifier {
  const Graph *g;
  const Program *p; // NULL: graph_verify
  const Function *f;
  unsigned flags;
  bool rule; // g is the rule of a CUSTOM_VJP: roots may be NO_NODE
  bool body; // g is the body of a SCAN
  StrBuf *why;
  bool ok;
} Verifier;

static void fail(Verifier *v, NodeId id, const char *what) {
  v->ok = false;
  if (v->f) sb_printf(v->why, "%s: ", v->f->name);
  if (id == NO_NODE)
    sb_printf(v->why, "%s\n", what);
  else
    sb_printf(v->why, "%%%" PRIu32 " %s: %s\n", id, op_name(graph_node(v->g, id)->op), what);
}

static const Node *in(const Verifier *v, const Node *n, uint32_t i) { return graph_node(v->g, n->in[i]); }

static bool is_effect(const Node *n) {
  return n->op == OP_WRITE || n->op == OP_OPTIMIZE || n->op == OP_ASSERT;
}

// ---- attributes of single operations

static int64_t elements(const Shape *s) { return shape_elements(s, 1); }

static const char *check_const(Verifier *v, const Node *n) {
  (void)v;
  if (!n->attr.konst.data) return "no data";
  if (n->attr.konst.count == 1) return NULL;
  return shape_static(n->shape) && n->attr.konst.count == elements(n->shape) ? NULL
                                                                               : "wrong number of values";
}

static const char *check_iota(Verifier *v, const Node *n) {
  (void)v;
  return n->attr.axis < n->shape->rank && n->dtype != DT_MASK ? NULL : "no such axis";
}

static const char *check_input(Verifier *v, const Node *n) {
  if (n->attr.input.role > IN_ITERATION) return "no such role";
  if (n->attr.input.role == IN_ITERATION)
    return v->body && n->shape->rank == 0 && n->dtype == DT_I32 ? NULL
                                                               : "an iteration is an i32 scalar of a body";
  if (n->attr.input.role != IN_ARG)
    return n->shape->rank == 0 && dtype_is_real(n->dtype) ? NULL : "it is a real scalar";
  if (!v->f) return NULL;
  if (n->attr.input.index >= v->f->n_inputs) return "no such argument";
  const FnInput *arg = &v->f->inputs[n->attr.input.index];
  return arg->dtype == n->dtype && shape_eq(&arg->shape, n->shape) ? NULL
                                                                    : "type or shape is not the argument's";
}

static const char *check_random(Verifier *v, const Node *n) {
  (void)v;
  return dtype_is_real(n->dtype) ? NULL : "draws are real";
}

static const char *check_store(const Verifier *v, uint32_t id, DType t, const Shape *s) {
  if (!v->p) return NULL;
  if (id >= v->p->n_stores) return "no such store";
  const Store *store = &v->p->stores[id];
  return store->dtype == t && shape_eq(&store->shape, s) ? NULL : "type or shape is not the store's";
}

static bool makes(const Node *n, uint32_t store, uint32_t version) {
  if (n->op == OP_WRITE) return n->attr.store.id == store && n->attr.store.version + 1 == version;
  if (n->op != OP_OPTIMIZE) return false;
  for (uint32_t i = 0; i < n->attr.optimize->n; i++)
    if (n->attr.optimize->stores[i] == store && n->attr.optimize->versions[i] + 1 == version) return true;
  return false;
}

static const char *check_read(Verifier *v, const Node *n) {
  uint32_t version = n->attr.store.version;
  if (n->n_in != (version > 0)) return "version 0 has no maker, a later one has one";
  if (version && !makes(in(v, n, 0), n->attr.store.id, version))
    return "the operand does not make this version";
  return check_store(v, n->attr.store.id, n->dtype, n->shape);
}

static const char *check_write(Verifier *v, const Node *n) {
  return check_store(v, n->attr.store.id, n->dtype, n->shape);
}

// Slots are all there but, without momentum, the last.
static const char *check_optimized(Verifier *v, const Node *n, uint32_t i, bool has_momentum) {
  const OptimizeAttr *o = n->attr.optimize;
  uint32_t slots = optimizer_info(o->kind)->slots;
  const Node *grad = in(v, n, o->n_hyper + i);
  const char *why = check_store(v, o->stores[i], grad->dtype, grad->shape);
  if (why || !v->p) return why;
  for (uint32_t k = 0; k < slots; k++) {
    uint32_t slot = o->slots[i * slots + k];
    if (slot == UINT32_MAX && has_momentum && !o->uses_momentum && k + 1 == slots) continue;
    why = check_store(v, slot, grad->dtype, grad->shape);
    if (why) return "a slot is not like its parameter";
  }
  Shape scalar = {0};
  return check_store(v, o->counts[i], DT_I32, &scalar) ? "an update count is an i32 scalar" : NULL;
}

static const char *check_optimize(Verifier *v, const Node *n) {
  const OptimizeAttr *o = n->attr.optimize;
  if (!o || o->kind >= OPTIM_COUNT) return "no such optimizer";
  uint32_t of_kind[4] = {0};
  const OptimizerInfo *info = optimizer_info(o->kind);
  for (uint32_t i = 0; info->hyper[i].name; i++) of_kind[info->hyper[i].kind]++;
  if (o->n_hyper != of_kind[HYPER_REAL] + of_kind[HYPER_FRACTION] + of_kind[HYPER_MOMENTUM] ||
      o->flags >= 1u << of_kind[HYPER_FLAG])
    return "hyper-parameters are not the optimizer's";
  if (n->n_in != o->n_hyper + o->n + o->guarded) return "one gradient a parameter";
  if (o->guarded && (in(v, n, n->n_in - 1)->shape->rank || in(v, n, n->n_in - 1)->dtype != DT_MASK))
    return "its guard is a scalar mask";
  for (uint32_t i = 0; i < o->n_hyper; i++)
    if (in(v, n, i)->shape->rank || !dtype_is_real(in(v, n, i)->dtype))
      return "a hyper-parameter is a real scalar";
  for (uint32_t i = 0; i < o->n; i++) {
    const char *why = check_optimized(v, n, i, of_kind[HYPER_MOMENTUM]);
    if (why) return why;
    if (in(v, n, o->n_hyper + i)->dtype != in(v, n, o->n_hyper)->dtype) return "it steps parameters of one type";
  }
  return NULL;
}

static const char *check_assert(Verifier *v, const Node *n) {
  return in(v, n, 0)->dtype == DT_MASK && n->attr.text ? NULL : "it is of a mask, with a text";
}

static const char *check_grad(Verifier *v, const Node *n) {
  if (v->flags & VERIFY_NO_AD) return "stands after autodiff";
  if (n->n_in < 1 || in(v, n, 0)->shape->rank || !dtype_is_real(in(v, n, 0)->dtype))
    return "e is a real scalar";
  for (uint32_t i = 1; i < n->n_in; i++)
    if (!dtype_is_real(in(v, n, i)->dtype)) return "a variable is real";
  return NULL;
}

static const char *check_scan_result(const ScanAttr *s, const Node *n) {
  DType t;
  Shape shape;
  if (n->attr.proj >= s->n_yields + s->n_carries) return "the scan has no such result";
  scan_result(s, n->attr.proj, &t, &shape);
  return t == n->dtype && shape_eq(&shape, n->shape) ? NULL : "type or shape is not the result's";
}

static const char *check_proj(Verifier *v, const Node *n) {
  const Node *grad = in(v, n, 0);
  if (grad->op == OP_SCAN) return check_scan_result(grad->attr.scan, n);
  if (v->flags & VERIFY_NO_AD) return "stands after autodiff";
  if (grad->op != OP_GRAD || n->attr.proj + 1 >= grad->n_in)
    return "its operand is no GRAD with such a result";
  const Node *x = graph_node(v->g, grad->in[n->attr.proj + 1]);
  return n->dtype == x->dtype && shape_eq(n->shape, x->shape) ? NULL
                                                                : "type or shape is not the variable's";
}

static void verify_graph(Verifier *v);

// INPUT k of the rule has the type and shape of x_k, then y, then dy.
static const char *check_rule_inputs(const Verifier *v, const Node *n, const Graph *rule) {
  for (NodeId id = 0; id < rule->len; id++) {
    const Node *r = graph_node(rule, id);
    if (r->op != OP_INPUT || r->attr.input.role != IN_ARG) continue;
    uint32_t k = r->attr.input.index;
    if (k > n->n_in) return "the rule has no such argument";
    const Node *x = in(v, n, k + 1 < n->n_in ? k + 1 : 0);
    if (r->dtype != x->dtype || !shape_eq(r->shape, x->shape))
      return "an argument of the rule is not the operand's";
  }
  return NULL;
}

static const char *check_custom_vjp(Verifier *v, const Node *n) {
  if (v->flags & VERIFY_NO_AD) return "stands after autodiff";
  const Graph *rule = n->attr.vjp.rule;
  if (n->n_in == 0 || !rule || rule->n_roots != n->n_in - 1) return "one root of the rule an operand";
  if (!shape_eq(n->shape, in(v, n, 0)->shape) || n->dtype != in(v, n, 0)->dtype) return "its value is y";
  Verifier inner = {.g = rule, .flags = v->flags, .rule = true, .why = v->why, .ok = true};
  verify_graph(&inner);
  if (!inner.ok) return "its rule is broken";
  for (uint32_t i = 0; i < rule->n_roots; i++) {
    if (rule->roots[i] == NO_NODE) continue;
    const Node *root = graph_node(rule, rule->roots[i]);
    if (!shape_eq(root->shape, in(v, n, i + 1)->shape) || root->dtype != in(v, n, i + 1)->dtype)
      return "a gradient is not like its operand";
  }
  return check_rule_inputs(v, n, rule);
}

// Operand k is what the body's argument k stands for.
static const char *check_arguments(const Verifier *v, const Node *n, const ScanAttr *s) {
  for (NodeId id = 0; id < s->body->len; id++) {
    const Node *arg = graph_node(s->body, id);
    if (arg->op == OP_READ || is_effect(arg)) return "the body of a scan has effects";
    if (arg->op != OP_INPUT || arg->attr.input.role != IN_ARG) continue;
    uint32_t k = arg->attr.input.index;
    if (k >= n->n_in) return "the body has no such argument";
    Shape shape = scan_argument(s, k, in(v, n, k)->shape);
    if (arg->dtype != in(v, n, k)->dtype || !shape_eq(arg->shape, &shape))
      return "an argument of the body is not the operand's";
  }
  return NULL;
}

static const char *check_scan(Verifier *v, const Node *n) {
  const ScanAttr *s = n->attr.scan;
  if (!s || !s->body || s->body->n_roots != s->n_carries + s->n_yields ||
      n->n_in < s->n_carries + s->n_sequences || (s->saved && s->n_yields < s->n_carries))
    return "results and operands are not the body's";
  for (uint32_t k = s->n_carries; k < s->n_carries + s->n_sequences; k++)
    if (in(v, n, k)->shape->rank == 0 || !dim_eq(in(v, n, k)->shape->d[0], s->length))
      return "a sequence is not as long as the scan";
  Verifier inner = {.g = s->body, .flags = v->flags, .body = true, .why = v->why, .ok = true};
  verify_graph(&inner);
  if (!inner.ok) return "its body is broken";
  for (uint32_t k = 0; k < s->n_carries; k++) {
    const Node *next = graph_node(s->body, s->body->roots[k]);
    if (next->dtype != in(v, n, k)->dtype || !shape_eq(next->shape, in(v, n, k)->shape))
      return "a carry changes its type or shape";
  }
  for (uint32_t k = 0; k < s->n_yields; k++)
    if (graph_node(s->body, s->body->roots[s->n_carries + k])->shape->rank == MAX_RANK)
      return "a yield has too many axes";
  return check_arguments(v, n, s);
}

static const char *(*const attribute_checks[OP_COUNT])(Verifier *, const Node *) = {
    [OP_CONST] = check_const, [OP_IOTA] = check_iota,         [OP_INPUT] = check_input,
    [OP_RAND] = check_random, [OP_RANDN] = check_random,      [OP_READ] = check_read,
    [OP_WRITE] = check_write, [OP_OPTIMIZE] = check_optimize, [OP_ASSERT] = check_assert,
    [OP_GRAD] = check_grad,   [OP_PROJ] = check_proj,         [OP_CUSTOM_VJP] = check_custom_vjp,
    [OP_SCAN] = check_scan,
};

// ---- graphs

static const char *check_node(Verifier *v, NodeId id) {
  const Node *n = graph_node(v->g, id);
  if (n->op >= OP_COUNT || n->dtype >= DT_COUNT) return "no such operation or type";
  if (op_arity(n->op) >= 0 && n->n_in != (uint32_t)op_arity(n->op)) return "wrong number of operands";
  for (uint32_t i = 0; i < n->n_in; i++)
    if (n->in[i] >= id) return "an operand does not precede it";
  for (uint32_t i = 0; i < n->n_in; i++)
    if ((in(v, n, i)->op == OP_GRAD || in(v, n, i)->op == OP_SCAN) && n->op != OP_PROJ)
      return "only PROJ uses a GRAD or a SCAN";
  for (uint32_t i = 0; i < n->n_in; i++)
    if (in(v, n, i)->op == OP_OPTIMIZE && n->op != OP_READ) return "only READ uses an OPTIMIZE";
  const char *why = verify_shape(v->g, n);
  return !why && attribute_checks[n->op] ? attribute_checks[n->op](v, n) : why;
}

// How many nodes make this version.
static uint32_t makers(const Verifier *v, uint32_t store, uint32_t version) {
  uint32_t count = 0;
  for (NodeId id = 0; id < v->g->len; id++)
    if (is_effect(graph_node(v->g, id))) count += makes(graph_node(v->g, id), store, version);
  return count;
}

static void check_version(Verifier *v, NodeId id, uint32_t store, uint32_t version) {
  if (version && makers(v, store, version) == 0) fail(v, id, "the version it replaces is never made");
  if (makers(v, store, version + 1) > 1) fail(v, id, "a version is made twice");
}

// The versions of a store are a chain from 0, each made once.
static void check_effects(Verifier *v) {
  for (NodeId id = 0; id < v->g->len; id++) {
    const Node *n = graph_node(v->g, id);
    if (!is_effect(n)) continue;
    if (v->rule) fail(v, id, "an effect in the rule of a derivative");
    if (n->op == OP_WRITE) check_version(v, id, n->attr.store.id, n->attr.store.version);
    for (uint32_t i = 0; n->op == OP_OPTIMIZE && i < n->attr.optimize->n; i++)
      check_version(v, id, n->attr.optimize->stores[i], n->attr.optimize->versions[i]);
    bool root = false;
    for (uint32_t i = 0; i < v->g->n_roots; i++) root |= v->g->roots[i] == id;
    if (!root) fail(v, id, "an effect is a root");
  }
}

static void check_roots(Verifier *v) {
  for (uint32_t i = 0; i < v->g->n_roots; i++) {
    NodeId id = v->g->roots[i];
    if (id == NO_NODE && v->rule) continue;
    if (id >= v->g->len) {
      fail(v, NO_NODE, "a root is no node");
      continue;
    }
    if (!v->f) continue;
    bool effect = v->f->roots[i].kind == ROOT_EFFECT;
    if (effect && !is_effect(graph_node(v->g, id))) fail(v, id, "an effect root without effect");
    if (v->f->roots[i].kind == ROOT_REPORT && graph_node(v->g, id)->shape->rank)
      fail(v, id, "a report is a scalar");
    bool guard = v->f->roots[i].kind == ROOT_REPORTED;
    if (!guard && v->f->roots[i].kind != ROOT_LINE) continue;
    if (graph_node(v->g, id)->shape->rank || graph_node(v->g, id)->dtype != DT_MASK)
      fail(v, id, "a guard is a scalar mask");
    if (guard && (i == 0 || v->f->roots[i - 1].kind != ROOT_REPORT))
      fail(v, id, "a guard without its report");
  }
}

static void verify_graph(Verifier *v) {
  if (v->g->symbol && v->g->bound < 1) fail(v, NO_NODE, "the bound of the dynamic size is below 1");
  for (NodeId id = 0; id < v->g->len && v->ok; id++) {
    const char *why = check_node(v, id);
    if (why) fail(v, id, why);
  }
  if (!v->ok) return; // what follows reads attributes
  check_roots(v);
  check_effects(v);
}

bool graph_verify(const Graph *g, unsigned flags, StrBuf *why) {
  Verifier v = {.g = g, .flags = flags, .why = why, .ok = true};
  verify_graph(&v);
  return v.ok;
}

bool function_verify(const Program *p, const Function *f, unsigned flags, StrBuf *why) {
  Verifier v = {.g = f->g, .p = p, .f = f, .flags = flags, .why = why, .ok = true};
  verify_graph(&v);
  return v.ok;
}

bool program_verify(const Program *p, unsigned flags, StrBuf *why) {
  bool ok = true;
  for (uint32_t i = 0; i < p->n_fns; i++) ok = function_verify(p, &p->fns[i], flags, why) && ok;
  return ok;
}
