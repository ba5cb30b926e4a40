"""Recurrences and convolutions against torch.nn's, with every gradient."""

import numpy as np
from hypothesis import given

from minillm import functional as F
from minillm.layers import CausalConvolution, Module
from tests.parity.recurrent_peers import gradient_form, kinds, peer_form, peer_states
from tests.parity.torch_peer import (
    assert_same_function,
    assert_same_layer,
    dtypes,
    torch,
)
from tests.strategies import examples, rngs, unequal_sizes

sizes = unequal_sizes(4)  # batch, seq_len, d_in, d
fewer = examples(10)


@dtypes
@kinds
@fewer
@given(rng=rngs, sizes=sizes)
def test_a_layer_with_a_first_state(kind, peer_kind, dtype, rng, sizes):
    """Every h, the last state (c too), and the gradients of x and of the first state."""
    batch, seq_len, d_in, d = sizes
    layer, peer = kind(d_in, d, rng=rng), peer_kind(d_in, d, batch_first=True)

    def ours(x, state):
        y, backward = layer(x, state)
        h, read_backward = layer.read(y)
        both = np.concatenate((h, layer.last(y).reshape(batch, -1, d)), 1)

        def both_backward(dboth):
            dy = read_backward(dboth[:, :seq_len]).copy()
            dy[..., -1, :] += dboth[:, seq_len:].reshape(state.shape)
            return backward(dy)

        return both, both_backward

    def theirs(x, state):
        h, last = peer(x, peer_states(state))
        last = last if isinstance(last, tuple) else (last,)
        return torch.cat((h, *(state.swapaxes(0, 1) for state in last)), 1)

    x = rng.normal(size=(batch, seq_len, d_in))
    state = rng.normal(size=layer.state_shape(batch))
    assert_same_layer(
        layer, peer, peer_form, ours, theirs, [x, state], rng, dtype, gradient_form
    )


class Stack(Module):
    """Layers above one another: each reads what the one below says at every position."""

    def __init__(self, kind, d_in, d, n_layers, rng):
        self.layers = [kind(width, d, rng=rng) for width in [d_in] + [d] * (n_layers - 1)]

    def __call__(self, h):
        backwards = []
        for layer in self.layers:
            y, layer_backward = layer(h)
            h, read_backward = layer.read(y)
            backwards.append((layer_backward, read_backward))

        def backward(dh):
            for layer_backward, read_backward in reversed(backwards):
                (dh,) = layer_backward(read_backward(dh))
            return dh

        return h, backward


@dtypes
@kinds
@fewer
@given(rng=rngs, sizes=sizes)
def test_three_layers_that_begin_with_nothing(kind, peer_kind, dtype, rng, sizes):
    batch, seq_len, d_in, d = sizes
    stack = Stack(kind, d_in, d, 3, rng)
    peer = peer_kind(d_in, d, 3, batch_first=True)

    def form(arrays, **options):
        parts = [
            peer_form({n: arrays[f"layers.{i}.{n}"] for n in names}, i, **options)
            for i, names in enumerate([dict(x.named_parameters()) for x in stack.layers])
        ]
        return {name: array for part in parts for name, array in part.items()}

    assert_same_layer(
        stack,
        peer,
        form,
        stack,
        lambda x: peer(x)[0],
        [rng.normal(size=(batch, seq_len, d_in))],
        rng,
        dtype,
        lambda arrays: form(arrays, gradients=True),
    )


@dtypes
@fewer
@given(rng=rngs, sizes=sizes)
def test_the_gradient_of_every_c_is_backpropagated(dtype, rng, sizes):
    """PyTorch shows c after the last step only, so it is given the steps one by one."""
    batch, seq_len, d_in, d = sizes
    shapes = [(batch, seq_len, d_in), (batch, 2, d), (d_in, 4 * d), (d, 4 * d), (4 * d,)]
    arrays = [rng.normal(size=shape) for shape in shapes]

    def theirs(x, state, W_x, W_h, b):
        h, c, seen = state[:, 0], state[:, 1], []
        for t in range(seq_len):
            h, c = torch.lstm_cell(x[:, t], (h, c), W_x.T, W_h.T, b, torch.zeros_like(b))
            seen.append(torch.stack((h, c), 1))
        return torch.stack(seen, 2)

    assert_same_function(F.lstm, theirs, arrays, rng, dtype)


@dtypes
@fewer
@given(rng=rngs, sizes=unequal_sizes(6))
def test_a_causal_convolution_is_conv1d_padded_on_the_left(dtype, rng, sizes):
    batch, seq_len, d_in, d_out, width, dilation = sizes
    layer = CausalConvolution(d_in, d_out, width, dilation=dilation, rng=rng)
    peer = torch.nn.Conv1d(d_in, d_out, width, dilation=dilation)

    def form(arrays):
        return {"weight": arrays["weight"].transpose(2, 1, 0), "bias": arrays["bias"]}

    def theirs(x):
        padded = torch.nn.functional.pad(x.mT, (layer.reach, 0))
        return peer(padded).mT

    x = rng.normal(size=(batch, seq_len, d_in))
    assert_same_layer(layer, peer, form, layer, theirs, [x], rng, dtype)
