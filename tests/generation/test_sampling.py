"""Every map from logits to logits is checked without luck; the one draw, with a bound."""

import itertools
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
from tests.strategies import leading_shapes, rngs

sizes = st.integers(1, 7)
shares = st.integers(1, 40).map(lambda n: n / 40)  # 1/40, 2/40, ..., 1
dtypes = st.sampled_from([np.float32, np.float64])
weight_lists = st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(any)

MAPS = {
    "greedy": greedy,
    "temperature": lambda z: temperature(z, 0.7),
    "temperature_0": lambda z: temperature(z, 0),
    "top_k": lambda z: top_k(z, 2),
    "top_p": lambda z: top_p(z, 0.6),
    "top_p_1": lambda z: top_p(z, 1.0),
    "top_p_at_most": lambda z: top_p_at_most(z, 0.6),
    "min_p": lambda z: min_p(z, 0.3),
    "repetition_penalty": lambda z: repetition_penalty(
        z, np.zeros((*z.shape[:-1], 3), int), 1.3
    ),
}
every_map = pytest.mark.parametrize("apply", MAPS.values(), ids=MAPS)


def logits_of(rng, shape):
    """Coarse values, so that ties are common; now and then a token is forbidden."""
    z = rng.integers(-4, 5, shape) / 2
    z[rng.random(shape) < 0.1] = -np.inf
    z[..., rng.integers(shape[-1])] = rng.integers(-4, 5) / 2
    return z


def logits_from(weights, dtype=np.float64):
    with np.errstate(divide="ignore"):
        return np.log(np.array(weights, float)).astype(dtype)


def kept(z):
    return z > -np.inf


def ids_kept(z):
    return set(np.flatnonzero(kept(z)).tolist())


def ranking(weights):
    """Ids from the heaviest to the lightest, of equals the lower id first."""
    return sorted(range(len(weights)), key=lambda i: (-weights[i], i))


# --- what all maps have in common


@every_map
@given(rng=rngs, lead=leading_shapes, vocab_size=sizes, dtype=dtypes)
def test_shape_and_dtype_stay_and_nothing_is_mutated(apply, rng, lead, vocab_size, dtype):
    z = logits_of(rng, (*lead, vocab_size)).astype(dtype)
    before = z.copy()
    z.setflags(write=False)
    out = apply(z)
    assert out.shape == z.shape and out.dtype == dtype
    assert not np.shares_memory(out, z)
    assert_array_equal(z, before)


@every_map
@given(rng=rngs, lead=leading_shapes, vocab_size=sizes)
def test_rows_are_treated_one_by_one(apply, rng, lead, vocab_size):
    z = logits_of(rng, (*lead, vocab_size))
    out = apply(z)
    for row in np.ndindex(*lead):
        assert_array_equal(out[row], apply(z[row]))


@every_map
@given(rng=rngs, vocab_size=sizes)
def test_forbidden_tokens_stay_forbidden_and_a_token_is_left(apply, rng, vocab_size):
    z = logits_of(rng, (vocab_size,))
    assert ids_kept(apply(z)) <= ids_kept(z)
    assert ids_kept(apply(z))


@pytest.mark.parametrize("name", [n for n in MAPS if n != "repetition_penalty"])
@given(rng=rngs, vocab_size=sizes, shift=st.integers(-8, 8))
def test_the_best_token_stays_best_and_a_shift_changes_nothing(
    name, rng, vocab_size, shift
):
    z = logits_of(rng, (vocab_size,))
    out = MAPS[name](z)
    assert out.argmax() == z.argmax()
    assert_allclose(probabilities(MAPS[name](z + shift)), probabilities(out), atol=1e-15)


@pytest.mark.parametrize("name", ["top_k", "top_p", "top_p_at_most", "min_p"])
@given(rng=rngs, vocab_size=sizes)
def test_filters_keep_the_top_of_the_ranking_untouched(name, rng, vocab_size):
    z = logits_of(rng, (vocab_size,))
    out = MAPS[name](z)
    allowed = [i for i in ranking(z.tolist()) if kept(z)[i]]
    n_kept = kept(out).sum()
    assert ids_kept(out) == set(allowed[:n_kept])
    assert_array_equal(out[kept(out)], z[kept(out)])


@pytest.mark.parametrize("name", ["greedy", "top_k", "min_p", "temperature_0"])
@given(rng=rngs, vocab_size=sizes)
def test_applying_twice_is_applying_once(name, rng, vocab_size):
    """Not so for the two top-p rules, which see a renormalised distribution."""
    z = logits_of(rng, (vocab_size,))
    assert_array_equal(MAPS[name](MAPS[name](z)), MAPS[name](z))


@given(rng=rngs, vocab_size=sizes, low=shares, high=shares, k=sizes)
def test_a_looser_setting_keeps_at_least_as_much(rng, vocab_size, low, high, k):
    low, high = sorted((low, high))
    z = logits_of(rng, (vocab_size,))
    for nucleus in (top_p, top_p_at_most):
        assert ids_kept(nucleus(z, low)) <= ids_kept(nucleus(z, high))
    assert ids_kept(min_p(z, high)) <= ids_kept(min_p(z, low))
    assert ids_kept(top_k(z, k)) <= ids_kept(top_k(z, k + 1))


@given(rng=rngs, vocab_size=sizes)
def test_the_strictest_setting_is_greedy_and_the_loosest_changes_nothing(rng, vocab_size):
    z = logits_of(rng, (vocab_size,))
    best = {int(z.argmax())}
    for strict in (top_k(z, 1), top_p(z, 1e-9), top_p_at_most(z, 1e-9), greedy(z)):
        assert ids_kept(strict) == best
    assert ids_kept(min_p(z, 1)) == set(np.flatnonzero(z == z.max()).tolist())
    for loose in (top_k(z, 99), top_p(z, 1.0), top_p_at_most(z, 1), min_p(z, 0)):
        assert_array_equal(loose, z)


# --- softmax, greedy, temperature


@given(weights=weight_lists)
def test_probabilities_are_the_normalised_weights(weights):
    assert_allclose(
        probabilities(logits_from(weights)), np.array(weights) / sum(weights), atol=1e-15
    )


def test_probabilities_are_float64_and_survive_large_logits():
    p = probabilities(np.array([1e4, 1e4, -1e4, -np.inf], np.float32))
    assert p.dtype == np.float64
    assert_array_equal(p, [0.5, 0.5, 0, 0])


def test_greedy_puts_everything_on_the_first_of_the_largest():
    z = np.array([[1.0, 3.0, 3.0], [-np.inf, -5.0, -6.0]])
    assert_array_equal(greedy(z), [[-np.inf, 0, -np.inf]] * 2)
    assert_array_equal(probabilities(greedy(z)), [[0, 1, 0]] * 2)


@given(rng=rngs, vocab_size=sizes, t=st.floats(0.1, 10), dtype=dtypes)
def test_temperature_raises_every_ratio_to_the_power_1_over_t(rng, vocab_size, t, dtype):
    z = rng.normal(size=vocab_size).astype(dtype)
    p, hot = probabilities(z), probabilities(temperature(z, t))
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    assert_allclose(hot[1:] / hot[0], (p[1:] / p[0]) ** (1 / t), rtol=tolerance)


@given(rng=rngs, vocab_size=sizes, t=st.floats(0.05, 20))
def test_temperature_keeps_the_order_of_tokens(rng, vocab_size, t):
    z = logits_of(rng, (vocab_size,))
    assert_array_equal(np.argsort(-temperature(z, t), kind="stable"), ranking(z.tolist()))


@given(rng=rngs, lead=leading_shapes, vocab_size=sizes, dtype=dtypes)
def test_temperature_towards_0_becomes_greedy_where_the_best_is_alone(
    rng, lead, vocab_size, dtype
):
    z = rng.permuted(np.broadcast_to(np.arange(vocab_size), (*lead, vocab_size)), axis=-1)
    z = z.astype(dtype)
    for t in (1e-2, 1e-45, 5e-324):
        with np.errstate(over="raise"):  # no warning
            cold = temperature(z, t)
        assert_allclose(probabilities(cold), probabilities(greedy(z)), atol=1e-15)
    assert_array_equal(temperature(z, 0), greedy(z))


@given(rng=rngs, vocab_size=sizes)
def test_a_huge_temperature_is_uniform_over_the_allowed(rng, vocab_size):
    z = logits_of(rng, (vocab_size,))
    assert_allclose(
        probabilities(temperature(z, 1e300)), kept(z) / kept(z).sum(), atol=1e-15
    )


# --- the filters, against their definitions in exact arithmetic


@given(rng=rngs, vocab_size=sizes | st.integers(500, 2000))
def test_top_k_keeps_exactly_the_k_best(rng, vocab_size):
    """Of many that tie too, about eight at each number."""
    z = rng.integers(0, 2 + vocab_size // 8, vocab_size).astype(float)
    k = 1 + rng.integers(vocab_size)
    assert ids_kept(top_k(z, k)) == set(ranking(z.tolist())[:k])


@given(weights=weight_lists, share=st.fractions(0, 1, max_denominator=40), dtype=dtypes)
def test_top_p_is_the_smallest_set_that_reaches_p(weights, share, dtype):
    """By trying every subset, in fractions."""
    assume(0 < share < 1)
    nucleus = ids_kept(top_p(logits_from(weights, dtype), float(share)))
    reaching = [
        set(subset)
        for size in range(1, len(weights) + 1)
        for subset in itertools.combinations(range(len(weights)), size)
        if Fraction(sum(weights[i] for i in subset), sum(weights)) >= share
    ]
    assert nucleus in reaching
    assert len(nucleus) == min(map(len, reaching))
    heaviest = max(sum(weights[i] for i in s) for s in reaching if len(s) == len(nucleus))
    assert sum(weights[i] for i in nucleus) == heaviest
    assert nucleus == set(ranking(weights)[: len(nucleus)])


@given(weights=weight_lists, share=st.fractions(0, 1, max_denominator=40), dtype=dtypes)
def test_top_p_at_most_stops_before_it_exceeds_p(weights, share, dtype):
    assume(share > 0)
    order = [i for i in ranking(weights) if weights[i]]
    sums = itertools.accumulate(Fraction(weights[i], sum(weights)) for i in order)
    n_kept = max(1, sum(total <= share for total in sums))
    z = logits_from(weights, dtype)
    assert ids_kept(top_p_at_most(z, float(share))) == set(order[:n_kept])


@given(weights=weight_lists, share=st.fractions(0, 1, max_denominator=40), dtype=dtypes)
def test_min_p_keeps_what_is_at_least_p_times_the_best(weights, share, dtype):
    expected = {i for i, w in enumerate(weights) if w and w >= share * max(weights)}
    assert ids_kept(min_p(logits_from(weights, dtype), float(share))) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_token_exactly_at_the_threshold_of_min_p_stays(dtype):
    """exp(log 4 - log 10) is below 0.4 in float64, for one."""
    for whole in range(1, 13):
        for part in range(1, whole + 1):
            z = logits_from([whole, part], dtype)
            assert ids_kept(min_p(z, part / whole)) == {0, 1}


def test_top_p_of_1_keeps_even_what_is_lost_in_rounding():
    z = np.array([0.0, -30.0, -60.0, -1000.0])
    assert ids_kept(top_p(z, 1)) == {0, 1, 2, 3}
    assert ids_kept(top_p(z, 1 - 1e-7)) == {0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_two_rules_for_top_p_on_the_notes_example(dtype):
    p = [0.2, 0.1, 0.05, *[0.01] * 65]
    z = logits_from(p, dtype)
    assert math.fsum(p) == 1
    assert ids_kept(top_p_at_most(z, 0.3)) == ids_kept(top_p(z, 0.3)) == {0, 1}
    assert ids_kept(top_p_at_most(z, 0.25)) == {0}
    assert ids_kept(top_p(z, 0.25)) == {0, 1}
    assert ids_kept(top_p_at_most(z, 0.1)) == {0}


def test_what_is_within_1e_6_of_a_threshold_has_reached_it():
    """That much included, and no more."""
    near, beyond, four, two = 1e-6, 1.1e-6, np.zeros(4), logits_from([2, 1])
    assert ids_kept(top_p(four, 0.5 + near)) == {0, 1}
    assert ids_kept(top_p(four, 0.5 + beyond)) == {0, 1, 2}
    assert ids_kept(top_p_at_most(four, 0.5 - near)) == {0, 1}
    assert ids_kept(top_p_at_most(four, 0.5 - beyond)) == {0}
    assert ids_kept(min_p(two, 0.5 / (1 - near))) == {0, 1}
    assert ids_kept(min_p(two, 0.5 / (1 - beyond))) == {0}


def test_of_many_that_tie_the_lower_ids_stay():
    z = np.zeros(1000)
    z[500:] = 1
    for nucleus in (top_p(z, 0.5), top_p_at_most(z, 0.5)):
        n = len(ids_kept(nucleus))
        assert ids_kept(nucleus) == set(range(500, 500 + n)) and 300 < n < 400


def test_of_tokens_that_tie_the_lower_ids_stay():
    z = np.zeros(4)
    assert ids_kept(top_k(z, 2)) == ids_kept(top_p(z, 0.5)) == {0, 1}
    assert ids_kept(top_p_at_most(z, 0.5)) == ids_kept(top_p(z, 0.3)) == {0, 1}
    assert ids_kept(top_p(z, 0.51)) == {0, 1, 2}
    assert ids_kept(min_p(z, 1.0)) == {0, 1, 2, 3}


# --- repetition penalty


@given(rng=rngs, lead=leading_shapes, vocab_size=sizes, n=st.integers(0, 9))
def test_repetition_penalty_by_its_definition(rng, lead, vocab_size, n):
    z = logits_of(rng, (*lead, vocab_size))
    ids = rng.integers(0, vocab_size, (*lead, n))
    out = repetition_penalty(z, ids, 1.5)
    for *row, i in np.ndindex(*z.shape):
        value = z[(*row, i)]
        if i in ids[tuple(row)]:
            value = value / 1.5 if value > 0 else value * 1.5
        assert out[(*row, i)] == value


@given(rng=rngs, vocab_size=sizes, penalty=st.floats(1, 10))
def test_a_penalty_never_makes_a_token_likelier_and_its_inverse_undoes_it(
    rng, vocab_size, penalty
):
    z = rng.normal(size=vocab_size)
    ids = rng.integers(0, vocab_size, 3)
    out = repetition_penalty(z, ids, penalty)
    assert np.all(out <= z)
    assert_allclose(repetition_penalty(out, ids, 1 / penalty), z, rtol=1e-12)
    assert_array_equal(repetition_penalty(z, ids, 1.0), z)


@given(
    rng=rngs,
    vocab_size=sizes,
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    penalty=st.sampled_from([5e-324, 1e-300, 1e-30, 1e30, 1e300]),
)
def test_no_penalty_however_extreme_makes_a_logit_infinite(rng, vocab_size, dtype, penalty):
    z = (10 * rng.normal(size=vocab_size)).astype(dtype)
    z[0] = -np.inf  # forbidden, and stays so
    z[-1] = 0
    with np.errstate(over="raise"):  # no warning
        out = repetition_penalty(z, np.arange(vocab_size), penalty)
    assert out.dtype == dtype
    assert_array_equal(np.isfinite(out), np.isfinite(z))
    assert_array_equal(np.sign(out[1:]) * np.sign(z[1:]) >= 0, True)
    SamplingSettings(0.8, repetition_penalty=penalty).distribution(z, np.arange(1))


def test_repetition_penalty_takes_plain_lists_an_empty_one_too():
    z = np.array([2.0, -2.0, 1.0], np.float32)
    assert_array_equal(repetition_penalty(z, [0, 1, 0], 2), [1, -4, 1])
    assert_array_equal(repetition_penalty(z, [], 2), z)


def test_logits_may_be_a_plain_list():
    z = [2.0, -2.0, 1.0]
    for apply in (
        probabilities,
        *(MAPS[name] for name in MAPS if name != "repetition_penalty"),
    ):
        assert_array_equal(apply(z), apply(np.array(z)))
    assert_array_equal(repetition_penalty(z, [0, 1, 0], 2), [1, -4, 1])


def test_settings_that_are_numpy_scalars_do_not_widen_float32():
    z = np.array([2.0, -2.0, 1.0], np.float32)
    number = np.float64(0.5)
    assert repetition_penalty(z, [0], number).dtype == np.float32
    for apply in (temperature, top_p, top_p_at_most, min_p):
        assert apply(z, number).dtype == np.float32
    assert ids_kept(top_k(z, np.int64(2))) == {0, 2}


# --- the draw


class EvenGrid:
    """In place of a generator: the numbers (j + 1/2) / n, one for each row."""

    def random(self, shape):
        n = math.prod(shape)
        return ((np.arange(n) + 0.5) / n).reshape(shape)


class Always:
    """In place of a generator: one number, for every row."""

    def __init__(self, u):
        self.u = u

    def random(self, shape):
        return np.full(shape, self.u)


@given(weights=weight_lists)
def test_an_even_grid_of_numbers_draws_every_token_its_share_of_times(weights):
    n = 10 * sum(weights)
    p = np.array(weights) / sum(weights)
    ids = sample(np.broadcast_to(p, (n, len(p))), EvenGrid())
    assert_array_equal(np.bincount(ids, minlength=len(p)), 10 * np.array(weights))
    assert_array_equal(ids, np.sort(ids))


@pytest.mark.parametrize("u", [0.0, 1 - 2**-53])
@given(rng=rngs, vocab_size=sizes)
def test_a_token_of_probability_zero_is_never_drawn(u, rng, vocab_size):
    """Not even at the ends of the interval, or when the sum misses 1 by rounding."""
    p = probabilities(logits_of(rng, (vocab_size,))) * (1 + 1e-6 * rng.normal())
    assert p[sample(p, Always(u))] > 0


@given(rng=rngs, lead=leading_shapes, vocab_size=sizes)
def test_a_draw_has_one_id_a_row_and_repeats_with_its_seed(rng, lead, vocab_size):
    p = probabilities(logits_of(rng, (*lead, vocab_size)))
    ids = sample(p, np.random.default_rng(3))
    assert np.shape(ids) == lead and ids.dtype == np.int64
    assert_array_equal(ids, sample(p, np.random.default_rng(3)))
    if lead == ():
        assert sample(p[None], np.random.default_rng(3))[0] == ids


def test_a_distribution_may_be_a_list_and_miss_1_by_1e_4():
    assert sample([0, 1, 0], Always(0.5)) == 1
    for total in (0.99995, 1.00005):
        assert sample([total / 2, total / 2], Always(0.6)) == 1


def test_a_batch_of_no_rows_draws_no_ids():
    for shape in ((0, 3), (2, 0, 3)):
        assert sample(np.zeros(shape), Always(0.5)).shape == shape[:-1]


def test_probabilities_of_float32_are_added_up_in_float64():
    """Three of ten equals are 0.3 of all there, and less by 2e-8 in float32."""
    p = np.full(10, 0.1, np.float32)
    assert sample(p, Always(0.3 - 1e-9)) == 2
    assert sample(p, Always(0.3 + 1e-9)) == 3


@pytest.mark.parametrize("seed", range(4))
def test_frequencies_match_the_exact_distribution(seed):
    """Hoeffding: P(|f_i - p_i| >= e) <= 2 exp(-2 n e^2) for one token.

    With e = sqrt(log(2 V / d) / (2 n)) all V tokens together fail with probability at
    most d = 1e-9.
    """
    rng = np.random.default_rng(seed)
    n, vocab_size = 200_000, 12
    settings = SamplingSettings(0.8, top_k=9, top_p=0.95, repetition_penalty=1.2)
    p = settings.distribution(rng.normal(size=vocab_size) * 2, [1, 2, 3])
    ids = sample(np.broadcast_to(p, (n, vocab_size)), rng)
    frequencies = np.bincount(ids, minlength=vocab_size) / n
    bound = math.sqrt(math.log(2 * vocab_size / 1e-9) / (2 * n))
    assert np.abs(frequencies - p).max() < bound
    assert np.all(frequencies[p == 0] == 0)


# --- the settings together


@given(rng=rngs, lead=leading_shapes, vocab_size=sizes)
def test_default_settings_are_the_models_own_distribution(rng, lead, vocab_size):
    """And what was written before does not matter."""
    z = logits_of(rng, (*lead, vocab_size))
    p = SamplingSettings().distribution(z, [99])
    assert_allclose(p, probabilities(z), atol=1e-15)
    assert_allclose(p.sum(-1), 1)


@given(rng=rngs, lead=leading_shapes, vocab_size=sizes, penalty=st.sampled_from([1.3, 2.0]))
def test_settings_compose_in_the_stated_order(rng, lead, vocab_size, penalty):
    z = logits_of(rng, (*lead, vocab_size)).astype(np.float32)
    ids = rng.integers(0, vocab_size, (*lead, 3))
    settings = SamplingSettings(0.7, 4, 0.8, 0.2, penalty)
    by_hand = temperature(repetition_penalty(z, ids, penalty), 0.7)
    by_hand = min_p(top_p(top_k(by_hand, 4), 0.8), 0.2)
    assert_array_equal(settings.distribution(z, ids), probabilities(by_hand))


@pytest.mark.parametrize(
    ("setting", "apply"),
    [
        ({"temperature": 0.5}, lambda z: temperature(z, 0.5)),
        ({"top_k": 3}, lambda z: top_k(z, 3)),
        ({"top_p": 0.5}, lambda z: top_p(z, 0.5)),
        ({"min_p": 0.5}, lambda z: min_p(z, 0.5)),
        ({"repetition_penalty": 2.0}, lambda z: repetition_penalty(z, [0, 1], 2)),
    ],
)
def test_a_setting_alone_is_its_map(setting, apply):
    z = np.array([1.5, 1.0, 0.5, 0.0, -0.5])
    p = SamplingSettings(**setting).distribution(z, [0, 1])
    assert_array_equal(p, probabilities(apply(z)))
    assert np.any(p != probabilities(z))


@given(rng=rngs, vocab_size=sizes)
def test_greedy_settings_stay_greedy_under_every_filter(rng, vocab_size):
    z = logits_of(rng, (vocab_size,))
    settings = SamplingSettings(temperature=0, top_k=3, top_p=0.5, min_p=0.5)
    assert_array_equal(settings.distribution(z, []), probabilities(greedy(z)))


def test_top_k_renormalises_before_top_p_counts():
    """0.4, 0.3, 0.2, 0.1: the two best hold 0.7 of all and 4/7 + 3/7 of themselves."""
    z = logits_from([4, 3, 2, 1])
    p = SamplingSettings(top_k=2, top_p=0.5).distribution(z, [])
    assert_allclose(p, [1, 0, 0, 0])
    assert_allclose(probabilities(top_p(z, 0.5)), [4 / 7, 3 / 7, 0, 0])


# --- errors

NAN = float("nan")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *[("temperature", t) for t in (-0.1, NAN, math.inf, "hot", None, True)],
        *[("top_k", k) for k in (0, -1, 2.0, "2", True)],
        *[("top_p", p) for p in (0, 0.0, -0.1, 1.01, NAN, "0.9")],
        *[("min_p", p) for p in (-0.1, 1.01, NAN, "0.1")],
        *[("repetition_penalty", x) for x in (0, -1.0, NAN, math.inf, None)],
    ],
)
def test_settings_out_of_range_are_named(setting, value):
    z = np.zeros(3)
    with pytest.raises(ValueError, match=f"^{setting} must be .*, not {value}$"):
        SamplingSettings(**{setting: value})
    with pytest.raises(ValueError, match=f"^{setting} must be"):
        if setting == "repetition_penalty":
            repetition_penalty(z, [0], value)
        else:
            {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}[
                setting
            ](z, value)


def test_top_p_at_most_accepts_what_top_p_accepts():
    for p in (0, 1.01, NAN):
        with pytest.raises(ValueError, match=r"^top_p must be above 0"):
            top_p_at_most(np.zeros(3), p)


@pytest.mark.parametrize(
    ("z", "fault"),
    [
        ([0, 1], "logits must be floats"),
        (1.0, "logits must be floats"),
        (
            np.zeros((2, 0)),
            r"logits must be floats \(..., vocab_size\), not float64 \(2, 0\)",
        ),
        ([0.0, NAN], "largest logit of every row must be finite, not nan"),
        ([0.0, math.inf], "must be finite, not inf"),
        ([[0.0, 1.0], [-math.inf, -math.inf]], "must be finite, not -inf"),
        ([[0.0, 1.0], [NAN, 1.0], [math.inf, 1.0]], "must be finite, not nan"),
    ],
)
def test_logits_without_a_distribution_are_refused_by_every_map(z, fault):
    for apply in (*MAPS.values(), probabilities):
        with pytest.raises(ValueError, match=fault):
            apply(np.array(z))


@pytest.mark.parametrize(
    ("ids", "fault"),
    [
        ([[0, 3], [0, 0]], "previous_ids must be from 0 to 2, not 3"),
        ([[0, -1], [0, 0]], "previous_ids must be from 0 to 2, not -1"),
        ([[4, 0], [0, -1]], "previous_ids must be from 0 to 2, not 4"),
        ([[0.5], [0.5]], r"previous_ids must be integers \(..., n\), not float64"),
        ([0, 1], r"previous_ids must be \(2, n\) beside logits \(2, 3\), not \(2,\)"),
        (0, "previous_ids must be integers"),
    ],
)
def test_previous_ids_that_do_not_fit_are_named(ids, fault):
    with pytest.raises(ValueError, match=fault):
        repetition_penalty(np.zeros((2, 3)), ids, 1.2)


@pytest.mark.parametrize(
    ("p", "fault"),
    [
        ([0.5, 0.6], "probabilities of a row must be 1 in sum, not 1.1"),
        ([[0.5, 0.5], [0.0, 0.0], [1.0, 1.0]], "must be 1 in sum, not 0"),
        ([0.5, 0.50015], "must be 1 in sum, not 1.00015"),
        ([0.5, 0.49985], "must be 1 in sum, not 0.99985"),
        ([1.5, -0.5], "probabilities must be at least 0, not -0.5"),
        ([[1.5, -0.5], [1.25, -0.25]], "probabilities must be at least 0, not -0.5"),
        ([NAN, 1.0], "probabilities must be at least 0, not nan"),
        (1.0, "probabilities must be an array"),
    ],
)
def test_what_is_no_distribution_cannot_be_sampled(p, fault):
    with pytest.raises(ValueError, match=fault):
        sample(np.array(p), np.random.default_rng(0))
