// Writing results: to a temporary name beside the real one, renamed when whole, so that nothing is ever half
// written. Never over an input. Every function gives an exit code and has printed its message when that is
// not EXIT_DONE.
#ifndef NNC_DRIVER_OUTPUT_H
#define NNC_DRIVER_OUTPUT_H

#include "ir/base/arena.h"

#include <stddef.h>

typedef struct Output {
  const char *path; // what the user asked for
  const char *temp; // what to write to; equal to `path` for devices and pipes
} Output;

// Checks that `path` may be written (it is not `input`, not a folder) and creates the temporary file.
int output_begin(Output *out, const char *path, const char *input, Arena *a);
// Renames it into place.
int output_commit(const Output *out);
// Gives it up: removes the temporary file.
void output_drop(const Output *out);

// All of it for a text; "-" is the standard output.
int output_text(const char *path, const char *input, const char *text, size_t len, Arena *a);
// Puts a text in place of an existing file's, with its permissions; what a symbolic link points to is
// replaced, not the link.
int output_replace(const char *path, const char *text, size_t len, Arena *a);

#endif
