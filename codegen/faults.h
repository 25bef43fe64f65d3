// Checks of indices at the beginning of a call.
#ifndef NNC_CODEGEN_FAULTS_H
#define NNC_CODEGEN_FAULTS_H

#include "codegen/plan.h"

// Inserts the checks and says which steps can still find a fault.
void check_early(FnPlan *f);

#endif
