"""Next-token loss: each target counts once, wherever it stands."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.layers import Module, Parameter
from minillm.training import NextToken, mean_loss
from tests.strategies import rngs

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
VOCAB_SIZE = 5


class Bigram(Module):
    """logits = table[ids]: enough of a model to be scored by hand."""

    def __init__(self, rng):
        self.table = Parameter(rng.normal(size=(VOCAB_SIZE, VOCAB_SIZE)))

    def __call__(self, ids, rng=None):
        y, backward = F.embedding(ids, self.table.data)
        return y, lambda dy: self.table.accumulate(backward(dy))


def draw_batch(rng, batch, seq_len, ignored=0.3):
    inputs, targets = rng.integers(0, VOCAB_SIZE, (2, batch, seq_len))
    targets[rng.random(targets.shape) < ignored] = F.IGNORED
    return inputs, targets


def by_hand(table, inputs, targets, smoothing):
    """-sum(q log p) of every target that counts."""
    log_p = table - np.log(np.exp(table).sum(-1, keepdims=True))
    return [
        -(1 - smoothing) * log_p[i, t] - smoothing * log_p[i].mean()
        for i, t in zip(inputs.flat, targets.flat, strict=True)
        if t != F.IGNORED
    ]


@given(rngs, st.integers(1, 4), st.integers(1, 6), st.sampled_from([0.0, 0.2]))
def test_the_loss_is_the_mean_over_the_targets_that_count(rng, batch, seq_len, smoothing):
    model = Bigram(rng).astype(np.float64)
    inputs, targets = draw_batch(rng, batch, seq_len)
    losses = by_hand(model.table.data, inputs, targets, smoothing)
    objective = NextToken(label_smoothing=smoothing)
    loss, _ = objective(model, (inputs, targets), None)
    assert_allclose(loss, np.mean(losses) if losses else 0, **CLOSE)
    assert objective.n_targets((inputs, targets)) == len(losses)


@given(rngs)
def test_the_gradient_is_scaled_by_what_backward_is_given(rng):
    batch = draw_batch(rng, 3, 4)
    grads = []
    for scale in ((), (1.0,), (0.25,)):
        model = Bigram(rng.spawn(1)[0]).astype(np.float64)
        model.table.data[...] = np.arange(25).reshape(5, 5) / 25
        NextToken()(model, batch, None)[1](*scale)
        grads.append(model.table.grad)
    assert_array_equal(grads[0], grads[1])
    assert_allclose(grads[2], grads[0] / 4, **CLOSE)


@given(rngs, st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5)), min_size=1))
def test_the_mean_over_batches_counts_each_target_once(rng, shapes):
    """Batches of unequal size are not averaged as if they were equal."""
    model = Bigram(rng).astype(np.float64)
    batches = [draw_batch(rng, *shape, ignored=0.5) for shape in shapes]
    losses = [x for batch in batches for x in by_hand(model.table.data, *batch, 0.0)]
    if losses:
        expected = math.fsum(losses) / len(losses)
        assert_allclose(mean_loss(model, NextToken(), batches), expected, **CLOSE)
    else:
        with pytest.raises(ValueError, match="no target"):
            mean_loss(model, NextToken(), batches)


def test_without_batches_there_is_nothing_to_evaluate():
    with pytest.raises(ValueError, match="no target to evaluate on"):
        mean_loss(Bigram(np.random.default_rng(0)), NextToken(), [])
