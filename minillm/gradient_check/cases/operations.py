"""Every operation of storey one, with inputs of unequal sizes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.gradient_check.cases.case import Build, Case, Rng, Sizes
from minillm.types import Array


def away_from_zero(x: Array) -> Array:
    """Clear of the kink of relu, where there is no slope to measure."""
    return x + 0.1 * np.sign(x)


def elementwise(op: Callable[..., Any]) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        return Case(op, (rng.normal(size=sizes[:3]),))

    return case


def relu(rng: Rng, sizes: Sizes) -> Case:
    return Case(F.relu, (away_from_zero(rng.normal(size=sizes[:3])),), step=1e-3)


def linear(rng: Rng, sizes: Sizes) -> Case:
    batch, seq_len, d_in, d_out, *_ = sizes
    x = rng.normal(size=(batch, seq_len, d_in))
    return Case(F.linear, (x, rng.normal(size=(d_in, d_out)), rng.normal(size=d_out)))


def linear_without_bias(rng: Rng, sizes: Sizes) -> Case:
    batch, _, d_in, d_out, *_ = sizes
    return Case(F.linear, (rng.normal(size=(batch, d_in)), rng.normal(size=(d_in, d_out))))


def unembed(rng: Rng, sizes: Sizes) -> Case:
    batch, seq_len, d_model, vocab_size, *_ = sizes
    h = rng.normal(size=(batch, seq_len, d_model))
    return Case(F.unembed, (h, rng.normal(size=(vocab_size, d_model))))


def embedding(rng: Rng, sizes: Sizes) -> Case:
    batch, seq_len, d_model, vocab_size, *_ = sizes
    ids = rng.integers(0, vocab_size, (batch, seq_len))
    return Case(
        lambda W, ids: F.embedding(ids, W),
        (rng.normal(size=(vocab_size, d_model)),),
        {"ids": ids},
    )


def norm_inputs(rng: Rng, sizes: Sizes, n: int) -> tuple[Array, ...]:
    """x and n vectors over a width of at least 3: two features make a norm a step."""
    batch, seq_len, d_model, *_ = sizes
    d_model += 2
    return (rng.normal(size=(batch, seq_len, d_model)), *rng.normal(size=(n, d_model)))


def layer_norm(rng: Rng, sizes: Sizes) -> Case:
    return Case(F.layer_norm, norm_inputs(rng, sizes, 2))


def rms_norm(rng: Rng, sizes: Sizes) -> Case:
    return Case(F.rms_norm, norm_inputs(rng, sizes, 1))


def q_k_v(rng: Rng, sizes: Sizes) -> tuple[Array, Array, Array]:
    batch, n_heads, n_queries, n_keys, d_head, d_v = sizes[:6]
    return (
        rng.normal(size=(batch, n_heads, n_queries, d_head)),
        rng.normal(size=(batch, n_heads, n_keys, d_head)),
        rng.normal(size=(batch, n_heads, n_keys, d_v)),
    )


def some_mask(rng: Rng, *shape: int) -> Array:
    """A mask whose first row sees nothing."""
    mask = rng.random(shape) < 0.6
    mask[..., 0, :] = False
    return mask


def attention(rng: Rng, sizes: Sizes) -> Case:
    return Case(F.attention, q_k_v(rng, sizes))


def attention_masked(rng: Rng, sizes: Sizes) -> Case:
    batch, _, n_queries, n_keys, *_ = sizes
    mask = some_mask(rng, batch, 1, n_queries, n_keys)
    return Case(F.attention, q_k_v(rng, sizes), {"mask": mask})


def attention_biased(rng: Rng, sizes: Sizes) -> Case:
    _, n_heads, n_queries, n_keys, *_ = sizes
    bias = rng.normal(size=(n_heads, 1, n_keys))
    return Case(
        lambda q, k, v, bias, mask: F.attention(q, k, v, mask, bias),
        (*q_k_v(rng, sizes), bias),
        {"mask": some_mask(rng, n_queries, n_keys)},
    )


def attention_weights(rng: Rng, sizes: Sizes) -> Case:
    _, n_heads, n_queries, n_keys, *_ = sizes
    q, k, _ = q_k_v(rng, sizes)
    return Case(
        lambda q, k, bias, mask: F.attention_weights(q, k, mask, bias),
        (q, k, rng.normal(size=(n_heads, n_queries, 1))),
        {"mask": some_mask(rng, n_queries, n_keys)},
    )


def hide_padding(rng: Rng, sizes: Sizes) -> Case:
    x = rng.normal(size=sizes[:3])
    return Case(F.hide_padding, (x,), {"is_token": rng.random(x.shape[:2]) < 0.6})


def hide_padding_without_padding(rng: Rng, sizes: Sizes) -> Case:
    return Case(F.hide_padding, (rng.normal(size=sizes[:3]),), {"is_token": None})


def dropout(rng: Rng, sizes: Sizes) -> Case:
    draws = F.Draws(seed=3, step=5, examples=range(sizes[0]))
    return Case(
        lambda x, rng: F.dropout(x, 0.4, rng=rng),
        (rng.normal(size=sizes[:3]),),
        {"rng": draws},
    )


def dropout_without_rng(rng: Rng, sizes: Sizes) -> Case:
    return Case(lambda x: F.dropout(x, 0.4), (rng.normal(size=sizes[:3]),))


def logits_and_targets(rng: Rng, sizes: Sizes) -> tuple[Array, Array]:
    batch, seq_len, vocab_size, *_ = sizes
    logits = rng.normal(size=(batch, seq_len, vocab_size))
    return logits, rng.integers(0, vocab_size, (batch, seq_len))


def cross_entropy(rng: Rng, sizes: Sizes) -> Case:
    logits, targets = logits_and_targets(rng, sizes)
    return Case(F.cross_entropy, (logits,), {"targets": targets})


def cross_entropy_weighted(rng: Rng, sizes: Sizes) -> Case:
    logits, targets = logits_and_targets(rng, sizes)
    targets = np.where(rng.random(targets.shape) < 0.3, F.IGNORED, targets)
    weights = rng.random(targets.shape)
    return Case(
        lambda logits, targets, weights: F.cross_entropy(logits, targets, weights, 0.2),
        (logits,),
        {"targets": targets, "weights": weights},
    )


OPERATIONS: dict[str, Build] = {
    "relu": relu,
    "gelu": elementwise(F.gelu),
    "gelu_exact": elementwise(F.gelu_exact),
    "silu": elementwise(F.silu),
    "tanh": elementwise(F.tanh),
    "softmax": elementwise(F.softmax),
    "log_softmax": elementwise(F.log_softmax),
    "linear": linear,
    "linear/without bias": linear_without_bias,
    "unembed": unembed,
    "embedding": embedding,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "attention": attention,
    "attention/masked": attention_masked,
    "attention/biased": attention_biased,
    "attention_weights": attention_weights,
    "hide_padding": hide_padding,
    "hide_padding/without padding": hide_padding_without_padding,
    "dropout": dropout,
    "dropout/without rng": dropout_without_rng,
    "cross_entropy": cross_entropy,
    "cross_entropy/weighted": cross_entropy_weighted,
}
