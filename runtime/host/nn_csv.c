/* CSV files: see nn_read.h. (MIT-0)
   A cursor yields one cell after the other, unquoted into a scratch text; a line is a list of cells of which
   the wanted ones are parsed straight into the result, which grows as lines come. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_read.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct nn_csv {
  const char *name; /* of the file */
  const nn_csv_spec *spec;
  const char *p, *end;
  size_t line;       /* of the cursor, from 1 */
  size_t start_line; /* of the record being read */
  size_t width;      /* cells of the first line; 0: not known yet */
  nn_text cell;
  int quoted;
  size_t *places; /* head of the list of wanted columns that cell i fills: places[i] - 1, then next[k] - 1 */
  size_t *next;
  char **titles; /* of the header; NULL: none */
  nn_array *out;
  size_t room; /* lines the result has memory for */
  nn_err *e;
} nn_csv;

enum { NN_CSV_CELL, NN_CSV_LINE, NN_CSV_ERROR };

static int nn_csv_blank(const nn_csv *r, char c) { return (c == ' ' || c == '\t') && c != r->spec->sep; }

/* The text of a quoted cell, the cursor after the opening quote. */
static int nn_csv_quoted(nn_csv *r) {
  for (;; r->p++) {
    if (r->p == r->end)
      return nn_fail(r->e, NN_EXIT_CONTENT, "%s:%zu: a quoted cell is never closed", r->name, r->start_line);
    if (*r->p == '"') {
      if (r->p + 1 == r->end || r->p[1] != '"') break;
      r->p++;
    }
    if (*r->p == '\n') r->line++;
    nn_text_add(&r->cell, r->p, 1);
  }
  r->p++;
  while (r->p < r->end && nn_csv_blank(r, *r->p)) r->p++;
  if (r->p < r->end && *r->p != r->spec->sep && *r->p != '\n' && *r->p != '\r')
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s:%zu: text after the closing quote of a cell", r->name, r->line);
  return 0;
}

/* Reads one cell; says what ended it. */
static int nn_csv_cell(nn_csv *r) {
  const char *from;
  r->cell.len = 0;
  nn_text_add(&r->cell, "", 0);
  while (r->p < r->end && nn_csv_blank(r, *r->p)) r->p++;
  r->quoted = r->p < r->end && *r->p == '"';
  if (r->quoted) {
    r->p++;
    if (nn_csv_quoted(r)) return NN_CSV_ERROR;
  } else {
    for (from = r->p; r->p < r->end && *r->p != r->spec->sep && *r->p != '\n'; r->p++) {
    }
    nn_text_add(&r->cell, from, (size_t)(r->p - from));
    while (r->cell.len && (nn_csv_blank(r, r->cell.s[r->cell.len - 1]) || r->cell.s[r->cell.len - 1] == '\r'))
      r->cell.s[--r->cell.len] = 0;
  }
  if (r->cell.failed) return nn_fail_memory(r->e), NN_CSV_ERROR;
  if (r->p < r->end && *r->p == r->spec->sep) return r->p++, NN_CSV_CELL;
  if (r->p < r->end && *r->p == '\r') r->p++;
  if (r->p < r->end && *r->p == '\n') {
    r->p++;
    r->line++;
  } else if (r->p < r->end) {
    nn_fail(r->e, NN_EXIT_CONTENT, "%s:%zu: a carriage return without a line feed", r->name, r->line);
    return NN_CSV_ERROR;
  }
  return NN_CSV_LINE;
}

/* The cursor at the first line that is not blank; 0 at the end of the file. */
static int nn_csv_next_line(nn_csv *r) {
  for (;;) {
    const char *p = r->p;
    while (p < r->end && (nn_csv_blank(r, *p) || *p == '\r')) p++;
    if (p == r->end) return 0;
    if (*p != '\n') break;
    r->p = p + 1;
    r->line++;
  }
  r->start_line = r->line;
  return 1;
}

/* ---- cells to numbers */

static int nn_csv_real(const char *s, double *x) {
  const char *p = s + (*s == '+' || *s == '-');
  size_t digits = 0;
  if (!strcmp(p, "nan") || !strcmp(p, "NaN") || !strcmp(p, "inf") || !strcmp(p, "Inf"))
    return *x = strtod(s, NULL), 1;
  for (; isdigit((unsigned char)*p); p++) digits++;
  if (*p == '.')
    for (p++; isdigit((unsigned char)*p); p++) digits++;
  if (!digits || digits > 1000) return 0;
  if (*p == 'e' || *p == 'E') {
    p += p[1] == '+' || p[1] == '-' ? 2 : 1;
    if (!isdigit((unsigned char)*p)) return 0;
    while (isdigit((unsigned char)*p)) p++;
  }
  if (*p) return 0;
  *x = strtod(s, NULL);
  return isfinite(*x);
}

static int nn_csv_int(const char *s, int64_t *x) {
  const char *p = s + (*s == '+' || *s == '-');
  if (!*p || strlen(p) > 1000) return 0;
  for (; *p; p++)
    if (!isdigit((unsigned char)*p)) return 0;
  errno = 0;
  *x = strtoll(s, NULL, 10);
  return errno == 0;
}

static int nn_csv_mask(const char *s, int64_t *x) {
  *x = !strcmp(s, "1") || !strcmp(s, "true") || !strcmp(s, "True");
  return *x || !strcmp(s, "0") || !strcmp(s, "false") || !strcmp(s, "False");
}

/* Parses the cell into an element of the wanted type. */
static int nn_csv_number(const nn_csv *r, unsigned char *dst) {
  int type = r->spec->type;
  double x;
  int64_t i;
  if (strlen(r->cell.s) != r->cell.len) return 0;
  if (nn_types[type].kind == 'f') {
    if (!nn_csv_real(r->cell.s, &x)) return 0;
    nn_put_real(type, dst, x);
    return !isfinite(x) || isfinite(nn_get_real(type, dst));
  }
  return (type == NN_MASK ? nn_csv_mask(r->cell.s, &i) : nn_csv_int(r->cell.s, &i)) &&
         nn_put_int(type, dst, i);
}

static int nn_csv_bad_cell(const nn_csv *r, size_t column) {
  int cut = r->cell.len > 40;
  nn_text title;
  memset(&title, 0, sizeof title);
  if (r->titles) nn_text_addf(&title, " (%s)", r->titles[column]);
  if (!r->cell.len)
    nn_fail(r->e, NN_EXIT_CONTENT, "%s:%zu: column %zu%s is empty; it should be a number (%s)", r->name,
            r->start_line, column + 1, title.s ? title.s : "", nn_types[r->spec->type].name);
  else
    nn_fail(
        r->e, NN_EXIT_CONTENT, "%s:%zu: column %zu%s: `%.40s%s` is not of type %s%s", r->name, r->start_line,
        column + 1, title.s ? title.s : "", r->cell.s, cut ? "…" : "", nn_types[r->spec->type].name,
        !r->spec->header && r->out->dims[0] == 0 ? "; if this line is a header, say `header = true`" : "");
  nn_text_free(&title);
  return NN_EXIT_CONTENT;
}

/* ---- lines */

static int nn_csv_room(nn_csv *r) {
  size_t width = r->spec->n_columns, bytes;
  unsigned char *p;
  if ((size_t)r->out->dims[0] < r->room) return 0;
  r->room = r->room ? r->room * 2 : 64;
  if (!nn_size_mul(r->room, width, &bytes) || !nn_size_mul(bytes, nn_types[r->spec->type].size, &bytes))
    return nn_fail_memory(r->e);
  p = (unsigned char *)realloc(r->out->owned, bytes ? bytes : 1);
  if (!p) return nn_fail_memory(r->e);
  r->out->owned = r->out->data = p;
  return 0;
}

/* Which cells of a line are wanted, once its width is known. */
static int nn_csv_columns(nn_csv *r) {
  const nn_csv_spec *s = r->spec;
  size_t k, i;
  r->places = (size_t *)nn_alloc(r->width, sizeof *r->places);
  if (!r->places) return nn_fail_memory(r->e);
  if (!s->columns && !s->column_names && r->width != s->n_columns)
    return nn_fail(r->e, NN_EXIT_CONTENT,
                   "%s:%zu: has %zu column%s, but the field takes %zu; name the wanted ones with `columns =`",
                   r->name, r->start_line, r->width, r->width == 1 ? "" : "s", s->n_columns);
  for (k = s->n_columns; k-- > 0;) {
    size_t column = s->columns ? (size_t)s->columns[k] : k;
    if (s->column_names) {
      size_t found = 0;
      for (i = 0; i < r->width; i++)
        if (!strcmp(r->titles[i], s->column_names[k])) found++, column = i;
      if (found != 1)
        return nn_fail(r->e, NN_EXIT_CONTENT, "%s:%zu: %s column is called `%s`", r->name, r->start_line,
                       found ? "more than one" : "no", s->column_names[k]);
    } else if (s->columns && s->columns[k] < 0)
      return nn_fail(r->e, NN_EXIT_CONTENT, "%s: there is no column %ld", r->name, (long)s->columns[k]);
    if (column >= r->width)
      return nn_fail(r->e, NN_EXIT_CONTENT, "%s:%zu: has %zu column%s; column %zu (counted from 1) is wanted",
                     r->name, r->start_line, r->width, r->width == 1 ? "" : "s", column + 1);
    r->next[k] = r->places[column];
    r->places[column] = k + 1;
  }
  return 0;
}

static int nn_csv_title(nn_csv *r, size_t i) {
  char **t = (char **)realloc(r->titles, (i + 1) * sizeof *t);
  if (!t) return nn_fail_memory(r->e);
  r->titles = t;
  r->titles[i] = nn_path_join("", r->cell.s);
  if (!r->titles[i]) return nn_fail_memory(r->e);
  r->width = i + 1;
  return 0;
}

static int nn_csv_header(nn_csv *r) {
  size_t i = 0;
  int end;
  do {
    end = nn_csv_cell(r);
    if (end == NN_CSV_ERROR || nn_csv_title(r, i++)) return r->e->code;
  } while (end == NN_CSV_CELL);
  return 0;
}

/* The width of the first line, by reading it once without keeping anything. */
static int nn_csv_measure(nn_csv *r) {
  const char *p = r->p;
  size_t line = r->line;
  int end;
  do {
    end = nn_csv_cell(r);
    if (end == NN_CSV_ERROR) return r->e->code;
    r->width++;
  } while (end == NN_CSV_CELL);
  r->p = p;
  r->line = line;
  return 0;
}

static int nn_csv_line(nn_csv *r) {
  size_t size = nn_types[r->spec->type].size, i = 0, k;
  unsigned char *row;
  int end;
  if (nn_csv_room(r)) return r->e->code;
  row = r->out->data + (size_t)r->out->dims[0] * r->spec->n_columns * size;
  do {
    end = nn_csv_cell(r);
    if (end == NN_CSV_ERROR) return r->e->code;
    for (k = i < r->width ? r->places[i] : 0; k; k = r->next[k - 1])
      if (!nn_csv_number(r, row + (k - 1) * size)) return nn_csv_bad_cell(r, i);
    i++;
  } while (end == NN_CSV_CELL);
  if (i != r->width)
    return nn_fail(r->e, NN_EXIT_CONTENT, "%s:%zu: %zu column%s, where the first line has %zu", r->name,
                   r->start_line, i, i == 1 ? "" : "s", r->width);
  r->out->dims[0]++;
  return 0;
}

static int nn_csv_lines(nn_csv *r) {
  if (r->end - r->p >= 3 && !memcmp(r->p, "\xEF\xBB\xBF", 3)) r->p += 3;
  if (!nn_csv_next_line(r)) return nn_fail(r->e, NN_EXIT_CONTENT, "%s: is empty", r->name);
  if (r->spec->header ? nn_csv_header(r) : nn_csv_measure(r)) return r->e->code;
  if (nn_csv_columns(r)) return r->e->code;
  while (nn_csv_next_line(r))
    if (nn_csv_line(r)) return r->e->code;
  return 0;
}

int nn_csv_parse(nn_bytes *b, const char *name, const nn_csv_spec *spec, nn_array *out, nn_err *e) {
  nn_csv r;
  size_t i;
  int code;
  memset(&r, 0, sizeof r);
  memset(out, 0, sizeof *out);
  r.name = name;
  r.spec = spec;
  r.p = (const char *)b->p;
  r.end = r.p + b->n;
  r.line = 1;
  r.out = out;
  r.e = e;
  out->type = spec->type;
  out->rank = 2;
  out->dims[1] = (int64_t)spec->n_columns;
  r.next = (size_t *)nn_alloc(spec->n_columns, sizeof *r.next);
  code = !r.next ? nn_fail_memory(e) : nn_csv_lines(&r);
  out->count = (size_t)out->dims[0] * spec->n_columns;
  for (i = 0; r.titles && i < r.width; i++) free(r.titles[i]);
  free(r.titles);
  free(r.places);
  free(r.next);
  nn_text_free(&r.cell);
  free(b->p);
  b->p = NULL;
  if (code) nn_array_free(out);
  return code;
}

int nn_csv_read(const char *path, const nn_csv_spec *spec, nn_array *out, nn_err *e) {
  nn_bytes b;
  int code = nn_read_data(path, &b, e);
  return code ? code : nn_csv_parse(&b, path, spec, out, e);
}
