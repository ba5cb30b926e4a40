import numpy as np

from minillm import functional as F
from minillm.layers.module import Module, Parameter
from minillm.layers.state_cache import StateCache
from minillm.types import Array, Backward


class CausalConvolution(Module):
    """Each position sees itself and width - 1 before it, `dilation` apart.

    Hence nothing that is more than `reach` = (width - 1) dilation away. The weight
    (width, d_in, d_out) is drawn from N(0, 1 / (width d_in)), the bias is 0.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        width: int,
        *,
        dilation: int = 1,
        rng: np.random.Generator,
    ) -> None:
        if width < 1 or dilation < 1:
            raise ValueError(f"width {width}, dilation {dilation}: give at least 1")
        self.dilation, self.reach = dilation, (width - 1) * dilation
        std = (width * d_in) ** -0.5
        self.weight = Parameter(rng.normal(0, std, (width, d_in, d_out)), decay=True)
        self.bias = Parameter(np.zeros(d_out))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        """x (batch, seq_len, d_in) -> y (batch, seq_len, d_out)"""
        y, convolution_backward = F.causal_convolution(
            x, self.weight.data, self.bias.data, self.dilation
        )

        def backward(dy: Array) -> Array:
            dx, dW, db = convolution_backward(dy)
            self.weight.accumulate(dW)
            self.bias.accumulate(db)
            return dx

        return y, backward

    def step(self, x: Array, cache: StateCache) -> Array:
        """y for new positions; the cache keeps the last `reach` inputs. No gradients."""
        batch, n_new, d_in = x.shape
        past = cache.state
        if past is None:
            past = np.zeros_like(x, shape=(batch, self.reach, d_in))
        elif len(past) != batch:
            raise ValueError(f"batch {batch} does not continue a cache of {len(past)}")
        seen = np.concatenate((past, x), 1)
        cache.replace(seen[:, n_new:].copy(), n_new)
        return self(seen)[0][:, self.reach :]
