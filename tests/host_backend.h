// A backend for the tests of the host runtime: it computes by the model's own functions, in memory of its
// own, as a step begins, and shows results only at its end. What a program says and writes must not depend on
// it.
#ifndef HOST_BACKEND_H
#define HOST_BACKEND_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "nn_session.h"

typedef struct HostBackend {
  const nn_model *m;
  unsigned char *arena;
  struct {
    int function;
    size_t n;
    void **args;
    nn_fault fault;
  } calls[2];
  unsigned begun, ended;
} HostBackend;

static int host_backend_open(void *user, struct nn_err *e) {
  HostBackend *b = user;
  (void)e;
  b->arena = nn_alloc(b->m->arena_bytes, 1);
  ck_assert_ptr_nonnull(b->arena);
  memset(b->arena, 0xFF, b->m->arena_bytes); // nobody may rely on what was not sent
  return 0;
}

static void host_backend_close(void *user) {
  HostBackend *b = user;
  for (; b->ended != b->begun; b->ended++)
    nn_args_free(&b->m->fns[b->calls[b->ended % 2].function], b->calls[b->ended % 2].args);
  free(b->arena);
  b->arena = NULL;
}

static int host_backend_fetch(void *user, nn_ctx *c) {
  HostBackend *b = user;
  ck_assert_uint_eq(b->begun, b->ended);
  memcpy(c->arena, b->arena, nn_stores_bytes(b->m));
  return 0;
}

static int host_backend_send(void *user, nn_ctx *c) {
  HostBackend *b = user;
  ck_assert_uint_eq(b->begun, b->ended);
  memcpy(b->arena, c->arena, nn_stores_bytes(b->m));
  memset(c->arena, 0xFF, nn_stores_bytes(b->m)); // nobody may read them without a fetch
  return 0;
}

static int host_backend_start(void *user, nn_ctx *c, int function, size_t n, void *const *args) {
  HostBackend *b = user;
  const nn_function *f = &b->m->fns[function];
  unsigned before = b->begun - b->ended, slot = b->begun++ % 2;
  nn_ctx t = *c;
  ck_assert_uint_lt(before, 2);
  b->calls[slot].function = function;
  b->calls[slot].n = n;
  b->calls[slot].args = nn_args_new(f, n);
  ck_assert_ptr_nonnull(b->calls[slot].args);
  for (int i = 0; i < f->n_in; i++) memcpy(b->calls[slot].args[i], args[i], nn_arg_bytes(&f->in[i], n));
  t.arena = b->arena;
  t.n = n;
  t.step += before;
  t.batch_count += before;
  f->fn(&t, n, b->calls[slot].args);
  b->calls[slot].fault = t.fault;
  return 0;
}

static int host_backend_finish(void *user, nn_ctx *c, void *const *args) {
  HostBackend *b = user;
  unsigned slot = b->ended++ % 2;
  size_t n = b->calls[slot].n;
  const nn_function *f = &b->m->fns[b->calls[slot].function];
  for (int i = f->n_in; i < f->n_in + f->n_out; i++)
    memcpy(args[i], b->calls[slot].args[i], nn_arg_bytes(&f->out[i - f->n_in], n));
  nn_args_free(f, b->calls[slot].args);
  c->fault = b->calls[slot].fault;
  return c->fault.status;
}

static int host_backend_option(void *user, const char *name, const char *value, struct nn_err *e) {
  (void)user, (void)name, (void)value, (void)e;
  return 0;
}

static void host_backend_info(void *user, struct nn_text *t, int json) { (void)user, (void)t, (void)json; }

static const nn_backend host_backend = {host_backend_option, host_backend_open, host_backend_close,
                                        host_backend_fetch,  host_backend_send, host_backend_start,
                                        host_backend_finish, host_backend_info};

#endif
