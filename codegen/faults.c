// Indices that come with the call are checked before anything is changed: where a function changes stores,
// all of them at the beginning, those that a loop's body uses for all its iterations at once. An index is
// then computed from the arguments alone, whatever has a buffer later.
#include "codegen/faults.h"

#include "codegen/lower.h"

#include <string.h>

// An index is worth computing twice if that takes no more nodes than this.
enum { MAX_NODES = 256, MAX_CHECK_AXES = MAX_RANK };

typedef struct Checked { // what a check is of, as far out of the loops around it as it is the same
  const FnPlan *f;
  NodeId node;
  Dim size; // of the indexed axis
} Checked;

typedef struct Faults {
  FnPlan *f;
  VEC(Checked) done; // checks that stand at the beginning, in order
} Faults;

static const Node *node(const FnPlan *f, NodeId v) { return graph_node(f->fn->g, v); }

static const Node *scan_of(const FnPlan *body) { return node(body->loop->outer, body->loop->node); }

static bool takes_index(Op op) { return op == OP_GATHER || op == OP_SCATTER_ADD; }

static bool faults(const Node *n) { return takes_index(n->op) || op_can_fault(n->op, n->dtype); }

// The node's value is an expression of the call's arguments and of iterations' numbers. `own`: of the plan
// that v's check is of, whose places faults have. *left: nodes that may still be looked at.
static bool is_known(const FnPlan *f, NodeId v, const FnPlan *own, bool reduced, uint32_t *left) {
  v = lower_resolve(f->fn->g, v);
  const Node *n = node(f, v);
  if ((*left)-- == 0) return *left = 0, false;
  if (n->op == OP_CONST) return n->attr.konst.count == 1 || !f->loop;
  if (n->op == OP_INPUT) {
    uint32_t k = n->attr.input.index;
    if (n->attr.input.role != IN_ARG || !f->loop) return true;
    return k >= loop_attr(f->loop)->n_carries &&
           is_known(f->loop->outer, scan_of(f)->in[k], own, reduced, left);
  }
  OpKind kind = op_kind(n->op);
  if (kind == KIND_RANDOM || kind == KIND_EFFECT || n->op == OP_READ || n->op == OP_SCAN || n->op == OP_PROJ)
    return false;
  if (lower_is_template(f->fn->g, n) || (faults(n) && f != own)) return false;
  if (kind == KIND_REDUCE || op_is_window(n->op)) {
    if (reduced) return false; // it would be done again for every element
    reduced = true;
  }
  for (uint32_t i = 0; i < n->n_in; i++)
    if (!is_known(f, n->in[i], own, reduced, left)) return false;
  return true;
}

// There is an iteration, whatever N is.
static bool always_runs(const Loop *l) {
  Dim d = loop_attr(l)->length;
  return dim_at(d, 1) >= 1 && dim_at(d, plan_bound(l->outer)) >= 1;
}

// An element of a sequence is checked with all of it, and what is captured once.
static void climb(Checked *i) {
  for (;;) {
    i->node = lower_resolve(i->f->fn->g, i->node);
    const Node *n = node(i->f, i->node);
    const Loop *l = i->f->loop;
    if (!l || n->op != OP_INPUT || n->attr.input.role != IN_ARG) return;
    if (!loop_is_sequence(l, n->attr.input.index) && !always_runs(l)) return;
    i->node = scan_of(i->f)->in[n->attr.input.index];
    i->f = l->outer;
  }
}

// As loops around a kernel: lengths that are never negative, and no more than a kernel has axes.
static bool has_axes(const Checked *i) {
  uint32_t axes = node(i->f, i->node)->shape->rank;
  for (const Loop *l = i->f->loop; l; l = l->outer->loop, axes++)
    if (dim_at(loop_attr(l)->length, 1) < 0 || dim_at(loop_attr(l)->length, plan_bound(l->outer)) < 0)
      return false;
  return axes <= MAX_CHECK_AXES;
}

// Checks the index of v, a node of plan `of`, at the beginning, unless that is done already. False: it can't
// be.
static bool check_first(Faults *c, const FnPlan *of, NodeId v) {
  const Node *n = node(of, v);
  Checked i = {of, n->in[1], node(of, n->in[0])->shape->d[n->attr.gather.axis]};
  uint32_t left = MAX_NODES;
  if (!is_known(of, i.node, of, false, &left)) return false;
  climb(&i);
  if (!has_axes(&i)) return false;
  for (size_t k = 0; k < c->done.len; k++) {
    const Checked *d = &c->done.data[k];
    if (d->f == i.f && d->node == i.node && dim_eq(d->size, i.size)) return true;
  }
  bool certain;
  Kernel *k = lower_index_check(c->f, of, v, i.f, i.node, &certain, c->f->a);
  if (!k || certain) return certain;
  plan_insert(c->f, c->done.len, (Step){.kind = STEP_KERNEL, .can_fault = true, .kernel = k});
  vec_push(c->f->a, &c->done, i);
  return true;
}

// Whether the kernel could still fault.
static bool check_kernel(Faults *c, const FnPlan *of, const Kernel *k) {
  const bool *seen = kernel_marks(k, c->f->a);
  bool others = false;
  for (ExprId e = 0; e < k->pool->exprs.len; e++) {
    const Expr *x = pool_expr(k->pool, e);
    if (!seen[e]) continue;
    if (x->kind == X_CHECK)
      others = !takes_index(node(of, x->number)->op) || !check_first(c, of, x->number) || others;
    else
      others = others || expr_can_fault(k->pool, x);
  }
  return others;
}

// The steps from `first` on; true if any can fault afterwards.
static bool check_steps(Faults *c, FnPlan *of, size_t first) {
  bool any = false;
  for (size_t i = first; i < of->steps.len; i++) {
    Step s = of->steps.data[i];
    size_t before = c->done.len;
    if (s.can_fault)
      s.can_fault = s.kind == STEP_LOOP ? check_steps(c, s.loop->body, 0) : check_kernel(c, of, s.kernel);
    if (of == c->f) i += c->done.len - before;
    of->steps.data[i].can_fault = s.can_fault;
    any = any || s.can_fault;
  }
  return any;
}

// The first step that may find a store changed by another before it: any, where the function writes states,
// for they are written in place if no fault can follow; else what comes after an optimizer call.
static size_t first_after_changes(const FnPlan *f) {
  for (uint32_t i = 0; i < f->fn->g->n_roots; i++)
    if (node(f, f->fn->g->roots[i])->op == OP_WRITE) return 0;
  size_t first = 0;
  while (first < f->steps.len && f->steps.data[first].kind != STEP_OPTIMIZE) first++;
  return first;
}

void check_early(FnPlan *f) {
  Faults c = {.f = f};
  check_steps(&c, f, first_after_changes(f));
}
