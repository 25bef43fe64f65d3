/* The bytes of a state, both ways: see nn_pack.h. (MIT-0) */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_pack.h"

#include <string.h>

/* Each step is one-to-one in the hash and in the word. */
static uint64_t nn_pack_mix(uint64_t h, const unsigned char *p, size_t n) {
  size_t i;
  for (i = 0; i < n; i += 8) {
    uint64_t word;
    memcpy(&word, p + i, 8);
    h = (h ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 32;
  }
  return h;
}

uint64_t nn_pack_hash(const unsigned char *p, size_t n) { return nn_pack_mix(0, p, n); }

void nn_pack_write(nn_pack *k, nn_out *to) {
  memset(k, 0, sizeof *k);
  k->to = to;
}

void nn_pack_read(nn_pack *k, const unsigned char *p, size_t n) {
  memset(k, 0, sizeof *k);
  k->p = p;
  k->left = n;
}

static void nn_pack_put(nn_pack *k, const void *p, size_t n) {
  unsigned char tail[8] = {0};
  size_t whole = n / 8 * 8;
  k->hash = nn_pack_mix(k->hash, (const unsigned char *)p, whole);
  nn_out_write(k->to, p, whole);
  k->written += whole;
  if (whole == n) return;
  memcpy(tail, (const unsigned char *)p + whole, n - whole);
  k->hash = nn_pack_mix(k->hash, tail, 8);
  nn_out_write(k->to, tail, 8);
  k->written += 8;
}

const unsigned char *nn_pack_get(nn_pack *k, size_t n) {
  const unsigned char *p = k->p;
  size_t padded = n + (8 - n % 8) % 8;
  if (k->bad || padded < n || padded > k->left) return k->bad = 1, (const unsigned char *)NULL;
  k->p += padded;
  k->left -= padded;
  return p;
}

void nn_pack_bytes(nn_pack *k, void *p, size_t n) {
  const unsigned char *from;
  if (k->to) {
    nn_pack_put(k, p, n);
    return;
  }
  from = nn_pack_get(k, n);
  if (from && n)
    memcpy(p, from, n);
  else
    memset(p, 0, n);
}

void nn_pack_u64(nn_pack *k, uint64_t *x) { nn_pack_bytes(k, x, sizeof *x); }
void nn_pack_real(nn_pack *k, double *x) { nn_pack_bytes(k, x, sizeof *x); }

void nn_pack_upto(nn_pack *k, uint64_t *x, uint64_t most) {
  nn_pack_u64(k, x);
  if (k->to || *x <= most) return;
  k->bad = 1;
  *x = 0;
}

void nn_pack_put_u64(nn_pack *k, uint64_t x) { nn_pack_put(k, &x, sizeof x); }

void nn_pack_put_text(nn_pack *k, const char *s) {
  nn_pack_put_u64(k, strlen(s));
  nn_pack_put(k, s, strlen(s));
}

uint64_t nn_pack_get_u64(nn_pack *k) {
  uint64_t x = 0;
  nn_pack_u64(k, &x);
  return x;
}

void nn_pack_get_text(nn_pack *k, const char **s, size_t *n) {
  uint64_t length = 0;
  nn_pack_upto(k, &length, k->left);
  *s = (const char *)nn_pack_get(k, (size_t)length);
  *n = *s ? (size_t)length : 0;
  if (!*s) *s = "";
}
