// `import "file.nn" as m;`: the files that a model is made of, each read once however often it is named. Who
// reads them, and from where, is the caller's to say.
#ifndef NNC_FRONTEND_IMPORTS_H
#define NNC_FRONTEND_IMPORTS_H

#include "frontend/ast.h"
#include "ir/base/intern.h"

enum {
  MAX_IMPORT_DEPTH = 32,       // imports inside one another
  MAX_IMPORTS = 256,           // files
  MAX_IMPORTED_BYTES = 4 << 20 // of all of them
};

typedef struct Found {
  const char *name, *text; // the path as it is printed; NUL-terminated
  size_t len;
  const char *identity;      // the same for every path to one file
  const char *problem;       // NULL, or why there is no text: "can't be found"
  const char *const *looked; // the places that were tried
  uint32_t n_looked;
} Found;

typedef struct Loader {
  // What `path` means in the file `from` (its printed name).
  Found (*find)(void *user, const char *path, const char *from);
  void *user;
  const char *identity; // of the model's own file, "" if it has none
} Loader;

typedef struct Module {
  const File *file;
  const char *identity;
  const char *prefix;     // of its stores' paths: the file's stem; NULL: the model's own file
  const uint32_t *target; // of its i-th import statement: a module, NO_MODULE after an error
} Module;
#define NO_MODULE UINT32_MAX

typedef struct Modules {
  const Module *data; // the first is the model's own file
  uint32_t n;
} Modules;

// Reads and parses what `user` imports, directly or not. What is wrong is in diags, and is left out.
Modules import_files(const File *user, const Loader *loader, SourceMap *sources, Intern *names, Diags *diags,
                     Arena *a);

// "dir/blocks.nn" -> "blocks": letters, digits and `_`.
const char *file_stem(const char *path, Arena *a);

#endif
