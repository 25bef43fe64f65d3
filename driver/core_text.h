// The text of runtime/core that a library or a program uses, and no more.
#ifndef NNC_DRIVER_CORE_TEXT_H
#define NNC_DRIVER_CORE_TEXT_H

#include "driver/reproducer.h"
#include "ir/base/strbuf.h"

// Appends the source with its `#include "nn_….h"` lines, which follow one another, replaced by those parts of
// these headers whose names it uses. *inserted: where in `out` that text ends, and how many bytes longer it is
// than the lines it replaces.
void core_text(Text source, StrBuf *out, size_t *end, ptrdiff_t *grown);

#endif
