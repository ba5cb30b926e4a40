"""erf: against the standard library, number by number, and what it is made for."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.functional.special import erf

GRID = np.linspace(-6.5, 6.5, 200_001)
reals = st.floats(allow_nan=False)


def reference(x):
    return np.array([math.erf(value) for value in x.tolist()])


def test_erf_is_accurate_to_1e_15_over_a_dense_grid():
    assert np.abs(erf(GRID) - reference(GRID)).max() < 1e-15


@given(st.lists(reals, min_size=1))
def test_erf_is_accurate_to_1e_15_over_all_reals(values):
    x = np.array(values)
    assert np.abs(erf(x) - reference(x)).max() < 1e-15


def test_erf_keeps_its_relative_accuracy_near_zero():
    """What 1 - exp(-x^2) erfcx(x) would lose."""
    x = np.geomspace(1e-300, 6, 20_000)
    assert np.abs(erf(x) / reference(x) - 1).max() < 8 * np.finfo(np.float64).eps


def test_float32_erf_is_a_float32_accurate_to_its_rounding():
    x = np.concatenate([GRID, np.geomspace(1e-37, 1, 20_000)]).astype(np.float32)
    y, expected = erf(x), reference(x)
    assert y.dtype == np.float32
    error = np.abs(y - expected)
    eps = float(np.finfo(np.float32).eps)
    assert error.max() < 2 * eps
    assert np.all(error <= 8 * eps * np.abs(expected))


@given(st.lists(reals, min_size=1), st.sampled_from([np.float32, np.float64]))
def test_erf_is_odd_to_the_last_bit(values, dtype):
    with np.errstate(over="ignore"):
        x = np.array(values).astype(dtype)
    assert_array_equal(erf(-x), -erf(x))
    assert_array_equal(np.signbit(erf(x)), np.signbit(x))


@given(st.lists(reals, min_size=1))
def test_erf_is_the_normal_distribution_in_other_units(values):
    """P(|X| < x) for X ~ N(0, 1/2), and so 2 cdf(sqrt(2) x) - 1: never beyond -1 and 1."""
    x = np.array(values)
    expected = [2 * NormalDist().cdf(math.sqrt(2) * value) - 1 for value in values]
    assert_allclose(erf(x), expected, rtol=0, atol=1e-15)
    assert (np.abs(erf(x)) <= 1).all()


@given(st.floats(-5, 5), st.floats(0, 1e-2))
def test_erf_grows_by_the_area_under_the_bell(x, step):
    """By the midpoint rule, whose error is step^3 / 24 times the bell's curvature."""
    start, stop = erf(np.array([x, x + step]))
    middle = x + step / 2
    area = 2 / math.sqrt(math.pi) * math.exp(-middle * middle) * step
    curvature = 4 / math.sqrt(math.pi)  # |(4 x^2 - 2) 2/sqrt(pi) exp(-x^2)| at most, at 0
    assert abs(stop - start - area) <= curvature * step * step * step / 24 + 2e-15


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erf_rises_but_for_rounding(dtype):
    y = erf(GRID.astype(dtype))
    assert np.diff(y).min() >= -np.finfo(dtype).eps
    assert np.abs(y).max() == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erf_of_the_infinities_and_of_nan(dtype):
    y = erf(np.array([np.inf, -np.inf, np.nan, 0.0, 1e30], dtype))
    assert_array_equal(y, np.array([1, -1, np.nan, 0, 1], dtype))


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 3)])
def test_erf_takes_any_shape_and_leaves_its_argument_alone(shape):
    x = np.full(shape, -0.5)
    x.setflags(write=False)
    assert erf(x).shape == shape
    assert_allclose(erf(x), math.erf(-0.5), rtol=1e-15)
    assert np.all(x == -0.5)
