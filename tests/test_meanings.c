// The meanings of ops.def over runtime/core's functions, as emitted programs use them, against the same
// reference values as the interpreter. FMA is left out: it is fused only where the target fuses.
#include "ops_table.h"
#include "nn_math.h"

#include <check.h>
#include <inttypes.h>

#define EXP(a) nn_exp(a)
#define LOG(a) nn_log(a)
#define LOG1P(a) nn_log1p(a)
#define EXPM1(a) nn_expm1(a)
#define SQRT(a) sqrt(a)
#define TANH(a) nn_tanh(a)
#define SIGMOID(a) nn_sigmoid(a)
#define ERF(a) nn_erf(a)
#define SIN(a) nn_sin(a)
#define COS(a) nn_cos(a)
#define POW(a, b) nn_pow(a, b)
#define FABS(a) fabs(a)
#define FSIGN(a) nn_sign(a)
#define FLOOR(a) floor(a)
#define ROUND(a) nn_round(a)
#define FLOORDIV(a, b) nn_floordiv(a, b)
#define MOD(a, b) nn_mod(a, b)
#define FMAX(a, b) nn_max(a, b)
#define FMIN(a, b) nn_min(a, b)
#define FMA(a, b, c) nn_fma(a, b, c)
#define SEL(a, b, c) nn_sel((a) != 0, b, c)
#define NONE 0

#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN)                                              \
  static double real_##ID(double a, double b, double c) {                                                    \
    (void)a, (void)b, (void)c;                                                                               \
    return MF;                                                                                               \
  }
#include "ir/ops.def"
#undef OP

static double (*const meanings[OP_COUNT])(double, double, double) = {
#define OP(ID, name, arity, KIND, SHAPE, MF, MI, DERIV, DOMAIN) real_##ID,
#include "ir/ops.def"
#undef OP
};

static double as_double(const OpTensor *x) {
  if (!x->v) return 0;
  return dtype_is_real(x->t) ? x->v->f : (double)x->v->i;
}

START_TEST(the_core_gives_the_values_of_the_table) {
  Arena *arena = arena_new();
  OpTable table = read_ops_table(arena);
  uint32_t compared = 0;
  for (size_t i = 0; i < table.cases.len; i++) {
    const OpCase *c = &table.cases.data[i];
    bool real = c->n_in && c->in[c->op == OP_SELECT].t == DT_F64;
    if (!op_is_scalar(c->op) || !real || c->op == OP_FMA || c->op == OP_CAST) continue;
    double got = meanings[c->op](as_double(&c->in[0]), as_double(&c->in[1]), as_double(&c->in[2]));
    ck_assert_msg(within(got, as_double(&c->out), c->ulps), "ops.txt:%d: %s(%g, %g) is %.17g, not %.17g",
                  c->line, op_name(c->op), as_double(&c->in[0]), as_double(&c->in[1]), got,
                  as_double(&c->out));
    compared++;
  }
  ck_assert_uint_gt(compared, 1000);
  arena_free(arena);
}
END_TEST

int main(void) {
  Suite *s = suite_create("meanings");
  TCase *t = tcase_create("meanings");
  tcase_add_test(t, the_core_gives_the_values_of_the_table);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
