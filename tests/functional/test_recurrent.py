"""Recurrences: what they may see, what they keep, and how gradients get back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import rngs, unequal_sizes

CLOSE = {"rtol": 1e-11, "atol": 1e-12}
CELLS = {"elman": (F.elman, 1), "lstm": (F.lstm, 4), "gru": (F.gru, 3)}
cells = pytest.mark.parametrize("cell", CELLS)
sizes = unequal_sizes(4, smallest=1, largest=6)  # batch, seq_len, d_in, d
long_sizes = unequal_sizes(4, smallest=2, largest=7)


def draw(rng, cell, sizes):
    """The operation, and its x, first state and weights."""
    batch, seq_len, d_in, d = sizes
    op, n_maps = CELLS[cell]
    state_shape = (batch, 2, d) if cell == "lstm" else (batch, d)
    shapes = [(batch, seq_len, d_in), state_shape]
    shapes += [(d_in, n_maps * d), (d, n_maps * d), (n_maps * d,)]
    shapes += [(d,)] if cell == "gru" else []
    return op, [rng.normal(size=shape) for shape in shapes]


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def by_hand(cell, x, state, W_x, W_h, b, *b_n):
    """The docstring's equations, one position and one map after the other."""
    n_maps, d = CELLS[cell][1], W_h.shape[0]
    maps_x, maps_h, biases = (np.split(array, n_maps, -1) for array in (W_x, W_h, b))
    h = state[:, 0] if cell == "lstm" else state
    c = state[:, 1] if cell == "lstm" else None
    seen = []
    for t in range(x.shape[1]):
        read = [x[:, t] @ W + bias for W, bias in zip(maps_x, biases, strict=True)]
        kept = [h @ W for W in maps_h]
        a = [r + k for r, k in zip(read, kept, strict=True)]
        if cell == "elman":
            h = np.tanh(a[0])
        elif cell == "lstm":
            c = sigmoid(a[1]) * c + sigmoid(a[0]) * np.tanh(a[2])
            h = sigmoid(a[3]) * np.tanh(c)
        else:
            r, z = sigmoid(a[0]), sigmoid(a[1])
            n = np.tanh(read[2] + r * (kept[2] + b_n[0]))
            h = z * h + (1 - z) * n
        assert h.shape[-1] == d
        seen.append(np.stack((h, c), 1) if cell == "lstm" else h)
    return np.stack(seen, -2)


@cells
@given(rngs, sizes)
def test_the_equations_of_the_docstring(cell, rng, sizes):
    op, arrays = draw(rng, cell, sizes)
    assert_allclose(op(*arrays)[0], by_hand(cell, *arrays), **CLOSE)


@cells
@given(rngs, long_sizes, st.data())
def test_the_future_cannot_be_seen_to_the_last_bit(cell, rng, sizes, data):
    op, (x, *rest) = draw(rng, cell, sizes)
    t = data.draw(st.integers(1, sizes[1] - 1))
    other = x.copy()
    other[:, t:] += rng.normal(size=other[:, t:].shape)
    y, changed = op(x, *rest)[0], op(other, *rest)[0]
    assert_array_equal(changed[..., :t, :], y[..., :t, :])
    assert (changed[..., t, :] != y[..., t, :]).any()


@cells
@given(rngs, long_sizes, st.data())
def test_no_gradient_comes_from_the_future(cell, rng, sizes, data):
    op, arrays = draw(rng, cell, sizes)
    t = data.draw(st.integers(0, sizes[1] - 1))
    y, backward = op(*arrays)
    dy = np.zeros_like(y)
    dy[..., t, :] = rng.normal(size=dy[..., t, :].shape)
    dx = backward(dy)[0]
    assert_array_equal(dx[:, t + 1 :], 0)
    assert np.abs(dx[:, t]).max() > 0


@cells
@given(rngs, long_sizes, st.data())
def test_a_sequence_cut_anywhere_is_the_same_sequence(cell, rng, sizes, data):
    """The state carries all of it forward, and its gradient all of it back."""
    op, (x, state, *weights) = draw(rng, cell, sizes)
    cut = data.draw(st.integers(1, sizes[1] - 1))
    y, backward = op(x, state, *weights)
    first, first_backward = op(x[:, :cut], state, *weights)
    second, second_backward = op(x[:, cut:], first[..., -1, :], *weights)
    assert_allclose(np.concatenate((first, second), -2), y, **CLOSE)

    dy = rng.normal(size=y.shape)
    dx_second, dstate, *grads_second = second_backward(dy[..., cut:, :])
    dy_first = dy[..., :cut, :].copy()
    dy_first[..., -1, :] += dstate
    dx_first, dstate, *grads_first = first_backward(dy_first)
    dx, dstate_whole, *grads = backward(dy)
    assert_allclose(np.concatenate((dx_first, dx_second), 1), dx, **CLOSE)
    assert_allclose(dstate, dstate_whole, **CLOSE)
    for a, b, whole in zip(grads_first, grads_second, grads, strict=True):
        assert_allclose(a + b, whole, rtol=1e-11, atol=1e-11)


@given(rngs, sizes)
def test_elmans_dh_t_by_dh_0_is_the_product_of_its_steps_jacobians(rng, sizes):
    """One factor W_h^T, squeezed by the slopes of tanh, for every step."""
    op, (x, h_0, *weights) = draw(rng, "elman", sizes)
    y, backward = op(x, h_0, *weights)
    W_h, d = weights[1], sizes[3]
    product = np.broadcast_to(np.eye(d), (sizes[0], d, d))
    for t in range(sizes[1]):
        slopes = 1 - y[:, t] * y[:, t]
        product = product @ (W_h * slopes[:, None, :])  # h_{t-1} by rows, h_t by columns
    for i in range(d):
        dy = np.zeros_like(y)
        dy[:, -1, i] = 1
        assert_allclose(backward(dy)[1], product[:, :, i], **CLOSE)


@given(rngs, sizes)
def test_an_open_forget_gate_and_a_closed_input_gate_keep_the_cell_exactly(rng, sizes):
    """The constant error carousel (Hochreiter & Schmidhuber 1997, sec. 3.2): c does not
    change by a bit, nor does its gradient. A sigmoid is 1 in float64 from 40 on."""
    d = sizes[3]
    op, (x, state, W_x, W_h, b) = draw(rng, "lstm", sizes)
    W_x[:, : 2 * d] = W_h[:, : 2 * d] = 0
    b[:d], b[d : 2 * d] = -800, 800
    y, backward = op(x, state, W_x, W_h, b)
    for t in range(sizes[1]):
        assert_array_equal(y[:, 1, t], state[:, 1])
    dy = np.zeros_like(y)
    dy[:, 1, -1] = rng.normal(size=dy[:, 1, -1].shape)
    dstate = backward(dy)[1]
    assert_array_equal(dstate[:, 1], dy[:, 1, -1])
    assert_array_equal(dstate[:, 0], 0)


@given(rngs, sizes)
def test_where_nothing_reads_h_a_cell_is_all_that_was_written_faded_by_forget_gates(
    rng, sizes
):
    """c_T = sum over t of (f_T ... f_{t+1}) i_t g_t, and f_T ... f_1 of c_0 is left."""
    op, (x, state, W_x, W_h, b) = draw(rng, "lstm", sizes)
    W_h[...] = 0
    h, c = op(x, state, W_x, W_h, b)[0].swapaxes(0, 1)
    a_i, a_f, a_g, a_o = np.split(x @ W_x + b, 4, -1)
    kept, written = sigmoid(a_f), sigmoid(a_i) * np.tanh(a_g)
    left = state[:, 1] * kept.prod(1)
    for t in range(sizes[1]):
        left = left + kept[:, t + 1 :].prod(1) * written[:, t]
    assert_allclose(c[:, -1], left, **CLOSE)
    assert_allclose(h, sigmoid(a_o) * np.tanh(c), **CLOSE)


@given(rngs, sizes)
def test_where_nothing_reads_h_the_cells_gradient_is_the_product_of_forget_gates(
    rng, sizes
):
    """dc_T / dc_0 = f_T ... f_1: the gates alone decide how long a gradient lives."""
    d = sizes[3]
    op, (x, state, W_x, W_h, b) = draw(rng, "lstm", sizes)
    W_h[...] = 0
    y, backward = op(x, state, W_x, W_h, b)
    f = sigmoid(x @ W_x[:, d : 2 * d] + b[d : 2 * d])
    dy = np.zeros_like(y)
    dy[:, 1, -1] = rng.normal(size=dy[:, 1, -1].shape)
    assert_allclose(backward(dy)[1][:, 1], dy[:, 1, -1] * f.prod(1), **CLOSE)


@given(rngs, sizes)
def test_no_state_outgrows_what_its_equation_allows(rng, sizes):
    """Elman's |h| <= 1. An LSTM's cell gains 1 a step at most, and |h| <= 1. A GRU's h
    lies between the h before and a proposal of at most 1."""
    op, arrays = draw(rng, "elman", sizes)
    assert (np.abs(op(*arrays)[0]) <= 1).all()

    op, (x, state, *weights) = draw(rng, "lstm", sizes)
    h, c = op(x, state, *weights)[0].swapaxes(0, 1)
    before = np.concatenate((state[:, None, 1], c[:, :-1]), 1)
    assert (np.abs(c) <= np.abs(before) + 1).all()
    assert (np.abs(h) <= np.minimum(np.abs(np.tanh(c)), 1)).all()

    op, (x, h_0, *weights) = draw(rng, "gru", sizes)
    h, _ = op(x, h_0, *weights)
    before = np.concatenate((h_0[:, None], h[:, :-1]), 1)
    assert (np.abs(h) <= np.maximum(np.abs(before), 1) + 1e-15).all()


@given(rngs, sizes)
def test_a_gru_stands_between_its_last_state_and_a_proposal(rng, sizes):
    """h_t = z h_{t-1} + (1 - z) n, where W_h = 0 lets x alone decide both z and n."""
    op, (x, h_0, W_x, W_h, b, b_n) = draw(rng, "gru", sizes)
    W_h[...] = 0
    r, z, a_n = np.split(x @ W_x + b, 3, -1)
    z, n = sigmoid(z), np.tanh(a_n + sigmoid(r) * b_n)
    h, _ = op(x, h_0, W_x, W_h, b, b_n)
    before = np.concatenate((h_0[:, None], h[:, :-1]), 1)
    assert_allclose(h, z * before + (1 - z) * n, **CLOSE)
    assert (h >= np.minimum(before, n) - 1e-14).all()
    assert (h <= np.maximum(before, n) + 1e-14).all()


@given(rngs, sizes)
def test_a_gru_whose_update_gate_is_1_keeps_its_state(rng, sizes):
    d = sizes[3]
    op, (x, h_0, W_x, W_h, b, b_n) = draw(rng, "gru", sizes)
    W_x[:, d : 2 * d] = W_h[:, d : 2 * d] = 0
    b[d : 2 * d] = 800
    y, backward = op(x, h_0, W_x, W_h, b, b_n)
    for t in range(sizes[1]):
        assert_allclose(y[:, t], h_0, **CLOSE)  # (h - n) + n rounds
    dy = np.zeros_like(y)
    dy[:, -1] = rng.normal(size=dy[:, -1].shape)
    assert_array_equal(backward(dy)[1], dy[:, -1])


@given(rngs, sizes)
def test_a_gru_whose_gates_are_shut_is_its_proposal_of_x_alone(rng, sizes):
    """Update 0 and reset 0: nothing of the state is left but the proposal's own bias."""
    d = sizes[3]
    op, (x, h_0, W_x, W_h, b, b_n) = draw(rng, "gru", sizes)
    W_x[:, : 2 * d] = W_h[:, : 2 * d] = 0
    b[: 2 * d] = -800
    y, _ = op(x, h_0, W_x, W_h, b, b_n)
    assert_allclose(y, np.tanh(x @ W_x[:, 2 * d :] + b[2 * d :]), **CLOSE)


@cells
@given(rngs, sizes)
def test_an_output_lies_in_memory_in_the_order_of_its_axes(cell, rng, sizes):
    """So that what follows reads its rows without a copy, forward and back."""
    op, arrays = draw(rng, cell, sizes)
    assert op(*arrays)[0].flags.c_contiguous


@cells
@given(rngs, sizes)
def test_large_inputs_saturate_and_stay_finite(cell, rng, sizes):
    op, (x, *rest) = draw(rng, cell, sizes)
    with np.errstate(over="raise", invalid="raise"):
        y, backward = op(1e4 * x, *rest)
        grads = backward(rng.normal(size=y.shape))
    assert np.isfinite(y).all() and all(np.isfinite(grad).all() for grad in grads)


@cells
@given(rngs, sizes)
def test_sequences_of_a_batch_do_not_mix(cell, rng, sizes):
    op, (x, state, *weights) = draw(rng, cell, sizes)
    y, _ = op(x, state, *weights)
    for i in range(sizes[0]):
        alone, _ = op(x[[i]], state[[i]], *weights)
        assert_allclose(alone, y[[i]], **CLOSE)
