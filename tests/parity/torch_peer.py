"""The other side of a parity test: PyTorch in float64, given the same numbers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")

# Beside the largest entry of an array. Two sides in float64 agree to 1e-9. Ours in float32
# is given 500 roundings of 2^-24: chained sums of a few dozen products each, magnified
# where they cancel. The worst of 300 random examples for each test had 190.
BOUNDS = {np.float64: 1e-9, np.float32: 500 * 2.0**-24}
dtypes = pytest.mark.parametrize("dtype", BOUNDS, ids=lambda dtype: dtype.__name__)


def tensor(array):
    """A float64 leaf that collects a gradient; ids and masks as they are."""
    array = np.asarray(array)
    if array.dtype.kind != "f":
        return torch.tensor(array)
    return torch.tensor(array.astype(np.float64), requires_grad=True)


def assert_close(ours, theirs, dtype, name=""):
    """Within the bound, relative to the largest entry of what PyTorch has."""
    if isinstance(theirs, torch.Tensor):
        theirs = theirs.detach().numpy()
    assert ours.dtype == dtype, name
    assert ours.shape == theirs.shape, name
    atol = BOUNDS[dtype] * max(np.abs(theirs).max(initial=0), 1e-3)
    assert_allclose(ours, theirs, rtol=0, atol=atol, err_msg=name)


def assert_same_function(ours, theirs, inputs, rng, dtype):
    """ours(*arrays) -> (y, backward) and theirs(*tensors) -> y, with every gradient."""
    inputs = [x.astype(dtype) for x in inputs]
    tensors = [tensor(x) for x in inputs]
    y, backward = ours(*inputs)
    y_theirs = theirs(*tensors)
    assert_close(y, y_theirs, dtype, "y")
    dy = np.asarray(rng.normal(size=y.shape), dtype)
    y_theirs.backward(torch.tensor(dy.astype(np.float64)))
    grads = backward(dy)
    grads = grads if isinstance(grads, tuple) else (grads,)
    for i, (grad, x) in enumerate(zip(grads, tensors, strict=True)):
        assert_close(grad, x.grad, dtype, f"gradient of input {i}")


def load(peer, arrays):
    """Give every parameter of a PyTorch module its array; none may be left over."""
    parameters = dict(peer.named_parameters())
    assert parameters.keys() == arrays.keys()
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(torch.tensor(arrays[name].astype(np.float64)))


def assert_same_gradients(peer, arrays, dtype):
    """What the peer's parameters collected is what ours did, in the peer's form."""
    for name, p in peer.named_parameters():
        assert_close(arrays[name], p.grad, dtype, name)


def weights(module):
    return {name: p.data for name, p in module.named_parameters()}


def grads(module):
    return {name: p.grad for name, p in module.named_parameters()}
