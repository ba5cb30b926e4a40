"""Choose the next token: maps from logits to logits, one softmax, one draw.

Every map takes logits (..., vocab_size) and returns logits of the same shape and dtype
in which a forbidden token has -inf. None needs luck: the only random step is `sample`.
All of it runs on the host in NumPy and carries no gradients.

Where tokens tie, the lower id ranks first, everywhere, so that greedy decoding, top_k
with k = 1 and top_p with a small p choose the same token.
"""

import numpy as np

from minillm.generation import arguments
from minillm.types import Array

# Probabilities within this of a threshold count as equal to it: float32 logits cannot
# say more, and 0.2 + 0.1 <= 0.3 is false in float64.
ROUNDING = 1e-6


def probabilities(logits: Array) -> Array:
    """Softmax over the last axis, in float64: (..., vocab_size) -> (..., vocab_size).

        p_i = exp(z_i) / sum_j exp(z_j)

    where z are the logits; a logit of -inf has probability exactly 0.
    """
    z = arguments.checked_logits(logits).astype(np.float64)
    p = np.exp(z - z.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return p


def greedy(logits: Array) -> Array:
    """All mass on the largest logit, the first if several are: 0 there, -inf elsewhere."""
    z = arguments.checked_logits(logits)
    best = z.argmax(-1)[..., None]
    return np.where(np.arange(z.shape[-1]) == best, 0, -np.inf).astype(z.dtype)


def temperature(logits: Array, t: float) -> Array:
    """Divide by t: below 1 sharpens, above 1 flattens (Holtzman et al. 2020, eq. 4).

        (z_i - max_j z_j) / t

    The shift changes no probability and lets t be as small as it likes. At t = 0, which
    is the limit wherever no tokens tie for the best: greedy.

    Errors: t must be finite and at least 0.
    """
    arguments.check_temperature(t)
    if t == 0:
        return greedy(logits)
    z = arguments.checked_logits(logits)
    with np.errstate(over="ignore"):  # to -inf: a probability that is 0 in any case
        scaled = (z - z.max(-1, keepdims=True)).astype(np.float64) / t
        return scaled.astype(z.dtype)


def top_k(logits: Array, k: int) -> Array:
    """Keep the k best tokens (Fan et al. 2018), all if k exceeds vocab_size.

    Exactly k: of tokens that tie at the boundary the lower ids stay. Libraries that
    compare with the k-th logit keep them all.

    Errors: k must be a whole number from 1.
    """
    arguments.check_top_k(k)
    z = arguments.checked_logits(logits)
    if k >= z.shape[-1]:
        return z.copy()
    boundary = np.partition(z, -k)[..., [-k]]
    above, tied = z > boundary, z == boundary
    room = k - above.sum(-1, keepdims=True)
    return _keep(z, above | (tied & (tied.cumsum(-1) <= room)))


def top_p(logits: Array, p: float) -> Array:
    """Nucleus sampling: the smallest set that reaches p (Holtzman et al. 2020, eq. 2).

    Ranked tokens are kept until their cumulative probability is at least p (to
    ROUNDING): a token stays if those before it fall short of p. The best always stays.

    Errors: p must be above 0 and at most 1, where everything stays.
    """
    arguments.check_top_p(p)
    z = arguments.checked_logits(logits)
    if p == 1:
        return z.copy()
    order, cumulative = _ranked(z)
    stays = np.ones(z.shape, bool)
    stays[..., 1:] = cumulative[..., :-1] < p - ROUNDING
    return _keep(z, _unranked(stays, order))


def top_p_at_most(logits: Array, p: float) -> Array:
    """The other rule called top-p: ranked tokens while their cumulative probability <= p.

    It stops before p where `top_p` stops after: 0.2, 0.1, 0.05, ... at p = 0.3 keeps two
    under both rules, at p = 0.25 one under this and two under Holtzman's. "<=" holds to
    ROUNDING. The best token always stays, even if it alone exceeds p.

    Errors: p must be above 0 and at most 1.
    """
    arguments.check_top_p(p)
    z = arguments.checked_logits(logits)
    order, cumulative = _ranked(z)
    stays = cumulative <= p + ROUNDING
    stays[..., 0] = True
    return _keep(z, _unranked(stays, order))


def min_p(logits: Array, p: float) -> Array:
    """Keep tokens at least p times as probable as the best (Nguyen et al. 2024).

        p_i >= p max_j p_j

    where ">=" holds to a relative ROUNDING. Ties stay or go together.

    Errors: p must be from 0 (keeps all) to 1 (keeps the best and its equals).
    """
    arguments.check_min_p(p)
    z = arguments.checked_logits(logits)
    ratio = np.exp((z - z.max(-1, keepdims=True)).astype(np.float64))
    return _keep(z, ratio >= p * (1 - ROUNDING))


def repetition_penalty(logits: Array, previous_ids: Array, penalty: float) -> Array:
    """Make every token that already occurred less likely (Keskar et al. 2019, sec. 4.1).

        z_i / penalty if z_i > 0 else z_i penalty,    for i in previous_ids

    where the paper divides in both cases; that would favour a repeated token whose logit
    is negative. A token counts once, however often it occurred. Logits are compared with
    0, so this map alone depends on what a shift of all logits would not change: use it
    first. A penalty below 1 invites repetition. What would leave the range of the dtype
    stays at its end, so that no penalty makes a token impossible or certain by overflow.

    Shapes: logits (..., vocab_size), previous_ids (..., n), n >= 0 -> (..., vocab_size).
    Errors: penalty must be finite and above 0, ids from 0 to vocab_size - 1.
    """
    arguments.check_penalty(penalty)
    z, ids = arguments.checked_logits(logits), arguments.checked_ids(previous_ids, logits)
    seen = np.zeros(z.shape, bool)
    np.put_along_axis(seen, ids, True, axis=-1)
    ends = np.finfo(z.dtype)
    penalty = min(max(float(penalty), float(ends.tiny)), float(ends.max))
    with np.errstate(over="ignore"):
        scaled = np.where(z > 0, z / penalty, z * penalty)
    return np.where(seen & np.isfinite(z), scaled.clip(ends.min, ends.max), z)


def sample(probabilities: Array, rng: np.random.Generator) -> Array:
    """Draw one token id a row by inverting the distribution function, in float64.

    u is uniform on [0, 1); the id is the first whose cumulative probability exceeds u.
    A token of probability 0 is never drawn. One uniform number is used for each row.

    Shapes: probabilities (..., vocab_size) -> ids (...), int64.
    Errors: probabilities must be at least 0 and add up to 1 (to 1e-4) in every row.
    """
    cumulative = arguments.checked_distribution(probabilities).cumsum(-1)
    # the last sum may miss 1 by rounding: u is scaled to it
    u = rng.random((*cumulative.shape[:-1], 1)) * cumulative[..., -1:]
    return (cumulative <= u).sum(-1)


def _keep(z: Array, stays: Array) -> Array:
    return np.where(stays, z, -np.inf).astype(z.dtype)


def _ranked(z: Array) -> tuple[Array, Array]:
    """Ids from best to worst, ties by id, and their cumulative probabilities."""
    order = np.argsort(-z, kind="stable")
    return order, np.take_along_axis(probabilities(z), order, axis=-1).cumsum(-1)


def _unranked(stays: Array, order: Array) -> Array:
    """What was decided by rank, put back in the order of ids."""
    by_id = np.empty_like(stays)
    np.put_along_axis(by_id, order, stays, axis=-1)
    return by_id
