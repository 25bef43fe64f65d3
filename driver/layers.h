// The instances of a program's layers as a tree of their paths, with numbers that a layer has together with
// all that lies in it; and the tree made short enough to read.
#ifndef NNC_DRIVER_LAYERS_H
#define NNC_DRIVER_LAYERS_H

#include "ir/base/intern.h"
#include "ir/base/map.h"
#include "ir/base/vec.h"

typedef enum Figure {
  FIG_PARAMETERS,
  FIG_MACS,
  FIG_FLOPS,
  FIG_READ,
  FIG_WRITTEN,
  FIG_KERNELS,
  FIG_SCRATCH,
  FIG_PEAK,
  FIG_COUNT
} Figure;

typedef struct Layer {
  const char *path, *name; // the name is the path's last part; "" is what belongs to no layer
  uint32_t depth;          // a model: 1; ""  too
  uint32_t size;           // rows of its subtree, itself included
  uint32_t alike; // folded: it stands for so many neighbours that have equal subtrees; figures are their sums
  const char *last; // folded: the name of the last of them
  int64_t figure[FIG_COUNT];
  const char *type, *output, *stores; // what a caller puts there; NULL: nothing
} Layer;

typedef struct Layers {
  Arena *a;
  Intern *names;
  Map at;
  VEC(Layer) rows; // by first appearance until they are finished, then each before its subtree
} Layers;

Layers layers_new(Arena *a);
// The layer of a path, made (with those around it) when it is new. Good until the next call.
Layer *layers_at(Layers *l, const char *path);
// Puts the rows in order and adds up.
void layers_finish(Layers *l);

// The rows down to `depth`, runs of equal neighbours as one row: layers that differ in nothing but the number
// at the end of their name. Depth 0 goes as deep as a page allows.
Layers layers_fold(const Layers *l, uint32_t depth);
// "conv2d_0", or "block_3..11 (9 alike)" of a folded row, indented by its depth.
const char *layer_label(const Layer *r, Arena *a);

#endif
