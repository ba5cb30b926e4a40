"""Prefix language modelling: read the beginning both ways, predict the rest."""

import numpy as np

from minillm.functional import IGNORED
from minillm.types import Array


def split_prefix(ids: Array, *, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Draw where each text is cut (Raffel et al. 2020, sec. 3.2.3; Wang et al. 2022).

        inputs, targets = ids[:, :-1], ids[:, 1:]
        prefix_length   uniform in 1, ..., seq_len, for each row
        a target counts at the positions t >= prefix_length - 1, else it is IGNORED (-100)

    The prefix is inputs[:prefix_length], all of which may look at all of it. Position
    t = prefix_length - 1 is its last, and has the first token after it as its target;
    before that place the model has read its own target, so those do not count.

    Shapes: ids (batch, seq_len + 1)  ->  inputs, targets (batch, seq_len),
        prefix_lengths (batch,), of int64
    Raises ValueError for ids that are no rows of at least 2 integers.
    """
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.shape[1] < 2 or ids.dtype.kind not in "iu":
        raise ValueError(
            f"ids of shape {ids.shape} and dtype {ids.dtype}: give (batch, seq_len + 1) "
            f"integers, seq_len at least 1"
        )
    ids = ids.astype(np.int64)
    batch, seq_len = ids.shape[0], ids.shape[1] - 1
    prefix_lengths = rng.integers(1, seq_len + 1, batch)
    counts = np.arange(seq_len) >= prefix_lengths[:, None] - 1
    return ids[:, :-1], np.where(counts, ids[:, 1:], IGNORED), prefix_lengths
