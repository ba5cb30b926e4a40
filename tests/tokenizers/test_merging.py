from hypothesis import given
from hypothesis import strategies as st

from minillm.tokenizers.merging import _merge_long, _merge_short, merge_word


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


@st.composite
def merge_tables(draw):
    """Merges over three bytes: each joins tokens made before it."""
    merges = {}
    for new in range(256, 256 + draw(st.integers(0, 12))):
        made = st.sampled_from([97, 98, 99, *range(256, new)])
        merges.setdefault((draw(made), draw(made)), new)
    return merges


words = st.lists(st.sampled_from([97, 98, 99]), max_size=30)


@given(words, merge_tables())
def test_short_and_long_words_are_merged_as_defined(word, merges):
    expected = one_merge_after_another(word, merges)
    assert _merge_short(word, merges) == expected
    assert _merge_long(word, merges) == expected


def test_the_left_of_overlapping_places_is_merged():
    merges = {(97, 97): 256}
    assert _merge_short([97] * 5, merges) == [256, 256, 97]
    assert _merge_long([97] * 5, merges) == [256, 256, 97]


def test_a_long_word_takes_time_in_proportion():
    """Each lookup is counted: a quadratic merge of 20,000 parts would need 10^8."""

    class Counting(dict):
        lookups = 0

        def get(self, key, default=None):
            Counting.lookups += 1
            return super().get(key, default)

        def __contains__(self, key):
            Counting.lookups += 1
            return super().__contains__(key)

    merges = Counting({(97, 97): 256, (256, 256): 257, (257, 257): 258})
    assert merge_word([97] * 20_000, merges) == [258] * 2500
    assert Counting.lookups < 8 * 20_000
