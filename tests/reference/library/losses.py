"""Losses and metrics: frontend/std/losses.nn."""
from table import *

a, b = lambda: real(3, 4), lambda: real(3, 4)
y3 = ints(2, 0, 3)
z = lambda: real(3, 4)

case("mse(a, b)", F.mse_loss, a=a(), b=b())
case("mae(a, b)", F.l1_loss, a=a(), b=b())
case("huber(a, b)", F.huber_loss, a=real(3, 4, scale=2), b=b())
case("huber(a, b, d = 0.4)", lambda a, b: torch.where((a - b).abs() <= 0.4, 0.5 * (a - b) ** 2, 0.4 * ((a - b).abs() - 0.2)).mean(),
     a=a(), b=b())
case("huber(a, b)", lambda a, b: (0.5 * (a - b) ** 2).mean(), a=values(1.0, 0.5), b=values(1.0, 0.0))  # a quadratic, also at 0
case("softmax(x)", lambda x: F.softmax(x, -1), x=a())
case("softmax(x, axis = 0)", lambda x: F.softmax(x, 0), x=real(2, 3, 2))
case("softmax(x)", lambda x: F.softmax(x, -1), x=values([1000.0, 1001.0, 0.0], [-2000.0, -2001.0, -1999.5]))
case("log_softmax(x)", lambda x: F.log_softmax(x, -1), x=a())
case("log_softmax(x, axis = -2)", lambda x: F.log_softmax(x, -2), x=real(2, 3, 2))
case("log_softmax(x)", lambda x: F.log_softmax(x, -1), x=values([1000.0, 1001.0, 0.0], [-2000.0, -2001.0, -1999.5]))
nll = lambda z, y: F.cross_entropy(z, y.long(), reduction="none")
case("softmax_xent(z, y)", nll, z=z(), y=y3)
case("softmax_xent(z, y)", lambda z, y: -F.log_softmax(z, -1).gather(-1, y.long()[..., None])[..., 0], z=real(2, 3, 4),
     y=ints(3, 0, 1, 2, 2, 1, shape=(2, 3)))
case("softmax_xent(z, y)", nll, z=values([1000.0, 1001.0, 0.0], [-2000.0, -2001.0, -1999.5]), y=ints(2, 1))
case("cross_entropy(z, y)", lambda z, y: F.cross_entropy(z, y.long()), z=z(), y=y3)
case("cross_entropy(z, y, smoothing = 0.2)", lambda z, y: F.cross_entropy(z, y.long(), label_smoothing=0.2), z=z(), y=y3)
bce = lambda x, y: torch.clamp(x, min=0) - x * y + torch.log1p(torch.exp(-x.abs()))
case("bce_logits(x, y)", bce, x=a(), y=uniform(3, 4))
case("bce_logits(x, y)", lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"), x=a(), y=const(uniform(3, 4)))
case("bce_logits(x, y)", lambda x, y: torch.log(1 + torch.exp(x)) - x * y, x=values(0.0, 1.0), y=values(0.5, 0.25))
case("bce_logits(x, y)", bce, x=values(-800.0, 800.0, 40.0), y=values(0.0, 1.0, 0.0), order=1)


def focal(x, y, gamma=2.0):  # Lin et al. 2017, equation 4, y in {0, 1}
    p = torch.sigmoid(x)
    return (torch.where(y > 0.5, 1 - p, p) ** gamma * bce(x, y)).mean()


labels = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 1.0]])
case("focal(x, y)", focal, x=a(), y=const(labels))
case("focal(x, y, gamma = 0.5)", lambda x, y: focal(x, y, 0.5), x=a(), y=const(labels))
case("hinge(x, y)", lambda x, y: torch.clamp(1 - x * y, min=0).mean(), x=a(), y=const(2 * labels - 1))
case("multi_hinge(z, y)", lambda z, y: F.multi_margin_loss(z, y.long()), z=z(), y=y3, order=1)
margins = lambda z, y: torch.clamp(1 - z.gather(1, y.long()[:, None]) + z, min=0).scatter(1, y.long()[:, None], 0.0)
case("multi_hinge(z, y)", lambda z, y: (margins(z, y).sum(1) / 4).mean(), z=z(), y=y3)
rows = lambda x: (x / x.sum(-1, keepdim=True)).round(decimals=3)
case("kl(p, q)", lambda p, q: (p * torch.log(p / q)).sum(-1), p=rows(uniform(2, 3, lo=0.1)), q=rows(uniform(2, 3, lo=0.1)))
case("kl(p, q)", lambda p, q: F.kl_div(torch.log(q), p, reduction="none").sum(-1), p=const(rows(uniform(2, 3, lo=0.1))),
     q=rows(uniform(2, 3, lo=0.1)))
case("kl(p, q)", lambda p, q: F.kl_div(torch.log(q), p, reduction="none").sum(-1), p=const(values([0.0, 1.0], [0.0, 0.5])),
     q=values([0.25, 0.75], [1.0, 2.0]))  # 0 log 0 is 0
case("nll_gauss(x, m, v)", lambda x, m, v: -torch.distributions.Normal(m, torch.exp(0.5 * v)).log_prob(x).mean(), x=a(), m=a(), v=a())
case("nll_gauss(x, m, v)", lambda x, m, v: F.gaussian_nll_loss(m, x, torch.exp(v), full=True), x=a(), m=a(), v=a())
triplet = lambda margin: lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=margin)
case("triplet(a, p, n)", triplet(1.0), a=a(), p=a(), n=a())
case("triplet(a, p, n, margin = 0.2)", triplet(0.2), a=a(), p=a(), n=a())


def contrastive(a, b, same, margin=1.0):  # Hadsell, Chopra, LeCun 2006, without the halves
    d = torch.sqrt(((a - b) ** 2).sum(-1) + 1e-12)
    return (same * d**2 + (1 - same) * torch.clamp(margin - d, min=0) ** 2).mean()


same = const(values(1.0, 0.0, 0.0))
case("contrastive(a, b, same)", contrastive, a=real(3, 4, scale=0.3), b=real(3, 4, scale=0.3), same=same)
case("contrastive(a, b, same, margin = 3.0)", lambda a, b, s: contrastive(a, b, s, 3.0), a=a(), b=b(), same=same)
unit = lambda x: x / torch.sqrt((x**2).sum(1, keepdim=True) + 1e-12)
infonce = lambda t: lambda a, b: F.cross_entropy(unit(a) @ unit(b).T / t, torch.arange(len(a)))
case("infonce(a, b)", infonce(0.1), a=a(), b=b())
case("infonce(a, b, t = 0.5)", infonce(0.5), a=real(4, 2), b=real(4, 2))
gram = lambda f: (lambda m: torch.einsum("bcn,bdn->bcd", m, m) / f[0].numel())(f.reshape(*f.shape[:2], -1))
case("gram(f)", gram, f=real(2, 3, 2, 2))
case("gram(f)", gram, f=real(1, 2, 5))
tv = lambda x: ((x[..., 1:, :] - x[..., :-1, :]) ** 2).mean() + ((x[..., 1:] - x[..., :-1]) ** 2).mean()
case("total_variation(x)", tv, x=real(2, 1, 3, 4))

# ---- metrics
case("accuracy(z, y)", lambda z, y: (z.argmax(-1) == y).double().mean(), z=z(), y=y3, order=0)
case("accuracy(z, y)", lambda z, y: scalar(0.5), z=values([1.0, 1.0], [0.0, 0.0]), y=ints(0, 1), order=0)  # the first of a tie
case("top_k_accuracy(z, y, 2)", lambda z, y: (z.topk(2, -1).indices == y[:, None]).any(-1).double().mean(), z=real(5, 4),
     y=ints(2, 0, 3, 1, 1), order=0)


def confusion(z, y, n=3):
    m = torch.zeros(n, n)
    for truth, guess in zip(y.tolist(), z.argmax(-1).tolist()):
        m[truth, guess] += 1
    return m


case("confusion(z, y)", confusion, z=real(6, 3), y=ints(2, 0, 1, 1, 2, 0), order=0)
case("confusion(z, y)", lambda z, y: confusion(z.reshape(-1, 3), y.reshape(-1)), z=real(2, 3, 3),
     y=ints(2, 0, 1, 1, 2, 0, shape=(2, 3)), order=0)
counts = values([3.0, 1.0, 0.0], [2.0, 4.0, 0.0], [1.0, 0.0, 0.0])  # nothing was taken for the last class
part = lambda a, b: torch.where(b == 0, 0.0, a / torch.where(b == 0, 1.0, b))
precision = lambda c: part(c.diagonal(), c.sum(0))
recall = lambda c: part(c.diagonal(), c.sum(1))
f1 = lambda c: part(2 * c.diagonal(), c.sum(0) + c.sum(1))
for function, ref in {"precision": precision, "recall": recall, "f1": f1}.items():
    case(f"{function}(c)", lambda c, r=ref: r(c).mean(), c=counts, order=0)
    case(f"{function}(c, of = 1)", lambda c, r=ref: r(c)[1], c=counts, order=0)
case("ratio(a, b)", part, a=values(1.5, 0.0), b=values(2.0, 0.0))
case("of_class(v, -1) + of_class(v, 2)", lambda v: v.mean() + v[2], v=real(3))
case("perplexity(x)", torch.exp, x=scalar(1.25))
case("gram(f)", gram, f=real(2, 3))
case("gram(f)", gram, f=real(2, 2, 2, 1, 3))
