// Kernels as the compiler writes them, right ones and ones with a planted mistake: run/cuda_harness.sh runs
// each by its name in every order. Exit codes: 0 the numbers are right, 1 they are wrong; the harness's own
// is 99.
#include "nn_cuda.h"

#include <cstdio>
#include <cstring>
#include <vector>

enum Fault {
  NONE,
  NO_BARRIER,
  NO_LAST_BARRIER,
  PART_OF_THREADS,
  EARLY_RETURN,
  TWO_PLACES,
  READ_OVER,
  WRITE_OVER,
  READ_BELOW,
  PLAIN_OVER,
  OTHER_BLOCK
};

struct map_args {
  NN_PTR(const float) x;
  NN_PTR(float) y;
  ptrdiff_t n;
};

static __device__ float first_of(const float *p) { return p[0]; }

template <int fault> static __global__ void map(const map_args a) {
  ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (fault == READ_OVER) {
    if (i < a.n) a.y[i] = 2 * a.x[i] + 0 * a.x[i + 1];
  } else if (fault == READ_BELOW) {
    if (i < a.n) a.y[i] = 2 * a.x[i] + 0 * a.x[i - 1];
  } else if (fault == WRITE_OVER) {
    a.y[i] = i < a.n ? 2 * a.x[i] : 0;
  } else if (fault == PLAIN_OVER) {
    if (i <= a.n) a.y[i < a.n ? i : 0] = 2 * first_of(a.x + i);
  } else if (fault == OTHER_BLOCK) { // right in one order of blocks only
    if (i < a.n)
      a.y[i] = i < (ptrdiff_t)blockDim.x ? 2 * a.x[i] : a.y[i - blockDim.x] + 2 * (float)blockDim.x;
  } else {
    if (i < a.n) a.y[i] = 2 * first_of(&a.x[i]);
  }
}

// Sums of blocks of 64.
template <int fault> static __global__ void reduce(const map_args a) {
  __shared__ float part[64];
  unsigned t = threadIdx.x;
  ptrdiff_t i = (ptrdiff_t)blockIdx.x * 64 + t;
  if (fault == EARLY_RETURN && i >= a.n) return;
  part[t] = i < a.n ? a.x[i] : 0;
  if (fault != NO_BARRIER) __syncthreads();
  for (unsigned half = 32; half > 0; half /= 2) {
    if (t < half) part[t] += part[t + half];
    if (fault == PART_OF_THREADS) {
      if (t < half) __syncthreads();
    } else if (fault == TWO_PLACES) {
      if (t < half) {
        __syncthreads();
      } else {
        __syncthreads();
      }
    } else if (fault != NO_LAST_BARRIER) {
      __syncthreads();
    }
  }
  if (t == 0) a.y[blockIdx.x] = part[0];
}

// A shared array that is read before anything is written to it.
static __global__ void unwritten(const map_args a) {
  __shared__ float part[64];
  if (a.n < 0) part[threadIdx.x] = 1;
  ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < a.n) a.y[i] = 2 * a.x[i] + 0 * part[threadIdx.x % 64];
}
static __global__ void never_written(const map_args a) {
  __shared__ float part[64];
  ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < a.n) a.y[i] = 2 * a.x[i] + 0 * part[threadIdx.x % 64];
}

// What the first block writes is there for it alone, even where the others find the same memory. The array
// has more than two pages, so that what is used of it does not lie in the section's last page.
static __global__ void first_block_only(const map_args a) {
  __shared__ float two[2112];
  if (blockIdx.x == 0) two[threadIdx.x] = 2;
  __syncthreads();
  ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < a.n) a.y[i] = two[threadIdx.x] * a.x[i];
}

// Neighbours' sums; without the barrier right only where threads run in ascending order.
template <int fault> static __global__ void neighbours(const map_args a) {
  __shared__ float part[64];
  ptrdiff_t i = (ptrdiff_t)blockIdx.x * 64 + threadIdx.x;
  part[threadIdx.x] = a.x[i];
  if (fault != NO_BARRIER) __syncthreads();
  a.y[i] = part[threadIdx.x] + (threadIdx.x > 0 ? part[threadIdx.x - 1] : 0);
}

struct product_args {
  NN_PTR(const float) a;
  NN_PTR(const float) b;
  NN_PTR(float) c;
  int m, n, k;
};

// C[m, n] = A[m, k] B[k, n] in tiles of 16 by 16.
template <int fault> static __global__ void product(const product_args p) {
  __shared__ float a[16][17], b[16][17];
  int col = (int)threadIdx.x % 16, row = (int)threadIdx.x / 16;
  int tiles = (p.n + 15) / 16, i = (int)blockIdx.x / tiles * 16 + row, j = (int)blockIdx.x % tiles * 16 + col;
  float sum = 0;
  for (int k = 0; k < p.k; k += 16) {
    a[row][col] = i < p.m && k + col < p.k ? p.a[i * p.k + k + col] : 0;
    b[row][col] = k + row < p.k && j < p.n ? p.b[(k + row) * p.n + j] : 0;
    if (fault != NO_BARRIER) __syncthreads();
    for (int l = 0; l < 16; l++) sum += a[row][l] * b[l][col];
    if (fault != NO_LAST_BARRIER) __syncthreads();
  }
  if (i < p.m && j < p.n) p.c[i * p.n + j] = sum;
}

// Over the ends of shared arrays: what is read is multiplied by 0, what is written is behind all that is
// read.
enum Place { ROW_WRITE, ROW_READ, INNER_WRITE, INNER_READ, OUTER_WRITE, OUTER_READ };
template <int place> static __global__ void shared_over(const map_args a) {
  __shared__ float row[64], table[4][16];
  unsigned t = threadIdx.x, over = t + 1;
  ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + t;
  row[t] = table[t / 16][t % 16] = 0;
  __syncthreads();
  if (place == ROW_WRITE) row[over] = 0;
  if (place == ROW_READ) row[t] += row[over];
  if (place == INNER_WRITE) table[t / 16][over - t / 16 * 16] = 0;
  if (place == INNER_READ) row[t] += table[t / 16][over - t / 16 * 16];
  if (place == OUTER_WRITE) table[over / 16][over % 16] = 0;
  if (place == OUTER_READ) row[t] += table[over / 16][over % 16];
  __syncthreads();
  if (i < a.n) a.y[i] = 2 * a.x[i];
}

// ---- running them ----

static std::vector<float> x, y;

// Small integers: every sum is exact.
static map_args vectors(size_t n, size_t results) {
  x.resize(n);
  for (size_t i = 0; i < n; i++) x[i] = (float)i;
  y.resize(results);
  memset(y.data(), 0xFF, results * sizeof y[0]);
  return {NN_MEM(const float, x.data(), n), NN_MEM(float, y.data(), results), (ptrdiff_t)n};
}

static int wrong(size_t i, double is, double should) {
  printf("element %zu is %g and should be %g\n", i, is, should);
  return 1;
}

static int check_map() {
  for (size_t i = 0; i < y.size(); i++) {
    if (!(y[i] == 2 * x[i])) return wrong(i, y[i], 2 * x[i]);
  }
  return 0;
}

template <int fault> static int run_map() {
  map_args a = vectors(1000, 1000);
  NN_LAUNCH(map<fault>, 16, 64, 0, a);
  return check_map();
}
static int run_few() {
  map_args a = vectors(1000, 1000);
  NN_LAUNCH(map<NONE>, 15, 64, 0, a);
  return check_map();
}
static int run_many() { // where it is not refused, its first threads end the run in another way
  map_args a = vectors(1000, 1000);
  NN_LAUNCH(map<WRITE_OVER>, 0x80000000u, 64, 0, a);
  return check_map();
}
static int run_none() {
  map_args a = vectors(1, 1);
  y[0] = 2 * x[0]; // what is checked: nothing runs
  NN_LAUNCH(map<WRITE_OVER>, 0, 64, 0, a);
  return check_map();
}
static int run_large() {
  map_args a = vectors(1000, 1000);
  NN_LAUNCH(map<NONE>, 1, 1025, 0, a);
  return check_map();
}

template <int fault> static int run_reduce() {
  map_args a = vectors(1000, 16);
  for (float &v : x) v = 3;
  NN_LAUNCH(reduce<fault>, 16, 64, 0, a);
  for (size_t i = 0; i < 16; i++) {
    float sum = i < 15 ? 64 * 3 : 40 * 3;
    if (!(y[i] == sum)) return wrong(i, y[i], sum);
  }
  return 0;
}

template <int fault> static int run_neighbours() {
  map_args a = vectors(640, 640);
  NN_LAUNCH(neighbours<fault>, 10, 64, 0, a);
  for (size_t i = 0; i < 640; i++) {
    float sum = i % 64 > 0 ? (float)(2 * i - 1) : (float)i;
    if (!(y[i] == sum)) return wrong(i, y[i], sum);
  }
  return 0;
}

static int run_unwritten() {
  map_args a = vectors(1000, 1000);
  NN_LAUNCH(unwritten, 16, 64, 0, a);
  return check_map();
}
static int run_first_block_only() {
  map_args a = vectors(1000, 1000);
  NN_LAUNCH(first_block_only, 16, 64, 0, a);
  return check_map();
}
static int run_never_written() {
  map_args a = vectors(1000, 1000);
  NN_LAUNCH(never_written, 16, 64, 0, a);
  return check_map();
}

template <int fault> static int run_product() {
  const int m = 37, n = 29, k = 41;
  std::vector<float> a(m * k), b(k * n), c(m * n, -1.0f);
  for (int i = 0; i < m * k; i++) a[(size_t)i] = (float)(i * 7 % 11 - 5);
  for (int i = 0; i < k * n; i++) b[(size_t)i] = (float)(i * 5 % 13 - 6);
  product_args p = {NN_MEM(const float, a.data(), m *k),
                    NN_MEM(const float, b.data(), k *n),
                    NN_MEM(float, c.data(), m *n),
                    m,
                    n,
                    k};
  NN_LAUNCH(product<fault>, (m + 15) / 16 * ((n + 15) / 16), 256, 0, p);
  for (int i = 0; i < m * n; i++) {
    float sum = 0;
    for (int l = 0; l < k; l++) sum += a[(size_t)(i / n * k + l)] * b[(size_t)(l * n + i % n)];
    if (!(c[(size_t)i] == sum)) return wrong((size_t)i, c[(size_t)i], sum);
  }
  return 0;
}

template <int place> static int run_shared_over() {
  map_args a = vectors(64, 64);
  NN_LAUNCH(shared_over<place>, 1, 64, 0, a);
  return check_map();
}

static int run_misaligned() {
  map_args a = vectors(1000, 1000);
  a.y = NN_MEM(float, (char *)y.data() + 2, 999);
  NN_LAUNCH(map<NONE>, 16, 64, 0, a);
  return 0;
}

static const struct {
  const char *name;
  int (*run)();
} cases[] = {
    {"map", run_map<NONE>},
    {"map_read_over", run_map<READ_OVER>},
    {"map_read_below", run_map<READ_BELOW>},
    {"map_write_over", run_map<WRITE_OVER>},
    {"map_plain_over", run_map<PLAIN_OVER>},
    {"map_other_block", run_map<OTHER_BLOCK>},
    {"map_few_blocks", run_few},
    {"map_no_blocks", run_none},
    {"map_many_blocks", run_many},
    {"map_large_block", run_large},
    {"map_misaligned", run_misaligned},
    {"reduce", run_reduce<NONE>},
    {"reduce_no_barrier", run_reduce<NO_BARRIER>},
    {"reduce_no_last_barrier", run_reduce<NO_LAST_BARRIER>},
    {"reduce_part_of_threads", run_reduce<PART_OF_THREADS>},
    {"reduce_early_return", run_reduce<EARLY_RETURN>},
    {"reduce_two_places", run_reduce<TWO_PLACES>},
    {"first_block_only", run_first_block_only},
    {"neighbours", run_neighbours<NONE>},
    {"neighbours_no_barrier", run_neighbours<NO_BARRIER>},
    {"unwritten", run_unwritten},
    {"never_written", run_never_written},
    {"product", run_product<NONE>},
    {"product_no_barrier", run_product<NO_BARRIER>},
    {"product_no_last_barrier", run_product<NO_LAST_BARRIER>},
    {"shared_row_write", run_shared_over<ROW_WRITE>},
    {"shared_row_read", run_shared_over<ROW_READ>},
    {"shared_inner_write", run_shared_over<INNER_WRITE>},
    {"shared_inner_read", run_shared_over<INNER_READ>},
    {"shared_outer_write", run_shared_over<OUTER_WRITE>},
    {"shared_outer_read", run_shared_over<OUTER_READ>},
};

int main(int argc, char **argv) {
  for (auto &c : cases) {
    if (argc == 2 && strcmp(argv[1], c.name) == 0) return c.run();
  }
  fprintf(stderr, "which case?\n");
  return 2;
}
