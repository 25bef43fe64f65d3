#!/bin/bash
# The nnc command: every option, every exit code, every kind of bad input. Nothing half written.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
cp "$PROJECT_DIR/samples/xor/xor.nn" good.nn
printf 'option width = 3;\nmodel net = Dense(width);\nexport fn f(x: [1, 2]) -> [1, width] = net(x);\n' >small.nn
printf 'let x = nosuch;\nlet y = x + ;\n' >bad.nn

# ---- output kinds
expect 0 '' nnc small.nn
[ -x small ] || fail "nnc small.nn makes ./small"
expect 0 '' nnc small.nn -o named -O0 --cpu=baseline
expect 0 'net.W' program ./named info
expect 0 '' nnc -c small.nn -O1 -O2 -O3
[ -s small.o ] || fail "-c makes small.o"
expect 0 '' nnc -S small.nn
[ -s small.c ] || fail "-S makes small.c"
expect 0 'print=runtime-dir' head -n 5 small.c
expect 0 'int main' nnc -S --standalone small.nn -o -
expect 0 '' nnc -S --standalone --backend=c --real f64 small.nn -o small64.c -MD -MF deps.d
expect 0 '^small64.c: small.nn$' cat deps.d
expect 0 '' nnc -fsubnormals -S small.nn -o keep.c
expect 0 '' nnc -Dwidth=5 -D width=4 small.nn -o wide
expect 0 'net.W .*\[2, 4\]' program ./wide info  # the last -D of a name counts

# The line at the top of what -S writes compiles it.
R=$(nnc --print=runtime-dir)
# shellcheck disable=SC2046
${CC:-cc} -O1 small.c $(sed -n '1,5s/.*THIS\.c \(-I.*-lm\).*/\1/p' small.c | sed "s,\$R,$R,g") -o by_hand || fail "the compile line of -S"
expect 0 'net.W' program ./by_hand info

# The same text on every run.
nnc -S --standalone good.nn -o one.c && nnc -S --standalone good.nn -o two.c && cmp one.c two.c || fail "two runs, two texts"
expect 1 '' grep -F "$PWD" one.c

# ---- CUDA. What nvcc makes is in cuda_device.sh
expect 0 'nvcc -std=c\+\+17 -O2 -fmad=false -ftz=true -gencode arch=compute_80,code=\[sm_80,compute_80\]' nnc --backend=cuda -S small.nn -o -
expect 0 '' nnc --backend cuda -S small.nn
[ -s small.cu ] || fail "-S makes small.cu"
expect 0 'ftz=false.*arch=compute_80,code=sm_80.*arch=compute_90a,code=\[sm_90a,compute_90a\].*nn_device.c' nnc -### --backend=cuda --cuda-arch=sm_80,sm_90a -fsubnormals small.nn
for arch in 80 sm_ sm_8 sm_80, sm_80x; do expect 2 'takes architectures such as' nnc --backend=cuda --cuda-arch=$arch small.nn; done
expect 2 '\-\-cuda-arch goes with' nnc --cuda-arch=sm_80 small.nn
expect 2 '\-\-standalone does not go with' nnc --backend=cuda -S --standalone small.nn
expect 2 '\-\-cpu does not go with' nnc --backend=cuda --cpu=native small.nn
expect 2 'goes with no command' nnc check --backend=cuda small.nn
expect 3 "can't run the CUDA compiler .no-such-nvcc.: .*install the CUDA toolkit, version 12 or newer" env NVCC=no-such-nvcc "$NNC" --backend=cuda small.nn -o gpu
printf '#!/bin/sh\necho "Cuda compilation tools, release 11.8, V11.8.89"\n' >old_nvcc
printf '#!/bin/sh\n[ "$1" = --version ] && echo "release 12.0, V12.0.1" && exit\necho "nvcc fatal: no host compiler"\nexit 1\n' >broken_nvcc
chmod +x old_nvcc broken_nvcc
expect 3 'too old, release 11.8; install' env NVCC=./old_nvcc "$NNC" --backend=cuda small.nn -o gpu
expect 3 'fails, even on an empty program: nvcc fatal: no host compiler' env NVCC=./broken_nvcc "$NNC" --backend=cuda small.nn -o gpu
[ ! -e gpu ] || fail "a program that nvcc did not make"

# ---- to look inside
expect 0 'usage|Commands' nnc --help
expect 0 '^nnc [0-9]+\.[0-9]+\.[0-9]+$' nnc --version
expect 0 '^validation: (libclang \(.*\)|none: .*)$' nnc --version
expect 0 '^autodiff' nnc --print=passes
expect 0 '^tanh' nnc --print ops
expect 0 '^cuda$' nnc --print=targets
expect 0 'model' nnc --dump-ast small.nn -o -  -S
expect 0 '# after elaborate' nnc --dump-ir=after:elaborate small.nn
expect 0 '# before autodiff' nnc --dump-ir=before:autodiff small.nn
expect 0 '# after autodiff' nnc --dump-ir autodiff small.nn
expect 0 'kernel' nnc --dump-ir=after:fuse good.nn
expect 0 'autodiff +[0-9.]+ ms' nnc check --time-passes good.nn
expect 0 'march=x86-64-v3' nnc -### --cpu=x86-64-v3 small.nn
expect 0 '"-lm"' nnc -v small.nn -o shown
expect 0 'shapes do not fit' nnc explain E0203
expect 0 'shapes do not fit' nnc explain e0203
expect 0 'W \[2, 3\]' nnc info small.nn
gpt2=$PROJECT_DIR/tests/examples/gpt2.nn
expect 0 '^attention +12 +gpt.block_0.causal_self_attention_0 to gpt.block_11.+ +gpt2.nn:7:' nnc info "$gpt2"
expect 0 '"kind":"attention","path":"gpt.block_11.causal_self_attention_0","function":"next_token"' nnc info --json "$gpt2"
expect 0 '"event":"done"' nnc --interpret good.nn -- train --json --epochs 1
expect 0 ' right, 0 wrong' nnc test --gradients --data=. --allow-vjp=none good.nn

# ---- diagnostics
expect 0 '' nnc check good.nn
expect 1 'error\[E' nnc check bad.nn
expect 1 $'\033\\[' nnc check --color=always bad.nn
expect 1 '^error' nnc check --color never bad.nn
expect 1 '"code":"E' nnc check --diagnostics=json bad.nn
expect 0 '' nnc check -Wshadow -Wanonymous good.nn
printf 'fn relu(x: real) -> real = x;\nmodel net = Dense(2);\nexport fn f(x: [1, 2]) -> [1, 2] = net(x);\n' >shadow.nn
expect 0 'warning\[W.*relu' nnc check -Wshadow shadow.nn
expect 1 'error\[W.*relu' nnc check -Wshadow -Werror shadow.nn

# ---- -D: only the model's options are known and suggested, and a value must fit
printf 'option width = 3;\nfn fo(x: [3]) -> [3] = x;\nexport fn f(x: [3]) -> [3] = fo(x) * width;\n' >option.nn
expect 1 'no top-level option `widht`' nnc check -D widht=4 option.nn
expect 1 'does not fit' nnc check -D width=99999999999999999999 option.nn
expect 1 'did you mean `width`' nnc check -D widht=4 option.nn
nnc check -D foo=3 option.nn 2>&1 | grep -q 'did you mean' && fail "a function is no option"

head -c $((1 << 20)) /dev/zero | tr '\0' '\n' >longest.nn
expect 0 '' nnc check longest.nn
echo >>longest.nn
expect 1 'error\[E0802\]' nnc check longest.nn

# ---- usage errors: 2
expect 2 'unknown option `--frob`; `nnc --help`' nnc --frob small.nn
expect 2 'no model given' nnc
expect 2 'did you mean `--help`' nnc --hepl
expect 2 'unknown option' nnc --no-such-thing-at-all small.nn
expect 2 'unknown command `chekc`; did you mean `check`' nnc chekc small.nn
expect 2 'one at a time' nnc small.nn good.nn
expect 2 'needs an argument' nnc small.nn -o
expect 2 'takes NAME=VALUE' nnc -D width small.nn
expect 2 'takes f32\|f64' nnc --real=f16 small.nn
expect 2 'takes native' nnc '--cpu=a b' small.nn
expect 2 'knows no --cpu=no-such-cpu' nnc --cpu=no-such-cpu small.nn
expect 2 'no pass `autodif`; did you mean `autodiff`' nnc --dump-ir=after:autodif small.nn
expect 2 'only after:fuse' nnc --dump-ir=before:fuse small.nn
expect 2 'goes with -S' nnc --standalone small.nn
expect 2 'goes with -MD' nnc -MF x small.nn
expect 2 'for --interpret' nnc small.nn -- train
expect 2 'no diagnostic' nnc explain E9999
expect 2 'overwrite the input' nnc small.nn -o small.nn
expect 2 'overwrite the input' nnc -S small.nn -o ./small.nn
ln -s small.nn link.nn
expect 2 'overwrite the input' nnc link.nn -o small.nn
cp small.nn plain
expect 2 'overwrite the input' nnc plain
cmp small.nn plain || fail "the input was changed"
# ---- libraries (library.sh tests what they are)
expect 0 '' nnc --library small.nn -o lib --prefix=p --seed=5 --weights-as=embed --max-ram=1M --max-flash=1M --export=f
[ -s lib.h ] && [ -s lib.c ] && [ -s lib_weights.c ] || fail "--library writes lib.h, lib.c and lib_weights.c"
for option in --train --train=fit --prefix=k --weights=w --weights-as=file --seed=1 --export=f --max-ram=1 --max-flash=1; do
    expect 2 'goes with --library' nnc $option small.nn
done
expect 2 'joined to it: `--train=fit`' nnc --library --train fit small.nn
expect 2 'joined to it: `--train=fit`' nnc --library small.nn --train fit
expect 2 'one at a time' nnc --library --train small.nn good.nn
for option in -S -c --standalone --interpret --cpu=native -fsubnormals; do
    expect 2 'does not go with --library' nnc --library $option small.nn
done
expect 2 'does not go with `nnc check`' nnc check --library small.nn
expect 2 'both say what the weights are' nnc --library --weights=w --seed=1 small.nn
expect 2 'takes embed.file' nnc --library --weights-as=rom small.nn
for value in x -1 1.5 18446744073709551616 ''; do
    expect 2 '--seed takes a whole number' nnc --library "--seed=$value" small.nn
done
for value in x 1G 17179869184G 0; do
    expect 2 '--max-ram (takes a whole number|is at least 1)' nnc --library --max-ram=$value small.nn
done
expect 2 '--prefix takes a name of C' nnc --library --prefix=3d small.nn
expect 2 '--prefix takes a name of C' nnc --library '--prefix=a;b' small.nn
expect 2 'a library is several files' nnc --library small.nn -o -
expect 2 'names a folder' nnc --library small.nn -o here/
expect 3 "can't write nosuch/lib.h" nnc --library small.nn -o nosuch/lib
mkdir lib2.c
expect 3 "can't write lib2.c" nnc --library small.nn -o lib2
[ ! -e lib2.h ] || fail "half a library was written"
# What is documented but not built yet says so.
for option in --compute=tf32 -ffast-math -fno-cublas --train-ram=1 --cpu=multi; do
    expect 2 "not yet in this version" nnc $option small.nn
done
expect 2 "not yet in this version" nnc init small.nn

# ---- files and tools: 3, or 1 for what is inside
expect 3 "can't open nope.nn: No such file" nnc nope.nn
expect 3 'it is a folder' nnc .
expect 1 'not a text file: byte' nnc "$NNC" -o x
expect 1 'not a text file: byte 3 is 0x00' nnc check <(printf 'abc\0def')
expect 3 "can't write no/such/place" nnc small.nn -o no/such/place
expect 3 'is a folder' nnc small.nn -o .
expect 3 "can't write" nnc -S small.nn -o no/such.c
expect 3 'install gcc or clang, or set CC' env CC=no-such-compiler "$NNC" small.nn -o x
expect 3 'fails, even on an empty program' env CC=false "$NNC" small.nn -o x
expect 3 'fails, even on an empty program' env CC=/bin/sh\ -c "$NNC" small.nn -o x
[ ! -e x ] || fail "a failed compilation left its output"
if [ -w /dev/full ]; then expect 3 "can't write /dev/full" nnc -S small.nn -o /dev/full; fi

# ---- a compiler that rejects our text is our bug: 70, with a folder
cat >picky <<'SH'
#!/bin/bash
# Accepts small programs only.
text=$(cat)
[ ${#text} -lt 200 ] || { echo "picky: I do not like it"; exit 1; }
SH
chmod +x picky
expect 70 'bug of nnc.*nnc-bug-1' env CC=./picky "$NNC" small.nn -o x
for file in model.nn model.c command.txt compiler.txt; do
    [ -s nnc-bug-1/$file ] || fail "no $file in the reproducer"
done
expect 0 'picky: I do not like it' cat nnc-bug-1/compiler.txt
cmp -s small.nn nnc-bug-1/model.nn || fail "the reproducer's source is not the model"

# ---- a crash of nnc itself: 70, with a folder
printf '#!/bin/bash\nsleep 3\n' >slow
chmod +x slow
CC=./slow "$NNC" small.nn -o x 2>crash.txt &
pid=$!
sleep 1
kill -ABRT $pid
wait $pid
[ $? = 70 ] || fail "a crash does not exit with 70"
expect 0 'a bug of nnc.*nnc-bug-2' cat crash.txt
cmp -s small.nn nnc-bug-2/model.nn || fail "no source in the reproducer of a crash"
rm -f x.*.tmp # what was being written when nnc was killed

left=$(ls | grep -c '\.tmp$')
[ "$left" = 0 ] || fail "temporary files were left: $(ls | grep '\.tmp$')"
done_testing
