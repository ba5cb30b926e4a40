"""The two ends of a language model: ids to vectors, and vectors to logits."""

import math

import numpy as np

from minillm.layers.embedding import Embedding
from minillm.layers.linear import Linear
from minillm.layers.module import Module
from minillm.types import Array, Backward, BackwardNone


class TiedVocabulary(Module):
    """One matrix E (vocab_size, d_model) embeds the input and scores the output.

        h      = sqrt(d_model) E[ids]        (Vaswani et al. 2017, sec. 3.4)
        logits = h E^T

    E is drawn from N(0, 1 / d_model), so that h has unit variance.
    """

    def __init__(self, vocab_size: int, d_model: int, *, rng: np.random.Generator) -> None:
        self.token_embed = Embedding(vocab_size, d_model, std=d_model**-0.5, rng=rng)

    def embed(self, ids: Array) -> tuple[Array, BackwardNone]:
        """ids (...) -> h (..., d_model)"""
        h, embed_backward = self.token_embed(ids)
        scale = math.sqrt(h.shape[-1])
        h *= scale
        return h, lambda dh: embed_backward(scale * dh)

    def unembed(self, h: Array) -> tuple[Array, Backward]:
        """h (..., d_model) -> logits (..., vocab_size)"""
        return self.token_embed.unembed(h)


class UntiedVocabulary(Module):
    """Two matrices: E (vocab_size, d_model), and W (d_model, vocab_size) for the output.

        h      = E[ids]
        logits = h W

    E is drawn from N(0, 1), so that h has unit variance.
    """

    def __init__(self, vocab_size: int, d_model: int, *, rng: np.random.Generator) -> None:
        self.token_embed = Embedding(vocab_size, d_model, rng=rng)
        self.lm_head = Linear(d_model, vocab_size, bias=False, rng=rng)

    def embed(self, ids: Array) -> tuple[Array, BackwardNone]:
        """ids (...) -> h (..., d_model)"""
        return self.token_embed(ids)

    def unembed(self, h: Array) -> tuple[Array, Backward]:
        """h (..., d_model) -> logits (..., vocab_size)"""
        return self.lm_head(h)
