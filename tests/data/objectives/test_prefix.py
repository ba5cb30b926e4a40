"""Only what the prefix did not show is asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import functional as F
from minillm.data.objectives import split_prefix
from tests.data.objectives.chances import likely
from tests.strategies import rngs


@given(rngs, st.integers(1, 4), st.integers(1, 9))
def test_exactly_the_tokens_after_the_prefix_are_targets(rng, batch, seq_len):
    ids = np.arange(batch * (seq_len + 1)).reshape(batch, -1).astype(np.int32)
    inputs, targets, prefix_lengths = split_prefix(ids, rng=rng)
    assert inputs.dtype == targets.dtype == prefix_lengths.dtype == np.int64
    assert_array_equal(inputs, ids[:, :-1])
    for row, target, length in zip(ids, targets, prefix_lengths, strict=True):
        assert 1 <= length <= seq_len
        asked = target[target != F.IGNORED]
        assert_array_equal(asked, row[length:])  # what follows the prefix, all of it
        assert_array_equal(target[length - 1 :], asked)  # each one token later


def test_every_prefix_length_is_as_likely_as_any_other():
    n = 20_000
    _, _, lengths = split_prefix(np.zeros((n, 8), int), rng=np.random.default_rng(0))
    counts = np.bincount(lengths, minlength=8)
    assert counts[0] == 0 and counts.size == 8
    assert all(likely(count, n, 1 / 7) for count in counts[1:])


@given(rngs, st.integers(2, 9))
def test_the_cut_may_be_anywhere_with_equal_chances(rng, seq_len):
    n = 3000
    _, _, lengths = split_prefix(np.zeros((n, seq_len + 1), int), rng=rng)
    counts = np.bincount(lengths, minlength=seq_len + 1)
    assert counts.size == seq_len + 1 and counts[0] == 0
    assert all(likely(count, n, 1 / seq_len) for count in counts[1:])


def test_a_list_is_as_good_as_an_array():
    (inputs,), (targets,), (length,) = split_prefix([[5, 6]], rng=np.random.default_rng(0))
    assert (inputs, targets, length) == (5, 6, 1)


@pytest.mark.parametrize("ids", [np.zeros((2, 1), int), np.zeros(5, int), np.zeros((2, 5))])
def test_what_cannot_be_split_is_refused(ids):
    with pytest.raises(ValueError, match="seq_len at least 1"):
        split_prefix(ids, rng=np.random.default_rng(0))
