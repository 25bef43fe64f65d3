/* NPZ files: see nn_read.h. (MIT-0)
   The directory at the end of a zip file says where each member is, how long, and its CRC-32; the header
   before a member is read only for its own length. Formats: PKWARE's APPNOTE 4.3.12 (directory), 4.3.14
   to 4.3.16 (its end), 4.5.3 (ZIP64). Nothing is taken from an offset or length that does not lie inside the
   file. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_read.h"

#include <stdlib.h>
#include <string.h>

enum { NN_ZIP_STORED = 0, NN_ZIP_DEFLATED = 8, NN_ZIP_ENCRYPTED = 1 };
enum { NN_ZIP_END = 22, NN_ZIP_LOCATOR = 20, NN_ZIP_END64 = 56, NN_ZIP_ENTRY = 46, NN_ZIP_LOCAL = 30 };

typedef struct nn_zip {
  const nn_bytes *b;
  const char *name;
  uint64_t n, at, size; /* of the directory: entries, offset, bytes */
  nn_err *e;
} nn_zip;

typedef struct nn_zip_entry {
  const char *name;
  size_t name_len;
  unsigned flags, method;
  uint32_t crc;
  uint64_t packed, size, at; /* bytes in the file, unpacked; where its local header is */
} nn_zip_entry;

static uint64_t nn_zip_get(const unsigned char *p, int bytes) {
  uint64_t x = 0;
  while (bytes-- > 0) x = x << 8 | p[bytes];
  return x;
}

static int nn_zip_bad(nn_zip *z, const char *what) {
  return nn_fail(z->e, NN_EXIT_CONTENT, "%s: is no whole zip file: %s", z->name, what);
}

/* `n` bytes at `at`, or NULL when they are not all in the file. */
static const unsigned char *nn_zip_at(const nn_zip *z, uint64_t at, uint64_t n) {
  return at <= z->b->n && n <= z->b->n - at ? z->b->p + at : NULL;
}

static int nn_zip_is(const unsigned char *p, char c, char d) {
  return p && p[0] == 'P' && p[1] == 'K' && p[2] == (unsigned char)c && p[3] == (unsigned char)d;
}

/* The end record is the last thing in the file but a comment of up to 65535 bytes. */
static int nn_zip_end(nn_zip *z) {
  const unsigned char *p = NULL, *far;
  uint64_t at, first;
  if (z->b->n < NN_ZIP_END) return nn_zip_bad(z, "it is too short");
  first = z->b->n - NN_ZIP_END > 65535 ? z->b->n - NN_ZIP_END - 65535 : 0;
  for (at = z->b->n - NN_ZIP_END + 1; at-- > first;) {
    p = z->b->p + at;
    if (nn_zip_is(p, 5, 6) && at + NN_ZIP_END + nn_zip_get(p + 20, 2) == z->b->n) break;
    p = NULL;
  }
  if (!p) return nn_zip_bad(z, "its directory is missing");
  if (nn_zip_get(p + 4, 2) != nn_zip_get(p + 6, 2)) return nn_zip_bad(z, "it has several parts");
  z->n = nn_zip_get(p + 10, 2);
  z->size = nn_zip_get(p + 12, 4);
  z->at = nn_zip_get(p + 16, 4);
  if (z->n != 0xFFFF && z->size != 0xFFFFFFFF && z->at != 0xFFFFFFFF) return 0;
  far = at >= NN_ZIP_LOCATOR ? nn_zip_at(z, at - NN_ZIP_LOCATOR, NN_ZIP_LOCATOR) : NULL;
  if (!nn_zip_is(far, 6, 7)) return 0; /* just as many entries as the mark says */
  far = nn_zip_at(z, nn_zip_get(far + 8, 8), NN_ZIP_END64);
  if (!nn_zip_is(far, 6, 6)) return nn_zip_bad(z, "its ZIP64 directory is missing");
  z->n = nn_zip_get(far + 32, 8);
  z->size = nn_zip_get(far + 40, 8);
  z->at = nn_zip_get(far + 48, 8);
  return 0;
}

/* The sizes that did not fit their 32 bits stand in the extra field of kind 1, in this order. */
static int nn_zip_wide(nn_zip *z, nn_zip_entry *t, const unsigned char *p, uint64_t n) {
  uint64_t *wide[3];
  int k;
  wide[0] = &t->size;
  wide[1] = &t->packed;
  wide[2] = &t->at;
  while (n >= 4) {
    uint64_t kind = nn_zip_get(p, 2), len = nn_zip_get(p + 2, 2);
    p += 4;
    n -= 4;
    if (len > n) return nn_zip_bad(z, "an extra field is too long");
    for (k = 0; kind == 1 && k < 3; k++)
      if (*wide[k] == 0xFFFFFFFF) {
        if (len < 8) return nn_zip_bad(z, "a ZIP64 size is missing");
        *wide[k] = nn_zip_get(p, 8);
        p += 8;
        n -= 8;
        len -= 8;
      }
    p += len;
    n -= len;
  }
  return 0;
}

/* The entry at *at, which moves to the next. */
static int nn_zip_entry_at(nn_zip *z, uint64_t *at, nn_zip_entry *t) {
  const unsigned char *p = nn_zip_at(z, *at, NN_ZIP_ENTRY);
  uint64_t extra, length;
  if (!nn_zip_is(p, 1, 2)) return nn_zip_bad(z, "its directory is damaged");
  t->flags = (unsigned)nn_zip_get(p + 8, 2);
  t->method = (unsigned)nn_zip_get(p + 10, 2);
  t->crc = (uint32_t)nn_zip_get(p + 16, 4);
  t->packed = nn_zip_get(p + 20, 4);
  t->size = nn_zip_get(p + 24, 4);
  t->name_len = (size_t)nn_zip_get(p + 28, 2);
  extra = nn_zip_get(p + 30, 2);
  t->at = nn_zip_get(p + 42, 4);
  length = NN_ZIP_ENTRY + t->name_len + extra + nn_zip_get(p + 32, 2);
  if (!nn_zip_at(z, *at, length)) return nn_zip_bad(z, "its directory is cut off");
  t->name = (const char *)p + NN_ZIP_ENTRY;
  *at += length;
  return nn_zip_wide(z, t, p + NN_ZIP_ENTRY + t->name_len, extra);
}

static int nn_zip_named(const nn_zip_entry *t, const char *member) {
  size_t n = strlen(member);
  return t->name_len == n + 4 && !memcmp(t->name, member, n) && !memcmp(t->name + n, ".npy", 4);
}

/* Finds the member; where there is none, the error lists those there are. */
static int nn_zip_find(nn_zip *z, const char *member, nn_zip_entry *t) {
  nn_text names;
  uint64_t i, at = z->at;
  memset(&names, 0, sizeof names);
  for (i = 0; i < z->n; i++) {
    if (nn_zip_entry_at(z, &at, t)) break;
    if (nn_zip_named(t, member)) break;
    if (i < 10)
      nn_text_addf(&names, "%s`%.*s`", i ? ", " : "",
                   (int)(t->name_len > 4 && !memcmp(t->name + t->name_len - 4, ".npy", 4) ? t->name_len - 4
                                                                                          : t->name_len),
                   t->name);
  }
  if (i == z->n)
    nn_fail(z->e, NN_EXIT_CONTENT, "%s: has no array `%s`%s%s%s", z->name, member, names.s ? "; it has " : "",
            names.s ? names.s : "", z->n > 10 ? " …" : "");
  nn_text_free(&names);
  return z->e->code;
}

/* CRC-32 of ISO 3309, four bits at a time. */
static uint32_t nn_zip_crc(const unsigned char *p, size_t n) {
  static const uint32_t table[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                     0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                     0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
  uint32_t crc = 0xFFFFFFFF;
  size_t i;
  for (i = 0; i < n; i++) {
    crc ^= p[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

/* The member's bytes, unpacked and checked, in memory of their own. */
static int nn_zip_unpack(nn_zip *z, const nn_zip_entry *t, const char *label, nn_bytes *out) {
  const unsigned char *p = nn_zip_at(z, t->at, NN_ZIP_LOCAL);
  if (t->flags & NN_ZIP_ENCRYPTED) return nn_fail(z->e, NN_EXIT_CONTENT, "%s: is encrypted", label);
  if (t->method != NN_ZIP_STORED && t->method != NN_ZIP_DEFLATED)
    return nn_fail(z->e, NN_EXIT_CONTENT, "%s: is compressed by method %u; stored and deflated can be read",
                   label, t->method);
  if (!nn_zip_is(p, 3, 4))
    return nn_fail(z->e, NN_EXIT_CONTENT, "%s: is not where the directory says", label);
  p = nn_zip_at(z, t->at + NN_ZIP_LOCAL + nn_zip_get(p + 26, 2) + nn_zip_get(p + 28, 2), t->packed);
  if (!p)
    return nn_fail(z->e, NN_EXIT_CONTENT, "%s: its %llu bytes go past the end of the file", label,
                   (unsigned long long)t->packed);
  out->n = (size_t)t->packed;
  out->p = (unsigned char *)nn_alloc(out->n, 1);
  if (!out->p) return nn_fail_memory(z->e);
  memcpy(out->p, p, out->n);
  if (t->method == NN_ZIP_DEFLATED && nn_deflate_unpack(out, label, z->e)) return z->e->code;
  if (out->n != t->size)
    return nn_fail(z->e, NN_EXIT_CONTENT, "%s: has %zu bytes where the directory says %llu", label, out->n,
                   (unsigned long long)t->size);
  if (nn_zip_crc(out->p, out->n) != t->crc)
    return nn_fail(z->e, NN_EXIT_CONTENT, "%s: is damaged: its CRC-32 is not the directory's", label);
  return 0;
}

int nn_npz_parse(nn_bytes *b, const char *name, const char *member, nn_array *out, nn_err *e) {
  nn_zip z;
  nn_zip_entry t;
  nn_bytes array;
  nn_text label;
  memset(&z, 0, sizeof z);
  memset(&array, 0, sizeof array);
  memset(&label, 0, sizeof label);
  memset(out, 0, sizeof *out);
  z.b = b;
  z.name = name;
  z.e = e;
  nn_text_addf(&label, "%s: array `%s`", name, member);
  if (label.failed)
    nn_fail_memory(e);
  else if (!nn_zip_end(&z) && !nn_zip_find(&z, member, &t))
    nn_zip_unpack(&z, &t, label.s, &array);
  free(b->p); /* before the array is looked at: large files are not there twice */
  b->p = NULL;
  if (e->code)
    free(array.p);
  else
    nn_npy_parse(&array, label.s, out, e);
  nn_text_free(&label);
  return e->code;
}

int nn_npz_read(const char *path, const char *member, nn_array *out, nn_err *e) {
  nn_bytes b;
  int code = nn_read_data(path, &b, e);
  return code ? code : nn_npz_parse(&b, path, member, out, e);
}
