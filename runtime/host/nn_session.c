/* A model at work: see nn_session.h. (MIT-0)
   The one place that calls into a model: emitted functions and the interpreter's look the same from here on.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_session.h"

#include "nn_dataset.h"
#include "nn_print.h"
#include "nn_read.h"
#include "nn_trap.h"

#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

int nn_session_open(nn_session *s, const nn_model *m, nn_err *e) {
  size_t bytes = m->backend ? nn_stores_bytes(m) : m->arena_bytes;
  int i;
  memset(s, 0, sizeof *s);
  s->m = m;
  s->e = e;
  s->c.arena = (unsigned char *)nn_alloc(bytes, 1);
  s->options = (double *)nn_alloc((size_t)m->n_options, sizeof *s->options);
  s->sets = (nn_dataset **)nn_alloc((size_t)m->n_data, sizeof *s->sets);
  if (!s->c.arena || !s->options || !s->sets)
    return nn_fail(e, NN_EXIT_SYSTEM, "out of memory: the model needs %zu bytes", bytes);
  for (i = 0; i < m->n_options; i++) s->options[i] = m->options[i].value;
  s->c.options = s->options;
  return m->backend ? m->backend->open(m->call_user, e) : 0;
}

void nn_session_close(nn_session *s) {
  int i;
  if (s->m && s->m->backend) s->m->backend->close(s->m->call_user);
  for (i = 0; s->sets && i < s->m->n_data; i++) nn_dataset_free(s->sets[i]);
  free(s->sets);
  free(s->options);
  free(s->c.arena);
  memset(s, 0, sizeof *s);
}

int nn_stores_fetch(nn_session *s) {
  return s->m->backend ? s->m->backend->fetch(s->m->call_user, &s->c) : 0;
}

int nn_stores_send(nn_session *s) { return s->m->backend ? s->m->backend->send(s->m->call_user, &s->c) : 0; }

unsigned char *nn_store_data(const nn_session *s, const nn_store *store) {
  return s->c.arena + store->offset;
}

size_t nn_stores_bytes(const nn_model *m) {
  size_t end = 0;
  int i;
  for (i = 0; i < m->n_stores; i++) {
    const nn_store *t = &m->stores[i];
    size_t last = t->offset + t->count * nn_types[t->dtype].size;
    if (last > end) end = last;
  }
  return end;
}

int nn_store_is_weight(const nn_store *store) { return store->kind == NN_PARAM || store->kind == NN_STATE; }

void nn_function_needs(const nn_model *m, int function, unsigned char *needs) {
  int i;
  for (i = 0; function >= 0 && i < m->fns[function].n_reads; i++) needs[m->fns[function].reads[i]] = 1;
}

static int nn_session_spare(nn_session *s, const char *what, const char *path, const char *file) {
  char *data = file ? nn_path_join(s->data_dir, file) : NULL;
  if (file && !data) return nn_fail_memory(s->e);
  if (data && nn_same_file(path, data)) {
    nn_fail(s->e, NN_EXIT_USAGE, "%s: `%s` would overwrite a data file of the model", what, path);
    if (!strcmp(what, "save")) nn_note(s->e, "--out says below which folder the model saves");
  }
  free(data);
  return s->e->code;
}

int nn_session_spare_data(nn_session *s, const char *what, const char *path) {
  int i, k;
  for (i = 0; i < s->m->n_stores && !s->e->code; i++) nn_session_spare(s, what, path, s->m->stores[i].npy);
  for (i = 0; i < s->m->n_data; i++)
    for (k = 0; k < s->m->data[i].n_sources && !s->e->code; k++)
      nn_session_spare(s, what, path, s->m->data[i].sources[k].path);
  return s->e->code;
}

static int nn_session_npy(nn_session *s, const nn_store *t) {
  char *path = nn_path_join(s->data_dir, t->npy);
  int code = path ? nn_store_read_npy(s, t, path) : nn_fail_memory(s->e);
  free(path);
  return code;
}

int nn_store_read_npy(nn_session *s, const nn_store *t, const char *path) {
  nn_array a;
  nn_shape_buf want, got;
  if (nn_stores_fetch(s)) return s->e->code;
  if (nn_npy_read(path, &a, s->e)) return s->e->code;
  if (!nn_same_shape(t->rank, t->dims, a.rank, a.dims))
    nn_fail(s->e, NN_EXIT_CONTENT, "%s: has shape %s, but `%s` has %s", path,
            nn_shape_text(&got, a.rank, a.dims), t->name, nn_shape_text(&want, t->rank, t->dims));
  else if (!nn_convertible(t->dtype, a.type))
    nn_fail(s->e, NN_EXIT_CONTENT, "%s: holds %s, but `%s` is %s", path, nn_types[a.type].name, t->name,
            nn_types[t->dtype].name);
  else if (nn_convert(t->dtype, nn_store_data(s, t), a.type, a.data, a.count) != a.count)
    nn_fail(s->e, NN_EXIT_CONTENT, "%s: holds a value too large for %s", path, nn_types[t->dtype].name);
  nn_array_free(&a);
  return s->e->code ? s->e->code : nn_stores_send(s);
}

int nn_eval_states_init(nn_session *s, int function) {
  const nn_function *f = &s->m->fns[function];
  int i;
  for (i = 0; i < f->n_reads; i++) {
    const nn_store *t = &s->m->stores[f->reads[i]];
    if (t->npy && t->kind == NN_EVAL_STATE && nn_session_npy(s, t)) return s->e->code;
  }
  return 0;
}

int nn_session_init(nn_session *s, uint64_t seed, int skip_npy) {
  int i;
  s->c.seed = seed;
  memset(s->c.arena, 0, nn_stores_bytes(s->m));
  if (nn_stores_send(s)) return s->e->code;
  if (s->m->init >= 0) {
    void *none[1] = {NULL};
    if (nn_call(s, s->m->init, 1, none)) return nn_note(s->e, "while the stores are initialised");
  }
  for (i = 0; i < s->m->n_stores && !skip_npy; i++)
    if (s->m->stores[i].npy && nn_session_npy(s, &s->m->stores[i])) return s->e->code;
  return 0;
}

/* ---- calls */

/* Flush-to-zero and denormals-are-zero. */
void nn_flush_subnormals(void) {
#if defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8040u);
#elif defined(__aarch64__)
  uint64_t fpcr;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  fpcr |= (uint64_t)1 << 24;
  __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
#endif
}

static int nn_fault_fail(nn_session *s) {
  const nn_fault *f = &s->c.fault;
  const nn_place *p = f->place < (uint32_t)s->m->n_places ? &s->m->places[f->place] : NULL;
  const char *at = p && p->at ? p->at : "", *what = p && p->what ? p->what : "";
  nn_text t;
  int code = NN_EXIT_CONTENT;
  memset(&t, 0, sizeof t);
  nn_text_addf(&t, "%s%s", at, *at ? ": " : "");
  switch (f->status) {
  case NN_FAULT_INDEX:
    nn_text_addf(&t, "index %lld is outside 0..%lld", (long long)f->value, (long long)f->bound - 1);
    break;
  case NN_FAULT_ASSERT: nn_text_addf(&t, "an assertion does not hold"); break;
  case NN_FAULT_DIVISION: nn_text_addf(&t, "an integer is divided by zero"); break;
  case NN_NOT_FINITE:
    nn_text_addf(&t, "the loss is not finite");
    code = NN_EXIT_DIVERGED;
    break;
  default: nn_text_addf(&t, "fault %d", f->status); break;
  }
  nn_fail(s->e, code, "%s%s%s", t.s ? t.s : "run-time fault", *what ? ": " : "", what);
  nn_text_free(&t);
  return code;
}

static int nn_call_ended(nn_session *s, int status) {
  if (!status) status = s->c.fault.status;
  if (!status) return 0;
  if (!s->c.fault.status) s->c.fault.status = status;
  return nn_fault_fail(s);
}

int nn_call_start(nn_session *s, int function, size_t n, void *const *args) {
  const nn_backend *b = s->m->backend;
  return b ? b->start(s->m->call_user, &s->c, function, n, args) : 0;
}

int nn_call_finish(nn_session *s, int function, size_t n, void *const *args) {
  const nn_backend *b = s->m->backend;
  const nn_function *f = &s->m->fns[function];
  int status;
  s->c.n = n;
  if (b) {
    status = b->finish(s->m->call_user, &s->c, args);
    if (s->e->code) return s->e->code;
  } else if (f->fn)
    status = f->fn(&s->c, n, args);
  else {
    s->c.user = s->m->call_user;
    status = s->m->call(&s->c, function, n, args);
  }
  if (nn_call_ended(s, status) || nn_trap_nan(s, function, n, args)) return s->e->code;
  return nn_print_lines(s, f, n, args + f->n_in);
}

int nn_call(nn_session *s, int function, size_t n, void *const *args) {
  int code = nn_call_start(s, function, n, args);
  return code ? code : nn_call_finish(s, function, n, args);
}

int64_t nn_arg_dim(const nn_arg *a, int axis, size_t n) {
  return a->dims_a[axis] * (int64_t)n + a->dims_b[axis];
}

size_t nn_arg_bytes(const nn_arg *a, size_t n) {
  size_t bytes = nn_types[a->dtype].size;
  int i;
  for (i = 0; i < a->rank; i++) bytes *= (size_t)nn_arg_dim(a, i, n);
  return bytes;
}

static const nn_arg *nn_args_of(const nn_function *f, int i) {
  return i < f->n_in ? &f->in[i] : &f->out[i - f->n_in];
}

void **nn_args_new(const nn_function *f, size_t n) {
  int i, all = f->n_in + f->n_out;
  void **args = (void **)nn_alloc((size_t)all, sizeof *args);
  for (i = 0; args && i < all; i++) {
    args[i] = nn_alloc(nn_arg_bytes(nn_args_of(f, i), n), 1);
    if (!args[i]) {
      nn_args_free(f, args);
      return NULL;
    }
  }
  return args;
}

void nn_args_free(const nn_function *f, void **args) {
  int i;
  for (i = 0; args && i < f->n_in + f->n_out; i++) free(args[i]);
  free(args);
}
