/* Weights between files and stores: see nn_weights.h. (MIT-0)
   Everything is compared before anything is written: a load either fills all or changes nothing. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_weights.h"

#include "nn_map.h"
#include "nn_read.h"
#include "nn_safetensors.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct nn_weight { /* a store and its name in the file */
  const nn_store *store;
  const char *name;
  int needed;              /* missing in the file: a difference */
  const nn_map_line *line; /* of the map, NULL: none is about it */
} nn_weight;

/* ---- loading */

/* Does the tensor fit the store? Otherwise a line for the list of differences. */
static int nn_weights_fit(const nn_weight *w, const nn_tensor *t, nn_text *differences) {
  nn_shape_buf got, want;
  const nn_store *s = w->store;
  if (!w->line && !nn_same_shape(s->rank, s->dims, t->rank, t->dims)) {
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

static int nn_weights_take(nn_session *s, const nn_weight *w, const nn_tensor *t, const char *path) {
  const unsigned char *from = t->data;
  unsigned char *turned = NULL;
  if (w->line && w->line->n_perm) {
    size_t size = nn_types[t->type].size;
    turned = (unsigned char *)nn_alloc(t->count, size);
    if (!turned) return nn_fail_memory(s->e);
    nn_transpose(w->line->n_perm, t->dims, w->line->perm, size, turned, from);
    from = turned;
  }
  if (nn_convert(w->store->dtype, nn_store_data(s, w->store), t->type, from, t->count) != t->count)
    nn_fail(s->e, NN_EXIT_CONTENT, "%s: `%s` holds a value too large for %s", path, w->name,
            nn_types[w->store->dtype].name);
  free(turned);
  return s->e->code;
}

static int nn_weights_fill(nn_session *s, const nn_safetensors *f, const nn_weight *w, size_t n,
                           const char *path) {
  size_t i;
  if (nn_stores_fetch(s)) return s->e->code;
  for (i = 0; i < n; i++) {
    const nn_tensor *t = nn_safetensors_find(f, w[i].name);
    if (t && nn_weights_take(s, &w[i], t, path)) return s->e->code;
  }
  return nn_stores_send(s);
}

/* A word of a map that is none of the names: says where, and which is near. */
static int nn_weights_unknown(nn_session *s, const nn_map *m, const nn_map_line *l, size_t column,
                              const char *text, const char *word, const char *where, const char *const *names,
                              size_t n) {
  const char *near = nn_nearest(word, names, n);
  return nn_fail(s->e, NN_EXIT_CONTENT, "%s:%zu:%zu: `%s` %s%s%s%s%s", m->path, l->line, column, word, text,
                 where, near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

/* Gives the line's store the name of its tensor. */
static int nn_weights_map_line(nn_session *s, const nn_map *m, const nn_map_line *l, const nn_safetensors *f,
                               const char *path, nn_weight *w, size_t n, int partial, const char **names) {
  const nn_tensor *t = nn_safetensors_find(f, l->source);
  int64_t dims[NN_MAX_RANK];
  nn_shape_buf got, want;
  size_t i, k;
  for (i = 0; i < n && strcmp(w[i].store->name, l->store); i++) {
  }
  if (i == n) {
    for (k = 0; k < n; k++) names[k] = w[k].store->name;
    return nn_weights_unknown(s, m, l, l->store_at, "is not loaded here", l->store, "", names, n);
  }
  if (w[i].line)
    return nn_fail(s->e, NN_EXIT_CONTENT, "%s:%zu:%zu: `%s` stands in line %zu too", m->path, l->line,
                   l->store_at, l->store, w[i].line->line);
  w[i].line = l;
  w[i].name = l->source;
  if (!t && partial) return 0;
  if (!t) {
    for (k = 0; k < f->n; k++) names[k] = f->tensors[k].name;
    return nn_weights_unknown(s, m, l, l->source_at, "is not in ", l->source, path, names, f->n);
  }
  if (!nn_map_dims(m, l, t->rank, t->dims, dims, s->e)) return s->e->code;
  if (nn_same_shape(w[i].store->rank, w[i].store->dims, t->rank, dims)) return 0;
  return nn_fail(s->e, NN_EXIT_CONTENT, "%s:%zu:%zu: `%s` %s shape %s, but `%s` has %s", m->path, l->line,
                 l->source_at, l->source, l->n_perm ? "gets the" : "has the",
                 nn_shape_text(&got, t->rank, dims), l->store,
                 nn_shape_text(&want, w[i].store->rank, w[i].store->dims));
}

static int nn_weights_map(nn_session *s, const nn_map *m, const nn_safetensors *f, const char *path,
                          nn_weight *w, size_t n, int partial) {
  const char **names = (const char **)nn_alloc(n + f->n, sizeof *names);
  size_t i;
  if (!names) return nn_fail_memory(s->e);
  for (i = 0; i < m->n && !s->e->code; i++)
    nn_weights_map_line(s, m, &m->lines[i], f, path, w, n, partial, names);
  free(names);
  return s->e->code;
}

/* `map`: NULL: the tensors have the names of `w`. */
static int nn_weights_from(nn_session *s, const char *path, const nn_map *map, nn_weight *w, size_t n,
                           int partial, int extra) {
  nn_safetensors f;
  nn_text differences, missing;
  size_t wrong;
  memset(&differences, 0, sizeof differences);
  memset(&missing, 0, sizeof missing);
  if (nn_safetensors_read(path, &f, s->e)) return s->e->code;
  if (map && nn_weights_map(s, map, &f, path, w, n, partial)) {
    nn_safetensors_free(&f);
    return s->e->code;
  }
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
  nn_weights_from(s, path, NULL, w, n, partial, 1);
  free(w);
  return s->e->code;
}

static int nn_weights_is_npy(const char *path) {
  size_t n = strlen(path);
  return n > 4 && !strcmp(path + n - 4, ".npy");
}

/* Below the output folder if it is there, else below the data folder; NULL: out of memory. */
static char *nn_weights_find(const nn_session *s, const char *file) {
  char *path = nn_path_join(s->out_dir, file);
  if (!path || access(path, F_OK) == 0) return path;
  free(path);
  return nn_path_join(s->data_dir, file);
}

int nn_weights_load_item(nn_session *s, const nn_file *file) {
  nn_weight *w = nn_weights_item(s->m, file);
  char *path = nn_weights_find(s, file->file), *map_path = file->map ? nn_weights_find(s, file->map) : NULL;
  nn_map map;
  memset(&map, 0, sizeof map);
  if (!w || !path || (file->map && !map_path))
    nn_fail_memory(s->e);
  else if (nn_weights_is_npy(path) && file->n == 1)
    nn_store_read_npy(s, w[0].store, path);
  else if (!map_path || !nn_map_read(&map, map_path, s->e))
    nn_weights_from(s, path, map_path ? &map : NULL, w, (size_t)file->n, file->partial, 0);
  nn_map_free(&map);
  free(map_path);
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
