// What diag.c collects and diag_print.c renders; nobody else includes this.
#ifndef NNC_BASE_DIAG_LIST_H
#define NNC_BASE_DIAG_LIST_H

#include "ir/base/diag.h"
#include "ir/base/map.h"
#include "ir/base/vec.h"

typedef enum RemarkKind { REMARK_NOTE, REMARK_HELP, REMARK_ALSO } RemarkKind;

typedef struct Remark {
  RemarkKind kind;
  Span at; // REMARK_ALSO
  const char *text;
} Remark;

struct Diag {
  Arena *arena;
  DiagCode code;
  Severity severity;
  Span at;
  const char *message, *label;
  VEC(Remark) remarks; // in the order they were made
};

struct Diags {
  Arena *arena;
  const SourceMap *sources;
  VEC(Diag *) list;
  unsigned count[2]; // of the list, by severity
  Map warned;        // place and code of each warning
  VEC(const char *) enabled;
  VEC(Span) muted;
  bool warnings_are_errors;
};

#endif
