"""Cases of the library's reference table: what they are, and how they become a program and its expected numbers.

A case is a piece of .nn and a function of torch tensors that computes the same from the definition. make.py turns the
cases of THEME.py into THEME.nn, a program of one export (or training step) per case, and THEME.txt, its inputs and the
results that are expected: the value, the gradient of a weighted sum of it by every real input and parameter, and the
gradient of a weighted sum of those gradients. Derivatives are torch.autograd's, so nothing here knows nnc's rules.
"""
import math
import re
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # the modules of cases import it from here

torch.set_default_dtype(torch.float64)

EXPORT, STEP, INIT = "export", "step", "init"
_state = {"seed": 1}


# ---- inputs: short decimals, so that the table holds them exactly

def real(*shape, scale=1.0, shift=0.0, digits=2):
    """Normal numbers, no two of one tensor closer than rounding leaves them."""
    _state["seed"] += 1
    g = torch.Generator().manual_seed(_state["seed"])
    x = torch.randn(*shape, generator=g) * scale + shift
    return torch.round(x * 10**digits) / 10**digits


def uniform(*shape, lo=0.0, hi=1.0, digits=2):
    _state["seed"] += 1
    g = torch.Generator().manual_seed(_state["seed"])
    x = torch.rand(*shape, generator=g) * (hi - lo) + lo
    return torch.round(x * 10**digits) / 10**digits


def distinct(*shape, step=0.25):
    """Multiples of `step` in random order, none of them zero: no ties, away from kinks."""
    _state["seed"] += 1
    n = int(torch.tensor(shape).prod()) if shape else 1
    g = torch.Generator().manual_seed(_state["seed"])
    return ((torch.randperm(n, generator=g) - n // 2) * step + step / 2).reshape(shape)


def values(*v):
    return torch.tensor(v)


def scalar(v):
    return torch.tensor(v)


def ints(*v, shape=None):
    x = torch.tensor(v, dtype=torch.int32)
    return x if shape is None else x.reshape(shape)


class Const:
    """A real input by which nothing is differentiated."""

    def __init__(self, x):
        self.value = x


def const(x):
    return Const(x)


# ---- cases


@dataclass
class Case:
    base: str  # what it is a case of; name adds a number
    name: str
    kind: str  # EXPORT, STEP, INIT
    code: str
    args: dict = field(default_factory=dict)  # tensors by name
    model: str = None
    stores: dict = field(default_factory=dict)  # before the call, by path; "net." is the model
    results: list = field(default_factory=list)  # (name, tensor)
    after: dict = field(default_factory=dict)  # stores after the call
    targets: dict = field(default_factory=dict)  # what is differentiated by: how it is called in .nn, by the reference's name
    order: int = 0
    decls: str = ""
    calls: int = 1
    optimizer: str = None  # of a training
    params: dict = field(default_factory=dict)
    mults: dict = field(default_factory=dict)
    applied: str = None  # INIT: the code is a layer, applied to an input of this type


CASES = []


def _name_of(code, name):
    base = name or re.search(r"[A-Za-z_]\w*", code.split(" = ")[-1] if code.startswith("let") else code).group()
    taken = sum(c.base == base for c in CASES)
    return base, f"{base}_{taken}"


def case(code, ref, model=None, params=None, states=None, order=2, training=False, after=None, name=None, decls="", weights=None,
         **args):
    """`code`: statements and, last, the result (a tuple: several). `ref` gives the same from the arguments, parameters
    and states, in this order. `model`: an instance called `net`; `params`, `states`: its stores by the path below it
    (`first.W`). `training`: a step instead of an export. `after`: a function like ref that gives the states as the call
    leaves them. `order`: derivatives to compare. `decls`: declarations before it; `weights`: the stores they make."""
    base, name = _name_of(code, name)
    params, states, extra = params or {}, states or {}, weights or {}
    arg = lambda path: path.replace(".", "_")
    leaves, inputs = {}, {}
    for key, x in {**args, **{arg(k): v for k, v in params.items()}, **extra}.items():
        raw = x.value if isinstance(x, Const) else x
        inputs[key] = raw.clone()
        if raw.is_floating_point() and not isinstance(x, Const):
            leaves[key] = inputs[key].requires_grad_(True)
    inputs.update({arg(k): v.clone() for k, v in states.items()})
    y = ref(*inputs.values())
    y = list(y) if isinstance(y, tuple) else [y]
    y = [v if torch.is_tensor(v) else torch.tensor(v) for v in y]
    order = order if leaves and any(v.is_floating_point() for v in y) else 0
    results, weights = [(f"y{i}", v) for i, v in enumerate(y)], {}
    of = {k: v for k, v in results if v.is_floating_point()}
    for w, d in [("w_", "d_"), ("v_", "dd_")][:order]:
        for k, v in of.items():
            weights[w + k] = weight(v.shape, len(weights))
        of = gradient(sum((v * weights[w + k]).sum() for k, v in of.items()), leaves)
        results += [(d + k, g) for k, g in of.items()]
    CASES.append(Case(
        base, name, STEP if training else EXPORT, code, model=model, results=results, order=order, decls=decls,
        args={k: x.value if isinstance(x, Const) else x for k, x in args.items()} | weights,
        stores={f"net.{k}": v for k, v in {**params, **states}.items()} | extra,
        after={f"net.{k}": v for k, v in after(*inputs.values()).items()} if after else {},
        targets={k: k for k in leaves} | {arg(p): f"net.{p}" for p in params}))


def gradient(total, leaves):
    """Of a scalar by each leaf; zeros where it does not depend on it."""
    if not total.requires_grad:
        return {k: torch.zeros_like(x) for k, x in leaves.items()}
    g = torch.autograd.grad(total, list(leaves.values()), create_graph=True, allow_unused=True)
    return {k: torch.zeros_like(x) if d is None else d for (k, x), d in zip(leaves.items(), g)}


def weight(shape, salt):
    """Weights of a projection: eighths, different for each element."""
    g = torch.Generator().manual_seed(977 + salt)
    return torch.randint(1, 16, tuple(shape), generator=g) / 8 * (torch.randint(0, 2, tuple(shape), generator=g) * 2 - 1)


def training(code, loss, optimizer, make, params, calls=5, clip=0.0, schedule=None, mults=None, **args):
    """`calls` steps of `minimize code using optimizer` from `params`; `loss(*params, *args)` is the same loss, and
    `make` gives torch's optimizer for a list of parameter groups. `mults`: for a parameter its `lr` and `decay`.
    `schedule(t)`: what the rate is multiplied with in step t."""
    base, name = _name_of(optimizer, None)
    leaves = {k: v.clone().requires_grad_(True) for k, v in params.items()}
    mults = mults or {}
    opt = make([{"params": [leaf]} for leaf in leaves.values()])
    for k, g in zip(leaves, opt.param_groups):
        lr, decay = mults.get(k, (1.0, 1.0))
        g["rate"], g["weight_decay"] = g["lr"] * lr, g.get("weight_decay", 0.0) * decay
    for t in range(calls):
        opt.zero_grad()
        loss(*leaves.values(), *args.values()).backward()
        norm = torch.sqrt(sum((leaf.grad**2).sum() for leaf in leaves.values()))
        for g in opt.param_groups:
            g["params"][0].grad *= min(1.0, clip / norm) if clip else 1.0
            g["lr"] = g["rate"] * (schedule(t) if schedule else 1.0)
        opt.step()
    own = lambda tensors: {f"{name}_{k}": v.detach() for k, v in tensors.items()}
    CASES.append(Case(base, name, STEP, code, args, stores=own(params), after=own(leaves), calls=calls, optimizer=optimizer,
                      params=params, mults=mults))


def initial(code, shape, expected, name=None):
    """A parameter of `shape` with the initialiser `code`; `expected(path, shape)` is its initial value."""
    base, name = _name_of(code, name)
    CASES.append(Case(base, name, INIT, code, after={name: expected(name, shape)}))


def defaults(model, shape, expected):
    """The stores of a layer applied to `shape` (ids: of i32) as its own initialisers fill them: expected(path) by store."""
    base, name = _name_of(model, None)
    CASES.append(Case(base, name, INIT, model, applied=shape,
                      after={f"{name}_net.{k}": v(f"{name}_net.{k}") for k, v in expected.items()}))


# ---- random numbers, from the language's definition (docs/LANGUAGE.md, "Random numbers"); test_library.c has this seed

SEED = 5
WORD = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & WORD, (a >> 32) ^ c[3] ^ k[1], a & WORD]
        k = [(k[0] + 0x9E3779B9) & WORD, (k[1] + 0xBB67AE85) & WORD]
    return c


def fnv(data, h=0x811C9DC5):
    for byte in data:
        h = (h ^ byte) * 16777619 & WORD
    return h


def site(path, *numbers):
    """Of a draw in the instance `path`: the numbers of the calls that lead to it, last its own."""
    return fnv(b"".join(n.to_bytes(4, "little") for n in numbers), fnv(path.encode()))


def words(shape, at, step):
    n = int(torch.tensor(shape).prod()) if shape else 1
    return [w >> 8 for e in range((n + 3) // 4) for w in philox((e, 0, step, at), (SEED & WORD, SEED >> 32))], n


def draw_uniform(shape, at, step=0):
    k, n = words(shape, at, step)
    return torch.tensor([w / 2**24 for w in k[:n]]).reshape(shape)


def draw_normal(shape, at, step=0):
    k, n = words(shape, at, step)
    out = []
    for a, b in zip(k[::2], k[1::2]):
        r, t = (-2 * math.log((a + 1) / 2**24)) ** 0.5, 2 * math.pi * b / 2**24
        out += [r * math.cos(t), r * math.sin(t)]
    return torch.tensor(out[:n]).reshape(shape)


INITIAL = WORD  # the step of a draw that fills a parameter


# ---- .nn

TYPES = {torch.float64: "f64", torch.int32: "i32", torch.bool: "mask", torch.int64: "i64", torch.uint8: "u8"}


def nn_type(x):
    t = "" if x.dtype == torch.float64 else TYPES[x.dtype]
    return t + str(list(x.shape)) if x.dim() else t or "real"


def renamed(text, c):
    """The model `net` under the case's own name."""
    return re.sub(r"(?<![\w.])net\b(?!\s*=)", f"{c.name}_net", text) if c.model else text


def together(names):
    return names[0] if len(names) == 1 else "(" + ", ".join(names) + ")"


def body(c):
    """The statements that compute c.results."""
    *statements, result = c.code.split(";")
    ys = [n for n, _ in c.results if n.startswith("y")]
    lines = [s.strip() + ";" for s in statements] + [f"let {together(ys)} = {result.strip()};"]
    of = {n: "w_" + n for n, v in c.results if n.startswith("y") and v.is_floating_point()}
    for d in ("d_", "dd_")[:c.order]:
        total = " + ".join(f"sum({n} * {w})" for n, w in of.items())
        lines.append(f"let {together([d + k for k in c.targets])} = grad({total}, {together(list(c.targets.values()))});")
        of = {d + k: "v_" + k for k in c.targets}
    return [renamed(line, c) for line in lines]


def multipliers(mult):
    return f" with lr = {mult[0]}, decay = {mult[1]}" if mult else ""


def program(c):
    if c.applied:
        return [f"model {c.name}_net = {c.code};", f"export fn {c.name}_applied(x: {c.applied}) = {c.name}_net(x);"]
    if c.kind == INIT:
        return [f"param {name}: {nn_type(v)} = {c.code};" for name, v in c.after.items()]
    out = [c.decls] if c.decls else []
    if c.model:
        out.append(f"model {c.name}_net = {c.model};")
    if c.kind == EXPORT:
        args = ", ".join(f"{k}: {nn_type(x)}" for k, x in c.args.items())
        return out + [f"export fn {c.name}({args}) {{", *("    " + line for line in body(c)),
                      f"    return {together([n for n, _ in c.results])};", "}"]
    fill = lambda x: "0.0" if x.dim() == 0 else "zeros()"
    out += [f"param {c.name}_{k}: {nn_type(v)} = {fill(v)}{multipliers(c.mults.get(k))};" for k, v in c.params.items()]
    out += [f"state {c.name}_{n}: {nn_type(v)} = {fill(v)};" for n, v in c.results]
    fields = " ".join(f'{k}: {nn_type(x)} from npy("{k}.npy");' for k, x in c.args.items())
    out += [f"data {c.name}_data {{ {fields} }}", f"train {c.name} {{", "    batch = 1;"]
    if c.optimizer:
        out.append(f"    let opt = {c.optimizer};")
    out.append(f"    each d in {c.name}_data() {{")
    out += [f"        let {k} = d.{k}[0];" for k in c.args]
    if c.optimizer:
        own = re.sub(r"(?<![\w.])(" + "|".join(c.params) + r")\b", rf"{c.name}_\1", c.code)
        out.append(f"        minimize {own} over {', '.join(f'{c.name}_{k}' for k in c.params)} using opt;")
    else:
        out += ["        " + line for line in body(c)]
        out += [f"        update {c.name}_{n} = {n};" for n, _ in c.results]
    return out + ["    }", "}"]


# ---- the table

def number(x):
    if isinstance(x, (bool, int)):
        return str(int(x))
    return f"{x:.16g}" if x == x and abs(x) != float("inf") else "nan" if x != x else "inf" if x > 0 else "-inf"


def line(kind, name, x):
    x = x.detach() + torch.zeros(x.shape, dtype=x.dtype) if x.is_floating_point() else x  # torch has zeros without storage
    numbers = " ".join(number(v) for v in x.reshape(-1).tolist())
    return f"{kind} {name} {TYPES[x.dtype]} {' '.join(map(str, x.shape))}: {numbers}".replace(" :", ":")


def table(c):
    step = c.kind == STEP
    own = lambda path: path if not path.startswith("net.") else f"{c.name}_{path}"
    out = [f"fn {'init' if c.kind == INIT else c.name + '_step' if step else c.name} {c.calls}"]
    out += [line("store", own(k), x) for k, x in c.stores.items()]
    out += [line("in", k, x) for k, x in c.args.items()]
    out += [line("after", f"{c.name}_{n}", x) if step else line("out", n, x) for n, x in c.results]
    out += [line("after", own(k), x) for k, x in c.after.items()]
    return out
