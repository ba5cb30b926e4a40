"""A summary tells what a reader of the dialogue can know, and nothing else."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from minillm.data.tasks import dialogues
from minillm.data.tasks.dialogues import DAYS, NAMES, OUTCOMES, Facts, dialogue
from minillm.data.tasks.scores import exact_match, floor, unigram_f1

REQUEST = re.compile(r"(?:can you|please|would you) (\w+) the (\w+)(?: for me)?(?: \?)?")
ON_A_DAY = re.compile(rf"(?:only on|i can do it on)? ?({'|'.join(DAYS)})(?: is fine)?")
ANSWERS = {
    "yes of course": "agrees",
    "sure i can do it": "agrees",
    "i will do it": "agrees",
    "no i have no time": "refuses",
    "sorry i can not do it": "refuses",
    "not me": "refuses",
}


def read(text):
    """The summary, by rules that know how requests and answers are worded."""
    turns = [turn.split(" : ") for turn in text.split(" | ")]
    asker, verb, thing = next(
        (speaker, *match.groups())
        for speaker, words in turns
        if (match := REQUEST.fullmatch(words))
    )
    asked = next(speaker for speaker, _ in turns if speaker != asker)
    outcome = ""
    for speaker, words in turns:
        words = words.removeprefix("well ").removeprefix("wait ").removesuffix(" after all")
        day = ON_A_DAY.fullmatch(words)
        if speaker == asked and (words in ANSWERS or day):
            outcome = f"says {day[1]}" if day else ANSWERS[words]
    return f"{asker} asks {asked} to {verb} the {thing} and {asked} {outcome}"


def test_a_reader_who_knows_the_rules_writes_every_summary():
    train, test = dialogues.draw(1500, 500, rng=np.random.default_rng(0))
    for text, summary in [*train, *test]:
        assert read(text) == summary


def test_no_summary_of_the_test_is_in_training():
    train, test = dialogues.draw(3000, 500, rng=np.random.default_rng(1))
    assert len({summary for _, summary in [*train, *test]}) == 3500


def test_the_floor_of_another_dialogues_summary_is_as_stated():
    summaries = [s for _, s in dialogues.draw(4000, 0, rng=np.random.default_rng(2))[0]]
    assert floor(exact_match, summaries) == 0
    assert floor(unigram_f1, summaries) == pytest.approx(0.51, abs=0.01)


def test_there_are_as_many_summaries_as_stated():
    n = len(NAMES) * (len(NAMES) - 1) * len(dialogues.VERBS) * len(dialogues.THINGS)
    assert n * len(OUTCOMES) == 31_360


def test_one_summary_has_many_dialogues():
    facts = Facts("anna", "ben", "fix", "radio", "agrees")
    assert facts.summary() == "anna asks ben to fix the radio and ben agrees"
    rng = np.random.default_rng(0)
    texts = {dialogue(facts, rng) for _ in range(300)}
    assert len(texts) > 200 and {read(text) for text in texts} == {facts.summary()}


def test_what_leads_astray_names_other_people_things_and_deeds():
    rng = np.random.default_rng(0)
    facts = Facts("anna", "ben", "fix", "radio", "agrees")
    for _ in range(300):
        words = dialogue(facts, rng).split()
        assert words.count("fix") == words.count("radio") == 1
        assert not {"saw anna", "saw ben", "of anna", "of ben"} & set(
            map(" ".join, pairwise(words))
        )


def test_answers_change_in_a_third_and_the_first_speaker_need_not_be_the_one_who_asks():
    rng, n = np.random.default_rng(0), 3000
    facts = Facts("anna", "ben", "fix", "radio", "refuses")
    texts = [dialogue(facts, rng) for _ in range(n)]
    changed = sum(": well " in text or ": wait " in text for text in texts)
    assert abs(changed - n / 3) < 6.5 * (n * 2 / 9) ** 0.5
    first = Counter(text.split()[0] for text in texts)
    assert first["ben"] > n / 5 and first["anna"] > n / 5
