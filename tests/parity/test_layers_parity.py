"""Blocks beside torch.nn's, with every parameter's gradient."""

import numpy as np
import pytest
from hypothesis import given

from minillm import functional as F
from minillm.layers import (
    CausalConvolution,
    ConvolutionBlock,
    FeedForward,
    LayerNorm,
    MultiHeadAttention,
    PostNormBlock,
    PostNormCrossBlock,
    PreNormBlock,
    PreNormCrossBlock,
)
from tests.parity.torch_peer import assert_same_layer, dtypes, torch
from tests.strategies import examples, rngs, unequal_sizes
from tests.torch_form import block_form

N_HEADS = 3
sizes = unequal_sizes(4)  # batch, n_queries, n_keys, d_head; the width is 3 d_head
fewer = examples(10)
ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu_exact}  # PyTorch's "gelu" is the exact one


def draw_streams(rng, sizes):
    batch, n_queries, n_keys, d_head = sizes
    return [rng.normal(size=(batch, n, N_HEADS * d_head)) for n in (n_queries, n_keys)]


def parts(d_model, d_ff, activation, n_attentions, rng):
    attentions = [
        MultiHeadAttention(d_model, N_HEADS, rng=rng) for _ in range(n_attentions)
    ]
    ffn = FeedForward(d_model, d_ff, ACTIVATIONS[activation], rng=rng)
    return [*attentions, ffn, *(LayerNorm(d_model) for _ in range(n_attentions + 1))]


def options(activation, kind):
    return {
        "dropout": 0.0,
        "activation": activation,
        "batch_first": True,
        "norm_first": kind.__name__.startswith("Pre"),
    }


@dtypes
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", [PreNormBlock, PostNormBlock])
@fewer
@given(rng=rngs, sizes=sizes)
def test_blocks_are_transformer_encoder_layers(kind, activation, dtype, rng, sizes):
    x, _ = draw_streams(rng, sizes)
    d_model, d_ff, mask = x.shape[-1], sizes[2] + 1, F.causal_mask(sizes[1], sizes[1])
    block = kind(*parts(d_model, d_ff, activation, 1, rng))
    peer = torch.nn.TransformerEncoderLayer(
        d_model, N_HEADS, d_ff, **options(activation, kind)
    )
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
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", [PreNormCrossBlock, PostNormCrossBlock])
@fewer
@given(rng=rngs, sizes=sizes)
def test_cross_blocks_are_transformer_decoder_layers(kind, activation, dtype, rng, sizes):
    x, memory = draw_streams(rng, sizes)
    d_model, d_ff, mask = x.shape[-1], sizes[2] + 1, F.causal_mask(sizes[1], sizes[1])
    seen = np.arange(sizes[2]) < rng.integers(1, sizes[2] + 1, (sizes[0], 1))
    block = kind(*parts(d_model, d_ff, activation, 2, rng))
    peer = torch.nn.TransformerDecoderLayer(
        d_model, N_HEADS, d_ff, **options(activation, kind)
    )
    norms = ["attn_norm", "cross_norm", "ffn_norm"]
    assert_same_layer(
        block,
        peer,
        lambda arrays: block_form(arrays, norms, cross=True),
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


class Convolving(torch.nn.Module):
    """ConvolutionBlock, of PyTorch's parts."""

    def __init__(self, d, width, dilation):
        super().__init__()
        self.norm = torch.nn.LayerNorm(d)
        self.conv = torch.nn.Conv1d(d, d, width, dilation=dilation)
        self.reach = (width - 1) * dilation

    def forward(self, x):
        padded = torch.nn.functional.pad(self.norm(x).mT, (self.reach, 0))
        return x + torch.relu(self.conv(padded).mT)


def convolving_form(arrays):
    return {
        "norm.weight": arrays["norm.gamma"],
        "norm.bias": arrays["norm.beta"],
        "conv.weight": arrays["conv.weight"].transpose(2, 1, 0),
        "conv.bias": arrays["conv.bias"],
    }


@dtypes
@fewer
@given(rng=rngs, sizes=unequal_sizes(5))
def test_a_convolution_block_is_of_pytorchs_parts(dtype, rng, sizes):
    batch, seq_len, d, width, dilation = sizes
    d += 2
    conv = CausalConvolution(d, d, width, dilation=dilation, rng=rng)
    block = ConvolutionBlock(conv, LayerNorm(d))
    peer = Convolving(d, width, dilation)
    x = rng.normal(size=(batch, seq_len, d))
    assert_same_layer(block, peer, convolving_form, block, peer, [x], rng, dtype)
