#define _DEFAULT_SOURCE
#include "tests/random/check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void differs(Report *r, const char *kind, const char *fmt, ...) {
  va_list ap;
  if (r->outcome != FINE) return; // the first one
  r->outcome = DIFFERS;
  snprintf(r->kind, sizeof r->kind, "%s", kind);
  va_start(ap, fmt);
  vsnprintf(r->why, sizeof r->why, fmt, ap);
  va_end(ap);
}

static void recompute(const Program *p, const Check *c, const char *text, Report *r, Arena *a) {
  static const char option[] = ", recompute = ";
  char *without = arena_strdup(a, text), *at = without;
  while ((at = strstr(at, option))) {
    const char *rest = at + strlen(option);
    rest += strspn(rest, "0123456789");
    memmove(at, rest, strlen(rest) + 1);
  }
  const Program *q = strcmp(text, without) == 0 ? NULL : front_end(without, c->real, r, a);
  if (q) check_recompute(p, q, r, a);
}

static void work(const Check *c, const char *text, Report *r) {
  Arena *a = arena_new();
  snprintf(r->at, sizeof r->at, "the front end");
  Program *p = front_end(text, c->real, r, a);
  if (p && c->n_builds == 0) recompute(p, c, text, r, a);
  if (p && c->n_builds == 0) check_passes(p, r, a);
  if (p && c->n_builds > 0) check_builds(p, c, r, a);
  arena_free(a);
}

const Report *check_text(const Check *c, const char *text) {
  static Report *r;
  if (!r) r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (r == MAP_FAILED) abort();
  memset(r, 0, sizeof *r);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    alarm(c->seconds);
    work(c, text, r);
    fflush(NULL);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) abort();
  if (status == 0) return r;
  r->outcome = DIED;
  size_t n = strlen(r->why);
  snprintf(r->why + n, sizeof r->why - n, "%s in %s",
           !WIFSIGNALED(status)          ? "exit"
           : WTERMSIG(status) == SIGALRM ? "out of time"
                                         : strsignal(WTERMSIG(status)),
           r->at);
  return r;
}
