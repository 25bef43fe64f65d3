#!/usr/bin/env python3
"""Random data blocks: files that numpy and Python write, in every source's forms, are read as language.md ("Data") says; fields of
wider types, computed fields, splits, shuffling. Each example is a step whose reports are weighted sums of its fields.

    sources.py SEED COUNT NNC [ARGUMENTS OF NNC]     makes COUNT programs and their files, runs each; prints what differs
"""
import gzip
import io
import json
import random
import struct
import subprocess
import sys
import tempfile

import numpy as np

import permutation

WIDER = {"u8": ["u8", "i16", "i32", "i64"], "i8": ["i8", "i16", "i32", "i64"], "i16": ["i16", "i32", "i64"], "i32": ["i32", "i64"],
         "i64": ["i64"], "f16": ["f16", "f32", "f64"], "f32": ["f32", "f64"], "f64": ["f64"]}
TYPES = {"u8": "u1", "i8": "i1", "i16": "i2", "i32": "i4", "i64": "i8", "f16": "f2", "f32": "f4", "f64": "f8"}
IDX = {"u8": 8, "i8": 9, "i16": 11, "i32": 12, "f32": 13, "f64": 14}
PARTS = {2: ["train", "test"], 3: ["train", "valid", "test"]}


class Maker:
    """One field of n examples from a file of its own: its source, the type in the file, the numbers."""

    def __init__(self, r, n, name, folder):
        self.r, self.n, self.name, self.folder = r, n, name, folder
        self.kind = r.choice(["npy", "npz", "csv", "raw", "idx", "rows", "text"])
        self.source, self.type, self.array = getattr(self, self.kind)()
        if self.kind not in ("raw", "csv", "rows"):
            self.type = r.choice(WIDER[self.type])

    def shape(self):
        return tuple(self.r.randint(1, 4) for _ in range(self.r.choice([0, 0, 1, 1, 2])))

    def numbers(self, kind, shape):
        n = int(np.prod(shape))
        lo, hi = (0, 255) if kind == "u8" else (-100, 100)
        values = [round(self.r.uniform(-2, 2), 3) if kind[0] == "f" else self.r.randint(lo, hi) for _ in range(n)]
        return np.array(values, TYPES[kind]).reshape(shape)

    def write(self, suffix, data):
        """The file, gzipped now and then; gives its name in the source."""
        packed = self.r.random() < 0.2
        with open("%s/%s%s%s" % (self.folder, self.name, suffix, ".gz" if packed else ""), "wb") as f:
            f.write(gzip.compress(data) if packed else data)
        return self.name + suffix + (".gz" if packed and self.r.random() < 0.5 else "")

    def npy(self):
        kind = self.r.choice(sorted(TYPES))
        a, out = self.numbers(kind, (self.n,) + self.shape()), io.BytesIO()
        np.save(out, np.asfortranarray(a) if self.r.random() < 0.3 else a)
        return 'npy("%s")' % self.write(".npy", out.getvalue()), kind, a

    def npz(self):
        kind = self.r.choice(sorted(TYPES))
        a = self.numbers(kind, (self.n,) + self.shape())
        save = np.savez if self.r.random() < 0.5 else np.savez_compressed
        save("%s/%s.npz" % (self.folder, self.name), other=np.arange(3), wanted=a, more=np.ones((2, 2)))
        return 'npz("%s.npz", "wanted")' % self.name, kind, a

    def raw(self):
        kind = self.r.choice(sorted(TYPES))
        a = self.numbers(kind, (self.n,) + self.shape())
        return 'raw("%s")' % self.write(".bin", a.astype("<" + TYPES[kind]).tobytes()), kind, a

    def idx(self):
        kind = self.r.choice(sorted(IDX))
        a = self.numbers(kind, (self.n,) + self.shape())
        head = bytes([0, 0, IDX[kind], a.ndim]) + b"".join(struct.pack(">i", d) for d in a.shape)
        path = self.write("-idx", head + a.astype(">" + TYPES[kind]).tobytes())
        if a.ndim > 2 and self.r.random() < 0.5:
            a = a.reshape(self.n, -1)
            return 'idx("%s", reshape = [%d])' % (path, a.shape[1]), kind, a
        return 'idx("%s")' % path, kind, a

    def rows(self):
        kind = self.r.choice(["i32", "f64"])
        a = self.numbers(kind, (self.n,) + self.shape())
        return "rows(%s)" % json.dumps(a.tolist()), kind, a

    def csv(self):
        r, kind, n_columns = self.r, self.r.choice(["i32", "i64", "u8", "f64"]), self.r.randint(1, 5)
        a, sep, header, end = self.numbers(kind, (self.n, n_columns)), r.choice([",", ";", "\t"]), r.random() < 0.5, r.choice(["\n", "\r\n"])
        names = ["c%d" % i for i in range(n_columns)]
        r.shuffle(names)

        def cell(x):
            text = repr(x.item())
            return '"%s"' % text if r.random() < 0.1 else " " + text if r.random() < 0.1 else text
        lines = [sep.join('"%s"' % c if r.random() < 0.3 else c for c in names)] if header else []
        lines += [sep.join(map(cell, row)) for row in a]
        words, use = [], list(range(n_columns))
        path = self.write(".csv", (end.join(lines) + (end if r.random() < 0.7 else "")).encode())
        if r.random() < 0.6:
            use = r.sample(use, r.randint(1, n_columns)) if r.random() < 0.7 else [r.choice(use) for _ in range(r.randint(1, 4))]
            by_name = header and r.random() < 0.7
            words.append("columns = [%s]" % ", ".join('"%s"' % names[c] if by_name else str(c) for c in use))
        words += ["header = true"] if header else []
        words += ['sep = "%s"' % sep.replace("\t", "\\t")] if sep != "," else []
        a = a[:, use]
        if len(use) == 1 and r.random() < 0.5:
            a = a[:, 0]
        return "csv(%s)" % ", ".join(['"%s"' % path] + words), kind, a

    def text(self):
        window, stride = self.r.randint(1, 6), self.r.choice([None, 1, 2, 5])
        by = stride or window
        data = bytes(self.r.randrange(256) for _ in range((self.n - 1) * by + window + self.r.randrange(by)))
        words = ['"%s"' % self.write(".txt", data)]
        words += ["window = %d" % window] if self.r.random() < 0.5 else []
        words += ["stride = %d" % stride] if stride else []
        return "text(%s)" % ", ".join(words), "u8", np.array([list(data[i * by:i * by + window]) for i in range(self.n)], "u1")


class Program:
    def __init__(self, seed, folder):
        r = random.Random(seed)
        n = r.randint(1, 12)
        self.fields = [Maker(r, n, "x%d" % k, folder) for k in range(r.randint(1, 3))]
        self.settings, self.order = [], list(range(n))
        texts = [f.kind == "text" for f in self.fields]
        if n >= 4 and r.random() < 0.4 and (all(texts) or not any(texts)):
            self.split(r, n, all(texts))
        self.seed = r.randint(0, 2 ** 40)
        if r.random() < 0.4:
            self.order = [self.order[i] for i in permutation.permutation(self.seed, 0, "d", len(self.order))]
        else:
            self.settings.append("shuffle = false;")

    def split(self, r, n, in_order):
        parts = r.choice([[0.5, 0.5], [0.75, 0.25], [0.25, 0.5, 0.25]])
        part, seed = r.randrange(len(parts)), r.randint(0, 5)
        order = self.order if in_order else permutation.permutation(seed, 2 ** 32 - 1, "d", n)
        self.order = order[round(sum(parts[:part]) * n):round(sum(parts[:part + 1]) * n)]
        self.settings.append('split = "%s";  parts = %s;  seed = %d;' % (PARTS[len(parts)][part], parts, seed))

    def text(self):
        out = "data d {\n"
        for f in self.fields:
            shape = list(f.array.shape[1:])
            out += "    %s: %s%s from %s;\n" % (f.name, f.type, shape or "", f.source)
        out += "    total: real = %s;\n" % " + ".join("sum(cast(%s, real))" % f.name for f in self.fields)
        out += "".join("    %s\n" % s for s in self.settings) + "}\nparam w: real = 0.0;\n"
        out += "train t {\n    seed = %d;  batch = 1;\n    let opt = SGD(lr = 0.1);\n" % self.seed
        out += "    each e in d() {\n        minimize w * w over w using opt;\n        report total = e.total[0];\n"
        for f in self.fields:
            n = int(np.prod(f.array.shape[1:]))
            out += "        report %s = sum(reshape(cast(e.%s, real), [batch, %d]) * %s);\n" % (
                f.name, f.name, n, [i + 1.0 for i in range(n)])
        return out + "    }\n}\n"

    def reports(self, i):
        out = {}
        for f in self.fields:
            x = f.array[i].astype(float).ravel()
            out[f.name] = float(np.sum(x * (np.arange(len(x)) + 1)))
        return dict(out, total=sum(float(f.array[i].astype(float).sum()) for f in self.fields))


def check(seed, command):
    with tempfile.TemporaryDirectory() as folder:
        program = Program(seed, folder)
        if not program.order:
            return None
        with open(folder + "/d.nn", "w") as f:
            f.write(program.text())
        for words in (command + ["d.nn", "-o", "d"], ["./d", "train", "--json"]):
            p = subprocess.run(words, cwd=folder, capture_output=True, text=True)
            if p.returncode:
                return "%s ends with %d: %s\n%s" % (words[0], p.returncode, p.stderr, program.text())
        steps = [e for e in map(json.loads, p.stdout.splitlines()) if e["event"] == "step"]
        if len(steps) != len(program.order):
            return "%d steps, not %d\n%s" % (len(steps), len(program.order), program.text())
        for e, i in zip(steps, program.order):
            for name, x in program.reports(i).items():
                if abs(e[name] - x) > 1e-9 * (1 + abs(x)):
                    return "step %d: %s is %r, not %r\n%s" % (e["step"], name, e[name], x, program.text())
    return None


def main():
    seed, count, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    wrong = [(s, w) for s in range(seed, seed + count) for w in [check(s, command)] if w]
    for s, w in wrong:
        print("seed %d: %s" % (s, w))
    print("%d data blocks, %d differ" % (count, len(wrong)))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
