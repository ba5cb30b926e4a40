"""How far a count may lie from what its probability says."""

import math


def likely(count, n, p, sigmas=6.5):
    """Whether `count` of n independent draws is one that probability p would give.

    Six and a half standard errors: one false alarm in 10^10 counts, and the seeds of
    these tests are fixed.
    """
    return abs(count - n * p) <= sigmas * math.sqrt(n * p * (1 - p))
