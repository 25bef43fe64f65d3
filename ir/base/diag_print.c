// Rendering diagnostics: as text with the source line and carets under it, and as
// JSON. A line is shown as it looks on a terminal: tabs become four columns, what
// can't be printed becomes U+FFFD, and of a very long line only the part around
// the carets is shown.
#include "ir/base/diag_list.h"
#include "ir/base/json.h"
#include "ir/base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { TAB_COLUMNS = 4, LINE_COLUMNS = 160, LINE_BEFORE = 60, MIN_GUTTER = 2 };

#define REPLACEMENT "\xEF\xBF\xBD"

typedef struct Style {
  const char *error, *warning, *note, *gutter, *bold, *reset;
} Style;

static const Style plain = {"", "", "", "", "", ""};
static const Style colored = {"\033[1;31m", "\033[1;33m", "\033[1;36m", "\033[1;34m", "\033[1m", "\033[0m"};

// Columns a character takes on a terminal: 0 for combining marks, 2 for wide
// letters of East Asia and emoji (the ranges of Unicode's EastAsianWidth "W").
static unsigned width(uint32_t c) {
  static const struct {
    uint32_t from, to, columns;
  } ranges[] = {{0x0300, 0x036F, 0}, {0x1100, 0x115F, 2},   {0x200B, 0x200F, 0},   {0x2E80, 0xA4CF, 2},
                {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},   {0xFE00, 0xFE0F, 0},   {0xFE30, 0xFE6F, 2},
                {0xFF00, 0xFF60, 2}, {0x1F300, 0x1F64F, 2}, {0x1F900, 0x1F9FF, 2}, {0x20000, 0x3FFFD, 2}};
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
    if (c >= ranges[i].from && c <= ranges[i].to) return ranges[i].columns;
  return 1;
}

// Characters that would move the cursor or hide text: C0, DEL, C1, bidi controls.
static bool is_control(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

// Text of a message: as it is, but never a control character.
static void put_safe(StrBuf *out, const char *s) {
  for (size_t n = strlen(s); n;) {
    Utf8 c = utf8_next(s, n);
    if (!c.valid || is_control(c.code))
      for (uint32_t i = 0; i < c.bytes; i++) sb_printf(out, "\\x%02x", (unsigned char)s[i]);
    else
      sb_putn(out, s, c.bytes);
    s += c.bytes, n -= c.bytes;
  }
}

typedef struct Line {
  unsigned number, column; // 1-based
  size_t begin, end;       // bytes of the line, without its end
  size_t from, to;         // bytes to underline, within the line
} Line;

static Line line_at(const SourceMap *m, Span at) {
  const Source *s = source_get(m, at.source);
  Line l = {0};
  source_position(m, at.source, at.begin, &l.number, &l.column);
  l.from = at.begin < s->len ? at.begin : s->len;
  l.begin = l.end = l.from;
  while (l.begin > 0 && s->text[l.begin - 1] != '\n') l.begin--;
  while (l.end < s->len && s->text[l.end] != '\n') l.end++;
  if (l.end > l.begin && s->text[l.end - 1] == '\r') l.end--;
  if (l.from > l.end) l.from = l.end;
  l.to = at.end < l.end ? at.end : l.end;
  if (l.to < l.from) l.to = l.from;
  return l;
}

// Appends one character as shown, and returns its columns.
static unsigned show(StrBuf *out, const char *s, Utf8 c) {
  if (c.code == '\t') {
    if (out) sb_printf(out, "%*s", TAB_COLUMNS, "");
    return TAB_COLUMNS;
  }
  if (!c.valid || is_control(c.code)) {
    if (out) sb_puts(out, REPLACEMENT);
    return 1;
  }
  if (out) sb_putn(out, s, c.bytes);
  return width(c.code);
}

// Shows bytes [begin, end) but stops before `limit` columns are passed; gives the columns.
static unsigned show_range(StrBuf *out, const char *text, size_t begin, size_t end, unsigned limit) {
  unsigned columns = 0;
  while (begin < end && columns < limit) {
    Utf8 c = utf8_next(text + begin, end - begin);
    columns += show(out, text + begin, c);
    begin += c.bytes;
  }
  return columns;
}

// Where a long line begins to be shown: near the carets, at a character's start.
static size_t window_begin(const char *text, const Line *l) {
  if (show_range(NULL, text, l->begin, l->end, LINE_COLUMNS + 1) <= LINE_COLUMNS) return l->begin;
  if (l->from - l->begin <= LINE_BEFORE) return l->begin;
  size_t at = l->from - LINE_BEFORE;
  while (at < l->from && ((unsigned char)text[at] & 0xC0) == 0x80) at++;
  return at;
}

static void repeat(StrBuf *out, char c, unsigned n) {
  while (n--) sb_putc(out, c);
}

static void snippet(const Diags *d, StrBuf *out, const Style *st, int gutter, Span at, const char *arrow,
                    char mark, const char *mark_style, const char *label) {
  const Source *s = source_get(d->sources, at.source);
  Line l = line_at(d->sources, at);
  sb_printf(out, "%*s%s%s%s ", gutter, "", st->gutter, arrow, st->reset);
  put_safe(out, s->name);
  sb_printf(out, ":%u:%u\n", l.number, l.column);
  sb_printf(out, "%*s %s|%s\n", gutter, "", st->gutter, st->reset);

  sb_printf(out, "%s%*u |%s", st->gutter, gutter, l.number, st->reset);
  size_t first = window_begin(s->text, &l);
  const char *dots = first > l.begin ? "..." : "";
  if (l.end > first) {
    sb_printf(out, " %s", dots);
    unsigned shown = show_range(out, s->text, first, l.end, LINE_COLUMNS);
    if (shown < show_range(NULL, s->text, first, l.end, LINE_COLUMNS + 1)) sb_puts(out, "...");
  }
  unsigned before = (unsigned)strlen(dots) + show_range(NULL, s->text, first, l.from, UINT32_MAX);
  unsigned marks = show_range(NULL, s->text, l.from, l.to, LINE_COLUMNS - LINE_BEFORE);
  sb_printf(out, "\n%*s %s|%s %*s%s", gutter, "", st->gutter, st->reset, (int)before, "", mark_style);
  repeat(out, mark, marks ? marks : 1);
  if (label && *label) {
    sb_putc(out, ' ');
    put_safe(out, label);
  }
  sb_printf(out, "%s\n", st->reset);
}

// A note may have several lines; the later ones stand under the first.
static void note(StrBuf *out, const Style *st, int gutter, const char *word, const char *text) {
  sb_printf(out, "%*s %s=%s %s%s%s: ", gutter, "", st->gutter, st->reset, st->bold, word, st->reset);
  for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
    StrBuf part = {0};
    sb_putn(&part, text, (size_t)(end - text));
    put_safe(out, sb_text(&part));
    strbuf_free(&part);
    sb_printf(out, "\n%*s", gutter + 5 + (int)strlen(word), "");
  }
  put_safe(out, text);
  sb_putc(out, '\n');
}

// Digits of the greatest line number shown, so that the bars of all snippets align.
static int gutter_width(const Diags *d, const Diag *g) {
  unsigned most = line_at(d->sources, g->at).number;
  for (size_t i = 0; i < g->remarks.len; i++) {
    if (g->remarks.data[i].kind != REMARK_ALSO) continue;
    unsigned n = line_at(d->sources, g->remarks.data[i].at).number;
    if (n > most) most = n;
  }
  int digits = snprintf(NULL, 0, "%u", most);
  return digits > MIN_GUTTER ? digits : MIN_GUTTER;
}

static void print_one(const Diags *d, const Diag *g, StrBuf *out, const Style *st) {
  bool is_error = g->severity == SEV_ERROR || d->warnings_are_errors;
  const char *tint = is_error ? st->error : st->warning;
  int gutter = gutter_width(d, g);
  sb_printf(out, "%s%s[%s]%s%s: ", tint, is_error ? "error" : "warning", diag_code_text(g->code), st->reset,
            st->bold);
  put_safe(out, g->message);
  sb_printf(out, "%s\n", st->reset);
  if (g->at.source)
    snippet(d, out, st, gutter, g->at, "-->", '^', tint, g->label);
  else if (g->label)
    note(out, st, gutter, "note", g->label);
  for (size_t i = 0; i < g->remarks.len; i++) {
    const Remark *r = &g->remarks.data[i];
    if (r->kind == REMARK_ALSO && r->at.source)
      snippet(d, out, st, gutter, r->at, ":::", '-', st->note, r->text);
    else
      note(out, st, gutter, r->kind == REMARK_HELP ? "help" : "note", r->text);
  }
  sb_putc(out, '\n');
}

static void put_count(StrBuf *out, unsigned n, const char *what) {
  sb_printf(out, "%u %s%s", n, what, n == 1 ? "" : "s");
}

void diags_print_text(const Diags *d, StrBuf *out, bool color) {
  const Style *st = color ? &colored : &plain;
  for (size_t i = 0; i < d->list.len; i++) print_one(d, d->list.data[i], out, st);
  unsigned errors = diags_errors(d), warnings = diags_warnings(d);
  if (!errors && !warnings) return;
  sb_printf(out, "%s%s%s: ", errors ? st->error : st->warning, errors ? "error" : "warning", st->reset);
  if (diags_full(d)) sb_puts(out, "stopped after ");
  if (errors) put_count(out, errors, "error");
  if (errors && warnings) sb_puts(out, ", ");
  if (warnings) put_count(out, warnings, "warning");
  sb_putc(out, '\n');
}

// "file":…,"line":…  or nulls for a diagnostic without a place.
static void json_place(const Diags *d, Json *j, Span at) {
  static const char *const keys[] = {"line", "column", "end_line", "end_column"};
  unsigned n[4];
  json_text(j, "file", at.source ? source_get(d->sources, at.source)->name : NULL);
  if (at.source) {
    source_position(d->sources, at.source, at.begin, &n[0], &n[1]);
    source_position(d->sources, at.source, at.end, &n[2], &n[3]);
  }
  for (int i = 0; i < 4; i++)
    if (at.source)
      json_int(j, keys[i], n[i]);
    else
      json_null(j, keys[i]);
}

static void json_remarks(const Diags *d, Json *j, const Diag *g, RemarkKind kind, const char *key) {
  json_open(j, key, '[');
  for (size_t i = 0; i < g->remarks.len; i++) {
    const Remark *r = &g->remarks.data[i];
    if (r->kind != kind) continue;
    if (kind == REMARK_ALSO) {
      json_open(j, NULL, '{');
      json_place(d, j, r->at);
      json_text(j, "label", r->text);
      json_close(j, '}');
    } else {
      json_text(j, NULL, r->text);
    }
  }
  json_close(j, ']');
}

void diags_print_json(const Diags *d, StrBuf *out) {
  for (size_t i = 0; i < d->list.len; i++) {
    const Diag *g = d->list.data[i];
    bool is_error = g->severity == SEV_ERROR || d->warnings_are_errors;
    Json j = {.out = out};
    json_open(&j, NULL, '{');
    json_text(&j, "code", diag_code_text(g->code));
    json_text(&j, "severity", is_error ? "error" : "warning");
    json_text(&j, "message", g->message);
    json_place(d, &j, g->at);
    json_text(&j, "label", g->label);
    json_remarks(d, &j, g, REMARK_NOTE, "notes");
    json_remarks(d, &j, g, REMARK_HELP, "helps");
    json_remarks(d, &j, g, REMARK_ALSO, "also");
    json_close(&j, '}');
    sb_putc(out, '\n');
  }
}
