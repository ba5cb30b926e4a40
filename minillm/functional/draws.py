"""Random numbers that are looked up, not used up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from minillm.types import Array, DType

SITES = 1 << 10  # children of one place, and so the base of a site's number


class Uniform(Protocol):
    """What dropout asks of its rng: a NumPy Generator serves, and so does Draws."""

    def random(self, size: Any, dtype: Any) -> Array: ...


@dataclass(frozen=True)
class Draws:
    """Uniform numbers keyed by (seed, step, site, example) (Salmon et al. 2011).

    A counter-based generator is a function of its key: the same place in the
    model draws the same numbers for the same example at the same step, whatever
    was drawn before, on however many threads, and after a resumed run.

        draws = Draws(seed=0, step=120, examples=range(16))
        block_draws = draws.child(3)            another place in the model
        half = draws.take(slice(0, 8))          the first eight examples

    The generator is Philox: its key is (seed, step), and its counter begins at
    (0, site, example, 0), where the first word counts on. `examples` holds the number,
    within the step, of each row of the batch.
    """

    seed: int
    step: int
    examples: Sequence[int]
    site: int = 0

    def child(self, i: int) -> Self:
        """The draws of the i-th part of this place, 0 <= i < 1023; six levels deep."""
        site = self.site * SITES + i + 1
        if not 0 <= i < SITES - 1 or site >= SITES**6:
            raise ValueError(f"child {i} of site {self.site}: at most 1023 parts, 6 levels")
        return replace(self, site=site)

    def take(self, part: slice) -> Self:
        """The draws of some examples of the batch."""
        return replace(self, examples=self.examples[part])

    def random(self, size: tuple[int, ...], dtype: DType = np.float32) -> Array:
        """Uniform on [0, 1), shape (n_examples, ...): each row by its own key."""
        if size[0] != len(self.examples):
            raise ValueError(
                f"size {size}: there are {len(self.examples)} examples to draw"
            )
        u = np.empty(size, dtype)
        rows = u.reshape(size[0], math.prod(size[1:]))
        for row, example in zip(rows, self.examples, strict=True):
            key = np.array([self.seed, self.step], np.uint64)
            counter = np.array([0, self.site, example, 0], np.uint64)
            bits = np.random.Philox(key=key, counter=counter)
            np.random.Generator(bits).random(out=row, dtype=dtype)
        return u
