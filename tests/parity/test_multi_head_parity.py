"""Multi-head attention beside torch.nn's, with every parameter's gradient.

Queries that share keys, which torch.nn's layer lacks, are four maps around its function.
"""

import numpy as np
import pytest
from hypothesis import given

from minillm import functional as F
from minillm.layers import MultiHeadAttention
from tests.parity.torch_peer import assert_same_layer, dtypes, torch
from tests.strategies import examples, rngs, unequal_sizes
from tests.torch_form import attention_form

N_HEADS = 3
sizes = unequal_sizes(4)  # batch, n_queries, n_keys, d_head; d_model is 3 d_head
fewer = examples(10)


def draw_streams(rng, sizes):
    batch, n_queries, n_keys, d_head = sizes
    return [rng.normal(size=(batch, n, N_HEADS * d_head)) for n in (n_queries, n_keys)]


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_multi_head_cross_attention_with_padding(dtype, rng, sizes):
    x_q, x_kv = draw_streams(rng, sizes)
    seen = np.arange(sizes[2]) < rng.integers(1, sizes[2] + 1, (sizes[0], 1))
    layer = MultiHeadAttention(x_q.shape[-1], N_HEADS, rng=rng)
    peer = torch.nn.MultiheadAttention(x_q.shape[-1], N_HEADS, batch_first=True)

    def ours(x_q, x_kv):
        y, backward = layer(x_q, x_kv, seen[:, None, None])
        return (y, layer.attention_map(x_q, x_kv, seen[:, None, None])), backward

    def theirs(x_q, x_kv):
        hidden = torch.tensor(~seen)
        return peer(x_q, x_kv, x_kv, hidden, average_attn_weights=False)

    assert_same_layer(layer, peer, attention_form, ours, theirs, [x_q, x_kv], rng, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_multi_head_self_attention_with_a_causal_mask(dtype, rng, sizes):
    x, _ = draw_streams(rng, sizes)
    mask = F.causal_mask(sizes[1], sizes[1])
    layer = MultiHeadAttention(x.shape[-1], N_HEADS, rng=rng)
    peer = torch.nn.MultiheadAttention(x.shape[-1], N_HEADS, batch_first=True)

    def ours(x):
        y, backward = layer(x, x, mask)
        return y, lambda dy: sum(backward(dy))

    def theirs(x):
        return peer(x, x, x, attn_mask=torch.tensor(~mask))[0]

    assert_same_layer(layer, peer, attention_form, ours, theirs, [x], rng, dtype)


class Grouped(torch.nn.Module):
    """Two maps around PyTorch's attention, whose queries share keys and values."""

    def __init__(self, d_model, n_heads, n_kv_heads, d_head, bias):
        super().__init__()
        self.d_head, self.n_each = d_head, [n_heads, n_kv_heads, n_kv_heads]
        self.in_proj = torch.nn.Linear(d_model, sum(self.n_each) * d_head, bias)
        self.out_proj = torch.nn.Linear(n_heads * d_head, d_model, bias)

    def forward(self, x_q, x_kv, mask):
        of_q, of_kv = (
            self.in_proj(x).unflatten(-1, (-1, self.d_head)).transpose(1, 2)
            for x in (x_q, x_kv)
        )
        q, _, _ = of_q.split(self.n_each, 1)
        _, k, v = of_kv.split(self.n_each, 1)
        heads = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, mask, enable_gqa=True
        )
        return self.out_proj(heads.transpose(1, 2).flatten(-2))


@dtypes
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("n_heads", "n_kv_heads"), [(6, 2), (6, 3), (4, 1), (3, 3)])
@examples(5)
@given(rng=rngs, sizes=unequal_sizes(5))
def test_queries_that_share_keys_in_groups(n_heads, n_kv_heads, bias, dtype, rng, sizes):
    batch, n_queries, n_keys, d_head, d_model = sizes
    x_q, x_kv = (rng.normal(size=(batch, n, d_model)) for n in (n_queries, n_keys))
    mask = rng.random((batch, 1, n_queries, n_keys)) < 0.7
    layer = MultiHeadAttention(
        d_model, n_heads, n_kv_heads=n_kv_heads, d_head=d_head, bias=bias, rng=rng
    )
    peer = Grouped(d_model, n_heads, n_kv_heads, d_head, bias)

    def form(arrays):
        fused = attention_form(arrays)
        return {name.replace("in_proj_", "in_proj."): x for name, x in fused.items()}

    assert_same_layer(
        layer,
        peer,
        form,
        lambda x_q, x_kv: layer(x_q, x_kv, mask),
        lambda x_q, x_kv: peer(x_q, x_kv, torch.tensor(mask)),
        [x_q, x_kv],
        rng,
        dtype,
    )
