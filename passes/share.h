// A program's equal functions made one. No pass: the passes have made equal graphs look equal before.
#ifndef NNC_PASSES_SHARE_H
#define NNC_PASSES_SHARE_H

#include "ir/program.h"

// Of the functions that train blocks call, those that compute the same of the same stores at the same places
// of the source (phases in a `for` make such) become the first of them.
void program_share(Program *p, Arena *a);

#endif
