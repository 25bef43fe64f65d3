/* Files without a header, of examples of one size: raw arrays, CIFAR-10 and text. See nn_read.h. (MIT-0)
   The length alone says how many records there are, so it must be a multiple of one; windows of a text may
   leave a rest. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_read.h"

#include <string.h>

/* The number of records of `size` bytes, which `what` describes. */
static int nn_records_count(const nn_bytes *b, const char *name, size_t size, const char *what, int64_t *n,
                            nn_err *e) {
  if (b->n % size)
    return nn_fail(e, NN_EXIT_CONTENT, "%s: has %zu bytes, which is no multiple of the %zu of %s", name, b->n,
                   size, what);
  *n = (int64_t)(b->n / size);
  return 0;
}

static int nn_raw_elements(const nn_bytes *b, const char *name, const nn_raw_spec *spec, nn_array *a,
                           nn_err *e) {
  size_t size, i;
  nn_text what;
  nn_shape_buf shape;
  memset(&what, 0, sizeof what);
  if (!nn_size_mul(spec->count, nn_types[spec->type].size, &size) || !size)
    return nn_fail(e, NN_EXIT_CONTENT, "%s: an example without elements can't be counted", name);
  nn_shape_text(&shape, spec->rank, spec->dims);
  nn_text_addf(&what, "an example %s%s", nn_types[spec->type].name, spec->rank ? shape.s : "");
  nn_records_count(b, name, size, what.s ? what.s : "an example", &a->dims[0], e);
  nn_text_free(&what);
  a->type = spec->type;
  a->rank = 1 + spec->rank;
  for (i = 0; i < (size_t)spec->rank; i++) a->dims[i + 1] = spec->dims[i];
  a->count = (size_t)a->dims[0] * spec->count;
  a->data = b->p;
  for (i = 0; !e->code && a->type == NN_MASK && i < a->count; i++)
    if (a->data[i] > 1) nn_fail(e, NN_EXIT_CONTENT, "%s: byte %zu is neither true nor false", name, i);
  return e->code;
}

int nn_raw_parse(nn_bytes *b, const char *name, const nn_raw_spec *spec, nn_array *out, nn_err *e) {
  int code;
  memset(out, 0, sizeof *out);
  out->owned = b->p;
  code = nn_raw_elements(b, name, spec, out, e);
  if (code) nn_array_free(out);
  b->p = NULL;
  return code;
}

enum { NN_CIFAR_IMAGE = 3 * 32 * 32, NN_CIFAR_RECORD = 1 + NN_CIFAR_IMAGE, NN_CIFAR_LABELS = 10 };

/* The wanted part of each record moves to its place in front of the buffer. */
static int nn_cifar_records(const nn_bytes *b, const char *name, int images, nn_array *a, nn_err *e) {
  size_t i, n, part = images ? NN_CIFAR_IMAGE : 1;
  if (nn_records_count(b, name, NN_CIFAR_RECORD, "a CIFAR-10 record (a label and 3 x 32 x 32 pixels)",
                       &a->dims[0], e))
    return b->n % (NN_CIFAR_RECORD + 1) ? e->code : nn_note(e, "CIFAR-100 has two labels a record");
  n = (size_t)a->dims[0];
  for (i = 0; i < n; i++)
    if (b->p[i * NN_CIFAR_RECORD] >= NN_CIFAR_LABELS)
      return nn_fail(e, NN_EXIT_CONTENT, "%s: record %zu has the label %u; CIFAR-10 has 0 to 9", name, i,
                     (unsigned)b->p[i * NN_CIFAR_RECORD]);
  for (i = 0; i < n; i++) memmove(b->p + i * part, b->p + i * NN_CIFAR_RECORD + (images ? 1 : 0), part);
  a->type = NN_U8;
  a->rank = images ? 4 : 1;
  a->dims[1] = 3;
  a->dims[2] = a->dims[3] = 32;
  a->count = n * part;
  a->data = b->p;
  return 0;
}

int nn_cifar_parse(nn_bytes *b, const char *name, int images, nn_array *out, nn_err *e) {
  int code;
  memset(out, 0, sizeof *out);
  out->owned = b->p;
  code = nn_cifar_records(b, name, images, out, e);
  if (code) nn_array_free(out);
  b->p = NULL;
  return code;
}

int nn_text_parse(nn_bytes *b, const char *name, size_t window, size_t stride, nn_array *out, nn_err *e) {
  size_t n = b->n < window ? 0 : (b->n - window) / stride + 1;
  memset(out, 0, sizeof *out);
  out->owned = b->p;
  if (!n) nn_fail(e, NN_EXIT_CONTENT, "%s: has %zu bytes, too few for a window of %zu", name, b->n, window);
  out->type = NN_U8;
  out->rank = 2;
  out->dims[0] = (int64_t)n;
  out->dims[1] = (int64_t)window;
  out->count = n ? (n - 1) * stride + window : 0;
  out->data = b->p;
  if (e->code) nn_array_free(out);
  b->p = NULL;
  return e->code;
}

int nn_raw_read(const char *path, const nn_raw_spec *spec, nn_array *out, nn_err *e) {
  nn_bytes b;
  int code = nn_read_data(path, &b, e);
  return code ? code : nn_raw_parse(&b, path, spec, out, e);
}

int nn_cifar_read(const char *path, int images, nn_array *out, nn_err *e) {
  nn_bytes b;
  int code = nn_read_data(path, &b, e);
  return code ? code : nn_cifar_parse(&b, path, images, out, e);
}

int nn_text_read(const char *path, size_t window, size_t stride, nn_array *out, nn_err *e) {
  nn_bytes b;
  int code = nn_read_data(path, &b, e);
  return code ? code : nn_text_parse(&b, path, window, stride, out, e);
}
