/* Maps of weights: see nn_map.h. (MIT-0) */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_map.h"

#include <stdlib.h>
#include <string.h>

typedef struct nn_map_reader {
  nn_map *m;
  nn_err *e;
  char *at, *begin; /* in the line, which ends with a 0 */
  size_t line;
} nn_map_reader;

static int nn_map_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static void nn_map_skip(nn_map_reader *r) {
  while (nn_map_space(*r->at)) r->at++;
}

static size_t nn_map_column(const nn_map_reader *r) { return (size_t)(r->at - r->begin) + 1; }

/* The next word, with a 0 at its end, and its column; NULL: the line has no more. */
static char *nn_map_word(nn_map_reader *r, size_t *column) {
  char *word;
  nn_map_skip(r);
  word = r->at;
  *column = nn_map_column(r);
  if (!*word || *word == '#') return NULL;
  while (*r->at && !nn_map_space(*r->at)) r->at++;
  if (*r->at) *r->at++ = 0;
  return word;
}

static int nn_map_fail(const nn_map_reader *r, size_t column, const char *what, const char *word) {
  return nn_fail(r->e, NN_EXIT_CONTENT, "%s:%zu:%zu: %s%s%s%s", r->m->path, r->line, column, what,
                 word ? ", not `" : "", word ? word : "", word ? "`" : "");
}

static int nn_map_order(nn_map_reader *r, nn_map_line *l) {
  size_t column;
  const char *word;
  l->perm_at = nn_map_column(r);
  while ((word = nn_map_word(r, &column)) != NULL) {
    int k, axis = word[0] - '0';
    if (word[0] == '1' && word[1] >= '0' && word[1] <= '5' && !word[2])
      axis = 10 + word[1] - '0';
    else if (word[0] < '0' || word[0] > '9' || word[1])
      return nn_map_fail(r, column, "an axis is a number from 0", word);
    if (!l->n_perm) l->perm_at = column;
    for (k = 0; k < l->n_perm; k++)
      if (l->perm[k] == axis) return nn_map_fail(r, column, "an axis stands here twice", NULL);
    if (l->n_perm == NN_MAX_RANK) return nn_map_fail(r, column, "a tensor has no more than 16 axes", NULL);
    l->perm[l->n_perm++] = axis;
  }
  return l->n_perm ? 0 : nn_map_fail(r, l->perm_at, "`transpose` wants the order of the axes", NULL);
}

static int nn_map_parse_line(nn_map_reader *r) {
  nn_map_line *l = &r->m->lines[r->m->n];
  size_t column;
  const char *word;
  l->store = nn_map_word(r, &l->store_at);
  if (!l->store) return 0;
  l->line = r->line;
  word = nn_map_word(r, &column);
  if (!word || strcmp(word, "<-")) return nn_map_fail(r, column, "`<-` is wanted after the store", word);
  l->source = nn_map_word(r, &l->source_at);
  if (!l->source) return nn_map_fail(r, l->source_at, "the name of a tensor is wanted after `<-`", NULL);
  r->m->n++;
  word = nn_map_word(r, &column);
  if (!word) return 0;
  if (strcmp(word, "transpose"))
    return nn_map_fail(r, column, "`transpose` or the end of the line is wanted", word);
  return nn_map_order(r, l);
}

int nn_map_read(nn_map *m, const char *path, nn_err *e) {
  nn_map_reader r;
  size_t lines = 1, i;
  char *next;
  memset(m, 0, sizeof *m);
  memset(&r, 0, sizeof r);
  m->path = path;
  if (nn_read_file(path, &m->text, e)) return e->code;
  next = (char *)realloc(m->text.p, m->text.n + 1);
  if (!next) return nn_fail_memory(e);
  m->text.p = (unsigned char *)next;
  next[m->text.n] = 0;
  for (i = 0; i < m->text.n; i++) lines += next[i] == '\n';
  m->lines = (nn_map_line *)nn_alloc(lines, sizeof *m->lines);
  if (!m->lines) return nn_fail_memory(e);
  r.m = m;
  r.e = e;
  if (memchr(m->text.p, 0, m->text.n)) return nn_fail(e, NN_EXIT_CONTENT, "%s: is no text", path);
  while (next && !e->code) {
    r.at = r.begin = next;
    r.line++;
    next = strchr(next, '\n');
    if (next) *next++ = 0;
    nn_map_parse_line(&r);
  }
  return e->code;
}

void nn_map_free(nn_map *m) {
  free(m->lines);
  free(m->text.p);
  memset(m, 0, sizeof *m);
}

int nn_map_dims(const nn_map *m, const nn_map_line *l, int rank, const int64_t *dims, int64_t *out,
                nn_err *e) {
  int i, ok = !l->n_perm || l->n_perm == rank;
  for (i = 0; i < l->n_perm; i++) ok &= l->perm[i] < rank;
  for (i = 0; i < rank && ok; i++) out[i] = dims[l->n_perm ? l->perm[i] : i];
  if (ok) return 1;
  nn_fail(e, NN_EXIT_CONTENT, "%s:%zu:%zu: `%s` has %d ax%s, and `transpose` orders all of them", m->path,
          l->line, l->perm_at, l->source, rank, rank == 1 ? "is" : "es");
  return 0;
}
