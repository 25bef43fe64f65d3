/* NPY files: see nn_read.h. (MIT-0)
   The header is a Python dict literal of exactly three keys; a strict little parser reads them in any order
   and refuses all else. Elements stay where they were read, unless they come in Fortran order. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_read.h"

#include <stdlib.h>
#include <string.h>

typedef struct nn_npy {
  const char *name;
  const char *p, *end;
  nn_array *a;
  int seen;    /* bits: descr, fortran_order, shape */
  int swap;    /* elements are big-endian */
  int fortran; /* the first axis runs fastest */
  nn_err *e;
} nn_npy;

static int nn_npy_bad(nn_npy *r, const char *what) {
  return nn_fail(r->e, NN_EXIT_CONTENT, "%s: its NPY header is wrong: %s", r->name, what);
}

static void nn_npy_space(nn_npy *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\n')) r->p++;
}

/* Skips spaces and takes `c` if it comes next. */
static int nn_npy_take(nn_npy *r, char c) {
  nn_npy_space(r);
  if (r->p == r->end || *r->p != c) return 0;
  r->p++;
  return 1;
}

/* A quoted word without escapes, into `word`; 0 if there is none or it is too long. */
static int nn_npy_word(nn_npy *r, char *word, size_t room) {
  char quote;
  size_t n = 0;
  nn_npy_space(r);
  if (r->p == r->end || (*r->p != '\'' && *r->p != '"')) return 0;
  for (quote = *r->p++; r->p < r->end && *r->p != quote; r->p++) {
    if (n + 1 >= room || *r->p == '\\') return 0;
    word[n++] = *r->p;
  }
  word[n] = 0;
  return r->p++ < r->end;
}

static int nn_npy_descr(nn_npy *r) {
  char word[16];
  int t;
  nn_npy_space(r);
  if (r->p < r->end && *r->p == '[')
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s: holds records (a structured dtype), not plain numbers",
                   r->name);
  if (!nn_npy_word(r, word, sizeof word) || strlen(word) < 2 || !strchr("<>|=", word[0]))
    return nn_npy_bad(r, "descr");
  if (word[1] == 'O')
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s: holds Python objects, not plain numbers", r->name);
  for (t = 0; t < NN_N_TYPES; t++)
    if (nn_types[t].npy && !strcmp(nn_types[t].npy, word + 1)) break;
  if (t == NN_N_TYPES)
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s: elements of NPY type `%s` can't be read", r->name, word);
  r->a->type = t;
  r->swap = word[0] == '>';
  return 0;
}

static int nn_npy_order(nn_npy *r) {
  nn_npy_space(r);
  if (r->end - r->p >= 5 && !memcmp(r->p, "False", 5)) return r->p += 5, 0;
  if (r->end - r->p >= 4 && !memcmp(r->p, "True", 4)) return r->fortran = 1, r->p += 4, 0;
  return nn_npy_bad(r, "fortran_order");
}

static int nn_npy_shape(nn_npy *r) {
  if (!nn_npy_take(r, '(')) return nn_npy_bad(r, "shape");
  while (!nn_npy_take(r, ')')) {
    int64_t d = 0;
    const char *from;
    nn_npy_space(r);
    for (from = r->p; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
      if (d > (INT64_MAX - 9) / 10) return nn_npy_bad(r, "a size is too large");
      d = d * 10 + (*r->p - '0');
    }
    if (r->p == from) return nn_npy_bad(r, "shape");
    if (r->a->rank == NN_MAX_RANK) return nn_npy_bad(r, "too many axes");
    r->a->dims[r->a->rank++] = d;
    if (!nn_npy_take(r, ',')) {
      if (!nn_npy_take(r, ')') || r->a->rank < 2) return nn_npy_bad(r, "shape");
      break;
    }
  }
  return 0;
}

static const struct nn_npy_key {
  const char *name;
  int (*read)(nn_npy *r);
} nn_npy_keys[3] = {{"descr", nn_npy_descr}, {"fortran_order", nn_npy_order}, {"shape", nn_npy_shape}};

static int nn_npy_dict(nn_npy *r) {
  char word[32];
  int k;
  if (!nn_npy_take(r, '{')) return nn_npy_bad(r, "it is no dict");
  while (!nn_npy_take(r, '}')) {
    if (!nn_npy_word(r, word, sizeof word) || !nn_npy_take(r, ':')) return nn_npy_bad(r, "a key is expected");
    for (k = 0; k < 3 && strcmp(word, nn_npy_keys[k].name); k++) {
    }
    if (k == 3) return nn_npy_bad(r, "unknown key");
    if (r->seen & 1 << k) return nn_npy_bad(r, "a key stands twice");
    r->seen |= 1 << k;
    if (nn_npy_keys[k].read(r)) return r->e->code;
    if (!nn_npy_take(r, ',')) {
      if (!nn_npy_take(r, '}')) return nn_npy_bad(r, "`,` or `}` is expected");
      break;
    }
  }
  nn_npy_space(r);
  if (r->p != r->end) return nn_npy_bad(r, "text after the dict");
  return r->seen == 7 ? 0 : nn_npy_bad(r, "descr, fortran_order or shape is missing");
}

/* The length of the dict and where it starts; 0: the prefix is wrong or cut off. */
static size_t nn_npy_prefix(const nn_bytes *b, size_t *start) {
  if (b->n < 10 || memcmp(b->p, "\x93NUMPY", 6) || b->p[6] < 1 || b->p[6] > 3) return 0;
  *start = b->p[6] == 1 ? 10 : 12;
  if (b->n < *start) return 0;
  return b->p[6] == 1
             ? (size_t)b->p[8] | (size_t)b->p[9] << 8
             : (size_t)b->p[8] | (size_t)b->p[9] << 8 | (size_t)b->p[10] << 16 | (size_t)b->p[11] << 24;
}

/* From Fortran order: the bytes are in C order an array whose axes stand the other way round. */
static int nn_npy_turn(nn_npy *r) {
  nn_array *a = r->a;
  size_t size = nn_types[a->type].size;
  int64_t dims[NN_MAX_RANK];
  int perm[NN_MAX_RANK], i;
  unsigned char *turned = (unsigned char *)nn_alloc(a->count, size);
  if (!turned) return nn_fail_memory(r->e);
  for (i = 0; i < a->rank; i++) {
    perm[i] = a->rank - 1 - i;
    dims[i] = a->dims[perm[i]];
  }
  nn_transpose(a->rank, dims, perm, size, turned, a->data);
  free(a->owned);
  a->owned = a->data = turned;
  return 0;
}

static int nn_npy_elements(nn_npy *r, unsigned char *data, size_t follow) {
  nn_array *a = r->a;
  size_t i, j, bytes, size = nn_types[a->type].size;
  nn_shape_buf shape;
  nn_shape_text(&shape, a->rank, a->dims);
  if (!nn_dims_count(a->rank, a->dims, &a->count) || !nn_size_mul(a->count, size, &bytes))
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s: its header claims the impossible shape %s", r->name, shape.s);
  if (bytes != follow)
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s: its header claims %s %s, which is %zu bytes, but %zu follow",
                   r->name, nn_types[a->type].name, shape.s, bytes, follow);
  a->data = data;
  for (i = 0; r->swap && i < a->count; i++, data += size)
    for (j = 0; j < size / 2; j++) {
      unsigned char t = data[j];
      data[j] = data[size - 1 - j];
      data[size - 1 - j] = t;
    }
  for (i = 0; a->type == NN_TYPE_BOOL && i < a->count; i++)
    if (a->data[i] > 1)
      return nn_fail(r->e, NN_EXIT_CONTENT, "%s: element %zu is neither true nor false", r->name, i);
  return r->fortran && a->rank > 1 ? nn_npy_turn(r) : 0;
}

static int nn_npy_all(nn_npy *r, const nn_bytes *b) {
  size_t start = 0, length = nn_npy_prefix(b, &start);
  if (!length) return nn_fail(r->e, NN_EXIT_CONTENT, "%s: is no NPY file of version 1, 2 or 3", r->name);
  if (length > b->n - start) return nn_fail(r->e, NN_EXIT_CONTENT, "%s: ends inside its header", r->name);
  r->p = (const char *)b->p + start;
  r->end = r->p + length;
  if (nn_npy_dict(r)) return r->e->code;
  return nn_npy_elements(r, b->p + start + length, b->n - start - length);
}

int nn_npy_parse(nn_bytes *b, const char *name, nn_array *out, nn_err *e) {
  nn_npy r;
  memset(&r, 0, sizeof r);
  memset(out, 0, sizeof *out);
  out->owned = b->p;
  r.name = name;
  r.a = out;
  r.e = e;
  if (nn_npy_all(&r, b)) nn_array_free(out);
  b->p = NULL;
  return e->code;
}

int nn_npy_read(const char *path, nn_array *out, nn_err *e) {
  nn_bytes b;
  int code = nn_read_data(path, &b, e);
  return code ? code : nn_npy_parse(&b, path, out, e);
}

int nn_npy_write(const char *path, int type, int rank, const int64_t *dims, const void *data, nn_err *e) {
  int as = type == NN_MASK ? NN_TYPE_BOOL : type == NN_BF16 ? NN_F32 : type, i;
  size_t size = nn_types[type].size, count, k;
  unsigned char element[8], prefix[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 0, 0};
  nn_text h;
  nn_out o;
  if (!nn_dims_count(rank, dims, &count)) return nn_fail_memory(e);
  memset(&h, 0, sizeof h);
  nn_text_addf(&h, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", nn_types[as].size == 1 ? '|' : '<',
               nn_types[as].npy);
  for (i = 0; i < rank; i++)
    nn_text_addf(&h, "%lld%s", (long long)dims[i], i + 1 < rank ? ", " : rank == 1 ? "," : "");
  nn_text_addf(&h, "), }");
  while (!h.failed && (sizeof prefix + h.len + 1) % 64)
    nn_text_add(&h, " ", 1); /* numpy aligns the elements to 64 */
  nn_text_add(&h, "\n", 1);
  if (h.failed) return nn_text_free(&h), nn_fail_memory(e);
  prefix[8] = (unsigned char)(h.len & 255);
  prefix[9] = (unsigned char)(h.len >> 8);
  if (nn_out_open(&o, path, e)) return nn_text_free(&h), e->code;
  nn_out_write(&o, prefix, sizeof prefix);
  nn_out_write(&o, h.s, h.len);
  nn_text_free(&h);
  if (as == type || nn_types[as].size == size)
    nn_out_write(&o, data, count * size);
  else
    for (k = 0; k < count; k++) {
      nn_convert(as, element, type, (const unsigned char *)data + k * size, 1);
      nn_out_write(&o, element, nn_types[as].size);
    }
  return nn_out_close(&o, e);
}
