// `nnc test`: the test blocks of a model become a program of their own, which runs in the interpreter and as
// compiled C; both must find that every assertion holds.
#ifndef NNC_DRIVER_TEST_H
#define NNC_DRIVER_TEST_H

#include "driver/options.h"
#include "ir/base/strbuf.h"
#include "ir/program.h"

// Makes an executable of a program whose main is nn_test_main.
typedef int TestCompile(void *user, const Program *p, const char *path);

// `p`: after the passes. Gives the exit code: EXIT_FAILED where a test fails.
int test_run(const Program *p, const Options *o, TestCompile *compile, void *user, Arena *a);

// What one run of a test gave: the inputs and results of its function, or why it stopped.
typedef struct TestValues {
  const char *fault; // NULL: it did not
  const unsigned char *const *args;
} TestValues;

// One line, and one or more for each assertion that fails in either run; false when one does.
bool test_report(const Program *p, const Test *t, const TestValues *interpreted, const TestValues *compiled,
                 StrBuf *out, Arena *a);

#endif
