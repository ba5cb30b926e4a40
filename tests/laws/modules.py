"""Every layer and model, its parameters scattered, with inputs of unequal sizes."""

import itertools

import numpy as np

from minillm import functional as F
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
from minillm.models import DecoderConfig, DecoderOnly
from tests.laws.case import Case
from tests.laws.operations import some_mask
from tests.strategies import scatter

NO_FORWARD = {
    "Module": "the base class",
    "Parameter": "an array",
    "Buffer": "an array",
    "KVCache": "memory for generation; tests/layers/test_kv_cache.py",
    "Memory": "memory for generation; tests/layers/test_attention.py",
    "CrossCache": "memory for generation; tests/layers/test_block.py",
    "NoOrder": "hands everything through; the base of the others",
    "SingleStep": "DecoderOnly.step for one token; tests/models/test_single_step.py",
    "Reading": "EncoderDecoder for generation; tests/models/test_encoder_decoder.py",
    "AttentionMaps": "arrays",
    "PUBLISHED": "names; tests/models/test_published.py",
    "Published": "a name, a config and a source; tests/models/test_published.py",
    "count_parameters": "counts; tests/models/test_counting.py",
    "parameter_table": "counts; tests/models/test_counting.py",
}


def module_case(module, rng, inputs=(), constants=None, call=None):
    scatter(module.astype(np.float64), rng)
    return Case(call or module, inputs, constants or {}, module)


def stream(rng, sizes):
    """x (batch, seq_len, d_model) with a width of at least 3."""
    batch, seq_len, d_model, *_ = sizes
    return rng.normal(size=(batch, seq_len, d_model + 2))


def linear(rng, sizes):
    x = stream(rng, sizes)
    return module_case(Linear(x.shape[-1], sizes[3], rng=rng), rng, (x,))


def linear_without_bias(rng, sizes):
    x = stream(rng, sizes)
    return module_case(Linear(x.shape[-1], sizes[3], bias=False, rng=rng), rng, (x,))


def embedding(rng, sizes):
    batch, seq_len, d_model, n, *_ = sizes
    ids = rng.integers(0, n, (batch, seq_len))
    return module_case(Embedding(n, d_model, rng=rng), rng, (), {"ids": ids})


def vocabulary(kind):
    """Both ends at once: embed ids, then score what was embedded."""

    def case(rng, sizes):
        batch, seq_len, d_model, vocab_size, *_ = sizes
        module = kind(vocab_size, d_model, rng=rng)
        ids = rng.integers(0, vocab_size, (batch, seq_len))

        def both(ids):
            h, embed_backward = module.embed(ids)
            logits, unembed_backward = module.unembed(h)
            return logits, lambda dlogits: embed_backward(unembed_backward(dlogits))

        return module_case(module, rng, (), {"ids": ids}, both)

    return case


def positions(kind):
    def case(rng, sizes):
        start, n, d_model, *_ = sizes
        module = kind(start + n + 2, d_model, rng=rng)
        return module_case(module, rng, (), {"start": start, "stop": start + n})

    return case


def norm(kind):
    def case(rng, sizes):
        x = stream(rng, sizes)
        return module_case(kind(x.shape[-1]), rng, (x,))

    return case


def identity(rng, sizes):
    return module_case(Identity(), rng, (stream(rng, sizes),))


def dropout(rng, sizes):
    draws = F.Draws(seed=1, step=2, examples=range(sizes[0]))
    return module_case(Dropout(0.3), rng, (stream(rng, sizes),), {"rng": draws})


class AnyOrder(NoOrder):
    """Scores depend on position in every way that an order offers, and it is learned."""

    def __init__(self, n_heads, n_queries, n_keys):
        self.weight = Parameter(np.zeros((n_heads, n_queries, n_keys)))

    def turn(self, x, start=0):
        slope = 1 + np.arange(x.shape[2], dtype=x.dtype, like=x)[:, None]
        return slope * x, lambda dx: slope * dx

    def bias(self, n_queries, n_keys, like):
        return self.weight.data.copy(), self.weight.accumulate


def attention(rng, sizes, n_kv_heads=2, order=None):
    batch, n_queries, n_keys, d_model, d_head, *_ = sizes
    d_model += 2
    module = MultiHeadAttention(
        d_model, 4, n_kv_heads=n_kv_heads, d_head=d_head, order=order, rng=rng
    )
    x_q = rng.normal(size=(batch, n_queries, d_model))
    x_kv = rng.normal(size=(batch, n_keys, d_model))
    mask = some_mask(rng, batch, 1, n_queries, n_keys)
    return module_case(module, rng, (x_q, x_kv), {"mask": mask})


def attention_every_head_its_own(rng, sizes):
    return attention(rng, sizes, n_kv_heads=4)


def attention_in_order(rng, sizes):
    return attention(rng, sizes, order=AnyOrder(4, *sizes[1:3]))


def feed_forward(rng, sizes):
    x = stream(rng, sizes)
    return module_case(FeedForward(x.shape[-1], sizes[3], F.silu, rng=rng), rng, (x,))


def heads(d_model, rng):
    return MultiHeadAttention(d_model, 2, d_head=3, rng=rng)


def block(kind):
    def case(rng, sizes):
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


def cross_block(kind):
    def case(rng, sizes):
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


def decoder_only(**names):
    """Two layers, through dropout and the loss: every parameter array of the model."""

    def case(rng, sizes):
        batch, seq_len, d_ff, vocab_size, *_ = sizes
        config = DecoderConfig(
            vocab_size=vocab_size + 1,
            max_seq_len=seq_len + 1,
            d_model=6,
            n_layers=2,
            n_heads=3,
            d_ff=d_ff,
            dropout=0.1,
            **names,
        )
        module = DecoderOnly(config, rng=rng)
        ids, targets = rng.integers(0, vocab_size + 1, (2, batch, seq_len))
        draws = F.Draws(seed=1, step=2, examples=range(batch))

        def loss(ids, targets, rng):
            logits, model_backward = module(ids, rng)
            value, loss_backward = F.cross_entropy(logits, targets)
            return value, lambda dloss: model_backward(loss_backward(dloss))

        return module_case(
            module, rng, (), {"ids": ids, "targets": targets, "rng": draws}, loss
        )

    return case


def every_decoder():
    """Each pair of block and vocabulary, the other parts taken in turn."""
    others = itertools.cycle(
        [
            {"positions": "sinusoidal", "norm": "rms_norm", "activation": "silu"},
            {"positions": "learned", "n_kv_heads": 1, "d_head": 5, "bias": False},
            {"positions": "learned", "activation": "gelu_exact"},
            {"positions": "relative", "feed_forward": "gated"},
        ]
    )
    for block_name in ("pre_norm", "post_norm"):
        for vocabulary_name in ("tied", "untied"):
            names = {"block": block_name, "vocabulary": vocabulary_name, **next(others)}
            yield f"DecoderOnly/{block_name} {vocabulary_name}", decoder_only(**names)


LAYERS = {
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

MODELS = dict(every_decoder())
