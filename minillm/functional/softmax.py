"""Turn scores into probabilities."""

import numpy as np

from minillm.functional.shapes import dot
from minillm.types import Array, Backward

FORBIDDEN = -1e30  # absorbs any score it is added to; its exponential is exactly 0


def softmax(x: Array) -> tuple[Array, Backward]:
    """Exponentiate and normalise over the last axis.

        p_i = exp(x_i) / sum_j exp(x_j)

    The largest x is subtracted first; it cancels, and exp cannot overflow. A row
    whose every entry is forbidden (below FORBIDDEN / 2, or -inf) has no
    distribution: there p is exactly 0, and so is its gradient.

    Backward. The Jacobian is diag(p) - p p^T, hence

        dx = p (dp - sum(p dp))

    Shapes: x (..., n)  ->  p (..., n)
    """
    largest = np.maximum(x.max(-1, keepdims=True), 0.5 * FORBIDDEN)
    p = x - largest
    np.exp(p, out=p)
    p /= np.maximum(p.sum(-1, keepdims=True), 1.0)  # the sum holds exp(0) = 1, or is 0

    def backward(dp: Array) -> Array:
        dx = dp - dot(p, dp)
        dx *= p
        return dx

    return p, backward


def log_softmax(x: Array) -> tuple[Array, Backward]:
    """The logarithm of softmax, without the underflow of taking it afterwards.

        log_p_i = x_i - log sum_j exp(x_j)

    A row without a finite x has no distribution, and gives NaN here.

    Backward. Raising every x equally changes nothing, so that part is removed:

        dx = dlog_p - p sum(dlog_p)

    Shapes: x (..., n)  ->  log_p (..., n)
    """
    log_p = x - x.max(-1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(-1, keepdims=True))

    def backward(dlog_p: Array) -> Array:
        return dlog_p - np.exp(log_p) * dlog_p.sum(-1, keepdims=True)

    return log_p, backward
