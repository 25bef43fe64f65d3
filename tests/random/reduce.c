#define _POSIX_C_SOURCE 200809L
// A text that fails, made smaller as long as it fails in the same way: blocks and lines go, expressions
// become simpler ones, results and sizes fewer. Any edit may be tried: the front end says what is a model.
#include "tests/random/check.h"

#include "ir/base/strbuf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Reducer {
  const Check *check;
  Outcome outcome;
  char kind[200];
  char *text;
  double deadline;
  bool better;
} Reducer;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Takes the new text if it fails in the same way.
static bool try(Reducer *r, StrBuf *b) {
  bool good = false;
  if (now() < r->deadline && strcmp(sb_text(b), r->text) != 0) {
    const Report *report = check_text(r->check, sb_text(b));
    good = report->outcome == r->outcome && strcmp(report->kind, r->kind) == 0;
  }
  if (good) {
    free(r->text);
    r->text = b->text;
    r->better = true;
    return true;
  }
  strbuf_free(b);
  return false;
}

// The bytes from..to replaced.
static bool replace(Reducer *r, size_t from, size_t to, const char *by) {
  StrBuf b = {0};
  sb_putn(&b, r->text, from);
  sb_puts(&b, by);
  sb_puts(&b, r->text + to);
  return try(r, &b);
}

static size_t line_end(const char *t, size_t at) {
  return at + strcspn(t + at, "\n") + (t[at + strcspn(t + at, "\n")] == '\n');
}

// The end of what begins with this line: the line, or a block to its `}`.
static size_t block_end(const char *t, size_t at) {
  int depth = 0;
  size_t end = at;
  do {
    size_t next = line_end(t, end);
    for (size_t i = end; i < next; i++) depth += (t[i] == '{') - (t[i] == '}');
    end = next;
  } while (depth > 0 && t[end]);
  return end;
}

static void drop_blocks(Reducer *r) {
  for (size_t at = 0; r->text[at];) {
    size_t end = block_end(r->text, at);
    if (!replace(r, at, end, "")) at = end;
  }
}

static void drop_lines(Reducer *r, int lines) {
  for (size_t at = 0; r->text[at];) {
    size_t end = at;
    for (int i = 0; i < lines && r->text[end]; i++) end = line_end(r->text, end);
    if (!replace(r, at, end, "")) at = line_end(r->text, at);
  }
}

static size_t closing(const char *t, size_t open) {
  int depth = 0;
  for (size_t i = open; t[i] && t[i] != '\n'; i++) {
    depth += (t[i] == '(' || t[i] == '[') - (t[i] == ')' || t[i] == ']');
    if (depth == 0) return i;
  }
  return 0;
}

static bool is_name(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.'; }

// `let v: T = …;` becomes another value of T, or a constant.
static void simpler_lets(Reducer *r) {
  for (size_t at = 0; r->text[at]; at = line_end(r->text, at)) {
    char type[200], line[240];
    const char *let = r->text + at + strspn(r->text + at, " ");
    const char *colon = strncmp(let, "let ", 4) == 0 ? strchr(let, ':') : NULL,
               *is = colon ? strstr(colon, " = ") : NULL;
    if (!is || is > r->text + line_end(r->text, at)) continue;
    snprintf(type, sizeof type, "%.*s", (int)(is - colon), colon);
    size_t from = (size_t)(is + 3 - r->text), to = from + strcspn(r->text + from, ";\n");
    bool done = strlen(type) > 2 && type[2] == '[' &&
                (snprintf(line, sizeof line, "ones(%s)", type + 2), replace(r, from, to, line));
    if (!done && strcmp(type, ": real") == 0) done = replace(r, from, to, "0.5");
    // an earlier one
    for (size_t k = 0; !done && k < at; k = line_end(r->text, k)) {
      const char *name = r->text + k + strspn(r->text + k, " "), *c = strstr(name, type);
      if (strncmp(name, "let ", 4) != 0 || !c || c > r->text + line_end(r->text, k)) continue;
      if (strncmp(c + strlen(type), " = ", 3) != 0) continue;
      snprintf(line, sizeof line, "%.*s", (int)strcspn(name + 4, ":"), name + 4);
      done = replace(r, from, to, line);
    }
  }
}

// `f(a, b)` becomes one of its arguments; `(a)` becomes a.
static void simpler_calls(Reducer *r) {
  for (size_t i = 0; r->text[i]; i++) {
    if (r->text[i] != '(') continue;
    size_t from = i, end = closing(r->text, i);
    while (from > 0 && is_name(r->text[from - 1])) from--;
    if (!end) continue;
    int depth = 0;
    for (size_t a = i + 1, k = i + 1; k <= end; k++) {
      char c = r->text[k];
      depth += (c == '(' || c == '[') - ((c == ')' || c == ']') && k < end);
      if (depth > 0 || (c != ',' && k < end)) continue;
      char arg[2000];
      snprintf(arg, sizeof arg, "%.*s", (int)(k - a), r->text + a);
      a = k + 1;
      if (*arg && replace(r, from, end + 1, arg)) {
        i = from;
        break;
      }
    }
  }
}

// What stands between commas, or behind an operator, goes.
static void drop_parts(Reducer *r) {
  static const char *const operators[] = {" + ", " - ", " * ", " / ", " @ ", " ** "};
  for (size_t i = 0; r->text[i]; i++) {
    for (int k = 0; k < 6; k++) {
      if (strncmp(r->text + i, operators[k], strlen(operators[k])) != 0) continue;
      size_t from = i + strlen(operators[k]), to = from, back = i;
      if (r->text[to] == '(')
        to = closing(r->text, to) + 1;
      else
        while (is_name(r->text[to]) || r->text[to] == '-') to++;
      if (r->text[to] == '(') to = closing(r->text, to) + 1;
      while (back > 0 && is_name(r->text[back - 1])) back--;
      if (to > i && !replace(r, i, to, "")) replace(r, back, from, "");
    }
  }
}

// The i-th result of an export and its type.
static void drop_results(Reducer *r) {
  for (size_t at = 0; r->text[at]; at = line_end(r->text, at)) {
    const char *arrow = strncmp(r->text + at, "export", 6) == 0 ? strstr(r->text + at, "-> (") : NULL;
    const char *back = arrow ? strstr(arrow, "return (") : NULL;
    if (!back) continue;
    for (int i = 0; i < 30; i++) {
      StrBuf b = {0};
      size_t done = 0, parts = 0;
      const char *const begin[] = {strstr(r->text + at, "-> (") + 3, strstr(r->text + at, "return (") + 7};
      for (int side = 0; side < 2; side++) {
        size_t open = (size_t)(begin[side] - r->text), end = closing(r->text, open), a = open + 1;
        int depth = 0, part = 0, kept = 0;
        sb_putn(&b, r->text + done, open + 1 - done);
        for (size_t k = open + 1; k <= end; k++) {
          char c = r->text[k];
          depth += (c == '(' || c == '[') - ((c == ')' || c == ']') && k < end);
          if (depth > 0 || (c != ',' && k < end)) continue;
          if (part++ != i) sb_printf(&b, "%s%.*s", kept++ ? "," : "", (int)(k - a), r->text + a);
          a = k + 1;
        }
        done = end, parts = (size_t)part;
      }
      sb_puts(&b, r->text + done);
      if ((size_t)i >= parts) {
        strbuf_free(&b);
        break;
      }
      if (try(r, &b)) i--;
    }
  }
}

// Every occurrence of a number, or of one size, made smaller.
static void smaller_numbers(Reducer *r) {
  for (int from = 24; from > 1; from--)
    for (int to = 1; to < from; to++) {
      StrBuf b = {0};
      char old[8], new[8];
      snprintf(old, sizeof old, "%d", from);
      snprintf(new, sizeof new, "%d", to);
      for (size_t i = 0; r->text[i];) {
        size_t n = 0;
        while (is_name(r->text[i + n])) n++;
        if (n == strlen(old) && strncmp(r->text + i, old, n) == 0)
          sb_puts(&b, new);
        else
          sb_putn(&b, r->text + i, n ? n : 1);
        i += n ? n : 1;
      }
      if (try(r, &b)) break;
    }
}

char *reduce(const Check *c, const char *text, double seconds) {
  Reducer r = {.check = c, .text = strdup(text), .deadline = now() + seconds};
  const Report *report = check_text(c, text);
  r.outcome = report->outcome;
  memcpy(r.kind, report->kind, sizeof r.kind);
  if (r.outcome == FINE) return r.text;
  do {
    r.better = false;
    drop_blocks(&r);
    for (int lines = 8; lines > 0; lines /= 2) drop_lines(&r, lines);
    drop_results(&r);
    simpler_lets(&r);
    simpler_calls(&r);
    drop_parts(&r);
    smaller_numbers(&r);
  } while (r.better && now() < r.deadline);
  return r.text;
}
