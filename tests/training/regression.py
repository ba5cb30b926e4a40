"""The smallest thing that learns: a line through points, with inputs that drop out."""

import numpy as np

from minillm.layers import Dropout, Linear, Module

D_IN = 5


class Line(Module):
    """x (batch, D_IN) -> y (batch,)"""

    def __init__(self, rng, dropout=0.0):
        self.dropout = Dropout(dropout)
        self.linear = Linear(D_IN, 1, rng=rng)

    def __call__(self, x, rng=None):
        h, _ = self.dropout(x, None if rng is None else rng.child(0))
        y, linear_backward = self.linear(h)
        return y[:, 0], lambda dy: linear_backward(dy[:, None])


class LeastSquares:
    """loss = mean((model(x) - y)^2), over a batch (x, y)."""

    def __call__(self, model, batch, rng):
        x, y = batch
        guess, model_backward = model(x, rng)
        error = guess - y
        loss = np.square(error).mean()
        return loss, lambda dloss=1.0: model_backward(dloss * 2 * error / len(y))

    def n_targets(self, batch):
        return len(batch[1])


class Points:
    """Noiseless points on a line of its own: batch(step) depends on the step alone."""

    def __init__(self, seed, batch_size=6):
        self.batch_size = batch_size
        self.slope = np.random.default_rng(seed).normal(size=D_IN).astype(np.float32)

    def batch(self, step):
        x = np.random.default_rng((7, step)).normal(size=(self.batch_size, D_IN))
        x = x.astype(np.float32)
        return x, x @ self.slope + np.float32(0.5)
