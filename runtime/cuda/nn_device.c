/* Opening and closing a device: see nn_device.h. (MIT-0)
   What a user meets first when something is wrong with a machine is said here, so each case has its own text.
 */
#include "nn_device.h"

#include <stdlib.h>
#include <string.h>

/* ---- statuses */

static const struct nn_cuda_misfit { /* what the right --cuda-arch cures */
  cudaError_t status;
  const char *why;
} nn_cuda_misfits[] = {
    {cudaErrorNoKernelImageForDevice, "the program was compiled for other devices"},
    {cudaErrorInvalidDeviceFunction, "the program was compiled for other devices"},
    {cudaErrorUnsupportedPtxVersion,
     "the driver is older than the nvcc that made the program; a newer one helps, too"},
};

int nn_cuda_check(nn_cuda *d, cudaError_t status, const char *call) {
  size_t i;
  if (status == cudaSuccess) return 0;
  if (d->e->code) return d->e->code; /* only the first failure is one */
  nn_fail(d->e, NN_EXIT_SYSTEM, "%s: %s (%s)", call, cudaGetErrorString(status), cudaGetErrorName(status));
  for (i = 0; i < sizeof nn_cuda_misfits / sizeof *nn_cuda_misfits; i++)
    if (nn_cuda_misfits[i].status == status)
      nn_note(d->e, "%s: `nnc --backend=cuda --cuda-arch=sm_%d%d` makes it for this device",
              nn_cuda_misfits[i].why, d->major, d->minor);
  if (d->name[0]) nn_note(d->e, "on device %u: %s", (unsigned)d->number, d->name);
  return d->e->code;
}

/* ---- finding the device */

static int nn_cuda_no_driver(nn_cuda *d) {
  int has = 0;
  if (nn_cuda_check(d, cudaDriverGetVersion(&has), "cudaDriverGetVersion")) return d->e->code;
  if (has)
    return nn_fail(
        d->e, NN_EXIT_SYSTEM,
        "the NVIDIA driver is too old: it knows CUDA %d.%d, and this program was made with CUDA %d.%d; "
        "install a newer driver",
        has / 1000, has % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
  return nn_fail(
      d->e, NN_EXIT_SYSTEM,
      "there is no NVIDIA driver here, and this program computes on an NVIDIA device; `nnc` without "
      "--backend=cuda makes one that does without");
}

static int nn_cuda_no_device(nn_cuda *d) {
  const char *visible = getenv("CUDA_VISIBLE_DEVICES");
  nn_fail(d->e, NN_EXIT_SYSTEM, "there is no CUDA device: the NVIDIA driver finds none");
  if (visible) nn_note(d->e, "CUDA_VISIBLE_DEVICES is `%s`: only devices in it are seen", visible);
  return d->e->code;
}

static int nn_cuda_no_number(nn_cuda *d, int n) {
  struct cudaDeviceProp p;
  nn_text list;
  int i, code = 0;
  memset(&list, 0, sizeof list);
  for (i = 0; i < n && !code; i++) {
    code = nn_cuda_check(d, cudaGetDeviceProperties(&p, i), "cudaGetDeviceProperties");
    if (!code) nn_text_addf(&list, "\n  %d: %s, compute capability %d.%d", i, p.name, p.major, p.minor);
  }
  if (!code)
    nn_fail(d->e, NN_EXIT_USAGE, "--device: there is no device %llu; the devices are:%s",
            (unsigned long long)d->number, list.s ? list.s : "");
  nn_text_free(&list);
  return d->e->code;
}

/* archs: 100 * major + 10 * minor, the least first. Those after it may only be for newer devices. */
static int nn_cuda_old(nn_cuda *d) {
  int least = d->archs[0];
  if (100 * d->major + 10 * d->minor >= least) return 0;
  return nn_fail(
      d->e, NN_EXIT_SYSTEM,
      "device %u (%s, compute capability %d.%d) is too old for this program, which was compiled for %d.%d "
      "and newer; `nnc --backend=cuda --cuda-arch=sm_%d%d` makes one for it",
      (unsigned)d->number, d->name, d->major, d->minor, least / 100, least % 100 / 10, d->major, d->minor);
}

int nn_cuda_find(nn_cuda *d) {
  struct cudaDeviceProp p;
  int n = 0;
  cudaError_t status = cudaGetDeviceCount(&n);
  if (status == cudaErrorInsufficientDriver) return nn_cuda_no_driver(d);
  if (status == cudaErrorNoDevice || (status == cudaSuccess && n == 0)) return nn_cuda_no_device(d);
  if (nn_cuda_check(d, status, "cudaGetDeviceCount")) return d->e->code;
  if (d->number >= (uint64_t)n) return nn_cuda_no_number(d, n);
  if (nn_cuda_check(d, cudaGetDeviceProperties(&p, (int)d->number), "cudaGetDeviceProperties"))
    return d->e->code;
  memcpy(d->name, p.name, sizeof d->name - 1);
  d->major = p.major;
  d->minor = p.minor;
  if (nn_cuda_old(d)) return d->e->code;
  return nn_cuda_check(d, cudaSetDevice((int)d->number), "cudaSetDevice");
}

/* ---- memory */

static size_t nn_cuda_round(size_t bytes) {
  return (bytes + NN_CUDA_ALIGN - 1) / NN_CUDA_ALIGN * NN_CUDA_ALIGN;
}

size_t nn_cuda_largest(const nn_function *f) { return f->bound ? f->bound : 1; }

size_t nn_cuda_room(const nn_arg *a, int count, size_t n) {
  size_t room = 0;
  int i;
  for (i = 0; i < count; i++) room += nn_cuda_round(nn_arg_bytes(&a[i], n));
  return room;
}

size_t nn_cuda_option_bytes(const nn_model *m) { return (size_t)m->n_options * sizeof(double); }

size_t nn_cuda_control_bytes(const nn_model *m) {
  return nn_cuda_round(sizeof(nn_ctx) + nn_cuda_option_bytes(m));
}

static size_t nn_cuda_constants_room(const nn_cuda_program *p, int count) {
  size_t room = 0;
  int i;
  for (i = 0; i < count; i++) room += nn_cuda_round(p->constants[i].bytes);
  return room;
}

const void *nn_cuda_constant(const nn_cuda *d, int i) {
  return d->constants + nn_cuda_constants_room(d->p, i);
}

typedef struct nn_cuda_sizes { /* of the parts of the memory */
  size_t arena, constants, scratch, results, control, inputs, device, pinned;
} nn_cuda_sizes;

static nn_cuda_sizes nn_cuda_sizes_of(const nn_cuda *d) {
  const nn_model *m = d->m;
  nn_cuda_sizes s;
  int i;
  memset(&s, 0, sizeof s);
  for (i = 0; i < m->n_fns; i++) {
    const nn_function *f = &m->fns[i];
    size_t in = nn_cuda_room(f->in, f->n_in, nn_cuda_largest(f));
    size_t out = nn_cuda_room(f->out, f->n_out, nn_cuda_largest(f));
    if (in > s.inputs) s.inputs = in;
    if (out > s.results) s.results = out;
  }
  s.arena = nn_cuda_round(m->arena_bytes);
  s.control = nn_cuda_control_bytes(m);
  s.scratch = nn_cuda_round(NN_CUDA_SCRATCH_BYTES);
  s.constants = nn_cuda_constants_room(d->p, d->p->n_constants);
  s.device = s.arena + s.constants + s.scratch + s.results + (1 + NN_CUDA_SLOTS) * (s.control + s.inputs);
  s.pinned = NN_CUDA_SLOTS * (s.results + s.inputs + 2 * s.control);
  return s;
}

size_t nn_cuda_needs(const nn_cuda *d) { return nn_cuda_sizes_of(d).device; }

static void nn_cuda_size_text(nn_text *t, size_t bytes) {
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double x = (double)bytes;
  int i = 0;
  while (x >= 1024 && i < 4) x /= 1024, i++;
  nn_text_addf(t, i ? "%.1f %s" : "%.0f %s", x, units[i]);
}

static size_t nn_cuda_store_bytes(const nn_store *s) { return s->count * nn_types[s->dtype].size; }

/* The largest store that is smaller than, or as large and after, `last` (NULL: of all). */
static const nn_store *nn_cuda_next_largest(const nn_model *m, const nn_store *last) {
  const nn_store *best = NULL;
  int i;
  for (i = 0; i < m->n_stores; i++) {
    const nn_store *s = &m->stores[i];
    size_t bytes = nn_cuda_store_bytes(s);
    if (last && (bytes > nn_cuda_store_bytes(last) || (bytes == nn_cuda_store_bytes(last) && s <= last)))
      continue;
    if (!best || bytes > nn_cuda_store_bytes(best)) best = s;
  }
  return best;
}

static int nn_cuda_too_large(nn_cuda *d) {
  const nn_model *m = d->m;
  const nn_store *s = NULL;
  nn_shape_buf shape;
  size_t free_bytes = 0, total = 0;
  nn_text t;
  int i;
  cudaGetLastError(); /* it is told here */
  if (nn_cuda_check(d, cudaMemGetInfo(&free_bytes, &total), "cudaMemGetInfo")) return d->e->code;
  memset(&t, 0, sizeof t);
  nn_text_addf(&t, "device %u (%s) has too little memory (cudaMalloc): the model needs ", (unsigned)d->number,
               d->name);
  nn_cuda_size_text(&t, nn_cuda_needs(d));
  nn_text_addf(&t, ", ");
  nn_cuda_size_text(&t, free_bytes);
  nn_text_addf(&t, " of its ");
  nn_cuda_size_text(&t, total);
  nn_text_addf(&t, " are free. The largest tensors, and the rest:");
  for (i = 0; i < 3 && (s = nn_cuda_next_largest(m, s)) != NULL; i++) {
    nn_text_addf(&t, "\n  ");
    nn_cuda_size_text(&t, nn_cuda_store_bytes(s));
    nn_text_addf(&t, "  %s %s%s", s->name, nn_types[s->dtype].name, nn_shape_text(&shape, s->rank, s->dims));
  }
  nn_text_addf(&t, "\n  ");
  nn_cuda_size_text(&t, m->arena_bytes - nn_stores_bytes(m));
  nn_text_addf(&t, "  scratch of the functions (smaller batches need less)\n  ");
  nn_cuda_size_text(&t, nn_cuda_needs(d) - m->arena_bytes);
  nn_text_addf(&t, "  batches and results");
  nn_fail(d->e, NN_EXIT_SYSTEM, "%s", t.s ? t.s : "too little device memory");
  nn_text_free(&t);
  return d->e->code;
}

static int nn_cuda_allocate(nn_cuda *d, const nn_cuda_sizes *s) {
  cudaError_t status = cudaMalloc((void **)&d->memory, s->device);
  if (status == cudaErrorMemoryAllocation) return nn_cuda_too_large(d);
  if (nn_cuda_check(d, status, "cudaMalloc") ||
      nn_cuda_check(d, cudaMallocHost((void **)&d->pinned, s->pinned), "cudaMallocHost"))
    return d->e->code;
  memset(d->pinned, 0, s->pinned);
  return 0;
}

/* Gives the parts of the memory their names. */
static void nn_cuda_divide(nn_cuda *d, const nn_cuda_sizes *s) {
  unsigned char *at = d->memory + s->arena, *host = d->pinned;
  int i;
  d->constants = at;
  at += s->constants;
  d->scratch = at;
  at += s->scratch;
  for (i = 0; i < NN_CUDA_SLOTS; i++) {
    d->slots[i].landing = at;
    at += s->control + s->inputs;
    d->slots[i].in = host;
    host += s->control + s->inputs;
    d->slots[i].out = host;
    host += s->control + s->results;
  }
  d->control = (nn_ctx *)(void *)(at + s->results);
}

/* ---- open and close */

static int nn_cuda_streams(nn_cuda *d) {
  int i;
  if (nn_cuda_check(d, cudaStreamCreateWithFlags(&d->stream, cudaStreamNonBlocking),
                    "cudaStreamCreateWithFlags") ||
      nn_cuda_check(d, cudaStreamCreateWithFlags(&d->copies, cudaStreamNonBlocking),
                    "cudaStreamCreateWithFlags"))
    return d->e->code;
  for (i = 0; i < NN_CUDA_SLOTS; i++)
    if (nn_cuda_check(d, cudaEventCreateWithFlags(&d->slots[i].sent, cudaEventDisableTiming),
                      "cudaEventCreateWithFlags") ||
        nn_cuda_check(d, cudaEventCreateWithFlags(&d->slots[i].done, cudaEventDisableTiming),
                      "cudaEventCreateWithFlags"))
      return d->e->code;
  return 0;
}

static int nn_cuda_send_constants(nn_cuda *d) {
  int i;
  if (!d->p->n_constants) return 0;
  for (i = 0; i < d->p->n_constants; i++) {
    const nn_cuda_array *c = &d->p->constants[i];
    unsigned char *to = d->constants + nn_cuda_constants_room(d->p, i);
    if (nn_cuda_check(d, cudaMemcpyAsync(to, c->data, c->bytes, cudaMemcpyHostToDevice, d->stream),
                      "cudaMemcpyAsync"))
      return d->e->code;
  }
  return nn_cuda_check(d, cudaStreamSynchronize(d->stream), "cudaStreamSynchronize");
}

static size_t nn_cuda_most_args(const nn_model *m) {
  int i, most = 0;
  for (i = 0; i < m->n_fns; i++)
    if (m->fns[i].n_in + m->fns[i].n_out > most) most = m->fns[i].n_in + m->fns[i].n_out;
  return (size_t)most;
}

int nn_cuda_open(void *user, struct nn_err *e) {
  nn_cuda *d = (nn_cuda *)user;
  nn_cuda_sizes sizes = nn_cuda_sizes_of(d);
  d->e = e;
  d->args = (void **)nn_alloc(nn_cuda_most_args(d->m), sizeof *d->args);
  if (!d->args) return nn_fail_memory(e);
  if (nn_cuda_find(d) || nn_cuda_allocate(d, &sizes)) return e->code;
  nn_cuda_divide(d, &sizes);
  if (nn_cuda_streams(d) || nn_cuda_time_open(d)) return e->code;
  return nn_cuda_send_constants(d);
}

static void nn_cuda_close_slot(nn_cuda *d, nn_cuda_slot *s) {
  if (s->sent) nn_cuda_check(d, cudaEventDestroy(s->sent), "cudaEventDestroy");
  if (s->done) nn_cuda_check(d, cudaEventDestroy(s->done), "cudaEventDestroy");
  if (s->first) nn_cuda_check(d, cudaEventDestroy(s->first), "cudaEventDestroy");
  if (s->last) nn_cuda_check(d, cudaEventDestroy(s->last), "cudaEventDestroy");
  memset(s, 0, sizeof *s);
}

static void nn_cuda_close_stream(nn_cuda *d, cudaStream_t *s) {
  if (!*s) return;
  nn_cuda_check(d, cudaStreamSynchronize(*s), "cudaStreamSynchronize");
  nn_cuda_check(d, cudaStreamDestroy(*s), "cudaStreamDestroy");
  *s = NULL;
}

/* Nothing is at work once the streams are closed, whatever was when a call failed. */
void nn_cuda_close(void *user) {
  nn_cuda *d = (nn_cuda *)user;
  size_t i;
  if (!d->e) return;
  nn_cuda_close_stream(d, &d->copies);
  nn_cuda_close_stream(d, &d->stream);
  for (i = 0; i < d->n_graphs; i++)
    nn_cuda_check(d, cudaGraphExecDestroy(d->graphs[i].exec), "cudaGraphExecDestroy");
  for (i = 0; i < NN_CUDA_SLOTS; i++) nn_cuda_close_slot(d, &d->slots[i]);
  if (d->pinned) nn_cuda_check(d, cudaFreeHost(d->pinned), "cudaFreeHost");
  if (d->memory) nn_cuda_check(d, cudaFree(d->memory), "cudaFree");
  nn_cuda_time_close(d);
  free(d->graphs);
  free(d->args);
  d->pinned = d->memory = NULL;
  d->graphs = NULL;
  d->args = NULL;
  d->n_graphs = d->graphs_room = 0;
  d->begun = d->ended = 0;
}
