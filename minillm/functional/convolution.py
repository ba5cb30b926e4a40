"""Convolution along a text: every position reads the few before it."""

import numpy as np

from minillm.functional.shapes import rows
from minillm.types import Array, BackwardN


def causal_convolution(
    x: Array, W: Array, b: Array, dilation: int = 1
) -> tuple[Array, BackwardN]:
    """See yourself and width - 1 positions before you, `dilation` apart (van den Oord et
    al. 2016, secs. 2 and 2.1).

        y_t = b + sum over k of x_{t - lag(k)} W_k,     lag(k) = (width - 1 - k) dilation

    where what lies before the first position is 0: W_{width-1} reads the position itself.
    As everywhere in deep learning, the kernel is not flipped.

    Backward. What was read from lag(k) before comes back from lag(k) later:

        dx_t = sum over k of dy_{t + lag(k)} W_k^T
        dW_k = sum over t of x_{t - lag(k)}^T dy_t
        db   = sum of dy

    Shapes:
        x (batch, seq_len, d_in), W (width, d_in, d_out), b (d_out,)
        ->  y (batch, seq_len, d_out)
    """
    width, _, d_out = W.shape
    batch, seq_len, _ = x.shape
    y = np.zeros_like(x, shape=(batch, seq_len, d_out))
    y += b
    lags = [(width - 1 - k) * dilation for k in range(width)]
    seen = [(k, lag) for k, lag in enumerate(lags) if lag < seq_len]
    for k, lag in seen:
        y[:, lag:] += x[:, : seq_len - lag] @ W[k]

    def backward(dy: Array) -> tuple[Array, ...]:
        dx, dW = np.zeros_like(x), np.zeros_like(W)
        for k, lag in seen:
            read, dread = x[:, : seq_len - lag], dy[:, lag:]
            dx[:, : seq_len - lag] += dread @ W[k].T
            dW[k] = rows(read).T @ rows(dread)
        return dx, dW, rows(dy).sum(0)

    return y, backward
