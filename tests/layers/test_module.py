"""Modules: how parameters are found, named, saved, loaded, frozen and shared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.layers import Buffer, Linear, Module, Parameter
from tests.strategies import rngs


class Leaf(Module):
    def __init__(self, rng):
        self.size = 3  # what is neither parameter nor module has no name
        self.gain = Parameter(rng.normal(size=2))
        self.table = Buffer(rng.normal(size=(2, 2)))


class Tree(Module):
    """Assigned out of alphabetical order, with a list and one parameter used twice."""

    def __init__(self, rng):
        self.root = Parameter(rng.normal(size=(2, 3)), decay=True)
        self.branches = [Leaf(rng), Leaf(rng)]
        self.apex = Leaf(rng)
        self.apex.again = self.root
        self.apex.shared = self.branches[0].table
        self.absent = None


NAMES = ["root", "branches.0.gain", "branches.1.gain", "apex.gain"]


def values(module):
    return {name: p.data.copy() for name, p in module.named_parameters()}


@given(rngs)
def test_parameters_are_named_by_their_place(rng):
    """A module's own come first, then its parts', all in the order of assignment."""
    tree = Tree(rng)
    assert [name for name, _ in tree.named_parameters()] == NAMES
    assert [name for name, _ in tree.named_modules()] == [
        "",
        "branches.0",
        "branches.1",
        "apex",
    ]
    assert [name for name, _ in tree.named_buffers()] == [
        f"{path}.table" for path in ("branches.0", "branches.1", "apex")
    ]


@given(rngs)
def test_a_parameter_in_two_places_is_named_and_counted_once(rng):
    tree = Tree(rng)
    assert sum(p is tree.root for _, p in tree.named_parameters()) == 1
    assert tree.n_parameters() == 2 * 3 + 3 * 2


@given(rngs)
def test_a_buffer_in_two_places_is_named_once(rng):
    tree = Tree(rng)
    shared = tree.branches[0].table
    assert tree.apex.shared is shared
    assert sum(buffer is shared for _, buffer in tree.named_buffers()) == 1


@given(rngs)
def test_what_is_saved_and_loaded_is_the_same(rng):
    tree, other = Tree(rng), Tree(rng)
    homes = [p.data for _, p in other.named_parameters()]
    other.load_state_dict(tree.state_dict())
    expected = values(tree)
    for p in (p for _, p in tree.named_parameters()):
        p.data += 1  # what was loaded is a copy
    assert values(other).keys() == expected.keys()
    for name, loaded in values(other).items():
        assert_array_equal(loaded, expected[name])
    for home, (_, p) in zip(homes, other.named_parameters(), strict=True):
        assert p.data is home  # windows into a larger vector stay windows


def test_buffers_are_not_saved_but_move_with_the_parameters():
    tree = Tree(np.random.default_rng(0))
    assert list(tree.state_dict()) == NAMES
    tree.astype(np.float64)
    assert {buffer.data.dtype for _, buffer in tree.named_buffers()} == {
        np.dtype(np.float64)
    }


@given(
    rngs,
    st.sets(st.sampled_from(NAMES), max_size=2),
    st.sets(st.sampled_from(["x", "apex.table"])),
    st.integers(0, 2),
)
def test_a_load_that_does_not_fit_names_every_fault_and_changes_nothing(
    rng, missing, extra, n_misshapen
):
    tree = Tree(rng)
    before = values(tree)
    state = {name: array + 1 for name, array in values(Tree(rng)).items()}
    misshapen = rng.permutation(sorted(set(NAMES) - missing))[:n_misshapen]
    for name in misshapen:
        state[name] = np.zeros((5, 7))
    state = {name: a for name, a in state.items() if name not in missing}
    state |= {name: np.zeros(1) for name in extra}
    faults = [f"{name} is missing" for name in missing]
    faults += [f"{name} is unexpected" for name in extra]
    faults += [
        f"{name} has shape (5, 7) instead of {before[name].shape}" for name in misshapen
    ]
    if not faults:
        return
    with pytest.raises(ValueError, match="weights do not fit") as error:
        tree.load_state_dict(state)
    assert all(fault in str(error.value) for fault in faults)
    assert str(error.value).count(";") == len(faults) - 1
    for name, array in values(tree).items():
        assert_array_equal(array, before[name])


def test_parameters_are_born_in_float32_without_a_gradient():
    parameter = Parameter(np.ones(3, np.float64))
    assert parameter.data.dtype == np.float32
    assert parameter.grad is None
    assert parameter.trainable
    assert not parameter.decay
    assert Buffer(np.ones(3, np.float64)).data.dtype == np.float32


@given(rngs, st.integers(1, 4), st.integers(2, 5))
def test_a_parameter_owns_its_gradient_and_adds_what_it_is_owed(rng, n, times):
    parameter = Parameter(np.zeros(n))
    grads = rng.integers(-9, 10, (times, n)).astype(np.float32)
    before = grads.copy()
    parameter.accumulate(grads[0])
    buffer = parameter.grad
    for grad in grads[1:]:
        parameter.accumulate(grad)
    assert parameter.grad is buffer
    assert_array_equal(parameter.grad, before.sum(0))
    assert_array_equal(grads, before)


@given(rngs, st.integers(1, 5))
def test_a_layer_used_twice_is_owed_the_sum_of_what_two_copies_are(rng, d):
    """Whichever backward comes first, and where one has read the other's output."""
    layer = Linear(d, d, rng=rng).astype(np.float64)
    first, second = layer.replica(), layer.replica()
    x, dy = rng.normal(size=(2, 3, d))
    h, lower_backward = layer(x)
    _, upper_backward = layer(h)
    dx = lower_backward(upper_backward(dy))
    h, first_backward = first(x)
    _, second_backward = second(h)
    assert_array_equal(first_backward(second_backward(dy)), dx)
    apart = second.weight.grad + first.weight.grad  # in the order in which they came
    assert_array_equal(layer.weight.grad, apart)
    assert_array_equal(layer.bias.grad, second.bias.grad + first.bias.grad)


@given(rngs)
def test_frozen_parameters_learn_nothing_and_the_others_go_on(rng):
    x = rng.normal(size=(2, 3)).astype(np.float32)
    first, second = Linear(3, 4, rng=rng), Linear(4, 2, rng=rng)

    def learn():
        h, first_backward = first(x)
        y, second_backward = second(h)
        return first_backward(second_backward(np.ones_like(y)))

    dx = learn()
    second.freeze()
    assert second.weight.grad is None
    first.zero_grad()
    assert_array_equal(learn(), dx)  # the gradient still passes through
    assert second.weight.grad is None
    assert second.bias.grad is None
    assert np.abs(first.weight.grad).max() > 0


@given(rngs)
def test_zero_grad_empties_the_gradients_where_they_are(rng):
    tree = Tree(rng)
    tree.root.accumulate(np.ones((2, 3)))
    grad = tree.root.grad
    tree.zero_grad()
    assert tree.root.grad is grad
    assert_array_equal(grad, 0)
    assert tree.apex.gain.grad is None


@given(rngs)
def test_float64_and_back_loses_nothing_and_starts_gradients_anew(rng):
    tree = Tree(rng)
    before = values(tree)
    tree.root.accumulate(np.ones((2, 3)))
    for dtype in np.float64, np.float32:
        assert tree.astype(dtype) is tree
        assert {p.data.dtype for _, p in tree.named_parameters()} == {np.dtype(dtype)}
        assert tree.root.grad is None
        tree.root.accumulate(np.ones((2, 3)))
        assert tree.root.grad.dtype == dtype
    assert tree.apex.again is tree.root
    for name, array in values(tree).items():
        assert_array_equal(array, before[name])


@given(rngs)
def test_a_replica_reads_the_same_weights_and_owns_its_gradients(rng):
    tree = Tree(rng)
    tree.root.accumulate(np.ones((2, 3)))
    tree.branches[1].freeze()
    twin = tree.replica()
    assert type(twin) is Tree
    assert twin.apex.again is twin.root
    for (name, p), (twin_name, q) in zip(
        tree.named_parameters(), twin.named_parameters(), strict=True
    ):
        assert (name, p.decay, p.trainable) == (twin_name, q.decay, q.trainable)
        assert q is not p
        assert q.data is p.data
        assert q.grad is None
    for (_, a), (_, b) in zip(tree.named_buffers(), twin.named_buffers(), strict=True):
        assert b.data is a.data
    twin.branches[0].gain.accumulate(np.ones(2))
    assert tree.branches[0].gain.grad is None
    assert_array_equal(tree.root.grad, 1)


class Guarded(np.ndarray):
    def __deepcopy__(self, memo):
        raise AssertionError("a large array was copied")


@given(rngs)
def test_a_replica_copies_no_array(rng):
    """Neither weights nor buffers, nor gradients, which it would throw away."""
    tree = Tree(rng)
    for _, p in tree.named_parameters():
        p.data = p.data.view(Guarded)
        p.grad = np.zeros_like(p.data)
    for _, buffer in tree.named_buffers():
        buffer.data = buffer.data.view(Guarded)
    tree.apex.gain.grad = None
    assert all(p.grad is None for _, p in tree.replica().named_parameters())
