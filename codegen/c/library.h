// What libraries in C and in nearly C (CUDA) differ in. library.c and header.c print all else.
#ifndef NNC_CODEGEN_C_LIBRARY_H
#define NNC_CODEGEN_C_LIBRARY_H

#include "codegen/c/api.h"

typedef struct Lib {
  Unit *u;
  const Api *api;
  StrBuf *out;
} Lib;

// printf where @_ stands for the prefix and _, @ for the type, and $ for the prefix in capitals.
void library_print(Lib *l, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

// All strings are texts for library_print, without its % formats.
struct LibraryDialect {
  bool device; // the arena is a device's memory: functions have a variant for arrays there, statuses of CUDA
  const char *const *names; // that every library has beside api_names; NULL at the end

  // ---- the header
  const char *about;      // ends the comment at the top
  const char *arena;      // what init is told of it
  const char *const_note; // what CONST_BYTES are
  const char *types;      // before the object's
  const char *members;    // the object's last ones
  const char *also;       // functions beside init, save and load
  const char *example_includes;

  // ---- the source. `call` is what begin fills: a context, or a call on the device.
  const char *call;                    // its type
  const char *counters;                // what stands before a counter of it
  const char *run, *run_args;          // a call of a function: before its name, and before n
  const char *going;                   // nothing went wrong so far
  void (*open)(Lib *l);                // before begin
  void (*fill)(Lib *l);                // the end of begin: fills `c`
  const char *keep, *fault;            // the head of what keeps a fault, and the fault there
  void (*end)(Lib *l, uint32_t ready); // functions after that; `ready` marks objects that are initialised
  const char *reset, *reset_end;       // its head and its end
  const char *init, *init_ready;       // its head; before anything is written
  void (*init_reset)(Lib *l);          // before weights are set
  void (*init_run)(Lib *l);            // the program's init, and all that follows
  const char *save_ready, *save_end;   // before anything is written; the end
  const char *load, *load_ready, *load_end;
  const char *checked; // after the checks of an argument
  // The arena from `at` on, of a `call` expression: zeros, from and to the host's memory.
  void (*clear)(Lib *l, const char *call, uint64_t at, const char *bytes);
  void (*send)(Lib *l, const char *call, uint64_t at, const char *from, const char *bytes);
  void (*fetch)(Lib *l, const char *call, const char *to, uint64_t at, const char *bytes);
  void (*losses)(Lib *l, const char *type, uint32_t n); // declares nn_loss, for those that nothing reports
  void (*judge)(Lib *l, const char *const *losses, uint32_t n);
  void (*after)(Lib *l, const ApiFn *f); // the function: its variant for the host's memory
};

extern const LibraryDialect library_c, library_cuda;

// "kws_status kws_classify(kws *m, size_t n, …)"; `on`: the variant for arrays on the device.
const char *library_signature(Lib *l, const ApiFn *f, bool on);
const char *library_at(Lib *l, uint64_t at); // "m->arena + 64"
// The call `nn_c` and what can be wrong with the object and the arguments.
void library_checks(Lib *l, const ApiFn *f);

#endif
