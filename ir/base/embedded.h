// Texts compiled into nnc by cmake/Embed.cmake: the standard library (frontend/std/*.nn, in nnc_frontend)
// and the runtime (runtime/core, host and cuda, in the driver). Sorted by name, so the same everywhere.
#ifndef NNC_BASE_EMBEDDED_H
#define NNC_BASE_EMBEDDED_H

#include <stddef.h>
#include <stdint.h>

typedef struct EmbeddedFile {
  const char *name;  // "std/layers.nn", "core/nn_core.h"
  const char *text;  // NUL-terminated
  size_t len;
} EmbeddedFile;

typedef struct EmbeddedFiles {
  const EmbeddedFile *files;
  uint32_t n;
} EmbeddedFiles;

extern const EmbeddedFiles embedded_std;      // linked with nnc_frontend
extern const EmbeddedFiles embedded_runtime;  // linked with the driver; the first file is runtime/LICENSE

#endif
