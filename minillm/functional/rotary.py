"""Rotary positions: turn queries and keys by angles that grow with their position.

A query at m and a key at n, both turned, meet at an angle that m - n decides: their
inner product depends on how far apart they stand and on nothing else about where
(Su et al. 2021, eq. 16). The feature pairs that turn are neighbours in the paper and
lie half a head apart in GPT-NeoX and LLaMA: the same up to the order of the features.
"""

from types import EllipsisType

import numpy as np

from minillm.types import Array, Backward

Features = tuple[EllipsisType, slice]


def rotary_table(
    n_positions: int, d_head: int, base: float = 10000.0
) -> tuple[Array, Array]:
    """The cosine and the sine of every angle (Su et al. 2021, eq. 15, i from 0).

        theta_i     = base^(-2i / d_head)                 for each of d_head / 2 pairs
        cos[pos, i] = cos(pos theta_i)
        sin[pos, i] = sin(pos theta_i)

    Made once on the host in float64: there is nothing to differentiate.

    Shapes: -> cos and sin, each (n_positions, d_head / 2); d_head is even
    """
    theta = base ** (-np.arange(0, d_head, 2) / d_head)
    angle = np.arange(n_positions)[:, None] * theta
    return np.cos(angle), np.sin(angle)


def rotary_interleaved(x: Array, cos: Array, sin: Array) -> tuple[Array, Backward]:
    """Turn each pair of neighbouring features (Su et al. 2021, eq. 34).

        a, b    = x[0::2], x[1::2]
        y[0::2] = a cos - b sin
        y[1::2] = a sin + b cos

    Backward. The transpose of a rotation is the rotation back, by minus the angle:

        dx[0::2] =  dy[0::2] cos + dy[1::2] sin
        dx[1::2] = -dy[0::2] sin + dy[1::2] cos

    Shapes:
        x (..., seq_len, d_head), cos and sin (seq_len, d_head / 2)  ->  y as x
        cos and sin get no gradient: angles are not learned.
    """
    even, odd = np.s_[..., 0::2], np.s_[..., 1::2]
    y = _turn(x, cos, sin, even, odd)

    def backward(dy: Array) -> Array:
        return _turn(dy, cos, -sin, even, odd)

    return y, backward


def rotary_half(x: Array, cos: Array, sin: Array) -> tuple[Array, Backward]:
    """Turn each feature of the first half with its partner in the second half.

        h     = d_head / 2
        a, b  = x[:h], x[h:]
        y[:h] = a cos - b sin
        y[h:] = a sin + b cos

    rotary_interleaved (Su et al. 2021, eq. 34) with the features in another order.

    Backward. The transpose of a rotation is the rotation back, by minus the angle:

        dx[:h] =  dy[:h] cos + dy[h:] sin
        dx[h:] = -dy[:h] sin + dy[h:] cos

    Shapes:
        x (..., seq_len, d_head), cos and sin (seq_len, d_head / 2)  ->  y as x
        cos and sin get no gradient: angles are not learned.
    """
    h = x.shape[-1] // 2
    first, second = np.s_[..., :h], np.s_[..., h:]
    y = _turn(x, cos, sin, first, second)

    def backward(dy: Array) -> Array:
        return _turn(dy, cos, -sin, first, second)

    return y, backward


def _turn(x: Array, cos: Array, sin: Array, first: Features, second: Features) -> Array:
    """Turn the points (a, b) of the plane, a in the features `first`, b in `second`."""
    a, b = x[first], x[second]
    y = np.empty_like(x)
    y[first] = a * cos - b * sin
    y[second] = a * sin + b * cos
    return y
