/* A stand-in for the CUDA runtime library: counts, records and fails calls, keeps device memory out of the
   host's reach, and runs what is queued on streams as late as it may. README.md says what it finds and its
   settings.

   Two kinds of trouble: what a machine may do to a program (no memory, no device, a call that fails) is
   returned as an error; what only a wrong program does (a copy in the wrong direction, a pointer freed twice)
   ends the run with a message and exit code 99.

   Long: each of CUDA's calls is a function here, and all of them share the one record of what is alive. */
#define _GNU_SOURCE
#include "runtime_standin.h"

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- calls: their number, their record, their failing ---- */

/* Every call that can fail, and the error it fails with where NN_STANDIN_ERROR names none. */
#define CALLS(X)                                                                                             \
  X(cudaDriverGetVersion, cudaErrorUnknown)                                                                  \
  X(cudaRuntimeGetVersion, cudaErrorUnknown)                                                                 \
  X(cudaGetDeviceCount, cudaErrorInitializationError)                                                        \
  X(cudaSetDevice, cudaErrorDevicesUnavailable)                                                              \
  X(cudaGetDeviceProperties, cudaErrorUnknown)                                                               \
  X(cudaDeviceSynchronize, cudaErrorLaunchFailure)                                                           \
  X(cudaMemGetInfo, cudaErrorUnknown)                                                                        \
  X(cudaMalloc, cudaErrorMemoryAllocation)                                                                   \
  X(cudaFree, cudaErrorUnknown)                                                                              \
  X(cudaMallocHost, cudaErrorMemoryAllocation)                                                               \
  X(cudaFreeHost, cudaErrorUnknown)                                                                          \
  X(cudaMemcpy, cudaErrorECCUncorrectable)                                                                   \
  X(cudaMemcpyAsync, cudaErrorUnknown)                                                                       \
  X(cudaMemset, cudaErrorUnknown)                                                                            \
  X(cudaMemsetAsync, cudaErrorUnknown)                                                                       \
  X(cudaStreamCreateWithFlags, cudaErrorMemoryAllocation)                                                    \
  X(cudaStreamDestroy, cudaErrorUnknown)                                                                     \
  X(cudaStreamSynchronize, cudaErrorLaunchFailure)                                                           \
  X(cudaStreamWaitEvent, cudaErrorUnknown)                                                                   \
  X(cudaEventCreateWithFlags, cudaErrorMemoryAllocation)                                                     \
  X(cudaEventRecord, cudaErrorUnknown)                                                                       \
  X(cudaEventSynchronize, cudaErrorLaunchFailure)                                                            \
  X(cudaEventElapsedTime, cudaErrorUnknown)                                                                  \
  X(cudaEventDestroy, cudaErrorUnknown)                                                                      \
  X(cudaStreamBeginCapture, cudaErrorUnknown)                                                                \
  X(cudaStreamEndCapture, cudaErrorUnknown)                                                                  \
  X(cudaGraphInstantiate, cudaErrorMemoryAllocation)                                                         \
  X(cudaGraphLaunch, cudaErrorUnknown)                                                                       \
  X(cudaGraphExecDestroy, cudaErrorUnknown)                                                                  \
  X(cudaGraphDestroy, cudaErrorUnknown)                                                                      \
  X(cudaLaunchKernel, cudaErrorLaunchOutOfResources)

typedef enum Call {
#define X(name, error) CALL_##name,
  CALLS(X)
#undef X
      N_CALLS
} Call;

static const struct {
  const char *name;
  cudaError_t error;
} calls[N_CALLS] = {
#define X(name, error) {#name, error},
    CALLS(X)
#undef X
};

static const struct {
  const char *name;
  cudaError_t error;
  const char *text;
} errors[] = {
#define X(name, number, text) {#name, name, text},
    NN_STANDIN_ERRORS(X)
#undef X
};
enum { N_ERRORS = sizeof errors / sizeof errors[0] };

/* When queued work runs: when something waits for it, at once, or at any time between. */
typedef enum Pace { LATE, EARLY, RANDOM, N_PACES } Pace;
/* Of the streams with even numbers (the default one is number 0) and of the others. */
static const struct {
  const char *name;
  Pace pace[2];
} schedules[] = {
    {"late", {LATE, LATE}},
    {"early", {EARLY, EARLY}},
    {"even", {EARLY, LATE}},
    {"odd", {LATE, EARLY}},
};

static struct {
  int ready;
  unsigned n_calls, n_of[N_CALLS];
  cudaError_t last, sticky;
  int failed; /* a failure was asked for, and has been given */
  /* settings */
  unsigned fail_at;       /* the how manyth call fails, 0: none */
  int fail_call;          /* counting this one only, -1: every one */
  cudaError_t fail_error; /* cudaSuccess: calls[].error */
  cudaError_t absent;     /* what every call returns where there is no driver or no device */
  int driver;             /* version */
  int devices, arch;
  size_t memory; /* bytes of device memory, and how many are in use */
  size_t used;
  Pace pace[2]; /* as in `schedules`; RANDOM: each stream draws its own */
  uint64_t random;
  FILE *log;
  struct sigaction next; /* who handles other faults */
} si;

static _Noreturn void misuse(const char *format, ...) {
  va_list args;
  fflush(stdout);
  fprintf(stderr, "stand-in: error: call %u: ", si.n_calls);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, "\n");
  _exit(99);
}

static _Noreturn void bad_setting(const char *name, const char *value) {
  fprintf(stderr, "stand-in: %s=%s is not one of its values: tests/cuda/README.md\n", name, value);
  _exit(99);
}

static void *need(void *p) {
  if (!p) misuse("the host has no memory left");
  return p;
}

/* NN_STANDIN_FAIL=N, NAME or NAME:N */
static void set_fail(const char *text) {
  const char *number = text;
  char *end;
  si.fail_call = -1;
  for (int i = 0; i < N_CALLS; i++) {
    size_t n = strlen(calls[i].name);
    if (strncmp(text, calls[i].name, n) == 0 && (text[n] == ':' || !text[n])) {
      si.fail_call = i;
      number = text[n] ? text + n + 1 : "1";
    }
  }
  si.fail_at = (unsigned)strtoul(number, &end, 10);
  if (*end || end == number) bad_setting("NN_STANDIN_FAIL", text);
}

/* NN_STANDIN_ERROR=name or number */
static void set_error(const char *text) {
  for (int i = 0; i < N_ERRORS; i++) {
    if (strcmp(text, errors[i].name) == 0 || atoi(text) == (int)errors[i].error)
      si.fail_error = errors[i].error;
  }
  if (si.fail_error == cudaSuccess) bad_setting("NN_STANDIN_ERROR", text);
}

/* NN_STANDIN_DEVICES=count, none, no-driver or old-driver */
static void set_devices(const char *text) {
  if (strcmp(text, "none") == 0) {
    si.absent = cudaErrorNoDevice;
  } else if (strcmp(text, "no-driver") == 0) {
    si.absent = cudaErrorInsufficientDriver;
    si.driver = 0; /* so CUDA says it, without an error */
  } else if (strcmp(text, "old-driver") == 0) {
    si.absent = cudaErrorInsufficientDriver;
    si.driver = 11040;
  } else if ((si.devices = atoi(text)) < 1) {
    bad_setting("NN_STANDIN_DEVICES", text);
  }
}

/* NN_STANDIN_SCHEDULE=late, early, even, odd or a seed */
static void set_schedule(const char *text) {
  char *end;
  for (size_t i = 0; i < sizeof schedules / sizeof schedules[0]; i++) {
    if (strcmp(text, schedules[i].name) != 0) continue;
    memcpy(si.pace, schedules[i].pace, sizeof si.pace);
    return;
  }
  si.pace[0] = si.pace[1] = RANDOM;
  si.random = strtoull(text, &end, 10);
  if (*end || end == text) bad_setting("NN_STANDIN_SCHEDULE", text);
}

static void set_arch(const char *text) {
  if ((si.arch = atoi(text)) < 10) bad_setting("NN_STANDIN_ARCH", text);
}

static void set_memory(const char *text) {
  char *end;
  si.memory = strtoull(text, &end, 10);
  if (*end || end == text) bad_setting("NN_STANDIN_MEMORY", text);
}

static void set_log(const char *text) {
  si.log = fopen(text, "w");
  if (!si.log) bad_setting("NN_STANDIN_LOG", text);
  setvbuf(si.log, NULL, _IOLBF, 0);
}

static const struct {
  const char *name;
  void (*set)(const char *text);
} settings[] = {
    {"NN_STANDIN_FAIL", set_fail},       {"NN_STANDIN_ERROR", set_error},
    {"NN_STANDIN_DEVICES", set_devices}, {"NN_STANDIN_SCHEDULE", set_schedule},
    {"NN_STANDIN_ARCH", set_arch},       {"NN_STANDIN_MEMORY", set_memory},
    {"NN_STANDIN_LOG", set_log},
};

static void at_exit(int status, void *unused);
static void on_fault(int number, siginfo_t *info, void *context);
static void start_streams(void);

static void start(void) {
  struct sigaction action;
  si.ready = 1;
  si.devices = 1;
  si.driver = CUDART_VERSION;
  si.arch = 80;
  si.memory = (size_t)16 << 30;
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    const char *text = getenv(settings[i].name);
    if (text && *text) settings[i].set(text);
  }
  start_streams();
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &si.next);
  on_exit(at_exit, NULL);
}

static cudaError_t result(cudaError_t e) {
  if (e != cudaSuccess) {
    si.last = e;
    if (si.log) fprintf(si.log, "  %s\n", cudaGetErrorName(e));
  }
  return e;
}

/* Errors of a kernel or of the machine: the context is lost, every later call returns them too. */
static int is_sticky(cudaError_t e) {
  return e == cudaErrorLaunchFailure || e == cudaErrorIllegalAddress || e == cudaErrorECCUncorrectable;
}

/* Every call begins with this: an error is the call's result. format: its arguments, for the record. What
   frees something frees it even so: that a program could not free it is not a leak of the program's. */
static cudaError_t begin(Call call, const char *format, ...) {
  if (!si.ready) start();
  si.n_calls++;
  si.n_of[call]++;
  if (si.log) {
    va_list args;
    fprintf(si.log, "%u %s ", si.n_calls, calls[call].name);
    va_start(args, format);
    vfprintf(si.log, format, args);
    va_end(args);
    fprintf(si.log, "\n");
  }
  if (si.sticky) return result(si.sticky);
  if (si.fail_at && (si.fail_call < 0            ? si.n_calls
                     : (int)call == si.fail_call ? si.n_of[call]
                                                 : 0) == si.fail_at) {
    cudaError_t e = si.fail_error ? si.fail_error : calls[call].error;
    si.failed = 1;
    if (is_sticky(e)) si.sticky = e;
    return result(e);
  }
  return result(call == CALL_cudaDriverGetVersion || call == CALL_cudaRuntimeGetVersion ? cudaSuccess
                                                                                        : si.absent);
}
#define BEGIN(...)                                                                                           \
  do {                                                                                                       \
    cudaError_t begun = begin(__VA_ARGS__);                                                                  \
    if (begun != cudaSuccess) return begun;                                                                  \
  } while (0)

/* ---- lists of what is alive ---- */

typedef struct List {
  const char *what;
  void **data;
  size_t n, size;
  unsigned made;
} List;

static void list_add(List *l, void *p) {
  if (l->n == l->size) {
    l->size = l->size ? 2 * l->size : 16;
    l->data = need(realloc(l->data, l->size * sizeof l->data[0]));
  }
  l->data[l->n++] = p;
}

static int list_has(const List *l, const void *p) {
  for (size_t i = 0; i < l->n; i++) {
    if (l->data[i] == p) return 1;
  }
  return 0;
}

static void list_remove(List *l, const void *p) {
  size_t i = 0;
  while (i < l->n && l->data[i] != p) i++;
  l->data[i] = l->data[--l->n];
}

static List streams = {.what = "stream"}, events = {.what = "event"}, graphs = {.what = "graph"},
            execs = {.what = "executable graph"};
/* Events and streams that were destroyed: queued work may still name them, so their memory stays. */
static List destroyed;

/* Of what is alive, as cuda…_st begin; 0: the default stream. */
static unsigned id_of(const List *l, const void *p) { return list_has(l, p) ? *(const unsigned *)p : 0; }

static void *new_of(List *l, size_t bytes) {
  unsigned *p = need(calloc(1, bytes));
  *p = ++l->made;
  list_add(l, p);
  return p;
}

static void alive(const List *l, const void *p, const char *call) {
  if (!list_has(l, p)) misuse("%s: this %s does not exist (any more)", call, l->what);
}

/* ---- memory ---- */

typedef struct Memory {
  unsigned char *p;
  size_t bytes;
  unsigned char
      *map; /* on the device: pages, one at each end closed forever, the others while the host works */
  size_t map_bytes;
  struct Memory *next;
} Memory;
static Memory *device, *pinned;
static int open_depth;

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static Memory **memory_find(Memory **list, const void *p, size_t bytes) {
  for (; *list; list = &(*list)->next) {
    uintptr_t at = (uintptr_t)p - (uintptr_t)(*list)->p;
    if (at < (*list)->bytes && bytes <= (*list)->bytes - at) break;
  }
  return list;
}

static int touches(Memory *list, const void *p, size_t bytes) {
  for (; list; list = list->next) {
    if ((uintptr_t)p < (uintptr_t)list->p + list->bytes && (uintptr_t)p + bytes > (uintptr_t)list->p)
      return 1;
  }
  return 0;
}

int nn_standin_is_device(const void *p, size_t bytes) { return *memory_find(&device, p, bytes) != NULL; }

static void protect(const Memory *m, int protection) {
  if (mprotect(m->map + page_size(), m->map_bytes - 2 * page_size(), protection) != 0)
    misuse("mprotect failed");
}

/* The device works: its memory is open. */
static void device_open(void) {
  if (open_depth++ == 0) {
    for (Memory *m = device; m; m = m->next) protect(m, PROT_READ | PROT_WRITE);
  }
}
static void device_close(void) {
  if (--open_depth == 0) {
    for (Memory *m = device; m; m = m->next) protect(m, PROT_NONE);
  }
}

static void on_fault(int number, siginfo_t *info, void *context) {
  for (const Memory *m = device; m; m = m->next) {
    uintptr_t at = (uintptr_t)info->si_addr - (uintptr_t)m->map;
    if (at >= m->map_bytes) continue;
    if (at < page_size() || at >= m->map_bytes - page_size()) {
      misuse("an access past the ends of a device allocation of %zu bytes", m->bytes);
    }
    misuse("the host reads or writes device memory, byte %td of an allocation of %zu bytes",
           (char *)info->si_addr - (char *)m->p, m->bytes);
  }
  if (si.next.sa_flags & SA_SIGINFO) {
    si.next.sa_sigaction(number, info, context);
  } else {
    sigaction(number, &si.next, NULL); /* the access is tried again, and meets it */
  }
}

/* ---- streams, events, graphs ---- */

/* A launch's job, shared by the graphs that play it. */
typedef struct Closure {
  nn_standin_job job;
  unsigned refs;
} Closure;

typedef struct Work {
  void (*perform)(struct Work *w);
  uint64_t number; /* in the order of the calls */
  void *to;
  const void *from;
  unsigned char *staged; /* bytes of pageable memory, as they were at the call */
  size_t bytes;
  int value;
  Closure *closure;
  cudaEvent_t event;
  uint64_t ticket; /* of the event's record */
  struct Work *next;
} Work;

typedef struct Queue {
  Work *first, **last;
} Queue;

/* Each begins with its number, for the record. */
struct CUstream_st {
  unsigned id;
  Queue queue;
  int blocking; /* ordered with the default stream */
  Pace pace;
  int capturing, invalid;
  enum cudaStreamCaptureMode mode;
  Queue captured;
};
struct CUevent_st {
  unsigned id;
  cudaStream_t stream;
  uint64_t recorded, done; /* tickets */
  unsigned flags;
};
struct CUgraph_st {
  unsigned id;
  Queue queue;
};
struct CUgraphExec_st {
  unsigned id;
  Queue queue;
};

static struct CUstream_st default_stream = {.blocking = 1};
static uint64_t work_number;

static void queue_add(Queue *q, Work *w) {
  if (!q->first) q->last = &q->first;
  *q->last = w;
  q->last = &w->next;
}

static void work_free(Work *w) {
  if (w->closure && --w->closure->refs == 0) {
    w->closure->job.drop(w->closure->job.data);
    free(w->closure);
  }
  free(w->staged);
  free(w);
}

static void queue_free(Queue *q) {
  while (q->first) {
    Work *w = q->first;
    q->first = w->next;
    work_free(w);
  }
}

static void queue_copy(const Queue *from, void (*add)(void *to, Work *w), void *to) {
  for (const Work *w = from->first; w; w = w->next) {
    Work *c = need(malloc(sizeof *c));
    *c = *w;
    c->next = NULL;
    if (c->closure) c->closure->refs++;
    add(to, c);
  }
}
static void add_to_queue(void *to, Work *w) { queue_add(to, w); }

static cudaStream_t stream_of(cudaStream_t s, const char *call) {
  if (!s) return &default_stream;
  alive(&streams, s, call);
  return s;
}

static void perform_first(cudaStream_t s);

static void perform_before(cudaStream_t s, uint64_t number) {
  while (s->queue.first && s->queue.first->number < number) perform_first(s);
}

/* Runs the oldest work of a stream, and before it what it must wait for. */
static void perform_first(cudaStream_t s) {
  Work *w = s->queue.first;
  if (s == &default_stream) {
    for (size_t i = 0; i < streams.n; i++) {
      cudaStream_t other = streams.data[i];
      if (other->blocking) perform_before(other, w->number);
    }
  } else if (s->blocking) {
    perform_before(&default_stream, w->number);
  }
  device_open();
  w->perform(w);
  device_close();
  s->queue.first = w->next;
  work_free(w);
}

static void perform_all(cudaStream_t s) {
  device_open();
  while (s->queue.first) perform_first(s);
  device_close();
}

static void perform_everything(void) {
  perform_all(&default_stream);
  for (size_t i = 0; i < streams.n; i++) perform_all(streams.data[i]);
}

static void wait_for(cudaEvent_t e, uint64_t ticket) {
  device_open();
  while (e->done < ticket) perform_first(e->stream);
  device_close();
}

static uint64_t next_random(uint64_t below) { /* SplitMix64 */
  uint64_t z = si.random += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (z ^ (z >> 31)) % below;
}

static Pace new_pace(unsigned stream) {
  Pace p = si.pace[stream % 2];
  return p == RANDOM ? (Pace)next_random(N_PACES) : p;
}

static void start_streams(void) { default_stream.pace = new_pace(0); }

/* In bursts, and on the whole slower than work is queued. */
static void some_progress(cudaStream_t s) {
  if (s->pace != RANDOM || next_random(8) != 0) return;
  for (uint64_t n = next_random(8); n > 0 && s->queue.first; n--) perform_first(s);
}

/* What the device may have done by now: work was queued on s. */
static void progress(cudaStream_t s) {
  if (s->pace == EARLY) perform_all(s);
  some_progress(&default_stream);
  for (size_t i = 0; i < streams.n; i++) some_progress(streams.data[i]);
}

static void stream_add(void *stream, Work *w) {
  cudaStream_t s = stream;
  w->number = ++work_number;
  queue_add(&s->queue, w);
}

static void enqueue(cudaStream_t s, Work w) {
  Work *c = need(malloc(sizeof *c));
  *c = w;
  if (s->capturing) {
    queue_add(&s->captured, c);
  } else {
    stream_add(s, c);
    progress(s);
  }
}

/* Calls that no capture allows: they return an error, and the capture is lost. */
static cudaError_t while_capturing(cudaStream_t only) {
  int found = 0;
  for (size_t i = 0; i < streams.n; i++) {
    cudaStream_t s = streams.data[i];
    if (!s->capturing || (only ? s != only : s->mode == cudaStreamCaptureModeRelaxed)) continue;
    s->invalid = found = 1;
  }
  return result(found ? cudaErrorStreamCaptureUnsupported : cudaSuccess);
}
#define NOT_WHILE_CAPTURING(only)                                                                            \
  do {                                                                                                       \
    cudaError_t capture = while_capturing(only);                                                             \
    if (capture != cudaSuccess) return capture;                                                              \
  } while (0)

/* ---- the end of the program ---- */

static size_t report(const char *what, size_t n) {
  if (n > 0) fprintf(stderr, "stand-in: never freed: %s (%zu)\n", what, n);
  return n;
}

static size_t memory_report(const char *what, const Memory *m) {
  size_t n = 0;
  for (; m; m = m->next) n++;
  return report(what, n);
}

static void at_exit(int status, void *unused) {
  size_t n = 0, waiting = default_stream.queue.first != NULL;
  (void)unused;
  n += memory_report("allocation of device memory", device);
  n += memory_report("allocation of pinned memory", pinned);
  n += report(streams.what, streams.n);
  n += report(events.what, events.n);
  n += report(graphs.what, graphs.n);
  n += report(execs.what, execs.n);
  for (size_t i = 0; i < streams.n; i++) waiting += ((cudaStream_t)streams.data[i])->queue.first != NULL;
  if (waiting && !si.failed) {
    fprintf(stderr, "stand-in: work on a stream was never waited for\n");
    n++;
  }
  if (n > 0 && status == 0) {
    fflush(NULL);
    _exit(99);
  }
}

/* ---- CUDA's calls ---- */

cudaError_t cudaGetLastError(void) {
  cudaError_t e = si.last;
  si.last = si.sticky;
  return e;
}
cudaError_t cudaPeekAtLastError(void) { return si.last; }

const char *cudaGetErrorName(cudaError_t e) {
  for (int i = 0; i < N_ERRORS; i++) {
    if (errors[i].error == e) return errors[i].name;
  }
  return "unrecognized error code";
}
const char *cudaGetErrorString(cudaError_t e) {
  for (int i = 0; i < N_ERRORS; i++) {
    if (errors[i].error == e) return errors[i].text;
  }
  return "unrecognized error code";
}

cudaError_t cudaDriverGetVersion(int *version) {
  BEGIN(CALL_cudaDriverGetVersion, "");
  *version = si.driver;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) {
  BEGIN(CALL_cudaRuntimeGetVersion, "");
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int *count) {
  *count = 0;
  BEGIN(CALL_cudaGetDeviceCount, "");
  *count = si.devices;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int number) {
  BEGIN(CALL_cudaSetDevice, "%d", number);
  if (number < 0 || number >= si.devices) return result(cudaErrorInvalidDevice);
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int number) {
  BEGIN(CALL_cudaGetDeviceProperties, "%d", number);
  if (number < 0 || number >= si.devices) return result(cudaErrorInvalidDevice);
  memset(p, 0, sizeof *p);
  snprintf(p->name, sizeof p->name, "Stand-in %d", number);
  p->totalGlobalMem = si.memory;
  p->major = si.arch / 10;
  p->minor = si.arch % 10;
  p->multiProcessorCount = 4;
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize(void) {
  BEGIN(CALL_cudaDeviceSynchronize, "");
  NOT_WHILE_CAPTURING(NULL);
  perform_everything();
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
  BEGIN(CALL_cudaMemGetInfo, "");
  *available = si.memory - si.used;
  *total = si.memory;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t bytes) {
  size_t page = page_size(), rounded = (bytes + 255) / 256 * 256;
  size_t pages = (rounded + page - 1) / page * page;
  Memory *m;
  BEGIN(CALL_cudaMalloc, "%zu", bytes);
  NOT_WHILE_CAPTURING(NULL);
  *p = NULL;
  if (bytes == 0) return cudaSuccess;
  if (bytes > si.memory - si.used) return result(cudaErrorMemoryAllocation);
  m = need(malloc(sizeof *m));
  m->map_bytes = pages + 2 * page;
  m->map = mmap(NULL, m->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (m->map == MAP_FAILED) need(NULL);
  m->p = m->map + page + pages - rounded; /* its end at a closed page */
  m->bytes = bytes;
  m->next = device;
  device = m;
  si.used += bytes;
  protect(m, PROT_READ | PROT_WRITE);
  memset(m->map + page, 0xFF, pages); /* a NaN in every float type: what nobody wrote shows */
  if (!open_depth) protect(m, PROT_NONE);
  *p = m->p;
  return cudaSuccess;
}

cudaError_t cudaFree(void *p) {
  cudaError_t e = begin(CALL_cudaFree, "");
  Memory *m, **at = &device;
  if (!p) return e;
  while (*at && (*at)->p != p) at = &(*at)->next;
  if (!(m = *at)) misuse("cudaFree: %p is no device memory (any more)", p);
  if (e == cudaSuccess) NOT_WHILE_CAPTURING(NULL);
  perform_everything();
  *at = m->next;
  si.used -= m->bytes;
  munmap(m->map, m->map_bytes);
  free(m);
  return e;
}

cudaError_t cudaMallocHost(void **p, size_t bytes) {
  Memory *m;
  BEGIN(CALL_cudaMallocHost, "%zu", bytes);
  NOT_WHILE_CAPTURING(NULL);
  *p = NULL;
  if (bytes == 0) return cudaSuccess;
  m = need(calloc(1, sizeof *m));
  m->bytes = bytes;
  m->p = need(malloc(bytes));
  memset(m->p, 0xFF, bytes);
  m->next = pinned;
  pinned = m;
  *p = m->p;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void *p) {
  cudaError_t e = begin(CALL_cudaFreeHost, "");
  Memory *m, **at = &pinned;
  if (!p) return e;
  while (*at && (*at)->p != p) at = &(*at)->next;
  if (!(m = *at)) misuse("cudaFreeHost: %p is no pinned memory (any more)", p);
  if (e == cudaSuccess) NOT_WHILE_CAPTURING(NULL);
  perform_everything();
  *at = m->next;
  free(m->p);
  free(m);
  return e;
}

static void check_device(const char *call, const char *what, const void *p, size_t bytes) {
  if (!nn_standin_is_device(p, bytes)) {
    misuse("%s: the %s, %p + %zu bytes, is not inside one allocation of device memory", call, what, p, bytes);
  }
}
static void check_host(const char *call, const char *what, const void *p, size_t bytes) {
  if (touches(device, p, bytes))
    misuse("%s: the %s, %p, is device memory and should be the host's", call, what, p);
  if (touches(pinned, p, bytes) && !*memory_find(&pinned, p, bytes)) {
    misuse("%s: the %s, %p + %zu bytes, runs over the end of its pinned memory", call, what, p, bytes);
  }
}

/* Both sides of a copy are where `kind` says. Whether they are of the device comes back. */
static void check_copy(const char *call, void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                       int *to_device, int *from_device) {
  if ((unsigned)kind > cudaMemcpyDefault) misuse("%s: no kind of copy: %d", call, (int)kind);
  *to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  *from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind == cudaMemcpyDefault) {
    *to_device = touches(device, to, bytes);
    *from_device = touches(device, from, bytes);
  }
  (*to_device ? check_device : check_host)(call, "destination", to, bytes);
  (*from_device ? check_device : check_host)(call, "source", from, bytes);
}

static void do_copy(Work *w) { memmove(w->to, w->staged ? w->staged : w->from, w->bytes); }
static void do_fill(Work *w) { memset(w->to, w->value, w->bytes); }
static void do_launch(Work *w) { w->closure->job.run(w->closure->job.data); }
static void do_record(Work *w) { w->event->done = w->ticket; }
static void do_wait(Work *w) { wait_for(w->event, w->ticket); }

static Work copy_work(void *to, const void *from, size_t bytes) {
  Work w = {0};
  w.perform = do_copy;
  w.to = to;
  w.from = from;
  w.bytes = bytes;
  return w;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
  int to_device, from_device;
  Work w = copy_work(to, from, bytes);
  BEGIN(CALL_cudaMemcpy, "%zu kind %d", bytes, (int)kind);
  NOT_WHILE_CAPTURING(NULL);
  if (bytes == 0) return cudaSuccess;
  check_copy("cudaMemcpy", to, from, bytes, kind, &to_device, &from_device);
  /* As work of the default stream: streams that do not block are not waited for. */
  enqueue(&default_stream, w);
  perform_all(&default_stream);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
  int to_device, from_device, pageable;
  Work w = copy_work(to, from, bytes);
  cudaStream_t s;
  BEGIN(CALL_cudaMemcpyAsync, "%zu kind %d stream %u", bytes, (int)kind, id_of(&streams, stream));
  s = stream_of(stream, "cudaMemcpyAsync");
  if (bytes == 0) return cudaSuccess;
  check_copy("cudaMemcpyAsync", to, from, bytes, kind, &to_device, &from_device);
  pageable = (!to_device && !*memory_find(&pinned, to, bytes)) ||
             (!from_device && !*memory_find(&pinned, from, bytes));
  if (pageable) NOT_WHILE_CAPTURING(s);
  if (pageable && !from_device) {
    w.staged = need(malloc(bytes));
    memcpy(w.staged, from, bytes);
  }
  enqueue(s, w);
  if (pageable && !to_device) perform_all(s); /* returns when the copy is done */
  return cudaSuccess;
}

static cudaError_t fill(const char *call, void *p, int value, size_t bytes, cudaStream_t stream) {
  Work w = {0};
  cudaStream_t s = stream_of(stream, call);
  if (bytes == 0) return cudaSuccess;
  check_device(call, "memory", p, bytes);
  w.perform = do_fill;
  w.to = p;
  w.value = value;
  w.bytes = bytes;
  enqueue(s, w);
  return cudaSuccess;
}
cudaError_t cudaMemset(void *p, int value, size_t bytes) {
  BEGIN(CALL_cudaMemset, "%zu", bytes);
  NOT_WHILE_CAPTURING(NULL);
  return fill("cudaMemset", p, value, bytes, NULL);
}
cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream) {
  BEGIN(CALL_cudaMemsetAsync, "%zu stream %u", bytes, id_of(&streams, stream));
  return fill("cudaMemsetAsync", p, value, bytes, stream);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
  BEGIN(CALL_cudaStreamCreateWithFlags, "flags %u", flags);
  if (flags > cudaStreamNonBlocking) return result(cudaErrorInvalidValue);
  *stream = new_of(&streams, sizeof **stream);
  (*stream)->pace = new_pace((*stream)->id);
  (*stream)->blocking = !(flags & cudaStreamNonBlocking);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t s) {
  cudaError_t e = begin(CALL_cudaStreamDestroy, "stream %u", id_of(&streams, s));
  alive(&streams, s, "cudaStreamDestroy");
  if (s->capturing) misuse("cudaStreamDestroy: the stream is captured");
  perform_all(s);
  list_remove(&streams, s);
  list_add(&destroyed, s);
  return e;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  cudaStream_t s;
  BEGIN(CALL_cudaStreamSynchronize, "stream %u", id_of(&streams, stream));
  s = stream_of(stream, "cudaStreamSynchronize");
  NOT_WHILE_CAPTURING(s);
  perform_all(s);
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  Work w = {0};
  cudaStream_t s;
  BEGIN(CALL_cudaStreamWaitEvent, "stream %u event %u", id_of(&streams, stream), id_of(&events, event));
  s = stream_of(stream, "cudaStreamWaitEvent");
  alive(&events, event, "cudaStreamWaitEvent");
  if (flags) return result(cudaErrorInvalidValue);
  NOT_WHILE_CAPTURING(s);
  w.perform = do_wait;
  w.event = event;
  w.ticket = event->recorded;
  enqueue(s, w);
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
  BEGIN(CALL_cudaEventCreateWithFlags, "flags %u", flags);
  *event = new_of(&events, sizeof **event);
  (*event)->flags = flags;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  static uint64_t tickets;
  Work w = {0};
  cudaStream_t s;
  BEGIN(CALL_cudaEventRecord, "event %u stream %u", id_of(&events, event), id_of(&streams, stream));
  s = stream_of(stream, "cudaEventRecord");
  alive(&events, event, "cudaEventRecord");
  NOT_WHILE_CAPTURING(s);
  w.perform = do_record;
  w.event = event;
  w.ticket = ++tickets;
  /* An earlier record that is still to come would set `done` back: it comes first. */
  if (event->stream && event->stream != s) wait_for(event, event->recorded);
  event->stream = s;
  event->recorded = w.ticket;
  enqueue(s, w);
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  BEGIN(CALL_cudaEventSynchronize, "event %u", id_of(&events, event));
  alive(&events, event, "cudaEventSynchronize");
  NOT_WHILE_CAPTURING(NULL);
  wait_for(event, event->recorded);
  return cudaSuccess;
}
/* A millisecond for each record between the two. */
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end) {
  BEGIN(CALL_cudaEventElapsedTime, "event %u event %u", id_of(&events, start), id_of(&events, end));
  alive(&events, start, "cudaEventElapsedTime");
  alive(&events, end, "cudaEventElapsedTime");
  if ((start->flags | end->flags) & cudaEventDisableTiming)
    misuse("cudaEventElapsedTime: an event that was created with cudaEventDisableTiming");
  if (!start->recorded || !end->recorded) misuse("cudaEventElapsedTime: an event that was never recorded");
  if (start->done < start->recorded || end->done < end->recorded) return result(cudaErrorNotReady);
  *ms = (float)end->recorded - (float)start->recorded;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  cudaError_t e = begin(CALL_cudaEventDestroy, "event %u", id_of(&events, event));
  alive(&events, event, "cudaEventDestroy");
  list_remove(&events, event);
  list_add(&destroyed, event);
  return e;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode) {
  BEGIN(CALL_cudaStreamBeginCapture, "stream %u", id_of(&streams, stream));
  if (!stream) return result(cudaErrorStreamCaptureUnsupported);
  alive(&streams, stream, "cudaStreamBeginCapture");
  NOT_WHILE_CAPTURING(stream);
  stream->capturing = 1;
  stream->mode = mode;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  cudaError_t e = begin(CALL_cudaStreamEndCapture, "stream %u", id_of(&streams, stream));
  alive(&streams, stream, "cudaStreamEndCapture");
  if (!stream->capturing) misuse("cudaStreamEndCapture: the stream is not captured");
  if (e == cudaSuccess && stream->invalid) e = result(cudaErrorStreamCaptureInvalidated);
  *graph = NULL;
  if (e == cudaSuccess) {
    *graph = new_of(&graphs, sizeof **graph);
    queue_copy(&stream->captured, add_to_queue, &(*graph)->queue);
  }
  queue_free(&stream->captured);
  stream->capturing = stream->invalid = 0;
  return e;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags) {
  BEGIN(CALL_cudaGraphInstantiate, "graph %u", id_of(&graphs, graph));
  alive(&graphs, graph, "cudaGraphInstantiate");
  if (flags) return result(cudaErrorInvalidValue);
  *exec = new_of(&execs, sizeof **exec);
  queue_copy(&graph->queue, add_to_queue, &(*exec)->queue);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  cudaStream_t s;
  BEGIN(CALL_cudaGraphLaunch, "executable graph %u stream %u", id_of(&execs, exec), id_of(&streams, stream));
  s = stream_of(stream, "cudaGraphLaunch");
  alive(&execs, exec, "cudaGraphLaunch");
  NOT_WHILE_CAPTURING(s);
  queue_copy(&exec->queue, stream_add, s);
  progress(s);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  cudaError_t e = begin(CALL_cudaGraphExecDestroy, "executable graph %u", id_of(&execs, exec));
  alive(&execs, exec, "cudaGraphExecDestroy");
  queue_free(&exec->queue);
  list_remove(&execs, exec);
  free(exec);
  return e;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  cudaError_t e = begin(CALL_cudaGraphDestroy, "graph %u", id_of(&graphs, graph));
  alive(&graphs, graph, "cudaGraphDestroy");
  queue_free(&graph->queue);
  list_remove(&graphs, graph);
  free(graph);
  return e;
}

/* The architecture that programs are built for: older devices have no image of their kernels. */
enum { BUILT_FOR = 80 };

cudaError_t nn_standin_launch(const char *kernel, unsigned grid, unsigned block, cudaStream_t stream,
                              nn_standin_job job) {
  Work w = {0};
  cudaError_t e = begin(CALL_cudaLaunchKernel, "%s grid %u block %u stream %u", kernel, grid, block,
                        id_of(&streams, stream));
  cudaStream_t s = stream_of(stream, "cudaLaunchKernel");
  if (e == cudaSuccess && si.arch < BUILT_FOR) e = result(cudaErrorNoKernelImageForDevice);
  if (e == cudaSuccess && !job.data) e = result(cudaErrorInvalidConfiguration);
  if (e != cudaSuccess) {
    if (job.data) job.drop(job.data);
    return e;
  }
  w.perform = do_launch;
  w.closure = need(malloc(sizeof *w.closure));
  w.closure->job = job;
  w.closure->refs = 1;
  enqueue(s, w);
  return cudaSuccess;
}
