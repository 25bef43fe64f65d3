// Helpers for tests of the readers: bytes on the heap (so that a sanitizer sees each overrun), and a file
// damaged in every way one byte allows.
#ifndef HOST_BYTES_H
#define HOST_BYTES_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "nn_file.h"

static nn_bytes host_bytes(const void *p, size_t n) {
  nn_bytes b = {malloc(n ? n : 1), n};
  ck_assert_ptr_nonnull(b.p);
  if (n) memcpy(b.p, p, n);
  return b;
}

// Parses `b` (and frees it) and what it yields; returns the exit code, the message in `e`.
typedef int (*host_parse)(nn_bytes *b, nn_err *e);

// Every truncation and every change of one byte to any other value: each either parses or is refused as wrong
// content with a message that names the file.
static inline void host_damage(const unsigned char *p, size_t n, host_parse parse) {
  for (size_t cut = 0; cut < n; cut++) {
    nn_bytes b = host_bytes(p, cut);
    nn_err e = {0};
    if (parse(&b, &e))
      ck_assert_msg(e.code == NN_EXIT_CONTENT && !strncmp(e.text.s, "file:", 5), "%s", e.text.s);
    nn_err_free(&e);
  }
  for (size_t i = 0; i < n; i++)
    for (int change = 1; change < 256; change++) {
      nn_bytes b = host_bytes(p, n);
      nn_err e = {0};
      b.p[i] ^= (unsigned char)change;
      if (parse(&b, &e))
        ck_assert_msg(e.code == NN_EXIT_CONTENT && !strncmp(e.text.s, "file:", 5), "%s", e.text.s);
      nn_err_free(&e);
    }
}

// The parser refuses the bytes, and the message contains `says`.
static inline void host_refuses(const void *p, size_t n, host_parse parse, const char *says) {
  nn_bytes b = host_bytes(p, n);
  nn_err e = {0};
  ck_assert_msg(parse(&b, &e) == NN_EXIT_CONTENT, "accepted; expected: %s", says);
  ck_assert_msg(strstr(e.text.s, says) != NULL, "`%s` does not contain `%s`", e.text.s, says);
  nn_err_free(&e);
}

#endif
