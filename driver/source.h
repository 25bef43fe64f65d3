// Reads the model's text, telling what else it might be.
#ifndef NNC_DRIVER_SOURCE_H
#define NNC_DRIVER_SOURCE_H

#include "driver/reproducer.h"
#include "ir/base/arena.h"

enum { MAX_READ_BYTES = 256 << 20 }; // more is no source; the parser's own limit (E0802) is lower

// EXIT_DONE, or the exit code of the message printed: no such file, a folder, too long, not a text.
int source_read(const char *path, Text *out, Arena *a);
// The same of the standard input.
int source_read_stdin(Text *out, Arena *a);
// The same without a word on stderr: NULL, or what would be said, "can't open m.nn: No such file or directory".
const char *source_problem(const char *path, Text *out, int *status, Arena *a);

#endif
