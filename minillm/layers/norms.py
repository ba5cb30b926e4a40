import numpy as np

from minillm import functional as F
from minillm.layers.module import Module, Parameter
from minillm.types import Array, Backward


class LayerNorm(Module):
    """Layer normalisation with gain gamma = 1 and shift beta = 0 at the start."""

    def __init__(self, d_model: int) -> None:
        self.gamma = Parameter(np.ones(d_model))
        self.beta = Parameter(np.zeros(d_model))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        y, norm_backward = F.layer_norm(x, self.gamma.data, self.beta.data)

        def backward(dy: Array) -> Array:
            dx, dgamma, dbeta = norm_backward(dy)
            self.gamma.accumulate(dgamma)
            self.beta.accumulate(dbeta)
            return dx

        return y, backward


class RMSNorm(Module):
    """Root mean square normalisation with gain gamma = 1 at the start."""

    def __init__(self, d_model: int) -> None:
        self.gamma = Parameter(np.ones(d_model))

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        y, norm_backward = F.rms_norm(x, self.gamma.data)

        def backward(dy: Array) -> Array:
            dx, dgamma = norm_backward(dy)
            self.gamma.accumulate(dgamma)
            return dx

        return y, backward


class Identity(Module):
    """y = x: the norm after blocks that have normalised their output themselves."""

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        return x.copy(), lambda dy: dy.copy()
