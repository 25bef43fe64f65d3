/* Runs the functions that `test` blocks become (ir/program.h, Test): `nnc test` calls this with its
   interpreter, and a program that has nn_test_main in place of nn_main. (MIT-0) */
#ifndef NN_TEST_H
#define NN_TEST_H

#include "nn_session.h"

#include <stdio.h>

/* Calls every function but init, stores as init makes them from seed 0, and writes for each an int64_t: 0,
   then its inputs and its outputs as they lie in memory; or the length of the message of a fault, then the
   message. A dynamic size has its largest value. The exit code is of what stops all tests. */
int nn_test_run(const nn_model *m, const char *data_dir, FILE *to, nn_err *e);

#endif
