"""Positions as layers: a table that is not learned, and a table that is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import LearnedPositions, NoPositions, SinusoidalPositions
from tests.strategies import rngs, unequal_sizes

ranges = st.lists(st.integers(0, 9), min_size=2, max_size=2, unique=True).map(sorted)


@given(rngs, ranges, st.integers(1, 8))
def test_sinusoids_are_read_from_start_to_stop_and_nothing_is_learned(rng, limits, d_model):
    start, stop = limits
    layer = SinusoidalPositions(9, d_model, rng=rng).astype(np.float64)
    P, backward = layer(start, stop)
    table = F.sinusoidal_positions(9, d_model)
    assert_allclose(P, table[start:stop], atol=1e-7)  # the table is born in float32
    assert backward(np.ones_like(P)) is None
    assert layer.n_parameters() == 0


@given(rngs, ranges, st.integers(1, 8))
def test_learned_positions_learn_where_they_were_read(rng, limits, d_model):
    start, stop = limits
    layer = LearnedPositions(9, d_model, rng=rng).astype(np.float64)
    P, backward = layer(start, stop)
    dP = rng.normal(size=P.shape)
    backward(dP)
    assert_array_equal(P, layer.weight.data[start:stop])
    assert_array_equal(layer.weight.grad[start:stop], dP)
    assert_array_equal(np.delete(layer.weight.grad, np.s_[start:stop], 0), 0)


@given(rngs, st.integers(1, 30), st.integers(0, 30), st.integers(1, 4))
def test_sinusoids_of_later_positions_are_those_of_earlier_ones_turned(
    rng, n, shift, n_pairs
):
    """One rotation for all (Vaswani et al. 2017, sec. 3.5), as far as float32 knows."""
    layer = SinusoidalPositions(60, 2 * n_pairs, rng=rng).astype(np.float64)
    (here, _), (there, _) = layer(0, n), layer(shift, shift + n)
    turn = np.exp(-1j * shift / 10000 ** (np.arange(n_pairs) / n_pairs))
    turned = (here[:, 0::2] + 1j * here[:, 1::2]) * turn
    # Each entry is off by 2^-25 at most, and so each of the two complex numbers by
    # sqrt(2) 2^-25; there are entries of 1 among them.
    atol = 2 * np.sqrt(2) * 2.0**-25
    assert_allclose(there[:, 0::2] + 1j * there[:, 1::2], turned, rtol=0, atol=atol)


@given(rngs, ranges, st.integers(1, 8))
def test_no_positions_add_nothing_anywhere(rng, limits, d_model):
    """Beyond max_seq_len, too: there is no table that could end."""
    layer, x = NoPositions(2, d_model, rng=rng), rng.normal(size=(3, 1, d_model))
    P, backward = layer(*limits)
    assert_array_equal(x + P, x)
    assert backward(np.ones_like(P)) is None
    assert layer.n_parameters() == 0


@pytest.mark.parametrize("kind", [LearnedPositions, SinusoidalPositions, NoPositions])
@given(rng=rngs, limits=ranges, d_model=st.integers(1, 8))
def test_who_changes_what_was_handed_out_changes_no_table(kind, rng, limits, d_model):
    layer = kind(9, d_model, rng=rng)
    P, _ = layer(*limits)
    before = P.copy()
    P += 1
    assert_array_equal(layer(*limits)[0], before)


@given(rngs, unequal_sizes(2))
def test_what_was_handed_out_does_not_change_when_the_table_learns(rng, sizes):
    layer = LearnedPositions(*sizes, rng=rng)
    P, _ = layer(0, sizes[0])
    before = P.copy()
    layer.weight.data += 1
    assert_array_equal(P, before)
