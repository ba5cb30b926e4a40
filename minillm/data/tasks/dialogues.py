"""Dialogues of several turns, and the one sentence that says what came of them.

    anna : hello ben | ben : the weather is cold today | anna : can you fix the radio ? |
    ben : no i have no time | anna : i see | ben : well i can do it after all

    anna asks ben to fix the radio and ben agrees

One speaker, who need not be the one to begin, asks the other for something. The other
agrees, refuses or names a day, in one of several wordings, and in a third of the
dialogues changes the answer: the last one counts. Other turns lead astray: they name
other people, other things, other days and other things to do, but nobody asks for those.

The summary is a function of the dialogue: the best exact match is 1. There are 31,360
summaries, all as likely, and train and test share none: an answer to another dialogue
has an exact match of 0, and a unigram F1 (scores.py) of 0.51, most of which the template
earns.
"""

from dataclasses import dataclass

import numpy as np

from minillm.data.tasks.drawing import pick, train_and_test

Pair = tuple[str, str]

NAMES = ("anna", "ben", "clara", "david", "eva", "felix", "greta", "henry")
VERBS = ("fix", "paint", "clean", "sell", "carry", "bring", "hide", "open")
THINGS = (
    *("radio", "door", "table", "boat", "lamp"),
    *("box", "car", "bike", "piano", "clock"),
)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
AGREES, REFUSES = "agrees", "refuses"
OUTCOMES = (AGREES, REFUSES, *DAYS)

REQUESTS = (
    "can you {verb} the {thing} ?",
    "please {verb} the {thing}",
    "would you {verb} the {thing} for me ?",
)
ANSWERS = {
    AGREES: ("yes of course", "sure i can do it", "i will do it"),
    REFUSES: ("no i have no time", "sorry i can not do it", "not me"),
}
ON_A_DAY = ("only on {day}", "i can do it on {day}", "{day} is fine")
CHANGES = ("well {answer} after all", "wait {answer}")
ASIDES = (
    "hello {listener}",
    "the weather is cold today",
    "i saw {name} on {day}",
    "i like the {thing} of {name}",
    "{name} can not {verb}",
    "on {day} i will {verb} my {thing}",
)
REPLIES = ("i see", "good to know", "thank you")
SUMMARY = "{asker} asks {asked} to {verb} the {thing} and {asked} {outcome}"


@dataclass(frozen=True)
class Facts:
    """What a dialogue is about: all that its summary tells."""

    asker: str
    asked: str
    verb: str
    thing: str
    outcome: str

    def summary(self) -> str:
        outcome = f"says {self.outcome}" if self.outcome in DAYS else self.outcome
        return SUMMARY.format(**vars(self) | {"outcome": outcome})


def draw(
    n_train: int, n_test: int, *, rng: np.random.Generator
) -> tuple[list[Pair], list[Pair]]:
    """Pairs (dialogue, summary) of which no two have the same summary: train, and test."""
    return train_and_test(_pair, lambda pair: pair[1], n_train, n_test, rng)


def dialogue(facts: Facts, rng: np.random.Generator) -> str:
    """A dialogue with these facts; all that they leave open is drawn."""
    asker, asked = facts.asker, facts.asked
    turns = [_aside(pick(rng, (asker, asked)), facts, rng) for _ in range(rng.integers(3))]
    turns += [f"{asker} : {pick(rng, REQUESTS).format(**vars(facts))}"]
    if rng.integers(2):
        turns += [_aside(asked, facts, rng)]
    if rng.integers(3) == 0:
        first = pick(rng, [outcome for outcome in OUTCOMES if outcome != facts.outcome])
        turns += [f"{asked} : {_answer(first, rng)}", f"{asker} : {pick(rng, REPLIES)}"]
        change = pick(rng, CHANGES).format(answer=_answer(facts.outcome, rng))
        turns += [f"{asked} : {change}"]
    else:
        turns += [f"{asked} : {_answer(facts.outcome, rng)}"]
    if rng.integers(2):
        turns += [_aside(asker, facts, rng)]
    return " | ".join(turns)


def _pair(rng: np.random.Generator) -> Pair:
    asker, asked = rng.permutation(NAMES)[:2].tolist()
    facts = Facts(asker, asked, pick(rng, VERBS), pick(rng, THINGS), pick(rng, OUTCOMES))
    return dialogue(facts, rng), facts.summary()


def _answer(outcome: str, rng: np.random.Generator) -> str:
    if outcome in DAYS:
        return pick(rng, ON_A_DAY).format(day=outcome)
    return pick(rng, ANSWERS[outcome])


def _aside(speaker: str, facts: Facts, rng: np.random.Generator) -> str:
    """A turn that is no request and no answer, and speaks of other people and things."""
    others = [name for name in NAMES if name not in (facts.asker, facts.asked)]
    listener = facts.asked if speaker == facts.asker else facts.asker
    return f"{speaker} : " + pick(rng, ASIDES).format(
        listener=listener,
        name=pick(rng, others),
        verb=pick(rng, [verb for verb in VERBS if verb != facts.verb]),
        thing=pick(rng, [thing for thing in THINGS if thing != facts.thing]),
        day=pick(rng, DAYS),
    )


def _words() -> tuple[str, ...]:
    """Every word of the templates and their fillings, each once."""
    answers = [wording for wordings in ANSWERS.values() for wording in wordings]
    templates = [*REQUESTS, *answers, *ON_A_DAY, *CHANGES, *ASIDES, *REPLIES, SUMMARY]
    written = [word for word in " ".join(templates).split() if "{" not in word]
    fillings = [*NAMES, *VERBS, *THINGS, *OUTCOMES, "says"]
    return tuple(dict.fromkeys([":", "|", *fillings, *written]))


WORDS = _words()
