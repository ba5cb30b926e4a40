import numpy as np

from minillm import functional as F
from minillm.layers.feed_forward import Activation
from minillm.layers.linear import Linear
from minillm.layers.module import Module
from minillm.types import Array, Backward


class GatedFeedForward(Module):
    """Think about each position alone, and choose what to keep (Shazeer 2020, eqs. 5-6).

        y = (activation(x W_gate + b_gate) * (x W_up + b_up)) W_down + b_down

    SwiGLU where the activation is silu (LLaMA), GEGLU where it is gelu (T5 1.1). The
    paper has no biases: bias=False. Its three matrices are as large as the plain layer's
    two where d_ff is 2/3 of the plain one's.

    Backward. Each factor of the product passes on its gradient times the other:

        dgate = dh up
        dup   = dh gate
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        activation: Activation = F.silu,
        *,
        bias: bool = True,
        out_scale: float = 1.0,
        rng: np.random.Generator,
    ) -> None:
        self.activation = activation
        self.gate_proj = Linear(d_model, d_ff, bias=bias, rng=rng)
        self.up_proj = Linear(d_model, d_ff, bias=bias, rng=rng)
        self.down_proj = Linear(d_ff, d_model, bias=bias, scale=out_scale, rng=rng)

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        g, gate_backward = self.gate_proj(x)
        gate, activation_backward = self.activation(g)
        up, up_backward = self.up_proj(x)
        y, down_backward = self.down_proj(gate * up)

        def backward(dy: Array) -> Array:
            dh = down_backward(dy)
            dx = gate_backward(activation_backward(dh * up))
            dx += up_backward(dh * gate)
            return dx

        return y, backward
