"""Causal convolutions: a window that ends at the position itself."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import rngs, unequal_sizes

CLOSE = {"rtol": 1e-11, "atol": 1e-12}
sizes = unequal_sizes(5)  # batch, seq_len, d_in, d_out, width
dilations = st.integers(1, 3)


def draw(rng, sizes):
    batch, seq_len, d_in, d_out, width = sizes
    return (
        rng.normal(size=(batch, seq_len, d_in)),
        rng.normal(size=(width, d_in, d_out)),
        rng.normal(size=d_out),
    )


@given(rngs, sizes, dilations)
def test_the_equation_of_the_docstring(rng, sizes, dilation):
    x, W, b = draw(rng, sizes)
    y, _ = F.causal_convolution(x, W, b, dilation)
    for t in range(sizes[1]):
        expected = np.tile(b, (sizes[0], 1))
        for k in range(sizes[4]):
            at = t - (sizes[4] - 1 - k) * dilation
            if at >= 0:
                expected += x[:, at] @ W[k]
        assert_allclose(y[:, t], expected, **CLOSE)


@given(rngs, sizes, dilations, st.data())
def test_a_position_is_seen_from_itself_and_from_multiples_of_the_dilation_later(
    rng, sizes, dilation, data
):
    """And from nowhere else: to the last bit, forward and back."""
    x, W, b = draw(rng, sizes)
    t = data.draw(st.integers(0, sizes[1] - 1))
    other = x.copy()
    other[:, t] += 1 + rng.random(other[:, t].shape)
    (y, backward), (changed, _) = (
        F.causal_convolution(a, W, b, dilation) for a in (x, other)
    )
    later = np.arange(sizes[1]) - t
    sees = (later >= 0) & (later % dilation == 0) & (later < sizes[4] * dilation)
    assert_array_equal((changed != y).any((0, 2)), sees)

    for at in range(sizes[1]):
        dy = np.zeros_like(y)
        dy[:, at] = 1 + rng.random(dy[:, at].shape)
        assert (backward(dy)[0][:, t] != 0).any() == sees[at]


@given(rngs, sizes)
def test_a_kernel_of_width_1_is_a_linear_map(rng, sizes):
    x, W, b = draw(rng, (*sizes[:4], 1))
    assert_allclose(F.causal_convolution(x, W, b)[0], F.linear(x, W[0], b)[0], **CLOSE)


@given(rngs, sizes)
def test_unless_told_otherwise_it_sees_its_neighbours(rng, sizes):
    x, W, b = draw(rng, sizes)
    assert_array_equal(
        F.causal_convolution(x, W, b)[0], F.causal_convolution(x, W, b, 1)[0]
    )


@given(rngs, sizes, dilations, st.integers(1, 4))
def test_a_shifted_text_gives_a_shifted_output(rng, sizes, dilation, shift):
    """Wherever it stands, a pattern is the same pattern."""
    x, W, b = draw(rng, sizes)
    shifted = np.pad(x, ((0, 0), (shift, 0), (0, 0)))
    y, _ = F.causal_convolution(x, W, b, dilation)
    assert_allclose(F.causal_convolution(shifted, W, b, dilation)[0][:, shift:], y, **CLOSE)


@given(rngs, sizes, dilations)
def test_it_is_linear_in_x_and_in_w_and_backward_is_its_adjoint(rng, sizes, dilation):
    """<dy, y> = <dx, x> = <dW, W> where b is 0."""
    (x, W, b), (z, V, _) = draw(rng, sizes), draw(rng, sizes)
    a, none = rng.normal(), 0 * b

    def convolve(x, W):
        return F.causal_convolution(x, W, none, dilation)

    y, backward = convolve(x, W)
    assert_allclose(convolve(a * x + z, W)[0], a * y + convolve(z, W)[0], **CLOSE)
    assert_allclose(convolve(x, a * W + V)[0], a * y + convolve(x, V)[0], **CLOSE)
    dy = rng.normal(size=y.shape)
    dx, dW, db = backward(dy)
    assert_allclose(np.sum(dx * x), np.sum(dy * y), **CLOSE)
    assert_allclose(np.sum(dW * W), np.sum(dy * y), **CLOSE)
    assert_allclose(db, dy.sum((0, 1)), **CLOSE)
