/* Text, errors and files of the host runtime. (MIT-0)

   Errors: a function that can fail takes an nn_err, returns 0 or the exit code that belongs to the failure
   (embedding.md): 1 what is inside a file is wrong, 2 usage, 3 the system refused, 4 training diverged.
   Files are read whole, after their size is known; directories, devices and pipes are refused.
   Output is atomic: a temporary name in the same folder, fsync, rename, fsync of the folder. Until the rename
   the old file is whole; on failure the temporary is removed. What isn't a regular file (/dev/stdout, a pipe)
   is written directly. */
#ifndef NN_FILE_H
#define NN_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__GNUC__)
#define NN_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define NN_PRINTF(f, a)
#endif

enum { NN_EXIT_CONTENT = 1, NN_EXIT_USAGE = 2, NN_EXIT_SYSTEM = 3, NN_EXIT_DIVERGED = 4 };

/* Growing text; `s` is a string or NULL when nothing was added. Out of memory sets `failed`. */
typedef struct nn_text {
  char *s;
  size_t len, cap;
  int failed;
} nn_text;

void nn_text_add(nn_text *t, const char *s, size_t n);
void nn_text_addf(nn_text *t, const char *format, ...) NN_PRINTF(2, 3);
void nn_text_free(nn_text *t);

typedef struct nn_err {
  int code; /* 0: none */
  nn_text text;
} nn_err;

/* Records the first failure (later ones are consequences) and returns its code. */
int nn_fail(nn_err *e, int code, const char *format, ...) NN_PRINTF(3, 4);
/* Adds a line of context to the failure; returns its code. */
int nn_note(nn_err *e, const char *format, ...) NN_PRINTF(2, 3);
int nn_fail_memory(nn_err *e);
void nn_err_free(nn_err *e);

/* a * b and a + b; 0 when the result does not fit. */
int nn_size_mul(size_t a, size_t b, size_t *result);
int nn_size_add(size_t a, size_t b, size_t *result);

/* calloc with checked sizes, aligned to 64 bytes; a zero size gives a valid pointer. Freed by free(). */
void *nn_alloc(size_t count, size_t size);

typedef struct nn_bytes {
  unsigned char *p;
  size_t n;
} nn_bytes;

/* The whole of a regular file; `out->p` is the caller's to free. */
int nn_read_file(const char *path, nn_bytes *out, nn_err *e);

/* dir/path, or path where it is absolute or dir is empty; NULL: out of memory. */
char *nn_path_join(const char *dir, const char *path);
/* Whether both are there and are one regular file, by whatever names. */
int nn_same_file(const char *a, const char *b);
/* Makes the folders above `path`. */
int nn_make_folders(const char *path, nn_err *e);

typedef struct nn_out {
  FILE *f;
  char *path, *tmp; /* tmp NULL: written directly */
  const char *keep; /* the name that the file gets which it replaces; NULL: none */
  int error;        /* errno of the first failed write */
} nn_out;

int nn_out_open(nn_out *o, const char *path, nn_err *e);
void nn_out_write(nn_out *o, const void *p, size_t n);
/* Makes the file visible under its name, or removes it when any write failed. */
int nn_out_close(nn_out *o, nn_err *e);
/* Removes the temporaries that killed processes left of this file. One whose number has a living process
 * stays. */
void nn_out_tidy(const char *path);
/* Forgets it: the temporary is removed, nothing else changes. */
void nn_out_drop(nn_out *o);

/* The name in `names` nearest to `s` within edit distance 3, keeping more than half of its letters; or NULL.
 */
const char *nn_nearest(const char *s, const char *const *names, size_t n);

#endif
