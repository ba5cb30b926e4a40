"""Recurrent layers: what was read is carried on in a state of fixed size."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from minillm import functional as F
from minillm.layers.module import Module, Parameter
from minillm.layers.state_cache import StateCache
from minillm.types import Array, Backward, BackwardN


class Recurrent(Module):
    """The weights of a recurrence, and its state; a subclass says which recurrence.

    `n_maps` matrices stand side by side in x_weight (d_in, n_maps d), drawn from
    N(0, 1 / d_in), and in h_weight (d, n_maps d), drawn from N(0, 1 / d).
    """

    n_maps: ClassVar[int]
    recurrence: ClassVar[Callable[..., tuple[Array, BackwardN]]]

    def __init__(self, d_in: int, d: int, *, rng: np.random.Generator) -> None:
        width = self.n_maps * d
        self.x_weight = Parameter(rng.normal(0, d_in**-0.5, (d_in, width)), decay=True)
        self.h_weight = Parameter(rng.normal(0, d**-0.5, (d, width)), decay=True)
        self.bias = Parameter(np.zeros(width))

    def __call__(self, x: Array, state: Array | None = None) -> tuple[Array, BackwardN]:
        """x (batch, seq_len, d_in) -> y, the states after every position.

        `state` is the one before the first position, 0 unless it is given. The backward
        returns dx, and dstate if state was given. Raises ValueError for a state that
        does not fit.
        """
        weights = self.weights()
        first = self.first_state(x) if state is None else self._checked(x, state)
        y, recurrence_backward = self.recurrence(x, first, *(p.data for p in weights))

        def backward(dy: Array) -> tuple[Array, ...]:
            dx, dstate, *grads = recurrence_backward(dy)
            for p, grad in zip(weights, grads, strict=True):
                p.accumulate(grad)
            return (dx,) if state is None else (dx, dstate)

        return y, backward

    def weights(self) -> list[Parameter]:
        """In the order in which the recurrence takes them."""
        return [self.x_weight, self.h_weight, self.bias]

    def state_shape(self, batch: int) -> tuple[int, ...]:
        return batch, self.h_weight.data.shape[0]

    def first_state(self, x: Array) -> Array:
        return np.zeros_like(x, shape=self.state_shape(len(x)))

    def read(self, y: Array) -> tuple[Array, Backward]:
        """What the next layer sees of the states: h (batch, seq_len, d)."""
        return y, lambda dh: dh

    @staticmethod
    def last(y: Array) -> Array:
        """The state after the last position, with which the text can be continued."""
        return y[..., -1, :].copy()

    def step(self, x: Array, cache: StateCache) -> Array:
        """h for new positions x (batch, n_new, d_in). No gradients."""
        y, _ = self(x, cache.state)
        cache.replace(self.last(y), x.shape[1])
        return self.read(y)[0]

    def _checked(self, x: Array, state: Array) -> Array:
        expected = self.state_shape(len(x))
        if state.shape != expected:
            raise ValueError(f"state {state.shape}: give {expected} for this batch")
        return state


class Elman(Recurrent):
    """The simple recurrent network (Elman 1990): y (batch, seq_len, d) is every h."""

    n_maps = 1
    recurrence = staticmethod(F.elman)


class LSTM(Recurrent):
    """Long short-term memory: y (batch, 2, seq_len, d) is every h and every c.

    The forget gate's bias is 1 at the start, so that gates are rather open and memory
    lasts before it is learned what is worth it (Gers et al. 2000; the value by Jozefowicz
    et al. 2015). The other biases are 0. A state is (batch, 2, d): h and c.
    """

    n_maps = 4
    recurrence = staticmethod(F.lstm)

    def __init__(self, d_in: int, d: int, *, rng: np.random.Generator) -> None:
        super().__init__(d_in, d, rng=rng)
        self.bias.data[d : 2 * d] = 1

    def state_shape(self, batch: int) -> tuple[int, ...]:
        return batch, 2, self.h_weight.data.shape[0]

    def read(self, y: Array) -> tuple[Array, Backward]:
        """h alone: what the cell holds stays behind its output gate."""

        def backward(dh: Array) -> Array:
            dy = np.zeros_like(y)
            dy[:, 0] = dh
            return dy

        return y[:, 0].copy(), backward


class GRU(Recurrent):
    """The gated recurrent unit (Cho et al. 2014): y (batch, seq_len, d) is every h.

    All biases are 0 at the start; n_bias (d,) is the one inside of the reset.
    """

    n_maps = 3
    recurrence = staticmethod(F.gru)

    def __init__(self, d_in: int, d: int, *, rng: np.random.Generator) -> None:
        super().__init__(d_in, d, rng=rng)
        self.n_bias = Parameter(np.zeros(d))

    def weights(self) -> list[Parameter]:
        return [*super().weights(), self.n_bias]
