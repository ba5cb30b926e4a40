"""Norms as layers: what they do not see, and what their gain and shift add."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.functional.norms import LAYER_NORM_EPS
from minillm.layers import Identity, LayerNorm, RMSNorm
from tests.strategies import leading_shapes, rngs, scatter, widths

CLOSE = {"rtol": 1e-11, "atol": 1e-11}
RMS_NORM_EPS = 1e-6  # the default of F.rms_norm
factors = st.floats(0.1, 1000)


def draw(kind, rng, leading, width):
    """A norm whose gain and shift have moved, and its input."""
    layer = scatter(kind(width).astype(np.float64), rng)
    return layer, rng.normal(size=(*leading, width))


def slack_of_eps(centred, gamma, factor, eps):
    """How far eps lets an output move when its input is stretched by `factor`.

    (v + eps)^(-1/2) has slope 1/2 v^(-3/2) at most, and stretching divides eps by
    factor^2, where v is the mean of centred^2.
    """
    v = np.mean(centred**2, -1, keepdims=True)
    return np.abs(gamma * centred) * v**-1.5 / 2 * eps * abs(1 - factor**-2)


@given(rngs, leading_shapes, widths, st.floats(-10, 10), factors)
def test_layer_norm_sees_neither_a_shift_nor_a_stretch(rng, leading, width, shift, factor):
    """Ba et al. 2016, table 1: of its input, all but eps."""
    layer, x = draw(LayerNorm, rng, leading, width)
    y, centred = layer(x)[0], x - x.mean(-1, keepdims=True)
    slack = slack_of_eps(centred, layer.gamma.data, factor, LAYER_NORM_EPS)
    assert_allclose(layer(x + shift)[0], y, rtol=1e-9, atol=1e-9)
    assert (np.abs(layer(factor * x)[0] - y) <= slack + 1e-9).all()


@given(rngs, leading_shapes, widths, factors)
def test_rms_norm_sees_no_stretch_but_it_sees_a_shift(rng, leading, width, factor):
    """Zhang & Sennrich 2019, sec. 3."""
    layer, x = draw(RMSNorm, rng, leading, width)
    y, _ = layer(x)
    slack = slack_of_eps(x, layer.gamma.data, factor, RMS_NORM_EPS)
    assert (np.abs(layer(factor * x)[0] - y) <= slack + 1e-9).all()
    assert (np.abs(layer(x + 1)[0] - y).max(-1) > 1e-6).all()


@given(rngs, leading_shapes, widths)
def test_a_fresh_norm_gives_each_vector_the_size_1(rng, leading, width):
    """Mean 0 and variance v / (v + eps), or the mean square alone."""
    x = rng.normal(size=(*leading, width))
    y, _ = LayerNorm(width).astype(np.float64)(x)
    v = x.var(-1)
    assert_allclose(y.mean(-1), 0, atol=1e-11)
    assert_allclose(y.var(-1), v / (v + LAYER_NORM_EPS), **CLOSE)
    y, _ = RMSNorm(width).astype(np.float64)(x)
    v = np.mean(x * x, -1)
    assert_allclose(np.mean(y * y, -1), v / (v + RMS_NORM_EPS), **CLOSE)


@given(rngs, leading_shapes, widths)
def test_each_feature_has_a_gain_and_a_shift_of_its_own(rng, leading, width):
    layer, x = draw(LayerNorm, rng, leading, width)
    fresh, _ = LayerNorm(width).astype(np.float64)(x)
    assert_allclose(layer(x)[0], fresh * layer.gamma.data + layer.beta.data, **CLOSE)
    layer, x = draw(RMSNorm, rng, leading, width)
    fresh, _ = RMSNorm(width).astype(np.float64)(x)
    assert_allclose(layer(x)[0], fresh * layer.gamma.data, **CLOSE)


@given(rngs, leading_shapes, widths)
def test_where_nothing_is_normalised_nothing_changes(rng, leading, width):
    x, dy = rng.normal(size=(2, *leading, width))
    y, backward = Identity()(x)
    assert_array_equal(y, x)
    assert_array_equal(backward(dy), dy)
