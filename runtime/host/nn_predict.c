/* The command predict: one .npy file per argument of an export, one per result. (MIT-0)
   The dynamic size is what makes the first axis that has it fit; then every axis must. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_cli.h"

#include "nn_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NN_PREDICT_SHORT = 1000 }; /* elements of a result that is printed */

static int nn_predict_export(nn_cli *c, int *function) {
  const nn_model *m = c->m;
  const char **names;
  nn_text hint;
  int i;
  *function = -1;
  if (!m->n_exports) return nn_fail(c->e, NN_EXIT_USAGE, "the model exports no function");
  if (!c->n_args)
    return nn_fail(c->e, NN_EXIT_USAGE, "`predict` needs the name of an export, such as `%s`",
                   m->fns[m->exports[0]].name);
  names = (const char **)nn_alloc((size_t)m->n_exports, sizeof *names);
  if (!names) return nn_fail_memory(c->e);
  memset(&hint, 0, sizeof hint);
  for (i = 0; i < m->n_exports; i++) {
    names[i] = m->fns[m->exports[i]].name;
    if (!strcmp(names[i], c->args[0])) *function = m->exports[i];
  }
  if (*function < 0)
    nn_fail(c->e, NN_EXIT_USAGE, "the model exports no `%s`%s", c->args[0],
            nn_cli_hint(c->args[0], names, (size_t)m->n_exports, &hint));
  free(names);
  nn_text_free(&hint);
  return c->e->code;
}

static int nn_predict_count(const nn_function *f) {
  int i, n = 0;
  for (i = 0; i < f->n_out; i++) n += f->out[i].use == NN_USE_VALUE;
  return n;
}

/* Sorts the positional arguments into inputs and results: after -o, those the inputs don't need are results.
 */
static int nn_predict_files(nn_cli *c, const nn_function *f) {
  size_t i, k, given = c->n_args - 1, n_in = (size_t)f->n_in;
  int n_out = nn_predict_count(f);
  if (given > n_in && c->n_outputs && c->args_before_o == n_in + 1)
    while (c->n_args > n_in + 1) {
      /* `-o a.npy b.npy`: the plain ones follow the one after -o */
      c->outputs[c->n_outputs + (c->n_args - n_in - 2)] = c->args[c->n_args - 1];
      c->n_args--;
    }
  if (c->n_args < given + 1) c->n_outputs += given + 1 - c->n_args;
  given = c->n_args - 1;
  if (given != n_in)
    return nn_fail(c->e, NN_EXIT_USAGE, "`%s` takes %zu input file%s, but %zu %s given", f->name, n_in,
                   n_in == 1 ? "" : "s", given, given == 1 ? "is" : "are");
  if (c->n_outputs && c->n_outputs != (size_t)n_out)
    return nn_fail(c->e, NN_EXIT_USAGE, "`%s` has %d result%s, but -o names %zu", f->name, n_out,
                   n_out == 1 ? "" : "s", c->n_outputs);
  for (i = 0; i < c->n_outputs; i++) {
    for (k = 0; k < i; k++)
      if (!strcmp(c->outputs[i], c->outputs[k]))
        return nn_fail(c->e, NN_EXIT_USAGE, "-o names `%s` twice", c->outputs[i]);
    if (c->weights && nn_same_file(c->outputs[i], c->weights))
      return nn_fail(c->e, NN_EXIT_USAGE, "-o `%s` would overwrite the weights", c->outputs[i]);
    for (k = 1; k < c->n_args; k++)
      if (nn_same_file(c->outputs[i], c->args[k]))
        return nn_fail(c->e, NN_EXIT_USAGE, "-o `%s` would overwrite an input", c->outputs[i]);
  }
  return 0;
}

static int nn_predict_misfit(nn_cli *c, const nn_function *f, const nn_arg *a, const char *path,
                             const nn_array *in) {
  nn_text t;
  nn_shape_buf got;
  memset(&t, 0, sizeof t);
  nn_cli_arg(&t, a);
  nn_fail(c->e, NN_EXIT_CONTENT, "%s: is %s%s, but `%s` takes %s", path, nn_types[in->type].name,
          nn_shape_text(&got, in->rank, in->dims), f->name, t.s ? t.s : a->name);
  nn_text_free(&t);
  if (f->bound)
    nn_note(c->e, "N is at least %zu and at most %zu, the same in every input", f->min_n, f->bound);
  return c->e->code;
}

/* Reads the inputs and finds n. */
static int nn_predict_read(nn_cli *c, const nn_function *f, nn_array *in, size_t *n) {
  int i, k;
  *n = 0;
  for (i = 0; i < f->n_in; i++) {
    const nn_arg *a = &f->in[i];
    if (nn_npy_read(c->args[i + 1], &in[i], c->e)) return c->e->code;
    if (in[i].rank != a->rank || !nn_convertible(a->dtype, in[i].type))
      return nn_predict_misfit(c, f, a, c->args[i + 1], &in[i]);
    for (k = 0; k < a->rank && !*n; k++)
      if (a->dims_a[k] > 0 && in[i].dims[k] > a->dims_b[k])
        *n = (size_t)((in[i].dims[k] - a->dims_b[k]) / a->dims_a[k]);
  }
  if (!*n) *n = 1;
  for (i = 0; i < f->n_in; i++)
    for (k = 0; k < f->in[i].rank; k++)
      if ((f->bound && (*n > f->bound || *n < f->min_n)) || nn_arg_dim(&f->in[i], k, *n) != in[i].dims[k])
        return nn_predict_misfit(c, f, &f->in[i], c->args[i + 1], &in[i]);
  return 0;
}

/* ---- results */

static void nn_predict_number(nn_text *t, int type, const unsigned char *p) {
  if (nn_types[type].kind == 'f')
    nn_text_addf(t, "%.*g", type == NN_F64 ? 17 : 9, nn_get_real(type, p));
  else
    nn_text_addf(t, "%lld", (long long)nn_get_int(type, p));
}

/* One line for each vector along the last axis. */
static int nn_predict_print(nn_err *e, const nn_arg *a, size_t n, const unsigned char *p) {
  size_t size = nn_types[a->dtype].size, count = nn_arg_bytes(a, n) / size, i;
  size_t row = a->rank ? (size_t)nn_arg_dim(a, a->rank - 1, n) : 1;
  nn_text t;
  int k;
  memset(&t, 0, sizeof t);
  nn_text_addf(&t, "%s: %s", a->name, nn_types[a->dtype].name);
  for (k = 0; k < a->rank; k++) nn_text_addf(&t, "%s%lld", k ? ", " : "[", (long long)nn_arg_dim(a, k, n));
  nn_text_addf(&t, "%s\n", a->rank ? "]" : "");
  if (count > NN_PREDICT_SHORT)
    nn_text_addf(&t, "  (%zu numbers: write them to a file with -o out.npy)\n", count);
  for (i = 0; i < count && count <= NN_PREDICT_SHORT; i++) {
    nn_text_addf(&t, "%s", i % row ? " " : "  ");
    nn_predict_number(&t, a->dtype, p + i * size);
    if ((i + 1) % row == 0) nn_text_addf(&t, "\n");
  }
  if (t.failed)
    nn_fail_memory(e);
  else
    fputs(t.s, stdout);
  nn_text_free(&t);
  return e->code;
}

static int nn_predict_results(nn_cli *c, const nn_function *f, size_t n, void **args) {
  int i, k, written = 0;
  for (i = 0; i < f->n_out; i++) {
    const nn_arg *a = &f->out[i];
    int64_t dims[NN_MAX_RANK];
    if (a->use != NN_USE_VALUE) continue;
    if (!c->n_outputs) {
      if (nn_predict_print(c->e, a, n, (const unsigned char *)args[f->n_in + i])) return c->e->code;
      continue;
    }
    for (k = 0; k < a->rank && k < NN_MAX_RANK; k++) dims[k] = nn_arg_dim(a, k, n);
    if (nn_npy_write(c->outputs[written++], a->dtype, a->rank, dims, args[f->n_in + i], c->e))
      return c->e->code;
  }
  return 0;
}

/* A result need not show it: an argmax is a number all the same. */
static void nn_predict_warn_nan(const char *path, const nn_array *in) {
  size_t at = nn_find_nan(in->type, in->data, in->count), size = in->count;
  int k;
  if (at == in->count) return;
  fprintf(stderr, "warning: %s: holds NaN", path);
  for (k = 0; k < in->rank; k++) {
    size /= (size_t)in->dims[k];
    fprintf(stderr, "%s%zu%s", k ? ", " : ", first at [", at / size, k == in->rank - 1 ? "]" : "");
    at %= size;
  }
  fprintf(stderr, "\n");
}

static int nn_predict_call(nn_cli *c, nn_session *s, int function, const nn_array *in, size_t n) {
  const nn_function *f = &c->m->fns[function];
  void **args = nn_args_new(f, n);
  int i;
  if (!args) return nn_fail_memory(c->e);
  for (i = 0; i < f->n_in; i++) {
    nn_predict_warn_nan(c->args[i + 1], &in[i]);
    if (nn_convert(f->in[i].dtype, args[i], in[i].type, in[i].data, in[i].count) != in[i].count)
      nn_fail(c->e, NN_EXIT_CONTENT, "%s: holds a value too large for %s", c->args[i + 1],
              nn_types[f->in[i].dtype].name);
  }
  if (!c->e->code && !nn_call(s, function, n, args)) nn_predict_results(c, f, n, args);
  nn_args_free(f, args);
  return c->e->code;
}

static int nn_predict_run(nn_cli *c, int function, const unsigned char *needs) {
  const nn_function *f = &c->m->fns[function];
  nn_array *in = (nn_array *)nn_alloc((size_t)f->n_in, sizeof *in);
  nn_session s;
  size_t n;
  int i;
  if (!in) return nn_fail_memory(c->e);
  if (!nn_predict_read(c, f, in, &n)) {
    if (!nn_cli_session(c, &s, needs)) nn_predict_call(c, &s, function, in, n);
    nn_session_close(&s);
  }
  for (i = 0; i < f->n_in; i++) nn_array_free(&in[i]);
  free(in);
  return c->e->code;
}

int nn_command_predict(nn_cli *c) {
  unsigned char *needs;
  int function;
  if (nn_predict_export(c, &function) || nn_predict_files(c, &c->m->fns[function])) return c->e->code;
  needs = (unsigned char *)nn_alloc((size_t)c->m->n_stores, 1);
  if (!needs) return nn_fail_memory(c->e);
  nn_function_needs(c->m, function, needs);
  if (!nn_cli_need_weights(c, "predict", needs)) nn_predict_run(c, function, needs);
  free(needs);
  return c->e->code;
}
