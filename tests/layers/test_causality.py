"""Layers that read from left to right: the future is not seen, nor is it taught."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import functional as F
from minillm.layers import (
    GRU,
    LSTM,
    Alibi,
    BidirectionalRelativeBias,
    CausalConvolution,
    CausalRelativeBias,
    ConvolutionBlock,
    Elman,
    GatedFeedForward,
    LayerNorm,
    MultiHeadAttention,
    NoOrder,
    PostNormBlock,
    PostNormCrossBlock,
    PreNormBlock,
    PreNormCrossBlock,
    RMSNorm,
    RotaryHalf,
    RotaryInterleaved,
)
from tests.strategies import examples, rngs, scatter

D_MODEL, N_HEADS, D_HEAD, LONGEST = 5, 4, 6, 9

ORDERS = {
    "no order": lambda rng: NoOrder(),
    "rotary": lambda rng: RotaryHalf(LONGEST, D_HEAD),
    "interleaved": lambda rng: RotaryInterleaved(LONGEST, D_HEAD),
    "alibi": lambda rng: Alibi(N_HEADS),
    "relative": lambda rng: CausalRelativeBias(N_HEADS, 6, 7, rng=rng),
    "both ways": lambda rng: BidirectionalRelativeBias(N_HEADS, 6, 7, rng=rng),
}


def draw_attention(rng, order):
    return MultiHeadAttention(
        D_MODEL, N_HEADS, n_kv_heads=2, d_head=D_HEAD, order=order, rng=rng
    )


def moved(layer, rng):
    return scatter(layer.astype(np.float64), rng)


def attention(make):
    """Self-attention under the causal mask: x -> y, and dy -> dx."""

    def build(rng):
        layer = moved(draw_attention(rng, make(rng)), rng)

        def call(x):
            y, backward = layer(x, x, F.causal_mask(x.shape[1], x.shape[1]))
            return y, lambda dy: sum(backward(dy))

        return call

    return build


def block(kind):
    def build(rng):
        attn = draw_attention(rng, NoOrder())
        ffn = GatedFeedForward(D_MODEL, 7, rng=rng)
        layer = moved(kind(attn, ffn, LayerNorm(D_MODEL), RMSNorm(D_MODEL)), rng)
        return lambda x: layer(x, F.causal_mask(x.shape[1], x.shape[1]))

    return build


def cross_block(kind):
    """Beside a memory, which all positions see alike."""

    def build(rng):
        attentions = (draw_attention(rng, NoOrder()) for _ in range(2))
        ffn = GatedFeedForward(D_MODEL, 7, rng=rng)
        norms = (LayerNorm(D_MODEL) for _ in range(3))
        layer = moved(kind(*attentions, ffn, *norms), rng)
        memory = rng.normal(size=(2, 3, D_MODEL))

        def call(x):
            y, backward = layer(x, memory, F.causal_mask(x.shape[1], x.shape[1]))
            return y, lambda dy: backward(dy)[0]

        return call

    return build


def recurrent(kind):
    """What the layer above reads of its states."""

    def build(rng):
        layer = moved(kind(D_MODEL, 3, rng=rng), rng)

        def call(x):
            y, backward = layer(x)
            h, read_backward = layer.read(y)
            return h, lambda dh: backward(read_backward(dh))[0]

        return call

    return build


def convolution(width, dilation):
    def build(rng):
        return moved(CausalConvolution(D_MODEL, 3, width, dilation=dilation, rng=rng), rng)

    return build


def convolution_block(rng):
    conv = CausalConvolution(D_MODEL, D_MODEL, 3, rng=rng)
    return moved(ConvolutionBlock(conv, LayerNorm(D_MODEL)), rng)


LAYERS = {
    **{f"attention/{name}": attention(make) for name, make in ORDERS.items()},
    "PreNormBlock": block(PreNormBlock),
    "PostNormBlock": block(PostNormBlock),
    "PreNormCrossBlock": cross_block(PreNormCrossBlock),
    "PostNormCrossBlock": cross_block(PostNormCrossBlock),
    "Elman": recurrent(Elman),
    "LSTM": recurrent(LSTM),
    "GRU": recurrent(GRU),
    "CausalConvolution/width 2": convolution(2, 1),
    "CausalConvolution/dilated": convolution(3, 2),
    "ConvolutionBlock": convolution_block,
}
every_layer = pytest.mark.parametrize("build", LAYERS.values(), ids=LAYERS)
some = examples(10)


@every_layer
@some
@given(rng=rngs, seq_len=st.integers(2, LONGEST), data=st.data())
def test_the_future_cannot_be_seen_to_the_last_bit(build, rng, seq_len, data):
    """Whatever stands from position t on; at t itself it is seen."""
    layer, x = build(rng), rng.normal(size=(2, seq_len, D_MODEL))
    t = data.draw(st.integers(1, seq_len - 1))
    other = x.copy()
    other[:, t:] = 10 * rng.normal(size=other[:, t:].shape)
    y, y_other = layer(x)[0], layer(other)[0]
    assert_array_equal(y_other[:, :t], y[:, :t])
    assert (np.abs(y_other[:, t] - y[:, t]).max(-1) > 0).all()


@every_layer
@some
@given(rng=rngs, seq_len=st.integers(2, LONGEST), data=st.data())
def test_what_is_asked_at_a_position_teaches_nothing_after_it(build, rng, seq_len, data):
    layer, x = build(rng), rng.normal(size=(2, seq_len, D_MODEL))
    t = data.draw(st.integers(0, seq_len - 2))
    y, backward = layer(x)
    dy = np.zeros_like(y)
    dy[:, t] = rng.normal(size=dy[:, t].shape)
    dx = backward(dy)
    assert_array_equal(dx[:, t + 1 :], 0)
    assert (np.abs(dx[:, t]).max(-1) > 0).all()
