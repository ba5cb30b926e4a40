"""Attention as a function, and its masks, beside PyTorch's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import functional as F
from tests.parity.torch_peer import assert_same_function, dtypes, torch
from tests.strategies import examples, rngs, unequal_sizes

T = torch.nn.functional
attend = T.scaled_dot_product_attention

sizes = unequal_sizes(6)  # batch, n_heads, n_queries, n_keys, d_head, d_v
fewer = examples(15)


def draw_attention(rng, sizes):
    """q, k, v, and a mask whose first query sees nothing."""
    batch, n_heads, n_queries, n_keys, d_head, d_v = sizes
    widths = [(n_queries, d_head), (n_keys, d_head), (n_keys, d_v)]
    q, k, v = (rng.normal(size=(batch, n_heads, *w)) for w in widths)
    mask = rng.random((batch, 1, n_queries, n_keys)) < 0.6
    mask[:, :, 0] = False
    return [q, k, v], mask


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_attention_with_and_without_a_mask(dtype, rng, sizes):
    inputs, mask = draw_attention(rng, sizes)
    assert_same_function(F.attention, attend, inputs, rng, dtype)
    assert_same_function(
        lambda q, k, v: F.attention(q, k, v, mask),
        lambda q, k, v: attend(q, k, v, attn_mask=torch.tensor(mask)),
        inputs,
        rng,
        dtype,
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes, broadcast=st.sets(st.integers(0, 3), max_size=3))
def test_attention_with_a_bias_that_is_broadcast(dtype, rng, sizes, broadcast):
    """PyTorch adds a mask of floats; -inf in it is False in ours."""
    inputs, mask = draw_attention(rng, sizes)
    shape = [1 if axis in broadcast else n for axis, n in enumerate(sizes[:4])]
    assert_same_function(
        lambda q, k, v, bias: F.attention(q, k, v, mask, bias),
        lambda q, k, v, bias: attend(
            q,
            k,
            v,
            bias.expand(sizes[:4]).masked_fill(torch.tensor(~mask), -torch.inf),
        ),
        [*inputs, rng.normal(size=shape)],
        rng,
        dtype,
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_attention_weights_are_what_the_identity_is_averaged_to(dtype, rng, sizes):
    (q, k, _), mask = draw_attention(rng, sizes)
    bias = rng.normal(size=(sizes[1], *sizes[2:4]))

    def theirs(q, k, bias):
        one_hot = torch.eye(sizes[3], dtype=q.dtype).expand(*sizes[:2], -1, -1)
        added = bias.expand(sizes[:4]).masked_fill(torch.tensor(~mask), -torch.inf)
        return attend(q, k, one_hot, added)

    assert_same_function(
        lambda q, k, bias: F.attention_weights(q, k, mask, bias),
        theirs,
        [q, k, bias],
        rng,
        dtype,
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_attention_causal(dtype, rng, sizes):
    inputs, _ = draw_attention(rng, (*sizes[:3], sizes[2], *sizes[4:]))
    mask = F.causal_mask(sizes[2], sizes[2])
    assert_same_function(
        lambda q, k, v: F.attention(q, k, v, mask),
        lambda q, k, v: attend(q, k, v, is_causal=True),
        inputs,
        rng,
        dtype,
    )


@dtypes
@pytest.mark.parametrize("blind", ["mask", "bias"])
def test_a_query_that_sees_nothing_gets_zero_on_both_sides(blind, dtype):
    """PyTorch's function answers so too; its layer, where it shows weights, has NaN."""
    rng = np.random.default_rng(0)
    inputs, _ = draw_attention(rng, (2, 3, 1, 4, 5, 6))
    mask = np.zeros((1, 4), bool)
    added = torch.tensor(mask) if blind == "mask" else torch.full((1, 4), -torch.inf)
    assert_same_function(
        lambda q, k, v: F.attention(q, k, v, mask),
        lambda q, k, v: attend(q, k, v, added if blind == "mask" else added.to(q.dtype)),
        inputs,
        rng,
        dtype,
    )
    assert not F.attention(*inputs, mask)[0].any()
    layer = torch.nn.MultiheadAttention(6, 2, batch_first=True).double()
    x = torch.ones(1, 3, 6, dtype=torch.float64)
    hidden = torch.ones(1, 3, dtype=torch.bool)
    assert layer(x, x, x, key_padding_mask=hidden)[0].isnan().all()


@given(n_queries=st.integers(1, 8), n_older=st.integers(0, 8))
def test_the_causal_mask_is_pytorchs_lower_right_one(n_queries, n_older):
    """Its is_causal, where there are more keys than queries, counts from the upper left."""
    from torch.nn.attention.bias import causal_lower_right

    n_keys = n_queries + n_older
    theirs = torch.ones(n_queries, n_keys, dtype=torch.bool).tril(n_older)
    assert_array_equal(F.causal_mask(n_queries, n_keys), theirs)
    lower_right = causal_lower_right(n_queries, n_keys)
    assert_array_equal(theirs, lower_right._materialize("cpu"))
    if not n_older:
        hidden = torch.nn.Transformer.generate_square_subsequent_mask(n_keys)
        assert_array_equal(F.causal_mask(n_keys, n_keys), hidden == 0)


@given(rng=rngs, batch=st.integers(1, 3), seq_len=st.integers(1, 8))
def test_masks_of_prefixes_and_padding_are_made_by_predicates(rng, batch, seq_len):
    """PyTorch makes a mask from a predicate, asked for each query and key."""
    from torch.nn.attention.flex_attention import create_mask

    lengths, is_token = (
        rng.integers(0, seq_len + 1, batch),
        rng.random((batch, seq_len)) < 0.5,
    )
    prefix, token = torch.tensor(lengths), torch.tensor(is_token)
    shape = {"B": batch, "H": None, "Q_LEN": seq_len, "KV_LEN": seq_len, "device": "cpu"}
    theirs = create_mask(lambda b, h, q, k: (k <= q) | (k < prefix[b]), **shape)
    assert_array_equal(F.prefix_mask(lengths, seq_len, like=lengths), theirs)
    theirs = create_mask(lambda b, h, q, k: token[b, k], **shape)
    ours = F.padding_mask(is_token, like=is_token)
    assert_array_equal(np.broadcast_to(ours, theirs.shape), theirs)
