"""All parameters as one vector, as optimizers and all-reduces see them."""

import numpy as np

from minillm.layers import Module
from minillm.types import Array


class Flat:
    """The trainable parameters of a module end to end: theta, and its gradient.

    Building one moves house: every p.data and p.grad becomes a window into
    `data` and `grad`, so what a layer accumulates is in the vector, and an update
    of the vector is what the layer reads. Parameters that decay come first, so that
    weight decay is a slice; a tied parameter is there once, a frozen one not at all.
    Build it last, after astype, to_device and freeze.

    `Flat(replica, theta.data)` shares the weights and owns a gradient.
    """

    def __init__(self, module: Module, data: Array | None = None) -> None:
        learned = [p for _, p in module.named_parameters() if p.trainable]
        if not learned:
            raise ValueError("there is nothing to train: every parameter is frozen")
        self.parameters = sorted(learned, key=lambda p: not p.decay)
        self.n_decayed = sum(p.data.size for p in learned if p.decay)
        if data is None:
            data = np.concatenate([p.data.reshape(-1) for p in self.parameters])
        n = sum(p.data.size for p in learned)
        if data.shape != (n,):
            raise ValueError(f"data {data.shape} does not hold {n} trainable numbers")
        self.data, self.grad = data, np.zeros_like(data)
        start = 0
        for p in self.parameters:
            shape, window = p.data.shape, slice(start, start + p.data.size)
            p.data = self.data[window].reshape(shape)
            p.grad = self.grad[window].reshape(shape)
            start = window.stop

    def check_home(self) -> None:
        """A parameter that was rebound would silently stop learning: say so."""
        for p in self.parameters:
            at_home = p.grad is not None and p.grad.base is self.grad
            if not at_home or p.data.base is not self.data:
                raise RuntimeError(
                    "a parameter left its Flat: write p.data[...] = new, and build the "
                    "Flat after astype, to_device and freeze"
                )
