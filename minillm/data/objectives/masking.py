"""Masked language modelling: hide some tokens, and ask which they were."""

from collections.abc import Sequence

import numpy as np

from minillm.functional import IGNORED
from minillm.types import Array

MASKED, REPLACED = 0.8, 0.1  # of the chosen places; the rest keeps its token


def mask_tokens(
    ids: Array,
    *,
    mask_id: int,
    special_ids: Sequence[int],
    vocab_size: int,
    rng: np.random.Generator,
    mask: Array | None = None,
    rate: float = 0.15,
) -> tuple[Array, Array]:
    """Choose places and hide their tokens (Devlin et al. 2019, sec. 3.1 and A.1).

    Of the n eligible places of a row, those that hold a token which is not special,

        max(1, round(rate n))    are chosen, every set of that many as likely as any other

    so that a row with an eligible place has at least one target. Each chosen place is
    hidden by a draw of its own:

        inputs = mask_id                                with probability 0.8
                 an ordinary token, all as likely       with probability 0.1
                 as it was                              with probability 0.1
        targets = ids at the chosen places, IGNORED (-100) elsewhere

    The count is exact, as in the authors' code. The random token is drawn from all
    tokens that are not special; as there, it may be the original one by chance.

    Shapes: ids, mask (..., seq_len)  ->  inputs, targets alike, of int64. mask is True
    where there is a token and not padding; without it, everywhere.
    Raises ValueError for ids that are no integers of [0, vocab_size), a mask that does
    not fit, a rate outside (0, 1], and if every token is special.
    """
    ids = np.asarray(ids)
    _check(ids, mask, rate, vocab_size)
    ids = ids.astype(np.int64)
    special = np.zeros(vocab_size, bool)
    special[_inside("special_ids", special_ids, vocab_size)] = True
    special[_inside("mask_id", [mask_id], vocab_size)] = True
    ordinary = np.flatnonzero(~special)
    if ordinary.size == 0:
        raise ValueError(f"all {vocab_size} tokens are special: there is none to hide")

    eligible = ~special[ids] if mask is None else ~special[ids] & mask
    chosen = _choose(eligible, rate, rng)
    fate = rng.random(ids.shape)
    changed, masked = chosen & (fate < MASKED + REPLACED), chosen & (fate < MASKED)
    inputs = np.where(changed, rng.choice(ordinary, ids.shape), ids)
    return np.where(masked, mask_id, inputs), np.where(chosen, ids, IGNORED)


def _choose(eligible: Array, rate: float, rng: np.random.Generator) -> Array:
    """As many of each row's eligible places as its share says: those of lowest draws."""
    draws = np.where(eligible, rng.random(eligible.shape), np.inf)
    rank = draws.argsort(-1).argsort(-1)
    n = np.maximum(1, np.round(rate * eligible.sum(-1, keepdims=True)))
    return eligible & (rank < n)


def _check(ids: Array, mask: Array | None, rate: float, vocab_size: int) -> None:
    if ids.ndim < 1 or ids.dtype.kind not in "iu":
        raise ValueError(
            f"ids of shape {ids.shape} and dtype {ids.dtype}: give rows of integers"
        )
    _inside("ids", ids, vocab_size)
    if mask is not None and (mask.shape != ids.shape or mask.dtype != bool):
        raise ValueError(
            f"mask of shape {mask.shape} and dtype {mask.dtype}: give booleans of the "
            f"shape of ids, {ids.shape}"
        )
    if not 0 < rate <= 1:
        raise ValueError(f"rate {rate}: give 0 < rate <= 1")


def _inside(name: str, ids: Sequence[int] | Array, vocab_size: int) -> list[int] | Array:
    """The ids, which must lie in [0, vocab_size)."""
    given = np.asarray(ids)
    if given.size and given.dtype.kind not in "iu":
        raise ValueError(f"{name} of dtype {given.dtype}: give integers")
    if given.size and not (given.min() >= 0 and given.max() < vocab_size):
        raise ValueError(
            f"{name} {given.min()} to {given.max()}: the vocabulary has the ids 0 to "
            f"{vocab_size - 1}"
        )
    return given.astype(np.int64)
