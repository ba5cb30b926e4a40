"""Optimizers: from a gradient to a step.

Each takes the learning rate at every step, so that a schedule is a plain function.
Updates are in place: step when no backward is still to run.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from minillm.training.flat import Flat
from minillm.types import Array

PART = 1 << 15  # numbers that are updated together, so that temporaries stay in the cache


class Optimizer(Protocol):
    """What the Trainer needs: theta moves, and what is remembered can be saved."""

    theta: Flat

    def step(self, lr: float) -> None: ...
    def state_dict(self) -> dict[str, Array]: ...
    def load_state_dict(self, state: Mapping[str, Array]) -> None: ...


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, alg. 2).

        m     = beta1 m + (1 - beta1) g
        v     = beta2 v + (1 - beta2) g^2
        m_hat = m / (1 - beta1^t)
        v_hat = v / (1 - beta2^t)
        theta = theta - lr (m_hat / (sqrt(v_hat) + eps) + weight_decay theta)

    The decay is lr weight_decay, as PyTorch has it; the paper's is eta_t weight_decay,
    with a schedule eta_t that leaves the base rate alpha out. Only parameters that
    declare `decay` are decayed: the matrices of linear maps, and neither norms, biases
    nor embeddings.

    With eps 0, a number whose gradient was always 0 becomes NaN. Raises ValueError for
    betas outside [0, 1), eps or weight_decay below 0.
    """

    def __init__(
        self,
        theta: Flat,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas {betas}: give 0 <= beta < 1 for both")
        if not (eps >= 0 and weight_decay >= 0):
            raise ValueError(f"eps {eps}, weight_decay {weight_decay}: give at least 0")
        self.theta, self.betas, self.eps, self.weight_decay = (
            theta,
            betas,
            eps,
            weight_decay,
        )
        self.m, self.v = np.zeros_like(theta.data), np.zeros_like(theta.data)
        self.t = 0

    def step(self, lr: float) -> None:
        """Move theta against its gradient, part by part."""
        self.t += 1
        for part in _parts(self.m.size):
            self._update(part, lr)

    def _update(self, part: slice, lr: float) -> None:
        theta, g = self.theta.data[part], self.theta.grad[part]
        m, v = self.m[part], self.v[part]
        beta1, beta2 = self.betas
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        decayed = max(0, min(part.stop, self.theta.n_decayed) - part.start)
        theta[:decayed] *= 1 - lr * self.weight_decay
        update = np.sqrt(v / (1 - beta2**self.t))
        update += self.eps
        np.divide(m, update, out=update)
        update *= lr / (1 - beta1**self.t)
        theta -= update

    def state_dict(self) -> dict[str, Array]:
        return {"m": self.m, "v": self.v, "t": np.array(self.t)}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Raises ValueError if the state belongs to other parameters."""
        t = np.array(self.t)
        own = {"m": self.m, "v": self.v, "t": t}
        _check_state(own, state)
        if state["t"] < 0:
            raise ValueError(f"optimizer state t is {state['t']}: no step has that number")
        _copy_state(own, state)
        self.t = int(t)


class SGD:
    """Gradient descent with momentum (Sutskever et al. 2013, eqs. 1-2, as PyTorch has it).

        velocity = momentum velocity + g
        theta    = theta - lr velocity

    The paper's velocity holds lr; here a change of lr acts at once.

    Raises ValueError for a momentum outside [0, 1).
    """

    def __init__(self, theta: Flat, momentum: float = 0.0) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum {momentum}: give 0 <= momentum < 1")
        self.theta, self.momentum = theta, momentum
        self.velocity = np.zeros_like(theta.data)

    def step(self, lr: float) -> None:
        """Move theta along its velocity."""
        self.velocity *= self.momentum
        self.velocity += self.theta.grad
        self.theta.data -= lr * self.velocity

    def state_dict(self) -> dict[str, Array]:
        return {"velocity": self.velocity}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Raises ValueError if the state belongs to other parameters."""
        own = {"velocity": self.velocity}
        _check_state(own, state)
        _copy_state(own, state)


def _parts(n: int) -> Iterator[slice]:
    return (slice(i, min(i + PART, n)) for i in range(0, n, PART))


def _check_state(own: Mapping[str, Array], state: Mapping[str, Array]) -> None:
    if state.keys() != own.keys():
        raise ValueError(
            f"optimizer state {sorted(state)} is not that of this optimizer: {sorted(own)}"
        )
    for name, array in own.items():
        if state[name].shape != array.shape:
            raise ValueError(
                f"optimizer state {name} holds {state[name].size} numbers; "
                f"there are {array.size} to train"
            )
        if state[name].dtype.kind != array.dtype.kind:
            raise ValueError(
                f"optimizer state {name} is {state[name].dtype}: no {array.dtype}"
            )


def _copy_state(own: Mapping[str, Array], state: Mapping[str, Array]) -> None:
    for name, array in own.items():
        array[...] = np.asarray(state[name], like=array)
