// The author's line breaks stay where fmt_classify.c gives them a cost; other ones vanish. Items have lines
// of their own but for short ones that the author put on one line, alone or in a block.
#include "frontend/fmt_impl.h"
#include "frontend/parser.h"

enum { MAX_ITEMS_ON_LINE = 2 }; // of a block that is on one line

// -- blocks on one line ---------------------------------------------------------------------------------

static bool fits_on_line(const Fmt *f, uint32_t open) {
  uint32_t close = f->tokens[open].partner, items = 0;
  for (uint32_t i = open + 1; i <= close; i++) {
    const FmtToken *t = &f->tokens[i];
    if (t->kind == '{' || t->n_comments || (t->newline && close > open + 1)) return false;
    items += t->item;
  }
  return items <= MAX_ITEMS_ON_LINE;
}

// The `{` of the `else` after the block that ends at `close`.
static uint32_t chained(const Fmt *f, uint32_t close) {
  uint32_t i = close + 1;
  if (f->tokens[i].kind != T_ELSE) return NO_TOKEN;
  while (f->tokens[i].kind != '{') i++;
  return i;
}

static bool chain_fits(const Fmt *f, uint32_t open) {
  for (; open != NO_TOKEN; open = f->tokens[open].chain) {
    const FmtToken *t = &f->tokens[open];
    if (!t->one_line) return false;
    if (t->chain == NO_TOKEN) break;
    for (uint32_t i = t->partner + 1; i <= t->chain; i++)
      if (f->tokens[i].newline) return false;
  }
  return true;
}

static void find_blocks(Fmt *f) {
  bool *linked = ARENA_ARRAY(f->arena, f->n, bool);
  for (uint32_t i = 0; i < f->n; i++) {
    FmtToken *t = &f->tokens[i];
    if (t->kind != '{') continue;
    t->one_line = fits_on_line(f, i);
    if (t->block) t->chain = chained(f, t->partner);
    if (t->chain != NO_TOKEN) linked[t->chain] = true;
  }
  for (uint32_t i = 0; i < f->n; i++) {
    if (f->tokens[i].kind != '{' || linked[i] || chain_fits(f, i)) continue;
    for (uint32_t k = i; k != NO_TOKEN; k = f->tokens[k].chain) f->tokens[k].one_line = false;
  }
}

void fmt_expand(Fmt *f, uint32_t open) {
  for (; open != NO_TOKEN; open = f->tokens[open].chain) {
    FmtToken *t = &f->tokens[open];
    t->one_line = false;
    if (t->partner == open + 1) continue;
    for (uint32_t i = open + 1; i < t->partner; i++)
      if (f->tokens[i].item) f->tokens[i].breaks = true;
    f->tokens[t->partner].breaks = true;
  }
}

// -- items on one line ----------------------------------------------------------------------------------

// Items of which several may stand on a line.
static bool is_short(const FmtToken *head) {
  static const int kinds[] = {T_LET, T_VAR, T_PARAM, T_STATE, T_UPDATE, T_DIM, T_OPTION, T_IMPORT};
  for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
    if (kinds[k] == head->kind && (!head->operand || head->keyword)) return true;
  return head->operand;
}

// One line of the source, without a block or a comment.
static bool is_plain(const Fmt *f, uint32_t item, uint32_t next) {
  for (uint32_t i = item; i < next; i++) {
    const FmtToken *t = &f->tokens[i];
    if (t->kind == '{' || (i > item && t->newline)) return false;
  }
  return is_short(&f->tokens[item]);
}

static bool are_alike(const FmtToken *a, const FmtToken *b) {
  return a->operand && b->operand ? true : a->kind == b->kind;
}

static uint32_t item_end(const Fmt *f, uint32_t item) {
  uint32_t i = item + 1;
  while (i < f->n && !f->tokens[i].item && f->tokens[i].kind != '{' && f->tokens[i].kind != '}') i++;
  return i;
}

// Marks the items that stay on the line of the one before them.
static void join_items(Fmt *f) {
  uint32_t last = NO_TOKEN; // a plain item that ends where this one begins
  for (uint32_t i = 0; i + 1 < f->n; i++) {
    FmtToken *t = &f->tokens[i];
    if (!t->item) continue;
    uint32_t next = item_end(f, i);
    bool plain = f->tokens[next - 1].kind == ';' && is_plain(f, i, next);
    if (plain && last != NO_TOKEN && t->breaks && !t->newline && are_alike(&f->tokens[last], t)) {
      t->breaks = false;
      t->space = 2;
      for (uint32_t k = last; k < i; k++) f->tokens[k].next_item = i;
    }
    last = plain && f->tokens[next].item ? i : NO_TOKEN;
    i = next - 1;
  }
}

// -- lines ----------------------------------------------------------------------------------------------

// An operator goes to the beginning of the next line, a comma to the end of the last.
static bool author_broke(const FmtToken *t) {
  if (t->newline) return true;
  if (t->binary) return t[1].newline && !t[1].n_comments;
  return t[-1].kind == ',' && t[-1].newline;
}

static void break_line(Fmt *f, uint32_t i, uint32_t block) {
  FmtToken *t = &f->tokens[i];
  bool closes = t->kind == '}' && i != t->partner + 1;
  if (t->item || closes) {
    bool one_line = block != NO_TOKEN && f->tokens[block].one_line;
    t->breaks = !one_line;
    if (t->item) t->space = 1;
    if (t->item) t->blank_before = t->blank && t->kind != T_YYEOF && (t[-1].kind != '{' || t->n_comments);
  } else if (t->cost != FMT_NO_BREAK && author_broke(t)) {
    t->breaks = true;
    t->blank_before = t->blank && t[-1].kind == ',';
  }
  if (t->n_comments) t->breaks = true;
}

// What hangs on its opening bracket ends with the closing one on a line.
static void close_hanging(Fmt *f) {
  for (uint32_t i = 1; i < f->n; i++) {
    const FmtToken *open = &f->tokens[i - 1];
    if ((open->kind == '(' || open->kind == '[') && f->tokens[i].breaks && open->partner != i)
      f->tokens[open->partner].breaks = true;
  }
}

void fmt_breaks(Fmt *f) {
  find_blocks(f);
  VEC(uint32_t) blocks = {0};
  f->tokens[0].breaks = true;
  f->tokens[0].blank_before = f->tokens[0].blank && f->tokens[0].n_comments && f->tokens[0].kind != T_YYEOF;
  for (uint32_t i = 0; i < f->n; i++) {
    if (i > 0) break_line(f, i, blocks.len ? blocks.data[blocks.len - 1] : NO_TOKEN);
    if (f->tokens[i].kind == '{') vec_push(f->arena, &blocks, i);
    if (f->tokens[i].kind == '}') blocks.len--;
  }
  join_items(f);
  close_hanging(f);
}
