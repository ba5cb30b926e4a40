"""Rotary positions, ALiBi, relative biases and gates against transformers' own.

transformers makes rotary tables and ALiBi's slopes in float32; what is done with them is
compared in float64, on the same numbers.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import (
    Alibi,
    BidirectionalRelativeBias,
    CausalRelativeBias,
    GatedFeedForward,
    RotaryHalf,
    RotaryInterleaved,
)
from tests.parity.libraries import library
from tests.parity.torch_peer import assert_same_function, assert_same_layer, dtypes, torch
from tests.strategies import examples, rngs, unequal_sizes
from tests.torch_form import linear_form

transformers = library("transformers")

from transformers.models.bloom.modeling_bloom import build_alibi_tensor  # noqa: E402
from transformers.models.gptj import modeling_gptj as gptj  # noqa: E402
from transformers.models.llama import modeling_llama as llama  # noqa: E402
from transformers.models.t5 import modeling_t5 as t5  # noqa: E402

sizes = unequal_sizes(4)  # batch, n_heads, seq_len, d_head / 2
fewer = examples(10)


def draw_heads(rng, sizes):
    batch, n_heads, seq_len, n_pairs = sizes
    return rng.normal(size=(batch, n_heads, seq_len, 2 * n_pairs))


def assert_same_turn(order, start, theirs, rng, sizes, dtype):
    """theirs(x, cos, sin), each table (seq_len, d_head / 2) of x's dtype."""
    order.astype(dtype)
    x = draw_heads(rng, sizes)
    position = np.arange(start, start + x.shape[-2])
    tables = order.cos.data[position], order.sin.data[position]

    def turned(x):
        return theirs(x, *(torch.tensor(table, dtype=x.dtype) for table in tables))

    assert_same_function(lambda x: order.turn(x, start), turned, [x], rng, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes, start=st.integers(0, 9))
def test_rotate_half_is_llamas(dtype, rng, sizes, start):
    def theirs(x, cos, sin):
        cos, sin = (torch.cat([table, table], -1)[None] for table in (cos, sin))
        return llama.apply_rotary_pos_emb(x, x, cos, sin)[0]

    order = RotaryHalf(start + sizes[2] + 2, 2 * sizes[3])
    assert_same_turn(order, start, theirs, rng, sizes, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes, start=st.integers(0, 9))
def test_interleaved_pairs_are_gptjs(dtype, rng, sizes, start):
    """GPT-J has the axis of positions before that of heads."""

    def theirs(x, cos, sin):
        x = x.swapaxes(1, 2)
        return gptj.apply_rotary_pos_emb(x, sin[None], cos[None]).swapaxes(1, 2)

    order = RotaryInterleaved(start + sizes[2] + 2, 2 * sizes[3])
    assert_same_turn(order, start, theirs, rng, sizes, dtype)


@pytest.mark.parametrize("theta", [10000.0, 500000.0])
def test_the_angles_are_llamas_and_gptjs(theta):
    """theirs are float32, and so off by about 2^-23 of an angle: up to 99."""
    config = transformers.LlamaConfig(
        hidden_size=64,
        num_attention_heads=8,
        rope_parameters={"rope_type": "default", "rope_theta": theta},
    )
    positions, bound = torch.arange(100)[None], 100 * 2.0**-22
    cos, sin = F.rotary_table(100, 8, theta)
    theirs = llama.LlamaRotaryEmbedding(config)(torch.zeros(1), positions)
    for ours, table in zip((cos, sin), theirs, strict=True):
        assert_allclose(np.concatenate([ours, ours], -1), table[0].numpy(), atol=bound)
    if theta == 10000.0:
        table = gptj.create_sinusoidal_positions(100, 8).numpy()
        assert_allclose(np.concatenate([sin, cos], -1), table, atol=bound)


@pytest.mark.parametrize("n_heads", [1, 2, 3, 4, 6, 8, 12, 16, 20, 32, 71, 112])
def test_alibi_is_blooms_up_to_a_constant_a_row(n_heads):
    """Which softmax does not see. BLOOM's bias is slope j, in float32 until the end."""
    mask = torch.ones((1, 9), dtype=torch.int64)
    theirs = build_alibi_tensor(mask, n_heads, torch.float64).numpy()  # (n_heads, 1, 9)
    order = Alibi(n_heads).astype(np.float64)
    order.slopes.data = F.alibi_slopes(n_heads)  # before they were rounded to float32
    ours, _ = order.bias(9, 9, like=theirs)
    seen = F.causal_mask(9, 9)
    difference = ours - theirs
    per_row = difference[:, :, :1]  # the first key is seen by every query
    assert_allclose(np.where(seen, difference - per_row, 0), 0, atol=9 * 2.0**-20)
    assert_allclose(-per_row[:, :, 0], F.alibi_slopes(n_heads)[:, None] * np.arange(9))


@pytest.mark.parametrize("max_distance", [33, 64, 100, 128, 200, 1000])
@pytest.mark.parametrize("n_buckets", [4, 6, 8, 12, 16, 20, 32, 64])
def test_buckets_are_t5s(n_buckets, max_distance):
    n = 300
    position = torch.arange(n)
    ahead = position[None, :] - position[:, None]
    for bidirectional, buckets in (
        (False, F.causal_buckets),
        (True, F.bidirectional_buckets),
    ):
        theirs = t5.T5Attention._relative_position_bucket(
            ahead, bidirectional, n_buckets, max_distance
        )
        assert_array_equal(buckets(n, n, n_buckets, max_distance), theirs.numpy())
        newest = buckets(7, n, n_buckets, max_distance)
        assert_array_equal(newest, theirs.numpy()[-7:])


@dtypes
@pytest.mark.parametrize("kind", [CausalRelativeBias, BidirectionalRelativeBias])
@fewer
@given(rng=rngs, n_heads=st.integers(1, 5), n_old=st.integers(0, 30))
def test_relative_biases_are_t5s(kind, dtype, rng, n_heads, n_old):
    n_queries, n_keys = 7, 7 + n_old
    config = transformers.T5Config(
        d_model=8,
        d_kv=2,
        num_heads=n_heads,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=20,
    )
    config.is_decoder = kind is CausalRelativeBias
    peer = t5.T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    order = kind(n_heads, 8, 20, rng=rng)
    assert_same_layer(
        order,
        peer.relative_attention_bias,
        lambda arrays: arrays,
        lambda: order.bias(n_queries, n_keys, like=order.weight.data),
        lambda: peer.compute_bias(n_queries, n_keys, past_seen_tokens=n_old)[0],
        [],
        rng,
        dtype,
    )


def t5_form(arrays):
    names = {"gate_proj": "wi_0", "up_proj": "wi_1", "down_proj": "wo"}
    return {f"{names[name.split('.')[0]]}.weight": a.T for name, a in arrays.items()}


@dtypes
@pytest.mark.parametrize("bias", [False, True])
@fewer
@given(rng=rngs, sizes=sizes)
def test_swiglu_is_llamas(bias, dtype, rng, sizes):
    d_model, d_ff = sizes[2:]
    config = transformers.LlamaConfig(
        hidden_size=d_model,
        intermediate_size=d_ff,
        mlp_bias=bias,
        num_attention_heads=1,
        head_dim=2,
    )
    layer = GatedFeedForward(d_model, d_ff, F.silu, bias=bias, rng=rng)
    peer = llama.LlamaMLP(config)
    x = rng.normal(size=sizes[:3])
    assert_same_layer(layer, peer, linear_form, layer, peer, [x], rng, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_geglu_is_t5s(dtype, rng, sizes):
    """T5 1.1 calls the tanh form "gelu_new"."""
    d_model, d_ff = sizes[2:]
    config = transformers.T5Config(
        d_model=d_model, d_ff=d_ff, feed_forward_proj="gated-gelu", dropout_rate=0.0
    )
    assert config.dense_act_fn == "gelu_new"
    layer = GatedFeedForward(d_model, d_ff, F.gelu, bias=False, rng=rng)
    peer = t5.T5DenseGatedActDense(config)
    x = rng.normal(size=sizes[:3])
    assert_same_layer(layer, peer, t5_form, layer, peer, [x], rng, dtype)
