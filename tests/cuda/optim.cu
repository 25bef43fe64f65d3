// The optimizers of runtime/cuda against those of runtime/core, bit for bit: tables of 1 to 130 spans, empty
// and odd ones among them. Compiled with the harness (tests/run/cuda_optim.sh), or by nvcc
// for a device.
#include "nn_cuda_program.h"

#include "nn_cuda_optim.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

static int failures, checks;
static void check(bool ok, const char *what, const char *name, size_t n) {
  checks++;
  if (ok) return;
  if (failures++ < 20) printf("FAIL %s: %s, %zu spans\n", name, what, n);
}

// ---- memory that both sides reach; each array by itself, so that tools see where it ends
static std::vector<void *> taken;
template <class T> static T *take(size_t n) {
  void *p = nullptr;
#ifdef __CUDACC__
  if (cudaMallocManaged(&p, n * sizeof(T) + 1) != cudaSuccess) exit(77);
#else
  p = malloc(n * sizeof(T) + (n == 0));
#endif
  taken.push_back(p);
  return (T *)p;
}
static void give_back() {
  for (void *p : taken)
#ifdef __CUDACC__
    cudaFree(p);
#else
    free(p);
#endif
  taken.clear();
}
static void wait() {
#ifdef __CUDACC__
  if (cudaDeviceSynchronize() != cudaSuccess) exit((puts("the device fails"), 1));
#endif
}

// ---- the device: counts launches, and fails one of them
struct nn_cuda {
  void *scratch;
  int launches, fails_at;
};
void *nn_cuda_scratch(const nn_cuda *d) { return d->scratch; }
static nn_ctx *context() { // in memory of both sides, to the end
  static nn_ctx *c = nullptr;
  if (!c) {
    c = take<nn_ctx>(1);
    memset(c, 0, sizeof *c);
    taken.pop_back();
  }
  return c;
}
nn_ctx *nn_cuda_ctx(const nn_cuda *) { return context(); }
cudaStream_t nn_cuda_stream(const nn_cuda *) { return 0; }
int nn_cuda_launched(nn_cuda *d, const char *, const char *) { return ++d->launches == d->fails_at ? 7 : 0; }

static uint64_t state = 1;
static double draw() { // in -1 .. 1
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(int64_t)state * 0x1p-63;
}

// ---- what differs between the optimizers and the types
template <class Hyper, class Span> struct Steps;
#define STEPS(name, T)                                                                                       \
  template <> struct Steps<nn_##name, nn_span_##T> {                                                         \
    typedef nn_cuda_##name Cuda;                                                                             \
    static void cpu(const nn_span_##T *spans, size_t n, const nn_##name *h) {                                \
      nn_ctx c = {};                                                                                         \
      nn_##name##_step_##T(&c, spans, n, h);                                                                 \
    }                                                                                                        \
    static int cuda(nn_cuda *d, const nn_span_##T *spans, size_t n, const nn_cuda_##name *h) {               \
      return nn_cuda_##name##_step_##T(d, spans, n, h, NULL, "model.nn:1:1");                                \
    }                                                                                                        \
  };
#define BOTH(name) STEPS(name, f32) STEPS(name, f64)
BOTH(sgd)
BOTH(adam)
BOTH(adagrad)
BOTH(adadelta)
BOTH(rmsprop)

// A hyper-parameter as a number, or in device memory as f32 or f64; *v becomes what the device reads.
enum { NUMBER, AT_F32, AT_F64, WAYS };
static nn_cuda_hyper hyper(double *v, int way) {
  if (way == AT_F32) {
    float *p = take<float>(1);
    *v = (double)(*p = (float)*v);
    return nn_cuda_at_f32(p);
  }
  if (way == AT_F64) {
    double *p = take<double>(1);
    *p = *v;
    return nn_cuda_at_f64(p);
  }
  return nn_cuda_number(*v);
}
static nn_cuda_sgd on_device(nn_sgd *h, int way) {
  return {hyper(&h->lr, way), hyper(&h->momentum, way), hyper(&h->decay, way), hyper(&h->clip_norm, way),
          h->nesterov};
}
static nn_cuda_adam on_device(nn_adam *h, int way) {
  return {hyper(&h->lr, way),  hyper(&h->beta1, way), hyper(&h->beta2, way),
          hyper(&h->eps, way), hyper(&h->decay, way), hyper(&h->clip_norm, way)};
}
static nn_cuda_adagrad on_device(nn_adagrad *h, int way) {
  return {hyper(&h->lr, way), hyper(&h->eps, way), hyper(&h->decay, way), hyper(&h->clip_norm, way)};
}
static nn_cuda_adadelta on_device(nn_adadelta *h, int way) {
  return {hyper(&h->lr, way), hyper(&h->rho, way), hyper(&h->eps, way), hyper(&h->decay, way),
          hyper(&h->clip_norm, way)};
}
static nn_cuda_rmsprop on_device(nn_rmsprop *h, int way) {
  return {hyper(&h->lr, way),       hyper(&h->rho, way),   hyper(&h->eps, way),
          hyper(&h->momentum, way), hyper(&h->decay, way), hyper(&h->clip_norm, way)};
}

// ---- tables
template <class Span> using Real = decltype(Span::lr_mult);

// Spans of the same content twice: for the CPU, and for the device.
template <class Span> struct Pair {
  std::vector<Span> cpu, device;

  // `slots`: how many there are; `counted`: with an update count
  void add(size_t n, int slots, bool counted) {
    Span s[2] = {};
    for (Span &p : s) {
      p.w = take<Real<Span>>(n);
      for (int k = 0; k < slots; k++) p.slot[k] = take<Real<Span>>(n);
      if (counted) p.count = take<int32_t>(1);
      p.g = take<Real<Span>>(n);
      p.n = n;
    }
    if (counted) *s[0].count = *s[1].count = 3;
    for (size_t i = 0; i < n; i++) {
      s[0].w[i] = s[1].w[i] = (Real<Span>)draw();
      for (int k = 0; k < slots; k++) s[0].slot[k][i] = s[1].slot[k][i] = (Real<Span>)fabs(draw());
    }
    s[0].lr_mult = s[1].lr_mult = (Real<Span>)(1 + 0.5 * draw());
    s[0].decay_mult = s[1].decay_mult = (Real<Span>)(1 + draw());
    cpu.push_back(s[0]);
    device.push_back(s[1]);
  }
  void gradients() {
    for (size_t s = 0; s < cpu.size(); s++)
      for (size_t i = 0; i < cpu[s].n; i++)
        ((Real<Span> *)cpu[s].g)[i] = ((Real<Span> *)device[s].g)[i] = (Real<Span>)draw();
  }
  bool same() const {
    for (size_t s = 0; s < cpu.size(); s++) {
      const Span &a = cpu[s], &b = device[s];
      const size_t bytes = a.n * sizeof *a.w;
      if (memcmp(a.w, b.w, bytes) || memcmp(a.g, b.g, bytes)) return false;
      for (int k = 0; k < 2; k++)
        if (a.slot[k] && memcmp(a.slot[k], b.slot[k], bytes)) return false;
      if (a.count && *a.count != *b.count) return false;
    }
    return true;
  }
};

static const size_t sizes[] = {1, 0, 7, 255, 256, 257, 16, 33, 0, 1000, 3, 2048, 5, 2049, 64, 4097, 31};
enum { SIZES = sizeof sizes / sizeof *sizes, STEPS_OF_ALL = 2 };

template <class Span, class Hyper>
static void step_both(const char *name, Pair<Span> *p, Hyper h, int way, nn_cuda *d) {
  const auto on = on_device(&h, way);
  p->gradients();
  Steps<Hyper, Span>::cpu(p->cpu.data(), p->cpu.size(), &h);
  check(Steps<Hyper, Span>::cuda(d, p->device.data(), p->device.size(), &on) == 0, "a status", name,
        p->cpu.size());
  wait();
  check(p->same(), "other bits", name, p->cpu.size());
}

template <class Span, class Hyper>
static void compare(const char *name, const Hyper &h, int slots, bool must_count,
                    const std::vector<size_t> &tables = {1, NN_CUDA_SPANS + 1}) {
  nn_cuda d = {};
  for (size_t n : tables) {
    for (int way = 0; way < WAYS; way++) {
      const bool counted = must_count || way != AT_F32, clips = way != NUMBER || h.clip_norm > 0;
      const size_t launches = (n + NN_CUDA_SPANS - 1) / NN_CUDA_SPANS;
      Pair<Span> p;
      for (size_t s = 0; s < n; s++) p.add(sizes[(s + n) % SIZES] + (n == 1), slots, counted);
      d = {take<char>(NN_CUDA_SCRATCH_BYTES), 0, 0};
      memset(d.scratch, 0xFF, NN_CUDA_SCRATCH_BYTES);
      for (int step = 0; step < STEPS_OF_ALL; step++) step_both(name, &p, h, way, &d);
      check((size_t)d.launches == STEPS_OF_ALL * launches * (1 + (counted || clips)), "launches", name, n);
      give_back();
    }
  }
}

template <class Span> static void compare_all() {
  const double clips[] = {0.0, 0.5, 1e9};
  for (double clip : clips)
    for (double decay : {0.0, 0.01}) {
      compare<Span>("SGD", nn_sgd{0.1, 0.0, decay, clip, 0}, 0, false);
      compare<Span>("SGD with momentum", nn_sgd{0.1, 0.9, decay, clip, 0}, 1, false);
      compare<Span>("SGD with Nesterov's momentum", nn_sgd{0.1, 0.9, decay, clip, 1}, 1, false);
      compare<Span>("Adam", nn_adam{1e-3, 0.9, 0.999, 1e-8, decay, clip}, 2, true);
      compare<Span>("Adagrad", nn_adagrad{1e-2, 1e-10, decay, clip}, 1, false);
      compare<Span>("Adadelta", nn_adadelta{1.0, 0.9, 1e-6, decay, clip}, 2, false);
      compare<Span>("RMSprop", nn_rmsprop{1e-2, 0.99, 1e-8, 0.0, decay, clip}, 1, false);
      compare<Span>("RMSprop with momentum", nn_rmsprop{1e-2, 0.99, 1e-8, 0.9, decay, clip}, 2, false);
    }
}

// So many elements that a thread has two.
static void many_elements() {
  nn_cuda d = {take<char>(NN_CUDA_SCRATCH_BYTES), 0, 0};
  Pair<nn_span_f32> p;
  for (size_t n : {(size_t)NN_CUDA_OPTIM_BLOCK * NN_CUDA_OPTIM_FULL + 1, (size_t)300, (size_t)513})
    p.add(n, 2, true);
  check(nn_cuda_tile(p.device.data(), 3) == 2 * NN_CUDA_OPTIM_BLOCK, "a thread has two elements", "tiles", 3);
  step_both("Adam, many elements", &p, nn_adam{1e-3, 0.9, 0.999, 1e-8, 0.01, 0.5}, NUMBER, &d);
  give_back();
}

// A gradient that is not a number makes the scale, and all weights, NaN, as on the CPU.
static void not_a_number() {
  nn_cuda d = {take<char>(NN_CUDA_SCRATCH_BYTES), 0, 0};
  const nn_cuda_sgd h = {nn_cuda_number(0.1), nn_cuda_number(0), nn_cuda_number(0), nn_cuda_number(1), 0};
  Pair<nn_span_f64> p;
  p.add(40, 0, false);
  p.add(1, 0, false);
  p.gradients();
  ((double *)p.device[0].g)[20] = NAN;
  check(nn_cuda_sgd_step_f64(&d, p.device.data(), 2, &h, NULL, "model.nn:1:1") == 0, "a status", "NaN", 2);
  wait();
  check(std::isnan(p.device[0].w[0]) && std::isnan(p.device[1].w[0]), "weights", "NaN", 2);
  give_back();
}

// A launch that fails ends the step with its status.
static void failing() {
  const nn_cuda_sgd h = {nn_cuda_number(0.1), nn_cuda_number(0), nn_cuda_number(0), nn_cuda_number(1), 0};
  for (int at = 1; at <= 7; at++) {
    nn_cuda d = {take<char>(NN_CUDA_SCRATCH_BYTES), 0, at};
    Pair<nn_span_f32> p;
    for (int s = 0; s < 130; s++) p.add(3, 0, true);
    p.gradients();
    const int status = nn_cuda_sgd_step_f32(&d, p.device.data(), 130, &h, NULL, "model.nn:1:1");
    wait();
    check(status == (at <= 6 ? 7 : 0) && d.launches == (at <= 6 ? at : 6), "the status of a launch", "SGD",
          130);
    give_back();
  }
}

// Nothing but empty spans: counted, and no kernel without blocks.
static void empty() {
  nn_cuda d = {take<char>(NN_CUDA_SCRATCH_BYTES), 0, 0};
  Pair<nn_span_f32> p;
  for (int s = 0; s < 60; s++) p.add(0, 2, true);
  step_both("Adam, empty spans", &p, nn_adam{1e-3, 0.9, 0.999, 1e-8, 0.0, 1.0}, NUMBER, &d);
  check(d.launches == 2, "launches", "empty spans", 60);
  give_back();
}

// After a fault of the step nothing is counted and nothing updated.
static void after_a_fault() {
  float *w = take<float>(2), *g = take<float>(1);
  int32_t *count = take<int32_t>(1);
  w[0] = g[0] = 1, w[1] = 0, *count = 3;
  nn_span_f32 span = {w, g, {w + 1, nullptr}, count, 1, 1, 1};
  const nn_cuda_sgd h = {nn_cuda_number(0.5), nn_cuda_number(0.9), nn_cuda_number(0), nn_cuda_number(1), 0};
  nn_cuda d = {take<double>(NN_CUDA_SCRATCH_BYTES / sizeof(double)), 0, -1};
  context()->fault.status = NN_FAULT_INDEX;
  nn_cuda_sgd_step_f32(&d, &span, 1, &h, NULL, "");
  wait();
  check(w[0] == 1 && w[1] == 0 && *count == 3, "nothing changes", "after a fault", 1);
  context()->fault.status = NN_OK;
  nn_cuda_sgd_step_f32(&d, &span, 1, &h, NULL, "");
  wait();
  check(w[0] == 0.5f && w[1] == 1 && *count == 4, "the update is made", "without one", 1);
  give_back();
}

int main() {
  compare_all<nn_span_f32>();
  compare_all<nn_span_f64>();
  compare<nn_span_f32>("Adam, many tables", nn_adam{1e-3, 0.9, 0.999, 1e-8, 0.01, 0.5}, 2, true,
                       {2, 3, 17, 55, 56, 57, 100, 112, 113, 130});
  many_elements();
  not_a_number();
  after_a_fault();
  failing();
  empty();
  printf("%d checks, %d failures\n", checks, failures);
  return failures != 0;
}
