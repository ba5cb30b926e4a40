"""The other side of a parity test: PyTorch, given the same numbers.

What it answers in float64 is the truth. Errors are the largest of an array's entries:

    float64     |ours - truth| <= 1e-9 |truth|
    float32     |ours - truth| <= 16 max(rounding, moved, theirs)

    rounding = 2^-24 |truth|        the answer itself, rounded
    moved    = how far the truth moves, at most of eight times, where whatever was given is
               rounded anew
    theirs   = how far PyTorch misses the truth in float32

so that float32 is held to what float32 can know: within four bits of what rounding its
inputs costs in any case, or of PyTorch's own arithmetic.
"""

import os
from dataclasses import dataclass

import numpy as np
import pytest

from minillm import functional as F
from tests.parity.libraries import library
from tests.strategies import scatter

__tracebackhide__ = True  # where torch is missing, the module that imports this is named
torch = library("torch")

FLOAT64, FLOAT32, UNIT = 1e-9, 16, 2.0**-24
SMALLEST = 1e-3  # beside which an array that is 0 by structure is measured in float64
WORST = {np.float64: (0.0, ""), np.float32: (0.0, "")}  # the largest error, and where
dtypes = pytest.mark.parametrize("dtype", WORST, ids=lambda dtype: dtype.__name__)


@dataclass(frozen=True)
class Numbers:
    """All that an answer depends on, in float64: inputs, parameters by name, and dy."""

    inputs: list
    parameters: dict
    dy: np.ndarray

    def rounded_anew(self, rng):
        """Each number as a rounding to float32 might have left it."""

        def moved(x):
            return x * (1 + UNIT * rng.choice([-1.0, 1.0], x.shape))

        parameters = {name: moved(x) for name, x in self.parameters.items()}
        return Numbers([moved(x) for x in self.inputs], parameters, moved(self.dy))


def assert_same_function(ours, theirs, inputs, rng, dtype):
    """ours(*arrays) -> (y, backward) and theirs(*tensors) -> y, with every gradient.

    Either may answer (y, *more): what comes after y is compared and gets no gradient.
    """
    inputs = [np.asarray(x, dtype) for x in inputs]
    answers, dy = our_answers(ours, inputs, rng)
    compare(answers, theirs, None, numbers(inputs, {}, dy), rng, dtype)


def assert_same_layer(
    layer, peer, form, ours, theirs, inputs, rng, dtype, gradient_form=None
):
    """The same, and every parameter's gradient, with parameters that are drawn anew.

    form(arrays) are the layer's arrays by the names and in the shapes of the peer's; the
    gradients take another form where variables were changed.
    """
    scatter(layer.astype(dtype), rng)
    inputs = [np.asarray(x, dtype) for x in inputs]
    given = form(weights(layer))
    answers, dy = our_answers(ours, inputs, rng)
    answers |= (gradient_form or form)(grads(layer))
    compare(answers, theirs, peer, numbers(inputs, given, dy), rng, dtype)


def numbers(inputs, parameters, dy):
    wide = {name: x.astype(np.float64) for name, x in parameters.items()}
    return Numbers([x.astype(np.float64) for x in inputs], wide, dy.astype(np.float64))


def our_answers(ours, inputs, rng):
    """y, what comes after it, and the gradient of each input, by name; and dy."""
    y, backward = ours(*inputs)
    y, *more = y if isinstance(y, tuple) else (y,)
    dy = np.asarray(rng.normal(size=y.shape), y.dtype)
    dx = backward(dy)
    dx = dx if isinstance(dx, tuple) else (dx,) if inputs else ()
    assert len(dx) == len(inputs)
    return named([y, *more], dx), dy


def their_answers(theirs, peer, given, dtype):
    """The same of PyTorch, and the gradients of the peer's parameters."""
    if peer is not None:
        peer.to(dtype).zero_grad()
        load(peer, given.parameters)
    inputs = [torch.tensor(x, dtype=dtype, requires_grad=True) for x in given.inputs]
    y = theirs(*inputs)
    y, *more = y if isinstance(y, tuple) else (y,)
    y.backward(torch.tensor(given.dy, dtype=dtype))
    answers = named([y, *more], [x.grad for x in inputs])
    if peer is not None:
        answers |= {name: p.grad for name, p in peer.named_parameters()}
    return {name: x.detach().double().numpy().copy() for name, x in answers.items()}


def named(outputs, gradients):
    answers = {f"output {i}": x for i, x in enumerate(outputs)}
    return answers | {f"gradient of input {i}": x for i, x in enumerate(gradients)}


def compare(answers, theirs, peer, given, rng, dtype):
    """Hold every answer to the bounds above."""

    def ask(given, dtype=torch.float64):
        return their_answers(theirs, peer, given, dtype)

    truth = ask(given)
    others = []
    if dtype == np.float32:
        others = [ask(given.rounded_anew(rng)) for _ in range(8)]
        others.append(ask(given, torch.float32))
    assert answers.keys() == truth.keys()
    for name, y in truth.items():
        misses = [largest(other[name] - y) for other in others]
        assert_close(answers[name], y, dtype, name, misses)


def assert_close(ours, truth, dtype, name="", misses=()):
    """Within the bound of this dtype; `misses` are `moved`, several times, and `theirs`."""
    if isinstance(truth, torch.Tensor):
        truth = truth.detach().numpy()
    assert ours.dtype == dtype, name
    assert ours.shape == truth.shape, name
    if dtype == np.float64:
        bound, unit = FLOAT64, max(largest(truth), SMALLEST)
    else:
        bound, unit = FLOAT32, max(UNIT * largest(truth), *misses)
    miss = largest(ours - truth)
    error = miss / unit if miss else 0.0
    if error > WORST[dtype][0]:
        WORST[dtype] = error, f"{name} in {os.environ['PYTEST_CURRENT_TEST']}"
    assert error <= bound, f"{name}: an error of {error:.2g}, and {bound} is the bound"


def learn(model, targets, *given, seen=None):
    """(loss, logits) of a model of ours, and the backward through both.

    Logits are shown where `seen`: at padding the two sides differ.
    """
    logits, model_backward = model(*given)
    loss, loss_backward = F.cross_entropy(logits, targets)

    def backward(dloss):
        model_backward(loss_backward(dloss))

    return (loss, logits if seen is None else logits[seen]), backward


def cross_entropy(logits, targets, seen=None):
    """The same of PyTorch's logits."""
    n = logits.shape[-1]
    loss = torch.nn.functional.cross_entropy(
        logits.reshape(-1, n), torch.tensor(targets.reshape(-1))
    )
    return loss, logits if seen is None else logits[torch.tensor(seen)]


def tensor(array):
    """A float64 leaf that collects a gradient; ids and masks as they are."""
    array = np.asarray(array)
    if array.dtype.kind != "f":
        return torch.tensor(array)
    return torch.tensor(array.astype(np.float64), requires_grad=True)


def largest(x):
    return float(np.abs(x).max(initial=0))


def load(peer, arrays):
    """Give every parameter of a PyTorch module its array; none may be left over."""
    parameters = dict(peer.named_parameters())
    assert parameters.keys() == arrays.keys()
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(torch.tensor(arrays[name].astype(np.float64)))


def weights(module):
    return {name: p.data for name, p in module.named_parameters()}


def grads(module):
    return {name: p.grad for name, p in module.named_parameters()}
