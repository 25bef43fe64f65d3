// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
// easy as 1, 2, 3" (SC 2011), section 4.3, with the constants of Random123. The interpreter's own:
// runtime/core has another, and the tests compare both with the published vectors.
#ifndef NNC_IR_PHILOX_H
#define NNC_IR_PHILOX_H

#include <stdint.h>

typedef struct PhiloxBlock {
  uint32_t w[4];
} PhiloxBlock;

PhiloxBlock philox4x32_10(const uint32_t counter[4], const uint32_t key[2]);

#endif
