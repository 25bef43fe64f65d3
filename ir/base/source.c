// Sources and positions. Each source gets a table of line starts when it is
// added, so a position is a binary search plus a walk along one line.
#include "ir/base/diag.h"
#include "ir/base/utf8.h"
#include "ir/base/vec.h"

#include <string.h>

typedef struct Entry {
  Source source;
  uint32_t *lines; // byte at which each line begins
  uint32_t n_lines;
} Entry;

struct SourceMap {
  Arena *arena;
  VEC(Entry) entries; // entry 0 is "no place"
};

SourceMap *source_map_new(Arena *a) {
  SourceMap *m = ARENA_NEW(a, SourceMap);
  m->arena = a;
  Entry none = {.source = {.name = "", .text = ""}};
  vec_push(a, &m->entries, none);
  return m;
}

static void index_lines(Arena *a, Entry *e) {
  uint32_t n = 1;
  for (size_t i = 0; i < e->source.len; i++) n += e->source.text[i] == '\n';
  e->lines = ARENA_ARRAY(a, n, uint32_t);
  e->n_lines = 1;
  for (size_t i = 0; i < e->source.len; i++)
    if (e->source.text[i] == '\n') e->lines[e->n_lines++] = (uint32_t)(i + 1);
}

uint32_t source_add(SourceMap *m, const char *name, const char *text, size_t len, bool is_std) {
  Entry e = {.source = {.name = arena_strdup(m->arena, name), .len = len, .is_std = is_std}};
  e.source.text = arena_strndup(m->arena, text, len);
  index_lines(m->arena, &e);
  vec_push(m->arena, &m->entries, e);
  return (uint32_t)(m->entries.len - 1);
}

static const Entry *entry(const SourceMap *m, uint32_t id) {
  return &m->entries.data[id < m->entries.len ? id : 0];
}

const Source *source_get(const SourceMap *m, uint32_t id) { return &entry(m, id)->source; }

// Index of the last line that begins at or before `byte`.
static uint32_t line_of(const Entry *e, uint32_t byte) {
  uint32_t low = 0, high = e->n_lines;
  while (low + 1 < high) {
    uint32_t mid = low + (high - low) / 2;
    if (e->lines[mid] <= byte)
      low = mid;
    else
      high = mid;
  }
  return low;
}

void source_position(const SourceMap *m, uint32_t id, uint32_t byte, unsigned *line, unsigned *col) {
  const Entry *e = entry(m, id);
  *line = *col = 1;
  if (!e->n_lines) return;
  if (byte > e->source.len) byte = (uint32_t)e->source.len;
  uint32_t k = line_of(e, byte);
  *line = k + 1;
  for (size_t at = e->lines[k]; at < byte; (*col)++) {
    Utf8 c = utf8_next(e->source.text + at, e->source.len - at);
    at += c.bytes;
  }
}

static const char *position_text(const SourceMap *m, const char *name, Span s, Arena *a) {
  unsigned line, col;
  source_position(m, s.source, s.begin, &line, &col);
  return arena_printf(a, "%s:%u:%u", name, line, col);
}

const char *span_text(const SourceMap *m, Span s, Arena *a) {
  return s.source ? position_text(m, source_get(m, s.source)->name, s, a) : "";
}

const char *span_text_here(const SourceMap *m, Span s, Arena *a) {
  if (!s.source) return "";
  const char *name = source_get(m, s.source)->name, *slash = strrchr(name, '/');
  return position_text(m, slash ? slash + 1 : name, s, a);
}
