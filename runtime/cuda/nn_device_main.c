/* A CUDA program's command line: the host runtime's, with a device as its backend (nn_model.h). (MIT-0) */
#include "nn_device.h"

#include "nn_logger.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int nn_cuda_option(void *user, const char *name, const char *value, struct nn_err *e) {
  nn_cuda *d = (nn_cuda *)user;
  const char *p = value;
  if (!strcmp(name, "--no-graph")) return d->no_graph = 1, 0;
  if (!strcmp(name, "--time")) return d->timed = 1, 0;
  while (isdigit((unsigned char)*p)) p++;
  if (p == value || *p || p - value > 9)
    return nn_fail(e, NN_EXIT_USAGE, "%s: `%s` is not the number of a device", name, value);
  d->number = strtoull(value, NULL, 10);
  return 0;
}

/* ---- info: without a device it says why there is none */

static void nn_cuda_info_text(nn_text *t, const nn_cuda *d, size_t free_bytes, size_t total) {
  nn_text_addf(t, "\ndevice:\n");
  if (d->e->code)
    nn_text_addf(t, "  none: %s\n", d->e->text.s ? d->e->text.s : "out of memory");
  else
    nn_text_addf(t, "  %u: %s, compute capability %d.%d, %zu of %zu bytes free\n", (unsigned)d->number,
                 d->name, d->major, d->minor, free_bytes, total);
  nn_text_addf(t, "  the model needs %zu bytes of it\n", nn_cuda_needs(d));
}

static void nn_cuda_info_json(nn_text *t, const nn_cuda *d, size_t free_bytes, size_t total) {
  nn_text_addf(t, ",\"device_bytes\":%zu,\"device\":", nn_cuda_needs(d));
  if (d->e->code) {
    nn_text_addf(t, "null,\"no_device\":");
    nn_json_string(t, d->e->text.s ? d->e->text.s : "out of memory");
    return;
  }
  nn_text_addf(t, "{\"number\":%u,\"name\":", (unsigned)d->number);
  nn_json_string(t, d->name);
  nn_text_addf(t, ",\"compute_capability\":\"%d.%d\",\"free_bytes\":%zu,\"total_bytes\":%zu}", d->major,
               d->minor, free_bytes, total);
}

static void nn_cuda_info(void *user, struct nn_text *t, int json) {
  nn_cuda *d = (nn_cuda *)user;
  size_t free_bytes = 0, total = 0;
  nn_err e;
  memset(&e, 0, sizeof e);
  d->e = &e;
  if (!nn_cuda_find(d)) nn_cuda_check(d, cudaMemGetInfo(&free_bytes, &total), "cudaMemGetInfo");
  if (json)
    nn_cuda_info_json(t, d, free_bytes, total);
  else
    nn_cuda_info_text(t, d, free_bytes, total);
  nn_err_free(&e);
  d->e = NULL;
}

static const nn_backend nn_cuda_backend = {nn_cuda_option, nn_cuda_open,  nn_cuda_close,  nn_cuda_fetch,
                                           nn_cuda_send,   nn_cuda_start, nn_cuda_finish, nn_cuda_info};

int nn_cuda_run(const nn_cuda_program *p, const int *archs, int argc, char **argv) {
  nn_model on_device = *p->model;
  nn_cuda d;
  memset(&d, 0, sizeof d);
  on_device.backend = &nn_cuda_backend;
  on_device.call_user = &d;
  d.p = p;
  d.m = &on_device;
  d.archs = archs;
  return nn_main(&on_device, argc, argv);
}
