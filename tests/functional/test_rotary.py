"""Rotary positions: rotations of the plane, of which scores see only the difference."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import rngs

# cos and sin of angles up to 500 are off by eps times the angle
CLOSE = {"rtol": 1e-12, "atol": 1e-12}
conventions = pytest.mark.parametrize("rotary", [F.rotary_interleaved, F.rotary_half])
pairs = st.integers(1, 6)
positions = st.integers(0, 400)


def halves_first(x):
    """Neighbouring pairs, put half a head apart: (a0, b0, a1, b1) -> (a0, a1, b0, b1)."""
    return np.concatenate([x[..., 0::2], x[..., 1::2]], -1)


def turn_to(rotary, x, position):
    """One vector (d_head,), turned as it is at `position`."""
    cos, sin = F.rotary_table(position + 1, len(x))
    return rotary(x[None], cos[position:], sin[position:])[0][0]


@given(st.integers(0, 400), pairs, st.sampled_from([10.0, 10000.0, 500000.0]), st.data())
def test_every_entry_is_its_equation(pos, n_pairs, base, data):
    i = data.draw(st.integers(0, n_pairs - 1))
    cos, sin = F.rotary_table(pos + 1, 2 * n_pairs, base)
    angle = pos * base ** (-2 * i / (2 * n_pairs))
    assert cos.shape == sin.shape == (pos + 1, n_pairs)
    assert_allclose([cos[pos, i], sin[pos, i]], [math.cos(angle), math.sin(angle)], **CLOSE)


@conventions
@given(rng=rngs, n_pairs=pairs, position=positions)
def test_a_turn_is_the_papers_block_diagonal_matrix(rotary, rng, n_pairs, position):
    """R of Su et al. 2021, eq. 15; rotate-half is R with rows and columns put in order."""
    R = np.zeros((2 * n_pairs, 2 * n_pairs))
    for i in range(n_pairs):
        angle = position * 10000.0 ** (-i / n_pairs)
        c, s = math.cos(angle), math.sin(angle)
        R[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, -s], [s, c]]
    if rotary is F.rotary_half:
        order = halves_first(np.arange(2 * n_pairs))
        R = R[order][:, order]
    x = rng.normal(size=2 * n_pairs)
    assert_allclose(turn_to(rotary, x, position), R @ x, **CLOSE)


@conventions
@given(rng=rngs, n_pairs=pairs, m=positions, n=positions, shift=positions)
def test_scores_know_only_the_distance(rotary, rng, n_pairs, m, n, shift):
    """Su et al. 2021, eq. 16: q at m and k at n meet at the angle of m - n."""
    q, k = rng.normal(size=(2, 2 * n_pairs))
    score = turn_to(rotary, q, m) @ turn_to(rotary, k, n)
    shifted = turn_to(rotary, q, m + shift) @ turn_to(rotary, k, n + shift)
    assert_allclose(shifted, score, rtol=0, atol=1e-10)
    if m >= n:
        assert_allclose(turn_to(rotary, q, m - n) @ k, score, rtol=0, atol=1e-10)


@conventions
@given(rng=rngs, n_pairs=pairs, seq_len=st.integers(1, 9))
def test_a_turn_keeps_every_length_and_position_0_is_not_turned(
    rotary, rng, n_pairs, seq_len
):
    cos, sin = F.rotary_table(seq_len, 2 * n_pairs)
    x = rng.normal(size=(2, 3, seq_len, 2 * n_pairs))
    y, _ = rotary(x, cos, sin)
    assert_allclose(np.linalg.norm(y, axis=-1), np.linalg.norm(x, axis=-1), **CLOSE)
    assert_array_equal(y[:, :, 0], x[:, :, 0])


@conventions
@given(rng=rngs, n_pairs=pairs, seq_len=st.integers(1, 9))
def test_backward_turns_back(rotary, rng, n_pairs, seq_len):
    cos, sin = F.rotary_table(seq_len, 2 * n_pairs)
    x = rng.normal(size=(2, seq_len, 2 * n_pairs))
    y, backward = rotary(x, cos, sin)
    assert_allclose(backward(y), x, **CLOSE)


@given(rngs, pairs, st.integers(1, 9))
def test_the_two_conventions_are_one_up_to_the_order_of_features(rng, n_pairs, seq_len):
    cos, sin = F.rotary_table(seq_len, 2 * n_pairs)
    x, dy = rng.normal(size=(2, 3, seq_len, 2 * n_pairs))
    y, backward = F.rotary_interleaved(x, cos, sin)
    y_half, backward_half = F.rotary_half(halves_first(x), cos, sin)
    assert_array_equal(y_half, halves_first(y))
    assert_array_equal(backward_half(halves_first(dy)), halves_first(backward(dy)))
    if n_pairs > 1 and seq_len > 1:
        assert np.abs(F.rotary_half(x, cos, sin)[0] - y).max() > 1e-6


@given(rngs, st.integers(2, 6), st.integers(2, 60))
def test_the_first_pair_turns_by_one_radian_a_position_and_later_ones_slower(
    rng, n_pairs, seq_len
):
    cos, sin = F.rotary_table(seq_len, 2 * n_pairs)
    assert_allclose(cos[:, 0], np.cos(np.arange(seq_len)), **CLOSE)
    assert (np.diff(sin[1]) < 0).all()


@conventions
def test_heads_that_lie_side_by_side_in_memory_turn_apart(rotary):
    """Attention hands over a view with the axes of heads and positions swapped."""
    rng = np.random.default_rng(0)
    cos, sin = F.rotary_table(5, 4)
    x = rng.normal(size=(2, 5, 3, 4))
    y, _ = rotary(x.swapaxes(1, 2), cos, sin)
    for head in range(3):
        assert_array_equal(y[:, head], rotary(x[:, :, head], cos, sin)[0])
