// The canonical layout of a source, for `nnc fmt`: the same words and comments in the same order, with other
// white space. What the layout is: docs/LANGUAGE.md, "Layout"; how it is found: README.md, "Formatting".
#ifndef NNC_FRONTEND_FMT_H
#define NNC_FRONTEND_FMT_H

#include "frontend/parse.h"
#include "ir/base/strbuf.h"

enum { FMT_WIDTH = 120, FMT_INDENT = 4 }; // in characters

// Appends the text. False when the source has syntax errors: they are in `diags`, and nothing is appended.
// Takes time linear in the source; laying out its result gives the result.
bool fmt_source(uint32_t source, const SourceMap *sources, Intern *names, Diags *diags, StrBuf *out,
                Arena *a);

#endif
