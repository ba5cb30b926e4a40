"""Gated recurrent unit: one gate for what to keep, one for what to look at."""

import numpy as np

from minillm.functional.shapes import rows
from minillm.types import Array, BackwardN


def gru(
    x: Array, h_0: Array, W_x: Array, W_h: Array, b: Array, b_n: Array
) -> tuple[Array, BackwardN]:
    """Move the state towards a proposal n, as far as z does not hold it (Cho et al. 2014,
    eqs. 5-8).

        r_t = sigmoid(x_t W_x^r + h_{t-1} W_h^r + b^r)
        z_t = sigmoid(x_t W_x^z + h_{t-1} W_h^z + b^z)
        m_t = h_{t-1} W_h^n + b_n
        n_t = tanh(x_t W_x^n + r_t m_t + b^n)
        h_t = z_t h_{t-1} + (1 - z_t) n_t          y = (h_1, ..., h_T)

    The matrices for r, z, n stand side by side in W_x, W_h and b. The paper resets
    first, n_t = tanh(x_t W_x^n + (r_t h_{t-1}) W_h^n); here r_t multiplies the product,
    as in cuDNN and PyTorch, so that one product serves all three.

    Backward, through time. Where z_t is 1 the gradient passes h_t unchanged:

        dh_t = dy_t + dh_{t+1} z_{t+1} + (da^r_{t+1}, da^z_{t+1}, dm_{t+1}) W_h^T
        da^n = dh_t (1 - z_t) (1 - n_t^2)
        da^z = dh_t (h_{t-1} - n_t) z_t (1 - z_t)
        da^r = da^n m_t r_t (1 - r_t)
        dm_t = da^n r_t

    dx, dW_x and db follow from (da^r, da^z, da^n) as in `elman`; dW_h and db_n from
    (da^r, da^z, dm), which is what reaches h_{t-1}.

    Shapes:
        x (batch, seq_len, d_in), h_0 (batch, d), W_x (d_in, 3 d), W_h (d, 3 d)
        b (3 d,), b_n (d,)  ->  y (batch, seq_len, d)
    """
    x = x.swapaxes(0, 1).copy()  # time first: a step is one block
    seq_len, batch, _ = x.shape
    d = len(b_n)
    gates, m, h = _forward(x, h_0, W_x, W_h, b, b_n)

    def backward(dy: Array) -> tuple[Array, ...]:
        da, dm, z = _slopes(gates, m, h), gates[:, :, 0].copy(), gates[:, :, 1]
        dh = np.zeros_like(h[0])
        dproduct = np.empty_like(da)  # (da^r, da^z, dm)
        for t in reversed(range(seq_len)):
            dh += dy[:, t]
            da_t, dm_t, dproduct_t = da[t], dm[t], dproduct[t]
            da_t *= dh[:, None]
            dm_t *= da_t[:, 2]
            dproduct_t[:, :2], dproduct_t[:, 2] = da_t[:, :2], dm_t
            dh *= z[t]
            dh += dproduct_t.reshape(batch, -1) @ W_h.T
        da_rows, dproduct_rows = da.reshape(-1, 3 * d), dproduct.reshape(-1, 3 * d)
        dx = (da_rows @ W_x.T).reshape(x.shape).swapaxes(0, 1)
        dW_x = rows(x).T @ da_rows
        dW_h = rows(h[:-1]).T @ dproduct_rows
        return dx, dh, dW_x, dW_h, da_rows.sum(0), rows(dm).sum(0)

    return h[1:].swapaxes(0, 1).copy(), backward


def _forward(
    x: Array, h_0: Array, W_x: Array, W_h: Array, b: Array, b_n: Array
) -> tuple[Array, Array, Array]:
    """r, z, n (seq_len, batch, 3, d), m, and h from h_0 on, time first."""
    seq_len, batch, _ = x.shape
    d = len(b_n)
    a = (rows(x) @ W_x + b).reshape(seq_len, batch, 3 * d)
    h = np.empty_like(x, shape=(seq_len + 1, batch, d))
    m = np.empty_like(h[1:])
    h[0] = h_0
    for t in range(seq_len):
        r_and_z, r = a[t, :, : 2 * d], a[t, :, :d]
        z, n = a[t, :, d : 2 * d], a[t, :, 2 * d :]
        product = h[t] @ W_h
        r_and_z += product[:, : 2 * d]
        r_and_z *= 0.5  # sigmoid(a) = (1 + tanh(a / 2)) / 2
        np.tanh(r_and_z, out=r_and_z)
        r_and_z *= 0.5
        r_and_z += 0.5
        np.add(product[:, 2 * d :], b_n, out=m[t])
        n += r * m[t]
        np.tanh(n, out=n)
        h_t = h[t + 1]
        np.subtract(h[t], n, out=h_t)
        h_t *= z
        h_t += n
    return a.reshape(seq_len, batch, 3, d), m, h


def _slopes(gates: Array, m: Array, h: Array) -> Array:
    """da^r, da^z and da^n for dh_t = 1: (seq_len, batch, 3, d)."""
    z, n = gates[:, :, 1], gates[:, :, 2]
    da = gates * (1 - gates)
    da[:, :, 2] = (1 - z) * (1 - n * n)
    da[:, :, 1] *= h[:-1] - n
    da[:, :, 0] *= m
    da[:, :, 0] *= da[:, :, 2]
    return da
