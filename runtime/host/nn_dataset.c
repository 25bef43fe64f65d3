/* The examples of a data block: see nn_dataset.h. (MIT-0)
   A table of readers gives an array for each source; one function checks and converts it, whatever the
   format. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_dataset.h"

#include "nn_random.h"
#include "nn_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void nn_permutation(uint64_t seed, uint32_t epoch, const char *name, uint32_t *order, uint32_t n) {
  uint32_t i, hash = nn_fnv1a(name);
  for (i = 0; i < n; i++) order[i] = i;
  for (i = n ? n - 1 : 0; i >= 1; i--) {
    uint32_t j = (uint32_t)floor(nn_philox_double(seed, i, epoch, 0, hash) * ((double)i + 1)), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
}

/* ---- sources: each reader gives an array whose first axis counts the examples */

static int nn_dataset_idx(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  (void)src;
  return nn_idx_read(path, a, s->e);
}

static int nn_dataset_npy(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  (void)src;
  return nn_npy_read(path, a, s->e);
}

/* A line becomes one example: its wanted cells are the elements, in order. */
static int nn_dataset_csv(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  nn_csv_spec spec;
  int i;
  memset(&spec, 0, sizeof spec);
  spec.type = src->dtype;
  spec.n_columns = src->columns || src->column_names ? src->n_columns : src->count;
  spec.columns = src->column_names ? NULL : src->columns;
  spec.column_names = src->column_names;
  spec.header = src->header;
  spec.sep = src->sep ? src->sep : ',';
  if (spec.n_columns != src->count)
    return nn_fail(s->e, NN_EXIT_CONTENT, "%s: field `%s` takes %zu column%s, but has %zu element%s", path,
                   src->field, spec.n_columns, spec.n_columns == 1 ? "" : "s", src->count,
                   src->count == 1 ? "" : "s");
  if (nn_csv_read(path, &spec, a, s->e)) return s->e->code;
  a->rank = 1 + src->rank;
  for (i = 0; i < src->rank; i++) a->dims[i + 1] = src->dims[i];
  return 0;
}

static int nn_dataset_rows(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  size_t i, size = nn_types[src->dtype].size;
  (void)path;
  memset(a, 0, sizeof *a);
  a->type = src->dtype;
  a->rank = 1 + src->rank;
  a->dims[0] = (int64_t)src->n_rows;
  for (i = 0; i < (size_t)src->rank; i++) a->dims[i + 1] = src->dims[i];
  a->count = src->n_rows * src->count;
  a->data = a->owned = (unsigned char *)nn_alloc(a->count, size);
  if (!a->data) return nn_fail_memory(s->e);
  for (i = 0; i < a->count; i++) {
    double x = src->rows[i];
    if (nn_types[src->dtype].kind == 'f')
      nn_put_real(src->dtype, a->data + i * size, x);
    else if (!(fabs(x) < 9.2e18) || !nn_put_int(src->dtype, a->data + i * size, (int64_t)x))
      return nn_fail(s->e, NN_EXIT_CONTENT, "rows of field `%s`: %.17g is not of type %s", src->field, x,
                     nn_types[src->dtype].name);
  }
  return 0;
}

static int nn_dataset_npz(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  return nn_npz_read(path, src->member, a, s->e);
}

/* The field's shape says whether it is the picture or its class. */
static int nn_dataset_images(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  nn_images_spec spec;
  spec.dims = src->rank ? src->dims : NULL;
  spec.scale = src->reshape;
  return nn_images_read(path, &spec, a, s->e);
}

static int nn_dataset_text(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  return nn_text_read(path, src->count, src->stride, a, s->e);
}

static int nn_dataset_raw(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  nn_raw_spec spec;
  spec.type = src->dtype;
  spec.rank = src->rank;
  spec.dims = src->dims;
  spec.count = src->count;
  return nn_raw_read(path, &spec, a, s->e);
}

/* The field's shape says which of the two it is. */
static int nn_dataset_cifar(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  return nn_cifar_read(path, src->rank > 0, a, s->e);
}

/* Examples that only the caller of a library has. */
static int nn_dataset_extern(nn_session *s, const nn_source *src, const char *path, nn_array *a) {
  (void)src, (void)a;
  return nn_fail(s->e, NN_EXIT_USAGE,
                 "%s: its examples come from the caller of a library (`extern`); a program has none", path);
}

static const struct nn_source_reader {
  int (*read)(nn_session *s, const nn_source *src, const char *path, nn_array *a);
} nn_source_readers[] = {{nn_dataset_idx},    {nn_dataset_csv},   {nn_dataset_npy},  {nn_dataset_rows},
                         {nn_dataset_raw},    {nn_dataset_cifar}, {nn_dataset_text}, {nn_dataset_npz},
                         {nn_dataset_images}, {nn_dataset_extern}};

/* Does the array hold [examples, shape of the field]? With `reshape` only the elements of an example count.
 */
static int nn_dataset_check(nn_session *s, const nn_source *src, const char *path, const nn_array *a) {
  nn_shape_buf got, want;
  size_t each;
  int fits =
      a->rank >= 1 && nn_dims_count(a->rank - 1, a->dims + 1, &each) &&
      (src->reshape ? each == src->count : nn_same_shape(a->rank - 1, a->dims + 1, src->rank, src->dims));
  if (!fits) {
    nn_shape_text(&got, a->rank, a->dims);
    nn_shape_text(&want, src->rank, src->dims);
    return nn_fail(s->e, NN_EXIT_CONTENT,
                   "%s: has shape %s; the first axis counts examples, and an example of field `%s` is %s%s",
                   path, got.s, src->field, nn_types[src->dtype].name, want.s);
  }
  if (!nn_convertible(src->dtype, a->type))
    return nn_fail(
        s->e, NN_EXIT_CONTENT,
        "%s: holds %s, which field `%s` of type %s can't take: only float to float and integer to a "
        "wider integer are converted (declare the file's type and use `cast`)",
        path, nn_types[a->type].name, src->field, nn_types[src->dtype].name);
  if (a->dims[0] == 0) return nn_fail(s->e, NN_EXIT_CONTENT, "%s: has no examples", path);
  if (a->dims[0] >= UINT32_MAX)
    return nn_fail(s->e, NN_EXIT_CONTENT, "%s: has %lld examples; the limit is 2^32 - 2", path,
                   (long long)a->dims[0]);
  return 0;
}

/* The part of the split: examples *lo .. *hi - 1 of its order. */
static int nn_dataset_part(nn_session *s, const nn_source *src, const char *path, uint32_t all, uint32_t *lo,
                           uint32_t *hi) {
  double before = 0, begin, end;
  size_t k;
  *lo = 0;
  *hi = all;
  if (!src->parts) return 0;
  for (k = 0; k < src->part; k++) before += src->parts[k];
  begin = rint(before * all);
  end = rint((before + src->parts[src->part]) * all);
  *lo = begin > all ? all : (uint32_t)begin;
  *hi = end > all ? all : (uint32_t)end;
  return *lo < *hi ? 0
                   : nn_fail(s->e, NN_EXIT_CONTENT, "%s: part %zu of its split has none of the %u example%s",
                             path, src->part + 1, (unsigned)all, all == 1 ? "" : "s");
}

/* Elements from an example to the next. */
static size_t nn_dataset_step(const nn_source *src) { return src->stride ? src->stride : src->count; }

unsigned char *nn_dataset_row(const nn_dataset *set, int k, uint32_t example) {
  const nn_source *src = &set->d->sources[k];
  return set->source[k] + example * nn_dataset_step(src) * nn_types[src->dtype].size;
}

/* The examples of the split's part, in the field's type. Those of a text stay in order, so that windows may
   overlap here too; others come in the order of the split's permutation. */
static int nn_dataset_take(nn_session *s, const nn_data *d, const nn_source *src, const char *path,
                           const nn_array *a, unsigned char **rows, uint32_t *n) {
  size_t size = nn_types[src->dtype].size, from = nn_types[a->type].size, step = nn_dataset_step(src),
         elements, k;
  uint32_t all = (uint32_t)a->dims[0], lo, hi, *order = NULL;
  if (nn_dataset_part(s, src, path, all, &lo, &hi)) return s->e->code;
  *n = hi - lo;
  elements = (*n - 1) * step + src->count;
  *rows = (unsigned char *)nn_alloc(elements, size);
  if (!*rows)
    return nn_fail(s->e, NN_EXIT_SYSTEM, "%s: out of memory for %u examples of %zu bytes", path, (unsigned)*n,
                   src->count * size);
  if (src->parts && !src->stride) {
    order = (uint32_t *)nn_alloc(all, sizeof *order);
    if (!order) return nn_fail_memory(s->e);
    nn_permutation(src->split_seed, UINT32_MAX, d->name, order, all);
  }
  for (k = 0; k < *n && !s->e->code; k++) {
    size_t i = order ? order[lo + k] : lo + k, count = k + 1 < *n && step < src->count ? step : src->count;
    if (nn_convert(src->dtype, *rows + k * step * size, a->type, a->data + i * step * from, count) != count)
      nn_fail(s->e, NN_EXIT_CONTENT, "%s: example %zu holds a value too large for %s", path, i,
              nn_types[src->dtype].name);
  }
  free(order);
  return s->e->code;
}

/* What messages call the source: its file, its array in the file; or the field. */
static void nn_dataset_label(nn_text *label, const nn_source *src, const char *path) {
  if (!src->path)
    nn_text_addf(label, "%sfield `%s`", src->kind == NN_SRC_ROWS ? "rows of " : "", src->field);
  else if (src->member)
    nn_text_addf(label, "%s: array `%s`", path, src->member);
  else
    nn_text_addf(label, "%s", path);
}

static int nn_dataset_source(nn_session *s, nn_dataset *set, int k) {
  const nn_source *src = &set->d->sources[k];
  nn_array a;
  nn_text label;
  uint32_t n = 0;
  char *path = nn_path_join(src->path ? s->data_dir : "", src->path ? src->path : "");
  memset(&a, 0, sizeof a);
  memset(&label, 0, sizeof label);
  if (path) nn_dataset_label(&label, src, path);
  if (!path || label.failed) {
    nn_fail_memory(s->e);
  } else if (!nn_source_readers[src->kind].read(s, src, src->path ? path : label.s, &a) &&
             !nn_dataset_check(s, src, label.s, &a) &&
             !nn_dataset_take(s, set->d, src, label.s, &a, &set->source[k], &n)) {
    if (k && n != set->n)
      nn_fail(s->e, NN_EXIT_CONTENT, "%s: gives %u examples, but field `%s` of the same data has %u", label.s,
              (unsigned)n, set->d->sources[0].field, (unsigned)set->n);
    set->n = n;
  }
  nn_array_free(&a);
  nn_text_free(&label);
  free(path);
  return s->e->code;
}

/* ---- computed fields */

int nn_dataset_prepare(nn_session *s, nn_dataset *set, uint32_t example, uint32_t epoch) {
  const nn_data *d = set->d;
  int k;
  for (k = 0; k < d->n_sources; k++) set->prepare_args[k] = nn_dataset_row(set, k, example);
  s->c.example = example;
  s->c.epoch_count = epoch;
  if (nn_call(s, d->prepare, 1, set->prepare_args))
    return nn_note(s->e, "in the computed fields of data `%s`, example %u (counted from 0)", d->label,
                   (unsigned)example);
  return 0;
}

/* Runs `prepare` over everything once, where that is allowed and fits. */
static int nn_dataset_keep(nn_session *s, nn_dataset *set) {
  const nn_data *d = set->d;
  const nn_function *f = &s->m->fns[d->prepare];
  size_t each = 0;
  uint32_t i;
  int k;
  for (k = 0; k < d->n_fields; k++)
    if (d->fields[k].source < 0) each += d->fields[k].count * nn_types[d->fields[k].dtype].size;
  if (!d->pure || each > ((size_t)2 << 30) / set->n) return 0;
  for (k = 0; k < d->n_fields; k++)
    if (d->fields[k].source < 0) {
      set->kept[k] =
          (unsigned char *)nn_alloc(set->n, d->fields[k].count * nn_types[d->fields[k].dtype].size);
      if (!set->kept[k]) return nn_fail_memory(s->e);
    }
  for (i = 0; i < set->n; i++) {
    if (nn_dataset_prepare(s, set, i, 0)) return s->e->code;
    for (k = 0; k < d->n_fields; k++)
      if (set->kept[k]) {
        size_t size = d->fields[k].count * nn_types[d->fields[k].dtype].size;
        memcpy(set->kept[k] + i * size, set->prepare_args[f->n_in + d->fields[k].result], size);
      }
  }
  return 0;
}

/* The arrays for the results of `prepare`; its inputs are the rows themselves. */
static int nn_dataset_prepare_open(nn_session *s, nn_dataset *set) {
  const nn_function *f = &s->m->fns[set->d->prepare];
  int k;
  set->prepare_fn = f;
  set->prepare_args = (void **)nn_alloc((size_t)(f->n_in + f->n_out), sizeof *set->prepare_args);
  if (!set->prepare_args) return nn_fail_memory(s->e);
  for (k = 0; k < f->n_out; k++)
    if (!(set->prepare_args[f->n_in + k] = nn_alloc(nn_arg_bytes(&f->out[k], 1), 1)))
      return nn_fail_memory(s->e);
  return nn_dataset_keep(s, set);
}

static int nn_dataset_read(nn_session *s, nn_dataset *set) {
  int k;
  for (k = 0; k < set->d->n_sources; k++)
    if (nn_dataset_source(s, set, k)) return s->e->code;
  if (!set->d->n_sources) return nn_fail(s->e, NN_EXIT_CONTENT, "data `%s` has no source", set->d->label);
  return set->d->prepare >= 0 ? nn_dataset_prepare_open(s, set) : 0;
}

int nn_dataset_get(nn_session *s, int index, nn_dataset **out) {
  nn_dataset *set = s->sets[index];
  if (!set) {
    set = s->sets[index] = (nn_dataset *)nn_alloc(1, sizeof *set);
    if (!set) return nn_fail_memory(s->e);
    set->d = &s->m->data[index];
    set->source = (unsigned char **)nn_alloc((size_t)set->d->n_sources, sizeof *set->source);
    set->kept = (unsigned char **)nn_alloc((size_t)set->d->n_fields, sizeof *set->kept);
    if (!set->source || !set->kept) return nn_fail_memory(s->e);
    if (nn_dataset_read(s, set)) return s->e->code;
  }
  *out = set;
  return 0;
}

void nn_dataset_free(nn_dataset *set) {
  int k;
  if (!set) return;
  for (k = 0; set->source && k < set->d->n_sources; k++) free(set->source[k]);
  for (k = 0; set->kept && k < set->d->n_fields; k++) free(set->kept[k]);
  for (k = 0; set->prepare_args && k < set->prepare_fn->n_out; k++)
    free(set->prepare_args[set->prepare_fn->n_in + k]);
  free(set->source);
  free(set->kept);
  free(set->prepare_args);
  free(set);
}
