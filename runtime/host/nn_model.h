/* The constant descriptor of a model: what an emitted program hands to the host runtime, whose
   nn_main() is the program's command line (embedding.md). The compiler fills the same structures to run a
   program in its interpreter, so nothing here may depend on emitted code. (MIT-0) */
#ifndef NN_MODEL_H
#define NN_MODEL_H

#include "nn_core.h"

typedef enum nn_dtype { NN_F32, NN_F64, NN_F16, NN_BF16, NN_I8, NN_I16, NN_I32, NN_I64, NN_U8, NN_MASK } nn_dtype;
/* `int dtype` below is one of these: host arrays have a few types more, counted on. */

/* Runs one function: args = inputs, then results and reports (reports are real scalars) and what goes with them
   (nn_use), in the order of the nn_function below. n = the dynamic size. Returns c->fault.status. */
typedef int (*nn_fn)(nn_ctx *c, size_t n, void *const *args);

typedef enum nn_store_kind { NN_PARAM, NN_STATE, NN_EVAL_STATE, NN_SLOT, NN_COUNT, NN_SUM, NN_INVARIANT } nn_store_kind;

typedef struct nn_store {
  const char *name;
  nn_store_kind kind;
  int dtype;
  int rank;
  const int64_t *dims;
  size_t count;   /* elements */
  size_t offset;  /* bytes into the arena */
  const char *npy; /* file that fills it at start, or NULL */
} nn_store;

/* What an output is for. */
typedef enum nn_use {
  NN_USE_VALUE,    /* a result or a report */
  NN_USE_REPORTED, /* a mask, of one element: whether the report before it is made; without one it always is */
  NN_USE_PRINTED,  /* of a line of `print`: a value, after the text that is its name */
  NN_USE_LINE      /* a mask, of one element: ends a line with the text that is its name; true: it is printed */
} nn_use;

typedef struct nn_arg {
  const char *name; /* an output of a step named "": a minimised loss, checked to be finite, never logged */
  int dtype;
  int rank;
  const int64_t *dims_a, *dims_b; /* axis i has dims_a[i] * n + dims_b[i] elements */
  int use;                        /* nn_use */
} nn_arg;

typedef struct nn_function {
  const char *name;
  nn_fn fn;        /* NULL: model->call is used */
  int n_in, n_out; /* n_out counts all outputs, whatever their use */
  const nn_arg *in, *out;
  size_t bound;    /* largest n; 0: no dynamic size */
  size_t min_n;    /* 1 */
  const int *reads; /* stores whose values before the call matter to it, ascending */
  int n_reads;
} nn_function;

typedef enum nn_source_kind {
  NN_SRC_IDX, NN_SRC_CSV, NN_SRC_NPY, NN_SRC_ROWS, NN_SRC_RAW, NN_SRC_CIFAR, NN_SRC_TEXT, NN_SRC_NPZ, NN_SRC_IMAGES,
  NN_SRC_EXTERN
} nn_source_kind;

typedef struct nn_source {
  nn_source_kind kind;
  const char *field, *path;
  int dtype;         /* of the field; file to field converts float to float and int to wider int only */
  int rank;
  const int64_t *dims;    /* of one example */
  size_t count;
  const int32_t *columns; /* csv; NULL: all of them, and the file has just `count` */
  const char *const *column_names; /* csv with header; NULL: by index */
  size_t n_columns;
  int header;
  char sep;
  const double *rows;     /* rows: n_rows * count values */
  size_t n_rows;
  const double *parts;    /* split; NULL: all examples */
  size_t n_parts, part;
  uint64_t split_seed;
  int reshape;            /* idx: only the number of elements must fit; image_folder: pictures are scaled */
  const char *member;     /* npz: the name of the array; else NULL */
  size_t stride;          /* text: bytes from a window to the next; else 0 */
} nn_source;

typedef struct nn_field {
  const char *name;
  int dtype;
  int rank;
  const int64_t *dims;    /* of one example */
  size_t count;
  int source;             /* index, or -1: computed */
  int result;             /* computed: index of prepare's result */
} nn_field;

typedef struct nn_data {
  const char *name, *label;
  const nn_source *sources;
  int n_sources;
  const nn_field *fields;
  int n_fields;
  int prepare;            /* function index, -1: none */
  int shuffle;
  int pure;               /* `prepare` draws nothing: its results may be computed once and kept */
} nn_data;

typedef struct nn_eval {
  const char *name;
  int data, fn, init, finish; /* init, finish: -1 none */
  int64_t batch, every;
  const int *inputs;      /* field of the data for each input of fn */
} nn_eval;

typedef struct nn_stream_field { int stream, field; } nn_stream_field;

typedef struct nn_loop {
  int64_t epochs, batch, count, first;
  int drop_last;
  const int *streams;     /* data indices */
  int n_streams;
  const nn_stream_field *inputs;
  int step, then;         /* functions; then: -1 none */
  const nn_eval *evals;
  int n_evals;
  int64_t patience;       /* 0: off */
  const char *watch;
  int mode_max;
  int64_t accumulate;     /* batches that make one step; 1: each is one */
  int apply;              /* function that takes the step after them; -1: accumulate is 1 */
  int invariant;          /* function called before the first step: computes what all steps share; -1: none */
} nn_loop;

typedef struct nn_file {
  const char *file;
  const int *stores;
  const char *const *names;
  int n;
  int partial;
  const char *map;        /* of a load: another file, nn_map.h; NULL: none */
} nn_file;

typedef enum nn_plan_kind { NN_PLAN_LOOP, NN_PLAN_EVAL, NN_PLAN_SAVE, NN_PLAN_LOAD, NN_PLAN_UPDATE } nn_plan_kind;

typedef struct nn_plan_item {
  nn_plan_kind kind;
  const char *phase;      /* NULL: none */
  int since;              /* the item with which its train or phase began: step and epoch count from there */
  const nn_loop *loop;
  const nn_eval *eval;
  const nn_file *file;
  int fn;
} nn_plan_item;

typedef struct nn_train {
  const char *name;
  int has_seed;
  uint64_t seed;
  const nn_plan_item *items;
  int n_items;
} nn_train;

typedef struct nn_option {
  const char *name;
  double value;
} nn_option;

typedef struct nn_place {  /* of a run-time fault: where in the model, and what was indexed */
  const char *at;          /* "digits.nn:12:9" */
  const char *what;        /* "`pick`: index into axis 1 of [B, 10]" */
  int input;               /* the argument of the function whose values are the index; -1: it is computed */
} nn_place;

typedef struct nn_part {   /* of the model: what a checkpoint depends on */
  const char *what;        /* "function `fit_step`" */
  uint64_t hash;           /* of all that makes it compute what it does */
} nn_part;

struct nn_err;  /* nn_file.h */
struct nn_text;

/* What computes when the model is not on this machine's processor (runtime/cuda). The model's memory is then the
   backend's, and the session's arena holds the stores only: a mirror, fetched before the host reads them and
   sent after it wrote them. All functions get the model's call_user. Those that give an int give 0 or an exit
   code, and the error has the text; start and finish may also give the status of a fault. */
typedef struct nn_backend {
  /* Command line: --device and --no-graph, as they are met. */
  int (*option)(void *user, const char *name, const char *value, struct nn_err *e);
  int (*open)(void *user, struct nn_err *e); /* before the first call; close also where it failed */
  void (*close)(void *user);
  int (*fetch)(void *user, nn_ctx *c);
  int (*send)(void *user, nn_ctx *c);
  /* A call in two halves: two may have begun, the first counting as a completed step for the second, and end in
     their order. `args` are read by start and written by finish; the same for both. */
  int (*start)(void *user, nn_ctx *c, int function, size_t n, void *const *args);
  int (*finish)(void *user, nn_ctx *c, void *const *args);
  void (*info)(void *user, struct nn_text *t, int json); /* what `info` says about it */
} nn_backend;

typedef struct nn_model {
  const char *name;
  const char *version;     /* of nnc */
  int real;
  size_t arena_bytes;      /* stores + the largest scratch, multiple of 64 */
  const nn_store *stores;
  int n_stores;
  const nn_function *fns;
  int n_fns;
  int init;                /* function that fills the stores */
  const int *exports;      /* functions `predict` may call */
  int n_exports;
  const nn_data *data;
  int n_data;
  const nn_train *trains;
  int n_trains;
  const nn_option *options;
  int n_options;
  const nn_place *places;
  int n_places;
  const nn_part *parts;    /* none have the same name */
  int n_parts;
  int flush_subnormals;
  int trap_nan;            /* NaNs carry the place where they came up (nnc -ftrap-nan) */
  /* Used for functions whose fn is NULL (the interpreter); `c->user` is the caller's. */
  int (*call)(nn_ctx *c, int function, size_t n, void *const *args);
  void *call_user;         /* copied to c->user before each such call */
  const nn_backend *backend; /* NULL: this machine's processor; else `call` is not used */
} nn_model;

/* The whole command line of a model program; returns the exit code. */
int nn_main(const nn_model *m, int argc, char **argv);

/* That of a program made of test blocks (nn_test.h): argv[1] is the folder of the model's data; the results go to
   standard output, as bytes. */
int nn_test_main(const nn_model *m, int argc, char **argv);

#endif
