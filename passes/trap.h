// -ftrap-nan: which operations are to be named where a NaN came from. No pass: after them all, and the graphs
// stay as they are, so that what the program computes is the same but for what is in its NaNs.
#ifndef NNC_PASSES_TRAP_H
#define NNC_PASSES_TRAP_H

#include "ir/program.h"

// Numbers the nodes that can make a NaN of other numbers, function by function, those of a loop's body where
// the loop stands.
void program_trap_nan(Program *p);

// Calls visit for each of them, in the order of their numbers.
void program_traps(const Program *p, void (*visit)(void *user, const Node *n), void *user);

#endif
