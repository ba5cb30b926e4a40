"""Storey one: the equations.

Every function takes arrays and returns `(output, backward)`. `backward` takes
`dy`, the gradient of the loss with respect to the output, and returns one
gradient per array argument, in argument order. Nothing here holds state,
mutates an argument, or knows what a parameter is.
"""

from minillm.functional.activations import gelu, gelu_exact, relu, silu
from minillm.functional.attention import attention, attention_weights, causal_mask
from minillm.functional.draws import Draws, Uniform
from minillm.functional.dropout import dropout
from minillm.functional.linear import embedding, linear, unembed
from minillm.functional.losses import IGNORED, cross_entropy
from minillm.functional.norms import layer_norm, rms_norm
from minillm.functional.positions import sinusoidal_positions
from minillm.functional.softmax import log_softmax, softmax
from minillm.functional.special import erf

__all__ = [
    "IGNORED",
    "Draws",
    "Uniform",
    "attention",
    "attention_weights",
    "causal_mask",
    "cross_entropy",
    "dropout",
    "embedding",
    "erf",
    "gelu",
    "gelu_exact",
    "layer_norm",
    "linear",
    "log_softmax",
    "relu",
    "rms_norm",
    "silu",
    "sinusoidal_positions",
    "softmax",
    "unembed",
]
