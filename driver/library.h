// `nnc --library`: the header, the source and the weights of an embeddable library.
#ifndef NNC_DRIVER_LIBRARY_H
#define NNC_DRIVER_LIBRARY_H

#include "codegen/codegen.h"
#include "driver/options.h"
#include "driver/reproducer.h"
#include "ir/base/embedded.h"
#include "ir/program.h"
#include "nn_safetensors.h"

// One part of the library, by what its name ends in.
typedef struct LibraryFile {
  const char *suffix; // ".h", ".c", "_weights.c"
  Text text;
} LibraryFile;

typedef struct Library {
  const char *prefix;
  LibraryFile files[3];
  uint32_t n_files;
  const nn_tensor *tensors; // of PREFIX.safetensors; NULL: no such file
  size_t n_tensors;
  uint64_t ram, flash; // bytes
} Library;

// Wrong options of --library, before the model is read: EXIT_USAGE with a message.
int library_options(const Options *o, Arena *a);
// Makes all texts. `validate` sees each C text (its includes among `headers`) before it is accepted.
typedef int LibraryValidate(void *user, Text text, const EmbeddedFiles *headers, const TextMap *map);
int library_make(const Program *p, const Options *o, unsigned break_place, LibraryValidate *validate,
                 void *user, Library *out, Arena *a);
// Writes them, all or none.
int library_write(const Library *l, const Options *o, Arena *a);

#endif
