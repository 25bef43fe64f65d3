// A bracket of the wrong kind where one of a pair is a brace, `:` for `{`, `end` for `}`, a scan's head
// without parentheses: what is meant is clear where the brackets balance but for that. Before brackets.c,
// which repairs what is missing or too many.
#include "frontend/parser.h"
#include "frontend/recover.h"

#include <string.h>

typedef struct Kinds {
  Arena *arena;
  uint32_t source;
  TokenVec *tokens;
  ProblemVec *problems;
} Kinds;

typedef struct Pair {
  uint32_t open, close;
} Pair;

static bool opens(int kind) { return kind == '(' || kind == '[' || kind == '{'; }

static bool closes(int kind) { return kind == ')' || kind == ']' || kind == '}'; }

static int partner_of(int kind) {
  static const char pairs[] = "()[]{}";
  const char *at = strchr(pairs, kind);
  return pairs[(at - pairs) ^ 1];
}

static Problem *say(Kinds *k, DiagCode code, const Token *t, const char *message) {
  if (k->problems->len >= MAX_PROBLEMS) return NULL;
  Span at = {k->source, t->begin, t->end};
  vec_push(k->arena, k->problems,
           ((Problem){.at = t->begin, .code = code, .span = at, .message = message, .settled = true}));
  return &k->problems->data[k->problems->len - 1];
}

// ---- `:` for `{`, `end` for `}`

static int surplus(const Kinds *k) { // of closing braces
  int n = 0;
  for (uint32_t i = 0; i < k->tokens->len; i++)
    n += (k->tokens->data[i].kind == '}') - (k->tokens->data[i].kind == '{');
  return n;
}

static bool has_block(int kind) {
  static const int heads[] = {T_TRAIN, T_EACH, T_EVAL, T_FOR,    T_IF,   T_WHEN,  T_FN,   T_LAYER,
                              T_DATA,  T_TEST, T_VJP,  T_EXPORT, T_ELSE, T_PHASE, T_THEN, T_FINISH};
  for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
    if (heads[i] == kind) return true;
  return false;
}

static void colons(Kinds *k) {
  int missing = surplus(k), depth = 0;
  uint32_t item = 0;
  for (uint32_t i = 0; missing > 0 && i + 1 < k->tokens->len; i++) {
    Token *t = &k->tokens->data[i];
    depth += (t->kind == '(' || t->kind == '[') - (t->kind == ')' || t->kind == ']');
    if (t->kind == ';' || t->kind == '{' || t->kind == '}') item = i + 1, depth = 0;
    if (t->kind != ':' || depth != 0 || !has_block(k->tokens->data[item].kind)) continue;
    if (!t[1].first_on_line && !begins_item(k->tokens->data, i + 1)) continue;
    Problem *p = say(k, DIAG_E0115, t, "no block begins with `:`");
    if (p) p->label = "blocks stand in `{ … }`";
    t->kind = '{';
    missing--;
    item = i + 1;
  }
}

static void ends(Kinds *k) {
  for (uint32_t i = 1; i + 1 < k->tokens->len; i++) {
    Token *t = &k->tokens->data[i];
    bool alone = (t[-1].kind == ';' || t[-1].kind == '}') && (t[1].first_on_line || t[1].kind == T_YYEOF);
    if (t->kind != T_IDENT || !alone || strcmp(t->value.word, "end") != 0) continue;
    if (surplus(k) >= 0) return;
    Problem *p = say(k, DIAG_E0115, t, "there is no `end`");
    if (p) p->label = "a block ends with `}`";
    t->kind = '}';
  }
}

// ---- `scan xt in x; h = h0 { … }`

// The `{` of its body; NO_TOKEN when none is near. `closed`: a `)` stands before it that nothing opens.
static uint32_t scan_body(const Kinds *k, uint32_t i, bool *closed) {
  *closed = false;
  for (int depth = 0; i < k->tokens->len; i++) {
    int kind = k->tokens->data[i].kind;
    if (kind == '{' && depth <= 0) return i;
    if (kind == '{' || kind == '}' || kind == T_YYEOF) return NO_TOKEN;
    depth += (kind == '(' || kind == '[') - (kind == ')' || kind == ']');
    if (depth < 0) *closed = true;
  }
  return NO_TOKEN;
}

static Token inserted_after(const Token *before, int kind) {
  return (Token){.kind = kind,
                 .begin = before->end,
                 .end = before->end,
                 .column = before->column,
                 .indent = before->indent,
                 .partner = NO_TOKEN,
                 .inserted = true};
}

static void scans(Kinds *k) {
  TokenVec out = {0};
  uint32_t close = NO_TOKEN;
  const Token *in = k->tokens->data;
  bool any = false, closed;
  for (uint32_t i = 0; i + 1 < k->tokens->len; i++) any |= in[i].kind == T_SCAN && in[i + 1].kind == T_IDENT;
  for (uint32_t i = 0; any && i < k->tokens->len; i++) {
    if (i == close) vec_push(k->arena, &out, inserted_after(&in[i - 1], ')'));
    vec_push(k->arena, &out, in[i]);
    if (in[i].kind != T_SCAN || in[i + 1].kind != T_IDENT) continue;
    uint32_t body = scan_body(k, i + 1, &closed);
    if (body == NO_TOKEN) continue;
    Problem *p = say(k, DIAG_E0102, &in[i + 1], "missing `(`");
    if (p) p->label = "the head of a scan stands in parentheses";
    vec_push(k->arena, &out, inserted_after(&in[i], '('));
    if (!closed) close = body;
  }
  if (any) *k->tokens = out;
}

// ---- pairs of two kinds

// Whether statements stand between them, as in a block.
static bool holds_items(const Kinds *k, Pair p) {
  const Token *t = k->tokens->data;
  for (uint32_t i = p.open ? p.open - 1 : 0; i < p.close && t[i].kind != T_SCAN; i++)
    if (i > p.open && t[i].kind == ';') return true;
  return false;
}

static void settle(Kinds *k, Pair p) {
  Token *open = &k->tokens->data[p.open], *close = &k->tokens->data[p.close];
  bool closer = (open->kind == '{') == holds_items(k, p);
  Token *wrong = closer ? close : open, *right = closer ? open : close;
  const char *message = arena_printf(k->arena, closer ? "`%c` does not close `%c`" : "`%c` is closed by `%c`",
                                     wrong->kind, right->kind);
  Problem *q = say(k, DIAG_E0109, wrong, message);
  if (q) {
    q->label = arena_printf(k->arena, "`%c` expected", partner_of(right->kind));
    q->also = (Span){k->source, right->begin, right->end};
    q->also_label = closer ? "opened here" : "closed here";
  }
  wrong->kind = partner_of(right->kind);
}

static void pairs(Kinds *k) {
  VEC(uint32_t) open = {0};
  VEC(Pair) wrong = {0};
  for (uint32_t i = 0; i < k->tokens->len; i++) {
    const Token *t = &k->tokens->data[i];
    if (opens(t->kind)) vec_push(k->arena, &open, i);
    if (!closes(t->kind)) continue;
    if (!open.len) return;
    Pair p = {open.data[--open.len], i};
    int from = k->tokens->data[p.open].kind;
    if (partner_of(from) == t->kind) continue;
    if (from != '{' && t->kind != '}') return; // brackets.c knows better
    if (wrong.len && wrong.data[wrong.len - 1].open > p.open)
      return; // one in another: one missing, one too many
    vec_push(k->arena, &wrong, p);
  }
  if (open.len) return;
  for (uint32_t i = 0; i < wrong.len; i++) settle(k, wrong.data[i]);
}

void repair_kinds(Scanned *s, uint32_t source, Arena *a) {
  Kinds k = {a, source, &s->tokens, &s->problems};
  scans(&k);
  colons(&k);
  ends(&k);
  pairs(&k);
}
