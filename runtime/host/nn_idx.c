/* IDX files: see nn_read.h. (MIT-0)
   The header fixes the file's length; the elements stay where they were read and are turned to the machine's
   byte order in place. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_read.h"

#include <stdlib.h>
#include <string.h>

static const struct nn_idx_type {
  unsigned char code;
  int type;
} nn_idx_types[] = {{0x08, NN_U8},  {0x09, NN_I8},  {0x0B, NN_I16},
                    {0x0C, NN_I32}, {0x0D, NN_F32}, {0x0E, NN_F64}};

static int nn_idx_type(unsigned char code) {
  size_t i;
  for (i = 0; i < sizeof nn_idx_types / sizeof *nn_idx_types; i++)
    if (nn_idx_types[i].code == code) return nn_idx_types[i].type;
  return -1;
}

/* Big-endian elements to the machine's order. */
static void nn_idx_order(unsigned char *p, size_t n, size_t size) {
  const uint16_t probe = 1;
  unsigned char first;
  size_t i, j;
  memcpy(&first, &probe, 1);
  if (size == 1 || !first) return;
  for (i = 0; i < n; i++, p += size)
    for (j = 0; j < size / 2; j++) {
      unsigned char t = p[j];
      p[j] = p[size - 1 - j];
      p[size - 1 - j] = t;
    }
}

static int nn_idx_header(const nn_bytes *b, const char *name, nn_array *a, nn_err *e) {
  size_t i, rank, bytes, header;
  nn_shape_buf shape;
  if (b->n >= 2 && b->p[0] == 0x1f && b->p[1] == 0x8b)
    return nn_fail(e, NN_EXIT_CONTENT, "%s: is compressed with gzip: name it `….gz`, or unpack it", name);
  if (b->n < 4) return nn_fail(e, NN_EXIT_CONTENT, "%s: %zu bytes are no IDX file", name, b->n);
  if (b->p[0] || b->p[1])
    return nn_fail(e, NN_EXIT_CONTENT, "%s: is no IDX file: it starts with %02x %02x instead of 00 00", name,
                   b->p[0], b->p[1]);
  a->type = nn_idx_type(b->p[2]);
  if (a->type < 0) return nn_fail(e, NN_EXIT_CONTENT, "%s: unknown IDX element type %02x", name, b->p[2]);
  rank = b->p[3];
  if (rank < 1 || rank > NN_MAX_RANK)
    return nn_fail(e, NN_EXIT_CONTENT, "%s: %zu axes; 1 to %d can be read", name, rank, (int)NN_MAX_RANK);
  header = 4 + 4 * rank;
  if (b->n < header)
    return nn_fail(e, NN_EXIT_CONTENT, "%s: ends after %zu bytes, inside its header of %zu", name, b->n,
                   header);
  a->rank = (int)rank;
  for (i = 0; i < rank; i++) {
    const unsigned char *p = b->p + 4 + 4 * i;
    a->dims[i] = (int64_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
  }
  nn_shape_text(&shape, a->rank, a->dims);
  if (!nn_dims_count(a->rank, a->dims, &a->count) || !nn_size_mul(a->count, nn_types[a->type].size, &bytes))
    return nn_fail(e, NN_EXIT_CONTENT, "%s: its header claims the impossible shape %s", name, shape.s);
  if (bytes != b->n - header)
    return nn_fail(e, NN_EXIT_CONTENT, "%s: its header claims %s %s, which is %zu bytes, but %zu follow",
                   name, nn_types[a->type].name, shape.s, bytes, b->n - header);
  a->data = b->p + header;
  return 0;
}

int nn_idx_parse(nn_bytes *b, const char *name, nn_array *out, nn_err *e) {
  int code;
  memset(out, 0, sizeof *out);
  out->owned = b->p;
  code = nn_idx_header(b, name, out, e);
  if (code)
    nn_array_free(out);
  else
    nn_idx_order(out->data, out->count, nn_types[out->type].size);
  b->p = NULL;
  return code;
}

int nn_idx_read(const char *path, nn_array *out, nn_err *e) {
  nn_bytes b;
  int code = nn_read_data(path, &b, e);
  return code ? code : nn_idx_parse(&b, path, out, e);
}
