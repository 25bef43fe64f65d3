/* Arrays as files hold them, and the conversions to what a model declares. (MIT-0)

   Element types: those of nn_dtype (nn_model.h), and those only files have. An array lies dense, row-major
   and in the machine's byte order; `data` need not be aligned, so elements are reached through these
   functions. Conversion: float to float (rounded to nearest, ties to even) and integer to a wider integer
   that holds all its values; a mask from bool, u8 or mask (not zero: true). Nothing else. */
#ifndef NN_ARRAY_H
#define NN_ARRAY_H

#include "nn_file.h"
#include "nn_model.h"

enum { NN_MAX_RANK = 16 };

enum { NN_TYPE_BOOL = NN_MASK + 1, NN_TYPE_U16, NN_TYPE_U32, NN_TYPE_U64, NN_TYPE_OTHER, NN_N_TYPES };

typedef struct nn_type_info {
  const char *name;        /* "f32" */
  size_t size;             /* bytes; 0: NN_TYPE_OTHER */
  char kind;               /* 'f' float, 'i' signed, 'u' unsigned, 'm' truth value */
  const char *npy;         /* dtype in a .npy file, without byte order; NULL: none */
  const char *safetensors; /* dtype in a safetensors file */
} nn_type_info;

extern const nn_type_info nn_types[NN_N_TYPES];

typedef struct nn_array {
  int type;
  int rank;
  int64_t dims[NN_MAX_RANK];
  size_t count;        /* elements */
  unsigned char *data; /* inside `owned` */
  unsigned char *owned;
} nn_array;

void nn_array_free(nn_array *a);

int nn_convertible(int to, int from);
/* Converts n elements. Returns n, or the index of the first finite value that would become infinite. */
size_t nn_convert(int to, void *dst, int from, const void *src, size_t n);

double nn_get_real(int type, const void *p); /* any type, integers rounded */
int64_t nn_get_int(int type, const void *p); /* integers and truth values */
void nn_put_real(int type, void *p, double x);
/* Stores an integer; 0 when it is outside the type's range. */
int nn_put_int(int type, void *p, int64_t x);

/* The index of the first NaN, or n. */
size_t nn_find_nan(int type, const void *p, size_t n);

/* "[3, 28, 28]", into a buffer that is always enough for NN_MAX_RANK axes. */
typedef struct nn_shape_buf {
  char s[NN_MAX_RANK * 24 + 8];
} nn_shape_buf;
const char *nn_shape_text(nn_shape_buf *b, int rank, const int64_t *dims);
int nn_same_shape(int rank_a, const int64_t *a, int rank_b, const int64_t *b);
/* The product of the dims; 0 on overflow or a negative dim. */
int nn_dims_count(int rank, const int64_t *dims, size_t *count);
/* `to` gets the elements of `from`, `size` bytes each, with its axes in another order: axis i is perm[i] of
   `from`, whose dims are given. */
void nn_transpose(int rank, const int64_t *dims, const int *perm, size_t size, unsigned char *to,
                  const unsigned char *from);

#endif
