// The least that an emitted .cu needs to run in the harness: no runtime/cuda, no stand-in, kernels run as they
// are launched. An nn_cuda is the context of a call. Included after the text, whose `main` is left out; it gives
// `test_model`, a descriptor like that of a C program (compare.c).
#ifndef NN_CUDA_DIRECT_H
#define NN_CUDA_DIRECT_H

struct nn_cuda {
  nn_ctx *ctx;
  double scratch[NN_CUDA_SCRATCH_BYTES / sizeof(double)];
};

unsigned char *nn_cuda_arena(const nn_cuda *d) { return d->ctx->arena; }
nn_ctx *nn_cuda_ctx(const nn_cuda *d) { return d->ctx; }
cudaStream_t nn_cuda_stream(const nn_cuda *) { return nullptr; }
void *nn_cuda_scratch(const nn_cuda *d) { return const_cast<double *>(d->scratch); }
int nn_cuda_launched(nn_cuda *, const char *, const char *) { return 0; }
int nn_cuda_copy(nn_cuda *d, void *to, const void *from, size_t bytes, const char *) {
  if (d->ctx->fault.status == NN_OK) memmove(to, from, bytes);
  return 0;
}
const void *nn_cuda_constant(const nn_cuda *, int i) { return program.constants[i].data; }

static int direct_call(nn_ctx *c, int function, size_t n, void *const *args) {
  nn_cuda d = {c, {0}};
  c->n = n;
  program.fns[function](&d, n, args);
  return c->fault.status;
}

extern "C" const nn_model *test_model() {
  static nn_model direct = model;
  direct.call = direct_call;
  return &direct;
}

#endif
