#!/usr/bin/env python3
"""Writes THEME.nn and THEME.txt for every THEME.py beside this file; needs PyTorch.

    make.py [THEME…]            writes the files of the themes (default: all)
    make.py --check [THEME…]    computes the numbers again and compares; prints what differs
"""
import importlib
import os
import sys

import table

HERE = os.path.dirname(os.path.abspath(__file__))
OTHER_ROUNDING = 1e-11  # of the tensor's largest number: what another version of torch may differ by


def themes():
    return sorted(f[:-3] for f in os.listdir(HERE) if f.endswith(".py") and f not in ("make.py", "table.py"))


def texts(theme):
    table.CASES.clear()
    table._state["seed"] = 1
    importlib.import_module(theme)
    program = [f"# Made by make.py from {theme}.py."]
    numbers = [f"# Made by make.py from {theme}.py: inputs, and results as torch has them."]
    for c in table.CASES:
        program += table.program(c)
        numbers += table.table(c)
    return "\n".join(program) + "\n", "\n".join(numbers) + "\n"


def same_number(a, b, scale):
    return a == b or (a != a and b != b) or abs(a - b) <= OTHER_ROUNDING * scale


def same_line(a, b):
    (head, _, x), (other, _, y) = a.partition(":"), b.partition(":")
    x, y = [float(v) for v in x.split()], [float(v) for v in y.split()]
    scale = max([abs(v) for v in x if abs(v) != float("inf") and v == v] + [1e-3])
    return head == other and len(x) == len(y) and all(same_number(p, q, scale) for p, q in zip(x, y))


def check(theme):
    program, numbers = texts(theme)
    bad = 0
    if open(f"{HERE}/{theme}.nn").read() != program:
        print(f"{theme}.nn is not what {theme}.py says: run make.py")
        bad += 1
    old, new = open(f"{HERE}/{theme}.txt").read().splitlines(), numbers.splitlines()
    if len(old) != len(new):
        print(f"{theme}.txt has {len(old)} lines, {len(new)} are expected: run make.py")
        bad += 1
    for n, (a, b) in enumerate(zip(old, new), 1):
        if a != b and (a[0] == "#" or a.startswith("fn ") or not same_line(a, b)):
            print(f"{theme}.txt:{n}: {a[:100]}\n  torch has {b[:100]}")
            bad += 1
    return bad


if __name__ == "__main__":
    names = [a for a in sys.argv[1:] if a != "--check"] or themes()
    if "--check" in sys.argv:
        sys.exit(sum(check(n) for n in names) > 0)
    for n in names:
        program, numbers = texts(n)
        open(f"{HERE}/{n}.nn", "w").write(program)
        open(f"{HERE}/{n}.txt", "w").write(numbers)
