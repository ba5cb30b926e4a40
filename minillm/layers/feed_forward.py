from collections.abc import Callable

import numpy as np

from minillm import functional as F
from minillm.layers.linear import Linear
from minillm.layers.module import Module
from minillm.types import Array, Backward

Activation = Callable[[Array], tuple[Array, Backward]]


class FeedForward(Module):
    """Think about each position alone (Vaswani et al. 2017, eq. 2).

        y = activation(x W_up + b_up) W_down + b_down

    The paper's activation is relu; GPT-2's is gelu.
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        activation: Activation = F.gelu,
        *,
        bias: bool = True,
        out_scale: float = 1.0,
        rng: np.random.Generator,
    ) -> None:
        self.activation = activation
        self.up_proj = Linear(d_model, d_ff, bias=bias, rng=rng)
        self.down_proj = Linear(d_ff, d_model, bias=bias, scale=out_scale, rng=rng)

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        h, up_backward = self.up_proj(x)
        h, activation_backward = self.activation(h)
        y, down_backward = self.down_proj(h)

        def backward(dy: Array) -> Array:
            return up_backward(activation_backward(down_backward(dy)))

        return y, backward
