/* What a running program tells: lines, a live bar, JSON events, a log file. (MIT-0)

   Text: on a terminal one live line (bar, epoch, step, samples/s, time left, smoothed reports) that is
   replaced by one kept line per epoch; elsewhere just those lines. JSON (--json, --log FILE.jsonl): one
   object a line,
     {"event":"step","train":"fit","phase":null,"epoch":1,"step":1,"loss":2.31}
   then "epoch" (example-weighted means), "eval" (with "eval":NAME), "done". Epochs and steps count from 1;
   numbers have 9 significant digits (17 for f64), null stands for one that is not finite. What is not
   reported this time is left out everywhere.
   --log FILE.csv: a line event,train,phase,eval,epoch,step,name,value for each value. */
#ifndef NN_LOGGER_H
#define NN_LOGGER_H

#include "nn_file.h"
#include "nn_model.h"
#include "nn_pack.h"

typedef struct nn_value {
  const char *name;
  double value;
  int digits;   /* significant: 9 or 17 */
  int left_out; /* not reported this time (`when`) */
} nn_value;

typedef struct nn_event {
  const char *event, *train, *phase, *eval; /* phase, eval: NULL: none */
  uint64_t epoch, step;
  const nn_value *values;
  int n_values;
} nn_event;

typedef struct nn_progress { /* of a loop, for the live line */
  uint64_t epoch, epochs;    /* the running one, from 1 */
  uint64_t step, steps;      /* done in this epoch, of all */
  uint64_t samples;          /* since the loop began */
} nn_progress;

typedef struct nn_smooth { /* an exponential mean over some 20 values, without a bias towards its start */
  double mean;
  int n; /* of values, 20 at most */
} nn_smooth;

typedef struct nn_logger {
  int json, quiet, live;
  FILE *out;
  nn_out file; /* --log; f NULL: none */
  int file_csv;
  double began, shown; /* seconds: of the loop, of the last live line */
  nn_smooth *smooth;   /* of the step reports */
  int n_smooth;
  nn_text odd;       /* the names that were not finite, each after a newline */
  nn_text line;      /* the kept line, as it grows: the epoch, then its evals */
  int failed;        /* out of memory for a line: said when closing */
  size_t live_width; /* characters of the live line on the screen */
} nn_logger;

int nn_logger_open(nn_logger *g, int json, int quiet, const char *file, nn_err *e);
int nn_logger_close(nn_logger *g, nn_err *e);

/* JSON and log file of one event. Of a value that is not finite there is a warning on standard error, one for
   each name. */
void nn_logger_event(nn_logger *g, const nn_event *v);
/* Begins a loop whose step has these reports. */
void nn_logger_loop(nn_logger *g, int n_values);
/* The live line after a step. */
void nn_logger_step(nn_logger *g, const nn_event *v, const nn_progress *p);
/* The kept line: text is added by the two, printed by the third. */
void nn_logger_epoch(nn_logger *g, const nn_event *v, const nn_progress *p);
void nn_logger_eval(nn_logger *g, const nn_event *v);
void nn_logger_flush(nn_logger *g);
/* What was told so far is seen, whatever happens now. */
void nn_logger_publish(nn_logger *g);
/* The kept line as far as it has grown, written or read back. */
void nn_logger_walk(nn_logger *g, nn_pack *k);
/* Removes the live line before something else is printed. */
void nn_logger_clear(nn_logger *g);

double nn_seconds(void);
void nn_json_string(nn_text *t, const char *s);
void nn_json_number(nn_text *t, double x, int digits);

#endif
