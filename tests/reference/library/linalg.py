"""Symmetric positive definite and triangular systems; matrices that initialisers make."""
from table import *

T = lambda x: x.transpose(-1, -2)
spd = lambda a: a @ T(a) + 2 * torch.eye(a.shape[-1])
SPD = "a @ transpose(a) + 2.0 * eye(3)"
solve = torch.linalg.solve
case(f"cholesky({SPD})", lambda a: torch.linalg.cholesky(spd(a)), a=real(3, 3))
case(f"cholesky({SPD})", lambda a: torch.linalg.cholesky(spd(a)), a=real(2, 3, 3))
low, up = lambda L: L.tril(), lambda L: L.triu()
tri = lambda *s: real(*s, scale=0.3) + 2 * torch.eye(s[-1])
case("triangular_solve(L, B)", lambda L, B: solve(low(L), B), L=tri(3, 3), B=real(3, 2))
case("triangular_solve(L, B)", lambda L, B: solve(low(L), B), L=tri(2, 3, 3), B=real(2, 3, 2))
case("triangular_solve(U, B, lower = false)", lambda L, B: solve(up(L), B), U=tri(3, 3), B=real(3, 2))
case("triangular_solve(L, b)", lambda L, b: solve(low(L), b), L=tri(3, 3), b=real(3))
case(f"solve_spd({SPD}, B)", lambda a, B: solve(spd(a), B), a=real(3, 3), B=real(3, 2))
case(f"solve_spd({SPD}, b)", lambda a, b: solve(spd(a), b), a=real(3, 3), b=real(3))
case(f"logdet_spd({SPD})", lambda a: torch.logdet(spd(a)), a=real(2, 3, 3))
case(f"inverse_spd({SPD})", lambda a: torch.linalg.inv(spd(a)), a=real(2, 3, 3))


def qr(g):  # with a positive diagonal of R
    q, r = torch.linalg.qr(g)
    return q * torch.sign(torch.diagonal(r))


def orthogonal(g, gain=1.0):
    m = g.reshape(g.shape[0], -1)
    return (gain * (qr(m) if m.shape[0] >= m.shape[1] else qr(m.T).T)).reshape(g.shape)


N = lambda path, shape: draw_normal(shape, fnv(path.encode()), INITIAL)
for shape in (4, 4), (5, 3), (2, 4), (3, 2, 2):
    initial("orthogonal()", shape, lambda p, s: orthogonal(N(p, s)))
initial("orthogonal(gain = 1.5)", (3, 3), lambda p, s: orthogonal(N(p, s), 1.5))
case("orthonormal_columns(g)", qr, g=real(4, 2), order=0)
case("orthogonal_of(g, 2.0)", lambda g: orthogonal(g, 2.0), g=real(2, 3), order=0)
symmetric = lambda n: (lambda a: a + a.T)(real(n, n))
radius = lambda w: torch.linalg.eigvals(w).abs().max()
case("log_spectral_radius(w)", lambda w: torch.log(radius(w)), w=symmetric(4), order=0)
case("sparse_normal_of(w, 0.9)", lambda w: w * 0.9 / radius(w), w=symmetric(4), order=0)
case("sparse_normal_of(w, 0.9)", lambda w: w, w=values([0.0, 1.0], [0.0, 0.0]), order=0)  # nilpotent: unscaled
initial("sparse_normal(density = 1.0, radius = 0.5)", (1, 1), lambda p, s: 0.5 * torch.sign(N(p, s)))
initial("sparse_normal(density = 0.0, radius = 0.5)", (3, 3), lambda p, s: torch.zeros(s))
