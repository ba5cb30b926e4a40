import math

import numpy as np

from minillm import functional as F
from minillm.layers.module import Module, Parameter
from minillm.types import Array, Backward


class Linear(Module):
    """y = x W + b, with W (d_in, d_out) drawn from N(0, scale^2 / d_in) and b = 0.

    At scale 1 the output varies as the input does, at any width (LeCun et al. 1998,
    eq. 16). `bias=False` leaves b out.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        bias: bool = True,
        scale: float = 1.0,
        rng: np.random.Generator,
    ) -> None:
        std = scale / math.sqrt(d_in)
        self.weight = Parameter(rng.normal(0, std, (d_in, d_out)), decay=True)
        self.bias = Parameter(np.zeros(d_out)) if bias else None

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        b = None if self.bias is None else self.bias.data
        y, linear_backward = F.linear(x, self.weight.data, b)

        def backward(dy: Array) -> Array:
            dx, dW, *db = linear_backward(dy)
            self.weight.accumulate(dW)
            if self.bias is not None:
                self.bias.accumulate(*db)
            return dx

        return y, backward
