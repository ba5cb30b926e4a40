"""Pre-tokenization: cut text into words, which merges never cross.

The cut is GPT-2's (Radford et al. 2019, sec. 2.2, and the pattern in their code):

    's|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+

where L and N are Unicode's letters and numbers and \\s is its White_Space property.
Python's `re` knows no \\p{...}, and its own \\s wrongly holds U+001C to U+001F. So
text beyond ASCII is cut along its *shadow*: the same text with every character
beyond ASCII replaced by an ASCII one of its class. The shadow has the same length, so
where the ASCII pattern cuts the shadow is where GPT-2's cuts the text.
"""

import re
import unicodedata
from functools import lru_cache

LETTER, NUMBER, SPACE, OTHER = "a", "0", "\t", "!"
"""The four shadows: none of them could become part of "'s", "'re" or the " ?"."""

_SPACES = "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)  # White_Space beyond ASCII

_S = r"\t-\r "  # White_Space in ASCII, for use inside brackets
# GPT-2's alternatives in ASCII; the commonest goes first, as it and '... exclude each other
_ASCII_PATTERN = re.compile(
    r" ?[A-Za-z]+"
    r"|'(?:[stmd]|re|ve|ll)"
    r"| ?[0-9]+"
    rf"| ?[^{_S}A-Za-z0-9]+"
    rf"|[{_S}]+(?![^{_S}])"
    rf"|[{_S}]+"
)


@lru_cache(maxsize=1)
def shadows() -> str:
    """The shadow of every code point, as one string; made when first needed (0.1 s)."""
    by_initial = {"L": LETTER, "N": NUMBER}
    table = [
        by_initial.get(category[0], OTHER)
        for category in map(unicodedata.category, map(chr, range(0x110000)))
    ]
    for space in _SPACES:
        table[ord(space)] = SPACE
    table[:128] = map(chr, range(128))
    return "".join(table)


def split(text: str) -> list[str]:
    """The words of text, in order; joined they are the text again."""
    if text.isascii():
        return _ASCII_PATTERN.findall(text)
    shadow = text.translate(shadows())
    return [text[m.start() : m.end()] for m in _ASCII_PATTERN.finditer(shadow)]


class Splitter:
    """split() for text that arrives in pieces, in bounded memory.

    The rule: whatever is appended to a text can change its last two words and no
    others. A run of one class may go on (the last word), a run of spaces gives its
    last space to the word that follows it (the last word), and "'" + "r" may become
    "'re" (the last two). All other words were ended by a character that is already
    there. So all words but the last two are settled.

    Memory holds the last two words and about `block` characters.
    """

    def __init__(self, block: int = 1 << 14) -> None:
        self._block = block
        self._pieces: list[str] = []
        self._size, self._wanted = 0, block

    def push(self, piece: str) -> list[str]:
        """Take a piece; return the words that are settled now and were not before."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size < self._wanted:
            return []
        words = split("".join(self._pieces))
        self._pieces = words[-2:]
        self._size = sum(map(len, self._pieces))
        self._wanted = max(self._block, 2 * self._size)  # a long word: rescan rarely
        return words[:-2]

    def finish(self) -> list[str]:
        """The text ends here: return the words that are left, and start anew."""
        words = split("".join(self._pieces))
        self._pieces, self._size, self._wanted = [], 0, self._block
        return words
