"""Attention, transformers, capsules: frontend/std/attention.nn."""
from table import *


def attention(x, mem, heads, causal, q, qb, k, kb, v, vb, o, ob):
    """Vaswani et al. 2017, section 3.2, a head at a time."""
    e = q.shape[1] // heads
    Q, K, V = x @ q + qb, mem @ k + kb, mem @ v + vb
    out = []
    for h in range(heads):
        s = slice(h * e, (h + 1) * e)
        score = Q[..., s] @ K[..., s].transpose(-1, -2) / e**0.5
        if causal:
            score = score.masked_fill(torch.ones(score.shape[-2:]).triu(1) > 0, -math.inf)
        out.append(F.softmax(score, -1) @ V[..., s])
    return torch.cat(out, -1) @ o + ob


def dense(path, n, m, first=0):
    return {f"{path}dense_{first}.W": real(n, m, scale=0.5), f"{path}dense_{first}.b": real(m, scale=0.3)}


def heads_of(path, d, m=None):
    return {**dense(path, d, d, 0), **dense(path, m or d, d, 1), **dense(path, m or d, d, 2), **dense(path, d, d, 3)}


def norm_of(path, d):
    return {f"{path}.gamma": real(d, scale=0.3, shift=1), f"{path}.beta": real(d, scale=0.3)}


case("net(x)", lambda x, *p: attention(x, x, 2, False, *p), model="MultiHeadAttention(2)", params=heads_of("", 4), x=real(2, 3, 4),
     name="MultiHeadAttention")
case("net(x)", lambda x, *p: attention(x, x, 1, True, *p), model="MultiHeadAttention(1, causal = true)", params=heads_of("", 2), x=real(1, 3, 2),
     name="MultiHeadAttention")
case("net.cross(x, mem)", lambda x, mem, *p: attention(x, mem, 2, False, *p), model="MultiHeadAttention(2)", params=heads_of("", 4, 3),
     x=real(1, 2, 4), mem=real(1, 3, 3), name="MultiHeadAttention")
norm = lambda x, g, b: F.layer_norm(x, g.shape, g, b)


def feed(z, p):
    g, b, w1, b1, w2, b2 = p
    return z + F.gelu(norm(z, g, b) @ w1 + b1) @ w2 + b2


def encoder(x, *p):
    n = norm(x, *p[:2])
    return feed(x + attention(n, n, 2, False, *p[2:10]), p[10:])


def decoder(x, mem, *p):
    n = norm(x, *p[:2])
    y = x + attention(n, n, 2, True, *p[2:10])
    return feed(y + attention(norm(y, *p[10:12]), mem, 2, False, *p[12:20]), p[20:])


block = lambda at: {**norm_of(f"layer_norm_{at}", 4), **dense("", 4, 8, 0), **dense("", 8, 4, 1)}
case("net(x)", encoder, model="TransformerEncoderBlock(2, ff = 2)", x=real(1, 3, 4), name="TransformerEncoderBlock",
     params={**norm_of("layer_norm_0", 4), **heads_of("multi_head_attention_0.", 4), **block(1)})
case("net(x, mem)", decoder, model="TransformerDecoderBlock(2, ff = 2)", x=real(1, 3, 4), mem=real(1, 2, 3), name="TransformerDecoderBlock",
     params={**norm_of("layer_norm_0", 4), **heads_of("multi_head_attention_0.", 4), **norm_of("layer_norm_1", 4), **heads_of("attend.", 4, 3),
             **block(2)})


def capsule(u, W, iters=3):  # Sabour, Frosst, Hinton 2017, procedure 1
    squash = lambda v: v * torch.sqrt((v * v).sum(-1, keepdim=True) + 1e-12) / (1 + (v * v).sum(-1, keepdim=True))
    uh = torch.einsum("bip,ijpq->bijq", u, W)
    b = torch.zeros(uh.shape[:3])
    for r in range(iters):
        seen = uh if r == iters - 1 else uh.detach()
        v = squash(torch.einsum("bij,bijq->bjq", F.softmax(b, 2), seen))
        b = b + torch.einsum("bijq,bjq->bij", seen, v)
    return v


case("net(u)", capsule, model="Capsule(2, 3)", params={"W": real(4, 2, 2, 3)}, u=real(2, 4, 2), name="Capsule")
case("net(u)", lambda u, W: capsule(u, W, 1), model="Capsule(3, 2, iters = 1)", params={"W": real(2, 3, 2, 2)}, u=real(1, 2, 2), name="Capsule")
