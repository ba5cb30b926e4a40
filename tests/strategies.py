"""Hypothesis draws shapes and a seed; NumPy draws the numbers.

Shapes are what break array code, and they shrink to something readable. Normal
numbers stay clear of the kinks and overflows that finite differences dislike.
"""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from minillm.gradient_check.cases import scatter

__all__ = ["examples", "leading_shapes", "rngs", "scatter", "unequal_sizes", "widths"]

rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)
leading_shapes = st.lists(st.integers(1, 5), max_size=3).map(tuple)
widths = st.integers(3, 8)  # a normalised width: with two features a norm is a step


def examples(n):
    """n examples where the profile draws 25 by default, as many times more as it does.

    For a test whose examples are dear: under the nightly profile it draws ten times n.
    """
    return settings(max_examples=max(1, n * settings.default.max_examples // 25))


def unequal_sizes(n, smallest=1, largest=None):
    """n sizes that all differ, so that a forgotten transpose cannot hide."""
    largest = largest or smallest + n
    return st.lists(
        st.integers(smallest, largest), min_size=n, max_size=n, unique=True
    ).map(tuple)
