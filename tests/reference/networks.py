#!/usr/bin/env python3
"""One training step of LeNet and ResNet-20 once more, with PyTorch in f64.

    networks.py lenet|resnet20 DATA BEFORE.safetensors AFTER.safetensors LOSS

A step of SGD at rate 1 without momentum takes the gradient from each parameter, so the difference of the weights
before and after is the gradient. Loss, gradients and the running statistics are compared, to 1e-9 of each tensor's
largest value; what differs is printed.
"""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

TOLERANCE = 1e-9


def safetensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    return {name: torch.from_numpy(np.frombuffer(data[slice(*t["data_offsets"])], {"F64": "f8"}[t["dtype"]]).reshape(t["shape"]).copy())
            for name, t in head.items() if name != "__metadata__"}


def lenet(p, statistics, folder):
    x = np.fromfile(folder + "/train-images-idx3-ubyte", "u1")[16:].reshape(-1, 1, 28, 28) / 255.0
    y = np.fromfile(folder + "/train-labels-idx1-ubyte", "u1")[8:].astype("i8")
    h = torch.from_numpy(x)
    for i in 0, 1:
        h = F.max_pool2d(F.conv2d(h, p[f"net.conv2d_{i}.W"], p[f"net.conv2d_{i}.b"]), 2)
    h = torch.relu(h.flatten(1) @ p["net.dense_0.W"] + p["net.dense_0.b"])
    logits = h @ p["net.dense_1.W"] + p["net.dense_1.b"]
    return F.cross_entropy(logits, torch.from_numpy(y)) + 5e-4 * sum((v ** 2).sum() for v in p.values())


def resnet20(p, statistics, folder):
    records = np.fromfile(folder + "/train.bin", "u1").reshape(-1, 3073)
    mean, std = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    x = (records[:, 1:].reshape(-1, 3, 32, 32) / 255.0 - mean.reshape(3, 1, 1)) / std.reshape(3, 1, 1)

    def conv_bn(x, name, kernel=3, stride=1):
        x = F.conv2d(x, p[name + ".conv2d_0.W"], stride=stride, padding=kernel // 2)
        norm = name + ".batch_norm_0"
        statistics[norm + ".mean_"] = 0.1 * x.mean((0, 2, 3))
        statistics[norm + ".var_"] = 0.9 + 0.1 * x.var((0, 2, 3), unbiased=False)
        return F.batch_norm(x, None, None, p[norm + ".gamma"], p[norm + ".beta"], training=True, eps=1e-5)

    h = torch.relu(conv_bn(torch.from_numpy(x), "net.conv_bn_0"))
    for block in range(9):
        name, stride = f"net.residual_{block}", 2 if block in (3, 6) else 1
        y = conv_bn(torch.relu(conv_bn(h, name + ".conv_bn_0", stride=stride)), name + ".conv_bn_1")
        h = torch.relu(y + (conv_bn(h, name + ".conv_bn_2", kernel=1, stride=stride) if stride == 2 else h))
    logits = h.mean((2, 3)) @ p["net.dense_0.W"] + p["net.dense_0.b"]
    return F.cross_entropy(logits, torch.from_numpy(records[:, 0].astype("i8")))


def main(network, folder, before, after, reported):
    before, after = safetensors(before), safetensors(after)
    params = {k: v.requires_grad_() for k, v in before.items() if not k.endswith("_")}
    statistics = {}
    loss = network(params, statistics, folder)
    loss.backward()
    expected = {"loss": loss.detach(), **{k: v.grad for k, v in params.items()}, **{k: v.detach() for k, v in statistics.items()}}
    found = {"loss": torch.tensor(float(reported), dtype=torch.float64),
             **{k: (before[k] - after[k]).detach() for k in params}, **{k: after[k] for k in after if k.endswith("_")}}
    if sorted(expected) != sorted(found):
        sys.exit(f"these are not the same tensors: {sorted(set(expected) ^ set(found))}")
    worst, bad = 0.0, 0
    for name, e in expected.items():
        difference = ((found[name] - e).abs().max() / e.abs().max().clamp(min=1e-6)).item()
        worst = max(worst, difference)
        if not difference <= TOLERANCE:
            bad += 1
            print(f"{name}: differs by {difference:.2g} of its scale")
    print(f"{network.__name__}: {len(expected)} tensors, largest difference {worst:.2g}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main({"lenet": lenet, "resnet20": resnet20}[sys.argv[1]], *sys.argv[2:]))
