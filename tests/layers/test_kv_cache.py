"""The cache gives back what it was given, in order, and never more than fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.layers import CrossCache, KVCache, Memory
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


@given(rngs, unequal_sizes(4, smallest=2), st.data())
def test_sequences_can_be_chosen_and_doubled_and_each_goes_on_alone(rng, sizes, data):
    """As beams do, which share a beginning."""
    batch, n_kv_heads, seq_len, d_head = sizes
    k, v = rng.normal(size=(2, batch, n_kv_heads, seq_len, d_head))
    rows = np.array(data.draw(st.lists(st.integers(0, batch - 1), min_size=1, max_size=6)))
    cache = KVCache(seq_len)
    cache.extend(k[:, :, :-1], v[:, :, :-1])
    cache.select(rows)
    last = rng.normal(size=(2, len(rows), n_kv_heads, 1, d_head))
    k_all, v_all = cache.extend(*last)
    assert_array_equal(k_all, np.concatenate((k[rows, :, :-1], last[0]), 2))
    assert_array_equal(v_all, np.concatenate((v[rows, :, :-1], last[1]), 2))


@given(rngs, unequal_sizes(5), st.data())
def test_a_text_that_is_kept_keeps_its_source_and_what_may_be_read_of_it(rng, sizes, data):
    batch, n_heads, n_source, n_target, d_head = sizes
    k, v = rng.normal(size=(2, batch, n_heads, n_source, d_head))
    own = rng.normal(size=(2, batch, n_heads, n_target, d_head))
    mask = rng.random((batch, 1, 1, n_source)) < 0.5
    rows = np.array(data.draw(st.lists(st.integers(0, batch - 1), min_size=1, max_size=6)))
    cache = CrossCache(KVCache(n_target), Memory(k, v, mask))
    cache.own.extend(*own)
    cache.select(rows)
    assert len(cache) == n_target
    assert_array_equal(cache.memory.k, k[rows])
    assert_array_equal(cache.memory.v, v[rows])
    assert_array_equal(cache.memory.mask, mask[rows])
    k_own, _ = cache.own.extend(*np.zeros((2, len(rows), n_heads, 0, d_head)))
    assert_array_equal(k_own, own[0][rows])


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
