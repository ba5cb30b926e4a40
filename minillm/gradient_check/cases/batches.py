"""What models are trained on, drawn: padded, of unequal lengths, and not all of it counts.

Of six sizes the first four are batch, seq_len, d_ff and vocab_size - 1, the fifth is
n_target.
"""

from minillm import functional as F
from minillm.gradient_check.cases.case import Rng, Sizes
from minillm.types import Array

LABELS = ("yes", "no", "neither")
Batch = tuple[Array, ...]


def draws(sizes: Sizes) -> F.Draws:
    """What dropout draws: always the same, so that the loss has a slope."""
    return F.Draws(seed=1, step=2, examples=range(sizes[0]))


def some_ids(rng: Rng, sizes: Sizes, seq_len: int | None = None) -> Array:
    """(batch, seq_len) of int"""
    batch, n, _, largest_id, *_ = sizes
    return rng.integers(0, largest_id + 1, (batch, seq_len or n))


def some_tokens(rng: Rng, sizes: Sizes, seq_len: int | None = None) -> Array:
    """(batch, seq_len) of bool: padding here and there, and the last row nothing else."""
    batch, n, *_ = sizes
    is_token = rng.random((batch, seq_len or n)) < 0.7
    is_token[:, 0] = True
    is_token[-1] = batch == 1
    return is_token


def some_targets(rng: Rng, n: int, shape: tuple[int, ...]) -> Array:
    """Of n classes; three in ten do not count, the first one does."""
    targets = rng.integers(0, n, shape)
    targets[rng.random(shape) < 0.3] = F.IGNORED
    targets.flat[0] = 0
    return targets


def next_token_batch(rng: Rng, sizes: Sizes) -> Batch:
    ids = some_ids(rng, sizes)
    return ids, some_targets(rng, sizes[3] + 1, ids.shape)


def prefix_batch(rng: Rng, sizes: Sizes) -> Batch:
    """Prefixes of any length; the first one is short, so that something counts."""
    batch, seq_len, *_ = sizes
    prefix_lengths = rng.integers(0, seq_len + 1, batch)
    prefix_lengths[0] = 1
    return *next_token_batch(rng, sizes), prefix_lengths


def masked_batch(rng: Rng, sizes: Sizes) -> Batch:
    return *next_token_batch(rng, sizes), some_tokens(rng, sizes)


def token_label_batch(rng: Rng, sizes: Sizes) -> Batch:
    ids = some_ids(rng, sizes)
    return ids, some_targets(rng, len(LABELS), ids.shape), some_tokens(rng, sizes)


def text_label_batch(rng: Rng, sizes: Sizes) -> Batch:
    labels = some_targets(rng, len(LABELS), (sizes[0],))
    return some_ids(rng, sizes), labels, some_tokens(rng, sizes)


def pair_batch(rng: Rng, sizes: Sizes) -> Batch:
    n_target = sizes[4]
    inputs = some_ids(rng, sizes, n_target)
    targets = some_targets(rng, sizes[3] + 1, inputs.shape)
    masks = some_tokens(rng, sizes), some_tokens(rng, sizes, n_target)
    return some_ids(rng, sizes), inputs, targets, *masks
