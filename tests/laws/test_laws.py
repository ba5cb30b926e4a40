"""Laws that every operation, layer and model obeys (one catalogue, no exceptions)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import functional as F
from minillm import layers, models
from minillm.gradient_check.cases import LAYERS, MODELS, OPERATIONS
from tests.device.devices import StandIn
from tests.device.laws import gradients_agree
from tests.laws.unlisted import NO_FORWARD, NOT_DIFFERENTIABLE
from tests.strategies import examples, unequal_sizes

EVERYTHING = OPERATIONS | LAYERS | MODELS
everything = pytest.mark.parametrize("build", EVERYTHING.values(), ids=EVERYTHING)
seeds = st.integers(0, 2**32 - 1)
sizes = unequal_sizes(6)


def listed(catalogue):
    return {name.split("/")[0] for name in catalogue}


def test_every_function_is_listed():
    assert set(F.__all__) == listed(OPERATIONS) | set(NOT_DIFFERENTIABLE)


def test_every_layer_and_model_is_listed():
    public = set(layers.__all__) | {n for n in models.__all__ if not n.endswith("Config")}
    assert public == listed(LAYERS | MODELS) | set(NO_FORWARD)


@pytest.mark.parametrize("build", OPERATIONS.values(), ids=OPERATIONS)
@given(seed=seeds, sizes=sizes)
def test_the_gradient_of_an_operation_is_its_slope(build, seed, sizes):
    the_gradient_is_the_slope(build, seed, sizes)


@pytest.mark.parametrize("build", LAYERS.values(), ids=LAYERS)
@examples(6)
@given(seed=seeds, sizes=sizes)
def test_the_gradient_of_a_layer_is_its_slope(build, seed, sizes):
    the_gradient_is_the_slope(build, seed, sizes)


def the_gradient_is_the_slope(build, seed, sizes):
    """Law 1: every input and every parameter, against central differences.

    That of models stands in tests/models/test_whole_models.py.
    """
    rng = np.random.default_rng(seed)
    build(rng, sizes).check(rng)


@everything
@examples(5)
@given(seed=seeds, sizes=sizes)
def test_float32_stays_float32(build, seed, sizes):
    """Law 2: values and gradients."""
    rng = np.random.default_rng(seed)
    case = build(rng, sizes).cast(np.float32)
    y, backward = case.run()
    assert y.dtype == np.float32
    dy = rng.normal(size=y.shape).astype(np.float32)
    assert {dx.dtype for dx in case.gradients(backward, dy)} <= {np.dtype(np.float32)}


def frozen(tree):
    """Read-only copies of all arrays."""
    if isinstance(tree, np.ndarray):
        tree = tree.copy()
        tree.setflags(write=False)
        return tree
    if isinstance(tree, dict):
        return {name: frozen(value) for name, value in tree.items()}
    return tuple(map(frozen, tree)) if isinstance(tree, tuple) else tree


@everything
@examples(5)
@given(seed=seeds, sizes=sizes)
def test_nothing_that_is_passed_in_is_changed(build, seed, sizes):
    """Law 3: arguments and parameters are read-only, and backward can run twice."""
    rng = np.random.default_rng(seed)
    case = build(rng, sizes)
    case.inputs, case.constants = frozen(case.inputs), frozen(case.constants)
    for _, p in case.parameters():
        p.data.setflags(write=False)
    y, backward = case.run()
    dy = frozen(rng.normal(size=y.shape))
    before = y.copy()
    first, second = case.gradients(backward, dy), case.gradients(backward, dy)
    assert_array_equal(y, before)
    for a, b in zip(first, second, strict=True):
        assert_array_equal(a, b)


@everything
@examples(5)
@given(seed=seeds, sizes=sizes)
def test_outputs_and_gradients_are_nobody_elses_memory(build, seed, sizes):
    rng = np.random.default_rng(seed)
    case = build(rng, sizes)
    y, backward = case.run()
    dy = rng.normal(size=y.shape)
    given_arrays = [*case.inputs, *(p.data for _, p in case.parameters())]
    assert not any(np.may_share_memory(y, x) for x in given_arrays)
    for dx in case.gradients(backward, dy):
        assert not any(np.may_share_memory(dx, x) for x in (*given_arrays, dy, y))


@everything
@examples(5)
@given(seed=seeds, sizes=sizes)
def test_calls_share_no_state(build, seed, sizes):
    """Law 4: two forwards, then two backwards in the wrong order."""
    rng = np.random.default_rng(seed)
    case = build(rng, sizes)
    y, backward = case.run()
    dy = rng.normal(size=y.shape)
    alone = case.gradients(backward, dy)

    _, first_backward = case.run()
    _, second_backward = case.call(*(2 * x for x in case.inputs), **case.constants)
    case.gradients(second_backward, 3 * dy)
    for a, b in zip(alone, case.gradients(first_backward, dy), strict=True):
        assert_array_equal(a, b)


@everything
@examples(5)
@given(seed=seeds, sizes=sizes)
def test_the_device_agrees_bit_for_bit_and_is_never_waited_for(build, seed, sizes):
    """Law 5, on the strict stand-in for CuPy."""
    rng = np.random.default_rng(seed)
    gradients_agree(StandIn(), build(rng, sizes), rng)
