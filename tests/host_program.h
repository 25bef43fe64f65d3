// Runs nn_main() of a model in a child process, in a folder of its own, and keeps what it printed.
#ifndef HOST_PROGRAM_H
#define HOST_PROGRAM_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host_backend.h"
#include "nn_file.h"
#include "nn_model.h"

typedef struct HostResult {
  int code;
  char out[32768], err[8192];
} HostResult;

static char host_folder[64];

static inline void host_folder_open(void) {
  strcpy(host_folder, "/tmp/nnc-host-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(host_folder));
  ck_assert_int_eq(chdir(host_folder), 0);
}

static inline void host_folder_close(void) {
  char command[128];
  ck_assert_int_eq(chdir("/"), 0);
  snprintf(command, sizeof command, "rm -rf '%s'", host_folder);
  ck_assert_int_eq(system(command), 0);
}

static inline void host_take(const char *path, char *into, size_t room) {
  FILE *f = fopen(path, "rb");
  ck_assert_ptr_nonnull(f);
  size_t n = fread(into, 1, room - 1, f);
  into[n] = 0;
  fclose(f);
  unlink(path);
}

// `words`: the command line after the program's name, separated by spaces. `stdout_path` NULL: kept.
static inline HostResult host_run_to(const nn_model *m, const char *words, const char *stdout_path) {
  HostResult r;
  char copy[1024], *argv[64];
  int argc = 0, status;
  argv[argc++] = (char *)"program";
  snprintf(copy, sizeof copy, "%s", words);
  for (char *w = strtok(copy, " "); w && argc < 63; w = strtok(NULL, " ")) argv[argc++] = w;
  argv[argc] = NULL;
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (!child) {
    if (!freopen(stdout_path ? stdout_path : ".out", "wb", stdout) || !freopen(".err", "wb", stderr))
      _exit(99);
    exit(nn_main(m, argc, argv));
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status), "the program died of signal %d", WTERMSIG(status));
  r.code = WEXITSTATUS(status);
  r.out[0] = 0;
  if (!stdout_path) host_take(".out", r.out, sizeof r.out);
  host_take(".err", r.err, sizeof r.err);
  return r;
}

// Runs it twice, the second time with a backend that is a step ahead: exit code, errors and, but for times,
// output are the same.
static inline HostResult host_run(const nn_model *m, const char *words) {
  HostResult plain = host_run_to(m, words, NULL), ahead;
  nn_model copy = *m;
  HostBackend b = {.m = &copy};
  if (m->call) return plain;
  copy.backend = &host_backend;
  copy.call_user = &b;
  ahead = host_run_to(&copy, words, NULL);
  ck_assert_msg(plain.code == ahead.code, "`%s`: exit code %d, with a backend %d: %s", words, plain.code,
                ahead.code, ahead.err);
  if (plain.code != 2) ck_assert_str_eq(plain.err, ahead.err); // usage lists the backend's options
  if (strstr(words, "--json") || !strncmp(words, "predict", 7)) ck_assert_str_eq(plain.out, ahead.out);
  return plain;
}

// The program fails with this code and says this.
static inline void host_fails(const nn_model *m, const char *words, int code, const char *says) {
  HostResult r = host_run(m, words);
  ck_assert_msg(r.code == code, "`%s`: exit code %d, expected %d: %s", words, r.code, code, r.err);
  ck_assert_msg(strstr(r.err, says) != NULL, "`%s`: `%s` does not contain `%s`", words, r.err, says);
}

static inline void host_write(const char *path, const void *p, size_t n) {
  FILE *f = fopen(path, "wb");
  ck_assert_ptr_nonnull(f);
  ck_assert_uint_eq(fwrite(p, 1, n, f), n);
  fclose(f);
}

#endif
