from minillm import functional as F
from minillm.layers.convolution import CausalConvolution
from minillm.layers.dropout import Dropout
from minillm.layers.module import Module
from minillm.layers.norms import LayerNorm
from minillm.layers.state_cache import StateCache
from minillm.types import Array, Backward


class ConvolutionBlock(Module):
    """A residual block: look back, and add what was seen (after Bai et al. 2018, sec. 3.4).

        y = x + dropout(relu(conv(norm(x))))

    The paper's blocks hold two convolutions, with weight normalisation instead.
    """

    def __init__(
        self, conv: CausalConvolution, norm: LayerNorm, dropout: float = 0.0
    ) -> None:
        self.norm, self.conv, self.dropout = norm, conv, Dropout(dropout)

    def __call__(self, x: Array, rng: F.Draws | None = None) -> tuple[Array, Backward]:
        """x (batch, seq_len, d) -> y alike; rng draws what dropout drops."""
        a, norm_backward = self.norm(x)
        a, conv_backward = self.conv(a)
        a, relu_backward = F.relu(a)
        a, dropout_backward = self.dropout(a, rng)

        def backward(dy: Array) -> Array:
            da = relu_backward(dropout_backward(dy))
            return dy + norm_backward(conv_backward(da))

        return x + a, backward

    def step(self, x: Array, cache: StateCache) -> Array:
        """y for new positions x (batch, n_new, d). No gradients."""
        a = self.conv.step(self.norm(x)[0], cache)
        return x + F.relu(a)[0]
