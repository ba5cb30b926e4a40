"""Special tokens: strings like <|endoftext|> that stand for one id and nothing else.

They are control signals, so text from outside must not be able to forge them: a
string that looks like one is ordinary text unless the caller allows that token.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

from minillm.tokenizers.pretokenize import Splitter
from minillm.tokenizers.valid_text import check_text, short

Allowed = Collection[str] | Literal["all"]

_SLICE = 1 << 14  # characters of a long text that are looked at together


def check_special_tokens(texts: object) -> tuple[str, ...]:
    """The special tokens as a tuple; ValueError unless non-empty, distinct strings."""
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise ValueError(f"special_tokens must be a collection of str, not {short(texts)}")
    checked: dict[str, None] = {}  # a set that keeps the order
    for text in texts:
        if check_text(text, "a special token") == "":
            raise ValueError("a special token must not be the empty string")
        if text in checked:
            raise ValueError(f"the special token {short(text)} is given twice")
        checked[text] = None
    return tuple(checked)


def allowed_tokens(allowed: object, known: Collection[str]) -> Collection[str]:
    """Which special tokens to recognise: "all", or a collection of known ones."""
    if allowed == "all":
        return known
    if isinstance(allowed, str) or not isinstance(allowed, Iterable):
        raise ValueError(
            f'allowed_special must be "all" or a collection of str, not {short(allowed)}'
        )
    chosen = list(allowed)
    for text in chosen:
        if text not in known:
            raise ValueError(
                f"allowed_special names {short(text)}, which is no special token of this "
                f"tokenizer: it has {sorted(known)}"
            )
    return chosen


def words_and_specials(
    texts: Iterable[str], specials: Collection[str]
) -> Iterator[tuple[list[str], str]]:
    """The texts, as if joined: yields (words, special token that follows them or "").

    Words never reach across a special token. Memory holds a slice of the text, the
    last two words and the longest special token.
    """
    splitter = Splitter()
    for part, special in _parts(_slices(texts), specials):
        words = splitter.push(part)
        yield words + splitter.finish() if special else words, special
    yield splitter.finish(), ""


def _slices(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for start in range(0, len(text), _SLICE):
            yield text[start : start + _SLICE]


def _parts(slices: Iterable[str], specials: Collection[str]) -> Iterator[tuple[str, str]]:
    """Ordinary text, each part with the special token that ends it or "".

    Of tokens that begin at one place the longest wins. A match is decided once the
    longest token would have fitted there, so later beginnings wait for more text.
    """
    if not specials:
        yield from ((text, "") for text in slices)
        return
    longest_first = sorted(specials, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    rest = ""
    for piece in slices:
        rest += piece
        parts, rest = _cut(rest, pattern, len(rest) - len(longest_first[0]) + 1)
        yield from parts
    parts, _ = _cut(rest, pattern, len(rest))
    yield from parts


def _cut(
    text: str, pattern: re.Pattern[str], decided: int
) -> tuple[list[tuple[str, str]], str]:
    """Cut at the matches that begin before `decided`; also return what is undecided."""
    parts, start = [], 0
    for match in pattern.finditer(text):
        if match.start() >= decided:
            break
        parts.append((text[start : match.start()], match.group()))
        start = match.end()
    end = max(start, decided)
    return [*parts, (text[start:end], "")], text[end:]
