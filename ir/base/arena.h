// Arena allocation: one arena per compiler stage, freed as a whole.
// Out of memory prints one message and exits with 3 (architecture.md), so
// callers never test the result.
#ifndef NNC_BASE_ARENA_H
#define NNC_BASE_ARENA_H

#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
// Freed with its parent, or before.
Arena *arena_child(Arena *parent);
// From now on it is this one's child.
void arena_move(Arena *a, Arena *parent);
void arena_free(Arena *a);
// Zeroed memory, aligned for any type. `size` 0 gives a valid pointer.
void *arena_alloc(Arena *a, size_t size);
// `count * size` zeroed bytes; an overflowing product is out of memory.
void *arena_array(Arena *a, size_t count, size_t size);
// As arena_array, but of any content: untouched memory costs nothing.
void *arena_raw(Arena *a, size_t count, size_t size);
void *arena_copy(Arena *a, const void *src, size_t size);
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_strdup(Arena *a, const char *s);
// printf into the arena.
char *arena_printf(Arena *a, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
// Bytes handed out so far; used by --time-passes and the limits' tests.
size_t arena_used(const Arena *a);

// The message and exit(3) that every failed allocation of the compiler ends in.
_Noreturn void out_of_memory(void);

#define ARENA_NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, n, T) ((T *)arena_array((a), (n), sizeof(T)))

#endif
