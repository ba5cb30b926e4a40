"""Linear maps are linear, and their backward is their adjoint."""

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import leading_shapes, rngs, unequal_sizes

CLOSE = {"rtol": 1e-12, "atol": 1e-12}


@given(rngs, leading_shapes, unequal_sizes(2))
def test_linear_is_linear_in_x_in_w_and_in_both_at_once(rng, leading, sizes):
    d_in, d_out = sizes
    x, z = rng.normal(size=(2, *leading, d_in))
    W, V = rng.normal(size=(2, d_in, d_out))
    a = rng.normal()
    y, _ = F.linear(x, W)
    assert_allclose(F.linear(a * x + z, W)[0], a * y + F.linear(z, W)[0], **CLOSE)
    assert_allclose(F.linear(x, a * W + V)[0], a * y + F.linear(x, V)[0], **CLOSE)


@given(rngs, leading_shapes, unequal_sizes(2))
def test_backward_is_the_adjoint(rng, leading, sizes):
    """<dy, x W> = <dx, x> = <dW, W> for every x, W and dy; so too for unembed."""
    x, W = rng.normal(size=(*leading, sizes[0])), rng.normal(size=sizes)
    for op, matrix in (F.linear, W), (F.unembed, W.T.copy()):
        y, backward = op(x, matrix)
        dy = rng.normal(size=y.shape)
        dx, dmatrix = backward(dy)
        assert_allclose(np.sum(dx * x), np.sum(dy * y), **CLOSE)
        assert_allclose(np.sum(dmatrix * matrix), np.sum(dy * y), **CLOSE)


@given(rngs, leading_shapes, unequal_sizes(2))
def test_the_bias_is_added_to_every_position_and_owed_every_gradient(rng, leading, sizes):
    x, W, b = (
        rng.normal(size=(*leading, sizes[0])),
        rng.normal(size=sizes),
        rng.normal(size=sizes[1]),
    )
    y, backward = F.linear(x, W, b)
    dy = rng.normal(size=y.shape)
    dx, dW, db = backward(dy)
    y_without, backward_without = F.linear(x, W)
    assert_allclose(y, y_without + b, **CLOSE)
    assert_allclose(db, dy.reshape(-1, sizes[1]).sum(0), **CLOSE)
    for with_b, without_b in zip((dx, dW), backward_without(dy), strict=True):
        assert_array_equal(with_b, without_b)


@given(rngs, leading_shapes, unequal_sizes(2))
def test_unembed_is_linear_with_the_matrix_turned(rng, leading, sizes):
    h, W = rng.normal(size=(*leading, sizes[0])), rng.normal(size=(sizes[1], sizes[0]))
    (y, backward), (y_linear, backward_linear) = F.unembed(h, W), F.linear(h, W.T)
    dy = rng.normal(size=y.shape)
    (dh, dW), (dh_linear, dW_linear) = backward(dy), backward_linear(dy)
    assert_allclose(y, y_linear, **CLOSE)
    assert_allclose(dh, dh_linear, **CLOSE)
    assert_allclose(dW, dW_linear.T, **CLOSE)


@given(rngs, leading_shapes, unequal_sizes(2))
def test_embedding_is_onehot_times_w_both_ways(rng, leading, sizes):
    W, ids = rng.normal(size=sizes), rng.integers(0, sizes[0], leading)
    onehot = np.eye(sizes[0])[ids]
    y, backward = F.embedding(ids, W)
    dy = rng.normal(size=y.shape)
    assert_array_equal(y, W[ids])
    assert_allclose(backward(dy), F.linear(onehot, W)[1](dy)[1], **CLOSE)


def test_a_row_looked_up_three_times_receives_three_gradients_and_the_others_none():
    _, backward = F.embedding(np.array([2, 0, 2, 2]), np.zeros((4, 2)))
    dy = np.array([[1, 10], [2, 20], [3, 30], [4, 40.0]])
    assert_array_equal(backward(dy), [[2, 20], [0, 0], [8, 80], [0, 0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint64])
@given(rng=rngs)
def test_ids_may_come_in_any_integer_type(dtype, rng):
    """Narrow ids must not overflow on their way to an entry of W."""
    W, ids = rng.normal(size=(256, 300)), rng.integers(0, 256, 7)
    y, backward = F.embedding(ids, W)
    y_narrow, backward_narrow = F.embedding(ids.astype(dtype), W)
    assert_array_equal(y_narrow, y)
    assert_array_equal(backward_narrow(y), backward(y))


OF_A_MATRIX = {
    "linear": lambda W, ids, x: F.linear(x, W),
    "unembed": lambda W, ids, x: F.unembed(x, W),
    "embedding": lambda W, ids, x: F.embedding(ids, W),
}


@pytest.mark.parametrize("op", OF_A_MATRIX.values(), ids=OF_A_MATRIX)
@given(rng=rngs, leading=leading_shapes.filter(len))
def test_the_memory_order_of_a_matrix_is_of_no_importance(op, rng, leading):
    W, x = rng.normal(size=(4, 4)), rng.normal(size=(*leading, 4))
    ids = rng.integers(0, 4, leading)
    y, backward = op(W, ids, x)
    y_turned, backward_turned = op(np.asfortranarray(W), ids, x)
    dW, dW_turned = (
        dx[-1] if isinstance(dx, tuple) else dx for dx in (backward(y), backward_turned(y))
    )
    assert_allclose(y_turned, y, **CLOSE)
    assert_allclose(dW_turned, dW, **CLOSE)
