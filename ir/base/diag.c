// Collecting diagnostics: a list in the order of reporting, without doubles, that
// takes no more than DIAG_MAX_ERRORS errors. diag_print.c renders it.
#include "ir/base/diag_list.h"

#include <stdio.h>
#include <string.h>

static const struct {
  const char *code, *title, *text;
} codes[DIAG_COUNT] = {
#define DIAG(code, title, text) {#code, title, text},
#include "ir/base/diag_codes.def"
#undef DIAG
};

const char *diag_code_text(DiagCode c) { return codes[c].code; }
const char *diag_code_title(DiagCode c) { return codes[c].title; }

const char *diag_explain(const char *code) {
  for (int i = 0; i < DIAG_COUNT; i++)
    if (strcmp(codes[i].code, code) == 0) return codes[i].text;
  return NULL;
}

Diags *diags_new(Arena *a, const SourceMap *sources) {
  Diags *d = ARENA_NEW(a, Diags);
  d->arena = a;
  d->sources = sources;
  return d;
}

const SourceMap *diags_sources(const Diags *d) { return d->sources; }

static const char *format(Arena *a, const char *fmt, va_list ap) {
  va_list again;
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  char *text = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
  if (n > 0) vsnprintf(text, (size_t)n + 1, fmt, again);
  va_end(again);
  return text;
}

static bool same(const Diag *g, const Diag *old) {
  if (g->severity != old->severity || g->at.source != old->at.source || g->at.begin != old->at.begin)
    return false;
  return g->at.source || strcmp(g->message, old->message) == 0;
}

// One error a place, one warning a place and code; without a place the text decides. Errors are few.
static bool told(Diags *d, const Diag *g) {
  if (g->severity == SEV_WARNING && g->at.source) {
    uint64_t key = ((uint64_t)g->at.source * DIAG_COUNT + g->code) << 32 | g->at.begin;
    uint32_t before;
    if (map_get(&d->warned, key, &before)) return true;
    map_put(d->arena, &d->warned, key, 0);
    return false;
  }
  for (size_t i = 0; i < d->list.len; i++)
    if (same(g, d->list.data[i])) return true;
  return false;
}

static bool inside(Span inner, Span outer) {
  return outer.source && inner.source == outer.source && inner.begin >= outer.begin && inner.end <= outer.end;
}

static bool muted(const Diags *d, Span at) {
  for (size_t i = 0; i < d->muted.len; i++)
    if (inside(at, d->muted.data[i])) return true;
  return false;
}

static Diag *add(Diags *d, Diag g) {
  if (diags_full(d) || (g.severity == SEV_ERROR && muted(d, g.at))) return NULL;
  if (told(d, &g)) return NULL;
  Diag *kept = arena_copy(d->arena, &g, sizeof g);
  vec_push(d->arena, &d->list, kept);
  d->count[g.severity]++;
  return kept;
}

Diag *diag_error(Diags *d, DiagCode code, Span at, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *text = format(d->arena, fmt, ap);
  va_end(ap);
  return add(d, (Diag){.arena = d->arena, .code = code, .severity = SEV_ERROR, .at = at, .message = text});
}

static const Diag *same_in(const Diags *d, const Diag *g) {
  for (size_t i = 0; i < d->list.len; i++) {
    const Diag *x = d->list.data[i];
    if (x->code == g->code && x->at.source == g->at.source && x->at.begin == g->at.begin) return x;
  }
  return NULL;
}

static bool texts_differ(const Diag *a, const Diag *b) {
  if (strcmp(a->message, b->message) != 0 || !a->label != !b->label) return true;
  if ((a->label && strcmp(a->label, b->label) != 0) || a->remarks.len != b->remarks.len) return true;
  for (size_t i = 0; i < a->remarks.len; i++)
    if (strcmp(a->remarks.data[i].text, b->remarks.data[i].text) != 0) return true;
  return false;
}

void diags_take_common(Diags *to, const Diags *a, const Diags *b, const char *note) {
  for (size_t i = 0; i < a->list.len; i++) {
    const Diag *x = a->list.data[i], *y = x->severity == SEV_ERROR ? same_in(b, x) : NULL;
    if (!y) continue;
    Diag *kept = add(to, *x);
    if (kept && texts_differ(x, y)) diag_note(kept, "%s", note);
  }
}

bool diags_has_error(const Diags *d, Span at) {
  for (size_t i = 0; i < d->list.len; i++) {
    const Diag *x = d->list.data[i];
    if (at.source && x->severity == SEV_ERROR && x->at.source == at.source && x->at.begin == at.begin)
      return true;
  }
  return false;
}

void diags_withdraw(Diags *d, DiagCode code, Span at, unsigned most) {
  size_t n = 0;
  for (size_t i = 0; i < d->list.len; i++) {
    Diag *g = d->list.data[i];
    bool out = most && g->code == code && g->severity == SEV_ERROR && inside(g->at, at);
    most -= out;
    d->count[SEV_ERROR] -= out;
    if (!out) d->list.data[n++] = g;
  }
  d->list.len = n;
}

static bool enabled(const Diags *d, const char *flag) {
  for (size_t i = 0; i < d->enabled.len; i++)
    if (strcmp(d->enabled.data[i], flag) == 0 || strcmp(d->enabled.data[i], "all") == 0) return true;
  return false;
}

Diag *diag_warning(Diags *d, DiagCode code, const char *flag, Span at, const char *fmt, ...) {
  if (flag && !enabled(d, flag)) return NULL;
  va_list ap;
  va_start(ap, fmt);
  const char *text = format(d->arena, fmt, ap);
  va_end(ap);
  return add(d, (Diag){.arena = d->arena, .code = code, .severity = SEV_WARNING, .at = at, .message = text});
}

static Diag *remark(Diag *g, RemarkKind kind, Span at, const char *fmt, va_list ap) {
  if (!g) return NULL;
  Remark r = {kind, at, format(g->arena, fmt, ap)};
  vec_push(g->arena, &g->remarks, r);
  return g;
}

Diag *diag_label(Diag *g, const char *fmt, ...) {
  if (!g) return NULL;
  va_list ap;
  va_start(ap, fmt);
  g->label = format(g->arena, fmt, ap);
  va_end(ap);
  return g;
}

Diag *diag_note(Diag *g, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  remark(g, REMARK_NOTE, (Span){0}, fmt, ap);
  va_end(ap);
  return g;
}

Diag *diag_help(Diag *g, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  remark(g, REMARK_HELP, (Span){0}, fmt, ap);
  va_end(ap);
  return g;
}

Diag *diag_also(Diag *g, Span at, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  remark(g, REMARK_ALSO, at, fmt, ap);
  va_end(ap);
  return g;
}

void diags_mute(Diags *d, Span at) { vec_push(d->arena, &d->muted, at); }

void diags_enable(Diags *d, const char *flag) {
  const char *kept = arena_strdup(d->arena, flag);
  vec_push(d->arena, &d->enabled, kept);
}

void diags_warnings_are_errors(Diags *d) { d->warnings_are_errors = true; }

unsigned diags_errors(const Diags *d) {
  return d->count[SEV_ERROR] + (d->warnings_are_errors ? d->count[SEV_WARNING] : 0);
}

unsigned diags_warnings(const Diags *d) { return d->warnings_are_errors ? 0 : d->count[SEV_WARNING]; }

bool diags_full(const Diags *d) { return diags_errors(d) >= DIAG_MAX_ERRORS; }
