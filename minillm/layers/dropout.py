from minillm import functional as F
from minillm.layers.module import Module
from minillm.types import Array, Backward


class Dropout(Module):
    """Dropout at a fixed rate; without an rng, or at rate 0, the identity."""

    def __init__(self, rate: float) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"dropout {rate!r}: give 0 <= dropout < 1")
        self.rate = rate

    def __call__(self, x: Array, rng: F.Uniform | None = None) -> tuple[Array, Backward]:
        return F.dropout(x, self.rate, rng=rng)
