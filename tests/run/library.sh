#!/bin/bash
# Emitted libraries: the samples' in every way of having weights, compiled by every compiler as C and C++ without a
# warning, called by a harness made of their headers (library.awk), compared with the program bit by bit.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
. "$PROJECT_DIR/tests/sample.sh"
cd "$work" || exit 1
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion -Werror"
compilers=()
for c in 'gcc -std=c99 -Wstrict-prototypes' 'clang -std=c99 -Wstrict-prototypes' 'gcc -std=c17 -Wstrict-prototypes' \
         'g++ -x c++ -std=c++17' 'clang++ -x c++ -std=c++17'; do
    if command -v "${c%% *}" >/dev/null; then compilers+=("$c"); else echo "SKIP library with ${c%% *}: it is not installed"; fi
done
command -v gcc >/dev/null || { echo "SKIP library: gcc is not installed"; exit 77; }

prefix_of() { sed -nE 's/^size_t (\w+)_save_bytes.*/\1/p' "$1"; }
sources() { local s=("$1.c"); [ -e "$1_weights.c" ] && s+=("$1_weights.c"); echo "${s[@]}"; }
example() { awk '/^\/\* Example/ { on = 1; next } /^\*\// { on = 0 } on' "$1.h"; }

compile_everywhere() {  # NAME [COMPILERS]: a pattern of their names
    local c s o p
    p=$(prefix_of "$1.h")
    for c in "${compilers[@]}"; do
        [[ $c =~ ${2:-.} ]] || continue
        for s in $(sources "$1"); do
            # shellcheck disable=SC2086
            $c $strict $level -c "$s" -o object.o || { fail "$c warns about $s"; continue; }
            [ -z "$(nm -g --defined-only object.o | awk -v p="${p}_" 'index($3, p) != 1')" ] || fail "$c: $s shows other names than ${p}_…"
            [ -z "$(nm object.o | grep -E ' [dDbBC] ')" ] || fail "$c: $s has data that can be written"
            o=$(nm -u object.o | awk '{ print $2 }' | grep -vxE "${p}_.*|mem(cpy|set|cmp)|bcmp|strlen|_GLOBAL_OFFSET_TABLE_|(sqrt|floor|ceil|fmod|fma|copysign|fabs)f?")
            [ -z "$o" ] || fail "$c: $s calls $o"
        done
    done
    # shellcheck disable=SC2046
    [ "$(sed '/^\/\* Example/,$d' $(sources "$1") "$1.h" | grep -oE '^#include <[^>]*>' | sort -u | grep -vcE '<(math|string|stdint|stddef)\.h>')" = 0 ] || fail "$1 includes more than it may"
    example "$1" >example.c
    # shellcheck disable=SC2046,SC2086
    gcc -std=c99 $strict example.c $(sources "$1") -lm -o example && ./example >/dev/null || fail "the example in $1.h"
    command -v g++ >/dev/null || return
    # shellcheck disable=SC2046,SC2086
    g++ -std=c++17 -x c++ $strict example.c $(sources "$1") -lm -o example && ./example >/dev/null || fail "the example in $1.h as C++"
}

make_harness() {  # NAME, in C on the standard output
    [ ! -e "$1.safetensors" ] || printf '#define WEIGHTS "%s"\nstatic unsigned char weights[%d];\n' "$1.safetensors" "$(wc -c <"$1.safetensors")"
    awk -v P="$(prefix_of "$1.h")" -v T="$(sed -nE 's/^typedef struct (\w+) \{$/\1/p' "$1.h" | head -n 1)" -v H="$1.h" \
        -f "$PROJECT_DIR/tests/run/library_header.awk" -f "$PROJECT_DIR/tests/run/library.awk" "$1.h"
}

harness() {  # NAME
    local level=$harness_level
    make_harness "$1" >harness.c
    # What computes much is worth a slower compilation.
    [ "$(sed -nE 's/^#define [A-Z0-9_]+_ARENA_BYTES ([0-9]+)u$/\1/p' "$1.h" | head -n 1)" -lt 1000000 ] || level=-O1
    # shellcheck disable=SC2046
    gcc -std=c99 -g $level -Wall -Wextra -Werror harness.c $(sources "$1") -lm -lpthread -o harness || { fail "the harness of $1"; return; }
    ./harness >log || { sort log | uniq -c | head -n 5; fail "the harness of $1 says no"; }
}

# ---- every sample: the small ones in every way; of the large ones a library of the exports and one that trains, by
# three compilers, for what has many kernels takes them minutes.
large() { [ "$(cat "$1".c | wc -c)" -gt 100000 ]; }
mkdir small
for model in "$PROJECT_DIR"/samples/*/*.nn; do
    name=$(basename "$model" .nn) model=$work/small/$(basename "$model")
    sample_model "$name" "$model"
    i=0
    for options in '' '--train' '--seed=3' '--weights-as=file' '--train --seed 3' '--train --weights-as file'; do
        i=$((i + 1))
        rm -rf "$name" && mkdir "$name" && cd "$name" || exit 1
        # shellcheck disable=SC2086
        if ! nnc --library $options "$model" -o "$name"; then
            ! grep -q '^export' "$model" || fail "nnc --library $options $name"
            cd "$work" || exit 1
            continue
        fi
        if [ $i = 1 ]; then large=0; ! { mkdir -p train && nnc --library --train "$model" -o train/t && large train/t; } || large=1; fi
        if [ $large = 1 ]; then
            level=-O0 harness_level=-O1
            [ $i != 2 ] || compile_everywhere "$name" '(gcc|clang) -std=c99|^g\+\+'
            [ $i -gt 2 ] || harness "$name"
        else
            level=-O1 harness_level=-O0
            # By every compiler in one way; by one of each language in another; the harness for all.
            [ $i != 2 ] || compile_everywhere "$name"
            [ $i != 3 ] || compile_everywhere "$name" 'gcc -std=c99|clang\+\+'
            harness "$name"
        fi
        cd "$work" || exit 1
        [ $large = 0 ] || [ $i != 2 ] || break
    done
done
level=-O1 harness_level=-O0

# ---- functions of whole rows, of every type: they are in the library when it is alone
mkdir rows && cd rows || exit 1
for t in u8 i8 i16 i32 i64 f16 bf16 f32 f64; do
    echo "export fn sums_$t(x: $t[2, 5]) = cumsum(x, axis = 1);"
    echo "export fn order_$t(x: $t[2, 5]) = argsort(x, axis = 0);"
done >rows.nn
cat >>rows.nn <<'NN'
export fn solve(a: [3, 3], b: [3]) = triangular_solve(a, b);
export fn solve64(a: f64[3, 3], b: f64[3, 2]) = triangular_solve(a, b, lower = false);
export fn factor(a: [3, 3]) = cholesky(a);
NN
nnc --library rows.nn -o rows || fail "nnc --library rows"
compile_everywhere rows
harness rows
cd "$work" || exit 1

# ---- guarded effects, in training and in an export that keeps state
mkdir masked && cd masked || exit 1
nnc --library --train "$PROJECT_DIR/tests/programs/when.nn" -o masked || fail "nnc --library when"
grep -q 'uint8_t l2_reported;' masked.h || fail "a report does not tell whether it was made"
compile_everywhere masked
harness masked
cd "$work" || exit 1

# ---- the harness notices a header that promises too little
nnc --library "$PROJECT_DIR/samples/digits/digits.nn" -o small || fail "nnc --library digits"
bytes=$(sed -nE 's/^#define SMALL_ARENA_BYTES ([0-9]+)u$/\1/p' small.h)
sed -i "s/\b${bytes}u/$((bytes - 64))u/; s/\b$bytes\b/$((bytes - 64))/" small.h small.c
make_harness small >harness.c && gcc -std=c99 -g harness.c small.c -lm -lpthread -o harness || fail "a smaller harness"
(./harness) >/dev/null 2>&1 && fail "an arena of $((bytes - 64)) bytes is enough, but the header asks for $bytes"

# ---- the same bytes wherever nnc is called, and of no place of this machine
mkdir -p one/deep two
cp "$PROJECT_DIR/samples/digits/digits.nn" one/deep/
nnc --library --train --seed=1 one/deep/digits.nn -o two/d || fail "a path"
(cd one/deep && nnc --library --train --seed=1 ../deep/./digits.nn -o "$work/two/e") || fail "another path"
for f in .h .c _weights.c; do
    sed 's/\be\b\|\be_/d/g; s/\bd_/d/g' "two/e$f" >a
    nnc --library --train --seed=1 "$work/one/deep/digits.nn" -o one/d || fail "an absolute path"
    cmp "one/d$f" "two/d$f" || fail "the path of the model changes *$f"
    ! grep -qF "$work" "two/d$f" || fail "*$f names a folder"
    (cd one/deep && nnc --library --train --seed=1 digits.nn -o d) && cmp "one/deep/d$f" "two/d$f" || fail "the folder nnc is called in changes *$f"
done

# ---- only what is needed
nnc --library "$PROJECT_DIR/samples/digits/digits.nn" -o plain || fail "without --train"
for word in nn_adam nn_optim grad fit fn_prepare 'm->batches' nn_rand4; do
    ! grep -q "$word" plain.c || fail "a library without --train says $word"
done

# ---- the digits: training is the program's, bit for bit; so is what classify gives
S=$PROJECT_DIR/samples/digits
nnc --library --train "$S/digits.nn" -o digits || fail "nnc --library --train digits"
gcc -std=c99 $strict -Wstrict-prototypes -O2 -I. "$S/embedded.c" digits.c -lm -o embedded || fail "embedded.c"
expect 0 '^30[0-9] of 360 right' ./embedded "$S/data" 1 library.safetensors
nnc --cpu=baseline "$S/digits.nn" -o program || fail "nnc digits"
expect 0 '' program ./program train --data "$S/data" --out out --no-shuffle --epochs 1 --seed 7 --save program.safetensors
cmp library.safetensors program.safetensors || fail "the library's training is not the program's"
if command -v g++ >/dev/null; then
    gcc -O2 -c digits.c && g++ -std=c++17 $strict -O2 -pthread -I. "$S/embedded.cpp" digits.o -lm -o embeddedpp || fail "embedded.cpp"
    expect 0 '^3[2-4][0-9] of 360 right' ./embeddedpp "$S/data"
fi
{ printf '\x93NUMPY\x01\x00\x76\x00'; printf '%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (64, 8, 8), }"; tail -c +17 "$S/data/test-images-idx3-ubyte" | head -c 4096; } >in.npy
expect 0 '' program ./program predict classify --weights program.safetensors in.npy -o out.npy
tail -c 2560 out.npy >want
cat >classify.c <<'C'
#include "k.h"
#include <stdio.h>
static k m;
static union { unsigned char bytes[K_ARENA_BYTES + K_ARENA_ALIGN]; } memory;
static uint8_t x[64 * 64];
static float y[64 * 10];
int main(void) {
  unsigned char *arena = memory.bytes + (K_ARENA_ALIGN - (uintptr_t)memory.bytes % K_ARENA_ALIGN) % K_ARENA_ALIGN;
  if (fread(x, 1, sizeof x, stdin) != sizeof x || k_init(&m, arena, K_ARENA_BYTES, 0) != K_OK) return 1;
#ifdef FROM_FILE
  static unsigned char w[100000];
  FILE *f = fopen("k.safetensors", "rb");
  if (!f || k_load(&m, w, fread(w, 1, sizeof w, f)) != K_OK) return 2;
#endif
  if (k_classify(&m, 64, x, y) != K_OK) return 3;
  return fwrite(y, 1, sizeof y, stdout) != sizeof y;
}
C
nnc --library --weights=program.safetensors "$S/digits.nn" -o k || fail "--weights"
gcc -O2 classify.c k.c k_weights.c -lm -o classify && tail -c +17 "$S/data/test-images-idx3-ubyte" | ./classify >got
cmp got want || fail "the library's classify is not the program's"
[ "$(sed -nE 's/^#define K_PARAM_BYTES ([0-9]+)u.*/\1/p' k.h)" = 0 ] || fail "weights that never change take room in the arena"
rm k_weights.c
nnc --library --weights program.safetensors --weights-as=file --prefix=k "$S/digits.nn" -o k || fail "--weights-as=file"
[ ! -e k_weights.c ] || fail "--weights-as=file embeds weights"
cmp k.safetensors program.safetensors || fail "--weights-as=file is not the file that save writes"
gcc -O2 -DFROM_FILE classify.c k.c -lm -o classify && tail -c +17 "$S/data/test-images-idx3-ubyte" | ./classify >got
cmp got want || fail "the library's classify with weights from a file is not the program's"

# ---- weights that do not fit: the program's message
expect 1 'does not fit the model: .* differences' nnc --library --weights=program.safetensors "$PROJECT_DIR/samples/iris/iris.nn" -o i
expect 3 'nosuch.safetensors' nnc --library --weights=nosuch.safetensors "$S/digits.nn" -o i
expect 1 '' nnc --library --weights="$S/digits.nn" "$S/digits.nn" -o i
[ ! -e i.c ] && [ ! -e i.h ] || fail "a library with wrong weights was written"

# ---- a frozen trunk, a state, faults, names that C or the library has already
cp "$PROJECT_DIR"/tests/run/library_odd.nn odd.nn
nnc odd.nn -o odd --cpu=baseline && ./odd train --out out --quiet --seed 2 --save trained.st || fail "odd.nn"
nnc --library --train=fit --weights=trained.st --prefix=q odd.nn -o odd || fail "nnc --library odd.nn"
compile_everywhere odd
harness odd
grep -qE 'q_status q_init_2\(q \*m, size_t n, const float \*class_, const float \*m_2, float \*' odd.h || fail "the name of an export called init"
grep -q '^#define Q_ARENA_2_BYTES ' odd.h || fail "the macro of an export called arena"
grep -q ' double_;' odd.h || fail "the name of a report called double"
[ "$(sed -nE 's/^#define Q_CONST_BYTES ([0-9]+)u.*/\1/p' odd.h)" = $((12 * 4 + 10 * 4)) ] || fail "what is frozen is constant"
gcc -std=c99 -g -I. "$PROJECT_DIR/tests/run/library_odd.c" odd.c odd_weights.c -lm -o odd_main && ./odd_main || fail "odd_main"

# ---- some of the exports; budgets; what can't be a library
expect 0 '' nnc --library --export=arena --weights=trained.st odd.nn -o few
expect 1 '' grep -qE 'few_(init_2|noise|fit)' few.h
expect 0 'few_arena' grep few_arena few.h
[ "$(grep -c '^const float' few_weights.c)" = 1 ] || fail "--export=arena needs one tensor"
expect 0 '' nnc --library --export arena --export noise odd.nn -o few
expect 0 'few_noise' grep few_noise few.h
expect 2 'no export `arema`; did you mean `arena`' nnc --library --export=arema odd.nn -o few
expect 2 'no train block `fat`; did you mean `fit`' nnc --library --train=fat odd.nn -o few
expect 4 'max-ram: the arena needs [0-9]+ bytes, [0-9]+ more' nnc --library --max-ram=100 odd.nn -o over
expect 4 'max-flash: constant data needs' nnc --library --seed=1 --max-flash=10 odd.nn -o over
[ ! -e over.c ] || fail "a library over its budget was written"
expect 0 '' nnc --library --seed=1 --max-flash=1M --max-ram=1K --prefix=fits odd.nn -o fits
echo 'model net = Dense(2);' >none.nn
expect 2 'exports no function' nnc --library none.nn
printf 'model net = Dense(2);\nexport fn f(x: [1, 2]) -> [1, 2] = net(x);\n' >few.nn
expect 2 'no train block' nnc --library --train few.nn
cp "$PROJECT_DIR/samples/xor/xor.nn" . && expect 0 '' nnc --library xor.nn
expect 0 'typedef struct xor_' cat xor.h
expect 0 '' nnc --library -MD odd.nn -o few
expect 0 '^few.h few.c: odd.nn$' cat few.d

# ---- data of a library's caller
cat >sensor.nn <<'NN'
model net = Dense(1);
data sensor { x: u8[3] from extern;  y: real from extern();  z: [3] = cast(x, real) / 255.0; }
train fit {
    batch = 8;  drop_last = true;
    let opt = SGD(lr = 0.1);
    each d in sensor() { let e = net(d.z)[.., 0] - d.y;  minimize mean(e * e) over net using opt;  report err = mean(abs(e)); }
}
export fn read(x: u8[3]) -> [1, 1] = net(reshape(cast(x, real) / 255.0, [1, 3]));
NN
expect 0 '' nnc --library --train sensor.nn
compile_everywhere sensor
harness sensor
expect 0 'x +in  u8 \[8, 3\]: 24 elements' cat sensor.h
nnc sensor.nn -o sensor && expect 2 'field `x`: its examples come from the caller of a library' program ./sensor train
sed -i 's/from extern()/from extern(3)/' sensor.nn
expect 1 'error\[E0207\].*takes no arguments' nnc check sensor.nn

# ---- a broken emitter writes nothing
if nnc --version | grep -q '^validation: libclang' && NNC_BREAK_EMITTER=1 "$NNC" -S xor.nn -o broken.c 2>&1 | grep -q 'internal error'; then
    rm -rf nnc-bug-* broken*
    for i in 1 2 5; do
        expect 70 'bug of nnc' env NNC_BREAK_EMITTER=$i "$NNC" --library --train xor.nn -o broken
        [ ! -e broken.c ] && [ ! -e broken.h ] || fail "a broken library was written"
    done
    expect 70 'made for xor.nn:' env NNC_BREAK_EMITTER=2 "$NNC" --library --train xor.nn -o broken
fi
done_testing
