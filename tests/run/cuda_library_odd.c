/* What only the CUDA library of library_odd.nn has: faults of calls that were queued, errors of CUDA. Its argument is a
   status that init must give, where the stand-in was told to fail. */
#include "odd.h"
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define CHECK(x) do { if (!(x)) { printf("FAIL line %d: %s\n", __LINE__, #x); bad = 1; } } while (0)

static int bad;
static void *taken[16];
static int n_taken;

static void *device(const void *from, size_t bytes) {
  void *p = NULL;
  CHECK(cudaMalloc(&p, bytes) == cudaSuccess);
  if (from) CHECK(cudaMemcpy(p, from, bytes, cudaMemcpyHostToDevice) == cudaSuccess);
  return taken[n_taken++] = p;
}

static void fetch(void *to, const void *from, size_t bytes) {
  CHECK(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost) == cudaSuccess);
}

static void faults(q *m, q_stream s) {
  const int32_t good[2] = {4, 0}, wrong[2] = {0, 5}, label[3] = {0, 1, 2};
  const float x[6] = {0, 1, 1, 0, 1, 1}, large[6] = {1e38f, 1e38f, 3e38f, 0, 1, 1}, poison[4] = {42, 42, 42, 42};
  int32_t *ids = device(good, sizeof good), *out = device(wrong, sizeof wrong), *y_of = device(label, sizeof label);
  float *a = device(poison, sizeof poison), *b = device(poison, sizeof poison), *in = device(x, sizeof x), *far = device(large, sizeof large), got[4];
  q_fit_step_report *r = device(NULL, sizeof *r), report;
  unsigned char file[4096];
  int i;
  CHECK(q_init_on(m, m->arena, m->bytes, 1, s) == Q_OK && q_save(m, file, sizeof file) == Q_OK);
  /* What comes after a fault in the queue computes nothing, and the object keeps the fault. */
  CHECK(q_arena_on(m, s, 2, ids, a) == Q_OK && q_arena_on(m, s, 2, out, a) == Q_OK && q_arena_on(m, s, 2, ids, b) == Q_OK);
  CHECK(m->status == 0 && q_finish(m, s) == Q_BAD_INDEX && m->status == Q_BAD_INDEX && m->value == 5 && m->bound == 5);
  fetch(got, b, sizeof got);
  CHECK(memcmp(got, poison, sizeof got) == 0);
  CHECK(q_finish(m, s) == Q_BAD_INDEX && q_arena_on(m, s, 2, ids, b) == Q_BAD_INDEX && q_save(m, file, sizeof file) == Q_BAD_INDEX);
  CHECK(m->error == 0 && *q_error_text(m) == 0);
  CHECK(q_load(m, file, q_save_bytes()) == Q_OK && q_arena_on(m, s, 2, ids, b) == Q_OK && q_finish(m, s) == Q_OK);
  fetch(got, b, sizeof got);
  CHECK(memcmp(got, poison, sizeof got) != 0);
  /* A fault that is still on the device is found by save, which keeps nothing, and by what takes the host's arrays. */
  CHECK(q_arena_on(m, s, 2, out, a) == Q_OK && q_save(m, file, sizeof file) == Q_BAD_INDEX && m->status == 0);
  CHECK(q_arena(m, 2, good, got) == Q_BAD_INDEX && m->status == Q_BAD_INDEX);
  /* Steps run ahead; a loss that is not finite stops them. */
  CHECK(q_load(m, file, q_save_bytes()) == Q_OK);
  for (i = 0; i < 2; i++) CHECK(q_fit_step_on(m, s, 3, in, y_of, r) == Q_OK);
  CHECK(q_finish(m, s) == Q_OK);
  fetch(&report, r, sizeof report);
  CHECK((int)report.at == 1);
  for (i = 0; i < 4; i++) CHECK(q_fit_step_on(m, s, 3, far, y_of, r) == Q_OK);
  CHECK(q_finish(m, s) == Q_NOT_FINITE && q_fit_step_on(m, s, 3, in, y_of, r) == Q_NOT_FINITE && m->place == UINT32_MAX);
  CHECK(q_init_on(m, m->arena, m->bytes, 1, s) == Q_OK && q_arena_on(m, s, 2, ids, b) == Q_OK && q_finish(m, s) == Q_OK);
  CHECK(q_init(m, m->arena, m->bytes, 1) == Q_OK);
}

/* What is put on a stream that a graph captures runs when the graph does. */
static void captured(q *m, cudaStream_t s) {
  const int32_t id[2][2] = {{4, 0}, {1, 2}};
  int32_t *ids = device(id[0], sizeof id[0]);
  float *y = device(NULL, 4 * sizeof *y), want[4], got[4];
  cudaGraph_t graph = NULL;
  cudaGraphExec_t exec = NULL;
  int i;
  CHECK(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed) == cudaSuccess);
  CHECK(q_arena_on(m, s, 2, ids, y) == Q_OK);
  CHECK(cudaStreamEndCapture(s, &graph) == cudaSuccess && cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess);
  for (i = 0; i < 2; i++) {
    CHECK(cudaMemcpy(ids, id[i], sizeof id[i], cudaMemcpyHostToDevice) == cudaSuccess);
    CHECK(cudaGraphLaunch(exec, s) == cudaSuccess && q_finish(m, s) == Q_OK && q_arena(m, 2, id[i], want) == Q_OK);
    fetch(got, y, sizeof got);
    CHECK(memcmp(got, want, sizeof got) == 0);
  }
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess && cudaGraphDestroy(graph) == cudaSuccess);
}

/* An error that the caller did not ask for is not taken for one of the library's, and not taken away. */
static void pending(q *m) {
  q before = *m;
  float y[4] = {0};
  const int32_t ids[2] = {0, 1};
  unsigned char file[4096];
  CHECK(cudaSetDevice(99) == cudaErrorInvalidDevice);
  CHECK(q_arena(m, 2, ids, y) == Q_PENDING_ERROR && q_arena_on(m, NULL, 2, ids, y) == Q_PENDING_ERROR);
  CHECK(q_finish(m, NULL) == Q_PENDING_ERROR && q_save(m, file, sizeof file) == Q_PENDING_ERROR);
  CHECK(q_init(m, m->arena, m->bytes, 1) == Q_PENDING_ERROR && y[0] == 0);
  CHECK(memcmp(&before, m, sizeof before) == 0);
  CHECK(cudaGetLastError() == cudaErrorInvalidDevice && q_arena(m, 2, ids, y) == Q_OK);
}

static int status_named(const char *name) {
  static const struct {
    const char *name;
    int status;
  } all[] = {{"no_device", Q_NO_DEVICE}, {"other_device", Q_OTHER_DEVICE}, {"cuda_failed", Q_CUDA_FAILED}};
  size_t i;
  for (i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].name, name) == 0) return all[i].status;
  return -1;
}

int main(int argc, char **argv) {
  static q m;
  cudaStream_t s = NULL;
  int i, want = argc > 1 ? status_named(argv[1]) : Q_OK;
  void *arena = device(NULL, Q_ARENA_BYTES);
  CHECK(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking) == cudaSuccess);
  CHECK((int)q_init(&m, arena, Q_ARENA_BYTES, 1) == want && m.status == want);
  if (want) printf("%s: %s: %s\n", q_status_text((q_status)m.status), m.failed, q_error_text(&m));
  if (!want) faults(&m, s);
  if (!want) captured(&m, s);
  if (!want) pending(&m);
  CHECK(cudaStreamDestroy(s) == cudaSuccess);
  for (i = 0; i < n_taken; i++) CHECK(cudaFree(taken[i]) == cudaSuccess);
  return bad;
}
