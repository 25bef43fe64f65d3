"""Layers of frontend/std/layers.nn without randomness, applied and in training."""
from table import *

dense = lambda x, W, b: x @ W + b
case("net(x)", dense, model="Dense(3)", params={"W": real(4, 3), "b": real(3)}, x=real(2, 4), name="Dense")
case("net(x)", torch.matmul, model="Dense(3, bias = false)", params={"W": real(2, 3)}, x=real(2, 1, 2), name="Dense")
case("net(x)", dense, model="Dense(2)", params={"W": real(3, 2), "b": real(2)}, x=real(3), name="Dense")
case("let h = net(x); net(h)", lambda x, W, b: dense(dense(x, W, b), W, b), model="Dense(2)", params={"W": real(2, 2), "b": real(2)}, x=real(3, 2),
     name="Dense_shared")
case("net(ids)", lambda ids, W: F.embedding(ids.long(), W), model="Embedding(5, 3)", params={"W": real(5, 3)}, ids=ints(4, 0, 4, 1, shape=(2, 2)),
     name="Embedding")
case("net(x)", lambda x, a: F.prelu(x, a), model="prelu()", params={"slope": real(3)}, x=real(2, 3), name="prelu", order=1)
prelu = lambda x, a: torch.where(x > 0, x, a.reshape(-1, *[1] * (x.dim() - 2)) * x)
case("net(x)", prelu, model="prelu()", params={"slope": real(2)}, x=real(2, 2, 3), name="prelu")
case("net(x)", prelu, model="prelu()", params={"slope": values(0.5, -0.25, 2.0)}, x=values([-1.5, 0.0, 2.0], [0.0, 0.5, 0.0]),
     name="prelu")  # at 0 the slope


def along(v, x):
    return v.reshape(-1, *[1] * (x.dim() - 2))


def batch_norm(eps, momentum=0.9):
    """Ioffe, Szegedy 2015: with the batch's own moments, biased."""
    def run(x, gamma, beta, mean, var):
        axes = [0, *range(2, x.dim())]
        m = x.mean(axes, keepdim=True)
        v = ((x - m) ** 2).mean(axes, keepdim=True)
        return (x - m) / torch.sqrt(v + eps) * along(gamma, x) + along(beta, x)

    def after(x, gamma, beta, mean, var):
        axes = [0, *range(2, x.dim())]
        return {"mean_": momentum * mean + (1 - momentum) * x.mean(axes),
                "var_": momentum * var + (1 - momentum) * x.var(axes, unbiased=False)}
    return run, after


def affine(n):
    return {"gamma": real(n, scale=0.3, shift=1), "beta": real(n)}


running = lambda n: {"mean_": real(n), "var_": uniform(n, lo=0.4, hi=2)}
frozen = lambda eps: lambda x, g, b, m, v: F.batch_norm(x, m, v, g, b, False, 0.1, eps)
case("net(x)", frozen(1e-5), model="BatchNorm()", params=affine(3), states=running(3), x=real(4, 3), name="BatchNorm")
case("net(x)", frozen(1e-2), model="BatchNorm(eps = 1e-2)", params=affine(2), states=running(2), x=real(2, 2, 2, 3), name="BatchNorm")
run, after = batch_norm(1e-5)
case("net(x)", run, model="BatchNorm()", params=affine(3), states=running(3), x=real(4, 3), name="BatchNorm", training=True, after=after)
run, after = batch_norm(1e-3, 0.7)
case("net(x)", run, model="BatchNorm(momentum = 0.7, eps = 1e-3)", params=affine(2), states=running(2), x=real(2, 2, 2, 3), name="BatchNorm",
     training=True, after=after)
case("let m = inference(net); m(x)", frozen(1e-5), model="BatchNorm()", params=affine(3), states=running(3), x=real(4, 3), name="inference",
     training=True, after=lambda x, g, b, m, v: {"mean_": m, "var_": v})
case("net(x)", lambda x, g, b: F.layer_norm(x, (4,), g, b), model="LayerNorm()", params=affine(4), x=real(3, 4), name="LayerNorm")
case("net(x)", lambda x, g, b: F.layer_norm(x, (3,), g, b, 0.1), model="LayerNorm(eps = 0.1)", params=affine(3), x=real(2, 2, 3), name="LayerNorm")
rms = lambda eps: lambda x, g: x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * g
case("net(x)", rms(1e-5), model="RMSNorm()", params={"gamma": real(4)}, x=real(3, 4), name="RMSNorm")
case("net(x)", rms(0.2), model="RMSNorm(0.2)", params={"gamma": real(3)}, x=real(2, 2, 3), name="RMSNorm")
case("net(x)", lambda x, g, b: F.group_norm(x, 2, g, b), model="GroupNorm(2)", params=affine(4), x=real(2, 4, 3), name="GroupNorm")
case("net(x)", lambda x, g, b: F.group_norm(x, 3, g, b, 0.1), model="GroupNorm(3, eps = 0.1)", params=affine(3), x=real(1, 3, 2, 2), name="GroupNorm")
case("net(x)", lambda x: F.instance_norm(x), model="InstanceNorm()", x=real(2, 2, 3), name="InstanceNorm")
case("net(x)", lambda x: F.instance_norm(x, eps=0.1), model="InstanceNorm(eps = 0.1)", x=real(1, 2, 2, 2), name="InstanceNorm")

weighted = lambda x, V, g, b=0: x @ (V * g / torch.linalg.norm(V, dim=0)) + b
case("net(x)", weighted, model="WeightNorm(3)", params={"V": real(4, 3), "g": real(3), "b": real(3)}, x=real(2, 4), name="WeightNorm")
case("net(x)", weighted, model="WeightNorm(2, bias = false)", params={"V": real(3, 2), "g": real(2)}, x=real(2, 3), name="WeightNorm")


def highway(x, W, b, V, c):  # Srivastava et al. 2015; the gate is the first layer
    t = torch.sigmoid(x @ W + b)
    return t * torch.relu(x @ V + c) + (1 - t) * x


two = lambda n: {f"dense_{i}.{k}": real(*s) for i in (0, 1) for k, s in (("W", (n, n)), ("b", (n,)))}
case("net(x)", highway, model="Highway()", params=two(3), x=real(2, 3), name="Highway")
case("net(x)", lambda x, W, b: x + x @ W + b, model="Residual(Dense(3))", params={"layer_.W": real(3, 3), "layer_.b": real(3)}, x=real(2, 3),
     name="Residual")
case("net(x)", lambda x, W, b: (x @ W + b).reshape(2, 2, 3).amax(-1), model="MaxOut(2, 3)", params={"dense_0.W": real(4, 6), "dense_0.b": real(6)},
     x=real(2, 4), name="MaxOut")
case("net(x)", lambda x, c, beta: torch.exp(-beta * ((x[:, None] - c) ** 2).sum(-1)), model="RBF(3)", params={"c": real(3, 2), "beta": uniform(3)},
     x=real(2, 2), name="RBF")

# ---- outside of training these do nothing
for layer in "Dropout(0.4)", "GaussianNoise(0.3)", "DropPath(0.2)":
    case("net(x) * x", lambda x: x * x, model=layer, x=real(2, 3), name=layer[:layer.index("(")])

# ---- the restricted Boltzmann machine (Hinton 2012, equations 6 to 8)
rbm = {"W": real(3, 2), "a": real(3), "b": real(2)}
case("net.up(v)", lambda v, W, a, b: torch.sigmoid(v @ W + b), model="RBM(3, 2)", params=rbm, v=real(2, 3), name="RBM")
case("net.down(h)", lambda h, W, a, b: torch.sigmoid(h @ W.T + a), model="RBM(3, 2)", params=rbm, h=real(4, 2), name="RBM")
free = lambda v, W, a, b: -(v @ a) - F.softplus(v @ W + b).sum(-1)
case("net.free_energy(v)", free, model="RBM(3, 2)", params=rbm, v=real(2, 3), name="RBM")
case("cd_loss(net, v, 0)", lambda v, W, a, b: (free(v, W, a, b) - free(v.detach(), W, a, b)).mean(), model="RBM(3, 2)", params=rbm, v=real(2, 3),
     name="cd_loss")
case("net(x)", lambda x: torch.zeros_like(x) * x, model="InstanceNorm()", x=real(2, 3), name="InstanceNorm")
