// Where `import "file.nn"` looks, and what was read: relative to the importing file, then the folders of -I.
#ifndef NNC_DRIVER_IMPORTED_H
#define NNC_DRIVER_IMPORTED_H

#include "driver/options.h"
#include "driver/reproducer.h"
#include "frontend/imports.h"
#include "ir/base/vec.h"

typedef struct Imported {
  const Options *o;
  Arena *arena;
  Reproducer *bug;                     // gets every text that is read
  VEC(const char *) paths, identities; // of the files read
  VEC(NamedText) texts;                // parallel
} Imported;

// The loader that the front end calls; `im` lives as long.
Loader imported_loader(Imported *im);
// EXIT_DONE, or after a message EXIT_USAGE: `path` is one of the files read.
int imported_spares(const Imported *im, const char *path);
// " a.nn b.nn", for make.
const char *imported_list(const Imported *im);

#endif
