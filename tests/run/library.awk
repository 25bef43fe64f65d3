# Makes a C program of a library's header: it calls every function with arrays that end at a page nobody may touch,
# in arenas of just the bytes the header says between two such pages; with arguments that are wrong; with n = 1 and
# the largest n; in two threads at once; before and after save and load.
#   awk -v P=PREFIX -v T=TYPE -v H=HEADER -f library_header.awk -f library.awk HEADER
END {
    U = upper(P)
    print "#define _DEFAULT_SOURCE\n#include \"" H "\"\n#include <pthread.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/mman.h>\n"
    print "#define PAGE ((size_t)4096)\n#define CHECK(x) do { if (!(x)) { printf(\"FAIL %s:%d: %s\\n\", __FILE__, __LINE__, #x); failures++; } } while (0)"
    print "static int failures, faults;\nstatic unsigned char memory[64];"
    print "static unsigned char *guarded(size_t bytes, int left) {\n  size_t pages = (bytes + PAGE - 1) / PAGE;\n  void *all = mmap(NULL, (pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n  unsigned char *p = (unsigned char *)all + PAGE;\n  if (all == MAP_FAILED || (pages && mprotect(p, pages * PAGE, PROT_READ | PROT_WRITE))) abort();\n  return left ? p : p + pages * PAGE - bytes;\n}"
    for (f = 1; f <= F; f++) {
        # arrays of function f for a size n, filled with `fill`
        printf "static %s_status call%d(%s *m, size_t n, int null, int fill, unsigned char **outs, size_t *bytes) {\n", P, f, T
        for (a = 1; a <= fargs[f]; a++) {
            printf "  size_t b%d = (size_t)(%s) * sizeof(%s);\n", a, acount[f, a], type[f, a]
            printf "  %s *a%d = (%s *)(void *)guarded(b%d, 0);\n", type[f, a], a, type[f, a], a
            if (type[f, a] == "float" || type[f, a] == "double") real_args[a] = 1; else delete real_args[a]
        }
        if (report[f]) printf "  %s_report report;\n", fname[f]
        print "  (void)n; (void)null; (void)fill; (void)outs; (void)bytes;"
        for (a = 1; a <= fargs[f]; a++)
            if (!aout[f, a] && (a in real_args)) printf "  { size_t k; for (k = 0; k < b%d / sizeof *a%d; k++) a%d[k] = 0.25f * (float)(1 + k %% 3); }\n", a, a, a
        for (a = 1; a <= fargs[f]; a++)
            if (aout[f, a]) printf "  memset(a%d, fill, b%d);\n  outs[%d] = (unsigned char *)a%d;\n  bytes[%d] = b%d;\n", a, a, a, a, a, a
        if (report[f]) printf "  memset(&report, 0, sizeof report);\n"
        printf "  return %s(m", fname[f]
        if (fbound[f]) printf ", n"
        for (a = 1; a <= fargs[f]; a++) printf ", null == %d ? NULL : a%d", a, a
        if (report[f]) printf ", null == %d ? NULL : &report", fargs[f] + 1
        print ");\n}"
    }
    print "typedef struct Run { unsigned char *saved, *arena; } Run;"
    # everything once, in one arena: what a thread does
    printf "static void *run(void *p) {\n  Run *r = (Run *)p;\n  unsigned char *outs[32];\n  size_t bytes[32];\n  %s m;\n  memset(&m, 0, sizeof m);\n", T
    printf "  if (%s_init(&m, r->arena, %s_ARENA_BYTES, 5) != %s_OK) abort();\n", P, U, U
    printf "#ifdef WEIGHTS\n  if (%s_load(&m, weights, sizeof weights) != %s_OK) abort();\n#endif\n", P, U
    for (f = 1; f <= F; f++) {
        n = fbound[f] ? fbound[f] : 1
        printf "  if (call%d(&m, %s, 0, 0, outs, bytes) != %s_OK) printf(\"FAIL %s: %%s\\n\", %s_status_text((%s_status)m.status)), exit(1);\n", f, n, U, fname[f], P, P
        printf "  if (call%d(&m, 1, 0, 0, outs, bytes) != %s_OK) exit(1);\n", f, U
    }
    printf "  if (%s_save(&m, r->saved, %s_save_bytes()) != %s_OK) abort();\n  return NULL;\n}\n", P, P, U
    print "int main(void) {\n  int side;\n  unsigned char *outs[32], *saved, *again;\n  size_t bytes[32], i;"
    printf "  %s m, other;\n  pthread_t t[2];\n  Run r[3];\n  (void)bytes; (void)outs; (void)i;\n", T
    print "#ifdef WEIGHTS\n  { FILE *f = fopen(WEIGHTS, \"rb\"); CHECK(f && fread(weights, 1, sizeof weights, f) == sizeof weights); fclose(f); }\n#endif"
    # init: bad calls write nothing
    print "  memset(&m, 0x5a, sizeof m); memset(&other, 0x5a, sizeof other);"
    printf "  { unsigned char *arena = guarded(%s_ARENA_BYTES + 64, 1);\n", U
    printf "    CHECK(%s_init(NULL, arena, %s_ARENA_BYTES, 1) == %s_NULL_ARGUMENT);\n", P, U, U
    printf "    CHECK(%s_init(&m, NULL, %s_ARENA_BYTES, 1) == %s_NULL_ARGUMENT);\n", P, U, U
    printf "    CHECK(%s_init(&m, arena + 8, %s_ARENA_BYTES, 1) == %s_ARENA_MISALIGNED);\n", P, U, U
    printf "    CHECK(%s_init(&m, arena, 0, 1) == %s_ARENA_TOO_SMALL);\n", P, U
    print "    CHECK(memcmp(&m, &other, sizeof m) == 0);"
    printf "    for (i = 0; i < %s_ARENA_BYTES; i++) CHECK(arena[i] == 0);\n", U
    for (f = 1; f <= F; f++) printf "    CHECK(call%d(&m, 1, 0, 0, outs, bytes) == %s_NOT_INITIALISED);\n", f, U
    printf "    CHECK(%s_save(&m, arena, %s_save_bytes()) == %s_NOT_INITIALISED);\n    CHECK(%s_load(&m, arena, %s_save_bytes()) == %s_NOT_INITIALISED);\n", P, P, U, P, P, U
    print "    memset(&m, 0, sizeof m);"
    for (f = 1; f <= F; f++) printf "    CHECK(call%d(&m, 1, 0, 0, outs, bytes) == %s_NOT_INITIALISED);\n    CHECK(call%d(NULL, 1, 0, 0, outs, bytes) == %s_NULL_ARGUMENT);\n", f, U, f, U
    print "  }"
    # each function in an arena of its own bytes, at either side
    print "  for (side = 0; side < 2; side++) {"
    for (f = 1; f <= F; f++) {
        M = fmacro[f]
        printf "    do { unsigned char *arena = guarded(%s_BYTES, side);\n      %s_status s = %s_init(&m, arena, %s_BYTES - 1, 3);\n", M, P, P, M
        printf "      if (s == %s_OK) {\n#ifdef WEIGHTS\n        CHECK(%s_load(&m, weights, sizeof weights) == %s_OK);\n#endif\n        CHECK(call%d(&m, 1, 0, 0, outs, bytes) == %s_ARENA_TOO_SMALL);\n      } else CHECK(s == %s_ARENA_TOO_SMALL);\n", U, P, U, f, U, U
        printf "      CHECK(%s_init(&m, arena, %s_BYTES, 3) == %s_OK);\n", P, M, U
        printf "#ifdef WEIGHTS\n      CHECK(call%d(&m, 1, 0, 0, outs, bytes) == %s_NO_WEIGHTS);\n      CHECK(%s_load(&m, weights, sizeof weights) == %s_OK);\n#endif\n", f, U, P, U
        printf "      s = call%d(&m, %s, 0, 0, outs, bytes);\n", f, fbound[f] ? fbound[f] : 1
        printf "      if (s == %s_OK) s = call%d(&m, 1, 0, 0, outs, bytes);\n      other = m;\n", U, f
        # these inputs may be none of the model: a fault is kept, by every function
        printf "      if (s == %s_NOT_FINITE || s == %s_BAD_INDEX || s == %s_DIVISION_BY_ZERO) {\n        printf(\"note: %s: %%s\\n\", %s_status_text(s));\n", U, U, U, fname[f], P
        printf "        CHECK(call%d(&m, 1, 0, 0, outs, bytes) == s && %s_save(&m, memory, sizeof memory) == s);\n", f, P
        print "        CHECK(memcmp(&m, &other, sizeof m) == 0);\n        faults = 1;\n        continue;\n      }"
        printf "      CHECK(s == %s_OK);\n", U
        for (a = 1; a <= fargs[f] + report[f]; a++) printf "      CHECK(call%d(&m, 1, %d, 0x77, outs, bytes) == %s_NULL_ARGUMENT);\n", f, a, U
        if (fbound[f]) {
            # the arrays are those of the largest n, so that a kernel that runs all the same is seen in the results
            printf "      CHECK(call%d(&m, 0, 0, 0x77, outs, bytes) == %s_BAD_SIZE);\n      CHECK(call%d(&m, %s + 1, 0, 0x77, outs, bytes) == %s_BAD_SIZE);\n", f, U, f, fbound[f], U
            for (a = 1; a <= fargs[f]; a++) if (aout[f, a]) printf "      for (i = 0; i < bytes[%d]; i++) CHECK(outs[%d][i] == 0x77);\n", a, a
        }
        print "      CHECK(memcmp(&m, &other, sizeof m) == 0);\n    } while (0);"
    }
    print "  }"
    print "  if (faults) return failures != 0;"
    # threads
    print "  for (side = 0; side < 3; side++) {"
    printf "    r[side].arena = guarded(%s_ARENA_BYTES, side & 1);\n    r[side].saved = guarded(%s_save_bytes(), 0);\n  }\n", U, P
    print "  run(&r[2]);\n  for (side = 0; side < 2; side++) if (pthread_create(&t[side], NULL, run, &r[side])) abort();\n  for (side = 0; side < 2; side++) pthread_join(t[side], NULL);"
    printf "  for (side = 0; side < 2; side++) CHECK(memcmp(r[side].saved, r[2].saved, %s_save_bytes()) == 0);\n", P
    # save and load
    printf "  saved = r[2].saved; again = guarded(%s_save_bytes(), 0);\n", P
    printf "  CHECK(%s_init(&m, guarded(%s_ARENA_BYTES, 0), %s_ARENA_BYTES, 9) == %s_OK);\n", P, U, U, U
    printf "  CHECK(%s_load(&m, saved, %s_save_bytes()) == %s_OK);\n  CHECK(%s_save(&m, again, %s_save_bytes()) == %s_OK);\n", P, P, U, P, P, U
    printf "  CHECK(memcmp(saved, again, %s_save_bytes()) == 0);\n", P
    printf "  CHECK(%s_load(NULL, saved, %s_save_bytes()) == %s_NULL_ARGUMENT);\n  CHECK(%s_load(&m, NULL, %s_save_bytes()) == %s_NULL_ARGUMENT);\n", P, P, U, P, P, U
    printf "  CHECK(%s_save(NULL, saved, %s_save_bytes()) == %s_NULL_ARGUMENT);\n  CHECK(%s_save(&m, NULL, %s_save_bytes()) == %s_NULL_ARGUMENT);\n", P, P, U, P, P, U
    printf "  CHECK(%s_load(&m, saved, %s_save_bytes() - 1) == %s_BAD_SIZE);\n  CHECK(%s_save(&m, again, %s_save_bytes() - 1) == %s_BAD_SIZE);\n", P, P, U, P, P, U
    printf "  again[9] ^= 1;\n  CHECK(%s_load(&m, again, %s_save_bytes()) == %s_BAD_WEIGHTS);\n  again[9] ^= 1;\n  again[3] ^= 1;\n  CHECK(%s_load(&m, again, %s_save_bytes()) == %s_BAD_WEIGHTS);\n", P, P, U, P, P, U
    printf "  CHECK(strlen(%s_status_text(%s_OK)) > 0);\n  CHECK(strcmp(%s_status_text((%s_status)99), \"an unknown status\") == 0);\n", P, U, P, P
    print "  for (i = 0; failures > 5 && i < 1; i++) printf(\"%d failures\\n\", failures);\n  return failures != 0;\n}"
}
