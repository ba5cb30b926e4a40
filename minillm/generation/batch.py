"""Many texts at once, each continued greedily: how a test set is scored in seconds."""

from typing import Any, Protocol

import numpy as np

from minillm.device import to_host
from minillm.generation import arguments
from minillm.generation.stepper import BatchStepper
from minillm.types import Array


class Reader(Protocol):
    """What translate needs of a model: a stepper beside sources (batch, n_source)."""

    config: Any

    def reading(self, source: Array, source_mask: Array | None = None) -> BatchStepper: ...


def greedy_batch(
    model: BatchStepper, ids: Array, *, end_id: int, max_new_tokens: int
) -> list[list[int]]:
    """For each row of ids, the new tokens that continue it: always the most probable.

    A text ends with end_id, its last token then, or after max_new_tokens. All step
    together, and one that has ended leaves the batch. Each row is what `generate` writes
    at temperature 0, but for rounding where two tokens nearly tie.

    Shapes: ids (batch, n) of int, n >= 1.
    Raises ValueError for ids of another shape or outside the vocabulary, a context that
    is too long, and max_new_tokens < 1.
    """
    if ids.ndim != 2 or ids.shape[1] == 0:
        raise ValueError(f"ids {ids.shape}: give (batch, n), at least one token each")
    arguments.check_writing(model.config, ids.shape[1], max_new_tokens, end_id)
    texts: list[list[int]] = [[] for _ in ids]
    caches, unread, rows = model.caches(), ids, np.arange(len(ids))
    for _ in range(max_new_tokens):
        logits = to_host(model.step(unread, caches)[:, -1])
        tokens = arguments.checked_logits(logits).argmax(-1)
        for row, token in zip(rows, tokens.tolist(), strict=True):
            texts[row].append(token)
        live = np.flatnonzero(tokens != end_id)
        if live.size == 0:
            break
        if live.size < rows.size:
            for cache in caches:
                cache.select(live)
        rows, unread = rows[live], tokens[live, None]
    return texts


def translate(
    model: Reader,
    source: Array,
    source_mask: Array | None = None,
    *,
    start_id: int,
    end_id: int,
    max_new_tokens: int,
) -> list[list[int]]:
    """What an encoder-decoder writes beside each source, by greedy_batch.

    Shapes: source (batch, n_source) of int; source_mask alike, True where there is a
    token, everywhere unless it is given.
    """
    arguments.check_token("start_id", start_id, model.config.vocab_size)
    arguments.check_writing(model.config, 1, max_new_tokens, end_id)
    reading = model.reading(source, source_mask)
    start = np.full((len(source), 1), start_id)
    return greedy_batch(reading, start, end_id=end_id, max_new_tokens=max_new_tokens)
