// Losses that take logits and are given probabilities: softmax or sigmoid would be applied twice, and the
// network learns slowly without a word.
#include "frontend/sema.h"

#include <string.h>

// What a node is but for its shape.
static const Node *unshaped(const Elab *e, NodeId id) {
  const Node *n = node_of(e, id);
  while (n->op == OP_RESHAPE || n->op == OP_BROADCAST) n = node_of(e, n->in[0]);
  return n;
}

// exp(…) over its own sum.
static bool is_softmax(const Elab *e, const Node *n) {
  if (n->op != OP_DIV) return false;
  const Node *sum = unshaped(e, n->in[1]);
  return node_of(e, n->in[0])->op == OP_EXP && sum->op == OP_SUM && sum->in[0] == n->in[0];
}

static bool is_sigmoid(const Elab *e, const Node *n) {
  (void)e;
  return n->op == OP_SIGMOID;
}

static const struct {
  const char *loss; // of the library, whose first argument is logits
  const char *inside;
  bool (*is)(const Elab *e, const Node *n); // what `inside` gives
} losses[] = {{"cross_entropy", "softmax", is_softmax},
              {"softmax_xent", "softmax", is_softmax},
              {"bce_logits", "sigmoid", is_sigmoid},
              {"focal", "sigmoid", is_sigmoid}};

void warn_of_probabilities(Elab *e, const FnDecl *fn, Span call) {
  if (!is_std(e, fn->name.span) || is_std(e, call)) return;
  for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
    if (strcmp(losses[i].loss, fn->name.text) != 0) continue;
    Binding *b = scope_find(e->scope, fn->params.data[0].name.text);
    if (!b || b->v.kind != V_TENSOR) return;
    if (!losses[i].is(e, unshaped(e, b->v.u.node))) return;
    Diag *g = warn(e, DIAG_W0607, NULL, call, "`%s` applies `%s` itself", losses[i].loss, losses[i].inside);
    diag_label(g, "what it is given has been through `%s` already", losses[i].inside);
    diag_note(g,
              "it wants the numbers before it, the logits: `let z = net(x);`, and `%s(z)` where "
              "probabilities are wanted",
              losses[i].inside);
    return;
  }
}
