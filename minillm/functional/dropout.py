"""Dropout: learn with random features missing, so that none is relied upon."""

import numpy as np

from minillm.functional.draws import Uniform
from minillm.types import Array, Backward


def dropout(x: Array, rate: float, *, rng: Uniform | None = None) -> tuple[Array, Backward]:
    """Zero each feature with probability `rate` (Srivastava et al. 2014, sec. 4).

        keep = (uniform(0, 1) >= rate) / (1 - rate)
        y    = x keep

    The paper (whose p is 1 - rate) scales the weights down when the network is used.
    Scaling up what is kept while it learns gives the same expectation, E[y] = x, and
    use needs nothing at all: rng=None is the identity.

    Backward. What was dropped did not matter, what was kept counted more:

        dx = dy keep

    `rng` is a NumPy Generator, or Draws, whose numbers depend on nothing but their key.

    Shapes: x (batch, ...)  ->  y (batch, ...)
    Raises ValueError unless 0 <= rate < 1.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate {rate} is not a dropout rate: give 0 <= rate < 1")
    if rng is None or rate == 0:
        return x.copy(), lambda dy: dy.copy()
    uniform = np.asarray(rng.random(x.shape, dtype=np.float32), like=x)
    keep = np.multiply(uniform >= rate, 1 / (1 - rate), dtype=x.dtype)
    y = x * keep

    def backward(dy: Array) -> Array:
        return dy * keep

    return y, backward
