"""T5's relative bias as a part of attention: scores learn what distances are worth."""

from collections.abc import Callable

import numpy as np

from minillm import functional as F
from minillm.layers.module import Parameter
from minillm.layers.order import NoOrder
from minillm.types import Array


class RelativeBias(NoOrder):
    """score + weight[bucket of the distance, head] (Raffel et al. 2020, sec. 2.1).

    A subclass says how distances fall into buckets. As in T5, one of these is shared by
    all layers of a stack: its gradient is the sum of theirs. Drawn from N(0, 1), which is
    how widely scores spread at the start. Raises ValueError for buckets that do not fit.
    """

    buckets: Callable[..., Array]

    def __init__(
        self,
        n_heads: int,
        n_buckets: int = 32,
        max_distance: int = 128,
        *,
        rng: np.random.Generator,
    ) -> None:
        self.buckets(1, 1, n_buckets, max_distance)  # to be refused now, not in use
        self.max_distance = max_distance
        self.weight = Parameter(rng.normal(0, 1, (n_buckets, n_heads)))

    def bias(
        self, n_queries: int, n_keys: int, like: Array
    ) -> tuple[Array, Callable[..., None]]:
        n_buckets, _ = self.weight.data.shape
        buckets = self.buckets(n_queries, n_keys, n_buckets, self.max_distance, like)
        bias, bias_backward = F.relative_bias(buckets, self.weight.data)

        def backward(dbias: Array) -> None:
            self.weight.accumulate(bias_backward(dbias))

        return bias, backward


class CausalRelativeBias(RelativeBias):
    """For decoders: all buckets look back."""

    buckets = staticmethod(F.causal_buckets)


class BidirectionalRelativeBias(RelativeBias):
    """For encoders: half of the buckets look back, half ahead."""

    buckets = staticmethod(F.bidirectional_buckets)
