"""Clipping shortens the whole gradient, and turns it in no direction."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.training import TrainerSettings, clip_by_global_norm
from tests.strategies import rngs

sizes = st.integers(1, 20)
limits = st.floats(1e-3, 1e6)
scales = st.floats(1e-3, 1e6)


@given(rngs, sizes, limits, scales)
def test_the_direction_stays_and_the_norm_is_the_smaller_of_the_two(rng, n, limit, scale):
    grad = scale * rng.normal(size=n)
    before = grad.copy()
    norm = clip_by_global_norm(grad, limit)
    assert_allclose(norm, np.linalg.norm(before), rtol=1e-14)
    assert_allclose(np.linalg.norm(grad), min(limit, norm), rtol=1e-14)
    assert_allclose(grad * norm, before * np.linalg.norm(grad), rtol=1e-13)


@given(rngs, sizes, scales)
def test_a_gradient_within_the_limit_keeps_its_bits(rng, n, scale):
    grad = (scale * rng.normal(size=n)).astype(np.float32)
    before, above = grad.copy(), float(np.linalg.norm(grad)) * 1.001
    for limit in (above, math.inf):
        clip_by_global_norm(grad, limit)
        assert_array_equal(grad, before)


@given(rngs, sizes, limits, scales)
def test_no_entry_grows_or_turns_and_all_shrink_by_one_factor(rng, n, limit, scale):
    """In float32 too: an entry is off by half a unit of its last place, or 6e-8."""
    grad = (scale * rng.normal(size=n)).astype(np.float32)
    before = grad.copy()
    clip_by_global_norm(grad, limit)
    assert (np.abs(grad) <= np.abs(before)).all()
    assert_array_equal(np.sign(grad), np.sign(before))
    share = np.linalg.norm(grad.astype(float)) / np.linalg.norm(before.astype(float))
    assert_allclose(grad, share * before, rtol=1e-6)
    assert np.linalg.norm(grad.astype(float)) <= limit * (1 + 1e-6 * n)


@pytest.mark.parametrize("limit", [1e-6, 1.0, 1e9, math.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_zero_gradient_stays_zero_without_a_murmur(limit, dtype):
    grad = np.zeros(3, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clip_by_global_norm(grad, limit) == 0
    assert_array_equal(grad, 0)


def test_float32_stays_float32():
    grad = np.full(4, 3, np.float32)
    assert clip_by_global_norm(grad, 1.0).dtype == np.float32
    assert_allclose(grad, 0.5, rtol=1e-6)


@pytest.mark.parametrize("limit", [0, -1.0, math.nan])
def test_a_limit_that_leaves_no_gradient_is_refused(limit):
    with pytest.raises(ValueError, match=f"clip {limit} must be above 0"):
        TrainerSettings(steps=1, clip=limit)
    grad = np.ones(3)
    with pytest.raises(ValueError, match=f"clip {limit} must be above 0"):
        clip_by_global_norm(grad, limit)
    assert_array_equal(grad, 1)
