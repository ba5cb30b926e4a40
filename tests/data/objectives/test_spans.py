"""What is cut out can be put back; how much is cut out is as the paper says."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.data.objectives import corrupt, noise_and_spans, restore, sentinel_ids
from tests.data.objectives.chances import likely
from tests.strategies import examples, rngs

SENTINELS = list(range(999, 899, -1))  # as T5 numbers them: from the vocabulary's end
lengths = st.integers(2, 120)
densities = st.floats(0.05, 0.95)
mean_spans = st.floats(1, 6)


def cut(n, rng, **how):
    ids = rng.integers(0, 900, n)
    return ids, *corrupt(ids, SENTINELS, rng=rng, **how)


@given(rngs, lengths, densities, mean_spans)
def test_restore_undoes_corrupt(rng, n, density, mean_span):
    ids, inputs, targets = cut(n, rng, density=density, mean_span=mean_span)
    assert inputs.dtype == targets.dtype == np.int64
    assert_array_equal(restore(inputs, targets, SENTINELS), ids)


@given(rngs, lengths)
def test_each_token_stands_on_one_side_and_each_sentinel_where_its_span_was(rng, n):
    n_noise, n_spans = noise_and_spans(n)
    ids, inputs, targets = cut(n, rng)
    assert len(inputs) == n - n_noise + n_spans
    assert len(targets) == n_noise + n_spans + 1
    assert inputs[inputs >= 900].tolist() == SENTINELS[:n_spans]
    assert targets[targets >= 900].tolist() == SENTINELS[: n_spans + 1]
    kept, noise = inputs[inputs < 900], targets[targets < 900]
    assert Counter([*kept, *noise]) == Counter(ids.tolist())


@given(rngs, lengths)
def test_targets_close_with_one_more_sentinel(rng, n):
    _, inputs, targets = cut(n, rng)
    assert targets[0] == SENTINELS[0]
    assert targets[-1] == SENTINELS[(inputs >= 900).sum()]


@given(rngs, lengths, densities, mean_spans)
def test_no_span_is_empty_and_kept_text_parts_them(rng, n, density, mean_span):
    _, inputs, targets = cut(n, rng, density=density, mean_span=mean_span)
    assert inputs[0] < 900 and inputs[-1] >= 900
    assert not ((inputs[:-1] >= 900) & (inputs[1:] >= 900)).any()
    assert not ((targets[:-1] >= 900) & (targets[1:] >= 900)).any()


@pytest.mark.parametrize(
    "n, n_noise, n_spans",
    [(2, 1, 1), (6, 1, 1), (20, 3, 1), (30, 4, 1), (100, 15, 5), (512, 77, 26)],
)
def test_15_percent_are_cut_out_in_spans_of_3_on_average(n, n_noise, n_spans):
    """By hand: round(0.15 n), of which round(a third) spans; rounding halves to even."""
    assert noise_and_spans(n) == (n_noise, n_spans)
    _, inputs, targets = cut(n, np.random.default_rng(0))
    assert (targets < 900).sum() == n_noise
    assert (inputs >= 900).sum() == n_spans


@given(rngs, lengths, densities, mean_spans)
def test_how_much_is_cut_out_is_the_nearest_there_is_to_density_and_mean_span(
    rng, n, density, mean_span
):
    """Off by half a token and half a span, unless a part would be empty."""
    n_noise, n_spans = noise_and_spans(n, density, mean_span)
    assert abs(n_noise - n * density) <= 1 / 2 or n_noise in (1, n - 1)
    most = min(n_noise, n - n_noise)  # spans, each with a kept token before it
    assert abs(n_spans - n_noise / mean_span) <= 1 / 2 or n_spans in (1, most)
    assert 1 <= n_noise < n and 1 <= n_spans <= most
    _, inputs, targets = cut(n, rng, density=density, mean_span=mean_span)
    assert ((targets < 900).sum(), (inputs >= 900).sum()) == (n_noise, n_spans)


@given(rngs, st.integers(2, 5))
@examples(8)
def test_two_spans_are_cut_in_any_way_with_equal_chances(rng, n_kept):
    """As many tokens kept as cut out, n_kept - 1 ways to part either: together squared."""
    n, how = 1000, {"density": 0.5, "mean_span": n_kept / 2}
    ways = Counter()
    for _ in range(n):
        inputs, _ = corrupt(np.arange(2 * n_kept), SENTINELS, rng=rng, **how)
        ways[tuple(np.where(inputs >= 900, -1, inputs))] += 1
    n_ways = (n_kept - 1) ** 2
    assert len(ways) == n_ways
    assert all(likely(count, n, 1 / n_ways) for count in ways.values())


def test_over_many_texts_density_and_mean_span_are_15_percent_and_3():
    """Rounding moves a text of n >= 200 tokens by 0.5 / n and 1.5 / n_spans at most."""
    rng = np.random.default_rng(0)
    n_tokens = n_noise = n_spans = 0
    for n in rng.integers(200, 1001, 50):
        _, inputs, targets = cut(n, rng)
        n_tokens += n
        n_noise += (targets < 900).sum()
        n_spans += (inputs >= 900).sum()
    assert abs(n_noise / n_tokens - 0.15) < 0.5 / 200
    assert abs(n_noise / n_spans - 3) < 1.5 / 10


def test_every_way_of_cutting_is_as_likely_as_any_other():
    """6 noise tokens in 3 spans, 6 kept in 3: C(5, 2) = 10 ways each, 100 together."""
    rng, n = np.random.default_rng(0), 8_000
    ways = Counter()
    for _ in range(n):
        inputs, _targets = corrupt(
            np.arange(12), SENTINELS, rng=rng, density=0.5, mean_span=2.0
        )
        ways[tuple(np.where(inputs >= 900, -1, inputs))] += 1
    assert len(ways) == 100
    assert all(likely(count, n, 1 / 100) for count in ways.values())


def test_a_text_by_hand():
    """Figure 2 of the paper, ids instead of words."""
    for_inviting, last = [3, 4], [9]
    inputs = [1, 2, 999, 5, 6, 7, 8, 998, 10]
    targets = [999, *for_inviting, 998, *last, 997]
    assert restore(inputs, targets, SENTINELS).tolist() == list(range(1, 11))


@pytest.mark.parametrize(
    "inputs, targets",
    [
        ([1, 999, 4], [999, 2, 3]),  # the closing sentinel is missing
        ([1, 999, 4], [999, 2, 998, 3]),  # it does not close
        ([1, 999, 4], [2, 999, 3, 998]),  # the first does not begin
        ([1, 998, 4], [999, 2, 998]),  # the inputs skip one
        ([1, 999, 4, 999], [999, 2, 998, 3, 997]),  # or have one twice
        ([1, 999, 4, 998], [999, 2, 998]),  # more spans than answers
        ([1, 4], []),
    ],
)
def test_what_does_not_belong_together_is_not_restored(inputs, targets):
    with pytest.raises(ValueError, match="do not belong together"):
        restore(inputs, targets, SENTINELS)


def test_nothing_cut_out_is_nothing_to_restore():
    assert restore([1, 2], [999], SENTINELS).tolist() == [1, 2]


@pytest.mark.parametrize(
    "complaint, change",
    [
        ("a text of 1 tokens", {"ids": np.arange(1)}),
        (r"shape \(2, 2\)", {"ids": np.ones((2, 2), int)}),
        ("dtype float64", {"ids": np.ones(5)}),
        (
            "5 sentinel_ids: 100 tokens are cut in 5 spans",
            {"sentinel_ids": range(995, 1000)},
        ),
        ("name one token twice", {"sentinel_ids": [999, 999]}),
        ("the text holds the sentinel 50", {"sentinel_ids": [999, 50]}),
        ("density 0: give", {"density": 0}),
        ("density 1: give", {"density": 1}),
        ("mean_span 0.5: a span has", {"mean_span": 0.5}),
        ("mean_span nan: a span has", {"mean_span": float("nan")}),
    ],
)
def test_what_cannot_be_corrupted_is_refused(complaint, change):
    arguments = {"ids": np.arange(100), "sentinel_ids": SENTINELS}
    with pytest.raises(ValueError, match=complaint):
        corrupt(**arguments | change, rng=np.random.default_rng(0))


def test_a_list_is_as_good_as_an_array():
    inputs, targets = corrupt([5, 6], [9, 8], rng=np.random.default_rng(0))
    assert (inputs.tolist(), targets.tolist()) == ([5, 9], [9, 6, 8])


def test_six_sentinels_are_enough_for_five_spans():
    inputs, targets = corrupt(np.arange(100), SENTINELS[:6], rng=np.random.default_rng(0))
    assert_array_equal(restore(inputs, targets, SENTINELS[:6]), np.arange(100))


@given(st.permutations(range(12)), st.integers(0, 12))
def test_the_nth_sentinel_is_the_one_with_that_number_wherever_it_stands(ids, n):
    special_tokens = {f"<extra_id_{i}>": place for i, place in enumerate(ids)}
    assert sentinel_ids({"[PAD]": 12} | special_tokens, n) == ids[:n]


def test_sentinels_are_found_in_the_vocabulary_or_missed_by_name():
    special_tokens = {"[PAD]": 0, "<extra_id_1>": 5, "<extra_id_0>": 7}
    assert sentinel_ids(special_tokens, 2) == [7, 5]
    with pytest.raises(ValueError, match="no sentinel <extra_id_2>: 4 are needed"):
        sentinel_ids(special_tokens, 4)
