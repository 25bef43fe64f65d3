// Cells are kept as text until the widths are known. Widths are counted in characters, not bytes.
#include "driver/table.h"

#include "ir/base/utf8.h"

#include <inttypes.h>
#include <string.h>

void table_text(Table *t, const char *cell) { vec_push(t->a, &t->cells, cell ? cell : ""); }

const char *grouped(int64_t value, Arena *a) {
  char *digits = arena_printf(a, "%" PRId64, value);
  size_t n = strlen(digits), first = *digits == '-';
  char *text = arena_alloc(a, 2 * n + 1), *p = text;
  for (size_t i = 0; i < n; i++) {
    if (i > first && (n - i) % 3 == 0) *p++ = ',';
    *p++ = digits[i];
  }
  return text;
}

void table_int(Table *t, int64_t value) { table_text(t, grouped(value, t->a)); }

void table_share(Table *t, int64_t part, int64_t whole) {
  table_text(t, whole > 0 ? arena_printf(t->a, "%.1f%%", 100.0 * (double)part / (double)whole) : "");
}

static size_t width(const char *s) {
  size_t w = 0;
  for (size_t n = strlen(s); n; w++) {
    Utf8 c = utf8_next(s, n);
    s += c.bytes, n -= c.bytes;
  }
  return w;
}

void table_print(const Table *t, const char *indent, StrBuf *out) {
  size_t n = strlen(t->align), widths[MAX_COLUMNS] = {0};
  for (size_t i = 0; i < t->cells.len; i++)
    if (width(t->cells.data[i]) > widths[i % n]) widths[i % n] = width(t->cells.data[i]);
  for (size_t i = 0; i < t->cells.len; i++) {
    const char *cell = t->cells.data[i];
    size_t pad = widths[i % n] - width(cell);
    if (i % n == 0) sb_puts(out, indent);
    if (i % n > 0) sb_puts(out, "  ");
    if (t->align[i % n] == 'r') sb_printf(out, "%*s", (int)pad, "");
    sb_puts(out, cell);
    if (t->align[i % n] == 'l') sb_printf(out, "%*s", (int)pad, "");
    if (i % n < n - 1) continue;
    while (out->len > 0 && out->text[out->len - 1] == ' ') out->text[--out->len] = 0;
    sb_putc(out, '\n');
  }
}
