# Makes a C program of the header of a CUDA library, prefix g, whose model is also a C library, prefix c: four objects
# of the model do the same, two in C, two on the device. One of these is given arrays of the host's memory; the other
# one and a third have arrays on the device and a stream each, and what they do is queued on both before either is
# waited for. All that comes out has the same bits.
#   awk -v P=g -v T=g -f library_header.awk -f cuda_library.awk g.h
# The program's argument: `wrong`: calls that are wrong, too. `fail`: a call of CUDA fails, and the status is
# printed.
function as_c(name) { return "c" substr(name, 2) }
function pointers(f, n,   a) { # a0, a1, … of a struct, for a call
    for (a = 1; a <= fargs[f]; a++) printf ", (%s%s *)%s[%d]", aout[f, a] ? "" : "const ", type[f, a], n, a
}
END {
    print "#include \"g.h\"\n#include \"c.h\"\n#include <cuda_runtime_api.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
    print "static int failures, failing, stop;"
    print "#define CHECK(x) do { if (!(x)) { if (failures++ < 20) printf(\"FAIL %s:%d: %s\\n\", __FILE__, __LINE__, #x); } } while (0)"
    print "/* A call of the test's own: nothing of the library is known after it fails. */"
    print "#define OWN(x) do { if ((x) != cudaSuccess) { printf(\"own\\n\"); stop = 1; } } while (0)"
    print "enum { ARGS = 32 };\ntypedef struct Call { size_t bytes[ARGS]; void *c[ARGS], *host[ARGS], *device[ARGS]; } Call;\n"
    print "static void *device(size_t bytes) {\n  void *p = NULL;\n  if (!stop) OWN(cudaMalloc(&p, bytes ? bytes : 1));\n  return p;\n}"
    print "static void *memory(size_t bytes, int fill) {\n  void *p = malloc(bytes ? bytes : 1);\n  if (!p) abort();\n  return memset(p, fill, bytes ? bytes : 1);\n}"
    print "static void move(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {\n  if (!stop && bytes) OWN(cudaMemcpy(to, from, bytes, kind));\n}"
    print "static void input(void *p, size_t bytes, size_t size, int real, int salt) {\n  size_t i;\n  for (i = 0; i < bytes / size; i++) {\n    if (real == 1) ((float *)p)[i] = 0.25f * (float)(1 + (i + (size_t)salt) % 3);\n    else if (real == 2) ((double *)p)[i] = 0.25 * (double)(1 + (i + (size_t)salt) % 3);\n    else if (i % 2 && size == 1) ((unsigned char *)p)[i] = (unsigned char)(salt & 1);\n  }\n}"
    print "static void drop(Call *k) {\n  int a;\n  for (a = 0; a < ARGS; a++) {\n    free(k->c[a]);\n    free(k->host[a]);\n    if (k->device[a]) OWN(cudaFree(k->device[a]));\n  }\n}"
    for (f = 1; f <= F; f++) {
        R = report[f] ? fargs[f] + 1 : 0
        printf "\n/* ---- %s */\nstatic void make%d(Call *k, size_t n, int salt) {\n  memset(k, 0, sizeof *k);\n  (void)n; (void)salt;\n", fname[f], f
        for (a = 1; a <= fargs[f] + report[f]; a++) {
            printf "  k->bytes[%d] = %s;\n", a, a == R ? "sizeof(" fname[f] "_report)" : "(size_t)(" acount[f, a] ") * sizeof(" type[f, a] ")"
            printf "  k->c[%d] = memory(k->bytes[%d], %s);\n  k->host[%d] = memory(k->bytes[%d], %s);\n", a, a, a == R || aout[f, a] ? "0x77" : "0", a, a, a == R || aout[f, a] ? "0x77" : "0"
            if (a != R && !aout[f, a]) {
                real = type[f, a] == "float" ? 1 : type[f, a] == "double" ? 2 : 0
                printf "  input(k->c[%d], k->bytes[%d], sizeof(%s), %d, salt);\n  memcpy(k->host[%d], k->c[%d], k->bytes[%d]);\n", a, a, type[f, a], real, a, a, a
            }
            printf "  k->device[%d] = device(k->bytes[%d]);\n  move(k->device[%d], k->host[%d], k->bytes[%d], cudaMemcpyHostToDevice);\n", a, a, a, a, a
        }
        print "}"
        n = fbound[f] ? ", n" : ""
        printf "static c_status in_c%d(c *m, size_t n, Call *k) {\n  (void)n; (void)k;\n  return %s(m%s", f, as_c(fname[f]), n
        pointers(f, "k->c")
        printf "%s);\n}\n", R ? ", (" as_c(fname[f]) "_report *)k->c[" R "]" : ""
        printf "static g_status on_host%d(g *m, size_t n, Call *k) {\n  (void)n; (void)k;\n  return %s(m%s", f, fname[f], n
        pointers(f, "k->host")
        printf "%s);\n}\n", R ? ", (" fname[f] "_report *)k->host[" R "]" : ""
        printf "static g_status on_device%d(g *m, g_stream s, size_t n, Call *k) {\n  (void)n; (void)k;\n  return %s_on(m, s%s", f, fname[f], n
        pointers(f, "k->device")
        printf "%s);\n}\n", R ? ", (" fname[f] "_report *)k->device[" R "]" : ""
    }
    print "\n/* ---- bytes of reports that no member has */"
    for (f = 1; f <= F; f++) {
        if (!report[f]) continue
        t = fname[f] "_report"
        printf "static void tidy%d(void *p) {\n  %s *from = p, r;\n  memset(&r, 0, sizeof r);\n", f, t
        for (i = 1; i <= members[t]; i++) printf "  r.%s = from->%s;\n", member[t, i], member[t, i]
        print "  memcpy(p, &r, sizeof r);\n}"
    }
    print "\ntypedef struct Fn { const char *name; size_t bound, bytes; int args; void (*make)(Call *, size_t, int); c_status (*c)(c *, size_t, Call *); g_status (*host)(g *, size_t, Call *); g_status (*device)(g *, g_stream, size_t, Call *); unsigned long out; void (*tidy)(void *); } Fn;"
    print "static const Fn fns[] = {"
    for (f = 1; f <= F; f++) {
        o = "0"
        for (a = 1; a <= fargs[f]; a++) if (aout[f, a]) o = o " | 1ul << " a
        if (report[f]) o = o " | 1ul << " fargs[f] + 1
        printf "  {\"%s\", %d, %s_BYTES, %d, make%d, in_c%d, on_host%d, on_device%d, %s, %s},\n", fname[f], fbound[f], fmacro[f], fargs[f] + report[f], f, f, f, f, o, report[f] ? "tidy" f : "NULL"
    }
    print "};"
    while ((getline line <BODY) > 0) print line
}
