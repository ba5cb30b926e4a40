"""Whether numbers were drawn from the distribution that is claimed."""

import math

import numpy as np

NEVER = 1e-12  # the chance that a bound below is broken by good random numbers


def assert_drawn_from_normal(sample, std):
    """Mean and variance of n normal numbers, each within a bound that holds but for NEVER.

    The sum of squares is a chi-square variable of n degrees of freedom: it leaves
    n +- (2 sqrt(n t) + 2 t) with a chance of at most 2 exp(-t) (Laurent & Massart 2000).
    """
    n, t = sample.size, math.log(2 / NEVER)
    assert abs(sample.mean()) <= std * math.sqrt(2 * t / n)
    assert abs(np.sum(sample**2) / std**2 - n) <= 2 * math.sqrt(n * t) + 2 * t
