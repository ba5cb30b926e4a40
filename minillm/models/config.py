"""What every transformer's config says, and the checks that it passes at the door."""

from dataclasses import dataclass
from typing import Any

from minillm.models.parts import PARTS, part

SIZES = ("vocab_size", "max_seq_len", "d_model", "n_layers", "n_heads")
OPTIONAL_SIZES = ("d_ff", "n_kv_heads", "d_head")
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class TransformerConfig:
    """The shape of a transformer, and the names of its parts (models/parts.py).

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
    embed_norm: str = "none"
    block: str = "pre_norm"
    norm: str = "layer_norm"
    feed_forward: str = "plain"
    activation: str = "gelu"
    bias: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in SIZES:
            check_size(name, getattr(self, name))
        for name in OPTIONAL_SIZES:
            if getattr(self, name) is not None:
                check_size(name, getattr(self, name))
        for kind in PARTS:
            part(kind, getattr(self, kind))
        if not isinstance(self.bias, bool):
            raise ValueError(f"bias {self.bias!r:.80} is neither true nor false")
        check_dropout(self.dropout)
        if self.d_head is None and self.d_model % self.n_heads:
            raise ValueError(
                f"n_heads {self.n_heads} does not divide d_model {self.d_model}: "
                "give n_heads that does, or d_head"
            )
        if self.n_heads % (self.n_kv_heads or self.n_heads):
            raise ValueError(
                f"n_kv_heads {self.n_kv_heads} does not divide n_heads {self.n_heads}"
            )
        if self.positions.startswith("rotary") and self.head_width % 2:
            raise ValueError(
                f"d_head {self.head_width} is odd: rotary positions turn pairs of features"
            )

    @property
    def head_width(self) -> int:
        """d_head, whether it was given or not."""
        return self.d_head or self.d_model // self.n_heads

    @property
    def ffn_width(self) -> int:
        """d_ff, whether it was given or not."""
        return self.d_ff or 4 * self.d_model


def check_size(name: str, value: Any, least: int = 1) -> None:
    """Raises ValueError unless value is a whole number from `least` to LARGEST."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} {value!r:.80}: give a whole number of at least {least}")
    if value > LARGEST:
        raise ValueError(f"{name} {value!r:.80}: give at most {LARGEST}")


def check_dropout(value: Any) -> None:
    """Raises ValueError unless value is a probability below 1."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise ValueError(f"dropout {value!r:.80}: give 0 <= dropout < 1")
