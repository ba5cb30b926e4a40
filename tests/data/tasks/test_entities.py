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


names = st.tuples(
    st.integers(0, 2), st.sampled_from(task.KINDS), st.integers(1, 3), st.booleans()
)


@given(st.lists(names, max_size=5), st.integers(0, 2))
def test_whatever_names_are_written_as_b_and_i_are_read_again(names, at_the_end):
    """A name is so many words after the one before it, of a kind, and so many long. B is
    needed only where it begins right after another of its kind (Ramshaw & Marcus 1995)."""
    tags, expected = ["O"], set()
    for gap, kind, length, may_begin_with_i in names:
        tags += ["O"] * gap
        begin = "I" if may_begin_with_i and not tags[-1].endswith(kind) else "B"
        expected.add((len(tags), len(tags) + length, kind))
        tags += [f"{begin}-{kind}"] + [f"I-{kind}"] * (length - 1)
    tags += ["O"] * at_the_end
    assert entities([TAGS.index(tag) for tag in tags]) == expected


tag = st.integers(0, len(TAGS) - 1)
pairs = st.lists(st.lists(st.tuples(tag, tag), max_size=6), max_size=4)


@given(pairs)
def test_entity_f1_is_the_harmonic_mean_of_precision_and_recall(pairs):
    """Over all sentences at once; a name is right with both borders and its kind."""
    guess, truth = ([[pair[i] for pair in row] for row in pairs] for i in (0, 1))
    found, present = (
        {(n, *name) for n, tags in enumerate(some) for name in entities(tags)}
        for some in (guess, truth)
    )
    right, f1 = found & present, entity_f1(guess, truth)
    if right:
        precision, recall = len(right) / len(found), len(right) / len(present)
        assert f1 == pytest.approx(2 / (1 / precision + 1 / recall))
    else:
        assert f1 == 0
    assert f1 == entity_f1(truth, guess)
    assert (f1 == 1) == (found == present != set())
    assert entity_f1(guess[::-1], truth[::-1]) == f1


@given(st.lists(st.integers(0, len(TAGS) - 1)))
def test_every_word_that_is_not_outside_belongs_to_one_entity(tags):
    covered = [place for begin, end, _ in entities(tags) for place in range(begin, end)]
    assert sorted(covered) == [place for place, tag in enumerate(tags) if tag != OUT]


def test_of_tags_a_words_most_frequent_is_taken():
    examples = [("a b", (1, 0)), ("a b", (2, 0)), ("a", (2,))]
    assert most_frequent_tags(examples) == {"a": 2, "b": 0}
