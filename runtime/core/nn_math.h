/* The primitives of ir/prims.def. MIT-0. */
#ifndef NN_MATH_H
#define NN_MATH_H

#include "nn_scalar.h"
#include "nn_math_f64.h"
#include "nn_math_f32.h"

#endif
