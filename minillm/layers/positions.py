"""Absolute positions, added to the token embeddings."""

import numpy as np

from minillm import functional as F
from minillm.layers.module import Buffer, Module, Parameter
from minillm.types import Array, BackwardNone


class SinusoidalPositions(Module):
    """The fixed table of Vaswani et al. 2017, sec. 3.5: P (seq_len, d_model).

    Nothing is drawn; `rng` is taken so that both kinds of positions are made alike.
    """

    def __init__(self, max_seq_len: int, d_model: int, *, rng: np.random.Generator) -> None:
        self.table = Buffer(F.sinusoidal_positions(max_seq_len, d_model))

    def __call__(self, start: int, stop: int) -> tuple[Array, BackwardNone]:
        return self.table.data[start:stop].copy(), lambda dP: None


class LearnedPositions(Module):
    """A vector learned for each position, drawn from N(0, 1): P (seq_len, d_model)."""

    def __init__(self, max_seq_len: int, d_model: int, *, rng: np.random.Generator) -> None:
        self.weight = Parameter(rng.normal(0, 1, (max_seq_len, d_model)))

    def __call__(self, start: int, stop: int) -> tuple[Array, BackwardNone]:
        def backward(dP: Array) -> None:
            dweight = np.zeros_like(self.weight.data)
            dweight[start:stop] = dP
            self.weight.accumulate(dweight)

        return self.weight.data[start:stop].copy(), backward


class NoPositions(Module):
    """P = 0, for any length: order is told by attention, or by nothing at all."""

    def __init__(self, max_seq_len: int, d_model: int, *, rng: np.random.Generator) -> None:
        self.zero = Buffer(np.zeros((1, d_model)))

    def __call__(self, start: int, stop: int) -> tuple[Array, BackwardNone]:
        return self.zero.data.copy(), lambda dP: None
