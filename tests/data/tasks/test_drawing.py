"""No example is drawn twice, so none of the test is in training."""

import numpy as np
import pytest

from minillm.data.tasks import dialogues, entities, sentiment, translation
from minillm.data.tasks.drawing import pick, train_and_test

TASKS = {
    "translation": translation,
    "dialogues": dialogues,
    "sentiment": sentiment,
    "entities": entities,
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_no_two_examples_are_alike_and_none_of_the_test_is_in_training(task):
    train, test = task.draw(600, 200, rng=np.random.default_rng(0))
    assert (len(train), len(test)) == (600, 200)
    assert len({example[0] for example in [*train, *test]}) == 800


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_seed_decides(task):
    draws = [task.draw(20, 5, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_vocabulary_is_what_is_said_without_a_word_too_many(task):
    train, _ = task.draw(3000, 0, rng=np.random.default_rng(0))
    text = " ".join(part for example in train for part in example if isinstance(part, str))
    assert set(text.split()) == set(task.WORDS)
    assert len(set(task.WORDS)) == len(task.WORDS) < 150


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_words_are_parted_by_single_spaces(task):
    train, _ = task.draw(200, 0, rng=np.random.default_rng(0))
    for example in train:
        for part in example:
            assert not isinstance(part, str) or part == " ".join(part.split())


def draw_digit(rng):
    return int(rng.integers(10))


def test_all_that_there_is_can_be_drawn_but_no_more():
    rng = np.random.default_rng(0)
    train, test = train_and_test(draw_digit, lambda digit: digit, 7, 3, rng)
    assert sorted(train + test) == list(range(10)) and len(train) == 7
    with pytest.raises(ValueError, match=r"n_train 8 \+ n_test 3: the task has fewer"):
        train_and_test(draw_digit, lambda digit: digit, 8, 3, rng)


def test_what_has_few_variants_is_as_frequent_in_the_test_as_in_training():
    """0 is drawn first most often: the test's half must get it half of the time."""

    def draw(rng):
        return int(rng.random() > 0.9) * int(rng.integers(10))

    n, in_test = 400, 0
    for seed in range(n):
        rng = np.random.default_rng(seed)
        in_test += 0 in train_and_test(draw, lambda digit: digit, 3, 3, rng)[1]
    assert abs(in_test - n / 2) < 6.5 * (n / 4) ** 0.5


def test_a_negative_number_of_examples_is_refused():
    with pytest.raises(ValueError, match="n_train 3 and n_test -1"):
        translation.draw(3, -1, rng=np.random.default_rng(0))


def test_pick_reaches_every_choice():
    """A choice is missed by 200 draws with a probability below 4 (3/4)^200 < 10^-24."""
    rng = np.random.default_rng(0)
    assert {pick(rng, "abcd") for _ in range(200)} == set("abcd")
