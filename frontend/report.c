// `report`: a scalar with a name, a root of the function.
#include "frontend/sema.h"

static bool reserved(const char *name) {
  static const char *const words[] = {"event", "train", "phase", "epoch", "step", "eval"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(words[i], name) == 0) return true;
  return false;
}

static void teach_finish(Elab *e, const Expr *x) {
  static const char *const ops[] = {"min", "max", "sqrt", "exp"};
  if (e->fn->kind != FN_EVAL || !x || x->kind != EX_CALL || x->u.call.callee->kind != EX_NAME) return;
  for (size_t i = 0; i < 4; i++)
    if (strcmp(x->u.call.callee->u.name, ops[i]) == 0)
      diag_note(diag_label(warn(e, DIAG_W0602, NULL, x->span,
                                "the mean of `%s` over batches is not that of the whole data", ops[i]),
                           "reported as a weighted mean over batches"),
                "accumulate in a `state` and report it in `finish { … }`");
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
  teach_finish(e, r->value);
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
