"""A model's parts, made as its config names them."""

import math

import numpy as np

from minillm.layers import (
    FeedForward,
    GatedFeedForward,
    Identity,
    LayerNorm,
    MultiHeadAttention,
    NoOrder,
    PostNormBlock,
    PostNormCrossBlock,
    PreNormBlock,
    PreNormCrossBlock,
    RMSNorm,
)
from minillm.models.config import TransformerConfig
from minillm.models.parts import Heads, part

Block = PreNormBlock | PostNormBlock
CrossBlock = PreNormCrossBlock | PostNormCrossBlock


def blocks(
    config: TransformerConfig, n_layers: int, *, causal: bool, rng: np.random.Generator
) -> list[Block]:
    """A stack that reads itself; its layers share one sense of order."""
    order = _order(config, causal, rng)
    return [_block(config, order, n_layers, rng) for _ in range(n_layers)]


def cross_blocks(
    config: TransformerConfig, n_layers: int, *, rng: np.random.Generator
) -> list[CrossBlock]:
    """A causal stack that also reads a memory, in which there is no order but its own."""
    order = _order(config, True, rng)
    return [_cross_block(config, order, n_layers, rng) for _ in range(n_layers)]


def final_norm(config: TransformerConfig) -> LayerNorm | RMSNorm | Identity:
    """The norm after the last block: post-norm blocks have normalised already."""
    if part("block", config.block).plain.normalises_output:
        return Identity()
    return _norm(config)


def embed_norm(config: TransformerConfig) -> LayerNorm | Identity:
    """The norm of the embedding: BERT, BART and BLOOM have one."""
    kind = part("embed_norm", config.embed_norm)
    return Identity() if kind is Identity else kind(config.d_model)


def _order(config: TransformerConfig, causal: bool, rng: np.random.Generator) -> NoOrder:
    heads = Heads(config.n_heads, config.head_width, config.max_seq_len, causal)
    return part("positions", config.positions).order(heads, rng)


def _norm(config: TransformerConfig) -> LayerNorm | RMSNorm:
    return part("norm", config.norm)(config.d_model)


def _block(
    config: TransformerConfig, order: NoOrder, n_layers: int, rng: np.random.Generator
) -> Block:
    out_scale = 1 / math.sqrt(2 * n_layers)  # two branches a layer end in the stream
    attn = _attention(config, out_scale, order, rng)
    ffn = _feed_forward(config, out_scale, rng)
    kind = part("block", config.block).plain
    return kind(attn, ffn, _norm(config), _norm(config), config.dropout)


def _cross_block(
    config: TransformerConfig, order: NoOrder, n_layers: int, rng: np.random.Generator
) -> CrossBlock:
    out_scale = 1 / math.sqrt(3 * n_layers)
    attn = _attention(config, out_scale, order, rng)
    cross_attn = _attention(config, out_scale, None, rng)
    ffn = _feed_forward(config, out_scale, rng)
    norms = [_norm(config) for _ in range(3)]
    kind = part("block", config.block).cross
    return kind(attn, cross_attn, ffn, *norms, config.dropout)


def _attention(
    config: TransformerConfig,
    out_scale: float,
    order: NoOrder | None,
    rng: np.random.Generator,
) -> MultiHeadAttention:
    return MultiHeadAttention(
        config.d_model,
        config.n_heads,
        n_kv_heads=config.n_kv_heads,
        d_head=config.d_head,
        bias=config.bias,
        out_scale=out_scale,
        order=order,
        rng=rng,
    )


def _feed_forward(
    config: TransformerConfig, out_scale: float, rng: np.random.Generator
) -> FeedForward | GatedFeedForward:
    return part("feed_forward", config.feed_forward)(
        config.d_model,
        config.ffn_width,
        part("activation", config.activation),
        bias=config.bias,
        out_scale=out_scale,
        rng=rng,
    )
