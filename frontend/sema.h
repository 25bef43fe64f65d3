// Inside of the elaborator: values of the static stage, scopes, instances, the function being built.
//
// Elaboration is an interpreter over the syntax tree. A Value is either static (evaluated completely) or a
// node of the graph of the function being built (V_TENSOR). A mistake gives one diagnostic and V_POISON,
// which every operation passes on in silence, so one mistake is one error. (Long, because it is the one
// header that the files below share.)
//
//   value.c    values, static arithmetic          types.c    signatures: shapes matched, sizes bound
//   scope.c    names, suggestions                 layers.c   instances, paths, stores, initialisers
//   eval.c     expressions                        tensor.c   values to nodes, elementwise operations
//   call.c     calls, frames, recursion           index.c    slices and indices
//   stmt.c     statements of bodies               builtin*.c core functions by table
//   data.c     data blocks (data_source.c)        train.c    train blocks: the plan
//   minimize.c minimize, accumulate               optimizer.c calls of optimizers
//   report.c   report                             vjp.c      functions with a rule
//   loop*.c    scan                               when.c     when
//   print.c    print
//   sizes.c    sizes bound by expressions
//   names.c    names in bodies nobody calls, numbers of calls
//   test.c     test blocks, gradcheck and close
#ifndef NNC_FRONTEND_SEMA_H
#define NNC_FRONTEND_SEMA_H

#include "frontend/elaborate.h"
#include "ir/base/map.h"
#include "ir/base/vec.h"
#include "ir/build.h"

enum {
  MAX_CALL_DEPTH = 96,     // nested calls while elaborating
  MAX_EVAL_DEPTH = 1200,   // nested expressions, over all nested calls
  MAX_ITERATIONS = 200000, // unrolled iterations of static loops, whole program
  MAX_NODES = 200000,      // nodes of all functions together, with the rules of their calls
  MAX_CALLS = 200000,      // calls elaborated and instances made, whole program
  MAX_STATIC = 1 << 23,    // elements of all lists that were made, 16 bytes of strings counting as one
  MAX_STRING = 1 << 20,    // bytes of one string
  MAX_LIST = 1 << 20,      // elements of one list
  MAX_FUNCTIONS = 400,     // steps, evals, exports and what belongs to them
  MAX_STREAMS = 8, // of one `each`
  MAX_PASSES = 4
};

typedef struct Elab Elab;
typedef struct Scope Scope;
typedef struct Frame Frame;
typedef struct Instance Instance;
typedef struct Closure Closure;
typedef struct Builtin Builtin;
typedef struct StoreRef StoreRef;
typedef struct OptimizerRef OptimizerRef;
typedef struct DataUse DataUse;
typedef struct Thunk Thunk;
typedef struct Value Value;
typedef struct Ctx Ctx;
typedef struct Loop Loop;

typedef enum ValueKind {
  V_POISON, // something wrong was reported
  V_ABSENT, // an argument that was not given
  V_VOID,   // a function without result
  V_INT,
  V_FLOAT,
  V_BOOL,
  V_STR,
  V_DTYPE,
  V_LIST,
  V_TUPLE,
  V_DIM,    // a size that depends on the function's dynamic symbol
  V_TENSOR, // a node of the function being built
  V_FN,
  V_BUILTIN,
  V_LAYER, // a layer type
  V_INSTANCE,
  V_STORE, // a parameter or state, not read yet
  V_OPTIMIZER,
  V_DATA,    // a data block
  V_RECORD,  // the examples of a batch: d of `each d in …`
  V_THUNK,   // an expression over run-time scalars outside of any function: evaluated at each use
  V_ROLE,    // step, epoch, a run-time option
  V_NPY,     // the initialiser npy("file")
  V_SIZE,    // a size of a long-form layer that its first application binds
  V_DIMDECL, // `dim N <= 64`
  V_MODULE   // m of `import "file.nn" as m`
} ValueKind;

struct Value {
  ValueKind kind;
  uint32_t ctx; // V_TENSOR, V_DIM: serial of the function they belong to; of a number 1 + its declared type, or 0
  union {
    int64_t i;
    double f;
    bool b;
    const char *s;
    struct {
      DType t;
      bool is_real;
    } dtype;
    struct {
      Value *data;
      uint32_t len;
    } list;
    Dim dim;
    NodeId node;
    struct {
      NodeId node;    // the same
      uint32_t store; // that it was read from, + 1; 0: it was not
    } read;
    Closure *fn;
    const Builtin *builtin;
    const Stmt *decl; // V_LAYER V_DATA V_DIMDECL
    struct {
      Instance *inst;
      bool inference;
    } inst;
    StoreRef *store;
    OptimizerRef *opt;
    struct {
      DataUse *use;
      uint32_t stream;
    } record;
    Thunk *thunk;
    struct {
      InputRole role;
      uint32_t index;
    } role;
    struct {
      int64_t n;
      bool bound;
    } * size;
    uint32_t module;
  } u;
};
typedef VEC(Value) Values;
typedef VEC(StoreRef *) StoreRefs;

typedef struct Binding {
  const char *name;
  Value v;
  bool is_var;
  bool is_size; // bound by a signature
  Span span;
  const Stmt *decl;    // top level, evaluated at its first use
  bool mentioned;      // models: used other than in `over`, `save` …
  Span listed;         // models: the first such place
  int state;           // of decl: 0 not yet, 1 being evaluated, 2 done
  bool lists;          // a `let` of what stores there are: another pass evaluates it again
  uint32_t when_depth; // a `var`: how many `when` it was made in
} Binding;

typedef enum ScopeKind { SCOPE_STD, SCOPE_USER, SCOPE_LOCAL } ScopeKind;
struct Scope {
  Scope *up;
  ScopeKind kind;
  VEC(Binding *) names;
  Map index; // of long scopes: name to its last binding
};

struct Thunk {
  const Expr *expr; // NULL: element `item` of another one's value
  const Type *type; // what the value is declared, or NULL
  const Thunk *of;
  uint32_t item;
  Value like; // what it gave when it was made: only its form counts
  Scope *scope;
  Frame *frame;
};

struct Closure {
  const char *name;   // NULL: a lambda
  const FnDecl *decl; // NULL: a lambda
  const Expr *lambda;
  Scope *scope;
  Instance *self; // methods
  bool inference;
  const FnDecl *vjp;
};

// What is being elaborated: one per call. The chain identifies a place: calls and static loop indices.
struct Frame {
  Frame *up;
  const Expr *call; // in the caller; NULL: the body of a function of the program
  const void *what; // FnDecl, lambda or Instance: for the recursion check
  const char *name;
  Instance *self;       // not NULL: an application of this instance starts here
  const Value *fn_args; // function-valued arguments
  uint32_t n_fn_args;
  VEC(int64_t) loops;
  uint32_t depth;
};

typedef struct Key {
  uint32_t n;
  const uint64_t *w;
} Key; // a place: pointers and loop indices

struct StoreRef {
  uint32_t id; // UINT32_MAX: not made yet
  const Stmt *decl;
  const char *name; // within the owner
  Instance *owner;  // NULL: top level
  Scope *scope;
  Key key;
  StoreKind kind;
  bool failed;
  const char *prefix; // eval states: of which eval; top level of an imported file: its stem
  Ctx *eval_init;
};

typedef struct LayerList {
  const char *name;
  Value v;
} LayerList;

struct Instance {
  const Stmt *type;
  Instance *owner;    // NULL: a model
  const char *name;   // NULL: not named yet
  const char *path;   // NULL: not needed yet
  const char *prefix; // of a model of an imported file: its stem
  bool orphan;        // made where no layer is elaborated: may not have stores
  Scope *scope;       // attributes and members
  Span span;          // of the constructing call
  Key key;
  VEC(Instance *) kids;    // in order of construction
  VEC(Instance *) adopted; // attributes that took their name here
  VEC(LayerList) lists;    // of layers, that a `let` of the body named
  VEC(StoreRef *) stores;
  Map taken;                   // names used inside, and how many of that base
  Map kid_at, store_at;        // hash of a key to the first of kids and stores that has it
  size_t n_named;              // so many kids, from the first, have names
  VEC(const char *) anon_type; // per layer type: how many anonymous ones
  VEC(uint32_t) anon_count;
  uint32_t under_training; // made inside an `if` that asks `training`
  bool applied, busy;
};

struct OptimizerRef {
  Optimizer kind;
  const char *name;
  Key key;
  Span span;
  struct {
    Value v;
    const Expr *expr;
    Scope *scope;
    Frame *frame;
  } hyper[MAX_HYPERS];
  bool flags[MAX_HYPERS];
  VEC(uint32_t) params, counts, slots; // stores made so far; slots: MAX_SLOTS per parameter
  VEC(uint32_t) summed, sums; // with `accumulate`: parameters, and the stores that sum their gradients
  uint32_t examples;          // the store that counts the examples of the sums, 0: none (yet)
};

typedef struct StoreState {
  uint32_t version;
  NodeId read, made_by; // of the current version, NO_NODE
  VEC(NodeId) old_reads;
} StoreState;

typedef enum CtxKind { CTX_SCRATCH, CTX_RULE, CTX_FN } CtxKind;

// FN_TEST: what is known about a mask, so that a failed assertion can say more.
typedef struct Evidence {
  NodeId holds, left, right;
  CheckKind kind;
  double tolerance;
} Evidence;

typedef struct TestBuild {
  VEC(TestCheck) checks;
  VEC(Evidence) evidence;
  VEC(NodeId) points, results; // of gradchecks, two each; of checks
  bool in_gradcheck;
} TestBuild;

// The function being built.
// A node that a loop has a copy of: a gradient inside of the loop goes through it to what it is computed of.
typedef struct Copied {
  NodeId node, loop;
} Copied;

struct Ctx {
  uint32_t counted; // nodes that e->n_nodes knows of
  CtxKind what;
  FnKind kind;
  uint32_t serial;
  const char *name;
  Builder b;
  const Stmt *dim; // whose symbol the graph's is; NULL: batch, or none
  bool training;
  Span span;
  NodeId guard;        // the mask of the `when` around, NO_NODE: none
  uint32_t when_depth; // how many are around
  VEC(StoreState) stores;
  VEC(NodeId) doubted; // that did not fit where they were passed
  Reach reach;         // of the targets of the last `grad`
  VEC(Copied) copied;  // what loops compute again for gradients inside of them
  VEC(NodeId) roots;
  VEC(RootInfo) root_info;
  Map reported; // names of reports
  VEC(FnInput) inputs;
  struct {
    DataUse *use;
    uint32_t stream, field;
    NodeId node;
  } * fields; // of records, one per input
  size_t n_fields, cap_fields;
  Map field_at;   // of those, by data, number and stream
  bool has_batch; // each, eval
  Dim batch_dim;
  NodeId step, epoch, batch;
  VEC(NodeId) options;
  VEC(uint32_t) sites;
  const char *data;      // FN_PREPARE: the name of the data block
  const char *init_path; // FN_INIT: of the store being initialised
  Span init_at;          // its initial value in the source
  uint32_t init_draws;
  uint32_t site_lead;  // of a train block's functions: what the sites of their draws begin with
  Scope *finish_scope; // FN_EVAL: where its `finish` block stood
  const Stmt *finish;
  bool recovered;           // holds a stand-in for something erroneous
  Ctx *eval_init;           // FN_EVAL: FN_EVAL_INIT
  const char *state_prefix; // FN_EVAL
  const Ctx *logged_with;   // FN_THEN, FN_FINISH: the step or eval whose event takes its reports too
  TestBuild *test;          // FN_TEST
  Ctx *apply;               // FN_STEP with `accumulate`: FN_APPLY
  const Stmt *minimized;    // and its `minimize`, NULL: none so far
};

typedef struct DataFieldUse {
  const char *name;
  const Stmt *decl;
  DType dtype;
  Shape shape;
  int32_t source;
  NodeId node; // in prepare's graph
  bool used, bad;
  uint32_t final; // index among the fields that are read
} DataFieldUse;

struct DataUse {
  const Stmt *decl;
  Value *args;
  uint32_t n_args;
  VEC(DataFieldUse) fields;
  Map field_at; // by name
  VEC(DataSource) sources;
  VEC(NodeId) source_nodes;
  Ctx *prepare;
  bool shuffle, bad, in_each;
  uint32_t index;
  Span span;
};

typedef struct NameRead {
  Span at;
  Binding *b;
} NameRead;
enum { N_READS = 64 };

typedef struct Wrong { // an error, and the function of the program in which it was found
  Span at;
  uint32_t fn;
} Wrong;
typedef struct Patch {
  DataUse *use;
  uint32_t *field;
} Patch;
typedef struct LoopWrite { // a scan whose body updates a store
  uint64_t place;
  StoreRef *store;
} LoopWrite;
typedef struct Query {
  const Instance *inst;
  uint32_t n;
} Query;

struct Elab {
  Arena *a;
  Intern *names;
  Diags *diags;
  const SourceMap *sources;
  const ElaborateOptions *opt;
  DType real;
  const File *user;
  Modules modules; // the user's file and what it imports
  Scope **tops;    // their top-level names
  Scope *std, *top, *scope;
  Frame *frame;
  Instance *inst; // owner of what is made here; NULL outside layers
  Ctx *fn;        // never NULL
  Ctx *init, *scratch;
  uint32_t serial;
  uint32_t pass;
  bool rerun;   // something was asked before it was known: elaborate again
  bool probing; // a body that nobody uses
  bool dead;    // a limit was hit: everything is poison
  uint32_t depth, n_nodes, n_calls, n_static;
  uint32_t under_training; // inside an `if` that asks `training`
  int64_t iterations;
  Instance *model_root;
  const Expr *model_call; // what makes the model that is being declared
  const Expr *init_call;  // stands for the call of an initialiser
  Instance orphans;       // owner of instances made outside layers
  VEC(Store) stores;
  Map store_names;            // interned paths, and how many of that base were made
  VEC(StoreRef *) store_refs; // parallel to stores; NULL for slots
  VEC(OptimizerRef *) optimizers;
  VEC(StoreRef *) free_stores; // top level and eval states
  VEC(Instance *) models;
  VEC(LayerInstance) layers; // instances that have a path
  VEC(Function) fns;
  Map fn_names; // their names, interned
  VEC(DataUse *) data;
  VEC(Train) trains;
  VEC(RunOption) options;
  VEC(Test) tests;
  bool data_shuffle;
  VEC(Patch) patches; // field indices in the plan that become final with the data sets
  bool in_train;
  NameRead reads[N_READS]; // the last names that were read, by their place: see distrust
  Map warned; // what was warned of, and where
  VEC(Wrong) wrong;
  VEC(const char *) said;    // see first_time
  uint32_t nameless;         // unknown names that were taken for those that declarations lack
  VEC(const void *) visited; // functions and layers whose bodies were elaborated
  bool binds_nothing; // the type that is matched stands where no name is bound: in a data block
  uint32_t n_lists;          // times that stores were listed
  VEC(Query) asked;          // store counts when subtrees were listed
  struct {
    const Expr **key;
    uint32_t *value;
    uint32_t cap, n;
  } ordinals;
  Loop *loop;                 // whose body is being elaborated; NULL: none
  VEC(LoopWrite) loop_writes; // found so far
  Value ret;                  // of the body being executed
  Span ret_span;
  // names the elaborator asks for
  const char *n_training, *n_batch, *n_step, *n_epoch, *n_discard, *n_mask;
};

// ---- diagnostics: at the user's place when the library is being elaborated
Diag *err(Elab *e, DiagCode code, Span at, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 4, 5)))
#endif
    ;
Diag *warn(Elab *e, DiagCode code, const char *flag, Span at, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 5, 6)))
#endif
    ;
// True the first time that this text is given. What would be said again about the same definition (an unknown
// name, a wrong number of arguments) is one mistake.
bool first_time(Elab *e, const char *fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
bool cut_off(
    const Elab *e); // a file ends in the middle of something: what is missing may define or apply anything
bool lacked(Elab *e, const char *name);                       // an unknown name, perhaps that of a declaration that has none
bool lost(const Elab *e, const char *name); // stands in text that a syntax error dropped
bool unknown_is_news(Elab *e, const char *name);
void unknown_name(Elab *e, const char *name, const char *near, Span at);
Scope *home(const Elab *e, Span at);             // the top-level names of the file that a place is in
const Module *module_at(const Elab *e, Span at); // NULL: in the library
bool is_std(const Elab *e, Span at);
Span user_span(const Elab *e, Span at); // the innermost place in the user's own text
bool captured_elsewhere(Elab *e, Value v, Span at);

// ---- value.c
Value v_poison(void);
Value v_void(void);
Value v_int(int64_t i);
Value v_float(double f);
Value v_bool(bool b);
Value v_str(const char *s);
Value v_dim(const Elab *e, Dim d); // V_INT when static
Value v_tensor(const Elab *e, NodeId n);
Value v_list(Elab *e, ValueKind kind, const Value *data, uint32_t len);
Value as_inference(Elab *e, Value layers);
Value v_store(StoreRef *s);
bool v_is_number(Value v);   // V_INT V_FLOAT
bool v_is_list(Value v);     // V_LIST V_TUPLE
bool v_graph_bound(Value v); // holds a tensor or a dynamic size
bool v_equal(Value a, Value b);
double v_number(Value v);
bool v_as_dim(Value v, Dim *out); // V_INT, V_DIM
bool v_list_of_ints(Value v);
bool v_has_poison(Value v);                     // also inside of lists and tuples
const char *v_describe(const Elab *e, Value v); // "a list", "f32[batch, 3]"
const char *shape_text(const Elab *e, const Shape *s);
const char *tensor_text(const Elab *e, NodeId n);
const char *dim_text(const Elab *e, Dim d);
Value static_binary(Elab *e, BinOp op, Value a, Value b, const Expr *x);
Value static_unary_math(Elab *e, Op op, Value x, Span at);
const char *bin_text(BinOp op);

// ---- scope.c
Scope *scope_new(Elab *e, Scope *up, ScopeKind kind);
Scope *scope_snapshot(Elab *e, Scope *s);
Binding *scope_bind(Elab *e, Scope *s, const char *name, Value v, Span span);
Binding *scope_local(const Scope *s, const char *name);
Binding *scope_find(const Scope *s, const char *name);
const char *nearest_name(const Scope *s, const char *name);
const char *nearest_of(const char *name, const char *const *list, uint32_t n);
void pattern_lacks(Elab *e, Span at, uint32_t more);
bool bind_pattern(Elab *e, const Pattern *p, Value v, bool is_var);
bool define(Elab *e, const char *name, Value v, bool is_var, Span span);
bool assign_pattern(Elab *e, const Expr *target, Value v);
Value binding_value(Elab *e, Binding *b);

// ---- eval.c
Value eval(Elab *e, const Expr *x);
Value eval_ref(Elab *e, const Expr *x); // a place: stores are not read
bool eval_int(Elab *e, const Expr *x, int64_t *out, const char *what);
bool eval_bool(Elab *e, const Expr *x, bool *out, const char *what);
bool eval_str(Elab *e, const Expr *x, const char **out, const char *what);
Value rvalue(Elab *e, Value v, Span at); // reads stores, evaluates thunks and roles
void warn_backwards(Elab *e, const Range *r);
bool range_values(Elab *e, const Range *r, Values *out);
bool loop_enter(Elab *e, Span at); // counts an unrolled iteration

// ---- call.c
// Calls, or layers, are nested deeper than the limit: nothing is elaborated any more.
Value too_deep(Elab *e, Span span, const char *what);
typedef struct Args { // evaluated
  uint32_t n;
  const char **names; // NULL: positional
  Value *v;
  Span *spans, *name_spans;
  bool any_poison;
} Args;
Args eval_args(Elab *e, const ArgList *list, const Value *first, Span first_span);
Value call_value(Elab *e, Value callee, Args *args, const Expr *call, Span span);
Value call_closure(Elab *e, Closure *c, Args *args, const Expr *call, Span span);
Value eval_call(Elab *e, const Expr *x);
Value eval_pipe(Elab *e, const Expr *x);
bool bind_params(Elab *e, const ParamList *params, Args *args, const char *what, Span span, bool *poison);
const char *names_signature(Elab *e, const char *what, const char *const *names, const bool *required,
                            uint32_t n);
bool bind_names(Elab *e, const char *what, const char *const *names, const bool *required, uint32_t n_names,
                uint32_t max_positional, const Args *args, Span span, Value *out, Span *spans);
bool too_many_calls(Elab *e, Span span); // counts one
Frame *frame_push(Elab *e, const Expr *call, const void *what, const char *name, Instance *self);
void frame_pop(Elab *e);
Key frame_key(Elab *e, const void *place);
bool key_eq(Key a, Key b);
uint64_t key_hash(Key k);
uint32_t site_here(Elab *e, const Expr *draw);
uint32_t site_hash(const char *text);
bool lost_statement(const StmtList *body);
Value stand_in(Elab *e,
               const Type *t); // of the declared type, after an error; V_POISON if its sizes are unknown
Value run_body(Elab *e, const Expr *expr, const StmtList *body, const Type *ret, Span span);

// ---- types.c
bool match_type(Elab *e, const Type *t, Value *v, Span at, const char *who, const char *what);
void size_origin(Elab *e, Diag *g, Dim d);          // a note: which signature bound a size of this value
// A note: the axis, counted from the end, where two shapes do not broadcast, and its sizes' origins.
void axis_note(Elab *e, Diag *g, const Shape *a, const Shape *b, unsigned axis);
bool type_is_star(const Type *t);                   // `[*s]` alone
bool layer_note(Elab *e, Diag *g, const char *who); // how one is made and applied, if `who` is a layer
bool size_is_new(void *elab, const Expr *name);
bool eval_shape(Elab *e, const Type *t, Shape *out, DType *dtype, bool want_static);
bool value_shape(Elab *e, Value v, Span at, Shape *out); // a list of sizes, or one size
Value shape_value(Elab *e, const Shape *s, uint32_t from, uint32_t to);
DType type_dtype(const Elab *e, const Type *t);
const char *type_text(const Elab *e, const Type *t);

// ---- sizes.c
typedef enum SizeMatch { SIZE_OK, SIZE_DIFFERS, SIZE_BAD } SizeMatch; // BAD: an error was given
// The one name of a size's expression that `is_new`, or NULL.
const Expr *size_to_bind(const Expr *x, bool (*is_new)(void *of, const Expr *name), void *of);
// What `name` must be for x to be `size`.
SizeMatch size_solve(Elab *e, const Expr *x, const Expr *name, Dim size, Dim *out);

// ---- logits.c
void warn_of_probabilities(Elab *e, const FnDecl *fn, Span call); // the parameters are bound
// ---- remedy.c
void remedy(Elab *e, Diag *g, Value v);

// ---- tensor.c
NodeId to_node(Elab *e, Value v, DType hint, Span at); // NO_NODE after an error
NodeId to_real(Elab *e, Value v, Span at);
NodeId const_node(Elab *e, Value list, DType t, Span at);
Value ew_unary(Elab *e, Op op, Value v, Span at, Span whole); // at: the operand; whole: the node
Value ew_binary(Elab *e, Op op, Value a, Value b, Span at, const char *name);
Value binary(Elab *e, BinOp op, Value a, Value b, const Expr *x);
bool unify(Elab *e, const Value *v, NodeId *out, uint32_t n, bool reals, Span at, const char *name);
NodeId dim_node(Elab *e, Dim d, DType t);
const Node *node_of(const Elab *e, NodeId n);
NodeId role_node(Elab *e, InputRole role, uint32_t index);
NodeId broadcast_to(Elab *e, NodeId n, const Shape *s, Span at, const char *what);
bool said_of_constant(Elab *e, int64_t value);
Diag *negative_size(Elab *e, Dim size, Span at);
bool check_elements(Elab *e, const Shape *s, Span at);

// ---- index.c
Value eval_index(Elab *e, const Expr *x);
Value slice_axis(Elab *e, NodeId x, uint32_t axis, Dim from, Dim to);

// ---- stmt.c
// FLOW_FAILED: what follows in the body would be wrong in consequence; e->ret is poison.
typedef enum Flow { FLOW_NEXT, FLOW_RETURN, FLOW_FAILED } Flow;
bool mentions_training(const Elab *e, const Expr *x);
Flow exec_block(Elab *e, const StmtList *b); // in a scope of its own
Flow exec_stmts(Elab *e, const StmtList *b);
Flow exec_stmt(Elab *e, const Stmt *s);
bool let_value(Elab *e, const Stmt *s, Value *out);
void exec_update(Elab *e, const Expr *target, const Expr *value);

// ---- vjp.c
// y, which the body of c gave, as its rule for derivatives wants it. c has a rule.
bool rule_params(Elab *e, const Closure *c, const Scope *params, Span at);
Value wrap_vjp(Elab *e, Closure *c, Scope *call_scope, Value y, const Expr *call, Span span);

// ---- loop.c
Value eval_loop(Elab *e, const Expr *x);
Flow exec_yield(Elab *e, const Stmt *s);
void exec_next(Elab *e, const Stmt *s);
void check_loops(Elab *e, const Graph *g); // of a whole function
// In the body of a scan: the store is carried, and written after the loop (loop_stores.c).
bool loop_takes_write(Elab *e, StoreRef *r);
// False, with an error, for a statement or call that stands in the body of a scan itself.
bool outside_loop(Elab *e, Span at, const char *what, const char *instead);
// Nor in a function that the body calls; a layer applied there makes its own.
bool made_outside_loop(Elab *e, Span at, const char *what, const char *instead);
// Nor in anything that such a body calls.
bool outside_loops(Elab *e, Span at, const char *what, const char *instead);

// ---- when.c
void exec_when(Elab *e, const Stmt *s);
// False, with an error, where more `when` are around than `depth`.
bool outside_when(Elab *e, Span at, const char *what, uint32_t depth);
// `is`, or in a `when` whose mask is false `otherwise` (NO_NODE: a real 0), which broadcasts.
NodeId guarded(Elab *e, NodeId is, NodeId otherwise);

// ---- print.c
void exec_print(Elab *e, const Stmt *s);

// ---- layers.c
Value make_instance(Elab *e, const Stmt *type, Args *args, const Expr *call, Span span);
Value another_instance(Elab *e, Value like, const Expr *call, Span span);
const Value *find_list(const Instance *i, const char *name);
Value apply_instance(Elab *e, Instance *inst, bool inference, Args *args, const Expr *call, Span span);
const char *instance_path(Elab *e, Instance *inst);
void name_value(Elab *e, Value v, const char *name, Instance *owner);
void exec_store(Elab *e, const Stmt *s);
Value declare_model(Elab *e, const Stmt *s);
bool store_realise(Elab *e, StoreRef *s, const Shape *shape, DType t);
bool store_ready(Elab *e, StoreRef *s, Span at);
NodeId store_read(Elab *e, StoreRef *s, Span at);
void store_write(Elab *e, StoreRef *s, Value v, Span target, Span value); // where both stand
void store_set(Elab *e, StoreRef *s, NodeId n);                           // of the store's type and shape
StoreState *store_state(Elab *e, uint32_t id);
StoreRef *store_of(const Elab *e, Value v); // that v is, or was read from; NULL: none
bool store_current(Elab *e, Value v);       // v was read from a store, and is what that holds now
// v, also inside of lists, with stores in place of their current values: what a `for` binds can be updated.
Value as_places(Elab *e, Value v);
bool list_stores(Elab *e, Value v, Span at, bool params_only, StoreRefs *out, const char *what);
StoreRef *find_member_store(Instance *i, const char *name);
uint32_t add_store(Elab *e, Store s, StoreRef *ref);
const char *take_name(Elab *e, Instance *owner, const char *base);
void store_written(Elab *e, uint32_t id, NodeId by);
bool queries_hold(Elab *e);
// True where a list may be too short because not all stores are known yet: the program is elaborated again.
bool may_grow(Elab *e);
Instance *find_kid(Instance *i, const char *name);
void release_members(Elab *e, Instance *inst);

// ---- builtin.c
typedef struct BuiltinCall {
  const Builtin *fn;
  const Expr *call;
  Span span;
  Value *v; // by parameter; V_ABSENT
  Span *spans;
} BuiltinCall;
struct Builtin {
  const char *name, *params; // "x shape", "x ?axis =keep": ? optional, = by name only, * any number
  Value (*run)(Elab *e, const BuiltinCall *c);
  int data;
};
const Builtin *const *builtins_list(Arena *a, uint32_t *n);
void builtins_define(Elab *e, Scope *s);
Value call_builtin(Elab *e, const Builtin *b, Args *args, const Expr *call, Span span);

// ---- names.c
void number_calls(Elab *e, const File *f);
uint32_t call_ordinal(const Elab *e, const Expr *x);
void check_names(Elab *e, const Module *m, Scope *top);

// ---- probe.c
void visit(Elab *e, const void *decl);
bool visited(const Elab *e, const void *decl);
void probe_unvisited(Elab *e);

// ---- elaborate.c
Ctx *ctx_new(Elab *e, CtxKind what, FnKind kind, const char *name, const char *symbol, int64_t bound,
             Span span);
typedef struct Saved {
  Ctx *fn;
  Scope *scope;
  Frame *frame;
  Instance *inst;
} Saved;
Saved enter_ctx(Elab *e, Ctx *c, Scope *scope);
void leave_ctx(Elab *e, Saved s);
uint32_t ctx_finish(Elab *e, Ctx *c); // appends the Function
void add_root(Elab *e, Ctx *c, NodeId n, RootKind kind, const char *name);
bool instance_applied(const Instance *i); // it, or a layer in it
Value static_or_thunk(Elab *e, const Expr *x, const Type *type);
// A run-time tuple whose form the pattern fits, as a tuple of run-time values; anything else as it is.
Value thunk_parts(Elab *e, Value v, const Pattern *p);
const char *unique_name(Elab *e, const char *base);

// ---- data.c
DataUse *data_use(Elab *e, const Stmt *decl, Args *args, Span span);
NodeId record_field(Elab *e, DataUse *u, uint32_t stream, const Name *field, DType *t);
void data_finish(Elab *e, Program *p);

// ---- train.c, minimize.c, optimizer.c, report.c
// True, with an error, where `loss` reads a store at an older version than the latest; `what` names the loss.
bool stale(Elab *e, const Arrivals *arrivals, uint32_t store, const char *what, Span at);
void no_gradient(Elab *e, Diag *g, NodeId cut); // a note: why the way back ends at `cut`
void elaborate_train(Elab *e, const Stmt *s);
Value make_optimizer(Elab *e, int kind, const ArgList *args, const Expr *call, Span span);
void exec_minimize(Elab *e, const Stmt *s);
// `step` is complete: `accumulate`, whose value stands at `at`, must suit what it does.
void check_accumulate(Elab *e, const Ctx *step, Span at);
void exec_report(Elab *e, const Stmt *s);

// ---- test.c
void elaborate_test(Elab *e, const Stmt *s);
bool test_assert(Elab *e, const Stmt *s, Value cond); // false: it is no assertion of a test
bool asserted_mask(Elab *e, const Stmt *s, Value *v); // makes it a mask of the graph; false after an error

#endif
