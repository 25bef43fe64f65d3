// Matches brackets over the whole file before the grammar sees it, so that one wrong bracket is one error
// at the right place and everything around it is still read. Where braces do not balance, the indentation
// says which one is meant; a program whose brackets balance is never touched.
//
// Longer than most files: the rules share the state of one walk.
//
// One walk over the tokens with a stack of open brackets writes the repaired sequence; what it inserts is
// marked, what it finds wrong becomes a Problem. A second walk sets the partners.
#include "frontend/parser.h"
#include "frontend/recover.h"

typedef struct Open {
  Token token;
  bool scan; // the ( of a scan's head, or the { of its body
} Open;

typedef struct Repair {
  Arena *arena;
  uint32_t source;
  const char *text;
  const Token *in;
  uint32_t at; // index in `in`
  TokenVec out;
  ProblemVec *problems;
  VEC(Open) open;
  bool lopsided;       // braces of the file do not balance
  int surplus;         // closing minus opening braces
  uint32_t last_close; // in `out`, of the last `}` that closed everything; NO_TOKEN
  uint32_t complained; // the item whose parentheses were complained about: one complaint each
  Problem unsaid;      // one beyond MAX_PROBLEMS
  bool excused;        // what is missing here was reported as something else
  uint32_t item;       // in `out`: where the current item begins
  bool assigned;       // it has an `=` outside of brackets
} Repair;

enum { LOOK_AHEAD = 1000 };

static char closer(int open) { return open == '(' ? ')' : open == '[' ? ']' : '}'; }

static const Token *last_out(const Repair *r) { return r->out.len ? &r->out.data[r->out.len - 1] : NULL; }

static const Open *top(const Repair *r) { return r->open.len ? &r->open.data[r->open.len - 1] : NULL; }

static bool in_parens(const Repair *r) { return top(r) && top(r)->token.kind != '{'; }

static Problem *problem(Repair *r, DiagCode code, uint32_t at, Span span, const char *message) {
  Problem p = {.at = at, .code = code, .span = span, .message = message, .covers = true};
  if (r->problems->len >= MAX_PROBLEMS) {
    r->unsaid = p;
    return &r->unsaid;
  }
  vec_push(r->arena, r->problems, p);
  return &r->problems->data[r->problems->len - 1];
}

// A problem of parentheses; NULL when the item has one already.
static Problem *paren_problem(Repair *r, DiagCode code, const Token *t, const char *message) {
  if (r->complained == r->item) return NULL;
  r->complained = r->item;
  return problem(r, code, t->begin, (Span){r->source, t->begin, t->end}, message);
}

static Span span_of(const Repair *r, const Token *t) { return (Span){r->source, t->begin, t->end}; }

// Appends a token and follows where items begin.
static void put(Repair *r, Token t) {
  bool ends = t.kind == ';' || ((t.kind == '{' || t.kind == '}') && !t.in_expression);
  if (t.kind == '=' && !in_parens(r)) r->assigned = true;
  vec_push(r->arena, &r->out, t);
  if (!ends) return;
  r->item = (uint32_t)r->out.len;
  r->assigned = false;
}

static void insert(Repair *r, int kind) {
  const Token *before = last_out(r);
  uint32_t at = before ? before->end : 0;
  Token t = {.kind = kind, .begin = at, .end = at, .partner = NO_TOKEN, .inserted = true};
  if (before) t.column = before->column, t.indent = before->indent;
  put(r, t);
}

// Puts the closing token of the innermost bracket; a scan's body stays inside its expression.
static void close_top(Repair *r, const Token *with) {
  Open o = *top(r);
  r->open.len--;
  const Token *before = last_out(r);
  uint32_t at = before ? before->end : 0;
  Token t = {.kind = closer(o.token.kind), .begin = at, .end = at, .partner = NO_TOKEN, .inserted = true};
  if (with) t = *with;
  t.in_expression = o.scan; // the ) of a scan's head and the } of its body
  put(r, t);
  if (!r->open.len && o.token.kind == '}') r->last_close = (uint32_t)r->out.len - 1;
}

static void never_closed(Repair *r, const Token *open, const Token *noticed) {
  const char *message = arena_printf(r->arena, "`%c` is never closed", open->kind);
  Problem *p = open->kind == '{' ? problem(r, DIAG_E0108, open->begin, span_of(r, open), message)
                                 : paren_problem(r, DIAG_E0108, open, message);
  if (!p) return;
  p->label = arena_printf(r->arena, "no `%c` for this", closer(open->kind));
  if (noticed->kind != T_YYEOF) {
    p->also = span_of(r, noticed);
    p->also_label = "it should stand before this";
  }
}

// Closes parentheses and brackets down to the innermost brace; one complaint, about the innermost.
static void close_parens(Repair *r, const Token *noticed) {
  for (bool first = true; top(r) && top(r)->token.kind != '{'; first = false) {
    if (first && !r->excused) never_closed(r, &top(r)->token, noticed);
    close_top(r, NULL);
    r->excused = true;
  }
}

static size_t innermost_brace(const Repair *r) {
  for (size_t i = r->open.len; i > 0; i--)
    if (r->open.data[i - 1].token.kind == '{') return i - 1;
  return SIZE_MAX;
}

// Whether the open bracket is closed at or after token `i` of the input, by a plain count of its own kind up
// to the brace around it. Looks no further than a page, so that repairing stays linear.
static bool closed_later(const Repair *r, uint32_t i, int open) {
  int depth = 1, braces = 0;
  for (uint32_t end = i + LOOK_AHEAD; i < end && r->in[i].kind != T_YYEOF; i++) {
    int k = r->in[i].kind;
    if (k == '{') braces++;
    if (k == '}' && --braces < 0) return false;
    if (k == open) depth++;
    if (k == closer(open) && --depth == 0) return true;
  }
  return false;
}

static bool unterminated_string_last(const Repair *r) { return last_out(r) && last_out(r)->unterminated; }

// -- the missing `;` ----------------------------------------------------------------------------------

static bool ends_item(const Token *t) {
  return ends_operand(t->kind) || (t->kind == '}' && t->in_expression);
}

// Whether the current item is the head of a block, so that a `{` belongs after it.
static bool in_head(const Repair *r) {
  static const int heads[] = {T_LAYER, T_FN,    T_EXPORT, T_VJP,  T_FOR,   T_IF,     T_WHEN, T_EACH,
                              T_EVAL,  T_TRAIN, T_DATA,   T_TEST, T_PHASE, T_FINISH, T_ELSE, T_THEN};
  if (r->item >= r->out.len) return false;
  if (last_out(r)->kind == ')' && last_out(r)->in_expression) return true; // the head of a scan
  if (r->assigned) return false;
  for (size_t k = 0; k < sizeof heads / sizeof heads[0]; k++)
    if (r->out.data[r->item].kind == heads[k]) return true;
  return false;
}

// The `{` is missing whose body is closed by a `}` too many.
static void missing_brace(Repair *r) {
  const Token *before = last_out(r);
  bool scan = before->kind == ')' && before->in_expression;
  Span at = {r->source, before->end, before->end};
  if (!r->excused) problem(r, DIAG_E0109, before->end, at, "missing `{`")->label = "the body begins here";
  r->surplus--;
  Token brace = {
      .kind = '{', .begin = before->end, .end = before->end, .partner = NO_TOKEN, .inserted = true};
  brace.column = before->column, brace.indent = before->indent;
  brace.in_expression = scan;
  Open o = {brace, scan};
  vec_push(r->arena, &r->open, o);
  put(r, brace);
}

static void missing_semicolon(Repair *r, bool ends_block) {
  const Token *before = last_out(r), *first = &r->out.data[r->item < r->out.len ? r->item : 0];
  Span at = {r->source, before->end, before->end};
  bool dot = before->kind == T_INTLIT && r->text[before->end - 1] == '.'; // `dim N <= 64.`
  if (r->excused || dot) {
  } else if (ends_block && (ends_operand(first->kind) || first->kind == '(') && !r->assigned) {
    at.begin = first->begin;
    problem(r, DIAG_E0102, first->begin, at, "this value is not used")->label =
        "a block gives its value by `return`";
  } else {
    // Indented more than the statement, the next line may be the rest of it.
    const Token *next = &r->in[r->at];
    bool torn = next->kind == T_IDENT && next->first_on_line && next->column > first->indent;
    Problem *p = problem(r, DIAG_E0107, before->end, at, "missing `;`");
    p->torn = torn;
    p->label = torn ? "a statement ends with `;`, or goes on by an operator" : "a statement ends with `;`";
  }
  insert(r, ';');
}

// Between a complete operand at the end of a line and something that begins an item on the next.
static void semicolon_before(Repair *r, const Token *t) {
  const Token *before = last_out(r);
  if (!before || !ends_item(before) || in_parens(r)) return;
  bool begins = t->kind == T_IDENT || t->kind == T_FOR || t->kind == T_IF || begins_item(r->in, r->at);
  if (begins && r->surplus > 0 && in_head(r))
    missing_brace(r);
  else if (t->kind == T_IDENT && in_head(r))
    return; // the grammar says what is missing
  else if ((t->first_on_line && begins) || t->kind == '}' || t->kind == T_YYEOF)
    missing_semicolon(r, t->kind == '}');
}

// -- closing brackets ---------------------------------------------------------------------------------

static void stray(Repair *r, const Token *t) {
  const char *message = arena_printf(r->arena, "`%c` closes nothing", t->kind);
  Problem *p = t->kind == '}' ? problem(r, DIAG_E0109, t->begin, span_of(r, t), message)
                              : paren_problem(r, DIAG_E0109, t, message);
  if (p) p->label = "nothing is open here";
}

// Closes the innermost bracket with a sign of another kind.
static void close_wrongly(Repair *r, const Token *t) {
  const Token *open = &top(r)->token;
  const char *message = arena_printf(r->arena, "`%c` does not close `%c`", t->kind, open->kind);
  Problem *p = paren_problem(r, DIAG_E0109, t, message);
  if (p) {
    p->label = arena_printf(r->arena, "`%c` expected", closer(open->kind));
    p->also = span_of(r, open);
    p->also_label = "opened here";
  }
  close_top(r, NULL);
}

// Whether the `)` or `]` is a slip for the innermost bracket, of the other kind: what follows in the
// statement closes all that is open of its own kind.
static bool wrong_kind(const Repair *r, const Token *t) {
  int open = t->kind == ')' ? '(' : '[', is_open = 0, later = 0, depth = 0;
  if (!in_parens(r) || top(r)->token.kind == open) return false;
  for (size_t i = r->open.len; i > 0 && r->open.data[i - 1].token.kind != '{'; i--)
    is_open += r->open.data[i - 1].token.kind == open;
  for (const Token *k = t + 1; k < t + LOOK_AHEAD; k++) {
    if (k->kind == ';' || k->kind == '{' || k->kind == '}' || k->kind == T_YYEOF) break;
    if (k->kind == open) depth++;
    if (k->kind == t->kind && depth-- == 0) later++, depth = 0;
  }
  return later >= is_open;
}

// `layer Net`, `fn f`, and nothing more of the item.
static bool named_head(const Repair *r) {
  uint32_t n = (uint32_t)r->out.len - r->item;
  const Token *first = r->item < r->out.len ? &r->out.data[r->item] : NULL;
  return first && n == 2 && first[1].kind == T_IDENT &&
         (first->kind == T_LAYER || first->kind == T_FN || first->kind == T_DATA);
}

static void close_paren(Repair *r, const Token *t) {
  size_t i = wrong_kind(r, t) ? 0 : r->open.len;
  while (i > 0 && r->open.data[i - 1].token.kind != '{' && closer(r->open.data[i - 1].token.kind) != t->kind)
    i--;
  if (i > 0 && r->open.data[i - 1].token.kind != '{') {
    while (r->open.len > i) {
      if (!r->excused) never_closed(r, &top(r)->token, t);
      close_top(r, NULL);
    }
    close_top(r, t);
  } else if (in_parens(r)) {
    close_wrongly(r, t);
  } else if (named_head(r) && t->kind == ')') { // `layer Net)(x: [n]) …`
    Problem *p = problem(r, DIAG_E0109, t->begin, span_of(r, t), "`)` closes nothing");
    p->label = arena_printf(r->arena, "a `(` is missing before it");
    insert(r, '(');
    Token open = *last_out(r);
    vec_push(r->arena, &r->open, ((Open){open, false}));
    close_top(r, t);
  } else {
    stray(r, t);
  }
}

// A declaration that can only stand at top level.
static bool begins_declaration(const Token *t, uint32_t i) {
  static const int kinds[] = {T_LAYER, T_MODEL, T_DATA, T_TRAIN, T_EXPORT, T_IMPORT, T_DIM, T_TEST, T_VJP};
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
    if (t[i].kind == kinds[k]) return begins_item(t, i);
  return false;
}

// A `}` too many at the end of what looks like a body torn off by an earlier `}`: the earlier one is blamed.
static bool reopen(Repair *r) {
  if (r->last_close == NO_TOKEN || r->last_close + 1 >= r->out.len) return false;
  for (uint32_t i = r->last_close + 1; i < r->out.len; i++)
    if (i + 1 < r->out.len && begins_declaration(r->out.data, i)) return false;
  stray(r, &r->out.data[r->last_close]);
  memmove(&r->out.data[r->last_close], &r->out.data[r->last_close + 1],
          (r->out.len - r->last_close - 1) * sizeof(Token));
  r->out.len--;
  r->last_close = NO_TOKEN;
  return true;
}

// A `}` too many in the middle of a statement: a slip for another sign, or stray. False when it is neither.
static bool brace_in_statement(Repair *r, const Token *t) {
  bool between = r->item == r->out.len; // items, where a `}` may well close a block
  if (r->surplus <= 0 || t->first_on_line || between || (t[1].first_on_line && !in_parens(r))) return false;
  r->surplus--;
  if (in_parens(r))
    close_wrongly(r, t);
  else
    stray(r, t);
  return true;
}

static void close_brace(Repair *r, const Token *t) {
  size_t brace = innermost_brace(r);
  if (brace_in_statement(r, t)) return;
  if (brace == SIZE_MAX) {
    close_parens(r, t);
    if (reopen(r))
      put(r, *t);
    else
      stray(r, t);
    return;
  }
  close_parens(r, t);
  if (r->lopsided && t->first_on_line) {
    if (r->surplus > 0 && t->column > top(r)->token.indent) {
      r->surplus--;
      stray(r, t);
      return;
    }
    for (size_t k = brace; r->surplus < 0 && k > 0 && t->column < top(r)->token.indent; k--) {
      if (r->open.data[k - 1].token.kind != '{' || r->open.data[k - 1].token.indent < t->column) break;
      never_closed(r, &top(r)->token, t);
      r->surplus++;
      semicolon_before(r, t);
      close_top(r, NULL);
    }
  }
  semicolon_before(r, t);
  close_top(r, t);
  if (!r->open.len) r->last_close = (uint32_t)r->out.len - 1;
}

// Everything still open, innermost first; one complaint.
static void close_all(Repair *r, const Token *noticed) {
  if (!r->open.len) return;
  if (!r->excused) never_closed(r, &top(r)->token, noticed);
  r->excused = true;
  while (r->open.len) {
    if (top(r)->token.kind == '{') semicolon_before(r, noticed->kind == T_YYEOF ? noticed : &r->in[r->at]);
    close_top(r, NULL);
  }
}

// -- the walk -----------------------------------------------------------------------------------------

// Where a `}` is missing, an item that stands no further right than the block it is in shows which; so does
// the `;` after a scan, alone on its line.
static void missing_closers(Repair *r, const Token *t) {
  bool item = r->item == r->out.len || begins_item(r->in, r->at);
  while (item && r->surplus < 0 && r->open.len && !in_parens(r) && t->first_on_line) {
    bool scan_ends = top(r)->scan && t->kind == ';';
    if (!scan_ends && (top(r)->scan || t->column > top(r)->token.indent)) return;
    never_closed(r, &top(r)->token, t);
    r->surplus++;
    semicolon_before(r, t);
    close_top(r, NULL);
    if (scan_ends) return;
  }
}

// A `{` too many: where no head asks for one.
static bool stray_opener(Repair *r, const Token *t) {
  if (t->kind != '{' || r->surplus >= 0 || (in_head(r) && !in_parens(r))) return false;
  const Token *before = last_out(r);
  if (before && before->kind == ')' && before->in_expression) return false;
  r->surplus++;
  Problem *p = paren_problem(r, DIAG_E0109, t, "`{` opens nothing");
  if (p) p->label = "no block begins here";
  return true;
}

// What can't stand inside parentheses shows that they were not closed.
static void before_token(Repair *r, const Token *t) {
  bool item = t->first_on_line && begins_item(r->in, r->at);
  if (in_parens(r)) {
    bool semi = t->kind == ';' && !top(r)->scan &&
                (r->in[r->at + 1].first_on_line || !closed_later(r, r->at, top(r)->token.kind));
    bool brace = t->kind == '{' && !(last_out(r) && last_out(r)->kind == ')') &&
                 !closed_later(r, r->at, top(r)->token.kind);
    bool torn = unterminated_string_last(r); // with its line ends what is open around it
    bool next = item || t->kind == '}' ||
                (t->kind == T_IDENT && (r->in[r->at + 1].kind == ':' || r->in[r->at + 1].kind == '='));
    if (torn) r->excused = true;
    if (item || semi || brace || (torn && t->first_on_line && next)) close_parens(r, t);
  }
  missing_closers(r, t);
  if (item && r->lopsided && r->open.len && begins_declaration(r->in, r->at) &&
      t->column <= r->open.data[0].token.indent)
    close_all(r, t);
  if (unterminated_string_last(r)) r->excused = true;
  semicolon_before(r, t);
  r->excused = false;
}

// A `;` after a block or another `;` is left out.
static bool empty_statement(Repair *r, const Token *t) {
  const Token *before = last_out(r);
  if (t->kind != ';' || in_parens(r) || !before) return false;
  if (before->kind != ';' && (before->kind != '}' || before->in_expression)) return false;
  if (before->inserted || (before->kind == '}' && r->out.len > 1 && before[-1].inserted)) return true;
  Problem *p = problem(r, DIAG_E0102, t->begin, span_of(r, t), "this `;` ends nothing");
  p->label = before->kind == '}' ? "no `;` after a block" : "no statement before it";
  p->covers = false;
  return true;
}

static bool opens_scan(const Repair *r, int kind) {
  const Token *before = last_out(r);
  if (!before) return false;
  if (kind == '(') return before->kind == T_SCAN;
  return kind == '{' && before->kind == ')' && before->in_expression; // set by the ) of a scan's head
}

static void step(Repair *r, const Token *t) {
  if (stray_opener(r, t)) return;
  if (t->kind == ')' || t->kind == ']') {
    close_paren(r, t);
    return;
  }
  if (t->kind == '}') {
    close_brace(r, t);
    return;
  }
  before_token(r, t);
  if (empty_statement(r, t)) return;
  Token copy = *t;
  if (t->kind == ';' && in_parens(r)) copy.kind = T_SCAN_SEMI;
  if (t->kind == '(' || t->kind == '[' || t->kind == '{') {
    Open o = {*t, opens_scan(r, t->kind)};
    if (r->item < r->out.len) o.token.indent = r->out.data[r->item].indent; // a head may have several lines
    copy.in_expression = o.scan && t->kind == '{';
    vec_push(r->arena, &r->open, o);
  }
  put(r, copy);
  if (t->unterminated) r->complained = r->item; // brackets may be lost in it
}

static void set_partners(Repair *r) {
  VEC(uint32_t) open = {0};
  for (uint32_t i = 0; i < r->out.len; i++) {
    Token *t = &r->out.data[i];
    if (t->kind == '(' || t->kind == '[' || t->kind == '{') vec_push(r->arena, &open, i);
    if ((t->kind == ')' || t->kind == ']' || t->kind == '}') && open.len) {
      t->partner = open.data[--open.len];
      r->out.data[t->partner].partner = i;
    }
  }
}

static void count_braces(Repair *r) {
  int depth = 0;
  for (uint32_t i = 0; r->in[i].kind != T_YYEOF; i++) {
    depth += r->in[i].kind == '{';
    depth -= r->in[i].kind == '}';
    if (depth < 0) r->lopsided = true;
  }
  r->lopsided |= depth != 0;
  r->surplus = -depth;
}

// -- `layer X(x: [n]) { return …; }` --------------------------------------------------------------------

// Whether the body at `open` returns and has no methods: then the layer is meant in the short form.
static bool returns(const TokenVec *v, uint32_t open) {
  bool found = false;
  int head = 0; // of the item
  for (uint32_t i = open + 1; i < v->data[open].partner; i++) {
    const Token *t = &v->data[i];
    bool begins = t[-1].kind == ';' || t[-1].kind == '{' || t[-1].kind == '}';
    if (begins) head = t->kind;
    if (head == T_FN) return false;
    if (begins && head == T_RETURN) found = true;
    bool control = head == T_IF || head == T_FOR || head == T_ELSE || head == T_WHEN;
    if (t->kind == '{' && !control && t->partner != NO_TOKEN) i = t->partner;
  }
  return found;
}

static bool lacks_inputs(const TokenVec *v, uint32_t i) {
  const Token *t = &v->data[i];
  if (t->kind != T_LAYER || i + 2 >= v->len || t[1].kind != T_IDENT || t[2].kind != '(') return false;
  if (t[2].partner == NO_TOKEN || v->data[t[2].partner].inserted) return false;
  uint32_t next = t[2].partner + 1;
  int kind = v->data[next].kind;
  if (kind == T_ARROW || kind == '=') return true;
  return kind == '{' && v->data[next].partner != NO_TOKEN && returns(v, next);
}

// The token before which the inputs begin: the first parameter of a tensor type, or the closing `)`.
static uint32_t first_input(const TokenVec *v, uint32_t open) {
  for (uint32_t i = open + 1; i < v->data[open].partner; i++) {
    const Token *t = &v->data[i];
    if (t->kind == ':') {
      const Token *type = &t[t[1].kind == '[' ? 2 : 1];
      if (type->kind != T_STYPE && type->kind != T_FN && type->kind != T_LAYER) return i - 1;
    }
    if ((t->kind == '(' || t->kind == '[') && t->partner != NO_TOKEN) i = t->partner;
  }
  return v->data[open].partner;
}

static void complain_inputs(Repair *r, const TokenVec *v, uint32_t layer, uint32_t attrs_end,
                            uint32_t split) {
  const Token *t = &v->data[layer], *open = &t[2], *close = &v->data[open->partner];
  Span at = {r->source, open->begin, close->end};
  const char *name = t[1].value.word;
  Problem *p =
      problem(r, DIAG_E0112, at.begin, at, arena_printf(r->arena, "the layer `%s` has no inputs", name));
  uint32_t from = open->end, to = attrs_end > layer + 3 ? v->data[attrs_end - 1].end : from;
  const char *attrs = arena_strndup(r->arena, r->text + from, to - from);
  const char *inputs =
      arena_strndup(r->arena, r->text + v->data[split].begin, close->end - v->data[split].begin);
  bool fits = at.end - at.begin <= 70 && !strchr(attrs, '\n') && !strchr(inputs, '\n');
  const char *form = fits ? arena_printf(r->arena, "%s(%s)(%s", name, attrs, inputs)
                          : arena_printf(r->arena, "%s(…)(…)", name);
  p->label = arena_printf(r->arena, "attributes and inputs each have their parentheses: `%s`", form);
  p->covers = false;
  p->always = true;
}

// Splits the parentheses in two where the inputs begin, so that the layer is read as it was meant.
static void repair_layers(Repair *r) {
  TokenVec in = r->out;
  r->out = (TokenVec){0};
  for (uint32_t i = 0; i < in.len; i++) {
    vec_push(r->arena, &r->out, in.data[i]);
    if (!lacks_inputs(&in, i)) continue;
    uint32_t open = i + 2, close = in.data[open].partner, split = first_input(&in, open);
    vec_push(r->arena, &r->out, in.data[i + 1]);
    vec_push(r->arena, &r->out, in.data[open]);
    uint32_t attrs_end = split == close ? close : split == open + 1 ? split : split - 1; // without the comma
    complain_inputs(r, &in, i, attrs_end, split);
    for (uint32_t k = open + 1; k < attrs_end; k++) vec_push(r->arena, &r->out, in.data[k]);
    insert(r, ')');
    insert(r, '(');
    for (uint32_t k = split; k <= close; k++) vec_push(r->arena, &r->out, in.data[k]);
    i = close;
  }
  set_partners(r);
}

void repair_brackets(Scanned *s, uint32_t source, const char *text, Arena *a) {
  Repair r = {.arena = a,
              .source = source,
              .text = text,
              .in = s->tokens.data,
              .problems = &s->problems,
              .last_close = NO_TOKEN,
              .complained = NO_TOKEN};
  count_braces(&r);
  vec_reserve(a, &r.out, s->tokens.len + s->tokens.len / 16);
  for (; r.in[r.at].kind != T_YYEOF; r.at++) {
    step(&r, &r.in[r.at]);
    if (r.open.len > MAX_BRACKETS) {
      const Token *t = &top(&r)->token;
      Problem *p = problem(&r, DIAG_E0801, t->begin, span_of(&r, t), "brackets are nested too deeply");
      p->label = arena_printf(a, "more than %d are open", MAX_BRACKETS);
      p->fatal = true;
      break;
    }
  }
  Token end = r.in[s->tokens.len - 1];
  r.excused = unterminated_string_last(&r) || r.open.len > MAX_BRACKETS;
  close_all(&r, &end);
  semicolon_before(&r, &end);
  vec_push(a, &r.out, end);
  set_partners(&r);
  repair_layers(&r);
  s->tokens = r.out;
}
