"""Linear maps: multiply by a matrix, or pick rows out of one."""

import numpy as np

from minillm.functional.shapes import rows
from minillm.types import Array, Backward, BackwardN


def linear(x: Array, W: Array, b: Array | None = None) -> tuple[Array, BackwardN]:
    """Map every position of x through the same matrix.

        y = x W + b

    Backward. Positions share W and b, so their gradients sum over positions:

        dx = dy W^T
        dW = x^T dy
        db = sum(dy)        only where b was given

    Shapes:
        x (..., d_in), W (d_in, d_out), b (d_out,)  ->  y (..., d_out)
    """
    y = rows(x) @ W  # one large product instead of one for each sequence
    if b is not None:
        y += b

    def backward(dy: Array) -> tuple[Array, ...]:
        dx = (rows(dy) @ W.T).reshape(x.shape)
        dW = rows(x).T @ rows(dy)
        return (dx, dW) if b is None else (dx, dW, rows(dy).sum(0))

    return y.reshape(*x.shape[:-1], W.shape[1]), backward


def unembed(h: Array, W: Array) -> tuple[Array, BackwardN]:
    """Score every row of W by its inner product with h (Press & Wolf 2017, sec. 1).

        y = h W^T

    Backward:

        dh = dy W
        dW = dy^T h

    Shapes:
        h (..., d_model), W (vocab_size, d_model)  ->  y (..., vocab_size)
    """
    y = rows(h) @ W.T

    def backward(dy: Array) -> tuple[Array, ...]:
        dh = (rows(dy) @ W).reshape(h.shape)
        dW = rows(dy).T @ rows(h)
        return dh, dW

    return y.reshape(*h.shape[:-1], W.shape[0]), backward


def embedding(ids: Array, W: Array) -> tuple[Array, Backward]:
    """Look up one row of W for each id, which is onehot(ids) W without the zeros.

        y = W[ids]

    Backward. A row looked up twice receives both gradients:

        dW[i] = sum of dy over the positions where ids == i

    Shapes:
        ids (...) of int in [0, vocab_size), W (vocab_size, d_model)  ->  y (..., d_model)
        Ids are trusted here: layers.Embedding is the door where they are checked.
    """
    y = W[ids]

    def backward(dy: Array) -> Array:
        dW = np.zeros_like(W, order="C")  # so that reshape(-1) is a view
        row = np.multiply(ids[..., None], W.shape[1], dtype=np.int64)
        entries = row + np.arange(W.shape[1], like=ids)
        np.add.at(dW.reshape(-1), entries.reshape(-1), dy.reshape(-1))  # 1-D is fast
        return dW

    return y, backward
