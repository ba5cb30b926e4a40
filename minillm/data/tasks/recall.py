"""Recall: say again what stood beside a key, far back or among many.

What is asked for is drawn anew for every sequence, so that no weight can know it: a
model has to carry it from where it stood to where it is asked for.

    over a distance     k3 v5 f1 f7 f2 f2 ... ? k3          -> v5
    among many          k3 v5 k7 v1 k2 v5 | k2 v5 k3 v5 k7  -> v1

Every batch is a fresh draw: training and test are told apart by their generators alone.
There are more sequences than can ever be drawn, but for distances of a few tokens, where
a test may repeat what training showed.
"""

from dataclasses import dataclass

import numpy as np

from minillm.functional import IGNORED
from minillm.types import Array


@dataclass(frozen=True)
class DistantRecall:
    """One pair, then `distance` fillers, then the question for the key: what value?

    All parts are drawn at random, all as likely. The answer stands in the sequence once,
    at position 1; whoever has forgotten it has a chance of 1 / n_values.

    Ids: keys from 0, then values, then fillers, then the question mark.
    Errors: ValueError for sizes below 1, and for a distance below 0.
    """

    n_keys: int = 8
    n_values: int = 8
    n_fillers: int = 8

    def __post_init__(self) -> None:
        _check_sizes(self.n_keys, self.n_values, self.n_fillers)

    @property
    def vocab_size(self) -> int:
        return self.n_keys + self.n_values + self.n_fillers + 1

    @property
    def chance(self) -> float:
        return 1 / self.n_values

    def batch(
        self, rng: np.random.Generator, batch_size: int, distance: int
    ) -> tuple[Array, Array]:
        """Inputs, and targets that are IGNORED but for the last.

        Shapes: each (batch_size, distance + 4) of int64.
        """
        if batch_size < 1 or distance < 0:
            raise ValueError(
                f"batch_size {batch_size}, distance {distance}: at least 1, at least 0"
            )
        first_filler = self.n_keys + self.n_values
        question = first_filler + self.n_fillers
        key = rng.integers(0, self.n_keys, (batch_size, 1))
        value = rng.integers(self.n_keys, first_filler, (batch_size, 1))
        fillers = rng.integers(first_filler, question, (batch_size, distance))
        inputs = np.hstack((key, value, fillers, np.full_like(key, question), key))
        targets = np.full_like(inputs, IGNORED)
        targets[:, -1:] = value
        return inputs, targets


@dataclass(frozen=True)
class PairRecall:
    """Pairs of a key and a value, then the same pairs in another order.

    Keys are drawn without repetition and values with: a value alone says nothing of its
    key. Whoever has forgotten all has a chance of 1 / n_values; to say the value that is
    the most frequent in the sequence is better (`most_frequent`), and needs no key.

    Ids: keys from 0, then values.
    Errors: ValueError for sizes below 1, and for n_pairs outside [1, n_keys].
    """

    n_keys: int = 8
    n_values: int = 8

    def __post_init__(self) -> None:
        _check_sizes(self.n_keys, self.n_values)

    @property
    def vocab_size(self) -> int:
        return self.n_keys + self.n_values

    @property
    def chance(self) -> float:
        return 1 / self.n_values

    def batch(
        self, rng: np.random.Generator, batch_size: int, n_pairs: int
    ) -> tuple[Array, Array]:
        """Inputs, and targets that are IGNORED but after the keys of the second half.

        Shapes: each (batch_size, 4 n_pairs - 1) of int64.
        """
        if batch_size < 1 or not 1 <= n_pairs <= self.n_keys:
            raise ValueError(
                f"batch_size {batch_size}, n_pairs {n_pairs}: at least 1, and 1 to "
                f"n_keys {self.n_keys}"
            )
        every_key = np.tile(np.arange(self.n_keys), (batch_size, 1))
        keys = rng.permuted(every_key, axis=1)[:, :n_pairs]
        values = rng.integers(self.n_keys, self.vocab_size, (batch_size, n_pairs))
        order = rng.permuted(np.tile(np.arange(n_pairs), (batch_size, 1)), axis=1)
        pairs = np.stack((keys, values), -1)
        again = np.take_along_axis(pairs, order[..., None], 1)
        ids = np.concatenate((pairs, again), 1).reshape(batch_size, -1)
        targets = ids[:, 1:].copy()
        targets[:, : 2 * n_pairs] = targets[:, 2 * n_pairs + 1 :: 2] = IGNORED
        return ids[:, :-1], targets

    def most_frequent(self, inputs: Array) -> Array:
        """The value that the first half shows most often, of the smallest id among equals.

        Shapes: inputs (batch, 4 n_pairs - 1)  ->  (batch, 1)
        """
        values = inputs[:, 1 : (inputs.shape[1] + 1) // 2 : 2]
        counts = (values[..., None] == np.arange(self.vocab_size)).sum(1)
        return counts.argmax(1)[:, None]


def _check_sizes(*sizes: int) -> None:
    if min(sizes) < 1:
        raise ValueError(f"sizes {sizes}: give at least 1 of each kind")
