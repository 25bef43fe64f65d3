// Memory and cost of a planned program, as numbers. The driver prints them (`nnc report`).
#ifndef NNC_CODEGEN_REPORT_H
#define NNC_CODEGEN_REPORT_H

#include "codegen/cost.h"

typedef struct ReportStep {
  const char *kind; // "kernel", "loop", "optimizer", "copy"
  const char *what; // "dot", "map", "Adam", "copy", …
  const char *path; // of the node that opened it, "" outside of layers
  Span span;
  Cost cost;
  int64_t live_bytes; // of scratch while it runs
} ReportStep;

typedef struct ReportLayer { // one instance path and not what lies below it
  const char *path;          // "": outside of layers
  Cost cost;
  int64_t parameters;    // elements
  int64_t scratch_bytes; // of all buffers it ever needs
  int64_t peak_bytes;    // of those alive when most is
} ReportLayer;

typedef struct ReportFn {
  const Function *fn;
  int64_t n; // value of its dynamic size that costs are for; memory is always for the bound
  Cost cost;
  int64_t parameters;    // elements of those it reads or updates
  int64_t scratch_bytes; // planned
  int64_t bound_bytes;   // the largest set alive at one time: no plan of this order needs less
  uint32_t peak;         // the step when that is
  const ReportStep *steps;
  uint32_t n_steps;
  const ReportLayer *layers; // in order of first appearance; their sums are the function's numbers
  uint32_t n_layers;
} ReportFn;

typedef struct Report {
  const Program *program;
  int64_t store_bytes; // the persistent part of the arena
  int64_t arena_bytes; // enough for every function
  const ReportFn *fns; // one per function of the program
} Report;

// Of the C program, or of the one for a GPU (its arrays are aligned more).
// Costs at the dynamic size n, or at a function's bound where that is less or n is 0. The graphs as for
// codegen_c.
Report codegen_report(const Program *p, bool device, int64_t n, Arena *a);

#endif
