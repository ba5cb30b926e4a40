"""Recall: the answer stands in the sequence, and nothing else gives it away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import functional as F
from minillm.data.tasks.recall import DistantRecall, PairRecall
from tests.strategies import rngs

sizes = st.integers(1, 5)


@given(rngs, sizes, sizes, sizes, st.integers(0, 9))
def test_the_answer_stands_beside_the_key_and_is_asked_for_at_the_end(
    rng, n_keys, n_values, n_fillers, distance
):
    task = DistantRecall(n_keys, n_values, n_fillers)
    inputs, targets = task.batch(rng, 7, distance)
    assert inputs.shape == targets.shape == (7, distance + 4)
    assert_array_equal(inputs[:, 0], inputs[:, -1])
    assert_array_equal(targets[:, -1], inputs[:, 1])
    assert (targets[:, :-1] == F.IGNORED).all()
    kinds = np.searchsorted(
        [n_keys, n_keys + n_values, task.vocab_size - 1], inputs, "right"
    )
    assert_array_equal(kinds, np.tile([0, 1, *[2] * distance, 3, 0], (7, 1)))
    assert inputs.max() < task.vocab_size


@given(rngs, sizes, st.data())
def test_the_second_half_is_the_first_in_another_order(rng, n_values, data):
    n_keys = data.draw(st.integers(1, 8))
    n_pairs = data.draw(st.integers(1, n_keys))
    task = PairRecall(n_keys, n_values)
    inputs, targets = task.batch(rng, 7, n_pairs)
    assert inputs.shape == targets.shape == (7, 4 * n_pairs - 1)
    for row, asked in zip(inputs, targets, strict=True):
        value_of = dict(zip(row[: 2 * n_pairs : 2], row[1 : 2 * n_pairs : 2], strict=True))
        assert len(value_of) == n_pairs and max(value_of) < n_keys
        assert min(value_of.values()) >= n_keys
        second = row[2 * n_pairs :: 2]
        assert set(second) == set(value_of)
        assert_array_equal(asked[2 * n_pairs :: 2], [value_of[key] for key in second])
        assert_array_equal(row[2 * n_pairs + 1 :: 2], asked[2 * n_pairs : -1 : 2])
    assert (np.delete(targets, np.s_[2 * n_pairs :: 2], 1) == F.IGNORED).all()


def test_answers_are_as_likely_as_the_stated_chance():
    """5 standard errors of a share of 8000 draws."""
    rng, bound = np.random.default_rng(0), 5 * (0.125 * 0.875 / 8000) ** 0.5
    _, targets = DistantRecall().batch(rng, 8000, 2)
    for value in range(8, 16):
        share = (targets[:, -1] == value).mean()
        assert abs(share - DistantRecall().chance) < bound
    _, targets = PairRecall().batch(rng, 2000, 4)
    for value in range(8, 16):
        share = (targets[targets != F.IGNORED] == value).mean()
        assert abs(share - PairRecall().chance) < bound


def test_the_most_frequent_value_is_what_counting_finds():
    """k0 v a, k1 v b, k2 v b | ...: ids 0 to 2 are keys, 3 and 4 are values."""
    task = PairRecall(n_keys=3, n_values=2)
    inputs = np.array(
        [[0, 3, 1, 4, 2, 4, 1, 4, 0, 3, 2], [0, 3, 1, 3, 2, 4, 2, 4, 0, 3, 1]]
    )
    assert_array_equal(task.most_frequent(inputs), [[4], [3]])


@pytest.mark.parametrize("draw", [(DistantRecall(), 5), (PairRecall(), 5)])
def test_a_generator_repeats_and_another_draws_afresh(draw):
    task, n = draw
    first, same, other = (
        task.batch(np.random.default_rng(seed), 20, n)[0] for seed in (1, 1, 2)
    )
    assert_array_equal(first, same)
    assert not {tuple(row) for row in first} & {tuple(row) for row in other}


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda rng: DistantRecall(0), r"sizes \(0, 8, 8\)"),
        (lambda rng: PairRecall(4, 0), r"sizes \(4, 0\)"),
        (lambda rng: DistantRecall().batch(rng, 0, 3), "batch_size 0"),
        (lambda rng: DistantRecall().batch(rng, 1, -1), "distance -1"),
        (lambda rng: PairRecall(4).batch(rng, 1, 5), "n_pairs 5: at least 1, and 1 to"),
        (lambda rng: PairRecall(4).batch(rng, 1, 0), "n_pairs 0"),
    ],
)
def test_sizes_that_make_no_task_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call(np.random.default_rng(0))
