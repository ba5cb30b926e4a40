"""Translation between two small formal languages that differ in order and agreement.

    the small dogs see a red house today
    hodi li kani mini una casa rossa videnti

In the source an adjective stands before its noun and the verb between subject and
object; nouns and verbs have a number, and nothing has a gender. In the target the
adverb comes first and the verb last, an adjective stands after its noun, and articles,
nouns and adjectives agree in gender and number, which the ending shows: -o -a -i -e. The
gender belongs to the noun, so that an article is right only if the noun after it is
known, and the verb agrees with a subject on the other side of the object.

The translation is a function of the source: the best exact match is 1. There are 3.6
million sentences. No two have the same translation: the answer to another source, which
is what a model gives that does not read its own, has an exact match of 0.
"""

from dataclasses import dataclass

import numpy as np

from minillm.data.tasks.drawing import pick, train_and_test

Pair = tuple[str, str]

MASCULINE, FEMININE = 0, 1
ENDINGS = (("o", "i"), ("a", "e"))  # of a gender, in the singular and in the plural
ARTICLES = {"the": "l", "some": "un", "a": "un"}
NOUNS = {  # the target's stem, and its gender
    "dog": ("kan", MASCULINE),
    "cat": ("mits", FEMININE),
    "house": ("cas", FEMININE),
    "tree": ("bom", MASCULINE),
    "river": ("rek", FEMININE),
    "book": ("libr", MASCULINE),
    "stone": ("petr", FEMININE),
    "king": ("rey", MASCULINE),
    "queen": ("kralits", FEMININE),
    "boat": ("nav", MASCULINE),
}
ADJECTIVES = {
    "small": "min",
    "red": "ross",
    "new": "nov",
    "young": "jov",
    "white": "blank",
    "heavy": "pesant",
    "quiet": "tihh",
}
VERBS = {
    "see": "vid",
    "find": "trov",
    "love": "am",
    "carry": "port",
    "sell": "vend",
    "paint": "pint",
    "hide": "skond",
}
ADVERBS = {"today": "hodi", "often": "spess", "never": "nunk", "here": "qui"}


@dataclass(frozen=True)
class NounPhrase:
    """An article and a noun, perhaps with an adjective ("" if without)."""

    definite: bool
    adjective: str
    noun: str
    plural: bool

    def source(self) -> list[str]:
        article = "the" if self.definite else "some" if self.plural else "a"
        noun = self.noun + "s" * self.plural
        return [article, *([self.adjective] if self.adjective else []), noun]

    def target(self) -> list[str]:
        stem, gender = NOUNS[self.noun]
        stems = ["l" if self.definite else "un", stem]
        if self.adjective:
            stems.append(ADJECTIVES[self.adjective])
        return [stem + ENDINGS[gender][self.plural] for stem in stems]


@dataclass(frozen=True)
class Sentence:
    """Who does what to whom, perhaps with an adverb ("" if without)."""

    subject: NounPhrase
    verb: str
    object: NounPhrase
    adverb: str

    def source(self) -> str:
        verb = self.verb if self.subject.plural else third_person(self.verb)
        adverb = [self.adverb] if self.adverb else []
        return " ".join([*self.subject.source(), verb, *self.object.source(), *adverb])

    def target(self) -> str:
        verb = VERBS[self.verb] + ("enti" if self.subject.plural else "et")
        adverb = [ADVERBS[self.adverb]] if self.adverb else []
        return " ".join([*adverb, *self.subject.target(), *self.object.target(), verb])


def third_person(verb: str) -> str:
    return verb.removesuffix("y") + "ies" if verb.endswith("y") else verb + "s"


def _endings(stem: str) -> list[str]:
    return [stem + ending for pair in ENDINGS for ending in pair]


SOURCE_WORDS = (
    *ARTICLES,
    *(noun + ending for noun in NOUNS for ending in ("", "s")),
    *ADJECTIVES,
    *(form for verb in VERBS for form in (verb, third_person(verb))),
    *ADVERBS,
)
TARGET_WORDS = (
    *(word for article in ("l", "un") for word in _endings(article)),
    *(stem + ending for stem, gender in NOUNS.values() for ending in ENDINGS[gender]),
    *(word for stem in ADJECTIVES.values() for word in _endings(stem)),
    *(stem + ending for stem in VERBS.values() for ending in ("et", "enti")),
    *ADVERBS.values(),
)
WORDS = SOURCE_WORDS + TARGET_WORDS


def draw(
    n_train: int, n_test: int, *, rng: np.random.Generator
) -> tuple[list[Pair], list[Pair]]:
    """Pairs (source, target) of which no two have the same source: train, and test.

    Every choice in a sentence is uniform; an adjective or adverb may be left out.
    """
    return train_and_test(_pair, lambda pair: pair[0], n_train, n_test, rng)


def _pair(rng: np.random.Generator) -> Pair:
    subject, object_ = _noun_phrase(rng), _noun_phrase(rng)
    sentence = Sentence(subject, pick(rng, list(VERBS)), object_, pick(rng, ["", *ADVERBS]))
    return sentence.source(), sentence.target()


def _noun_phrase(rng: np.random.Generator) -> NounPhrase:
    definite, plural = rng.integers(2, size=2).astype(bool).tolist()
    return NounPhrase(
        definite, pick(rng, ["", *ADJECTIVES]), pick(rng, list(NOUNS)), plural
    )
