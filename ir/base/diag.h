// Diagnostics about a user's program, in rustc's style.
//
//   error[E0203]: shapes do not fit in `+`
//     --> model.nn:5:12
//      |
//    5 |     return x + y;
//      |            ^^^^^ [B, 3] and [B, 4]: axis 1 differs
//      = note: B is bound by `x: [B, 3]`
//      = help: ...
//
// A Span is a byte range of one source; the SourceMap owns the texts. Errors are
// collected, sorted by nothing (program order), and printed once by the driver.
// Codes and their long explanations (`nnc explain`) are rows of diag_codes.def.
#ifndef NNC_BASE_DIAG_H
#define NNC_BASE_DIAG_H

#include "ir/base/arena.h"
#include "ir/base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Span {
  uint32_t source;      // index in the SourceMap; 0 is "no place"
  uint32_t begin, end;  // bytes, end exclusive
} Span;

typedef struct Source {
  const char *name;  // as printed: the path the user gave, "std/layers.nn" for the library
  const char *text;  // NUL-terminated
  size_t len;
  bool is_std;
} Source;

typedef struct SourceMap SourceMap;
SourceMap *source_map_new(Arena *a);
uint32_t source_add(SourceMap *m, const char *name, const char *text, size_t len, bool is_std);
const Source *source_get(const SourceMap *m, uint32_t id);
// 1-based line and column (column counts UTF-8 characters) of a byte.
void source_position(const SourceMap *m, uint32_t id, uint32_t byte, unsigned *line, unsigned *col);
// "model.nn:5:12", in the arena; "" for a span without place.
const char *span_text(const SourceMap *m, Span s, Arena *a);
// The same with the file's name alone: for what is emitted, which holds no folders of the machine it was made on.
const char *span_text_here(const SourceMap *m, Span s, Arena *a);

typedef enum DiagCode {
#define DIAG(code, title, text) DIAG_##code,
#include "ir/base/diag_codes.def"
#undef DIAG
  DIAG_COUNT
} DiagCode;

typedef enum Severity { SEV_ERROR, SEV_WARNING } Severity;

typedef struct Diags Diags;
typedef struct Diag Diag;

enum { DIAG_MAX_ERRORS = 20 };

Diags *diags_new(Arena *a, const SourceMap *sources);
const SourceMap *diags_sources(const Diags *d);
// The message says what is wrong; `diag_label` puts a text beside the carets.
// A second error whose span begins at a place that already has one is dropped (no cascades).
Diag *diag_error(Diags *d, DiagCode code, Span at, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 4, 5)))
#endif
    ;
// `flag` names the -W option that governs it ("shadow", "anonymous"); NULL: always on.
Diag *diag_warning(Diags *d, DiagCode code, const char *flag, Span at, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 5, 6)))
#endif
    ;
// All three accept NULL (a dropped diagnostic) and return their argument.
Diag *diag_label(Diag *g, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
Diag *diag_note(Diag *g, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
// Only for a fix that compiles.
Diag *diag_help(Diag *g, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
// A second place, printed as its own snippet after the first.
Diag *diag_also(Diag *g, Span at, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

// Adds the errors of `a` that `b` has too, at the same place with the same code (trial elaborations). Where
// their texts differ, the error gets the note.
void diags_take_common(Diags *to, const Diags *a, const Diags *b, const char *note);

// Errors inside of `at` are dropped from now on: one was given there whose consequences they would be.
void diags_mute(Diags *d, Span at);

// -Wshadow, -Wanonymous; -Werror turns warnings into errors.
void diags_enable(Diags *d, const char *flag);
void diags_warnings_are_errors(Diags *d);
// True when an error begins at this place already: another one there would be dropped.
bool diags_has_error(const Diags *d, Span at);
// Takes back the first errors of this code inside of the place, `most` of them: they turned out to be consequences.
void diags_withdraw(Diags *d, DiagCode code, Span inside, unsigned most);
unsigned diags_errors(const Diags *d);
unsigned diags_warnings(const Diags *d);
// True when DIAG_MAX_ERRORS was reached: callers stop their work.
bool diags_full(const Diags *d);

void diags_print_text(const Diags *d, StrBuf *out, bool color);
// One JSON object a line: code, severity, message, file, line, column, end_line, end_column, label, notes, helps.
void diags_print_json(const Diags *d, StrBuf *out);

const char *diag_code_text(DiagCode c);   // "E0203"
const char *diag_code_title(DiagCode c);
// The long text for `nnc explain`; NULL when there is no such code.
const char *diag_explain(const char *code);

#endif
