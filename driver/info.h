// `nnc info`: what a model is. Its layers in order of execution with shapes, parameters and work; functions,
// data, trainings. Everything is read off the program as it is written, before any pass and without planning
// memory.
#ifndef NNC_DRIVER_INFO_H
#define NNC_DRIVER_INFO_H

#include "codegen/cost.h"
#include "driver/layers.h"
#include "driver/options.h"
#include "passes/composites.h"

typedef struct InfoFn {
  int64_t n; // value of its dynamic size that `cost` is for
  Cost cost; // macs, flops; of a step: without derivatives and updates
} InfoFn;

// The models of which this function shows most: what of them it computes, and all their parameters.
typedef struct InfoTable {
  uint32_t fn;
  Layers layers;
  const Composite *composites;
  uint32_t n_composites;
} InfoTable;

typedef struct Info {
  const Program *p;
  const InfoFn *fns; // one per function of the program
  VEC(InfoTable) tables;
} Info;

// --function picks one function, whose layers are then all that is shown; --n the dynamic size (1).
int info_print(const Program *p, const Options *o, Arena *a);

// info_facts.c
// The layers a function reaches, and all that have stores, with all that stands in Layer but kernels and
// memory.
Layers info_layers(const Program *p, const Function *f, int64_t n, Arena *a);
Info info_facts(const Program *p, int64_t n, int32_t only, Arena *a); // only: a function, -1: all
const char *info_shape(const Shape *s, const char *symbol, Arena *a);
// info_json.c
void info_json(const Info *i, StrBuf *out);

#endif
