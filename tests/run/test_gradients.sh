#!/bin/bash
# nnc test --gradients: what is right and what is wrong, exit codes, data; and every program and sample of a size that the
# interpreter gets through.
#   tests/run/test_gradients.sh --update     writes what tests/gradients/*.nn give (NNC and PROJECT_DIR set); read it before committing
PROJECT_DIR=${PROJECT_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
NNC=${NNC:-$PROJECT_DIR/build/release/nnc}
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$PROJECT_DIR/tests/gradients" || exit 1

# Rounding decides the digits of an error that is none.
said() { nnc test --gradients "$@" 2>&1 | sed -E 's/([0-9]\.[0-9]e-(0[6-9]|[1-9][0-9])|0\.0e\+00)/  small/; s,small +(\[[0-9, ]*\]|together),small,; s,  +,  ,g'; }

for name in right:0 composites:0 wrong:4; do
    model=${name%:*}
    said "$model.nn" >"$work/$model.txt"
    [ "${1:-}" != --update ] || cp "$work/$model.txt" "$model.txt"
    diff -u "$model.txt" "$work/$model.txt" || fail "nnc test --gradients $model.nn says something else"
    expect "${name#*:}" '' nnc test --gradients "$model.nn"
done
cd "$work" || exit 1
cp "$PROJECT_DIR"/tests/gradients/*.nn .

# ---- what is allowed, and nothing else
expect 0 '^vjp cube .*on purpose not the derivative: --allow-vjp$' nnc test --gradients --allow-vjp=cube wrong.nn
expect 4 '1 rule wrong' nnc test --gradients --allow-vjp=other wrong.nn
expect 2 'goes with `nnc test --gradients`' nnc test --allow-vjp=cube wrong.nn
expect 2 'goes with `nnc test --gradients`' nnc --data . wrong.nn
expect 2 'goes with one of the commands: test' nnc check --gradients wrong.nn

# A rule that is wrong is found in a loop as well, at its first iteration.
cat >loop.nn <<'END'
fn cube(x: [*s]) -> [*s] = x * x * x;
vjp cube(x: [*s], y: [*s], dy: [*s]) = -3.0 * x * x * dy;
param w: [2] = normal(1.0);
export fn f(x: [5, 2]) -> [2] = grad(sum(scan(v in x; h = zeros([2])) { next h = cube(v * w) + 0.5 * h; }), w);
END
expect 4 '^vjp cube .*loop.nn:2:5 +WRONG' nnc test --gradients loop.nn
sed 's/-3.0/3.0/' loop.nn >right_loop.nn
expect 0 '^1 gradient: 1 right, 0 wrong' nnc test --gradients right_loop.nn

# ---- data: read where they are, drawn where they aren't, and an error where they were asked for
cat >csv.nn <<'END'
model net = Dense(3);
data d { x: [2] from csv("d.csv", columns = [0, 1]); label: u8 from csv("d.csv", columns = [2]); }
train t { batch = 8; each b in d() { minimize cross_entropy(net(b.x), cast(b.label, i32)) over net using SGD(lr = 0.1); } }
END
expect 0 'drawn inputs$' nnc test --gradients csv.nn
expect 0 'd.csv: can.t be opened.*--data says where' nnc test --gradients csv.nn
expect 3 'here/d.csv: can.t be opened' nnc test --gradients --data=here csv.nn
mkdir here
printf '0.5,1,2\n0.1,2,0\n' >here/d.csv
expect 0 ', 4 examples of d$' nnc test --gradients --data=here csv.nn
printf '0.5,1,2\n0.1,2,x\n' >here/d.csv
expect 1 'd.csv' nnc test --gradients --data here csv.nn
printf 'fn f(x: [4]) -> [4] = x;\n' >none.nn
expect 0 '^none.nn has no gradients$' nnc test --gradients none.nn

# ---- where there is no number
cat >nan.nn <<'END'
param w: [2] = zeros;
export fn f() -> [2] = grad(sqrt(sum(w * 0.0)), w);
export fn g() -> [2] = grad(sum(log(w - 9.0)), w);
END
expect 4 'by differences 0$' nnc test --gradients nan.nn
expect 4 'nan.nn:3:24, no inputs: its value is not finite$' nnc test --gradients nan.nn

# ---- all of ours, two examples with fewer channels; two have rules that are wrong on purpose; under sanitizers without
# the zoo, which uses no more of nnc than the others do, and without the large samples. A spike in a loop is not compared.
cd "$PROJECT_DIR" || exit 1
sed 's/512/8/g' tests/examples/char_lstm.nn >"$work/char_lstm.nn"
sed 's/256, 256/8, 8/; s/(x, 64)/(x, 4)/; s/128)/6)/; s/(r2), 256)/(r2), 8)/' tests/examples/style.nn >"$work/style.nn"
zoo=${NNC_ZOO_MODELS-tests/run/zoo/*.nn}
[ "$NNC_SANITIZE" != ON ] || { zoo=; echo "not looked at under sanitizers: tests/run/zoo"; }
for model in ${NNC_SAMPLES-samples/*/*.nn} ${NNC_PROGRAMS-tests/programs/*.nn} tests/examples/{dbn,ensemble,vae}.nn "$work"/{char_lstm,style}.nn $zoo; do
    case $NNC_SANITIZE$model in
    ON*resnet20* | ON*dcgan*) echo "not looked at under sanitizers, it takes minutes: $model" && continue ;;
    *import.nn) said "$model" --allow-vjp=act >"$work/all.txt" ;;
    *) said "$model" >"$work/all.txt" ;;
    esac
    [[ $model != *liquid_state.nn ]] || sed -i 's/ 0 wrong, 1 not compared;/ 0 wrong;/' "$work/all.txt"
    grep -Eq '^[0-9]+ gradients?: [0-9]+ right, 0 wrong; |has no gradients$' "$work/all.txt" || fail "$model: $(cat "$work/all.txt")"
    grep -q 'rules\? wrong' "$work/all.txt" && fail "$model: $(cat "$work/all.txt")"
done
done_testing
