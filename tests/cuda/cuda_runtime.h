/* What nvcc includes by itself; here the calls are all of it. */
#include "cuda_runtime_api.h"
