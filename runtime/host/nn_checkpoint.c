/* Checkpoints: see nn_checkpoint.h. (MIT-0)
   Here are the files and their generations; what is in them is nn_checkpoint_body.c's and the plan's. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_checkpoint.h"

#include "nn_checkpoint_body.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char nn_checkpoint_magic[] = "nnc checkpoint 1";
enum { NN_MAGIC = 16, NN_TRAILER = 16 };

int nn_checkpoints_open(nn_checkpoints *c, const nn_model *m, const char *folder, nn_err *e) {
  nn_text t;
  memset(c, 0, sizeof *c);
  c->m = m;
  memset(&t, 0, sizeof t);
  nn_text_addf(&t, "%s.ckpt", m->name);
  if (t.s) c->path = nn_path_join(folder, t.s);
  nn_text_addf(&t, ".old");
  if (t.s && !t.failed) c->older = nn_path_join(folder, t.s);
  nn_text_free(&t);
  c->stores = (const unsigned char **)nn_alloc((size_t)m->n_stores, sizeof *c->stores);
  return c->path && c->older && c->stores ? 0 : nn_fail_memory(e);
}

void nn_checkpoints_close(nn_checkpoints *c) {
  if (c->out.f) nn_out_drop(&c->out);
  free(c->bytes.p);
  free(c->path);
  free(c->older);
  free(c->stores);
  memset(c, 0, sizeof *c);
}

/* ---- reading */

/* Whole, as it was written? */
static int nn_checkpoint_whole(const nn_bytes *b, const char *name, nn_err *e) {
  uint64_t end[2]; /* length, hash */
  if (b->n < NN_MAGIC || memcmp(b->p, nn_checkpoint_magic, NN_MAGIC) != 0)
    return nn_fail(e, NN_EXIT_CONTENT, "%s: is no checkpoint: it doesn't begin with `%s`", name,
                   nn_checkpoint_magic);
  if (b->n < NN_MAGIC + NN_TRAILER || b->n % 8)
    return nn_fail(e, NN_EXIT_CONTENT, "%s: is damaged: its length is wrong", name);
  memcpy(end, b->p + b->n - sizeof end, sizeof end);
  if (end[0] != b->n || end[1] != nn_pack_hash(b->p + NN_MAGIC, b->n - NN_MAGIC - sizeof end))
    return nn_fail(e, NN_EXIT_CONTENT, "%s: is damaged: its checksum is not that of its %zu bytes", name,
                   b->n);
  return 0;
}

int nn_checkpoint_parse(nn_checkpoints *c, nn_bytes *b, const char *name, nn_err *e) {
  free(c->bytes.p);
  c->bytes = *b;
  memset(b, 0, sizeof *b);
  if (nn_checkpoint_whole(&c->bytes, name, e)) return e->code;
  c->used = name;
  nn_pack_read(&c->rest, c->bytes.p + NN_MAGIC, c->bytes.n - NN_MAGIC - NN_TRAILER);
  return nn_body_read(c, &c->rest, name, e);
}

/* One that is whole; what else is wrong with it goes to *e, what says it isn't to *damage. */
static int nn_checkpoint_try(nn_checkpoints *c, const char *path, nn_err *damage, nn_err *e) {
  nn_bytes b;
  memset(&b, 0, sizeof b);
  if (nn_read_file(path, &b, damage) || nn_checkpoint_whole(&b, path, damage)) {
    free(b.p);
    return 0;
  }
  nn_checkpoint_parse(c, &b, path, e);
  return 1;
}

static int nn_checkpoint_none(nn_checkpoints *c, const nn_err *newest, const nn_err *older, int there,
                              nn_err *e) {
  if (!there && access(c->older, F_OK) != 0) {
    nn_fail(e, NN_EXIT_SYSTEM, "--resume: there is no checkpoint %s", c->path);
    return nn_note(e, "a run with --checkpoint-every writes it; --out says where");
  }
  nn_fail(e, there ? newest->code : older->code, "%s", there ? newest->text.s : older->text.s);
  if (there && access(c->older, F_OK) == 0) nn_note(e, "nor is the one before it whole: %s", older->text.s);
  return e->code;
}

int nn_checkpoints_find(nn_checkpoints *c, nn_err *e) {
  nn_err newest, older;
  int there = access(c->path, F_OK) == 0;
  nn_out_tidy(c->path);
  memset(&newest, 0, sizeof newest);
  memset(&older, 0, sizeof older);
  if (!nn_checkpoint_try(c, c->path, &newest, e)) {
    c->broken = there;
    if (!nn_checkpoint_try(c, c->older, &older, e))
      nn_checkpoint_none(c, &newest, &older, there, e);
    else if (!e->code)
      fprintf(stderr, "warning: %s\n  = note: the one before it is used: %s\n", newest.text.s, c->older);
  }
  nn_err_free(&newest);
  nn_err_free(&older);
  return e->code;
}

int nn_checkpoints_restore(nn_checkpoints *c, nn_session *s) {
  int i;
  if (nn_body_progress(c, s, &c->rest)) return s->e->code;
  if (nn_stores_fetch(s)) return s->e->code;
  for (i = 0; i < s->m->n_stores; i++) {
    const nn_store *t = &s->m->stores[i];
    size_t bytes = t->count * nn_types[t->dtype].size;
    if (bytes && nn_store_is_saved(t)) memcpy(nn_store_data(s, t), c->stores[i], bytes);
  }
  c->saved = c->steps;
  c->has_saved = !c->broken;
  return nn_stores_send(s);
}

int nn_checkpoints_resumed(nn_checkpoints *c, nn_err *e) {
  if (c->rest.bad || c->rest.left) return nn_body_wrong(c->used, e);
  free(c->bytes.p);
  memset(&c->bytes, 0, sizeof c->bytes);
  return 0;
}

/* ---- writing */

int nn_checkpoints_due(const nn_checkpoints *c, uint64_t steps) {
  return c->set.every && steps % c->set.every == 0;
}

/* The first parameter that holds a number which is not finite. */
static const char *nn_checkpoint_diverged(const nn_session *s) {
  int i;
  size_t k;
  for (i = 0; i < s->m->n_stores; i++) {
    const nn_store *t = &s->m->stores[i];
    const unsigned char *p = nn_store_data(s, t);
    if (t->kind != NN_PARAM || nn_types[t->dtype].kind != 'f') continue;
    for (k = 0; k < t->count; k++)
      if (!isfinite(nn_get_real(t->dtype, p + k * nn_types[t->dtype].size))) return t->name;
  }
  return NULL;
}

int nn_checkpoint_begin(nn_checkpoints *c, nn_session *s, nn_pack *k) {
  memset(k, 0, sizeof *k);
  if (nn_stores_fetch(s)) return s->e->code;
  c->diverged = nn_checkpoint_diverged(s);
  if (c->diverged) return 0;
  if (!c->tidy) nn_out_tidy(c->path);
  c->tidy = 1;
  if (nn_make_folders(c->path, s->e) || nn_out_open(&c->out, c->path, s->e)) return s->e->code;
  nn_out_write(&c->out, nn_checkpoint_magic, NN_MAGIC);
  nn_pack_write(k, &c->out);
  nn_body_write(c, s, k);
  return 0;
}

int nn_checkpoint_end(nn_checkpoints *c, nn_pack *k, nn_err *e) {
  uint64_t end[2];
  end[0] = NN_MAGIC + k->written + sizeof end;
  end[1] = k->hash;
  nn_out_write(&c->out, end, sizeof end);
  c->out.keep = c->broken ? NULL : c->older;
  if (nn_out_close(&c->out, e))
    return c->has_saved
               ? nn_note(e, "the checkpoint of step %llu is still good", (unsigned long long)c->saved)
               : e->code;
  c->broken = 0;
  c->saved = c->steps;
  c->has_saved = 1;
  return 0;
}
