"""Remember the ids of words: a few thousand words make most of any text."""

from collections.abc import Sequence

from minillm.tokenizers.merging import Pair, merge_word

_MAX_WORDS = 1 << 16
_MAX_LENGTH = 64  # longer words hardly ever come back


class WordCache(dict[str, tuple[int, ...]]):
    """cache[word] is the ids of a word, made when first asked for.

    Only speed depends on what it holds, so threads may share it, and when it is full it
    simply starts anew.
    """

    def __init__(self, merges: Sequence[Pair], ids: Sequence[int]) -> None:
        super().__init__()
        self._merges = {pair: 256 + i for i, pair in enumerate(merges)}
        self._ids = ids

    def __missing__(self, word: str) -> tuple[int, ...]:
        numbers = merge_word(word.encode(), self._merges)
        ids = tuple([self._ids[number] for number in numbers])
        if len(word) <= _MAX_LENGTH:
            if len(self) >= _MAX_WORDS:
                self.clear()
            self[word] = ids
        return ids
