// Diagnostics on stderr, as the options ask for them: text, perhaps in colour, or JSON.
#ifndef NNC_DRIVER_DIAGNOSE_H
#define NNC_DRIVER_DIAGNOSE_H

#include "driver/options.h"
#include "ir/base/diag.h"

void diagnose(const Diags *d, const Options *o);

#endif
