// Delivers tokens to the grammar and, after a syntax error, finds the balanced end of what is broken.
// brackets.c has matched every bracket, so "balanced" is a jump to the partner.
#include "frontend/recover.h"

#include "frontend/ast_build.h"

static const Token *token(const Parser *p, uint32_t i) { return &p->scanned->tokens.data[i]; }

static void stop(Parser *p) { p->stopped = true; }

static void report(Parser *p, const Problem *q) {
  Diag *g = diag_error(p->diags, q->code, q->span, "%s", q->message);
  if (q->label) diag_label(g, "%s", q->label);
  if (q->also_label) diag_also(g, q->also, "%s", q->also_label);
  if (q->note) diag_note(g, "%s", q->note);
  if (q->help) diag_help(g, "%s", q->help);
  if (q->covers) p->covered = q->at + 1;
  if (q->fatal || diags_full(p->diags)) stop(p);
}

// Problems up to a byte; of those in an item that is dropped only what stands on its own, or else the
// `first`, when nothing is said about the item yet.
static void report_until(Parser *p, uint32_t byte, bool dropped, bool first) {
  const ProblemVec *all = &p->scanned->problems;
  for (; p->next_problem < all->len && !p->stopped; p->next_problem++) {
    const Problem *q = &all->data[p->next_problem];
    if (q->at > byte) return;
    if (dropped && !q->always && !first) continue;
    if (!dropped && !q->always && p->covered > token(p, item_start(p, p->next))->begin) continue;
    report(p, q);
    first = false;
  }
}

int nn_yylex(NN_YYSTYPE *value, Span *at, Parser *p) {
  const Token *t = token(p, p->next);
  *at = (Span){p->source, t->begin, t->end};
  if (!p->stopped && p->inject) {
    int kind = p->inject;
    p->inject = 0;
    at->end = at->begin;
    return kind;
  }
  if (!p->stopped) report_until(p, t->begin, false, false);
  if (p->stopped) return T_YYEOF;
  p->last = p->next;
  if (t->kind != T_YYEOF) p->next++;
  if (t->kind == T_BOOL || t->kind == T_STYPE || t->kind == T_DTYPE || t->kind == T_INTLIT ||
      t->kind == T_FLOATLIT || t->kind == T_STRLIT)
    value->value = t->value;
  else
    value->name = (Name){t->value.word, *at};
  return t->kind;
}

// Bison calls this only when its stack is full: brackets are limited before, so it is a long chain of
// `else if`, unary operators or lambdas.
void nn_yyerror(Span *at, Parser *p, const char *message) {
  (void)message;
  if (p->stopped) return;
  diag_label(diag_error(p->diags, DIAG_E0801, *at, "the program is nested too deeply"), "here");
  stop(p);
}

bool begins_item(const Token *tokens, uint32_t i) {
  static const struct {
    int kind, next; // next 0: not one of the signs that follow a name
  } starts[] = {
      {T_LET, 0},         {T_VAR, 0},         {T_RETURN, 0},        {T_YIELD, 0},        {T_NEXT, 0},
      {T_UPDATE, 0},      {T_MINIMIZE, 0},    {T_REPORT, 0},        {T_PARAM, 0},        {T_STATE, 0},
      {T_ASSERT, 0},      {T_WHEN, 0},        {T_EACH, 0},          {T_EVAL, 0},         {T_LOAD, 0},
      {T_SAVE, 0},        {T_TRAIN, 0},       {T_PRINT, '('},       {T_FN, T_IDENT},     {T_VJP, T_IDENT},
      {T_LAYER, T_IDENT}, {T_MODEL, T_IDENT}, {T_PHASE, T_IDENT},   {T_OPTION, T_IDENT}, {T_DIM, T_IDENT},
      {T_DATA, T_IDENT},  {T_EXPORT, T_FN},   {T_IMPORT, T_STRLIT}, {T_TEST, T_STRLIT},  {T_FINISH, '{'},
  };
  if (tokens[i].kind == T_YYEOF) return false;
  int next = tokens[i + 1].kind;
  for (size_t k = 0; k < sizeof starts / sizeof starts[0]; k++) {
    if (starts[k].kind != tokens[i].kind) continue;
    return starts[k].next ? next == starts[k].next
                          : next != '=' && next != ',' && next != ')' && next != ':' && next != ';';
  }
  return false;
}

uint32_t item_start(const Parser *p, uint32_t i) {
  while (i > 0 && i != p->resumed) {
    const Token *before = token(p, i - 1);
    int here = token(p, i)->kind;
    if (before->kind == ';' || before->kind == '{') break;
    if (before->kind == '}' && !before->in_expression && here != T_ELSE && here != T_THEN) break;
    bool closes = before->kind == '}' || before->kind == ')' || before->kind == ']';
    i = closes && before->partner != NO_TOKEN ? before->partner : i - 1;
  }
  return i;
}

// How many tokens of an item must have been read for its head to be resumable; 0: it has no head.
static uint32_t head_length(const Parser *p, uint32_t item) {
  switch (token(p, item)->kind) {
  case T_LAYER:
  case T_DATA:
  case T_FN:
  case T_VJP: return 2;
  case T_EXPORT: return 3;
  case T_TRAIN:
  case T_PHASE:
  case T_TEST:
  case T_FOR:
  case T_IF:
  case T_WHEN:
  case T_EACH:
  case T_EVAL: return 1;
  default: return 0;
  }
}

// The body of an item whose head is broken at `i`: the `{` before any `;`, NO_TOKEN when there is none.
static uint32_t body_after(const Parser *p, uint32_t i) {
  for (;; i++) {
    const Token *t = token(p, i);
    if (t->kind == '{' && !t->in_expression) return i;
    if (t->kind == ';' || t->kind == T_YYEOF || (t->kind == '}' && t->partner < i)) return NO_TOKEN;
    if ((t->kind == '(' || t->kind == '[' || t->kind == '{') && t->partner != NO_TOKEN) i = t->partner;
  }
}

// A layer's body holds members when a method is among them.
static bool has_methods(const Parser *p, uint32_t open) {
  for (uint32_t i = open + 1; i < token(p, open)->partner; i++) {
    const Token *t = token(p, i);
    if (t->kind == T_FN && token(p, i + 1)->kind == T_IDENT) return true;
    if (t->kind == '{' && t->partner != NO_TOKEN) i = t->partner;
  }
  return false;
}

// After the `}` at i: does the broken item go on?
static bool continues(const Parser *p, uint32_t i) {
  const Token *next = token(p, i + 1);
  if (next->kind == T_ELSE || next->kind == T_THEN || next->kind == ';') return true;
  return !next->first_on_line && next->kind != '}' && next->kind != T_YYEOF &&
         !begins_item(p->scanned->tokens.data, i + 1);
}

uint32_t item_end(const Parser *p, uint32_t item, uint32_t i, bool *need_semi) {
  *need_semi = true;
  // `let y = f(x) return y;`
  if (i > item && token(p, i)->kind == T_RETURN && token(p, i - 1)->kind != '{') return i;
  for (;; i++) {
    const Token *t = token(p, i);
    if (t->kind == T_YYEOF || (t->kind == '}' && t->partner < i)) return i;
    if (t->kind == ';') {
      *need_semi = false;
      return i;
    }
    // Deeper than the broken item it is part of it: the body of a `def`.
    bool deeper = token(p, item)->first_on_line && t->column > token(p, item)->column;
    if (i > item && t->first_on_line && !deeper && begins_item(p->scanned->tokens.data, i)) return i;
    if ((t->kind == '(' || t->kind == '[' || t->kind == '{') && t->partner != NO_TOKEN) {
      bool block = t->kind == '{' && !t->in_expression;
      i = t->partner;
      if (block && !continues(p, i)) return i + 1;
    }
  }
}

// The broken item's body is an expression after a `=` that stands before `i`, outside of brackets.
static bool has_expression(const Parser *p, uint32_t item, uint32_t i) {
  for (uint32_t k = item; k < i; k++) {
    const Token *t = token(p, k);
    if (t->kind == '=') return true;
    if (t->kind != '(' && t->kind != '[' && t->kind != '{') continue;
    if (t->partner == NO_TOKEN || t->partner >= i) return false;
    k = t->partner;
  }
  return false;
}

// An item whose first line ends with `:` has the lines that are indented more for its body, as in Python. The
// token after them; NO_TOKEN: it is no such item.
static uint32_t indented_end(const Parser *p, uint32_t item) {
  if (!token(p, item)->first_on_line) return NO_TOKEN;
  uint32_t i = item + 1, last = item;
  for (; token(p, i)->kind != T_YYEOF && !token(p, i)->first_on_line; i++)
    if (!token(p, i)->inserted) last = i;
  if (token(p, last)->kind != ':') return NO_TOKEN;
  for (;; i++) {
    const Token *t = token(p, i);
    if (t->kind == T_YYEOF || (t->first_on_line && !t->inserted && t->column <= token(p, item)->column))
      return i;
    if (t->kind == '}' && t->partner < item) return i;
  }
}

// Where to go on after an error at `i`; sets what to inject there.
static uint32_t plan(Parser *p, uint32_t i) {
  uint32_t item = item_start(p, i), head = head_length(p, item), body_end = indented_end(p, item);
  if (body_end != NO_TOKEN && body_end > i) {
    p->inject = ';';
    return body_end;
  }
  if (head && i >= item + head && !has_expression(p, item, i)) {
    uint32_t body = body_after(p, i);
    bool members = body != NO_TOKEN && token(p, item)->kind == T_LAYER && has_methods(p, body);
    p->inject = members ? T_RESYNC_MEMBERS : T_RESYNC;
    if (body != NO_TOKEN) return body;
  }
  bool need_semi, stuck = i == p->resumed; // nothing was read since the last error
  uint32_t end = item_end(p, item, stuck && token(p, i)->kind != T_YYEOF ? i + 1 : i, &need_semi);
  p->inject = need_semi ? ';' : 0;
  p->stopped = stuck && end == i;
  return end;
}

// The tokens from `i` up to `end` are dropped, and with them what they may define; so is the token before,
// which the grammar gives up when it is no end of anything, and all of a `let` whose pattern is broken.
static void lose(Parser *p, uint32_t i, uint32_t end) {
  uint32_t item = item_start(p, i);
  bool let = token(p, item)->kind == T_LET || token(p, item)->kind == T_VAR;
  for (uint32_t k = let && !has_expression(p, item, i) ? item : i ? i - 1 : i; k < end; k++)
    if (token(p, k)->kind == T_IDENT) LIST_ADD(p, p->lost, token(p, k)->value.word);
}

void resynchronise(Parser *p, uint32_t i, bool said) {
  if (token(p, i)->kind == ';') { // the grammar's `error ';'` takes it as it is
    lose(p, i, i);
    p->resumed = i;
    return;
  }
  uint32_t end = plan(p, i);
  lose(p, i, end);
  const Token *t = token(p, end);
  if (t->inserted)
    report_until(p, t->begin, true, !said); // what it stands in for is part of what is dropped
  else if (t->begin > 0)
    report_until(p, t->begin - 1, true, !said);
  p->next = p->resumed = end;
}
