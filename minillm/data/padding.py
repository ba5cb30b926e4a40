"""Sequences of different lengths in one array."""

from collections.abc import Sequence

import numpy as np

from minillm.types import Array

Sequences = Sequence[Sequence[int] | Array]


def pad(sequences: Sequences, pad_id: int = 0) -> tuple[Array, Array]:
    """Rows as long as the longest sequence, and where they hold a token.

        ids[i, t] = sequences[i][t]    and mask[i, t] = True     for t < len(sequences[i])
                    pad_id                              False    after it

    Shapes: n sequences  ->  ids of int64, mask of bool, both (n, longest)
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, np.int64)
    ids[mask] = np.concatenate([np.asarray(sequence) for sequence in sequences])
    return ids, mask


def check_sequences(name: str, sequences: Sequences) -> list[Array]:
    """The sequences as arrays of int64; ValueError unless each holds an id, all >= 0."""
    checked = [np.asarray(sequence) for sequence in sequences]
    if not checked:
        raise ValueError(f"{name} is empty: give at least one sequence")
    for i, sequence in enumerate(checked):
        if sequence.ndim != 1 or sequence.size == 0:
            raise ValueError(
                f"{name}[{i}] has shape {sequence.shape}: a sequence holds at least 1 id"
            )
        if sequence.dtype.kind not in "iu" or sequence.min() < 0:
            raise ValueError(
                f"{name}[{i}] holds {sequence.dtype} from {sequence.min()}: ids are "
                f"integers from 0"
            )
    return [sequence.astype(np.int64) for sequence in checked]


def check_padding(name: str, sequences: list[Array], pad_id: int) -> None:
    """ValueError for a sequence that is nothing but padding: it says nothing."""
    for i, sequence in enumerate(sequences):
        if (sequence == pad_id).all():
            raise ValueError(f"{name}[{i}] is all padding (id {pad_id}): give tokens")
