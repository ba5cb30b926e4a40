"""What a whole text is worth to beam search: its probability, its length, its coverage."""

import numpy as np

from minillm.types import Array


def score(log_p: float, n: int, covered: Array, alpha: float, beta: float) -> float:
    """Probable, but not for being short, and true to all of the source.

        s(Y, X) = log P(Y | X) / lp(Y) + cp(X; Y)

    (Wu et al. 2016, eq. 14), where log_p is log P(Y | X) and n is |Y|. With alpha = 0
    and beta = 0 it is log P.

    Shapes: covered (n_source,), see coverage_penalty
    """
    return log_p / length_penalty(n, alpha) + coverage_penalty(covered, beta)


def length_penalty(n: int, alpha: float) -> float:
    """What log P of a text of n tokens is divided by (Wu et al. 2016, eq. 14).

        lp(Y) = (5 + |Y|)^alpha / (5 + 1)^alpha

    Every token makes log P fall, so the plain sum prefers short texts. alpha = 0 is that
    sum; towards alpha = 1, for long texts, the score is nearly a mean over tokens.
    """
    with np.errstate(over="ignore"):  # to inf: then every score is 0
        return float(np.float64((5 + n) / (5 + 1)) ** alpha)


def coverage_penalty(covered: Array, beta: float) -> float:
    """Below 0 as long as a source word was looked at less than once in all.

        cp(X; Y) = beta sum_i log(min(sum_j p_ij, 1))

    (Wu et al. 2016, eq. 14), where p_ij is the attention of the j-th target word on the
    i-th source word, and covered_i = sum_j p_ij. A word that was never looked at makes
    it -inf, at any beta but 0.

    Shapes: covered (n_source,), of real source words only: no padding
    """
    if beta == 0:
        return 0.0
    with np.errstate(divide="ignore"):  # log 0 = -inf is meant
        return beta * float(np.log(np.minimum(covered, 1)).sum())
