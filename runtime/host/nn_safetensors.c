/* safetensors files: see nn_safetensors.h. (MIT-0)
   The header has one fixed form, so the parser is three nested loops over a cursor and not a JSON library;
   what the form doesn't allow is an error at its byte. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_safetensors.h"

#include "nn_logger.h"

#include <stdlib.h>
#include <string.h>

typedef struct nn_safe {
  const char *name;
  const char *start, *p, *end;
  nn_safetensors *f;
  size_t room;
  nn_text word; /* the last string read */
  nn_err *e;
} nn_safe;

static int nn_safe_bad(nn_safe *r, const char *what) {
  return nn_fail(r->e, NN_EXIT_CONTENT, "%s: its safetensors header is wrong at byte %zu: %s", r->name,
                 (size_t)(r->p - r->start) + 8, what);
}

static void nn_safe_space(nn_safe *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r')) r->p++;
}

static int nn_safe_take(nn_safe *r, char c) {
  nn_safe_space(r);
  if (r->p == r->end || *r->p != c) return 0;
  r->p++;
  return 1;
}

/* ---- strings */

static int nn_safe_hex4(nn_safe *r, uint32_t *code) {
  int i;
  *code = 0;
  for (i = 0; i < 4; i++, r->p++) {
    char c = r->p < r->end ? *r->p : 0;
    uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                            : 16;
    if (digit == 16) return 0;
    *code = *code * 16 + digit;
  }
  return 1;
}

static void nn_safe_utf8(nn_text *t, uint32_t c) {
  char b[4];
  size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
  for (i = n - 1; i > 0; i--, c >>= 6) b[i] = (char)(0x80 | (c & 0x3f));
  b[0] = (char)(n == 1 ? c : (0xf0u << (4 - n) & 0xffu) | c);
  nn_text_add(t, b, n);
}

/* After \u: one code unit, or a pair of surrogates. NUL can't be part of a name. */
static int nn_safe_unicode(nn_safe *r) {
  uint32_t c, low;
  if (!nn_safe_hex4(r, &c) || c == 0) return 0;
  if (c >= 0xd800 && c < 0xe000) {
    if (c >= 0xdc00 || r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u') return 0;
    r->p += 2;
    if (!nn_safe_hex4(r, &low) || low < 0xdc00 || low >= 0xe000) return 0;
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  }
  nn_safe_utf8(&r->word, c);
  return 1;
}

static int nn_safe_escape(nn_safe *r) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *at;
  char c = r->p < r->end ? *r->p++ : 0;
  if (c == 'u') return nn_safe_unicode(r);
  at = c ? strchr(from, c) : NULL;
  if (!at) return 0;
  nn_text_add(&r->word, &to[at - from], 1);
  return 1;
}

/* A string into r->word. */
static int nn_safe_string(nn_safe *r) {
  r->word.len = 0;
  nn_text_add(&r->word, "", 0);
  if (!nn_safe_take(r, '"')) return nn_safe_bad(r, "a string is expected");
  while (r->p < r->end && *r->p != '"') {
    if ((unsigned char)*r->p < 32) return nn_safe_bad(r, "a control character in a string");
    if (*r->p == '\\') {
      r->p++;
      if (!nn_safe_escape(r)) return nn_safe_bad(r, "an unknown escape in a string");
    } else
      nn_text_add(&r->word, r->p++, 1);
  }
  if (r->p == r->end) return nn_safe_bad(r, "a string is never closed");
  r->p++;
  return r->word.failed ? nn_fail_memory(r->e) : 0;
}

/* ---- the header */

/* "[1, 2, 3]", at most `room` numbers. */
static int nn_safe_sizes(nn_safe *r, int64_t *v, int room, int *n) {
  *n = 0;
  if (!nn_safe_take(r, '[')) return nn_safe_bad(r, "`[` is expected");
  if (nn_safe_take(r, ']')) return 0;
  do {
    const char *from;
    int64_t x = 0;
    nn_safe_space(r);
    for (from = r->p; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
      if (x > (INT64_MAX - 9) / 10) return nn_safe_bad(r, "a number is too large");
      x = x * 10 + (*r->p - '0');
    }
    if (r->p == from) return nn_safe_bad(r, "a size is expected");
    if (*n == room) return nn_safe_bad(r, "too many numbers");
    v[(*n)++] = x;
  } while (nn_safe_take(r, ','));
  return nn_safe_take(r, ']') ? 0 : nn_safe_bad(r, "`]` is expected");
}

static int nn_safe_dtype(nn_safe *r, nn_tensor *t) {
  int k;
  if (nn_safe_string(r)) return r->e->code;
  t->type = NN_TYPE_OTHER;
  for (k = 0; k < NN_N_TYPES; k++)
    if (nn_types[k].safetensors && !strcmp(nn_types[k].safetensors, r->word.s)) t->type = k;
  return 0;
}

static int nn_safe_offsets(nn_safe *r, nn_tensor *t) {
  int64_t v[2];
  int n;
  if (nn_safe_sizes(r, v, 2, &n)) return r->e->code;
  if (n != 2 || v[0] > v[1]) return nn_safe_bad(r, "data_offsets should be [begin, end]");
  t->begin = (size_t)v[0];
  t->end = (size_t)v[1];
  return 0;
}

static int nn_safe_tensor(nn_safe *r, nn_tensor *t) {
  static const char *const keys[3] = {"dtype", "shape", "data_offsets"};
  int seen = 0, k;
  if (!nn_safe_take(r, '{')) return nn_safe_bad(r, "`{` is expected");
  do {
    if (nn_safe_string(r)) return r->e->code;
    for (k = 0; k < 3 && strcmp(keys[k], r->word.s); k++) {
    }
    if (k == 3) return nn_safe_bad(r, "a tensor has only dtype, shape and data_offsets");
    if (seen & 1 << k) return nn_safe_bad(r, "a key stands twice");
    seen |= 1 << k;
    if (!nn_safe_take(r, ':')) return nn_safe_bad(r, "`:` is expected");
    if (k == 0   ? nn_safe_dtype(r, t)
        : k == 1 ? nn_safe_sizes(r, t->dims, NN_MAX_RANK, &t->rank)
                 : nn_safe_offsets(r, t))
      return r->e->code;
  } while (nn_safe_take(r, ','));
  if (!nn_safe_take(r, '}')) return nn_safe_bad(r, "`}` is expected");
  return seen == 7 ? 0 : nn_safe_bad(r, "dtype, shape or data_offsets is missing");
}

static int nn_safe_metadata(nn_safe *r) {
  if (!nn_safe_take(r, '{')) return nn_safe_bad(r, "`{` is expected");
  if (nn_safe_take(r, '}')) return 0;
  do {
    if (nn_safe_string(r)) return r->e->code;
    if (!nn_safe_take(r, ':')) return nn_safe_bad(r, "`:` is expected");
    if (nn_safe_string(r)) return r->e->code;
  } while (nn_safe_take(r, ','));
  return nn_safe_take(r, '}') ? 0 : nn_safe_bad(r, "`}` is expected");
}

/* A new tensor named r->word at the end of the list; NULL: out of memory. */
static nn_tensor *nn_safe_new(nn_safe *r) {
  nn_safetensors *f = r->f;
  if (f->n == r->room) {
    size_t room = r->room ? r->room * 2 : 16, bytes;
    nn_tensor *t = nn_size_mul(room, sizeof *t, &bytes) ? (nn_tensor *)realloc(f->tensors, bytes) : NULL;
    if (!t) return NULL;
    f->tensors = t;
    r->room = room;
  }
  memset(&f->tensors[f->n], 0, sizeof *f->tensors);
  f->tensors[f->n].name = nn_path_join("", r->word.s);
  return f->tensors[f->n].name ? &f->tensors[f->n++] : NULL;
}

static int nn_safe_entries(nn_safe *r) {
  int metadata = 0;
  if (!nn_safe_take(r, '{')) return nn_safe_bad(r, "`{` is expected");
  if (!nn_safe_take(r, '}')) {
    do {
      nn_tensor *t;
      int is_metadata;
      if (nn_safe_string(r)) return r->e->code;
      if (!nn_safe_take(r, ':')) return nn_safe_bad(r, "`:` is expected");
      is_metadata = !strcmp(r->word.s, "__metadata__");
      if (is_metadata && metadata++) return nn_safe_bad(r, "__metadata__ stands twice");
      t = is_metadata ? NULL : nn_safe_new(r);
      if (!t && !is_metadata) return nn_fail_memory(r->e);
      if (t ? nn_safe_tensor(r, t) : nn_safe_metadata(r)) return r->e->code;
    } while (nn_safe_take(r, ','));
    if (!nn_safe_take(r, '}')) return nn_safe_bad(r, "`}` is expected");
  }
  nn_safe_space(r);
  return r->p == r->end ? 0 : nn_safe_bad(r, "text after the header");
}

/* ---- what the header claims */

static int nn_safe_by_begin(const void *a, const void *b) {
  const nn_tensor *x = (const nn_tensor *)a, *y = (const nn_tensor *)b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

static int nn_safe_by_name(const void *a, const void *b) {
  return strcmp(((const nn_tensor *)a)->name, ((const nn_tensor *)b)->name);
}

static int nn_safe_check(nn_safe *r, const unsigned char *data, size_t bytes) {
  nn_safetensors *f = r->f;
  size_t i, at = 0;
  if (f->n) qsort(f->tensors, f->n, sizeof *f->tensors, nn_safe_by_begin);
  for (i = 0; i < f->n; i++) {
    nn_tensor *t = &f->tensors[i];
    nn_shape_buf shape;
    size_t want, has = t->end - t->begin;
    nn_shape_text(&shape, t->rank, t->dims);
    if (t->end > bytes)
      return nn_fail(r->e, NN_EXIT_CONTENT,
                     "%s: `%s` should end at byte %zu of the data, but only %zu follow the header", r->name,
                     t->name, t->end, bytes);
    if (!nn_dims_count(t->rank, t->dims, &t->count) ||
        !nn_size_mul(t->count, nn_types[t->type].size, &want) || (want != has && t->type != NN_TYPE_OTHER))
      return nn_fail(r->e, NN_EXIT_CONTENT, "%s: `%s` of type %s and shape %s can't be %zu bytes", r->name,
                     t->name, nn_types[t->type].name, shape.s, has);
    if (t->begin != at)
      return nn_fail(r->e, NN_EXIT_CONTENT,
                     t->begin < at ? "%s: `%s` overlaps another tensor"
                                   : "%s: bytes before `%s` belong to no tensor",
                     r->name, t->name);
    at = t->end;
    t->data = data + t->begin;
  }
  if (at != bytes)
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s: %zu bytes at its end belong to no tensor", r->name,
                   bytes - at);
  if (f->n) qsort(f->tensors, f->n, sizeof *f->tensors, nn_safe_by_name);
  for (i = 1; i < f->n; i++)
    if (!strcmp(f->tensors[i - 1].name, f->tensors[i].name))
      return nn_fail(r->e, NN_EXIT_CONTENT, "%s: `%s` stands twice in its header", r->name,
                     f->tensors[i].name);
  return 0;
}

static int nn_safe_all(nn_safe *r, const nn_bytes *b) {
  uint64_t length = 0;
  int i;
  if (b->n < 8) return nn_fail(r->e, NN_EXIT_CONTENT, "%s: is no safetensors file: it has %zu of the first 8 bytes", r->name, b->n);
  for (i = 7; i >= 0; i--) length = length << 8 | b->p[i];
  if (length > b->n - 8)
    return nn_fail(r->e, NN_EXIT_CONTENT,
                   "%s: is no safetensors file, or ends inside its header: the header should be "
                   "%llu bytes long, %zu follow",
                   r->name, (unsigned long long)length, b->n - 8);
  r->start = r->p = (const char *)b->p + 8;
  r->end = r->p + length;
  if (nn_safe_entries(r)) return r->e->code;
  return nn_safe_check(r, b->p + 8 + length, b->n - 8 - (size_t)length);
}

int nn_safetensors_parse(nn_bytes *b, const char *name, nn_safetensors *out, nn_err *e) {
  nn_safe r;
  memset(&r, 0, sizeof r);
  memset(out, 0, sizeof *out);
  out->owned = b->p;
  r.name = name;
  r.f = out;
  r.e = e;
  if (nn_safe_all(&r, b)) nn_safetensors_free(out);
  nn_text_free(&r.word);
  b->p = NULL;
  return e->code;
}

int nn_safetensors_read(const char *path, nn_safetensors *out, nn_err *e) {
  nn_bytes b;
  memset(out, 0, sizeof *out);
  if (nn_read_file(path, &b, e)) return e->code;
  return nn_safetensors_parse(&b, path, out, e);
}

void nn_safetensors_free(nn_safetensors *f) {
  size_t i;
  for (i = 0; i < f->n; i++) free(f->tensors[i].name);
  free(f->tensors);
  free(f->owned);
  memset(f, 0, sizeof *f);
}

const nn_tensor *nn_safetensors_find(const nn_safetensors *f, const char *name) {
  size_t lo = 0, hi = f->n;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    int c = strcmp(f->tensors[mid].name, name);
    if (c == 0) return &f->tensors[mid];
    if (c < 0)
      lo = mid + 1;
    else
      hi = mid;
  }
  return NULL;
}

/* ---- writing */

void nn_safetensors_header(nn_text *h, const nn_tensor *tensors, size_t n) {
  size_t i, at = 0;
  int k;
  nn_text_add(h, "{", 1);
  for (i = 0; i < n; i++) {
    const nn_tensor *t = &tensors[i];
    const nn_type_info *type = &nn_types[t->type == NN_MASK ? NN_TYPE_BOOL : t->type];
    size_t end = at + t->count * type->size;
    if (i) nn_text_add(h, ",", 1);
    nn_json_string(h, t->name);
    nn_text_addf(h, ":{\"dtype\":\"%s\",\"shape\":[", type->safetensors);
    for (k = 0; k < t->rank; k++) nn_text_addf(h, "%s%lld", k ? "," : "", (long long)t->dims[k]);
    nn_text_addf(h, "],\"data_offsets\":[%zu,%zu]}", at, end);
    at = end;
  }
  nn_text_add(h, "}", 1);
  while (!h->failed && h->len % 8) nn_text_add(h, " ", 1);
}

int nn_safetensors_write(const char *path, const nn_tensor *tensors, size_t n, nn_err *e) {
  nn_text h;
  nn_out o;
  unsigned char length[8];
  size_t i;
  memset(&h, 0, sizeof h);
  nn_safetensors_header(&h, tensors, n);
  if (h.failed) return nn_text_free(&h), nn_fail_memory(e);
  for (i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)h.len >> (8 * i) & 255);
  if (!nn_out_open(&o, path, e)) {
    nn_out_write(&o, length, 8);
    nn_out_write(&o, h.s, h.len);
    for (i = 0; i < n; i++)
      nn_out_write(&o, tensors[i].data, tensors[i].count * nn_types[tensors[i].type].size);
    nn_out_close(&o, e);
  }
  nn_text_free(&h);
  return e->code;
}
