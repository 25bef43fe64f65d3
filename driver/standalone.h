// --standalone: the runtime's text in place of the model's `#include "nn_….h"` lines, so that the C compiler
// and libm are enough.
#ifndef NNC_DRIVER_STANDALONE_H
#define NNC_DRIVER_STANDALONE_H

#include "driver/reproducer.h"
#include "ir/base/strbuf.h"

#include <stdbool.h>

// Appends feature macros, licence, the runtime's sources (each once) and the model. Without `host` only what
// the model includes: the text of a program that is linked with the host runtime.
void standalone_text(Text model, bool host, StrBuf *out);

#endif
