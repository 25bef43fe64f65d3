// What the header of a library declares, made once; header.c and library.c print it.
//
// An export is one function. A loop of a train block is two: PREFIX_TRAIN[_PHASE]_step, one step over the
// fields of its data's sources (computed fields are computed inside), and PREFIX_TRAIN[_PHASE]_epoch, which
// ends an epoch and runs the loop's `then`. With `accumulate` a third one, PREFIX_TRAIN[_PHASE]_apply, makes
// one step of the batches since the last. An `update` of a train block is PREFIX_TRAIN[_PHASE]_update.
#ifndef NNC_CODEGEN_C_API_H
#define NNC_CODEGEN_C_API_H

#include "codegen/c/names.h"
#include "codegen/c/unit.h"

typedef enum ApiKind { API_EXPORT, API_STEP, API_APPLY, API_EPOCH, API_UPDATE } ApiKind;

typedef struct ApiArg { // a pointer, or a member of a report
  const char *name;     // in C
  DType dtype;
  Shape shape;
  bool out;
} ApiArg;

typedef struct ApiStream { // the data that a step takes its fields from
  const DataSet *data;
  const uint32_t *args;    // by source: the argument that holds it, NO_ARG: not needed
  const uint64_t *results; // by result of `prepare`: its place in the arena
  const bool *kept;        // by result: one element a place for every example of the batch; else one in all
} ApiStream;

#define NO_ARG UINT32_MAX

typedef struct ApiFn {
  ApiKind kind;
  const char *name;   // "kws_classify"
  const char *on;     // its variant for arrays on the device, "kws_classify_on"; NULL: there is none
  const char *macro;  // "KWS_CLASSIFY"
  uint32_t fn;        // of the program; NO_ARG: an epoch without `then`
  const Train *train; // NULL: an export
  const char *phase;  // NULL: none
  const PlanLoop *loop;
  uint32_t item;      // of the plan, counted through all train blocks
  uint32_t scope;     // whose steps and epochs it reads
  const char *symbol; // of the dynamic size, NULL: none
  int64_t bound;      // its largest value; without a symbol: the batch, or 1
  ApiArg *args;       // pointers: inputs, then results
  uint32_t n_args;
  const char *report; // the type of the report, NULL: nothing is reported
  ApiArg *members;    // of the report; name NULL: a loss that is only judged
  uint32_t n_members;
  const uint64_t *places; // on a device: where in the model's memory the arguments are, then the report,
                          // while the caller's are in the host's memory
  ApiStream *streams;
  uint32_t n_streams;
  bool draws;      // an export's own draws
  uint32_t sums;   // of a loop with `accumulate`: its number among those
  uint32_t fields; // of a loop with computed fields: its number among those; else NO_ARG
  uint64_t bytes;  // of the arena that it needs
} ApiFn;

// A train or a phase, which counts its steps and epochs and those of the phases in it.
typedef struct ApiScope {
  uint32_t first, last; // items
} ApiScope;

typedef struct ApiArray { // a constant array that `init` copies to the device
  const char *name;       // in C
  uint64_t at, bytes;     // in the arena
} ApiArray;

typedef struct Api {
  const char *type;            // "kws"; a keyword has an underscore at its end: "xor_"
  const char *prefix, *PREFIX; // what stands before _ in all other names: "kws", "KWS", "xor", "XOR"
  Names names, macros;
  VEC(ApiFn) fns;
  uint64_t base;         // of the arena: where the model's memory begins, which other places are counted from
  uint64_t init_bytes;   // what `init` itself needs, and the least that any function needs
  uint64_t stores_bytes; // where scratch begins
  uint64_t slots_begin;  // where the slots of optimizers begin; the end: there are none
  VEC(ApiArray) arrays;  // by the number that unit_fixed gives; then, where there are any, the options
  uint64_t losses;       // in the arena: those that nothing reports
  bool training;
  VEC(ApiScope) scopes; // of those that begin with the same item only the longest
  uint32_t n_items;
  uint32_t n_sums;   // loops with `accumulate`
  uint32_t n_fields; // loops with computed fields
} Api;

// The names that every library has: "init" …
extern const char *const api_names[];

// After the functions are planned and the constants collected. Gives the steps' computed fields their places,
// and the slots of optimizers theirs; sets u->plan.arena_bytes.
Api *api_make(Unit *u);

// Parameters and states: what weight files hold.
static inline bool store_is_weight(const Store *s) {
  return s->kind == STORE_PARAM || s->kind == STORE_STATE;
}
uint64_t store_bytes(const Store *s);
bool api_prepares(const ApiFn *f);                              // a step that computes fields
const char *api_number(Arena *a, uint64_t v);                   // "21504u"
const char *api_count(Arena *a, const Shape *s, const char *n); // elements as C over n: "n * 64"
const char *api_shape(Arena *a, const Shape *s);                // "[n, 8, 8]"
const char *library_stem(const Unit *u);                        // Api.prefix
// "size_t n, const uint8_t *pixels, float *y": what follows the object.
void api_put_parameters(const ApiFn *f, StrBuf *out);

// The statuses of a library: what follows the prefix, the runtime's nn_status it stands for (NULL: none), its
// text, and what it means. The last ones are those of libraries on a device.
typedef struct LibraryStatus {
  const char *name, *fault, *text, *meaning;
} LibraryStatus;
extern const LibraryStatus library_statuses[];
size_t library_status_count(const Unit *u);

uint64_t library_file_bytes(const Unit *u); // of its weights as a safetensors file

// header.c, library.c, weights.c
void unit_print_header(Unit *u, const Api *api, StrBuf *out);
void unit_print_library(Unit *u, const Api *api);
bool unit_embeds(const Unit *u, uint32_t store); // a const array holds the store's (first) value
void unit_declare_weights(Unit *u);
void unit_print_weights(Unit *u, StrBuf *out, uint64_t *bytes);
uint64_t unit_constant_bytes(const Unit *u);

#endif
