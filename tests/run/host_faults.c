// The n-th allocation or file operation fails, or the process is killed there: see host_faults.sh.
// The linker sends these calls here (--wrap); FAULT_AT counts down over all of them, FAULT_KILL kills instead.
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host_model.h"

static long left = -1;

static int fails(int error) {
  if (left < 0 || --left != 0) return 0;
  if (getenv("FAULT_KILL")) _exit(137);
  errno = error;
  return 1;
}

#define WRAP(type, name, params, args, error, failure)                                                       \
  type __real_##name params;                                                                                 \
  type __wrap_##name params { return fails(error) ? (failure) : __real_##name args; }

WRAP(void *, malloc, (size_t n), (n), ENOMEM, NULL)
WRAP(void *, realloc, (void *p, size_t n), (p, n), ENOMEM, NULL)
WRAP(int, posix_memalign, (void **p, size_t a, size_t n), (p, a, n), ENOMEM, ENOMEM)
WRAP(int, fstat, (int fd, struct stat *s), (fd, s), EIO, -1)
WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), EIO, -1)
WRAP(FILE *, fdopen, (int fd, const char *mode), (fd, mode), ENOMEM, NULL)
WRAP(int, fsync, (int fd), (fd), EIO, -1)
WRAP(int, rename, (const char *a, const char *b), (a, b), EIO, -1)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
  va_list a;
  va_start(a, flags);
  int mode = flags & O_CREAT ? va_arg(a, int) : 0;
  va_end(a);
  return fails(EMFILE) ? -1 : __real_open(path, flags, mode);
}

size_t __real_fwrite(const void *p, size_t size, size_t n, FILE *f);
size_t __wrap_fwrite(const void *p, size_t size, size_t n, FILE *f);
size_t __wrap_fwrite(const void *p, size_t size, size_t n, FILE *f) {
  return f != stdout && fails(ENOSPC) ? 0 : __real_fwrite(p, size, n, f);
}

int __real_fflush(FILE *f);
int __wrap_fflush(FILE *f);
int __wrap_fflush(FILE *f) { return f != stdout && fails(ENOSPC) ? EOF : __real_fflush(f); }

int __real_fclose(FILE *f);
int __wrap_fclose(FILE *f);
int __wrap_fclose(FILE *f) {
  int failed = fails(EIO), code = __real_fclose(f); // a failed fclose closes all the same
  if (failed) errno = EIO;
  return failed ? EOF : code;
}

int main(int argc, char **argv) {
  if (getenv("FAULT_AT")) left = atol(getenv("FAULT_AT"));
  int code = nn_main(&host_model, argc, argv);
  if (left > 0) close(__real_open("unmet", O_WRONLY | O_CREAT, 0666)); // there were fewer calls
  return code;
}
