// A NaN that such a node makes carries the node's number (nn_nan_mark in runtime/core/nn_scalar.h) wherever
// it goes: it is found where it does harm, and a `select` that leaves it out does none.
#include "passes/trap.h"

// Others only move numbers, or make a NaN of none but NaNs.
static bool makes_nan(const Node *n) {
  if (n->dtype != DT_F32 && n->dtype != DT_F64) return false; // a NaN of 16 bits has no room
  switch (n->op) {
  case OP_NEG:
  case OP_ABS:
  case OP_SIGN:
  case OP_FLOOR:
  case OP_ROUND:
  case OP_MAX:
  case OP_MIN:
  case OP_SELECT:
  case OP_CAST:
  case OP_RMAX:
  case OP_RMIN: return false;
  case OP_BOX: return true;
  default: break;
  }
  OpKind kind = op_kind(n->op);
  return kind == KIND_EW || kind == KIND_REDUCE || kind == KIND_DOT || kind == KIND_ROWS;
}

static void number(Graph *g, uint32_t *last) {
  for (NodeId id = 0; id < g->len; id++) {
    Node *n = graph_change(g, id);
    if (n->op == OP_SCAN) number((Graph *)n->attr.scan->body, last);
    if (makes_nan(n)) n->trap = ++*last;
  }
}

void program_trap_nan(Program *p) {
  for (uint32_t i = 0; i < p->n_fns; i++) number(p->fns[i].g, &p->n_traps);
}

static void visit_all(const Graph *g, void (*visit)(void *user, const Node *n), void *user) {
  for (NodeId id = 0; id < g->len; id++) {
    const Node *n = graph_node(g, id);
    if (n->op == OP_SCAN) visit_all(n->attr.scan->body, visit, user);
    if (n->trap) visit(user, n);
  }
}

void program_traps(const Program *p, void (*visit)(void *user, const Node *n), void *user) {
  for (uint32_t i = 0; i < p->n_fns; i++) visit_all(p->fns[i].g, visit, user);
}
