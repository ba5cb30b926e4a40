"""Draws: a key decides every number, and different keys share nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import functional as F

NEVER = 1e-12  # the chance that a bound below is broken by good random numbers
keys = st.integers(0, 2**64 - 1)
examples = st.lists(st.integers(0, 2**40), min_size=1, max_size=6, unique=True)
paths = st.lists(st.integers(0, 1022), max_size=5)
dtypes = st.sampled_from([np.float32, np.float64])


def at(path, draws):
    for i in path:
        draws = draws.child(i)
    return draws


@given(keys, keys, examples, paths, dtypes)
def test_the_same_key_draws_the_same_numbers_whenever_asked(
    seed, step, examples, path, dtype
):
    draws = at(path, F.Draws(seed, step, examples))
    first = draws.random((len(examples), 2, 3), dtype)
    at([7], draws).random((len(examples), 5), dtype)
    again = at(path, F.Draws(seed, step, examples)).random((len(examples), 2, 3), dtype)
    assert first.dtype == dtype
    assert_array_equal(again, first)


@given(keys, examples, st.data(), dtypes)
def test_an_example_draws_the_same_in_whatever_part_of_the_batch(
    seed, examples, data, dtype
):
    draws = F.Draws(seed, 3, examples)
    cut = data.draw(st.integers(0, len(examples)))
    whole = draws.random((len(examples), 4), dtype)
    parts = [
        draws.take(part).random((n, 4), dtype)
        for part, n in [(slice(cut), cut), (slice(cut, None), len(examples) - cut)]
    ]
    assert_array_equal(np.concatenate(parts), whole)


@given(keys, keys, paths, keys, keys, paths, st.integers(0, 2**40), st.integers(0, 2**40))
def test_seed_step_place_and_example_each_change_every_number(
    seed, step, path, other_seed, other_step, other_path, example, other_example
):
    here = (seed, step, path, example)
    for i, other in enumerate([other_seed, other_step, other_path, other_example]):
        there = (*here[:i], other, *here[i + 1 :])
        if there == here:
            continue
        u, v = (
            at(path, F.Draws(seed, step, [example])).random((1, 8), np.float64)
            for seed, step, path, example in (here, there)
        )
        assert (u != v).all()  # two of 2^53 numbers meet with a chance of 1e-16


@pytest.mark.parametrize("key", [2**53, 2**63 - 1, 2**63, 2**64 - 2])
def test_keys_of_all_64_bits_are_told_apart(key):
    """A float64 on the way to the generator would merge them."""
    near = [F.Draws(key + i, 7, [0]) for i in (0, 1)]
    near += [F.Draws(7, key + i, [0]) for i in (0, 1)]
    near += [F.Draws(7, 7, [key + i]) for i in (0, 1)]
    assert len({draws.random((1, 8)).tobytes() for draws in near}) == len(near)


def test_neighbouring_seeds_steps_places_and_examples_never_draw_the_same():
    """Mixed into fewer words, (place + 1, example) would meet (place, example + 1)."""
    rows = [
        row.tobytes()
        for seed, step in np.ndindex(3, 3)
        for path in ([], [0], [1], [2], [0, 0], [0, 1])
        for row in at(path, F.Draws(seed, step, range(5))).random((5, 8))
    ]
    assert len(set(rows)) == 3 * 3 * 6 * 5


@given(paths, paths)
def test_two_places_share_a_number_only_if_they_are_the_same_place(path, other_path):
    draws = F.Draws(0, 0, [0])
    same = at(path, draws).site == at(other_path, draws).site
    assert same == (path == other_path)


@pytest.mark.parametrize("i", [-1, 1023, 10**9])
def test_a_child_that_would_be_somebody_elses_is_refused(i):
    with pytest.raises(ValueError, match=f"child {i} "):
        F.Draws(0, 0, [0]).child(i)


@given(keys, keys, examples, paths, dtypes)
def test_the_numbers_are_philoxs_with_the_docstrings_key_and_counter(
    seed, step, examples, path, dtype
):
    """A run that was saved goes on with the same numbers as long as this holds."""
    u = at(path, F.Draws(seed, step, examples)).random((len(examples), 9), dtype)
    site = 0
    for i in path:
        site = 1024 * site + 1 + i
    for row, example in zip(u, examples, strict=True):
        counter = np.array([0, site, example, 0], np.uint64)
        philox = np.random.Philox(key=np.array([seed, step], np.uint64), counter=counter)
        assert_array_equal(row, np.random.Generator(philox).random(9, dtype))


@pytest.mark.parametrize("i", [0, 1022])
def test_places_are_nested_six_deep_and_no_deeper(i):
    deepest = at([i] * 6, F.Draws(0, 0, [0]))
    assert deepest.random((1, 2)).shape == (1, 2)
    with pytest.raises(ValueError, match="6 levels"):
        deepest.child(i)


@given(st.integers(1, 5), st.integers(0, 7))
def test_a_size_with_another_number_of_examples_is_refused(n, n_asked):
    draws = F.Draws(0, 0, range(n))
    if n == n_asked:
        assert draws.random((n, 2)).shape == (n, 2)
    else:
        with pytest.raises(ValueError, match=f"size .* {n} examples"):
            draws.random((n_asked, 2))


def test_an_example_may_be_a_single_number():
    draws = F.Draws(5, 6, range(3))
    assert_array_equal(draws.random((3,)), draws.random((3, 1))[:, 0])


@given(keys, keys, dtypes)
def test_numbers_are_uniform_on_zero_to_one(seed, step, dtype):
    """Chi-square over 16 bins, gathered from many examples and both halves of a place.

    A chi-square variable with k degrees of freedom exceeds k + 2 sqrt(k t) + 2 t with a
    chance of at most exp(-t) (Laurent & Massart 2000, lemma 1).
    """
    draws = F.Draws(seed, step, range(64))
    u = np.stack([draws.child(i).random((64, 32), dtype) for i in range(2)])
    assert ((u >= 0) & (u < 1)).all()
    counts, _ = np.histogram(u, bins=16, range=(0, 1))
    expected = u.size / 16
    k, t = 15, -math.log(NEVER)
    chi_square = np.sum((counts - expected) ** 2) / expected
    assert chi_square <= k + 2 * math.sqrt(k * t) + 2 * t


@given(keys, keys, st.integers(0, 1021))
def test_neighbours_in_key_are_uncorrelated(seed, step, i):
    """Products of centred uniforms lie in [-1/4, 1/4]: Hoeffding 1963 bounds their mean."""
    draws = F.Draws(seed, step, range(0, 64, 2)).child(i)
    neighbours = [
        F.Draws(seed, step, range(1, 65, 2)).child(i),
        F.Draws(seed, step, range(0, 64, 2)).child(i + 1),
        F.Draws(seed, (step + 1) % 2**64, range(0, 64, 2)).child(i),
        F.Draws((seed + 1) % 2**64, step, range(0, 64, 2)).child(i),
        draws.child(i),
    ]
    u = draws.random((32, 64), np.float64) - 0.5
    bound = 0.5 * math.sqrt(math.log(2 / NEVER) / (2 * u.size))
    for neighbour in neighbours:
        v = neighbour.random((32, 64), np.float64) - 0.5
        assert abs(np.mean(u * v)) <= bound
