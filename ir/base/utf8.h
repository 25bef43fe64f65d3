// One character of UTF-8 text that may be invalid (RFC 3629; overlong forms,
// surrogates and values past U+10FFFF are invalid). An invalid sequence is one
// byte long, so a caller always advances.
#ifndef NNC_BASE_UTF8_H
#define NNC_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Utf8 {
  uint32_t code; // 0xFFFD when invalid
  uint32_t bytes;
  bool valid;
} Utf8;

static inline Utf8 utf8_next(const char *s, size_t n) {
  const unsigned char *p = (const unsigned char *)s;
  const Utf8 bad = {0xFFFD, 1, false};
  if (n == 0) return (Utf8){0, 0, false};
  if (p[0] < 0x80) return (Utf8){p[0], 1, true};
  uint32_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
  if (p[0] < 0xC2 || p[0] > 0xF4 || len > n) return bad;
  uint32_t code = p[0] & (0x7Fu >> len);
  for (uint32_t i = 1; i < len; i++) {
    if ((p[i] & 0xC0) != 0x80) return bad;
    code = code << 6 | (p[i] & 0x3Fu);
  }
  if ((len == 3 && code < 0x800) || (len == 4 && code < 0x10000) || code > 0x10FFFF ||
      (code >= 0xD800 && code <= 0xDFFF))
    return bad;
  return (Utf8){code, len, true};
}

#endif
