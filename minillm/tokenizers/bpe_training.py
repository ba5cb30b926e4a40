"""Learn merges from counted words: the training half of byte-pair encoding.

Byte-pair encoding (Gage 1994; for words Sennrich et al. 2016, sec. 3.2, alg. 1; on bytes
Radford et al. 2019, sec. 2.2) repeats: count adjacent pairs of tokens over all words,
merge the commonest pair everywhere, from left to right.

The incremental form gives the same merges without counting again. A merge changes
counts only beside the places where it happens, so it visits only the words that hold
its pair, and adds and subtracts there. A pair's count can grow only in the step that
makes the younger of its two tokens; from then on it falls. So a heap entry never
promises too little: if its count is out of date, the pair goes back with the true one.
"""

from collections import defaultdict
from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from itertools import pairwise

from minillm.tokenizers.merging import Pair


def learn_merges(word_counts: Mapping[str, int], n_merges: int) -> list[Pair]:
    """The first n_merges merges, or fewer if every word has become one token.

    Tokens are numbers: 0 to 255 the bytes, 256 + i what merge i makes. A pair's count
    is the number of places where it stands (in "aaa" the pair (a, a) stands twice).
    Ties: of pairs that are equally common, the smallest (left, right) by number.
    """
    words = [list(word.encode()) for word in word_counts]
    pairs = _Pairs(words, list(word_counts.values()))
    merges: list[Pair] = []
    while len(merges) < n_merges and (pair := pairs.pop_commonest()):
        pairs.merge(pair, 256 + len(merges))
        merges.append(pair)
    return merges


class _Pairs:
    """How often each pair stands in the words, kept up to date while they merge."""

    def __init__(self, words: list[list[int]], repeats: list[int]) -> None:
        self.words, self.repeats = words, repeats
        self.count: defaultdict[Pair, int] = defaultdict(int)
        self.holders: defaultdict[Pair, set[int]] = defaultdict(set)  # words by index
        for index, word in enumerate(words):
            for pair in pairwise(word):
                self.count[pair] += repeats[index]
                self.holders[pair].add(index)
        self.heap = [(-count, pair) for pair, count in self.count.items()]
        heapify(self.heap)

    def pop_commonest(self) -> Pair | None:
        """The commonest pair, smallest first among equals; None if no pair is left."""
        while self.heap:
            promised, pair = heappop(self.heap)
            if -promised == (true := self.count[pair]):
                return pair
            if true > 0:
                heappush(self.heap, (-true, pair))
        return None

    def merge(self, pair: Pair, new: int) -> None:
        """Replace pair by the token `new` in every word that holds it."""
        born: set[Pair] = set()
        for index in self.holders.pop(pair):
            for beside in self._merge_in_word(index, pair, new):
                self.holders[beside].add(index)
                born.add(beside)
        del self.count[pair]
        for beside in born:
            if self.count[beside] > 0:  # zero if the next place merged it away again
                heappush(self.heap, (-self.count[beside], beside))

    def _merge_in_word(self, index: int, pair: Pair, new: int) -> list[Pair]:
        """Merge in one word, move the counts beside each place; return the new pairs."""
        word, repeats, count = self.words[index], self.repeats[index], self.count
        left, right = pair
        born = []
        i = 0
        while i < len(word) - 1:
            if word[i] == left and word[i + 1] == right:
                if i > 0:
                    count[word[i - 1], left] -= repeats
                    count[word[i - 1], new] += repeats
                    born.append((word[i - 1], new))
                if i + 2 < len(word):
                    count[right, word[i + 2]] -= repeats
                    count[new, word[i + 2]] += repeats
                    born.append((new, word[i + 2]))
                word[i : i + 2] = [new]
            i += 1
        return born
