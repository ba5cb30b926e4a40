"""Our recurrences as torch.nn has them.

PyTorch's matrices are turned, and it adds two biases where one would do: each of the two
collects the gradient of ours. Its gates come in our order.
"""

import numpy as np
import pytest

from minillm.layers import GRU, LSTM, Elman
from tests.parity.libraries import library

__tracebackhide__ = True
torch = library("torch")

KINDS = {
    "rnn": (Elman, torch.nn.RNN),
    "lstm": (LSTM, torch.nn.LSTM),
    "gru": (GRU, torch.nn.GRU),
}
kinds = pytest.mark.parametrize(("kind", "peer_kind"), KINDS.values(), ids=KINDS)


def peer_form(arrays, layer=0, *, gradients=False):
    """One of our layers as PyTorch names and turns it. Of the weights, the second bias
    is what only the GRU has, and else 0; of the gradients, it is the first's again."""
    bias = arrays["bias"]
    second = bias.copy() if gradients else np.zeros_like(bias)
    if "n_bias" in arrays:
        second[-len(arrays["n_bias"]) :] = arrays["n_bias"]
    form = {
        "weight_ih": arrays["x_weight"].T,
        "weight_hh": arrays["h_weight"].T,
        "bias_ih": bias,
        "bias_hh": second,
    }
    return {f"{name}_l{layer}": array for name, array in form.items()}


def gradient_form(arrays):
    return peer_form(arrays, gradients=True)


def peer_states(state):
    """PyTorch's states lie (layer, batch, d), h and c apart."""
    if state.ndim == 3:
        return state[None, :, 0], state[None, :, 1]
    return state[None]
