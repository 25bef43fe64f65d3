// reference/library/signatures.txt, what the language promises of its library, against the declarations of
// std/*.nn, the signatures that builtins are documented with, and the rows by which their arguments are
// bound.
#include "frontend/library.h"

#include "tests/library_program.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_PARAMETERS = 16, MAX_METHODS = 4 };

typedef struct Parameter {
  const char *name, *type, *dflt; // NULL: none; a default "" is "optional, by a rule"
} Parameter;

typedef struct Group {
  Parameter at[MAX_PARAMETERS];
  int n;
  bool present;
} Group;

typedef struct Signature {
  const char *name; // with its dot, of a method in the table
  Group parameters, inputs;
  const char *result;
} Signature;

typedef struct Promise {
  Signature self, methods[MAX_METHODS];
  int n_methods;
  const char *stores; // NULL: the table gives none
} Promise;

static Arena *arena;
static const File **std;
static const LibraryName *library;
static uint32_t n_library;

static void setup(void) {
  arena = arena_new();
  SourceMap *sources = source_map_new(arena);
  std = library_files(sources, intern_new(arena), diags_new(arena, sources), arena);
  library = library_names(std, embedded_std.n, sources, arena, &n_library);
}

static void teardown(void) { arena_free(arena); }

// ---- reading

// Without spaces.
static const char *packed(const char *from, const char *to) {
  char *t = arena_alloc(arena, (size_t)(to - from) + 1);
  size_t n = 0;
  for (; from < to; from++)
    if (*from != ' ') t[n++] = *from;
  t[n] = 0;
  return t;
}

// The first of `stops` outside of brackets, or the end.
static const char *until(const char *p, const char *end, const char *stops) {
  int depth = 0;
  for (; p < end; p++) {
    if (depth == 0 && strchr(stops, *p)) return p;
    depth += *p == '(' || *p == '[';
    depth -= *p == ')' || *p == ']';
  }
  return end;
}

static Parameter read_parameter(const char *p, const char *end) {
  const char *colon = until(p, end, ":="), *eq = until(p, end, "=");
  return (Parameter){.name = packed(p, colon),
                     .type = colon < eq ? packed(colon + 1, eq) : NULL,
                     .dflt = eq < end ? packed(eq + 1, end) : NULL};
}

// "(a, b = 1)" at p; where it ends.
static const char *read_group(const char *p, const char *end, Group *out) {
  if (p == end || *p != '(') return p;
  const char *close = until(p + 1, end, ")");
  out->present = true;
  for (p++; p < close;) {
    const char *comma = until(p, close, ",");
    ck_assert_int_lt(out->n, MAX_PARAMETERS);
    out->at[out->n++] = read_parameter(p, comma);
    p = comma < close ? comma + 1 : close;
  }
  return close + 1;
}

static Signature read_signature(const char *p, const char *end) {
  while (p < end && *p == ' ') p++;
  p += strncmp(p, "fn ", 3) == 0 ? 3 : strncmp(p, "layer ", 6) == 0 ? 6 : 0;
  const char *open = p;
  while (open < end && *open != '(' && *open != ' ') open++;
  Signature s = {.name = packed(p, open)};
  p = read_group(open, end, &s.parameters);
  p = read_group(p, end, &s.inputs);
  const char *arrow = strstr(p, "-> ");
  if (arrow && arrow < end) s.result = packed(arrow + 3, end);
  return s;
}

// A line of the table: a signature, then methods, each behind " .", then stores behind " :".
static Promise read_promise(const char *line) {
  Promise out = {0};
  const char *stores = strstr(line, " :"), *end = stores ? stores : line + strlen(line);
  if (stores) out.stores = stores[2] ? arena_printf(arena, "%s ", stores + 3) : "";
  for (const char *p = line; p < end;) {
    const char *dot = strstr(p + 1, " ."), *stop = dot && dot < end ? dot : end;
    if (p == line) {
      out.self = read_signature(p, stop);
    } else {
      ck_assert_int_lt(out.n_methods, MAX_METHODS);
      out.methods[out.n_methods++] = read_signature(p + 2, stop);
    }
    p = stop;
  }
  return out;
}

// ---- comparing

static bool same_value(const char *a, const char *b) {
  char *a_end, *b_end;
  double x = strtod(a, &a_end), y = strtod(b, &b_end);
  return strcmp(a, b) == 0 || (!*a_end && !*b_end && x == y);
}

static bool same_type(const char *want, const char *have) {
  return !want || (have && strcmp(want, have) == 0);
}

// A default where the language has none takes nothing away.
static bool group_kept(const Group *want, const Group *have, bool more) {
  for (int i = 0; i < want->n; i++) {
    const Parameter *w = &want->at[i], *h = &have->at[i];
    if (i >= have->n || strcmp(w->name, h->name) != 0 || !same_type(w->type, h->type)) return false;
    if (w->dflt && (!h->dflt || (*w->dflt && !same_value(w->dflt, h->dflt)))) return false;
  }
  for (int i = want->n; i < have->n; i++)
    if (!more || !have->at[i].dflt) return false;
  return true;
}

static bool signature_kept(const Signature *want, const Signature *have) {
  return strcmp(want->name, have->name) == 0 && group_kept(&want->parameters, &have->parameters, true) &&
         (!want->inputs.present || group_kept(&want->inputs, &have->inputs, false)) &&
         same_type(want->result, have->result);
}

// Is it a line of `text`? Methods are indented there.
static bool has_form(const char *text, const Signature *want, bool method) {
  while (*text) {
    const char *end = text + strcspn(text, "\n");
    if ((*text == ' ') == method) {
      Signature have = read_signature(text, end);
      if (signature_kept(want, &have)) return true;
    }
    text = *end ? end + 1 : end;
  }
  return false;
}

// A builtin's row ("x ?y =axis") has the parameters in this order; those it does not name may be left out,
// and a parameter with a default too, by position unless one before it is `x =`.
static bool row_kept(const char *row, const Group *want) {
  int i = 0;
  bool by_name = false;
  while (*row) {
    char mark = *row == '?' || *row == '=' ? *row++ : 0;
    size_t len = strcspn(row, " ");
    const Parameter *w = i < want->n ? &want->at[i] : NULL;
    bool named = w && strlen(w->name) == len && strncmp(w->name, row, len) == 0;
    if (named) {
      by_name |= w->dflt && !*w->dflt;
      if ((w->dflt && !mark) || (mark == '=' && !by_name)) return false;
      i++;
    } else if (!mark) {
      return false;
    }
    row += len + (row[len] == ' ');
  }
  return i == want->n;
}

static void append_stores(StmtList body, StrBuf *out) {
  for (uint32_t i = 0; i < body.len; i++) {
    const Stmt *s = body.data[i];
    if (s->kind == ST_PARAM || s->kind == ST_STATE) sb_printf(out, "%s ", s->u.store.name.text);
    if (s->kind != ST_IF) continue;
    append_stores(s->u.cond.then, out);
    append_stores(s->u.cond.otherwise, out);
  }
}

// The names of a layer's own stores in their order, each with a space behind it.
static const char *stores_of(const char *layer) {
  StrBuf b = {0};
  for (uint32_t f = 0; f < embedded_std.n; f++)
    for (uint32_t i = 0; i < std[f]->decls.len; i++) {
      const Stmt *s = std[f]->decls.data[i];
      if ((s->kind == ST_LAYER_SHORT || s->kind == ST_LAYER_LONG) && strcmp(s->u.layer.name.text, layer) == 0)
        append_stores(s->u.layer.body, &b);
    }
  const char *text = arena_strndup(arena, sb_text(&b), b.len);
  strbuf_free(&b);
  return text;
}

static const LibraryName *named(const char *name) {
  for (uint32_t i = 0; i < n_library; i++)
    if (strcmp(library[i].name, name) == 0) return &library[i];
  return NULL;
}

// NULL when it is kept.
static const char *broken(const Promise *want) {
  const LibraryName *have = named(want->self.name);
  if (!have) return "unknown";
  if (!want->self.parameters.present) return NULL;
  if (!has_form(have->signature, &want->self, false)) return have->signature;
  if (have->parameters && !row_kept(have->parameters, &want->self.parameters))
    return arena_printf(arena, "bound as (%s)", have->parameters);
  for (int i = 0; i < want->n_methods; i++)
    if (!has_form(have->signature, &want->methods[i], true)) return have->signature;
  if (want->stores && strcmp(want->stores, stores_of(want->self.name)) != 0)
    return arena_printf(arena, "stores %s", stores_of(want->self.name));
  return NULL;
}

START_TEST(every_promise_is_kept) {
  FILE *f = fopen(PROJECT_DIR "/tests/reference/library/signatures.txt", "r");
  ck_assert(f != NULL);
  int n = 0, bad = 0;
  char line[512];
  while (fgets(line, sizeof line, f)) {
    line[strcspn(line, "\n")] = 0;
    if (!*line || *line == '#') continue;
    Promise want = read_promise(arena_strndup(arena, line, strlen(line)));
    const char *why = broken(&want);
    if (why) fprintf(stderr, "%s\n  is not kept: %s\n", line, why), bad++;
    n++;
  }
  fclose(f);
  ck_assert_int_gt(n, 200);
  ck_assert_msg(bad == 0, "%d of %d", bad, n);
}
END_TEST

// That the comparison sees a difference of each kind.
START_TEST(broken_promises_are_seen) {
  static const char *const lines[] = {
      "elv(x)",                            // no such name
      "elu(y, a = 1.0)",                   // another parameter
      "elu(a = 1.0, x)",                   // another order
      "elu(x, a = 2.0)",                   // another default
      "softmax_xent(z: [*s, n], y: [*s])", // another type
      "pick(x, i) -> i32[*s]",             // another result
      "lerp(a, b)",                        // one more, without a default
      "gather(x, i, axis = 1)",            // of a function in C
      "sum(x, axis = 0)",                  // an axis only by name
      "Dropout(p)(x, y)",                  // inputs
      "GRU(n) .run(x, h0, c0)",            // a method's
      "GRU(n) .step(x)",                   // another method
      "Dense(n)(x) : W",                   // one store more
      "Dropout(p)(x) : W",                 // a store less
      "Adam(lr = 1e-2)",                   // an optimizer's
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    Promise want = read_promise(lines[i]);
    ck_assert_msg(broken(&want) != NULL, "%s", lines[i]);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("signatures");
  TCase *t = tcase_create("signatures");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, every_promise_is_kept);
  tcase_add_test(t, broken_promises_are_seen);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? 1 : 0;
}
