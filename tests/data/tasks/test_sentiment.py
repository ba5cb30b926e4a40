"""The sentiment of a sentence is its grammar's, and its words alone do not tell it."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from minillm.data.tasks import sentiment
from minillm.data.tasks.sentiment import JOINED, Clause, Sentence
from tests.data.objectives.chances import likely

GOOD, BAD = sentiment.ADJECTIVES[1], sentiment.ADJECTIVES[0]


def read(text):
    """The label, by a reader of its own who knows the grammar."""
    words = text.split()
    if "although" in words and "," in words:
        words = words[words.index(",") :]  # although this, that
    elif "although" in words:
        words = words[: words.index("although")]  # that although this
    elif "but" in words:
        words = words[words.index("but") :]  # this but that
    return int(bool(set(words) & set(GOOD)) != ("not" in words))


@pytest.mark.parametrize(
    "text, label",
    [
        ("honestly the old hotel was not very good", 0),
        ("the soup was dull but the long film was really lovely", 1),
        ("although the soup was lovely , the hotel was not great", 0),
        ("the film was not bad although the music was awful", 1),
    ],
)
def test_the_reader_reads_sentences_labelled_by_hand(text, label):
    assert read(text) == label


def test_a_reader_who_knows_the_grammar_knows_every_label():
    train, test = sentiment.draw(1500, 500, rng=np.random.default_rng(0))
    assert all(read(text) == label for text, label in [*train, *test])


def sentences(n):
    rng = np.random.default_rng(1)
    return [sentiment.sentence(rng) for _ in range(n)]


def test_half_have_two_clauses_and_labels_and_joints_are_balanced():
    n = 6000
    drawn = sentences(n)
    two = [one for one in drawn if len(one.clauses) == 2]
    assert likely(len(two), n, 1 / 2)
    assert likely(sum(one.label for one in drawn), n, 1 / 2)
    for joined in JOINED:
        assert likely(sum(one.joined == joined for one in two), len(two), 1 / 3)


def test_clauses_that_change_places_are_the_same_bag_of_words_and_the_other_label():
    """And as likely: they are drawn alike. So a bag of words is at chance for them."""
    for one in sentences(600):
        if len(one.clauses) == 2:
            other = replace(one, clauses=one.clauses[::-1])
            assert Counter(one.text().split()) == Counter(other.text().split())
            assert one.label == 1 - other.label


def test_both_orders_of_two_clauses_are_drawn_as_often():
    """The clause that is granted is as often negated, and as often the good one."""
    two = [one for one in sentences(6000) if len(one.clauses) == 2]
    for has in (lambda clause: clause.negated, lambda clause: clause.positive):
        for place in (0, 1):
            assert likely(sum(has(one.clauses[place]) for one in two), len(two), 1 / 2)


def test_not_turns_a_clause_round():
    good = Clause("film", "", False, "very", "great")
    assert good.positive and not replace(good, negated=True).positive
    assert Sentence("", (replace(good, negated=True),)).text() == (
        "the film was not very great"
    )


def test_label_noise_turns_its_share_of_labels_round_and_no_sentence():
    rng = np.random.default_rng(0)
    train, test = sentiment.draw(3000, 1000, rng=rng, label_noise=0.2)
    for part in (train, test):
        wrong = sum(read(text) != label for text, label in part)
        assert likely(wrong, len(part), 0.2)


@pytest.mark.parametrize("label_noise", [-0.1, 0.6, float("nan")])
def test_noise_that_is_no_noise_is_refused(label_noise):
    with pytest.raises(ValueError, match="label_noise"):
        sentiment.draw(1, 1, rng=np.random.default_rng(0), label_noise=label_noise)
