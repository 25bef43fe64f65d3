// Runs a tool: posix_spawn with an argument vector, no shell.
#ifndef NNC_DRIVER_SPAWN_H
#define NNC_DRIVER_SPAWN_H

#include "ir/base/strbuf.h"

#include <stddef.h>

// `argv` ends with NULL; `in` is what the tool reads on its standard input; both its outputs are appended to
// `out`. Gives its exit code, 128 + n when signal n ended it, -1 (with errno) when it could not be started.
int spawn_run(char *const argv[], const char *in, size_t in_len, StrBuf *out);

#endif
