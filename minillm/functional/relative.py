"""T5's relative bias: scores learn what each distance is worth, in few buckets."""

import math

import numpy as np

from minillm.functional.positions import check_queries
from minillm.types import Array, Backward


def causal_buckets(
    n_queries: int,
    n_keys: int,
    n_buckets: int = 32,
    max_distance: int = 128,
    like: Array | None = None,
) -> Array:
    """The bucket of each key by how far back it is (Raffel et al. 2020, sec. 2.1).

        distance = max(i - j, 0)        from the query's position i to the key's, j
        exact    = floor(n_buckets / 2)        so many buckets hold one distance each
        bucket   = min(distance, exact)
                   + floor((n_buckets - exact) log(max(distance, exact) / exact)
                                                / log(max_distance / exact))

    and n_buckets - 1 at most: beyond `exact` a bucket holds a range that widens with
    distance, and the last one holds all from max_distance on. The queries are the last
    n_queries of n_keys positions.

    Shapes: -> (n_queries, n_keys) of int in [0, n_buckets), on the device of `like`
    Raises ValueError where n_buckets < 2, max_distance <= exact or n_queries > n_keys.
    """
    ahead = _ahead(n_queries, n_keys, like)
    return _buckets(np.maximum(-ahead, 0), n_buckets, max_distance)


def bidirectional_buckets(
    n_queries: int,
    n_keys: int,
    n_buckets: int = 32,
    max_distance: int = 128,
    like: Array | None = None,
) -> Array:
    """The bucket of each key by distance and side (Raffel et al. 2020, sec. 2.1).

        bucket = causal bucket of |i - j| among n_buckets / 2
                 + n_buckets / 2        where the key is ahead, j > i

    For encoders, which tell "three words ago" from "in three words".

    Shapes: -> (n_queries, n_keys) of int in [0, n_buckets), on the device of `like`
    Raises ValueError as causal_buckets does for half as many, and where n_buckets is odd.
    """
    if n_buckets % 2:
        raise ValueError(f"n_buckets {n_buckets} is odd: either side takes half of them")
    half = n_buckets // 2
    ahead = _ahead(n_queries, n_keys, like)
    return _buckets(np.abs(ahead), half, max_distance) + half * (ahead > 0)


def relative_bias(buckets: Array, table: Array) -> tuple[Array, Backward]:
    """Add to a score what its bucket has learned (Raffel et al. 2020, sec. 2.1).

        bias[h, i, j] = table[buckets[i, j], h]

    Backward. All pairs of one bucket teach the same entry:

        dtable[b, h] = sum of dbias[h, i, j] where buckets[i, j] == b

    Shapes:
        buckets (n_queries, n_keys) of int, table (n_buckets, n_heads)
        ->  bias (n_heads, n_queries, n_keys)
    """
    bias = np.take(table.T, buckets, axis=1)

    def backward(dbias: Array) -> Array:
        n_heads = table.shape[1]
        dtable = np.zeros_like(table, order="C")  # so that reshape(-1) is a view
        head = np.arange(n_heads, like=buckets)[:, None, None]
        entries = buckets * n_heads + head
        np.add.at(dtable.reshape(-1), entries.reshape(-1), dbias.reshape(-1))  # 1-D is fast
        return dtable

    return bias, backward


def _ahead(n_queries: int, n_keys: int, like: Array | None) -> Array:
    """How far each key stands ahead of each query, j - i: (n_queries, n_keys) of int."""
    check_queries(n_queries, n_keys)
    j = np.arange(n_keys, like=like)
    return j - j[n_keys - n_queries :, None]


def _buckets(distance: Array, n_buckets: int, max_distance: int) -> Array:
    """The equation of causal_buckets."""
    exact = n_buckets // 2
    if exact < 1 or max_distance <= exact:
        raise ValueError(
            f"n_buckets {n_buckets}, max_distance {max_distance}: give each direction 2 "
            "buckets at least, and a max_distance of more than half of them"
        )
    far = np.log(np.maximum(distance, exact) / exact) / math.log(max_distance / exact)
    wider = (n_buckets - exact) * far + 1e-9  # lest a whole number be rounded below itself
    bucket = np.minimum(distance, exact) + wider.astype(np.int64)
    return np.minimum(bucket, n_buckets - 1)
