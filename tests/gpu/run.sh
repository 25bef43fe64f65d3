#!/bin/bash
# What only a GPU can show, with one command: builds nnc, trains samples as C and as CUDA programs from one seed and
# compares every weight, runs compute-sanitizer where it is there, times the steps, and PyTorch eager beside them where
# there is a python3 with torch. Prints one table and keeps it in build/gpu/table.md. Under ten minutes, no network.
#   tests/gpu/run.sh [digits|lenet|vae|resnet20 …]       exits 77, with the reason, without a GPU or nvcc
# Environment, beside NNC (another nnc), NVCC, PYTHON:
#   NNC_GPU_COMPILE=COMMAND   `COMMAND FILE PROGRAM` makes programs of FILE.nn and FILE.cu in place of nvcc, for whatever
#                             device that has (tests/run/cuda_gpu.sh: none)
#   NNC_GPU_STEPS="3 10"      steps that are compared, and timed
#   NNC_GPU_OUT=FOLDER  COMPUTE_SANITIZER=PROGRAM  TORCH_DEVICE=cpu
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 1
. scripts/packages.sh
python=${PYTHON:-python3}
usual=/usr/local/cuda/bin
SECONDS=0 failures=0
declare -A name=([digits]='MLP (digits)' [lenet]=LeNet [vae]=VAE [resnet20]=ResNet-20) batch=([digits]=32 [lenet]=64 [vae]=128 [resnet20]=128)
declare -A compared=([digits]=90 [lenet]=20 [vae]=20 [resnet20]=3) timed=([digits]=2000 [lenet]=400 [vae]=300 [resnet20]=60)
ROUNDS=3 SANITIZED_SECONDS=60 LATEST=480 # no sanitizer begins after so many seconds

fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
skip() { echo "SKIP tests/gpu: $*"; exit 77; }

# ---- what is there
models=("$@")
[ $# -gt 0 ] || models=(digits lenet vae resnet20)
for m in "${models[@]}"; do [ -n "${name[$m]:-}" ] || { echo "no model $m; there are: ${!name[*]}" >&2; exit 2; }; done
compile=${NNC_GPU_COMPILE:-}
if [ -n "$compile" ]; then
    card="a stand-in" driver=none nvcc_version=none
else
    nvcc=${NVCC:-$(command -v nvcc || command -v $usual/nvcc)}
    [ -n "$nvcc" ] || skip "nvcc is not installed"
    command -v nvidia-smi >/dev/null || skip "there is no NVIDIA driver here (no nvidia-smi)"
    found=$(nvidia-smi -i 0 --query-gpu=name,driver_version,compute_cap --format=csv,noheader 2>&1) || skip "there is no GPU: $found"
    IFS=, read -r card driver capability <<<"${found//, /,}"
    arch=sm_${capability//./}
    nvcc_version=$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
    export NVCC=$nvcc
fi
sanitizer=${COMPUTE_SANITIZER:-$(command -v compute-sanitizer || command -v $usual/compute-sanitizer)}
torch=$("$python" -c "
import torch
assert '${TORCH_DEVICE:-cuda}' != 'cuda' or torch.cuda.is_available()
print(torch.__version__)" 2>/dev/null) || torch=
nnc=${NNC:-}
if [ -z "$nnc" ]; then
    ensure_packages 0 gcc libc6-dev make cmake flex bison pkg-config check libclang-14-dev\? || exit 3
    build_preset release --target nnc || exit 1
    nnc=$root/build/release/nnc
fi
commit=$(git rev-parse --short HEAD 2>/dev/null || "$nnc" --version | head -n 1)
[ -z "$(git status --porcelain 2>/dev/null)" ] || commit+=" and changes"
out=${NNC_GPU_OUT:-$root/build/gpu}
rm -rf "$out" && mkdir -p "$out" && cd "$out" || exit 1
grep -qw fma /proc/cpuinfo || [ "$(uname -m)" = aarch64 ] ||
    echo "note: this processor has no fused multiply-add, so bits differ from the device's"

# ---- programs: MODEL_c and MODEL_cuda; what is timed has no augmentation, for PyTorch has none either
build() { # FILE PROGRAM
    if [ -n "$compile" ]; then
        "$compile" "$1" "$2"
    elif [[ $1 == *.nn ]]; then
        "$nnc" --backend=cuda --cuda-arch="$arch" "$1" -o "$2"
    else
        local fma=()
        [ "$(uname -m)" != x86_64 ] || ! grep -qw fma /proc/cpuinfo || fma=(-Xcompiler -mfma)
        "$nvcc" -std=c++17 -O2 -fmad=false -ftz=true -arch="$arch" -Xcompiler -ffp-contract=off "${fma[@]}" \
            -I"$root/runtime/core" -I"$root/runtime/host" -I"$root/runtime/cuda" "$1" -o "$2"
    fi
}
programs() { # MODEL
    local source=$root/samples/$1/$1.nn
    mkdir -p "timed/$1"
    sed 's/augment = true/augment = false/' "$source" >"timed/$1/$1.nn"
    "$nnc" "$source" -o "$1_c" && build "$source" "$1_cuda" || return 1
    if cmp -s "$source" "timed/$1/$1.nn"; then cp "$1_cuda" "$1_timed"; else build "timed/$1/$1.nn" "$1_timed"; fi
}
jobs=()
for m in "${models[@]}"; do programs "$m" >"$m.log" 2>&1 & jobs+=($!); done
build "$root/tests/cuda/optim.cu" optim >optim.log 2>&1 & jobs+=($!)
for job in "${jobs[@]}"; do wait "$job" || { cat ./*.log; echo "FAIL: a program can't be made"; exit 1; }; done

# ---- data: some, and for times the same records over and over
repeated() { # IDX TIMES >IDX: its records so many times
    local head n
    head=$((4 + 4 * $(od -An -tu1 -j3 -N1 "$1"))) n=$(od -An -tu1 -j4 -N4 "$1" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }')
    n=$((n * $2))
    head -c 4 "$1"
    printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((n >> 24 & 255)) $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255)))"
    tail -c +9 "$1" | head -c $((head - 8))
    for ((i = 0; i < $2; i++)); do tail -c +$((head + 1)) "$1"; done
}
data() { # MODEL STEPS: folders MODEL_data, and MODEL_many with enough for the steps
    local file times i
    mkdir -p "$1_data" "$1_many"
    case $1 in
    digits) cp "$root"/samples/digits/data/*ubyte "$1_data" ;;
    resnet20)
        "$root/scripts/make_cifar.sh" 256 >"$1_data/train.bin"
        head -c $((128 * 3073)) "$1_data/train.bin" | tee "$1_data/test_batch.bin" >"$1_many/test_batch.bin"
        for ((i = 0; i * 256 < batch[$1] * $2; i++)); do cat "$1_data/train.bin"; done >"$1_many/train.bin"
        return ;;
    *) "$root/scripts/make_mnist.sh" "$1_data" 640 128 ;;
    esac
    times=$((1 + batch[$1] * $2 / 640))
    for file in "$1_data"/*; do
        if [[ $file == */train-* ]]; then repeated "$file" $times; else cat "$file"; fi >"$1_many/$(basename "$file")"
    done
}

# ---- one model: compared, timed
train() { # PROGRAM OUT ARGS…: weights in OUT/all, events in OUT/events
    local program=$1 to=$2
    shift 2
    mkdir -p "$to"
    "./$program" train --out "$to" --save "$to/all" --seed 5 --json "$@" >"$to/events" 2>"$to/said" || { fail "$program $*"; cat "$to/said"; return 1; }
}
median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.1f\n", v[int((NR + 1) / 2)]; else print "-" }'; }
declare -A row
compare() { # MODEL STEPS
    local m=$1 args=(--data "$1_data" --steps "$2")
    train "${m}_c" "$m.c" "${args[@]}" && train "${m}_cuda" "$m.graph" "${args[@]}" && train "${m}_cuda" "$m.plain" "${args[@]}" --no-graph || return
    if cmp -s "$m.c/all" "$m.graph/all"; then
        row[$m]="$2: same bits"
        cmp "$m.c/events" "$m.graph/events" || fail "$m: the same weights, but other reports"
    elif row[$m]="$2: $("$python" "$root/tests/gpu/differ.py" "$m.c/all" "$m.graph/all")"; then
        echo "note: $m: not the same bits: ${row[$m]}"
    else
        fail "$m: CUDA and C differ after $2 steps: ${row[$m]}"
    fi
    if cmp -s "$m.graph/all" "$m.plain/all"; then row[$m]+=" | yes"; else fail "$m: --no-graph gives other bits" && row[$m]+=" | NO"; fi
}
took() { sed -n "s/^fit_step: [0-9]* calls, \([0-9.]*\) us on the device, \([0-9.]*\) us .*/\\$2/p" "$1"; }
times() { # MODEL STEPS
    local m=$1 i mode launches eager=- ratio=-
    local args=(--data "$1_many" --steps "$2" --epochs 1 --time)
    rm -f "$m".times.*
    for ((i = 0; i < ROUNDS; i++)); do
        train "${m}_timed" "$m.time" "${args[@]}" && took "$m.time/said" 1 >>"$m.times.device" && took "$m.time/said" 2 >>"$m.times.graph"
        train "${m}_timed" "$m.time" "${args[@]}" --no-graph && took "$m.time/said" 2 >>"$m.times.plain"
        [ -z "$torch" ] || "$python" "$root/tests/gpu/eager.py" "$m" "$2" >>"$m.times.eager" || fail "PyTorch's $m"
    done
    [ "$(wc -l <"$m.times.graph")" = $ROUNDS ] || fail "$m: no times"
    launches=$("$nnc" report --backend=cuda --function=fit_step "$root/samples/$m/$m.nn" | awk '$1 == "fit_step" { print $6; exit }')
    if [ -n "$torch" ]; then
        eager=$(median <"$m.times.eager")
        ratio=$(awk -v a="$eager" -v b="$(median <"$m.times.graph")" 'BEGIN { if (b > 0) printf "%.1f", a / b; else print "-" }')
    fi
    row[$m]+=" | $launches | $(median <"$m.times.device") | $(median <"$m.times.graph") | $(median <"$m.times.plain") | $eager | $ratio"
}
for m in "${models[@]}"; do
    read -r few many <<<"${NNC_GPU_STEPS:-${compared[$m]} ${timed[$m]}}"
    data "$m" "$many"
    row[$m]="-"
    compare "$m" "$few"
    times "$m" "$many"
done

# ---- optimizers, and everything under compute-sanitizer: these take as long as they may
said=$(./optim 2>&1) || { fail "the optimizers"; tail -n 20 <<<"$said"; }
optimizers=${said##*$'\n'}
sanitized() { # TOOL PROGRAM ARGS…: what the table says
    local log=$out/$1.$(basename "$2").log tool=$1 code
    shift
    if [ -z "$sanitizer" ]; then result="not installed"; return; fi
    if [ $SECONDS -gt $LATEST ]; then result="no time left"; return; fi
    timeout $SANITIZED_SECONDS "$sanitizer" --tool "$tool" --error-exitcode 9 "$@" >"$log" 2>&1
    code=$?
    case $code in
    0) result=clean ;;
    124) result="over $SANITIZED_SECONDS s" ;;
    *) result="exit code $code"; fail "compute-sanitizer --tool $tool $*"; tail -n 20 "$log" ;;
    esac
}
for m in "${models[@]}" optim; do
    command=("./${m}_cuda" train --data "${m}_data" --out . --steps 1 --epochs 1 --quiet)
    [ $m != optim ] || command=(./optim)
    for tool in memcheck racecheck synccheck; do
        sanitized $tool "${command[@]}"
        if [ $m = optim ]; then optimizers+=", $tool $result"; else row[$m]+=" | $result"; fi
    done
done

# ---- the table
table() {
    echo "$(date +%Y-%m-%d); $card; driver $driver; nvcc $nvcc_version; nnc $commit; PyTorch ${torch:-is not there}"
    echo
    echo "Microseconds a step: medians of a run, and of $ROUNDS runs. ResNet-20 is timed without augmentation. PyTorch: f32 without TF32,"
    echo "data on the device, nothing read back."
    echo
    echo "| model | batch | weights against C after steps | --no-graph: same bits | launches | on the device | graph | --no-graph | PyTorch eager | eager / graph | memcheck | racecheck | synccheck |"
    echo "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    for m in "${models[@]}"; do echo "| ${name[$m]} | ${batch[$m]} | ${row[$m]} |"; done
    echo
    echo "Optimizers (tests/cuda/optim.cu): $optimizers"
}
table | tee table.md
echo "$SECONDS s, $failures failures"
[ $failures = 0 ]
