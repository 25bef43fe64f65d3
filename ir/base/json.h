// Writing JSON: the one way the compiler does it. The writer puts the commas; the caller says what opens and
// closes.
//
//   Json j = {.out = &text};
//   json_open(&j, NULL, '{');
//   json_int(&j, "macs", 288000);
//   json_close(&j, '}');                     {"macs":288000}
//
// `key` is NULL inside an array and for the outermost value.
#ifndef NNC_BASE_JSON_H
#define NNC_BASE_JSON_H

#include "ir/base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Json {
  StrBuf *out;
  bool comma; // a value stands before, in the same object or array
} Json;

void json_open(Json *j, const char *key, char bracket); // '{' or '['
void json_close(Json *j, char bracket);                 // '}' or ']'
// Bytes that are not UTF-8 become U+FFFD. NULL is null.
void json_text(Json *j, const char *key, const char *value);
void json_int(Json *j, const char *key, int64_t value);
void json_real(Json *j, const char *key, double value); // null where it is not finite
void json_bool(Json *j, const char *key, bool value);
void json_null(Json *j, const char *key);

#endif
