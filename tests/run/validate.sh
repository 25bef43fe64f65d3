#!/bin/bash
# What nnc emits is parsed by libclang before any C compiler sees it; an nnc without libclang works and says so.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
printf 'model net = Dense(2);\n\nexport fn f(x: [1, 3]) -> [1, 2] = exp(net(x)) * 2;\n' >small.nn

# ---- without libclang: it builds, works, and says so
cmake -S "$PROJECT_DIR" -B plain -DNNC_WITH_LIBCLANG=OFF -DNNC_TESTS=OFF -DNNC_WERROR=ON >log &&
    cmake --build plain --parallel 2 --target nnc >log 2>&1 || { tail -n 20 log; fail "the build without libclang"; }
expect 0 '^validation: none: nnc was built without libclang$' plain/nnc --version
expect 0 'the emitted C is not validated: nnc was built without libclang' plain/nnc -v small.nn -o small
expect 0 'net.W' ./small info
plain/nnc -S small.nn -o plain.c && nnc -S small.nn -o with.c && cmp plain.c with.c || fail "validation changes the text"
# The hook by which the rest of this test breaks the emitter is not in it.
expect 0 '' env NNC_BREAK_EMITTER=1 plain/nnc small.nn -o small

nnc --version | grep -q '^validation: libclang' || {
    [ $failures = 0 ] || exit 1
    echo "SKIP validate: nnc was built without libclang (apt-get install libclang-14-dev)"
    exit 77
}

# ---- a broken emitter is stopped before the C compiler runs
cat >spy <<'SH'
#!/bin/bash
touch called
exec cc "$@"
SH
chmod +x spy
expect 0 '' env CC=./spy "$NNC" small.nn -o x
[ -e called ] || fail "the C compiler was not called"
rm called x
expect 70 'the emitted CUDA is not valid: model.cu:[0-9:]+ error: .* \(made for small.nn:[0-9:]+\)' env NNC_BREAK_EMITTER=1 "$NNC" --backend=cuda small.nn -o x
[ -s nnc-bug-1/model.cu ] || fail "the reproducer has no model.cu"
[ ! -e x ] || fail "a text that is no CUDA was compiled"
rm -r nnc-bug-1
for output in '-o x' '-S -o x' '-S --standalone -o x' '-c -o x'; do
    expect 70 'bug of nnc.*nnc-bug-1' env CC=./spy NNC_BREAK_EMITTER=1 "$NNC" small.nn $output
    [ ! -e called ] || fail "the C compiler was called: $output"
    [ ! -e x ] || fail "a text that is no C was written: $output"
    place=$(grep -n nnc_undeclared nnc-bug-1/model.c | cut -d: -f1)
    expect 0 "^model\.c:$place:18: error: use of undeclared identifier 'nnc_undeclared'" cat nnc-bug-1/compiler.txt
    cmp -s small.nn nnc-bug-1/model.nn || fail "the reproducer's source is not the model"
    rm -r nnc-bug-1
done

# Every place of the text, one after the other; those of the export are traced to its line of the model.
lines=
for i in $(seq 1 40); do
    out=$(NNC_BREAK_EMITTER=$i "$NNC" small.nn -S -o x 2>&1)
    code=$?
    [ $code = 70 ] || break
    lines+=" $(grep -oE 'made for [^)]*' <<<"$out" | sed 's/made for //')"
done
[ $code = 0 ] || fail "exit code $code for a break that does not exist"
[ "$i" -gt 6 ] || fail "only $i places"
grep -qE ' small.nn:3:[0-9]+' <<<"$lines" || fail "no place in line 3 of the model:$lines"

# ---- those parts of the runtime that a program uses are enough for libclang
for model in "$PROJECT_DIR"/samples/*/*.nn "$PROJECT_DIR"/tests/programs/*.nn; do
    said=$("$NNC" -v -S "$model" -o x 2>&1) || fail "$model"
    ! grep 'looks again' <<<"$said" || fail "$model: libclang misses something of the runtime"
done
rm -f x

# ---- --no-validate leaves it to the C compiler
expect 70 'does not accept' env CC=./spy NNC_BREAK_EMITTER=1 "$NNC" small.nn --no-validate -o x
[ -e called ] || fail "the C compiler was not called"
expect 0 '' nnc --no-validate small.nn -o x

# ---- the user's folder plays no part, whatever it holds
echo '#error not this one' | tee nn_core.h >math.h
cp math.h stddef.h
echo 'not C' >model.c
expect 0 '' nnc -S small.nn -o again.c
cmp again.c with.c || fail "files of the folder change the text"

done_testing
