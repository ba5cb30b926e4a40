"""The maps as maps of distributions: what they compose to, keep, and are extremes of."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.generation import (
    SamplingSettings,
    greedy,
    min_p,
    probabilities,
    repetition_penalty,
    sample,
    temperature,
    top_k,
    top_p,
    top_p_at_most,
)
from tests.generation.test_sampling import (
    ids_kept,
    kept,
    logits_from,
    logits_of,
    ranking,
    sizes,
)
from tests.strategies import leading_shapes, rngs

EPS = 2**-53
several = st.integers(2, 7)


def draw_weights(rng, n):
    """Whole numbers, so that sums can be exact; a few are 0, the first is not."""
    return [1 + int(rng.integers(6)), *rng.integers(0, 7, n - 1).tolist()]


def draw_share(rng):
    return Fraction(int(rng.integers(1, 41)), 40)


def draw_temperatures(rng):
    """From 0.1 to 10, the lower one first."""
    return np.sort(10 ** rng.uniform(-1, 1, 2)).tolist()


def entropy(p):
    return float(-(p * np.log(np.where(p > 0, p, 1))).sum())


# --- softmax


@given(rng=rngs, lead=leading_shapes, vocab_size=sizes, shift=st.integers(-99, 99))
def test_every_row_is_a_distribution_whose_ratios_are_exponentials(
    rng, lead, vocab_size, shift
):
    """p_i / p_j = exp(z_i - z_j), and so a shift of all logits changes nothing."""
    z = logits_of(rng, (*lead, vocab_size))
    p = probabilities(z)
    assert_allclose(p.sum(-1), 1, rtol=vocab_size * EPS)
    best = z.argmax(-1)[..., None]
    ratios = p / np.take_along_axis(p, best, -1)
    expected = np.exp(z - np.take_along_axis(z, best, -1))
    assert_allclose(ratios, expected, rtol=8 * EPS)
    assert_array_equal(probabilities(z + shift), p)  # halves are added exactly


# --- greedy


@given(rng=rngs, lead=leading_shapes, vocab_size=sizes)
def test_greedy_is_the_likeliest_choice_and_has_no_doubt(rng, lead, vocab_size):
    z = logits_of(rng, (*lead, vocab_size))
    p, chosen = probabilities(z), probabilities(greedy(z))
    for row in np.ndindex(*lead):
        (token,) = np.flatnonzero(chosen[row])
        assert chosen[row][token] == 1
        assert token == ranking(p[row].tolist())[0]


# --- temperature


@given(rng=rngs, vocab_size=sizes)
def test_temperatures_multiply(rng, vocab_size):
    """Two roundings on either side."""
    z, (a, b) = logits_of(rng, (vocab_size,)), draw_temperatures(rng)
    assert_allclose(temperature(temperature(z, a), b), temperature(z, a * b), rtol=8 * EPS)


@given(rng=rngs, vocab_size=sizes)
def test_temperature_1_changes_nothing_and_0_absorbs_every_other(rng, vocab_size):
    z, (t, _) = logits_of(rng, (vocab_size,)), draw_temperatures(rng)
    assert_array_equal(probabilities(temperature(z, 1)), probabilities(z))
    assert_array_equal(temperature(temperature(z, t), 0), greedy(z))
    assert_array_equal(temperature(temperature(z, 0), t), greedy(z))


@given(rng=rngs, vocab_size=several)
def test_a_hotter_distribution_is_more_even_and_its_entropy_higher(rng, vocab_size):
    """Every top of the ranking holds less: the colder distribution majorises."""
    z, (cold, hot) = rng.normal(size=vocab_size), draw_temperatures(rng)
    p_cold, p_hot = (probabilities(temperature(z, t)) for t in (cold, hot))
    order = np.argsort(-z)
    tops_cold, tops_hot = p_cold[order].cumsum(), p_hot[order].cumsum()
    assert np.all(tops_hot <= tops_cold + 2 * vocab_size * EPS)
    assert tops_hot[0] < tops_cold[0] or tops_hot[0] > 1 - 1e-12
    assert entropy(p_cold) < entropy(p_hot) + 1e-14
    assert entropy(p_hot) <= math.log(vocab_size) + 1e-14


@given(rng=rngs, vocab_size=several)
def test_no_distribution_has_more_of_logit_plus_t_times_entropy(rng, vocab_size):
    """p maximises E z + t H; the maximum is t log sum_j exp(z_j / t) (Gibbs)."""
    z, (t, _) = rng.normal(size=vocab_size), draw_temperatures(rng)

    def free(p):
        return p @ z + t * entropy(p)

    most = free(probabilities(temperature(z, t)))
    assert_allclose(most, t * np.log(np.exp(z / t).sum()), rtol=1e-12, atol=1e-12)
    for other in rng.dirichlet(np.ones(vocab_size), 20):
        assert free(other) <= most + 1e-12


# --- filters


FILTERS = {
    "greedy": lambda z, share: greedy(z),
    "top_k": lambda z, share: top_k(z, math.ceil(7 * share)),
    "top_p": top_p,
    "top_p_at_most": top_p_at_most,
    "min_p": min_p,
}


@pytest.mark.parametrize("name", FILTERS)
@given(rng=rngs, vocab_size=sizes)
def test_a_filter_conditions_on_the_tokens_that_it_keeps(name, rng, vocab_size):
    """p_i / (the sum of p over what is kept), and 0 elsewhere (Holtzman et al. eq. 3)."""
    z = logits_of(rng, (vocab_size,))
    p, filtered = probabilities(z), FILTERS[name](z, float(draw_share(rng)))
    expected = np.where(kept(filtered), p, 0) / p[kept(filtered)].sum()
    assert_allclose(probabilities(filtered), expected, rtol=8 * vocab_size * EPS)
    assert kept(filtered)[z.argmax()]


@given(rng=rngs, vocab_size=sizes, j=sizes, k=sizes)
def test_the_k_best_of_the_j_best_are_the_fewer_of_both(rng, vocab_size, j, k):
    z = logits_of(rng, (vocab_size,))
    assert_array_equal(top_k(top_k(z, j), k), top_k(z, min(j, k)))


@given(rng=rngs, vocab_size=several)
def test_of_two_bars_of_min_p_the_higher_counts(rng, vocab_size):
    z, (a, b) = logits_of(rng, (vocab_size,)), rng.random(2)
    assert_array_equal(min_p(min_p(z, a), b), min_p(z, max(a, b)))


@given(rng=rngs, vocab_size=several, k=sizes)
def test_top_k_and_min_p_may_change_places_with_temperature(rng, vocab_size, k):
    """min-p's bar is then raised to the power t: (p_i / p_max)^(1/t) >= p."""
    z, (t, _), p = rng.normal(size=vocab_size), draw_temperatures(rng), rng.random()
    warm = temperature(z, t)
    assert ids_kept(top_k(warm, k)) == ids_kept(top_k(z, k))
    assume(np.abs(np.exp((z - z.max()) / t) / p - 1).min() > 1e-5)  # clear of ROUNDING
    assert ids_kept(min_p(warm, p)) == ids_kept(min_p(z, p**t))


@given(rng=rngs, vocab_size=several)
def test_a_hotter_nucleus_is_no_smaller(rng, vocab_size):
    z, (cold, hot) = rng.normal(size=vocab_size), draw_temperatures(rng)
    share = float(draw_share(rng))
    for nucleus in (top_p, top_p_at_most):
        assert ids_kept(nucleus(temperature(z, cold), share)) <= ids_kept(
            nucleus(temperature(z, hot), share)
        )


def nucleus_of(weights, share):
    """Ids by rank until they hold the share, in fractions."""
    held, ids = Fraction(0), set()
    for i in ranking(weights):
        if held < share:
            held += Fraction(weights[i], sum(weights))
            ids.add(i)
    return ids, held


@given(rng=rngs, vocab_size=several)
def test_a_nucleus_of_a_nucleus_is_the_nucleus_of_a_product(rng, vocab_size):
    """Of what the first holds the second wants its share: so top-p is not idempotent."""
    weights = draw_weights(rng, vocab_size)
    first, second = draw_share(rng), draw_share(rng)
    once = top_p(logits_from(weights), float(first))
    _, held = nucleus_of(weights, first)
    expected, _ = nucleus_of(weights, second * held)
    assert ids_kept(top_p(once, float(second))) == expected


def test_top_p_twice_is_less_than_once():
    """0.4 + 0.3 reach 0.5; of the two alone the first holds 4/7."""
    once = top_p(logits_from([4, 3, 2, 1]), 0.5)
    assert ids_kept(once) == {0, 1}
    assert ids_kept(top_p(once, 0.5)) == {0}


@given(rng=rngs, vocab_size=several)
def test_the_two_rules_differ_by_the_token_that_crosses_p(rng, vocab_size):
    """The best exceeds p alone, or p is met exactly, or the crossing token is left out."""
    weights, share = draw_weights(rng, vocab_size), draw_share(rng)
    z = logits_from(weights)
    stopping = ids_kept(top_p_at_most(z, float(share)))
    reaching = ids_kept(top_p(z, float(share)))
    held = Fraction(sum(weights[i] for i in stopping), sum(weights))
    assert stopping <= reaching
    assert len(reaching) - len(stopping) == (held < share)


# --- repetition penalty


@given(rng=rngs, vocab_size=sizes)
def test_penalties_multiply_and_leave_the_others_their_ratios(rng, vocab_size):
    z, ids = rng.normal(size=vocab_size), rng.integers(0, vocab_size, 2)
    a, b = rng.uniform(0.2, 5, 2)
    once = repetition_penalty(z, ids, a)
    twice = repetition_penalty(once, ids, b)
    assert_allclose(twice, repetition_penalty(z, ids, a * b), rtol=8 * EPS)
    others = np.setdiff1d(np.arange(vocab_size), ids)
    assert_array_equal(twice[others], z[others])


@given(rng=rngs, vocab_size=several)
def test_what_was_written_becomes_less_probable_and_nothing_else_does(rng, vocab_size):
    z, ids = rng.normal(size=vocab_size), rng.integers(0, vocab_size, 2)
    penalty = rng.uniform(1.1, 5)
    others = np.setdiff1d(np.arange(vocab_size), ids)
    before, after = (probabilities(x) for x in (z, repetition_penalty(z, ids, penalty)))
    assert after[ids].sum() < before[ids].sum() or not others.size
    assert np.all(after[others] > before[others])


# --- the draw


@given(rng=rngs, vocab_size=st.integers(1, 12), data=st.data())
def test_draws_come_as_often_as_their_exact_probability_says(rng, vocab_size, data):
    """Hoeffding (1963): P(|f_i - p_i| >= e) <= 2 exp(-2 n e^2) for one token.

    With e = sqrt(log(2 V / d) / (2 n)) all V together fail with probability at most
    d = 1e-9. What is impossible never comes.
    """
    chosen = SamplingSettings(
        temperature=data.draw(st.sampled_from([0.0, 0.7, 1.0, 1.5])),
        top_k=data.draw(st.none() | st.integers(2, 12)),
        top_p=data.draw(st.none() | st.floats(0.1, 1)),
        min_p=data.draw(st.none() | st.floats(0, 0.5)),
    )
    n, p = 20_000, chosen.distribution(rng.normal(size=vocab_size), [0])
    ids = sample(np.broadcast_to(p, (n, vocab_size)), rng)
    frequencies = np.bincount(ids, minlength=vocab_size) / n
    bound = math.sqrt(math.log(2 * vocab_size / 1e-9) / (2 * n))
    assert np.abs(frequencies - p).max() < bound
    assert np.all(frequencies[p == 0] == 0)


@given(rng=rngs, vocab_size=several)
def test_the_id_is_the_first_whose_cumulative_probability_exceeds_u(rng, vocab_size):
    weights, u = draw_weights(rng, vocab_size), rng.random()

    class Given:
        def random(self, shape):
            return np.full(shape, u)

    cumulative = np.cumsum([Fraction(weight, sum(weights)) for weight in weights])
    assume(min(abs(c - Fraction(u)) for c in cumulative) > 1e-12)  # else rounding decides
    expected = next(i for i, c in enumerate(cumulative) if c > u)
    assert sample(np.array(weights) / sum(weights), Given()) == expected
