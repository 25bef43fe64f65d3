// One walk over the text between the tokens finds the comments and counts lines and columns.
#include "frontend/fmt_impl.h"
#include "frontend/parser.h"

typedef struct Place {
  uint32_t at, line, column;
  uint32_t newlines; // since the last token or comment
} Place;

static bool is_white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static void step(Place *p, const char *text) {
  char c = text[p->at++];
  if (c == '\n') {
    p->line++;
    p->newlines++;
    p->column = 0;
  } else if ((c & 0xC0) != 0x80) {
    p->column++;
  }
}

static void walk_to(Place *p, const char *text, uint32_t end) {
  while (p->at < end) step(p, text);
}

static void read_comment(Fmt *f, Place *p, uint32_t end, bool first) {
  FmtComment c = {.begin = p->at, .line = p->line, .column = p->column};
  c.alone = first || p->newlines > 0;
  c.blank = p->newlines > 1;
  while (p->at < end && f->text[p->at] != '\n') step(p, f->text);
  c.end = p->at;
  while (is_white(f->text[c.end - 1])) c.end--;
  p->newlines = 0;
  vec_push(f->arena, &f->comments, c);
}

void fmt_read(Fmt *f, const Scanned *s) {
  static const char bom[] = "\xEF\xBB\xBF";
  f->n = (uint32_t)s->tokens.len;
  f->tokens = ARENA_ARRAY(f->arena, f->n, FmtToken);
  Place p = {0};
  if (strncmp(f->text, bom, 3) == 0) p.at = 3;
  for (uint32_t i = 0; i < f->n; i++) {
    const Token *in = &s->tokens.data[i];
    FmtToken *t = &f->tokens[i];
    *t = (FmtToken){.kind = in->kind, .begin = in->begin, .end = in->end, .partner = in->partner};
    t->comments = (uint32_t)f->comments.len;
    p.newlines = 0;
    while (p.at < t->begin) {
      if (f->text[p.at] == '#') {
        read_comment(f, &p, t->begin, i == 0);
        t->newline = true;
      } else {
        step(&p, f->text);
        t->newline |= p.newlines > 0;
      }
    }
    t->n_comments = (uint32_t)f->comments.len - t->comments;
    t->blank = p.newlines > 1;
    t->line = p.line;
    t->column = p.column;
    walk_to(&p, f->text, t->end);
    t->width = p.column - t->column;
    t->chain = t->next_item = NO_TOKEN;
  }
}
