"""Truncated backpropagation: the loss of the whole text, the gradient of its chunks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from minillm.gradient_check import check_parameters
from minillm.models import DecoderConfig, DecoderOnly, RecurrentConfig, RecurrentLM
from minillm.training import (
    AdamW,
    Constant,
    Flat,
    NextToken,
    Trainer,
    TrainerSettings,
    TruncatedNextToken,
)
from tests.strategies import examples, rngs, scatter

VOCAB_SIZE, SEQ_LEN = 7, 8
cells = st.sampled_from(["rnn", "lstm", "gru"])
few = examples(20)


def draw(rng, cell, ignored=0.3):
    config = RecurrentConfig(VOCAB_SIZE, 5, 2, cell)
    model = scatter(RecurrentLM(config, rng=rng).astype(np.float64), rng)
    inputs, targets = rng.integers(0, VOCAB_SIZE, (2, 3, SEQ_LEN))
    targets[rng.random(targets.shape) < ignored] = F.IGNORED
    return model, (inputs, targets)


def loss_and_gradient(objective, model, batch, dloss=1.0):
    theta = Flat(model)
    theta.grad[...] = 0
    loss, backward = objective(model, batch, None)
    backward(dloss)
    return loss, theta.grad.copy()


@few
@given(rngs, cells, st.integers(SEQ_LEN, 2 * SEQ_LEN))
def test_chunks_as_long_as_the_text_are_full_backpropagation_to_the_last_bit(rng, cell, k):
    model, batch = draw(rng, cell)
    loss, gradient = loss_and_gradient(NextToken(), model, batch)
    loss_truncated, truncated = loss_and_gradient(TruncatedNextToken(k), model, batch)
    assert loss_truncated == loss
    assert_array_equal(truncated, gradient)


@few
@given(rngs, cells, st.integers(1, SEQ_LEN - 1))
def test_the_loss_is_that_of_the_whole_text_and_the_gradient_another(rng, cell, k):
    model, batch = draw(rng, cell, ignored=0)
    loss, gradient = loss_and_gradient(NextToken(), model, batch)
    loss_truncated, truncated = loss_and_gradient(TruncatedNextToken(k), model, batch)
    assert_allclose(loss_truncated, loss, rtol=1e-12)
    assert np.abs(truncated - gradient).max() > 1e-6


@few
@given(rngs, cells, st.integers(1, SEQ_LEN - 1))
def test_what_stood_in_an_earlier_chunk_is_not_blamed(rng, cell, k):
    """Even and odd words: a word of the earlier chunks alone learns nothing by the last."""
    config = RecurrentConfig(VOCAB_SIZE, 5, 2, cell, "untied")
    model = scatter(RecurrentLM(config, rng=rng).astype(np.float64), rng)
    begin = (SEQ_LEN - 1) // k * k  # of the last chunk
    inputs = 2 * rng.integers(0, 3, (3, SEQ_LEN))
    inputs[:, begin:] += 1
    targets = rng.integers(0, VOCAB_SIZE, inputs.shape)
    targets[:, :begin] = F.IGNORED
    for objective, blamed in ((TruncatedNextToken(k), False), (NextToken(), True)):
        Flat(model)
        model.zero_grad()
        objective(model, (inputs, targets), None)[1]()
        earlier = model.vocabulary.token_embed.weight.grad[::2]
        assert earlier.any() == blamed


@examples(6)
@given(rngs, cells, st.integers(1, SEQ_LEN - 1))
def test_the_gradient_is_that_of_a_loss_whose_carried_states_are_constants(rng, cell, k):
    """The states are made once, and held while the parameters move."""
    model, (inputs, targets) = draw(rng, cell)
    n = (targets != F.IGNORED).sum()
    chunks, states = [], None
    for start in range(0, SEQ_LEN, k):
        chunks.append((slice(start, start + k), states))
        _, states, _ = model.chunk(inputs[:, start : start + k], states)

    def forward():
        """The loss with constant states, and the backward that is claimed to fit."""
        total = 0.0
        for part, held in chunks:
            logits, _, _ = model.chunk(inputs[:, part], held)
            share = (targets[:, part] != F.IGNORED).sum() / n
            total += share * F.cross_entropy(logits, targets[:, part])[0]
        return total, TruncatedNextToken(k)(model, (inputs, targets), None)[1]

    if n:
        check_parameters(forward, model.named_parameters(), rng=rng)


@few
@given(rngs, cells, st.integers(1, SEQ_LEN))
def test_the_gradient_is_scaled_by_what_backward_is_given(rng, cell, k):
    model, batch = draw(rng, cell)
    objective = TruncatedNextToken(k)
    _, gradient = loss_and_gradient(objective, model, batch)
    theta = Flat(model)
    objective(model, batch, None)[1]()
    assert_array_equal(theta.grad, gradient)  # of the loss itself, unless told otherwise
    _, quarter = loss_and_gradient(objective, model, batch, 0.25)
    assert_allclose(quarter, gradient / 4, rtol=1e-12, atol=1e-14)


@few
@given(rngs, cells, st.integers(1, SEQ_LEN), st.integers(0, 2), st.integers(0, SEQ_LEN - 1))
def test_a_single_target_is_the_whole_loss(rng, cell, k, row, t):
    model, (inputs, _) = draw(rng, cell)
    targets = np.full_like(inputs, F.IGNORED)
    targets[row, t] = 3
    loss, _ = loss_and_gradient(TruncatedNextToken(k), model, (inputs, targets))
    expected, _ = loss_and_gradient(NextToken(), model, (inputs, targets))
    assert_allclose(loss, expected, rtol=1e-12)


def test_a_batch_without_targets_has_a_loss_of_0():
    model, (inputs, targets) = draw(np.random.default_rng(0), "lstm")
    batch = inputs, np.full_like(targets, F.IGNORED)
    loss, gradient = loss_and_gradient(TruncatedNextToken(3), model, batch)
    assert loss == 0
    assert_array_equal(gradient, 0)


def test_the_trainer_takes_it_and_dropout_too():
    config = RecurrentConfig(6, 16, 1, "lstm", dropout=0.1)
    model = RecurrentLM(config, rng=np.random.default_rng(0))
    ids = (np.arange(13) + np.arange(8)[:, None]) % 6
    trainer = Trainer(
        model,
        TruncatedNextToken(4),
        lambda step: (ids[:, :-1], ids[:, 1:]),
        AdamW(Flat(model)),
        Constant(1e-2),
        TrainerSettings(steps=40),
    )
    losses = [trainer.train_step() for _ in range(40)]
    assert losses[-1] < losses[0] / 2


def test_each_chunk_drops_by_numbers_of_its_own():
    """In every place: after the embedding and after each of two layers."""
    sites = []

    class Watched(F.Draws):
        def random(self, size, dtype=np.float32):
            sites.append(self.site)
            return super().random(size, dtype)

    config = RecurrentConfig(VOCAB_SIZE, 5, 2, "rnn", dropout=0.5)
    model = RecurrentLM(config, rng=np.random.default_rng(0))
    ids = np.zeros((3, SEQ_LEN), int)
    draws = Watched(seed=1, step=2, examples=range(3))
    TruncatedNextToken(3)(model, (ids, ids), draws)
    assert len(sites) == len(set(sites)) == 3 * 3


@pytest.mark.parametrize("k", [0, -3, 1.5, None])
def test_a_truncation_below_one_token_is_refused(k):
    with pytest.raises(ValueError, match=f"k {k}: a gradient goes back at least 1 token"):
        TruncatedNextToken(k)


def test_batches_and_models_that_do_not_fit_are_refused():
    model, (inputs, targets) = draw(np.random.default_rng(0), "rnn")
    for batch, message in (
        ((inputs,), r"takes batches of \(inputs, targets\), not of 1"),
        ((inputs, targets[:1]), r"targets of shape .*: give integers of shape"),
        ((inputs, targets * 1.0), r"targets of shape .* float64: give integers"),
    ):
        with pytest.raises(ValueError, match=message):
            TruncatedNextToken(2)(model, batch, None)
    config = DecoderConfig(vocab_size=9, max_seq_len=8, d_model=4, n_layers=1, n_heads=1)
    decoder = DecoderOnly(config, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="does not fit DecoderOnly, which carries no"):
        TruncatedNextToken(2)(decoder, (inputs, targets), None)
