"""Linear biases as a part of attention: scores fall with distance."""

from collections.abc import Callable

from minillm import functional as F
from minillm.layers.module import Buffer
from minillm.layers.order import NoOrder
from minillm.types import Array


class Alibi(NoOrder):
    """score - slope |i - j|, one fixed slope a head (Press et al. 2022, sec. 3).

    There is nothing to learn and no longest sequence.
    """

    def __init__(self, n_heads: int) -> None:
        self.slopes = Buffer(F.alibi_slopes(n_heads))

    def bias(
        self, n_queries: int, n_keys: int, like: Array
    ) -> tuple[Array, Callable[..., None]]:
        return F.alibi_bias(n_queries, n_keys, self.slopes.data), lambda dbias: None
