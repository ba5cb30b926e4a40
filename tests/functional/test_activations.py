"""Activations against their equations, number by number, and at the far ends."""

import math

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
