/* Pictures and folders of pictures: see nn_read.h. (MIT-0)
   PGM and PPM as netpbm's pgm(5) and ppm(5) describe them. A picture of another size is scaled by areas: a
   pixel of the result is the mean of the rectangle it covers, in whole numbers, so that every machine gets
   the same. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_read.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- PGM and PPM */

typedef struct nn_pnm {
  const nn_bytes *b;
  size_t at;
  const char *name;
  nn_err *e;
} nn_pnm;

static int nn_pnm_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The next decimal number, after white space and comments; at most `most`. */
static int nn_pnm_number(nn_pnm *r, uint32_t most, const char *what, uint32_t *out) {
  const nn_bytes *b = r->b;
  size_t from;
  uint32_t x = 0;
  while (r->at < b->n && (nn_pnm_space(b->p[r->at]) || b->p[r->at] == '#'))
    if (b->p[r->at++] == '#')
      while (r->at < b->n && b->p[r->at] != '\n') r->at++;
  for (from = r->at; r->at < b->n && b->p[r->at] >= '0' && b->p[r->at] <= '9' && x <= most; r->at++)
    x = 10 * x + (uint32_t)(b->p[r->at] - '0');
  *out = x;
  if (r->at == from && r->at == b->n)
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s: ends before its %s", r->name, what);
  return r->at > from && x <= most
             ? 0
             : nn_fail(r->e, NN_EXIT_CONTENT, "%s: byte %zu: its %s is no number from 0 to %u", r->name, from,
                       what, (unsigned)most);
}

static int nn_pnm_pixels(nn_pnm *r, int plain, uint32_t max, nn_image *out) {
  size_t i, n, bytes, wide = max > 255 ? 2 : 1;
  uint32_t x;
  if (!nn_size_mul(out->width, out->height, &n) || !nn_size_mul(n, out->channels, &n) ||
      !nn_size_mul(n, wide, &bytes))
    return nn_fail_memory(r->e);
  if (!plain && (r->at == r->b->n || r->b->n - r->at - 1 != bytes))
    return nn_fail(r->e, NN_EXIT_CONTENT,
                   "%s: its header claims %u x %u pixels, which is %zu bytes, but %zu follow", r->name,
                   (unsigned)out->width, (unsigned)out->height, bytes,
                   r->at == r->b->n ? 0 : r->b->n - r->at - 1);
  if (plain && (r->b->n - r->at) / 2 < n) /* a space and a digit each */
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s: is too short for %u x %u pixels", r->name,
                   (unsigned)out->width, (unsigned)out->height);
  if (!(out->p = (unsigned char *)nn_alloc(n, 1))) return nn_fail_memory(r->e);
  if (!plain && !nn_pnm_space(r->b->p[r->at++]))
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s: no white space after its header", r->name);
  for (i = 0; i < n; i++) {
    if (plain) {
      if (nn_pnm_number(r, max, "pixel", &x)) return r->e->code;
    } else {
      x = r->b->p[r->at++];
      if (wide == 2) x = x << 8 | r->b->p[r->at++];
      if (x > max)
        return nn_fail(r->e, NN_EXIT_CONTENT, "%s: pixel value %u is larger than its header's %u", r->name,
                       (unsigned)x, (unsigned)max);
    }
    out->p[i] = (unsigned char)((x * 255 + max / 2) / max);
  }
  return 0;
}

int nn_pnm_parse(nn_bytes *b, const char *name, nn_image *out, nn_err *e) {
  nn_pnm r = {0};
  uint32_t max;
  char kind = b->n > 2 && b->p[0] == 'P' ? (char)b->p[1] : 0;
  memset(out, 0, sizeof *out);
  r.b = b;
  r.at = 2;
  r.name = name;
  r.e = e;
  if (!kind || !strchr("2356", kind)) {
    nn_fail(e, NN_EXIT_CONTENT, "%s: is no PGM or PPM file", name);
  } else if (!nn_pnm_number(&r, NN_IMAGE_MAX_SIDE, "width", &out->width) &&
             !nn_pnm_number(&r, NN_IMAGE_MAX_SIDE, "height", &out->height) &&
             !nn_pnm_number(&r, 65535, "largest value", &max)) {
    out->channels = kind == '3' || kind == '6' ? 3 : 1;
    if (!out->width || !out->height || !max)
      nn_fail(e, NN_EXIT_CONTENT, "%s: its header has a 0", name);
    else
      nn_pnm_pixels(&r, kind < '5', max, out);
  }
  free(b->p);
  b->p = NULL;
  if (e->code) {
    free(out->p);
    out->p = NULL;
  }
  return e->code;
}

/* ---- to the shape of a field */

/* A line is measured in units of which a pixel of the picture is `to` long: how much of pixel i lies in lo ..
 * hi. */
static uint64_t nn_image_overlap(uint64_t lo, uint64_t hi, uint64_t i, uint64_t to) {
  uint64_t a = i * to > lo ? i * to : lo, b = (i + 1) * to < hi ? (i + 1) * to : hi;
  return b > a ? b - a : 0;
}

static unsigned char nn_image_mean(const nn_image *m, uint32_t c, uint64_t y, uint64_t x, uint64_t height,
                                   uint64_t width) {
  uint64_t y0 = y * m->height, y1 = y0 + m->height, x0 = x * m->width, x1 = x0 + m->width, sum = 0, i, j;
  for (i = y0 / height; i * height < y1; i++) {
    uint64_t line = 0;
    for (j = x0 / width; j * width < x1; j++)
      line += nn_image_overlap(x0, x1, j, width) * m->p[(i * m->width + j) * m->channels + c];
    sum += line * nn_image_overlap(y0, y1, i, height);
  }
  return (unsigned char)((sum + (uint64_t)m->height * m->width / 2) / ((uint64_t)m->height * m->width));
}

int nn_image_place(const nn_image *m, const char *name, const int64_t *dims, int scale, unsigned char *to,
                   nn_err *e) {
  uint32_t channels = (uint32_t)dims[0], c;
  uint64_t height = (uint64_t)dims[1], width = (uint64_t)dims[2], y, x;
  if (m->channels > channels)
    return nn_fail(e, NN_EXIT_CONTENT, "%s: is in colour, and the field takes 1 channel (declare 3)", name);
  if (!scale && (m->height != height || m->width != width))
    return nn_fail(e, NN_EXIT_CONTENT,
                   "%s: is %u wide and %u high, the field %llu and %llu; `size = ` scales the pictures", name,
                   (unsigned)m->width, (unsigned)m->height, (unsigned long long)width,
                   (unsigned long long)height);
  for (c = 0; c < channels; c++)
    for (y = 0; y < height; y++)
      for (x = 0; x < width; x++) *to++ = nn_image_mean(m, m->channels == 1 ? 0 : c, y, x, height, width);
  return 0;
}

/* ---- folders */

typedef struct nn_names {
  char **p;
  size_t n;
} nn_names;

static void nn_names_free(nn_names *l) {
  while (l->n) free(l->p[--l->n]);
  free(l->p);
  l->p = NULL;
}

static int nn_names_order(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b); /* as unsigned bytes */
}

static int nn_names_add(nn_names *l, const char *name, nn_err *e) {
  char **p = l->n & (l->n - 1) ? l->p : (char **)realloc(l->p, (l->n ? 2 * l->n : 1) * sizeof *p);
  char *copy = nn_path_join("", name);
  if (p) l->p = p;
  if (!p || !copy) return free(copy), nn_fail_memory(e);
  l->p[l->n++] = copy;
  return 0;
}

static int nn_image_is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Does the name end like a picture's? */
static int nn_image_is_picture(const char *name) {
  static const char *const ends[] = {".pgm",    ".ppm", ".pnm", ".pgm.gz", ".ppm.gz",
                                     ".pnm.gz", ".png", ".jpg", ".jpeg"};
  size_t i, n = strlen(name);
  for (i = 0; i < sizeof ends / sizeof *ends; i++)
    if (n > strlen(ends[i]) && !strcasecmp(name + n - strlen(ends[i]), ends[i])) return 1;
  return 0;
}

/* The folders, or the pictures, in a folder: in the order of their names' bytes, without those that begin
 * with a dot. */
static int nn_image_list(const char *path, int folders, nn_names *out, nn_err *e) {
  DIR *d = opendir(path);
  struct dirent *entry;
  if (!d) return nn_fail(e, NN_EXIT_SYSTEM, "%s: this folder can't be opened: %s", path, strerror(errno));
  while (!e->code && (entry = readdir(d)) != NULL) {
    char *full;
    if (entry->d_name[0] == '.') continue;
    if (!(full = nn_path_join(path, entry->d_name)))
      nn_fail_memory(e);
    else if (nn_image_is_folder(full) == folders && (folders || nn_image_is_picture(entry->d_name)))
      nn_names_add(out, entry->d_name, e);
    free(full);
  }
  closedir(d);
  if (out->n) qsort(out->p, out->n, sizeof *out->p, nn_names_order);
  return e->code;
}

/* Every picture's path in `files`, and its class in `classes`, which doubles when it is full. */
static int nn_image_class(const char *path, int32_t class_, nn_names *files, int32_t **classes, nn_err *e) {
  nn_names names = {0};
  size_t i;
  if (!nn_image_list(path, 0, &names, e) && !names.n)
    fprintf(stderr, "warning: %s: this class has no pictures (.pgm .ppm .pnm .png .jpg .jpeg)\n", path);
  for (i = 0; !e->code && i < names.n; i++) {
    char *full = nn_path_join(path, names.p[i]);
    if (!full) {
      nn_fail_memory(e);
    } else if (!nn_names_add(files, full, e)) {
      int32_t *p = (int32_t *)realloc(*classes, files->n * sizeof *p);
      if (p)
        *classes = p, p[files->n - 1] = class_;
      else
        nn_fail_memory(e);
    }
    free(full);
  }
  nn_names_free(&names);
  return e->code;
}

static int nn_image_read(const char *path, const int64_t *dims, int scale, unsigned char *to, nn_err *e) {
  nn_bytes b;
  nn_image m;
  if (nn_read_data(path, &b, e) || nn_picture_parse(&b, path, &m, e)) return e->code;
  nn_image_place(&m, path, dims, scale, to, e);
  free(m.p);
  return e->code;
}

static int nn_image_fill(const nn_names *files, const int32_t *classes, size_t n_classes,
                         const nn_images_spec *spec, nn_array *a, nn_err *e) {
  size_t i, size = 1;
  int pictures = spec->dims != NULL;
  for (i = 0; pictures && i < 3; i++) size *= (size_t)spec->dims[i];
  a->type = pictures || n_classes <= 256 ? NN_U8 : NN_I32;
  a->rank = pictures ? 4 : 1;
  a->dims[0] = (int64_t)files->n;
  for (i = 0; pictures && i < 3; i++) a->dims[i + 1] = spec->dims[i];
  if (!nn_size_mul(files->n, size, &a->count)) return nn_fail_memory(e);
  a->data = a->owned = (unsigned char *)nn_alloc(a->count, nn_types[a->type].size);
  if (!a->data) return nn_fail_memory(e);
  for (i = 0; i < files->n && !e->code; i++)
    if (pictures)
      nn_image_read(files->p[i], spec->dims, spec->scale, a->data + i * size, e);
    else
      nn_put_int(a->type, a->data + i * nn_types[a->type].size, classes[i]);
  return e->code;
}

int nn_images_read(const char *path, const nn_images_spec *spec, nn_array *out, nn_err *e) {
  nn_names folders = {0}, files = {0};
  int32_t *classes = NULL;
  size_t i;
  memset(out, 0, sizeof *out);
  if (!nn_image_list(path, 1, &folders, e) && !folders.n)
    nn_fail(e, NN_EXIT_CONTENT, "%s: has no folders: each class of pictures is a folder in it", path);
  for (i = 0; !e->code && i < folders.n; i++) {
    char *full = nn_path_join(path, folders.p[i]);
    if (full)
      nn_image_class(full, (int32_t)i, &files, &classes, e);
    else
      nn_fail_memory(e);
    free(full);
  }
  if (!e->code) nn_image_fill(&files, classes, folders.n, spec, out, e);
  if (e->code) nn_array_free(out);
  nn_names_free(&folders);
  nn_names_free(&files);
  free(classes);
  return e->code;
}
