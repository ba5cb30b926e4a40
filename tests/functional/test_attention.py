"""Attention: who looks where, and what that makes of the gradients."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import rngs, unequal_sizes

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
sizes = unequal_sizes(6)


def draw_inputs(rng, sizes):
    """q, k, v and dy over (batch, n_heads), every size different."""
    batch, n_heads, n_queries, n_keys, d_head, d_v = sizes
    return [
        rng.normal(size=(batch, n_heads, n, d))
        for n, d in [(n_queries, d_head), (n_keys, d_head), (n_keys, d_v), (n_queries, d_v)]
    ]


def draw_mask(rng, sizes):
    """(batch, 1, n_queries, n_keys), whose queries each see something."""
    batch, _, n_queries, n_keys, *_ = sizes
    mask = rng.random((batch, 1, n_queries, n_keys)) < 0.5
    seen = rng.integers(0, n_keys, (batch, 1, n_queries, 1))
    np.put_along_axis(mask, seen, True, -1)
    return mask


@given(rngs, sizes)
def test_it_is_equation_1_written_out(rng, sizes):
    q, k, v, _ = draw_inputs(rng, sizes)
    y, _ = F.attention(q, k, v)
    for place in np.ndindex(q.shape[:3]):
        head = place[:2]
        scores = [q[place] @ key / math.sqrt(sizes[4]) for key in k[head]]
        total = sum(math.exp(s) for s in scores)
        read = sum(
            math.exp(s) / total * value for s, value in zip(scores, v[head], strict=True)
        )
        assert_allclose(y[place], read, **CLOSE)


@given(rngs, sizes)
def test_every_output_is_a_weighted_average_of_the_values(rng, sizes):
    q, k, v, _ = draw_inputs(rng, sizes)
    mask, bias = draw_mask(rng, sizes), rng.normal(size=(sizes[2], sizes[3]))
    weights, _ = F.attention_weights(q, k, mask, bias)
    y, _ = F.attention(q, k, v, mask, bias)
    assert (weights >= 0).all()
    assert_allclose(weights.sum(-1), 1, **CLOSE)
    assert_allclose(y, weights @ v, **CLOSE)
    assert (y <= v.max(-2, keepdims=True) + 1e-12).all()
    assert (y >= v.min(-2, keepdims=True) - 1e-12).all()


@given(rngs, sizes)
def test_without_a_mask_the_order_of_the_keys_does_not_matter(rng, sizes):
    q, k, v, dy = draw_inputs(rng, sizes)
    order = rng.permutation(sizes[3])
    y, backward = F.attention(q, k, v)
    y_shuffled, backward_shuffled = F.attention(q, k[:, :, order], v[:, :, order])
    dq, dk, dv = backward(dy)
    dq_shuffled, dk_shuffled, dv_shuffled = backward_shuffled(dy)
    assert_allclose(y_shuffled, y, **CLOSE)
    assert_allclose(dq_shuffled, dq, **CLOSE)
    assert_allclose(dk_shuffled, dk[:, :, order], **CLOSE)
    assert_allclose(dv_shuffled, dv[:, :, order], **CLOSE)


@given(rngs, sizes)
def test_each_query_is_answered_by_itself(rng, sizes):
    q, k, v, _ = draw_inputs(rng, sizes)
    order = rng.permutation(sizes[2])
    y, _ = F.attention(q, k, v)
    assert_allclose(F.attention(q[:, :, order], k, v)[0], y[:, :, order], **CLOSE)


@given(rngs, sizes)
def test_nothing_tells_what_a_forbidden_key_holds_to_the_last_bit(rng, sizes):
    q, k, v, dy = draw_inputs(rng, sizes)
    hidden = rng.random(sizes[3]) < 0.5
    mask = draw_mask(rng, sizes) & ~hidden
    y, backward = F.attention(q, k, v, mask)
    k, v = k.copy(), v.copy()
    k[:, :, hidden], v[:, :, hidden] = 1e3 * rng.normal(size=2)
    y_other, backward_other = F.attention(q, k, v, mask)
    assert_array_equal(y_other, y)
    for dx, dx_other in zip(backward(dy), backward_other(dy), strict=True):
        assert_array_equal(dx_other, dx)
    _, dk, dv = backward(dy)
    assert_array_equal(dk[:, :, hidden], 0)
    assert_array_equal(dv[:, :, hidden], 0)


@given(rngs, sizes)
def test_a_query_that_sees_nothing_reads_zero_and_teaches_nothing(rng, sizes):
    q, k, v, dy = draw_inputs(rng, sizes)
    mask, bias = draw_mask(rng, sizes), rng.normal(size=(sizes[2], sizes[3]))
    blind = rng.random((sizes[0], 1, sizes[2])) < 0.5
    mask[blind] = False
    y, backward = F.attention(q, k, v, mask, bias)
    blind = np.broadcast_to(blind, dy.shape[:3])
    assert_array_equal(y[blind], 0)
    seeing = np.where(blind[..., None], 0, dy)  # the blind queries' dy does not count
    for dx, dx_of_seeing in zip(backward(dy), backward(seeing), strict=True):
        assert_array_equal(dx, dx_of_seeing)
    assert_array_equal(backward(dy)[0][blind], 0)


@given(rngs, sizes)
def test_where_no_query_sees_anything_every_gradient_is_exactly_zero(rng, sizes):
    q, k, v, dy = draw_inputs(rng, sizes)
    bias = rng.normal(size=(sizes[2], sizes[3]))
    y, backward = F.attention(q, k, v, np.zeros((sizes[2], sizes[3]), bool), bias)
    assert_array_equal(y, 0)
    for dx in backward(dy):
        assert_array_equal(dx, 0)


@given(rngs, sizes)
def test_a_mask_is_the_same_as_leaving_the_keys_out(rng, sizes):
    q, k, v, dy = draw_inputs(rng, sizes)
    kept = rng.permutation(sizes[3]) < rng.integers(1, sizes[3] + 1)
    y, backward = F.attention(q, k, v, kept)
    y_alone, backward_alone = F.attention(q, k[:, :, kept], v[:, :, kept])
    dq, dk, dv = backward(dy)
    dq_alone, dk_alone, dv_alone = backward_alone(dy)
    assert_allclose(y, y_alone, **CLOSE)
    assert_allclose(dq, dq_alone, **CLOSE)
    assert_allclose(dk[:, :, kept], dk_alone, **CLOSE)
    assert_allclose(dv[:, :, kept], dv_alone, **CLOSE)


@given(rngs, sizes, st.lists(st.booleans(), min_size=4, max_size=4), st.integers(0, 2))
def test_a_bias_gets_the_sum_over_the_places_it_was_copied_to(rng, sizes, kept, missing):
    """Such as ALiBi's (n_heads, n_queries, n_keys), or (n_heads, 1, n_keys)."""
    q, k, v, dy = draw_inputs(rng, sizes)
    shape = [n if keep else 1 for n, keep in zip(sizes[:4], kept, strict=True)][missing:]
    bias = rng.normal(size=shape)
    mask = draw_mask(rng, sizes)
    everywhere = np.broadcast_to(bias, sizes[:4]).copy()
    _, backward = F.attention(q, k, v, mask, bias)
    *_, dbias = backward(dy)
    *_, deverywhere = F.attention(q, k, v, mask, everywhere)[1](dy)
    copied = tuple(a for a, n in enumerate([1] * missing + shape) if n == 1)
    assert dbias.shape == bias.shape
    assert_allclose(dbias, deverywhere.sum(copied).reshape(shape), **CLOSE)


@given(rngs, sizes)
def test_gradients_weigh_what_the_equation_multiplies(rng, sizes):
    """y is linear in v; the scores are linear in q and in k: Euler's identities.

    <dv, v> = <dy, y> and <dq, q> = <dk, k> = <dscores, q k^T / sqrt(d_head)>, and a bias
    that is not broadcast has dbias = dscores.
    """
    q, k, v, dy = draw_inputs(rng, sizes)
    y, backward = F.attention(q, k, v, draw_mask(rng, sizes), rng.normal(size=sizes[:4]))
    dq, dk, dv, dscores = backward(dy)
    scores = q @ k.mT / math.sqrt(sizes[4])
    assert_allclose(np.sum(dv * v), np.sum(dy * y), **CLOSE)
    assert_allclose(np.sum(dq * q, (2, 3)), np.sum(dscores * scores, (2, 3)), **CLOSE)
    assert_allclose(np.sum(dk * k, (2, 3)), np.sum(dscores * scores, (2, 3)), **CLOSE)


@given(rngs, sizes)
def test_what_is_added_to_every_key_changes_no_weight(rng, sizes):
    """A bias of the keys adds q b to all scores of a query, which softmax does not see."""
    q, k, *_ = draw_inputs(rng, sizes)
    b = rng.normal(size=(sizes[0], sizes[1], 1, sizes[4]))
    mask = draw_mask(rng, sizes)
    weights, _ = F.attention_weights(q, k, mask)
    assert_allclose(F.attention_weights(q, k + b, mask)[0], weights, **CLOSE)


@given(rngs, sizes)
def test_the_gradient_of_a_bias_of_the_keys_is_zero_but_for_rounding(rng, sizes):
    """It is the sum of dk over the keys: sum_i q_i (sum_j dscores_ij) / sqrt(d_head).

    A row of dscores, p (dp - sum(p dp)), sums to 0. Its rounding is a multiple of eps for
    each of the n_keys terms of the three sums over keys and the n_queries of the last,
    times their size, |p dp| summed, once for either term of the difference.
    """
    q, k, *_ = draw_inputs(rng, sizes)
    weights, backward = F.attention_weights(q, k, draw_mask(rng, sizes))
    dweights = rng.normal(0, 100, weights.shape)
    _, dk = backward(dweights)
    terms = 2 * np.sum(weights * np.abs(dweights), -1, keepdims=True)
    size = np.sum(terms * np.abs(q), -2) / math.sqrt(sizes[4])
    n_roundings = 3 * sizes[3] + sizes[2] + 8
    bound = n_roundings * np.finfo(float).eps * size
    assert (np.abs(dk.sum(-2)) <= bound).all()


@given(rngs, sizes)
def test_a_bias_that_is_the_same_for_all_keys_changes_nothing(rng, sizes):
    q, k, v, dy = draw_inputs(rng, sizes)
    bias = rng.normal(size=(sizes[1], sizes[2], 1))
    y, backward = F.attention(q, k, v, None, bias)
    *_, dbias = backward(dy)
    assert_allclose(y, F.attention(q, k, v)[0], **CLOSE)
    assert_allclose(dbias, 0, atol=1e-12)


@given(rngs, sizes)
def test_a_bias_of_log_n_counts_a_key_n_times(rng, sizes):
    q, k, v, _ = draw_inputs(rng, sizes)
    times = rng.integers(1, 4, sizes[3])
    y, _ = F.attention(q, k, v, None, np.log(times))
    repeated = F.attention(q, np.repeat(k, times, 2), np.repeat(v, times, 2))[0]
    assert_allclose(y, repeated, **CLOSE)


@given(rngs, sizes)
def test_a_mask_of_ones_and_zeros_means_true_and_false(rng, sizes):
    q, k, v, _ = draw_inputs(rng, sizes)
    mask = draw_mask(rng, sizes)
    mask[..., 0, :] = False
    y, _ = F.attention(q, k, v, mask)
    assert_array_equal(F.attention(q, k, v, mask.astype(int))[0], y)


def test_a_mask_of_floats_is_refused():
    """Elsewhere a mask is often what is added to the scores: 0 where a query may look."""
    q = np.zeros((2, 3, 4))
    with pytest.raises(ValueError, match="mask float64: give bool, True where a query may"):
        F.attention(q, q, q, np.zeros((3, 3)))
