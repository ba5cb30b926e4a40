"""Our maps from logits to logits beside transformers' logits processors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.generation import (
    SamplingSettings,
    min_p,
    probabilities,
    repetition_penalty,
    temperature,
    top_k,
    top_p,
)
from tests.strategies import rngs

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("transformers.generation.logits_process")

batches = st.integers(1, 3)
vocab_sizes = st.integers(1, 40)
shares = st.floats(0.01, 0.99)


def logits_of(rng, batch, vocab_size):
    return rng.normal(size=(batch, vocab_size)).astype(np.float32) * 3


def processed(processors, z, ids=None):
    """What transformers makes of logits, its processors applied one after the other."""
    ids = np.zeros((len(z), 1), int) if ids is None else ids
    scores = torch.from_numpy(z.copy())
    for processor in processors:
        scores = processor(torch.from_numpy(ids), scores)
    return scores.numpy()


@given(rng=rngs, batch=batches, vocab_size=vocab_sizes, t=st.floats(0.05, 5))
def test_temperature(rng, batch, vocab_size, t):
    """They do not subtract the largest logit: equal as probabilities."""
    z = logits_of(rng, batch, vocab_size)
    expected = processed([theirs.TemperatureLogitsWarper(t)], z)
    assert_allclose(
        probabilities(temperature(z, t)), probabilities(expected), rtol=1e-4, atol=1e-12
    )


@given(rng=rngs, batch=batches, vocab_size=vocab_sizes, k=st.integers(1, 50))
def test_top_k(rng, batch, vocab_size, k):
    z = logits_of(rng, batch, vocab_size)
    assert_array_equal(top_k(z, k), processed([theirs.TopKLogitsWarper(k)], z))


@given(rng=rngs, vocab_size=vocab_sizes, k=st.integers(1, 50))
def test_top_k_where_tokens_tie_keeps_a_part_of_what_they_keep(rng, vocab_size, k):
    """They keep all that equal the k-th; so the lists agree above it."""
    z = rng.integers(0, 5, (1, vocab_size)).astype(np.float32)
    ours, expected = top_k(z, k), processed([theirs.TopKLogitsWarper(k)], z)
    assert np.all((ours == expected) | (z == z[ours > -np.inf].min()))
    assert np.all(expected[ours > -np.inf] > -np.inf)


def clear_of_the_boundary(z, p):
    """No cumulative probability so near p that float32 sums decide."""
    sums = np.sort(probabilities(z), axis=-1)[..., ::-1].cumsum(-1)
    return np.all(np.abs(sums - p) > 1e-5)


@given(rng=rngs, batch=batches, vocab_size=vocab_sizes, p=shares)
def test_top_p(rng, batch, vocab_size, p):
    z = logits_of(rng, batch, vocab_size)
    if clear_of_the_boundary(z, p):
        assert_array_equal(top_p(z, p), processed([theirs.TopPLogitsWarper(p)], z))


@given(rng=rngs, vocab_size=vocab_sizes, p=shares)
def test_top_p_where_tokens_tie_keeps_as_many_of_each_value(rng, vocab_size, p):
    """Which of the equals stay is our stated rule and their sort's secret."""
    z = rng.integers(0, 4, (1, vocab_size)).astype(np.float32)
    if clear_of_the_boundary(z, p):
        expected = processed([theirs.TopPLogitsWarper(p)], z)
        assert_array_equal(np.sort(top_p(z, p)), np.sort(expected))


@given(
    rng=rngs, batch=batches, vocab_size=vocab_sizes, p=st.floats(0, 1), tie=st.booleans()
)
def test_min_p_ties_included(rng, batch, vocab_size, p, tie):
    z = logits_of(rng, batch, vocab_size)
    z = np.rint(z) if tie else z
    ratio = probabilities(z)
    ratio /= ratio.max(-1, keepdims=True)
    if np.all(np.abs(ratio - p) > 1e-5 * p) or p == 1:
        assert_array_equal(min_p(z, p), processed([theirs.MinPLogitsWarper(p)], z))


@given(
    rng=rngs,
    batch=batches,
    vocab_size=vocab_sizes,
    n=st.integers(1, 20),
    penalty=st.floats(0.1, 5),
)
def test_repetition_penalty(rng, batch, vocab_size, n, penalty):
    z = logits_of(rng, batch, vocab_size)
    z[rng.random(z.shape) < 0.2] = 0
    ids = rng.integers(0, vocab_size, (batch, n))
    processor = theirs.RepetitionPenaltyLogitsProcessor(penalty)
    expected = processed([processor], z, ids)
    assert_allclose(repetition_penalty(z, ids, penalty), expected, rtol=1e-6)


@given(rng=rngs, batch=batches, vocab_size=vocab_sizes)
def test_all_of_them_in_their_order(rng, batch, vocab_size):
    z = logits_of(rng, batch, vocab_size)
    ids = rng.integers(0, vocab_size, (batch, 5))
    chain = [
        theirs.RepetitionPenaltyLogitsProcessor(1.3),
        theirs.TemperatureLogitsWarper(0.8),
        theirs.TopKLogitsWarper(10),
        theirs.TopPLogitsWarper(0.9),
        theirs.MinPLogitsWarper(0.05),
    ]
    p = SamplingSettings(0.8, 10, 0.9, 0.05, 1.3).distribution(z, ids)
    assert_allclose(p, probabilities(processed(chain, z, ids)), rtol=1e-4, atol=1e-9)


def test_generate_applies_them_in_that_order():
    """Read off the list that generate itself would build."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=20, n_positions=8, n_embd=4, n_layer=1, n_head=1
    )
    model = transformers.GPT2LMHeadModel(config)
    settings = transformers.GenerationConfig(
        do_sample=True, temperature=0.8, top_k=10, top_p=0.9, min_p=0.05,
        repetition_penalty=1.3,
    )  # fmt: skip
    built = model._get_logits_processor(settings, input_ids_seq_length=1)
    assert [type(processor) for processor in built] == [
        theirs.RepetitionPenaltyLogitsProcessor,
        theirs.TemperatureLogitsWarper,
        theirs.TopKLogitsWarper,
        theirs.TopPLogitsWarper,
        theirs.MinPLogitsWarper,
    ]
