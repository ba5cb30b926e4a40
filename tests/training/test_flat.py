"""One vector holds every parameter that learns, and layers read and write windows of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.layers import Linear, Module, Parameter
from minillm.training import Flat
from tests.strategies import rngs

kinds = st.tuples(
    st.lists(st.integers(1, 4), max_size=3).map(tuple),  # shape
    st.booleans(),  # decay
    st.booleans(),  # trainable
)


class Shelf(Module):
    """Any parameters; the first one also stands in a second place."""

    def __init__(self, rng, kinds):
        for i, (shape, decay, trainable) in enumerate(kinds):
            p = Parameter(rng.normal(size=shape), decay=decay)
            p.trainable = trainable
            setattr(self, f"p{i}", p)
        self.again = self.p0


shelves = st.lists(kinds, min_size=1, max_size=6).filter(lambda ks: any(k[2] for k in ks))


def learned(module):
    return [p for _, p in module.named_parameters() if p.trainable]


@given(rngs, shelves)
def test_the_windows_cover_the_vector_and_keep_every_value(rng, kinds):
    shelf = Shelf(rng, kinds)
    before = {name: p.data.copy() for name, p in shelf.named_parameters()}
    theta = Flat(shelf)
    for name, p in shelf.named_parameters():
        assert_array_equal(p.data, before[name])
    numbered = np.arange(theta.data.size, dtype=np.float32)
    theta.data[...], theta.grad[...] = numbered, -numbered
    found = np.concatenate([p.data.reshape(-1) for p in learned(shelf)])
    assert_array_equal(np.sort(found), numbered)  # each entry once: a tied one too
    for p in learned(shelf):
        assert_array_equal(p.grad, -p.data)


@given(rngs, shelves)
def test_what_decays_comes_first_and_nothing_else_does(rng, kinds):
    shelf = Shelf(rng, kinds)
    theta = Flat(shelf)
    theta.data[: theta.n_decayed], theta.data[theta.n_decayed :] = 1, 0
    for p in learned(shelf):
        assert_array_equal(p.data, float(p.decay))


@given(rngs, shelves)
def test_a_frozen_parameter_is_left_where_it_is(rng, kinds):
    shelf = Shelf(rng, kinds)
    frozen = [p for _, p in shelf.named_parameters() if not p.trainable]
    before = [(p.data, p.data.copy()) for p in frozen]
    theta = Flat(shelf)
    theta.data += 1
    for p, (data, values) in zip(frozen, before, strict=True):
        assert p.data is data and p.grad is None
        assert_array_equal(data, values)


@given(rngs, shelves)
def test_what_a_layer_accumulates_is_in_the_vector(rng, kinds):
    shelf = Shelf(rng, kinds)
    theta = Flat(shelf)
    for p in learned(shelf):
        p.accumulate(np.ones_like(p.data))
    shelf.again.accumulate(np.ones_like(shelf.again.data))
    expected = theta.data.size + (shelf.p0.data.size if shelf.p0.trainable else 0)
    assert theta.grad.sum() == expected
    shelf.zero_grad()
    assert_array_equal(theta.grad, 0)
    theta.check_home()


def test_with_everything_frozen_there_is_nothing_to_train():
    layer = Linear(2, 3, rng=np.random.default_rng(0))
    layer.freeze()
    with pytest.raises(ValueError, match="every parameter is frozen"):
        Flat(layer)


@pytest.mark.parametrize("shape", [(8,), (10,), (9, 1), (1,), ()])
def test_a_vector_that_does_not_hold_what_is_to_train_is_refused(shape):
    layer = Linear(2, 3, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="does not hold 9 trainable numbers"):
        Flat(layer, np.zeros(shape, np.float32))
    assert layer.weight.grad is None


def rebind_data(layer):
    layer.weight.data = layer.weight.data.copy()


def rebind_grad(layer):
    layer.bias.grad = np.zeros_like(layer.bias.grad)


def forget_grad(layer):
    layer.bias.grad = None


MOVES = {
    "data": rebind_data,
    "grad": rebind_grad,
    "no grad": forget_grad,
    "astype": lambda layer: layer.astype(np.float64),
    "freeze": lambda layer: layer.freeze(),
    "another Flat": Flat,
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_parameter_that_left_home_is_noticed(move):
    layer = Linear(2, 3, rng=np.random.default_rng(0))
    theta = Flat(layer)
    theta.check_home()
    move(layer)
    with pytest.raises(RuntimeError, match=r"left its Flat: write p\.data\[\.\.\.\] = new"):
        theta.check_home()


@given(rngs)
def test_loading_weights_keeps_home_and_fills_the_vector(rng):
    layer, other = Linear(2, 3, rng=rng), Linear(2, 3, rng=rng)
    theta = Flat(layer)
    layer.load_state_dict(other.state_dict())
    theta.check_home()
    assert_array_equal(theta.data[:6].reshape(2, 3), other.weight.data)


@given(rngs, shelves)
def test_a_replica_shares_the_weights_and_owns_its_gradient(rng, kinds):
    shelf = Shelf(rng, kinds)
    theta = Flat(shelf)
    twin = shelf.replica()
    twin_theta = Flat(twin, theta.data)
    assert twin_theta.data is theta.data
    theta.data[...] = np.arange(theta.data.size)
    for p, q in zip(learned(shelf), learned(twin), strict=True):
        assert_array_equal(p.data, q.data)
        q.accumulate(np.ones_like(q.data))
    assert_array_equal(theta.grad, 0)
    assert_array_equal(twin_theta.grad, 1)
    theta.check_home(), twin_theta.check_home()
