"""Softmax and its logarithm: what only they do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.functional.softmax import FORBIDDEN
from tests.strategies import leading_shapes, rngs

TINY = {"rtol": 1e-12, "atol": 1e-14}
FORBIDDEN_SCORES = [-np.inf, FORBIDDEN, FORBIDDEN + 100, 3 * FORBIDDEN]
forbidden = pytest.mark.parametrize("forbidden", FORBIDDEN_SCORES)


@given(rngs, leading_shapes, st.integers(1, 9))
def test_probabilities_are_positive_and_sum_to_one(rng, leading, n):
    p, _ = F.softmax(rng.normal(0, 3, (*leading, n)))
    assert (p > 0).all()
    assert_allclose(p.sum(-1), 1, **TINY)


@given(rngs, leading_shapes, st.integers(1, 9))
def test_log_odds_are_differences_of_scores(rng, leading, n):
    x = rng.normal(0, 3, (*leading, n))
    p, _ = F.softmax(x)
    assert_allclose(np.log(p / p[..., :1]), x - x[..., :1], rtol=1e-12, atol=1e-13)


@given(rngs, leading_shapes, st.integers(1, 9))
def test_raising_every_score_of_a_row_equally_changes_nothing(rng, leading, n):
    x = rng.normal(0, 3, (*leading, n))
    shift = rng.uniform(-100, 100, (*leading, 1))  # its rounding is about 1e-14
    for op in F.softmax, F.log_softmax:
        assert_allclose(op(x + shift)[0], op(x)[0], rtol=1e-12, atol=1e-12)


@given(rngs, leading_shapes, st.integers(1, 9))
def test_a_gradient_never_pushes_all_scores_of_a_row_the_same_way(rng, leading, n):
    x, dy = rng.normal(0, 3, (2, *leading, n))
    for op in F.softmax, F.log_softmax:
        _, backward = op(x)
        assert_allclose(backward(dy).sum(-1), 0, atol=1e-13)


@given(rngs, st.integers(1, 9))
def test_the_jacobian_is_diag_p_minus_p_pt(rng, n):
    x = rng.normal(0, 2, n)
    p, backward = F.softmax(x)
    jacobian = np.stack([backward(unit) for unit in np.eye(n)])
    assert_allclose(jacobian, np.diag(p) - np.outer(p, p), atol=1e-15)


@given(rngs, st.integers(1, 9))
def test_the_jacobian_of_the_logarithm_is_identity_minus_one_pt(rng, n):
    x = rng.normal(0, 2, n)
    _, backward = F.log_softmax(x)
    jacobian = np.stack([backward(unit) for unit in np.eye(n)])
    assert_allclose(jacobian, np.eye(n) - F.softmax(x)[0], atol=1e-15)


@given(rngs, leading_shapes, st.integers(1, 9))
def test_log_softmax_is_the_logarithm_of_softmax(rng, leading, n):
    x = rng.normal(0, 3, (*leading, n))
    assert_allclose(F.log_softmax(x)[0], np.log(F.softmax(x)[0]), rtol=1e-12, atol=1e-14)


def test_scores_of_any_size_neither_overflow_nor_underflow():
    x = np.array([[1e300, 0.0, -1e29], [1000.0, 0.0, -1000.0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        p, log_p = F.softmax(x)[0], F.log_softmax(x)[0]
    assert_array_equal(p, [[1, 0, 0], [1, 0, 0]])
    assert_array_equal(log_p, [[0, -1e300, -1e300], [0, -1000, -2000]])


@forbidden
@given(rngs, leading_shapes, st.integers(1, 9))
def test_where_everything_is_forbidden_all_is_exactly_zero(forbidden, rng, leading, n):
    x = np.full((*leading, n), forbidden)
    p, backward = F.softmax(x)
    assert_array_equal(p, 0)
    assert_array_equal(backward(rng.normal(size=x.shape)), 0)


@forbidden
@given(rngs, st.integers(1, 5), st.integers(1, 5))
def test_a_forbidden_entry_is_as_if_it_were_not_there(forbidden, rng, n, n_forbidden):
    x, dp = rng.normal(size=(2, n + n_forbidden))
    allowed = rng.permutation(n + n_forbidden) < n
    p, backward = F.softmax(np.where(allowed, x, forbidden))
    p_alone, backward_alone = F.softmax(x[allowed])
    dx = backward(dp)
    assert_allclose(p[allowed], p_alone, **TINY)
    assert_allclose(dx[allowed], backward_alone(dp[allowed]), **TINY)
    assert_array_equal(p[~allowed], 0)
    assert_array_equal(dx[~allowed], 0)
