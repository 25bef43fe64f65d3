// Plain text, strings and whole numbers are copied here; from the first conversion with a flag, a width or a
// fraction on, the rest is vsnprintf's.
#include "ir/base/format.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct Room {
  char *to;
  size_t size, len; // len: of the whole text, may pass size
} Room;

static void put(Room *r, const char *s, size_t n) {
  if (r->len < r->size) memcpy(r->to + r->len, s, n < r->size - r->len ? n : r->size - r->len);
  r->len += n;
}

static void put_number(Room *r, uint64_t v, bool minus) {
  char digits[24];
  size_t at = sizeof digits;
  do digits[--at] = (char)('0' + v % 10);
  while (v /= 10);
  if (minus) digits[--at] = '-';
  put(r, digits + at, sizeof digits - at);
}

typedef enum Length { LEN_INT, LEN_LONG, LEN_LONG_LONG, LEN_SIZE } Length;

static int64_t take_signed(va_list *ap, Length length) {
  switch (length) {
  case LEN_LONG: return va_arg(*ap, long);
  case LEN_LONG_LONG: return va_arg(*ap, long long);
  case LEN_SIZE: return va_arg(*ap, ptrdiff_t);
  default: return va_arg(*ap, int);
  }
}

static uint64_t take_unsigned(va_list *ap, Length length) {
  switch (length) {
  case LEN_LONG: return va_arg(*ap, unsigned long);
  case LEN_LONG_LONG: return va_arg(*ap, unsigned long long);
  case LEN_SIZE: return va_arg(*ap, size_t);
  default: return va_arg(*ap, unsigned);
  }
}

// Prints the conversion at `at`, just after its %; NULL: not one of ours, nothing is taken.
static const char *convert(Room *r, const char *at, va_list *ap) {
  Length length = LEN_INT;
  if (*at == 'z') length = LEN_SIZE, at++;
  if (*at == 'l') length = LEN_LONG, at++;
  if (length == LEN_LONG && *at == 'l') length = LEN_LONG_LONG, at++;
  if (*at == 'd') {
    int64_t v = take_signed(ap, length);
    put_number(r, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
  } else if (*at == 'u') {
    put_number(r, take_unsigned(ap, length), false);
  } else if (*at == 's' && length == LEN_INT) {
    const char *s = va_arg(*ap, const char *);
    if (!s) s = "(null)";
    put(r, s, strlen(s));
  } else if (*at == 'c' && length == LEN_INT) {
    put(r, (char[]){(char)va_arg(*ap, int)}, 1);
  } else if (*at == '%' && length == LEN_INT) {
    put(r, "%", 1);
  } else {
    return NULL;
  }
  return at + 1;
}

size_t format_text(char *to, size_t room, const char *fmt, va_list ap) {
  Room r = {.to = to, .size = room};
  va_list rest;
  va_copy(rest, ap);
  while (*fmt) {
    size_t plain = 0;
    while (fmt[plain] && fmt[plain] != '%') plain++;
    put(&r, fmt, plain);
    fmt += plain;
    if (!*fmt) break;
    const char *next = convert(&r, fmt + 1, &rest);
    if (!next) {
      bool fits = r.len < room;
      int n = vsnprintf(fits ? to + r.len : NULL, fits ? room - r.len : 0, fmt, rest);
      r.len += n > 0 ? (size_t)n : 0;
      break;
    }
    fmt = next;
  }
  va_end(rest);
  if (room > 0) to[r.len < room ? r.len : room - 1] = '\0';
  return r.len;
}
