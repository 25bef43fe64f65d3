#!/usr/bin/env python3
"""PyTorch's half of lenet.sh: runs both sides alternately and prints the table.    lenet.py ROUNDS VERSION..."""
import json
import os
import platform
import statistics
import struct
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

BATCH, FEW, MANY = 64, 10, 60
torch.set_num_threads(1)


def initial_weights():
    torch.manual_seed(1)
    shapes = {"net.conv2d_0.W": (20, 1, 5, 5), "net.conv2d_0.b": (20,), "net.conv2d_1.W": (50, 20, 5, 5), "net.conv2d_1.b": (50,),
              "net.dense_0.W": (800, 500), "net.dense_0.b": (500,), "net.dense_1.W": (500, 10), "net.dense_1.b": (10,)}
    return {name: 0.05 * torch.randn(shape) for name, shape in shapes.items()}


def write_weights(path, weights):
    head, data = {}, b""
    for name, w in weights.items():
        raw = w.numpy().tobytes()
        head[name] = {"dtype": "F32", "shape": list(w.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def program(steps):
    """The losses of so many steps of nnc's program."""
    args = ["./lenet", "train", "--weights", "init.safetensors", "--no-shuffle", "--epochs", "1", "--steps", str(steps), "--json"]
    log = subprocess.run(args, check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()
    return [e["loss"] for e in map(json.loads, log) if e["event"] == "step"]


class Torch:
    def __init__(self, weights):
        self.p = {name: w.clone().requires_grad_() for name, w in weights.items()}
        self.opt = torch.optim.SGD(self.p.values(), lr=0.01, momentum=0.9)
        x = np.fromfile("train-images-idx3-ubyte", "u1")[16:].reshape(-1, 1, 28, 28)
        self.x = torch.from_numpy(x.astype("f4") / np.float32(255))
        self.y = torch.from_numpy(np.fromfile("train-labels-idx1-ubyte", "u1")[8:].astype("i8"))

    def step(self, i):
        p = self.p
        x, y = self.x[i * BATCH:(i + 1) * BATCH], self.y[i * BATCH:(i + 1) * BATCH]
        for group in self.opt.param_groups:
            group["lr"] = 0.01 * (1 + 1e-4 * i) ** -0.75
        self.opt.zero_grad()
        h = F.max_pool2d(F.conv2d(x, p["net.conv2d_0.W"], p["net.conv2d_0.b"]), 2)
        h = F.max_pool2d(F.conv2d(h, p["net.conv2d_1.W"], p["net.conv2d_1.b"]), 2)
        h = torch.relu(h.flatten(1) @ p["net.dense_0.W"] + p["net.dense_0.b"])
        z = h @ p["net.dense_1.W"] + p["net.dense_1.b"]
        loss = F.cross_entropy(z, y) + 5e-4 * sum((w ** 2).sum() for w in p.values())
        loss.backward()
        self.opt.step()
        (z.argmax(1) == y).float().mean().item()  # the accuracy that nnc's step reports too
        return loss.item()


    def run(self, steps):
        return [self.step(i) for i in range(steps)]


def seconds(run, steps):
    begin = time.perf_counter()
    run(steps)
    return time.perf_counter() - begin


def main():
    rounds, versions = int(sys.argv[1]), sys.argv[2:]
    weights = initial_weights()
    write_weights("init.safetensors", weights)
    eager = Torch(weights)
    ours, theirs = program(FEW), eager.run(FEW)
    worst = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs))
    if worst > 1e-4:
        sys.exit(f"the losses of the first {FEW} steps differ by {worst:.1e}: {ours} {theirs}")
    times = {"nnc": [], "PyTorch eager": []}
    for _ in range(rounds):
        for name, run in ("nnc", program), ("PyTorch eager", eager.run):
            times[name].append(1e3 * (seconds(run, MANY) - seconds(run, FEW)) / (MANY - FEW))
    ratios = sorted(t / n for n, t in zip(times["nnc"], times["PyTorch eager"]))
    print(f"LeNet, batch {BATCH}, SGD with momentum, f32, one thread; {rounds} alternating rounds; losses of {FEW} steps agree to {worst:.0e}")
    for name, t in times.items():
        print(f"  {name:14} median {statistics.median(t):7.2f} ms a step, least {min(t):7.2f}, most {max(t):7.2f}")
    print(f"  PyTorch's time over nnc's: median {statistics.median(ratios):.2f}, least {ratios[0]:.2f}, most {ratios[-1]:.2f}")
    print(f"  {', '.join(versions)}; torch {torch.__version__}; {cpu()}; {os.cpu_count()} cores; {time.strftime('%Y-%m-%d')}")


def cpu():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())


main()
