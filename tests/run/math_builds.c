// Prints, per function of runtime/core, the largest error and a hash of all results: math_builds.sh compiles
// it in many ways and compares. Arguments: the table of f64 values, the stride through the floats.
#include "../math_ulp.h"

#include "nn_dot.h"
#include "nn_linalg.h"
#include "nn_optim.h"
#include "nn_random.h"
#include "nn_rows.h"

static int report(const char *name, const char *type, Worst w) {
  printf("%-8s %s %016llx\n", name, type, (unsigned long long)w.hash);
  if (w.ulp > 2) fprintf(stderr, "%s %s: %g ulp at %a %a\n", name, type, w.ulp, w.x, w.y);
  return w.ulp > 2;
}

static Worst normals(void) {
  Worst w = {0, 0, 0, UINT64_C(0xcbf29ce484222325)};
  for (uint32_t e = 0; e < 100000; e++) {
    worst_hash(&w, nn_bits_f32(nn_randnf(1, 2, 3, 4, e)));
    worst_hash(&w, nn_bits_f64(nn_randn(1, 2, 3, 4, e)));
  }
  return w;
}

// Twenty steps of Adam with everything on.
static Worst adam(void) {
  static float w[1000], g[1000], m[1000], v[1000];
  Worst out = {0, 0, 0, UINT64_C(0xcbf29ce484222325)};
  int32_t count = 0;
  nn_ctx c = {0};
  nn_span_f32 p = {w, g, {m, v}, &count, 1000, 0.5f, 2};
  nn_adam h = {0.01, 0.9, 0.999, 1e-8, 0.1, 0.5};
  for (uint32_t step = 0; step < 20; step++) {
    for (uint32_t i = 0; i < 1000; i++) g[i] = nn_randnf(5, 0, step, 7, i);
    nn_adam_step_f32(&c, &p, 1, &h);
  }
  for (uint32_t i = 0; i < 1000; i++) worst_hash(&out, nn_bits_f32(w[i]));
  return out;
}

// The factor of a Gram matrix, a system with it from below and from above, and the running sums of the
// solution.
static Worst linalg(void) {
  enum { N = 37 };
  static float g[N][N], a[N][N], x[N], sums[N];
  static double b[N][N], y[N];
  Worst out = {0, 0, 0, UINT64_C(0xcbf29ce484222325)};
  for (uint32_t i = 0; i < N * N; i++) g[i / N][i % N] = nn_randnf(6, 0, 0, 8, i);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      for (int k = 0; k < N; k++) a[i][j] = nn_fmaf(g[i][k], g[j][k], a[i][j]);
      b[i][j] = (double)a[i][j];
    }
  nn_cholesky_f32(a[0], N, 1, a[0], N, 1, N);
  nn_cholesky_f64(b[0], N, 1, b[0], N, 1, N);
  nn_lower_solve_f32(x, 1, a[0], N, 1, g[0], N, N);
  nn_upper_solve_f64(y, 1, b[0], 1, N, b[N - 1], 1, N);
  nn_cumsum_f32(sums, 1, x, 1, N);
  for (int i = 0; i < N; i++) worst_hash(&out, nn_bits_f32(sums[i])), worst_hash(&out, nn_bits_f64(y[i]));
  return out;
}

int main(int argc, char **argv) {
  Worst worst[N_FUNCTIONS_F64];
  size_t count;
  int bad = 0;
  if (argc < 3 || !table_f64(argv[1], worst, &count)) return 2;
  for (int i = 0; i < N_FUNCTIONS_F32; i++)
    bad |= report(functions_f32[i].name, "f32",
                  sweep_f32(&functions_f32[i], (uint32_t)strtoul(argv[2], NULL, 10)));
  for (int i = 0; i < N_FUNCTIONS_F64; i++) bad |= report(functions_f64[i].name, "f64", worst[i]);
  bad |= report("pow", "f32", table_powf(argv[1]));
  report("randn", "all", normals());
  report("adam", "f32", adam());
  report("linalg", "all", linalg());
  return bad;
}
