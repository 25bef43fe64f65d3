// From tokens to text, and a look at the text: no word and no comment was lost on the way.
#include "frontend/fmt_impl.h"
#include "frontend/parser.h"

#include <assert.h>

static void spaces(StrBuf *out, uint32_t n) { sb_printf(out, "%*s", (int)n, ""); }

static void put_line(const Fmt *f, const FmtLine *l, StrBuf *out) {
  if (l->blank && out->len) sb_putc(out, '\n');
  spaces(out, l->column);
  for (uint32_t i = l->first; i < l->end; i++) {
    const FmtToken *t = &f->tokens[i];
    if (i > l->first) spaces(out, t->space + t->pad);
    sb_putn(out, f->text + t->begin, t->end - t->begin);
  }
  if (l->comment != NO_TOKEN) {
    const FmtComment *c = &f->comments.data[l->comment];
    if (l->first < l->end) spaces(out, 2 + l->comment_pad);
    sb_putn(out, f->text + c->begin, c->end - c->begin);
  }
  sb_putc(out, '\n');
}

static bool same_text(const Fmt *f, uint32_t a, uint32_t a_end, const Fmt *g, uint32_t b, uint32_t b_end) {
  return a_end - a == b_end - b && memcmp(f->text + a, g->text + b, a_end - a) == 0;
}

static bool same_words(const Fmt *f, const Fmt *g) {
  if (f->n != g->n || f->comments.len != g->comments.len) return false;
  for (uint32_t i = 0; i < f->n; i++) {
    const FmtToken *s = &f->tokens[i], *t = &g->tokens[i];
    if (s->kind != t->kind || s->comments != t->comments) return false;
    if (!same_text(f, s->begin, s->end, g, t->begin, t->end)) return false;
  }
  for (size_t i = 0; i < f->comments.len; i++) {
    const FmtComment *c = &f->comments.data[i], *d = &g->comments.data[i];
    if (!same_text(f, c->begin, c->end, g, d->begin, d->end)) return false;
  }
  return true;
}

static Fmt *read(uint32_t id, const Source *source, Intern *names, Arena *a) {
  Fmt *f = ARENA_NEW(a, Fmt);
  f->arena = a;
  f->text = source->text;
  Arena *scanning = arena_child(a);
  Scanned *s = scan_source(id, source, names, scanning);
  repair_brackets(s, id, source->text, scanning);
  fmt_read(f, s);
  arena_free(scanning);
  return f;
}

// The tree is of no further use, unless something is said about it.
static bool is_right(uint32_t source, const SourceMap *sources, Intern *names, Diags *diags, Arena *a) {
  unsigned before = diags_errors(diags);
  Arena *parsing = arena_child(a);
  parse_source(source, sources, names, diags, parsing);
  if (diags_errors(diags) != before) return false;
  if (diags_warnings(diags) == 0) arena_free(parsing);
  return true;
}

bool fmt_source(uint32_t source, const SourceMap *sources, Intern *names, Diags *diags, StrBuf *out,
                Arena *a) {
  if (!is_right(source, sources, names, diags, a)) return false;
  Fmt *f = read(source, source_get(sources, source), names, a);
  fmt_classify(f);
  fmt_breaks(f);
  fmt_lines(f);
  fmt_align(f);
  StrBuf text = {0};
  for (size_t i = 0; i < f->lines.len; i++) put_line(f, &f->lines.data[i], &text);
  const Source laid_out = {
      .name = "", .text = sb_text(&text), .len = text.len, .is_std = source_get(sources, source)->is_std};
  assert(same_words(f, read(source, &laid_out, names, a)));
  sb_putn(out, laid_out.text, laid_out.len);
  strbuf_free(&text);
  return true;
}
