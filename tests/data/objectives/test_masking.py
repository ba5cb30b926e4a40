"""15 % of the places are asked for; what stands there follows 80/10/10 exactly."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import functional as F
from minillm.data.objectives import mask_tokens
from tests.data.objectives.chances import likely
from tests.strategies import leading_shapes, rngs

VOCAB_SIZE, PAD, CLS, MASK = 9, 0, 1, 8
SPECIAL = {"mask_id": MASK, "special_ids": [PAD, CLS], "vocab_size": VOCAB_SIZE}
ORDINARY = range(2, 8)


@given(rngs, st.integers(1, 5), st.integers(1, 60), st.floats(0.01, 1))
def test_each_row_is_asked_for_its_exact_share_and_at_least_one(rng, batch, seq_len, rate):
    ids = rng.integers(0, VOCAB_SIZE, (batch, seq_len))
    is_token = rng.random(ids.shape) < 0.8
    _, targets = mask_tokens(ids, rng=rng, mask=is_token, rate=rate, **SPECIAL)
    eligible = np.isin(ids, ORDINARY) & is_token
    for row, n in zip(targets, eligible.sum(1), strict=True):
        assert (row != F.IGNORED).sum() == (max(1, round(rate * n)) if n else 0)


@given(rngs, st.integers(1, 5), st.integers(1, 60))
def test_special_tokens_and_padding_are_never_asked_for(rng, batch, seq_len):
    ids = rng.integers(0, VOCAB_SIZE, (batch, seq_len), dtype=np.uint16)
    is_token = rng.random(ids.shape) < 0.8
    inputs, targets = mask_tokens(ids, rng=rng, mask=is_token, rate=0.9, **SPECIAL)
    asked = targets != F.IGNORED
    assert inputs.dtype == targets.dtype == np.int64
    assert not (asked & ~is_token).any()
    assert not (asked & np.isin(ids, [PAD, CLS, MASK])).any()
    assert_array_equal(targets[asked], ids[asked])
    assert_array_equal(inputs[~asked], ids[~asked])
    assert set(inputs[asked]) <= {MASK, *ORDINARY}


@given(rngs, leading_shapes, st.integers(1, 9))
def test_rows_may_stand_along_any_axes(rng, leading, seq_len):
    ids = rng.integers(0, VOCAB_SIZE, (*leading, seq_len))
    mask, seed = rng.random(ids.shape) < 0.8, int(rng.integers(99))
    rows, mask_rows = ids.reshape(-1, seq_len), mask.reshape(-1, seq_len)
    found, expected = (
        mask_tokens(x, rng=np.random.default_rng(seed), mask=m, rate=0.5, **SPECIAL)
        for x, m in ((ids, mask), (rows, mask_rows))
    )
    for array, of_rows in zip(found, expected, strict=True):
        assert_array_equal(array, of_rows.reshape(ids.shape))


def test_every_set_of_places_is_as_likely_as_any_other():
    """Two of four eligible places: 6 sets, each with probability 1/6."""
    n = 20_000
    ids = np.tile([CLS, 2, 3, PAD, 4, 5], (n, 1))
    _, targets = mask_tokens(ids, rng=np.random.default_rng(1), rate=0.5, **SPECIAL)
    sets = Counter(tuple(np.flatnonzero(row != F.IGNORED)) for row in targets)
    assert set(sets) == set(combinations([1, 2, 4, 5], 2))
    assert all(likely(count, n, 1 / 6) for count in sets.values())


def test_what_stands_at_a_chosen_place_has_the_law_80_10_10():
    """p(input | token) = 0.8 [is MASK] + 0.1 / 6 [is ordinary] + 0.1 [is the token]."""
    n = 60_000
    for token in ORDINARY:
        rng = np.random.default_rng(token)
        inputs, _ = mask_tokens(np.full((n, 1), token), rng=rng, **SPECIAL)
        counts = np.bincount(inputs[:, 0], minlength=VOCAB_SIZE)
        law = np.zeros(VOCAB_SIZE)
        law[MASK], law[2:8] = 0.8, 0.1 / 6
        law[token] += 0.1
        for count, p in zip(counts, law, strict=True):
            assert likely(count, n, p)


@given(rngs, st.sampled_from(ORDINARY), st.integers(1, 40), st.floats(0.3, 1))
def test_whatever_the_text_chosen_places_follow_the_law(rng, token, seq_len, rate):
    """Hidden, replaced by one that is ordinary, or kept: 0.8, 0.1 5/6, 0.1 + 0.1 / 6."""
    ids = np.full((1 + 4000 // seq_len, seq_len), token)
    inputs, targets = mask_tokens(ids, rng=rng, rate=rate, **SPECIAL)
    chosen = inputs[targets != F.IGNORED]
    kept, hidden = (chosen == token).sum(), (chosen == MASK).sum()
    assert likely(hidden, chosen.size, 0.8)
    assert likely(kept, chosen.size, 0.1 + 0.1 / 6)
    assert likely(chosen.size - kept - hidden, chosen.size, 0.1 * 5 / 6)


@given(rngs, st.integers(2, 6), st.floats(0.2, 0.8))
def test_every_place_is_chosen_as_often_as_any_other(rng, seq_len, rate):
    n, ids = 2000, rng.integers(2, 8, seq_len)
    _, targets = mask_tokens(np.tile(ids, (n, 1)), rng=rng, rate=rate, **SPECIAL)
    share = max(1, round(rate * seq_len)) / seq_len
    for count in (targets != F.IGNORED).sum(0):
        assert likely(count, n, share)


class Fates:
    """Draws of our choosing: who is chosen, then what happens there, and by which token."""

    def __init__(self, fates):
        self.draws = [np.zeros_like(fates), fates]

    def random(self, shape):
        return self.draws.pop(0)

    def choice(self, ordinary, shape):
        return np.full(shape, ordinary[0])


def test_the_borders_of_the_three_fates_lie_at_8_and_9_tenths():
    lower, upper = np.nextafter([0.8, 0.8 + 0.1], 0)
    fates = np.array([[0.0, lower, 0.8, upper, 0.8 + 0.1, 0.999]])
    how = {"mask_id": 1, "special_ids": [], "vocab_size": 3, "rate": 1.0}
    inputs, _ = mask_tokens(np.full((1, 6), 2), rng=Fates(fates), **how)
    assert inputs.tolist() == [[1, 1, 0, 0, 2, 2]]


def test_unless_told_otherwise_15_percent_are_asked_for_and_a_list_is_an_array():
    rows = np.random.default_rng(0).integers(2, 8, (3, 100)).tolist()
    _, targets = mask_tokens(rows, rng=np.random.default_rng(0), **SPECIAL)
    assert_array_equal((targets != F.IGNORED).sum(1), 15)


@pytest.mark.parametrize(
    "complaint, change",
    [
        ("mask_id 9", {"mask_id": 9}),
        ("mask_id of dtype float64: give integers", {"mask_id": 1.5}),
        ("special_ids of dtype float64: give integers", {"special_ids": [0.5]}),
        ("special_ids -1", {"special_ids": [-1, 0]}),
        ("ids 2 to 9", {"ids": np.array([[2, 9]])}),
        ("dtype float64: give rows of integers", {"ids": np.array([[2.0, 3.0]])}),
        ("dtype float64: give rows of integers", {"ids": np.zeros((2, 0))}),
        (r"shape \(\)", {"ids": np.array(3)}),
        (r"mask of shape \(2,\)", {"mask": np.array([True, True])}),
        ("dtype int64: give booleans", {"mask": np.array([[1, 1]])}),
        ("rate 0: give", {"rate": 0}),
        ("rate 1.5: give", {"rate": 1.5}),
        ("all 9 tokens are special", {"special_ids": range(8)}),
    ],
)
def test_what_cannot_be_masked_is_refused(complaint, change):
    arguments = {"ids": np.array([[2, 3]]), "rng": np.random.default_rng(0), **SPECIAL}
    with pytest.raises(ValueError, match=complaint):
        mask_tokens(**arguments | change)
