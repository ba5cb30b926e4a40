"""A second way to measure slopes, which shares nothing with minillm.gradient_check.

Where L is analytic, one evaluation beside the real axis holds its slope along v:

    L(x + i h v) = L(x) + i h <dL, v> - h^2 (...)        <dL, v> = Im L(x + i h v) / h

(Squire & Trapp 1998, eq. 7). Nothing is subtracted, so nothing cancels: h can be 1e-30, its
square vanishes, and the slope is right to rounding. NumPy's max and maximum compare
complex numbers by their real parts first, so the maximum that softmax subtracts and the
branch that relu takes are those of the real numbers.
"""

import math
from unittest import mock

import numpy as np

from minillm import functional as F

H = 1e-30
DIRECTIONS = 3
FLOOR = 1e-5  # less than this is rounding where all gradients are zero
TOLERANCE = 1e-10  # a thousand roundings of 1e-16, beside a thousandth of the largest entry


def complex_step_errors(case, rng):
    """(name, relative error) for each array of a case, and each of three directions.

    The error is |claimed - measured| / max(|claimed|, |measured|, FLOOR, 1e-3 times the
    largest entry of any of the gradients).
    """
    y, backward = case.cast(np.float64).run()
    dy = rng.normal(size=y.shape)
    grads = case.gradients(backward, dy)
    largest = max((np.abs(dx).max(initial=0) for dx in grads), default=0)
    case.cast(np.complex128)
    named = [(f"input {i}", x) for i, x in enumerate(case.inputs)]
    named += [(name, p.data) for name, p in case.parameters()]
    with mock.patch("minillm.functional.activations.erf", erf):
        for (name, x), dx in zip(named, grads, strict=True):
            for _ in range(DIRECTIONS):
                v = rng.normal(size=x.shape)
                v /= np.sqrt(np.sum(v * v))
                x.imag = H * v
                measured = np.sum(dy * case.run()[0].imag) / H
                x.imag = 0
                claimed = np.sum(dx * v)
                scale = max(abs(claimed), abs(measured), 1e-3 * largest, FLOOR)
                yield name, abs(claimed - measured) / scale


def erf(z):
    """Its Taylor series in i h, of which only two terms are left: erf(x) + i h erf'(x)."""
    slope = 2 / math.sqrt(math.pi) * np.exp(-z.real * z.real)
    return F.erf(z.real) + 1j * (z.imag * slope)
