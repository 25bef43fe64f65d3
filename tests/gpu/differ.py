#!/usr/bin/env python3
"""The largest difference of two safetensors files, by the scale (largest element) of its tensor.  differ.py A B
Prints it; exit code 1 above 1e-5, or where the files do not hold the same tensors."""
import array
import json
import struct
import sys

LIMIT = 1e-5
CODES = {"F32": "f", "F64": "d", "I32": "i", "I64": "q", "U8": "B", "I8": "b"}


def tensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    head.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"], array.array(CODES[t["dtype"]], data[slice(*t["data_offsets"])])) for name, t in head.items()}


def difference(x, y):
    """NaN counts as different from all but NaN."""
    scale = max((abs(v) for v in x if v == v), default=0) or 1
    return max((0 if a == b or (a != a and b != b) else abs(a - b) / scale if a == a and b == b else float("inf") for a, b in zip(x, y)), default=0)


def main():
    x, y = tensors(sys.argv[1]), tensors(sys.argv[2])
    if {n: t[:2] for n, t in x.items()} != {n: t[:2] for n, t in y.items()}:
        print("not the same tensors")
        return 1
    most, where = max((difference(x[n][2], y[n][2]), n) for n in x)
    print(f"up to {most:.1e} in {where}" if most else "same numbers")
    return most > LIMIT


sys.exit(main())
