"""Dropout as a layer: how much it drops, that nothing changes on average, and where."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import Dropout
from tests.strategies import leading_shapes, rngs

NEVER = 1e-12  # the chance that a bound below is broken by good random numbers
rates = st.floats(0.05, 0.95)
places = st.lists(st.integers(0, 1022), min_size=2, max_size=2, unique=True)


@given(rngs, leading_shapes, st.floats(0, 0.99))
def test_without_an_rng_it_is_the_identity(rng, leading, rate):
    """Forward and back: a finished model needs no other form."""
    x, dy = rng.normal(size=(2, *leading, 5))
    y, backward = Dropout(rate)(x)
    assert_array_equal(y, x)
    assert_array_equal(backward(dy), dy)


@given(rngs, rates)
def test_the_rate_is_the_share_that_is_dropped_and_the_rest_grows(rng, rate):
    """A share of n misses its mean by sqrt(log(2 / chance) / 2 n) (Hoeffding 1963)."""
    x = rng.normal(size=(40, 500))
    y, _ = Dropout(rate)(x, rng)
    dropped = y == 0
    assert abs(dropped.mean() - rate) <= math.sqrt(math.log(2 / NEVER) / (2 * x.size))
    assert_allclose(y[~dropped], x[~dropped] / (1 - rate), rtol=1e-12)


@given(rngs, rates)
def test_on_average_nothing_changes(rng, rate):
    """E[y] = x, within Hoeffding's bound for values of 0 to x / (1 - rate).

    Any of 5 features may miss it on either side, hence 10.
    """
    x, n = rng.normal(size=5), 4000
    y, _ = Dropout(rate)(np.tile(x, (n, 1)), rng)
    bound = math.sqrt(math.log(10 / NEVER) / (2 * n)) / (1 - rate)
    assert (np.abs(y.mean(0) - x) <= bound * np.abs(x)).all()


@given(rngs, st.floats(0.2, 0.8), st.integers(0, 2**32 - 1), places)
def test_the_same_place_drops_the_same_and_two_places_do_not(rng, rate, seed, places):
    """100 features fall alike in two places with a chance of at most 0.68^100 = 2e-17."""
    x, layer = rng.normal(size=(2, 50)), Dropout(rate)
    draws = F.Draws(seed, step=3, examples=range(2))
    here, there = (layer(x, draws.child(i))[0] for i in places)
    assert_array_equal(layer(x, draws.child(places[0]))[0], here)
    assert ((here == 0) != (there == 0)).any()


@pytest.mark.parametrize("rate", [-1, -0.5, 1, 1.5, 2, math.nan])
def test_a_rate_that_is_no_share_or_leaves_nothing_is_refused_at_once(rate):
    """Not at the first step of a training, which is when the first feature falls."""
    with pytest.raises(ValueError, match=f"dropout {rate}: give 0 <= dropout < 1"):
        Dropout(rate)


@given(rngs, leading_shapes)
def test_at_rate_0_nothing_is_dropped(rng, leading):
    x = rng.normal(size=(*leading, 5))
    assert_array_equal(Dropout(0)(x, rng)[0], x)
