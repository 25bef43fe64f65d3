"""conv and the layers made of it: frontend/std/conv.nn."""
from table import *

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def conv(x, W, stride=1, pad=0, dilation=1, lhs=1, groups=1):
    """Correlation; pad a list of [lo, hi], lhs a list: zeros between the elements."""
    n = x.dim() - 2
    if lhs != 1:
        for a, k in enumerate(lhs):
            wide = list(x.shape)
            wide[a + 2] = (x.shape[a + 2] - 1) * k + 1
            spread = torch.zeros(wide)
            x = spread.index_copy(a + 2, torch.arange(0, wide[a + 2], k), x)
    if isinstance(pad, list):
        x = F.pad(x, [e for lo_hi in reversed(pad) for e in lo_hi])
        pad = 0
    return CONV[n](x, W, None, stride, pad, dilation, groups)


case("conv(x, W)", conv, x=real(2, 2, 5), W=real(3, 2, 3))
case("conv(x, W, stride = 2, pad = 1)", lambda x, W: conv(x, W, 2, 1), x=real(1, 2, 6), W=real(2, 2, 3))
case("conv(x, W, pad = [[2, 0]], dilation = 2)", lambda x, W: conv(x, W, 1, [[2, 0]], 2), x=real(2, 1, 5), W=real(2, 1, 2))
case("conv(x, W, lhs_dilation = 2, pad = 1)", lambda x, W: conv(x, W, pad=1, lhs=[2]), x=real(1, 2, 3), W=real(2, 2, 3))
case("conv(x, W, groups = 2)", lambda x, W: conv(x, W, groups=2), x=real(1, 4, 4), W=real(2, 2, 2))
case("conv(x, W)", conv, x=real(1, 2, 4, 3), W=real(2, 2, 2, 2))
case("conv(x, W, stride = [2, 1], pad = [1, [0, 2]], dilation = [1, 2])",
     lambda x, W: conv(x, W, [2, 1], [[1, 1], [0, 2]], [1, 2]), x=real(2, 1, 4, 4), W=real(2, 1, 3, 2))
case("conv(x, W, lhs_dilation = [1, 3], pad = [1, 2], stride = [1, 2], groups = 2)",
     lambda x, W: conv(x, W, [1, 2], [[1, 1], [2, 2]], lhs=[1, 3], groups=2), x=real(1, 2, 2, 3), W=real(4, 1, 2, 3))
case("conv(x, W, pad = 1, stride = 2, dilation = [1, 1, 2])", lambda x, W: conv(x, W, 2, 1, [1, 1, 2]),
     x=real(1, 1, 2, 3, 4), W=real(2, 1, 2, 2, 2))
case("conv(x, W, stride = 3)", lambda x, W: conv(x, W, 3), x=real(1, 1, 8), W=real(1, 1, 2))  # the last element meets no window

biased = lambda f, **o: lambda x, W, b: f(x, W, b, **o)
P = lambda n, *w: {"W": real(*w), "b": real(n)}
case("net(x)", biased(F.conv1d), model="Conv1d(3, kernel = 2)", params=P(3, 3, 2, 2), x=real(2, 2, 4), name="Conv1d")
case("net(x)", lambda x, W: F.conv1d(x, W, None, 2, 1, 2, 2), params={"W": real(2, 1, 2)}, x=real(1, 2, 6), name="Conv1d",
     model="Conv1d(2, 2, stride = 2, pad = 1, bias = false, dilation = 2, groups = 2)")
case("net(x)", biased(F.conv2d, padding=1), model="Conv2d(2, kernel = 3, pad = 1)", params=P(2, 2, 2, 3, 3), x=real(1, 2, 3, 4), name="Conv2d")
case("net(x)", biased(F.conv2d, stride=(2, 1), padding=(0, 1), dilation=(1, 2)), params=P(2, 2, 1, 2, 3), x=real(2, 1, 4, 5), name="Conv2d",
     model="Conv2d(2, [2, 3], stride = [2, 1], pad = [0, 1], dilation = [1, 2])")
case("net(x)", biased(F.conv2d, groups=3), model="Conv2d(3, 1, groups = 3)", params=P(3, 3, 1, 1, 1), x=real(1, 3, 2, 2), name="Conv2d")
case("net(x)", biased(F.conv3d, stride=(1, 2, 1), padding=(1, 0, 0)), model="Conv3d(2, [2, 1, 2], stride = [1, 2, 1], pad = [1, 0, 0])",
     params=P(2, 2, 1, 2, 1, 2), x=real(1, 1, 2, 3, 3), name="Conv3d")
case("net(x)", lambda x, W: F.conv3d(x, W, groups=2), model="Conv3d(2, 2, bias = false, groups = 2)", params={"W": real(2, 1, 2, 2, 2)},
     x=real(1, 2, 2, 2, 3), name="Conv3d")
case("net(x)", biased(F.conv_transpose1d), model="Deconv1d(2, kernel = 3)", params=P(2, 3, 2, 3), x=real(1, 3, 3), name="Deconv1d")
case("net(x)", lambda x, W: F.conv_transpose1d(x, W, None, 2, 1), model="Deconv1d(2, 3, stride = 2, pad = 1, bias = false)",
     params={"W": real(1, 2, 3)}, x=real(2, 1, 3), name="Deconv1d")
case("net(x)", biased(F.conv_transpose2d, stride=2, padding=1), model="Deconv2d(2, kernel = 4, stride = 2, pad = 1)", params=P(2, 1, 2, 4, 4),
     x=real(1, 1, 2, 3), name="Deconv2d")
case("net(x)", biased(F.conv_transpose2d, stride=(3, 1), padding=(0, 1)), model="Deconv2d(1, [2, 3], stride = [3, 1], pad = [0, 1])",
     params=P(1, 2, 1, 2, 3), x=real(2, 2, 2, 2), name="Deconv2d")
wide = lambda *shape: torch.arange(torch.Size(shape).numel()).reshape(shape) % 7 / 4.0 - 0.75
case("net(x)", lambda x, W: F.conv_transpose1d(x, W, None, 2, 3), model="Deconv1d(2, 2, stride = 2, pad = 3, bias = false)",
     params={"W": wide(1, 2, 2)}, x=wide(1, 1, 5), name="Deconv1d")  # more padding than kernel
case("net(x)", lambda x, W: F.conv_transpose2d(x, W, None, 2, (1, 2)), model="Deconv2d(1, [3, 1], stride = 2, pad = [1, 2], bias = false)",
     params={"W": wide(2, 1, 3, 1)}, x=wide(1, 2, 2, 4), name="Deconv2d")
case("net(x)", biased(F.conv2d, groups=3), model="DepthwiseConv2d(2)", params=P(3, 3, 1, 2, 2), x=real(1, 3, 3, 3), name="DepthwiseConv2d")
case("net(x)", biased(F.conv2d, groups=2, stride=2, padding=1), model="DepthwiseConv2d(3, stride = 2, pad = 1, mult = 2)", params=P(4, 4, 1, 3, 3),
     x=real(1, 2, 3, 4), name="DepthwiseConv2d")
case("net(x)", lambda x, D, W, b: F.conv2d(F.conv2d(x, D, None, groups=2, padding=1), W, b), model="SeparableConv2d(3, 3, pad = 1)",
     params={"depth.W": real(2, 1, 3, 3), "point.W": real(3, 2, 1, 1), "point.b": real(3)}, x=real(1, 2, 3, 3), name="SeparableConv2d")
