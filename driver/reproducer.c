// The one static object of the compiler lives here: a signal handler has no other way to know what was being
// compiled. It runs on a stack of its own, so that a stack that ran out is reported too.
#define _XOPEN_SOURCE 700
#include "driver/reproducer.h"

#include "driver/exit_codes.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(int fd, const char *s, size_t n) {
  while (n > 0) {
    ssize_t k = write(fd, s, n);
    if (k <= 0) return;
    s += k;
    n -= (size_t)k;
  }
}
static void say(int fd, const char *s) { put(fd, s, strlen(s)); }

static void join(char *out, size_t cap, const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  if (n + m + 1 > cap) return;
  memcpy(out, a, n);
  memcpy(out + n, b, m + 1);
}

static void put_file(const char *folder, const char *name, Text t) {
  char path[128] = "";
  join(path, sizeof path, folder, name);
  int fd = t.text && *path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
  if (fd < 0) return;
  put(fd, t.text, t.len);
  close(fd);
}

// The first of nnc-bug-1 … nnc-bug-99 that is free.
static bool make_folder(char *out, size_t cap, const char *stem) {
  for (int i = 1; i < 100; i++) {
    char number[3] = {(char)('0' + i / 10), (char)('0' + i % 10), 0};
    join(out, cap, stem, i < 10 ? number + 1 : number);
    if (mkdir(out, 0777) == 0) return true;
  }
  return false;
}

static void put_command(const char *folder, const Reproducer *r) {
  char path[128];
  join(path, sizeof path, folder, "/command.txt");
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (fd < 0) return;
  for (int i = 0; i < r->argc; i++) {
    say(fd, r->argv[i]);
    say(fd, i + 1 < r->argc ? " " : "\n");
  }
  close(fd);
}

int reproducer_write(const Reproducer *r) {
  char folder[96];
  say(2, "nnc: internal error: ");
  say(2, r->what);
  say(2, "\nnnc: this is a bug of nnc, not of your model.");
  if (make_folder(folder, sizeof folder, "nnc-bug-") || make_folder(folder, sizeof folder, "/tmp/nnc-bug-")) {
    put_command(folder, r);
    put_file(folder, "/model.nn", r->source);
    for (size_t i = 0; i < r->n_imported; i++) put_file(folder, r->imported[i].name, r->imported[i].text);
    put_file(folder, r->is_cuda ? "/model.cu" : "/model.c", r->emitted);
    put_file(folder, "/compiler.txt", r->tool);
    say(2, " What is needed to find it is in ");
    say(2, folder);
    say(2, "/; please report it with that folder.");
  }
  say(2, "\n");
  return EXIT_BUG;
}

static const Reproducer *guarded;

static void on_crash(int sig) {
  (void)sig;
  _exit(reproducer_write(guarded));
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0 // under a sanitizer its own report of a bad access is worth more
#endif

void reproducer_guard(const Reproducer *r) {
  static unsigned char stack[1 << 16];
  guarded = r;
  sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
  struct sigaction act = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK | (int)SA_RESETHAND};
  sigemptyset(&act.sa_mask);
  const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  for (size_t i = 0; i < (SANITIZED ? 1 : sizeof signals / sizeof signals[0]); i++)
    sigaction(signals[i], &act, NULL);
}
