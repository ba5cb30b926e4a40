"""Sinusoids: the equation, and why a shift is a rotation."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F

# sin and cos of angles up to 500 are off by eps times the angle
CLOSE = {"rtol": 0, "atol": 1e-12}
widths = st.integers(1, 33)


@given(st.integers(0, 400), widths, st.data())
def test_every_entry_is_its_equation(pos, d_model, data):
    column = data.draw(st.integers(0, d_model - 1))
    angle = pos / 10000 ** (2 * (column // 2) / d_model)
    wave = math.cos if column % 2 else math.sin
    PE = F.sinusoidal_positions(pos + 1, d_model)
    assert PE.shape == (pos + 1, d_model)
    assert_allclose(PE[pos, column], wave(angle), **CLOSE)


@given(st.integers(0, 400), st.integers(0, 100), widths)
def test_a_shift_is_a_rotation_that_depends_on_the_shift_alone(pos, k, half):
    PE = F.sinusoidal_positions(pos + k + 1, 2 * half)
    frequency = 10000.0 ** (-np.arange(half) / half)
    cos, sin = np.cos(k * frequency), np.sin(k * frequency)
    s, c = PE[pos, 0::2], PE[pos, 1::2]
    assert_allclose(PE[pos + k, 0::2], cos * s + sin * c, **CLOSE)
    assert_allclose(PE[pos + k, 1::2], cos * c - sin * s, **CLOSE)


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 100), widths)
def test_inner_products_know_only_the_distance(pos, other, k, half):
    PE = F.sinusoidal_positions(301, 2 * half)
    assert_allclose(PE[pos + k] @ PE[other + k], PE[pos] @ PE[other], atol=1e-11)


@given(widths)
def test_the_first_position_is_0_1_0_1(d_model):
    assert_array_equal(F.sinusoidal_positions(1, d_model)[0], np.arange(d_model) % 2)


@given(st.integers(2, 400), st.integers(1, 16))
def test_no_two_positions_are_alike(n, half):
    PE = F.sinusoidal_positions(n, 2 * half)
    assert len({row.tobytes() for row in PE}) == n


@given(st.integers(1, 50), st.integers(1, 50), widths)
def test_a_longer_table_begins_with_the_shorter_one(n, more, d_model):
    PE = F.sinusoidal_positions(n + more, d_model)
    assert_array_equal(PE[:n], F.sinusoidal_positions(n, d_model))
