"""How learning begins: what every parameter is drawn from, and whether it decays."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal

from minillm import layers
from minillm.gradient_check.cases import LAYERS
from minillm.layers import (
    GRU,
    LSTM,
    BidirectionalRelativeBias,
    CausalConvolution,
    CausalRelativeBias,
    Elman,
    Embedding,
    FeedForward,
    GatedFeedForward,
    LayerNorm,
    LearnedPositions,
    Linear,
    MultiHeadAttention,
    Parameter,
    RMSNorm,
    TiedVocabulary,
    UntiedVocabulary,
)
from tests.layers.drawn import assert_drawn_from_normal
from tests.strategies import examples, rngs


@dataclass(frozen=True)
class Start:
    """All entries `mean`, or drawn from N(mean, std^2)."""

    mean: float = 0.0
    std: float = 0.0
    decay: bool = False


ZEROS, ONES = Start(), Start(mean=1.0)


def matrix(d_in):
    """Of a linear map: what comes out varies as what goes in."""
    return Start(std=d_in**-0.5, decay=True)


def table(std=1.0):
    """Vectors that are looked up."""
    return Start(std=std)


BEGINNINGS = {
    Linear: ((50, 80), {"weight": matrix(50), "bias": ZEROS}),
    Embedding: ((50, 80), {"weight": table()}),
    TiedVocabulary: ((80, 50), {"token_embed.weight": table(50**-0.5)}),
    UntiedVocabulary: (
        (80, 50),
        {"token_embed.weight": table(), "lm_head.weight": matrix(50)},
    ),
    LearnedPositions: ((80, 50), {"weight": table()}),
    LayerNorm: ((5,), {"gamma": ONES, "beta": ZEROS}),
    RMSNorm: ((5,), {"gamma": ONES}),
    MultiHeadAttention: (
        (80, 4),
        {
            f"{name}_proj.{part}": matrix(80) if part == "weight" else ZEROS
            for name in "qkvo"
            for part in ("weight", "bias")
        },
    ),
    FeedForward: (
        (50, 80),
        {
            "up_proj.weight": matrix(50),
            "up_proj.bias": ZEROS,
            "down_proj.weight": matrix(80),
            "down_proj.bias": ZEROS,
        },
    ),
    GatedFeedForward: (
        (50, 80),
        {
            "gate_proj.weight": matrix(50),
            "gate_proj.bias": ZEROS,
            "up_proj.weight": matrix(50),
            "up_proj.bias": ZEROS,
            "down_proj.weight": matrix(80),
            "down_proj.bias": ZEROS,
        },
    ),
    Elman: ((50, 80), {"x_weight": matrix(50), "h_weight": matrix(80), "bias": ZEROS}),
    LSTM: (
        (50, 40),
        {
            "x_weight": matrix(50),
            "h_weight": matrix(40),
            "bias": Start(mean=np.repeat([0.0, 1.0, 0.0, 0.0], 40)),
        },
    ),
    GRU: (
        (50, 40),
        {
            "x_weight": matrix(50),
            "h_weight": matrix(40),
            "bias": ZEROS,
            "n_bias": ZEROS,
        },
    ),
    CausalConvolution: ((50, 80, 3), {"weight": matrix(3 * 50), "bias": ZEROS}),
    CausalRelativeBias: ((80, 50), {"weight": table()}),
    BidirectionalRelativeBias: ((80, 50), {"weight": table()}),
}
WITHOUT_CHANCE = LayerNorm, RMSNorm


@pytest.mark.parametrize("kind", BEGINNINGS, ids=lambda kind: kind.__name__)
@examples(5)
@given(rng=rngs)
def test_a_parameter_begins_as_its_layer_says(kind, rng):
    """Matrices of linear maps decay; gains, biases and vectors that are read do not."""
    sizes, begins = BEGINNINGS[kind]
    layer = kind(*sizes) if kind in WITHOUT_CHANCE else kind(*sizes, rng=rng)
    parameters = dict(layer.named_parameters())
    assert parameters.keys() == begins.keys()
    for name, start in begins.items():
        p = parameters[name]
        assert p.decay == start.decay
        if start.std:
            assert_drawn_from_normal(p.data.astype(np.float64) - start.mean, start.std)
        else:
            assert_array_equal(p.data, start.mean + np.zeros_like(p.data))


BRANCHES = {
    MultiHeadAttention: ((80, 4), "o_proj.weight"),
    FeedForward: ((50, 80), "down_proj.weight"),
    GatedFeedForward: ((50, 80), "down_proj.weight"),
}


@pytest.mark.parametrize("kind", BRANCHES, ids=lambda kind: kind.__name__)
@examples(5)
@given(rng=rngs)
def test_out_scale_narrows_the_end_of_a_branch_and_nothing_else(kind, rng):
    """As deep models want it (Radford et al. 2019, sec. 2.3)."""
    sizes, end = BRANCHES[kind]
    for name, p in kind(*sizes, out_scale=0.3, rng=rng).named_parameters():
        if name.endswith("weight"):
            std = len(p.data) ** -0.5 * (0.3 if name == end else 1)
            assert_drawn_from_normal(p.data.astype(np.float64), std)


def test_no_layer_with_parameters_of_its_own_is_left_out():
    rng, sizes = np.random.default_rng(0), (1, 2, 3, 4, 5, 6)
    modules = [build(rng, sizes).module for build in LAYERS.values()]
    owners = {
        type(part).__name__
        for module in modules
        for _, part in module.named_modules()
        if any(isinstance(value, Parameter) for value in vars(part).values())
    }
    assert owners & set(layers.__all__) <= {kind.__name__ for kind in BEGINNINGS}
