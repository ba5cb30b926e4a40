"""Of whole texts: how often each is drawn, and what Wu et al. say that it is worth."""

import itertools
import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minillm.generation import (
    SamplingSettings,
    coverage_penalty,
    generate,
    length_penalty,
    score,
)
from tests.generation.test_beam import Config, Table
from tests.strategies import rngs

seeds = st.integers(0, 2**32)
numbers_of_tokens = st.integers(1, 60)
alphas = st.floats(0, 2)
betas = st.floats(0.01, 2)


# --- generate: P(text) = the product of P(token | what is before it)


class Writer(Table):
    def single_step(self, caches):
        return lambda token_id: self.step(np.array([[token_id]]), caches)[0, 0]


class Scripted:
    """In place of a generator: these uniform numbers, one after another."""

    def __init__(self, numbers):
        self.numbers = iter(numbers)

    def random(self, shape):
        return np.full(shape, next(self.numbers))


some_settings = st.builds(
    SamplingSettings,
    temperature=st.sampled_from([0.0, 0.7, 1.0]),
    top_k=st.sampled_from([None, 2]),
    top_p=st.sampled_from([None, 0.8]),
    repetition_penalty=st.sampled_from([1.0, 1.5]),
)


@given(seeds, st.integers(2, 4), some_settings)
def test_texts_come_as_often_as_the_chain_rule_says(seed, vocab_size, settings):
    """The n x n midpoints of a grid, as (u_1, u_2): an interval of length p holds between
    n p - 1 and n p + 1 of n midpoints, so a text of two tokens comes within 2 / n + 1 / n^2
    of the product of their probabilities."""
    model, n = Writer(seed, Config(vocab_size)), 10
    midpoints = (np.arange(n) + 0.5) / n
    times = dict.fromkeys(itertools.product(range(vocab_size), repeat=2), 0)
    for numbers in itertools.product(midpoints, repeat=2):
        rng = Scripted(numbers)
        tokens = generate(model, np.array([1]), 2, settings=settings, rng=rng)
        times[tuple(token.id for token in tokens)] += 1
    for (i, j), n_times in times.items():
        first = settings.distribution(np.array(model.logits((1,))), [1])[i]
        second = settings.distribution(np.array(model.logits((1, i))), [1, i])[j]
        assert abs(n_times / n**2 - first * second) <= 2 / n + 1 / n**2
        assert n_times == 0 or first * second > 0


# --- s(Y, X) = log P(Y | X) / lp(Y) + cp(X; Y)


@given(numbers_of_tokens, alphas, alphas)
def test_the_length_penalty_is_its_formula(n, alpha, other):
    """((5 + n) / 6)^alpha: exponents add, one token costs nothing, more cost more."""
    whole = length_penalty(n, alpha)
    assert_allclose(whole, math.exp(alpha * math.log(Fraction(5 + n, 6))), rtol=1e-13)
    product = whole * length_penalty(n, other)
    assert_allclose(length_penalty(n, alpha + other), product, rtol=1e-13)
    assert length_penalty(1, alpha) == length_penalty(n, 0) == 1
    assert length_penalty(n + 1, alpha + 0.1) > length_penalty(n, alpha + 0.1) >= 1


@given(st.floats(0.1, 5), st.integers(500, 10_000))
def test_at_alpha_1_the_score_of_a_long_text_is_nearly_a_mean_over_its_tokens(nats, n):
    """Six times the mean, as lp(Y) = (5 + n) / 6: off by 5 / (5 + n) of it."""
    found = score(-nats * n, n, np.zeros(0), 1.0, 0.0)
    assert_allclose(found, -6 * nats, rtol=5 / (5 + n) * (1 + 1e-12))


@given(rngs, st.integers(0, 6), st.integers(0, 6), betas)
def test_the_coverage_penalty_is_its_formula(rng, n_source, n_more, beta):
    """A sum over source words of log(min(covered, 1)), whatever their order; never above
    0, and 0 once every word was covered."""
    covered, more = (rng.uniform(0.1, 2, n) for n in (n_source, n_more))
    expected = beta * sum(math.log(min(c, 1)) for c in covered)
    found = coverage_penalty(covered, beta)
    close = {"rtol": 1e-12, "atol": 1e-14}
    assert_allclose(found, expected, **close)
    both = rng.permutation([*covered, *more])
    assert_allclose(
        coverage_penalty(both, beta), found + coverage_penalty(more, beta), **close
    )
    assert coverage_penalty(covered + more.sum(), beta) >= found
    assert coverage_penalty(np.maximum(covered, 1), beta) == 0 >= found


@given(rngs, st.floats(-50, -0.1), numbers_of_tokens, alphas, st.floats(0, 2))
def test_the_score_is_log_p_by_its_length_and_its_coverage(rng, log_p, n, alpha, beta):
    covered = rng.uniform(0.1, 2, 4)
    found = score(log_p, n, covered, alpha, beta)
    expected = log_p * (6 / (5 + n)) ** alpha + beta * np.log(covered.clip(0, 1)).sum()
    assert_allclose(found, expected, rtol=1e-12)
    assert score(log_p, n, covered, 0, 0) == log_p
    assert log_p <= score(log_p, n, covered, alpha, 0) < 0
