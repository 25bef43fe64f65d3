"""What random train blocks are made of, for plans.py: values, losses with their gradients, optimizers, data and streams. From
language.md alone; nothing here is shared with nnc."""
import json
import math
import random

import permutation

PARAMS = ("w", "v", "u")
START = {"w": [0.3, -0.2, 0.1], "v": [0.5], "u": [-0.25], "s": [1.0], "k": [0]}


# ---- values: a text of .nn with what it means

class Draws(random.Random):
    option = None  # of the train block that is being made: the name of its scalar of the run


class Value:
    def __init__(self, text, of):
        self.text, self.of = text, of


class Now:
    """What an expression sees: stores, the streams' examples, options, the counters, the number of a static loop."""

    def __init__(self, run, streams=None, i=None):
        self.stores, self.options, self.step, self.epoch = run.stores, run.options, run.step, run.epoch
        self.streams, self.i, self.noise = streams or {}, i, 0.0


def mean(values):
    return sum(values) / len(values)


def dot(x, w):
    return sum(a * b for a, b in zip(x, w))


def scalar(r, streams, counts=None, depth=2, noise=False):
    """A random scalar over what is in sight there."""
    leaves = [Value("step", lambda n: n.step), Value("epoch", lambda n: n.epoch), Value("s", lambda n: n.stores["s"][0]),
              Value("v", lambda n: n.stores["v"][0]), Value(r.option, lambda n, name=r.option: n.options[name]),
              Value("sum(w)", lambda n: sum(n.stores["w"])), Value("cast(k, real)", lambda n: float(n.stores["k"][0]))]
    if counts:
        leaves.append(Value("cast(%s, real)" % counts, lambda n: float(n.i)))
    if noise:
        leaves.append(Value("noise[1]", lambda n: n.noise))
    for name in streams:
        leaves += [Value("mean(%s.y)" % name, lambda n, name=name: mean([e["y"] for e in n.streams[name]])),
                   Value("max(%s.y)" % name, lambda n, name=name: max(e["y"] for e in n.streams[name])),
                   Value("%s.z[-1]" % name, lambda n, name=name: n.streams[name][-1]["z"]),
                   Value("mean(sum(w * %s.x, axis = 1))" % name,
                         lambda n, name=name: mean([dot(e["x"], n.stores["w"]) for e in n.streams[name]]))]
    if depth == 0 or r.random() < 0.2:
        return r.choice(leaves)
    a, b = (scalar(r, streams, counts, depth - 1, noise) for _ in range(2))
    return r.choice([Value("(%s + %s)" % (a.text, b.text), lambda n: a.of(n) + b.of(n)),
                     Value("(%s - 0.5 * %s)" % (a.text, b.text), lambda n: a.of(n) - 0.5 * b.of(n)),
                     Value("tanh(%s)" % a.text, lambda n: math.tanh(a.of(n))),
                     Value("select(%s > %s, 1.0, -0.5)" % (a.text, b.text), lambda n: 1.0 if a.of(n) > b.of(n) else -0.5)])


def condition(r, streams):
    c = scalar(r, streams, depth=1)
    bound = r.choice([-0.4, 0.1, 0.9, 1.9])
    return Value("%s > %s" % (c.text, bound), lambda n: c.of(n) > bound)


# ---- losses, with their gradients

def line(name):
    """mean((w . x + v - y)^2)"""
    def gradient(n):
        batch, w, v = n.streams[name], n.stores["w"], n.stores["v"][0]
        rest = [2 * (dot(e["x"], w) + v - e["y"]) / len(batch) for e in batch]
        return {"w": [sum(q * e["x"][j] for q, e in zip(rest, batch)) for j in range(3)], "v": [sum(rest)]}
    return "mean((sum(w * %s.x, axis = 1) + v - %s.y) ** 2)" % (name, name), gradient


def offset(name):
    """mean((u - y)^2) + u v / 10"""
    def gradient(n):
        u, v = n.stores["u"][0], n.stores["v"][0]
        return {"u": [mean([2 * (u - e["y"]) for e in n.streams[name]]) + 0.1 * v], "v": [0.1 * u]}
    return "mean((u - %s.y) ** 2) + 0.1 * u * v" % name, gradient


def pull(_):
    """sum((w - 0.2)^2) + (v + 0.1)^2"""
    def gradient(n):
        return {"w": [2 * (x - 0.2) for x in n.stores["w"]], "v": [2 * (n.stores["v"][0] + 0.1)]}
    return "sum((w - 0.2) ** 2) + (v + 0.1) ** 2", gradient


# ---- optimizers: PyTorch's formulas, by element

def sgd(o, w, g, slots, count):
    g += o["decay"] * w
    slots["v"] = o["momentum"] * slots.get("v", 0.0) + g
    return o["lr"] * (g + o["momentum"] * slots["v"] if o["nesterov"] else slots["v"])


def adam(o, w, g, slots, count):
    slots["m"] = o["beta1"] * slots.get("m", 0.0) + (1 - o["beta1"]) * g
    slots["q"] = o["beta2"] * slots.get("q", 0.0) + (1 - o["beta2"]) * g * g
    m, q = slots["m"] / (1 - o["beta1"] ** count), slots["q"] / (1 - o["beta2"] ** count)
    return o["lr"] * (o["decay"] * w + m / (math.sqrt(q) + o["eps"]))


def adagrad(o, w, g, slots, count):
    g += o["decay"] * w
    slots["a"] = slots.get("a", 0.0) + g * g
    return o["lr"] * g / (math.sqrt(slots["a"]) + o["eps"])


def adadelta(o, w, g, slots, count):
    g += o["decay"] * w
    slots["q"] = o["rho"] * slots.get("q", 0.0) + (1 - o["rho"]) * g * g
    step = math.sqrt(slots.get("d", 0.0) + o["eps"]) / math.sqrt(slots["q"] + o["eps"]) * g
    slots["d"] = o["rho"] * slots.get("d", 0.0) + (1 - o["rho"]) * step * step
    return o["lr"] * step


def rmsprop(o, w, g, slots, count):
    g += o["decay"] * w
    slots["q"] = o["rho"] * slots.get("q", 0.0) + (1 - o["rho"]) * g * g
    slots["b"] = o["momentum"] * slots.get("b", 0.0) + g / (math.sqrt(slots["q"]) + o["eps"])
    return o["lr"] * slots["b"]


OPTIMIZERS = {  # formula, hyper-parameters: their defaults, and other values
    "SGD": (sgd, {"lr": [0.05, 0.1], "momentum": [0.0, 0.9], "nesterov": [False, True], "decay": [0.0, 0.1]}),
    "Adam": (adam, {"lr": [1e-3, 0.05], "beta1": [0.9, 0.5], "beta2": [0.999, 0.9], "eps": [1e-8, 1e-2], "decay": [0.0, 0.2]}),
    "AdamW": (adam, {"lr": [1e-3, 0.02], "beta1": [0.9, 0.0], "beta2": [0.999, 0.5], "eps": [1e-8], "decay": [0.0, 0.2]}),
    "Adagrad": (adagrad, {"lr": [1e-2, 0.1], "eps": [1e-10, 1e-2], "decay": [0.0, 0.1]}),
    "Adadelta": (adadelta, {"lr": [1.0, 0.5], "rho": [0.9, 0.5], "eps": [1e-6, 1e-2], "decay": [0.0, 0.1]}),
    "RMSprop": (rmsprop, {"lr": [1e-2, 0.02], "rho": [0.99, 0.6], "eps": [1e-8, 1e-2], "momentum": [0.0, 0.5], "decay": [0.0, 0.1]}),
}


class Optimizer:
    def __init__(self, r, name):
        self.name, self.kind = name, r.choice(sorted(OPTIMIZERS))
        self.formula, self.hyper = OPTIMIZERS[self.kind]
        self.given = {h: values[-1] for h, values in self.hyper.items() if h == "lr" and self.kind == "SGD" or r.random() < 0.4}
        self.schedule = r.choice(["", "", " / (1.0 + step)", " * exp(-0.3 * epoch)", " * " + r.option])
        self.option = r.option
        if "lr" not in self.given:
            self.schedule = ""
        self.clip = r.choice([0.0, 0.0, 0.3])

    def text(self):
        words = ["%s = %s%s" % (h, json.dumps(x), self.schedule if h == "lr" else "") for h, x in self.given.items()]
        return "%s(%s)" % (self.kind, ", ".join(words + (["clip_norm = %s" % self.clip] if self.clip else [])))

    def now(self, n):
        o = {h: self.given.get(h, values[0]) for h, values in self.hyper.items()}
        o["lr"] *= {"": 1.0, " / (1.0 + step)": 1 / (1 + n.step), " * exp(-0.3 * epoch)": math.exp(-0.3 * n.epoch),
                    " * " + self.option: n.options[self.option]}[self.schedule]
        return o

    def take(self, n, over, gradients, slots, multipliers):
        """`slots`: those of the optimizer as it was evaluated; by parameter."""
        gradients = {p: gradients[p] for p in over if p in gradients}
        norm = math.sqrt(sum(x * x for g in gradients.values() for x in g))
        scale = min(1.0, self.clip / norm) if self.clip and norm else 1.0
        for p, g in gradients.items():
            lr, decay = multipliers.get(p, (1.0, 1.0))
            mine = slots.setdefault(p, {"count": 0, "of": [{} for _ in g]})
            mine["count"] += 1
            o = self.now(n)
            o["decay"] *= decay
            n.stores[p] = [w - lr * self.formula(o, w, scale * x, of, mine["count"])
                           for w, x, of in zip(n.stores[p], g, mine["of"])]


# ---- data

class Data:
    def __init__(self, r, name):
        n = r.randint(1, 13)
        self.name, self.shuffle = name, r.random() < 0.7
        self.rows = [{"x": [round(r.uniform(-1, 1), 2) for _ in range(3)], "y": round(r.uniform(-1, 1), 2)} for _ in range(n)]
        for e in self.rows:
            e["z"] = e["y"] * 2.0 + sum(e["x"])
        self.parts = r.choice([[0.7, 0.3], [0.5, 0.2, 0.3]]) if n > 7 and r.random() < 0.4 else None
        self.seed = r.randint(0, 3)

    def text(self):
        split = ["    split = part;  parts = %s;  seed = %d;\n" % (self.parts, self.seed)] if self.parts else []
        return "data %s(part: str) {\n    x: [3] from rows(%s);\n    y: real from rows(%s);\n    z: real = y * 2.0 + sum(x);\n%s%s}\n" % (
            self.name, [e["x"] for e in self.rows], [e["y"] for e in self.rows],
            "" if self.shuffle else "    shuffle = false;\n", "".join(split))

    def part_names(self):
        return ["all"] if not self.parts else ["train", "test"] if len(self.parts) == 2 else ["train", "valid", "test"]

    def part(self, name):
        if not self.parts:
            return self.rows
        n = len(self.rows)
        order = permutation.permutation(self.seed, 2 ** 32 - 1, self.name, n)
        ends = [round(sum(self.parts[:i]) * n) for i in range(len(self.parts) + 1)]
        at = self.part_names().index(name)
        return [self.rows[i] for i in order[ends[at]:ends[at + 1]]]


class Stream:
    """An epoch of the first stream begins at a fresh permutation; the others continue over theirs."""

    def __init__(self, data, part, seed, shuffled):
        self.data, self.rows, self.seed, self.shuffled = data, data.part(part), seed, shuffled and data.shuffle
        self.passes, self.left = 0, []

    def begin(self):
        n = len(self.rows)
        order = permutation.permutation(self.seed, self.passes, self.data.name, n) if self.shuffled else range(n)
        self.left = [self.rows[i] for i in order]
        self.passes += 1

    def take(self, n):
        out = []
        while len(out) < n:
            if not self.left:
                self.begin()
            out.append(self.left.pop(0))
        return out


class Example:
    """Something to ask a gradient which parameters it reaches."""
    stores, step, epoch = START, 0.0, 0.0
    options = {"rate_t0": 0.5, "rate_t1": 0.5}
    rows = [{"x": [1.0, 2.0, 3.0], "y": 1.0, "z": 1.0}]


EXAMPLE = Example()
