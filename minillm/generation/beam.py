"""Beam search: keep several texts alive, and answer with the best that were completed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np

from minillm import functional as F
from minillm.device import to_host
from minillm.generation import arguments, scoring
from minillm.generation.sampling import top_k
from minillm.generation.stepper import AttentiveStepper, BatchStepper
from minillm.types import Array

# (ids, caches) -> log P of each next token (batch, vocab_size), and how it would look at
# the source (batch, n_source): its p_ij
Look: TypeAlias = Callable[[Array, list[Any]], tuple[Array, Array]]


@dataclass(frozen=True)
class Hypothesis:
    """A complete text, and what it is worth."""

    ids: tuple[int, ...]  # new tokens; the last is the end token, or the text was cut off
    log_probability: float  # log P(ids | prompt), the end token included
    score: float


def beam_search(
    model: BatchStepper,
    ids: Array,
    *,
    width: int,
    max_new_tokens: int,
    end_id: int,
    length_penalty: float = 0.0,
    coverage_penalty: float = 0.0,
) -> list[Hypothesis]:
    """At most `width` complete texts that continue `ids`, the best score first.

        candidates = {y + token: y in live, token in vocabulary}
        live       = the width most probable candidates
        complete  += those of them that end in end_id, which leave live

    (Sutskever et al. 2014, sec. 3.2). After max_new_tokens all that is live is complete.
    The search ends sooner when nothing live can still enter the answer: log P only falls,
    so no score exceeds log P / lp(max_new_tokens). Complete texts are ranked by

        s(Y, X) = log P(Y | X) / lp(Y) + cp(X; Y)

    (Wu et al. 2016, eq. 14; see `scoring`), where Y are the new tokens and the end token
    counts, length_penalty is alpha and coverage_penalty beta. Live ones compete by log P
    alone: they are equally long, and what they will cover is not known. So width 1 is
    greedy decoding, whatever the penalties. A width that never discards a candidate finds
    the best text of all; between the two, a wider beam may well find a worse one. Where
    texts tie, the lower ids come first. A text of probability 0 is none.

    Shapes: ids (n,) of int, n >= 1; all live texts are one batch to the model.
    Raises ValueError for an empty prompt, ids outside the vocabulary, a context that is
    too long, width or max_new_tokens < 1, penalties that are negative or not finite, and
    a coverage_penalty for a model that cannot say where it looks.
    """
    arguments.check_at_least_1("width", width)
    arguments.check_score_penalty("length_penalty", length_penalty)
    arguments.check_score_penalty("coverage_penalty", coverage_penalty)
    prompt = arguments.checked_prompt(ids, model.config.vocab_size)
    arguments.check_writing(model.config, len(prompt), max_new_tokens, end_id)
    look = _attentive(model) if coverage_penalty else _plain(model)

    caches, unread, best = model.caches(), np.array([prompt]), list[Hypothesis]()
    beam = _Beam(np.zeros((1, 0), int), np.zeros(1), np.zeros((1, 1)))
    highest = scoring.length_penalty(max_new_tokens, length_penalty)
    for n in range(1, max_new_tokens + 1):
        beam, rows = beam.extended(*look(unread, caches), width)
        ended = (beam.ids[:, -1] == end_id) | (n == max_new_tokens)
        best += beam.take(ended).hypotheses(length_penalty, coverage_penalty)
        best = sorted(best, key=lambda y: (-y.score, y.ids))[:width]
        beam, rows = beam.take(~ended), rows[~ended]
        if not rows.size or (len(best) == width and beam.bound(highest) < best[-1].score):
            break
        for cache in caches:
            cache.select(rows)
        unread = beam.ids[:, -1:]
    return best


@dataclass(frozen=True)
class _Beam:
    """Texts of equal length, one a row, in the order of their ids."""

    ids: Array  # (n_live, n)
    log_p: Array  # (n_live,)
    covered: Array  # (n_live, n_source): sum_j p_ij

    def extended(
        self, next_log_p: Array, weights: Array, width: int
    ) -> tuple["_Beam", Array]:
        """The `width` most probable continuations, and the row that each continues."""
        log_p = (self.log_p[:, None] + next_log_p).ravel()
        # in the order of ids before and after, and top_k keeps the lower of equals
        chosen = np.flatnonzero(top_k(log_p, width) > -np.inf)
        rows, tokens = np.divmod(chosen, next_log_p.shape[1])
        ids = np.column_stack([self.ids[rows], tokens])
        return _Beam(ids, log_p[chosen], (self.covered + weights)[rows]), rows

    def take(self, rows: Array) -> "_Beam":
        return _Beam(self.ids[rows], self.log_p[rows], self.covered[rows])

    def bound(self, highest_length_penalty: float) -> float:
        """No continuation of any row scores more: log P falls, and cp is at most 0."""
        return float(self.log_p.max()) / highest_length_penalty

    def hypotheses(self, alpha: float, beta: float) -> list[Hypothesis]:
        n = self.ids.shape[1]
        return [
            Hypothesis(tuple(ids), log_p, scoring.score(log_p, n, covered, alpha, beta))
            for ids, log_p, covered in zip(
                self.ids.tolist(), self.log_p.tolist(), self.covered, strict=True
            )
        ]


def _plain(model: BatchStepper) -> Look:
    def look(ids: Array, caches: list[Any]) -> tuple[Array, Array]:
        log_p = _log_probabilities(model.step(ids, caches)[:, -1])
        return log_p, np.zeros((len(log_p), 0))

    return look


def _attentive(model: BatchStepper) -> Look:
    if not hasattr(model, "step_with_attention"):
        raise ValueError(
            "coverage_penalty needs a model with a source and step_with_attention, "
            f"which {type(model).__name__} has not: leave it 0"
        )
    attentive = cast(AttentiveStepper, model)
    mask = attentive.source_mask
    real = slice(None) if mask is None else to_host(mask)[0]

    def look(ids: Array, caches: list[Any]) -> tuple[Array, Array]:
        logits, weights = attentive.step_with_attention(ids, caches)
        seen = to_host(weights[:, -1]).astype(np.float64)
        return _log_probabilities(logits[:, -1]), seen[:, real]

    return look


def _log_probabilities(logits: Array) -> Array:
    """log softmax over the last axis, on the host and in float64."""
    return F.log_softmax(arguments.checked_logits(to_host(logits)).astype(np.float64))[0]
