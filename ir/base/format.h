// printf into a given room, as vsnprintf does and with the same result; several times as fast for what the
// compiler prints most (%s %c %d %u with their lengths), for emitting a large model is mostly this.
#ifndef NNC_BASE_FORMAT_H
#define NNC_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

// The length of the whole text, however much fits; `to` is terminated where room > 0.
size_t format_text(char *to, size_t room, const char *fmt, va_list ap);

#endif
