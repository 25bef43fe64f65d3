/* The bytes of a state, both ways: the function that walks over a state to write it also reads it back, so
   that the two can't differ. (MIT-0)

   Everything is a multiple of 8 bytes, in this machine's order; a text or array is padded with zeros. What is
   read is never trusted: where bytes are missing, or a number is larger than it may be, `bad` is set and
   zeros are given; whoever walks looks at it before anything is used. The hash is over whole words and keeps
   apart any two texts of the same length that differ in one word. */
#ifndef NN_PACK_H
#define NN_PACK_H

#include "nn_file.h"

typedef struct nn_pack {
  nn_out *to;             /* NULL: reading */
  uint64_t hash, written; /* of what was written; bytes */
  const unsigned char *p; /* what is still to be read */
  size_t left;
  int bad;
} nn_pack;

void nn_pack_write(nn_pack *k, nn_out *to);
void nn_pack_read(nn_pack *k, const unsigned char *p, size_t n);
/* The same hash as of n bytes written; n is a multiple of 8. */
uint64_t nn_pack_hash(const unsigned char *p, size_t n);

void nn_pack_bytes(nn_pack *k, void *p, size_t n);
void nn_pack_u64(nn_pack *k, uint64_t *x);
/* A number that may be 0 .. most. */
void nn_pack_upto(nn_pack *k, uint64_t *x, uint64_t most);
void nn_pack_real(nn_pack *k, double *x);

/* Writing only, and reading only: *s points into what is read and has no zero at its end. */
void nn_pack_put_text(nn_pack *k, const char *s);
void nn_pack_put_u64(nn_pack *k, uint64_t x);
void nn_pack_get_text(nn_pack *k, const char **s, size_t *n);
uint64_t nn_pack_get_u64(nn_pack *k);
/* n bytes where they lie; NULL: there are not so many. */
const unsigned char *nn_pack_get(nn_pack *k, size_t n);

#endif
