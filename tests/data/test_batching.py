"""Training sees every window once an epoch; evaluation scores every token once."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.data import Windows, evaluation_windows

seeds = st.integers(0, 2**40)
sizes = st.tuples(st.integers(1, 9), st.integers(1, 7), st.integers(1, 80))


def windows_of(size, seed=0):
    """Ids that are their own places, so that a batch says where it was cut."""
    seq_len, batch_size, more = size
    return Windows(np.arange(seq_len + more), seq_len, batch_size, seed=seed)


@given(sizes, seeds, st.integers(0, 50))
def test_targets_are_the_inputs_one_token_later(size, seed, step):
    seq_len, batch_size, _ = size
    inputs, targets = windows_of(size, seed).batch(step)
    assert inputs.shape == targets.shape == (batch_size, seq_len)
    assert inputs.dtype == targets.dtype == np.int64
    assert_array_equal(targets, inputs + 1)
    assert_array_equal(inputs, inputs[:, :1] + np.arange(seq_len))


@given(sizes, seeds, st.permutations(range(12)))
def test_a_batch_depends_on_seed_and_step_alone(size, seed, steps):
    in_order = [windows_of(size, seed).batch(step) for step in range(12)]
    sampler = windows_of(size, seed)
    for step in steps:
        assert_array_equal(sampler.batch(step), in_order[step])


@given(sizes, seeds)
def test_an_epoch_visits_every_window_once(size, seed):
    seq_len, _, more = size
    sampler = windows_of(size, seed)
    n_tokens, drawn, step = seq_len + more, [], 0
    for epoch in range(3):
        phase = min(sampler.epoch_starts(epoch))
        assert 0 <= phase < seq_len
        expected = set(range(phase, n_tokens - seq_len, seq_len))
        while len(drawn) < len(expected):
            drawn.extend(sampler.batch(step)[0][:, 0])
            step += 1
        visited, drawn = drawn[: len(expected)], drawn[len(expected) :]
        assert Counter(visited) == Counter(expected)


def test_batches_straddle_epochs():
    sampler = Windows(np.arange(11), 5, 7, seed=3)
    starts = sampler.batch(0)[0][:, 0]
    epochs = np.concatenate([sampler.epoch_starts(epoch) for epoch in range(7)])
    assert_array_equal(starts, epochs[:7])


@given(st.integers(2, 9), st.integers(2, 30))
def test_in_time_every_token_is_a_target(seq_len, more):
    """Each phase has a chance of 1/9 or more: 0.9^400 < 1e-15 to miss one of them."""
    sampler = Windows(np.arange(2 * seq_len + more), seq_len, 1, seed=0)
    starts = np.concatenate([sampler.epoch_starts(epoch) for epoch in range(400)])
    targets = starts[:, None] + np.arange(1, seq_len + 1)
    assert set(targets.flat) == set(range(1, 2 * seq_len + more))


def test_seeds_and_epochs_differ():
    """80 windows in 80! orders: that two are equal by chance cannot happen."""
    orders = [
        tuple(Windows(np.arange(400), 5, 4, seed=seed).epoch_starts(epoch))
        for seed in range(5)
        for epoch in range(5)
    ]
    assert len(set(orders)) == 25


def test_a_batch_is_not_a_window_into_the_corpus():
    ids = np.arange(20)
    sampler = Windows(ids, 4, 2, seed=0)
    before = sampler.batch(0)[0].copy()
    ids[...] = 0
    sampler.batch(0)[0][...] = 0
    assert_array_equal(sampler.batch(0)[0], before)


def test_a_corpus_shorter_than_a_window_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match=r"corpus of 8 tokens .* window of 9: seq_len 8"):
        Windows(np.arange(8), 8, 1, seed=0)
    Windows(np.arange(9), 8, 1, seed=0).batch(3)


@pytest.mark.parametrize(
    "complaint, build",
    [
        ("seq_len 0", lambda: Windows(np.arange(9), 0, 1, seed=0)),
        ("batch_size 0", lambda: Windows(np.arange(9), 2, 0, seed=0)),
        ("seed -1", lambda: Windows(np.arange(9), 2, 1, seed=-1)),
        ("step -1", lambda: Windows(np.arange(9), 2, 1, seed=0).batch(-1)),
        (r"shape \(3, 3\)", lambda: Windows(np.zeros((3, 3), int), 2, 1, seed=0)),
        ("dtype float64", lambda: evaluation_windows(np.zeros(9), 2, 1)),
        ("batch_size -1", lambda: evaluation_windows(np.arange(9), 2, -1)),
        ("text of 1 tokens", lambda: evaluation_windows(np.arange(1), 2, 1)),
        ("text of 0 tokens", lambda: evaluation_windows(np.arange(0), 2, 1)),
    ],
)
def test_what_cannot_be_cut_is_refused_at_the_door(complaint, build):
    with pytest.raises(ValueError, match=complaint):
        build()


# -- evaluation_windows --------------------------------------------------------------


@given(st.integers(2, 80), st.integers(1, 12), st.integers(1, 5))
def test_every_token_but_the_first_is_scored_exactly_once(n_tokens, seq_len, batch_size):
    ids = np.arange(100, 100 + n_tokens, dtype=np.uint16)
    scored = Counter()
    for inputs, targets, weights in evaluation_windows(ids, seq_len, batch_size):
        assert inputs.shape == targets.shape == weights.shape
        assert inputs.shape[1] == seq_len and 1 <= len(inputs) <= batch_size
        assert inputs.dtype == targets.dtype == np.int64
        assert weights.dtype == np.float32 and set(weights.flat) <= {0, 1}
        counts = weights > 0
        assert counts.any(1).all()
        assert_array_equal(targets[counts], inputs[counts] + 1)
        assert not inputs[~counts].any() and not targets[~counts].any()
        scored.update(targets[counts].tolist())
    assert scored == Counter(ids[1:].tolist())


@given(st.integers(2, 80), st.integers(1, 12), st.integers(1, 12), st.integers(1, 5))
def test_overlapping_windows_give_every_target_its_context(
    n_tokens, seq_len, stride, batch_size
):
    stride = min(stride, seq_len)
    ids = np.arange(100, 100 + n_tokens)
    scored = Counter()
    for inputs, targets, weights in evaluation_windows(ids, seq_len, batch_size, stride):
        for window, following, counts in zip(inputs, targets, weights > 0, strict=True):
            scored.update(following[counts].tolist())
            assert_array_equal(following[counts], window[counts] + 1)
            before = np.flatnonzero(counts)[0]  # tokens before the first that counts
            assert window[0] == 100 or before == seq_len - stride
    assert scored == Counter(ids[1:].tolist())


@pytest.mark.parametrize("stride", [0, -1, 4])
def test_a_stride_that_skips_or_stands_still_is_refused(stride):
    with pytest.raises(ValueError, match=f"stride {stride}: give 1 to seq_len"):
        evaluation_windows(np.arange(9), 3, 2, stride)


def test_padding_stands_at_the_end_of_the_last_window_alone():
    batches = list(evaluation_windows(np.arange(1, 9), 3, 2))
    assert_array_equal(batches[0][0], [[1, 2, 3], [4, 5, 6]])
    assert_array_equal(batches[1][0], [[7, 0, 0]])
    assert_array_equal(batches[1][1], [[8, 0, 0]])
    assert_array_equal(batches[1][2], [[1, 0, 0]])
