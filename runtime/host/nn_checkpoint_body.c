/* What a checkpoint says before the position: see nn_checkpoint_body.h. (MIT-0)
   Everything is compared before anything is taken, and all differences are listed. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_checkpoint_body.h"

#include "nn_dataset.h"

#include <stdlib.h>
#include <string.h>

typedef struct nn_differences {
  nn_text text;
  unsigned n;
  unsigned char *seen; /* by part, then by store, of the model */
} nn_differences;

static int nn_is_text(const char *s, const char *t, size_t n) { return strlen(s) == n && !memcmp(s, t, n); }

int nn_body_wrong(const char *name, nn_err *e) {
  return nn_fail(e, NN_EXIT_CONTENT, "%s: is no checkpoint of this version of nnc", name);
}

/* ---- parts of the model */

static void nn_parts_write(const nn_model *m, nn_pack *k) {
  int i;
  nn_pack_put_text(k, m->version ? m->version : "");
  nn_pack_put_u64(k, (uint64_t)m->n_parts);
  for (i = 0; i < m->n_parts; i++) {
    nn_pack_put_text(k, m->parts[i].what);
    nn_pack_put_u64(k, m->parts[i].hash);
  }
}

static void nn_parts_compare(const nn_model *m, nn_pack *k, nn_differences *d) {
  const char *what;
  size_t n;
  uint64_t i, count, hash;
  int p;
  nn_pack_get_text(k, &what, &n);
  for (i = 0, count = nn_pack_get_u64(k); i < count && !k->bad; i++) {
    nn_pack_get_text(k, &what, &n);
    hash = nn_pack_get_u64(k);
    for (p = 0; p < m->n_parts && !nn_is_text(m->parts[p].what, what, n); p++) {
    }
    if (p < m->n_parts) {
      d->seen[p] = 1;
      if (hash == m->parts[p].hash) continue;
    }
    d->n++;
    nn_text_addf(&d->text, p < m->n_parts ? "\n  %.*s is not the same" : "\n  %.*s is in the checkpoint only",
                 (int)n, what);
  }
  for (p = 0; p < m->n_parts && !k->bad; p++)
    if (!d->seen[p]) {
      d->n++;
      nn_text_addf(&d->text, "\n  %s is in the model only", m->parts[p].what);
    }
}

/* ---- settings */

static void nn_settings_walk(nn_checkpoints *c, nn_pack *k) {
  nn_run_settings *t = &c->set;
  uint64_t *const fields[] = {&t->seed, &t->epochs, &t->steps, &t->no_shuffle, &t->every};
  size_t i;
  for (i = 0; i < sizeof fields / sizeof *fields; i++) nn_pack_u64(k, fields[i]);
  nn_pack_upto(k, &t->first, (uint64_t)c->m->n_trains);
  nn_pack_upto(k, &t->n, (uint64_t)c->m->n_trains);
  if (t->n > (uint64_t)c->m->n_trains - t->first) k->bad = 1;
}

static void nn_options_write(const nn_session *s, nn_pack *k) {
  int i;
  nn_pack_put_u64(k, (uint64_t)s->m->n_options);
  for (i = 0; i < s->m->n_options; i++) nn_pack_put_text(k, s->m->options[i].name);
  nn_pack_bytes(k, s->options, (size_t)s->m->n_options * sizeof *s->options);
}

static void nn_options_read(nn_checkpoints *c, nn_pack *k, nn_differences *d) {
  const nn_model *m = c->m;
  uint64_t i, count = nn_pack_get_u64(k);
  int wrong = count != (uint64_t)m->n_options;
  for (i = 0; i < count && !k->bad; i++) {
    const char *name;
    size_t n;
    nn_pack_get_text(k, &name, &n);
    wrong |= i < (uint64_t)m->n_options && !nn_is_text(m->options[i].name, name, n);
  }
  if (k->bad || count > k->left / sizeof(double)) {
    k->bad = 1;
    return;
  }
  c->options = nn_pack_get(k, (size_t)count * sizeof(double));
  if (!wrong) return;
  d->n++;
  nn_text_addf(&d->text, "\n  the options of --set have other names");
}

/* ---- stores */

int nn_store_is_saved(const nn_store *t) { return t->kind != NN_INVARIANT; }

static void nn_stores_write(const nn_session *s, nn_pack *k) {
  uint64_t n = 0;
  int i;
  for (i = 0; i < s->m->n_stores; i++) n += (uint64_t)nn_store_is_saved(&s->m->stores[i]);
  nn_pack_put_u64(k, n);
  for (i = 0; i < s->m->n_stores; i++) {
    const nn_store *t = &s->m->stores[i];
    int axis;
    if (!nn_store_is_saved(t)) continue;
    nn_pack_put_text(k, t->name);
    nn_pack_put_u64(k, (uint64_t)t->kind);
    nn_pack_put_u64(k, (uint64_t)t->dtype);
    nn_pack_put_u64(k, (uint64_t)t->rank);
    for (axis = 0; axis < t->rank; axis++) nn_pack_put_u64(k, (uint64_t)t->dims[axis]);
    nn_pack_bytes(k, nn_store_data(s, t), t->count * nn_types[t->dtype].size);
  }
}

/* Its type and shape in the file; gives how many bytes that is. */
static size_t nn_store_shape(nn_pack *k, uint64_t *kind, uint64_t *type, uint64_t *rank, int64_t *dims) {
  size_t count = 0, bytes = 0;
  uint64_t axis, size;
  nn_pack_upto(k, kind, NN_INVARIANT);
  nn_pack_upto(k, type, NN_MASK);
  nn_pack_upto(k, rank, NN_MAX_RANK);
  for (axis = 0; axis < *rank; axis++) {
    nn_pack_upto(k, &size, INT64_MAX);
    dims[axis] = (int64_t)size;
  }
  if (!nn_dims_count((int)*rank, dims, &count) && !k->bad)
    for (k->bad = 1, axis = 0; axis < *rank; axis++)
      if (!dims[axis]) k->bad = 0; /* no elements, whatever the other axes */
  if (!nn_size_mul(count, nn_types[*type].size, &bytes)) k->bad = 1;
  return bytes;
}

static void nn_store_compare(const nn_store *t, uint64_t kind, uint64_t type, uint64_t rank,
                             const int64_t *dims, nn_differences *d) {
  nn_shape_buf got, want;
  if (nn_same_shape(t->rank, t->dims, (int)rank, dims) && (int)type == t->dtype && (int)kind == (int)t->kind)
    return;
  d->n++;
  nn_text_addf(&d->text, "\n  `%s` is %s%s in the checkpoint, %s%s in the model", t->name,
               nn_types[type].name, nn_shape_text(&got, (int)rank, dims), nn_types[t->dtype].name,
               nn_shape_text(&want, t->rank, t->dims));
  if ((int)kind != (int)t->kind) nn_text_addf(&d->text, ", where it is of another kind");
}

static void nn_stores_read(nn_checkpoints *c, nn_pack *k, nn_differences *d) {
  const nn_model *m = c->m;
  uint64_t i, count = nn_pack_get_u64(k), kind, type, rank;
  int t;
  for (i = 0; i < count && !k->bad; i++) {
    const char *name;
    const unsigned char *data;
    size_t n, bytes;
    int64_t dims[NN_MAX_RANK];
    nn_pack_get_text(k, &name, &n);
    bytes = nn_store_shape(k, &kind, &type, &rank, dims);
    data = nn_pack_get(k, bytes);
    if (k->bad) return;
    for (t = 0; t < m->n_stores && !nn_is_text(m->stores[t].name, name, n); t++) {
    }
    if (t == m->n_stores) {
      d->n++;
      nn_text_addf(&d->text, "\n  `%.*s` is in the checkpoint only", (int)n, name);
      continue;
    }
    c->stores[t] = data;
    nn_store_compare(&m->stores[t], kind, type, rank, dims, d);
  }
  for (t = 0; t < m->n_stores && !k->bad; t++)
    if (!c->stores[t] && nn_store_is_saved(&m->stores[t])) {
      d->n++;
      nn_text_addf(&d->text, "\n  `%s` is in the model only", m->stores[t].name);
    }
}

/* ---- progress */

static uint64_t nn_set_size(const nn_session *s, int data) { return s->sets[data] ? s->sets[data]->n : 0; }

static void nn_context_walk(nn_checkpoints *c, nn_ctx *x, nn_pack *k) {
  const uint64_t most = UINT64_C(1) << 53; /* a double counts so far */
  uint64_t batches = x->batch_count, step = (uint64_t)x->step, epoch = (uint64_t)x->epoch;
  nn_pack_upto(k, &batches, UINT32_MAX);
  nn_pack_upto(k, &step, most);
  nn_pack_upto(k, &epoch, most);
  x->batch_count = (uint32_t)batches;
  x->step = (double)step;
  x->epoch = (double)epoch;
  nn_pack_u64(k, &c->steps);
}

int nn_body_progress(nn_checkpoints *c, nn_session *s, nn_pack *k) {
  const nn_model *m = c->m;
  int i;
  if (nn_pack_get_u64(k) != (uint64_t)m->n_data) k->bad = 1;
  for (i = 0; i < m->n_data && !k->bad; i++) {
    uint64_t n = nn_pack_get_u64(k);
    if (n != nn_set_size(s, i) && !k->bad)
      return nn_fail(s->e, NN_EXIT_CONTENT,
                     "%s: data `%s` has %llu examples now, it had %llu when the checkpoint was made", c->used,
                     m->data[i].label, (unsigned long long)nn_set_size(s, i), (unsigned long long)n);
  }
  nn_context_walk(c, &s->c, k);
  return k->bad ? nn_body_wrong(c->used, s->e) : 0;
}

/* ---- all of it */

void nn_body_write(nn_checkpoints *c, const nn_session *s, nn_pack *k) {
  nn_ctx x = s->c;
  int i;
  nn_parts_write(c->m, k);
  nn_settings_walk(c, k);
  nn_options_write(s, k);
  nn_stores_write(s, k);
  nn_pack_put_u64(k, (uint64_t)c->m->n_data);
  for (i = 0; i < c->m->n_data; i++) nn_pack_put_u64(k, nn_set_size(s, i));
  nn_context_walk(c, &x, k);
}

int nn_body_read(nn_checkpoints *c, nn_pack *k, const char *name, nn_err *e) {
  nn_differences d;
  memset(&d, 0, sizeof d);
  d.seen = (unsigned char *)nn_alloc((size_t)c->m->n_parts, 1);
  if (!d.seen) return nn_fail_memory(e);
  nn_parts_compare(c->m, k, &d);
  if (!k->bad && !d.n) nn_settings_walk(c, k); /* of another model's train blocks they say nothing */
  if (!k->bad && d.n) (void)nn_pack_get(k, sizeof c->set);
  nn_options_read(c, k, &d);
  nn_stores_read(c, k, &d);
  if (k->bad)
    nn_body_wrong(name, e);
  else if (d.text.failed)
    nn_fail_memory(e);
  else if (d.n)
    nn_fail(e, NN_EXIT_CONTENT, "%s: is a checkpoint of another model: %u difference%s%s", name, d.n,
            d.n > 1 ? "s" : "", d.text.s);
  free(d.seen);
  nn_text_free(&d.text);
  return e->code;
}
