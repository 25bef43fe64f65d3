// Resumes the model of host_model.h, as it is in memory, from a file's bytes, and runs it to its end.
#ifndef HOST_CHECKPOINT_H
#define HOST_CHECKPOINT_H

#include <stdlib.h>
#include <string.h>

#include "host_model.h"
#include "nn_run.h"

static const nn_part host_parts[] = {{"function `fit_step`", 0x1234}, {"data `points`", 0x5678}};

// The model with parts, and without what writes files.
static inline nn_model host_checkpoint_model(nn_train *train, nn_plan_item *item) {
  nn_model m = host_model;
  *item = host_items[0];
  *train = host_trains[0];
  train->items = item;
  train->n_items = 1;
  m.trains = train;
  m.parts = host_parts;
  m.n_parts = 2;
  return m;
}

// Puts the checksum right, so that what is behind it is reached.
static inline void host_checkpoint_seal(unsigned char *p, size_t n) {
  uint64_t end[2] = {n, 0};
  if (n < 32 || n % 8) return;
  end[1] = nn_pack_hash(p + 16, n - 32);
  memcpy(p + n - 16, end, sizeof end);
}

// Takes the bytes; the exit code.
static inline int host_checkpoint_run(nn_bytes *b, nn_err *e) {
  nn_train train;
  nn_plan_item item;
  nn_model m = host_checkpoint_model(&train, &item);
  nn_checkpoints keep;
  nn_session s;
  nn_logger g;
  nn_run_options o = {0};
  nn_runner r = {.s = &s, .log = &g, .o = &o, .e = e, .keep = &keep};
  memset(&s, 0, sizeof s);
  if (!nn_checkpoints_open(&keep, &m, "", e) && !nn_checkpoint_parse(&keep, b, "file", e) &&
      !nn_session_open(&s, &m, e) && !nn_logger_open(&g, 0, 1, NULL, e)) {
    keep.set.every = 0;
    nn_session_init(&s, 7, 1);
    if (!nn_run_load_data(&r, &train) && !nn_checkpoints_restore(&keep, &s) && !nn_run_resume(&r))
      nn_run_train(&r, &train);
    nn_logger_close(&g, e);
  }
  nn_session_close(&s);
  nn_checkpoints_close(&keep);
  return e->code;
}

#endif
