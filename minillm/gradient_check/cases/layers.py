"""Every layer of a transformer, its parameters scattered, on inputs of unequal sizes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.gradient_check.cases.case import Build, Case, Rng, Sizes, module_case
from minillm.gradient_check.cases.operations import some_mask
from minillm.layers import (
    Dropout,
    Embedding,
    FeedForward,
    Identity,
    LayerNorm,
    LearnedPositions,
    Linear,
    MultiHeadAttention,
    NoOrder,
    NoPositions,
    Parameter,
    PostNormBlock,
    PostNormCrossBlock,
    PreNormBlock,
    PreNormCrossBlock,
    RMSNorm,
    SinusoidalPositions,
    TiedVocabulary,
    UntiedVocabulary,
)
from minillm.types import Array, Backward


def stream(rng: Rng, sizes: Sizes) -> Array:
    """x (batch, seq_len, d_model) with a width of at least 3."""
    batch, seq_len, d_model, *_ = sizes
    return rng.normal(size=(batch, seq_len, d_model + 2))


def linear(rng: Rng, sizes: Sizes) -> Case:
    x = stream(rng, sizes)
    return module_case(Linear(x.shape[-1], sizes[3], rng=rng), rng, (x,))


def linear_without_bias(rng: Rng, sizes: Sizes) -> Case:
    x = stream(rng, sizes)
    return module_case(Linear(x.shape[-1], sizes[3], bias=False, rng=rng), rng, (x,))


def embedding(rng: Rng, sizes: Sizes) -> Case:
    batch, seq_len, d_model, n, *_ = sizes
    ids = rng.integers(0, n, (batch, seq_len))
    return module_case(Embedding(n, d_model, rng=rng), rng, (), {"ids": ids})


def vocabulary(kind: Any) -> Build:
    """Both ends at once: embed ids, then score what was embedded."""

    def case(rng: Rng, sizes: Sizes) -> Case:
        batch, seq_len, d_model, vocab_size, *_ = sizes
        module = kind(vocab_size, d_model, rng=rng)
        ids = rng.integers(0, vocab_size, (batch, seq_len))

        def both(ids: Array) -> Any:
            h, embed_backward = module.embed(ids)
            logits, unembed_backward = module.unembed(h)
            return logits, lambda dlogits: embed_backward(unembed_backward(dlogits))

        return module_case(module, rng, (), {"ids": ids}, both)

    return case


def positions(kind: Any) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        start, n, d_model, *_ = sizes
        module = kind(start + n + 2, d_model, rng=rng)
        return module_case(module, rng, (), {"start": start, "stop": start + n})

    return case


def norm(kind: Any) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        x = stream(rng, sizes)
        return module_case(kind(x.shape[-1]), rng, (x,))

    return case


def identity(rng: Rng, sizes: Sizes) -> Case:
    return module_case(Identity(), rng, (stream(rng, sizes),))


def dropout(rng: Rng, sizes: Sizes) -> Case:
    draws = F.Draws(seed=1, step=2, examples=range(sizes[0]))
    return module_case(Dropout(0.3), rng, (stream(rng, sizes),), {"rng": draws})


class AnyOrder(NoOrder):
    """Scores depend on position in every way that an order offers, and it is learned."""

    def __init__(self, n_heads: int, n_queries: int, n_keys: int) -> None:
        self.weight = Parameter(np.zeros((n_heads, n_queries, n_keys)))

    def turn(self, x: Array, start: int = 0) -> tuple[Array, Backward]:
        slope = 1 + np.arange(x.shape[2], dtype=x.dtype, like=x)[:, None]
        return slope * x, lambda dx: slope * dx

    def bias(
        self, n_queries: int, n_keys: int, like: Array
    ) -> tuple[Array, Callable[..., None]]:
        return self.weight.data.copy(), self.weight.accumulate


def attention(
    rng: Rng, sizes: Sizes, n_kv_heads: int = 2, order: NoOrder | None = None
) -> Case:
    batch, n_queries, n_keys, d_model, d_head, *_ = sizes
    d_model += 2
    module = MultiHeadAttention(
        d_model, 4, n_kv_heads=n_kv_heads, d_head=d_head, order=order, rng=rng
    )
    x_q = rng.normal(size=(batch, n_queries, d_model))
    x_kv = rng.normal(size=(batch, n_keys, d_model))
    mask = some_mask(rng, batch, 1, n_queries, n_keys)
    return module_case(module, rng, (x_q, x_kv), {"mask": mask})


def attention_every_head_its_own(rng: Rng, sizes: Sizes) -> Case:
    return attention(rng, sizes, n_kv_heads=4)


def attention_in_order(rng: Rng, sizes: Sizes) -> Case:
    return attention(rng, sizes, order=AnyOrder(4, *sizes[1:3]))


def feed_forward(rng: Rng, sizes: Sizes) -> Case:
    x = stream(rng, sizes)
    return module_case(FeedForward(x.shape[-1], sizes[3], F.silu, rng=rng), rng, (x,))


def heads(d_model: int, rng: Rng) -> MultiHeadAttention:
    return MultiHeadAttention(d_model, 2, d_head=3, rng=rng)


def block(kind: Any) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        x = stream(rng, sizes)
        batch, seq_len, d_model = x.shape
        parts = heads(d_model, rng), FeedForward(d_model, sizes[3], rng=rng)
        module = kind(*parts, LayerNorm(d_model), RMSNorm(d_model), dropout=0.2)
        constants = {
            "mask": F.causal_mask(seq_len, seq_len),
            "rng": F.Draws(seed=1, step=2, examples=range(batch)),
        }
        return module_case(module, rng, (x,), constants)

    return case


def cross_block(kind: Any) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        x = stream(rng, sizes)
        batch, n_target, d_model = x.shape
        n_source = sizes[4]
        memory = rng.normal(size=(batch, n_source, d_model))
        ffn = FeedForward(d_model, sizes[3], rng=rng)
        norms = [LayerNorm(d_model) for _ in range(3)]
        module = kind(heads(d_model, rng), heads(d_model, rng), ffn, *norms, dropout=0.2)
        constants = {
            "mask": F.causal_mask(n_target, n_target),
            "memory_mask": some_mask(rng, batch, 1, n_target, n_source),
            "rng": F.Draws(seed=1, step=2, examples=range(batch)),
        }
        return module_case(module, rng, (x, memory), constants)

    return case


LAYERS: dict[str, Build] = {
    "Linear": linear,
    "Linear/without bias": linear_without_bias,
    "Embedding": embedding,
    "TiedVocabulary": vocabulary(TiedVocabulary),
    "UntiedVocabulary": vocabulary(UntiedVocabulary),
    "LearnedPositions": positions(LearnedPositions),
    "SinusoidalPositions": positions(SinusoidalPositions),
    "NoPositions": positions(NoPositions),
    "LayerNorm": norm(LayerNorm),
    "RMSNorm": norm(RMSNorm),
    "Identity": identity,
    "Dropout": dropout,
    "MultiHeadAttention": attention_every_head_its_own,
    "MultiHeadAttention/grouped-query": attention,
    "MultiHeadAttention/in order": attention_in_order,
    "FeedForward": feed_forward,
    "PreNormBlock": block(PreNormBlock),
    "PostNormBlock": block(PostNormBlock),
    "PreNormCrossBlock": cross_block(PreNormCrossBlock),
    "PostNormCrossBlock": cross_block(PostNormCrossBlock),
}
