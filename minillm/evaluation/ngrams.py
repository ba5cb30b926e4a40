"""Counting n-grams, and what every model made of such counts can be asked."""

from abc import ABC, abstractmethod

import numpy as np

from minillm.types import Array

UNSEEN = -1  # the number of an n-gram that never occurred
ABOVE_ALL_KEYS = np.iinfo(np.int64).max


class NgramCounts:
    """Every n-gram of a text for n = 1..order, numbered within its n.

    An n-gram is a context, which is an (n-1)-gram, and the token after it:

        key = number(context) vocab_size + token

    The sorted distinct keys of one n are its table; the place of a key there is
    the n-gram's number, so an integer stands for an n-gram of any length. The one
    0-gram is the empty context, number 0. `counts[n][i]` tells how often n-gram i
    occurs. Arrays by number have one more entry, of 0, to which UNSEEN leads.

    Shapes: ids (n_tokens,) of int, each in [0, vocab_size).
    Errors: ValueError if there are no ids, or ids outside of the vocabulary.
    """

    def __init__(self, ids: Array, vocab_size: int, order: int) -> None:
        check_ids(ids, vocab_size)
        if order < 1:
            raise ValueError(f"order {order} must be at least 1")
        self.vocab_size, self.order = vocab_size, order
        self.tables: list[Array] = [np.array([0, ABOVE_ALL_KEYS])]
        self.counts: list[Array] = [np.array([len(ids), 0])]
        context = np.zeros(len(ids), np.int64)
        for n in range(1, order + 1):
            keys = (context * vocab_size + ids)[context != UNSEEN]
            table, counts = np.unique(keys, return_counts=True)
            self.tables.append(np.append(table, ABOVE_ALL_KEYS))
            self.counts.append(np.append(counts, 0))
            context = _one_later(self.find(n, context, ids))

    def find(self, n: int, contexts: Array, tokens: Array) -> Array:
        """The numbers of the n-grams made of contexts and tokens, or UNSEEN.

        Shapes: contexts (...), tokens (...)  ->  (...) of int64.
        """
        keys = contexts * self.vocab_size + tokens  # below 0 if the context is UNSEEN
        places = np.searchsorted(self.tables[n], keys)
        return np.where(self.tables[n][places] == keys, places, UNSEEN)

    def contexts(self, ids: Array) -> list[Array]:
        """What stands before each token of any text: contexts(ids)[n][t] is the
        number of the n-gram ids[t - n : t], for n = 0..order - 1.

        Shapes: ids (n_tokens,)  ->  order arrays (n_tokens,).
        """
        found = [np.zeros(len(ids), np.int64)]
        for n in range(1, self.order):
            found.append(_one_later(self.find(n, found[-1], ids)))
        return found

    def sum_by_context(self, n: int, values: Array) -> Array:
        """Add up values of the n-grams that share a context.

        Shapes: values, one for each n-gram  ->  one for each (n-1)-gram, float64.
        """
        contexts = self.tables[n][:-1] // self.vocab_size
        return np.bincount(contexts, values[:-1], len(self.tables[n - 1]))


class NgramModel(ABC):
    """A distribution over the next token, given the few tokens before it."""

    ngrams: NgramCounts

    @abstractmethod
    def probabilities(self, contexts: list[Array], tokens: Array) -> Array:
        """p(token | context) for contexts as `NgramCounts.contexts` numbers them.

        Shapes: order arrays (n,), tokens (n,)  ->  (n,)
        """

    def nats_per_token(self, ids: Array) -> float:
        """The mean of -ln p over all tokens of a text; the first see shorter contexts.

        Errors: ValueError if there are no ids, or ids outside of the vocabulary.
        """
        check_ids(ids, self.ngrams.vocab_size)
        return float(-np.log(self.probabilities(self.ngrams.contexts(ids), ids)).mean())

    def distribution(self, context: Array) -> Array:
        """p(token | context) for every token of the vocabulary.

        Shapes: context (n_tokens,), of which the last order - 1 count  ->  (vocab_size,)
        """
        tokens = np.arange(self.ngrams.vocab_size)
        with_next = np.append(context.astype(np.int64), 0)
        last = [found[-1] for found in self.ngrams.contexts(with_next)]
        return self.probabilities([np.full_like(tokens, i) for i in last], tokens)


def check_ids(ids: Array, vocab_size: int) -> None:
    if ids.ndim != 1 or len(ids) == 0:
        raise ValueError(f"ids of shape {ids.shape}: give one axis with 1 token or more")
    if ids.min() < 0 or ids.max() >= vocab_size:
        raise ValueError(
            f"ids from {ids.min()} to {ids.max()} leave the vocabulary of {vocab_size}"
        )


def _one_later(ends: Array) -> Array:
    """What ends with one token stands before the next; nothing precedes the first."""
    return np.concatenate([[UNSEEN], ends[:-1]])
