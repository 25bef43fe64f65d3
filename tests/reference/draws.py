#!/usr/bin/env python3
"""draws.nn once more: Philox, normals, initial values, sites and the counter of batches, from language.md ("Layers,
parameters, state") and docs/LANGUAGE.md ("Random numbers") alone; nothing here is shared with nnc.

    draws.py LOG.json WEIGHTS.safetensors     compares; prints what differs
"""
import json
import math
import struct
import sys

import numpy as np

SEED = 12345678901
INIT = 2 ** 32 - 1


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [q >> 32 ^ c[1] ^ k[0], q & 0xFFFFFFFF, p >> 32 ^ c[3] ^ k[1], p & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def site(path, *numbers):
    h = 2166136261
    for byte in path.encode() + b"".join(struct.pack("<I", n) for n in numbers):
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h


def words(shape, iteration, step, where):
    n = math.prod(shape)
    out = [philox((block, iteration, step, where), (SEED & 0xFFFFFFFF, SEED >> 32)) for block in range((n + 3) // 4)]
    return [w >> 8 for w in sum(out, [])], n


def rand(shape, step, where, iteration=0):
    k, n = words(shape, iteration, step, where)
    return np.array([v * 2.0 ** -24 for v in k[:n]]).reshape(shape)


def randn(shape, step, where, iteration=0):
    k, n = words(shape, iteration, step, where)
    out = []
    for a, b in zip(k[::2], k[1::2]):
        r, t = math.sqrt(-2 * math.log((a + 1) * 2.0 ** -24)), 2 * math.pi * b * 2.0 ** -24
        out += [r * math.cos(t), r * math.sin(t)]
    return np.array(out[:n]).reshape(shape)


# ---- initial values

def uniform(name, shape):
    return rand(shape, INIT, site(name))


def normal(name, shape):
    return randn(shape, INIT, site(name))


def erf_inverse(y):  # bisection, then nothing to explain
    lo, hi = -6.0, 6.0
    while lo < (mid := (lo + hi) / 2) < hi:
        lo, hi = (mid, hi) if math.erf(mid) < y else (lo, mid)
    return lo


def orthogonal(name, shape, gain=1.0):
    m = normal(name, shape).reshape(shape[0], -1)
    wide = m.shape[0] < m.shape[1]
    q, r = np.linalg.qr(m.T if wide else m)
    q = q * np.sign(np.diag(r))
    return gain * (q.T if wide else q).reshape(shape)


def sparse(name, shape, density, radius):
    m = normal(name, shape) * (rand(shape, INIT, site(name + "#1")) < density)
    return m * radius / abs(np.linalg.eigvals(m)).max()


def initial():
    ends = math.erf(math.sqrt(2))
    half = lambda bound, name, shape: bound * (2 * uniform(name, shape) - 1)
    return {
        "a": -1 + 3 * uniform("a", (3, 5)),
        "b": 0.5 * normal("b", (7,)),
        "c": 2 * math.sqrt(2) * np.vectorize(erf_inverse)((2 * uniform("c", (3, 5)) - 1) * ends),
        "d": half(math.sqrt(6 / 8), "d", (3, 5)),
        "e": math.sqrt(2 / (20 + 12)) * normal("e", (3, 5, 2, 2)),
        "f": math.sqrt(2 / 3) * normal("f", (4, 5)),
        "g": half(math.sqrt(3 / 15), "g", (3, 5, 3)),
        "h": orthogonal("h", (3, 5), 2.0),
        "i": orthogonal("i", (4, 3, 2)),
        "j": half(math.sqrt(6 / 1), "j", ()),
        "k": sparse("k", (6, 6), 0.5, 0.9),
        "deconv.W": half(math.sqrt(6 / (5 * 6 + 3 * 6)), "deconv.W", (5, 3, 2, 3)),
        "deconv.b": np.zeros(3),
    }


# ---- draws: the numbers of the calls are those of the report's text, in source order; zeros([3]) is 0

def step_reports(i, step, batch):
    def at(*numbers, path="", shape=(3,), draw=rand, iteration=0):
        return draw(shape, step, site(path, 0, i, *numbers), iteration)
    # first: rand 1; call: noise 2; pipe: the pipe 3, the inner pipe 4, scaled 5
    r = {"first": at(1)[1], "call": at(2, 0)[2], "pipe": at(4, 0)[0] + 10 * at(5, 0)[0]}
    # net: sum 6, net(zero) 7. In apply: a(x) 0, twice(x) 1; in twice: a(x) 0, bernoulli_like 1, in it cast 0, rand 1
    twice = lambda *n: at(*n, 0, 0, path="net.a", draw=randn) + 10 * (at(*n, 1, 1, path="net") < 0.5)
    r["net"] = sum(at(7, 0, 0, path="net.a", draw=randn) + 10 * twice(7, 1))
    # method: sum 8, net.twice 9; loops: sum 10, loops 11
    r["method"] = sum(twice(9))
    y = 0
    for a in range(2):
        for b, v in enumerate([0.5, 0.25]):
            y = 2 * y + v * at(11, 0, a, b)
    r["loops"] = sum(y)
    # list: sum 12, rand 13; lambda: its call 14, rand 15 in the same body
    r["list"] = 10 * sum(at(13, 2))
    r["lambda"] = at(14, 15)[1]
    # nested: sum 16, nested 17; in it zeros 0, zeros 1, rand 2
    y = 0
    for a in range(3):
        u = 0
        for b in range(4):
            u = 0.5 * u + at(17, 2, iteration=4 * a + b)
        y = 0.5 * y + u
    r["nested"] = sum(y)
    # batch: sum 18, rand 19; field: sum 20; category: sum 21, categorical 22, in it cumsum softmax squeeze slice_axis sum cast expand, rand 7
    r["batch"] = at(19, shape=(batch, 3)).sum()
    r["category"] = float(sum(math.floor(u * 5) for u in at(22, 7, shape=(4,))))
    return r


def field_noise(example, epoch):  # rand's number is 1, the second iteration's too
    return randn((3,), epoch, site("xs", 0), iteration=example) + rand((), epoch, site("xs", 1, 1), iteration=example)


def events(w):
    step = epoch = 0
    for i in range(2):
        for n in range(2):
            sums = []
            for batch in (2, 2, 1):
                reports = step_reports(i, step, batch)
                seen = 2 * len(sums)
                reports["field"] = sum(field_noise(k, n).sum() for k in range(seen, seen + batch))
                reports["deconv"] = w["deconv.W"].sum() * 4
                yield "step", reports
                step += 1
                sums.append((batch, reports))
            reports = {k: sum(b * r[k] for b, r in sums) / 5 for k in sums[0][1]}
            reports["between"] = rand((), step, site("", 1, i, 0))
            yield "epoch", reports
            if n == 1:
                inside = sum(b * rand((), step + k, site("", 0, i, 0)) for k, b in enumerate((2, 2, 1))) / 5
                step += 3
                yield "eval", {"inside": inside, "after": rand((), step, site("", 2, i, 1))}
    w["z"] = rand((3,), step, site("", site("t"), 2))  # after the calls xs() and xs() of the train block


def safetensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    return {name: np.frombuffer(data[slice(*t["data_offsets"])], "f8").reshape(t["shape"])
            for name, t in head.items() if name != "__metadata__"}


def check(log, weights):
    wrong = 0

    def compare(what, got, want, error=1e-12):
        nonlocal wrong
        if np.shape(got) != np.shape(want) or np.max(np.abs(got - want)) > error:
            print(what, "is", got, "not", want)
            wrong += 1

    w = initial()
    with open(log) as f:
        told = [e for e in map(json.loads, f) if e["event"] in ("step", "epoch", "eval")]
    expected = list(events(w))
    compare("the number of events", len(told), len(expected))
    for n, (got, (kind, reports)) in enumerate(zip(told, expected)):
        for name, value in reports.items():
            compare(f"event {n}, {kind}, {name}", got[name], value)
    got = safetensors(weights)
    compare("the number of tensors", len(got), len(w))
    for name in w:
        compare(name, got[name], w[name], 1e-9 if name == "k" else 1e-12)  # k: the error that its radius may have
    return wrong == 0


sys.exit(not check(*sys.argv[1:]))
