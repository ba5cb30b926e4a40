"""Every operation and layer by complex steps; models are in tests/models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm import functional as F
from minillm.gradient_check.cases import LAYERS, OPERATIONS, Case
from tests.gradient_check.complex_step import TOLERANCE, H, complex_step_errors, erf
from tests.strategies import examples, rngs, unequal_sizes

PARTS = OPERATIONS | LAYERS


@pytest.mark.parametrize("build", PARTS.values(), ids=PARTS)
@examples(5)
@given(rng=rngs, sizes=unequal_sizes(6))
def test_the_gradient_is_the_slope_to_rounding(build, rng, sizes):
    case = build(rng, sizes)
    for name, error in complex_step_errors(case, rng):
        assert error < TOLERANCE, name


@given(st.floats(-5, 5))
def test_the_step_of_erf_is_its_derivative(x):
    h = 1e-4
    z = erf(np.array([x + 1j * H]))
    assert z.real == F.erf(np.array([x]))
    near, far = F.erf(np.array([x + h, x - h])), F.erf(np.array([x + 2 * h, x - 2 * h]))
    measured = (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * h)
    assert_allclose(z.imag / H, measured, rtol=0, atol=1e-11)


def by(factor):
    return lambda dx: factor * dx


def one_entry(dx):
    wrong = dx.copy()
    wrong.flat[0] += 1e-5 * np.abs(dx).max()
    return wrong


WRONG = {
    "a scale that is off by 1e-5": by(1.00001),
    "a sign": by(-1),
    "nothing": by(0),
    "a transpose that fits": np.transpose,
    "one entry that is off by 1e-5": one_entry,
    "a NaN": by(np.nan),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
@given(rng=rngs, n=st.integers(2, 12))
def test_a_wrong_gradient_is_found(change, rng, n):
    x, W = rng.normal(size=(3, n)), rng.normal(size=(n, n))

    def wrong(x, W):
        y, backward = F.linear(x, W)
        return y, lambda dy: (backward(dy)[0], change(backward(dy)[1]))

    errors = dict(complex_step_errors(Case(wrong, (x, W)), rng))
    assert errors["input 0"] < TOLERANCE
    assert not errors["input 1"] < 1e-9
