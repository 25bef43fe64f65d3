/* Text, errors and files: see nn_file.h. (MIT-0)
   Sizes are checked before anything is allocated, and every system call that can fail is looked at:
   the interesting failures (full disk, no permission) come late, at fsync, close or rename. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int nn_text_room(nn_text *t, size_t more) {
  size_t need, cap = t->cap ? t->cap : 64;
  char *s;
  if (t->failed || !nn_size_add(t->len, more, &need) || !nn_size_add(need, 1, &need)) return t->failed = 1, 0;
  if (need <= t->cap) return 1;
  while (cap < need)
    if (!nn_size_mul(cap, 2, &cap)) return t->failed = 1, 0;
  s = (char *)realloc(t->s, cap);
  if (!s) return t->failed = 1, 0;
  t->s = s;
  t->cap = cap;
  return 1;
}

void nn_text_add(nn_text *t, const char *s, size_t n) {
  if (!nn_text_room(t, n)) return;
  memcpy(t->s + t->len, s, n);
  t->len += n;
  t->s[t->len] = 0;
}

static void nn_text_addv(nn_text *t, const char *format, va_list args) {
  va_list again;
  int n;
  va_copy(again, args);
  n = vsnprintf(NULL, 0, format, args);
  if (n >= 0 && nn_text_room(t, (size_t)n)) {
    vsnprintf(t->s + t->len, (size_t)n + 1, format, again);
    t->len += (size_t)n;
  }
  va_end(again);
}

void nn_text_addf(nn_text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  nn_text_addv(t, format, args);
  va_end(args);
}

void nn_text_free(nn_text *t) {
  free(t->s);
  memset(t, 0, sizeof *t);
}

int nn_fail(nn_err *e, int code, const char *format, ...) {
  va_list args;
  if (e->code) return e->code;
  e->code = code;
  va_start(args, format);
  nn_text_addv(&e->text, format, args);
  va_end(args);
  return code;
}

int nn_note(nn_err *e, const char *format, ...) {
  va_list args;
  nn_text_addf(&e->text, "\n  = note: ");
  va_start(args, format);
  nn_text_addv(&e->text, format, args);
  va_end(args);
  return e->code;
}

int nn_fail_memory(nn_err *e) { return nn_fail(e, NN_EXIT_SYSTEM, "out of memory"); }

void nn_err_free(nn_err *e) {
  nn_text_free(&e->text);
  e->code = 0;
}

int nn_size_mul(size_t a, size_t b, size_t *result) {
  if (a && b > SIZE_MAX / a) return 0;
  *result = a * b;
  return 1;
}

int nn_size_add(size_t a, size_t b, size_t *result) {
  if (b > SIZE_MAX - a) return 0;
  *result = a + b;
  return 1;
}

void *nn_alloc(size_t count, size_t size) {
  size_t bytes;
  void *p = NULL;
  if (!nn_size_mul(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
  if (!bytes) bytes = 1;
  if (posix_memalign(&p, 64, bytes) != 0) return NULL;
  memset(p, 0, bytes);
  return p;
}

/* ---- reading */

static int nn_read_open(int fd, const char *path, nn_bytes *out, nn_err *e) {
  struct stat st;
  size_t got = 0;
  if (fstat(fd, &st) != 0) return nn_fail(e, NN_EXIT_SYSTEM, "%s: %s", path, strerror(errno));
  if (S_ISDIR(st.st_mode)) return nn_fail(e, NN_EXIT_SYSTEM, "%s: is a directory, not a file", path);
  if (!S_ISREG(st.st_mode)) return nn_fail(e, NN_EXIT_SYSTEM, "%s: is not a regular file", path);
  out->n = (size_t)st.st_size;
  out->p = (unsigned char *)malloc(out->n ? out->n : 1);
  if (!out->p) return nn_fail(e, NN_EXIT_SYSTEM, "%s: out of memory for its %zu bytes", path, out->n);
  while (got < out->n) {
    ssize_t r = read(fd, out->p + got, out->n - got);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return nn_fail(e, NN_EXIT_SYSTEM, "%s: can't be read: %s", path, strerror(errno));
    if (r == 0) return nn_fail(e, NN_EXIT_SYSTEM, "%s: became shorter while it was read", path);
    got += (size_t)r;
  }
  return 0;
}

/* Data sets are often shipped compressed, so look whether that is all that is wrong. */
static int nn_read_missing(const char *path, int error, nn_err *e) {
  nn_text packed;
  memset(&packed, 0, sizeof packed);
  nn_text_addf(&packed, "%s.gz", path);
  nn_fail(e, NN_EXIT_SYSTEM, "%s: can't be opened: %s", path, strerror(error));
  if (error == ENOENT && packed.s && access(packed.s, F_OK) == 0)
    nn_note(e, "%s is there: unpack it", packed.s);
  nn_text_free(&packed);
  return e->code;
}

int nn_read_file(const char *path, nn_bytes *out, nn_err *e) {
  /* O_NONBLOCK: opening a pipe nobody writes to must not hang; it is refused right after. */
  int code, fd = open(path, O_RDONLY | O_NONBLOCK);
  out->p = NULL;
  out->n = 0;
  if (fd < 0) return nn_read_missing(path, errno, e);
  code = nn_read_open(fd, path, out, e);
  close(fd);
  if (code) {
    free(out->p);
    out->p = NULL;
    out->n = 0;
  }
  return code;
}

int nn_same_file(const char *a, const char *b) {
  struct stat x, y;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino &&
         S_ISREG(x.st_mode);
}

char *nn_path_join(const char *dir, const char *path) {
  nn_text t;
  memset(&t, 0, sizeof t);
  if (dir && dir[0] && path[0] != '/') {
    nn_text_addf(&t, "%s", dir);
    if (t.len && t.s[t.len - 1] != '/') nn_text_add(&t, "/", 1);
  }
  nn_text_addf(&t, "%s", path);
  if (t.failed) nn_text_free(&t);
  return t.s;
}

int nn_make_folders(const char *path, nn_err *e) {
  char *p, *copy = nn_path_join("", path);
  int code = 0;
  if (!copy) return nn_fail_memory(e);
  for (p = copy + 1; !code && *copy && (p = strchr(p, '/')) != NULL; p++) {
    *p = 0;
    if (mkdir(copy, 0777) != 0 && errno != EEXIST)
      code = nn_fail(e, NN_EXIT_SYSTEM, "%s: can't make this folder: %s", copy, strerror(errno));
    *p = '/';
  }
  free(copy);
  return code;
}

/* ---- writing */

/* "dir/.name.tmp-PID": hidden, beside the file so that rename stays within one file system. */
static char *nn_out_temporary(const char *path) {
  const char *slash = strrchr(path, '/');
  size_t dir = slash ? (size_t)(slash - path) + 1 : 0;
  nn_text t;
  memset(&t, 0, sizeof t);
  nn_text_add(&t, path, dir);
  nn_text_addf(&t, ".%s.tmp-%ld", path + dir, (long)getpid());
  if (t.failed) nn_text_free(&t);
  return t.s;
}

/* The process that made a temporary of this name, which begins with `stem`; 0: it is none. */
static long nn_out_process(const char *name, const nn_text *stem) {
  const char *digits = name + stem->len;
  if (strncmp(name, stem->s, stem->len) != 0 || !*digits || digits[strspn(digits, "0123456789")]) return 0;
  return strlen(digits) < 10 ? atol(digits) : 0;
}

void nn_out_tidy(const char *path) {
  const char *slash = strrchr(path, '/');
  size_t n = slash ? (size_t)(slash - path) + 1 : 0;
  nn_text dir, stem;
  const struct dirent *entry;
  DIR *d;
  memset(&dir, 0, sizeof dir);
  memset(&stem, 0, sizeof stem);
  nn_text_add(&dir, n ? path : "./", n ? n : 2);
  nn_text_addf(&stem, ".%s.tmp-", path + n);
  d = dir.failed || stem.failed ? NULL : opendir(dir.s);
  while (d && (entry = readdir(d)) != NULL) {
    long process = nn_out_process(entry->d_name, &stem);
    if (process > 0 && kill((pid_t)process, 0) != 0 && errno == ESRCH) unlinkat(dirfd(d), entry->d_name, 0);
  }
  if (d) closedir(d);
  nn_text_free(&dir);
  nn_text_free(&stem);
}

void nn_out_drop(nn_out *o) {
  if (o->f) fclose(o->f);
  if (o->tmp) unlink(o->tmp);
  free(o->tmp);
  free(o->path);
  memset(o, 0, sizeof *o);
}

static int nn_out_fail(nn_out *o, int error, nn_err *e) {
  nn_fail(e, NN_EXIT_SYSTEM, "%s: can't be written: %s", o->path, strerror(error));
  nn_out_drop(o);
  return NN_EXIT_SYSTEM;
}

int nn_out_open(nn_out *o, const char *path, nn_err *e) {
  struct stat st;
  int fd;
  memset(o, 0, sizeof *o);
  o->path = nn_path_join("", path);
  if (!o->path) return nn_fail_memory(e);
  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return nn_out_fail(o, EISDIR, e);
  if (stat(path, &st) != 0 || S_ISREG(st.st_mode)) {
    if (!(o->tmp = nn_out_temporary(path))) return nn_out_fail(o, ENOMEM, e);
    unlink(o->tmp); /* left by a killed process that had our number */
  }
  fd = open(o->tmp ? o->tmp : path, o->tmp ? O_WRONLY | O_CREAT | O_EXCL : O_WRONLY, 0666);
  if (fd < 0) {
    int error = errno;
    free(o->tmp);
    o->tmp = NULL;
    return nn_out_fail(o, error, e);
  }
  o->f = fdopen(fd, "wb");
  if (!o->f) {
    int error = errno;
    close(fd);
    return nn_out_fail(o, error, e);
  }
  return 0;
}

void nn_out_write(nn_out *o, const void *p, size_t n) {
  if (!o->error && n && fwrite(p, 1, n, o->f) != n) o->error = errno ? errno : EIO;
}

/* The rename itself must survive a crash, so the folder is synced too; some file systems can't (EINVAL). */
static int nn_out_sync_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  nn_text dir;
  int fd, error = 0;
  memset(&dir, 0, sizeof dir);
  if (!slash)
    nn_text_add(&dir, ".", 1);
  else
    nn_text_add(&dir, path, slash == path ? 1 : (size_t)(slash - path));
  if (dir.failed) return nn_text_free(&dir), ENOMEM;
  fd = open(dir.s, O_RDONLY);
  nn_text_free(&dir);
  if (fd < 0) return 0; /* a folder one may write to but not read: the file itself is safe */
  if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS) error = errno;
  close(fd);
  return error;
}

int nn_out_close(nn_out *o, nn_err *e) {
  FILE *f = o->f;
  int error = o->error;
  if (!error && fflush(f) != 0) error = errno;
  if (!error && o->tmp && fsync(fileno(f)) != 0 && errno != EINVAL) error = errno;
  o->f = NULL;
  if (fclose(f) != 0 && !error) error = errno;
  if (!error && o->tmp && o->keep && rename(o->path, o->keep) != 0 && errno != ENOENT) error = errno;
  if (!error && o->tmp && rename(o->tmp, o->path) != 0) error = errno;
  if (error) return nn_out_fail(o, error, e);
  if (o->tmp) error = nn_out_sync_folder(o->path);
  free(o->tmp);
  o->tmp = NULL;
  if (error) return nn_out_fail(o, error, e);
  free(o->path);
  memset(o, 0, sizeof *o);
  return 0;
}

/* ---- suggestions */

static size_t nn_edit_distance(const char *a, const char *b) {
  enum { LIMIT = 64 };
  size_t row[LIMIT + 1], i, j, m = strlen(a), n = strlen(b);
  if (m > LIMIT || n > LIMIT) return LIMIT;
  for (j = 0; j <= n; j++) row[j] = j;
  for (i = 1; i <= m; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (j = 1; j <= n; j++) {
      size_t best = diagonal + (a[i - 1] != b[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[n];
}

const char *nn_nearest(const char *s, const char *const *names, size_t n) {
  const char *best = NULL;
  size_t i, nearest = 4, letters = strlen(s + strspn(s, "-"));
  for (i = 0; i < n; i++) {
    size_t d = nn_edit_distance(s, names[i]);
    if (d < nearest && 2 * d < letters) {
      nearest = d;
      best = names[i];
    }
  }
  return best;
}
