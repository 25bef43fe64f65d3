/* safetensors files (huggingface/safetensors): a u64 length, a JSON header, the tensors' bytes. (MIT-0)

   Header: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …, "__metadata__": {"k":
   "v"}}, offsets from the end of the header. Accepted is only what is whole: every tensor inside the file and
   as long as its type and shape say, no two overlapping, no byte that belongs to none, no name twice.
   Written: tensors in the order given, the header padded with spaces to a multiple of 8, no metadata, so that
   equal tensors give equal files. A mask is BOOL. Limits: rank NN_MAX_RANK; the header nests three deep by
   construction, so the parser needs no stack. */
#ifndef NN_SAFETENSORS_H
#define NN_SAFETENSORS_H

#include "nn_array.h"

typedef struct nn_tensor {
  char *name;
  int type; /* NN_TYPE_OTHER: one that can't be converted to anything (F8_E4M3, …) */
  int rank;
  int64_t dims[NN_MAX_RANK];
  size_t count, begin, end;  /* bytes in `data` */
  const unsigned char *data; /* begin's address; not aligned */
} nn_tensor;

typedef struct nn_safetensors {
  nn_tensor *tensors; /* sorted by name */
  size_t n;
  unsigned char *owned;
} nn_safetensors;

int nn_safetensors_parse(nn_bytes *b, const char *name, nn_safetensors *out, nn_err *e);
int nn_safetensors_read(const char *path, nn_safetensors *out, nn_err *e);
void nn_safetensors_free(nn_safetensors *f);
const nn_tensor *nn_safetensors_find(const nn_safetensors *f, const char *name);

/* The header of a file of n tensors, without its length. */
void nn_safetensors_header(nn_text *h, const nn_tensor *tensors, size_t n);
/* Writes n tensors; name, type, rank, dims, data of each are used. */
int nn_safetensors_write(const char *path, const nn_tensor *tensors, size_t n, nn_err *e);

#endif
