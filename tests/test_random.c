// Philox against Random123's published vectors, and the draws against the language's formulas.
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn_random.h"

// philox4x32 10 of tests/kat_vectors of Random123 1.14: counter, key, result.
START_TEST(philox_gives_the_published_vectors) {
  static const uint32_t rows[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e,
       0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
       0x5001e420, 0x24126ea1},
  };
  for (int i = 0; i < 3; i++) {
    const uint32_t *r = rows[i];
    nn_words b = nn_philox((uint64_t)r[5] << 32 | r[4], r[0], r[1], r[2], r[3]);
    ck_assert_mem_eq(b.w, r + 6, sizeof b.w);
  }
}
END_TEST

// The vectors of the FNV specification (draft-eastlake-fnv, appendix C).
START_TEST(fnv1a_gives_the_published_vectors) {
  ck_assert_uint_eq(nn_fnv1a(""), 0x811c9dc5);
  ck_assert_uint_eq(nn_fnv1a("a"), 0xe40c292c);
  ck_assert_uint_eq(nn_fnv1a("foobar"), 0xbf9cf968);
  ck_assert_uint_eq(nn_fnv1a("\xc3\xa9"), ((0x811c9dc5u ^ 0xc3u) * 16777619u ^ 0xa9u) * 16777619u); // bytes
}
END_TEST

enum { ELEMENTS = 4000 };
static const uint64_t seed = UINT64_C(0x123456789abcdef0);

START_TEST(element_e_takes_word_e_mod_4_of_block_e_over_4) {
  for (uint32_t e = 0; e < ELEMENTS; e++) {
    nn_words b = nn_philox(seed, e / 4, 7, 8, 9);
    double want = (double)(b.w[e % 4] >> 8) / 16777216.0;
    ck_assert_double_eq((double)nn_randf(seed, 7, 8, 9, e), want);
    ck_assert_double_eq(nn_rand(seed, 7, 8, 9, e), want);
  }
}
END_TEST

START_TEST(normals_are_r_cos_t_and_r_sin_t_of_a_pair_of_words) {
  const double pi = 3.14159265358979323846;
  double sum = 0, squares = 0;
  for (uint32_t e = 0; e < ELEMENTS; e++) {
    nn_words b = nn_philox(seed, e / 4, 1, 2, 3);
    double ka = b.w[e % 4 & 2u] >> 8, kb = b.w[(e % 4 & 2u) + 1] >> 8;
    double r = sqrt(-2 * log((ka + 1) / 16777216.0)), t = 2 * pi * kb / 16777216.0;
    double want = r * (e % 2 ? sin(t) : cos(t));
    ck_assert_double_eq_tol(nn_randn(seed, 1, 2, 3, e), want, 1e-14);
    ck_assert_double_eq_tol((double)nn_randnf(seed, 1, 2, 3, e), want, 4e-7);
    sum += want;
    squares += want * want;
  }
  ck_assert_double_eq_tol(sum / ELEMENTS, 0, 0.05);
  ck_assert_double_eq_tol(squares / ELEMENTS, 1, 0.1);
}
END_TEST

// Quadrants are counted in integers: no angle of the 2^24 may land in the wrong one.
START_TEST(every_quadrant_boundary_has_the_right_sign) {
  for (uint32_t k = 0; k < 1u << 24; k += k % (1u << 21) < 3 || k % (1u << 21) > (1u << 21) - 3 ? 1 : 1021) {
    double t = 2 * 3.14159265358979323846 * k / 16777216.0, r = sqrt(-2 * log(0.5));
    ck_assert_double_eq_tol(nn_normal(0x7fffff00u, k << 8, 0), r * cos(t), 1e-14);
    ck_assert_double_eq_tol(nn_normal(0x7fffff00u, k << 8, 1), r * sin(t), 1e-14);
    ck_assert_double_eq_tol((double)nn_normalf(0x7fffff00u, k << 8, 1), r * sin(t), 2e-7);
  }
}
END_TEST

START_TEST(the_extreme_words_give_finite_normals) {
  ck_assert_float_eq(nn_normalf(0xffffffffu, 0, 0), 0);
  ck_assert_double_eq_tol((double)nn_normalf(0, 0, 0), 5.768109, 1e-5); // sqrt(-2 ln 2^-24)
}
END_TEST

START_TEST(blocks_of_four_are_the_same_values) {
  float f[4];
  double d[4];
  for (uint32_t block = 0; block < 100; block++)
    for (uint32_t i = 0; i < 4; i++) {
      nn_rand4f(seed, 1, 2, 3, block, f);
      ck_assert_float_eq(f[i], nn_randf(seed, 1, 2, 3, 4 * block + i));
      nn_randn4f(seed, 1, 2, 3, block, f);
      ck_assert_float_eq(f[i], nn_randnf(seed, 1, 2, 3, 4 * block + i));
      nn_rand4(seed, 1, 2, 3, block, d);
      ck_assert_double_eq(d[i], nn_rand(seed, 1, 2, 3, 4 * block + i));
      nn_randn4(seed, 1, 2, 3, block, d);
      ck_assert_double_eq(d[i], nn_randn(seed, 1, 2, 3, 4 * block + i));
    }
}
END_TEST

START_TEST(the_double_of_data_takes_words_1_and_0) {
  nn_words b = nn_philox(5, 4, 3, 2, 1);
  uint64_t w = (uint64_t)b.w[1] << 32 | b.w[0];
  ck_assert_double_eq(nn_philox_double(5, 4, 3, 2, 1), ldexp((double)(w >> 11), -53));
}
END_TEST

int main(void) {
  Suite *s = suite_create("random");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 60);
  tcase_add_test(t, philox_gives_the_published_vectors);
  tcase_add_test(t, fnv1a_gives_the_published_vectors);
  tcase_add_test(t, element_e_takes_word_e_mod_4_of_block_e_over_4);
  tcase_add_test(t, normals_are_r_cos_t_and_r_sin_t_of_a_pair_of_words);
  tcase_add_test(t, every_quadrant_boundary_has_the_right_sign);
  tcase_add_test(t, the_extreme_words_give_finite_normals);
  tcase_add_test(t, blocks_of_four_are_the_same_values);
  tcase_add_test(t, the_double_of_data_takes_words_1_and_0);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
