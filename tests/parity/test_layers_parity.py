"""Attention layers and blocks against torch.nn's, with every parameter's gradient."""

import numpy as np
import pytest
from hypothesis import given, settings

from minillm import functional as F
from minillm.layers import (
    FeedForward,
    LayerNorm,
    MultiHeadAttention,
    PostNormBlock,
    PostNormCrossBlock,
    PreNormBlock,
    PreNormCrossBlock,
)
from tests.parity.torch_peer import (
    assert_same_function,
    assert_same_gradients,
    dtypes,
    grads,
    load,
    weights,
)
from tests.strategies import rngs, scatter, unequal_sizes
from tests.torch_form import attention_form, block_form

torch = pytest.importorskip("torch")

N_HEADS = 3
sizes = unequal_sizes(4)  # batch, n_queries, n_keys, d_head; the width is 3 d_head
fewer = settings(max_examples=10)


def draw_streams(rng, sizes):
    batch, n_queries, n_keys, d_head = sizes
    d_model = N_HEADS * d_head
    return [rng.normal(size=(batch, n, d_model)) for n in (n_queries, n_keys)]


def draw_padding(rng, sizes):
    """(batch, n_keys), True where there is a token; every row has one."""
    return np.arange(sizes[2]) < rng.integers(1, sizes[2] + 1, (sizes[0], 1))


def assert_same_layer(layer, peer, form, ours, theirs, inputs, rng, dtype):
    scatter(layer.astype(dtype), rng)
    load(peer, form(weights(layer)))
    assert_same_function(ours, theirs, inputs, rng, dtype)
    assert_same_gradients(peer, form(grads(layer)), dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_multi_head_cross_attention_with_padding(dtype, rng, sizes):
    x_q, x_kv = draw_streams(rng, sizes)
    seen = draw_padding(rng, sizes)
    layer = MultiHeadAttention(x_q.shape[-1], N_HEADS, rng=rng)
    peer = torch.nn.MultiheadAttention(x_q.shape[-1], N_HEADS, batch_first=True).double()
    assert_same_layer(
        layer,
        peer,
        attention_form,
        lambda x_q, x_kv: layer(x_q, x_kv, seen[:, None, None]),
        lambda x_q, x_kv: peer(x_q, x_kv, x_kv, key_padding_mask=torch.tensor(~seen))[0],
        [x_q, x_kv],
        rng,
        dtype,
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_multi_head_self_attention_with_a_causal_mask(dtype, rng, sizes):
    x, _ = draw_streams(rng, sizes)
    mask = F.causal_mask(sizes[1], sizes[1])
    layer = MultiHeadAttention(x.shape[-1], N_HEADS, rng=rng)
    peer = torch.nn.MultiheadAttention(x.shape[-1], N_HEADS, batch_first=True).double()

    def ours(x):
        y, backward = layer(x, x, mask)
        return y, lambda dy: sum(backward(dy))

    assert_same_layer(
        layer,
        peer,
        attention_form,
        ours,
        lambda x: peer(x, x, x, attn_mask=torch.tensor(~mask))[0],
        [x],
        rng,
        dtype,
    )


@dtypes
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("kind", [PreNormBlock, PostNormBlock])
@fewer
@given(rng=rngs, sizes=sizes)
def test_blocks_are_transformer_encoder_layers(kind, activation, dtype, rng, sizes):
    x, _ = draw_streams(rng, (*sizes[:3], sizes[3] + 2))
    d_model, d_ff, mask = x.shape[-1], sizes[2] + 1, F.causal_mask(sizes[1], sizes[1])
    block = kind(
        MultiHeadAttention(d_model, N_HEADS, rng=rng),
        FeedForward(d_model, d_ff, activation_of(activation), rng=rng),
        LayerNorm(d_model),
        LayerNorm(d_model),
    )
    peer = torch.nn.TransformerEncoderLayer(
        d_model,
        N_HEADS,
        d_ff,
        dropout=0.0,
        activation=activation,
        batch_first=True,
        norm_first=kind is PreNormBlock,
    ).double()
    assert_same_layer(
        block,
        peer,
        lambda arrays: block_form(arrays, ["attn_norm", "ffn_norm"]),
        lambda x: block(x, mask),
        lambda x: peer(x, src_mask=torch.tensor(~mask)),
        [x],
        rng,
        dtype,
    )


@dtypes
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("kind", [PreNormCrossBlock, PostNormCrossBlock])
@fewer
@given(rng=rngs, sizes=sizes)
def test_cross_blocks_are_transformer_decoder_layers(kind, activation, dtype, rng, sizes):
    x, memory = draw_streams(rng, (*sizes[:3], sizes[3] + 2))
    d_model, d_ff, mask = x.shape[-1], sizes[2] + 1, F.causal_mask(sizes[1], sizes[1])
    seen = draw_padding(rng, sizes)
    block = kind(
        MultiHeadAttention(d_model, N_HEADS, rng=rng),
        MultiHeadAttention(d_model, N_HEADS, rng=rng),
        FeedForward(d_model, d_ff, activation_of(activation), rng=rng),
        *(LayerNorm(d_model) for _ in range(3)),
    )
    peer = torch.nn.TransformerDecoderLayer(
        d_model,
        N_HEADS,
        d_ff,
        dropout=0.0,
        activation=activation,
        batch_first=True,
        norm_first=kind is PreNormCrossBlock,
    ).double()
    assert_same_layer(
        block,
        peer,
        lambda arrays: block_form(
            arrays, ["attn_norm", "cross_norm", "ffn_norm"], cross=True
        ),
        lambda x, memory: block(x, memory, mask, seen[:, None, None]),
        lambda x, memory: peer(
            x,
            memory,
            tgt_mask=torch.tensor(~mask),
            memory_key_padding_mask=torch.tensor(~seen),
        ),
        [x, memory],
        rng,
        dtype,
    )


def activation_of(name):
    """PyTorch's "gelu" is the exact one."""
    return {"relu": F.relu, "gelu": F.gelu_exact}[name]
