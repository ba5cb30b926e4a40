"""Sentences with names of persons, places and organisations, to be tagged.

    sentence  today jordan smith flew from paris to port sydney
    tags      O B-person I-person O O B-place O B-place I-place

    sentence  the baker of florence wrote to paris bank
    tags      O O O B-place O O B-organisation I-organisation

A name begins with B and goes on with I; O is outside (Ramshaw & Marcus 1995, as in CoNLL
2003). Half of the names begin with a word that may name any of the three (jordan, paris,
...), and family names are also ordinary words (the baker), so that a word has to be read
in its sentence. Where it stands decides: the best score is 1.

The baseline is each word's most frequent tag (most_frequent_tags): over three seeds it
had 0.84 of the tokens right, but found entities with an F1 of only 0.48 to 0.50
(entity_scores.py). To say O always is right for 0.60 of the tokens, and finds nothing.

For pretraining without tags take the sentences of a larger training part, as in
sentiment.py.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from minillm.data.tasks.drawing import pick, train_and_test

Tags = tuple[int, ...]
Example = tuple[str, Tags]

KINDS = ("person", "place", "organisation")
TAGS = ("O", *(f"{begin}-{kind}" for kind in KINDS for begin in "BI"))
OUTSIDE = 0

ANY = ("jordan", "paris", "sydney", "florence", "chelsea", "austin", "lincoln", "victoria")
PERSONS = ("anna", "ben", "clara", "david", "eva", "felix", "greta", "henry")
FAMILIES = ("smith", "baker", "hill", "young", "cook", "king", "brook", "gardener")
PLACES = ("london", "rome", "oslo", "cairo", "lima", "vienna", "tokyo", "boston")
COMPANIES = ("acme", "globex", "umbra", "vertex", "nordic", "quantum", "apex", "zenith")
COMPANY_ENDS = ("bank", "motors", "airlines")
PEOPLE = ("baker", "king", "cook", "gardener", "mayor")  # ordinary words
OPENINGS = (
    *("", "yesterday", "today", "once", "recently"),
    *("on monday", "in spring", "last year", "people say", "we hear that"),
)
TEMPLATES = (
    "{person} lives in {place}",
    "{person} works for {organisation}",
    "{person} met {person} in {place}",
    "{person} flew from {place} to {place}",
    "{person} sold the bank to {organisation}",
    "{organisation} opened an office in {place}",
    "{organisation} hired {person}",
    "{place} is a town near {place}",
    "the {people} of {place} wrote to {organisation}",
    "the young {people} thanked {person}",
    "a hill near {place} belongs to {organisation}",
    "shares of {organisation} rose after {person} left",
)


def draw(
    n_train: int, n_test: int, *, rng: np.random.Generator
) -> tuple[list[Example], list[Example]]:
    """Pairs (sentence, tags) of which no two have the same sentence: train, and test.

    tags has a place in TAGS for each word.
    """
    return train_and_test(example, lambda pair: pair[0], n_train, n_test, rng)


def example(rng: np.random.Generator) -> Example:
    """A sentence and its tags: every template as likely, as is every opening."""
    words: list[str] = []
    tags: list[int] = []
    for part in f"{pick(rng, OPENINGS)} {pick(rng, TEMPLATES)}".split():
        kind = part.strip("{}")
        if part == "{people}":
            part = pick(rng, PEOPLE)
        name = _name(kind, rng) if kind in KINDS else [part]
        begin = TAGS.index(f"B-{kind}") if kind in KINDS else OUTSIDE
        words += name
        tags += [begin] + [begin + 1] * (len(name) - 1)
    return " ".join(words), tuple(tags)


def _name(kind: str, rng: np.random.Generator) -> list[str]:
    """A name of one to three words."""
    form = rng.integers(2)
    if kind == "person":
        first = _first(PERSONS, rng)
        return [first, pick(rng, FAMILIES)] if form else [first]
    if kind == "place":
        place = _first(PLACES, rng)
        return ["port", place] if form else [place]
    if form and rng.integers(3) == 0:
        return ["university", "of", _first(PLACES, rng)]
    company = _first(COMPANIES, rng)
    return [company, pick(rng, COMPANY_ENDS)] if form else [company]


def _first(names: tuple[str, ...], rng: np.random.Generator) -> str:
    return pick(rng, ANY if rng.integers(2) else names)


def most_frequent_tags(examples: Iterable[Example]) -> dict[str, int]:
    """Each word's most frequent tag: what can be known without reading the sentence."""
    counts: dict[str, Counter[int]] = {}
    for text, tags in examples:
        for word, tag in zip(text.split(), tags, strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    return {word: counter.most_common(1)[0][0] for word, counter in counts.items()}


WORDS = tuple(
    dict.fromkeys(
        [*ANY, *PERSONS, *FAMILIES, *PLACES, *COMPANIES, *COMPANY_ENDS, *PEOPLE]
        + ["port", "university", "of"]
        + [word for word in " ".join(OPENINGS + TEMPLATES).split() if "{" not in word]
    )
)
