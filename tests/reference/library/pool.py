"""Windows and the layers made of them: frontend/std/pool.nn."""
from table import *

x1 = x2 = distinct


def box(x, window, stride, pad):
    """Sums of windows, padded with zeros: a convolution of each channel with ones."""
    c, n = x.shape[1], len(window)
    f = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[n]
    return f(x, torch.ones(c, 1, *window), None, stride, pad, 1, c)


def max_windows(x, window, stride, pad):
    """Maxima of windows, the gradient to the first; in plain indexing, so that it can be differentiated twice."""
    n = len(window)
    low = torch.finfo(x.dtype).min
    x = F.pad(x, [e for p in reversed(pad) for e in (p, p)], value=low)
    for a in range(n):
        x = x.unfold(a + 2, window[a], stride[a])
    flat = x.flatten(-n)
    return flat.gather(-1, flat.argmax(-1, keepdim=True))[..., 0]


case("box(x, 2)", lambda x: box(x, (2,), (2,), 0), x=real(1, 2, 5))
case("box(x, [2, 3], stride = [1, 2], pad = [1, 2])", lambda x: box(x, (2, 3), (1, 2), (1, 2)), x=real(2, 1, 3, 4))
case("box(x, [1, 2, 2], stride = 1)", lambda x: box(x, (1, 2, 2), 1, 0), x=real(1, 1, 2, 3, 3))
case("max_window(x, 3, stride = 2, pad = 1)", lambda x: max_windows(x, (3,), (2,), (1,)), x=x1(1, 2, 6))
case("max_window(x, [2, 2, 1], stride = 1)", lambda x: max_windows(x, (2, 2, 1), (1, 1, 1), (0, 0, 0)), x=x1(1, 1, 2, 3, 2))
case("net(x)", lambda x: F.max_pool1d(x, 2), model="MaxPool1d(2)", x=x1(2, 2, 5), name="MaxPool1d", order=1)
case("net(x)", lambda x: max_windows(x, (3,), (1,), (1,)), model="MaxPool1d(3, stride = 1, pad = 1)", x=x1(1, 2, 4), name="MaxPool1d")
case("net(x)", lambda x: F.max_pool2d(x, 2), model="MaxPool2d(2)", x=x2(2, 1, 4, 5), name="MaxPool2d")
case("net(x)", lambda x: F.max_pool2d(x, (3, 2), (2, 1), (1, 0)), model="MaxPool2d([3, 2], stride = [2, 1], pad = [1, 0])",
     x=x2(1, 2, 4, 3), name="MaxPool2d")
case("net(x)", lambda x: max_windows(x, (2, 2), (1, 1), (0, 0)), model="MaxPool2d(2, stride = 1)", x=values([[[1.0, 1.0, 0.0], [1.0, 1.0, 2.0]]]),
     name="MaxPool2d")  # a tie: the first in row-major order
case("net(x)", lambda x: F.avg_pool1d(x, 2), model="AvgPool1d(2)", x=real(2, 2, 5), name="AvgPool1d")
case("net(x)", lambda x: F.avg_pool1d(x, 3, 2, 1), model="AvgPool1d(3, stride = 2, pad = 1)", x=real(1, 1, 6), name="AvgPool1d")
case("net(x)", lambda x: F.avg_pool2d(x, 2), model="AvgPool2d(2)", x=real(1, 2, 4, 4), name="AvgPool2d")
case("net(x)", lambda x: F.avg_pool2d(x, (2, 3), (1, 2), (1, 1)), model="AvgPool2d([2, 3], stride = [1, 2], pad = 1)", x=real(2, 1, 3, 4),
     name="AvgPool2d")  # padding is counted
case("net(x)", lambda x: F.interpolate(x, scale_factor=2), model="Upsample2d(2)", x=real(1, 2, 2, 3), name="Upsample2d")
case("net(x)", lambda x: x.repeat_interleave(3, 3), model="Upsample2d([1, 3])", x=real(2, 1, 2, 2), name="Upsample2d")
case("net(x)", lambda x: x.mean((2, 3)), model="GlobalAvgPool()", x=real(2, 2, 3, 2), name="GlobalAvgPool")
case("net(x)", lambda x: torch.amax(x, 2), model="GlobalMaxPool()", x=x1(2, 2, 4), name="GlobalMaxPool")
