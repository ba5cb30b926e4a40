"""Dropout: what is kept, how often, and that a key decides it."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import leading_shapes, rngs

NEVER = 1e-12  # the chance that a bound below is broken by good random numbers
rates = st.floats(0.05, 0.9)


@given(rngs, rates)
def test_features_are_dropped_or_grow_by_what_is_missing(rng, rate):
    x = rng.normal(size=(4, 50))
    y, _ = F.dropout(x, rate, rng=rng)
    kept = y != 0
    assert_allclose(y[kept], x[kept] / (1 - rate), rtol=1e-12)


@given(rngs, rates)
def test_as_many_are_dropped_as_the_rate_says(rng, rate):
    """A share of n misses its mean by sqrt(log(2 / chance) / 2 n) (Hoeffding 1963)."""
    x = np.ones((40, 500))
    y, _ = F.dropout(x, rate, rng=rng)
    bound = math.sqrt(math.log(2 / NEVER) / (2 * x.size))
    assert abs(np.mean(y == 0) - rate) <= bound


@given(rngs, rates)
def test_the_expectation_is_x_and_the_variance_is_what_the_rate_makes_it(rng, rate):
    """E[y] = x and Var[y] = x^2 rate / (1 - rate), each within Hoeffding's bound.

    For x = 1, y is 0 or 1 / (1 - rate), and (y - 1)^2 is 1 or (rate / (1 - rate))^2.
    """
    n = 20_000
    y, _ = F.dropout(np.ones((40, n // 40)), rate, rng=rng)
    odds = rate / (1 - rate)
    within = math.sqrt(math.log(2 / NEVER) / (2 * n))
    assert abs(y.mean() - 1) <= within / (1 - rate)
    squares = (y - 1) ** 2
    assert abs(squares.mean() - odds) <= within * abs(odds * odds - 1) + 1e-12


@given(rngs, leading_shapes.filter(len), rates)
def test_the_gradient_takes_the_same_way_as_x(rng, shape, rate):
    x = rng.normal(size=shape)
    y, backward = F.dropout(x, rate, rng=rng)
    assert_array_equal(backward(x), y)


@given(rngs, leading_shapes, st.sampled_from([(None, 0.5), ("draws", 0.0), (None, 0.0)]))
def test_without_an_rng_or_at_rate_0_it_is_the_identity(rng, shape, choice):
    given_rng, rate = choice
    x, dy = rng.normal(size=(2, *shape))
    y, backward = F.dropout(x, rate, rng=given_rng and rng)
    assert_array_equal(y, x)
    assert_array_equal(backward(dy), dy)


@given(rngs, rates, st.integers(1, 6), st.data())
def test_the_same_key_drops_the_same_whatever_the_batch_it_comes_in(rng, rate, batch, data):
    x = rng.normal(size=(batch, 3, 5))
    draws = F.Draws(int(rng.integers(2**32)), 9, list(rng.permutation(100)[:batch]))
    cut = data.draw(st.integers(0, batch))
    whole, _ = F.dropout(x, rate, rng=draws)
    halves = [
        F.dropout(x[part], rate, rng=draws.take(part))[0]
        for part in (slice(cut), slice(cut, None))
    ]
    assert_array_equal(np.concatenate(halves), whole)
    assert_array_equal(F.dropout(x, rate, rng=draws)[0], whole)


@given(st.integers(0, 2**32 - 2), st.integers(0, 2**32))
def test_another_seed_step_site_or_example_drops_others(seed, step):
    """Two masks of 256 fair coins are equal with a chance of 2^-256."""
    x = np.ones((2, 256))
    here = F.Draws(seed, step, [0, 1])
    others = [
        F.Draws(seed + 1, step, [0, 1]),
        F.Draws(seed, step + 1, [0, 1]),
        F.Draws(seed, step, [2, 3]),
        here.child(0),
        here.child(1),
    ]
    masks = [row for draws in [here, *others] for row in F.dropout(x, 0.5, rng=draws)[0]]
    assert len({row.tobytes() for row in masks}) == len(masks)


def test_float32_and_float64_drop_the_same():
    draws = F.Draws(1, 2, range(3))
    y32, _ = F.dropout(np.ones((3, 40), np.float32), 0.5, rng=draws)
    y64, _ = F.dropout(np.ones((3, 40)), 0.5, rng=draws)
    assert_array_equal(y32, y64)


@dataclass
class Given:
    """A Uniform that draws what it was given."""

    numbers: np.ndarray

    def random(self, size, dtype):
        assert dtype == np.float32  # half the memory, and half the randomness
        return self.numbers.reshape(size)


def test_a_number_of_exactly_the_rate_keeps():
    """Of [0, 1) the numbers below `rate` are the share of `rate`; the next is above it."""
    numbers = np.array([0, 0.4375, 0.5, 0.5625], np.float32)
    y, _ = F.dropout(np.ones(4), 0.5, rng=Given(numbers))
    assert_array_equal(y, [0, 0, 2, 2])


@given(st.integers(0, 2**32))
def test_a_generator_is_asked_for_float32_in_one_draw(seed):
    uniform = np.random.default_rng(seed).random((3, 5), np.float32)
    y, _ = F.dropout(np.ones((3, 5)), 0.5, rng=np.random.default_rng(seed))
    assert_array_equal(y != 0, uniform >= 0.5)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0, math.nan])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match=rf"rate {rate} .* 0 <= rate < 1"):
        F.dropout(np.ones(3), rate)
