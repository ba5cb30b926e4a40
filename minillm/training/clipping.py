"""Gradient clipping: no step is longer than the rest by far."""

import numpy as np

from minillm.types import Array


def clip_by_global_norm(grad: Array, limit: float) -> Array:
    """Shorten the whole gradient to `limit`, in place (Pascanu et al. 2013, alg. 1).

        norm = sqrt(sum(g^2))
        g    = g limit / norm        where norm > limit

    All parameters together are one vector: its direction stays. Returns the norm
    before, as an array (), which nothing here reads: a device need not be waited for.
    Raises ValueError unless limit is above 0.
    """
    check_clip(limit)
    norm = np.sqrt(grad @ grad)
    grad *= 1 / np.maximum(norm / limit, 1.0)  # no division by a norm of 0
    return norm


def check_clip(limit: float) -> None:
    """Raises ValueError unless limit is above 0."""
    if not limit > 0:
        raise ValueError(f"clip {limit} must be above 0: infinity clips nothing")
