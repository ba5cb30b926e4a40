"""Storey one: the equations.

Every function takes arrays and returns `(output, backward)`. `backward` takes
`dy`, the gradient of the loss with respect to the output, and returns one
gradient per array argument, in argument order. Nothing here holds state,
mutates an argument, or knows what a parameter is.
"""

from minillm.functional.activations import gelu, gelu_exact, relu, silu, tanh
from minillm.functional.alibi import alibi_bias, alibi_slopes
from minillm.functional.attention import attention, attention_weights
from minillm.functional.convolution import causal_convolution
from minillm.functional.draws import Draws, Uniform
from minillm.functional.dropout import dropout
from minillm.functional.elman import elman
from minillm.functional.gru import gru
from minillm.functional.linear import embedding, linear, unembed
from minillm.functional.losses import IGNORED, cross_entropy
from minillm.functional.lstm import lstm
from minillm.functional.masks import causal_mask, hide_padding, padding_mask, prefix_mask
from minillm.functional.norms import layer_norm, rms_norm
from minillm.functional.positions import sinusoidal_positions
from minillm.functional.relative import (
    bidirectional_buckets,
    causal_buckets,
    relative_bias,
)
from minillm.functional.rotary import rotary_half, rotary_interleaved, rotary_table
from minillm.functional.softmax import log_softmax, softmax
from minillm.functional.special import erf

__all__ = [
    "IGNORED",
    "Draws",
    "Uniform",
    "alibi_bias",
    "alibi_slopes",
    "attention",
    "attention_weights",
    "bidirectional_buckets",
    "causal_buckets",
    "causal_convolution",
    "causal_mask",
    "cross_entropy",
    "dropout",
    "elman",
    "embedding",
    "erf",
    "gelu",
    "gelu_exact",
    "gru",
    "hide_padding",
    "layer_norm",
    "linear",
    "log_softmax",
    "lstm",
    "padding_mask",
    "prefix_mask",
    "relative_bias",
    "relu",
    "rms_norm",
    "rotary_half",
    "rotary_interleaved",
    "rotary_table",
    "silu",
    "sinusoidal_positions",
    "softmax",
    "tanh",
    "unembed",
]
