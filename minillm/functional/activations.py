"""Elementwise nonlinearities."""

import math

import numpy as np

from minillm.functional.special import erf
from minillm.types import Array, Backward

SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715 * SQRT_2_OVER_PI


def relu(x: Array) -> tuple[Array, Backward]:
    """Rectified linear unit (Nair & Hinton 2010): keep what is positive.

        y = max(x, 0)

    Backward. Where x passed, the gradient passes; at the kink x = 0 it is 0:

        dx = dy where x > 0, else 0
    """
    y = np.maximum(x, 0)

    def backward(dy: Array) -> Array:
        return dy * (x > 0)

    return y, backward


def gelu(x: Array) -> tuple[Array, Backward]:
    """Gaussian error linear unit, tanh form (Hendrycks & Gimpel 2016, sec. 2).

        u = sqrt(2/pi) (x + 0.044715 x^3)
        y = x (1 + tanh u) / 2

    Backward. With s = (1 + tanh u) / 2, so that y = x s and ds/du = 2 s (1 - s):

        du/dx = sqrt(2/pi) (1 + 3 * 0.044715 x^2)
        dx    = dy (s + 2 y (1 - s) du/dx)
    """
    s = x * x
    s *= CUBIC
    s += SQRT_2_OVER_PI
    s *= x  # u, in the place where s will be
    np.tanh(s, out=s)
    s *= 0.5
    s += 0.5
    y = x * s

    def backward(dy: Array) -> Array:
        dx = x * x
        dx *= 6 * CUBIC
        dx += 2 * SQRT_2_OVER_PI  # 2 du/dx, until the rest is there
        dx *= y
        dx *= 1 - s
        dx += s
        dx *= dy
        return dx

    return y, backward


def gelu_exact(x: Array) -> tuple[Array, Backward]:
    """Gaussian error linear unit, exact form (Hendrycks & Gimpel 2016, sec. 2).

        cdf = (1 + erf(x / sqrt(2))) / 2        P(X <= x) for X ~ N(0, 1)
        y   = x cdf

    Backward. The derivative of the cdf is the normal density:

        pdf = exp(-x^2 / 2) / sqrt(2 pi)
        dx  = dy (cdf + x pdf)
    """
    cdf = 0.5 * (1 + erf(x * math.sqrt(0.5)))
    y = x * cdf

    def backward(dy: Array) -> Array:
        pdf = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return dy * (cdf + x * pdf)

    return y, backward


def silu(x: Array) -> tuple[Array, Backward]:
    """Sigmoid linear unit, or swish (Elfwing et al. 2018, sec. 2.2).

        s = 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2        and tanh cannot overflow
        y = x s

    Backward. As ds/dx = s (1 - s):

        dx = dy (s + y (1 - s))
    """
    s = np.tanh(0.5 * x)
    s *= 0.5
    s += 0.5
    y = x * s

    def backward(dy: Array) -> Array:
        return dy * (s + y * (1 - s))

    return y, backward


def tanh(x: Array) -> tuple[Array, Backward]:
    """Hyperbolic tangent: linear near 0, and never beyond -1 and 1.

        y = tanh(x)

    Backward:

        dx = dy (1 - y^2)
    """
    y = np.tanh(x)

    def backward(dy: Array) -> Array:
        return dy * (1 - y * y)

    return y, backward
