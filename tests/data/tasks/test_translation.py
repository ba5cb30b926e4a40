"""Every word of a translation is determined, and some from afar."""

import numpy as np
import pytest

from minillm.data.tasks import translation
from minillm.data.tasks.scores import exact_match, floor
from minillm.data.tasks.translation import ADVERBS, NounPhrase, Sentence


def pairs(n, seed=0):
    return translation.draw(n, 0, rng=np.random.default_rng(seed))[0]


@pytest.mark.parametrize(
    "sentence, source, target",
    [
        (
            Sentence(
                NounPhrase(True, "small", "dog", True),
                "see",
                NounPhrase(False, "red", "house", False),
                "today",
            ),
            "the small dogs see a red house today",
            "hodi li kani mini una casa rossa videnti",
        ),
        (
            Sentence(
                NounPhrase(False, "", "queen", False),
                "carry",
                NounPhrase(True, "heavy", "stone", True),
                "",
            ),
            "a queen carries the heavy stones",
            "una kralitsa le petre pesante portet",
        ),
        (
            Sentence(
                NounPhrase(False, "", "king", True),
                "love",
                NounPhrase(True, "", "tree", False),
                "never",
            ),
            "some kings love the tree never",
            "nunk uni reyi lo bomo amenti",
        ),
    ],
)
def test_sentences_translated_by_hand(sentence, source, target):
    assert (sentence.source(), sentence.target()) == (source, target)


def test_articles_nouns_and_adjectives_agree_and_the_verb_agrees_with_its_subject():
    """Read off the endings alone: -o -a are singular, -i -e plural."""
    for _, target in pairs(500):
        words = target.split()
        words = words[1:] if words[0] in ADVERBS.values() else words
        *phrases, verb = words
        begins = [i for i, word in enumerate(phrases) if word[:-1] in ("l", "un")]
        assert begins[0] == 0 and len(begins) == 2
        for words in (phrases[: begins[1]], phrases[begins[1] :]):
            assert len({word[-1] for word in words}) == 1 and 2 <= len(words) <= 3
        assert verb.endswith("enti" if phrases[0][-1] in "ie" else "et")


def test_each_word_of_the_source_is_one_word_of_the_target():
    for source, target in pairs(200):
        assert len(source.split()) == len(target.split())


def test_the_two_languages_share_no_word():
    assert not set(translation.SOURCE_WORDS) & set(translation.TARGET_WORDS)


def test_there_are_more_than_20_000_sentences_and_another_ones_answer_never_matches():
    drawn = pairs(20_000)
    targets = [target for _, target in drawn]
    assert len({source for source, _ in drawn}) == len(set(targets)) == 20_000
    assert floor(exact_match, targets) == 0
