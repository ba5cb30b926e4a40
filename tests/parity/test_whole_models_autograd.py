"""Every model of the catalogue, its output or its loss, and every gradient, by autograd.

The models are written down again in torch_models.py, in PyTorch's functions alone: what is
shared is the names of the arrays, and the tables of angles and positions.
"""

import numpy as np
import pytest
from hypothesis import given

from minillm.gradient_check.cases import MODELS
from tests.parity.torch_blocks import Arrays
from tests.parity.torch_models import PEERS
from tests.parity.torch_peer import assert_close, tensor
from tests.strategies import examples, rngs, unequal_sizes

torch = pytest.importorskip("torch")


def peer_output(case, tensors):
    """What the other writing of the model makes of the same batch."""
    given_arrays = dict(case.constants, rng=None)
    objective = given_arrays.pop("objective", None)
    batch = given_arrays.pop("batch", ())
    named = {name: tensor(x) for name, x in given_arrays.items() if x is not None}
    if smoothing := getattr(objective, "label_smoothing", 0.0):
        named["label_smoothing"] = smoothing
    peer = PEERS[type(case.module).__name__]
    return peer(Arrays(tensors), case.module.config, *map(tensor, batch), **named)


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
@examples(4)
@given(rng=rngs, sizes=unequal_sizes(6))
def test_every_gradient_is_autograds(build, rng, sizes):
    """Nothing is dropped here, as PyTorch would drop other things."""
    case = build(rng, sizes)
    case.constants["rng"] = None
    y, backward = case.run()
    dy = rng.normal(size=y.shape)
    grads = case.gradients(backward, dy)

    tensors = {name: tensor(x.data) for name, x in case.module.named_buffers()}
    tensors |= {name: tensor(p.data) for name, p in case.parameters()}
    y_theirs = peer_output(case, tensors)
    y_theirs.backward(torch.tensor(dy))
    assert_close(y, y_theirs, np.float64, "y")
    for (name, _), grad in zip(case.parameters(), grads, strict=True):
        assert_close(grad, tensors[name].grad, np.float64, name)
