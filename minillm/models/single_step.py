"""One more token of one sequence, without the axes of batch and sequence."""

import math
from typing import TYPE_CHECKING

import numpy as np

from minillm import functional as F
from minillm.functional.norms import LAYER_NORM_EPS
from minillm.layers import (
    FeedForward,
    Identity,
    KVCache,
    LayerNorm,
    Linear,
    MultiHeadAttention,
    PostNormBlock,
    PreNormBlock,
)
from minillm.layers.block import Norm
from minillm.types import Array

if TYPE_CHECKING:
    from minillm.models.decoder_only import DecoderOnly


class SingleStep:
    """DecoderOnly.step for one token at a time: the same logits, sooner.

        logits = single_step(token_id)          token_id continues what caches have seen

    Writing a text is one vector after another through every matrix. The time goes into
    reading the weights, and into Python; so q, k and v come from one product, and every
    array is a vector. The weights are joined when this is made: make it anew after they
    change. A test holds it to DecoderOnly.step for every kind of part.
    """

    def __init__(self, model: "DecoderOnly", caches: list[KVCache]) -> None:
        self.model, self.caches = model, caches
        self.joined = [_join(block.attn) for block in model.blocks]

    def __call__(self, token_id: int) -> Array:
        """-> logits (vocab_size,)"""
        model, start = self.model, len(self.caches[0])
        h = model.embed(np.array([[token_id]]), start=start)[0].reshape(-1)
        for block, joined, cache in zip(
            model.blocks, self.joined, self.caches, strict=True
        ):
            h = _block(block, joined, cache, h)
        return model.vocabulary.unembed(_norm(model.final_norm, h))[0]


def _join(attn: MultiHeadAttention) -> tuple[Array, Array | None]:
    """W (d_model, q + k + v) and its bias, if there is one."""
    parts = (attn.q_proj, attn.k_proj, attn.v_proj)
    biases = [part.bias.data for part in parts if part.bias is not None]
    W = np.concatenate([part.weight.data for part in parts], axis=1)
    return W, np.concatenate(biases) if biases else None


def _block(
    block: PreNormBlock | PostNormBlock,
    joined: tuple[Array, Array | None],
    cache: KVCache,
    x: Array,
) -> Array:
    """x (d_model,) -> y alike: the equations of the block, without dropout."""
    if block.normalises_output:
        h = _norm(block.attn_norm, x + _attend(block.attn, joined, cache, x))
        return _norm(block.ffn_norm, h + _think(block, h))
    h = x + _attend(block.attn, joined, cache, _norm(block.attn_norm, x))
    return h + _think(block, _norm(block.ffn_norm, h))


def _attend(
    attn: MultiHeadAttention, joined: tuple[Array, Array | None], cache: KVCache, x: Array
) -> Array:
    """weights = softmax(q k^T / sqrt(d_head)), y = concat(weights v) W_o: x (d_model,)."""
    n_kv_heads, d_head = attn.n_kv_heads, attn.o_proj.weight.data.shape[0] // attn.n_heads
    q_k_v = _affine(x, *joined).reshape(-1, d_head)
    q, k, v = np.split(q_k_v[:, None], (attn.n_heads, attn.n_heads + n_kv_heads))
    q, _ = attn.order.turn(q[None], len(cache))
    k, _ = attn.order.turn(k[None], len(cache))
    keys, values = cache.extend(k, v[None])
    grouped = (q * (1 / math.sqrt(d_head))).reshape(1, n_kv_heads, -1, d_head)
    scores = grouped @ keys.mT
    bias, _ = attn.order.bias(1, len(cache), like=scores)
    if bias is not None:
        scores += bias.reshape(scores.shape)
    weights, _ = F.softmax(scores)
    return _affine((weights @ values).reshape(-1), *_parts(attn.o_proj))


def _think(block: PreNormBlock | PostNormBlock, x: Array) -> Array:
    """activation(x W_up + b_up) W_down + b_down, or another kind's: x (d_model,)."""
    if not isinstance(block.ffn, FeedForward):
        return block.ffn(x)[0]
    h, _ = block.ffn.activation(_affine(x, *_parts(block.ffn.up_proj)))
    return _affine(h, *_parts(block.ffn.down_proj))


def _parts(linear: Linear) -> tuple[Array, Array | None]:
    return linear.weight.data, None if linear.bias is None else linear.bias.data


def _affine(x: Array, W: Array, b: Array | None) -> Array:
    y: Array = x @ W
    if b is not None:
        y += b
    return y


def _norm(norm: Norm | Identity, x: Array) -> Array:
    """The norm of one vector (d_model,)."""
    if isinstance(norm, LayerNorm):
        x_hat = x - np.add.reduce(x) / len(x)
        x_hat *= 1 / np.sqrt(x_hat @ x_hat / len(x) + LAYER_NORM_EPS)
        x_hat *= norm.gamma.data
        x_hat += norm.beta.data
        return x_hat
    return norm(x)[0]
