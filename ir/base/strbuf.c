// Doubling buffer.
#include "ir/base/strbuf.h"

#include "ir/base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(StrBuf *b, size_t more) {
  if (more > SIZE_MAX / 2 - b->len - 1) out_of_memory();
  size_t need = b->len + more + 1;
  if (need <= b->cap) return;
  size_t cap = b->cap ? b->cap : 256;
  while (cap < need) cap *= 2;
  char *p = realloc(b->text, cap);
  if (!p) out_of_memory();
  b->text = p;
  b->cap = cap;
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
void sb_putc(StrBuf *b, char c) { sb_putn(b, &c, 1); }

void sb_vprintf(StrBuf *b, const char *fmt, va_list ap) {
  va_list again;
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  if (n > 0) {
    reserve(b, (size_t)n);
    vsnprintf(b->text + b->len, (size_t)n + 1, fmt, again);
    b->len += (size_t)n;
  }
  va_end(again);
}

void sb_printf(StrBuf *b, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  sb_vprintf(b, fmt, ap);
  va_end(ap);
}

const char *sb_text(const StrBuf *b) { return b->text ? b->text : ""; }
