from hypothesis import given
from hypothesis import strategies as st

from minillm.tokenizers.merging import _merge_long, _merge_short, merge_word
from tests.strategies import rngs


def one_merge_after_another(parts, merges):
    """The definition: every merge in the order learned, from left to right."""
    for (left, right), new in sorted(merges.items(), key=lambda item: item[1]):
        merged = []
        for part in parts:
            if merged and merged[-1] == left and part == right:
                merged[-1] = new
            else:
                merged.append(part)
        parts = merged
    return parts


def draw_merges(rng, n):
    """Up to n merges over three bytes: each joins tokens made before it."""
    merges, made = {}, [0, 1, 97]
    for new in range(256, 256 + n):
        pair = tuple(rng.choice(made, 2).tolist())
        if pair not in merges:
            merges[pair] = new
            made.append(new)
    return merges


@given(rngs, st.integers(0, 30), st.integers(0, 12))
def test_short_and_long_words_are_merged_as_defined(rng, length, n_merges):
    merges = draw_merges(rng, n_merges)
    for _ in range(10):
        word = bytes(rng.choice([0, 1, 97], length).tolist())
        expected = one_merge_after_another(list(word), merges)
        assert _merge_short(word, merges) == expected
        assert _merge_long(word, merges) == expected


def test_the_left_of_overlapping_places_is_merged():
    merges = {(97, 97): 256}
    assert _merge_short([97] * 5, merges) == [256, 256, 97]
    assert _merge_long([97] * 5, merges) == [256, 256, 97]


def test_a_long_word_takes_time_in_proportion():
    """Each lookup of a pair is counted, and each comparison of numbers that merges make:
    n log n is 2 * 10^4 for 2000 parts, and n^2 is 4 * 10^6."""
    left = 10**5

    def count():
        nonlocal left
        left -= 1
        assert left > 0

    class Number(int):
        def __lt__(self, other):
            count()
            return int(self) < other

        def __gt__(self, other):
            count()
            return int(self) > other

    class Merges(dict):
        def get(self, key, default=None):
            count()
            return super().get(key, default)

        def __contains__(self, key):
            count()
            return super().__contains__(key)

    made = {(97, 97): 256, (256, 256): 257, (257, 257): 258}
    merges = Merges({pair: Number(new) for pair, new in made.items()})
    assert merge_word([97] * 2000, merges) == [258] * 250
