"""Gradients claimed by `backward` against slopes measured on the forward pass.

Move an input along a direction v, and the loss <dy, y> must move by <dx, v>:

    claimed  = <dx, v>
    measured = (8 (L(h) - L(-h)) - (L(2h) - L(-2h))) / (12 h),   L(t) = <dy, f(x + t v)>

a central difference of fourth order: its own error is about h^4, so that in float64
a step of 1e-3 leaves ten correct digits. Where the function bends sharply the step is
made smaller, twice, before the two are said to differ: a right gradient agrees with
the limit, a wrong one with no step. Random directions test a whole array with four
evaluations; small arrays are also tested entry by entry.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from minillm.types import Array

DIRECTIONS = 3  # random directions for each array
SMALL = 64  # arrays of fewer entries are tested entry by entry as well


class GradientError(AssertionError):
    """A backward that is not the slope of its forward; `error` says by how much."""

    def __init__(self, message: str, error: float = math.inf) -> None:
        super().__init__(message)
        self.error = error


class Learnable(Protocol):
    """What check_parameters needs of a parameter."""

    data: Array
    grad: Array | None
    trainable: bool


def check_gradients(
    op: Callable[..., tuple[Array, Callable[..., Any]]],
    *inputs: Array,
    rng: np.random.Generator | None = None,
    tolerance: float = 1e-6,
    step: float = 1e-3,
    small: int = SMALL,
) -> float:
    """Check one gradient per input of `op(*inputs) -> (y, backward)`, in float64.

    Returns the worst relative error found; raises GradientError above `tolerance`.
    The error is |claimed - measured| / max(|claimed|, |measured|, 1e-3 times the
    largest entry of any of the gradients), so that a gradient that must be zero counts.
    Arrays of fewer entries than `small` are tested entry by entry as well.
    """
    rng = rng or np.random.default_rng(0)
    inputs = tuple(np.array(x, np.float64) for x in inputs)
    y, backward = op(*inputs)
    dy = rng.normal(size=np.shape(y))
    grads = backward(dy)
    grads = grads if isinstance(grads, tuple) else (grads,)
    n_grads = sum(dx is not None for dx in grads)
    if not n_grads == len(grads) == len(inputs):
        raise GradientError(f"{len(inputs)} inputs have {n_grads} gradients")
    moving = [x.copy() for x in inputs]

    def loss() -> float:
        return float(np.sum(dy * op(*moving)[0]))

    named = {f"input {i}": pair for i, pair in enumerate(zip(moving, grads, strict=True))}
    return _compare(loss, named, rng, tolerance, step, small)


def check_parameters(
    forward: Callable[[], tuple[Array, Callable[..., Any]]],
    named_parameters: Iterable[tuple[str, Learnable]],
    *,
    rng: np.random.Generator | None = None,
    tolerance: float = 1e-6,
    step: float = 1e-3,
    small: int = SMALL,
) -> float:
    """Check what a backward adds to the gradient of each trainable parameter.

    `forward` closes over its input, e.g. `lambda: model(ids)`, for a model in float64.
    Gradients start from zero here. Returns and raises as check_gradients does.
    """
    rng = rng or np.random.default_rng(0)
    learned = {name: p for name, p in named_parameters if p.trainable}
    for p in learned.values():
        if p.grad is not None:
            p.grad[...] = 0
    y, backward = forward()
    dy = rng.normal(size=np.shape(y))
    backward(dy)
    named = {}
    for name, p in learned.items():
        if p.grad is None:
            raise GradientError(f"{name}: backward left it without a gradient")
        named[name] = (p.data, p.grad.copy())

    def loss() -> float:
        return float(np.sum(dy * forward()[0]))

    return _compare(loss, named, rng, tolerance, step, small)


def _compare(
    loss: Callable[[], float],
    named: dict[str, tuple[Array, Array]],
    rng: np.random.Generator,
    tolerance: float,
    step: float,
    small: int,
) -> float:
    """The worst error over all arrays; each is moved in place and put back."""
    largest = max((np.abs(dx).max(initial=0) for _, dx in named.values()), default=0)
    worst = 0.0
    for name, (x, dx) in named.items():
        if dx.shape != x.shape:
            raise GradientError(f"{name}: gradient {dx.shape}, value {x.shape}")
        for v in _directions(x.shape, rng, small):
            claimed = float(np.sum(dx * v))
            for h in (step, step / 10, step / 100):
                measured = _slope(loss, x, v, h)
                scale = max(abs(claimed), abs(measured), 1e-3 * largest, 1e-9)
                error = abs(claimed - measured) / scale
                if error <= tolerance:
                    break
            else:  # a NaN ends here too
                raise GradientError(
                    f"{name}: backward claims a slope of {claimed:.9g}, the forward "
                    f"pass has {measured:.9g} (relative error {error:.1e})",
                    error,
                )
            worst = max(worst, error)
    return worst


def _directions(
    shape: tuple[int, ...], rng: np.random.Generator, small: int
) -> Iterator[Array]:
    for _ in range(DIRECTIONS):
        v = rng.normal(size=shape)
        yield v / np.sqrt(np.sum(v * v))
    size = int(np.prod(shape))
    if size < small:
        for i in range(size):
            entry = np.zeros(size)
            entry[i] = 1
            yield entry.reshape(shape)


def _slope(loss: Callable[[], float], x: Array, v: Array, step: float) -> float:
    original = x.copy()

    def at(t: float) -> float:
        x[...] = original + t * v
        return loss()

    try:
        near = at(step) - at(-step)
        far = at(2 * step) - at(-2 * step)
    finally:
        x[...] = original
    return (8 * near - far) / (12 * step)
