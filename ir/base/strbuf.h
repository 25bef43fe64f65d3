// A growing text buffer on the heap; strbuf_free when done. Text is always
// terminated. Used for all output that is made before it is written.
#ifndef NNC_BASE_STRBUF_H
#define NNC_BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

typedef struct StrBuf {
  char *text;
  size_t len, cap;
} StrBuf;

void strbuf_free(StrBuf *b);
void sb_putc(StrBuf *b, char c);
void sb_puts(StrBuf *b, const char *s);
void sb_putn(StrBuf *b, const char *s, size_t n);
void sb_printf(StrBuf *b, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
void sb_vprintf(StrBuf *b, const char *fmt, va_list ap);
// The text, "" when nothing was written; valid until the next change.
const char *sb_text(const StrBuf *b);

#endif
