"""In which order examples are visited: a new one in every epoch."""

import numpy as np

from minillm.types import Array


class Shuffled:
    """Batches of places in a list of n examples; they depend on (seed, step) alone.

    An epoch visits each example once, in a random order drawn from (seed, epoch); epochs
    follow one another without a gap, so that a batch may reach across their border.
    """

    def __init__(self, n: int, batch_size: int, *, seed: int) -> None:
        if n < 1:
            raise ValueError("there are no examples: give at least one")
        if batch_size < 1:
            raise ValueError(f"batch_size {batch_size} must be at least 1")
        if seed < 0:
            raise ValueError(f"seed {seed} is negative: it must be 0 or more")
        self.n, self.batch_size, self.seed = n, batch_size, seed

    def places(self, step: int) -> Array:
        """The examples of a step, counted from 0: (batch_size,) of int64."""
        if step < 0:
            raise ValueError(f"step {step} is negative: steps count from 0")
        epoch, visited = divmod(step * self.batch_size, self.n)
        places = self._epoch(epoch)[visited:]
        while len(places) < self.batch_size:
            epoch += 1
            places = np.concatenate([places, self._epoch(epoch)])
        return places[: self.batch_size]

    def _epoch(self, epoch: int) -> Array:
        return np.random.default_rng((self.seed, epoch)).permutation(self.n)


def step_rng(seed: int, step: int) -> np.random.Generator:
    """Random numbers of a step that no epoch's order is drawn from."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(step,)))
