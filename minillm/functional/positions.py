"""Where a token stands, as a vector that can be added to what it is."""

import numpy as np

from minillm.types import Array


def sinusoidal_positions(n_positions: int, d_model: int) -> Array:
    """Each position as waves of growing length (Vaswani et al. 2017, sec. 3.5).

        PE[pos, 2i]     = sin(pos / 10000^(2i / d_model))
        PE[pos, 2i + 1] = cos(pos / 10000^(2i / d_model))

    A table, made once on the host in float64: there is nothing to differentiate.
    Wavelengths run from 2 pi up towards 10000 * 2 pi, and for an even d_model
    PE[pos + k] is a rotation of PE[pos] that depends on k alone.

    Shapes: -> (n_positions, d_model); an odd d_model ends with a sine
    """
    pos = np.arange(n_positions)[:, None]
    even = np.arange(0, d_model, 2)
    angle = pos / 10000.0 ** (even / d_model)
    PE = np.zeros((n_positions, d_model))
    PE[:, 0::2] = np.sin(angle)
    PE[:, 1::2] = np.cos(angle)[:, : d_model // 2]
    return PE


def check_queries(n_queries: int, n_keys: int) -> None:
    """Refuse more queries than keys: they are the last n_queries of n_keys positions."""
    if n_queries > n_keys:
        raise ValueError(
            f"n_queries {n_queries}: give {n_keys} at most, which is n_keys, as queries "
            "are the last of the keys' positions"
        )
