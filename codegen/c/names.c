// Octal escapes have at most three digits, so what follows can't join them; '?' is escaped because of
// trigraphs.
#include "codegen/c/names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

void put_string(StrBuf *out, const char *s) {
  if (!s) {
    sb_puts(out, "NULL");
    return;
  }
  sb_putc(out, '"');
  for (; *s; s++) {
    unsigned char ch = (unsigned char)*s;
    if (ch == '"' || ch == '\\' || ch == '?')
      sb_printf(out, "\\%c", ch);
    else if (ch >= 0x20 && ch < 0x7f)
      sb_putc(out, *s);
    else
      sb_printf(out, "\\%03o", ch);
  }
  sb_putc(out, '"');
}

void put_comment(StrBuf *out, const char *s) {
  for (char before = 0; s && *s; before = *s++) {
    unsigned char ch = (unsigned char)*s;
    bool ends = (before == '*' && ch == '/') || (before == '/' && ch == '*');
    bool plain = ch >= 0x20 && ch < 0x7f && ch != '\\' && ch != '?';
    sb_putc(out, ends || !plain ? '_' : (char)ch);
  }
}

const char *mangle(Arena *a, const char *prefix, const char *s) {
  StrBuf b = {0};
  sb_puts(&b, prefix);
  for (; *s; s++) {
    unsigned char ch = (unsigned char)*s;
    if (ch < 0x80 && (isalnum(ch) || ch == '_'))
      sb_putc(&b, *s);
    else
      sb_printf(&b, "_%02x", ch);
  }
  const char *r = arena_strdup(a, sb_text(&b));
  strbuf_free(&b);
  return r;
}
