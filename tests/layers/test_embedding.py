"""Embedding: the door for ids, and one matrix with two ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.layers import Embedding
from tests.strategies import leading_shapes, rngs, unequal_sizes


def draw_layer(rng, n, d_model):
    return Embedding(n, d_model, rng=rng).astype(np.float64)


@given(rngs, leading_shapes, unequal_sizes(2))
def test_each_id_becomes_its_row_and_owes_it_its_gradient(rng, leading, sizes):
    layer, ids = draw_layer(rng, *sizes), rng.integers(0, sizes[0], leading)
    y, backward = layer(ids)
    dy = rng.normal(size=y.shape)
    assert backward(dy) is None
    assert_array_equal(y, layer.weight.data[ids])
    for i in range(sizes[0]):
        assert_allclose(layer.weight.grad[i], dy[ids == i].sum(0), atol=1e-14)


@given(rngs, leading_shapes, unequal_sizes(2))
def test_scores_are_inner_products_with_the_rows(rng, leading, sizes):
    layer, h = draw_layer(rng, *sizes), rng.normal(size=(*leading, sizes[1]))
    logits, _ = layer.unembed(h)
    for i, row in enumerate(layer.weight.data):
        assert_allclose(logits[..., i], (h * row).sum(-1), rtol=1e-12, atol=1e-13)


@given(rngs, unequal_sizes(3))
def test_both_ends_teach_the_one_matrix(rng, sizes):
    n, d_model, seq_len = sizes
    layer, ids = draw_layer(rng, n, d_model), rng.integers(0, n, seq_len)
    y, backward = layer(ids)
    logits, unembed_backward = layer.unembed(y)
    dlogits = rng.normal(size=logits.shape)
    onehot = np.eye(n)[ids]
    backward(unembed_backward(dlogits))
    at_the_head = dlogits.T @ y
    at_the_foot = onehot.T @ (dlogits @ layer.weight.data)
    assert_allclose(layer.weight.grad, at_the_head + at_the_foot, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("wrong", [-1, -5, 5, 2**40])
@given(ids=st.lists(st.integers(0, 4), max_size=4), place=st.integers(0, 4))
def test_an_id_outside_the_vocabulary_is_refused_by_number(wrong, ids, place):
    ids.insert(place, wrong)
    with pytest.raises(ValueError, match=rf"token id {wrong} .* from 0 to 4"):
        draw_layer(np.random.default_rng(0), 5, 3)(np.array([ids]))


@pytest.mark.parametrize("ids", [[0.0, 1.0], [True, False], ["a", "b"]])
def test_ids_that_are_not_integers_are_refused(ids):
    with pytest.raises(ValueError, match="token id: ids are integers, not "):
        draw_layer(np.random.default_rng(0), 5, 3)(np.array(ids))
