// Lines from top to bottom. One that is too long gets a break at the cheapest place that fits; then its
// column and that of every token on it are known, and with them where later lines of the same expression
// begin.
//
// Breaks are only ever added, and a line's column depends on tokens and breaks alone: so the result, read
// again, needs none. A line is looked at no further than the width and one place to break beyond: linear
// time.
#include "frontend/fmt_impl.h"
#include "frontend/parser.h"

#define NOWHERE UINT32_MAX
enum {
  STUMP = 24,
  STUMP_COST = 15
}; // a break that leaves less than so many characters on the line costs more

// A bracket and the list in it; a block, or the file, and the item of it that is read.
typedef struct Frame {
  uint32_t content; // column of what is in it, when that begins a line
  uint32_t close;   // column of its closing bracket, when that begins a line
  uint32_t item;    // column of the item
  uint32_t line;    // column of the line it began on
  // Columns in the element or item being read; NOWHERE when not yet known.
  uint32_t start;             // of the expression: operators on later lines are placed by it
  uint32_t value;             // of the expression that an `if` begins: so are `then` and `else`
  uint32_t list;              // of the first element after `report` and the like
  uint32_t pipe;              // of the first `|>`
  int starter;                // what stands before `start`
  bool is_block, begins_line; // `start` begins its line
} Frame;

typedef struct Walk {
  Fmt *f;
  VEC(Frame) frames;
  uint32_t scan_line; // column of the line on which the scan began whose head was read last
} Walk;

static Frame *top(Walk *w) { return &w->frames.data[w->frames.len - 1]; }

static bool has(const int *kinds, size_t n, int kind) {
  for (size_t k = 0; k < n; k++)
    if (kinds[k] == kind) return true;
  return false;
}
#define HAS(kinds, kind) has(kinds, sizeof(kinds) / sizeof(kinds)[0], kind)

// -- too long lines ---------------------------------------------------------------------------------------

// Whether a block begins that is on one line and need not be.
static bool on_one_line(const Fmt *f, uint32_t i) {
  const FmtToken *t = &f->tokens[i];
  return t->kind == '{' && t->one_line && t->partner != i + 1;
}

// The break to make in the line that begins at `first`, of which all before `over` fits; NO_TOKEN: none
// there.
static uint32_t cheapest(const Fmt *f, uint32_t first, uint32_t over) {
  uint32_t best = NO_TOKEN, cost = UINT32_MAX, used = 0;
  for (uint32_t i = first + 1; i <= over; i++) {
    const FmtToken *t = &f->tokens[i];
    used += t[-1].width + (i > first + 1 ? t[-1].space : 0);
    if (t->item) {
      best = i;
      cost = 0;
    } else if (t->cost != FMT_NO_BREAK && !(cost == 0 && f->tokens[best].item)) {
      uint32_t c = t->cost + (used < STUMP && t->cost > 0 ? STUMP_COST : 0);
      if (c <= cost) best = i, cost = c;
    }
  }
  return best;
}

// The first place for a break from `i` on in a line that is too long before; where it ends if there is none.
static uint32_t next_place(Fmt *f, uint32_t i) {
  for (; !f->tokens[i].breaks; i++) {
    const FmtToken *t = &f->tokens[i];
    if (t->item || t->cost != FMT_NO_BREAK) break;
    if (on_one_line(f, i)) fmt_expand(f, i);
  }
  return i;
}

static void add_break(Fmt *f, uint32_t i) {
  FmtToken *t = &f->tokens[i];
  t->breaks = true;
  if (t[-1].kind == '(' || t[-1].kind == '[') f->tokens[t[-1].partner].breaks = true;
  uint32_t next = t[-1].next_item; // an item of two lines shares none
  if (next != NO_TOKEN && next != i) f->tokens[next].breaks = true;
}

// Shortens the line that begins at `first` in `column`; gives the token after it.
static uint32_t fit_line(Fmt *f, uint32_t first, uint32_t column) {
  for (;;) {
    uint32_t i = first, end = column + f->tokens[first].width;
    uint32_t block = NO_TOKEN; // the first that is on this line
    for (;; i++, end += f->tokens[i].space + f->tokens[i].width) {
      if (block == NO_TOKEN && on_one_line(f, i)) block = i;
      if (end > FMT_WIDTH || f->tokens[i + 1].breaks) break;
    }
    if (end <= FMT_WIDTH) return i + 1;
    if (block != NO_TOKEN) {
      fmt_expand(f, block);
      continue;
    }
    uint32_t at = cheapest(f, first, i);
    if (at == NO_TOKEN) {
      at = next_place(f, i + 1);
      if (!f->tokens[at].breaks) add_break(f, at);
      return at;
    }
    add_break(f, at);
  }
}

// -- where lines begin ------------------------------------------------------------------------------------

static bool is_closer(int kind) { return kind == ')' || kind == ']' || kind == '}'; }

// An operator stands under the `=` or `return` before its expression so that operands line up; a `|>` under
// the first one.
static uint32_t operator_column(const Frame *in, const FmtToken *t) {
  static const int conditions[] = {'(', '[', ',', T_SCAN_SEMI, T_IF, T_WHEN, T_THEN, T_ELSE, T_FOR, T_IN};
  if (t->kind == T_PIPE && in->pipe != NOWHERE) return in->pipe;
  if (in->start == NOWHERE) return in->is_block ? in->item + FMT_INDENT : in->content;
  if (in->begins_line || HAS(conditions, in->starter)) return in->start;
  uint32_t least = in->is_block ? in->item + 2 : in->content;
  return in->start >= least + 2 ? in->start - 2 : least;
}

static uint32_t line_column(Walk *w, uint32_t i) {
  const FmtToken *t = &w->f->tokens[i];
  const Frame *in = top(w);
  if (t->item) return t->kind == T_YYEOF ? 0 : in->content;
  if (is_closer(t->kind)) return in->close;
  if (t->kind == '{' || t[-1].kind == '}') return in->is_block ? in->item : in->content;
  if (t->binary) return operator_column(in, t);
  if ((t->kind == T_THEN || t->kind == T_ELSE) && in->value != NOWHERE) return in->value;
  if (!in->is_block) return in->content + (t[-1].kind == T_FATARROW ? FMT_INDENT : 0);
  if (t[-1].kind == ',' && in->list != NOWHERE) return in->list;
  return in->item + FMT_INDENT;
}

// -- what a token changes ---------------------------------------------------------------------------------

static void begin_expression(Frame *in, int starter) {
  in->start = in->pipe = NOWHERE;
  in->starter = starter;
  if (starter != T_IF && starter != T_THEN && starter != T_ELSE) in->value = NOWHERE;
}

static bool begins_expression(const FmtToken *t) {
  static const int kinds[] = {'=',      ':',      ',',     '(',        '[',      T_SCAN_SEMI, T_FATARROW,
                              T_ARROW,  T_RETURN, T_YIELD, T_MINIMIZE, T_REPORT, T_ASSERT,    T_NEXT,
                              T_UPDATE, T_IN,     T_IF,    T_THEN,     T_ELSE,   T_WHEN,      T_WITH,
                              T_FOR,    T_BY,     T_LOAD,  T_SAVE,     T_DOTDOT};
  return t->keyword || HAS(kinds, t->kind);
}

static bool begins_list(const FmtToken *t) {
  static const int kinds[] = {T_REPORT, T_NEXT, T_WITH, T_ASSERT};
  return HAS(kinds, t->kind) || (t->keyword && (t->kind == T_OVER || t->kind == T_EXCEPT));
}

static void open_frame(Walk *w, uint32_t i, uint32_t line) {
  const FmtToken *t = &w->f->tokens[i];
  const Frame *out = top(w);
  Frame in = {.line = line, .is_block = t->kind == '{'};
  bool hangs = t[1].breaks;
  if (in.is_block) {
    in.close = t->block ? out->item : w->scan_line;
    in.content = in.close + FMT_INDENT;
  } else {
    in.close = hangs ? line : t->column_out;
    in.content = hangs ? line + FMT_INDENT : t->column_out + 1;
  }
  in.item = in.content;
  in.list = NOWHERE;
  begin_expression(&in, t->kind);
  vec_push(w->f->arena, &w->frames, in);
}

static void take(Walk *w, uint32_t i, uint32_t line) {
  const FmtToken *t = &w->f->tokens[i];
  Frame *in = top(w);
  if (is_closer(t->kind)) {
    if (t->partner > 0 && w->f->tokens[t->partner - 1].kind == T_SCAN) w->scan_line = in->line;
    w->frames.len--;
    return;
  }
  if (t->item) {
    in->list = NOWHERE;
    begin_expression(in, 0);
  }
  if (in->start == NOWHERE) {
    in->start = t->column_out;
    in->begins_line = t->breaks;
  }
  if (in->value == NOWHERE) in->value = t->column_out;
  if (i > 0 && begins_list(&t[-1])) in->list = t->column_out;
  if (t->kind == T_PIPE && in->pipe == NOWHERE) in->pipe = t->column_out;
  if (t->kind == '(' || t->kind == '[' || t->kind == '{')
    open_frame(w, i, line);
  else if (begins_expression(t))
    begin_expression(in, t->kind);
}

static void place_line(Walk *w, uint32_t first, uint32_t end, uint32_t column) {
  uint32_t at = column;
  for (uint32_t i = first; i < end; i++) {
    FmtToken *t = &w->f->tokens[i];
    if (i > first) at += t->space;
    t->column_out = at;
    at += t->width;
    take(w, i, column);
  }
}

// -- the lines --------------------------------------------------------------------------------------------

// The comments before a token: the first may end the line before. They are indented as what follows, but
// before the end of a block as what is in it.
static void comment_lines(Walk *w, uint32_t i, uint32_t column) {
  const FmtToken *t = &w->f->tokens[i];
  if (is_closer(t->kind)) column = top(w)->content;
  for (uint32_t k = t->comments; k < t->comments + t->n_comments; k++) {
    const FmtComment *c = &w->f->comments.data[k];
    if (!c->alone) {
      w->f->lines.data[w->f->lines.len - 1].comment = k;
      continue;
    }
    bool first = k == t->comments && i > 0 && t[-1].kind == '{';
    bool blank = c->blank && !first && (t->item || t->kind == '}' || (i > 0 && t[-1].kind == ','));
    FmtLine line = {.first = i, .end = i, .comment = k, .column = column, .blank = blank};
    vec_push(w->f->arena, &w->f->lines, line);
  }
}

void fmt_lines(Fmt *f) {
  Walk w = {.f = f};
  Frame file = {.is_block = true, .list = NOWHERE};
  begin_expression(&file, 0);
  vec_push(f->arena, &w.frames, file);
  uint32_t end = 0;
  for (uint32_t i = 0; i < f->n; i = end) {
    uint32_t column = line_column(&w, i);
    comment_lines(&w, i, column);
    if (f->tokens[i].kind == T_YYEOF) break;
    end = fit_line(f, i, column);
    FmtLine line = {
        .first = i, .end = end, .comment = NO_TOKEN, .column = column, .blank = f->tokens[i].blank_before};
    vec_push(f->arena, &f->lines, line);
    place_line(&w, i, end, column);
  }
}
