"""Attention with linear biases: the further back a key, the less it scores."""

import numpy as np

from minillm.functional.positions import check_queries
from minillm.types import Array


def alibi_slopes(n_heads: int) -> Array:
    """How steeply each head forgets (Press et al. 2022, sec. 3).

        slope[h] = 2^(-8 (h + 1) / n_heads)

    where n_heads is a power of two: 1/2, 1/4, ... 1/256 for eight heads. For other
    numbers the authors take p, the largest power of two below n_heads, and place the
    heads that remain half-way between its exponents, beginning with the steepest:

        slope[h]     = 2^(-8 (h + 1) / p)           for the first p heads
        slope[p + h] = 2^(-8 (h + 1/2) / p)         for the n_heads - p others

    Made once on the host in float64: slopes are not learned.

    Shapes: -> (n_heads,)
    Raises ValueError for n_heads < 1.
    """
    if n_heads < 1:
        raise ValueError(f"n_heads {n_heads}: give at least 1")
    p = 1 << (n_heads.bit_length() - 1)
    rank = np.concatenate([np.arange(p) + 1, np.arange(n_heads - p) + 0.5])
    return 2.0 ** (-8 * rank / p)


def alibi_bias(n_queries: int, n_keys: int, slopes: Array) -> Array:
    """What each score loses with distance (Press et al. 2022, sec. 3).

        bias[h, i, j] = -slope[h] |i - j|

    where i and j are positions: the queries are the last n_queries of n_keys. The
    paper's queries look back only; |i - j| serves those that look both ways too.

    Shapes: slopes (n_heads,)  ->  (n_heads, n_queries, n_keys) in the slopes' dtype
    Raises ValueError for more queries than keys.
    """
    check_queries(n_queries, n_keys)
    j = np.arange(n_keys, dtype=slopes.dtype, like=slopes)
    i = j[n_keys - n_queries :, None]
    return -slopes[:, None, None] * np.abs(i - j)
