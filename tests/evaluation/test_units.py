"""One mean loss, as a number of choices and as a length of code."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm import functional as F
from minillm.evaluation import bits_per_byte, perplexity
from tests.strategies import rngs

losses = st.floats(0, 20)


# --- perplexity


@given(rngs, st.integers(1, 9), st.integers(1, 9))
def test_perplexity_is_the_geometric_mean_of_one_over_p(rng, n_tokens, vocab_size):
    """exp of the loss that a model is trained on: (prod_t 1 / p_t)^(1 / n_tokens)."""
    logits = rng.normal(size=(n_tokens, vocab_size))
    targets = rng.integers(0, vocab_size, n_tokens)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    chosen = p[np.arange(n_tokens), targets]
    loss, _ = F.cross_entropy(logits, targets)
    expected = math.prod(1 / chosen) ** (1 / n_tokens)
    assert_allclose(perplexity(float(loss)), expected, rtol=1e-12)


@given(st.integers(1, 60_000))
def test_a_blind_guess_is_undecided_among_all(vocab_size):
    assert_allclose(perplexity(math.log(vocab_size)), vocab_size, rtol=1e-12)


@given(rngs, st.integers(2, 9))
def test_a_distribution_on_its_own_draws_is_as_undecided_as_its_entropy(rng, vocab_size):
    """At most vocab_size, and no other distribution is less undecided about them."""
    p, q = rng.dirichlet(np.ones(vocab_size), 2) + 1e-9
    p, q = p / p.sum(), q / q.sum()
    own, other = perplexity(-(p @ np.log(p))), perplexity(-(p @ np.log(q)))
    assert 1 <= own <= vocab_size * (1 + 1e-12)
    assert own <= other


@given(losses, losses)
def test_a_nat_more_is_e_times_as_many_choices(a, b):
    assert_allclose(perplexity(a + b), perplexity(a) * perplexity(b), rtol=1e-12)
    assert perplexity(0) == 1 <= perplexity(a) <= perplexity(a + b)


def test_a_hopeless_loss_has_a_perplexity_without_end():
    assert perplexity(1e9) == perplexity(math.inf) == math.inf
    for rounding in (1e-16, 1e-6):  # in a loss of 0
        assert perplexity(-rounding) == math.exp(-rounding)


@pytest.mark.parametrize("loss", [math.nan, -0.1, -1.5e-6, -math.inf])
def test_what_is_no_mean_of_surprises_is_refused(loss):
    with pytest.raises(ValueError, match=f"mean_loss {loss}: a mean of -ln p"):
        perplexity(loss)


# --- bits per byte


@given(losses, st.integers(1, 1000), st.integers(1, 1000))
def test_bits_per_byte_are_the_binary_logarithm_of_perplexity_over_a_bytes_share(
    nats, n_tokens, n_bytes
):
    bits = bits_per_byte(nats, n_tokens, n_bytes)
    expected = math.log2(perplexity(nats)) * n_tokens / n_bytes
    assert_allclose(bits, expected, rtol=1e-12, atol=1e-12)
    assert_allclose(
        2 ** (bits * n_bytes / n_tokens), perplexity(nats), rtol=1e-12 * (1 + nats)
    )


@given(rngs, st.lists(st.integers(1, 4), min_size=1, max_size=9))
def test_the_bits_of_a_text_do_not_depend_on_how_it_was_cut(rng, lengths):
    """Tokens of several bytes, or each byte by itself: the same probability of the text."""
    nats = rng.exponential(2, sum(lengths))
    ends = np.cumsum(lengths)
    of_tokens = [part.sum() for part in np.split(nats, ends[:-1])]
    by_token = bits_per_byte(float(np.mean(of_tokens)), len(lengths), sum(lengths))
    by_byte = bits_per_byte(float(nats.mean()), len(nats), len(nats))
    assert_allclose(by_token, by_byte, rtol=1e-12)
    assert_allclose(by_byte * len(nats), -np.log2(np.exp(-nats)).sum(), rtol=1e-12)


@given(st.integers(1, 1000))
def test_guessing_bytes_costs_eight_bits_each(n_bytes):
    assert_allclose(bits_per_byte(math.log(256), n_bytes, n_bytes), 8, rtol=1e-12)


@given(st.floats(0.1, 10), st.integers(1, 1000), st.integers(1, 5))
def test_longer_tokens_make_the_same_nats_cheaper(nats, n_tokens, bytes_per_token):
    bits = bits_per_byte(nats, n_tokens, n_tokens * bytes_per_token)
    assert_allclose(bits * math.log(2) * bytes_per_token, nats, rtol=1e-12)


def test_a_text_without_bytes_has_no_bits_per_byte():
    with pytest.raises(ValueError, match="n_bytes 0"):
        bits_per_byte(1.0, 3, 0)
