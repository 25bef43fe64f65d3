/* A model at work: its memory, its context, its data sets, and how its functions are called. (MIT-0)

   The arena holds the stores, then scratch, as the descriptor lays them out; only the stores where a backend
   computes (nn_model.h). A run-time fault in a call
   becomes an nn_err with the place in the model, the value and the range (exit 1), or exit 4 for a loss that
   is not finite. */
#ifndef NN_SESSION_H
#define NN_SESSION_H

#include "nn_array.h"

struct nn_dataset;

typedef struct nn_session {
  const nn_model *m;
  nn_ctx c;
  double *options;          /* as --set left them */
  const char *data_dir;     /* of data files and npy stores */
  const char *out_dir;      /* of what the model saves */
  struct nn_dataset **sets; /* of m->data; NULL: not loaded yet */
  int warn;                 /* notes may be printed to stderr */
  void (*before_print)(void *user); /* before a line of `print`; NULL: nothing is in its way */
  void *before_print_user;
  nn_err *e;
} nn_session;

int nn_session_open(nn_session *s, const nn_model *m, nn_err *e);
void nn_session_close(nn_session *s);
/* With a backend: brings the stores to the arena, before the host reads some of them or writes only some; sends
   them back after it wrote. */
int nn_stores_fetch(nn_session *s);
int nn_stores_send(nn_session *s);
/* Fresh values in every store: init, then the stores that an .npy file fills (unless skip_npy). */
int nn_session_init(nn_session *s, uint64_t seed, int skip_npy);
/* When an eval begins: the states that its function reads and an .npy file fills. */
int nn_eval_states_init(nn_session *s, int function);

/* The processor takes subnormal numbers for zero from here on, where it can. */
void nn_flush_subnormals(void);
/* Runs a function; 0 or the exit code. The caller may add to the message with nn_note. */
int nn_call(nn_session *s, int function, size_t n, void *const *args);
/* The same in two halves, so that a backend can be ahead of the host; without one, finish is the call. */
int nn_call_start(nn_session *s, int function, size_t n, void *const *args);
int nn_call_finish(nn_session *s, int function, size_t n, void *const *args);

/* Fills one store from a .npy file of its shape. */
int nn_store_read_npy(nn_session *s, const nn_store *t, const char *path);

unsigned char *nn_store_data(const nn_session *s, const nn_store *store);
/* Bytes of the arena that hold stores. */
size_t nn_stores_bytes(const nn_model *m);
/* Is it in weight files: parameters and states, not the slots of optimizers or the states of an eval. */
int nn_store_is_weight(const nn_store *store);
/* What `what` (an option, `save`) writes to `path` must replace no file that the model reads its data from. */
int nn_session_spare_data(nn_session *s, const char *what, const char *path);
/* Marks, by store, what a function reads; -1: no function. */
void nn_function_needs(const nn_model *m, int function, unsigned char *needs);

/* One element of axis i of an argument for the dynamic size n. */
int64_t nn_arg_dim(const nn_arg *a, int axis, size_t n);
/* Bytes of an argument for the dynamic size n. */
size_t nn_arg_bytes(const nn_arg *a, size_t n);
/* Arrays for the inputs and outputs of a function, for sizes up to n; freed by nn_args_free. */
void **nn_args_new(const nn_function *f, size_t n);
void nn_args_free(const nn_function *f, void **args);

#endif
