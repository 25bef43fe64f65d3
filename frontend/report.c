// `report`: a scalar with a name, a root of the function.
#include "frontend/sema.h"

static bool reserved(const char *name) {
  static const char *const words[] = {"event", "train", "phase", "epoch", "step", "eval"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(words[i], name) == 0) return true;
  return false;
}

// Whether the value differs from batch to batch: it is computed of the batch, of draws or of a state of the eval.
// (Inputs of a node stand before it.)
static bool varies(const Elab *e, NodeId id) {
  bool *needed = ARENA_ARRAY(e->a, id + 1, bool);
  needed[id] = true;
  for (NodeId k = id + 1; k-- > 0;) {
    const Node *n = needed[k] ? node_of(e, k) : NULL;
    if (!n) continue;
    if (n->op == OP_INPUT && (n->attr.input.role == IN_ARG || n->attr.input.role == IN_BATCH)) return true;
    if (n->op == OP_RAND || n->op == OP_RANDN) return true;
    if (n->op == OP_READ && e->stores.data[n->attr.store.id].kind == STORE_EVAL_STATE) return true;
    for (uint32_t i = 0; i < n->n_in; i++) needed[n->in[i]] = true;
  }
  return false;
}

// All examples are known to be in one batch.
static bool one_batch(const Ctx *c) {
  for (size_t i = 0; i < c->n_fields; i++)
    for (size_t k = 0; k < c->fields[i].use->sources.len; k++) {
      const DataSource *s = &c->fields[i].use->sources.data[k];
      if (s->kind == SRC_ROWS && s->n_rows <= c->b.g->bound) return true;
    }
  return false;
}

// What a mean over batches is not the value over all data of. Whether the operation is written here, in a `let` or
// in the library (`perplexity`, `std`) does not matter.
static void teach_finish(Elab *e, NodeId id, Span at) {
  static const struct {
    Op op;
    const char *name;
  } ops[] = {{OP_MIN, "min"}, {OP_MAX, "max"}, {OP_RMIN, "min"}, {OP_RMAX, "max"}, {OP_SQRT, "sqrt"}, {OP_EXP, "exp"}};
  if (e->fn->kind != FN_EVAL || one_batch(e->fn)) return;
  const Node *n = node_of(e, id);
  while (n->op == OP_CUSTOM_VJP || n->op == OP_CAST || n->op == OP_RESHAPE || n->op == OP_STOP_GRAD)
    n = node_of(e, id = n->in[0]);
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
    if (n->op != ops[i].op || !varies(e, id)) continue;
    Diag *g = warn(e, DIAG_W0602, NULL, at, "the mean of `%s` over batches is not that of the whole data", ops[i].name);
    diag_label(g, "reported as a weighted mean over batches");
    diag_note(g, "accumulate in a `state` and report it in `finish { … }`");
  }
}

static bool reports(const Ctx *c, const char *name) {
  uint32_t known;
  return map_get(&c->reported, map_key(name), &known);
}

static void report_one(Elab *e, const Named *r) {
  const char *name = r->name.text;
  Expr by_name = {.kind = EX_NAME, .span = r->name.span, .u.name = name};
  const Expr *x = r->value ? r->value : &by_name;
  Value v = eval(e, x);
  if (reserved(name)) {
    diag_label(err(e, DIAG_E0603, r->name.span, "`%s` is a word of the log and can't name a report", name),
               "choose another name");
    return;
  }
  if (reports(e->fn, name) || (e->fn->logged_with && reports(e->fn->logged_with, name))) {
    err(e, DIAG_E0603, r->name.span, "`%s` is reported twice", name);
    return;
  }
  if (v.kind == V_POISON) return;
  NodeId n = to_node(e, v, v_is_number(v) ? e->real : DT_COUNT, x->span);
  if (n == NO_NODE) return;
  if (node_of(e, n)->shape->rank) {
    Diag *g = err(e, DIAG_E0603, x->span, "a report is a scalar");
    diag_label(g, "this is %s", tensor_text(e, n));
    diag_note(g, "`mean(…)` or `sum(…)` makes one number of it");
    return;
  }
  teach_finish(e, n, x->span);
  map_put(e->a, &e->fn->reported, map_key(name), 0);
  add_root(e, e->fn, guarded(e, b_cast(&e->fn->b, n, e->real), NO_NODE), ROOT_REPORT, name);
  if (e->fn->guard != NO_NODE)
    add_root(e, e->fn, e->fn->guard, ROOT_REPORTED, arena_printf(e->a, "%s_reported", name));
}

void exec_report(Elab *e, const Stmt *s) {
  FnKind k = e->fn->kind;
  if (e->fn->what != CTX_FN || (k != FN_STEP && k != FN_EVAL && k != FN_FINISH && k != FN_THEN)) {
    diag_label(err(e, DIAG_E0610, s->span, "`report` can't stand here"),
               "it belongs to `each`, `eval`, `then` and `finish`");
    return;
  }
  if (!outside_loop(e, s->span, "`report`", "yield the value, and report it after the loop")) return;
  for (uint32_t i = 0; i < s->u.report.len; i++) report_one(e, &s->u.report.data[i]);
}
