"""What is asked of a text is drawn afresh at each step, and from (seed, step) alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import functional as F
from minillm.data import (
    MaskedExamples,
    MaskedWindows,
    PrefixWindows,
    SpanCorruptedWindows,
    Windows,
)
from minillm.data.objectives import restore
from tests.strategies import examples

SENTINELS, START, END = [96, 95, 94, 93, 92], 97, 98
TEXT = np.arange(200) % 80 + 5
MASKING = {"mask_id": 99, "special_ids": [0, 1], "vocab_size": 100}
SPANS = {"sentinel_ids": SENTINELS, "start_id": START, "end_id": END}
SENTENCES = [TEXT[i : i + 3 + i % 5] for i in range(9)]


def masked_windows(seed=0):
    return MaskedWindows(TEXT, 40, 3, seed=seed, **MASKING)


def masked_examples(seed=0):
    return MaskedExamples(SENTENCES, 3, seed=seed, **MASKING)


def span_corrupted_windows(seed=0):
    return SpanCorruptedWindows(TEXT, 40, 3, seed=seed, **SPANS)


def prefix_windows(seed=0):
    return PrefixWindows(TEXT, 40, 3, seed=seed)


KINDS = [masked_windows, masked_examples, span_corrupted_windows, prefix_windows]
kinds = pytest.mark.parametrize("build", KINDS)
steps = st.integers(0, 60)


def equal(some, others):
    return all(map(np.array_equal, some, others))


@kinds
@given(seed=st.integers(0, 2**40), order=st.permutations(range(4)))
@examples(10)
def test_a_batch_depends_on_seed_and_step_alone(build, seed, order):
    in_order = [build(seed).batch(step) for step in range(4)]
    batches = build(seed)
    assert all(equal(batches.batch(step), in_order[step]) for step in order)


ONE = {
    "masked window": MaskedWindows(TEXT[:41], 40, 1, seed=0, **MASKING),
    "masked example": MaskedExamples([TEXT[:40]], 1, seed=0, **MASKING),
    "corrupted window": SpanCorruptedWindows(TEXT[:41], 40, 1, seed=0, **SPANS),
    "prefix window": PrefixWindows(TEXT[:41], 40, 1, seed=0),
}


@pytest.mark.parametrize("batches", ONE.values(), ids=ONE)
def test_the_same_text_is_asked_otherwise_at_each_step(batches):
    """Of a single text there are 40 prefixes, 165 ways to cut, and far more masks."""
    seen = {tuple(np.concatenate(batches.batch(step), axis=None)) for step in range(60)}
    assert len(seen) > 20


@given(steps)
def test_masked_windows_hide_15_percent_of_the_windows(step):
    inputs, targets, mask = masked_windows().batch(step)
    windows, _ = Windows(TEXT, 40, 3, seed=0).batch(step)
    asked = targets != F.IGNORED
    assert_array_equal(np.where(asked, targets, inputs), windows)
    assert_array_equal(asked.sum(1), 6)  # 0.15 of 40
    assert mask.dtype == bool and mask.shape == inputs.shape and mask.all()


@given(steps)
def test_masked_examples_hide_tokens_and_never_padding(step):
    no_token_is_special = MASKING | {"special_ids": []}  # not even what pads
    examples = MaskedExamples(SENTENCES, 3, seed=0, **no_token_is_special)
    inputs, targets, mask = examples.batch(step)
    asked = targets != F.IGNORED
    assert not (asked & ~mask).any()
    assert_array_equal(asked.sum(1), 1)  # 0.15 of 3 to 7 tokens, at least 1
    assert_array_equal(inputs[~mask], 0)
    whole = {tuple(sentence) for sentence in SENTENCES}
    for row, has in zip(np.where(asked, targets, inputs), mask, strict=True):
        assert tuple(row[has]) in whole


@given(steps)
def test_corrupted_windows_can_be_restored(step):
    source, inputs, targets, source_mask, target_mask = span_corrupted_windows().batch(step)
    windows, _ = Windows(TEXT, 40, 3, seed=0).batch(step)
    assert source_mask.all() and source_mask.shape == source.shape
    assert target_mask.all() and target_mask.shape == inputs.shape == targets.shape
    assert_array_equal(inputs[:, 0], START)
    assert_array_equal(targets[:, -1], END)
    assert_array_equal(inputs[:, 1:], targets[:, :-1])
    for row, answer, window in zip(source, targets[:, :-1], windows, strict=True):
        assert_array_equal(restore(row, answer, SENTINELS), window)


@given(steps)
def test_prefix_windows_ask_for_what_follows_the_prefix(step):
    inputs, targets, prefix_lengths = prefix_windows().batch(step)
    windows, following = Windows(TEXT, 40, 3, seed=0).batch(step)
    assert_array_equal(inputs, windows)
    for row, expected, length in zip(targets, following, prefix_lengths, strict=True):
        assert_array_equal(row[: length - 1], F.IGNORED)
        assert_array_equal(row[length - 1 :], expected[length - 1 :])


def masked(**change):
    return MaskedWindows(TEXT, 40, 3, seed=0, **MASKING | change)


def masked_sentences(sentences, **change):
    return MaskedExamples(sentences, 3, seed=0, **MASKING | change)


def corrupted(seq_len=40, **change):
    return SpanCorruptedWindows(TEXT, seq_len, 3, seed=0, **SPANS | change)


@pytest.mark.parametrize(
    "complaint, build",
    [
        ("ids 5 to 84: the vocabulary", lambda: masked(vocab_size=84, mask_id=1)),
        ("mask_id 100", lambda: masked(mask_id=100)),
        ("rate 2", lambda: masked_sentences(SENTENCES, rate=2)),
        ("ids 0 to 100", lambda: masked_sentences([[100]])),
        (r"sequences\[0\] has shape \(0,\)", lambda: masked_sentences([[]])),
        ("all padding", lambda: masked_sentences([[0, 0]])),
        ("sequences is empty", lambda: masked_sentences([])),
        ("holds the sentinel 84", lambda: corrupted(sentinel_ids=[96, 95, 84])),
        ("2 sentinel_ids: 40 tokens", lambda: corrupted(sentinel_ids=[96, 95])),
        ("density 1", lambda: corrupted(density=1)),
        ("text of 1 tokens", lambda: corrupted(seq_len=1)),
        ("shorter than one window", lambda: PrefixWindows(TEXT[:40], 40, 3, seed=0)),
    ],
)
def test_what_could_not_be_asked_later_is_refused_at_once(complaint, build):
    with pytest.raises(ValueError, match=complaint):
        build()
