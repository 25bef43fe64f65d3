#!/bin/bash
# One step of LeNet and ResNet-20 that PyTorch computes again in f64 from the same weights and examples: the loss, every
# gradient and every running statistic.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
cd "$work" || exit 1
python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import numpy, torch' 2>/dev/null && echo "$p" && break; done)
[ -n "$python" ] || { echo "SKIP networks: PyTorch is not installed (python3-torch)"; exit 77; }
"$PROJECT_DIR/scripts/make_mnist.sh" data 10
"$PROJECT_DIR/scripts/make_cifar.sh" 5 >data/train.bin && cp data/train.bin data/test_batch.bin

for name in lenet resnet20; do
    sed 's/SGD(.*;$/SGD(lr = 1.0);/; s/augment = true/augment = false/; s/^\( *\)seed = 1;/&  save net to "before.safetensors";/' \
        "$PROJECT_DIR/samples/$name/$name.nn" >$name.nn
    nnc --real=f64 -O1 --cpu=baseline $name.nn -o $name || fail "nnc $name.nn"
    program ./$name train --data data --out out --no-shuffle --epochs 1 --steps 1 --json >log.json || fail "$name train"
    loss=$(sed -n 's/.*"event":"step".*"loss":\([0-9.e+-]*\).*/\1/p' log.json)
    "$python" "$PROJECT_DIR/tests/reference/networks.py" $name data out/before.safetensors out/$name.safetensors "$loss" ||
        fail "$name: PyTorch has other numbers"
done
done_testing
