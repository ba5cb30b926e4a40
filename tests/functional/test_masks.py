"""Masks: who may look at what, and that nobody else can be seen."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.device.devices import StandIn
from tests.device.strict_backend import DeviceArray
from tests.strategies import leading_shapes, rngs, unequal_sizes

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
lengths = st.integers(1, 7)


def some_tokens(rng, *shape):
    """Padding anywhere, but a token in each sequence."""
    is_token = rng.random(shape) < 0.5
    is_token[:, rng.integers(shape[1])] = True
    return is_token


@given(st.integers(1, 6), st.integers(0, 6))
def test_a_causal_query_sees_itself_and_all_before_it(n_queries, n_cached):
    n_keys = n_cached + n_queries
    mask = F.causal_mask(n_queries, n_keys)
    assert mask.dtype == bool
    sees = [
        [key <= n_cached + query for key in range(n_keys)] for query in range(n_queries)
    ]
    assert_array_equal(mask, sees)


@given(rngs, unequal_sizes(3, smallest=2), st.data())
def test_under_the_causal_mask_the_past_does_not_change_by_a_bit(rng, sizes, data):
    """Nor does it learn: what a query asks for reaches no later key."""
    n_heads, seq_len, d_head = sizes
    t = data.draw(st.integers(1, seq_len - 1))
    q, k, v = rng.normal(size=(3, n_heads, seq_len, d_head))
    mask = F.causal_mask(seq_len, seq_len)
    y, backward = F.attention(q, k, v, mask)
    k_else, v_else = k.copy(), v.copy()
    k_else[:, t:], v_else[:, t:] = rng.normal(0, 100, (2, n_heads, seq_len - t, d_head))
    y_else, _ = F.attention(q, k_else, v_else, mask)
    assert_array_equal(y_else[:, :t], y[:, :t])
    assert (y_else[:, t:] != y[:, t:]).any(-1).all()

    dy = np.zeros_like(y)
    dy[:, :t] = rng.normal(size=dy[:, :t].shape)
    _, dk, dv = backward(dy)
    assert_array_equal(dk[:, t:], 0)
    assert_array_equal(dv[:, t:], 0)


@given(rngs, lengths, lengths)
def test_a_prefix_sees_all_of_itself_and_the_rest_what_came_before(rng, batch, seq_len):
    prefix_lengths = rng.integers(0, seq_len + 1, batch)
    mask = F.prefix_mask(prefix_lengths, seq_len, like=np.zeros(1))
    assert mask.shape == (batch, 1, seq_len, seq_len)
    for b, _, i, j in np.ndindex(mask.shape):
        assert mask[b, 0, i, j] == (j <= i or j < prefix_lengths[b])


@given(lengths)
def test_no_prefix_is_causal_and_nothing_but_a_prefix_sees_everything(seq_len):
    mask = F.prefix_mask(np.array([0, 1, seq_len]), seq_len, like=np.zeros(1))
    causal = F.causal_mask(seq_len, seq_len)
    assert_array_equal(mask[0, 0], causal)
    assert_array_equal(mask[1, 0], causal)  # one token has nothing ahead in the prefix
    assert mask[2].all()


@given(rngs, unequal_sizes(5))
def test_padding_is_as_if_it_were_not_there(rng, sizes):
    batch, n_heads, n_queries, n_keys, d = sizes
    is_token = some_tokens(rng, batch, n_keys)
    q = rng.normal(size=(batch, n_heads, n_queries, d))
    k, v = rng.normal(size=(2, batch, n_heads, n_keys, d))
    y, backward = F.attention(q, k, v, F.padding_mask(is_token, like=q))
    dy = rng.normal(size=y.shape)
    dq, dk, dv = backward(dy)
    for b, kept in enumerate(is_token):
        y_alone, backward_alone = F.attention(q[b], k[b][:, kept], v[b][:, kept])
        dq_alone, dk_alone, dv_alone = backward_alone(dy[b])
        assert_allclose(y[b], y_alone, **CLOSE)
        assert_allclose(dq[b], dq_alone, **CLOSE)
        assert_allclose(dk[b][:, kept], dk_alone, **CLOSE)
        assert_allclose(dv[b][:, kept], dv_alone, **CLOSE)
        assert_array_equal(dk[b][:, ~kept], 0)
        assert_array_equal(dv[b][:, ~kept], 0)


@given(rngs, unequal_sizes(3))
def test_masks_may_come_from_the_host_to_what_is_on_a_device(rng, sizes):
    """Batches are made on the host; what is made of them stands where `like` or x is."""
    is_token, prefix_lengths = some_tokens(rng, *sizes[:2]), rng.integers(0, sizes[1], 4)
    x = rng.normal(size=sizes)
    there = DeviceArray(x)
    hidden, backward = F.hide_padding(there, is_token)
    StandIn().agree(
        [
            F.prefix_mask(prefix_lengths, sizes[1], like=there),
            F.padding_mask(is_token, like=there),
            hidden,
            backward(there),
        ],
        [
            F.prefix_mask(prefix_lengths, sizes[1], like=x),
            F.padding_mask(is_token, like=x),
            *2 * [F.hide_padding(x, is_token)[0]],
        ],
    )


@given(rngs, unequal_sizes(3))
def test_what_is_hidden_is_zero_both_ways_and_the_rest_is_untouched(rng, sizes):
    is_token = some_tokens(rng, *sizes[:2])
    x, dy = rng.normal(size=(2, *sizes))
    y, backward = F.hide_padding(x, is_token)
    for out, given_array in (y, x), (backward(dy), dy):
        assert_array_equal(out[is_token], given_array[is_token])
        assert_array_equal(out[~is_token], 0)
    assert_array_equal(F.hide_padding(y, is_token)[0], y)  # hidden once is hidden


@given(rngs, leading_shapes)
def test_where_nothing_is_said_of_padding_nothing_is_hidden(rng, shape):
    x, dy = rng.normal(size=(2, *shape))
    y, backward = F.hide_padding(x, None)
    assert_array_equal(y, x)
    assert_array_equal(backward(dy), dy)
