"""Interpolated n-grams: long contexts are precise, short ones are never at a loss."""

import numpy as np

from minillm.evaluation.ngrams import NgramCounts, NgramModel
from minillm.types import Array


class InterpolatedNgram(NgramModel):
    """A mixture of n-grams of all orders (Jelinek & Mercer 1980). For a bigram:

        p(w | h) = lambda2 c(h w) / c(h) + lambda1 c(w) / c + lambda0 / vocab_size

    In a context h that never occurred, the bigram's share goes to the unigram. The
    weights are those under which the last tenth of the training text is likeliest
    when the rest is counted (held-out interpolation); the whole of it is counted then.
    To the n tokens of that tenth one is added that was never counted, so that lambda0 is
    at least 1 / (n + 1) and no token has probability 0. Jelinek & Mercer take turns at
    what is held out (deleted interpolation) and let weights vary with c(h); here there is
    one tenth and one set.

    Shapes: train_ids (n_tokens,) of int. `weights` (order + 1,) from lambda0 up.
    Errors: ValueError if there are less than 2 ids, or ids outside of the vocabulary.
    """

    def __init__(self, train_ids: Array, vocab_size: int, order: int) -> None:
        if len(train_ids) < 2:
            raise ValueError(
                f"train_ids of {len(train_ids)} tokens: give 2, to count and to weigh"
            )
        n_held_out = -(-len(train_ids) // 10)
        counted, held_out = train_ids[:-n_held_out], train_ids[-n_held_out:]
        self.ngrams = NgramCounts(counted, vocab_size, order)
        parts = self._components(self.ngrams.contexts(held_out), held_out)
        never_counted = [[1 / vocab_size]] + [[0.0]] * order
        self.weights = fit_mixture(np.hstack([parts, never_counted]))
        self.ngrams = NgramCounts(train_ids, vocab_size, order)

    def probabilities(self, contexts: list[Array], tokens: Array) -> Array:
        return self.weights @ self._components(contexts, tokens)

    def _components(self, contexts: list[Array], tokens: Array) -> Array:
        """Relative frequencies by order, from the uniform distribution up.

        Shapes: order arrays (n,), tokens (n,)  ->  (order + 1, n)
        """
        p = np.full(len(tokens), 1 / self.ngrams.vocab_size)
        components = [p]
        for n, context in enumerate(contexts, start=1):
            counts = self.ngrams.counts[n]
            total = self.ngrams.sum_by_context(n, counts)[context]
            count = counts[self.ngrams.find(n, context, tokens)]
            p = np.where(total > 0, count / np.maximum(total, 1), p)
            components.append(p)
        return np.stack(components)


def fit_mixture(components: Array, tolerance: float = 1e-7) -> Array:
    """Weights under which a mixture is likeliest, by expectation-maximisation
    (Dempster et al. 1977): a component's weight becomes its mean responsibility,

        weights[k] <- mean over i of weights[k] p[k, i] / sum over j of weights[j] p[j, i]

    until none moves by more than the tolerance. The likelihood is concave in the
    weights, so that there is one optimum.

    Shapes: components (n_components, n), of which the first is positive everywhere
    ->  (n_components,), non-negative, of sum 1.
    """
    weights = np.full(len(components), 1 / len(components))
    while True:
        before = weights
        weights = weights * (components / (weights @ components)).mean(1)
        if not (np.abs(weights - before) > tolerance).any():
            return weights
