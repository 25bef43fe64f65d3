// runtime/core/nn_dot.h against the formula, bit by bit: every type, number of rows and way to the left side.
#include <check.h>
#include <stdlib.h>

#include "nn_dot.h"
#include "nn_random.h"

enum { DEPTH = 37, ROWS = 8, COLUMNS = 16, ROW = 2 * DEPTH + 3, UNREAD = 77 };
typedef enum Way { EVENLY, BY_TABLE, ONE_ROW } Way;
typedef struct Case {
  ptrdiff_t depth, rows;
  int more;
} Case;

#define T float
#define OF(name) name##_f32
#define TERM nn_fmaf
#define WHOLE 0
#include "dot_type.inc"
#undef T
#undef OF
#undef TERM
#undef WHOLE

#define T double
#define OF(name) name##_f64
#define TERM nn_fma
#define WHOLE 0
#include "dot_type.inc"
#undef T
#undef OF
#undef TERM
#undef WHOLE

#define T uint8_t
#define OF(name) name##_u8
#define TERM nn_term_u8
#define WHOLE 1
#include "dot_type.inc"
#undef T
#undef OF
#undef TERM
#undef WHOLE

#define T int8_t
#define OF(name) name##_i8
#define TERM nn_term_i8
#define WHOLE 1
#include "dot_type.inc"
#undef T
#undef OF
#undef TERM
#undef WHOLE

#define T int16_t
#define OF(name) name##_i16
#define TERM nn_term_i16
#define WHOLE 1
#include "dot_type.inc"
#undef T
#undef OF
#undef TERM
#undef WHOLE

#define T int32_t
#define OF(name) name##_i32
#define TERM nn_term_i32
#define WHOLE 1
#include "dot_type.inc"
#undef T
#undef OF
#undef TERM
#undef WHOLE

#define T int64_t
#define OF(name) name##_i64
#define TERM nn_term_i64
#define WHOLE 1
#include "dot_type.inc"
#undef T
#undef OF
#undef TERM
#undef WHOLE

START_TEST(dot_f32) { check_all_f32(); }
END_TEST
START_TEST(dot_f64) { check_all_f64(); }
END_TEST
START_TEST(dot_u8) { check_all_u8(); }
END_TEST
START_TEST(dot_i8) { check_all_i8(); }
END_TEST
START_TEST(dot_i16) { check_all_i16(); }
END_TEST
START_TEST(dot_i32) { check_all_i32(); }
END_TEST
START_TEST(dot_i64) { check_all_i64(); }
END_TEST

int main(void) {
  Suite *s = suite_create("dot");
  TCase *c = tcase_create("types");
  tcase_add_test(c, dot_f32);
  tcase_add_test(c, dot_f64);
  tcase_add_test(c, dot_u8);
  tcase_add_test(c, dot_i8);
  tcase_add_test(c, dot_i16);
  tcase_add_test(c, dot_i32);
  tcase_add_test(c, dot_i64);
  suite_add_tcase(s, c);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
