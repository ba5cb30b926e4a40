"""Recurrent and convolutional layers: their state, how they begin, what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import (
    GRU,
    LSTM,
    CausalConvolution,
    ConvolutionBlock,
    Elman,
    LayerNorm,
    StateCache,
)
from tests.strategies import rngs, scatter, unequal_sizes

CLOSE = {"rtol": 1e-11, "atol": 1e-12}
KINDS = {"elman": Elman, "lstm": LSTM, "gru": GRU}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
sizes = unequal_sizes(4)  # batch, seq_len, d_in, d


def draw_layer(rng, kind, d_in, d):
    return scatter(kind(d_in, d, rng=rng).astype(np.float64), rng)


def convolution(d_in, d, *, rng):
    return CausalConvolution(d_in, d, 3, dilation=2, rng=rng)


def convolution_of_width_1(d_in, d, *, rng):
    return CausalConvolution(d_in, d, 1, rng=rng)


def convolution_block(d_in, d, *, rng):
    return ConvolutionBlock(CausalConvolution(d_in, d_in, 2, rng=rng), LayerNorm(d_in))


STEPPING = [*KINDS.values(), convolution, convolution_of_width_1, convolution_block]


def whole(layer, x):
    y, _ = layer(x)
    return layer.read(y)[0] if hasattr(layer, "read") else y


@pytest.mark.parametrize("kind", STEPPING, ids=lambda kind: kind.__name__)
@given(rng=rngs, sizes=sizes)
def test_steps_in_any_chunks_equal_one_pass(kind, rng, sizes):
    batch, _, d_in, d = sizes
    seq_len = 8
    layer, x = (
        draw_layer(rng, kind, d_in + 2, d),
        rng.normal(size=(batch, seq_len, d_in + 2)),
    )
    cuts = np.flatnonzero(rng.random(seq_len - 1) < 0.4) + 1
    cache = StateCache()
    stepped = [layer.step(chunk, cache) for chunk in np.split(x, cuts, 1)]
    assert_allclose(np.concatenate(stepped, 1), whole(layer, x), rtol=1e-10, atol=1e-10)
    assert len(cache) == seq_len


@pytest.mark.parametrize("kind", STEPPING, ids=lambda kind: kind.__name__)
@given(rng=rngs)
def test_sequences_can_be_chosen_and_doubled_in_a_cache(kind, rng):
    layer, x = draw_layer(rng, kind, 4, 5), rng.normal(size=(3, 6, 4))
    rows = rng.integers(0, 3, 5)
    cache = StateCache()
    layer.step(x[:, :4], cache)
    cache.select(rows)
    found = layer.step(x[rows, 4:], cache)
    assert_allclose(found, whole(layer, x)[rows, 4:], rtol=1e-10, atol=1e-10)


def test_an_empty_cache_has_nothing_to_choose_from():
    cache = StateCache()
    cache.select(np.array([1, 0]))
    assert cache.state is None and len(cache) == 0


@kinds
@given(rng=rngs, sizes=sizes)
def test_a_layer_begins_with_0(kind, rng, sizes):
    batch, seq_len, d_in, d = sizes
    layer, x = draw_layer(rng, kind, d_in, d), rng.normal(size=(batch, seq_len, d_in))
    y, backward = layer(x)
    y_given, backward_given = layer(x, np.zeros(layer.state_shape(batch)))
    dy = rng.normal(size=y.shape)
    assert_array_equal(y, y_given)
    (dx,), (dx_given, dstate) = backward(dy), backward_given(dy)
    assert_array_equal(dx, dx_given)
    assert dstate.shape == layer.state_shape(batch)


@kinds
@given(rng=rngs, sizes=sizes)
def test_the_last_state_continues_the_text(kind, rng, sizes):
    batch, seq_len, d_in, d = sizes
    layer, x = draw_layer(rng, kind, d_in, d), rng.normal(size=(batch, seq_len + 1, d_in))
    y, _ = layer(x)
    before, _ = layer(x[:, :-1])
    after, _ = layer(x[:, -1:], layer.last(before))
    assert_allclose(layer.last(after), layer.last(y), **CLOSE)


@given(rng=rngs, sizes=sizes)
def test_an_lstms_output_is_its_h_and_its_gradient_is_hs_alone(rng, sizes):
    batch, seq_len, d_in, d = sizes
    layer, x = draw_layer(rng, LSTM, d_in, d), rng.normal(size=(batch, seq_len, d_in))
    y, _ = layer(x)
    h, read_backward = layer.read(y)
    dh = rng.normal(size=h.shape)
    dy = read_backward(dh)
    assert_array_equal(h, y[:, 0])
    assert not np.may_share_memory(h, y)
    assert_array_equal(dy[:, 0], dh)
    assert_array_equal(dy[:, 1], 0)


@kinds
@given(rng=rngs, sizes=sizes)
def test_at_the_start_nothing_comes_of_nothing(kind, rng, sizes):
    """A fresh layer that reads zeros stays at zero: no bias moves it."""
    batch, seq_len, d_in, d = sizes
    y, _ = kind(d_in, d, rng=rng)(np.zeros((batch, seq_len, d_in), np.float32))
    assert_array_equal(y, 0)


@given(rng=rngs, sizes=sizes)
def test_at_the_start_an_lstm_keeps_what_no_input_asks_it_to_forget(rng, sizes):
    """c_t = sigmoid(1) c_{t-1}: 73 % of it, where half would be kept without the 1."""
    batch, seq_len, d_in, d = sizes
    layer = LSTM(d_in, d, rng=rng).astype(np.float64)
    layer.h_weight.data[...] = 0
    state = rng.normal(size=(batch, 2, d))
    y, _ = layer(np.zeros((batch, seq_len, d_in)), state)
    kept = (1 / (1 + math.exp(-1))) ** np.arange(1, seq_len + 1)
    assert_allclose(y[:, 1], state[:, 1, None] * kept[:, None], **CLOSE)


@given(rng=rngs, sizes=sizes)
def test_a_convolution_block_adds_what_it_saw_to_the_stream(rng, sizes):
    """y = x + dropout(relu(conv(norm(x)))); x itself where conv sees nothing."""
    batch, seq_len, d_in, width = sizes
    conv = CausalConvolution(d_in + 2, d_in + 2, width, rng=rng)
    block = ConvolutionBlock(conv, LayerNorm(d_in + 2), dropout=0.4)
    scatter(block.astype(np.float64), rng)
    x = rng.normal(size=(batch, seq_len, d_in + 2))
    for draws in None, F.Draws(1, 2, range(batch)):
        a = np.maximum(block.conv(block.norm(x)[0])[0], 0)
        expected = x + F.dropout(a, 0.4, rng=draws)[0]
        assert_allclose(block(x, draws)[0], expected, **CLOSE)
    conv.weight.data[...], conv.bias.data[...] = 0, 0
    y, backward = block(x)
    dy = rng.normal(size=y.shape)
    assert_array_equal(y, x)
    assert_array_equal(backward(dy), dy)


@given(rng=rngs, sizes=sizes, shift=st.integers(1, 5))
def test_a_convolution_does_the_same_wherever_it_stands(rng, sizes, shift):
    """Moved to the right its input gives its output, moved: zeros come before a text."""
    batch, seq_len, d_in, d = sizes
    layer = draw_layer(rng, convolution, d_in, d)
    x = rng.normal(size=(batch, seq_len, d_in))
    later = np.pad(x, ((0, 0), (shift, 0), (0, 0)))
    assert_allclose(layer(later)[0][:, shift:], layer(x)[0], **CLOSE)


def test_only_the_forget_gate_begins_open():
    biases = LSTM(2, 3, rng=np.random.default_rng(0)).bias.data.reshape(4, 3)
    assert_array_equal(biases, [[0] * 3, [1] * 3, [0] * 3, [0] * 3])


@pytest.mark.parametrize(
    ("kind", "shape", "expected"),
    [
        (Elman, (3, 5), r"state \(3, 5\): give \(2, 5\)"),
        (GRU, (2, 4), r"state \(2, 4\): give \(2, 5\)"),
        (LSTM, (2, 5), r"state \(2, 5\): give \(2, 2, 5\)"),
        (LSTM, (2, 1, 5), r"state \(2, 1, 5\): give \(2, 2, 5\)"),
    ],
)
def test_a_state_of_the_wrong_shape_is_refused(kind, shape, expected):
    layer = kind(4, 5, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=expected):
        layer(np.zeros((2, 3, 4), np.float32), np.zeros(shape, np.float32))


@pytest.mark.parametrize("kind", [*KINDS.values(), convolution])
def test_another_batch_does_not_continue_a_cache(kind):
    layer, cache = kind(4, 5, rng=np.random.default_rng(0)), StateCache()
    layer.step(np.zeros((3, 2, 4), np.float32), cache)
    with pytest.raises(ValueError, match=r"state \(3, |batch 2 does not continue"):
        layer.step(np.zeros((2, 1, 4), np.float32), cache)
    assert len(cache) == 2


@pytest.mark.parametrize(("width", "dilation"), [(0, 1), (-1, 1), (1, 0)])
def test_a_kernel_that_sees_nothing_is_refused(width, dilation):
    with pytest.raises(ValueError, match=f"width {width}, dilation {dilation}"):
        CausalConvolution(2, 2, width, dilation=dilation, rng=np.random.default_rng(0))


@given(st.integers(1, 4))
def test_unless_a_dilation_is_given_neighbours_are_read(width):
    layer = CausalConvolution(2, 2, width, rng=np.random.default_rng(0))
    assert (layer.dilation, layer.reach) == (1, width - 1)


@pytest.mark.parametrize("kind", STEPPING, ids=lambda kind: kind.__name__)
@given(rng=rngs, n_new=st.integers(1, 9))
def test_a_cache_keeps_its_state_and_no_window_into_what_was_read(kind, rng, n_new):
    """A window would keep all of a long text in memory."""
    layer, cache = kind(4, 5, rng=rng), StateCache()
    for _ in range(2):
        layer.step(rng.normal(size=(2, n_new, 4)).astype(np.float32), cache)
        assert cache.state.base is None


@given(st.integers(1, 4), st.integers(1, 4))
def test_reach_is_how_far_back_a_convolution_sees(width, dilation):
    layer = CausalConvolution(1, 1, width, dilation=dilation, rng=np.random.default_rng(0))
    layer.weight.data[...] = 1
    x = np.zeros((1, 20, 1), np.float32)
    x[0, 0] = 1
    y, _ = layer(x)
    assert np.flatnonzero(y[0, :, 0]).max() == layer.reach
