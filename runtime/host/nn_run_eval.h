/* One eval: all batches of its data, averaged; also what a loop needs to judge it (patience). (MIT-0) */
#ifndef NN_RUN_EVAL_H
#define NN_RUN_EVAL_H

#include "nn_run.h"

/* Stops a loop when the watched report no longer gets better. */
typedef struct nn_watch {
  const char *name;
  int mode_max;
  int64_t patience, worse; /* evals without a better value */
  int seen;
  double best;
  unsigned char *copy; /* the stores at the best */
  size_t bytes;
} nn_watch;

int nn_watch_open(nn_watch *w, nn_session *s, const nn_loop *loop);
/* Its state, written or read back. */
void nn_watch_walk(nn_watch *w, nn_pack *k);
/* Puts the best parameters and states back; optimizers keep their slots. */
void nn_watch_close(nn_watch *w, nn_session *s);

/* `epoch`: the one it is logged under. `watch` may be NULL. */
int nn_run_eval(nn_runner *r, const nn_eval *ev, uint64_t epoch, nn_watch *watch);

/* Example-weighted means of the reports of a step or an eval. */
typedef struct nn_means {
  const nn_function *f;
  double *sums, *weights; /* by value; a weight counts the examples of calls that made the report */
  nn_value *values;       /* what was reported last, or the means; outputs named "" are left out */
  int n_values;
  int n_losses; /* outputs named "" */
} nn_means;

int nn_means_open(nn_means *a, const nn_function *f, nn_err *e);
void nn_means_close(nn_means *a);
void nn_means_reset(nn_means *a);
/* Takes the outputs of one call over n examples; `values` are those of this call. */
void nn_means_add(nn_means *a, const nn_feed *feed, size_t n);
/* The sums, written or read back. */
void nn_means_walk(nn_means *a, nn_pack *k);
/* Turns `values` into the means. */
void nn_means_finish(nn_means *a);

typedef struct nn_evaluation { /* an eval at work */
  const nn_eval *ev;
  nn_feed feed;
  nn_means means;
  size_t left; /* examples */
} nn_evaluation;

void nn_evaluation_walk(nn_evaluation *v, nn_pack *k);

/* The number of reports that a function has. */
int nn_report_count(const nn_function *f);
/* Output i of f is a report with a name; *reported: the output that says whether it is made, -1: it always is. */
int nn_is_report(const nn_function *f, int i, int *reported);
/* Calls a function without inputs (then, finish, update); its reports go to values[0 .. nn_report_count), if not
   NULL. */
int nn_run_plain(nn_runner *r, int function, nn_value *values);

#endif
