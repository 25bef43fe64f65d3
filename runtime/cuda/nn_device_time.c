/* --time: what calls take, as medians by function, on the standard error when the device is closed. On the
   device: from before the first launch to after the last one, by events. From one to the next: between the
   ends of two calls of the same function, by the host's clock; what the host does for a step is part of it
   where the device waits for it. (MIT-0) */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double nn_cuda_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int nn_cuda_time_add(nn_cuda *d, nn_cuda_list *l, double us) {
  size_t room = l->room ? 2 * l->room : 256;
  if (l->n == l->room) {
    double *more = (double *)realloc(l->us, room * sizeof *more);
    if (!more) return nn_fail_memory(d->e);
    l->us = more;
    l->room = room;
  }
  l->us[l->n++] = us;
  return 0;
}

int nn_cuda_time_open(nn_cuda *d) {
  int i;
  if (!d->timed) return 0;
  d->times = (nn_cuda_times *)nn_alloc((size_t)d->m->n_fns, sizeof *d->times);
  if (!d->times) return nn_fail_memory(d->e);
  d->last = -1;
  for (i = 0; i < NN_CUDA_SLOTS; i++)
    if (nn_cuda_check(d, cudaEventCreateWithFlags(&d->slots[i].first, cudaEventDefault),
                      "cudaEventCreateWithFlags") ||
        nn_cuda_check(d, cudaEventCreateWithFlags(&d->slots[i].last, cudaEventDefault),
                      "cudaEventCreateWithFlags"))
      return d->e->code;
  return 0;
}

int nn_cuda_time_mark(nn_cuda *d, cudaEvent_t event) {
  if (!d->timed) return 0;
  return nn_cuda_check(d, cudaEventRecord(event, d->stream), "cudaEventRecord");
}

int nn_cuda_time_take(nn_cuda *d, const nn_cuda_slot *s) {
  nn_cuda_times *t;
  float ms = 0;
  double now;
  if (!d->timed) return 0;
  t = &d->times[s->function];
  now = nn_cuda_now();
  if (d->last == s->function && nn_cuda_time_add(d, &t->period, now - d->last_end)) return d->e->code;
  d->last = s->function;
  d->last_end = now;
  if (nn_cuda_check(d, cudaEventElapsedTime(&ms, s->first, s->last), "cudaEventElapsedTime"))
    return d->e->code;
  return nn_cuda_time_add(d, &t->device, 1e3 * (double)ms);
}

static int nn_cuda_compare(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

static double nn_cuda_median(nn_cuda_list *l) {
  qsort(l->us, l->n, sizeof *l->us, nn_cuda_compare);
  return l->us[l->n / 2];
}

void nn_cuda_time_close(nn_cuda *d) {
  int i;
  for (i = 0; d->times && i < d->m->n_fns; i++) {
    nn_cuda_times *t = &d->times[i];
    if (t->device.n > 0) {
      fprintf(stderr, "%s: %zu calls, %.1f us on the device", d->m->fns[i].name, t->device.n,
              nn_cuda_median(&t->device));
      if (t->period.n > 0) fprintf(stderr, ", %.1f us from one to the next", nn_cuda_median(&t->period));
      fprintf(stderr, "\n");
    }
    free(t->device.us);
    free(t->period.us);
  }
  free(d->times);
  d->times = NULL;
}
