"""Decoder-only transformers: predict the next token.

The default parts are GPT-2's (Radford et al. 2019). Its authors draw all weights from
N(0, 0.02^2) and do not scale the embedding; what is done here instead learns at widths
of 64 to 512 too, where 0.02 hardly does.
"""

from dataclasses import dataclass

import numpy as np

from minillm import functional as F
from minillm.functional.ids import check_array
from minillm.layers import Dropout, KVCache, Module
from minillm.models import assembly
from minillm.models.config import TransformerConfig
from minillm.models.embedding import check_length, embed
from minillm.models.parts import part
from minillm.models.single_step import SingleStep
from minillm.models.stack import maps_through, through
from minillm.types import Array, BackwardNone


@dataclass(frozen=True)
class DecoderConfig(TransformerConfig):
    """The shape of a DecoderOnly; the defaults are GPT-2's parts.

    BLOOM has positions "alibi" and embed_norm "layer_norm"; LLaMA positions "rotary",
    norm "rms_norm", feed_forward "gated" with activation "silu", vocabulary "untied"
    and no bias.
    """


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
        positions = part("positions", config.positions).absolute
        self.vocabulary = vocabulary(config.vocab_size, config.d_model, rng=rng)
        self.positions = positions(config.max_seq_len, config.d_model, rng=rng)
        self.embed_norm = assembly.embed_norm(config)
        self.embed_dropout = Dropout(config.dropout)
        self.blocks = assembly.blocks(config, config.n_layers, causal=True, rng=rng)
        self.final_norm = assembly.final_norm(config)

    def __call__(
        self, ids: Array, rng: F.Draws | None = None, mask: Array | None = None
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> logits (batch, seq_len, vocab_size)

        rng draws what dropout drops; None drops nothing. mask (..., seq_len, seq_len) of
        bool broadcasts to (batch, n_heads, seq_len, seq_len) and takes the place of the
        causal one. Raises ValueError for ids outside the vocabulary, sequences beyond
        max_seq_len, and a mask that does not fit.
        """
        h, hidden_backward = self.hidden(ids, rng, mask)
        logits, unembed_backward = self.vocabulary.unembed(h)
        return logits, lambda dlogits: hidden_backward(unembed_backward(dlogits))

    def hidden(
        self, ids: Array, rng: F.Draws | None = None, mask: Array | None = None
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> norm(h_L) (batch, seq_len, d_model)"""
        h, embed_backward = self.embed(ids, rng)
        h, blocks_backward = through(self.blocks, h, _causal_unless_given(mask, h), rng)
        h, norm_backward = self.final_norm(h)
        return h, lambda dh: embed_backward(blocks_backward(norm_backward(dh)))

    def embed(
        self, ids: Array, rng: F.Draws | None = None, start: int = 0
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len), the first at position `start` -> h_0 (..., d_model)"""
        check_length("ids", ids, self.config.max_seq_len, start)
        h, embed_backward = embed(
            self.vocabulary, self.positions, self.embed_norm, ids, start
        )
        h, dropout_backward = self.embed_dropout(h, None if rng is None else rng.child(0))
        return h, lambda dh: embed_backward(dropout_backward(dh))

    def attention_maps(self, ids: Array, mask: Array | None = None) -> list[Array]:
        """One (batch, n_heads, seq_len, seq_len) for each layer; rows sum to 1."""
        h, _ = self.embed(ids)
        return maps_through(self.blocks, h, _causal_unless_given(mask, h))

    def step(self, ids: Array, caches: list[KVCache]) -> Array:
        """Logits for ids that continue what the caches have seen. No gradients."""
        start = len(caches[0])
        h, _ = self.embed(ids, start=start)
        mask = self.step_mask(h, start)
        for block, cache in zip(self.blocks, caches, strict=True):
            h = block.step(h, cache, mask)
        return self.vocabulary.unembed(self.final_norm(h)[0])[0]

    def step_mask(self, h: Array, start: int) -> Array | None:
        """What new positions h (batch, n_new, d_model) may see; None: what a causal mask
        shows them."""
        return None

    def single_step(self, caches: list[KVCache]) -> SingleStep:
        """`step` for one token of one sequence at a time: the same logits, sooner."""
        return SingleStep(self, caches)

    def caches(self) -> list[KVCache]:
        """Empty caches, one for each layer, to begin generating with."""
        return [KVCache(self.config.max_seq_len) for _ in self.blocks]


def _causal_unless_given(mask: Array | None, h: Array) -> Array:
    """Who may look at whom among the positions of h (batch, seq_len, d_model)."""
    n = h.shape[1]
    if mask is None:
        return F.causal_mask(n, n, like=h)
    check_array("mask", mask)
    if mask.dtype != bool or mask.shape[-2:] != (n, n):
        raise ValueError(
            f"mask {mask.dtype} {mask.shape}: give bool (..., {n}, {n}), True where a "
            "query may look"
        )
    return mask
