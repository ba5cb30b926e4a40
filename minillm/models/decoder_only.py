"""Decoder-only transformers: predict the next token.

The default parts are GPT-2's (Radford et al. 2019). Its authors draw all weights from
N(0, 0.02^2) and do not scale the embedding; what is done here instead learns at widths
of 64 to 512 too, where 0.02 hardly does.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.layers import (
    Dropout,
    FeedForward,
    Identity,
    KVCache,
    Module,
    MultiHeadAttention,
    PostNormBlock,
    PreNormBlock,
)
from minillm.models.parts import PARTS, part
from minillm.models.single_step import SingleStep
from minillm.types import Array, BackwardNone

SIZES = ("vocab_size", "max_seq_len", "d_model", "n_layers", "n_heads")
OPTIONAL_SIZES = ("d_ff", "n_kv_heads", "d_head")


@dataclass(frozen=True)
class DecoderConfig:
    """The shape of a DecoderOnly, and the names of its parts (models/parts.py).

    d_ff is 4 d_model, d_head is d_model / n_heads and n_kv_heads is n_heads unless
    they are given. Raises ValueError that names what does not fit.
    """

    vocab_size: int
    max_seq_len: int
    d_model: int
    n_layers: int
    n_heads: int
    d_ff: int | None = None
    n_kv_heads: int | None = None
    d_head: int | None = None
    positions: str = "learned"
    vocabulary: str = "tied"
    block: str = "pre_norm"
    norm: str = "layer_norm"
    activation: str = "gelu"
    bias: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in SIZES:
            _check_size(name, getattr(self, name))
        for name in OPTIONAL_SIZES:
            if getattr(self, name) is not None:
                _check_size(name, getattr(self, name))
        for kind in PARTS:
            part(kind, getattr(self, kind))
        if not isinstance(self.bias, bool):
            raise ValueError(f"bias {self.bias!r} is neither true nor false")
        if not isinstance(self.dropout, int | float) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout {self.dropout!r}: give 0 <= dropout < 1")
        if self.d_head is None and self.d_model % self.n_heads:
            raise ValueError(
                f"n_heads {self.n_heads} does not divide d_model {self.d_model}: "
                "give n_heads that does, or d_head"
            )
        if self.n_heads % (self.n_kv_heads or self.n_heads):
            raise ValueError(
                f"n_kv_heads {self.n_kv_heads} does not divide n_heads {self.n_heads}"
            )


def _check_size(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} {value!r}: give a whole number of at least 1")


class DecoderOnly(Module):
    """Embed, transform n_layers times, score every word of the vocabulary.

        h_0    = dropout(embed(ids) + P)
        h_l    = block_l(h_{l-1})           each position sees itself and those before
        logits = unembed(norm(h_L))

    The norm after the last block belongs to pre-norm blocks; post-norm blocks have
    normalised already. Weights are drawn so that token embeddings have unit variance,
    to which positions add 1 (learned) or 1/2 (sinusoidal): linear maps N(0, 1 / d_in),
    those that end a branch further / sqrt(2 n_layers) (Radford et al. 2019, sec. 2.3).
    """

    def __init__(self, config: DecoderConfig, *, rng: np.random.Generator) -> None:
        self.config = config
        vocabulary = part("vocabulary", config.vocabulary)
        positions = part("positions", config.positions)
        self.vocabulary = vocabulary(config.vocab_size, config.d_model, rng=rng)
        self.positions = positions(config.max_seq_len, config.d_model, rng=rng)
        self.embed_dropout = Dropout(config.dropout)
        self.blocks = [_block(config, rng) for _ in range(config.n_layers)]
        block, norm = part("block", config.block), part("norm", config.norm)
        self.final_norm = Identity() if block.normalises_output else norm(config.d_model)

    def __call__(
        self, ids: Array, rng: F.Draws | None = None
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> logits (batch, seq_len, vocab_size)

        rng draws what dropout drops; None drops nothing. Raises ValueError for ids
        outside the vocabulary and sequences longer than max_seq_len.
        """
        h, hidden_backward = self.hidden(ids, rng)
        logits, unembed_backward = self.vocabulary.unembed(h)
        return logits, lambda dlogits: hidden_backward(unembed_backward(dlogits))

    def hidden(self, ids: Array, rng: F.Draws | None = None) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> norm(h_L) (batch, seq_len, d_model)"""
        h, embed_backward = self.embed(ids, rng)
        mask = F.causal_mask(h.shape[1], h.shape[1], like=h)
        block_backwards = []
        for i, block in enumerate(self.blocks):
            block_rng = None if rng is None else rng.child(i + 1)
            h, block_backward = block(h, mask, block_rng)
            block_backwards.append(block_backward)
        h, norm_backward = self.final_norm(h)

        def backward(dh: Array) -> None:
            dh = norm_backward(dh)
            for block_backward in reversed(block_backwards):
                dh = block_backward(dh)
            embed_backward(dh)

        return h, backward

    def embed(
        self, ids: Array, rng: F.Draws | None = None, start: int = 0
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len), the first at position `start` -> h_0 (..., d_model)"""
        if ids.ndim != 2 or ids.shape[1] == 0:
            raise ValueError(f"ids {ids.shape}: give (batch, seq_len), at least one token")
        stop = start + ids.shape[1]
        if stop > self.config.max_seq_len:
            raise ValueError(
                f"seq_len {stop} exceeds max_seq_len {self.config.max_seq_len}: "
                "shorten the input, or generate with a sliding window"
            )
        tokens, token_backward = self.vocabulary.embed(ids)
        P, position_backward = self.positions(start, stop)
        h, dropout_backward = self.embed_dropout(
            tokens + P, None if rng is None else rng.child(0)
        )

        def backward(dh: Array) -> None:
            dh = dropout_backward(dh)
            position_backward(dh.sum(0))
            token_backward(dh)

        return h, backward

    def attention_maps(self, ids: Array) -> list[Array]:
        """One (batch, n_heads, seq_len, seq_len) for each layer; rows sum to 1."""
        h, _ = self.embed(ids)
        mask = F.causal_mask(h.shape[1], h.shape[1], like=h)
        maps = []
        for block in self.blocks:
            maps.append(block.attention_map(h, mask))
            h, _ = block(h, mask)
        return maps

    def step(self, ids: Array, caches: list[KVCache]) -> Array:
        """Logits for ids that continue what the caches have seen. No gradients."""
        h, _ = self.embed(ids, start=len(caches[0]))
        for block, cache in zip(self.blocks, caches, strict=True):
            h = block.step(h, cache)
        return self.vocabulary.unembed(self.final_norm(h)[0])[0]

    def single_step(self, caches: list[KVCache]) -> SingleStep:
        """`step` for one token of one sequence at a time: the same logits, sooner."""
        return SingleStep(self, caches)

    def caches(self) -> list[KVCache]:
        """Empty caches, one for each layer, to begin generating with."""
        return [KVCache(self.config.max_seq_len) for _ in self.blocks]


def _block(config: DecoderConfig, rng: np.random.Generator) -> PreNormBlock | PostNormBlock:
    """One block, its parts chosen by name."""
    norm, d_model = part("norm", config.norm), config.d_model
    out_scale = 1 / math.sqrt(2 * config.n_layers)
    attn = MultiHeadAttention(
        d_model,
        config.n_heads,
        n_kv_heads=config.n_kv_heads,
        d_head=config.d_head,
        bias=config.bias,
        out_scale=out_scale,
        rng=rng,
    )
    ffn = FeedForward(
        d_model,
        config.d_ff or 4 * d_model,
        part("activation", config.activation),
        bias=config.bias,
        out_scale=out_scale,
        rng=rng,
    )
    block = part("block", config.block)
    return block(attn, ffn, norm(d_model), norm(d_model), config.dropout)
