// What each token is, from its neighbours and the brackets around it. The source is known to be right, so the
// grammar's rule that two operands never touch tells names from keywords and signs from operators.
#include "frontend/fmt_impl.h"
#include "frontend/parser.h"

// Costs of line breaks: the lowest is taken, of equal ones the last that fits. Each bracket around it adds
// DEPTH.
enum {
  CLAUSE = 0, // before `over`, `with`, after the `=` of a function, between the parts of a scan's head
  COMMA = 1,
  BRANCH = 1, // before `then`, `else`
  CHAIN = 2,  // before `|>`
  RESULT = 5, // before the `->` of a function
  LAMBDA = 8, // after `=>`
  DEPTH = 10,
  VALUE = 25,  // after the `=` of a `let` and the like
  SOURCE = 30, // before `from`, `to`, `as`, `every`
  HANG = 40,   // after an opening bracket
};

static const struct {
  int kind;
  uint16_t cost;
} operators[] = {
    {T_PIPE, CHAIN},
    {T_OR, 3},
    {T_AND, 3},
    {T_EQ, 5},
    {T_NE, 5},
    {T_LE, 5},
    {T_GE, 5},
    {'<', 5},
    {'>', 5},
    {'+', 4},
    {'-', 4},
    {'*', 6},
    {'/', 6},
    {'%', 6},
    {'@', 6},
    {T_FLOORDIV, 6},
    {T_POW, FMT_NO_BREAK},
};

// Words that can be names. `inside`: as a keyword they stand after an operand; the others begin an item.
static const struct {
  int kind;
  bool inside;
  uint16_t cost;
} soft_words[] = {
    {T_OVER, true, CLAUSE},
    {T_EXCEPT, true, CLAUSE},
    {T_USING, true, COMMA},
    {T_FROM, true, SOURCE},
    {T_TO, true, SOURCE},
    {T_AS, true, SOURCE},
    {T_EVERY, true, SOURCE},
    {T_MODEL, false, FMT_NO_BREAK},
    {T_DATA, false, FMT_NO_BREAK},
    {T_TEST, false, FMT_NO_BREAK},
    {T_PHASE, false, FMT_NO_BREAK},
    {T_EXPORT, false, FMT_NO_BREAK},
    {T_DIM, false, FMT_NO_BREAK},
    {T_IMPORT, false, FMT_NO_BREAK},
    {T_OPTION, false, FMT_NO_BREAK},
    {T_FINISH, false, FMT_NO_BREAK},
};

typedef struct Frame {
  int kind;       // of the bracket
  uint32_t depth; // outside it
  int head;       // of the item outside it
} Frame;

typedef struct Walk {
  Fmt *f;
  VEC(Frame) frames;
  uint32_t depth; // of brackets in the item, by weight
  int head;       // the kind of token that began the item
} Walk;

static bool in_block(const Walk *w) {
  return !w->frames.len || w->frames.data[w->frames.len - 1].kind == '{';
}

static bool is_opener(int kind) { return kind == '(' || kind == '[' || kind == '{'; }
static bool is_closer(int kind) { return kind == ')' || kind == ']' || kind == '}'; }

static bool begins_item(const Walk *w, uint32_t i) {
  const FmtToken *t = &w->f->tokens[i], *before = t - 1;
  if (t->kind == T_YYEOF || i == 0) return true;
  if (!in_block(w) || t->kind == '}') return false;
  if (before->kind == '}') return before->block && t->kind != T_ELSE && t->kind != T_THEN;
  return before->kind == ';' || before->kind == '{';
}

// Sets `keyword` and `operand`, and the cost of a break before a keyword.
static void classify_word(const Walk *w, uint32_t i) {
  FmtToken *t = &w->f->tokens[i];
  bool after_operand = i > 0 && t[-1].operand;
  t->operand = ends_operand(t->kind) || t->kind == T_MASK || (t->kind == '}' && !t->block);
  for (size_t k = 0; k < sizeof soft_words / sizeof soft_words[0]; k++) {
    if (soft_words[k].kind != t->kind) continue;
    int next = t[1].kind;
    bool begins = t->item && next != '=' && next != '.' && next != '[' && next != '(' && next != ':';
    t->keyword = soft_words[k].inside ? after_operand : begins;
    t->operand = !t->keyword;
    if (t->keyword && !w->depth) t->cost = soft_words[k].cost;
  }
}

static bool is_function(int head) {
  return head == T_FN || head == T_VJP || head == T_LAYER || head == T_EXPORT || head == T_MODEL;
}

static uint16_t break_cost(const Walk *w, uint32_t i) {
  const FmtToken *t = &w->f->tokens[i], *before = t - 1;
  uint16_t base = (uint16_t)(DEPTH * w->depth);
  if (is_closer(t->kind) || t->kind == '{' || t->kind == ',' || t->kind == ';') return FMT_NO_BREAK;
  if (before->kind == '(' || before->kind == '[') return base + HANG;
  if (before->kind == ',') return base + COMMA;
  if (before->kind == T_SCAN_SEMI) return base + CLAUSE;
  if (before->kind == T_FATARROW) return base + LAMBDA;
  if (before->kind == '=') return w->depth ? FMT_NO_BREAK : is_function(w->head) ? CLAUSE : VALUE;
  if (t->kind == T_WITH) return base + CLAUSE;
  if (t->kind == T_ARROW) return w->depth ? base + COMMA : RESULT;
  if (t->kind == T_FOR && !t->item) return base + CHAIN;
  if ((t->kind == T_THEN || t->kind == T_ELSE) && before->kind != '}') return base + BRANCH;
  if (t->binary)
    for (size_t k = 0; k < sizeof operators / sizeof operators[0]; k++)
      if (operators[k].kind == t->kind && operators[k].cost != FMT_NO_BREAK) return base + operators[k].cost;
  return t->cost;
}

static bool is_operator(int kind) {
  for (size_t k = 0; k < sizeof operators / sizeof operators[0]; k++)
    if (operators[k].kind == kind) return true;
  return false;
}

// After these a bracket, although it stands after no operand, is that of a call.
static bool calls(int kind) {
  static const int kinds[] = {T_FN, T_LAYER, T_SCAN, T_EINSUM, T_REARRANGE, T_REDUCE, T_PRINT};
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
    if (kinds[k] == kind) return true;
  return false;
}

// A sign or star that belongs to what follows.
static bool is_prefix(const FmtToken *t) { return (t->kind == '-' || t->kind == '*') && !t->binary; }

static uint8_t space_before(const FmtToken *t) {
  const FmtToken *before = t - 1;
  int kind = t->kind, left = before->kind;
  if (kind == ',' || kind == ';' || kind == T_SCAN_SEMI || kind == ':' || kind == '.') return 0;
  if (kind == ')' || kind == ']' || left == '(' || left == '[' || left == '.') return 0;
  if (left == '{' && kind == '}') return 0;
  if (kind == '{' || left == '{' || kind == '}') return 1;
  if (is_prefix(before)) return 0;
  // A range is tight around its dots.
  if (kind == T_DOTDOT) return !before->operand;
  if (left == T_DOTDOT) return t->kind == T_BY;
  if (kind == '(') return !before->operand && !calls(left);
  if (kind == '[') return !before->operand;
  return 1;
}

// How many brackets one counts for: types and subscripts are the last to be broken.
static uint32_t weight(const FmtToken *t) {
  int left = t[-1].kind;
  if (t->kind == '(') return 1;
  if (left == ':' || left == T_ARROW || left == T_DTYPE || left == T_MASK) return 4;
  return t[-1].operand ? 2 : 1;
}

static void push(Walk *w, uint32_t i) {
  FmtToken *t = &w->f->tokens[i];
  Frame frame = {t->kind, w->depth, w->head};
  vec_push(w->f->arena, &w->frames, frame);
  if (t->kind == '{')
    w->depth = 0;
  else
    w->depth += weight(t);
}

static void pop(Walk *w) {
  const Frame *frame = &w->frames.data[--w->frames.len];
  w->depth = frame->depth;
  w->head = frame->head;
}

// The `)` of a scan's head is before the `{`.
static bool is_scan_body(const Fmt *f, uint32_t open) {
  if (open == 0 || f->tokens[open - 1].kind != ')') return false;
  uint32_t head = f->tokens[open - 1].partner;
  return head > 0 && f->tokens[head - 1].kind == T_SCAN;
}

void fmt_classify(Fmt *f) {
  Walk w = {.f = f};
  for (uint32_t i = 0; i < f->n; i++) {
    FmtToken *t = &f->tokens[i];
    t->cost = FMT_NO_BREAK;
    if (t->kind == '{') t->block = !is_scan_body(f, i);
    if (t->kind == '}') t->block = f->tokens[t->partner].block;
    t->item = begins_item(&w, i);
    if (t->item) w.head = t->kind;
    classify_word(&w, i);
    t->binary = i > 0 && t[-1].operand && is_operator(t->kind);
    if (i > 0 && !t->item) {
      t->cost = break_cost(&w, i);
      t->space = space_before(t);
    }
    if (is_closer(t->kind)) pop(&w);
    if (is_opener(t->kind)) push(&w, i);
  }
}
