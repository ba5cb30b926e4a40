"""Multi-head attention: its equations head by head, and its special cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import KVCache, MultiHeadAttention
from tests.strategies import rngs, scatter, unequal_sizes

CLOSE = {"rtol": 1e-11, "atol": 1e-11}
sizes = unequal_sizes(5)  # batch, n_queries, n_keys, d_model, d_head
head_counts = st.sampled_from([(1, 1), (2, 2), (2, 1), (6, 2), (6, 3), (3, 3)])


def draw_layer(rng, d_model, d_head, heads, **options):
    n_heads, n_kv_heads = heads
    layer = MultiHeadAttention(
        d_model, n_heads, n_kv_heads=n_kv_heads, d_head=d_head, rng=rng, **options
    )
    return scatter(layer.astype(np.float64), rng)


def draw_streams(rng, sizes):
    batch, n_queries, n_keys, d_model, _ = sizes
    return rng.normal(size=(batch, n_queries, d_model)), rng.normal(
        size=(batch, n_keys, d_model)
    )


def gradients(layer, backward, dy):
    layer.zero_grad()
    dx = backward(dy)
    return dx, {name: p.grad.copy() for name, p in layer.named_parameters()}


@given(rngs, sizes, head_counts)
def test_heads_attend_apart_and_are_put_side_by_side(rng, sizes, heads):
    """Vaswani et al. 2017, sec. 3.2.2; the groups of Ainslie et al. 2023, sec. 2.2."""
    d_head = sizes[4]
    layer, (x_q, x_kv) = draw_layer(rng, sizes[3], d_head, heads), draw_streams(rng, sizes)
    group = heads[0] // heads[1]

    def project(x, proj, i):
        part = slice(i * d_head, (i + 1) * d_head)
        return x @ proj.weight.data[:, part] + proj.bias.data[part]

    read = [
        F.attention(
            project(x_q, layer.q_proj, i),
            project(x_kv, layer.k_proj, i // group),
            project(x_kv, layer.v_proj, i // group),
        )[0]
        for i in range(heads[0])
    ]
    y, _ = layer(x_q, x_kv)
    expected = np.concatenate(read, -1) @ layer.o_proj.weight.data + layer.o_proj.bias.data
    assert y.shape == x_q.shape
    assert_allclose(y, expected, **CLOSE)


@given(rngs, unequal_sizes(4))
def test_split_deals_features_out_to_heads_and_merge_collects_them(rng, sizes):
    """A head is d_head neighbouring features of every position; nothing is lost."""
    batch, seq_len, n_heads, d_head = sizes
    layer = draw_layer(rng, 3, d_head, (n_heads, n_heads))
    x = rng.normal(size=(batch, seq_len, n_heads * d_head))
    heads = layer.split(x)
    assert heads.shape == (batch, n_heads, seq_len, d_head)
    for i in range(n_heads):
        assert_array_equal(heads[:, i], x[:, :, i * d_head : (i + 1) * d_head])
    assert_array_equal(layer.merge(heads), x)
    assert_array_equal(layer.split(layer.merge(heads)), heads)


@given(rngs, sizes, head_counts)
def test_what_stands_at_a_key_that_is_masked_changes_nothing_to_the_last_bit(
    rng, sizes, heads
):
    layer, (x_q, x_kv) = draw_layer(rng, *sizes[3:], heads), draw_streams(rng, sizes)
    seen = rng.random(sizes[2]) < 0.5
    other = np.where(seen[:, None], x_kv, 100 * rng.normal(size=x_kv.shape))
    assert_array_equal(layer(x_q, other, seen)[0], layer(x_q, x_kv, seen)[0])


@given(rngs, sizes, head_counts)
def test_grouped_heads_are_plain_heads_with_repeated_weights(rng, sizes, heads):
    """And a shared head's gradient is the sum over those that share it."""
    d_model, d_head = sizes[3:]
    n_heads, n_kv_heads = heads
    grouped, (x_q, x_kv) = draw_layer(rng, d_model, d_head, heads), draw_streams(rng, sizes)
    plain = draw_layer(rng, d_model, d_head, (n_heads, n_heads))

    def by_head(array, n):
        return array.reshape(*array.shape[:-1], n, d_head)

    state = dict(grouped.state_dict())
    for name, array in state.items():
        if name[0] in "kv":
            repeated = np.repeat(by_head(array, n_kv_heads), n_heads // n_kv_heads, -2)
            state[name] = repeated.reshape(plain.state_dict()[name].shape)
    plain.load_state_dict(state)
    (y, backward), (y_plain, backward_plain) = grouped(x_q, x_kv), plain(x_q, x_kv)
    dy = rng.normal(size=y.shape)
    dx, grads = gradients(grouped, backward, dy)
    dx_plain, grads_plain = gradients(plain, backward_plain, dy)
    assert_allclose(y, y_plain, **CLOSE)
    for a, b in zip(dx, dx_plain, strict=True):
        assert_allclose(a, b, **CLOSE)
    for name, grad in grads.items():
        expected = grads_plain[name]
        if name[0] in "kv":
            shape = (*expected.shape[:-1], n_kv_heads, -1, d_head)
            expected = expected.reshape(shape).sum(-2).reshape(grad.shape)
        assert_allclose(grad, expected, **CLOSE)


@given(rngs, sizes, st.integers(1, 4))
def test_a_key_value_head_for_every_head_is_multi_head_attention(rng, sizes, n_heads):
    """With n_kv_heads = n_heads a group is one head: nothing is copied nor added up."""
    d_model, d_head = sizes[3:]
    grouped = draw_layer(rng, d_model, d_head, (n_heads, n_heads))
    plain = MultiHeadAttention(d_model, n_heads, d_head=d_head, rng=rng).astype(np.float64)
    plain.load_state_dict(grouped.state_dict())
    x_q, x_kv = draw_streams(rng, sizes)
    (y, backward), (y_plain, backward_plain) = grouped(x_q, x_kv), plain(x_q, x_kv)
    dy = rng.normal(size=y.shape)
    assert_array_equal(y, y_plain)
    for a, b in zip(backward(dy), backward_plain(dy), strict=True):
        assert_array_equal(a, b)
    k = rng.normal(size=(sizes[0], n_heads, sizes[2], d_head))
    assert grouped.share(k) is k
    assert grouped.gather(k) is k


@given(rngs, sizes, head_counts)
def test_a_shift_of_all_keys_is_never_learned(rng, sizes, heads):
    """It adds the same to all scores of a query, so k_proj's bias has no gradient."""
    layer, (x_q, x_kv) = draw_layer(rng, *sizes[3:], heads), draw_streams(rng, sizes)
    y, backward = layer(x_q, x_kv)
    _, grads = gradients(layer, backward, rng.normal(size=y.shape))
    largest = np.abs(grads["q_proj.weight"]).max() + np.abs(grads["v_proj.weight"]).max()
    assert np.abs(grads["k_proj.bias"]).max() <= 1e-12 * largest
    layer.k_proj.bias.data += 1.0
    assert_allclose(layer(x_q, x_kv)[0], y, **CLOSE)


@given(rngs, sizes, head_counts)
def test_the_order_of_what_is_attended_to_does_not_matter(rng, sizes, heads):
    layer, (x_q, x_kv) = draw_layer(rng, *sizes[3:], heads), draw_streams(rng, sizes)
    order = rng.permutation(sizes[2])
    assert_allclose(layer(x_q, x_kv[:, order])[0], layer(x_q, x_kv)[0], **CLOSE)
    y, _ = layer(x_q, x_q)
    order = rng.permutation(sizes[1])
    assert_allclose(layer(x_q[:, order], x_q[:, order])[0], y[:, order], **CLOSE)


@given(rngs, sizes, head_counts)
def test_padding_is_neither_read_nor_taught_and_batches_do_not_mix(rng, sizes, heads):
    layer, (x_q, x_kv) = draw_layer(rng, *sizes[3:], heads), draw_streams(rng, sizes)
    lengths = rng.integers(1, sizes[2] + 1, sizes[0])
    mask = (np.arange(sizes[2]) < lengths[:, None])[:, None, None, :]
    y, backward = layer(x_q, x_kv, mask)
    dy = rng.normal(size=y.shape)
    dx_q, dx_kv = backward(dy)
    for i, n in enumerate(lengths):
        alone, alone_backward = layer(x_q[i : i + 1], x_kv[i : i + 1, :n])
        assert_allclose(y[i], alone[0], **CLOSE)
        dx_q_alone, dx_kv_alone = alone_backward(dy[i : i + 1])
        assert_allclose(dx_q[i], dx_q_alone[0], **CLOSE)
        assert_allclose(dx_kv[i, :n], dx_kv_alone[0], **CLOSE)
        assert_array_equal(dx_kv[i, n:], 0)


@given(rngs, sizes, head_counts)
def test_the_map_holds_the_weights_that_the_output_was_read_with(rng, sizes, heads):
    layer, (x_q, x_kv) = draw_layer(rng, *sizes[3:], heads), draw_streams(rng, sizes)
    mask = rng.random((sizes[0], 1, sizes[1], sizes[2])) < 0.7
    mask[..., 0] = True
    weights = layer.attention_map(x_q, x_kv, mask)
    v = layer.share(layer.split(layer.v_proj(x_kv)[0]))
    y, _ = layer(x_q, x_kv, mask)
    assert weights.shape == (sizes[0], heads[0], sizes[1], sizes[2])
    assert_allclose(layer.o_proj(layer.merge(weights @ v))[0], y, **CLOSE)


@given(rngs, st.integers(2, 9), head_counts)
def test_steps_with_a_cache_equal_one_causal_pass(rng, seq_len, heads):
    layer, x = draw_layer(rng, 5, 3, heads), rng.normal(size=(2, seq_len, 5))
    cuts = np.flatnonzero(rng.random(seq_len - 1) < 0.4) + 1
    cache = KVCache(seq_len)
    stepped = [layer.step(chunk, cache) for chunk in np.split(x, cuts, 1)]
    y, _ = layer(x, x, F.causal_mask(seq_len, seq_len))
    assert_allclose(np.concatenate(stepped, 1), y, **CLOSE)


@given(rngs, st.integers(2, 9), head_counts, st.data())
def test_steps_may_be_told_what_to_see(rng, seq_len, heads, data):
    """As the prefix of a prefix LM, which sees what stands behind it, too."""
    layer, x = draw_layer(rng, 5, 3, heads), rng.normal(size=(2, seq_len, 5))
    start = data.draw(st.integers(1, seq_len - 1))
    mask = rng.random((seq_len, seq_len)) < 0.5
    mask[:start, start:] = False  # it is not there yet
    cache = KVCache(seq_len)
    first = layer.step(x[:, :start], cache, mask[:start, :start])
    then = layer.step(x[:, start:], cache, mask[start:])
    assert_allclose(np.concatenate([first, then], 1), layer(x, x, mask)[0], **CLOSE)


@given(rngs, sizes, head_counts)
def test_a_memory_is_read_as_cross_attention_reads(rng, sizes, heads):
    """Also when its rows are taken in another order, one of them twice."""
    layer, (x_q, x_kv) = draw_layer(rng, *sizes[3:], heads), draw_streams(rng, sizes)
    mask = rng.random((sizes[0], 1, 1, sizes[2])) < 0.7
    memory, rows = layer.memory(x_kv, mask), rng.integers(0, sizes[0], sizes[0] + 1)
    memory.select(rows)
    y, weights = layer.read(x_q[rows], memory)
    assert_allclose(y, layer(x_q[rows], x_kv[rows], mask[rows])[0], **CLOSE)
    expected = layer.attention_map(x_q[rows], x_kv[rows], mask[rows])
    assert_allclose(weights, expected, **CLOSE)


def test_a_head_is_d_model_over_n_heads_wide_unless_it_is_given():
    rng = np.random.default_rng(0)
    shapes = {
        name: p.data.shape
        for name, p in MultiHeadAttention(12, 4, n_kv_heads=2, rng=rng).named_parameters()
    }
    assert shapes["q_proj.weight"] == (12, 12)
    assert shapes["k_proj.weight"] == shapes["v_proj.weight"] == (12, 6)
    assert shapes["o_proj.weight"] == (12, 12)
    wide = MultiHeadAttention(12, 5, d_head=7, bias=False, rng=rng)
    assert {name: p.data.shape for name, p in wide.named_parameters()} == {
        "q_proj.weight": (12, 35),
        "k_proj.weight": (12, 35),
        "v_proj.weight": (12, 35),
        "o_proj.weight": (35, 12),
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_heads": 5}, "n_heads 5 does not divide d_model 12"),
        ({"n_heads": 0}, "n_heads 0 "),
        ({"n_heads": 4, "n_kv_heads": 3}, "n_kv_heads 3 does not divide n_heads 4"),
        ({"n_heads": 4, "n_kv_heads": 8}, "n_kv_heads 8 does not divide n_heads 4"),
        ({"n_heads": 4, "n_kv_heads": 0}, "n_kv_heads 0 "),
    ],
)
def test_heads_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(12, **options, rng=np.random.default_rng(0))
