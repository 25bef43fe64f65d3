// Input and output pass through unlinked temporary files, not pipes: nothing can block, and nothing is left
// behind whatever ends nnc.
#define _POSIX_C_SOURCE 200809L
#include "driver/spawn.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void read_back(FILE *f, StrBuf *out) {
  char part[4096];
  size_t n;
  rewind(f);
  while ((n = fread(part, 1, sizeof part, f)) > 0) sb_putn(out, part, n);
}

static int start_and_wait(char *const argv[], int in, int out) {
  posix_spawn_file_actions_t files;
  if (posix_spawn_file_actions_init(&files) != 0) return -1;
  posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
  pid_t pid;
  errno = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  if (errno) return -1;
  int status;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int spawn_run(char *const argv[], const char *in, size_t in_len, StrBuf *out) {
  FILE *from = tmpfile(), *to = from ? tmpfile() : NULL;
  int status = -1;
  if (to && fwrite(in, 1, in_len, from) == in_len && fflush(from) == 0 && fseek(from, 0, SEEK_SET) == 0) {
    status = start_and_wait(argv, fileno(from), fileno(to));
    int kept = errno;
    read_back(to, out);
    errno = kept;
  } else {
    errno = errno ? errno : EIO;
  }
  int kept = errno;
  if (from) fclose(from);
  if (to) fclose(to);
  errno = kept;
  return status;
}
