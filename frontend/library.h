// What the library holds, by name: signatures from the texts of std/*.nn, what the `##` comments before them
// say, and for what is written in C the rows of builtin_docs.def. docs/STDLIB.md is made of it, and tests ask
// that every name has a text, a line of use that compiles, and a case of tests/reference/library.
//
// The last part of a doc comment is the use, in backquotes: "## Use: `let y = relu(x);`".
#ifndef NNC_FRONTEND_LIBRARY_H
#define NNC_FRONTEND_LIBRARY_H

#include "frontend/ast.h"
#include "ir/base/strbuf.h"

typedef struct LibraryName {
  const char *name;
  const char *section;    // stem of the std file, or as builtin_docs.def has it
  const char *signature;  // one line for each form
  const char *doc;        // NULL: none
  const char *use;        // NULL: none
  const char *parameters; // of a function in C: its names in order, "x ?y =axis"; NULL
} LibraryName;

// In the order of the document: by section.
const LibraryName *library_names(const File *const *std, uint32_t n_std, const SourceMap *sources, Arena *a,
                                 uint32_t *n);

// The names as a document in markdown.
void library_document(const LibraryName *names, uint32_t n, StrBuf *out);

#endif
