/* Compressed data: see nn_read.h. (MIT-0)
   That a file is gzip's its name decides, not its content: raw numbers may look like anything. What comes out
   grows the buffer by what zlib really wrote, so a length that lies costs nothing. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_read.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int nn_gzip_name(const char *path) {
  size_t n = strlen(path);
  return n > 3 && strcmp(path + n - 3, ".gz") == 0;
}

#ifdef NN_ZLIB
#include <zlib.h>

/* Makes room for more output; the buffer doubles. */
static int nn_gzip_room(nn_bytes *out, size_t used, const char *path, nn_err *e) {
  unsigned char *p;
  size_t n = out->n ? 2 * out->n : 65536;
  if (used < out->n) return 0;
  p = n > out->n ? (unsigned char *)realloc(out->p, n) : NULL;
  if (!p)
    return nn_fail(e, NN_EXIT_SYSTEM, "%s: out of memory for more than %zu bytes unpacked", path, out->n);
  out->p = p;
  out->n = n;
  return 0;
}

/* The whole of `in`; of a gzip file all members, one after the other (`cat a.gz b.gz`). */
static int nn_gzip_inflate(z_stream *z, const nn_bytes *in, nn_bytes *out, const char *path, nn_err *e) {
  size_t read = 0, written = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END || read < in->n) {
    const uInt most = 1u << 30;
    size_t left = in->n - read, room;
    if (status == Z_STREAM_END) inflateReset(z);
    if (nn_gzip_room(out, written, path, e)) return e->code;
    room = out->n - written;
    z->next_in = in->p + read;
    z->avail_in = left < most ? (uInt)left : most;
    z->next_out = out->p + written;
    z->avail_out = room < most ? (uInt)room : most;
    status = inflate(z, Z_NO_FLUSH);
    read = (size_t)(z->next_in - in->p);
    written = (size_t)(z->next_out - out->p);
    if (status == Z_MEM_ERROR) return nn_fail_memory(e);
    if (status == Z_BUF_ERROR && read == in->n)
      return nn_fail(e, NN_EXIT_CONTENT, "%s: its compressed data ends too early", path);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      return nn_fail(e, NN_EXIT_CONTENT, "%s: its compressed data is damaged: %s", path,
                     z->msg ? z->msg : "it can't be unpacked");
  }
  out->n = written;
  return 0;
}

/* `window`: zlib's windowBits, which say what stands around the compressed data. */
static int nn_gzip_all(nn_bytes *b, int window, const char *path, nn_err *e) {
  nn_bytes in = *b;
  z_stream z;
  memset(&z, 0, sizeof z);
  b->p = NULL;
  b->n = 0;
  if (inflateInit2(&z, window) != Z_OK)
    nn_fail_memory(e);
  else
    nn_gzip_inflate(&z, &in, b, path, e);
  inflateEnd(&z);
  free(in.p);
  if (e->code) {
    free(b->p);
    b->p = NULL;
  }
  return e->code;
}

int nn_gzip_unpack(nn_bytes *b, const char *path, nn_err *e) { return nn_gzip_all(b, 15 + 16, path, e); }

int nn_deflate_unpack(nn_bytes *b, const char *path, nn_err *e) { return nn_gzip_all(b, -15, path, e); }

#else

static int nn_gzip_without(nn_bytes *b, const char *path, const char *unpack, nn_err *e) {
  free(b->p);
  b->p = NULL;
  return nn_fail(e, NN_EXIT_CONTENT,
                 "%s: this program was built without zlib: %s, or compile with -DNN_ZLIB and -lz", path,
                 unpack);
}

int nn_gzip_unpack(nn_bytes *b, const char *path, nn_err *e) {
  return nn_gzip_without(b, path, "unpack the file (gunzip)", e);
}

int nn_deflate_unpack(nn_bytes *b, const char *path, nn_err *e) {
  return nn_gzip_without(b, path, "save the arrays uncompressed (numpy.savez)", e);
}

#endif

int nn_read_data(const char *path, nn_bytes *out, nn_err *e) {
  nn_text packed;
  int code;
  memset(&packed, 0, sizeof packed);
#ifdef NN_ZLIB
  if (access(path, F_OK) != 0) nn_text_addf(&packed, "%s.gz", path);
  if (packed.s && access(packed.s, F_OK) == 0) path = packed.s;
#endif
  code = nn_read_file(path, out, e);
  if (!code && nn_gzip_name(path)) code = nn_gzip_unpack(out, path, e);
  nn_text_free(&packed);
  return code;
}
