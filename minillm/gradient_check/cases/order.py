"""What makes scores depend on where tokens stand, and the gated feed-forward."""

from collections.abc import Callable
from typing import Any

from minillm import functional as F
from minillm.gradient_check.cases.case import Build, Case, Rng, Sizes, module_case
from minillm.gradient_check.cases.layers import stream
from minillm.layers import (
    Alibi,
    BidirectionalRelativeBias,
    CausalRelativeBias,
    GatedFeedForward,
    MultiHeadAttention,
    NoOrder,
    RotaryHalf,
    RotaryInterleaved,
)
from minillm.types import Array

MakeOrder = Callable[[int, Rng], NoOrder]  # from the number of heads


def rotary(op: Callable[..., Any]) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        batch, n, seq_len, n_pairs, *_ = sizes
        cos, sin = F.rotary_table(seq_len, 2 * n_pairs, base=10.0)
        x = rng.normal(size=(batch, n, seq_len, 2 * n_pairs))
        return Case(op, (x,), {"cos": cos, "sin": sin})

    return case


def relative_bias(rng: Rng, sizes: Sizes) -> Case:
    n_queries, n_keys, n_heads, n_buckets, *_ = sizes
    return Case(
        lambda table, buckets: F.relative_bias(buckets, table),
        (rng.normal(size=(n_buckets, n_heads)),),
        {"buckets": rng.integers(0, n_buckets, (n_queries, n_keys))},
    )


def turn(kind: Any) -> Build:
    def case(rng: Rng, sizes: Sizes) -> Case:
        batch, n, seq_len, n_pairs, start, _ = sizes
        module = kind(start + seq_len + 1, 2 * n_pairs, base=10.0)
        x = rng.normal(size=(batch, n, seq_len, 2 * n_pairs))
        return module_case(module, rng, (x,), {"start": start}, module.turn)

    return case


def bias(make: MakeOrder) -> Build:
    """`like` says where the bias is made and in which dtype."""

    def case(rng: Rng, sizes: Sizes) -> Case:
        n_queries, n_keys, n_heads, *_ = sizes
        module = make(n_heads, rng)
        constants = {
            "n_queries": n_queries,
            "n_keys": n_queries + n_keys,
            "like": rng.normal(size=1),
        }
        return module_case(module, rng, (), constants, module.bias)

    return case


def alibi(n_heads: int, rng: Rng) -> NoOrder:
    return Alibi(n_heads)


def causal(n_heads: int, rng: Rng) -> NoOrder:
    return CausalRelativeBias(n_heads, n_buckets=5, max_distance=9, rng=rng)


def bidirectional(n_heads: int, rng: Rng) -> NoOrder:
    return BidirectionalRelativeBias(n_heads, n_buckets=6, max_distance=9, rng=rng)


def attention(make: MakeOrder, n_kv_heads: int) -> Build:
    """Causal self-attention: the order's gradients through the scores, and its own."""

    def case(rng: Rng, sizes: Sizes) -> Case:
        x = stream(rng, sizes)
        seq_len, d_model = x.shape[1:]
        module = MultiHeadAttention(
            d_model, 4, n_kv_heads=n_kv_heads, d_head=6, order=make(4, rng), rng=rng
        )
        mask = F.causal_mask(seq_len, seq_len)

        def call(x: Array, mask: Array) -> Any:
            y, backward = module(x, x, mask)
            return y, lambda dy: sum(backward(dy))

        return module_case(module, rng, (x,), {"mask": mask}, call)

    return case


def gated_feed_forward(rng: Rng, sizes: Sizes) -> Case:
    x = stream(rng, sizes)
    return module_case(GatedFeedForward(x.shape[-1], sizes[3], rng=rng), rng, (x,))


def gated_feed_forward_without_bias(rng: Rng, sizes: Sizes) -> Case:
    x = stream(rng, sizes)
    layer = GatedFeedForward(x.shape[-1], sizes[3], F.gelu, bias=False, rng=rng)
    return module_case(layer, rng, (x,))


OPERATIONS: dict[str, Build] = {
    "rotary_interleaved": rotary(F.rotary_interleaved),
    "rotary_half": rotary(F.rotary_half),
    "relative_bias": relative_bias,
}

LAYERS: dict[str, Build] = {
    "RotaryInterleaved": turn(RotaryInterleaved),
    "RotaryHalf": turn(RotaryHalf),
    "Alibi": bias(alibi),
    "CausalRelativeBias": bias(causal),
    "BidirectionalRelativeBias": bias(bidirectional),
    "GatedFeedForward": gated_feed_forward,
    "GatedFeedForward/without bias": gated_feed_forward_without_bias,
    "MultiHeadAttention/rotary": attention(lambda n, rng: RotaryHalf(9, 6), 2),
    "MultiHeadAttention/interleaved": attention(lambda n, rng: RotaryInterleaved(9, 6), 4),
    "MultiHeadAttention/alibi": attention(alibi, 2),
    "MultiHeadAttention/relative": attention(causal, 4),
}
