// One mistake, one message. First the slips people make, each a function that recognises its own and says
// how it is written; else what was expected, in plain words. Longer than most files: half of it is tables of
// words.
#include "frontend/syntax_error.h"
#include "frontend/foreign.h"
#include "frontend/recover.h"
#include "ir/base/nearest.h"

#include <stdio.h>

typedef struct Context {
  Parser *p;
  const Token *t;      // all tokens
  uint32_t i, item;    // of the error, and of the first token of the item it is in
  const int *expected; // token codes
  int n;
} Context;

static bool expects(const Context *c, int kind) {
  for (int k = 0; k < c->n; k++)
    if (c->expected[k] == kind) return true;
  return false;
}

static Span span_of(const Context *c, uint32_t i) { return (Span){c->p->source, c->t[i].begin, c->t[i].end}; }

static const char *text_of(const Context *c, uint32_t begin, uint32_t end) {
  const Source *s = source_get(diags_sources(c->p->diags), c->p->source);
  return arena_strndup(c->p->arena, s->text + begin, end - begin);
}

static const char *word(const Context *c, uint32_t i) { return text_of(c, c->t[i].begin, c->t[i].end); }

static bool one_of(int kind, const int *kinds, size_t n) {
  for (size_t k = 0; k < n; k++)
    if (kinds[k] == kind) return true;
  return false;
}
#define IS_ONE_OF(kind, ...)                                                                                 \
  one_of((kind), (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static bool is_operator(int kind) {
  return IS_ONE_OF(kind, '+', '-', '*', '/', '%', '@', T_FLOORDIV, T_POW, T_EQ, T_NE, '<', '>', T_LE, T_GE,
                   T_AND, T_OR);
}

// The last token of a kind before the error, at its depth and in its item; NO_TOKEN when there is none.
static uint32_t before_error(const Context *c, int kind) {
  for (uint32_t i = c->i; i > c->item;) {
    i--;
    const Token *t = &c->t[i];
    if (t->kind == kind) return i;
    if (IS_ONE_OF(t->kind, ')', ']', '}') && t->partner != NO_TOKEN)
      i = t->partner;
    else if (IS_ONE_OF(t->kind, '(', '[', '{'))
      return NO_TOKEN;
  }
  return NO_TOKEN;
}

// The innermost bracket that is open at the error, within its item.
static uint32_t open_bracket(const Context *c) {
  for (uint32_t i = c->i; i > c->item;) {
    i--;
    const Token *t = &c->t[i];
    if (IS_ONE_OF(t->kind, ')', ']', '}') && t->partner != NO_TOKEN)
      i = t->partner;
    else if (IS_ONE_OF(t->kind, '(', '[', '{'))
      return i;
  }
  return NO_TOKEN;
}

// -- slips --------------------------------------------------------------------------------------------

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
static bool keyword_as_name(Context *c) {
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

// `x = if c { a } else { b }`
static bool if_with_braces(Context *c) {
  if (c->t[c->i].kind != '{') return false;
  uint32_t at = before_error(c, T_IF);
  if (at == NO_TOKEN || at == c->item || c->t[at - 1].kind == T_ELSE) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0113, span_of(c, at), "an `if` in an expression has no braces");
  diag_label(g, "write `if c then a else b`");
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
static bool operator_after_pipe(Context *c) {
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
static bool assignment_as_condition(Context *c) {
  if (c->t[c->i].kind != '=') return false;
  bool statement = IS_ONE_OF(c->t[c->item].kind, T_IF, T_WHEN, T_ASSERT);
  uint32_t choice = before_error(c, T_IF), then = before_error(c, T_THEN);
  bool expression = choice != NO_TOKEN && (then == NO_TOKEN || then < choice);
  if (!statement && !expression) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0114, span_of(c, c->i), "a condition can't assign");
  diag_help(diag_label(g, "`=` assigns"), "write `==` to compare");
  return true;
}

// `a < b < c`
static bool chained_comparison(Context *c) {
  if (!IS_ONE_OF(c->t[c->i].kind, '<', '>', T_LE, T_GE, T_EQ, T_NE) || !expects(c, T_AND)) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0117, span_of(c, c->i), "comparisons do not chain");
  diag_label(g, "write `a %s b and b %s c`", word(c, c->i), word(c, c->i));
  return true;
}

// `def f(x) { … }`, `while c { … }`: a name followed by another.
static bool foreign_word(Context *c) {
  static const struct {
    const char *word, *instead;
  } words[] = {
      {"def", "`fn`"},
      {"func", "`fn`"},
      {"function", "`fn`"},
      {"fun", "`fn`"},
      {"class", "`layer`"},
      {"struct", "`layer`"},
      {"module", "`layer`"},
      {"dataset", "`data`"},
      {"training", "`train`"},
      {"use", "`import \"file.nn\" as name;`"},
      {"include", "`import \"file.nn\" as name;`"},
      {"require", "`import \"file.nn\" as name;`"},
      {"const", "`let`"},
      {"val", "`let`"},
      {"auto", "`let`"},
      {"mut", "`var`"},
      {"new", "the call alone"},
      {"is", "`==`"},
      {"elif", "`else if`"},
      {"elsif", "`else if`"},
      {"elseif", "`else if`"},
      {"lambda", "`fn(x) => …`"},
      {"while", "`for` or `scan`"},
      {"foreach", "`for`"},
      {"yields", "`yield`"},
      {"finally", "`finish`"},
      {"optimize", "`minimize`"},
      {"maximize", "`minimize` of the negative"},
  };
  uint32_t i =
      c->i == c->item || c->t[c->i - 1].kind != T_IDENT || strcmp(word(c, c->i), "is") == 0 ? c->i : c->i - 1;
  if (c->t[i].kind != T_IDENT) return false;
  const char *name = word(c, i);
  for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
    if (strcmp(words[k].word, name) != 0) continue;
    Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, i), "there is no `%s`", name);
    diag_label(g, "in .nn this is %s", words[k].instead);
    return true;
  }
  return false;
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
static bool bare_tuple(Context *c) {
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

// `x: float32[n]`
static bool foreign_type(Context *c) {
  static const struct {
    const char *word, *instead;
  } types[] = {
      {"float16", "f16"},   {"bfloat16", "bf16"}, {"float32", "f32"}, {"float64", "f64"}, {"double", "f64"},
      {"int8", "i8"},       {"int16", "i16"},     {"int32", "i32"},   {"int64", "i64"},   {"uint8", "u8"},
      {"boolean", "bool"},  {"string", "str"},    {"String", "str"},  {"integer", "int"}, {"number", "float"},
      {"Tensor", "[n, m]"}, {"tensor", "[n, m]"}, {"list", "[int]"},  {"Callable", "fn"},
  };
  if (c->t[c->i].kind != T_IDENT || !expects(c, T_DTYPE)) return false;
  for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
    if (strcmp(types[k].word, word(c, c->i)) != 0) continue;
    Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "there is no `%s`", types[k].word);
    diag_label(g, "in .nn this is `%s`", types[k].instead);
    return true;
  }
  return false;
}

// `float[n]`, `bool[n]`: static types are no element types
static bool static_elements(Context *c) {
  if (c->t[c->i].kind != '[' || c->i == c->item || c->t[c->i - 1].kind != T_STYPE) return false;
  const char *name = word(c, c->i - 1);
  bool is_bool = strcmp(name, "bool") == 0;
  if (!is_bool && strcmp(name, "float") != 0 && strcmp(name, "int") != 0) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i - 1),
                       "`%s` is a static type, not of elements", name);
  diag_label(g, "write `%s`", is_bool ? "mask[…]" : *name == 'i' ? "i32[…]" : "[…]` or `f32[…]");
  return true;
}

// `float(x)`, `cast(x, float)`
static bool static_type_used(Context *c) {
  if (c->t[c->i].kind != T_STYPE || !expects(c, T_INTLIT)) return false;
  const char *name = word(c, c->i);
  bool call = c->t[c->i + 1].kind == '(';
  if (!call && (c->i == 0 || c->t[c->i - 1].kind != ',')) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i),
                       call ? "there is no `%s(…)`" : "`%s` is a static type, not of elements", name);
  const char *elements = *name == 'i' ? "i32" : *name == 'b' ? "mask" : "real";
  if (*name == 's')
    diag_label(g, "write `\"\" + n`");
  else if (*name == 'b' && call)
    diag_label(g, "write `x != 0`");
  else
    diag_label(g, call ? "write `cast(x, %s)`" : "write `%s`", elements);
  return true;
}

// `encode(x: [n]) -> [m] { … }` in a layer
static bool function_without_fn(Context *c) {
  uint32_t open = c->item + 1;
  if (c->t[c->i].kind != ':' || c->t[c->item].kind != T_IDENT || c->t[open].kind != '(') return false;
  if (open_bracket(c) != open || c->t[open].partner == NO_TOKEN) return false;
  if (!IS_ONE_OF(c->t[c->t[open].partner + 1].kind, T_ARROW, '{', '=')) return false;
  const char *name = word(c, c->item);
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->item), "a function begins with `fn`");
  diag_label(g, "write `fn %s(…)`", name);
  LIST_ADD(c->p, c->p->lost, c->t[c->item].value.word);
  return true;
}

// `for i in x:`, `if c:`
static bool block_colon(Context *c) {
  if (c->t[c->i].kind != ':' || !expects(c, '{')) return false;
  if (expects(c, T_ARROW) && IS_ONE_OF(c->t[c->i + 1].kind, '[', '(', T_DTYPE, T_STYPE)) {
    Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "the type of a result stands after `->`");
    diag_label(g, "write `->`");
    return true;
  }
  diag_label(diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "no block begins with `:`"),
             "blocks stand in `{ … }`");
  return true;
}

// `int n = 3;`
static bool typed_declaration(Context *c) {
  uint32_t i = c->item;
  if (!IS_ONE_OF(c->t[i].kind, T_STYPE, T_DTYPE) || c->t[i + 1].kind != T_IDENT || c->i > i + 1) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, i), "no declaration begins with a type");
  diag_label(g, "write `let %s = …;`", word(c, i + 1));
  return true;
}

// `x => 2.0 * x`
static bool arrow_without_fn(Context *c) {
  if (c->t[c->i].kind != T_FATARROW || c->i == c->item) return false;
  diag_label(
      diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "a function without a name begins with `fn`"),
      "write `fn(x) => …`");
  return true;
}

// `a if c else b`
static bool choice_after_value(Context *c) {
  if (c->t[c->i].kind != T_IF || c->i == c->item || !ends_operand(c->t[c->i - 1].kind)) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "the value of an `if` follows it");
  diag_label(g, "write `if c then a else b`");
  return true;
}

// `einsum("ij,jk->ik", a, b)`
static bool labels_in_string(Context *c) {
  uint32_t open = open_bracket(c);
  if (open == NO_TOKEN || open == 0 || c->t[open - 1].kind != T_EINSUM || c->t[open + 1].kind != T_STRLIT)
    return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, open + 1), "labels stand at their operands");
  diag_label(g, "as in `einsum(a[b, i, k], w[k, j] -> [b, i, j])`");
  return true;
}

// `f"loss {x}"`
static bool formatted_string(Context *c) {
  const Token *t = &c->t[c->i];
  if (t->kind != T_STRLIT || c->i == c->item || c->t[c->i - 1].kind != T_IDENT) return false;
  if (c->t[c->i - 1].end != t->begin) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i - 1), "no letter stands before a string");
  diag_label(g, "`print(\"loss\", x)` and `\"part_\" + 3` put values and strings together");
  return true;
}

// `report loss / 2.0;`
static bool report_without_name(Context *c) {
  if (c->t[c->item].kind != T_REPORT ||
      (!is_operator(c->t[c->i].kind) && !IS_ONE_OF(c->t[c->i].kind, '(', '.', '[', ':')))
    return false;
  if (!expects(c, '=') && !expects(c, T_IDENT)) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i), "what is computed for a report has a name");
  diag_label(g, "as in `report loss = …;`");
  return true;
}

// `import torch`
static bool import_without_file(Context *c) {
  if (c->i == c->item || c->t[c->i - 1].kind != T_IMPORT || c->t[c->i].kind != T_IDENT) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i), "an import names a file");
  diag_label(g, "as in `import \"blocks.nn\" as blocks;`");
  return true;
}

// `trian fit {`, `minimise loss over net …`
static bool misspelt_word(Context *c) {
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

// `x[1:3]`, `f(a: 1)`
static bool colon(Context *c) {
  if (c->t[c->i].kind != ':') return false;
  uint32_t open = open_bracket(c);
  if (open == NO_TOKEN || c->t[open].kind == '{') return false;
  bool slice = c->t[open].kind == '[';
  if (slice && !expects(c, ']') && !expects(c, T_DOTDOT) && c->t[c->i - 1].kind != '[') return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0115, span_of(c, c->i), "there is no `:` here");
  diag_label(g, slice ? "slices are written `a..b`" : "named arguments are written `name = value`");
  return true;
}

// `fn f(x) = …`
static bool parameter_without_type(Context *c) {
  if (!expects(c, ':') || c->n > 2 || !IS_ONE_OF(c->t[c->i].kind, ',', ')', '=', '[', T_DTYPE, T_STYPE))
    return false;
  if (!IS_ONE_OF(c->t[c->item].kind, T_FN, T_LAYER, T_EXPORT, T_VJP, T_DATA)) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i - 1), "the parameter `%s` has no type",
                       word(c, c->i - 1));
  diag_label(g, "as in `%s: [n]` or `%s: int`", word(c, c->i - 1), word(c, c->i - 1));
  return true;
}

// The `{` around the item that begins at i, plus one; 0 at top level.
static uint32_t enclosing_brace(const Context *c, uint32_t i) {
  while (i > 0) {
    i--;
    if (c->t[i].kind == '{') return i + 1;
    if (c->t[i].kind == '}' && c->t[i].partner != NO_TOKEN) i = c->t[i].partner;
  }
  return 0;
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

// `f(x);`, `2.0 * x;`
static bool unused_value(Context *c) {
  int kind = c->t[c->i].kind;
  if (kind != ';' && kind != T_PIPE && !is_operator(kind)) return false;
  if (!expects(c, '=') || !ends_operand(c->t[c->item].kind) || c->i == c->item) return false;
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

// `x = 3;` at top level
static bool assignment_at_top(Context *c) {
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

static bool consequence_of_misplaced(Context *c) {
  uint32_t open = c->p->misplaced_in;
  if (!open || c->item < open || c->t[open].partner == NO_TOKEN || c->i > c->t[open].partner) return false;
  return c->p->misplaced != T_FN || (c->t[c->item].kind == T_FN && enclosing_brace(c, c->item) == open + 1);
}

// An item of another kind of block.
static bool misplaced(Context *c) {
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

// -- what was expected ----------------------------------------------------------------------------------

// Groups of tokens with a name of their own: when `key` is expected, all of the group are said by it.
typedef struct Group {
  int key, also; // also 0: none
  const char *words;
  const int *members;
  size_t n;
} Group;

#define MEMBERS(...) (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int)
#define SOFT_WORDS                                                                                           \
  T_MODEL, T_DATA, T_TEST, T_PHASE, T_EVERY, T_OVER, T_EXCEPT, T_USING, T_FROM, T_TO, T_EXPORT, T_DIM,       \
      T_IMPORT, T_AS, T_OPTION, T_FINISH, T_MASK
#define PRIMARIES                                                                                            \
  T_INTLIT, T_FLOATLIT, T_STRLIT, T_BOOL, T_IDENT, T_DTYPE, '(', '[', T_SCAN, T_EINSUM, T_REARRANGE,         \
      T_REDUCE, SOFT_WORDS

static const Group groups[] = {
    {T_EXPORT, T_TRAIN, "a declaration",
     MEMBERS(T_LAYER, T_FN, T_VJP, T_TRAIN, T_PARAM, T_STATE, T_LET, T_YYEOF, T_DIM, T_IMPORT, T_MODEL,
             T_DATA, T_TEST, T_EXPORT, T_OPTION)},
    {T_RETURN, T_LET, "a statement",
     MEMBERS(PRIMARIES, T_LET, T_VAR, T_PARAM, T_STATE, T_UPDATE, T_MINIMIZE, T_REPORT, T_PRINT, T_WHEN,
             T_FOR, T_IF, T_YIELD, T_NEXT, T_RETURN, T_ASSERT)},
    {T_EACH, T_LET, "an item of `train`",
     MEMBERS(T_LET, T_OPTION, T_UPDATE, T_IF, T_LOAD, T_SAVE, T_PHASE, T_FOR, T_EACH, T_EVAL, T_IDENT)},
    {T_PARAM, T_LET, "a member of the layer",
     MEMBERS(PRIMARIES, T_LET, T_VAR, T_PARAM, T_STATE, T_FN, T_FOR, T_IF, T_ASSERT)},
    {T_INTLIT, T_STRLIT, "an expression", MEMBERS(PRIMARIES, '-', T_NOT, T_IF, T_FN)},
    {T_STYPE, T_DTYPE, "a type", MEMBERS(T_STYPE, T_DTYPE, T_MASK, T_FN, T_LAYER, '[', '(')},
    {T_IDENT, T_MODEL, "a name", MEMBERS(T_IDENT, SOFT_WORDS)},
    // After an operand anything may go on; what ends it is what matters.
    {T_POW, '+', NULL,
     MEMBERS('+', '-', '*', '/', '%', '@', T_FLOORDIV, T_POW, T_EQ, T_NE, '<', '>', T_LE, T_GE, T_AND, T_OR,
             T_PIPE, '(', '[', '.')},
    {'.', '(', NULL, MEMBERS(T_PIPE, '(', '[', '.')},
    {']', T_DOTDOT, NULL, MEMBERS(T_DOTDOT, T_BY, T_FOR)},
    {')', '=', NULL, MEMBERS('=')},
};

static void describe(StrBuf *out, int kind) {
  static const struct {
    int kind;
    const char *words;
  } named[] = {{T_YYEOF, "the end of the file"},
               {T_IDENT, "a name"},
               {T_STRLIT, "a string"},
               {T_INTLIT, "an integer"},
               {T_FLOATLIT, "a number"},
               {T_ARROW, "`->`"},
               {T_FATARROW, "`=>`"},
               {T_PIPE, "`|>`"},
               {T_DOTDOT, "`..`"},
               {T_ELLIPSIS, "`...`"},
               {T_LE, "`<=`"},
               {T_SCAN_SEMI, "`;`"},
               {T_AS, "`as`"},
               {T_FROM, "`from`"},
               {T_TO, "`to`"},
               {T_OVER, "`over`"},
               {T_USING, "`using`"},
               {T_EXCEPT, "`except`"},
               {T_IN, "`in`"},
               {T_THEN, "`then`"},
               {T_ELSE, "`else`"},
               {T_WITH, "`with`"},
               {T_EVERY, "`every`"},
               {T_BY, "`by`"},
               {T_FN, "`fn`"},
               {T_MASK, "`mask`"},
               {T_FOR, "`for`"}};
  for (size_t k = 0; k < sizeof named / sizeof named[0]; k++)
    if (named[k].kind == kind) {
      sb_puts(out, named[k].words);
      return;
    }
  if (kind > ' ' && kind < 127)
    sb_printf(out, "`%c`", kind);
  else
    sb_puts(out, "a keyword");
}

enum { MAX_ALTERNATIVES = 4 };

// "`,` or `)`"; empty when there are too many to be of use.
static void expected_words(const Context *c, StrBuf *out) {
  bool said[512] = {false};
  const char *words[MAX_ALTERNATIVES];
  int kinds[MAX_ALTERNATIVES], n = 0;
  for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
    const Group *q = &groups[g];
    if (!expects(c, q->key) || said[q->key] || (q->also && !expects(c, q->also))) continue;
    for (size_t k = 0; k < q->n; k++) said[q->members[k]] = true;
    if (!q->words) continue;
    if (n == MAX_ALTERNATIVES) return;
    words[n] = q->words, kinds[n++] = 0;
  }
  for (int k = 0; k < c->n; k++) {
    int kind = c->expected[k];
    if (kind < 0 || kind >= 512 || said[kind] || kind == T_RESYNC || kind == T_RESYNC_MEMBERS) continue;
    if (n == MAX_ALTERNATIVES) return;
    words[n] = NULL, kinds[n++] = kind;
  }
  for (int k = 0; k < n; k++) {
    if (k) sb_puts(out, k == n - 1 ? " or " : ", ");
    if (words[k])
      sb_puts(out, words[k]);
    else
      describe(out, kinds[k]);
  }
}

static const char *near_type(const char *name) {
  static const char *const types[] = {"int", "float", "bool", "str", "real", "f16", "bf16", "f32",
                                      "f64", "i8",    "i16",  "i32", "i64",  "u8",  "mask", "layer"};
  Nearest n = nearest_to(name);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) nearest_try(&n, types[i]);
  return n.best;
}

// `let = 3;`, `layer (x: [n])`, `(a, ) = f(x)`, `fn fx: [n])`: the name of what is declared is missing or
// another.
static bool lacks_name(const Context *c) {
  int here = c->t[c->i].kind, head = c->t[c->item].kind;
#define DECLARES T_LET, T_VAR, T_LAYER, T_FN, T_MODEL, T_OPTION, T_STATE, T_PARAM, T_DATA, T_DIM
  if (here == ':' && c->i == c->item + 2 && IS_ONE_OF(head, T_LAYER, T_FN, T_DATA)) return true;
  if (!expects(c, T_IDENT) || (c->i == c->item && here != ':')) return false;
  if (c->i == c->item || IS_ONE_OF(c->t[c->i - 1].kind, DECLARES)) return true;
#undef DECLARES
  return IS_ONE_OF(head, T_LET, T_VAR) && before_error(c, '=') == NO_TOKEN && open_bracket(c) == c->item + 1;
}

static void plain_message(Context *c) {
  StrBuf want = {0}, found = {0};
  expected_words(c, &want);
  c->p->n_nameless += lacks_name(c);
  const Token *t = &c->t[c->i];
  if (t->kind == T_YYEOF)
    sb_puts(&found, "the end of the file");
  else if (t->kind == T_STRLIT || t->end - t->begin > 40)
    describe(&found, t->kind);
  else
    sb_printf(&found, "`%s`", word(c, c->i));
  if (want.len) {
    Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i), "expected %s, found %s", sb_text(&want),
                         sb_text(&found));
    const char *near =
        t->kind == T_IDENT && expects(c, T_DTYPE) && expects(c, T_STYPE) ? near_type(word(c, c->i)) : NULL;
    if (near)
      diag_label(g, "did you mean `%s`?", near);
    else
      diag_label(g, "expected %s", sb_text(&want));
  } else {
    diag_error(c->p->diags, DIAG_E0102, span_of(c, c->i), "%s can't stand here", sb_text(&found));
  }
  strbuf_free(&want);
  strbuf_free(&found);
}

// -- the whole ----------------------------------------------------------------------------------------

// A syntax error in an item whose brackets, strings or signs are wrong, or which is cut off, is a
// consequence.
static bool follows_from_problem(const Context *c) {
  for (uint32_t k = c->item; k <= c->i; k++)
    if (c->t[k].inserted) return true;
  return c->p->covered > c->t[c->item].begin || c->i >= c->p->cut;
}

// What stands right after a dropped item on the same line, and is no item itself, is the rest of it.
static bool rest_of_dropped(const Context *c) {
  const Token *t = &c->t[c->i];
  if (c->i == 0 || c->p->resumed == NO_TOKEN || t->first_on_line) return false;
  uint32_t from = c->t[c->p->resumed].kind == ';' ? c->p->resumed + 1 : c->p->resumed;
  if (c->item != from || c->t[from].first_on_line || begins_item(c->t, from)) return false;
  return c->i == c->item || expects(c, '=');
}

void syntax_error(Parser *p, const int *expected, int n) {
  static bool (*const slips[])(Context *) = {consequence_of_misplaced,
                                             typed_declaration,
                                             arrow_without_fn,
                                             static_type_used,
                                             report_without_name,
                                             keyword_as_name,
                                             if_with_braces,
                                             assignment_as_condition,
                                             operator_after_pipe,
                                             chained_comparison,
                                             foreign_word,
                                             bare_tuple,
                                             foreign_type,
                                             static_elements,
                                             function_without_fn,
                                             block_colon,
                                             choice_after_value,
                                             labels_in_string,
                                             formatted_string,
                                             import_without_file,
                                             misspelt_word,
                                             colon,
                                             parameter_without_type,
                                             unused_value,
                                             assignment_at_top,
                                             misplaced};
  if (p->stopped) return;
  Context c = {.p = p, .t = p->scanned->tokens.data, .i = p->last, .expected = expected, .n = n};
  c.item = item_start(p, c.i);
  bool said = p->covered > c.t[c.item].begin;
  if (!follows_from_problem(&c) && !rest_of_dropped(&c)) {
    for (size_t k = 0; k < sizeof slips / sizeof slips[0] && !said; k++) said = slips[k](&c);
    if (!said) plain_message(&c);
    said = true;
    if (diags_full(p->diags)) p->stopped = true;
  }
  resynchronise(p, c.i, said || rest_of_dropped(&c));
}
