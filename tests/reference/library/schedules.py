"""Schedules: frontend/std/schedules.nn."""
from table import *

CALLS = "stack([{0}, {1}, {2}, {3}])"


def schedule(call, ref, *at):
    """`call` of t at four times; its derivative too: a schedule may be learned."""
    name = call[:call.index("(")]
    case(CALLS.format(*(re.sub(r"\bt\b", f"t[{k}]", call) for k in range(4))), lambda t: torch.stack([ref(v) for v in t]), t=values(*at), name=name)


one = torch.tensor(1.0)
schedule("cosine_decay(t, 8.0)", lambda t: (1 + torch.cos(math.pi * torch.minimum(t / 8, one))) / 2, 0.0, 3.0, 7.5, 9.0)
schedule("linear_decay(t, 8.0)", lambda t: torch.clamp(1 - t / 8, min=0), 0.0, 3.0, 7.5, 9.0)
schedule("step_decay(t, 3.0, 0.5)", lambda t: 0.5 ** torch.floor(t / 3), 0.0, 2.5, 3.0, 10.0)
schedule("exp_decay(t, 4.0)", lambda t: torch.exp(-t / 4), 0.0, 1.0, 4.0, 50.0)
schedule("inverse_decay(t, 0.1, 0.75)", lambda t: (1 + 0.1 * t) ** -0.75, 0.0, 1.0, 4.0, 50.0)
schedule("warmup(t, 5.0)", lambda t: torch.clamp((t + 1) / 5, max=1), 0.0, 1.0, 3.5, 9.0)


def one_cycle(t, total, up=0.3):
    """Smith, Topin 2018, as torch's OneCycleLR has it."""
    top = up * total - 1
    anneal = lambda a, b, x: b + (a - b) / 2 * (torch.cos(math.pi * x) + 1)
    return anneal(0.04, 1, t / top) if t < top else anneal(1, 4e-6, (t - top) / (total - 1 - top))


schedule("one_cycle(t, 20.0)", lambda t: one_cycle(t, 20), 0.0, 3.0, 5.0, 17.0)
schedule("one_cycle(t, 10.0, up = 0.5)", lambda t: one_cycle(t, 10, 0.5), 1.0, 4.0, 6.0, 8.5)
