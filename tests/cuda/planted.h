// Before a text with planted errors (plant.awk): NN_PLANTED=number in the environment switches one of them
// on.
#ifndef NN_CUDA_PLANTED_H
#define NN_CUDA_PLANTED_H

#include <stdlib.h>

static double nn_planted;
__attribute__((constructor)) static void nn_planted_read(void) {
  const char *text = getenv("NN_PLANTED");
  nn_planted = text ? atof(text) : 0;
}
#define NN_PLANTED(number) (nn_planted == (number))
#define NN_ASKED(number, ...) (NN_PLANTED(number) ? 0 : nn_cuda_launched(__VA_ARGS__))
#define NN_CHECKED(number, check, d, call, ...)                                                              \
  (NN_PLANTED(number) ? ((void)(call), 0) : check(d, call, __VA_ARGS__))
#define NN_CALLED(number, call, ...) (NN_PLANTED(number) ? ((void)call(__VA_ARGS__), 0) : call(__VA_ARGS__))

#endif
