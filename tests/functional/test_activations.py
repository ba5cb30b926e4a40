"""Activations against their equations, number by number, and at the far ends."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import leading_shapes, rngs

EQUATIONS = {
    F.relu: lambda x: max(x, 0.0),
    F.gelu: lambda x: (
        0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    ),
    F.gelu_exact: lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2))),
    F.silu: lambda x: x / (1 + math.exp(-x)),
}
activations = pytest.mark.parametrize("op", EQUATIONS, ids=lambda op: op.__name__)


@activations
@given(st.lists(st.floats(-20, 20), min_size=1, max_size=8))
def test_each_is_its_equation(op, numbers):
    y, _ = op(np.array(numbers))
    assert_allclose(y, [EQUATIONS[op](x) for x in numbers], rtol=1e-12, atol=1e-14)


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=8))
def test_gelu_exact_is_x_times_the_chance_that_a_normal_number_is_smaller(numbers):
    """Hendrycks & Gimpel 2016, sec. 2: x is kept by that chance, and this is the mean."""
    y, _ = F.gelu_exact(np.array(numbers))
    expected = [x * NormalDist().cdf(x) for x in numbers]
    assert_allclose(y, expected, rtol=1e-12, atol=1e-14)


@given(st.floats(-10, 10))
def test_the_tanh_form_of_gelu_is_near_the_exact_one(x):
    """An approximation (Hendrycks & Gimpel 2016, sec. 2), 4.8e-4 off at worst."""
    array = np.array([x])
    assert abs(F.gelu(array)[0] - F.gelu_exact(array)[0]) < 5e-4


@given(st.floats(-20, 20))
def test_silu_has_the_papers_minimum_and_its_slope_is_the_papers(x):
    """Elfwing et al. 2018, sec. 2: about -0.28, where x is about -1.28."""
    lowest, lowest_backward = F.silu(np.array([-1.278464542761074]))
    assert_allclose(lowest, -0.2784645427610738, rtol=1e-15)
    assert_allclose(lowest_backward(np.ones(1)), 0, atol=1e-15)
    y, backward = F.silu(np.array([x]))
    s = 1 / (1 + math.exp(-x))
    assert y >= lowest
    assert_allclose(backward(np.ones(1)), s * (1 + x * (1 - s)), rtol=1e-12, atol=1e-15)


@given(rngs, leading_shapes.filter(len), st.floats(0.01, 100))
def test_relu_stretches_with_x_and_does_no_more_the_second_time(rng, shape, stretch):
    x = rng.normal(size=shape)
    y, backward = F.relu(x)
    assert_array_equal(F.relu(stretch * x)[0], stretch * y)
    assert_array_equal(F.relu(y)[0], y)
    assert_array_equal(backward(x), y)
    assert_array_equal(y * F.relu(-x)[0], 0)


@given(rngs, leading_shapes.filter(len))
def test_tanh_is_odd_bounded_and_adds_as_velocities_do(rng, shape):
    """tanh(a + b) = (tanh a + tanh b) / (1 + tanh a tanh b), and a' = 1 at 0."""
    a, b = rng.normal(0, 2, (2, *shape))
    (u, _), (v, _), (both, _) = F.tanh(a), F.tanh(b), F.tanh(a + b)
    assert (np.abs(u) <= 1).all()
    assert_array_equal(F.tanh(-a)[0], -u)
    # where u v is near -1 the rounding of either grows by 1 / (1 + u v)
    assert_allclose(both * (1 + u * v), u + v, rtol=0, atol=1e-14)
    assert_allclose(F.tanh(1e-9 * a)[0], 1e-9 * a, rtol=1e-15, atol=0)


@given(rngs, leading_shapes.filter(len))
def test_silu_is_x_times_the_sigmoid_that_tanh_makes(rng, shape):
    """sigmoid(x) = (1 + tanh(x / 2)) / 2"""
    x = rng.normal(0, 3, shape)
    assert_allclose(F.silu(x)[0], x * (1 + F.tanh(x / 2)[0]) / 2, rtol=1e-12, atol=1e-14)


@activations
@given(rngs, leading_shapes.filter(len))
def test_what_a_number_loses_its_negative_keeps(op, rng, shape):
    """Each is x gate(x) with gate(x) + gate(-x) = 1, hence y(x) - y(-x) = x."""
    x, dy = rng.normal(0, 3, (2, *shape))
    (y, backward), (y_mirrored, backward_mirrored) = op(x), op(-x)
    assert_allclose(y - y_mirrored, x, rtol=1e-12, atol=1e-14)
    assert_allclose(backward(dy) + backward_mirrored(dy), dy, rtol=1e-12, atol=1e-14)


@activations
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out_all_are_relu_and_nothing_overflows(op, dtype):
    x = np.array([-1e4, -1e3, -60, 60, 1e3, 1e4], dtype)
    with np.errstate(over="raise", invalid="raise"):
        y, backward = op(x)
        dx = backward(np.ones_like(x))
    assert_allclose(y, np.maximum(x, 0), atol=1e-20)
    assert_allclose(dx, x > 0, atol=1e-20)


@activations
def test_zero_stays_zero(op):
    assert_array_equal(op(np.zeros(3))[0], 0)


def test_the_slope_at_zero_is_one_half_but_for_relu_where_it_is_zero():
    for op in EQUATIONS:
        _, backward = op(np.zeros(1))
        assert_allclose(backward(np.ones(1)), 0 if op is F.relu else 0.5)


def test_the_tanh_form_of_gelu_is_within_half_a_thousandth_of_the_exact_one():
    x = np.linspace(-10, 10, 20001)
    apart = np.abs(F.gelu(x)[0] - F.gelu_exact(x)[0])
    assert 1e-4 < apart.max() < 5e-4
