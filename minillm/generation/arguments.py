"""What generation accepts, checked at the door."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from minillm.types import Array


def check_temperature(t: Any) -> None:
    _require(_is_real(t) and 0 <= t < math.inf, "temperature", "a finite number >= 0", t)


def check_top_k(k: Any) -> None:
    _require(_is_whole(k) and k >= 1, "top_k", "a whole number >= 1", k)


def check_top_p(p: Any) -> None:
    _require(_is_real(p) and 0 < p <= 1, "top_p", "above 0 and at most 1", p)


def check_min_p(p: Any) -> None:
    _require(_is_real(p) and 0 <= p <= 1, "min_p", "from 0 to 1", p)


def check_penalty(penalty: Any) -> None:
    accepted = _is_real(penalty) and 0 < penalty < math.inf
    _require(accepted, "repetition_penalty", "a finite number above 0", penalty)


def check_score_penalty(name: str, penalty: Any) -> None:
    accepted = _is_real(penalty) and 0 <= penalty < math.inf
    _require(accepted, name, "a finite number >= 0", penalty)


def check_at_least_1(name: str, n: Any) -> None:
    _require(_is_whole(n) and n >= 1, name, "a whole number >= 1", n)


def check_token(name: str, token: Any, vocab_size: int) -> None:
    accepted = _is_whole(token) and 0 <= token < vocab_size
    _require(accepted, name, f"a token id from 0 to {vocab_size - 1}", token)


def checked_prompt(given: Any, vocab_size: int) -> list[int]:
    """Ids (n,) to continue, as a list of int: at least one, all in the vocabulary."""
    ids = np.asarray(given)
    if ids.size == 0:
        raise ValueError("the prompt is empty: give at least one token to continue")
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"ids {ids.dtype} {ids.shape}: give integers (n,)")
    prompt = [int(i) for i in ids]
    if wrong := [i for i in prompt if not 0 <= i < vocab_size]:
        raise ValueError(f"token id {wrong[0]} is out of range: 0 to {vocab_size - 1}")
    return prompt


def longest(config: Any) -> float:
    """A model's max_seq_len, or infinity where it knows no limit."""
    return math.inf if config.max_seq_len is None else config.max_seq_len


def check_context(
    n_prompt: int, max_new_tokens: int, room: float, advice: str = "shorten them"
) -> None:
    needed = n_prompt + max(0, max_new_tokens - 1)  # the last token is never read
    if needed > room:
        raise ValueError(
            f"a prompt of {n_prompt} tokens and {max_new_tokens} new ones exceed "
            f"max_seq_len {room}: {advice}"
        )


def check_writing(config: Any, n_prompt: int, max_new_tokens: Any, end_id: Any) -> None:
    """What every search for texts that end with end_id is given."""
    check_at_least_1("max_new_tokens", max_new_tokens)
    check_token("end_id", end_id, config.vocab_size)
    check_context(n_prompt, max_new_tokens, longest(config))


def checked_logits(given: Any) -> Array:
    """Logits as an array (..., vocab_size) of floats, with a distribution in every row.

    -inf is a logit like another; nan, +inf and a row of nothing but -inf are none.
    """
    z = np.asarray(given)
    floats = z.dtype.kind == "f" and z.ndim > 0 and z.shape[-1] > 0
    _require(floats, "logits", "floats (..., vocab_size)", z.dtype, z.shape)
    best = z.max(-1)  # nan if any is
    finite = np.isfinite(best)
    if not finite.all():
        given_best = best[~finite].flat[0]
        _require(False, "the largest logit of every row", "finite", given_best)
    return z


def checked_ids(previous_ids: Any, logits: Array) -> Array:
    """Ids (..., n) as an array that can index logits (..., vocab_size)."""
    found, (*rows, vocab_size) = np.asarray(previous_ids), np.shape(logits)
    if found.size == 0:
        found = found.astype(np.intp)  # NumPy takes [] for floats
    whole = found.dtype.kind in "iu" and found.ndim > 0
    _require(whole, "previous_ids", "integers (..., n)", found.dtype, found.shape)
    expected = f"({', '.join(map(str, [*rows, 'n']))}) beside logits {np.shape(logits)}"
    _require([*found.shape[:-1]] == rows, "previous_ids", expected, found.shape)
    outside = found[(found < 0) | (found >= vocab_size)]
    if outside.size:
        _require(False, "previous_ids", f"from 0 to {vocab_size - 1}", outside[0])
    return found.astype(np.intp)


def checked_distribution(given: Any) -> Array:
    """Probabilities (..., vocab_size) in float64, non-negative, adding up to 1."""
    p = np.asarray(given, np.float64)
    _require(p.ndim > 0, "probabilities", "an array (..., vocab_size)", p)
    negative = p[~(p >= 0)]  # or nan
    if negative.size:
        _require(False, "probabilities", "at least 0", negative[0])
    totals = p.sum(-1)
    off = totals[np.abs(totals - 1) > 1e-4]
    if off.size:
        _require(False, "probabilities of a row", "1 in sum", off[0])
    return p


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _require(accepted: bool, name: str, what: str, *given: Any) -> None:
    if not accepted:
        raise ValueError(f"{name} must be {what}, not {' '.join(map(str, given))}")
