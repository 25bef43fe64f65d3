/* The command line of a model program (embedding.md, "The program it makes"), and its commands. (MIT-0)

   An option is a row of the table in nn_main.c: its name, the name of its argument, the commands that know
   it, and the function that takes it. A command gets what was parsed and returns through nn_err. */
#ifndef NN_CLI_H
#define NN_CLI_H

#include "nn_run.h"

typedef struct nn_cli {
  const nn_model *m;
  nn_err *e;
  const char *data, *weights, *out, *save, *log;
  uint64_t seed;
  int has_seed, partial, json, quiet, help, resume;
  uint64_t every;       /* --checkpoint-every, 0: not given */
  nn_checkpoints *from; /* --resume: found; NULL: fresh */
  nn_run_options run;
  const char **set; /* NAME=V of each --set */
  size_t n_set;
  const char **outputs; /* of each -o */
  size_t n_outputs;
  const char **args; /* positional, after the command */
  size_t n_args;
  size_t args_before_o; /* how many of them stand before the first -o */
} nn_cli;

int nn_command_train(nn_cli *c);
int nn_command_eval(nn_cli *c);
int nn_command_predict(nn_cli *c);
int nn_command_info(nn_cli *c);

/* Opens a session as the command line says: options, fresh stores, weights. `needs` as for nn_weights_load.
 */
int nn_cli_session(nn_cli *c, nn_session *s, const unsigned char *needs);
/* An error where the command needs a weight and no --weights is given. */
int nn_cli_need_weights(nn_cli *c, const char *command, const unsigned char *needs);
/* "; did you mean `x`?", or "" when no name is near. */
const char *nn_cli_hint(const char *s, const char *const *names, size_t n, nn_text *into);
/* "N", "2*N + 1" or a number. */
void nn_cli_dim(nn_text *t, int64_t a, int64_t b);
/* "x: f32[N, 3]" */
void nn_cli_arg(nn_text *t, const nn_arg *a);
void nn_cli_usage(const nn_model *m, FILE *to);

#endif
