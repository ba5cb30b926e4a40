"""ALiBi in attention: nothing to learn, no longest sequence, and steps that agree."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import Alibi, KVCache, MultiHeadAttention
from tests.strategies import rngs, scatter

CLOSE = {"rtol": 1e-11, "atol": 1e-11}
lengths = st.integers(2, 8)


def draw_attention(rng, n_heads=6, n_kv_heads=2):
    layer = MultiHeadAttention(
        5, n_heads, n_kv_heads=n_kv_heads, d_head=3, order=Alibi(n_heads), rng=rng
    )
    return scatter(layer.astype(np.float64), rng)


def test_nothing_is_learned_and_nothing_turned():
    order = Alibi(4)
    x = np.random.default_rng(0).normal(size=(2, 4, 3, 5)).astype(np.float32)
    bias, backward = order.bias(3, 7, like=x)
    assert order.n_parameters() == 0
    assert bias.dtype == np.float32
    assert backward(np.ones_like(bias)) is None
    assert_array_equal(order.turn(x, 5)[0], x)


@given(st.integers(1, 8), lengths, st.integers(0, 9))
def test_only_the_distance_counts_and_the_nearest_is_free(n_heads, n_queries, n_old):
    """One step on for query and key alike changes nothing; -slope |i - j|."""
    bias, _ = Alibi(n_heads).bias(n_queries, n_old + n_queries, like=np.zeros(1))
    assert_array_equal(bias[:, 1:, 1:], bias[:, :-1, :-1])
    assert_array_equal(bias[:, np.arange(n_queries), n_old + np.arange(n_queries)], 0)
    back = bias[:, -1, ::-1]  # of the last query, from the nearest key on
    assert (np.diff(back) < 0).all()
    assert_allclose(np.diff(back), np.broadcast_to(back[:, 1:2], np.diff(back).shape))


@given(rngs, lengths)
def test_the_bias_is_added_to_the_scores(rng, seq_len):
    layer, x = draw_attention(rng), rng.normal(size=(2, seq_len, 5))
    q, k = layer.split(layer.q_proj(x)[0]), layer.share(layer.split(layer.k_proj(x)[0]))
    slopes = layer.order.slopes.data
    distance = np.abs(np.subtract.outer(np.arange(seq_len), np.arange(seq_len)))
    scores = q @ k.mT / np.sqrt(3) - slopes[:, None, None] * distance
    assert_allclose(layer.attention_map(x, x), F.softmax(scores)[0], **CLOSE)


@given(rngs, lengths)
def test_steps_with_a_cache_equal_one_causal_pass(rng, seq_len):
    layer, x = draw_attention(rng), rng.normal(size=(2, seq_len, 5))
    cuts = np.flatnonzero(rng.random(seq_len - 1) < 0.4) + 1
    cache = KVCache(seq_len)
    stepped = [layer.step(chunk, cache) for chunk in np.split(x, cuts, 1)]
    y, _ = layer(x, x, F.causal_mask(seq_len, seq_len))
    assert_allclose(np.concatenate(stepped, 1), y, **CLOSE)


@given(rngs, st.integers(1, 12))
def test_of_keys_that_are_alike_the_nearer_weighs_more_by_the_slope(rng, seq_len):
    layer = draw_attention(rng)
    x = np.broadcast_to(rng.normal(size=5), (1, seq_len, 5))
    weights = layer.attention_map(x, x, F.causal_mask(seq_len, seq_len))
    slopes = layer.order.slopes.data
    last = np.log(weights[0, :, -1])  # of the last query, (n_heads, n_keys)
    assert_allclose(np.diff(last), np.repeat(slopes[:, None], seq_len - 1, 1), rtol=1e-9)
