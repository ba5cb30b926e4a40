"""The cache gives back what it was given, in order, and never more than fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.layers import KVCache
from tests.strategies import rngs, unequal_sizes


@given(rngs, unequal_sizes(4), st.data())
def test_in_whatever_pieces_it_comes_it_is_all_there(rng, sizes, data):
    batch, n_kv_heads, seq_len, d_head = sizes
    k, v = rng.normal(size=(2, batch, n_kv_heads, seq_len, d_head))
    cuts = sorted(data.draw(st.sets(st.integers(0, seq_len))) | {seq_len})
    cache, start = KVCache(seq_len), 0
    for stop in cuts:
        k_all, v_all = cache.extend(k[:, :, start:stop], v[:, :, start:stop])
        assert len(cache) == stop
        assert_array_equal(k_all, k[:, :, :stop])
        assert_array_equal(v_all, v[:, :, :stop])
        start = stop


@given(rngs, st.integers(1, 6), st.integers(1, 12))
def test_more_than_fits_is_refused_and_nothing_is_appended(rng, room, n_new):
    k, v = rng.normal(size=(2, 1, 2, room, 3))
    cache = KVCache(room)
    cache.extend(k[:, :, :-1], v[:, :, :-1])
    if n_new > 1:
        with pytest.raises(
            ValueError, match=f"seq_len {room - 1 + n_new} exceeds .* {room}"
        ):
            cache.extend(*np.ones((2, 1, 2, n_new, 3)))
    assert len(cache) == room - 1
    k_all, v_all = cache.extend(k[:, :, -1:], v[:, :, -1:])
    assert_array_equal(k_all, k)
    assert_array_equal(v_all, v)


def test_room_is_made_once_in_the_dtype_of_what_comes():
    cache = KVCache(8)
    first, _ = cache.extend(*np.ones((2, 1, 2, 3, 4), np.float32))
    second, _ = cache.extend(*np.ones((2, 1, 2, 5, 4), np.float32))
    assert first.dtype == np.float32
    assert np.shares_memory(first, second)


def test_another_batch_cannot_continue_a_cache():
    cache = KVCache(8)
    cache.extend(*np.ones((2, 3, 2, 1, 4)))
    with pytest.raises(ValueError, match=r"batch 1 .* 3"):
        cache.extend(*np.ones((2, 1, 2, 1, 4)))
    assert len(cache) == 1
