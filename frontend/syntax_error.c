// One mistake, one message. First the slips people make (slip.h); else what was expected, in plain words.
#include "frontend/syntax_error.h"

#include "frontend/slip.h"
#include "ir/base/nearest.h"

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

// `x = [3] from npy("x.npy");`
static bool slip_field_without_colon(const Context *c) {
  if (c->i < c->item + 3 || c->t[c->item].kind != T_IDENT || c->t[c->item + 1].kind != '=') return false;
  uint32_t brace = enclosing_brace(c, c->item);
  if (!brace || c->t[item_start(c->p, brace - 1)].kind != T_DATA) return false;
  if (!IS_ONE_OF(c->t[c->i].kind, T_FROM, '=')) return false;
  Diag *g = diag_error(c->p->diags, DIAG_E0102, span_of(c, c->item + 1), "a field's type stands after `:`");
  diag_label(g, "write `%s: …`", word(c, c->item));
  return true;
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
  const ProblemVec *all = &c->p->scanned->problems;
  uint32_t semi = c->item > 0 && c->t[c->item - 1].inserted ? c->t[c->item - 1].begin : UINT32_MAX;
  for (size_t k = 0; k < all->len && (c->i == c->item || expects(c, '=')); k++)
    if (all->data[k].torn && all->data[k].at == semi) return true;
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
  static bool (*const slips[])(Context *) = {slip_consequence_of_misplaced,
                                             slip_typed_declaration,
                                             slip_arrow_without_fn,
                                             slip_static_type_used,
                                             slip_report_without_name,
                                             slip_function_after_pipe,
                                             slip_else_of_when,
                                             slip_keyword_as_name,
                                             slip_if_with_braces,
                                             slip_assignment_as_condition,
                                             slip_operator_after_pipe,
                                             slip_chained_comparison,
                                             slip_for_of_c,
                                             slip_elementwise,
                                             slip_foreign_word,
                                             slip_bare_tuple,
                                             slip_foreign_type,
                                             slip_static_elements,
                                             slip_function_without_fn,
                                             slip_block_colon,
                                             slip_choice_after_value,
                                             slip_labels_in_string,
                                             slip_formatted_string,
                                             slip_import_without_file,
                                             slip_misspelt_word,
                                             slip_colon,
                                             slip_parameter_without_type,
                                             slip_unused_value,
                                             slip_eval_of_range,
                                             slip_assignment_at_top,
                                             slip_misplaced};
  if (p->stopped) return;
  Context c = {.p = p, .t = p->scanned->tokens.data, .i = p->last, .expected = expected, .n = n};
  c.item = item_start(p, c.i);
  bool said = p->covered > c.t[c.item].begin;
  if (!follows_from_problem(&c) && !rest_of_dropped(&c)) {
    for (size_t k = 0; k < sizeof slips / sizeof slips[0] && !said; k++) said = slips[k](&c);
    if (!said && !slip_field_without_colon(&c)) plain_message(&c);
    said = true;
    if (diags_full(p->diags)) p->stopped = true;
  }
  resynchronise(p, c.i, said || rest_of_dropped(&c));
}
