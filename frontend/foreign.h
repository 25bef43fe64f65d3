// Names that belong to other languages and libraries, and how the same is said in .nn.
#ifndef NNC_FRONTEND_FOREIGN_H
#define NNC_FRONTEND_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

// What to write instead of a name, a member (`x.shape`), a named argument (`dim =`); NULL: nothing is known.
const char *foreign_name(const char *name);
const char *foreign_member(const char *name);
// Of an argument: that one of the `list` of which this is another word.
const char *foreign_argument(const char *name, const char *const *list, uint32_t n);

#endif
