"""T5's relative bias in attention: one table for a stack, taught by all its layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import (
    BidirectionalRelativeBias,
    CausalRelativeBias,
    KVCache,
    MultiHeadAttention,
)
from tests.strategies import rngs, scatter

CLOSE = {"rtol": 1e-11, "atol": 1e-11}
kinds = pytest.mark.parametrize("kind", [CausalRelativeBias, BidirectionalRelativeBias])
lengths = st.integers(2, 12)


def draw_order(kind, rng):
    return kind(3, n_buckets=6, max_distance=7, rng=rng)


def draw_attention(order, rng):
    layer = MultiHeadAttention(5, 3, d_head=4, order=order, rng=rng)
    return scatter(layer.astype(np.float64), rng)


@kinds
@given(rng=rngs, n_queries=st.integers(1, 5), n_old=st.integers(0, 9))
def test_the_bias_is_the_table_at_the_bucket(kind, rng, n_queries, n_old):
    order, n_keys = draw_order(kind, rng), n_queries + n_old
    buckets_of = {
        CausalRelativeBias: F.causal_buckets,
        BidirectionalRelativeBias: F.bidirectional_buckets,
    }[kind]
    bias, _ = order.bias(n_queries, n_keys, like=order.weight.data)
    buckets = buckets_of(n_queries, n_keys, 6, 7)
    assert bias.shape == (3, n_queries, n_keys)
    assert_array_equal(bias, np.moveaxis(order.weight.data[buckets], -1, 0))


@kinds
@given(rng=rngs, n_queries=lengths, n_old=st.integers(0, 9))
def test_only_the_distance_counts(kind, rng, n_queries, n_old):
    """One step on for query and key alike changes nothing, whatever was learned."""
    order = scatter(draw_order(kind, rng), rng)
    bias, _ = order.bias(n_queries, n_queries + n_old, like=order.weight.data)
    assert_array_equal(bias[:, 1:, 1:], bias[:, :-1, :-1])


@kinds
@given(rng=rngs, seq_len=lengths)
def test_layers_that_share_a_table_teach_it_together(kind, rng, seq_len):
    """Beside two layers with a copy each: the shared gradient is the sum of theirs."""
    order = draw_order(kind, rng)
    layers = [draw_attention(order, rng) for _ in range(2)]
    x, dy = rng.normal(size=(2, 2, seq_len, 5))

    def teach(first, second):
        h, first_backward = first(x, x)
        _, second_backward = second(h, h)
        dx = sum(first_backward(sum(second_backward(dy))))
        return dx, [layer.order.weight.grad for layer in (first, second)]

    for layer in layers:
        layer.zero_grad()
    dx, [shared, same] = teach(*layers)
    assert shared is same
    copies = [layer.replica() for layer in layers]
    for copy in copies:
        copy.order.weight.data = order.weight.data.copy()
    dx_apart, apart = teach(*copies)
    assert_allclose(dx, dx_apart, **CLOSE)
    assert_allclose(shared, apart[0] + apart[1], **CLOSE)
    assert np.abs(apart[0]).max() > 0 and np.abs(apart[1]).max() > 0


@kinds
@given(rng=rngs, seq_len=lengths)
def test_what_adds_the_same_to_all_keys_is_never_learned(kind, rng, seq_len):
    """Softmax does not see it: each head's gradients over the buckets sum to 0."""
    layer = draw_attention(draw_order(kind, rng), rng)
    x = rng.normal(size=(2, seq_len, 5))
    y, backward = layer(x, x)
    backward(rng.normal(size=y.shape))
    grad = layer.order.weight.grad
    assert_allclose(grad.sum(0), 0, atol=1e-12 * np.abs(grad).sum())


@given(rngs, lengths)
def test_steps_with_a_cache_equal_one_causal_pass(rng, seq_len):
    layer = draw_attention(draw_order(CausalRelativeBias, rng), rng)
    x = rng.normal(size=(2, seq_len, 5))
    cuts = np.flatnonzero(rng.random(seq_len - 1) < 0.4) + 1
    cache = KVCache(seq_len)
    stepped = [layer.step(chunk, cache) for chunk in np.split(x, cuts, 1)]
    y, _ = layer(x, x, F.causal_mask(seq_len, seq_len))
    assert_allclose(np.concatenate(stepped, 1), y, **CLOSE)


@kinds
@given(rng=rngs, seq_len=lengths, data=st.data())
def test_fewer_queries_than_keys_are_the_last_positions(kind, rng, seq_len, data):
    layer, x = draw_attention(draw_order(kind, rng), rng), rng.normal(size=(2, seq_len, 5))
    n = data.draw(st.integers(1, seq_len))
    assert_allclose(layer(x[:, -n:], x)[0], layer(x, x)[0][:, -n:], **CLOSE)
    maps = layer.attention_map(x, x)[:, :, -n:]
    assert_allclose(layer.attention_map(x[:, -n:], x), maps, **CLOSE)


@given(rngs)
def test_only_an_encoder_tells_before_from_after(rng):
    like = np.zeros(1, np.float32)
    causal, _ = draw_order(CausalRelativeBias, rng).bias(3, 3, like)
    both, _ = draw_order(BidirectionalRelativeBias, rng).bias(3, 3, like)
    assert_array_equal(causal[:, 0, 2], causal[:, 0, 0])
    assert (both[:, 0, 2] != both[:, 2, 0]).all()


@kinds
def test_a_table_is_one_number_for_each_bucket_and_head(kind):
    order = kind(12, rng=np.random.default_rng(0))
    assert order.weight.data.shape == (32, 12)
    assert order.max_distance == 128


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (CausalRelativeBias, {"n_buckets": 1}, "n_buckets 1"),
        (CausalRelativeBias, {"max_distance": 16}, "max_distance 16"),
        (BidirectionalRelativeBias, {"n_buckets": 7}, "n_buckets 7 is odd"),
        (BidirectionalRelativeBias, {"max_distance": 8}, "max_distance 8"),
    ],
)
def test_buckets_that_do_not_fit_are_refused_at_once(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(4, **options, rng=np.random.default_rng(0))
