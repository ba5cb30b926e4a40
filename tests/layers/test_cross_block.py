"""Blocks with cross-attention, step by step: the memory is read once and kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import (
    GatedFeedForward,
    LayerNorm,
    MultiHeadAttention,
    PostNormCrossBlock,
    PreNormCrossBlock,
    RMSNorm,
)
from tests.strategies import rngs, scatter, unequal_sizes

CLOSE = {"rtol": 1e-11, "atol": 1e-11}
sizes = unequal_sizes(4, smallest=3)  # batch, n_target, n_source, d_model
both = pytest.mark.parametrize("kind", [PreNormCrossBlock, PostNormCrossBlock])


def draw_block(kind, rng, d_model):
    """Both attentions grouped, each norm of the other kind than its neighbour."""
    own, cross = (
        MultiHeadAttention(d_model, 4, n_kv_heads=2, d_head=3, rng=rng) for _ in range(2)
    )
    norms = RMSNorm(d_model), LayerNorm(d_model), RMSNorm(d_model)
    ffn = GatedFeedForward(d_model, 5, F.silu, rng=rng)
    return scatter(kind(own, cross, ffn, *norms).astype(np.float64), rng)


def draw_streams(rng, sizes):
    """x, its causal mask, a memory, and which of it each sequence may see."""
    batch, n_target, n_source, d_model = sizes
    x = rng.normal(size=(batch, n_target, d_model))
    memory = rng.normal(size=(batch, n_source, d_model))
    seen = rng.random((batch, 1, 1, n_source)) < 0.7
    seen[:, ..., 0] = True
    return x, F.causal_mask(n_target, n_target), memory, seen


@both
@given(rng=rngs, sizes=sizes, data=st.data())
def test_steps_beside_a_memory_equal_one_pass_and_report_its_map(kind, rng, sizes, data):
    block = draw_block(kind, rng, sizes[3])
    x, mask, memory, seen = draw_streams(rng, sizes)
    cuts = data.draw(st.sets(st.integers(1, sizes[1] - 1)))
    cache = block.cache(sizes[1], memory, seen)
    steps = [block.step(piece, cache) for piece in np.split(x, sorted(cuts), 1)]
    assert len(cache) == sizes[1]
    y = np.concatenate([y for y, _ in steps], 1)
    weights = np.concatenate([weights for _, weights in steps], 2)
    assert_allclose(y, block(x, memory, mask, seen)[0], **CLOSE)
    _, cross = block.attention_maps(x, memory, mask, seen)
    assert_allclose(weights, cross, **CLOSE)


@both
@given(rng=rngs, sizes=sizes)
def test_maps_are_those_of_what_each_attention_saw(kind, rng, sizes):
    """Self-attention by its own mask, cross-attention by the memory's."""
    block = draw_block(kind, rng, sizes[3])
    x, mask, memory, seen = draw_streams(rng, sizes)
    own, cross = block.attention_maps(x, memory, mask, seen)
    heads = sizes[0], 4, sizes[1]
    assert_array_equal(own > 0, np.broadcast_to(mask, (*heads, sizes[1])))
    assert_array_equal(cross > 0, np.broadcast_to(seen, (*heads, sizes[2])))
    for weights in own, cross:
        assert_allclose(weights.sum(-1), 1, rtol=1e-12)


@both
@given(rng=rngs, sizes=sizes)
def test_rows_that_are_kept_keep_their_memory_and_its_mask(kind, rng, sizes):
    block = draw_block(kind, rng, sizes[3])
    x, mask, memory, seen = draw_streams(rng, sizes)
    rows = rng.integers(0, sizes[0], 4)
    cache = block.cache(sizes[1], memory, seen)
    block.step(x[:, :-1], cache)
    cache.select(rows)
    y, _ = block.step(x[rows, -1:], cache)
    expected, _ = block(x[rows], memory[rows], mask, seen[rows])
    assert_allclose(y, expected[:, -1:], **CLOSE)


@both
@given(rng=rngs, sizes=sizes)
def test_the_order_of_the_memory_says_nothing(kind, rng, sizes):
    """Where a source token stood is in its vector, or nowhere."""
    block = draw_block(kind, rng, sizes[3])
    x, mask, memory, seen = draw_streams(rng, sizes)
    mixed = rng.permutation(sizes[2])
    y, backward = block(x, memory, mask, seen)
    y_mixed, backward_mixed = block(x, memory[:, mixed], mask, seen[..., mixed])
    assert_allclose(y_mixed, y, **CLOSE)
    dy = rng.normal(size=y.shape)
    (dx, dmemory), (dx_mixed, dmemory_mixed) = backward(dy), backward_mixed(dy)
    assert_allclose(dx_mixed, dx, **CLOSE)
    assert_allclose(dmemory_mixed, dmemory[:, mixed], **CLOSE)


@both
@given(rng=rngs, sizes=sizes)
def test_a_memory_out_of_sight_is_no_memory(kind, rng, sizes):
    """Only the bias of o_proj is left of the branch, whatever lies in the memory."""
    block = draw_block(kind, rng, sizes[3])
    x, mask, memory, seen = draw_streams(rng, sizes)
    y, backward = block(x, memory, mask, np.zeros_like(seen))
    again, _ = block(x, rng.normal(size=memory.shape), mask, np.zeros_like(seen))
    assert_array_equal(again, y)
    o_proj = block.cross_attn.o_proj
    read, _ = block.cross_attn(x, memory, np.zeros_like(seen))
    assert_array_equal(read, np.broadcast_to(o_proj.bias.data, read.shape))
    dy = rng.normal(size=y.shape)
    assert_array_equal(backward(dy)[1], 0)
    assert_array_equal(o_proj.weight.grad, 0)
