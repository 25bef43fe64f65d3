// Values are appended as they come; a comma stands before each but the first of its object or array.
#include "ir/base/json.h"

#include "ir/base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void put_string(StrBuf *out, const char *s) {
  sb_putc(out, '"');
  for (size_t n = strlen(s); n;) {
    Utf8 c = utf8_next(s, n);
    if (!c.valid)
      sb_puts(out, "\xEF\xBF\xBD");
    else if (c.code == '"' || c.code == '\\')
      sb_printf(out, "\\%c", (char)c.code);
    else if (c.code < 0x20)
      sb_printf(out, "\\u%04x", (unsigned)c.code);
    else
      sb_putn(out, s, c.bytes);
    s += c.bytes, n -= c.bytes;
  }
  sb_putc(out, '"');
}

static void begin_value(Json *j, const char *key) {
  if (j->comma) sb_putc(j->out, ',');
  j->comma = true;
  if (!key) return;
  put_string(j->out, key);
  sb_putc(j->out, ':');
}

void json_open(Json *j, const char *key, char bracket) {
  begin_value(j, key);
  sb_putc(j->out, bracket);
  j->comma = false;
}

void json_close(Json *j, char bracket) {
  sb_putc(j->out, bracket);
  j->comma = true;
}

void json_text(Json *j, const char *key, const char *value) {
  begin_value(j, key);
  if (value)
    put_string(j->out, value);
  else
    sb_puts(j->out, "null");
}

void json_int(Json *j, const char *key, int64_t value) {
  begin_value(j, key);
  sb_printf(j->out, "%" PRId64, value);
}

void json_real(Json *j, const char *key, double value) {
  begin_value(j, key);
  if (isfinite(value))
    sb_printf(j->out, "%.17g", value);
  else
    sb_puts(j->out, "null");
}

void json_bool(Json *j, const char *key, bool value) {
  begin_value(j, key);
  sb_puts(j->out, value ? "true" : "false");
}

void json_null(Json *j, const char *key) { json_text(j, key, NULL); }
