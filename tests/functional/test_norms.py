"""Normalisation: what it ignores, and hence where its gradient cannot point."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import leading_shapes, rngs, widths

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
stretches = st.floats(0.1, 10)


def draw_inputs(rng, leading, d_model):
    x, dy = rng.normal(1, 2, (2, *leading, d_model))
    gamma, beta = rng.normal(size=(2, d_model))
    return x, gamma, beta, dy


@given(rngs, leading_shapes, widths)
def test_layer_norm_gives_each_position_mean_0_and_variance_1(rng, leading, d_model):
    x, *_ = draw_inputs(rng, leading, d_model)
    y, _ = F.layer_norm(x, np.ones(d_model), np.zeros(d_model), eps=0.0)
    assert_allclose(y.mean(-1), 0, atol=1e-10)
    assert_allclose(y.var(-1), 1, **CLOSE)


@given(rngs, leading_shapes, widths)
def test_rms_norm_gives_each_position_a_mean_square_of_1(rng, leading, d_model):
    x, *_ = draw_inputs(rng, leading, d_model)
    y, _ = F.rms_norm(x, np.ones(d_model), eps=0.0)
    assert_allclose((y * y).mean(-1), 1, **CLOSE)


@given(rngs, leading_shapes, widths)
def test_gain_and_shift_act_after_the_normalisation(rng, leading, d_model):
    x, gamma, beta, dy = draw_inputs(rng, leading, d_model)
    ones, zeros = np.ones(d_model), np.zeros(d_model)
    for op, more in (F.layer_norm, (beta,)), (F.rms_norm, ()):
        y, backward = op(x, gamma, *more)
        x_hat, plain_backward = op(x, ones, *(zeros for _ in more))
        dx, dgamma, *_ = backward(dy)
        assert_allclose(y, gamma * x_hat + sum(more), **CLOSE)
        assert_allclose(dx, plain_backward(gamma * dy)[0], **CLOSE)
        assert_allclose(dgamma, (x_hat * dy).reshape(-1, d_model).sum(0), **CLOSE)


@given(rngs, leading_shapes, widths, stretches)
def test_layer_norm_ignores_a_shift_and_a_stretch(rng, leading, d_model, stretch):
    """With eps in the squared units of x, the stretch is ignored exactly."""
    x, gamma, beta, _ = draw_inputs(rng, leading, d_model)
    shift = rng.normal(size=(*leading, 1))
    y, _ = F.layer_norm(x, gamma, beta, eps=0.01)
    moved, _ = F.layer_norm(stretch * x + shift, gamma, beta, eps=0.01 * stretch * stretch)
    assert_allclose(moved, y, **CLOSE)


@given(rngs, leading_shapes, widths, stretches)
def test_rms_norm_ignores_a_stretch_but_not_a_shift(rng, leading, d_model, stretch):
    x, gamma, _, _ = draw_inputs(rng, leading, d_model)
    y, _ = F.rms_norm(x, gamma, eps=0.01)
    stretched, _ = F.rms_norm(stretch * x, gamma, eps=0.01 * stretch * stretch)
    assert_allclose(stretched, y, **CLOSE)
    assert np.abs(F.rms_norm(x + 3, gamma, eps=0.01)[0] - y).max() > 1e-3


@given(rngs, leading_shapes, widths)
def test_layer_norms_gradient_is_orthogonal_to_shifts_and_stretches(rng, leading, d_model):
    x, gamma, beta, dy = draw_inputs(rng, leading, d_model)
    dx, _, _ = F.layer_norm(x, gamma, beta, eps=0.0)[1](dy)
    size = np.abs(dx).sum(-1)  # rounding is relative to the terms of the sums
    assert (np.abs(dx.sum(-1)) <= 1e-10 * size).all()
    assert (np.abs((dx * x).sum(-1)) <= 1e-10 * size * np.abs(x).max(-1)).all()


@given(rngs, leading_shapes, widths)
def test_rms_norms_gradient_is_orthogonal_to_stretches_alone(rng, leading, d_model):
    x, gamma, _, dy = draw_inputs(rng, leading, d_model)
    dx, _ = F.rms_norm(x, gamma, eps=0.0)[1](dy)
    size = np.abs(dx).sum(-1)
    assert (np.abs((dx * x).sum(-1)) <= 1e-10 * size * np.abs(x).max(-1)).all()
    assert (np.abs(dx.sum(-1)) > 1e-10 * size).any()


@given(rngs, leading_shapes, widths, st.floats(1e-6, 10))
def test_along_x_hat_a_gradient_keeps_the_share_of_eps(rng, leading, d_model, eps):
    """mean(x_hat^2) is 1 - eps r^2, with r for rstd or rrms: so much of x_hat is removed.

    What remains is <dx, x_hat> = eps r^3 <dx_hat, x_hat>: nothing, as eps goes to 0.
    """
    x, gamma, beta, dy = draw_inputs(rng, leading, d_model)
    centred = x - x.mean(-1, keepdims=True)
    for op, size, more in (F.layer_norm, centred, (beta,)), (F.rms_norm, x, ()):
        r = 1 / np.sqrt((size * size).mean(-1) + eps)
        x_hat = size * r[..., None]
        dx, *_ = op(x, gamma, *more, eps=eps)[1](dy)
        terms = r * np.sum(np.abs(gamma * dy * x_hat), -1)  # of which rounding is a share
        kept = eps * r * r * r * np.sum(gamma * dy * x_hat, -1)
        assert (np.abs(np.sum(dx * x_hat, -1) - kept) <= 1e-13 * d_model * terms).all()


@given(rngs, leading_shapes, widths)
def test_layer_norm_is_rms_norm_of_what_is_centred(rng, leading, d_model):
    x, gamma, beta, _ = draw_inputs(rng, leading, d_model)
    centred = x - x.mean(-1, keepdims=True)
    y, _ = F.layer_norm(x, gamma, beta, eps=1e-3)
    assert_allclose(y, F.rms_norm(centred, gamma, eps=1e-3)[0] + beta, **CLOSE)


@given(rngs, st.integers(1, 4), widths)
def test_positions_are_normalised_apart_and_share_their_parameters(rng, n, d_model):
    x, gamma, beta, dy = draw_inputs(rng, (n,), d_model)
    for op, parameters in (F.layer_norm, (gamma, beta)), (F.rms_norm, (gamma,)):
        y, backward = op(x, *parameters)
        dx, *dparameters = backward(dy)
        apart = [op(row, *parameters) for row in x]
        assert_allclose(y, [y_row for y_row, _ in apart], **CLOSE)
        gradients = [
            row_backward(d) for (_, row_backward), d in zip(apart, dy, strict=True)
        ]
        assert_allclose(dx, [g[0] for g in gradients], **CLOSE)
        for i, dparameter in enumerate(dparameters, start=1):
            assert_allclose(dparameter, sum(g[i] for g in gradients), **CLOSE)


@given(rngs, leading_shapes, widths)
def test_a_position_without_variance_is_finite_both_ways(rng, leading, d_model):
    _, gamma, beta, dy = draw_inputs(rng, leading, d_model)
    same = np.full((*leading, d_model), 3.0)
    y, backward = F.layer_norm(same, gamma, beta)
    assert_array_equal(y, np.broadcast_to(beta, y.shape))
    assert all(np.isfinite(dx).all() for dx in backward(dy))
    y, backward = F.rms_norm(0 * same, gamma)
    assert_array_equal(y, 0)
    assert all(np.isfinite(dx).all() for dx in backward(dy))


def test_unless_told_otherwise_eps_is_1e_5_for_layer_norm_and_1e_6_for_rms_norm():
    """Of features of 1 and -1 thousandths the mean square is 1e-6: eps tells."""
    x, ones = np.array([[1e-3, -1e-3, 1e-3, -1e-3]]), np.ones(4)
    layer, _ = F.layer_norm(x, ones, 0 * ones)
    rms, _ = F.rms_norm(x, ones)
    assert_allclose(layer, x / np.sqrt(1e-6 + 1e-5), **CLOSE)
    assert_allclose(rms, x / np.sqrt(1e-6 + 1e-6), **CLOSE)
