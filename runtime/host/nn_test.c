/* Test blocks at work: see nn_test.h. (MIT-0) */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const double nn_test_eps = 1e-5;

static size_t nn_test_size(const nn_function *f) { return f->bound ? f->bound : 1; }

/* Draws are the same in every call. */
static int nn_test_once(nn_session *s, int function, void *const *args) {
  s->c.batch_count = 0;
  return nn_call(s, function, nn_test_size(&s->m->fns[function]), args);
}

/* The derivative of the k-th gradcheck at its point, by central differences. */
static int nn_test_differences(nn_session *s, int function, int k, void *const *args) {
  const nn_function *f = &s->m->fns[function];
  double *point = (double *)args[2 * k], *numeric = (double *)args[2 * k + 1];
  const double *value = (const double *)args[f->n_in + 2 * k + 1];
  size_t i, count = nn_arg_bytes(&f->in[2 * k], nn_test_size(f)) / sizeof *point;
  for (i = 0; i < count; i++) {
    const double x = point[i], up = x + nn_test_eps, down = x - nn_test_eps;
    double above;
    point[i] = up;
    if (nn_test_once(s, function, args)) return s->e->code;
    above = *value;
    point[i] = down;
    if (nn_test_once(s, function, args)) return s->e->code;
    numeric[i] = (above - *value) / (up - down);
    point[i] = x;
  }
  return 0;
}

static int nn_test_call(nn_session *s, int function, void *const *args) {
  const nn_function *f = &s->m->fns[function];
  int k, n = f->n_in / 2;
  if (nn_test_once(s, function, args)) return s->e->code;
  for (k = 0; k < n; k++)
    memcpy(args[2 * k], args[f->n_in + 2 * k], nn_arg_bytes(&f->in[2 * k], nn_test_size(f)));
  for (k = 0; k < n; k++)
    if (nn_test_differences(s, function, k, args)) return s->e->code;
  return n ? nn_test_once(s, function, args) : 0;
}

static void nn_test_write(const nn_session *s, const nn_function *f, void *const *args, FILE *to) {
  int64_t length = s->e->code && s->e->text.s ? (int64_t)strlen(s->e->text.s) : 0;
  int i;
  fwrite(&length, sizeof length, 1, to);
  if (length) fwrite(s->e->text.s, 1, (size_t)length, to);
  for (i = 0; !s->e->code && i < f->n_in + f->n_out; i++)
    fwrite(args[i], 1, nn_arg_bytes(i < f->n_in ? &f->in[i] : &f->out[i - f->n_in], nn_test_size(f)), to);
}

static int nn_test_function(nn_session *s, int function, FILE *to) {
  const nn_function *f = &s->m->fns[function];
  void **args = nn_args_new(f, nn_test_size(f));
  if (!args) return nn_fail_memory(s->e);
  nn_test_call(s, function, args);
  nn_test_write(s, f, args, to);
  nn_args_free(f, args);
  nn_err_free(s->e); /* of this test alone */
  memset(s->e, 0, sizeof *s->e);
  memset(&s->c.fault, 0, sizeof s->c.fault);
  return 0;
}

int nn_test_run(const nn_model *m, const char *data_dir, FILE *to, nn_err *e) {
  nn_session s;
  int i;
  if (m->flush_subnormals) nn_flush_subnormals();
  if (!nn_session_open(&s, m, e)) {
    s.data_dir = data_dir;
    nn_session_init(&s, 0, 0);
  }
  for (i = 0; i < m->n_fns && !e->code; i++)
    if (i != m->init) nn_test_function(&s, i, to);
  nn_session_close(&s);
  errno = 0;
  if (!e->code && (fflush(to) != 0 || ferror(to)))
    nn_fail(e, NN_EXIT_SYSTEM, "the results can't be written: %s", strerror(errno ? errno : EIO));
  return e->code;
}

int nn_test_main(const nn_model *m, int argc, char **argv) {
  nn_err e;
  int code;
  memset(&e, 0, sizeof e);
  code = nn_test_run(m, argc > 1 ? argv[1] : "", stdout, &e);
  if (code) fprintf(stderr, "%s\n", e.text.s ? e.text.s : "out of memory");
  nn_err_free(&e);
  return code;
}
