"""The gated feed-forward: its equation, and what a gate is."""

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose

from minillm import functional as F
from minillm.layers import FeedForward, GatedFeedForward
from tests.strategies import rngs, scatter, unequal_sizes

CLOSE = {"rtol": 1e-11, "atol": 1e-11}
sizes = unequal_sizes(4)  # batch, seq_len, d_model, d_ff
activations = pytest.mark.parametrize("activation", [F.silu, F.gelu, F.relu])


def draw_layer(rng, sizes, activation, **options):
    layer = GatedFeedForward(*sizes[2:], activation, rng=rng, **options)
    return scatter(layer.astype(np.float64), rng)


def affine(proj, x):
    return x @ proj.weight.data + proj.bias.data


@activations
@given(rng=rngs, sizes=sizes)
def test_the_activated_branch_scales_the_other(activation, rng, sizes):
    """Shazeer 2020, eq. 6, here with biases."""
    layer, x = draw_layer(rng, sizes, activation), rng.normal(size=sizes[:3])
    gate, _ = activation(affine(layer.gate_proj, x))
    expected = affine(layer.down_proj, gate * affine(layer.up_proj, x))
    assert_allclose(layer(x)[0], expected, **CLOSE)


@activations
@given(rng=rngs, sizes=sizes)
def test_a_gate_held_open_leaves_a_linear_map(activation, rng, sizes):
    """Where the gate is the same for every x, what remains is x W_up W_down."""
    layer, x = draw_layer(rng, sizes, activation, bias=False), rng.normal(size=sizes[:3])
    layer.gate_proj.weight.data[...] = 0
    assert_allclose(layer(x)[0], 0, atol=1e-15)  # each of these activations is 0 at 0
    layer = draw_layer(rng, sizes, activation)
    layer.gate_proj.weight.data[...] = 0
    difference = layer(x)[0] - layer(-x)[0]
    gate, _ = activation(layer.gate_proj.bias.data)
    expected = 2 * (x @ layer.up_proj.weight.data * gate) @ layer.down_proj.weight.data
    assert_allclose(difference, expected, **CLOSE)


@given(rngs, sizes)
def test_without_biases_relu_makes_a_quadratic_map(rng, sizes):
    """Twice the input is four times the output: two branches are multiplied."""
    layer, x = draw_layer(rng, sizes, F.relu, bias=False), rng.normal(size=sizes[:3])
    assert_allclose(layer(2 * x)[0], 4 * layer(x)[0], **CLOSE)


@given(rngs, sizes)
def test_one_row_is_what_it_is_among_others(rng, sizes):
    layer, x = draw_layer(rng, sizes, F.silu), rng.normal(size=sizes[:3])
    y, _ = layer(x)
    for place in np.ndindex(sizes[:2]):
        assert_allclose(layer(x[place][None])[0][0], y[place], **CLOSE)


def test_with_two_thirds_of_the_width_it_is_as_large_as_the_plain_one():
    rng = np.random.default_rng(0)
    gated = GatedFeedForward(12, 32, bias=False, rng=rng)
    assert gated.n_parameters() == FeedForward(12, 48, bias=False, rng=rng).n_parameters()
    assert {name: p.data.shape for name, p in gated.named_parameters()} == {
        "gate_proj.weight": (12, 32),
        "up_proj.weight": (12, 32),
        "down_proj.weight": (32, 12),
    }


def test_what_ends_the_branch_is_drawn_smaller():
    """Of 4,096 numbers the mean square misses its mean by less than 15 %.

    By Laurent & Massart 2000, 2 sqrt(t / n) + 2 t / n with exp(-t) = 1e-9 is 0.152.
    """
    layer = GatedFeedForward(64, 64, out_scale=0.5, rng=np.random.default_rng(0))
    for proj, scale in (layer.gate_proj, 1), (layer.up_proj, 1), (layer.down_proj, 0.5):
        assert abs(np.mean(proj.weight.data**2) * 64 / scale**2 - 1) < 0.153
