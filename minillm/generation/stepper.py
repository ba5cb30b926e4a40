"""What generation needs of a model that continues several texts at once."""

from typing import Any, Protocol

from minillm.types import Array


class Cache(Protocol):
    """What a model remembers of the tokens it has read; len is how many those are."""

    def __len__(self) -> int: ...
    def select(self, rows: Array) -> None: ...


class BatchStepper(Protocol):
    """Logits (batch, n_new, vocab_size) for ids (batch, n_new) that continue the caches.

    `select` of a cache keeps the given rows of the batch, in their order; a row may be
    kept twice.
    """

    config: Any

    def step(self, ids: Array, caches: list[Any]) -> Array: ...
    def caches(self) -> list[Any]: ...


class AttentiveStepper(BatchStepper, Protocol):
    """A stepper that also says how each new word looked at the words of one source.

    step_with_attention gives logits and weights (batch, n_new, n_source); those of a
    position are the p_ij of the word that its logits choose. source_mask (1, n_source) is
    True at real words, or None where all are.
    """

    source_mask: Array | None

    def step_with_attention(self, ids: Array, caches: list[Any]) -> tuple[Array, Array]: ...
