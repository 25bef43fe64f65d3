"""Order, choice along an axis; running sums."""
from table import *

x = lambda: distinct(2, 3, 4)
tied = values([2.0, 1.0, 2.0, 0.0], [1.0, 1.0, 1.0, 3.0])
case("cumsum(x, axis = 1)", lambda x: x.cumsum(1), x=real(2, 3, 2))
case("cumsum(x, axis = -1)", lambda x: x.cumsum(-1), x=real(2, 4))
case("(argsort(x), argsort(x, axis = 0))", lambda x: (x.argsort(-1).int(), x.argsort(0).int()), x=distinct(3, 4))
case("argsort(x)", lambda x: ints(3, 1, 0, 2, 0, 1, 2, 3, shape=(2, 4)), x=tied)  # equals in their order
case("sort(x)", lambda x: x.sort(-1).values, x=x())
case("take_along(x, i)", lambda x, i: x.gather(-1, i.long()), x=x(), i=ints(*[k * 7 % 4 for k in range(30)], shape=(2, 3, 5)))
case("let (v, i) = top_k(x, 2); (v, i)", lambda x: (x.topk(2).values, x.topk(2).indices.int()), x=x(), name="top_k")
case("let (v, i) = top_k(x, 3); (v, i)", lambda x: (values([2.0, 2.0, 1.0], [3.0, 1.0, 1.0]), ints(0, 2, 1, 3, 0, 1, shape=(2, 3))), x=const(tied),
     name="top_k")
case("slice_at(x, i, 2, axis = 1)", lambda x, i: x[:, 1:3], x=x(), i=scalar(1).int())
case("slice_at(x, i, 3, axis = -1)", lambda x, i: x[..., 0:3], x=x(), i=scalar(0).int())


def categorical(z):  # by inversion of the cumulated softmax
    c = F.softmax(z, -1).cumsum(-1)
    return (draw_uniform(z.shape[:-1], site("", 0, 7))[..., None] >= c).sum(-1).int()


case("categorical(z)", categorical, z=real(4, 5), order=0)
case("categorical(z)", categorical, z=real(2, 3, 2), order=0)
