"""What a run learns from, read from its text: running text, or a pair a line.

classify     text<TAB>label
tag          word/TAG word/TAG ...
translate    source<TAB>target
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from minillm.data import Split, split_tail

HELD_OUT = 0.1  # of the examples
LEAST = 10  # examples

Pair = tuple[str, str]


@dataclass(frozen=True)
class Pairs:
    """Questions and answers: what a model learns from, and what it is judged by.

    For tags both are words, parted by single spaces, as many of one as of the other.
    """

    train: list[Pair]
    valid: list[Pair]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The answers, or where they are several words all that stand in them."""
        return tuple(sorted({name for _, answer in self.train for name in answer.split()}))

    @cached_property
    def class_ids(self) -> dict[str, int]:
        """The place of each class among all."""
        return {name: i for i, name in enumerate(self.classes)}


Material = Split | Pairs


def tab_separated(left: str, right: str) -> Callable[[str], Pair]:
    """Reads a line of two parts, which a tab parts."""

    def parse(line: str) -> Pair:
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) != 2 or not all(parts):
            what = "an empty part" if len(parts) == 2 else f"{len(parts) - 1} tabs"
            raise ValueError(f"has {what}: give {left}<TAB>{right}")
        return parts[0], parts[1]

    return parse


def tagged(line: str) -> Pair:
    """Reads a line of word/TAG; a word may hold slashes, a tag none."""
    parts = [token.rpartition("/") for token in line.split()]
    for word, _, tag in parts:
        if not (word and tag):
            raise ValueError(f"has {f'{word}/{tag}'.strip('/')!r:.80}: give word/TAG")
    return " ".join(word for word, _, _ in parts), " ".join(tag for _, _, tag in parts)


def labelled(line: str) -> Pair:
    """Reads a line of a text and its label, which is one word."""
    text, label = tab_separated("text", "label")(line)
    if len(label.split()) > 1:
        raise ValueError(f"has the label {label!r:.80}: give one word")
    return text, label


PARSERS: Mapping[str, Callable[[str], Pair]] = {
    "classify": labelled,
    "tag": tagged,
    "translate": tab_separated("source", "target"),
}


def parse(objective: str, text: str, name: str) -> Material:
    """The text of the file or task called `name`, as an objective reads it.

    Raises ValueError that gives the line which is not as it should be.
    """
    if objective not in PARSERS:
        return split_tail(text)
    numbered = _numbered(text, PARSERS[objective], name)
    pairs = _split(list(numbered.values()), name)
    if objective != "translate":
        _check_classes(pairs, numbered, name)
    return pairs


def _numbered(text: str, parser: Callable[[str], Pair], name: str) -> dict[int, Pair]:
    """Each line's pair by the number of the line; blank lines are nothing."""
    pairs = {}
    for i, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                pairs[i] = parser(line)
            except ValueError as error:
                raise ValueError(f"{name}: line {i} {error}") from None
    return pairs


def _split(pairs: list[Pair], name: str) -> Pairs:
    """Hold out the last tenth, and of that only what training does not ask."""
    if len(pairs) < LEAST:
        raise ValueError(f"{name} holds {len(pairs)} examples: give at least {LEAST}")
    cut = len(pairs) - max(1, round(HELD_OUT * len(pairs)))
    asked = {question for question, _ in pairs[:cut]}
    valid = [pair for pair in pairs[cut:] if pair[0] not in asked]
    if not valid:
        raise ValueError(
            f"{name}: its last {len(pairs) - cut} examples, which are held out, all stand "
            "before them too: give others"
        )
    return Pairs(pairs[:cut], valid)


def _check_classes(pairs: Pairs, numbered: Mapping[int, Pair], name: str) -> None:
    known = pairs.classes
    if len(known) < 2:
        raise ValueError(
            f"{name}: {known[0]!r:.80} is the only label to learn: give at least two"
        )
    for i, (_, answer) in numbered.items():
        for label in answer.split():
            if label not in pairs.class_ids:
                raise ValueError(
                    f"{name}: line {i} is held out and has the label {label!r:.80}, which "
                    "no line to learn from has: shuffle the lines"
                )
