// Slips in the use of .nn's own words.
#include "frontend/foreign.h"
#include "frontend/slip.h"
#include "ir/base/nearest.h"

static const struct {
  int kind;
  const char *use;
} keywords[] = {
    {T_LET, "binds a name"},
    {T_VAR, "declares a variable"},
    {T_FN, "begins a function"},
    {T_VJP, "begins a derivative rule"},
    {T_LAYER, "begins a layer"},
    {T_TRAIN, "begins a training plan"},
    {T_EACH, "begins a loop over data"},
    {T_EVAL, "begins an evaluation"},
    {T_PARAM, "declares a parameter"},
    {T_STATE, "declares a state"},
    {T_WITH, "gives a store its multipliers"},
    {T_UPDATE, "writes a store"},
    {T_MINIMIZE, "begins an optimisation"},
    {T_REPORT, "logs values"},
    {T_LOAD, "reads stores from a file"},
    {T_SAVE, "writes stores to a file"},
    {T_PRINT, "prints values"},
    {T_BY, "gives a slice its step: `x[a..b by 2]`"},
    {T_WHEN, "guards effects: `when c { … }`"},
    {T_FOR, "begins a static loop"},
    {T_IN, "belongs to `for`, `each`, `eval` and `scan`"},
    {T_IF, "begins a static choice"},
    {T_THEN, "belongs to `if`"},
    {T_ELSE, "belongs to `if`"},
    {T_SCAN, "begins a loop over time"},
    {T_YIELD, "gives an output of `scan`"},
    {T_NEXT, "gives `scan` its next carries"},
    {T_RETURN, "gives a function its result"},
    {T_ASSERT, "checks a condition"},
    {T_EINSUM, "begins an Einstein sum"},
    {T_REARRANGE, "begins a rearrangement of axes"},
    {T_REDUCE, "begins a reduction"},
    {T_AND, "is a logical operator"},
    {T_OR, "is a logical operator"},
    {T_NOT, "is a logical operator"},
    {T_BOOL, "is a value"},
    {T_STYPE, "is a static type"},
    {T_DTYPE, "is an element type"},
};

static const char *keyword_use(int kind) {
  for (size_t k = 0; k < sizeof keywords / sizeof keywords[0]; k++)
    if (keywords[k].kind == kind) return keywords[k].use;
  return NULL;
}

// `let by = 3;`, `x + when`: a keyword where a name can stand, followed by what follows names. Its later
// uses are the same mistake.
bool slip_keyword_as_name(Context *c) {
  Parser *p = c->p;
  const char *use = keyword_use(c->t[c->i].kind), *name = word(c, c->i);
  if (!use || !expects(c, T_IDENT)) return false;
  int next = c->t[c->i + 1].kind;
  if (!is_operator(next) &&
      !IS_ONE_OF(next, '=', ':', ',', ')', ']', ';', '.', '(', '[', T_IN, T_PIPE, T_SCAN_SEMI, '{'))
    return false;
  for (uint32_t k = 0; k < p->n_misused; k++)
    if (strcmp(p->misused[k], name) == 0) return true;
  if (p->n_misused < sizeof p->misused / sizeof p->misused[0]) p->misused[p->n_misused++] = name;
  Diag *g = diag_error(p->diags, DIAG_E0110, span_of(c, c->i), "`%s` is a keyword and can't be a name", name);
  diag_label(g, "`%s` %s", name, use);
  return true;
}

// `when c { … } else { … }`
bool slip_else_of_when(Context *c) {
  if (c->t[c->i].kind != T_ELSE || c->i == 0) return false;
  const Token *closes = &c->t[c->i - 1];
  if (closes->kind != '}' || closes->partner == NO_TOKEN) return false;
  uint32_t k = closes->partner;
  while (k > 0 && !IS_ONE_OF(c->t[k - 1].kind, '{', '}', ';')) k--;
  if (c->t[k].kind != T_WHEN) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i), "`when` has no `else`");
  diag_label(g, "it guards effects by a mask");
  diag_note(
      g, "a second block `when not (…) { … }` does the rest; `select(c, a, b)` chooses between two values");
  return true;
}

// `x |> fn(u) => …`: a function is no postfix expression.
bool slip_function_after_pipe(Context *c) {
  if (c->t[c->i].kind != T_FN || c->i == 0 || c->t[c->i - 1].kind != T_PIPE) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0111, span_of(c, c->i), "`fn` can't follow a `|>`");
  diag_label(g, "a function stands in parentheses here");
  diag_help(g, "write `|> (fn(u) => …)`");
  return true;
}

// Where the expression that a `|>` at `pipe` belongs to begins.
static uint32_t expression_start(const Context *c, uint32_t pipe) {
  uint32_t i = pipe;
  while (i > c->item) {
    const Token *before = &c->t[i - 1];
    if (IS_ONE_OF(before->kind, '=', ',', '(', '[', '{', ';', T_RETURN, T_YIELD, T_THEN, T_ELSE, T_FATARROW,
                  T_MINIMIZE, T_USING, T_IN, T_IF, T_ASSERT, T_WHEN, T_DOTDOT))
      break;
    bool closes = IS_ONE_OF(before->kind, ')', ']', '}') && before->partner != NO_TOKEN;
    i = closes ? before->partner : i - 1;
  }
  return i;
}

// `a |> Dense(3) + b`
bool slip_operator_after_pipe(Context *c) {
  const Token *t = &c->t[c->i];
  if (!is_operator(t->kind) || !expects(c, T_PIPE) || expects(c, T_POW)) return false;
  uint32_t pipe = before_error(c, T_PIPE);
  if (pipe == NO_TOKEN) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0111, span_of(c, c->i), "`%s` can't follow a `|>`", word(c, c->i));
  diag_label(g, "the right side of `|>` ends before this");
  uint32_t from = expression_start(c, pipe);
  const char *text = text_of(c, c->t[from].begin, c->t[c->i - 1].end);
  if (strlen(text) <= 60 && !strchr(text, '\n'))
    diag_help(g, "put the pipe into parentheses: `(%s) %s …`", text, word(c, c->i));
  return true;
}

// `if a = b {`
bool slip_assignment_as_condition(Context *c) {
  if (c->t[c->i].kind != '=') return false;
  bool statement = IS_ONE_OF(c->t[c->item].kind, T_IF, T_WHEN, T_ASSERT);
  uint32_t choice = before_error(c, T_IF), then = before_error(c, T_THEN);
  bool expression = choice != NO_TOKEN && (then == NO_TOKEN || then < choice);
  if (!statement && !expression) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0114, span_of(c, c->i), "a condition can't assign");
  diag_help(diag_label(g, "`=` assigns"), "write `==` to compare");
  return true;
}

// A bracket later in the statement closes nothing: one before the token closes too early.
static bool closed_too_early(const Context *c) {
  const ProblemVec *all = &c->p->scanned->problems;
  uint32_t end = c->i;
  while (c->t[end].kind != ';' && c->t[end].kind != T_YYEOF) end++;
  for (size_t k = 0; k < all->len; k++) {
    uint32_t at = all->data[k].at;
    if (all->data[k].code == DIAG_E0109 && at > c->t[c->i].begin && at <= c->t[end].begin) return true;
  }
  return false;
}

// `let a, b = f(x);`, `a, b = f(x);`, `return a, b;`, `for a, b in zip(x, y) {`
bool slip_bare_tuple(Context *c) {
  if (c->t[c->i].kind != ',' || open_bracket(c) != NO_TOKEN) return false;
  int head = c->t[c->item].kind;
  bool names = IS_ONE_OF(head, T_LET, T_VAR, T_FOR, T_EACH) && c->i == c->item + 2;
  bool target = head == T_IDENT && c->i == c->item + 1 && expects(c, '=');
  if (!names && !target && !IS_ONE_OF(head, T_RETURN, T_FN, T_EXPORT)) return false;
  if (closed_too_early(c)) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i), "a tuple stands in parentheses");
  diag_label(g, "write `(a, b)`");
  return true;
}

// `report loss / 2.0;`
bool slip_report_without_name(Context *c) {
  if (c->t[c->item].kind != T_REPORT ||
      (!is_operator(c->t[c->i].kind) && !IS_ONE_OF(c->t[c->i].kind, '(', '.', '[', ':')))
    return false;
  if (!expects(c, '=') && !expects(c, T_IDENT)) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i), "what is computed for a report has a name");
  diag_label(g, "as in `report loss = …;`");
  return true;
}

// `trian fit {`, `minimise loss over net …`
bool slip_misspelt_word(Context *c) {
  static const char *const declarations[] = {"let",   "option", "dim",   "fn",   "layer",  "model", "param",
                                             "state", "data",   "train", "test", "export", "import"};
  static const char *const statements[] = {
      "let",  "var",  "return", "yield", "update", "minimize", "report", "param",  "state", "assert",
      "when", "each", "eval",   "load",  "save",   "print",    "phase",  "option", "finish"};
  bool top = c->i == c->item && expects(c, T_EXPORT) && expects(c, T_TRAIN) && c->t[c->i + 1].kind != '=';
  bool inside = c->i == c->item + 1 && expects(c, '=') &&
                IS_ONE_OF(c->t[c->i].kind, T_IDENT, T_INTLIT, T_FLOATLIT, T_STRLIT, '{');
  if ((!top && !inside) || c->t[c->item].kind != T_IDENT) return false;
  Nearest n = nearest_to(word(c, c->item));
  for (size_t k = 0; top && k < sizeof declarations / sizeof *declarations; k++)
    nearest_try(&n, declarations[k]);
  for (size_t k = 0; inside && k < sizeof statements / sizeof *statements; k++)
    nearest_try(&n, statements[k]);
  if (!n.best) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->item), "`%s` begins no %s", n.word,
                       top ? "declaration" : "statement");
  diag_label(g, "did you mean `%s`?", n.best);
  return true;
}

// `fn f(x) = …`
bool slip_parameter_without_type(Context *c) {
  if (!expects(c, ':') || c->n > 2 || !IS_ONE_OF(c->t[c->i].kind, ',', ')', '=', '[', T_DTYPE, T_STYPE))
    return false;
  if (!IS_ONE_OF(c->t[c->item].kind, T_FN, T_LAYER, T_EXPORT, T_VJP, T_DATA)) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i - 1), "the parameter `%s` has no type",
                       word(c, c->i - 1));
  diag_label(g, "as in `%s: [n]` or `%s: int`", word(c, c->i - 1), word(c, c->i - 1));
  return true;
}

// The item is directly in the body of a function that declares a result.
static bool returns_value(const Context *c) {
  uint32_t brace = enclosing_brace(c, c->item);
  if (!brace) return false;
  uint32_t head = item_start(c->p, brace - 1);
  if (!IS_ONE_OF(c->t[head].kind, T_FN, T_LAYER, T_EXPORT)) return false;
  for (uint32_t i = head; i < brace; i++)
    if (c->t[i].kind == T_ARROW) return true;
  return false;
}

// `loss.backward();`: the advice for the method that the item which ends at `end` calls.
static const char *foreign_method(const Context *c, uint32_t end) {
  uint32_t open = c->t[end - 1].partner;
  if (open == NO_TOKEN || open < c->item + 2 || c->t[open - 1].kind != T_IDENT || c->t[open - 2].kind != '.')
    return NULL;
  return foreign_member(word(c, open - 1));
}

// `eval i in 0..4 { … }`
bool slip_eval_of_range(Context *c) {
  if (c->t[c->i].kind != T_DOTDOT || c->t[c->item].kind != T_EVAL) return false;
  Diag *g =
      diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i), "an `eval` goes over data, not over a range");
  diag_label(g, "only `each` and `scan` count");
  diag_note(
      g, "numbers are examples too: `data points(n: int) { i: i32 from rows([k for k in 0..n]); }`, and its "
         "computed fields may draw");
  return true;
}

// `f(x);`, `2.0 * x;`
bool slip_unused_value(Context *c) {
  int kind = c->t[c->i].kind;
  if (kind != ';' && kind != T_PIPE && !is_operator(kind)) return false;
  if (!expects(c, '=') || !ends_operand(c->t[c->item].kind) || c->i == c->item) return false;
  uint32_t around = enclosing_brace(c, c->item);
  if (around && c->t[item_start(c->p, around - 1)].kind == T_DATA) return false; // a field, not a value
  if (c->item > 0 && c->t[c->item - 1].kind == ';' && c->t[c->item - 1].inserted) return true; // its rest
  bool need_semi;
  uint32_t end = item_end(c->p, c->item, c->i, &need_semi);
  Span at = {c->p->source, c->t[c->item].begin, c->t[end - 1].end};
  Diag *g = diag_error(c->p->diags, DIAG_E0102, at, "this value is not used");
  bool last = c->t[end].kind == '}' || c->t[end + 1].kind == '}';
  bool call = c->t[end - 1].kind == ')' && (kind == ';' || kind == T_PIPE);
  const char *foreign = call ? foreign_method(c, end) : NULL;
  bool result = last && returns_value(c);
  if (foreign) return diag_label(g, "%s", foreign), true;
  diag_label(g, last && (!call || result) ? "a block gives its value by `return`"
                                          : "a statement names a value, returns, updates or reports it");
  if (result && at.end - at.begin <= 60)
    diag_help(g, "`return %s;`", text_of(c, at.begin, at.end));
  else if (call && at.end - at.begin <= 60)
    diag_help(g, "for what the call updates, reports or prints: `let _ = %s;`", text_of(c, at.begin, at.end));
  return true;
}
