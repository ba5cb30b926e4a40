"""Padding fills rows up, and the mask says where."""

from hypothesis import given
from hypothesis import strategies as st

from minillm.data import pad

sequences = st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=6)


@given(sequences, st.integers(-100, 9))
def test_every_row_is_its_sequence_and_then_padding_up_to_the_longest(some, pad_id):
    """Whatever pads: an id that occurs in a text too is told apart by the mask alone."""
    ids, mask = pad(some, pad_id)
    longest = max(map(len, some))
    assert ids.shape == mask.shape == (len(some), longest)
    for row, has, sequence in zip(ids.tolist(), mask.tolist(), some, strict=True):
        n, rest = len(sequence), longest - len(sequence)
        assert row == sequence + [pad_id] * rest
        assert has == [True] * n + [False] * rest
