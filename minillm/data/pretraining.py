"""Batches whose questions are drawn afresh at every step: masks, spans, prefixes.

All have `batch(step)`, which depends on (seed, step) alone: which windows of a text come
is drawn as in batching.py, which examples as in shuffled.py, and what is asked of them
from the step.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from minillm.data.batching import Windows
from minillm.data.examples import Batch, pairs_batch
from minillm.data.objectives import corrupt, mask_tokens, split_prefix
from minillm.data.padding import Sequences, check_padding, check_sequences, pad
from minillm.data.shuffled import Shuffled, step_rng
from minillm.types import Array


class MaskedWindows:
    """Windows of a long text with hidden tokens: see mask_tokens.

    Batches: inputs, targets and mask (True everywhere), each (batch_size, seq_len).
    Raises ValueError as Windows and mask_tokens do.
    """

    def __init__(
        self,
        ids: Array,
        seq_len: int,
        batch_size: int,
        *,
        seed: int,
        mask_id: int,
        special_ids: Sequence[int],
        vocab_size: int,
        rate: float = 0.15,
    ) -> None:
        self.windows = Windows(ids, seq_len, batch_size, seed=seed)
        self.ask = partial(
            mask_tokens,
            mask_id=mask_id,
            special_ids=special_ids,
            vocab_size=vocab_size,
            rate=rate,
        )
        self.ask(np.unique(self.windows.ids), rng=step_rng(seed, 0))  # refuse bad ids now

    def batch(self, step: int) -> Batch:
        ids, _ = self.windows.batch(step)
        inputs, targets = self.ask(ids, rng=step_rng(self.windows.seed, step))
        return inputs, targets, np.ones(ids.shape, bool)


class MaskedExamples:
    """Sequences of different lengths with hidden tokens: see mask_tokens.

    Batches: inputs, targets and mask, each (batch_size, longest).
    Raises ValueError as mask_tokens does, and for empty or all-padding sequences.
    """

    def __init__(
        self,
        sequences: Sequences,
        batch_size: int,
        *,
        seed: int,
        mask_id: int,
        special_ids: Sequence[int],
        vocab_size: int,
        rate: float = 0.15,
        pad_id: int = 0,
    ) -> None:
        self.sequences = check_sequences("sequences", sequences)
        check_padding("sequences", self.sequences, pad_id)
        self.shuffled = Shuffled(len(sequences), batch_size, seed=seed)
        self.pad_id = pad_id
        self.ask = partial(
            mask_tokens,
            mask_id=mask_id,
            special_ids=special_ids,
            vocab_size=vocab_size,
            rate=rate,
        )
        every_id = np.unique(np.concatenate([*self.sequences, [pad_id]]))
        self.ask(every_id, rng=step_rng(seed, 0))  # refuse bad ids now

    def batch(self, step: int) -> Batch:
        places = self.shuffled.places(step)
        ids, mask = pad([self.sequences[i] for i in places], self.pad_id)
        rng = step_rng(self.shuffled.seed, step)
        inputs, targets = self.ask(ids, mask=mask, rng=rng)
        return inputs, targets, mask


class SpanCorruptedWindows:
    """Windows of a long text with spans cut out: see corrupt.

    Batches: source, inputs, targets, source_mask, target_mask, as PairExamples gives
    them; windows are equally long, so that nothing is padded.
    Raises ValueError as Windows and corrupt do.
    """

    def __init__(
        self,
        ids: Array,
        seq_len: int,
        batch_size: int,
        *,
        seed: int,
        sentinel_ids: Sequence[int],
        start_id: int,
        end_id: int,
        density: float = 0.15,
        mean_span: float = 3.0,
    ) -> None:
        self.windows = Windows(ids, seq_len, batch_size, seed=seed)
        self.start_id, self.end_id = start_id, end_id
        self.corrupt = partial(
            corrupt, sentinel_ids=sentinel_ids, density=density, mean_span=mean_span
        )
        self.corrupt(self.windows.ids[:seq_len], rng=step_rng(seed, 0))  # refuse now
        inside = self.windows.ids[np.isin(self.windows.ids, sentinel_ids)]
        if inside.size:
            raise ValueError(f"the text holds the sentinel {inside[0]}: it must hold none")

    def batch(self, step: int) -> Batch:
        rng = step_rng(self.windows.seed, step)
        windows, _ = self.windows.batch(step)
        pairs = [self.corrupt(window, rng=rng) for window in windows]
        sources, targets = zip(*pairs, strict=True)
        return pairs_batch(sources, targets, self.start_id, self.end_id, pad_id=0)


class PrefixWindows:
    """Windows of a long text, each cut into a prefix and the rest: see split_prefix.

    Batches: inputs, targets (batch_size, seq_len), prefix_lengths (batch_size,).
    Raises ValueError as Windows does.
    """

    def __init__(self, ids: Array, seq_len: int, batch_size: int, *, seed: int) -> None:
        self.windows = Windows(ids, seq_len, batch_size, seed=seed)

    def batch(self, step: int) -> Batch:
        inputs, following = self.windows.batch(step)
        ids = np.concatenate([inputs, following[:, -1:]], 1)
        return split_prefix(ids, rng=step_rng(self.windows.seed, step))
