"""Counts that generate: the same distributions through the same door."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.evaluation import InterpolatedNgram, KneserNey, NgramLM
from minillm.generation import SamplingSettings, generate
from tests.strategies import examples, rngs

VOCAB_SIZE = 6
kinds = st.sampled_from([InterpolatedNgram, KneserNey])
orders = st.integers(1, 4)
few = examples(20)


def draw_model(rng, kind, order):
    return NgramLM(kind(rng.integers(0, VOCAB_SIZE, 60), VOCAB_SIZE, order))


@few
@given(rngs, kinds, orders, st.integers(1, 5), st.integers(0, 9))
def test_every_token_comes_with_the_smoothed_distribution(
    rng, kind, order, n_prompt, n_new
):
    model = draw_model(rng, kind, order)
    context = rng.integers(0, VOCAB_SIZE, n_prompt)
    for token in generate(model, context, n_new, rng=rng):
        expected = model.ngrams.distribution(context)
        assert_allclose(token.probabilities, expected, rtol=1e-10, atol=1e-12)
        context = np.append(context, token.id)
    assert len(context) == n_prompt + n_new


@few
@given(rngs, kinds, orders)
def test_steps_in_any_chunks_equal_one_step(rng, kind, order):
    model, ids = draw_model(rng, kind, order), rng.integers(0, VOCAB_SIZE, (2, 7))
    cuts = np.flatnonzero(rng.random(6) < 0.4) + 1
    caches = model.caches()
    stepped = [model.step(chunk, caches) for chunk in np.split(ids, cuts, 1)]
    whole = model.step(ids, model.caches())
    assert_allclose(np.concatenate(stepped, 1), whole, rtol=1e-12)
    assert len(caches[0]) == 7
    assert_allclose(np.exp(whole).sum(-1), 1, rtol=1e-10)


@few
@given(rngs, kinds, orders)
def test_the_logits_are_what_the_model_is_scored_by(rng, kind, order):
    """nats_per_token of a text is the mean of -log p, but for the first token."""
    model, ids = draw_model(rng, kind, order), rng.integers(0, VOCAB_SIZE, 9)
    logits = model.step(ids[None, :-1], model.caches())[0]
    nats = -logits[np.arange(8), ids[1:]].sum() - np.log(
        model.ngrams.distribution(ids[:0])[ids[0]]
    )
    assert_allclose(nats / 9, model.ngrams.nats_per_token(ids), rtol=1e-10)


@few
@given(rngs, kinds, orders, st.integers(1, 3))
def test_a_cache_keeps_the_tokens_that_are_looked_at_and_no_more(rng, kind, order, batch):
    model, ids = draw_model(rng, kind, order), rng.integers(0, VOCAB_SIZE, (batch, 9))
    (cache,) = caches = model.caches()
    for n, chunk in zip((1, 3, 7, 9), np.split(ids, [1, 3, 7], 1), strict=True):
        model.step(chunk, caches)
        assert_array_equal(cache.ids, ids[:, max(0, n - order + 1) : n])
        assert len(cache) == n


def test_sequences_can_be_chosen_and_doubled_in_a_cache():
    model = draw_model(np.random.default_rng(0), KneserNey, 3)
    ids = np.random.default_rng(1).integers(0, VOCAB_SIZE, (3, 5))
    rows, caches = np.array([2, 0, 2]), model.caches()
    caches[0].select(rows)  # nothing was read yet
    model.step(ids[:, :4], caches)
    caches[0].select(rows)
    found = model.step(ids[rows, 4:], caches)
    assert_allclose(found, model.step(ids[rows], model.caches())[:, 4:], rtol=1e-12)
    with pytest.raises(ValueError, match="batch 2 does not continue 3 texts"):
        model.step(ids[:2, 4:], caches)


def test_greedy_writes_the_most_frequent_continuation():
    model = NgramLM(KneserNey(np.tile([0, 1, 2, 3], 20), VOCAB_SIZE, order=3))
    greedy = SamplingSettings(temperature=0)
    written = generate(
        model, np.array([0]), 5, settings=greedy, rng=np.random.default_rng(0)
    )
    assert [token.id for token in written] == [1, 2, 3, 0, 1]


@pytest.mark.parametrize("kind", [InterpolatedNgram, KneserNey])
def test_an_order_below_1_and_ids_out_of_range_are_refused(kind):
    ids = np.arange(6)
    with pytest.raises(ValueError, match="order 0 must be at least 1"):
        NgramLM(kind(ids, VOCAB_SIZE, order=0))
    model = NgramLM(kind(ids, VOCAB_SIZE, order=2))
    for wrong in (-1, 6):
        with pytest.raises(ValueError, match="leave the vocabulary of 6"):
            model.step(np.array([[wrong]]), model.caches())
