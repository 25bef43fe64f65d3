// --standalone: the runtime's text in place of the model's `#include "nn_….h"` lines, so that the C compiler
// and libm are enough.
#ifndef NNC_DRIVER_STANDALONE_H
#define NNC_DRIVER_STANDALONE_H

#include "driver/reproducer.h"
#include "ir/base/strbuf.h"

// Appends feature macros, licence, the runtime's sources (each once) and the model.
void standalone_text(Text model, StrBuf *out);

#endif
