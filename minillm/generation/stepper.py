"""What generation needs of a model."""

from collections.abc import Callable
from typing import Any, Protocol

from minillm.types import Array


class BatchStepper(Protocol):
    """Continue several texts at once: ids (batch, n_new) -> logits (..., vocab_size).

    config has vocab_size, and max_seq_len, which is None where there is no limit. Caches
    remember what was read: len(cache) tokens of each text. cache.select(rows) keeps those
    rows of the batch, in that order; a row may be kept twice.
    """

    config: Any

    def step(self, ids: Array, caches: list[Any]) -> Array: ...
    def caches(self) -> list[Any]: ...


class Stepper(BatchStepper, Protocol):
    """A stepper that also continues one text by one token, as fast as it can."""

    def single_step(self, caches: list[Any]) -> Callable[[int], Array]: ...


class AttentiveStepper(BatchStepper, Protocol):
    """A stepper that also says how each new word looked at the words of one source.

    step_with_attention gives logits, and weights (batch, n_new, n_source): those of a
    position are the p_ij of the word that its logits choose. source_mask (1, n_source) is
    True at real words, or None where all are.
    """

    source_mask: Array | None

    def step_with_attention(self, ids: Array, caches: list[Any]) -> tuple[Array, Array]: ...
