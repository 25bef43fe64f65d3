#!/bin/bash
# Plants mutations at random in the compiler, one at a time, and says by what each is noticed (README.md).
#   run.sh [SEED] [COUNT]     default: 1 50; what is done already is not done again
#   run.sh baseline           the detectors on the compiler as it is: they must be silent
#   run.sh one FILE LINE COLUMN LENGTH NEW KIND   one mutation, with what each detector says
#   run.sh table [SEED]       the table of what is done
# NNC_MUTATIONS: the folder for the copy of the tree, its build and results (build/mutations).
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/mutations
folder=${NNC_MUTATIONS:-$root/build/mutations}
tree=$folder/tree build=$folder/tree/build
mkdir -p "$tree" "$folder/kept" "$folder/texts"
kinds=(column derivative rule edge stride lifetime)
flags="-march=native -w -shared -fPIC -I $tree/runtime/core -I $tree/runtime/host"
declare -A files tests slow
while IFS='|' read -r kind names quick others; do
    [[ $kind = '#'* ]] || { kind=${kind// /} && files[$kind]=$names && tests[$kind]=$quick && slow[$kind]=$others; }
done <"$here/kinds.txt"

exec 9>"$folder/lock"
[ "${1:-1}" = table ] || flock -n 9 || { echo "another run.sh works in $folder"; exit 1; }

# The copy gets what differs, so that what is built stays.
prepare() {
(cd "$root" && git ls-files -co --exclude-standard) | while read -r name; do
    [ ! -f "$root/$name" ] || cmp -s "$root/$name" "$tree/$name" || { mkdir -p "$tree/$(dirname "$name")" && cp "$root/$name" "$tree/$name" && echo "$name" >>"$folder/copied"; }
done
# What the unchanged compiler makes of the models is another thing when it or a model has changed.
[ ! -s "$folder/copied" ] || rm -f "$folder/copied" "$folder/texts/base" "$folder"/models_*.nn
generator=()
[ -e "$build/CMakeCache.txt" ] || ! command -v ninja >/dev/null || generator=(-G Ninja)
# No cache of objects: a run that is stopped while it changes a text could leave the object of one text as another's.
unset CMAKE_C_COMPILER_LAUNCHER
cmake -S "$tree" -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O1 -DNNC_WERROR=ON >"$folder/cmake.log" || exit 1
}
[ "${1:-1}" = table ] || prepare
made() { cmake --build "$build" --target "$@" >"$folder/build.log" 2>&1; }

# Two tables are included by all of the compiler and read by one file: it alone is compiled again.
reader_of() {
    case $1 in
    */ops.def) echo passes/deriv_table.c ;;
    */rules.def) echo passes/rewrite.c ;;
    esac
}
put() { # FILE FROM: the text FROM in its place
    local reader
    reader=$(reader_of "$1")
    [ -z "$reader" ] || touch -r "$tree/$1" "$folder/time"
    cat "$2" >"$tree/$1"
    [ -z "$reader" ] || { touch -r "$folder/time" "$tree/$1" && touch "$tree/$reader"; }
}

# ---- what may notice; each prints what it says, and nothing where all is well
limited() { (ulimit -t 20 && ulimit -v 16000000 && timeout 300 "$@"); }
notices() { # COMMAND…
    limited "$@" >"$folder/said" 2>&1
    local code=$?
    case $code in
    0) return 1 ;;
    134 | 139) echo "it stops: $(grep -m 1 -E 'Assertion|internal' "$folder/said" | sed 's/.*Assertion/Assertion/' | cut -c 1-100)" ;;
    124 | 137 | 152) echo "no end" ;;
    130 | 143) kill $$ ;; # somebody ends it, not the mutation
    esac
    return 0
}
# What tests compile, without optimization: a fifth of the time, and every access stands as it is written.
mkdir -p "$folder/bin"
printf '#!/bin/sh\nexec %s "$@" -O0\n' "$(command -v cc)" >"$folder/bin/cc"
chmod +x "$folder/bin/cc"
unit() { # TEST
    made "$1" || return 1
    PATH=$folder/bin:$PATH notices "$build/tests/$1"
}
random_programs() { made random_programs && notices "$build/tests/random_programs" --reduce 0 --kept "$folder/kept" --folder "$folder/kept" "$@"; }
# As texts they are not tried one by one where they fail.
random_text() {
    made random_programs || return 1
    local at
    for at in 401 409 417; do
        [ -s "$folder/models_$at.nn" ] || "$build/tests/random_programs" --seed $at --count 8 --together 8 --text >"$folder/models_$at.nn"
        notices "$build/tests/random_programs" "$folder/models_$at.nn" --reduce 0 --kept "$folder/kept" --folder "$folder/kept" --cc "gcc -O0 $flags" && return
    done
    return 1
}
# Of the programs whose text is another, eight at most: 20 steps of its C, in f64, against the interpreter.
differing() { diff "$folder/texts/base" "$folder/texts/now" | sed -n 's/^> \([^ ]*\).*/\1/p'; }
whole_programs() { # MODEL…
    made nnc equivalence || return 1
    local model data args
    mkdir -p "$folder/programs" && cd "$folder/programs" || return 1
    for model; do
        data=$(sed -n 's/^# data: *//p' "$tree/$model")
        read -ra args <<<"$(sed -n 's/^# args: *//p' "$tree/$model")"
        notices "$build/nnc" -S -fchecks --real=f64 "$tree/$model" -o program.c && { echo ": nnc $model"; return; }
        { sed 's/^int main(int argc.*//' program.c; echo 'const nn_model *test_model(void); const nn_model *test_model(void) { return &model; }'; } >shared.c
        # shellcheck disable=SC2086
        notices gcc -O0 $flags shared.c -o ./program.so -lm && { echo ": gcc $model"; return; }
        notices "$build/tests/equivalence" "$tree/$model" f64 ./program.so train --data "$tree/${data:-tests/programs/data}" --out out --steps 20 "${args[@]}" && { echo ": $model"; return; }
    done
    return 1
}
texts() { # the texts of all models, as sums: C, with the runtime in it, and CUDA
    made nnc || return
    local model
    cd "$tree" || return
    for model in samples/*/*.nn tests/programs/*.nn tests/examples/*.nn tests/run/zoo/*.nn tests/reference/library/*.nn; do
        echo "$model $({ limited "$build/nnc" -S --standalone --no-validate "$model" -o -; limited "$build/nnc" -S --backend=cuda --no-validate "$model" -o -; echo "$?"; } 2>&1 | cksum)"
    done
}
# All of them in their order, for a kind; the first that notices is printed.
detect() { # KIND
    local test why models
    for test in ${tests[$1]}; do
        if why=$(unit "$test"); then echo "$test${why:+ ($why)}"; return; fi
    done
    if why=$(random_programs --seed 1 --count 100); then echo "random programs, interpreter${why:+ ($why)}: $(grep -m 1 -o 'pass [a-z_]*\|slope[^:]*\|died.*\|rejected' "$folder/said")"; return; fi
    if why=$(random_text); then echo "random programs, C${why:+ ($why)}"; return; fi
    texts >"$folder/texts/now"
    for test in ${slow[$1]}; do
        if why=$(unit "$test"); then echo "$test${why:+ ($why)}"; return; fi
    done
    if cmp -s "$folder/texts/now" "$folder/texts/base"; then echo "changes no text of $(wc -l <"$folder/texts/base") models"; return; fi
    NNC=$build/nnc PROJECT_DIR=$tree BUILD_DIR=$build notices bash "$tree/tests/run/kernels.sh" && { echo "run_kernels"; return; }
    mapfile -t models < <(differing | grep -E '^tests/(programs|run/zoo)/' | awk '{ line[NR] = $0 } END { for (i = 1; i <= NR; i += NR > 8 ? NR / 8 : 1) print line[int(i)] }')
    if why=$(whole_programs "${models[@]}"); then echo "programs $why"; return; fi
    if why=$(unit test_library); then echo "test_library${why:+ ($why)}"; return; fi
    echo "SURVIVES: other texts of $(differing | wc -l) models: $(differing | head -n 3 | tr '\n' ' ')"
}
baseline() {
    local kind test
    for test in $(for kind in "${kinds[@]}"; do echo "${tests[$kind]} ${slow[$kind]}"; done | tr ' ' '\n' | sort -u) test_library; do
        made "$test" || { cat "$folder/build.log"; return 1; }
        began=$SECONDS
        ! unit "$test" || { echo "$test fails without a mutation"; cat "$folder/said"; return 1; }
        echo "$test: $((SECONDS - began)) s"
    done
    for part in "random_programs --seed 1 --count 100" random_text; do
        made random_programs || { cat "$folder/build.log"; return 1; }
        began=$SECONDS
        read -ra part <<<"$part"
        ! "${part[@]}" || { echo "${part[*]}: it fails without a mutation"; cat "$folder/said"; return 1; }
        echo "${part[*]:0:5}: $((SECONDS - began)) s"
    done
    began=$SECONDS
    texts >"$folder/texts/base"
    : >"$folder/texts/now"
    whole_programs tests/programs/conv_pool.nn tests/programs/scan.nn && return 1
    echo "texts: $((SECONDS - began)) s"
}

# ---- one mutation
# Prints file:line, old and new line; nothing is left of it afterwards.
mutated() { # FILE LINE COLUMN LENGTH NEW: the file's text
    awk -v l="$2" -v c="$3" -v n="$4" -v new="${5//\\/\\\\}" \
        'NR == l { if (new == "" && substr($0, c, n) ~ /;$/) new = "{}"; $0 = substr($0, 1, c - 1) new substr($0, c + n) } 1' "$tree/$1"
}
try_one() { # KIND FILE LINE COLUMN LENGTH NEW: a line for the results
    local kind=$1 file=$2 began=$SECONDS old new by
    shift
    cat "$tree/$file" >"$folder/right"
    mutated "$@" >"$folder/wrong"
    old=$(sed -n "$2{s/^ *//;s/ *\/\/.*//;p}" "$folder/right") new=$(sed -n "$2{s/^ *//;s/ *\/\/.*//;p}" "$folder/wrong")
    if [[ $file = *.def ]]; then # only what changes, with what stands around it
        old=$(cut -c "$(($3 > 25 ? $3 - 25 : 1))-$(($3 + $4 + 15))" <<<"$(sed -n "$2p" "$folder/right")")
        new=$(cut -c "$(($3 > 25 ? $3 - 25 : 1))-$(($3 + ${#5} + 15))" <<<"$(sed -n "$2p" "$folder/wrong")")
    fi
    put "$file" "$folder/wrong"
    if ! made "$(first_of "$kind")"; then by="does not compile"; else by=$(detect "$kind" | tr '\n' ' '); fi
    put "$file" "$folder/right"
    printf '%s\t%s:%s\t%s\t%s\t%s\t%s\n' "$kind" "$file" "$2" "$old" "$new" "$by" $((SECONDS - began))
}
first_of() { set -- ${tests[$1]}; echo "$1"; }

# Reasons are looked up here: one that is found later counts.
table() { # SEED
    awk -F'\t' '
        BEGIN { OFS = "\t"; print "| mutant | file:line | kind | old | new | caught by | s |\n|---|---|---|---|---|---|---|" }
        FILENAME ~ /no_result.txt$/ { why[$1, $2, $3] = $4; next }
        $6 == "does not compile" { no++; next }
        {
            file = $3
            sub(/:.*/, "", file)
            if ($6 ~ /^SURVIVES/ && (file, $4, $5) in why) $6 = "changes no result: " why[file, $4, $5]
            n++; seconds += $7
            same += $6 ~ /^changes no/
            bad += $6 ~ /^SURVIVES/
            gsub(/\|/, "\\|")
            print "| " $1 " | " $3 " | " $2 " | `" $4 "` | `" $5 "` | " $6 " | " $7 " |"
        }
        END {
            printf "\n%d mutations: %d caught, %d change no result, %d survive; %d more do not compile; %d s\n", n, n - same - bad, same, bad, no, seconds
            exit bad > 0
        }' "$here/no_result.txt" "$folder/results.$1"
}

case ${1:-1} in
baseline) baseline ;;
table) table "${2:-1}" ;;
one)
    [ -s "$folder/texts/base" ] || baseline >"$folder/baseline.log" || { cat "$folder/baseline.log"; exit 1; }
    cat "$tree/$2" >"$folder/right"
    try_one "$7" "${@:2:5}"
    ;;
*)
    seed=${1:-1} count=${2:-50}
    results=$folder/results.$seed
    touch "$results"
    [ -s "$folder/texts/base" ] || baseline || exit 1
    for kind in "${kinds[@]}"; do
        (cd "$tree" && awk -f "$here/places.awk" -v kind="$kind" -v seed="$seed" ${files[$kind]}) >"$folder/places.$kind"
    done
    for ((number = 1; number <= count; number++)); do
        ! awk -F'\t' -v n=$number '$1 == n && $6 != "does not compile" { found = 1 } END { exit !found }' "$results" || continue
        kind=${kinds[(number - 1) % ${#kinds[@]}]}
        while :; do
            at=$(($(awk -F'\t' -v k="$kind" '$2 == k' "$results" | wc -l) + 1))
            line=$(sed -n "${at}p" "$folder/places.$kind")
            [ -n "$line" ] || { echo "no more places of the kind $kind"; exit 1; }
            mapfile -t place < <(tr '\t' '\n' <<<"$line")
            done=$(try_one "$kind" "${place[@]}")
            [ -n "$done" ] || exit 1
            printf '%s\t%s\n' "$number" "$done" | tee -a "$results"
            [[ $done = *"does not compile"* ]] || break
        done
    done
    table "$seed"
    ;;
esac
