// Where tokens of neighbouring lines stood in one column, and spaces were put in for it, they still do. So do
// comments at the ends of lines, and those that go on below them.
//
// A group is a run of lines with such tokens. Its column is the least in which all fit: laid out again, it is
// the same group, and one that another token comes to stand in line with by chance has the same column.
#include "frontend/fmt_impl.h"
#include "frontend/parser.h"

#include <stdlib.h>

typedef struct Group {
  uint32_t column; // in the source
  bool meant;      // spaces were put in
  bool comments;
} Group;

typedef struct Member {
  uint32_t group, column, line;
  uint32_t token; // NO_TOKEN: the comment
} Member;

// What may stand in a column, by the line it is on.
typedef struct Mark {
  uint32_t column, token, group;
} Mark;

typedef VEC(Mark) Marks;

typedef struct Align {
  Fmt *f;
  VEC(Group) groups;
  VEC(Member) members;
} Align;

static bool is_closer(int kind) { return kind == ')' || kind == ']' || kind == '}'; }

// Whether the place of later lines does not depend on this one's columns from some bracket on: then `*from`
// is the token after the last one left open.
static bool ends_apart(const Fmt *f, const FmtLine *l, uint32_t *from) {
  const FmtToken *next = &f->tokens[l->end];
  *from = l->first + 1;
  for (uint32_t i = l->first; i < l->end; i++)
    if (!is_closer(f->tokens[i].kind) && f->tokens[i].partner != NO_TOKEN && f->tokens[i].partner >= l->end)
      *from = i + 1;
  return next->item || next->kind == '}' || next[-1].kind == ',';
}

static void find_marks(Align *al, const FmtLine *l, Marks *out) {
  const Fmt *f = al->f;
  uint32_t from;
  out->len = 0;
  bool whole = l->first < l->end && f->tokens[l->first].line == f->tokens[l->end - 1].line;
  if (whole && ends_apart(f, l, &from))
    for (uint32_t i = from; i < l->end; i++) {
      Mark m = {f->tokens[i].column, i, NO_TOKEN};
      vec_push(f->arena, out, m);
    }
  if (l->comment != NO_TOKEN) {
    Mark m = {f->comments.data[l->comment].column, NO_TOKEN, NO_TOKEN};
    vec_push(f->arena, out, m);
  }
}

static bool are_alike(const Fmt *f, const Mark *a, const Mark *b) {
  if (a->token == NO_TOKEN || b->token == NO_TOKEN) return a->token == b->token;
  const FmtToken *s = &f->tokens[a->token], *t = &f->tokens[b->token];
  return s->kind == t->kind || s[-1].kind == t[-1].kind;
}

static bool is_padded(const Fmt *f, uint32_t token) {
  const FmtToken *t = &f->tokens[token];
  return token != NO_TOKEN && t->column > t[-1].column + t[-1].width + t->space;
}

static void add_member(Align *al, Mark *m, uint32_t line) {
  Member member = {m->group, m->column, line, m->token};
  vec_push(al->f->arena, &al->members, member);
  if (is_padded(al->f, m->token) || m->token == NO_TOKEN) al->groups.data[m->group].meant = true;
}

static void join(Align *al, Mark *above, Mark *below, uint32_t line) {
  if (above->group == NO_TOKEN) {
    Group g = {.column = above->column, .comments = above->token == NO_TOKEN};
    above->group = (uint32_t)al->groups.len;
    vec_push(al->f->arena, &al->groups, g);
    add_member(al, above, line - 1);
  }
  below->group = above->group;
  add_member(al, below, line);
}

// Both are in the order of their columns.
static void match(Align *al, const Marks *above, const Marks *below, uint32_t line) {
  for (size_t i = 0, k = 0; i < above->len && k < below->len;) {
    Mark *a = &above->data[i], *b = &below->data[k];
    if (a->column == b->column && are_alike(al->f, a, b)) join(al, a, b, line);
    if (a->column <= b->column) i++;
    if (b->column <= a->column) k++;
  }
}

static uint32_t line_end(const Fmt *f, const FmtLine *l) {
  const FmtToken *last = &f->tokens[l->end - 1];
  return last->column_out + last->width + l->shift;
}

static bool is_alone(const FmtLine *l) { return l->first == l->end; }

// Where a member stands with what was put in before it, and nothing more.
static uint32_t natural(const Fmt *f, const Member *m) {
  const FmtLine *l = &f->lines.data[m->line];
  if (m->token != NO_TOKEN) return f->tokens[m->token].column_out + l->shift;
  return is_alone(l) ? 0 : line_end(f, l) + 2;
}

static void place(Align *al, const Member *m, size_t n) {
  Fmt *f = al->f;
  uint32_t column = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t c = natural(f, &m[i]);
    if (c > column) column = c;
  }
  for (size_t i = 0; i < n && m->token != NO_TOKEN; i++)
    if (line_end(f, &f->lines.data[m[i].line]) + column - natural(f, &m[i]) > FMT_WIDTH) return;
  for (size_t i = 0; i < n; i++) {
    FmtLine *l = &f->lines.data[m[i].line];
    uint32_t pad = column - natural(f, &m[i]);
    if (m[i].token != NO_TOKEN) {
      f->tokens[m[i].token].pad = pad;
      l->shift += pad;
    } else if (is_alone(l)) {
      l->column = column;
    } else {
      l->comment_pad = pad;
    }
  }
}

// From left to right: what is put in moves what is to the right of it.
static int by_column(const void *a, const void *b) {
  const Member *p = a, *q = b;
  if ((p->token == NO_TOKEN) != (q->token == NO_TOKEN)) return p->token == NO_TOKEN ? 1 : -1;
  if (p->column != q->column) return p->column < q->column ? -1 : 1;
  if (p->group != q->group) return p->group < q->group ? -1 : 1;
  return p->line < q->line ? -1 : p->line > q->line;
}

// A comment alone goes on from one at the end of the line above it, or from such a one.
static void find_groups(Align *al) {
  Fmt *f = al->f;
  Marks above = {0}, below = {0};
  for (uint32_t i = 0; i < f->lines.len; i++) {
    const FmtLine *l = &f->lines.data[i];
    find_marks(al, l, &below);
    if (i > 0 && !l->blank) match(al, &above, &below, i);
    if (is_alone(l) && below.data[0].group == NO_TOKEN) below.len = 0;
    Marks swap = above;
    above = below;
    below = swap;
  }
}

void fmt_align(Fmt *f) {
  Align al = {.f = f};
  find_groups(&al);
  if (al.members.len) qsort(al.members.data, al.members.len, sizeof(Member), by_column);
  for (size_t i = 0, end; i < al.members.len; i = end) {
    const Member *m = &al.members.data[i];
    for (end = i + 1; end < al.members.len && al.members.data[end].group == m->group;) end++;
    if (al.groups.data[m->group].meant) place(&al, m, end - i);
  }
}
