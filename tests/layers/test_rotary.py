"""Rotary positions in attention: only distances count, and caches hold turned keys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import KVCache, MultiHeadAttention, RotaryHalf, RotaryInterleaved
from tests.strategies import leading_shapes, rngs, scatter

CLOSE = {"rtol": 1e-11, "atol": 1e-11}
kinds = pytest.mark.parametrize("kind", [RotaryInterleaved, RotaryHalf])
lengths = st.integers(2, 8)


def draw_attention(kind, rng, heads=(4, 2)):
    layer = MultiHeadAttention(
        5, heads[0], n_kv_heads=heads[1], d_head=6, order=kind(40, 6), rng=rng
    )
    return scatter(layer.astype(np.float64), rng)


@kinds
@given(rng=rngs, seq_len=lengths, start=st.integers(0, 30))
def test_the_table_is_read_from_the_start(kind, rng, seq_len, start):
    order = kind(40, 6).astype(np.float64)
    x = rng.normal(size=(2, 3, start + seq_len, 6))
    y, _ = order.turn(x)
    assert_allclose(order.turn(x[:, :, start:], start)[0], y[:, :, start:], **CLOSE)
    assert order.bias(2, 3, like=x)[0] is None
    assert order.n_parameters() == 0


@kinds
@given(rng=rngs, leading=leading_shapes, seq_len=lengths)
def test_whatever_axes_stand_before_each_position_is_turned_by_itself(
    kind, rng, leading, seq_len
):
    """One vector at a time, from where it stands."""
    order = kind(40, 6).astype(np.float64)
    x = rng.normal(size=(*leading, seq_len, 6))
    y, _ = order.turn(x)
    for i in range(seq_len):
        one = x[..., i : i + 1, :]
        assert_array_equal(order.turn(one, i)[0], y[..., i : i + 1, :])


@kinds
@given(rng=rngs, seq_len=lengths, shift=st.integers(1, 30))
def test_attention_knows_only_the_distance(kind, rng, seq_len, shift):
    """All positions moved on by the same number: the angles between them stay."""
    layer, x = draw_attention(kind, rng), rng.normal(size=(2, seq_len, 5))
    q, k = layer.split(layer.q_proj(x)[0]), layer.share(layer.split(layer.k_proj(x)[0]))
    here = [layer.order.turn(a)[0] for a in (q, k)]
    there = [layer.order.turn(a, shift)[0] for a in (q, k)]
    # The tables are born in float32: their entries are off by 2^-25, what they turn by
    # sqrt(2) 2^-25 of its length, and a score by that for each of the four turned.
    length = np.linalg.norm(q, axis=-1).max() * np.linalg.norm(k, axis=-1).max()
    atol = 4 * np.sqrt(2) * 2.0**-25 * length
    assert_allclose(here[0] @ here[1].mT, there[0] @ there[1].mT, rtol=0, atol=atol)
    assert_allclose(
        layer.attention_map(x, x), F.attention_weights(*here)[0], rtol=1e-10, atol=1e-10
    )


@kinds
@given(rng=rngs, seq_len=lengths)
def test_the_order_of_what_is_attended_to_matters(kind, rng, seq_len):
    layer, x = draw_attention(kind, rng), rng.normal(size=(2, seq_len, 5))
    y, _ = layer(x, x)
    y_reversed, _ = layer(x[:, ::-1], x[:, ::-1])
    assert np.abs(y_reversed[:, ::-1] - y).max() > 1e-6


@kinds
@given(rng=rngs, seq_len=lengths)
def test_steps_with_a_cache_equal_one_causal_pass(kind, rng, seq_len):
    layer, x = draw_attention(kind, rng), rng.normal(size=(2, seq_len, 5))
    cuts = np.flatnonzero(rng.random(seq_len - 1) < 0.4) + 1
    cache = KVCache(seq_len)
    stepped = [layer.step(chunk, cache) for chunk in np.split(x, cuts, 1)]
    y, _ = layer(x, x, F.causal_mask(seq_len, seq_len))
    assert_allclose(np.concatenate(stepped, 1), y, **CLOSE)


@given(rngs, lengths, st.sampled_from([(4, 4), (4, 2), (3, 1)]))
def test_a_checkpoint_moves_between_conventions_by_reordering_features(rng, seq_len, heads):
    """Features of q and k put in order, head by head; v and o stay as they are."""
    interleaved = draw_attention(RotaryInterleaved, rng, heads)
    half = draw_attention(RotaryHalf, rng, heads)
    state = dict(interleaved.state_dict())
    for name in state:
        if name.startswith(("q_proj", "k_proj")):
            by_head = state[name].reshape(*state[name].shape[:-1], -1, 6)
            moved = np.concatenate([by_head[..., 0::2], by_head[..., 1::2]], -1)
            state[name] = moved.reshape(state[name].shape)
    half.load_state_dict(state)
    x = rng.normal(size=(2, seq_len, 5))
    assert_allclose(half(x, x)[0], interleaved(x, x)[0], **CLOSE)


@kinds
def test_without_a_base_the_angles_are_the_papers(kind):
    """pos 10000^(-2i / d), i from 0: for a head of 4, one radian and a hundredth of it."""
    order = kind(3, 4).astype(np.float64)
    assert_allclose(order.cos.data[2], np.cos([2, 0.02]), rtol=1e-6)
    assert_allclose(order.sin.data[2], np.sin([2, 0.02]), rtol=1e-6)


@kinds
def test_another_base_turns_the_later_pairs_at_another_speed(kind):
    x = np.random.default_rng(0).normal(size=(1, 1, 9, 6))
    y, _ = kind(9, 6).astype(np.float64).turn(x)
    y_slow, _ = kind(9, 6, base=500000.0).astype(np.float64).turn(x)
    changed = np.abs(y - y_slow).max((0, 1, 2)) > 1e-6
    first = [0, 1] if kind is RotaryInterleaved else [0, 3]
    assert set(np.flatnonzero(~changed)) == set(first)


@kinds
def test_what_does_not_fit_is_refused(kind):
    with pytest.raises(ValueError, match="d_head 5 is odd"):
        kind(10, 5)
    order = kind(10, 2)
    with pytest.raises(ValueError, match="seq_len 11 exceeds max_seq_len 10"):
        order.turn(np.zeros((1, 1, 2, 2)), 9)
    with pytest.raises(ValueError, match="d_head 6: the angles were made for 2"):
        order.turn(np.zeros((1, 1, 2, 6)))
