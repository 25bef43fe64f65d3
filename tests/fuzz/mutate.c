// mutate LAST SEED SECONDS FILES…: runs the compiler on broken versions of the files.
//   SECONDS > 0: for that long, at random: a cut, a changed byte, tokens deleted, doubled, swapped or
//   replaced by others of the corpus. SECONDS = 0: every truncation and every single-byte change (six bytes a
//   place).
// The input at work is always in the file LAST, so that it is there after a crash. An input that takes more
// than two seconds of processor time ends the program with SIGXCPU's message.
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { MAX_TEXT = 1 << 16, MAX_FILES = 1024, MAX_TOKENS = 1 << 18 };
#ifdef __SANITIZE_ADDRESS__
enum { LIMIT = 10 };
#else
enum { LIMIT = 2 };
#endif

typedef struct Text {
  char *data;
  size_t len;
} Text;
typedef struct Piece { // a token with the white space after it
  uint32_t file, begin, end;
} Piece;

typedef struct Fuzz {
  Text files[MAX_FILES];
  uint32_t n_files;
  Piece pieces[MAX_TOKENS]; // of all files, in order
  uint32_t first[MAX_FILES + 1];
  uint64_t random;
  char *last; // shared with the file LAST
  unsigned long runs;
} Fuzz;

static uint32_t below(Fuzz *f, uint32_t n) { // splitmix64
  uint64_t z = f->random += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

static void too_slow(int signal) {
  static const char text[] = "mutate: an input takes too long\n";
  (void)signal;
  (void)!write(2, text, sizeof text - 1);
  _exit(1);
}

static void run(Fuzz *f, const char *data, size_t len) {
  struct itimerval limit = {{0, 0}, {LIMIT, 0}}, off = {{0, 0}, {0, 0}};
  if (len > MAX_TEXT) return;
  memcpy(f->last, data, len);
  memset(f->last + len, '\n', MAX_TEXT - len); // no stale end
  setitimer(ITIMER_PROF, &limit, NULL);
  LLVMFuzzerTestOneInput((const unsigned char *)data, len);
  setitimer(ITIMER_PROF, &off, NULL);
  f->runs++;
}

static bool word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void cut_into_pieces(Fuzz *f) {
  uint32_t n = 0;
  for (uint32_t k = 0; k < f->n_files; k++) {
    const Text *t = &f->files[k];
    f->first[k] = n;
    for (uint32_t i = 0; i < t->len && n < MAX_TOKENS; n++) {
      uint32_t begin = i;
      if (word(t->data[i]))
        while (i < t->len && word(t->data[i])) i++;
      else
        i++;
      while (i < t->len && (t->data[i] == ' ' || t->data[i] == '\n')) i++;
      f->pieces[n] = (Piece){k, begin, i};
    }
  }
  f->first[f->n_files] = n;
}

static void by_tokens(Fuzz *f, uint32_t file, char *out, size_t *len) {
  uint32_t first = f->first[file], n = f->first[file + 1] - first, all = f->first[f->n_files];
  uint32_t changes = 1 + below(f, 3), at[3], with[3], kind[3];
  for (uint32_t c = 0; c < changes; c++)
    at[c] = first + below(f, n), with[c] = below(f, 2) ? below(f, all) : first + below(f, n),
    kind[c] = below(f, 4);
  *len = 0;
  for (uint32_t i = first; i < first + n; i++) {
    Piece use[2] = {f->pieces[i]};
    uint32_t k = 1;
    for (uint32_t c = 0; c < changes; c++) {
      if (at[c] == i) {
        if (kind[c] == 0) k = 0;                       // deleted
        if (kind[c] == 1) use[k++ % 2] = f->pieces[i]; // doubled
        if (kind[c] >= 2) use[0] = f->pieces[with[c]]; // replaced, or the one half of a swap
      } else if (kind[c] == 3 && with[c] == i) {
        use[0] = f->pieces[at[c]];
      }
      if (k > 2) k = 2;
    }
    for (uint32_t u = 0; u < k; u++) {
      size_t size = use[u].end - use[u].begin;
      if (*len + size > MAX_TEXT) return;
      memcpy(out + *len, f->files[use[u].file].data + use[u].begin, size);
      *len += size;
    }
  }
}

static void at_random(Fuzz *f, double seconds) {
  char *out = malloc(MAX_TEXT);
  for (clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC); out && clock() < end;) {
    uint32_t file = below(f, f->n_files), how = below(f, 10);
    const Text *t = &f->files[file];
    size_t len = t->len;
    if (!len || len > MAX_TEXT) continue;
    memcpy(out, t->data, len);
    if (how == 0)
      len = below(f, (uint32_t)len);
    else if (how <= 2)
      out[below(f, (uint32_t)len)] = how == 1 ? (char)below(f, 256) : "(){}[];,.=0\"-"[below(f, 13)];
    else
      by_tokens(f, file, out, &len);
    run(f, out, len);
  }
  free(out);
}

static void everything(Fuzz *f) {
  static const char bytes[] = {0, (char)0xC3, '(', '}', '"', '9'};
  for (uint32_t k = 0; k < f->n_files; k++) {
    Text t = f->files[k];
    for (size_t i = 0; i < t.len; i++) {
      run(f, t.data, i);
      char old = t.data[i];
      for (size_t b = 0; b < sizeof bytes; b++) {
        t.data[i] = bytes[b];
        run(f, t.data, t.len);
      }
      t.data[i] = old;
    }
  }
}

static bool read_file(Fuzz *f, const char *name) {
  FILE *in = fopen(name, "rb");
  Text t = {malloc(MAX_TEXT), 0};
  if (!in || !t.data) return false;
  t.len = fread(t.data, 1, MAX_TEXT, in);
  fclose(in);
  f->files[f->n_files++] = t;
  return true;
}

int main(int argc, char **argv) {
  static Fuzz f;
  if (argc < 5) return fputs("usage: mutate LAST SEED SECONDS FILES...\n", stderr), 2;
  int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || ftruncate(fd, MAX_TEXT)) return perror(argv[1]), 3;
  f.last = mmap(NULL, MAX_TEXT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (f.last == MAP_FAILED) return perror(argv[1]), 3;
  f.random = strtoull(argv[2], NULL, 10);
  for (int i = 4; i < argc && f.n_files < MAX_FILES; i++)
    if (!read_file(&f, argv[i])) return perror(argv[i]), 3;
  signal(SIGPROF, too_slow);
  cut_into_pieces(&f);
  if (argc - 4 > MAX_FILES || f.first[f.n_files] == MAX_TOKENS)
    return fputs("mutate: more text than it has room for\n", stderr), 2;
  double seconds = strtod(argv[3], NULL);
  if (seconds > 0)
    at_random(&f, seconds);
  else
    everything(&f);
  printf("%lu inputs\n", f.runs);
  for (uint32_t i = 0; i < f.n_files; i++) free(f.files[i].data);
  return 0;
}
