/* Weights between files and stores: see nn_weights.h. (MIT-0)
   Everything is compared before anything is written: a load either fills all or changes nothing. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_weights.h"

#include "nn_read.h"
#include "nn_safetensors.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct nn_weight { /* a store and its name in the file */
  const nn_store *store;
  const char *name;
  int needed; /* missing in the file: a difference */
} nn_weight;

/* ---- loading */

/* Does the tensor fit the store? Otherwise a line for the list of differences. */
static int nn_weights_fit(const nn_weight *w, const nn_tensor *t, nn_text *differences) {
  nn_shape_buf got, want;
  const nn_store *s = w->store;
  if (!nn_same_shape(s->rank, s->dims, t->rank, t->dims)) {
    nn_text_addf(differences, "\n  `%s` has shape %s in the file, %s in the model", w->name,
                 nn_shape_text(&got, t->rank, t->dims), nn_shape_text(&want, s->rank, s->dims));
    return 0;
  }
  /* Weights convert between float types only; other types must be the same. */
  if (!nn_convertible(s->dtype, t->type) ||
      (nn_types[s->dtype].kind != 'f' && nn_types[s->dtype].size != nn_types[t->type].size)) {
    nn_text_addf(differences, "\n  `%s` is %s in the file, %s in the model", w->name, nn_types[t->type].name,
                 nn_types[s->dtype].name);
    return 0;
  }
  return 1;
}

/* Lists every difference; `extra`: tensors that no store takes are differences too. */
static size_t nn_weights_compare(const nn_safetensors *f, const nn_weight *w, size_t n, int partial,
                                 int extra, nn_text *differences, nn_text *missing) {
  size_t i, k, wrong = 0, found = 0;
  for (i = 0; i < n; i++) {
    const nn_tensor *t = nn_safetensors_find(f, w[i].name);
    if (t) {
      found++;
      wrong += !nn_weights_fit(&w[i], t, differences);
    } else if (!w[i].needed)
      continue;
    else if (partial)
      nn_text_addf(missing, "%s`%s`", missing->len ? ", " : "", w[i].name);
    else {
      wrong++;
      nn_text_addf(differences, "\n  `%s` is missing in the file", w[i].name);
    }
  }
  for (k = 0; extra && found < f->n && k < f->n; k++) {
    for (i = 0; i < n && strcmp(w[i].name, f->tensors[k].name); i++) {
    }
    if (i < n) continue;
    wrong++;
    nn_text_addf(differences, "\n  `%s` is in the file, but not in the model", f->tensors[k].name);
  }
  return wrong;
}

static int nn_weights_fill(nn_session *s, const nn_safetensors *f, const nn_weight *w, size_t n,
                           const char *path) {
  size_t i;
  if (nn_stores_fetch(s)) return s->e->code;
  for (i = 0; i < n; i++) {
    const nn_tensor *t = nn_safetensors_find(f, w[i].name);
    if (t &&
        nn_convert(w[i].store->dtype, nn_store_data(s, w[i].store), t->type, t->data, t->count) != t->count)
      return nn_fail(s->e, NN_EXIT_CONTENT, "%s: `%s` holds a value too large for %s", path, w[i].name,
                     nn_types[w[i].store->dtype].name);
  }
  return nn_stores_send(s);
}

static int nn_weights_from(nn_session *s, const char *path, const nn_weight *w, size_t n, int partial,
                           int extra) {
  nn_safetensors f;
  nn_text differences, missing;
  size_t wrong;
  memset(&differences, 0, sizeof differences);
  memset(&missing, 0, sizeof missing);
  if (nn_safetensors_read(path, &f, s->e)) return s->e->code;
  wrong = nn_weights_compare(&f, w, n, partial, extra, &differences, &missing);
  if (wrong)
    nn_fail(s->e, NN_EXIT_CONTENT, "%s: does not fit the model: %zu difference%s%s", path, wrong,
            wrong > 1 ? "s" : "", differences.s ? differences.s : "");
  else if (!nn_weights_fill(s, &f, w, n, path) && missing.len)
    fprintf(stderr, "note: %s: not in the file and left as they were: %s\n", path, missing.s);
  nn_text_free(&differences);
  nn_text_free(&missing);
  nn_safetensors_free(&f);
  return s->e->code;
}

/* The model's weights under their own names, or, with `needs`, all its stores; NULL: out of memory. */
static nn_weight *nn_weights_all(const nn_model *m, const unsigned char *needs, size_t *n) {
  nn_weight *w = (nn_weight *)nn_alloc((size_t)m->n_stores, sizeof *w);
  int i;
  *n = 0;
  for (i = 0; w && i < m->n_stores; i++)
    if (needs || nn_store_is_weight(&m->stores[i])) {
      w[*n].store = &m->stores[i];
      w[*n].needed = !needs || (needs[i] && nn_store_is_weight(&m->stores[i]));
      w[(*n)++].name = m->stores[i].name;
    }
  return w;
}

static nn_weight *nn_weights_item(const nn_model *m, const nn_file *file) {
  nn_weight *w = (nn_weight *)nn_alloc((size_t)file->n, sizeof *w);
  int i;
  for (i = 0; w && i < file->n; i++) {
    w[i].store = &m->stores[file->stores[i]];
    w[i].needed = 1;
    w[i].name = file->names[i];
  }
  return w;
}

int nn_weights_load(nn_session *s, const char *path, const unsigned char *needs, int partial) {
  size_t n;
  nn_weight *w = nn_weights_all(s->m, needs, &n);
  if (!w) return nn_fail_memory(s->e);
  nn_weights_from(s, path, w, n, partial, 1);
  free(w);
  return s->e->code;
}

static int nn_weights_is_npy(const char *path) {
  size_t n = strlen(path);
  return n > 4 && !strcmp(path + n - 4, ".npy");
}

int nn_weights_load_item(nn_session *s, const nn_file *file) {
  nn_weight *w = nn_weights_item(s->m, file);
  char *path = nn_path_join(s->out_dir, file->file);
  if (path && access(path, F_OK) != 0) {
    free(path);
    path = nn_path_join(s->data_dir, file->file);
  }
  if (!w || !path)
    nn_fail_memory(s->e);
  else if (nn_weights_is_npy(path) && file->n == 1)
    nn_store_read_npy(s, w[0].store, path);
  else
    nn_weights_from(s, path, w, (size_t)file->n, file->partial, 0);
  free(path);
  free(w);
  return s->e->code;
}

/* ---- saving */

static int nn_weights_to(nn_session *s, const char *path, const nn_weight *w, size_t n) {
  nn_tensor *t = (nn_tensor *)nn_alloc(n, sizeof *t);
  size_t i;
  int k;
  if (!t) return nn_fail_memory(s->e);
  for (i = 0; i < n; i++) {
    t[i].name = (char *)(uintptr_t)w[i].name; /* only read */
    t[i].type = w[i].store->dtype;
    t[i].rank = w[i].store->rank;
    for (k = 0; k < t[i].rank; k++) t[i].dims[k] = w[i].store->dims[k];
    t[i].count = w[i].store->count;
    t[i].data = nn_store_data(s, w[i].store);
  }
  nn_safetensors_write(path, t, n, s->e);
  free(t);
  return s->e->code;
}

int nn_weights_save(nn_session *s, const char *path) {
  size_t n;
  nn_weight *w;
  if (nn_stores_fetch(s)) return s->e->code;
  w = nn_weights_all(s->m, NULL, &n);
  if (!w) return nn_fail_memory(s->e);
  nn_weights_to(s, path, w, n);
  free(w);
  return s->e->code;
}

int nn_weights_save_item(nn_session *s, const nn_file *file) {
  nn_weight *w = nn_weights_item(s->m, file);
  char *path = nn_path_join(s->out_dir, file->file);
  if (!w || !path)
    nn_fail_memory(s->e);
  else if (!nn_stores_fetch(s) && !nn_make_folders(path, s->e)) {
    if (nn_weights_is_npy(path) && file->n == 1)
      nn_npy_write(path, w[0].store->dtype, w[0].store->rank, w[0].store->dims, nn_store_data(s, w[0].store),
                   s->e);
    else
      nn_weights_to(s, path, w, (size_t)file->n);
  }
  free(path);
  free(w);
  return s->e->code;
}
