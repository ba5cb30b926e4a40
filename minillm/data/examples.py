"""Examples of different lengths, shuffled and padded into batches.

Each class has `batch(step)`, which depends on (seed, step) alone, for training; and
`once()`, every example once and in order, for evaluation. Masks are True where a row
holds a token and False where it is padded.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from minillm.data.padding import Sequences, check_padding, check_sequences, pad
from minillm.data.shuffled import Shuffled
from minillm.functional import IGNORED
from minillm.types import Array

Batch = tuple[Array, ...]


class Examples(ABC):
    """What all kinds share: which examples a batch holds. A kind says how they look."""

    def __init__(self, n: int, batch_size: int, *, seed: int) -> None:
        self.shuffled = Shuffled(n, batch_size, seed=seed)

    def batch(self, step: int) -> Batch:
        """The batch of a training step, counted from 0."""
        return self.rows(self.shuffled.places(step))

    def once(self) -> Iterator[Batch]:
        """Batches in which every example comes once, in the order given."""
        n, size = self.shuffled.n, self.shuffled.batch_size
        return (self.rows(np.arange(i, min(i + size, n))) for i in range(0, n, size))

    @abstractmethod
    def rows(self, places: Array) -> Batch:
        """These examples as a batch."""


class ClassExamples(Examples):
    """Sequences that have one label each.

    Batches: inputs (batch, longest), labels (batch,), mask (batch, longest).
    Raises ValueError for empty or all-padding sequences, another number of labels than
    of sequences, and labels outside [0, n_classes).
    """

    def __init__(
        self,
        sequences: Sequences,
        labels: Sequence[int] | Array,
        n_classes: int,
        batch_size: int,
        *,
        seed: int,
        pad_id: int = 0,
    ) -> None:
        super().__init__(len(sequences), batch_size, seed=seed)
        self.sequences = check_sequences("sequences", sequences)
        check_padding("sequences", self.sequences, pad_id)
        _check_equal("sequences", sequences, "labels", labels)
        self.labels = _check_classes("labels", np.asarray(labels), n_classes)
        self.pad_id = pad_id

    def rows(self, places: Array) -> Batch:
        inputs, mask = pad([self.sequences[i] for i in places], self.pad_id)
        return inputs, self.labels[places], mask


class TagExamples(Examples):
    """Sequences in which each token has a tag, or IGNORED (-100) where it has none.

    Batches: inputs, tags (IGNORED at padding) and mask, each (batch, longest).
    Raises ValueError as ClassExamples does, and for tags of another length than theirs.
    """

    def __init__(
        self,
        sequences: Sequences,
        tags: Sequences,
        n_tags: int,
        batch_size: int,
        *,
        seed: int,
        pad_id: int = 0,
    ) -> None:
        super().__init__(len(sequences), batch_size, seed=seed)
        self.sequences = check_sequences("sequences", sequences)
        check_padding("sequences", self.sequences, pad_id)
        _check_equal("sequences", sequences, "tags", tags)
        for i, (sequence, its) in enumerate(zip(self.sequences, tags, strict=True)):
            _check_equal(f"sequences[{i}]", sequence, f"tags[{i}]", its)
        self.tags = [
            _check_classes(f"tags[{i}]", np.asarray(its), n_tags, ignored=True)
            for i, its in enumerate(tags)
        ]
        self.pad_id = pad_id

    def rows(self, places: Array) -> Batch:
        inputs, mask = pad([self.sequences[i] for i in places], self.pad_id)
        tags, _ = pad([self.tags[i] for i in places], IGNORED)
        return inputs, tags, mask


class PairExamples(Examples):
    """Sources and the targets that are written for them.

        inputs  = [start_id, *target]      what the decoder reads
        targets = [*target, end_id]        what it has to say, one token later

    Batches: source (batch, longest source), inputs, targets (batch, longest target + 1;
    targets are IGNORED at padding), source_mask, target_mask.
    Raises ValueError for empty or all-padding sequences, and for another number of
    targets than of sources.
    """

    def __init__(
        self,
        sources: Sequences,
        targets: Sequences,
        batch_size: int,
        *,
        seed: int,
        start_id: int,
        end_id: int,
        pad_id: int = 0,
    ) -> None:
        super().__init__(len(sources), batch_size, seed=seed)
        self.sources = check_sequences("sources", sources)
        self.targets = check_sequences("targets", targets)
        _check_equal("sources", sources, "targets", targets)
        check_padding("sources", self.sources, pad_id)
        check_padding("targets", self.targets, pad_id)
        self.start_id, self.end_id, self.pad_id = start_id, end_id, pad_id

    def rows(self, places: Array) -> Batch:
        sources = [self.sources[i] for i in places]
        targets = [self.targets[i] for i in places]
        return pairs_batch(sources, targets, self.start_id, self.end_id, self.pad_id)


def pairs_batch(
    sources: Sequences, targets: Sequences, start_id: int, end_id: int, pad_id: int
) -> Batch:
    """Sources and targets as the batch of PairExamples."""
    source, source_mask = pad(sources, pad_id)
    inputs, target_mask = pad([np.append(start_id, target) for target in targets], pad_id)
    answers, _ = pad([np.append(target, end_id) for target in targets], IGNORED)
    return source, inputs, answers, source_mask, target_mask


def _check_equal(
    name: str,
    some: Sequence[object] | Array,
    other_name: str,
    other: Sequence[object] | Array,
) -> None:
    if len(some) != len(other):
        raise ValueError(
            f"{len(some)} {name} and {len(other)} {other_name}: each needs the other"
        )


def _check_classes(name: str, classes: Array, n: int, ignored: bool = False) -> Array:
    """The classes as int64; ValueError unless all are in [0, n), or IGNORED if allowed."""
    counted = classes[classes != IGNORED] if ignored else classes
    if classes.ndim != 1 or classes.dtype.kind not in "iu":
        raise ValueError(f"{name} of dtype {classes.dtype}: give one axis of integers")
    if counted.size and not (counted.min() >= 0 and counted.max() < n):
        wrong = counted.min() if counted.min() < 0 else counted.max()
        raise ValueError(f"{name} {wrong} is out of range: classes go from 0 to {n - 1}")
    return classes.astype(np.int64)
