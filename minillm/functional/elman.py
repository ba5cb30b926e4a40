"""The simple recurrent network: a vector that every step rewrites."""

import numpy as np

from minillm.functional.shapes import rows
from minillm.types import Array, BackwardN


def elman(
    x: Array, h_0: Array, W_x: Array, W_h: Array, b: Array
) -> tuple[Array, BackwardN]:
    """Read a sequence one step at a time (Elman 1990, fig. 2).

        h_t = tanh(x_t W_x + h_{t-1} W_h + b)        y = (h_1, ..., h_T)

    Elman's units are logistic; tanh, which is centred on 0, is what became usual.

    Backward, through time (Werbos 1990). h_t is read twice, as the output y_t and by the
    next step, so its gradient is a sum, made from the last step to the first:

        dh_t     = dy_t + da_{t+1} W_h^T
        da_t     = dh_t (1 - h_t^2)
        dx_t     = da_t W_x^T
        dW_x     = sum over t of x_t^T da_t
        dW_h     = sum over t of h_{t-1}^T da_t
        db       = sum over t of da_t
        dh_0     = da_1 W_h^T

    Through n steps a gradient is multiplied n times by W_h^T and by slopes below 1: it
    vanishes or, if W_h is large, explodes (Bengio et al. 1994).

    Shapes:
        x (batch, seq_len, d_in), h_0 (batch, d), W_x (d_in, d), W_h (d, d), b (d,)
        ->  y (batch, seq_len, d)
    """
    x = x.swapaxes(0, 1).copy()  # time first: a step is one block
    seq_len, batch, _ = x.shape
    h = np.empty_like(x, shape=(seq_len + 1, batch, len(b)))
    h[0] = h_0
    np.matmul(x, W_x, out=h[1:])
    h[1:] += b
    for t in range(seq_len):
        a_t = h[t + 1]  # x_t W_x + b so far
        a_t += h[t] @ W_h
        np.tanh(a_t, out=a_t)

    def backward(dy: Array) -> tuple[Array, ...]:
        da = 1 - h[1:] * h[1:]  # the slopes, until dh arrives
        dh_next = np.zeros_like(h[0])
        for t in reversed(range(seq_len)):
            dh_next += dy[:, t]
            da_t = da[t]
            da_t *= dh_next
            np.matmul(da_t, W_h.T, out=dh_next)
        dx = (rows(da) @ W_x.T).reshape(x.shape).swapaxes(0, 1)
        dW_x = rows(x).T @ rows(da)
        dW_h = rows(h[:-1]).T @ rows(da)
        return dx, dh_next, dW_x, dW_h, rows(da).sum(0)

    return h[1:].swapaxes(0, 1).copy(), backward
