"""Sentences whose sentiment takes grammar to know, not only the words in them.

    honestly the old hotel was not very good                              negative
    the soup was dull but the long film was really lovely                 positive
    although the soup was lovely , the hotel was not great                negative
    the film was not bad although the music was awful                     positive

Half of the sentences have one clause: its adjective decides, turned round by "not".
The others have two clauses of opposite sentiment, and the one that "although" does not
introduce decides; before "but" stands what is only granted. Openings, descriptions such
as "old", and degrees such as "very" say nothing.

The label is a function of the sentence: the best accuracy is 1, or 1 - label_noise.
Chance is 1/2. No classifier of bags of words, whatever it computes, can be expected to do
better than 0.75: it may be right on single clauses, but two clauses that change places
are the same bag, as likely, and of the opposite label.

For pretraining without labels take the sentences of a larger training part, which share
none with the test: draw(20_000, 500, rng=rng), and fine-tune on some of them.
"""

from dataclasses import dataclass

import numpy as np

from minillm.data.tasks.drawing import pick, train_and_test

Example = tuple[str, int]

CLASSES = ("negative", "positive")
BAG_OF_WORDS = 0.75  # what no classifier of bags of words exceeds

THINGS = (
    *("film", "book", "hotel", "soup", "music", "room"),
    *("play", "story", "dinner", "garden", "concert", "market"),
)
DESCRIPTIONS = ("", "old", "new", "long", "small", "famous")
DEGREES = ("", "very", "really", "quite", "so")
ADJECTIVES = (
    ("bad", "dull", "awful", "ugly", "boring", "sad"),
    ("good", "great", "lovely", "nice", "fine", "funny"),
)
OPENINGS = ("", "honestly", "yesterday", "today", "once", "perhaps", "frankly", "now")
JOINED = {  # and which of the two clauses decides
    "{0} but {1}": 1,
    "although {0} , {1}": 1,
    "{0} although {1}": 0,
}


@dataclass(frozen=True)
class Clause:
    """The soup was not very good."""

    thing: str
    description: str
    negated: bool
    degree: str
    adjective: str

    @property
    def positive(self) -> bool:
        return (self.adjective in ADJECTIVES[True]) != self.negated

    def text(self) -> str:
        words = ["the", self.description, self.thing, "was", "not" * self.negated]
        return " ".join(filter(None, [*words, self.degree, self.adjective]))


@dataclass(frozen=True)
class Sentence:
    """One clause, or two that are joined."""

    opening: str
    clauses: tuple[Clause, ...]
    joined: str = "{0}"

    def text(self) -> str:
        clauses = self.joined.format(*[clause.text() for clause in self.clauses])
        return f"{self.opening} {clauses}".strip()

    @property
    def label(self) -> int:
        return int(self.clauses[JOINED.get(self.joined, 0)].positive)


def draw(
    n_train: int, n_test: int, *, rng: np.random.Generator, label_noise: float = 0.0
) -> tuple[list[Example], list[Example]]:
    """Pairs (sentence, label) of which no two have the same sentence: train, and test.

    label is a place in CLASSES. With label_noise each label, of the test too, is the
    wrong one with that probability; the best accuracy to be expected is 1 - label_noise.
    Errors: ValueError for label_noise outside [0, 0.5].
    """
    if not 0 <= label_noise <= 0.5:
        raise ValueError(f"label_noise {label_noise}: give 0 to 0.5")
    parts = train_and_test(sentence, Sentence.text, n_train, n_test, rng)
    train, test = (
        [(one.text(), one.label ^ int(rng.random() < label_noise)) for one in part]
        for part in parts
    )
    return train, test


def sentence(rng: np.random.Generator) -> Sentence:
    """A sentence with every choice uniform, among clauses of the sentiment it needs."""
    first = _clause(rng, bool(rng.integers(2)))
    opening = pick(rng, OPENINGS)
    if rng.integers(2):
        return Sentence(opening, (first,))
    second = _clause(rng, not first.positive)
    return Sentence(opening, (first, second), pick(rng, list(JOINED)))


def _clause(rng: np.random.Generator, positive: bool) -> Clause:
    negated = bool(rng.integers(2))
    return Clause(
        pick(rng, THINGS),
        pick(rng, DESCRIPTIONS),
        negated,
        pick(rng, DEGREES),
        pick(rng, ADJECTIVES[positive != negated]),
    )


WORDS = (
    *("the", "was", "not", "but", "although", ","),
    *THINGS,
    *filter(None, DESCRIPTIONS + DEGREES + OPENINGS),
    *ADJECTIVES[False],
    *ADJECTIVES[True],
)
