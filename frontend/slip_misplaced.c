// Items that stand in another kind of block than theirs.
#include "frontend/slip.h"

// `x = 3;` at top level
bool slip_assignment_at_top(Context *c) {
  if (c->i != c->item || !expects(c, T_EXPORT) || !expects(c, T_TRAIN) || c->t[c->i].kind != T_IDENT)
    return false;
  if (c->t[c->i + 1].kind != '=') return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0118, span_of(c, c->i), "only declarations stand at top level");
  diag_help(diag_label(g, "this assigns"), "write `let %s = …;`", word(c, c->i));
  return true;
}

// All functions of a block are one slip, and so is all of a step in a `for` of a train block, where `each`
// was meant.
static void misplaced_block(Context *c, Diag *g) {
  Parser *p = c->p;
  uint32_t brace = enclosing_brace(c, c->item);
  int kind = c->t[c->i].kind;
  if (!brace || !IS_ONE_OF(kind, T_FN, T_MINIMIZE, T_REPORT, T_VAR)) return;
  p->misplaced_in = brace - 1;
  p->misplaced = kind;
  uint32_t head = item_start(p, brace - 1);
  if (c->t[head].kind != T_FOR || kind == T_FN) return;
  for (uint32_t up; (up = enclosing_brace(c, head)) > 0 && c->t[item_start(p, up - 1)].kind == T_FOR;) {
    p->misplaced_in = up - 1; // the outermost is what `each` should be
    head = item_start(p, up - 1);
  }
  diag_also(g, span_of(c, head), "a `for` here repeats parts of the plan; `each` takes steps");
  diags_mute(p->diags, (Span){p->source, c->t[head].begin, c->t[c->t[p->misplaced_in].partner].end});
}

bool slip_consequence_of_misplaced(Context *c) {
  uint32_t open = c->p->misplaced_in;
  if (!open || c->item < open || c->t[open].partner == NO_TOKEN || c->i > c->t[open].partner) return false;
  return c->p->misplaced != T_FN || (c->t[c->item].kind == T_FN && enclosing_brace(c, c->item) == open + 1);
}

// An item of another kind of block.
bool slip_misplaced(Context *c) {
  static const struct {
    int kind;
    const char *where;
  } places[] = {
      {T_LAYER, "layers stand at top level"},
      {T_MODEL, "models stand at top level"},
      {T_DATA, "data blocks stand at top level"},
      {T_TRAIN, "train blocks stand at top level"},
      {T_EXPORT, "exports stand at top level"},
      {T_IMPORT, "imports stand at top level"},
      {T_DIM, "dynamic sizes stand at top level"},
      {T_TEST, "tests stand at top level"},
      {T_VJP, "derivative rules stand at top level"},
      {T_FN, "functions stand at top level and in layers; inside a body write `let f = fn(x) => …;`"},
      {T_OPTION, "options stand at top level and in `train`"},
      {T_EACH, "`each` stands in a `train` block"},
      {T_EVAL, "`eval` stands in a `train` block"},
      {T_PHASE, "phases stand in a `train` block"},
      {T_LOAD, "`load` stands in a `train` block"},
      {T_SAVE, "`save` stands in a `train` block"},
      {T_RETURN, "`return` stands in the body of a function or layer"},
      {T_YIELD, "`yield` stands in a `scan`"},
      {T_NEXT, "`next` stands in a `scan`"},
      {T_MINIMIZE, "`minimize` stands in an `each`"},
      {T_REPORT, "`report` stands in an `each` or `eval`"},
      {T_PRINT, "`print` stands in a body"},
      {T_WHEN, "`when` stands in a body"},
      {T_UPDATE, "`update` stands in a body or a `train`"},
      {T_VAR, "variables stand in bodies"},
      {T_PARAM, "parameters stand in layers or at top level"},
      {T_STATE, "states stand in layers, `eval`s or at top level"},
      {T_LET, "only fields and settings stand in a `data` block"},
      {T_FOR, "loops stand in bodies, layers and `train`"},
      {T_IF, "choices stand in bodies, layers and `train`"},
      {T_ASSERT, "assertions stand in bodies and layers"},
      {T_FINISH, "`finish` stands in an `eval`"},
      {T_ELSE, "the `if` before it has ended"},
  };
  if (c->i != c->item) return false;
  int kind = c->t[c->i].kind;
  if (!begins_item(c->t, c->i) && !IS_ONE_OF(kind, T_IF, T_FOR, T_ELSE)) return false;
  for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
    if (places[k].kind != kind) continue;
    Diag *g = diag_error(c->p->diags, DIAG_E0118, span_of(c, c->i), "`%s` can't stand here", word(c, c->i));
    diag_label(g, "%s", places[k].where);
    misplaced_block(c, g);
    return true;
  }
  return false;
}
