"""Kneser-Ney smoothing: the strongest of the classical n-gram models."""

from itertools import pairwise

import numpy as np

from minillm.evaluation.ngrams import UNSEEN, NgramCounts, NgramModel
from minillm.types import Array


class KneserNey(NgramModel):
    """Interpolated, modified Kneser-Ney smoothing (Kneser & Ney 1995; Chen & Goodman
    1998, sec. 3). Every count pays a discount to the next shorter context h':

        p_n(w | h) = (c_n(h w) - D_n(c_n(h w))) / c_n(h) + gamma_n(h) p_{n-1}(w | h')
        gamma_n(h) = sum over w of D_n(c_n(h w)) / c_n(h)
        p_0(w)     = 1 / vocab_size

    where c_n counts occurrences for n = order, and below it the distinct tokens
    that precede an n-gram: "Francisco" is frequent, but follows one word alone, so
    it is a poor guess after a new one. A context that never occurred keeps nothing
    for itself: gamma_n = 1.

    Shapes: train_ids (n_tokens,) of int.
    Errors: ValueError if there are no ids, or ids outside of the vocabulary.
    """

    def __init__(self, train_ids: Array, vocab_size: int, order: int = 5) -> None:
        self.ngrams = NgramCounts(train_ids, vocab_size, order)
        self.kept: list[Array] = []  # c_n(h w) - D_n, of each n-gram
        self.totals: list[Array] = []  # c_n(h), of each (n-1)-gram
        self.passed_on: list[Array] = []  # sum of D_n, of each (n-1)-gram
        for n, counts in enumerate(self._counts(train_ids), start=1):
            paid = discounts(counts)[np.minimum(counts, 3)]
            self.kept.append(counts - paid)
            self.totals.append(self.ngrams.sum_by_context(n, counts))
            self.passed_on.append(self.ngrams.sum_by_context(n, paid))

    def _counts(self, ids: Array) -> list[Array]:
        """c_n of every n-gram, n = 1..order: each distinct (n+1)-gram counts once
        for the n-gram that it ends with."""
        contexts = self.ngrams.contexts(ids)
        ends = [self.ngrams.find(n, c, ids) for n, c in enumerate(contexts, start=1)]
        counts = []
        for n, (shorter, longer) in enumerate(pairwise(ends), start=1):
            numbers, first_places = np.unique(longer, return_index=True)
            suffixes = shorter[first_places[numbers != UNSEEN]]
            counts.append(np.bincount(suffixes, minlength=len(self.ngrams.tables[n])))
        return [*counts, self.ngrams.counts[-1]]

    def probabilities(self, contexts: list[Array], tokens: Array) -> Array:
        p = np.full(len(tokens), 1 / self.ngrams.vocab_size)
        for n, context in enumerate(contexts, start=1):
            kept = self.kept[n - 1][self.ngrams.find(n, context, tokens)]
            passed_on = self.passed_on[n - 1][context]
            total = self.totals[n - 1][context]
            p = np.where(total > 0, (kept + passed_on * p) / np.maximum(total, 1), p)
        return p


def discounts(counts: Array) -> Array:
    """What counts of 0, 1, 2, and 3 or more pay (Chen & Goodman 1998, sec. 3):

        Y  = n1 / (n1 + 2 n2)
        D1 = 1 - 2 Y n2 / n1     D2 = 2 - 3 Y n3 / n2     D3 = 3 - 4 Y n4 / n3

    where n1..n4 tell how many n-grams count 1..4. A text too small to have all of
    them, or so uneven that one of D1..D3 is not above 0, pays Y from every count (Ney
    et al. 1994), or a half without n1 or n2. So every count pays something and keeps
    something, and no token has probability 0.

    Shapes: counts, one for each n-gram  ->  (4,)
    """
    n1, n2, n3, n4 = (float(np.count_nonzero(counts == k)) for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
    if not (n1 and n2 and n3 and n4):
        return np.array([0.0, y, y, y])
    d = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.array([0.0, *d] if min(d) > 0 else [0.0, y, y, y])
