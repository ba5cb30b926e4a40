"""An n-gram model behind the door through which neural models generate."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minillm.evaluation.ngrams import NgramModel, check_ids
from minillm.types import Array


@dataclass(frozen=True)
class NgramConfig:
    """What generation asks of a config; an n-gram model reads texts of any length."""

    max_seq_len: ClassVar[None] = None

    vocab_size: int
    order: int


class NgramLM:
    """Let generate() write with counts: logits are the log-probabilities.

        NgramLM(InterpolatedNgram(train_ids, vocab_size, order=2))      Jelinek-Mercer
        NgramLM(KneserNey(train_ids, vocab_size, order=5))

    Of the tokens read so far the last order - 1 are looked at. Both smoothings give every
    token of the vocabulary a positive probability, so that every logit is finite.
    """

    def __init__(self, ngrams: NgramModel) -> None:
        self.ngrams = ngrams
        counts = ngrams.ngrams
        self.config = NgramConfig(counts.vocab_size, counts.order)

    def step(self, ids: Array, caches: list["NgramCache"]) -> Array:
        """ids (batch, n_new) -> logits (batch, n_new, vocab_size) of what follows each.

        Raises ValueError for ids outside the vocabulary, and a batch that does not
        continue the caches'.
        """
        vocab_size = self.config.vocab_size
        check_ids(ids.reshape(-1), vocab_size)
        (cache,) = caches
        n_before = cache.ids.shape[1]
        seen = cache.extend(ids)
        longest = self.config.order - 1
        logits = np.empty((*ids.shape, vocab_size))
        for i, text in enumerate(seen):
            for t in range(ids.shape[1]):
                end = n_before + t + 1
                p = self.ngrams.distribution(text[max(0, end - longest) : end])
                logits[i, t] = np.log(p)
        cache.keep(longest)
        return logits

    def single_step(self, caches: list["NgramCache"]) -> Callable[[int], Array]:
        """`step` for one token of one sequence: token_id -> logits (vocab_size,)."""
        return lambda token_id: self.step(np.array([[token_id]]), caches)[0, 0]

    def caches(self) -> list["NgramCache"]:
        return [NgramCache()]


class NgramCache:
    """The last tokens of each sequence: ids (batch, n), of len(cache) that were read."""

    def __init__(self) -> None:
        self.ids = np.zeros((0, 0), np.int64)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def extend(self, ids: Array) -> Array:
        """Append ids (batch, n_new), and return all that is kept and new."""
        if self._length and len(ids) != len(self.ids):
            raise ValueError(f"batch {len(ids)} does not continue {len(self.ids)} texts")
        self.ids = np.concatenate((self.ids, ids), 1) if self._length else ids
        self._length += ids.shape[1]
        return self.ids

    def keep(self, n: int) -> None:
        """Forget all but the last n tokens."""
        self.ids = self.ids[:, max(0, self.ids.shape[1] - n) :]

    def select(self, rows: Array) -> None:
        """Keep these sequences of the batch, in this order; one may be kept twice."""
        if self._length:
            self.ids = self.ids[rows]
