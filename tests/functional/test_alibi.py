"""ALiBi: the paper's slopes, and scores that fall in proportion to distance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import rngs

heads = st.integers(1, 130)


def test_eight_heads_have_the_papers_slopes():
    assert_array_equal(F.alibi_slopes(8), [1 / 2**i for i in range(1, 9)])


def test_sixteen_heads_have_the_papers_slopes():
    """Press et al. 2022, sec. 3: those of 8 heads with their geometric means between."""
    assert_allclose(
        F.alibi_slopes(16), [1 / 2 ** (i / 2) for i in range(1, 17)], rtol=1e-15
    )


@given(st.integers(0, 8))
def test_a_power_of_two_is_a_geometric_sequence_that_starts_with_its_ratio(octaves):
    n_heads = 2**octaves
    slopes = F.alibi_slopes(n_heads)
    ratio = 2 ** (-8 / n_heads)
    assert_allclose(slopes[0], ratio, rtol=1e-14)
    assert_allclose(slopes[1:] / slopes[:-1], ratio, rtol=1e-14)
    assert_allclose(slopes[-1], 1 / 256, rtol=1e-14)


@given(heads)
def test_other_numbers_add_every_second_slope_of_twice_as_many(n_heads):
    """The rule of the authors' code, for BLOOM's 112 heads too."""
    p = 2 ** int(np.log2(n_heads))
    expected = np.concatenate(
        [F.alibi_slopes(p), F.alibi_slopes(2 * p)[0::2][: n_heads - p]]
    )
    slopes = F.alibi_slopes(n_heads)
    assert slopes.shape == (n_heads,)
    assert_allclose(slopes, expected, rtol=1e-14)


def test_blooms_112_heads():
    """64 slopes from 2^(-1/8) to 1/256, then 48 of those between them."""
    slopes = F.alibi_slopes(112)
    exponents = [i / 8 for i in range(1, 65)] + [i / 16 for i in range(1, 96, 2)]
    assert_allclose(-np.log2(slopes), exponents, rtol=1e-13)


@given(heads)
def test_no_two_heads_forget_alike(n_heads):
    slopes = F.alibi_slopes(n_heads)
    assert len(set(slopes)) == n_heads
    assert (slopes > 0).all() and (slopes < 1).all()


@given(rngs, st.integers(1, 6), st.integers(0, 6))
def test_every_bias_is_the_slope_times_the_distance(rng, n_queries, n_old):
    n_keys, slopes = n_queries + n_old, rng.random(3)
    bias = F.alibi_bias(n_queries, n_keys, slopes)
    assert bias.shape == (3, n_queries, n_keys)
    for h, i, j in np.ndindex(bias.shape):
        assert bias[h, i, j] == -slopes[h] * abs(n_old + i - j)


@given(rngs, st.integers(2, 9))
def test_scores_that_lean_on_the_keys_position_alone_weigh_the_same(rng, seq_len):
    """BLOOM adds slope j instead: softmax does not see what a whole row has in common."""
    slopes = F.alibi_slopes(3)
    q, k = rng.normal(size=(2, 3, seq_len, 4))
    mask = F.causal_mask(seq_len, seq_len)
    by_distance = F.alibi_bias(seq_len, seq_len, slopes)
    by_key = slopes[:, None, None] * np.arange(seq_len)
    weights, _ = F.attention_weights(q, k, mask, by_distance)
    assert_allclose(F.attention_weights(q, k, mask, by_key)[0], weights, rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bias_has_the_slopes_dtype(dtype):
    assert F.alibi_bias(2, 5, F.alibi_slopes(4).astype(dtype)).dtype == dtype


def test_what_does_not_fit_is_refused_by_name():
    with pytest.raises(ValueError, match="n_heads 0: give at least 1"):
        F.alibi_slopes(0)
    with pytest.raises(ValueError, match="n_queries 4: give 3 at most, which is n_keys"):
        F.alibi_bias(4, 3, F.alibi_slopes(2))
