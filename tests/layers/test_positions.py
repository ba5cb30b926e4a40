"""Positions as layers: a table that is not learned, and a table that is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import LearnedPositions, SinusoidalPositions
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


@given(rngs, unequal_sizes(2))
def test_what_was_handed_out_does_not_change_when_the_table_learns(rng, sizes):
    layer = LearnedPositions(*sizes, rng=rng)
    P, _ = layer(0, sizes[0])
    before = P.copy()
    layer.weight.data += 1
    assert_array_equal(P, before)
