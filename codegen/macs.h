// Multiply-accumulates of a function: those of its contractions and convolutions, at a given dynamic size.
#ifndef NNC_CODEGEN_MACS_H
#define NNC_CODEGEN_MACS_H

#include "ir/graph.h"

uint64_t graph_macs(const Graph *g, int64_t n);

#endif
