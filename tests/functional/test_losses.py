"""Cross entropy: what counts, how much, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import leading_shapes, rngs

CLOSE = {"rtol": 1e-12, "atol": 1e-13}
vocab_sizes = st.integers(2, 9)
smoothings = st.floats(0, 0.99)


def draw_inputs(rng, leading, vocab_size):
    """Logits, targets of which some are ignored but not the first, and weights."""
    logits = rng.normal(0, 3, (*leading, vocab_size))
    targets = rng.integers(0, vocab_size, leading)
    ignored = rng.random(leading) < 0.3
    ignored[(0,) * len(leading)] = False
    return logits, np.where(ignored, F.IGNORED, targets), rng.uniform(0.1, 2, leading)


some = leading_shapes.filter(len)


@given(rngs, some, vocab_sizes)
def test_it_is_the_mean_surprise_at_the_targets(rng, leading, vocab_size):
    logits = rng.normal(0, 3, (*leading, vocab_size))
    targets = rng.integers(0, vocab_size, leading)
    surprises = [
        -math.log(math.exp(row[target]) / sum(map(math.exp, row)))
        for row, target in zip(logits.reshape(-1, vocab_size), targets.flat, strict=True)
    ]
    loss, _ = F.cross_entropy(logits, targets)
    assert_allclose(loss, sum(surprises) / targets.size, **CLOSE)


@given(rngs, some, vocab_sizes)
def test_the_gradient_is_prediction_minus_onehot_over_the_count(rng, leading, vocab_size):
    logits, targets, _ = draw_inputs(rng, leading, vocab_size)
    counted = targets != F.IGNORED
    expected = np.zeros_like(logits)
    onehot = np.eye(vocab_size)[targets[counted]]
    expected[counted] = (F.softmax(logits[counted])[0] - onehot) / counted.sum()
    _, backward = F.cross_entropy(logits, targets)
    assert_allclose(backward(), expected, **CLOSE)
    assert_allclose(backward(2.5), 2.5 * expected, **CLOSE)


@given(rngs, some, vocab_sizes, smoothings)
def test_raising_all_logits_of_a_row_is_of_no_use(rng, leading, vocab_size, smoothing):
    logits, targets, weights = draw_inputs(rng, leading, vocab_size)
    loss, backward = F.cross_entropy(logits, targets, weights, smoothing)
    shift = rng.uniform(-100, 100, (*leading, 1))
    raised, _ = F.cross_entropy(logits + shift, targets, weights, smoothing)
    assert_allclose(raised, loss, rtol=1e-12, atol=1e-11)
    assert_allclose(backward().sum(-1), 0, atol=1e-14)


@given(rngs, some, vocab_sizes, smoothings)
def test_ignored_positions_are_as_if_they_were_not_there(
    rng, leading, vocab_size, smoothing
):
    logits, targets, weights = draw_inputs(rng, leading, vocab_size)
    kept = targets != F.IGNORED
    loss, backward = F.cross_entropy(logits, targets, weights, smoothing)
    loss_alone, backward_alone = F.cross_entropy(
        logits[kept], targets[kept], weights[kept], smoothing
    )
    assert_allclose(loss, loss_alone, **CLOSE)
    assert_allclose(backward()[kept], backward_alone(), **CLOSE)
    assert_array_equal(backward()[~kept], 0)


@given(rngs, some, vocab_sizes, smoothings)
def test_a_weight_of_n_counts_a_position_n_times(rng, leading, vocab_size, smoothing):
    logits, targets, _ = draw_inputs(rng, leading, vocab_size)
    logits, targets = logits.reshape(-1, vocab_size), targets.reshape(-1)
    times = rng.integers(0, 4, targets.shape)
    times[0] = 2
    loss, backward = F.cross_entropy(logits, targets, times.astype(float), smoothing)
    again = np.repeat(np.arange(len(times)), times)
    loss_repeated, backward_repeated = F.cross_entropy(
        logits[again], targets[again], None, smoothing
    )
    dlogits = np.zeros_like(logits)
    np.add.at(dlogits, again, backward_repeated())
    assert_allclose(loss, loss_repeated, **CLOSE)
    assert_allclose(backward(), dlogits, **CLOSE)


@given(rngs, some, vocab_sizes, smoothings)
def test_smoothing_mixes_in_every_word_as_a_target(rng, leading, vocab_size, smoothing):
    """loss = (1 - s) loss(target) + s mean over the vocabulary of loss(word)"""
    logits, targets, weights = draw_inputs(rng, leading, vocab_size)

    def loss_and_gradient(targets, smoothing=0.0):
        loss, backward = F.cross_entropy(logits, targets, weights, smoothing)
        return np.append(backward(), loss)

    words = [np.where(targets == F.IGNORED, F.IGNORED, word) for word in range(vocab_size)]
    uniform = sum(map(loss_and_gradient, words)) / vocab_size
    mixed = (1 - smoothing) * loss_and_gradient(targets) + smoothing * uniform
    assert_allclose(loss_and_gradient(targets, smoothing), mixed, **CLOSE)


@given(rngs, some, vocab_sizes, smoothings)
def test_where_nothing_is_asked_the_loss_and_its_gradient_are_zero(
    rng, leading, vocab_size, smoothing
):
    logits, targets, weights = draw_inputs(rng, leading, vocab_size)
    nothing = np.full_like(targets, F.IGNORED)
    for t, w in (nothing, None), (nothing, weights), (targets, 0 * weights):
        loss, backward = F.cross_entropy(logits, t, w, smoothing)
        assert loss == 0
        assert_array_equal(backward(), 0)


def test_a_hopeless_logit_costs_what_it_should_and_not_infinity():
    logits = np.array([[10_000.0, 8_000.0]])
    loss, backward = F.cross_entropy(logits, np.array([1]))
    assert loss == 2000
    assert_array_equal(backward(), [[1, -1]])


@given(rngs, vocab_sizes)
def test_a_target_of_minus_100_asks_for_nothing_as_in_pytorch(rng, vocab_size):
    logits = rng.normal(size=(2, vocab_size))
    loss, backward = F.cross_entropy(logits, np.array([1, -100]))
    assert F.IGNORED == -100
    assert_allclose(loss, F.cross_entropy(logits[:1], np.array([1]))[0], **CLOSE)
    assert_array_equal(backward()[1], 0)


@given(rngs, some, vocab_sizes, smoothings)
def test_the_gradient_is_in_the_logits_dtype_whatever_the_losss(
    rng, leading, vocab_size, smoothing
):
    logits, targets, _ = draw_inputs(rng, leading, vocab_size)
    loss, backward = F.cross_entropy(logits.astype(np.float32), targets, None, smoothing)
    assert loss.dtype == np.float32
    assert backward(np.float64(2)).dtype == np.float32
    assert_array_equal(backward(np.float64(2)), backward(2.0))


def test_a_batch_of_nothing_costs_nothing():
    loss, backward = F.cross_entropy(np.zeros((0, 5)), np.zeros(0, int))
    assert loss == 0
    assert backward().shape == (0, 5)


@pytest.mark.parametrize("target", [-1, -101, 5, 2**40])
def test_a_target_outside_the_vocabulary_is_refused_by_number(target):
    with pytest.raises(ValueError, match=f"target {target} .* from 0 to 4"):
        F.cross_entropy(np.zeros((3, 5)), np.array([0, target, F.IGNORED]))


def test_targets_that_are_not_integers_are_refused():
    with pytest.raises(ValueError, match=r"target: .*integers, not float64"):
        F.cross_entropy(np.zeros((3, 5)), np.zeros(3))


def test_a_list_of_targets_is_refused():
    with pytest.raises(ValueError, match="targets of type list: give an array"):
        F.cross_entropy(np.zeros((3, 5)), [0, 1, 2])


@pytest.mark.parametrize("shape", [(), (4,), (3, 1), (1, 3), (3, 5)])
def test_targets_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"targets .* logits \(3, 5\)"):
        F.cross_entropy(np.zeros((3, 5)), np.zeros(shape, int))


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0, 1.5, math.nan])
def test_a_smoothing_outside_its_range_is_refused(label_smoothing):
    with pytest.raises(ValueError, match=rf"label_smoothing {label_smoothing}: .*< 1"):
        F.cross_entropy(np.zeros((3, 5)), np.zeros(3, int), None, label_smoothing)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (3, 1)])
def test_weights_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"weights .* targets \(3,\)"):
        F.cross_entropy(np.zeros((3, 5)), np.zeros(3, int), np.ones(shape))
