/* Readers of data files. (MIT-0)

   IDX (LeCun): 0 0 type rank, rank big-endian u32 sizes, then the elements, big-endian; types 08 u8, 09 i8,
   0B i16, 0C i32, 0D f32, 0E f64. The file's length must be exactly what the header says. NPY 1.0 to 3.0
   (numpy's format): bool, i1 to i8, u1 to u8, f2, f4, f8, little- or big-endian, in C or Fortran order. CSV (RFC
   4180): one separator byte; cells may be quoted ("a ""b"""), lines end in LF or CRLF, blank lines are
   skipped, a UTF-8 byte order mark too; every line has as many cells as the first. A number is decimal
   ("-1.5e3", also nan and inf for a float), an integer has digits only, a mask is 0 1 true false; spaces
   around it don't count. The first axis of the result counts the lines. Raw: elements of the wanted type,
   little-endian, one example after the other; a mask is 0 or 1. CIFAR-10 (Krizhevsky's binary version): records
   of a label byte, 0 to 9, and 3 x 32 x 32 bytes; the result is the labels [n] or the images [n, 3, 32, 32].
   The length of both is a whole number of examples. Text: any bytes, in windows. NPZ (numpy.savez and
   savez_compressed): a zip file of NPY files, stored or deflated (with NN_ZLIB), ZIP64 or not; each is checked
   against its CRC-32. Not read: encrypted files, archives of several parts, other compressions.

   Pictures: PGM and PPM, binary or plain (netpbm's pgm(5), ppm(5)), one a file, of up to 65535 x 65535 pixels; a
   largest value other than 255 is scaled to it. PNG with NN_PNG and libpng, JPEG with NN_JPEG and libjpeg; elsewhere
   such a file is an error. A folder of pictures has a folder for each class; classes and their
   pictures count in the order of their names' bytes; names that begin with a dot, and files whose names don't end as
   a picture's, are left out.

   Every *_read takes gzip files too (RFC 1952), where the runtime was compiled with NN_ZLIB: those named `….gz`,
   and `path.gz` where there is no `path`. Elsewhere such a file is an error.

   Limits: rank NN_MAX_RANK; a number of 1000 characters. Every failure names the file, and the line and
   column in a CSV. The *_parse functions work on bytes and take them over: `b->p` becomes the array's or is
   freed. */
#ifndef NN_READ_H
#define NN_READ_H

#include "nn_array.h"

int nn_idx_parse(nn_bytes *b, const char *name, nn_array *out, nn_err *e);
int nn_npy_parse(nn_bytes *b, const char *name, nn_array *out, nn_err *e);
/* The array `member`, in the archive as `member.npy`. */
int nn_npz_parse(nn_bytes *b, const char *name, const char *member, nn_array *out, nn_err *e);

typedef struct nn_csv_spec {
  int type; /* wanted */
  size_t n_columns;
  const int32_t *columns;          /* from 0; NULL: all, and the file has just n_columns */
  const char *const *column_names; /* instead of indices; needs `header` */
  int header;
  char sep;
} nn_csv_spec;

/* [lines, n_columns] of the wanted type. */
int nn_csv_parse(nn_bytes *b, const char *name, const nn_csv_spec *spec, nn_array *out, nn_err *e);

/* The whole of a data file, unpacked. */
int nn_read_data(const char *path, nn_bytes *out, nn_err *e);
/* Unpacks the bytes of a gzip file, or of compressed data with nothing around it (RFC 1951); on failure they are
   freed. */
int nn_gzip_unpack(nn_bytes *b, const char *path, nn_err *e);
int nn_deflate_unpack(nn_bytes *b, const char *path, nn_err *e);

typedef struct nn_raw_spec {
  int type, rank; /* of one example */
  const int64_t *dims;
  size_t count;
} nn_raw_spec;

int nn_raw_parse(nn_bytes *b, const char *name, const nn_raw_spec *spec, nn_array *out, nn_err *e);
int nn_cifar_parse(nn_bytes *b, const char *name, int images, nn_array *out, nn_err *e);

/* Windows of a text's bytes, the first at its start, each `stride` after the one before; a rest too short for a
   window is dropped. The array says u8 [windows, window], but its rows overlap or lie apart: row i begins
   i * stride bytes into the data, and `count` are the bytes from the first window to the end of the last. */
int nn_text_parse(nn_bytes *b, const char *name, size_t window, size_t stride, nn_array *out, nn_err *e);

enum { NN_IMAGE_MAX_SIDE = 65535 };

typedef struct nn_image {
  uint32_t width, height, channels; /* 1 or 3 */
  unsigned char *p;                 /* [height, width, channels] */
} nn_image;

/* Of any kind that the runtime was compiled for; what is transparent is put on black. */
int nn_picture_parse(nn_bytes *b, const char *name, nn_image *out, nn_err *e);
int nn_pnm_parse(nn_bytes *b, const char *name, nn_image *out, nn_err *e);
/* The picture as u8 [channels, height, width] of `dims`: gray fills every channel; `scale` allows another size. */
int nn_image_place(const nn_image *m, const char *name, const int64_t *dims, int scale, unsigned char *to, nn_err *e);

typedef struct nn_images_spec {
  const int64_t *dims; /* [channels, height, width]; NULL: the classes, u8 [n] or, above 256 of them, i32 */
  int scale;
} nn_images_spec;

int nn_images_read(const char *path, const nn_images_spec *spec, nn_array *out, nn_err *e);

int nn_idx_read(const char *path, nn_array *out, nn_err *e);
int nn_npy_read(const char *path, nn_array *out, nn_err *e);
int nn_npz_read(const char *path, const char *member, nn_array *out, nn_err *e);
int nn_csv_read(const char *path, const nn_csv_spec *spec, nn_array *out, nn_err *e);
int nn_raw_read(const char *path, const nn_raw_spec *spec, nn_array *out, nn_err *e);
int nn_text_read(const char *path, size_t window, size_t stride, nn_array *out, nn_err *e);
int nn_cifar_read(const char *path, int images, nn_array *out, nn_err *e);

/* A .npy file of version 1.0, little-endian; bf16 is written as f4, a mask as bool. */
int nn_npy_write(const char *path, int type, int rank, const int64_t *dims, const void *data, nn_err *e);

#endif
