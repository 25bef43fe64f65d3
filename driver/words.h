// The command line of a tool: words, in order. No shell reads them.
#ifndef NNC_DRIVER_WORDS_H
#define NNC_DRIVER_WORDS_H

#include "ir/base/arena.h"

enum { MAX_WORDS = 96 };

typedef struct Words {
  char *words[MAX_WORDS + 1]; // NULL after the last
  int n;
} Words;

void words_add(Words *v, const char *word, Arena *a);
// The tool that an environment variable names, with the arguments it may hold (CC="ccache gcc"), else `tool`.
void words_add_tool(Words *v, const char *variable, const char *tool, Arena *a);
// On stderr, as -v and -### do.
void words_show(const Words *v);

#endif
