// See words.h.
#include "driver/words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOOL_WORDS = 32 };

void words_add(Words *v, const char *word, Arena *a) {
  assert(v->n < MAX_WORDS);
  v->words[v->n++] = arena_strdup(a, word);
  v->words[v->n] = NULL;
}

void words_add_tool(Words *v, const char *variable, const char *tool, Arena *a) {
  const char *p = getenv(variable);
  if (!p || !p[strspn(p, " ")]) p = tool;
  while (*(p += strspn(p, " ")) && v->n < MAX_TOOL_WORDS) {
    size_t len = strcspn(p, " ");
    words_add(v, arena_strndup(a, p, len), a);
    p += len;
  }
}

void words_show(const Words *v) {
  for (int i = 0; i < v->n; i++) fprintf(stderr, " \"%s\"", v->words[i]);
  fputc('\n', stderr);
}
