#!/usr/bin/env python3
"""Random train blocks, and what they do by language.md ("Data", "Training") and docs/LANGUAGE.md ("Training") alone:
phases, loops and evals, several streams, shuffled and split data, accumulation, patience, `when`, schedules, multipliers,
optimizers, draws, saves and loads. Nothing here is shared with nnc; a model is three parameters whose gradients are written out.

    plans.py SEED COUNT NNC [ARGUMENTS OF NNC]     makes COUNT programs, runs and resumes each; prints what differs
"""
import itertools
import json
import math
import random
import struct
import subprocess
import sys
import tempfile

import permutation
from plan_parts import (EXAMPLE, PARAMS, START, Data, Draws, Now, Optimizer, Stream, condition, line, offset, pull,
                        scalar)


# ---- statements of a body: each is text, and is done to a Now and the reports

class Body:
    """`each`, `then`, an eval or its `finish`."""

    def __init__(self, r, streams, counts=None):
        self.r, self.streams, self.counts, self.statements = r, streams, counts, []
        self.noise = bool(streams) and r.random() < 0.4  # a draw, the first call of the body

    def scalar(self):
        return scalar(self.r, self.streams, self.counts, noise=self.noise)

    def report(self, name):
        value = self.scalar()
        self.add("report %s = %s;" % (name, value.text), lambda n, out: out.__setitem__(name, value.of(n)))

    def update(self, store):
        if store == "k":
            self.add("update k = k + 1;", lambda n, out: n.stores.__setitem__("k", [n.stores["k"][0] + 1]))
        else:
            value = self.scalar()
            self.add("update %s = 0.5 * %s + tanh(%s);" % (store, store, value.text),
                     lambda n, out: n.stores.__setitem__(store, [0.5 * n.stores[store][0] + math.tanh(value.of(n))]))

    def add(self, text, does):
        self.statements.append((text, does))

    def text(self, indent):
        return "".join("%s%s\n" % (" " * indent, line) for text, _ in self.statements for line in text.split("\n"))

    def do(self, n):
        out = {}
        for _, does in self.statements:
            does(n, out)
        return out


class Weighted:
    """Means of reports over the examples of the batches that made them."""

    def __init__(self):
        self.sums = {}

    def add(self, reports, n):
        for name, x in reports.items():
            total, weight = self.sums.get(name, (0.0, 0))
            self.sums[name] = total + n * x, weight + n

    def means(self):
        return {name: total / weight for name, (total, weight) in self.sums.items()}


# ---- the items of a train block: each writes its text, and runs

class Line:
    """A command line of `train`."""

    def __init__(self, seed, program):
        r = random.Random(seed)
        self.seed = program.seed if r.random() < 0.8 else r.randint(0, 99)
        self.shuffled, self.epochs, self.steps = r.random() < 0.8, r.choice([None] * 4 + [2]), r.choice([None] * 4 + [3])
        self.options = dict(program.options)
        if r.random() < 0.2:
            self.options[r.choice(sorted(self.options))] = 0.25
        given = [] if self.seed == program.seed else ["--seed", str(self.seed)]
        given += [] if self.shuffled else ["--no-shuffle"]
        given += ["--epochs", str(self.epochs)] if self.epochs else []
        given += ["--steps", str(self.steps)] if self.steps else []
        self.arguments = given + ["--set=%s=%s" % (name, x) for name, x in self.options.items() if x != program.options[name]]


class Run:
    def __init__(self, program, line):
        self.stores = {name: list(x) for name, x in START.items()}
        self.program, self.line, self.seed, self.shuffled = program, line, line.seed, line.shuffled
        self.options, self.events, self.files = line.options, [], {}
        self.batches, self.loops = 0, []

    def draw(self):
        """The second number of the first draw in the body of an `each` or `eval`; a batch is counted."""
        site = permutation.fnv1a_of(b"".join(struct.pack("<I", x) for x in [0] + self.loops + [0]))
        word = permutation.philox(self.seed, (0, 0, self.batches, site))[1]
        self.batches += 1
        return (word >> 8) * 2.0 ** -24

    def event(self, kind, reports, more=None):
        self.events.append(dict({"event": kind, "train": self.train, "phase": self.phase, "epoch": int(self.at_epoch),
                                 "step": int(self.step)}, **dict(more or {}, **reports)))


class Settings(dict):
    def text(self, before):
        """What is written where `before` held: `watch` and `mode` only where there is patience."""
        watching = ("patience", "watch", "mode")
        names = [name for name in self if name not in watching and self[name] != before.get(name)]
        if any(self[name] != before.get(name) for name in watching):
            names += watching if self["patience"] else ["patience"]
        return "  ".join("%s = %s;" % (name, json.dumps(self[name])) for name in names)


class Each:
    def __init__(self, r, p, settings, optimizers, loop_names):
        self.settings, self.sources, self.counts, self.numbers = settings, [], None, itertools.count()
        form = r.random()
        if form < 0.2:
            self.count, self.counts = r.randint(1, 5), "i"
            self.first = r.choice([0, 0, 2])
        else:
            self.sources = [(name, d, r.choice(d.part_names())) for name, d in
                            zip("ab", r.sample(p.data, 2 if form > 0.75 else 1))]
        self.body = Body(r, [s[0] for s in self.sources], self.counts)
        self.then = Body(r, []) if r.random() < 0.4 else None
        accumulates = settings["accumulate"] > 1
        n_minimize = 1 if accumulates else r.choice([0, 1, 1, 2])
        self.guarded = accumulates and r.random() < 0.3  # its one `minimize` stands in a `when`
        items = ["minimize"] * (n_minimize - self.guarded) + ["report"] * r.randint(1, 3) + ["update"] * r.randint(0, 2)
        items += ["when"] * (1 if self.guarded else r.randint(0, 1))
        r.shuffle(items)
        for item in items:
            self.statement(r, item, self.body, optimizers)
        for _ in range(r.randint(1, 2) if self.then else 0):
            r.choice([lambda: self.then.report("then_%d" % len(self.then.statements)), lambda: self.then.update("s")])()
        self.evals = [Eval(r, p, settings, loop_names) for _ in range(r.choice([0, 1, 1, 2]))]
        if settings["patience"] and not any(settings["watch"] in e.names for e in self.evals):
            settings["patience"] = 0
        self.minimized, self.late = None, []

    def statement(self, r, item, body, optimizers):
        if item == "report":
            body.report("r%d" % next(self.numbers))
        elif item == "update":
            body.update(r.choice("sk"))
        elif item == "when":
            inner, c = Body(r, self.body.streams, self.counts), condition(r, self.body.streams)
            inner.noise = self.body.noise
            for part in r.sample(["report", "update", "report"], r.randint(1, 3)) + (
                    ["minimize"] if self.guarded or self.settings["accumulate"] == 1 and r.random() < 0.5 else []):
                self.statement(r, part, inner, optimizers)
            body.add("when %s {\n%s}" % (c.text, inner.text(4)),
                     lambda n, out: out.update(inner.do(n)) if c.of(n) else None)
        else:
            self.minimize(r, body, optimizers)

    def minimize(self, r, body, optimizers):
        text, gradient = r.choice([line, offset] if self.sources else [pull])(self.sources[0][0] if self.sources else None)
        reached = [p for p in PARAMS if p in gradient(Now(EXAMPLE, {s[0]: EXAMPLE.rows for s in self.sources}))]
        over = r.sample(PARAMS, r.randint(1, 3))
        if not set(over) & set(reached):
            over.append(reached[0])
        left_out = [q for q in over if len(set(over) & set(reached) - {q}) and r.random() < 0.2][:1]
        scale = r.choice([None, scalar(r, [], None, 0)])
        opt = r.choice(optimizers)
        words = "minimize %s%s over %s%s using %s;" % (
            text if scale is None else "(%s)" % text, "" if scale is None else " * stop_grad(tanh(%s))" % scale.text,
            ", ".join(over), " except " + left_out[0] if left_out else "", opt.name)
        over = [p for p in over if p not in left_out]

        def gradients(n):
            by = math.tanh(scale.of(n)) if scale else 1.0
            return {p: [by * x for x in g] for p, g in gradient(n).items()}

        def does(n, out):
            if self.settings["accumulate"] > 1:
                self.minimized = (opt, over, gradients(n))
            else:
                opt.take(n, over, gradients(n), self.run.slots.setdefault(id(opt), {}), self.run.program.multipliers)
        body.add(words, does)

    def text(self, indent):
        space = " " * indent
        if self.sources:
            heads = ["%s(\"%s\")" % (d.name, part) for _, d, part in self.sources]
            names = [s[0] for s in self.sources]
            head = ("%s in %s" if len(heads) == 1 else "(%s) in (%s)") % (", ".join(names), ", ".join(heads))
        else:
            head = "i in %d..%d" % (self.first, self.first + self.count)
        noise = "%s    let noise = rand([2]);\n" % space if self.body.noise else ""
        out = "%seach %s {\n%s%s%s}" % (space, head, noise, self.body.text(indent + 4), space)
        if self.then:
            out += " then {\n%s%s}" % (self.then.text(indent + 4), space)
        return out + "\n" + "".join(e.text(indent) for e in self.evals)

    def group(self, run, made):
        """The step of a group: (examples, (optimizer, over, gradients)) of each batch; a `when` may have left some out."""
        made = [(n, m) for n, m in made if m]
        if made:
            total, (opt, over, first) = sum(n for n, _ in made), made[0][1]
            mean_of = {p: [sum(n * m[2][p][j] for n, m in made) / total for j in range(len(g))] for p, g in first.items()}
            opt.take(Now(run), over, mean_of, run.slots.setdefault(id(opt), {}), run.program.multipliers)

    def one_epoch(self, run, streams):
        t, means, group, made, in_group = self.settings, Weighted(), Weighted(), [], 0
        if streams:
            streams[0].begin()
        left = len(streams[0].rows) if streams else self.count
        while left:
            n = min(t["batch"], left) if streams else 1
            if streams and t["drop_last"] and n < t["batch"]:
                break
            batches = {name: s.take(n) for (name, _, _), s in zip(self.sources, streams)}
            now = Now(run, batches, None if streams else self.first + self.count - left)
            now.noise = run.draw()
            left -= n
            self.minimized = None
            reports = self.body.do(now)
            means.add(reports, n)
            group.add(reports, n)
            made.append((n, self.minimized))
            in_group += 1
            last = not left or streams and t["drop_last"] and left < t["batch"]
            if in_group < t["accumulate"] and not last:
                continue
            if t["accumulate"] > 1:
                self.group(run, made)
            run.step += 1
            self.steps += 1
            run.event("step", group.means())
            group, made, in_group = Weighted(), [], 0
            if self.steps == run.line.steps:
                break
        reports = means.means()
        if self.then:
            reports.update(self.then.do(Now(run)))
        run.event("epoch", reports)

    def do(self, run):
        self.run = run
        t = self.settings
        streams = [Stream(d, part, run.seed, run.shuffled) for _, d, part in self.sources]
        best, kept, worse, epochs = None, None, 0, run.line.epochs or t["epochs"]
        self.steps = 0
        for epoch in range(1, epochs + 1):
            run.at_epoch = run.epoch + 1
            self.one_epoch(run, streams)
            for e in self.evals + self.late:
                if epoch % e.every and epoch < epochs and self.steps != run.line.steps:
                    continue
                reports = e.do(run)
                if t["patience"] and t["watch"] in reports:
                    x = reports[t["watch"]] * (1 if t["mode"] == "max" else -1)
                    if best is None or x > best:
                        best, kept, worse = x, {name: list(v) for name, v in run.stores.items()}, 0
                    else:
                        worse += 1
            run.epoch += 1
            if t["patience"] and worse >= t["patience"] or self.steps == run.line.steps:
                break
        if kept:
            run.stores.update(kept)


class Eval:
    def __init__(self, r, p, settings, names):
        self.settings, self.data, self.every = settings, r.choice(p.data), r.choice([1, 1, 2, 3])
        self.part = r.choice(self.data.part_names())
        seen = names.setdefault(self.data.name, 0)
        names[self.data.name] += 1
        self.label = self.data.name + ("_%d" % (seen + 1) if seen else "")
        self.body, self.names = Body(r, ["d"]), ["e0"]
        self.sums = r.random() < 0.5
        self.body.report("e0")
        self.over = self.body.scalar()

    def text(self, indent):
        space, name = " " * indent, "d in %s(\"%s\")" % (self.data.name, self.part)
        inner = " " * (indent + 4)
        out = "%seval %s%s {\n" % (space, name, " every %d" % self.every if self.every > 1 else "")
        if self.body.noise:
            out += inner + "let noise = rand([2]);\n"
        if self.sums:
            out += "%sstate total: real = 0.5;\n%supdate total = total + %s;\n" % (inner, inner, self.over.text)
        out += self.body.text(indent + 4)
        if self.sums:
            out += "%sfinish { report e1 = tanh(total), e2 = s; }\n" % inner
        return out + space + "}\n"

    def do(self, run):
        rows, total, means = self.data.part(self.part), 0.5, Weighted()
        for at in range(0, len(rows), self.settings["batch"]):
            now = Now(run, {"d": rows[at:at + self.settings["batch"]]})
            now.noise = run.draw()
            total += self.over.of(now)
            means.add(self.body.do(now), len(now.streams["d"]))
        reports = means.means()
        if self.sums:
            reports.update({"e1": math.tanh(total), "e2": run.stores["s"][0]})
        run.event("eval", reports, {"eval": self.label})
        return reports


class Alone:
    """An eval that doesn't follow an `each`. One that does belongs to its loop, whatever stands between them."""

    def __init__(self, r, p, settings, names, before):
        loops = [item for item in before if isinstance(item, (Each, Part))][-1:]
        self.loop = loops[0] if loops and isinstance(loops[0], Each) else None
        self.eval = Eval(r, p, self.loop.settings if self.loop else settings, names)
        if self.loop:
            self.loop.late.append(self.eval)
        else:
            self.settings = settings

    def text(self, indent):
        return self.eval.text(indent)

    def do(self, run):
        if not self.loop:
            run.at_epoch = run.epoch
            self.eval.do(run)


class Update:
    def __init__(self, r):
        self.store = r.choice("svu")
        self.value = scalar(r, [])

    def text(self, indent):
        return "%supdate %s = 0.5 * %s + 0.1 * tanh(%s);\n" % (" " * indent, self.store, self.store, self.value.text)

    def do(self, run):
        n = Now(run)
        run.stores[self.store] = [0.5 * run.stores[self.store][0] + 0.1 * math.tanh(self.value.of(n))]


class File:
    """`save`, and a `load` later."""

    def __init__(self, r, p):
        self.saves = not p.files or r.random() < 0.6
        if self.saves:
            self.store, self.name = r.choice("wvus"), "file%d%s" % (len(p.files), r.choice([".npy", ".safetensors"]))
            p.files.append((self.store, self.name))
        else:
            self.store, self.name = r.choice(p.files)

    def text(self, indent):
        return "%s%s \"%s\";\n" % (" " * indent, ("save %s to" if self.saves else "load %s from") % self.store, self.name)

    def do(self, run):
        if self.saves:
            run.files[self.name] = list(run.stores[self.store])
        else:
            run.stores[self.store] = list(run.files[self.name])


class Part:
    """A phase, a static loop, or a phase in one."""

    def __init__(self, r, p, settings, optimizers, names):
        self.times, self.name = r.choice([(1, True), (1, True), (2, True), (2, False)])
        self.name = "p%d" % next(p.numbers) if self.name else None
        self.plan, self.before = Plan(r, p, settings, optimizers, names, 1), settings
        # Settings hold to the end of a phase, but leave a static loop; an iteration begins with those of the one before.
        self.after = settings if self.name else self.plan.after
        self.plan.before = settings if self.name else {}

    def text(self, indent):
        heads = ["for m in 0..%d" % self.times] * (self.times > 1) + (["phase " + self.name] if self.name else [])
        out = self.plan.text(indent + 4 * len(heads))
        for depth in reversed(range(len(heads))):
            space = " " * (indent + 4 * depth)
            out = "%s%s {\n%s%s}\n" % (space, heads[depth], out, space)
        return out

    def do(self, run):
        for m in range(self.times):
            if self.times > 1:
                run.loops.append(m)
            for o in self.plan.own:
                run.slots[id(o)] = {}  # each iteration of a static loop has its own
            step, epoch = run.step, run.epoch
            if self.name:
                run.step = run.epoch = 0.0
                run.phase = "%s[%d]" % (self.name, m) if self.times > 1 else self.name
            self.plan.run_items(run)
            if self.name:
                run.step, run.epoch, run.phase = step + run.step, epoch + run.epoch, None
            run.loops = []


class Plan:
    """The items of a train block or a phase, in their order."""

    def __init__(self, r, p, settings, optimizers, names, depth=0):
        self.before, self.items, self.own = Settings(settings), [], []
        for _ in range(r.randint(0 if optimizers else 1, 2)):
            o = Optimizer(r, "opt%d" % next(p.numbers))
            self.own.append(o)
        optimizers = optimizers + self.own
        for _ in range(r.randint(1, 4) if depth == 0 else r.randint(1, 2)):
            settings = Settings(settings)
            for name, choose in (("epochs", lambda: r.randint(1, 4)), ("batch", lambda: r.randint(1, 5)),
                                 ("drop_last", lambda: r.random() < 0.4), ("accumulate", lambda: r.choice([1, 1, 2, 3])),
                                 ("patience", lambda: r.choice([0, 0, 1, 2]))):
                if r.random() < 0.4:
                    settings[name] = choose()
            settings["mode"] = r.choice(["min", "max"]) if settings["patience"] else settings["mode"]
            kind = r.random()
            if kind < 0.55 or depth and kind < 0.7:
                e = Each(r, p, settings, optimizers, names)
                if e.sources and settings["drop_last"] and len(e.sources[0][1].part(e.sources[0][2])) < settings["batch"]:
                    settings["drop_last"] = False
                self.items.append(e)
            elif kind < 0.7:
                self.items.append(Part(r, p, settings, optimizers, names))
                settings = self.items[-1].after
            elif kind < 0.8:
                self.items.append(Alone(r, p, settings, names, self.items))
            elif kind < 0.9:
                self.items.append(Update(r))
            elif not depth:
                self.items.append(File(r, p))
        written = [x for x in (getattr(item, "after", getattr(item, "settings", None)) for item in self.items) if x]
        self.after = (written or [self.before])[-1]

    def text(self, indent):
        space, out, now = " " * indent, "", self.before
        for o in self.own:
            out += "%slet %s = %s;\n" % (space, o.name, o.text())
        for item in self.items:
            settings = getattr(item, "settings", None) or getattr(item, "before", None)
            if settings is not None:
                words = settings.text(now)
                out += "%s%s\n" % (space, words) if words else ""
                now = settings
            out += item.text(indent)
            now = getattr(item, "after", now)
        return out

    def run_items(self, run):
        for item in self.items:
            item.do(run)


class Train:
    def __init__(self, r, p, name):
        self.name = name
        r.option = self.option = "rate_" + name
        p.options[self.option] = 0.5
        base = Settings(epochs=1, batch=32, drop_last=False, accumulate=1, patience=0, watch="e0", mode="min")
        given = Settings(base, epochs=r.randint(1, 3), batch=r.randint(1, 4))
        self.first = given.text(base)
        self.plan = Plan(r, p, given, [], {})

    def text(self, seed):
        return "train %s {\n%s    %s\n    option %s = 0.5;\n%s}\n" % (
            self.name, "    seed = %d;\n" % seed if seed is not None else "", self.first, self.option, self.plan.text(4))

    def do(self, run):
        run.train, run.phase, run.step, run.epoch, run.at_epoch = self.name, None, 0.0, 0.0, 0
        run.slots = {}
        self.plan.run_items(run)


class Program:
    def __init__(self, seed):
        r = Draws(seed)
        self.files, self.numbers, self.options = [], itertools.count(), {}
        self.data = [Data(r, name) for name in ("ones", "twos", "threes")]
        self.multipliers = {p: (r.choice([1.0, 0.5, 0.0]), r.choice([1.0, 0.0, 2.0])) for p in r.sample(PARAMS, r.randint(0, 2))}
        self.seed = r.randint(0, 2 ** 40)
        self.trains = [Train(r, self, "t%d" % i) for i in range(r.choice([1, 1, 2]))]

    def text(self):
        out = "".join(d.text() for d in self.data)
        for name, shape, start in (("w", "[3]", START["w"]), ("v", "real", 0.5), ("u", "real", -0.25)):
            more = " with lr = %s, decay = %s" % self.multipliers[name] if name in self.multipliers else ""
            out += "param %s: %s = %s%s;\n" % (name, shape, start, more)
        return out + "state s: real = 1.0;\nstate k: i32 = 0;\n" + "".join(t.text(self.seed) for t in self.trains)


# ---- the comparison

def safetensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    kinds = {"F64": "d", "I32": "i"}
    return {name: [x for x, in struct.iter_unpack("<" + kinds[t["dtype"]], data[slice(*t["data_offsets"])])]
            for name, t in head.items() if name != "__metadata__"}


def close(a, b):
    if isinstance(a, str) or a is None or b is None or isinstance(b, str):
        return a == b
    return abs(a - b) <= 1e-9 * (1 + abs(b))


def differs(got, want):
    """Where two lists of events part."""
    for i, (a, b) in enumerate(zip(got, want)):
        if a.keys() != b.keys() or not all(close(a[k], b[k]) for k in a):
            return "event %d is\n  %s\nnot\n  %s" % (i + 1, json.dumps(a), json.dumps(b))
    return None if len(got) == len(want) else "%d events, not %d" % (len(got), len(want))


def stores_differ(got, want):
    for name, x in want.items():
        if len(got.get(name, [])) != len(x) or not all(map(close, got[name], x)):
            return "%s is %s, not %s" % (name, got.get(name), x)
    return None


def events_of(text):
    return [e for e in map(json.loads, text.splitlines()) if e["event"] != "done"]


def call(arguments, folder):
    p = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, errors="replace")
    return p.returncode, p.stdout, p.stderr


def check(seed, command):
    """What is wrong with the program of that seed; None if nothing is."""
    program = Program(seed)
    line = Line(seed, program)
    run = Run(program, line)
    for t in program.trains:
        t.do(run)
    if not run.events:
        return None
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/plan.nn", "w") as f:
            f.write(program.text())
        code, _, err = call(command + ["plan.nn", "-o", "plan"], folder)
        if code:
            return "nnc ends with %d: %s" % (code, err)
        arguments = ["./plan", "train", "--json", "--save", "end.safetensors"] + line.arguments
        code, out, err = call(arguments + ["--out", "whole"], folder)
        if code:
            return "the program ends with %d: %s" % (code, err)
        wrong = differs(events_of(out), run.events) or stores_differ(safetensors(folder + "/end.safetensors"), run.stores)
        if wrong:
            return wrong
        steps = sum(e["event"] == "step" for e in run.events)
        if not steps:
            return None
        end = open(folder + "/end.safetensors", "rb").read()
        every = str(random.Random(seed).randint(1, steps))
        call(arguments + ["--out", "part", "--checkpoint-every", every], folder)
        code, rest, err = call(["./plan", "train", "--json", "--resume", "--save", "end.safetensors", "--out", "part"], folder)
        if code:
            return "--resume ends with %d: %s" % (code, err)
        lines, tail = out.splitlines(), rest.splitlines()
        if tail != lines[len(lines) - len(tail):] or open(folder + "/end.safetensors", "rb").read() != end:
            return "a run that goes on from the last of the checkpoints of every %s steps differs" % every
    return None


def main():
    seed, count, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    failed, steps = 0, 0
    for s in range(seed, seed + count):
        wrong = check(s, command)
        if wrong:
            failed += 1
            print("seed %d: %s\n%s" % (s, wrong, Program(s).text()))
    print("%d plans, %d differ" % (count, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
