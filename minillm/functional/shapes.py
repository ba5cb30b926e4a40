"""Small reshapings and sums shared by the equations."""

import numpy as np

from minillm.types import Array


def rows(x: Array) -> Array:
    """View (..., d) as (n, d): every position becomes a row."""
    return x.reshape(-1, x.shape[-1])


def dot(x: Array, y: Array) -> Array:
    """sum(x y) over the last axis, kept: (..., d), (..., d) -> (..., 1)."""
    return np.einsum("...d,...d->...", x, y)[..., None]


def sum_to(dx: Array, shape: tuple[int, ...]) -> Array:
    """The backward of broadcasting: add up every copy that was made of x.

    dx has the shape that x was broadcast to; the sum has the shape x had.
    """
    extra = dx.ndim - len(shape)
    stretched = [a for a in range(dx.ndim) if a < extra or shape[a - extra] < dx.shape[a]]
    if stretched:
        dx = dx.sum(tuple(stretched))
    return dx.reshape(shape)
