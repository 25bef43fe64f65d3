// runtime/core's mathematics against the truth: f32 against glibc's f64 functions (an ulp of f64 is nothing
// in f32), f64 against values of mpmath. NNC_LONG=1 tests all 2^32 floats.
#include <check.h>

#include "math_ulp.h"

#define TABLE PROJECT_DIR "/tests/reference/math_f64.txt"

START_TEST(f32_functions_are_within_2_ulp) {
  const Function32 *fn = &functions_f32[_i];
  const char *all = getenv("NNC_LONG");
  Worst w = sweep_f32(fn, all && strcmp(all, "1") == 0 ? 1 : 251);
  printf("  %-8s f32  max %.3f ulp at %a\n", fn->name, w.ulp, w.x);
  ck_assert_msg(w.ulp <= 2, "%sf: %g ulp at %a", fn->name, w.ulp, w.x);
}
END_TEST

START_TEST(f64_functions_are_within_2_ulp) {
  Worst worst[N_FUNCTIONS_F64];
  size_t count;
  ck_assert_msg(table_f64(TABLE, worst, &count), "can't read " TABLE);
  ck_assert_uint_ge(count, 5000);
  for (int i = 0; i < N_FUNCTIONS_F64; i++) {
    const Worst *w = &worst[i];
    printf("  %-8s f64  max %.3f ulp at %a %a\n", functions_f64[i].name, w->ulp, w->x, w->y);
    ck_assert_msg(w->ulp <= 2, "%s: %g ulp at %a %a", functions_f64[i].name, w->ulp, w->x, w->y);
    ck_assert_msg(w->ulp > 0, "%s has no line in the table", functions_f64[i].name);
  }
}
END_TEST

START_TEST(powf_is_within_2_ulp) {
  Worst w = table_powf(TABLE);
  printf("  %-8s f32  max %.3f ulp at %a %a\n", "pow", w.ulp, w.x, w.y);
  ck_assert_msg(w.ulp <= 2, "powf: %g ulp at %a %a", w.ulp, w.x, w.y);
}
END_TEST

START_TEST(max_and_min_are_nan_if_either_is) {
  ck_assert(isnan(nn_maxf(NAN, 1)) && isnan(nn_maxf(1, NAN)) && isnan(nn_minf(NAN, 1)) &&
            isnan(nn_minf(1, NAN)));
  ck_assert(isnan(nn_max(NAN, 1)) && isnan(nn_max(1, NAN)) && isnan(nn_min(NAN, 1)) && isnan(nn_min(1, NAN)));
  ck_assert(nn_maxf(1, 2) == 2 && nn_maxf(2, 1) == 2 && nn_minf(1, 2) == 1 && nn_minf(2, 1) == 1);
  ck_assert(nn_max(-INFINITY, 2) == 2 && nn_min(-INFINITY, 2) == -INFINITY);
}
END_TEST

START_TEST(round_goes_half_to_even) {
  static const float in[] = {0.5f,        1.5f,       2.5f,    -0.5f, -1.5f,
                             0.49999997f, 8388607.5f, 8388609, 1e30f, -INFINITY};
  for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
    ck_assert_uint_eq(nn_bits_f32(nn_roundf(in[i])), nn_bits_f32(rintf(in[i])));
    ck_assert_uint_eq(nn_bits_f64(nn_round((double)in[i])), nn_bits_f64(rint((double)in[i])));
  }
  ck_assert(nn_round(4503599627370495.5) == 4503599627370496.0 && isnan(nn_roundf(NAN)));
}
END_TEST

START_TEST(sign_is_zero_at_zero_and_nan_at_nan) {
  ck_assert(nn_signf(3) == 1 && nn_signf(-3) == -1 && nn_signf(-0.0f) == 0 && isnan(nn_signf(NAN)));
  ck_assert(nn_sign(INFINITY) == 1 && nn_sign(-5e-324) == -1 && nn_sign(0) == 0 && isnan(nn_sign(NAN)));
}
END_TEST

// Python: a % b, a // b
START_TEST(real_modulo_has_the_sign_of_the_divisor) {
  static const double rows[][4] = {{7, 3, 1, 2},
                                   {-7, 3, 2, -3},
                                   {7, -3, -2, -3},
                                   {-7, -3, -1, 2},
                                   {1, 0.1, 0.09999999999999995, 9},
                                   {-1, INFINITY, INFINITY, -1},
                                   {5, INFINITY, 5, 0},
                                   {6, 3, 0, 2}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ck_assert_double_eq(nn_mod(rows[i][0], rows[i][1]), rows[i][2]);
    ck_assert_double_eq(nn_floordiv(rows[i][0], rows[i][1]), rows[i][3]);
  }
  ck_assert(nn_modf(-7, 3) == 2 && nn_modf(7, -3) == -2 && nn_floordivf(-7, 3) == -3 &&
            nn_floordivf(7, 2) == 3);
  ck_assert(nn_floordivf(1, 0) == INFINITY && isnan(nn_modf(1, 0)) && isnan(nn_floordivf(0, 0)));
}
END_TEST

START_TEST(integers_wrap_and_divide_by_floor) {
  ck_assert_int_eq(nn_iadd(INT64_MAX, 1), INT64_MIN);
  ck_assert_int_eq(nn_imul(INT64_MIN, -1), INT64_MIN);
  ck_assert_int_eq(nn_iabs(INT64_MIN), INT64_MIN);
  ck_assert_int_eq(nn_ifloordiv(INT64_MIN, -1), INT64_MIN);
  ck_assert_int_eq(nn_imod(INT64_MIN, -1), 0);
  ck_assert_int_eq(nn_ifloordiv(-7, 2), -4);
  ck_assert_int_eq(nn_ifloordiv(7, -2), -4);
  ck_assert_int_eq(nn_ifloordiv(-7, -2), 3);
  ck_assert_int_eq(nn_ifloordiv(6, 2), 3);
  ck_assert_int_eq(nn_imod(-7, 2), 1);
  ck_assert_int_eq(nn_imod(7, -2), -1);
  ck_assert_int_eq(nn_imod(7, 0), 0);
  ck_assert_int_eq(nn_ifloordiv(7, 0), 0);
  ck_assert(nn_imax(2, -3) == 2 && nn_imin(2, -3) == -3 && nn_isign(-9) == -1 && nn_isign(0) == 0);
  ck_assert(nn_isel(1, 4, 5) == 4 && nn_isel(0, 4, 5) == 5 && nn_self(0, 1, 2) == 2 && nn_sel(1, 1, 2) == 1);
  ck_assert_int_eq(nn_wrap_i32(INT64_C(0x180000001)), INT32_MIN + 1);
  ck_assert_int_eq(nn_wrap_i16(32768), -32768);
  ck_assert_int_eq(nn_wrap_i8(-129), 127);
  ck_assert_int_eq(nn_wrap_u8(-1), 255);
}
END_TEST

START_TEST(casts_truncate_saturate_and_give_0_at_nan) {
  ck_assert(nn_f32_to_i32(-2.9f) == -2 && nn_f32_to_i32(3e9f) == INT32_MAX &&
            nn_f32_to_i32(-3e9f) == INT32_MIN);
  ck_assert(nn_f64_to_i32(2147483646.9) == 2147483646 && nn_f64_to_i32(2147483647.9) == INT32_MAX);
  ck_assert(nn_f64_to_i32(-2147483648.9) == INT32_MIN && nn_f64_to_i32(INFINITY) == INT32_MAX);
  ck_assert(nn_f32_to_i64(-INFINITY) == INT64_MIN && nn_f64_to_i64(9.3e18) == INT64_MAX &&
            nn_f64_to_i64(-7.7) == -7);
  ck_assert(nn_f32_to_i16(40000) == 32767 && nn_f32_to_i16(-32768.5f) == -32768 && nn_f64_to_i16(12.9) == 12);
  ck_assert(nn_f32_to_i8(127.9f) == 127 && nn_f32_to_i8(-1e9f) == -128 && nn_f64_to_i8(-3.5) == -3);
  ck_assert(nn_f32_to_u8(-0.9f) == 0 && nn_f32_to_u8(255.9f) == 255 && nn_f64_to_u8(1e300) == 255);
  ck_assert(nn_f64_to_u8(-4) == 0 && nn_f32_to_u8(200.7f) == 200);
  ck_assert(nn_f32_to_i32(NAN) == 0 && nn_f64_to_i64(NAN) == 0 && nn_f32_to_u8(NAN) == 0 &&
            nn_f64_to_i8(NAN) == 0);
}
END_TEST

START_TEST(every_f16_and_bf16_survives_the_way_through_f32) {
  for (uint32_t h = 0; h < 65536; h++) {
    float f = nn_f16_to_f32((uint16_t)h), b = nn_bf16_to_f32((uint16_t)h);
    ck_assert(isnan(f) ? isnan(nn_f16_to_f32(nn_f32_to_f16(f))) : nn_f32_to_f16(f) == h);
    ck_assert(isnan(b) ? isnan(nn_bf16_to_f32(nn_f32_to_bf16(b))) : nn_f32_to_bf16(b) == h);
  }
}
END_TEST

// Between two neighbours the middle goes to the even one, and a hair to either side decides.
START_TEST(f16_and_bf16_round_to_nearest_even_once) {
  for (uint32_t h = 0; h < 0x7bff; h++) {
    double a = nn_f16_to_f64((uint16_t)h), b = nn_f16_to_f64((uint16_t)(h + 1)), middle = (a + b) / 2;
    ck_assert_uint_eq(nn_f64_to_f16(middle), h + (h & 1));
    ck_assert_uint_eq(nn_f64_to_f16(nextafter(middle, 0)), h);
    ck_assert_uint_eq(nn_f64_to_f16(-nextafter(middle, 1e9)), 0x8000u | (h + 1));
  }
  for (uint32_t h = 0; h < 0x7f7f; h++) {
    double a = nn_bf16_to_f64((uint16_t)h), b = nn_bf16_to_f64((uint16_t)(h + 1)), middle = (a + b) / 2;
    ck_assert_uint_eq(nn_f64_to_bf16(middle), h + (h & 1));
    ck_assert_uint_eq(nn_f64_to_bf16(nextafter(middle, 0)), h);
    ck_assert_uint_eq(nn_f64_to_bf16(-nextafter(middle, INFINITY)), 0x8000u | (h + 1));
  }
  ck_assert_uint_eq(nn_f32_to_f16(65519.996f), 0x7bff);
  ck_assert_uint_eq(nn_f32_to_f16(65520), 0x7c00);
  ck_assert_uint_eq(nn_f32_to_bf16(3.4028235e38f), 0x7f80);
}
END_TEST

int main(void) {
  Suite *s = suite_create("math");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 0);
  tcase_add_loop_test(t, f32_functions_are_within_2_ulp, 0, N_FUNCTIONS_F32);
  tcase_add_test(t, f64_functions_are_within_2_ulp);
  tcase_add_test(t, powf_is_within_2_ulp);
  tcase_add_test(t, max_and_min_are_nan_if_either_is);
  tcase_add_test(t, round_goes_half_to_even);
  tcase_add_test(t, sign_is_zero_at_zero_and_nan_at_nan);
  tcase_add_test(t, real_modulo_has_the_sign_of_the_divisor);
  tcase_add_test(t, integers_wrap_and_divide_by_floor);
  tcase_add_test(t, casts_truncate_saturate_and_give_0_at_nan);
  tcase_add_test(t, every_f16_and_bf16_survives_the_way_through_f32);
  tcase_add_test(t, f16_and_bf16_round_to_nearest_even_once);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  setvbuf(stdout, NULL, _IONBF, 0);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
