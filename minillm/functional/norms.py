"""Normalisation: give every position's features a known mean and scale."""

import numpy as np

from minillm.functional.shapes import dot, rows
from minillm.types import Array, BackwardN

LAYER_NORM_EPS = 1e-5


def layer_norm(
    x: Array, gamma: Array, beta: Array, eps: float = LAYER_NORM_EPS
) -> tuple[Array, BackwardN]:
    """Normalise each position over its features (Ba et al. 2016, eqs. 3-4).

        mu    = mean(x)
        rstd  = 1 / sqrt(var(x) + eps)
        x_hat = (x - mu) rstd
        y     = gamma x_hat + beta

    The paper has no eps; it keeps a constant x finite.

    Backward. Shifting or stretching x leaves x_hat alone, so the parts of the
    gradient along 1 and along x_hat are removed:

        dx_hat = gamma dy
        dx     = rstd (dx_hat - mean(dx_hat) - x_hat mean(x_hat dx_hat))
        dgamma = sum(x_hat dy)
        dbeta  = sum(dy)

    Shapes:
        x (..., d_model), gamma (d_model,), beta (d_model,)  ->  y (..., d_model)
        mean and var run over d_model; the two sums run over all positions.
    """
    d_model = x.shape[-1]
    x_hat = x - x.mean(-1, keepdims=True)
    rstd = 1 / np.sqrt(dot(x_hat, x_hat) / d_model + eps)  # var(x), as x_hat is centred
    x_hat *= rstd
    y = gamma * x_hat
    y += beta

    def backward(dy: Array) -> tuple[Array, ...]:
        dx = gamma * dy  # dx_hat, until the two parts are removed
        along_x_hat = dot(x_hat, dx) / d_model
        dx -= dx.mean(-1, keepdims=True)
        dx -= x_hat * along_x_hat
        dx *= rstd
        dgamma = np.einsum("nd,nd->d", rows(x_hat), rows(dy))
        dbeta = rows(dy).sum(0)
        return dx, dgamma, dbeta

    return y, backward


def rms_norm(x: Array, gamma: Array, eps: float = 1e-6) -> tuple[Array, BackwardN]:
    """Give each position a root mean square of 1 (Zhang & Sennrich 2019, eq. 4).

        rrms  = 1 / sqrt(mean(x^2) + eps)
        x_hat = x rrms
        y     = gamma x_hat

    The paper has no eps; every implementation adds one, so that 0 stays 0.

    Backward. Stretching x leaves x_hat alone, so the part of the gradient along
    x_hat is removed; unlike in layer_norm, a shift of x does matter:

        dx_hat = gamma dy
        dx     = rrms (dx_hat - x_hat mean(x_hat dx_hat))
        dgamma = sum(x_hat dy)

    Shapes:
        x (..., d_model), gamma (d_model,)  ->  y (..., d_model)
        mean runs over d_model; the sum runs over all positions.
    """
    d_model = x.shape[-1]
    rrms = 1 / np.sqrt(dot(x, x) / d_model + eps)
    x_hat = x * rrms
    y = gamma * x_hat

    def backward(dy: Array) -> tuple[Array, ...]:
        dx = gamma * dy  # dx_hat, until one part is removed
        dx -= x_hat * (dot(x_hat, dx) / d_model)
        dx *= rrms
        dgamma = np.einsum("nd,nd->d", rows(x_hat), rows(dy))
        return dx, dgamma

    return y, backward
