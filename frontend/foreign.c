// The tables. A row is a word that people bring along and the label of the message about it.
#include "frontend/foreign.h"

#include <stddef.h>
#include <string.h>

typedef struct Word {
  const char *word, *advice;
} Word;

#define ALONE "the library's names stand alone: `relu(x)`, `Dense(10)`"
#define SOURCE(name)                                                                                         \
  { name, "a source of data stands after `from`: `x: [n] from " name "(…);`" }

static const Word names[] = {
    {"True", "in .nn this is `true`"},
    {"False", "in .nn this is `false`"},
    {"None", "there is no empty value; a new axis is `expand(x, axis)`"},
    {"null", "there is no empty value"},
    {"nil", "there is no empty value"},
    {"inf", "no name stands for infinity; a mask takes a large number, as `-1e9`"},
    {"nan", "no name stands for NaN"},
    {"self", "members are named alone: `self.W` is `W`"},
    {"this", "members are named alone: `this.W` is `W`"},
    {"end", "in .nn the last one is `x[-1]`"},
    {"torch", ALONE},
    {"nn", ALONE},
    {"F", ALONE},
    {"tf", ALONE},
    {"keras", ALONE},
    {"np", ALONE},
    {"numpy", ALONE},
    {"jnp", ALONE},
    {"jax", ALONE},
    {"optim", ALONE},
    {"math", ALONE},
    {"range", "a range is written `0..n`"},
    {"enumerate", "in .nn this is `for i in 0..len(list)`"},
    {"float16", "in .nn this is `f16`"},
    {"bfloat16", "in .nn this is `bf16`"},
    {"float32", "in .nn this is `f32`"},
    {"float64", "in .nn this is `f64`"},
    {"double", "in .nn this is `f64`"},
    {"int8", "in .nn this is `i8`"},
    {"int16", "in .nn this is `i16`"},
    {"int32", "in .nn this is `i32`"},
    {"int64", "in .nn this is `i64`"},
    {"long", "in .nn this is `i64`"},
    {"uint8", "in .nn this is `u8`"},
    {"Linear", "in .nn this is `Dense(n)`; the size of its input is found"},
    {"Sequential", "layers follow one another by `x |> Dense(64) |> relu |> Dense(10)`"},
    {"CrossEntropyLoss", "in .nn this is `cross_entropy(z, y)`"},
    {"MSELoss", "in .nn this is `mse(x, y)`"},
    {"BCELoss", "in .nn this is `bce_logits(z, y)`"},
    {"BCEWithLogitsLoss", "in .nn this is `bce_logits(z, y)`"},
    {"binary_cross_entropy", "in .nn this is `bce_logits(z, y)`"},
    {"cat", "in .nn this is `concat(list, axis = 0)`"},
    {"concatenate", "in .nn this is `concat(list, axis = 0)`"},
    {"matmul", "in .nn this is `a @ b`"},
    {"mm", "in .nn this is `a @ b`"},
    {"bmm", "in .nn this is `a @ b`"},
    {"permute", "in .nn this is `transpose(x, [1, 0])`"},
    {"unsqueeze", "in .nn this is `expand(x, axis)`"},
    {"view", "in .nn this is `reshape(x, [n, m])`"},
    {"tensor", "a nested list of numbers is a constant tensor"},
    {"array", "a nested list of numbers is a constant tensor"},
    SOURCE("idx"),
    SOURCE("csv"),
    SOURCE("npz"),
    SOURCE("text"),
    SOURCE("raw"),
    SOURCE("cifar"),
    SOURCE("image_folder"),
    SOURCE("rows"),
};

static const Word members[] = {
    {"T", "in .nn this is `transpose(x, [1, 0])`"},
    {"t", "in .nn this is `transpose(x, [1, 0])`"},
    {"permute", "in .nn this is `transpose(x, [1, 0])`"},
    {"shape", "a signature names sizes: `x: [n, m]`"},
    {"size", "a signature names sizes: `x: [n, m]`"},
    {"dtype", "types are declared: `x: f32[n]`"},
    {"view", "in .nn this is `reshape(x, [n, m])`"},
    {"unsqueeze", "in .nn this is `expand(x, axis)`"},
    {"float", "in .nn this is `cast(x, f32)`"},
    {"long", "in .nn this is `cast(x, i64)`"},
    {"int", "in .nn this is `cast(x, i32)`"},
    {"to", "in .nn this is `cast(x, f32)`"},
    {"astype", "in .nn this is `cast(x, f32)`"},
    {"detach", "in .nn this is `stop_grad(x)`"},
    {"backward", "in .nn this is `minimize loss over net using opt;`"},
    {"step", "in .nn this is `minimize loss over net using opt;`"},
    {"zero_grad", "in .nn this is `minimize loss over net using opt;`"},
    {"grad", "in .nn this is `grad(e, x)`"},
    {"parameters", "in .nn this is `params(net)`, and `over net` in a `minimize`"},
    {"forward", "a layer is applied by calling it: `net(x)`"},
    {"append", "in .nn this is `list + [x]`"},
    {"matmul", "in .nn this is `a @ b`"},
};

// Words for a named argument, an option, a setting, a parameter of a layer.
static const Word arguments[] = {
    {"dim", "axis"},
    {"dims", "axis"},
    {"axes", "axis"},
    {"keepdims", "keepdim"},
    {"learning_rate", "lr"},
    {"weight_decay", "decay"},
    {"stddev", "std"},
    {"sigma", "std"},
    {"epsilon", "eps"},
    {"kernel_size", "kernel"},
    {"padding", "pad"},
    {"strides", "stride"},
    {"units", "n"},
    {"out_features", "n"},
    {"features", "n"},
    {"out_channels", "n"},
    {"filters", "n"},
    {"rate", "p"},
    {"prob", "p"},
    {"num_heads", "heads"},
    {"n_heads", "heads"},
    {"clip", "clip_norm"},
    {"max_norm", "clip_norm"},
    {"clipnorm", "clip_norm"},
    {"num_epochs", "epochs"},
    {"n_epochs", "epochs"},
    {"batch_size", "batch"},
    {"delimiter", "sep"},
    {"separator", "sep"},
    {"usecols", "columns"},
    {"cols", "columns"},
    {"skip_header", "header"},
    {"skiprows", "header"},
    {"weight", "W"},
    {"weights", "W"},
    {"bias", "b"},
};

static const char *advice(const Word *words, size_t n, const char *word) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(words[i].word, word) == 0) return words[i].advice;
  return NULL;
}

#define LENGTH(table) (sizeof(table) / sizeof(table)[0])

const char *foreign_name(const char *name) { return advice(names, LENGTH(names), name); }
const char *foreign_member(const char *name) { return advice(members, LENGTH(members), name); }

const char *foreign_argument(const char *name, const char *const *list, uint32_t n) {
  const char *ours = advice(arguments, LENGTH(arguments), name);
  for (uint32_t i = 0; ours && i < n; i++)
    if (strcmp(list[i], ours) == 0) return list[i];
  return NULL;
}
