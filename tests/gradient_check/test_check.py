"""The checker itself: right gradients pass, planted wrong ones do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.gradient_check import GradientError, check_gradients, check_parameters
from minillm.layers import Linear
from tests.strategies import rngs, scatter


def planted(change, op=F.linear):
    """The operation with its gradients changed on the way out."""

    def wrong(*inputs):
        y, backward = op(*inputs)
        return y, lambda dy: change(*backward(dy), dy)

    return wrong


def draw_linear(rng, n=4):
    return rng.normal(size=(3, n)), rng.normal(size=(n, n)), rng.normal(size=n)


def spoiled(dx, value):
    dx = dx.copy()
    dx.flat[-1] = value
    return dx


WRONG = {
    "a factor": lambda dx, dW, db, dy: (dx, 1.001 * dW, db),
    "a factor of 1.00001": lambda dx, dW, db, dy: (dx, 1.00001 * dW, db),
    "a sign": lambda dx, dW, db, dy: (-dx, dW, db),
    "a transpose that fits": lambda dx, dW, db, dy: (dx, dW.T, db),
    "a mean for a sum": lambda dx, dW, db, dy: (dx, dW, db / len(dy)),
    "no gradient at all": lambda dx, dW, db, dy: (dx, 0 * dW, db),
    "one wrong entry": lambda dx, dW, db, dy: (dx, spoiled(dW, dW.flat[-1] + 1), db),
    "a NaN": lambda dx, dW, db, dy: (dx, spoiled(dW, np.nan), db),
    "an infinity": lambda dx, dW, db, dy: (dx, spoiled(dW, np.inf), db),
    "a missing one": lambda dx, dW, db, dy: (dx, dW),
    "None for one": lambda dx, dW, db, dy: (dx, None, db),
    "one too many": lambda dx, dW, db, dy: (dx, dW, db, db),
    "another order": lambda dx, dW, db, dy: (dW, dx, db),
    "another shape": lambda dx, dW, db, dy: (dx, dW, db[None]),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
@given(rng=rngs, n=st.sampled_from([3, 4, 10]))
def test_a_wrong_gradient_is_found(change, rng, n):
    """In arrays that are checked entry by entry and in those that are too large for it."""
    with pytest.raises(GradientError), np.errstate(invalid="ignore"):
        check_gradients(planted(change), *draw_linear(rng, n), rng=rng)


@given(rngs, st.integers(3, 7))
def test_one_entry_that_is_off_by_a_hair_is_found_where_each_is_tested(rng, n):
    """By 1e-5 of the largest one, in arrays of less than 64 entries."""

    def change(dx, dW, db, dy):
        return dx, spoiled(dW, dW.flat[-1] + 1e-5 * np.abs(dW).max()), db

    with pytest.raises(GradientError, match="input 1"):
        check_gradients(planted(change), *draw_linear(rng, n), rng=rng)


@given(rng=rngs, size=st.integers(1, 9), small=st.integers(0, 10))
def test_three_directions_are_tested_and_every_entry_of_small_arrays(rng, size, small):
    """Each takes four evaluations, beside the one whose gradient is checked."""
    calls = []

    def op(x):
        calls.append(1)
        return 2 * x, lambda dy: 2 * dy

    check_gradients(op, rng.normal(size=size), rng=rng, small=small)
    assert len(calls) == 1 + 4 * (3 + (size if size < small else 0))


@given(rngs, st.floats(1e-4, 0.5))
def test_an_error_says_how_large_it_is(rng, excess):
    wrong = planted(
        lambda dx, dy: (1 + excess) * dx, lambda x: (2 * x, lambda dy: (2 * dy,))
    )
    with pytest.raises(GradientError) as raised:
        check_gradients(wrong, rng.normal(size=(2, 3)), rng=rng)
    assert_allclose(raised.value.error, excess / (1 + excess), rtol=1e-6)


@given(rngs)
def test_a_right_gradient_passes_with_room_to_spare(rng):
    """A loss of size 10 is rounded at 1e-15, which a step of 1e-3 makes 1e-12.

    Beside a slope of 1e-3 that is 1e-9; where the slope bends, h^4 is added.
    """
    assert check_gradients(F.linear, *draw_linear(rng), rng=rng) < 1e-8
    assert check_gradients(F.silu, rng.normal(size=(3, 5)), rng=rng) < 1e-7
    x, gamma, beta = rng.normal(size=(2, 6)), *rng.normal(size=(2, 6))
    assert check_gradients(F.layer_norm, x, gamma, beta, rng=rng) < 1e-6


def layer_norm_without(dropped_part):
    def wrong(x, gamma, beta):
        y, backward = F.layer_norm(x, gamma, beta)
        x_hat = (y - beta) / gamma
        rstd = 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-5)

        def wrong_backward(dy):
            dx, dgamma, dbeta = backward(dy)
            dx_hat = gamma * dy
            along = dx_hat if dropped_part == "mean" else x_hat * x_hat * dx_hat
            return dx + rstd * along.mean(-1, keepdims=True), dgamma, dbeta

        return y, wrong_backward

    return wrong


@pytest.mark.parametrize("dropped_part", ["mean", "along x_hat"])
@given(rng=rngs)
def test_a_forgotten_term_is_found(dropped_part, rng):
    x, gamma, beta = rng.normal(size=(2, 6)), *rng.normal(size=(2, 6))
    with pytest.raises(GradientError, match="input 0"):
        check_gradients(layer_norm_without(dropped_part), x, gamma, beta, rng=rng)


@given(rngs)
def test_a_gradient_that_only_ones_would_not_notice_is_found(rng):
    """The sum of a softmax never changes, so with dy = 1 a gradient of 0 looks right."""
    wrong = planted(lambda dx, dy: 0 * dy, lambda x: (F.softmax(x)[0], lambda dy: (dy,)))
    with pytest.raises(GradientError):
        check_gradients(wrong, rng.normal(size=(2, 4)), rng=rng)


@given(rngs, st.floats(1e-4, 0.5))
def test_the_error_is_relative_to_the_larger_of_both_slopes(rng, excess):
    """Claims of (1 + excess) times the slope are wrong by excess / (1 + excess)."""
    x = rng.normal(size=(2, 3))
    wrong = planted(
        lambda dx, dy: (1 + excess) * dy, lambda x: (x.copy(), lambda dy: (dy,))
    )
    error = check_gradients(wrong, x, rng=rng, tolerance=1.0)
    assert_allclose(error, excess / (1 + excess), rtol=1e-6)


@given(rngs, st.floats(1e-6, 1e-4))
def test_where_a_gradient_must_be_zero_it_is_measured_by_the_largest_of_all(rng, claim):
    """z moves nothing; a claim of c times the largest entry counts as c / 1e-3."""

    def op(x, z):
        def backward(dy):
            return dy, np.array([claim * np.abs(dy).max()])

        return x.copy(), backward

    error = check_gradients(
        op, rng.normal(size=4), rng.normal(size=1), rng=rng, tolerance=1
    )
    assert_allclose(error, claim / 1e-3, rtol=1e-5)


@given(rngs)
def test_what_is_checked_is_not_changed(rng):
    inputs = draw_linear(rng)
    before = [x.copy() for x in inputs]
    check_gradients(F.linear, *inputs, rng=rng)
    for x, x_before in zip(inputs, before, strict=True):
        assert_array_equal(x, x_before)


def draw_layer(rng):
    layer = scatter(Linear(4, 4, rng=rng).astype(np.float64), rng)
    return layer, rng.normal(size=(3, 4))


@given(rngs)
def test_right_parameters_pass_whatever_they_had_collected_before(rng):
    layer, x = draw_layer(rng)
    layer.weight.accumulate(np.ones((4, 4)))
    before = {name: p.data.copy() for name, p in layer.named_parameters()}
    assert check_parameters(lambda: layer(x), layer.named_parameters(), rng=rng) < 1e-8
    for name, p in layer.named_parameters():
        assert_array_equal(p.data, before[name])


@pytest.mark.parametrize("name", ["weight", "bias"])
@given(rng=rngs)
def test_a_parameter_that_collects_something_wrong_is_named(name, rng):
    layer, x = draw_layer(rng)

    def forward():
        y, backward = layer(x)

        def wrong(dy):
            backward(dy)
            getattr(layer, name).accumulate(0.001 * getattr(layer, name).grad)

        return y, wrong

    with pytest.raises(GradientError, match=f"^{name}: backward claims"):
        check_parameters(forward, layer.named_parameters(), rng=rng)


@given(rngs)
def test_a_parameter_that_is_used_twice_and_taught_once_is_found(rng):
    layer, x = draw_layer(rng)

    def forward():
        h, first_backward = layer(x)
        y, second_backward = layer(h)

        def wrong(dy):
            dh = second_backward(dy)
            layer.zero_grad()
            first_backward(dh)

        return y, wrong

    with pytest.raises(GradientError, match=r"^weight: backward claims"):
        check_parameters(forward, layer.named_parameters(), rng=rng)


@given(rngs)
def test_a_parameter_that_is_never_taught_is_named(rng):
    layer, x = draw_layer(rng)

    def forward():
        return F.linear(x, layer.weight.data, layer.bias.data)

    with pytest.raises(GradientError, match="weight: backward left it without a gradient"):
        check_parameters(forward, layer.named_parameters(), rng=rng)


@given(rngs)
def test_frozen_parameters_are_not_asked_for(rng):
    layer, x = draw_layer(rng)
    layer.freeze()
    assert check_parameters(lambda: layer(x), layer.named_parameters(), rng=rng) == 0


@given(rngs)
def test_parameters_are_put_back_even_when_the_forward_pass_fails(rng):
    layer, x = draw_layer(rng)
    before, calls = layer.weight.data.copy(), []

    def forward():
        calls.append(1)
        if len(calls) == 3:
            raise OverflowError
        return layer(x)

    with pytest.raises(OverflowError):
        check_parameters(forward, layer.named_parameters(), rng=rng)
    assert_array_equal(layer.weight.data, before)


def test_float32_inputs_are_checked_in_float64():
    x = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    assert check_gradients(F.softmax, x) < 1e-9
