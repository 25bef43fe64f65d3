#!/bin/bash
# nvcc takes the CUDA text of every sample, and the runtime beside it, for sm_80 and sm_90 without a warning. What ptxas
# reports of the kernels is a table; contractions, reductions and optimizers keep everything in registers. The table of
# docs/CUDA.md is this one where nvcc is of the version that stands there: NNC_UPDATE=1 writes it. NNC_SAMPLES chooses
# samples, and then no table is compared.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
. "$PROJECT_DIR/tests/sample.sh"
[ "$NNC_SANITIZE" != ON ] || { echo "SKIP cuda_nvcc: a sanitized nnc emits what any other does"; exit 77; }
nvcc=${NVCC:-$(command -v nvcc || command -v /usr/local/cuda/bin/nvcc)}
[ -n "$nvcc" ] || { echo "SKIP the emitted text with nvcc: it is not installed"; exit 77; }
runtime=$PROJECT_DIR/runtime
flags=(-std=c++17 -O2 -fmad=false -ftz=true -Werror all-warnings -Xcompiler "-Wall,-Wextra" -Xptxas -v
    -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90
    -I"$runtime/core" -I"$runtime/host" -I"$runtime/cuda")
SECONDS=0

# ---- ptxas's report: lines `MODEL KIND KERNEL ARCH REGISTERS SHARED STACK SPILLED`
report() { # MODEL <LOG
    awk -v model="$1" -v quote="'" '
        /Compiling entry function/ {
            split($0, part, quote)
            name = part[2]; arch = part[4]
            sub(/^_ZL?/, "", name)
            size = name + 0
            sub(/^[0-9]+/, "", name)
            name = substr(name, 1, size)
            kind = name ~ /^nn_cuda_/ ? "optimizers" : name
            sub(/^k[0-9]+_/, "", kind)
        }
        / bytes stack frame, / { stack = $1; spilled = $5 + $9 }
        / Used [0-9]+ registers/ {
            registers = shared = 0
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^registers/) registers = $(i - 1)
                if ($i == "bytes" && $(i + 1) ~ /^smem/) shared = $(i - 1)
            }
            print model, kind, name, arch, registers, shared, stack, spilled
        }'
}

compiled() { # MODEL: text.cu, with the report in kernels
    "$nvcc" "${flags[@]}" -c text.cu -o text.o >log 2>&1 || { fail "nvcc and the text of $1"; grep -v ptxas log | head -n 20; return; }
    report "$1" <log >kernels
}

# The steps of optimizers that a text calls; each has a kernel, and all of a type one that begins.
steps() { grep -o 'nn_cuda_[a-z]*_step_f[0-9]*' text.cu | sort -u; }

sample() { # NAME
    nnc -S --backend=cuda "$PROJECT_DIR/samples/$1/$1.nn" -o text.cu || { fail "nnc $1"; return; }
    compiled "$1"
    local kernels=$(($(grep -c '^static __global__' text.cu) + $(steps | wc -l) + $(steps | sed 's/.*_//' | sort -u | wc -l)))
    [ "$(wc -l <kernels)" = $((2 * kernels)) ] || fail "$1: not each of its $kernels kernels for both in ptxas's report"
}

# All optimizers, those no sample uses too.
optimizers() {
    printf '#include "%s"\n' nn_core.h nn_optim.h nn_cuda_program.h nn_cuda_optim.h
    for name in sgd adam adagrad adadelta rmsprop; do
        for t in f32 f64; do
            echo "template int nn_cuda_${name}_step_$t<0>(nn_cuda *, const nn_span_$t *, size_t, const nn_cuda_$name *, const uint8_t *, const char *);"
        done
    done
}

# The longest first: resnet20 takes as long as all others but dcgan.
given=${NNC_SAMPLES:-}
NNC_SAMPLES=${given:-$(for m in "$PROJECT_DIR"/samples/*/*.nn; do echo "$(nnc -S --backend=cuda "$m" -o - | wc -l) $(dirname "$m")"; done | sort -rn | cut -d' ' -f2)}
for_each_sample sample
mkdir -p "$work/optimizers" && cd "$work/optimizers" || exit 1
optimizers >text.cu
compiled optimizers
[ "$(wc -l <kernels)" = 24 ] || fail "not all optimizers for both in ptxas's report"
for s in $NNC_SAMPLES optimizers; do cat "$work/$(basename "$s")/kernels"; done >"$work/kernels" || fail "a report is missing"
awk '($2 == "dot" || $2 == "reduce" || $2 == "optimizers") && ($7 > 0 || $8 > 0) {
    print "FAIL: " $3 " of " $1 " for " $4 ": " $7 " bytes of stack, " $8 " spilled"; wrong = 1 } END { exit wrong }' "$work/kernels" ||
    failures=$((failures + 1))

# ---- the runtime, and a program from nnc to its end
mkdir -p "$work/runtime" && cd "$work/runtime" || exit 1
"$nvcc" "${flags[@]}" -c "$runtime"/cuda/*.c "$runtime"/host/*.c >log 2>&1 || { fail "nvcc and the runtime"; head -n 20 log; }
NVCC=$nvcc expect 0 '' nnc --backend=cuda --cuda-arch=sm_80,sm_90 "$PROJECT_DIR/samples/xor/xor.nn" -o xor
expect 0 '^device:' program ./xor info

# ---- the table
version=$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
rows() { # COLUMN: rows by model (1) or by kind (2)
    awk -v by="$1" '
        function most(a, i, v) { if (v > a[i]) a[i] = v }
        by == 1 && $2 == "optimizers" { next }
        {
            k = $by
            if (!(k in seen)) order[++n] = k
            seen[k] = 1
            id = $2 == "optimizers" ? $3 : $1 "." $3
            if (!((k, id) in known)) kernels[k]++
            known[k, id] = 1
            if ($4 == "sm_80") most(r80, k, $5); else most(r90, k, $5)
            most(shared, k, $6); most(stack, k, $7); most(spilled, k, $8)
        }
        END {
            for (i = 1; i <= n; i++) {
                k = order[i]
                printf "| %s | %d | %d | %d | %d | %d | %d |\n", k, kernels[k], r80[k], r90[k], shared[k], stack[k], spilled[k]
            }
        }' "$work/kernels" | LC_ALL=C sort
}
table() {
    echo "nvcc $version, -O2; the most that a kernel has, in bytes but for registers"
    echo
    echo "| model | kernels | registers, sm_80 | sm_90 | shared | stack | spilled |"
    echo "|---|---|---|---|---|---|---|"
    rows 1
    echo
    echo "| kind | kernels | registers, sm_80 | sm_90 | shared | stack | spilled |"
    echo "|---|---|---|---|---|---|---|"
    rows 2
}
table | tee "$work/table"
echo "$SECONDS s"
document=$PROJECT_DIR/docs/CUDA.md begin='<!-- ./check cuda_nvcc -->' end='<!-- end of the table -->'
held() { sed -n "\\|^$begin\$|,\\|^$end\$|p" "$document" | sed '1d;$d'; }
if [ -n "$given" ] || [ $failures != 0 ]; then
    echo "the table of docs/CUDA.md is not compared"
elif [ "${NNC_UPDATE:-}" = 1 ]; then
    sed -i -e "\\|^$begin\$|r $work/table" -e "\\|^$begin\$|,\\|^$end\$|{\\|^$begin\$|b;\\|^$end\$|b;d}" "$document"
elif [ "$(held | sed -n 's/^nvcc \([0-9.]*\),.*/\1/p')" != "$version" ]; then
    echo "the table of docs/CUDA.md is of another nvcc"
else
    held | diff - "$work/table" || fail "the table of docs/CUDA.md is out of date; NNC_UPDATE=1 ./check cuda_nvcc writes it"
fi
done_testing
