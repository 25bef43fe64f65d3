// A whole elaborated program: stores, functions, data, the train plan. Made by the elaborator, its
// graphs rewritten by the passes, read by codegen (and by the driver, which can run it in the
// interpreter). Names are final: what stands in weight files and logs.
#ifndef NNC_IR_PROGRAM_H
#define NNC_IR_PROGRAM_H

#include "ir/graph.h"

typedef enum StoreKind {
  STORE_PARAM,
  STORE_STATE,
  STORE_EVAL_STATE,
  STORE_SLOT,
  STORE_COUNT,
  STORE_SUM,  // of gradients, and of examples (`accumulate`): 0 between the steps of a group
  STORE_INVARIANT  // what an FN_INVARIANT computed
} StoreKind;

typedef struct Store {
  const char *name;  // path: "net.dense_0.W"; slots: "net.dense_0.W:opt.0", counts: "net.dense_0.W:opt.count"
  StoreKind kind;
  DType dtype;
  Shape shape;       // static
  double lr_mult, decay_mult;
  const char *npy;   // initialised from this file at start instead of by init; NULL
  bool constant;     // of a library: never written and known when compiling, so it lies outside the arena
  Span span;
} Store;

// An instance of a layer: what nodes' and stores' paths begin with. For people only; nothing is computed from it.
typedef struct LayerInstance {
  const char *path;  // "net.dense_0"
  const char *type;  // "Dense"
  Span span;         // of the constructing call
} LayerInstance;

typedef enum FnKind {
  FN_INIT,     // no inputs; writes every store (not slots, counts, sums and invariants: those start at zero)
  FN_STEP,     // an `each` body: inputs = fields of the streams in order
  FN_APPLY,    // with `accumulate`, the end of a group of batches: the step of its `minimize`; no inputs
  FN_INVARIANT,  // what all steps of a loop have in common (program_hoist); no inputs; writes STORE_INVARIANTs
  FN_THEN,     // `then` block: no inputs
  FN_EVAL,     // an `eval` body
  FN_FINISH,   // `finish` of an eval; no inputs
  FN_EVAL_INIT,  // initial values of an eval's states; no inputs
  FN_UPDATE,   // `update` item of a train block; no inputs
  FN_EXPORT,   // inputs and results as declared
  FN_PREPARE,  // computed fields of ONE example: inputs = the sources' fields (static shapes), results = fields
  FN_TEST      // a `test` block, see Test
} FnKind;

// A report named "" is a minimised loss: the host looks whether it is finite and does not log it.
typedef enum RootKind {
  ROOT_RESULT,
  ROOT_REPORT,
  ROOT_EFFECT,
  ROOT_REPORTED, // a scalar mask: whether the report before it is made (`when`); without one it always is
  ROOT_PRINTED,  // of a line of `print`: a value, after the text that is its name
  ROOT_LINE      // a scalar mask: ends a line with the text that is its name, and says whether it is printed
} RootKind;

typedef struct RootInfo {
  RootKind kind;
  const char *name;  // result or report name; effects: NULL
} RootInfo;

// What a function gives, in its signature: neither an effect nor what goes with reports and lines.
static inline bool root_is_value(const RootInfo *r) { return r->kind == ROOT_RESULT || r->kind == ROOT_REPORT; }

typedef struct FnInput {  // an input (IN_ARG index = position) of a function
  const char *name;
  DType dtype;
  Shape shape;
  Span span;
} FnInput;

typedef struct Function {
  const char *name;  // unique C-ish name: "init", "fit_step", "fit_eval_mnist", "classify", "prepare_mnist"
  FnKind kind;
  Graph *g;                // roots parallel to `roots`
  const RootInfo *roots;   // n = g->n_roots
  const FnInput *inputs;
  uint32_t n_inputs;
  Span span;
} Function;

// ---- data
typedef enum SourceKind {
  SRC_IDX, SRC_CSV, SRC_NPY, SRC_ROWS, SRC_RAW, SRC_CIFAR, SRC_TEXT, SRC_NPZ, SRC_IMAGES, SRC_EXTERN
} SourceKind;

typedef struct DataSource {
  SourceKind kind;
  const char *field;      // name of the field it fills (diagnostics)
  const char *path;       // relative to --data; NULL for rows and extern
  DType dtype;            // of the field
  Shape shape;            // of one example, static
  // csv
  const int32_t *columns; // indices; NULL: all of them, and the file has just count(shape)
  uint32_t n_columns;
  const char *const *column_names;  // when columns were given by name (header = true); else NULL
  bool header;
  char sep;
  // rows
  const Scalar *rows;     // n_rows * count(shape)
  int64_t n_rows;
  // split
  const char *split;      // NULL: all
  const double *parts;
  uint32_t n_parts, part; // `part` = index of `split` among the parts
  uint64_t split_seed;
  bool reshape;           // idx(path, reshape = …): only the number of elements must fit; image_folder(path, size = …): scaled
  const char *member;     // npz: the name of the array; else NULL
  int64_t stride;         // text: bytes from a window to the next; else 0
  Span span;
} DataSource;

typedef struct DataField {  // what a step receives, in the order of the data block
  const char *name;
  DType dtype;
  Shape shape;         // of one example
  int32_t source;      // index of the source it is read from, or -1: computed
  int32_t result;      // computed: index of the result of `prepare`
} DataField;

// One use of a data block with its arguments: mnist("train").
typedef struct DataSet {
  const char *name;     // of the block: "mnist"
  const char *label;    // unique: "mnist", "mnist_2"
  const DataSource *sources;
  uint32_t n_sources;
  const DataField *fields;
  uint32_t n_fields;
  int32_t prepare;      // function index or -1
  bool shuffle;         // in `each`
  Span span;
} DataSet;

// ---- train plan
typedef enum PlanKind { PLAN_LOOP, PLAN_EVAL, PLAN_SAVE, PLAN_LOAD, PLAN_UPDATE } PlanKind;

typedef struct PlanEval {
  const char *name;     // as in logs: the data block's name, then name_2 …
  uint32_t data;        // DataSet index
  uint32_t fn;          // FN_EVAL
  int32_t init, finish; // FN_EVAL_INIT, FN_FINISH or -1
  int64_t batch;
  int64_t every;        // in a loop: after epochs n, 2n, … and the last
  const uint32_t *inputs;  // for each input of fn: the field of the data set it takes
} PlanEval;

typedef struct StreamField { uint32_t stream, field; } StreamField;

typedef struct PlanLoop {
  int64_t epochs, batch;
  int64_t count;            // `each i in a..b`: number of iterations per epoch (no data); else 0
  int64_t first;            // a; input 0 of the step is then the i32 scalar i
  bool drop_last;
  const uint32_t *streams;  // DataSet indices, the first governs the epoch
  uint32_t n_streams;
  const StreamField *inputs; // for each input of step
  uint32_t step;            // FN_STEP
  int32_t then;             // FN_THEN or -1
  int64_t accumulate;       // batches that make one step, the epoch's last ones may be fewer; 1: each is one
  int32_t apply;            // FN_APPLY, called after them; -1: accumulate is 1
  int32_t invariant;        // FN_INVARIANT, called when the loop begins, or goes on from a checkpoint; or -1
  const PlanEval *evals;
  uint32_t n_evals;
  int64_t patience;         // 0: off
  const char *watch;
  bool mode_max;
} PlanLoop;

typedef struct PlanFile {   // save and load: the stores of a subtree
  const char *file;
  const uint32_t *stores;
  const char *const *names; // tensor name in the file for each store
  uint32_t n;
  bool partial;
  const char *map;          // a file that renames and transposes; NULL
  Span span;
} PlanFile;

typedef struct PlanItem {
  PlanKind kind;
  const char *phase;        // "greedy[0]" or NULL
  uint32_t since;           // the item with which its train or phase began: step and epoch count from there
  union {
    PlanLoop loop;
    PlanEval eval;
    PlanFile file;
    uint32_t fn;            // PLAN_UPDATE
  } u;
} PlanItem;

typedef struct Train {
  const char *name;
  bool has_seed;
  uint64_t seed;
  const PlanItem *items;
  uint32_t n_items;
  Span span;
} Train;

typedef struct RunOption {  // `option` inside train: --set name=value
  const char *name;
  double value;
  Span span;
} RunOption;

// ---- tests
// A test block is a function of kind FN_TEST that has no effects. Each `gradcheck(f, x)` in it has two inputs and two
// results, those of the k-th at 2k and 2k + 1: the inputs are the point at which f is evaluated and the derivative there
// as differences give it, both of x's shape, the results x and f(point). Whoever calls the function (nn_test.h) gets
// the points, then the derivatives, by calling it. The results after these belong to the assertions.
typedef enum CheckKind {
  CHECK_HOLDS,     // no more is known
  CHECK_COMPARED,  // of `left < right`, say
  CHECK_CLOSE,     // of close(left, right)
  CHECK_GRADIENT   // left: the derivative, right: by differences
} CheckKind;

typedef struct TestCheck {
  CheckKind kind;
  Span span;            // of the condition
  const char *message;  // NULL
  uint32_t holds;       // result: a mask, all of it must be true
  uint32_t left, right; // results of the mask's shape, but for CHECK_HOLDS
  double tolerance;     // CHECK_CLOSE and CHECK_GRADIENT: what may differ, times 1 + |right|
} TestCheck;

typedef struct Test {
  const char *name;
  uint32_t fn;
  const TestCheck *checks;
  uint32_t n_checks;
  Span span;
} Test;

typedef struct Program {
  const char *name;         // stem of the source file, as a C identifier
  DType real;
  Arena *arena;
  const SourceMap *sources;
  const Store *stores;
  uint32_t n_stores;
  const LayerInstance *layers;  // those with a path, by the order in which they got it
  uint32_t n_layers;
  Function *fns;            // Function.g is replaced by the passes
  uint32_t n_fns;
  uint32_t init;            // FN_INIT's index
  const DataSet *data;
  uint32_t n_data;
  const Train *trains;
  uint32_t n_trains;
  const RunOption *options;
  uint32_t n_options;
  const Test *tests;        // empty unless they were asked for
  uint32_t n_tests;
  uint32_t n_traps;         // nodes that have a number in Node.trap
} Program;


#endif
