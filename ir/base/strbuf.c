// Doubling buffer.
#include "ir/base/strbuf.h"

#include "ir/base/arena.h"
#include "ir/base/format.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void grow(StrBuf *b, size_t more) {
  if (more > SIZE_MAX / 2 - b->len - 1) out_of_memory();
  size_t need = b->len + more + 1;
  size_t cap = b->cap ? b->cap : 256;
  while (cap < need) cap *= 2;
  char *p = realloc(b->text, cap);
  if (!p) out_of_memory();
  b->text = p;
  b->cap = cap;
}

// One byte more, for the end.
static inline void reserve(StrBuf *b, size_t more) {
  if (more >= b->cap - b->len) grow(b, more);
}

void strbuf_free(StrBuf *b) {
  free(b->text);
  *b = (StrBuf){0};
}

void sb_putn(StrBuf *b, const char *s, size_t n) {
  reserve(b, n);
  if (n) memcpy(b->text + b->len, s, n);
  b->len += n;
  b->text[b->len] = '\0';
}

void sb_puts(StrBuf *b, const char *s) { sb_putn(b, s, strlen(s)); }

void sb_putc(StrBuf *b, char c) {
  reserve(b, 1);
  b->text[b->len++] = c;
  b->text[b->len] = '\0';
}

void sb_vprintf(StrBuf *b, const char *fmt, va_list ap) {
  reserve(b, 0);
  size_t room = b->cap - b->len, n = format_text(b->text + b->len, room, fmt, ap);
  if (n >= room) {
    reserve(b, n);
    format_text(b->text + b->len, n + 1, fmt, ap);
  }
  b->len += n;
}

void sb_printf(StrBuf *b, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  sb_vprintf(b, fmt, ap);
  va_end(ap);
}

const char *sb_text(const StrBuf *b) { return b->text ? b->text : ""; }
