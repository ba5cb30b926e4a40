"""Tags are a function of the sentence, but not of its words one by one."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.data.tasks import entities as task
from minillm.data.tasks.entities import (
    ANY,
    COMPANIES,
    COMPANY_ENDS,
    FAMILIES,
    PERSONS,
    PLACES,
    TAGS,
    most_frequent_tags,
)
from minillm.data.tasks.entity_scores import entities, entity_f1


def any_of(*names):
    return "(?:" + "|".join(word for some in names for word in some) + ")"


PLACE, COMPANY = any_of(ANY, PLACES), any_of(ANY, COMPANIES)
FORMS = {
    "person": f"{any_of(ANY, PERSONS)}(?: {any_of(FAMILIES)})?",
    "place": f"(?:port )?{PLACE}",
    "organisation": f"university of {PLACE}|{COMPANY}(?: {any_of(COMPANY_ENDS)})?",
}


def readings(text):
    """All taggings that the grammar allows, found by matching every template."""
    found = set()
    for template in task.TEMPLATES:
        pattern = template.replace("{people}", any_of(task.PEOPLE))
        pattern = f"{any_of(task.OPENINGS)} ?{pattern}"
        for kind, form in FORMS.items():
            pattern = pattern.replace(f"{{{kind}}}", f"({form})")
        match = re.fullmatch(pattern, text)
        if match:
            kinds = re.findall(r"{(person|place|organisation)}", template)
            found.add(tagged(text, match, kinds))
    return found


def tagged(text, match, kinds):
    tags = [0] * len(text.split())
    for i, kind in enumerate(kinds, 1):
        first = len(text[: match.start(i)].split())
        for place in range(first, first + len(match[i].split())):
            tags[place] = TAGS.index(f"{'B' if place == first else 'I'}-{kind}")
    return tuple(tags)


def test_the_grammar_allows_one_tagging_of_each_sentence():
    train, test = task.draw(1500, 500, rng=np.random.default_rng(0))
    for text, tags in [*train, *test]:
        assert readings(text) == {tags}


def test_words_that_may_name_anything_do_so():
    train, _ = task.draw(4000, 0, rng=np.random.default_rng(0))
    seen = {word: set() for word in (*ANY, *set(FAMILIES) & set(task.PEOPLE))}
    for text, tags in train:
        for word, tag in zip(text.split(), tags, strict=True):
            seen.get(word, set()).add(TAGS[tag])
    for word in ANY:
        assert seen[word] >= {"B-person", "B-place", "B-organisation"}
    assert all(seen[word] == {"O", "I-person"} for word in set(FAMILIES) & set(task.PEOPLE))


def test_the_baselines_are_as_stated():
    for seed in range(3):
        train, test = task.draw(4000, 1000, rng=np.random.default_rng(seed))
        frequent = most_frequent_tags(train)
        guesses = [[frequent[word] for word in text.split()] for text, _ in test]
        truths = [tags for _, tags in test]
        flat = np.concatenate(truths)
        assert np.mean(np.concatenate(guesses) == flat) == pytest.approx(0.84, abs=0.01)
        assert entity_f1(guesses, truths) == pytest.approx(0.49, abs=0.03)
        assert np.mean(flat == 0) == pytest.approx(0.60, abs=0.01)
        assert entity_f1([[0] * len(tags) for tags in truths], truths) == 0
        assert entity_f1(truths, truths) == 1


OUT, B_PERSON, I_PERSON, B_PLACE, I_PLACE, *_ = range(len(TAGS))


@pytest.mark.parametrize(
    "tags, expected",
    [
        ([OUT, OUT], set()),
        ([B_PERSON, I_PERSON, OUT, B_PLACE], {(0, 2, "person"), (3, 4, "place")}),
        ([B_PERSON, B_PERSON, I_PERSON], {(0, 1, "person"), (1, 3, "person")}),
        ([I_PERSON, I_PERSON], {(0, 2, "person")}),
        ([B_PERSON, I_PLACE], {(0, 1, "person"), (1, 2, "place")}),
        ([B_PERSON, OUT, I_PERSON], {(0, 1, "person"), (2, 3, "person")}),
    ],
)
def test_entities_by_hand(tags, expected):
    assert entities(tags) == expected


def test_f1_by_hand():
    """2 found, 3 present, 1 right: precision 1/2, recall 1/3, F1 2/5. Borders count."""
    truth = [[B_PERSON, I_PERSON, OUT, B_PLACE], [B_PLACE, OUT]]
    guess = [[B_PERSON, OUT, OUT, B_PLACE], [OUT, OUT]]
    assert entity_f1(guess, truth) == pytest.approx(0.4)


@given(st.lists(st.integers(0, len(TAGS) - 1)))
def test_every_word_that_is_not_outside_belongs_to_one_entity(tags):
    covered = [place for begin, end, _ in entities(tags) for place in range(begin, end)]
    assert sorted(covered) == [place for place, tag in enumerate(tags) if tag != OUT]


def test_of_tags_a_words_most_frequent_is_taken():
    examples = [("a b", (1, 0)), ("a b", (2, 0)), ("a", (2,))]
    assert most_frequent_tags(examples) == {"a": 2, "b": 0}
