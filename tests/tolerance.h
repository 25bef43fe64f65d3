// The tolerances of the tests, once. All are relative to the scale of what is compared: the largest magnitude
// of the tensor.
#ifndef NNC_TESTS_TOLERANCE_H
#define NNC_TESTS_TOLERANCE_H

#define TOLERANCE_F64 1e-10 // interpreter and emitted C over whole trajectories
#define TOLERANCE_F32 1e-5  // one step from the same state
#define NEGLIGIBLE 1e-10    // differences below tolerance * this are rounding of numbers that should be zero

#endif
