/* Calls on a device: see nn_device.h. (MIT-0)
   Everything of a call is queued by `start`; only `finish` waits, for the copy that brings its results. A
   captured graph holds the launches and nothing of the copies around them, which differ from slot to slot. */
#include "nn_device.h"

#include <stdlib.h>
#include <string.h>

/* ---- what emitted functions call */

unsigned char *nn_cuda_arena(const nn_cuda *d) { return d->memory; }
nn_ctx *nn_cuda_ctx(const nn_cuda *d) { return d->control; }
void *nn_cuda_scratch(const nn_cuda *d) { return d->scratch; }
cudaStream_t nn_cuda_stream(const nn_cuda *d) { return d->stream; }

/* A failure of what was made for a line of the model. */
static int nn_cuda_check_at(nn_cuda *d, cudaError_t status, const char *what, const char *place) {
  nn_text t;
  if (status == cudaSuccess) return 0;
  memset(&t, 0, sizeof t);
  nn_text_addf(&t, "%s: %s", place, what);
  nn_cuda_check(d, status, t.s ? t.s : what);
  nn_text_free(&t);
  return d->e->code;
}

int nn_cuda_launched(nn_cuda *d, const char *what, const char *place) {
  return nn_cuda_check_at(d, cudaGetLastError(), what, place);
}

int nn_cuda_copy(nn_cuda *d, void *to, const void *from, size_t bytes, const char *place) {
  return nn_cuda_check_at(d, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, d->stream),
                          "cudaMemcpyAsync", place);
}

/* ---- arguments */

/* Where the k-th of some arguments lies behind the first. */
static size_t nn_cuda_offset(const nn_function *f, const nn_arg *a, int k) {
  return nn_cuda_room(a, k, nn_cuda_largest(f));
}

static unsigned char *nn_cuda_inputs(const nn_cuda *d) {
  return (unsigned char *)d->control + nn_cuda_control_bytes(d->m);
}

static unsigned char *nn_cuda_results(const nn_cuda *d, const nn_function *f) {
  return (unsigned char *)d->control - nn_cuda_offset(f, f->out, f->n_out);
}

static int nn_cuda_launch(nn_cuda *d, int function, size_t n) {
  const nn_function *f = &d->m->fns[function];
  int i;
  for (i = 0; i < f->n_in; i++) d->args[i] = nn_cuda_inputs(d) + nn_cuda_offset(f, f->in, i);
  for (i = 0; i < f->n_out; i++) d->args[f->n_in + i] = nn_cuda_results(d, f) + nn_cuda_offset(f, f->out, i);
  i = d->p->fns[function](d, n, d->args);
  if (i && !d->e->code) nn_cuda_check(d, (cudaError_t)i, f->name);
  return d->e->code;
}

/* ---- graphs */

/* Capturing goes on until it is ended, whatever fails in between. */
static int nn_cuda_capture(nn_cuda *d, int function, size_t n, cudaGraphExec_t *exec) {
  cudaGraph_t graph = NULL;
  if (nn_cuda_check(d, cudaStreamBeginCapture(d->stream, cudaStreamCaptureModeRelaxed),
                    "cudaStreamBeginCapture"))
    return d->e->code;
  nn_cuda_launch(d, function, n);
  nn_cuda_check(d, cudaStreamEndCapture(d->stream, &graph), "cudaStreamEndCapture");
  if (!d->e->code) nn_cuda_check(d, cudaGraphInstantiate(exec, graph, 0), "cudaGraphInstantiate");
  if (graph) nn_cuda_check(d, cudaGraphDestroy(graph), "cudaGraphDestroy");
  return d->e->code;
}

static int nn_cuda_graph_room(nn_cuda *d) {
  size_t room = d->graphs_room ? 2 * d->graphs_room : 8;
  nn_cuda_graph *more;
  if (d->n_graphs < d->graphs_room) return 0;
  more = (nn_cuda_graph *)realloc(d->graphs, room * sizeof *more);
  if (!more) return nn_fail_memory(d->e);
  d->graphs = more;
  d->graphs_room = room;
  return 0;
}

static int nn_cuda_run_graph(nn_cuda *d, int function, size_t n) {
  nn_cuda_graph g = {0, 0, NULL};
  size_t i;
  for (i = 0; i < d->n_graphs && (d->graphs[i].function != function || d->graphs[i].n != n); i++) {
  }
  if (i == d->n_graphs) {
    if (nn_cuda_graph_room(d)) return d->e->code;
    g.function = function;
    g.n = n;
    nn_cuda_capture(d, function, n, &g.exec);
    if (g.exec) d->graphs[d->n_graphs++] = g; /* also after a failure: it is closed with the device */
    if (d->e->code) return d->e->code;
  }
  return nn_cuda_check(d, cudaGraphLaunch(d->graphs[i].exec, d->stream), "cudaGraphLaunch");
}

/* ---- the two halves of a call */

/* The control block and the inputs, as the device shall see them; gives how many bytes that are. */
static size_t nn_cuda_fill(const nn_cuda *d, const nn_cuda_slot *s, const nn_ctx *c, void *const *args) {
  const nn_function *f = &d->m->fns[s->function];
  uint64_t before = d->begun - d->ended;
  size_t bytes = sizeof(nn_ctx) + nn_cuda_option_bytes(d->m);
  nn_ctx t = *c;
  int i;
  t.arena = d->memory;
  t.n = s->n;
  t.step += (double)before;
  t.batch_count += (uint32_t)before;
  t.options = (const double *)(const void *)(d->control + 1);
  memset(&t.fault, 0, sizeof t.fault);
  t.par = NULL;
  t.user = NULL;
  memcpy(s->in, &t, sizeof t);
  memcpy(s->in + sizeof t, c->options, nn_cuda_option_bytes(d->m));
  for (i = 0; i < f->n_in; i++) {
    size_t at = nn_cuda_control_bytes(d->m) + nn_cuda_offset(f, f->in, i),
           size = nn_arg_bytes(&f->in[i], s->n);
    memcpy(s->in + at, args[i], size);
    bytes = at + size;
  }
  return bytes;
}

static int nn_cuda_queue_inputs(nn_cuda *d, const nn_cuda_slot *s, size_t bytes) {
  if (nn_cuda_check(d, cudaMemcpyAsync(s->landing, s->in, bytes, cudaMemcpyHostToDevice, d->copies),
                    "cudaMemcpyAsync") ||
      nn_cuda_check(d, cudaEventRecord(s->sent, d->copies), "cudaEventRecord") ||
      nn_cuda_check(d, cudaStreamWaitEvent(d->stream, s->sent, 0), "cudaStreamWaitEvent"))
    return d->e->code;
  return nn_cuda_check(d, cudaMemcpyAsync(d->control, s->landing, bytes, cudaMemcpyDeviceToDevice, d->stream),
                       "cudaMemcpyAsync");
}

static int nn_cuda_queue_results(nn_cuda *d, const nn_cuda_slot *s) {
  const nn_function *f = &d->m->fns[s->function];
  size_t bytes = nn_cuda_offset(f, f->out, f->n_out) + sizeof(nn_ctx);
  if (nn_cuda_check(d,
                    cudaMemcpyAsync(s->out, nn_cuda_results(d, f), bytes, cudaMemcpyDeviceToHost, d->stream),
                    "cudaMemcpyAsync"))
    return d->e->code;
  return nn_cuda_check(d, cudaEventRecord(s->done, d->stream), "cudaEventRecord");
}

/* A slot is free again when its last call ended, so nothing here waits. */
int nn_cuda_start(void *user, nn_ctx *c, int function, size_t n, void *const *args) {
  nn_cuda *d = (nn_cuda *)user;
  nn_cuda_slot *s = &d->slots[d->begun % NN_CUDA_SLOTS];
  s->function = function;
  s->n = n;
  if (nn_cuda_queue_inputs(d, s, nn_cuda_fill(d, s, c, args)) || nn_cuda_time_mark(d, s->first) ||
      (d->no_graph ? nn_cuda_launch(d, function, n) : nn_cuda_run_graph(d, function, n)) ||
      nn_cuda_time_mark(d, s->last) || nn_cuda_queue_results(d, s))
    return nn_note(d->e, "in function `%s`", d->m->fns[function].name);
  d->begun++;
  d->newer = 1;
  return 0;
}

/* Threads run in no order, and any of several wrong indices may be the one that was met. Where they came with
   an argument, the first of them is the one that a processor would have met. */
static void nn_cuda_first_index(const nn_model *m, const nn_cuda_slot *s, void *const *args,
                                nn_fault *fault) {
  const nn_function *f = &m->fns[s->function];
  int k = fault->place < (uint32_t)m->n_places ? m->places[fault->place].input : -1;
  size_t i, size, count;
  if (fault->status != NN_FAULT_INDEX || k < 0 || k >= f->n_in || nn_types[f->in[k].dtype].kind == 'f')
    return;
  size = nn_types[f->in[k].dtype].size;
  count = nn_arg_bytes(&f->in[k], s->n) / size;
  for (i = 0; i < count; i++) {
    int64_t x = nn_get_int(f->in[k].dtype, (const unsigned char *)args[k] + i * size);
    if (x >= 0 && x < fault->bound) continue;
    fault->value = x;
    return;
  }
}

int nn_cuda_finish(void *user, nn_ctx *c, void *const *args) {
  nn_cuda *d = (nn_cuda *)user;
  const nn_cuda_slot *s = &d->slots[d->ended % NN_CUDA_SLOTS];
  const nn_function *f = &d->m->fns[s->function];
  nn_ctx t;
  int i;
  if (nn_cuda_check(d, cudaEventSynchronize(s->done), "cudaEventSynchronize"))
    return nn_note(d->e, "in function `%s`", f->name);
  d->ended++;
  if (nn_cuda_time_take(d, s)) return nn_note(d->e, "in function `%s`", f->name);
  for (i = 0; i < f->n_out; i++)
    memcpy(args[f->n_in + i], s->out + nn_cuda_offset(f, f->out, i), nn_arg_bytes(&f->out[i], s->n));
  memcpy(&t, s->out + nn_cuda_offset(f, f->out, f->n_out), sizeof t);
  if (t.fault.status) {
    nn_cuda_first_index(d->m, s, args, &t.fault);
    c->fault = t.fault;
  }
  return t.fault.status;
}

/* ---- the stores: the arena of the session is their mirror */

int nn_cuda_fetch(void *user, nn_ctx *c) {
  nn_cuda *d = (nn_cuda *)user;
  if (!d->newer) return 0;
  if (nn_cuda_check(
          d, cudaMemcpyAsync(c->arena, d->memory, nn_stores_bytes(d->m), cudaMemcpyDeviceToHost, d->stream),
          "cudaMemcpyAsync") ||
      nn_cuda_check(d, cudaStreamSynchronize(d->stream), "cudaStreamSynchronize"))
    return nn_note(d->e, "while the stores are fetched");
  d->newer = 0;
  return 0;
}

int nn_cuda_send(void *user, nn_ctx *c) {
  nn_cuda *d = (nn_cuda *)user;
  if (nn_cuda_check(
          d, cudaMemcpyAsync(d->memory, c->arena, nn_stores_bytes(d->m), cudaMemcpyHostToDevice, d->stream),
          "cudaMemcpyAsync") ||
      nn_cuda_check(d, cudaStreamSynchronize(d->stream), "cudaStreamSynchronize"))
    return nn_note(d->e, "while the stores are sent");
  d->newer = 0;
  return 0;
}
