#!/usr/bin/env python3
"""training.nn once more, written with numpy from the formulas of the papers, derivatives by complex steps.

    training.py data DIR     writes x.npy and y.npy
    training.py check DIR    compares the log DIR/log.json and the weights saved in DIR; prints what differs

The complex step f'(x) = Im f(x + ih) / h (Squire, Trapp 1998) has no cancellation: with h = 1e-30 it is
exact to rounding for every analytic f, so nothing here knows how nnc differentiates.
"""
import json
import struct
import sys

import numpy as np

H = 1e-30


def safetensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    return {name: np.frombuffer(data[slice(*t["data_offsets"])], {"F64": "f8"}[t["dtype"]]).reshape(t["shape"]).copy()
            for name, t in head.items() if name != "__metadata__"}


def gradient(loss, params):
    grads = {}
    for name, p in params.items():
        g = np.zeros(np.shape(p))
        for i in np.ndindex(np.shape(p)):
            moved = {k: np.array(v, complex) for k, v in params.items()}
            moved[name][i] += 1j * H
            g[i] = loss(moved).imag / H
        grads[name] = g
    return grads


# ---- models: formulas of library.md

def log_softmax(z):
    z = z - z.real.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def cross_entropy(z, y, smoothing=0.0):
    l = log_softmax(z)
    return np.mean(-(1 - smoothing) * l[np.arange(len(y)), y] - smoothing * l.mean(axis=1))


def logistic_loss(p, x, y):
    return cross_entropy(x @ p["logistic.dense_0.W"] + p["logistic.dense_0.b"], y) + 1e-3 * sum((v ** 2).sum() for v in p.values())


def net_logits(p, x, mean=None, var=None):
    h = x @ p["net.first.W"]
    mean = h.mean(axis=0) if mean is None else mean
    var = ((h - mean) ** 2).mean(axis=0) if var is None else var
    stats = mean, var
    h = np.tanh((h - mean) / np.sqrt(var + 1e-3) * p["net.norm.gamma"] + p["net.norm.beta"])
    d = h - h.mean(axis=1, keepdims=True)
    h = d / np.sqrt((d * d).mean(axis=1, keepdims=True) + 1e-5) * p["net.scale.gamma"] + p["net.scale.beta"]
    return h @ p["net.last.W"] + p["net.last.b"], stats


def slow_loss(p, x, y):
    return np.mean((np.log1p(np.exp(x @ p["slow.w"] + p["slow.c"])) ** 2 - y) ** 2)


# ---- optimizers: Sutskever 2013 as PyTorch has it; Kingma, Ba 2015 with the decay of Loshchilov, Hutter 2019

def sgd_nesterov(p, grads, slots, lr, momentum, decay, no_decay):
    for name, g in grads.items():
        g = g + (0 if no_decay(name) else decay) * p[name]
        v = slots[name] = momentum * slots.get(name, 0) + g
        p[name] = p[name] - lr * (g + momentum * v)


def adam(p, grads, slots, lr, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.0, clip=0.0, lr_mult=lambda n: 1.0, decay_mult=lambda n: 1.0):
    norm = np.sqrt(sum((g ** 2).sum() for g in grads.values()))
    scale = min(1.0, clip / norm) if clip else 1.0
    slots["t"] = slots.get("t", 0) + 1
    for name, g in grads.items():
        g = g * scale
        m, v = slots.get(name, (0, 0))
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        slots[name] = m, v
        step = lr * lr_mult(name)
        p[name] = p[name] * (1 - step * decay * decay_mult(name))
        p[name] = p[name] - step * (m / (1 - beta1 ** slots["t"])) / (np.sqrt(v / (1 - beta2 ** slots["t"])) + eps)


# ---- the checks

class Check:
    def __init__(self, folder):
        self.folder, self.bad = folder, 0
        self.x, self.y = np.load(folder + "/x.npy"), np.load(folder + "/y.npy")
        self.log = [json.loads(line) for line in open(folder + "/log.json")]

    def same(self, what, ours, theirs):
        scale = max(np.abs(ours).max(), 1e-3)
        if np.shape(ours) != np.shape(theirs) or not np.abs(np.subtract(ours, theirs)).max() <= 1e-10 * scale:
            self.bad += 1
            print(f"{what}: {np.ravel(theirs)[:4]}, numpy says {np.ravel(ours)[:4]}")

    def batches(self, drop_last=False):
        n = len(self.x) // 4 * 4 if drop_last else len(self.x)
        return [(self.x[i:i + 4], self.y[i:i + 4]) for i in range(0, n, 4)]

    def losses(self, train):
        return [e["loss"] for e in self.log if e["event"] == "step" and e["train"] == train]

    def train(self, name, loss, update, drop_last=False):
        p = safetensors(f"{self.folder}/out/{name}.safetensors")
        p, states = {k: v for k, v in p.items() if not k.endswith("_")}, {k: v for k, v in p.items() if k.endswith("_")}
        ours, step = [], 0
        for epoch in range(2):
            for x, y in self.batches(drop_last):
                ours.append(loss(p, x, y, states).real)
                update(p, gradient(lambda q: loss(q, x, y, None), p), step, epoch)
                step += 1
        self.same(f"{name}: losses", ours, self.losses(name))
        after = safetensors(f"{self.folder}/out/{name}_after.safetensors")
        if sorted(after) != sorted([*p, *states]):
            self.bad += 1
            print(f"{name}: {sorted(after)} was saved")
        for key, v in {**p, **states}.items():
            self.same(key, v, after[key])
        return p, states


def check(folder):
    c = Check(folder)
    is_bias = lambda name: name.endswith(".b") or "gamma" in name or "beta" in name

    slots = {}
    c.train("logistic", lambda p, x, y, s: logistic_loss(p, x, y),
            lambda p, g, step, epoch: sgd_nesterov(p, g, slots, 0.1 / (1 + epoch), 0.9, 0.01, is_bias))

    def net_loss(p, x, y, states):
        z, (mean, var) = net_logits(p, x)
        if states is not None:
            states["net.norm.mean_"] = 0.8 * states["net.norm.mean_"] + 0.2 * mean
            states["net.norm.var_"] = 0.8 * states["net.norm.var_"] + 0.2 * var
        return cross_entropy(z, y, 0.1)

    net_slots = {}
    p, states = c.train("net", net_loss, lambda p, g, step, epoch: adam(
        p, g, net_slots, 0.02 * (1 + np.cos(np.pi * min(step / 10, 1))) / 2, decay=0.1, clip=0.2,
        decay_mult=lambda n: 0.0 if is_bias(n) else 1.0))
    z, _ = net_logits(p, c.x, states["net.norm.mean_"], states["net.norm.var_"])
    last = [e for e in c.log if e["event"] == "eval"][-1]
    c.same("net: eval", [cross_entropy(z, c.y), np.mean(z.argmax(axis=1) == c.y)], [last["loss"], last["acc"]])

    slow_slots = {}
    of_w = lambda a: lambda n: a if n == "slow.w" else 1.0
    c.train("slow", lambda p, x, y, s: slow_loss(p, x, y), lambda p, g, step, epoch: adam(
        p, g, slow_slots, 0.05, 0.8, 0.95, 1e-4, 0.3, lr_mult=of_w(0.5), decay_mult=of_w(2.0)), drop_last=True)
    return c.bad


if __name__ == "__main__":
    if sys.argv[1] == "data":
        rng = np.random.default_rng(1)
        np.save(sys.argv[2] + "/x.npy", rng.normal(size=(11, 4)))
        np.save(sys.argv[2] + "/y.npy", rng.integers(0, 3, 11).astype("i4"))
    else:
        sys.exit(check(sys.argv[2]) > 0)
