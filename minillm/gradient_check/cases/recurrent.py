"""What came before transformers: recurrences and convolutions."""

from collections.abc import Callable
from typing import Any

from minillm import functional as F
from minillm.gradient_check.cases.case import Build, Case, Rng, Sizes, module_case
from minillm.gradient_check.cases.layers import stream
from minillm.layers import (
    GRU,
    LSTM,
    CausalConvolution,
    ConvolutionBlock,
    Elman,
    LayerNorm,
)


def recurrence(
    op: Callable[..., Any], n_maps: int, n_states: int = 1, *, own_bias: bool = False
) -> Build:
    """x, the first state, and the weights of n_maps maps side by side."""

    def case(rng: Rng, sizes: Sizes) -> Case:
        batch, seq_len, d_in, d, *_ = sizes
        state_shape = (batch, d) if n_states == 1 else (batch, n_states, d)
        shapes: list[tuple[int, ...]] = [
            (batch, seq_len, d_in),
            state_shape,
            (d_in, n_maps * d),
            (d, n_maps * d),
            (n_maps * d,),
        ]
        shapes += [(d,)] if own_bias else []
        return Case(op, tuple(rng.normal(size=shape) for shape in shapes))

    return case


def causal_convolution(rng: Rng, sizes: Sizes) -> Case:
    """Of any width and dilation: wider than the sequence is long, too."""
    batch, seq_len, d_in, d_out, width, dilation = sizes
    return Case(
        F.causal_convolution,
        (
            rng.normal(size=(batch, seq_len, d_in)),
            rng.normal(size=(width, d_in, d_out)),
            rng.normal(size=d_out),
        ),
        {"dilation": 1 + dilation // 3},
    )


def layer(kind: Any) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        batch, seq_len, d_in, d, *_ = sizes
        module = kind(d_in, d, rng=rng)
        x = rng.normal(size=(batch, seq_len, d_in))
        return module_case(module, rng, (x,))

    return case


def layer_with_a_state(kind: Any) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        batch, seq_len, d_in, d, *_ = sizes
        module = kind(d_in, d, rng=rng)
        x = rng.normal(size=(batch, seq_len, d_in))
        return module_case(module, rng, (x, rng.normal(size=module.state_shape(batch))))

    return case


def convolution_layer(rng: Rng, sizes: Sizes) -> Case:
    x = stream(rng, sizes)
    module = CausalConvolution(x.shape[-1], sizes[3], sizes[4], dilation=2, rng=rng)
    return module_case(module, rng, (x,))


def convolution_block(rng: Rng, sizes: Sizes) -> Case:
    x = stream(rng, sizes)
    d = x.shape[-1]
    conv = CausalConvolution(d, d, 2, dilation=sizes[3], rng=rng)
    draws = F.Draws(seed=1, step=2, examples=range(len(x)))
    module = ConvolutionBlock(conv, LayerNorm(d), dropout=0.2)
    case = module_case(module, rng, (x,), {"rng": draws})
    case.step = 1e-4  # of relu's kinks
    return case


OPERATIONS: dict[str, Build] = {
    "elman": recurrence(F.elman, 1),
    "lstm": recurrence(F.lstm, 4, n_states=2),
    "gru": recurrence(F.gru, 3, own_bias=True),
    "causal_convolution": causal_convolution,
}

CELLS = {"Elman": Elman, "LSTM": LSTM, "GRU": GRU}
LAYERS: dict[str, Build] = {
    **{name: layer(kind) for name, kind in CELLS.items()},
    **{f"{name}/with a state": layer_with_a_state(kind) for name, kind in CELLS.items()},
    "CausalConvolution": convolution_layer,
    "ConvolutionBlock": convolution_block,
}
