"""Apply learned merges to one word: the encoding half of byte-pair encoding.

Merges are applied in the order in which they were learned, each from left to right
(Sennrich et al. 2016, sec. 3.2). A token is known by its number: 0 to 255 are the
bytes, 256 + i is what merge i makes. So the earliest merge is the one that makes the
smallest number, and what it makes can only take part in later ones.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise, repeat

Pair = tuple[int, int]

_SHORT = 64  # below this many parts a plain search is faster than a heap
_NOTHING = 1 << 62  # greater than any token number: the pair has no merge
_GONE = -1


def merge_word(word: Sequence[int], merges: dict[Pair, int]) -> list[int]:
    """The tokens of a word that is given as bytes. merges: pair -> number it makes.

    Time grows as n log n with the length of the word.
    """
    short = len(word) < _SHORT
    return _merge_short(word, merges) if short else _merge_long(word, merges)


def _merge_short(word: Sequence[int], merges: dict[Pair, int]) -> list[int]:
    """While there is a pair with a merge: apply the earliest, at its leftmost place."""
    parts = list(word)
    makes = list(map(merges.get, pairwise(parts), repeat(_NOTHING)))
    while makes and (new := min(makes)) != _NOTHING:
        i = makes.index(new)
        parts[i : i + 2] = [new]
        del makes[i]
        if i > 0:
            makes[i - 1] = merges.get((parts[i - 1], new), _NOTHING)
        if i < len(makes):
            makes[i] = merges.get((new, parts[i + 1]), _NOTHING)
    return parts


def _merge_long(word: Sequence[int], merges: dict[Pair, int]) -> list[int]:
    """The same order from a heap of (number, place), over a doubly linked list."""
    parts, end = list(word), len(word)
    before, after = list(range(-1, end - 1)), list(range(1, end + 1))
    heap = [(merges[p], i) for i, p in enumerate(pairwise(parts)) if p in merges]
    heapify(heap)
    while heap:
        new, i = heappop(heap)
        j = after[i]
        if j == end or merges.get((parts[i], parts[j])) != new:
            continue  # an earlier merge took one of the two
        parts[i], parts[j] = new, _GONE
        h, k = before[i], after[j]
        after[i] = k
        if k < end:
            before[k] = i
            if (new, parts[k]) in merges:
                heappush(heap, (merges[new, parts[k]], i))
        if h >= 0 and (parts[h], new) in merges:
            heappush(heap, (merges[parts[h], new], h))
    return [part for part in parts if part != _GONE]
