"""Convolutional language models: every position reads a window that widens by layers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minillm import functional as F
from minillm.layers import (
    CausalConvolution,
    ConvolutionBlock,
    Dropout,
    LayerNorm,
    Module,
    StateCache,
)
from minillm.models.config import check_dropout, check_size
from minillm.models.embedding import check_sequences
from minillm.models.one_by_one import one_by_one
from minillm.models.parts import part
from minillm.types import Array, BackwardNone


@dataclass(frozen=True)
class ConvolutionalConfig:
    """The shape of a ConvolutionalLM: kernels of `width`, in layer l dilation^l apart.

    Its max_seq_len is None: a text may be of any length, though a position sees only
    `receptive_field` tokens. Raises ValueError that names what does not fit.
    """

    max_seq_len: ClassVar[None] = None

    vocab_size: int
    d_model: int
    n_layers: int
    width: int = 3
    dilation: int = 2
    vocabulary: str = "tied"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("vocab_size", "d_model", "n_layers", "width", "dilation"):
            check_size(name, getattr(self, name))
        part("vocabulary", self.vocabulary)
        check_dropout(self.dropout)

    @property
    def receptive_field(self) -> int:
        """How many tokens, itself included, a position sees."""
        return 1 + (self.width - 1) * sum(self.dilation**i for i in range(self.n_layers))


class ConvolutionalLM(Module):
    """Embed, convolve n_layers times, score every word of the vocabulary.

        h_0    = dropout(embed(ids))
        h_l    = block_l(h_{l-1})           dilated by dilation^(l - 1)
        logits = unembed(norm(h_L))

    With a dilation of 2 the window doubles with every layer (van den Oord et al. 2016,
    sec. 2.1); what lies outside of it does not exist.
    """

    def __init__(self, config: ConvolutionalConfig, *, rng: np.random.Generator) -> None:
        self.config = config
        d = config.d_model
        self.vocabulary = part("vocabulary", config.vocabulary)(
            config.vocab_size, d, rng=rng
        )
        self.embed_dropout = Dropout(config.dropout)
        self.blocks = [
            ConvolutionBlock(
                CausalConvolution(d, d, config.width, dilation=config.dilation**i, rng=rng),
                LayerNorm(d),
                config.dropout,
            )
            for i in range(config.n_layers)
        ]
        self.final_norm = LayerNorm(d)

    def __call__(
        self, ids: Array, rng: F.Draws | None = None
    ) -> tuple[Array, BackwardNone]:
        """ids (batch, seq_len) -> logits (batch, seq_len, vocab_size)

        rng draws what dropout drops; None drops nothing.
        """
        check_sequences("ids", ids)
        rngs = [None if rng is None else rng.child(i) for i in range(len(self.blocks) + 1)]
        h, embed_backward = self.vocabulary.embed(ids)
        h, dropout_backward = self.embed_dropout(h, rngs[0])
        block_backwards = []
        for block, block_rng in zip(self.blocks, rngs[1:], strict=True):
            h, block_backward = block(h, block_rng)
            block_backwards.append(block_backward)
        h, norm_backward = self.final_norm(h)
        logits, unembed_backward = self.vocabulary.unembed(h)

        def backward(dlogits: Array) -> None:
            dh = norm_backward(unembed_backward(dlogits))
            for block_backward in reversed(block_backwards):
                dh = block_backward(dh)
            embed_backward(dropout_backward(dh))

        return logits, backward

    def step(self, ids: Array, caches: list[StateCache]) -> Array:
        """Logits for ids that continue what the caches have seen. No gradients."""
        check_sequences("ids", ids)
        h, _ = self.vocabulary.embed(ids)
        for block, cache in zip(self.blocks, caches, strict=True):
            h = block.step(h, cache)
        return self.vocabulary.unembed(self.final_norm(h)[0])[0]

    def single_step(self, caches: list[StateCache]) -> Callable[[int], Array]:
        """`step` for one token of one sequence: token_id -> logits (vocab_size,)."""
        return one_by_one(self, caches)

    def caches(self) -> list[StateCache]:
        """Empty caches, one for each layer, to begin generating with."""
        return [StateCache() for _ in self.blocks]
