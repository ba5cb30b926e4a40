"""Examples are padded without loss, visited once an epoch, and checked at the door."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm import functional as F
from minillm.data import ClassExamples, PairExamples, TagExamples
from minillm.data.shuffled import Shuffled, step_rng

PAD, START, END = 0, 1, 2
sequences = st.lists(
    st.lists(st.integers(3, 9), min_size=1, max_size=5), min_size=1, max_size=6
)
seeds = st.integers(0, 2**40)


def class_examples(some, batch_size=2, seed=0):
    return ClassExamples(some, range(len(some)), len(some), batch_size, seed=seed)


def tag_examples(some, batch_size=2, seed=0):
    tags = [[token + 10 for token in sequence] for sequence in some]
    return TagExamples(some, tags, 20, batch_size, seed=seed)


def pair_examples(some, batch_size=2, seed=0):
    targets = [[token + 10 for token in sequence * 2] for sequence in some]
    return PairExamples(some, targets, batch_size, seed=seed, start_id=START, end_id=END)


KINDS = {"class": class_examples, "tag": tag_examples, "pair": pair_examples}
kinds = pytest.mark.parametrize("build", KINDS.values(), ids=KINDS)


def unpadded(ids, mask):
    """The rows without their padding, which must come last and be PAD."""
    assert ids.dtype == np.int64 and mask.dtype == bool and ids.shape == mask.shape
    assert mask.any(1).all() and mask.any(0).all()  # no empty row, no needless column
    assert (np.diff(mask.astype(int), axis=1) <= 0).all()
    return [row[has].tolist() for row, has in zip(ids, mask, strict=True)]


@given(sequences, st.integers(1, 4))
def test_once_gives_every_example_once_in_order(some, batch_size):
    inputs = []
    for place, (ids, labels, mask) in enumerate(class_examples(some, batch_size).once()):
        assert_array_equal(ids[~mask], PAD)
        assert 1 <= len(ids) <= batch_size
        assert_array_equal(labels, place * batch_size + np.arange(len(ids)))
        inputs += unpadded(ids, mask)
    assert inputs == some


@given(sequences)
def test_a_tag_stays_with_its_token_and_padding_has_none(some):
    for inputs, tags, mask in tag_examples(some).once():
        assert_array_equal(tags[mask], inputs[mask] + 10)
        assert_array_equal(tags[~mask], F.IGNORED)
        assert_array_equal(inputs[~mask], PAD)


@given(sequences)
def test_a_decoder_reads_start_and_target_and_says_target_and_end(some):
    seen = []
    for source, inputs, targets, source_mask, target_mask in pair_examples(some).once():
        sources, read = unpadded(source, source_mask), unpadded(inputs, target_mask)
        said = unpadded(targets, target_mask)
        assert_array_equal(targets[~target_mask], F.IGNORED)
        for one, reads, says in zip(sources, read, said, strict=True):
            assert reads[0] == START and says[-1] == END
            assert reads[1:] == says[:-1] == [token + 10 for token in one * 2]
        seen += sources
    assert seen == some


@given(sequences, seeds, st.permutations(range(8)))
def test_a_batch_depends_on_seed_and_step_alone(some, seed, steps):
    for build in KINDS.values():
        in_order = [build(some, 3, seed).batch(step) for step in range(8)]
        examples = build(some, 3, seed)
        for step in steps:
            for array, expected in zip(examples.batch(step), in_order[step], strict=True):
                assert_array_equal(array, expected)


@given(sequences, st.integers(1, 7), seeds, st.integers(0, 20))
def test_however_they_are_shuffled_what_belongs_together_stays_together(
    some, size, seed, step
):
    """A label with its text, a tag with its token, a target with its source."""
    ids, labels, mask = class_examples(some, size, seed).batch(step)
    assert unpadded(ids, mask) == [some[label] for label in labels]
    ids, tags, mask = tag_examples(some, size, seed).batch(step)
    assert unpadded(tags, mask) == [[t + 10 for t in row] for row in unpadded(ids, mask)]
    source, inputs, _, source_mask, mask = pair_examples(some, size, seed).batch(step)
    sources = unpadded(source, source_mask)
    expected = [[START, *[t + 10 for t in row * 2]] for row in sources]
    assert unpadded(inputs, mask) == expected


@given(sequences, st.integers(1, 7), seeds)
def test_an_epoch_visits_every_example_once_and_all_batches_are_full(some, size, seed):
    examples = class_examples(some, size, seed)
    visited = []
    for step in range(3 * len(some)):
        labels = examples.batch(step)[1]
        assert len(labels) == size
        visited += labels.tolist()
    for epoch in range(3):
        labels = visited[epoch * len(some) : (epoch + 1) * len(some)]
        assert Counter(labels) == Counter(range(len(some)))


def test_seeds_and_epochs_are_shuffled_differently():
    """40 examples in 40! orders: that two are equal by chance cannot happen."""
    orders = {
        tuple(Shuffled(40, 40, seed=seed).places(step))
        for seed in range(4)
        for step in range(4)
    }
    assert len(orders) == 16


def test_what_is_drawn_in_a_step_is_not_drawn_in_another_or_for_an_epochs_order():
    drawn = [step_rng(seed, step).random() for seed in range(5) for step in range(5)]
    drawn += [np.random.default_rng((a, b)).random() for a in range(5) for b in range(5)]
    assert len(set(drawn)) == 50


@kinds
def test_a_batch_is_no_window_into_the_examples(build):
    some = [np.array([3, 4]), np.array([5])]
    examples = build([list(one) for one in some])
    before = [array.copy() for array in examples.batch(0)]
    for array in examples.batch(0):
        array[...] = 0
    for array, expected in zip(examples.batch(0), before, strict=True):
        assert_array_equal(array, expected)


@pytest.mark.parametrize(
    "complaint, some",
    [
        ("no examples", []),
        (r"sequences\[1\] has shape \(0,\)", [[3], []]),
        (r"sequences\[0\] has shape \(\)", [3]),
        (r"sequences\[1\] is all padding \(id 0\)", [[3, 0], [0, 0]]),
        (r"sequences\[0\] holds int64 from -5", [[3, -5]]),
    ],
)
@pytest.mark.parametrize("kind", [ClassExamples, TagExamples])
def test_sequences_that_say_nothing_are_refused(kind, complaint, some):
    with pytest.raises(ValueError, match=complaint):
        kind(some, [], 2, 1, seed=0)


def pairs(sources, targets):
    return PairExamples(sources, targets, 1, seed=0, start_id=START, end_id=END)


def labelled(some, labels, **change):
    how = {"n_classes": 2, "batch_size": 1, "seed": 0}
    return ClassExamples(some, labels, **how | change)


def tagged(some, tags):
    return TagExamples(some, tags, 2, 1, seed=0)


@pytest.mark.parametrize(
    "complaint, build",
    [
        ("2 sources and 1 targets", lambda: pairs([[3], [4]], [[3]])),
        (r"targets\[0\] has shape \(0,\)", lambda: pairs([[3]], [[]])),
        (r"targets\[0\] is all padding", lambda: pairs([[3]], [[0]])),
        ("targets is empty", lambda: pairs([[3]], [])),
        (r"sources\[0\] holds float64", lambda: pairs([[3.5]], [[3]])),
        ("2 sequences and 1 labels", lambda: labelled([[3], [4]], [0])),
        ("labels 2 is out of range: .* 0 to 1", lambda: labelled([[3], [4]], [0, 2])),
        ("labels -100 is out of range", lambda: labelled([[3]], [-100])),
        ("labels of dtype float64", lambda: labelled([[3]], [0.0])),
        (r"2 sequences\[0\] and 1 tags\[0\]", lambda: tagged([[3, 4]], [[0]])),
        (r"tags\[0\] 2 is out of range", lambda: tagged([[3, 4]], [[0, 2]])),
        (r"tags\[0\] -1 is out of range", lambda: tagged([[3]], [[-1]])),
        ("1 sequences and 2 tags", lambda: tagged([[3]], [[1], [1]])),
        ("batch_size 0", lambda: labelled([[3]], [0], batch_size=0)),
        ("seed -1", lambda: labelled([[3]], [0], seed=-1)),
        ("step -1", lambda: labelled([[3]], [0]).batch(-1)),
    ],
)
def test_what_does_not_fit_is_refused_at_the_door(complaint, build):
    with pytest.raises(ValueError, match=complaint):
        build()


def test_a_tag_may_be_left_out():
    _, tags, _ = next(TagExamples([[3, 4]], [[F.IGNORED, 1]], 2, 1, seed=0).once())
    assert_array_equal(tags, [[F.IGNORED, 1]])
