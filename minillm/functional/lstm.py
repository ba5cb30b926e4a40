"""Long short-term memory: a cell that is added to, behind gates."""

import numpy as np

from minillm.functional.shapes import rows
from minillm.types import Array, BackwardN


def lstm(
    x: Array, state_0: Array, W_x: Array, W_h: Array, b: Array
) -> tuple[Array, BackwardN]:
    """Keep a memory by adding to it (Hochreiter & Schmidhuber 1997, sec. 4; the forget
    gate f by Gers et al. 2000, sec. 3.1).

        a_t = x_t W_x + h_{t-1} W_h + b            (a_i, a_f, a_g, a_o), side by side
        i_t, f_t, o_t = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o)
        g_t = tanh(a_g)
        c_t = f_t c_{t-1} + i_t g_t
        h_t = o_t tanh(c_t)
        y   = (h_1, ..., h_T) and (c_1, ..., c_T)

    The first papers squash to (-2, 2) and (-1, 1) by scaled logistics; tanh is the usual
    form, and there are no peepholes.

    Backward, through time. From c_t to c_{t-1} the gradient is only multiplied by f_t:
    where the gate is open it passes unchanged, for as long as it takes:

        dh_t = dy^h_t + da_{t+1} W_h^T
        dc_t = dy^c_t + dc_{t+1} f_{t+1} + dh_t o_t (1 - tanh(c_t)^2)
        da_i = dc_t g_t i_t (1 - i_t)
        da_f = dc_t c_{t-1} f_t (1 - f_t)
        da_g = dc_t i_t (1 - g_t^2)
        da_o = dh_t tanh(c_t) o_t (1 - o_t)

    dx, dW_x, dW_h, db and dh_0 follow from da as in `elman`; dc_0 = dc_1 f_1.

    Shapes:
        x (batch, seq_len, d_in), W_x (d_in, 4 d), W_h (d, 4 d), b (4 d,)
        state_0 (batch, 2, d): h_0, then c_0
        ->  y (batch, 2, seq_len, d): h, then c; the last state is y[:, :, -1]
    """
    x = x.swapaxes(0, 1).copy()  # time first: a step is one block
    seq_len, batch, _ = x.shape
    gates, h, c, tanh_c = _forward(x, state_0, W_x, W_h, b)

    def backward(dy: Array) -> tuple[Array, ...]:
        da, dc_by_dh = _slopes(gates, c, tanh_c)
        f = gates[:, :, 1]
        dh, dc = np.zeros_like(h[0]), np.zeros_like(c[0])
        for t in reversed(range(seq_len)):
            dh += dy[:, 0, t]
            dc += dy[:, 1, t]
            dc += dh * dc_by_dh[t]
            da_t = da[t]
            da_t *= np.stack((dc, dc, dc, dh), 1)
            dc *= f[t]
            np.matmul(da_t.reshape(batch, -1), W_h.T, out=dh)
        da_rows = da.reshape(seq_len * batch, -1)
        dx = (da_rows @ W_x.T).reshape(x.shape).swapaxes(0, 1)
        dW_x = rows(x).T @ da_rows
        dW_h = rows(h[:-1]).T @ da_rows
        return dx, np.stack((dh, dc), 1), dW_x, dW_h, da_rows.sum(0)

    y = np.stack((h[1:], c[1:])).transpose(2, 0, 1, 3).copy()
    return y, backward


def _forward(
    x: Array, state_0: Array, W_x: Array, W_h: Array, b: Array
) -> tuple[Array, Array, Array, Array]:
    """Gates i, f, g, o (seq_len, batch, 4, d), and h, c, tanh(c), time first.

    h and c begin with the state before the first step. As sigmoid(a) is
    (1 + tanh(a / 2)) / 2, one tanh serves all gates: a is halved for i, f and o.
    """
    seq_len, batch, _ = x.shape
    d = len(b) // 4
    half, rest = np.full_like(b, 0.5), np.full_like(b, 0.5)
    half[2 * d : 3 * d], rest[2 * d : 3 * d] = 1, 0
    a = (rows(x) @ (half * W_x) + half * b).reshape(seq_len, batch, 4 * d)
    half_W_h = half * W_h
    gates = a.reshape(seq_len, batch, 4, d)
    i, f, g, o = gates[:, :, 0], gates[:, :, 1], gates[:, :, 2], gates[:, :, 3]
    h, c = np.empty_like(x, shape=(2, seq_len + 1, batch, d))
    tanh_c = np.empty_like(c[1:])
    h[0], c[0] = state_0[:, 0], state_0[:, 1]
    for t in range(seq_len):
        a_t, c_t = a[t], c[t + 1]
        a_t += h[t] @ half_W_h
        np.tanh(a_t, out=a_t)
        a_t *= half
        a_t += rest
        np.multiply(f[t], c[t], out=c_t)
        c_t += i[t] * g[t]
        np.tanh(c_t, out=tanh_c[t])
        np.multiply(o[t], tanh_c[t], out=h[t + 1])
    return gates, h, c, tanh_c


def _slopes(gates: Array, c: Array, tanh_c: Array) -> tuple[Array, Array]:
    """What backward can know of all steps before any gradient arrives.

    The factors of dc_t in da_i, da_f and da_g, and of dh_t in da_o (seq_len, batch, 4, d);
    and o_t (1 - tanh(c_t)^2).
    """
    i, g, o = gates[:, :, 0], gates[:, :, 2], gates[:, :, 3]
    da = gates * (1 - gates)
    da[:, :, 0] *= g
    da[:, :, 1] *= c[:-1]
    da[:, :, 2] = i * (1 - g * g)
    da[:, :, 3] *= tanh_c
    return da, o * (1 - tanh_c * tanh_c)
