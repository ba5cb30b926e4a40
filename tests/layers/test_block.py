"""Blocks: the papers' equations written out once more, dropout included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import (
    FeedForward,
    KVCache,
    LayerNorm,
    MultiHeadAttention,
    PostNormBlock,
    PostNormCrossBlock,
    PreNormBlock,
    PreNormCrossBlock,
    RMSNorm,
)
from tests.strategies import rngs, scatter, unequal_sizes

CLOSE = {"rtol": 1e-11, "atol": 1e-11}
RATE = 0.4
sizes = unequal_sizes(5, smallest=3)  # batch, seq_len, d_model, d_ff, n_source
pre_and_post = pytest.mark.parametrize("kind", [PreNormBlock, PostNormBlock])
pre_and_post_cross = pytest.mark.parametrize(
    "kind", [PreNormCrossBlock, PostNormCrossBlock]
)


def draw_block(kind, rng, sizes):
    """Scattered, with a norm of another kind in every place but one."""
    _, _, d_model, d_ff, _ = sizes
    n_attentions = 2 if issubclass(kind, PreNormCrossBlock | PostNormCrossBlock) else 1
    attentions = [
        MultiHeadAttention(d_model, 2, d_head=3, rng=rng) for _ in range(n_attentions)
    ]
    norms = [LayerNorm(d_model), RMSNorm(d_model), LayerNorm(d_model)][: n_attentions + 1]
    ffn = FeedForward(d_model, d_ff, F.silu, rng=rng)
    block = kind(*attentions, ffn, *norms, dropout=RATE)
    return scatter(block.astype(np.float64), rng)


def draw_stream(rng, sizes):
    batch, seq_len, d_model, *_ = sizes
    return rng.normal(size=(batch, seq_len, d_model)), F.causal_mask(seq_len, seq_len)


def dropouts(draws):
    """dropout_i(x), one for each place of a block, by the i-th child of its draws."""

    def dropout(i, x):
        return F.dropout(x, RATE, rng=None if draws is None else draws.child(i))[0]

    return dropout


with_and_without_dropout = pytest.mark.parametrize("dropping", [True, False])


@with_and_without_dropout
@given(rng=rngs, sizes=sizes)
def test_pre_norm_leaves_the_stream_alone(dropping, rng, sizes):
    block, (x, mask) = draw_block(PreNormBlock, rng, sizes), draw_stream(rng, sizes)
    draws = F.Draws(1, 2, range(sizes[0])) if dropping else None
    dropout = dropouts(draws)
    a = block.attn_norm(x)[0]
    h = x + dropout(0, block.attn(a, a, mask)[0])
    y = h + dropout(1, block.ffn(block.ffn_norm(h)[0])[0])
    assert_allclose(block(x, mask, draws)[0], y, **CLOSE)


@with_and_without_dropout
@given(rng=rngs, sizes=sizes)
def test_post_norm_normalises_the_stream(dropping, rng, sizes):
    block, (x, mask) = draw_block(PostNormBlock, rng, sizes), draw_stream(rng, sizes)
    draws = F.Draws(1, 2, range(sizes[0])) if dropping else None
    dropout = dropouts(draws)
    h = block.attn_norm(x + dropout(0, block.attn(x, x, mask)[0]))[0]
    y = block.ffn_norm(h + dropout(1, block.ffn(h)[0]))[0]
    assert_allclose(block(x, mask, draws)[0], y, **CLOSE)


@with_and_without_dropout
@given(rng=rngs, sizes=sizes)
def test_pre_norm_cross_reads_the_memory_as_it_is(dropping, rng, sizes):
    block, (x, mask) = draw_block(PreNormCrossBlock, rng, sizes), draw_stream(rng, sizes)
    memory = rng.normal(size=(sizes[0], sizes[4], sizes[2]))
    memory_mask = rng.random((sizes[0], 1, 1, sizes[4])) < 0.7
    draws = F.Draws(1, 2, range(sizes[0])) if dropping else None
    dropout = dropouts(draws)
    a = block.attn_norm(x)[0]
    h = x + dropout(0, block.attn(a, a, mask)[0])
    r = block.cross_norm(h)[0]
    c = h + dropout(1, block.cross_attn(r, memory, memory_mask)[0])
    y = c + dropout(2, block.ffn(block.ffn_norm(c)[0])[0])
    assert_allclose(block(x, memory, mask, memory_mask, draws)[0], y, **CLOSE)


@with_and_without_dropout
@given(rng=rngs, sizes=sizes)
def test_post_norm_cross_normalises_after_each_of_three_steps(dropping, rng, sizes):
    block, (x, mask) = draw_block(PostNormCrossBlock, rng, sizes), draw_stream(rng, sizes)
    memory = rng.normal(size=(sizes[0], sizes[4], sizes[2]))
    memory_mask = rng.random((sizes[0], 1, 1, sizes[4])) < 0.7
    draws = F.Draws(1, 2, range(sizes[0])) if dropping else None
    dropout = dropouts(draws)
    h = block.attn_norm(x + dropout(0, block.attn(x, x, mask)[0]))[0]
    c = block.cross_norm(h + dropout(1, block.cross_attn(h, memory, memory_mask)[0]))[0]
    y = block.ffn_norm(c + dropout(2, block.ffn(c)[0]))[0]
    assert_allclose(block(x, memory, mask, memory_mask, draws)[0], y, **CLOSE)


def end_branches_in_zero(block):
    ends = [block.attn.o_proj, block.ffn.down_proj]
    if hasattr(block, "cross_attn"):
        ends.append(block.cross_attn.o_proj)
    for end in ends:
        end.weight.data[...], end.bias.data[...] = 0, 0


def run(block, rng, sizes):
    """(x, dy) -> (y, dx), beside a memory where the block wants one."""
    x, mask = draw_stream(rng, sizes)
    if not hasattr(block, "cross_attn"):
        y, backward = block(x, mask)
        dy = rng.normal(size=y.shape)
        return x, dy, y, backward(dy)
    memory = rng.normal(size=(sizes[0], sizes[4], sizes[2]))
    y, backward = block(x, memory, mask)
    dy = rng.normal(size=y.shape)
    return x, dy, y, backward(dy)[0]


@pytest.mark.parametrize("kind", [PreNormBlock, PreNormCrossBlock])
@given(rng=rngs, sizes=sizes)
def test_without_its_branches_a_pre_norm_block_is_the_identity(kind, rng, sizes):
    """The stream and its gradient pass untouched (He et al. 2016b, eqs. 4 and 5)."""
    block = draw_block(kind, rng, sizes)
    end_branches_in_zero(block)
    x, dy, y, dx = run(block, rng, sizes)
    assert_array_equal(y, x)
    assert_array_equal(dx, dy)


@pytest.mark.parametrize("kind", [PostNormBlock, PostNormCrossBlock])
@given(rng=rngs, sizes=sizes)
def test_without_its_branches_a_post_norm_block_is_its_norms(kind, rng, sizes):
    block = draw_block(kind, rng, sizes)
    end_branches_in_zero(block)
    x, _, y, _ = run(block, rng, sizes)
    for name in "attn_norm", "cross_norm", "ffn_norm":
        x = getattr(block, name)(x)[0] if hasattr(block, name) else x
    assert_array_equal(y, x)


@pre_and_post
@given(rng=rngs, sizes=sizes)
def test_a_block_says_whether_its_output_is_normalised(kind, rng, sizes):
    """If it is not, a model needs a norm of its own after the last block."""
    block, (x, mask) = draw_block(kind, rng, sizes), draw_stream(rng, sizes)
    block.ffn_norm = LayerNorm(sizes[2]).astype(np.float64)
    y, _ = block(x, mask)
    assert np.allclose(y.mean(-1), 0, atol=1e-9) == block.normalises_output


@pre_and_post
@given(rng=rngs, sizes=sizes)
def test_a_block_without_a_mask_knows_no_order(kind, rng, sizes):
    """Positions in another order give the same vectors in that order."""
    block, (x, _) = draw_block(kind, rng, sizes), draw_stream(rng, sizes)
    order = rng.permutation(sizes[1])
    assert_allclose(block(x[:, order])[0], block(x)[0][:, order], **CLOSE)


@given(rngs, unequal_sizes(4))
def test_feed_forward_is_equation_2_at_each_position_alone(rng, sizes):
    batch, seq_len, d_model, d_ff = sizes
    ffn = scatter(FeedForward(d_model, d_ff, F.relu, rng=rng).astype(np.float64), rng)
    x = rng.normal(size=(batch, seq_len, d_model))
    up, down = ffn.up_proj, ffn.down_proj
    h = np.maximum(x @ up.weight.data + up.bias.data, 0)
    y, _ = ffn(x)
    assert_allclose(y, h @ down.weight.data + down.bias.data, **CLOSE)
    assert_allclose(ffn(x[:, -1:])[0], y[:, -1:], **CLOSE)


@given(rngs, unequal_sizes(4))
def test_feed_forward_does_not_know_where_a_position_stands(rng, sizes):
    batch, seq_len, d_model, d_ff = sizes
    ffn = scatter(FeedForward(d_model, d_ff, rng=rng).astype(np.float64), rng)
    x, order = rng.normal(size=(batch, seq_len, d_model)), rng.permutation(seq_len)
    assert_allclose(ffn(x[:, order])[0], ffn(x)[0][:, order], **CLOSE)


@pre_and_post
@given(rng=rngs, sizes=sizes, data=st.data())
def test_steps_with_a_cache_equal_one_causal_pass(kind, rng, sizes, data):
    block, (x, mask) = draw_block(kind, rng, sizes), draw_stream(rng, sizes)
    cut = data.draw(st.integers(1, sizes[1] - 1))
    cache = KVCache(sizes[1])
    stepped = [block.step(x[:, :cut], cache), block.step(x[:, cut:], cache)]
    assert_allclose(np.concatenate(stepped, 1), block(x, mask)[0], **CLOSE)


@pre_and_post
@given(rng=rngs, sizes=sizes)
def test_the_map_is_that_of_what_the_attention_saw(kind, rng, sizes):
    block, (x, mask) = draw_block(kind, rng, sizes), draw_stream(rng, sizes)
    a = block.attn_norm(x)[0] if kind is PreNormBlock else x
    assert_array_equal(block.attention_map(x, mask), block.attn.attention_map(a, a, mask))


@pre_and_post_cross
@given(rng=rngs, sizes=sizes)
def test_hidden_memory_is_neither_read_nor_taught(kind, rng, sizes):
    block, (x, mask) = draw_block(kind, rng, sizes), draw_stream(rng, sizes)
    memory = rng.normal(size=(sizes[0], sizes[4], sizes[2]))
    seen = np.arange(sizes[4]) < rng.integers(1, sizes[4] + 1)
    y, backward = block(x, memory, mask, seen)
    y_short, backward_short = block(x, memory[:, seen], mask)
    dy = rng.normal(size=y.shape)
    (dx, dmemory), (dx_short, dmemory_short) = backward(dy), backward_short(dy)
    assert_allclose(y, y_short, **CLOSE)
    assert_allclose(dx, dx_short, **CLOSE)
    assert_allclose(dmemory[:, seen], dmemory_short, **CLOSE)
    assert_array_equal(dmemory[:, ~seen], 0)


@pre_and_post_cross
@given(rng=rngs, sizes=sizes)
def test_the_future_of_the_target_cannot_be_seen(kind, rng, sizes):
    block, (x, mask) = draw_block(kind, rng, sizes), draw_stream(rng, sizes)
    memory = rng.normal(size=(sizes[0], sizes[4], sizes[2]))
    t = int(rng.integers(1, sizes[1]))
    other = x.copy()
    other[:, t:] += rng.normal(size=other[:, t:].shape)
    y, y_other = block(x, memory, mask)[0], block(other, memory, mask)[0]
    assert_array_equal(y_other[:, :t], y[:, :t])
    assert np.abs(y_other[:, t:] - y[:, t:]).max() > 1e-6
