"""The names by which a config (and so config.json) calls a model's parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minillm import functional as F
from minillm.layers import (
    Alibi,
    BidirectionalRelativeBias,
    CausalRelativeBias,
    FeedForward,
    GatedFeedForward,
    Identity,
    LayerNorm,
    LearnedPositions,
    NoOrder,
    NoPositions,
    PostNormBlock,
    PostNormCrossBlock,
    PreNormBlock,
    PreNormCrossBlock,
    RMSNorm,
    RotaryHalf,
    RotaryInterleaved,
    SinusoidalPositions,
    TiedVocabulary,
    UntiedVocabulary,
)


@dataclass(frozen=True)
class Blocks:
    """A kind of block, for a stack that reads itself and for one that reads another."""

    plain: type[PreNormBlock] | type[PostNormBlock]
    cross: type[PreNormCrossBlock] | type[PostNormCrossBlock]


@dataclass(frozen=True)
class Heads:
    """The shape of one stack's attention, by which an order is made."""

    n_heads: int
    d_head: int
    max_seq_len: int
    causal: bool


@dataclass(frozen=True)
class Positions:
    """Where a token stands: what its embedding says of it, and what attention sees.

    `order` is called once for a stack of layers, which share what it makes.
    """

    absolute: type[LearnedPositions] | type[SinusoidalPositions] | type[NoPositions]
    order: Callable[[Heads, np.random.Generator], NoOrder]


def _no_order(heads: Heads, rng: np.random.Generator) -> NoOrder:
    return NoOrder()


def _rotary(heads: Heads, rng: np.random.Generator) -> NoOrder:
    return RotaryHalf(heads.max_seq_len, heads.d_head)


def _rotary_interleaved(heads: Heads, rng: np.random.Generator) -> NoOrder:
    return RotaryInterleaved(heads.max_seq_len, heads.d_head)


def _alibi(heads: Heads, rng: np.random.Generator) -> NoOrder:
    return Alibi(heads.n_heads)


def _relative(heads: Heads, rng: np.random.Generator) -> NoOrder:
    kind = CausalRelativeBias if heads.causal else BidirectionalRelativeBias
    return kind(heads.n_heads, rng=rng)


PARTS: Mapping[str, Mapping[str, Any]] = {
    "positions": {
        "sinusoidal": Positions(SinusoidalPositions, _no_order),
        "learned": Positions(LearnedPositions, _no_order),
        "none": Positions(NoPositions, _no_order),
        "rotary": Positions(NoPositions, _rotary),
        "rotary_interleaved": Positions(NoPositions, _rotary_interleaved),
        "alibi": Positions(NoPositions, _alibi),
        "relative": Positions(NoPositions, _relative),
    },
    "vocabulary": {"tied": TiedVocabulary, "untied": UntiedVocabulary},
    "embed_norm": {"none": Identity, "layer_norm": LayerNorm},
    "block": {
        "pre_norm": Blocks(PreNormBlock, PreNormCrossBlock),
        "post_norm": Blocks(PostNormBlock, PostNormCrossBlock),
    },
    "norm": {"layer_norm": LayerNorm, "rms_norm": RMSNorm},
    "feed_forward": {"plain": FeedForward, "gated": GatedFeedForward},
    "activation": {
        "relu": F.relu,
        "gelu": F.gelu,
        "gelu_exact": F.gelu_exact,
        "silu": F.silu,
    },
}


def part(kind: str, name: str) -> Any:
    """The class or function called `name`. Raises ValueError that lists the choices."""
    choices = PARTS[kind]
    if not isinstance(name, str) or name not in choices:
        raise ValueError(
            f"{kind} {name!r:.80} is unknown: give one of {', '.join(choices)}"
        )
    return choices[name]
