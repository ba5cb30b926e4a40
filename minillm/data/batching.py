"""Windows of a long text: what the model reads, and what comes next."""

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np

from minillm.types import Array


class Windows:
    """Training batches that depend on (seed, step) alone.

    An epoch cuts the text into neighbouring windows from a random phase on, and
    visits each once in a random order; both are drawn from (seed, epoch):

        starts = phase + seq_len permutation(n)      n = (len(ids) - 1 - phase) // seq_len

    where the phase is below seq_len, so that epochs cut at different places. Batches
    follow one another through the epochs, across their borders too. Nothing is
    remembered between batches: a resumed run reads what it would have read.

    Units: seq_len in tokens, batch_size in windows.
    Errors: ValueError if ids hold no whole window, which is seq_len + 1 tokens.
    """

    def __init__(self, ids: Array, seq_len: int, batch_size: int, *, seed: int) -> None:
        _check(ids, seq_len, batch_size)
        if len(ids) < seq_len + 1:
            raise ValueError(
                f"a corpus of {len(ids)} tokens is shorter than one window of "
                f"{seq_len + 1}: seq_len {seq_len} and the token that follows"
            )
        if seed < 0:
            raise ValueError(f"seed {seed} is negative: it must be 0 or more")
        self.ids = ids.astype(np.int64)
        self.seq_len, self.batch_size, self.seed = seq_len, batch_size, seed
        self._epoch_begins = [0]  # in windows since step 0, as far as was asked for

    def batch(self, step: int) -> tuple[Array, Array]:
        """The inputs and targets of a step: targets are inputs, one token later.

        Shapes: each (batch_size, seq_len) of int64. Steps count from 0.
        """
        if step < 0:
            raise ValueError(f"step {step} is negative: steps count from 0")
        epoch, visited = self._place(step * self.batch_size)
        starts = self.epoch_starts(epoch)[visited:]
        while len(starts) < self.batch_size:
            epoch += 1
            starts = np.concatenate([starts, self.epoch_starts(epoch)])
        places = starts[: self.batch_size, None] + np.arange(self.seq_len)
        return self.ids[places], self.ids[places + 1]

    def epoch_starts(self, epoch: int) -> Array:
        """Where the windows of an epoch begin, in the order of their visits.

        Shapes: (n,) of int64.
        """
        rng = np.random.default_rng((self.seed, epoch))
        n_tokens = len(self.ids)
        phase = rng.integers(min(self.seq_len, n_tokens - self.seq_len))
        n = (n_tokens - 1 - phase) // self.seq_len
        return phase + self.seq_len * rng.permutation(n)

    def _place(self, window: int) -> tuple[int, int]:
        """The epoch of a window counted since step 0, and how many it had visited."""
        begins = self._epoch_begins
        while begins[-1] <= window:
            begins.append(begins[-1] + len(self.epoch_starts(len(begins) - 1)))
        epoch = bisect_right(begins, window) - 1
        return epoch, window - begins[epoch]


def evaluation_windows(
    ids: Array, seq_len: int, batch_size: int, stride: int | None = None
) -> Iterator[tuple[Array, Array, Array]]:
    """Batches in which every token but the first counts as a target exactly once.

    A window begins every `stride` tokens, seq_len unless it is given. With a smaller
    stride the windows overlap, and count only their last `stride` targets, each of
    which then has at least seq_len - stride tokens before it; only the first window
    counts all. What the last one lacks is filled with inputs and targets 0.

    Shapes: inputs, targets (batch, seq_len) of int64, weights alike of float32: 1 where
    a target counts, else 0; batch is batch_size, in the last one what is left.
    Errors: ValueError if ids hold no target, which takes 2 tokens, and for a stride
    outside [1, seq_len].
    """
    _check(ids, seq_len, batch_size)
    stride = seq_len if stride is None else stride
    n_targets = len(ids) - 1
    if not 1 <= stride <= seq_len:
        raise ValueError(f"stride {stride}: give 1 to seq_len, which is {seq_len}")
    if n_targets < 1:
        raise ValueError(f"a text of {len(ids)} tokens has nothing to predict: give 2")
    starts = np.arange(0, max(1, n_targets - seq_len + stride), stride)[:, None]
    places = starts + np.arange(seq_len)
    counted = (starts == 0) | (places >= starts + seq_len - stride)
    padded = np.pad(ids.astype(np.int64), (0, places[-1, -1] + 2 - len(ids)))
    inputs, targets = padded[places], padded[places + 1]
    weights = (counted & (places < n_targets)).astype(np.float32)
    inputs[places >= n_targets] = 0
    return (
        (
            inputs[i : i + batch_size],
            targets[i : i + batch_size],
            weights[i : i + batch_size],
        )
        for i in range(0, len(inputs), batch_size)
    )


def _check(ids: Array, seq_len: int, batch_size: int) -> None:
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(
            f"ids of shape {ids.shape} and dtype {ids.dtype}: give one axis of integers"
        )
    if seq_len < 1 or batch_size < 1:
        raise ValueError(
            f"seq_len {seq_len} and batch_size {batch_size} must both be at least 1"
        )
