// The interpreter's Philox against the vectors published with Random123 (kat_vectors, philox4x32 10).
#include "ir/philox.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(philox_gives_the_published_vectors) {
  static const struct {
    uint32_t counter[4], key[2], out[4];
  } known[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  PhiloxBlock b = philox4x32_10(known[_i].counter, known[_i].key);
  ck_assert_mem_eq(b.w, known[_i].out, sizeof b.w);
}
END_TEST

int main(void) {
  Suite *s = suite_create("philox");
  TCase *t = tcase_create("philox");
  tcase_add_loop_test(t, philox_gives_the_published_vectors, 0, 3);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
