// open(O_EXCL) a name beside the target, write, rename. Devices and pipes are written directly: renaming a
// file over /dev/null would replace it.
#define _XOPEN_SOURCE 700 // realpath
#include "driver/output.h"

#include "driver/exit_codes.h"
#include "driver/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cant_write(const char *path) {
  return complain(EXIT_SYSTEM, "can't write %s: %s", path, strerror(errno));
}

int output_begin(Output *out, const char *path, const char *input, Arena *a) {
  *out = (Output){path, path};
  struct stat to, from;
  if (stat(path, &to) == 0) {
    if (S_ISDIR(to.st_mode)) return complain(EXIT_SYSTEM, "can't write %s: it is a folder", path);
    if (input && stat(input, &from) == 0 && to.st_dev == from.st_dev && to.st_ino == from.st_ino)
      return complain(EXIT_USAGE, "the output %s would overwrite the input; name another with -o", path);
    if (!S_ISREG(to.st_mode)) return EXIT_DONE;
    // Renaming would get round a file that its owner made read-only.
    if (access(path, W_OK) != 0) return cant_write(path);
  }
  for (unsigned i = 0;; i++) {
    const char *temp = arena_printf(a, "%s.%ld-%u.tmp", path, (long)getpid(), i);
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd >= 0) {
      close(fd);
      out->temp = temp;
      return EXIT_DONE;
    }
    if (errno != EEXIST) return cant_write(path);
  }
}

void output_drop(const Output *out) {
  if (out->temp != out->path) unlink(out->temp);
}

int output_commit(const Output *out) {
  if (out->temp == out->path || rename(out->temp, out->path) == 0) return EXIT_DONE;
  int status = cant_write(out->path);
  output_drop(out);
  return status;
}

static int write_whole(const Output *out, const char *text, size_t len) {
  FILE *f = fopen(out->temp, "wb");
  bool ok = f && fwrite(text, 1, len, f) == len;
  ok = (!f || fclose(f) == 0) && ok;
  if (ok) return output_commit(out);
  int status = cant_write(out->path);
  output_drop(out);
  return status;
}

int output_text(const char *path, const char *input, const char *text, size_t len, Arena *a) {
  if (strcmp(path, "-") == 0) {
    fwrite(text, 1, len, stdout);
    return fflush(stdout) == 0 ? EXIT_DONE : cant_write("the standard output");
  }
  Output out;
  int status = output_begin(&out, path, input, a);
  return status == EXIT_DONE ? write_whole(&out, text, len) : status;
}

int output_replace(const char *path, const char *text, size_t len, Arena *a) {
  struct stat st;
  if (lstat(path, &st) != 0) return cant_write(path);
  if (S_ISLNK(st.st_mode)) {
    char *target = realpath(path, NULL);
    if (!target || stat(target, &st) != 0) {
      free(target);
      return cant_write(path);
    }
    path = arena_strdup(a, target);
    free(target);
  }
  Output out;
  int status = output_begin(&out, path, NULL, a);
  if (status != EXIT_DONE) return status;
  if (out.temp != out.path && chmod(out.temp, st.st_mode & 07777) != 0) {
    status = cant_write(path);
    output_drop(&out);
    return status;
  }
  return write_whole(&out, text, len);
}
