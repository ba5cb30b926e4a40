"""Attention: each query reads a weighted average of the values."""

import math

import numpy as np

from minillm.functional.shapes import sum_to
from minillm.functional.softmax import FORBIDDEN, softmax
from minillm.types import Array, BackwardN


def attention_weights(
    q: Array, k: Array, mask: Array | None = None, bias: Array | None = None
) -> tuple[Array, BackwardN]:
    """How much each query looks at each key (the softmax of Vaswani et al. 2017, eq. 1).

        scores  = q k^T / sqrt(d_head) + bias      or -inf where mask is False
        weights = softmax(scores)

    Backward, the same lines from the last to the first:

        dscores = softmax_backward(dweights)
        dq      = dscores k / sqrt(d_head)
        dk      = dscores^T q / sqrt(d_head)
        dbias   = dscores, summed where bias was broadcast; only if bias was given

    Forbidden keys weigh exactly 0, so dscores needs no mask. A query that may
    look nowhere has weights, and so gradients, of exactly 0.

    Shapes:
        q (..., n_queries, d_head), k (..., n_keys, d_head)
        mask, bias broadcastable to (..., n_queries, n_keys); mask is boolean,
        True where a query may look  ->  weights (..., n_queries, n_keys)
    Raises ValueError for a mask of floats: one of 0 and -inf says the opposite.
    """
    if mask is not None and mask.dtype.kind == "f":
        raise ValueError(f"mask {mask.dtype}: give bool, True where a query may look")
    scale = 1 / math.sqrt(q.shape[-1])
    q_scaled = scale * q
    scores = q_scaled @ k.mT
    if bias is not None:
        scores += bias
    if mask is not None:
        scores += np.multiply(np.logical_not(mask), FORBIDDEN, dtype=scores.dtype)
    weights, softmax_backward = softmax(scores)

    def backward(dweights: Array) -> tuple[Array, ...]:
        dscores = softmax_backward(dweights)
        dq = dscores @ k
        dq *= scale
        dk = dscores.mT @ q_scaled
        return (dq, dk) if bias is None else (dq, dk, sum_to(dscores, bias.shape))

    return weights, backward


def attention(
    q: Array, k: Array, v: Array, mask: Array | None = None, bias: Array | None = None
) -> tuple[Array, BackwardN]:
    """Scaled dot-product attention (Vaswani et al. 2017, eq. 1).

        weights = softmax(q k^T / sqrt(d_head) + bias)      masked; see attention_weights
        y       = weights v

    Backward. What each query read of a value flows back to it in proportion:

        dv         = weights^T dy
        dweights   = dy v^T
        dq, dk(, dbias) = attention_weights_backward(dweights)

    Returns the gradients dq, dk, dv, and dbias if bias was given.

    Shapes:
        q (..., n_queries, d_head), k (..., n_keys, d_head), v (..., n_keys, d_v)
        mask, bias broadcastable to (..., n_queries, n_keys); True = may look
        ->  y (..., n_queries, d_v)
    """
    weights, weights_backward = attention_weights(q, k, mask, bias)
    y = weights @ v

    def backward(dy: Array) -> tuple[Array, ...]:
        dv = weights.mT @ dy
        dq, dk, *dbias = weights_backward(dy @ v.mT)
        return dq, dk, dv, *dbias

    return y, backward
