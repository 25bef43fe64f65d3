// ir/base/format.c against the C library's vsnprintf: same text, same length, in every room; and what stands
// on it, arena_printf and sb_printf, over the ends of their blocks.
#include "ir/base/arena.h"
#include "ir/base/format.h"
#include "ir/base/strbuf.h"

#include <check.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 200 };

static size_t ours(char *to, size_t room, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  size_t n = format_text(to, room, fmt, ap);
  va_end(ap);
  return n;
}

#define SAME(...)                                                                                            \
  do {                                                                                                       \
    char want[LONGEST], got[LONGEST];                                                                        \
    size_t len = (size_t)snprintf(want, sizeof want, __VA_ARGS__);                                           \
    for (size_t room = 0; room < len + 3; room++) {                                                          \
      memset(got, '#', sizeof got);                                                                          \
      snprintf(want, room, __VA_ARGS__);                                                                     \
      ck_assert_uint_eq(ours(got, room, __VA_ARGS__), len);                                                  \
      if (room > 0) ck_assert_str_eq(got, want);                                                             \
      ck_assert_int_eq(got[room], '#');                                                                      \
    }                                                                                                        \
  } while (0)

START_TEST(it_prints_what_printf_prints) {
  SAME("%s", "");
  SAME("plain");
  SAME("100%% of %s%c", "it", '!');
  SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
  SAME("%u|%u", 0u, UINT_MAX);
  SAME("%ld %lu", LONG_MIN, ULONG_MAX);
  SAME("%lld %llu", LLONG_MIN, ULLONG_MAX);
  SAME("%zu %zd", SIZE_MAX, (size_t)-5);
  SAME("%" PRId64 " %" PRIu64 " %" PRIu32, INT64_MIN, UINT64_MAX, UINT32_MAX);
}
END_TEST

START_TEST(the_rest_is_left_to_the_c_library) {
  SAME("%s = %.3f, %d", "x", 1.0 / 3, 7);
  SAME("%5d|%-5s|%s", 42, "ab", "after");
  SAME("%.*s%s", 2, "abcdef", "!");
  SAME("%d %04x %s %d", 1, 0xbeefu, "s", 2);
}
END_TEST

START_TEST(texts_of_every_length_stand_in_an_arena) {
  Arena *a = arena_new();
  char word[LONGEST + 1] = {0};
  const char *kept[2000];
  memset(word, 'x', LONGEST);
  for (int i = 0; i < 2000; i++) kept[i] = arena_printf(a, "%d %s", i, word + LONGEST - i % LONGEST);
  for (int i = 0; i < 2000; i++) {
    char want[LONGEST + 20];
    snprintf(want, sizeof want, "%d %s", i, word + LONGEST - i % LONGEST);
    ck_assert_str_eq(kept[i], want);
  }
  for (int i = 0; i < 100; i++) { // memory after a text is zero as always
    arena_printf(a, "%s", word + i);
    const char *zeros = arena_alloc(a, 100);
    for (int k = 0; k < 100; k++) ck_assert_int_eq(zeros[k], 0);
  }
  arena_free(a);
}
END_TEST

START_TEST(a_child_arena_goes_with_its_parent_or_before) {
  Arena *a = arena_new(), *children[5];
  for (int i = 0; i < 5; i++) children[i] = arena_child(a), arena_alloc(arena_child(children[i]), 100000);
  arena_free(children[4]); // the newest, one in the middle, the oldest
  arena_free(children[2]);
  arena_free(children[0]);
  arena_alloc(arena_child(a), 8);
  arena_free(a); // a leak or a double free shows under the sanitizers
}
END_TEST

START_TEST(a_buffer_grows_while_it_is_printed_into) {
  StrBuf s = {0};
  for (int i = 0; i < 500; i++) sb_printf(&s, "%d,", i), sb_putc(&s, ' ');
  ck_assert_uint_eq(s.len, strlen(sb_text(&s)));
  ck_assert_ptr_nonnull(strstr(sb_text(&s), "98, 99, 100, "));
  ck_assert_str_eq(sb_text(&s) + s.len - 10, "498, 499, ");
  strbuf_free(&s);
  ck_assert_str_eq(sb_text(&s), "");
}
END_TEST

int main(void) {
  Suite *s = suite_create("format");
  TCase *t = tcase_create("format");
  tcase_add_test(t, it_prints_what_printf_prints);
  tcase_add_test(t, the_rest_is_left_to_the_c_library);
  tcase_add_test(t, texts_of_every_length_stand_in_an_arena);
  tcase_add_test(t, a_child_arena_goes_with_its_parent_or_before);
  tcase_add_test(t, a_buffer_grows_while_it_is_printed_into);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
