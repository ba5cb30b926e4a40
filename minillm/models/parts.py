"""The names by which a config (and so config.json) calls a model's parts."""

from collections.abc import Mapping
from typing import Any

from minillm import functional as F
from minillm.layers import (
    LayerNorm,
    LearnedPositions,
    PostNormBlock,
    PreNormBlock,
    RMSNorm,
    SinusoidalPositions,
    TiedVocabulary,
    UntiedVocabulary,
)

PARTS: Mapping[str, Mapping[str, Any]] = {
    "positions": {"sinusoidal": SinusoidalPositions, "learned": LearnedPositions},
    "vocabulary": {"tied": TiedVocabulary, "untied": UntiedVocabulary},
    "block": {"pre_norm": PreNormBlock, "post_norm": PostNormBlock},
    "norm": {"layer_norm": LayerNorm, "rms_norm": RMSNorm},
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
        raise ValueError(f"{kind} {name!r} is unknown: give one of {', '.join(choices)}")
    return choices[name]
