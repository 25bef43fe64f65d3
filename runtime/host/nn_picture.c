/* A picture by what its file begins with: PNG through libpng where NN_PNG is defined, JPEG through libjpeg
   where NN_JPEG is, PGM and PPM anywhere. See nn_read.h. (MIT-0) A file of its own, so that only programs of
   models that read pictures are linked with those libraries. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_read.h"

#include <stdlib.h>
#include <string.h>

#ifdef NN_PNG
#include <png.h>

/* libpng's simplified interface: 8 bits, gray or colour as in the file; what is transparent is put on black.
 */
static int nn_picture_png(nn_bytes *b, const char *name, nn_image *out, nn_err *e) {
  png_image m;
  png_color black = {0, 0, 0};
  size_t n;
  memset(&m, 0, sizeof m);
  m.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&m, b->p, b->n)) {
    m.format = m.format & PNG_FORMAT_FLAG_COLOR ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    out->width = m.width;
    out->height = m.height;
    out->channels = m.format == PNG_FORMAT_RGB ? 3 : 1;
    if (m.width > NN_IMAGE_MAX_SIDE || m.height > NN_IMAGE_MAX_SIDE || !nn_size_mul(m.width, m.height, &n) ||
        !nn_size_mul(n, out->channels, &n) || n / 25000 > b->n) /* deflate: 1032 : 1; 24 bits from 1 */
      nn_fail(e, NN_EXIT_CONTENT, "%s: its header claims the impossible size %u x %u", name,
              (unsigned)m.width, (unsigned)m.height);
    else if (!(out->p = (unsigned char *)nn_alloc(n, 1)))
      nn_fail_memory(e);
    else if (png_image_finish_read(&m, &black, out->p, 0, NULL))
      return 0;
  }
  if (!e->code) nn_fail(e, NN_EXIT_CONTENT, "%s: is no whole PNG file: %s", name, m.message);
  png_image_free(&m);
  return e->code;
}

#else

static int nn_picture_png(nn_bytes *b, const char *name, nn_image *out, nn_err *e) {
  (void)b, (void)out;
  return nn_fail(
      e, NN_EXIT_CONTENT,
      "%s: this program was built without libpng: convert it to PPM, or compile with -DNN_PNG and -lpng",
      name);
}

#endif

#ifdef NN_JPEG
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

typedef struct nn_jpeg {
  struct jpeg_error_mgr errors; /* first: libjpeg hands out a pointer to it */
  jmp_buf back;
} nn_jpeg;

static void nn_jpeg_exit(j_common_ptr c) { longjmp(((nn_jpeg *)(void *)c->err)->back, 1); }

/* A warning says that data is missing or damaged: libjpeg would go on with gray. */
static void nn_jpeg_message(j_common_ptr c, int level) {
  if (level < 0) nn_jpeg_exit(c);
}

static int nn_picture_jpeg(nn_bytes *b, const char *name, nn_image *out, nn_err *e) {
  struct jpeg_decompress_struct d;
  nn_jpeg j;
  char message[JMSG_LENGTH_MAX];
  memset(&d, 0, sizeof d);
  d.err = jpeg_std_error(&j.errors);
  j.errors.error_exit = nn_jpeg_exit;
  j.errors.emit_message = nn_jpeg_message;
  if (setjmp(j.back)) {
    (*j.errors.format_message)((j_common_ptr)&d, message);
    jpeg_destroy_decompress(&d);
    return nn_fail(e, NN_EXIT_CONTENT, "%s: is no whole JPEG file: %s", name, message);
  }
  jpeg_create_decompress(&d);
  jpeg_mem_src(&d, b->p, (unsigned long)b->n);
  jpeg_read_header(&d, TRUE);
  d.out_color_space = d.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  d.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&d);
  out->width = d.output_width;
  out->height = d.output_height;
  out->channels = (uint32_t)d.output_components;
  if ((size_t)out->width * out->height / 1024 > b->n) /* a bit for each block of 64 pixels is the least */
    nn_fail(e, NN_EXIT_CONTENT, "%s: its header claims the impossible size %u x %u", name,
            (unsigned)out->width, (unsigned)out->height);
  else if (!(out->p = (unsigned char *)nn_alloc((size_t)out->width * out->height, out->channels)))
    nn_fail_memory(e);
  if (e->code) return jpeg_destroy_decompress(&d), e->code;
  while (d.output_scanline < d.output_height) {
    JSAMPROW row = out->p + (size_t)d.output_scanline * out->width * out->channels;
    jpeg_read_scanlines(&d, &row, 1);
  }
  jpeg_finish_decompress(&d);
  jpeg_destroy_decompress(&d);
  return 0;
}

#else

static int nn_picture_jpeg(nn_bytes *b, const char *name, nn_image *out, nn_err *e) {
  (void)b, (void)out;
  return nn_fail(
      e, NN_EXIT_CONTENT,
      "%s: this program was built without libjpeg: convert it to PPM, or compile with -DNN_JPEG and -ljpeg",
      name);
}

#endif

/* What the file's name says it is. */
static const char *nn_picture_named(const char *name) {
  const char *dot = strrchr(name, '.');
  if (dot && !strcmp(dot, ".png")) return "PNG";
  return dot && (!strcmp(dot, ".jpg") || !strcmp(dot, ".jpeg")) ? "JPEG" : NULL;
}

int nn_picture_parse(nn_bytes *b, const char *name, nn_image *out, nn_err *e) {
  int png = b->n >= 8 && !memcmp(b->p, "\x89PNG\r\n\x1a\n", 8),
      jpeg = b->n >= 3 && !memcmp(b->p, "\xff\xd8\xff", 3);
  if (!png && !jpeg && (!nn_picture_named(name) || (b->n && b->p[0] == 'P')))
    return nn_pnm_parse(b, name, out, e);
  memset(out, 0, sizeof *out);
  if (png)
    nn_picture_png(b, name, out, e);
  else if (!jpeg)
    nn_fail(e, NN_EXIT_CONTENT, "%s: is no %s file", name, nn_picture_named(name));
  else
    nn_picture_jpeg(b, name, out, e);
  free(b->p);
  b->p = NULL;
  if (e->code) {
    free(out->p);
    out->p = NULL;
  }
  return e->code;
}
