/* The functions of library_odd.nn, called as a caller of the library would. */
#include "odd.h"
#include <stdio.h>
#include <string.h>
#define CHECK(x) do { if (!(x)) { printf("FAIL line %d: %s\n", __LINE__, #x); bad = 1; } } while (0)
static q m, other;
#ifdef DEVICE /* a CUDA library */
#include <cuda_runtime_api.h>
static unsigned char *take(void) {
  void *p = NULL;
  return cudaMalloc(&p, Q_ARENA_BYTES) == cudaSuccess ? p : NULL;
}
static void give(unsigned char *p) { cudaFree(p); }
#else
static unsigned char memory[2 * Q_ARENA_BYTES + 2 * Q_ARENA_ALIGN], *next = memory;
static unsigned char *take(void) {
  unsigned char *p = next + (Q_ARENA_ALIGN - (uintptr_t)next % Q_ARENA_ALIGN) % Q_ARENA_ALIGN;
  next = p + Q_ARENA_BYTES;
  return p;
}
static void give(unsigned char *p) { (void)p; }
#endif
int main(void) {
  unsigned char *arena = take(), *another = take(), file[4096];
  float y[10], a[2], b[2], x[6] = {0, 1, 1, 0, 1, 1}, one = 1;
  int32_t ids[2] = {4, 0}, label[3] = {0, 1, 2}, n = 0;
  int bad = 0, i;
  q_fit_step_report r;
  q_fit_epoch_report e;
  CHECK(q_init(&m, arena, Q_ARENA_BYTES, 1) == Q_OK);
  CHECK(q_arena(&m, 2, ids, y) == Q_OK);
  /* draws count their calls, and begin anew after load; another object has its own */
  CHECK(q_noise(&m, x, a) == Q_OK && q_noise(&m, x, b) == Q_OK && memcmp(a, b, sizeof a) != 0);
  CHECK(q_init(&other, another, Q_ARENA_BYTES, 1) == Q_OK);
  CHECK(q_noise(&other, x, b) == Q_OK && memcmp(a, b, sizeof a) == 0);
  /* a state is updated, saved and loaded */
  CHECK(q_count(&m, &one, &n) == Q_OK && q_count(&m, &one, &n) == Q_OK && n == 2);
  CHECK(q_save(&m, file, sizeof file) == Q_OK && q_load(&other, file, q_save_bytes()) == Q_OK);
  CHECK(q_count(&other, &one, &n) == Q_OK && n == 3);
  /* steps and epochs are counted */
  for (i = 0; i < 4; i++) {
    CHECK(q_fit_step(&m, 3, x, label, &r) == Q_OK && (int)r.double_ == 2 * (i / 2) && (int)r.at == i);
    if (i % 2) CHECK(q_fit_epoch(&m, &e) == Q_OK && e.last == e.last);
  }
  /* a fault stays until load; nothing is written by it or after it */
  ids[1] = 5;
  y[0] = 42;
  CHECK(q_arena(&m, 2, ids, y) == Q_BAD_INDEX && m.value == 5 && m.bound == 5);
  CHECK(q_save(&m, arena, 0) == Q_BAD_INDEX);
  ids[1] = 0;
  CHECK(q_arena(&m, 2, ids, y) == Q_BAD_INDEX);
  CHECK(q_load(&m, file, q_save_bytes()) == Q_OK && q_arena(&m, 2, ids, y) == Q_OK);
  label[1] = 3;
  CHECK(q_fit_step(&m, 3, x, label, &r) == Q_BAD_INDEX && m.value == 3 && m.bound == 3);
  CHECK(q_init(&m, arena, Q_ARENA_BYTES, 1) == Q_OK);
  label[1] = 1;
  x[0] = 1e38f;
  x[1] = 1e38f;
  x[2] = 3e38f;
  for (i = 0; i < 3 && q_fit_step(&m, 3, x, label, &r) == Q_OK; i++) {
  }
  CHECK(m.status == Q_NOT_FINITE && q_fit_epoch(&m, &e) == Q_NOT_FINITE);
  /* a frozen weight of another value is not taken for this one */
  CHECK(q_init(&m, arena, Q_ARENA_BYTES, 1) == Q_OK);
  for (i = (int)q_save_bytes() - 1; i >= 0 && q_load(&m, file, q_save_bytes()) == Q_OK; i--) {
    file[i] ^= 1;
    if (q_load(&m, file, q_save_bytes()) == Q_BAD_WEIGHTS) break;
    file[i] ^= 1;
  }
  CHECK(i > 0);
  give(arena);
  give(another);
  return bad;
}
